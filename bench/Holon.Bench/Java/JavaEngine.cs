using System.Diagnostics;

namespace Holon.Bench.Java;

/// <summary>A Java machine and how it is started: the name that tables show, the program and its options.</summary>
internal sealed record JavaEngine(string Name, string Program, params string[] Options)
{
    /// <summary>What a run printed, how long the process lived and the most memory it had resident; output is null when it failed.</summary>
    internal sealed record Outcome(string? Output, TimeSpan Time, long PeakBytes);

    /// <summary>No program takes nearly as long; one that hangs must not keep the others from being measured.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(10);

    /// <summary>Runs a main class.</summary>
    public Outcome Run(string classes, params string[] command)
    {
        var start = new ProcessStartInfo(Program, [.. Options, "-cp", classes, .. command]) { RedirectStandardOutput = true, RedirectStandardError = true };
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start) ?? throw new BenchException($"{Program} cannot be started.");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        long peak = 0;
        while (!process.WaitForExit(2))
        {
            peak = Math.Max(peak, PeakOf(process));
            if (clock.Elapsed < _patience) continue;
            Console.Error.WriteLine($"holon: {Name} was ended after {_patience.TotalMinutes} minutes at {string.Join(' ', command.Take(3))}");
            process.Kill(true);
        }
        clock.Stop();
        if (process.ExitCode != 0) Console.Error.WriteLine($"holon: {Name} failed at {string.Join(' ', command.Take(3))}: {error.Result.Trim()}");
        return new Outcome(process.ExitCode == 0 ? output.Result : null, clock.Elapsed, peak);
    }

    private static long PeakOf(Process process)
    {
        try
        {
            process.Refresh();
            return process.PeakWorkingSet64;
        }
        catch (InvalidOperationException)
        {
            return 0; // it has just ended
        }
    }
}
