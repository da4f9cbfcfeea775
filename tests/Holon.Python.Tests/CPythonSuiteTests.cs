using System.Diagnostics;

namespace Holon.Python.Tests;

/// <summary>
/// Modules of CPython's own test suite: each test that CPython passes here, Holon passes. <c>HOLON_TEST_ALL=1</c> runs the whole suite and
/// asks for a rate; <c>tests/cpython/run</c> does it by hand and says what fails.
/// </summary>
public class CPythonSuiteTests
{
    private const string CPython = "/usr/bin/python3.11", Suite = "/usr/lib/python3.11/test/test_grammar.py";

    /// <summary>What docs/python-tests.md promises of the whole suite.</summary>
    private const double PromisedRate = 0.65;

    public static TheoryData<string> Modules =>
    [
        "test_bisect", "test_bool", "test_configparser", "test_difflib", "test_exception_variations", "test_fractions", "test_genericpath", "test_gettext", "test_grammar",
        "test_htmlparser", "test_http_cookiejar", "test_named_expressions", "test_operator", "test_optparse", "test_pathlib", "test_sax", "test_smtpd", "test_string",
        "test_strptime", "test_syntax", "test_textwrap", "test_urlparse", "test_wave", "test_with",
    ];

    [Theory]
    [MemberData(nameof(Modules))]
    public void Holon_passes_what_CPython_passes(string module)
    {
        SkipWithoutSuite();
        var wanted = Run(CPython, [], module).Where(t => t.Value.StartsWith("pass", StringComparison.Ordinal)).Select(t => t.Key).ToList();
        Assert.NotEmpty(wanted);
        var ours = Run("dotnet", [Path.Combine(AppContext.BaseDirectory, "holon-python.dll")], module);
        Assert.Empty(wanted.Where(t => !ours.GetValueOrDefault(t, "").StartsWith("pass", StringComparison.Ordinal)).Select(t => t + ": " + ours.GetValueOrDefault(t, "did not run")));
    }

    [Fact]
    public void The_whole_suite_passes_at_the_promised_rate()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "takes half an hour; HOLON_TEST_ALL=1 runs it");
        SkipWithoutSuite();
        var root = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../.."));
        var runner = Path.Combine(root, "tests/cpython/run");
        Assert.SkipUnless(File.Exists(runner) && File.Exists(Path.Combine(root, "artifacts/python/holon-python")), "it needs the source tree, and the command: ./holon python -V");
        using (var run = Process.Start(new ProcessStartInfo(runner, ["--limit", "60"]))!)
            run.WaitForExit();
        using var report = Process.Start(new ProcessStartInfo(runner, ["--report"]) { RedirectStandardOutput = true })!;
        var last = report.StandardOutput.ReadToEnd().TrimEnd().Split('\n')[^1];
        var cells = last.Split('|', StringSplitOptions.TrimEntries).Select(c => c.Trim('*')).ToArray();
        var (tests, passed) = (int.Parse(cells[2], System.Globalization.CultureInfo.InvariantCulture), int.Parse(cells[3], System.Globalization.CultureInfo.InvariantCulture));
        Assert.True(passed >= PromisedRate * tests, last);
    }

    private static void SkipWithoutSuite() =>
        Assert.SkipUnless(File.Exists(CPython) && File.Exists(Suite), $"there is no {Suite}; it comes with: apt-get install python3.11 libpython3.11-testsuite");

    /// <summary>Outcome and reason of each test, by name.</summary>
    private static Dictionary<string, string> Run(string program, string[] before, string module)
    {
        var folder = Directory.CreateTempSubdirectory("holon-suite-");
        try
        {
            var lines = Path.Combine(folder.FullName, "lines.txt");
            var work = Directory.CreateDirectory(Path.Combine(folder.FullName, "work"));
            var start = new ProcessStartInfo(program, [.. before, Path.Combine(AppContext.BaseDirectory, "driver.py"), module, lines])
            {
                WorkingDirectory = work.FullName,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            start.Environment["PYTHONHASHSEED"] = "0";
            start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(File.Exists(lines), errors.Result);
            return File.ReadLines(lines).Select(l => l.Split('\t')).Where(f => f[0] is "pass" or "fail" or "skip").GroupBy(f => f[1]).ToDictionary(g => g.Key, g => g.Last()[0] + " " + g.Last().ElementAtOrDefault(2));
        }
        finally
        {
            folder.Delete(true);
        }
    }
}
