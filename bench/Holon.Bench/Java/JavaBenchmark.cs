using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Holon.Bench.Java;

/// <summary>
/// Java programs in Holon beside HotSpot with its best compiler (C2), its quick one (C1) and its interpreter: kernels of our own,
/// or Are-We-Fast-Yet; the start of a process; the memory it takes.
/// </summary>
internal static class JavaBenchmark
{
    private const double Target = 3, InterpreterTarget = 2, StartTarget = 0.7, CompilerTarget = 5, HeapTarget = 2.5;

    private static readonly string[] _kernels =
        ["arithmetic", "floating", "matrix", "sort", "bytes", "tree", "calls", "interfaces", "strings", "maps", "lambdas", "streams", "exceptions", "locks"];

    // Names of Are-We-Fast-Yet and problem sizes that take milliseconds; those that check their result by size have the sizes they know.
    private static readonly (string Name, int Size)[] _suite =
    [
        ("Bounce", 300), ("List", 300), ("Permute", 200), ("Queens", 200), ("Sieve", 600), ("Storage", 200), ("Towers", 120), ("Json", 20), ("Richards", 10), ("DeltaBlue", 2000),
        ("Havlak", 1), ("CD", 100), ("NBody", 250_000), ("Mandelbrot", 500),
    ];

    /// <summary>Runs it.</summary>
    /// <returns>1 when a result is wrong.</returns>
    public static int Run(BenchPaths paths, Options options)
    {
        var quick = options.Flag("--quick");
        var only = options.Values("--only");
        var awfy = options.Value("--awfy");
        options.End("java [--quick] [--only NAME…] [--awfy FOLDER]");
        var holon = Path.Combine(paths.Root, "artifacts/java/holon-java");
        JavaEngine[] engines =
        [
            new("holon", holon), new("C2", "java"), new("C1", "java", "-XX:TieredStopAtLevel=1"), new("holon -Xint", holon, "-Xint"), new("HotSpot -Xint", "java", "-Xint"),
        ];
        var classes = Compile(paths, awfy);
        Func<JavaEngine, string, (string Check, double Time, long Peak)?> measure = awfy == null
            ? (engine, name) => Kernel(engine, classes, name, quick ? 600 : 3000)
            : (engine, name) => Suite(engine, classes, name, quick);
        var names = awfy == null ? _kernels : [.. _suite.Select(s => s.Name)];
        foreach (var name in only)
            if (!names.Contains(name)) throw new BenchException($"there is no '{name}'; there are: {string.Join(' ', names)}");
        var wrong = Table(engines, only.Count == 0 ? names : [.. only], measure);
        Start(engines, paths, quick ? 5 : 15);
        if (only.Count == 0) wrong |= !Large(engines, paths, quick ? 1 : 3);
        return wrong ? 1 : 0;
    }

    /// <summary>A large program from its start to its end: javac with three hundred files. Then what the same live data take on both heaps.</summary>
    private static bool Large(JavaEngine[] engines, BenchPaths paths, int rounds)
    {
        Console.Error.WriteLine("holon: javac of 300 files");
        var classes = Compile(Path.Combine(paths.Results, "java"), Path.Combine(paths.Root, "bench/java"));
        var sources = Directory.CreateTempSubdirectory("holon-javac");
        JavaEngine[] peers = [engines[0], engines[1]];
        try
        {
            if (engines[1].Run(classes, "MakeProject", sources.FullName, "300").Output == null) throw new BenchException("the project for javac could not be made.");
            string[] files = [.. sources.GetFiles("*.java", SearchOption.AllDirectories).Select(f => f.FullName).Order(StringComparer.Ordinal)];
            var runs = Enumerable.Range(0, rounds).SelectMany(_ => peers.Select(peer => (peer.Name, Run: peer.Run(classes, ["com.sun.tools.javac.Main", "-d", Path.Combine(sources.FullName, peer.Name), .. files])))).ToLookup(pair => pair.Name, pair => pair.Run);
            if (peers.Any(peer => runs[peer.Name].Any(run => run.Output == null))) return false;
            double Seconds(JavaEngine peer) => runs[peer.Name].Select(run => run.Time.TotalSeconds).Median();
            var (here, there) = (Seconds(peers[0]), Seconds(peers[1]));
            var live = peers.Select(peer => double.Parse(peer.Run(classes, "LiveHeap", "100000").Output ?? "0", CultureInfo.InvariantCulture)).ToArray();
            var table = new Table().Border(TableBorder.Simple).AddColumns("large programs", "holon", "HotSpot", "times HotSpot's");
            table.AddRow("javac of 300 files", $"{here:F2} s", $"{there:F2} s", $"{here / there:F2} (target {CompilerTarget})");
            table.AddRow("its memory", $"{runs[peers[0].Name].Max(run => run.PeakBytes) >> 20} MB", $"{runs[peers[1].Name].Max(run => run.PeakBytes) >> 20} MB", "");
            table.AddRow("heap in use, same live data", $"{live[0] / (1 << 20):F1} MB", $"{live[1] / (1 << 20):F1} MB", $"{live[0] / live[1]:F2} (target {HeapTarget})");
            AnsiConsole.Write(table);
            return SameFiles(Path.Combine(sources.FullName, peers[0].Name), Path.Combine(sources.FullName, peers[1].Name));
        }
        finally
        {
            sources.Delete(true);
        }
    }

