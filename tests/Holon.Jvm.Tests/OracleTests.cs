namespace Holon.Jvm.Tests;

/// <summary>Programs run here and on HotSpot: standard output, standard error and exit code have to be the same, in each tier.</summary>
public sealed class OracleTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Programs");

    private static readonly Lazy<string?> Classes = new(Compile);

    public static TheoryData<string> Names => [.. Directory.EnumerateFiles(Folder, "*.java").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    private static string? Compile()
    {
        if (!Commands.Have("javac", "java")) return null;
        var target = Path.Combine(AppContext.BaseDirectory, "classes");
        Commands.MustRun("javac", ["--release", "17", "-d", target, .. Directory.GetFiles(Folder, "*.java")]);
        return target;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_program_does_what_it_does_on_HotSpot(string name)
    {
        var classes = Classes.Value;
        if (classes == null) Assert.Skip("javac and java, which tell what is right, are not installed (openjdk-17-jdk-headless).");
        var expected = Commands.Run("java", "-cp", classes, name);
        foreach (var mode in (string[])["-Xmixed", "-Xint", "-Xcomp"])
        {
            var actual = Commands.Run(Commands.HolonJava, mode, "-cp", classes, name);
            Assert.Equal(expected.Output, actual.Output);
            Assert.Equal(expected.Error, actual.Error);
            Assert.Equal(expected.Code, actual.Code);
        }
    }
}
