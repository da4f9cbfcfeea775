using System.Globalization;

namespace Holon.Bench.Python;

/// <summary>Python programs on Holon's machine, on CPython 3.11 and on PyPy, in turn; the figures go to artifacts/bench/python.json too.</summary>
internal static class PythonBenchmark
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(10);

    // Name, iterations, inner iterations; the sizes are those with which the programs check their results.
    private static readonly (string Name, int Iterations, int Inner)[] _areWeFastYet =
    [
        ("DeltaBlue", 30, 600), ("Richards", 20, 1), ("Json", 20, 4), ("CD", 12, 10), ("Havlak", 3, 1), ("Bounce", 40, 50), ("List", 40, 30), ("Permute", 40, 15),
        ("Queens", 40, 30), ("Sieve", 40, 60), ("Storage", 40, 15), ("Towers", 40, 10), ("NBody", 4, 250000), ("Mandelbrot", 4, 500),
    ];

    // Prints what the other harnesses print too: its own says nothing about memory.
    private const string AreWeFastYetHarness =
        "import atexit, runpy\n" +
        "atexit.register(lambda: print('peak', next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))))\n" +
        "runpy.run_path('harness.py', run_name='__main__')";

    // Those of pyperformance that need no package, and no module that CPython has in C alone; with the library's Python twin where they have that choice.
    private static readonly string[] _pyPerformance =
    [
        "bm_argparse many_optionals", "bm_argparse subparsers", "bm_async_generators", "bm_async_tree none", "bm_async_tree io", "bm_async_tree cpu_io_mixed",
        "bm_async_tree memoization", "bm_barnes_hut", "bm_bpe_tokeniser", "bm_btree", "bm_chaos", "bm_comprehensions", "bm_coroutines", "bm_deepcopy", "bm_deltablue",
        "bm_fannkuch", "bm_float", "bm_gc_traversal", "bm_generators", "bm_go", "bm_hexiom", "bm_json_dumps", "bm_json_loads", "bm_logging format", "bm_logging silent",
        "bm_logging simple", "bm_mdp", "bm_meteor_contest", "bm_nbody", "bm_nqueens", "bm_pathlib", "bm_pickle --pure-python pickle", "bm_pickle --pure-python unpickle",
        "bm_pidigits", "bm_pprint", "bm_pyflate", "bm_raytrace", "bm_regex_compile", "bm_regex_dna", "bm_regex_effbot", "bm_regex_v8", "bm_richards", "bm_richards_super",
        "bm_scimark fft", "bm_scimark lu", "bm_scimark monte_carlo", "bm_scimark sor", "bm_scimark sparse_mat_mult", "bm_spectral_norm", "bm_telco",
        "bm_typing_runtime_protocols", "bm_unpack_sequence", "bm_xml_etree --no-accelerator parse", "bm_xml_etree --no-accelerator iterparse", "bm_xml_etree --no-accelerator generate", "bm_xml_etree --no-accelerator process",
    ];

    /// <summary>Runs it.</summary>
    /// <returns>1 when a result is wrong.</returns>
    public static int Run(BenchPaths paths, Options options)
    {
        var seconds = options.Number("--seconds", 6);
        var only = options.Values("--only");
        var areWeFastYet = options.Value("--are-we-fast-yet");
        var performance = options.Value("--pyperformance");
        options.End("python [--seconds N] [--only PROGRAM…] [--are-we-fast-yet FOLDER] [--pyperformance FOLDER]");
        var folder = Path.Combine(paths.Root, "bench/python");
        List<Machine> machines = [new("CPython", "/usr/bin/python3.11"), new("Holon", Path.Combine(paths.Root, "artifacts/python/holon-python"))];
        if (File.Exists("/usr/bin/pypy3")) machines.Insert(1, new Machine("PyPy", "/usr/bin/pypy3"));

        var time = seconds.ToString(CultureInfo.InvariantCulture);
        List<(string Name, List<Job> Jobs)> suites =
        [
            ("programs of our own", [.. Directory.GetFiles(folder, "*.py").Order(StringComparer.Ordinal).Where(f => Path.GetFileName(f) != "harness.py")
                .Select(f => new Job(Path.GetFileNameWithoutExtension(f), folder, ["harness.py", f, time]))]),
        ];
        if (areWeFastYet is not null)
            suites.Add(("Are-We-Fast-Yet", [.. _areWeFastYet.Select(b => new Job(b.Name, Existing(areWeFastYet, "harness.py"), ["-c", AreWeFastYetHarness, b.Name, $"{b.Iterations}", $"{b.Inner}"]))]));
        if (performance is not null)
        {
            var benchmarks = Existing(performance, "bm_nbody/run_benchmark.py");
            suites.Add(("pyperformance", [.. _pyPerformance.Select(b => new Job(b, folder, [Path.Combine(paths.Root, "bench/pyperformance/harness.py"), benchmarks, time, .. b.Split(' ')]))]));
        }

        suites = [.. suites.Select(s => (s.Name, s.Jobs.Where(j => only.Count == 0 || only.Contains(j.Name)).ToList())).Where(s => s.Item2.Count > 0)];
        if (suites.Count == 0) throw new BenchException("no program has such a name.");
        var report = PythonReport.Make(machines, suites, _limit);
        File.WriteAllText(Path.Combine(paths.Results, "python.json"), BenchJson.Write(report));
        return report.Suites.Any(s => s.Programs.Any(p => p.Problem is not null)) ? 1 : 0;
    }

    private static string Existing(string folder, string file)
    {
        var full = Path.GetFullPath(folder);
        return File.Exists(Path.Combine(full, file)) ? full : throw new BenchException($"{full} holds no {file}; --are-we-fast-yet takes benchmarks/Python of that suite's sources, --pyperformance takes pyperformance/data-files/benchmarks.");
    }
}