    private static bool SameFiles(string here, string there)
    {
        string[] Names(string folder) => [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal)];
        return Names(here).SequenceEqual(Names(there)) && Names(here).All(name => File.ReadAllBytes(Path.Combine(here, name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(there, name))));
    }

    private static string Compile(BenchPaths paths, string? awfy)
    {
        var sources = awfy == null ? Path.Combine(paths.Root, "bench/java") : Path.Combine(awfy, "src");
        if (!Directory.Exists(sources)) throw new BenchException($"{sources} is no folder of Java sources; name benchmarks/Java of a copy of are-we-fast-yet.");
        return Compile(Directory.CreateDirectory(Path.Combine(paths.Results, awfy == null ? "java" : "awfy")).FullName, sources);
    }

    private static string Compile(string target, string sources)
    {
        using var javac = Process.Start(new ProcessStartInfo("javac", ["-nowarn", "-d", target, .. Directory.GetFiles(sources, "*.java", SearchOption.AllDirectories)]) { RedirectStandardError = true })!;
        var error = javac.StandardError.ReadToEnd();
        javac.WaitForExit();
        return javac.ExitCode == 0 ? target : throw new BenchException($"javac failed: {error}");
    }

    /// <summary>A kernel repeats itself for a time and prints its checksum and the steady state's median, in nanoseconds.</summary>
    private static (string Check, double Time, long Peak)? Kernel(JavaEngine engine, string classes, string name, int milliseconds)
    {
        var run = engine.Run(classes, "Kernels", name, milliseconds.ToString(CultureInfo.InvariantCulture));
        return run.Output?.Split(' ', StringSplitOptions.TrimEntries) is [var check, var time] ? (check, double.Parse(time, CultureInfo.InvariantCulture), run.PeakBytes) : null;
    }

    /// <summary>Are-We-Fast-Yet checks results itself; the median of the second half of the iterations counts.</summary>
    private static (string Check, double Time, long Peak)? Suite(JavaEngine engine, string classes, string name, bool quick)
    {
        var interprets = engine.Options.Contains("-Xint");
        var iterations = interprets ? 2 : quick ? 30 : 100;
        var run = engine.Run(classes, "Harness", name, $"{iterations}", $"{_suite.First(s => s.Name == name).Size}");
        List<double> times = [.. (run.Output ?? "").Split('\n').Where(line => line.Contains("iterations=1 runtime:", StringComparison.Ordinal))
            .Select(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..^2], CultureInfo.InvariantCulture) * 1000)];
        return times.Count == iterations ? ("", times.Skip(times.Count / 2).Median(), run.PeakBytes) : null;
    }

    private static bool Table(JavaEngine[] engines, IReadOnlyList<string> names, Func<JavaEngine, string, (string Check, double Time, long Peak)?> measure)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("program", "holon", "C2", "times C2's", "times C1's", "-Xint times HotSpot's", "memory times C2's", "result");
        var ratios = new List<double>[4];
        for (var i = 0; i < ratios.Length; i++) ratios[i] = [];
        var wrong = false;
        foreach (var name in names)
        {
            Console.Error.WriteLine($"holon: {name}");
            var runs = engines.Select(engine => measure(engine, name)).ToArray();
            if (runs.Any(run => run == null))
            {
                wrong = true;
                table.AddRow(name, "", "", "", "", "", "", string.Join(", ", engines.Where((_, i) => runs[i] == null).Select(engine => engine.Name)) + " failed");
                continue;
            }
            var right = runs.All(run => run!.Value.Check == runs[1]!.Value.Check);
            wrong |= !right;
            double[] row =
            [
                runs[0]!.Value.Time / runs[1]!.Value.Time, runs[0]!.Value.Time / runs[2]!.Value.Time, runs[3]!.Value.Time / runs[4]!.Value.Time,
                (double)runs[0]!.Value.Peak / runs[1]!.Value.Peak,
            ];
            for (var i = 0; i < row.Length; i++) ratios[i].Add(row[i]);
            table.AddRow(name, Milliseconds(runs[0]!.Value.Time), Milliseconds(runs[1]!.Value.Time), $"{row[0]:F2}", $"{row[1]:F2}", $"{row[2]:F2}", $"{row[3]:F2}", right ? "right" : "wrong");
        }
        table.AddEmptyRow();
        table.AddRow("geometric mean", "", "", $"{ratios[0].GeometricMean():F2} (target {Target})", $"{ratios[1].GeometricMean():F2}", $"{ratios[2].GeometricMean():F2} (target {InterpreterTarget})", $"{ratios[3].GeometricMean():F2}", "");
        AnsiConsole.Write(table);
        return wrong;
    }

    private static string Milliseconds(double nanoseconds) => $"{nanoseconds / 1e6:F2} ms";

    /// <summary>From starting the process to its end, with "Hello, World!" between.</summary>
    private static void Start(JavaEngine[] engines, BenchPaths paths, int rounds)
    {
        var classes = Compile(Path.Combine(paths.Results, "java"), Path.Combine(paths.Root, "bench/java"));
        var table = new Table().Border(TableBorder.Simple).AddColumns("Hello, World!", "time", "memory");
        JavaEngine[] peers = [engines[0], engines[1], new("HotSpot without its shared archive", "java", "-Xshare:off")];
        var runs = Enumerable.Range(0, rounds).SelectMany(_ => peers.Select(peer => (peer, run: peer.Run(classes, "Hello")))).ToLookup(pair => pair.peer.Name, pair => pair.run);
        foreach (var peer in peers)
            table.AddRow(peer.Name, $"{runs[peer.Name].Select(run => run.Time.TotalSeconds).Median():F3} s{(peer == peers[0] ? $" (target {StartTarget} s)" : "")}", $"{runs[peer.Name].Max(run => run.PeakBytes) >> 20} MB");
        AnsiConsole.Write(table);
    }
}
