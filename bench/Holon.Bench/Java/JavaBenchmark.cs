using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Holon.Bench.Java;

/// <summary>
/// Java programs in Holon beside HotSpot with its best compiler (C2), its quick one (C1) and its interpreter: kernels of our own
/// and Are-We-Fast-Yet; the start of a process; a large program; the memory that live data take.
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
        string[] known = [.. _kernels, .. awfy == null ? [] : _suite.Select(s => s.Name)];
        foreach (var name in only)
            if (!known.Contains(name)) throw new BenchException($"there is no '{name}'; there are: {string.Join(' ', known)}");
        bool Wanted(string name) => only.Count == 0 || only.Contains(name);
        var own = Compile(Directory.CreateDirectory(Path.Combine(paths.Results, "java")).FullName, Path.Combine(paths.Root, "bench/java"));
        var results = new JavaResults
        {
            Kernels = Programs("programs of our own", engines, _kernels.Where(Wanted), (engine, name) => Kernel(engine, own, name, quick ? 600 : 3000)),
        };
        if (awfy != null)
        {
            var sources = Path.Combine(awfy, "src");
            if (!Directory.Exists(sources)) throw new BenchException($"{sources} is no folder of Java sources; name benchmarks/Java of a copy of are-we-fast-yet.");
            var classes = Compile(Directory.CreateDirectory(Path.Combine(paths.Results, "awfy")).FullName, sources);
            results.AreWeFastYet = Programs("Are-We-Fast-Yet", engines, _suite.Select(s => s.Name).Where(Wanted), (engine, name) => Suite(engine, classes, name, quick));
        }
        if (only.Count == 0)
        {
            results.Start = Start(engines, own, quick ? 5 : 15);
            Large(results, engines, paths, own, quick ? 1 : 3);
        }
        Summary(results);
        File.WriteAllText(Path.Combine(paths.Results, "java.json"), BenchJson.Write(results));
        return results.IsRight ? 0 : 1;
    }

    /// <summary>A large program from its start to its end: javac with three hundred files. Then what the same live data take on both heaps.</summary>
    private static void Large(JavaResults results, JavaEngine[] engines, BenchPaths paths, string classes, int rounds)
    {
        Console.Error.WriteLine("holon: javac of 300 files");
        var sources = Directory.CreateTempSubdirectory("holon-javac");
        JavaEngine[] peers = [engines[0], engines[1]];
        try
        {
            if (engines[1].Run(classes, "MakeProject", sources.FullName, "300").Output == null) throw new BenchException("the project for javac could not be made.");
            string[] files = [.. sources.GetFiles("*.java", SearchOption.AllDirectories).Select(f => f.FullName).Order(StringComparer.Ordinal)];
            var runs = Enumerable.Range(0, rounds).SelectMany(_ => peers.Select(peer => (peer.Name, Run: peer.Run(classes, ["com.sun.tools.javac.Main", "-d", Path.Combine(sources.FullName, peer.Name), .. files])))).ToLookup(pair => pair.Name, pair => pair.Run);
            JavaResults.Pair Of(Func<JavaEngine, double> value) => new(value(peers[0]), value(peers[1]));
            var ran = peers.All(peer => runs[peer.Name].All(run => run.Output != null));
            results.Compiler = !ran ? null : Of(peer => runs[peer.Name].Select(run => run.Time.TotalSeconds).Median());
            results.CompilerMegabytes = !ran ? null : Of(peer => runs[peer.Name].Max(run => run.PeakBytes) >> 20);
            results.SameClassFiles = ran && SameFiles(Path.Combine(sources.FullName, peers[0].Name), Path.Combine(sources.FullName, peers[1].Name));
            Console.Error.WriteLine("holon: live data");
            double?[] live = [.. peers.Select(peer => peer.Run(classes, "LiveHeap", "100000").Output is { } text ? double.Parse(text, CultureInfo.InvariantCulture) / (1 << 20) : (double?)null)];
            results.HeapMegabytes = live is [{ } here, { } there] ? new(here, there) : null;
        }
        finally
        {
            sources.Delete(true);
        }
        var table = new Table().Border(TableBorder.Simple).AddColumns("large programs", "holon", "HotSpot", "times HotSpot's");
        void Row(string name, string unit, JavaResults.Pair? pair) =>
            table.AddRow(name, pair == null ? "failed" : $"{pair.Holon:F2} {unit}", pair == null ? "" : $"{pair.HotSpot:F2} {unit}", pair == null ? "" : $"{pair.Ratio:F2}");
        Row("javac of 300 files", "s", results.Compiler);
        Row("its memory", "MB", results.CompilerMegabytes);
        Row("heap in use, same live data", "MB", results.HeapMegabytes);
        AnsiConsole.Write(table);
        Console.WriteLine(results.SameClassFiles == true ? "javac's class files are the same." : "javac's class files differ, or it failed.");
    }

    private static bool SameFiles(string here, string there)
    {
        string[] Names(string folder) => [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal)];
        return Names(here).SequenceEqual(Names(there)) && Names(here).All(name => File.ReadAllBytes(Path.Combine(here, name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(there, name))));
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

    private static List<JavaResults.Program> Programs(string title, JavaEngine[] engines, IEnumerable<string> names, Func<JavaEngine, string, (string Check, double Time, long Peak)?> measure)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns(title, "holon", "C2", "times C2's", "times C1's", "-Xint times HotSpot's", "memory times C2's", "result");
        var programs = new List<JavaResults.Program>();
        foreach (var name in names)
        {
            Console.Error.WriteLine($"holon: {name}");
            var runs = engines.Select(engine => measure(engine, name)).ToArray();
            if (runs.Any(run => run == null))
            {
                var failed = string.Join(", ", engines.Where((_, i) => runs[i] == null).Select(engine => engine.Name)) + " failed";
                programs.Add(new(name, failed));
                table.AddRow(name, "", "", "", "", "", "", failed);
                continue;
            }
            (string Check, double Time, long Peak)[] r = [.. runs.Select(run => run!.Value)];
            var program = new JavaResults.Program(name, r.All(run => run.Check == r[1].Check) ? "right" : "wrong", [.. r.Select(run => run.Time / 1e6)], (double)r[0].Peak / r[1].Peak);
            programs.Add(program);
            table.AddRow(name, Milliseconds(r[0].Time), Milliseconds(r[1].Time), $"{program.TimesC2:F2}", $"{program.TimesC1:F2}", $"{program.TimesInterpreter:F2}", $"{program.TimesMemory:F2}", program.Result);
        }
        var ran = programs.Where(p => p.Milliseconds.Length > 0).ToArray();
        if (ran.Length > 0)
        {
            string Mean(Func<JavaResults.Program, double> ratio) => $"{ran.Select(ratio).GeometricMean():F2}";
            table.AddEmptyRow();
            table.AddRow("geometric mean", "", "", Mean(p => p.TimesC2), Mean(p => p.TimesC1), Mean(p => p.TimesInterpreter), Mean(p => p.TimesMemory), "");
        }
        AnsiConsole.Write(table);
        return programs;
    }

    /// <summary>Which targets are met. Are-We-Fast-Yet decides about speed; without it the programs of our own do.</summary>
    private static void Summary(JavaResults results)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("target", "at most", "measured", "");
        void Row(string name, double most, double? value, string unit) =>
            table.AddRow(name, $"{most} {unit}", value == null ? "" : $"{value:F2} {unit}", value == null ? "not measured" : value <= most ? "met" : "missed");
        var decisive = (results.AreWeFastYet ?? results.Kernels).Where(p => p.Milliseconds.Length > 0).ToArray();
        Row("steady state, geometric mean", Target, decisive.Length == 0 ? null : decisive.Select(p => p.TimesC2).GeometricMean(), "times C2's");
        Row("interpreter, geometric mean", InterpreterTarget, decisive.Length == 0 ? null : decisive.Select(p => p.TimesInterpreter).GeometricMean(), "times -Xint's");
        Row("Hello, World!", StartTarget, results.Start?.Holon, "s");
        Row("javac of 300 files", CompilerTarget, results.Compiler?.Ratio, "times HotSpot's");
        Row("heap in use", HeapTarget, results.HeapMegabytes?.Ratio, "times HotSpot's");
        AnsiConsole.Write(table);
    }

    private static string Milliseconds(double nanoseconds) => $"{nanoseconds / 1e6:F2} ms";

    /// <summary>From starting the process to its end, with "Hello, World!" between.</summary>
    private static JavaResults.Pair? Start(JavaEngine[] engines, string classes, int rounds)
    {
        Console.Error.WriteLine("holon: Hello, World!");
        var table = new Table().Border(TableBorder.Simple).AddColumns("Hello, World!", "time", "memory");
        JavaEngine[] peers = [engines[0], engines[1], new("HotSpot without its shared archive", "java", "-Xshare:off")];
        var runs = Enumerable.Range(0, rounds).SelectMany(_ => peers.Select(peer => (peer, run: peer.Run(classes, "Hello")))).ToLookup(pair => pair.peer.Name, pair => pair.run);
        if (runs.SelectMany(r => r).Any(run => run.Output == null)) return null;
        double Seconds(JavaEngine peer) => runs[peer.Name].Select(run => run.Time.TotalSeconds).Median();
        foreach (var peer in peers) table.AddRow(peer.Name, $"{Seconds(peer):F3} s", $"{runs[peer.Name].Max(run => run.PeakBytes) >> 20} MB");
        AnsiConsole.Write(table);
        return new(Seconds(peers[0]), Seconds(peers[1]));
    }
}
