using System.Diagnostics;

namespace Holon.Python.Tests.Tier1;

/// <summary>Compiled code does what the interpreter and CPython do: from the first call on, after a while, and never.</summary>
public class TierComparisonTests
{
    private const string CPython = "/usr/bin/python3.11";

    // Never; at once; in the midst of things.
    private static readonly string[] _thresholds = ["0", "1", "40"];

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Programs");

    private static bool IsLong => Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";

    public static TheoryData<string> Programs => [.. Directory.GetFiles(Folder, "*.py").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_program_behaves_as_on_CPython_when_everything_is_compiled(string name)
    {
        Assert.SkipUnless(File.Exists(CPython), $"there is no {CPython}; it comes with: apt-get install python3.11");
        Assert.SkipUnless(IsLong || name.StartsWith("tier1", StringComparison.Ordinal) || name is "classes.py" or "generators.py" or "exceptions.py" or "control.py", "the other programs run with --all");
        var file = Path.Combine(Folder, name);
        var expected = Run(CPython, ["-I", "-X", "utf8", file]);
        foreach (var threshold in IsLong ? _thresholds : ["1"])
            Assert.Equal(expected, Holon(threshold, file));
    }

    [Fact]
    public void Random_programs_behave_as_on_CPython()
    {
        Assert.SkipUnless(File.Exists(CPython), $"there is no {CPython}; it comes with: apt-get install python3.11");
        var first = int.TryParse(Environment.GetEnvironmentVariable("HOLON_PYTHON_SEED"), out var seed) ? seed : 1;
        var count = int.TryParse(Environment.GetEnvironmentVariable("HOLON_PYTHON_SEEDS"), out var seeds) ? seeds : IsLong ? 60 : 3;
        var file = Path.Combine(Path.GetTempPath(), $"holon-python-{Environment.ProcessId}.py");
        try
        {
            for (seed = first; seed < first + count; seed++)
            {
                File.WriteAllText(file, new RandomProgram(seed).Write(IsLong ? 60 : 30));
                var expected = Run(CPython, ["-I", "-X", "utf8", file]);
                Assert.True(expected.Code == 0, $"seed {seed}: {expected.Errors}");
                foreach (var threshold in _thresholds)
                {
                    var (output, errors, code) = Holon(threshold, file);
                    Assert.True(code == 0, $"seed {seed}, tier1={threshold}: {errors}");
                    var difference = expected.Output.Split('\n').Zip(output.Split('\n')).FirstOrDefault(lines => lines.First != lines.Second);
                    Assert.True(difference == default, $"seed {seed}, tier1={threshold}: CPython prints {difference.First}, Holon {difference.Second}");
                    Assert.Equal(expected.Output.Length, output.Length);
                }
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static (string Output, string Errors, int Code) Holon(string threshold, string file) =>
        Run("dotnet", [Path.Combine(AppContext.BaseDirectory, "holon-python.dll"), "-X", "tier1=" + threshold, "-I", file]);

    private static (string Output, string Errors, int Code) Run(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // A mistake of the compiler is an error here, not a reason to stay in the interpreter.
        start.Environment["HOLON_PYTHON_DEBUG"] = "1";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (output, errors.Result, process.ExitCode);
    }
}
