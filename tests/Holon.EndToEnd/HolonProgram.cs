using System.Diagnostics;

namespace Holon.EndToEnd;

/// <summary>How a run of the <c>holon</c> program ended.</summary>
internal sealed record Outcome(int ExitCode, byte[] OutputBytes, string Error, TimeSpan Took)
{
    public string Output => System.Text.Encoding.UTF8.GetString(OutputBytes);
}

/// <summary>The <c>holon</c> program as it was built, run as users run it.</summary>
internal static class HolonProgram
{
    /// <summary>Where ./holon puts it.</summary>
    public static string Path { get; } =
        System.IO.Path.GetFullPath(System.IO.Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "cli", "holon"));

    public static Task<Outcome> RunAsync(params string[] arguments) => RunAsync(arguments, []);

    /// <summary>Runs it to its end.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">Standard input; it ends after these bytes. Null when <paramref name="meanwhile"/> types.</param>
    /// <param name="cache">Where it keeps images, when not in the user's own folder.</param>
    /// <param name="meanwhile">What to do while it runs.</param>
    /// <param name="environment">Variables that it gets besides the test's own.</param>
    public static Task<Outcome> RunAsync(
        string[] arguments, byte[]? input, string? cache = null, Func<RunningProgram, Task>? meanwhile = null, IReadOnlyDictionary<string, string>? environment = null) =>
        RunProgramAsync(Path, arguments, input, cache, meanwhile, environment);

    /// <summary>Runs a shell script in a mount name space of its own, in which it may mount what it likes.</summary>
    public static Task<Outcome> RunWithMountsAsync(string script) => RunProgramAsync("unshare", ["-rm", "sh", "-c", script], [], null, null);

    /// <summary>Runs a shell command as another user, in his home.</summary>
    public static Task<Outcome> RunAsUserAsync(string user, string shellCommand, Func<RunningProgram, Task>? meanwhile = null) =>
        RunProgramAsync("su", ["--login", user, "--command", shellCommand], meanwhile is null ? [] : null, null, meanwhile);

    /// <summary>Runs it on a terminal of its own (script(1) makes one), typing what the test types.</summary>
    public static Task<Outcome> RunOnTerminalAsync(string shellCommand, Func<RunningProgram, Task> type) =>
        RunProgramAsync("script", ["-qec", shellCommand, "/dev/null"], null, null, type);

    private static async Task<Outcome> RunProgramAsync(string program, string[] arguments, byte[]? input, string? cache, Func<RunningProgram, Task>? meanwhile, IReadOnlyDictionary<string, string>? environment = null)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var started = Stopwatch.StartNew();
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        if (cache is not null) start.Environment["XDG_CACHE_HOME"] = cache;
        foreach (var (variable, value) in environment ?? new Dictionary<string, string>()) start.Environment[variable] = value;
        using var process = Process.Start(start)!;
        try
        {
            var running = new RunningProgram(process);
            var output = running.CollectOutputAsync();
            var error = process.StandardError.ReadToEndAsync(cancellation);
            if (input is not null) _ = FeedAsync(process, input);
            if (meanwhile is not null) await meanwhile(running);
            await process.WaitForExitAsync(cancellation).WaitAsync(TimeSpan.FromMinutes(15), cancellation);
            return new Outcome(process.ExitCode, await output, await error, started.Elapsed);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private static async Task FeedAsync(Process process, byte[] input)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading everything, as it may.
        }
    }
}
