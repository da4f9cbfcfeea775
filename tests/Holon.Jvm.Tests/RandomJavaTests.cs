using System.Text;

namespace Holon.Jvm.Tests;

/// <summary>Random programs print the same on HotSpot, in the interpreter, compiled at once, and as usual.</summary>
public sealed class RandomJavaTests
{
    private static bool All => Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";

    [Fact]
    public void Random_programs_do_in_each_tier_what_they_do_on_HotSpot()
    {
        if (!Commands.Have("javac", "java")) Assert.Skip("javac and java, which tell what is right, are not installed (openjdk-17-jdk-headless).");
        var first = int.Parse(Environment.GetEnvironmentVariable("HOLON_JAVA_SEED") ?? "1", System.Globalization.CultureInfo.InvariantCulture);
        var count = int.Parse(Environment.GetEnvironmentVariable("HOLON_JAVA_PROGRAMS") ?? (All ? "120" : "4"), System.Globalization.CultureInfo.InvariantCulture);
        const int together = 8;
        for (var seed = first; seed < first + count; seed += together) Compare(seed, Math.Min(together, first + count - seed));
    }

    private static void Compare(int seed, int count)
    {
        var folder = Directory.CreateTempSubdirectory("holon-random-java").FullName;
        try
        {
            var main = new StringBuilder("public class Main { public static void main(String[] a) { int rounds = Integer.parseInt(a[0]);\n");
            for (var i = seed; i < seed + count; i++)
            {
                File.WriteAllText(Path.Combine(folder, $"R{i}.java"), RandomJava.Write($"R{i}", i));
                main.Append($"R{i}.run(rounds);\n");
            }
            File.WriteAllText(Path.Combine(folder, "Main.java"), main.Append("} }\n").ToString());
            var (code, _, error) = Commands.Run("javac", ["-nowarn", "--release", "17", "-d", folder, .. Directory.GetFiles(folder, "*.java")]);
            Assert.True(code == 0, $"seeds from {seed}: {error}");
            Same(folder, seed, "-Xmixed", "2500");
            Same(folder, seed, "-Xcomp", "60");
            Same(folder, seed, "-Xint", "60");
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    private static void Same(string folder, int seed, string mode, string rounds)
    {
        var expected = Commands.Run("java", "-XX:-OmitStackTraceInFastThrow", "-cp", folder, "Main", rounds);
        var actual = Commands.Run(Commands.HolonJava, mode, "--trace-natives", "-cp", folder, "Main", rounds);
        Assert.True(expected.Output == actual.Output && expected.Code == actual.Code && actual.Error.Length == 0,
            $"{mode}, programs of seeds from {seed} (HOLON_JAVA_SEED={seed}): HotSpot ended with {expected.Code}, we with {actual.Code}; first difference:\n{Difference(expected.Output, actual.Output)}\n{actual.Error}");
    }

    private static string Difference(string expected, string actual)
    {
        var (a, b) = (expected.Split('\n'), actual.Split('\n'));
        var i = 0;
        while (i < a.Length && i < b.Length && a[i] == b[i]) i++;
        return $"{(i < a.Length ? a[i] : "(end)")}\n{(i < b.Length ? b[i] : "(end)")}";
    }
}
