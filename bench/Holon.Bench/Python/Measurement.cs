using System.Diagnostics;
using System.Globalization;

namespace Holon.Bench.Python;

/// <summary>Something that runs Python programs.</summary>
internal sealed record Machine(string Name, string Program)
{
    /// <summary>What a script takes that does nothing but say how much memory it took: seconds and kB.</summary>
    public (double Seconds, double PeakKb) Start(TimeSpan limit)
    {
        var clock = Stopwatch.StartNew();
        var (code, output, errors) = CProgram.Run(Program, ["-c", "for line in open('/proc/self/status'):\n if line[:5] == 'VmHWM': print(line.split()[1])"], limit);
        return code == 0 ? (clock.Elapsed.TotalSeconds, double.Parse(output, CultureInfo.InvariantCulture)) : throw new BenchException($"{Program} ended with {code}: {errors}");
    }
}

/// <summary>A program to measure: its folder and what follows the interpreter on the command line.</summary>
internal sealed record Job(string Name, string Folder, string[] Arguments);

/// <summary>How long one program took, in seconds, and what it said.</summary>
internal sealed record Measurement(double First, double Steady, double Peak, string Result, string? Problem)
{
    /// <summary>Runs a program. Both harnesses are understood: bench/python's and that of Are-We-Fast-Yet.</summary>
    public static Measurement Take(Machine machine, Job job, TimeSpan limit)
    {
        var before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = job.Folder;
        try
        {
            var (code, output, errors) = CProgram.Run(machine.Program, job.Arguments, limit);
            if (code != 0) return new Measurement(double.NaN, double.NaN, 0, "", $"{machine.Name}: {errors.TrimEnd().Split('\n')[^1]}");
            return Parse(output.Split('\n'));
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    private static Measurement Parse(string[] lines)
    {
        string? Find(string word) => lines.FirstOrDefault(l => l.StartsWith(word + " ", StringComparison.Ordinal))?[(word.Length + 1)..];
        if (Find("median") is { } median)
            return new Measurement(Parse(Find("first")), Parse(median), Parse(Find("peak")), Find("result") ?? "", null);
        // Its harness checks the result itself.
        List<double> times = [.. from line in lines let at = line.IndexOf("runtime: ", StringComparison.Ordinal) where at >= 0 select Parse(line[(at + 9)..].Replace("us", "", StringComparison.Ordinal)) / 1e6];
        return times.Count == 0
            ? new Measurement(double.NaN, double.NaN, 0, "", "no times in what it printed")
            : new Measurement(times[0], times.Skip(times.Count / 2).Median(), Parse(Find("peak")), "", null);
    }

    private static double Parse(string? number) => double.Parse(number ?? "NaN", CultureInfo.InvariantCulture);
}
