using System.Diagnostics;

namespace Holon.Jvm.Tests;

/// <summary>Programs run here and on HotSpot: standard output, standard error and exit code have to be the same.</summary>
public sealed class OracleTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Programs");

    private static readonly Lazy<string?> Classes = new(Compile);

    public static TheoryData<string> Programs => [.. Directory.EnumerateFiles(Folder, "*.java").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    private static (int Code, string Output, string Error) Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    private static bool Has(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(p => File.Exists(Path.Combine(p, program)));

    private static string? Compile()
    {
        if (!Has("javac") || !Has("java")) return null;
        var target = Path.Combine(AppContext.BaseDirectory, "classes");
        var (code, _, error) = Run("javac", ["--release", "17", "-d", target, .. Directory.GetFiles(Folder, "*.java")]);
        Assert.True(code == 0, error);
        return target;
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_program_does_what_it_does_on_HotSpot(string name)
    {
        var classes = Classes.Value;
        if (classes == null) Assert.Skip("javac and java, which tell what is right, are not installed (openjdk-17-jdk-headless).");
        var expected = Run("java", "-cp", classes, name);
        var actual = Run(Path.Combine(AppContext.BaseDirectory, "holon-java"), "-cp", classes, name);
        Assert.Equal(expected.Output, actual.Output);
        Assert.Equal(expected.Error, actual.Error);
        Assert.Equal(expected.Code, actual.Code);
    }
}
