using System.Globalization;
using Spectre.Console;

namespace Holon.Bench.Python;

/// <summary>Python programs on Holon's machine, on CPython 3.11 and on PyPy, in turn: warm-up apart, results compared, start and memory beside.</summary>
internal static class PythonBenchmark
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(10);

    // Name, iterations, inner iterations; the sizes are those with which the programs check their results.
    private static readonly (string Name, int Iterations, int Inner)[] _areWeFastYet =
    [
        ("DeltaBlue", 30, 600), ("Richards", 20, 1), ("Json", 20, 4), ("CD", 12, 10), ("Havlak", 3, 1), ("Bounce", 40, 50), ("List", 40, 30), ("Permute", 40, 15),
        ("Queens", 40, 30), ("Sieve", 40, 60), ("Storage", 40, 15), ("Towers", 40, 10), ("NBody", 4, 250000), ("Mandelbrot", 4, 500),
    ];

    // Those of pyperformance that need no package, and no module that CPython has in C alone.
    private static readonly string[] _pyPerformance =
    [
        "bm_argparse many_optionals", "bm_argparse subparsers", "bm_async_generators", "bm_async_tree none", "bm_async_tree io", "bm_async_tree cpu_io_mixed",
        "bm_async_tree memoization", "bm_barnes_hut", "bm_bpe_tokeniser", "bm_btree", "bm_chaos", "bm_comprehensions", "bm_coroutines", "bm_deepcopy", "bm_deltablue",
        "bm_fannkuch", "bm_float", "bm_gc_traversal", "bm_generators", "bm_go", "bm_hexiom", "bm_json_dumps", "bm_json_loads", "bm_logging format", "bm_logging silent",
        "bm_logging simple", "bm_mdp", "bm_meteor_contest", "bm_nbody", "bm_nqueens", "bm_pathlib", "bm_pickle --pure-python pickle", "bm_pickle --pure-python unpickle",
        "bm_pidigits", "bm_pprint", "bm_pyflate", "bm_raytrace", "bm_regex_compile", "bm_regex_dna", "bm_regex_effbot", "bm_regex_v8", "bm_richards", "bm_richards_super",
        "bm_scimark fft", "bm_scimark lu", "bm_scimark monte_carlo", "bm_scimark sor", "bm_scimark sparse_mat_mult", "bm_spectral_norm", "bm_telco",
        "bm_typing_runtime_protocols", "bm_unpack_sequence", "bm_xml_etree parse", "bm_xml_etree iterparse", "bm_xml_etree generate", "bm_xml_etree process",
    ];

    /// <summary>Runs it.</summary>
    /// <returns>1 when a result is wrong.</returns>
    public static int Run(BenchPaths paths, Options options)
    {
        var seconds = options.Number("--seconds", 6);
        var only = options.Values("--only");
        var suite = options.Value("--are-we-fast-yet");
        var performance = options.Value("--pyperformance");
        options.End("python [--seconds N] [--only PROGRAM…] [--are-we-fast-yet FOLDER | --pyperformance FOLDER]");
        var folder = Path.Combine(paths.Root, "bench/python");
        List<Machine> machines = [new("CPython", "/usr/bin/python3.11"), new("Holon", Path.Combine(paths.Root, "artifacts/python/holon-python"))];
        if (File.Exists("/usr/bin/pypy3")) machines.Insert(1, new Machine("PyPy", "/usr/bin/pypy3"));

        var time = seconds.ToString(CultureInfo.InvariantCulture);
        List<Job> jobs = performance is not null
            ? [.. _pyPerformance.Select(b => new Job(b, folder, [Path.Combine(paths.Root, "bench/pyperformance/harness.py"), Path.GetFullPath(performance), time, .. b.Split(' ')]))]
            : suite is null
            ? [.. Directory.GetFiles(folder, "*.py").Order(StringComparer.Ordinal).Where(f => Path.GetFileName(f) != "harness.py")
                .Select(f => new Job(Path.GetFileNameWithoutExtension(f), folder, ["harness.py", f, time]))]
            : [.. _areWeFastYet.Select(b => new Job(b.Name, suite, ["harness.py", b.Name, $"{b.Iterations}", $"{b.Inner}"]))];
        jobs = [.. jobs.Where(j => only.Count == 0 || only.Contains(j.Name))];
        if (jobs.Count == 0) throw new BenchException("no program has such a name.");
        return Report(jobs, machines);
    }

    private static int Report(List<Job> jobs, List<Machine> machines)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("program");
        foreach (var machine in machines) table.AddColumn($"{machine.Name} ms");
        foreach (var machine in machines.Skip(1)) table.AddColumn($"{machine.Name} / CPython");
        table.AddColumns("first run, Holon / CPython", "memory, Holon / CPython", "results");
        var speed = machines.ToDictionary(m => m.Name, _ => new List<double>());
        List<double> firsts = [], memory = [];
        var wrong = false;
        foreach (var job in jobs)
        {
            Console.Error.WriteLine($"holon: {job.Name}");
            var times = machines.Select(m => Measurement.Take(m, job, _limit)).ToList();
            var reference = times[0];
            var problem = times.FirstOrDefault(t => t.Problem is not null)?.Problem ?? (times.Any(t => t.Result != reference.Result) ? "they differ" : null);
            wrong |= problem is not null;
            List<string> row = [job.Name, .. times.Select(t => Number(t.Steady * 1000))];
            foreach (var (machine, time) in machines.Zip(times).Skip(1))
            {
                row.Add(Number(reference.Steady / time.Steady));
                if (problem is null) speed[machine.Name].Add(reference.Steady / time.Steady);
            }

            var ours = times[^1];
            if (problem is null)
            {
                firsts.Add(ours.First / reference.First);
                if (ours.Peak > 0) memory.Add(ours.Peak / reference.Peak);
            }

            table.AddRow([.. row, Number(ours.First / reference.First), ours.Peak > 0 ? Number(ours.Peak / reference.Peak) : "", Markup.Escape(problem ?? "same")]);
        }

        AnsiConsole.Write(table);
        foreach (var machine in machines.Skip(1))
            Console.WriteLine($"{machine.Name}: {Number(speed[machine.Name].GeometricMean())} times CPython's speed once warm (geometric mean), the slowest {Number(speed[machine.Name].DefaultIfEmpty(double.NaN).Min())}");
        Console.WriteLine($"first run, Holon / CPython: {Number(firsts.GeometricMean())}; memory: {Number(memory.GeometricMean())}");
        foreach (var machine in machines)
            Console.WriteLine($"start of an empty script, {machine.Name}: {Number(Enumerable.Range(0, 9).Select(_ => machine.Start(_limit)).Median() * 1000)} ms");
        return wrong ? 1 : 0;
    }

    private static string Number(double value) => value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
