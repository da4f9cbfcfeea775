using System.Diagnostics;

namespace Holon.Python.Tests;

/// <summary>Every program in Programs/ prints the same, and ends the same, on CPython and on <c>holon-python</c>.</summary>
public class ProgramTests
{
    private const string CPython = "/usr/bin/python3.11";

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Programs");

    public static TheoryData<string> Programs => [.. Directory.GetFiles(Folder, "*.py").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_program_behaves_as_on_CPython(string name)
    {
        Assert.SkipUnless(File.Exists(CPython), $"there is no {CPython}; it comes with: apt-get install python3.11");
        var file = Path.Combine(Folder, name);
        var command = Path.Combine(AppContext.BaseDirectory, "holon-python.dll");
        Assert.Equal(Run(CPython, ["-I", "-X", "utf8", file]), Run("dotnet", [command, "-I", file]));
    }

    [Fact]
    public void A_program_that_uses_its_instructions_up_is_ended()
    {
        Assert.SkipUnless(File.Exists(CPython), $"the standard library comes with: apt-get install python3.11");
        var command = Path.Combine(AppContext.BaseDirectory, "holon-python.dll");
        var (_, errors, code) = Run("dotnet", [command, "-S", "--limit-instructions", "5000000", "-c", "while True: pass"]);
        Assert.True(code == 137, $"exit code {code}: {errors}");
    }

    private static (string Output, string Errors, int Code) Run(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // As in what is published: code that is not optimized keeps objects alive that nobody refers to any more, and programs see that.
        start.Environment["DOTNET_TC_QuickJitForLoops"] = "0";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (output, errors.Result, process.ExitCode);
    }
}
