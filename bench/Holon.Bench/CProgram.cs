using System.Diagnostics;

namespace Holon.Bench;

/// <summary>Programs in C that run natively and in guests alike: compiled statically, so that a guest needs nothing else.</summary>
internal static class CProgram
{
    /// <summary>Compiles sources with <c>gcc -O2 -static</c>.</summary>
    /// <param name="sources">A folder, of which all <c>.c</c> files are taken, or one file.</param>
    /// <param name="program">Where the program goes.</param>
    public static void Compile(string sources, string program)
    {
        var files = Directory.Exists(sources) ? Directory.GetFiles(sources, "*.c").Order(StringComparer.Ordinal) : (IEnumerable<string>)[sources];
        var (exitCode, _, errors) = Run("gcc", ["-O2", "-static", "-Wall", "-Werror", "-o", program, .. files], TimeSpan.FromMinutes(2));
        if (exitCode != 0) throw new BenchException($"gcc could not compile {sources}: {errors}");
    }

    /// <summary>Runs a program on the host.</summary>
    public static (int ExitCode, string Output, string Errors) Run(string program, IEnumerable<string> arguments, TimeSpan limit)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start) ?? throw new BenchException($"{program} did not start.");
        using var timer = new Timer(_ => process.Kill(), null, limit, Timeout.InfiniteTimeSpan);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
