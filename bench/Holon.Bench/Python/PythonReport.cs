using System.Globalization;
using Spectre.Console;

namespace Holon.Bench.Python;

/// <summary>One program on each machine, in the order of the report's machines: milliseconds of the first run and once warm, most memory in kB.</summary>
internal sealed record ProgramResult(string Name, double[] FirstMs, double[] WarmMs, double[] PeakKb, string? Problem);

/// <summary>A suite's programs, and geometric means beside CPython: how many times its speed once warm, its time of the first run, its memory.</summary>
internal sealed record SuiteResult(string Name, IReadOnlyList<ProgramResult> Programs, double Speed, string Slowest, double SlowestSpeed, double FirstRun, double Memory, double? PyPySpeed);

/// <summary>Something promised, and what was measured.</summary>
internal sealed record Target(string Promise, double Measured, bool IsMet);

/// <summary>What was measured: an empty script is one that only says how much memory it took.</summary>
internal sealed record PythonReport(string[] Machines, IReadOnlyList<SuiteResult> Suites, double[] EmptyScriptMs, double[] EmptyScriptKb, IReadOnlyList<Target> Targets)
{
    private const int Starts = 9;

    /// <summary>Measures, and prints a table for each suite.</summary>
    public static PythonReport Make(List<Machine> machines, IReadOnlyList<(string Name, List<Job> Jobs)> suites, TimeSpan limit)
    {
        List<SuiteResult> results = [.. suites.Select(s => Measure(machines, s.Name, s.Jobs, limit))];
        var starts = machines.Select(m => Enumerable.Range(0, Starts).Select(_ => m.Start(limit)).OrderBy(s => s.Seconds).ElementAt(Starts / 2)).ToList();
        foreach (var (machine, start) in machines.Zip(starts))
            Console.WriteLine($"empty script, {machine.Name}: {Number(start.Seconds * 1000)} ms, {Number(start.PeakKb / 1024)} MB");

        var right = results.SelectMany(s => s.Programs).Where(p => p.Problem is null).ToList();
        var speeds = right.Select(p => p.WarmMs[0] / p.WarmMs[^1]).ToList();
        List<Target> targets =
        [
            .. results.Select(s => new Target($"{s.Name}: at least as fast as CPython (geometric mean)", s.Speed, s.Speed >= 1)),
            new("every program at least a third as fast as CPython", speeds.DefaultIfEmpty(double.NaN).Min(), speeds.All(s => s >= 1 / 3.0)),
            .. results.Select(s => new Target($"{s.Name}: at most 3 times CPython's memory (geometric mean)", s.Memory, s.Memory <= 3)),
            new("empty script: at most 3 times CPython's memory", starts[^1].PeakKb / starts[0].PeakKb, starts[^1].PeakKb <= 3 * starts[0].PeakKb),
            new("empty script: at most 0.4 s", starts[^1].Seconds, starts[^1].Seconds <= 0.4),
        ];
        foreach (var target in targets) Console.WriteLine($"{(target.IsMet ? "met    " : "NOT MET")} {target.Promise}: {Number(target.Measured)}");
        return new PythonReport([.. machines.Select(m => m.Name)], results, [.. starts.Select(s => s.Seconds * 1000)], [.. starts.Select(s => s.PeakKb)], targets);
    }

    private static SuiteResult Measure(List<Machine> machines, string name, List<Job> jobs, TimeSpan limit)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(name);
        foreach (var machine in machines) table.AddColumn($"{machine.Name} ms");
        foreach (var machine in machines.Skip(1)) table.AddColumn($"{machine.Name} / CPython");
        table.AddColumns("first run, Holon / CPython", "memory, Holon / CPython", "results");
        List<ProgramResult> programs = [];
        foreach (var job in jobs)
        {
            Console.Error.WriteLine($"holon: {name}, {programs.Count + 1} of {jobs.Count}: {job.Name}");
            var times = machines.Select(m => Measurement.Take(m, job, limit)).ToList();
            var problem = times.FirstOrDefault(t => t.Problem is not null)?.Problem ?? (times.Any(t => t.Result != times[0].Result) ? "they differ" : null);
            ProgramResult made = new(job.Name, [.. times.Select(t => t.First * 1000)], [.. times.Select(t => t.Steady * 1000)], [.. times.Select(t => t.Peak)], problem);
            programs.Add(made);
            table.AddRow([job.Name, .. made.WarmMs.Select(Number), .. made.WarmMs.Skip(1).Select(t => Number(made.WarmMs[0] / t)),
                Number(made.FirstMs[^1] / made.FirstMs[0]), Number(made.PeakKb[^1] / made.PeakKb[0]), Markup.Escape(problem ?? "same")]);
        }

        AnsiConsole.Write(table);
        var right = programs.Where(p => p.Problem is null).ToList();
        double Mean(Func<ProgramResult, double> ratio) => right.Count == 0 ? double.NaN : right.Select(ratio).GeometricMean();
        var slowest = right.MinBy(p => p.WarmMs[0] / p.WarmMs[^1]);
        SuiteResult suite = new(name, programs, Mean(p => p.WarmMs[0] / p.WarmMs[^1]), slowest?.Name ?? "", slowest is null ? double.NaN : slowest.WarmMs[0] / slowest.WarmMs[^1],
            Mean(p => p.FirstMs[^1] / p.FirstMs[0]), Mean(p => p.PeakKb[^1] / p.PeakKb[0]), machines.Count > 2 ? Mean(p => p.WarmMs[0] / p.WarmMs[1]) : null);
        Console.WriteLine($"{name}, geometric means of {right.Count} beside CPython: {Number(suite.Speed)} times the speed once warm (slowest {suite.Slowest}, {Number(suite.SlowestSpeed)}), "
            + $"{Number(suite.FirstRun)} times the time of the first run, {Number(suite.Memory)} times the memory{(suite.PyPySpeed is { } peer ? $"; PyPy {Number(peer)} times the speed" : "")}");
        return suite;
    }

    private static string Number(double value) => value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
