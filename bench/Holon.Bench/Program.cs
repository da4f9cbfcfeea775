using System.Globalization;
using Holon.Bench;
using Holon.Bench.Disk;
using Holon.Bench.Engine;
using Holon.Bench.Java;
using Holon.Bench.Memory;
using Holon.Bench.Net;
using Holon.Bench.Share;
using Holon.Bench.Work;
using Spectre.Console;

// Holon.Bench ROOT BENCHMARK [OPTION…]: each benchmark runs Holon and its peer in turn, in one run. bench/run-* start it.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = 150; // a file has no edge at which lines must break
if (args is not [var root, var name, .. var options]) return Usage("name a benchmark");
var paths = new BenchPaths(root);
try
{
    var arguments = new Options(options);
    return name switch
    {
        "boot" => await BootBenchmark.RunAsync(paths, arguments).ConfigureAwait(false),
        "login" => await LoginBenchmark.RunAsync(paths, arguments).ConfigureAwait(false),
        "engine" => await EngineBenchmark.RunAsync(paths, arguments).ConfigureAwait(false),
        "disk" => await DiskBenchmark.RunAsync(paths, arguments).ConfigureAwait(false),
        "smp" => await SmpBenchmark.RunAsync(paths, arguments).ConfigureAwait(false),
        "share" => await ShareBenchmark.RunAsync(paths, arguments).ConfigureAwait(false),
        "work" => await WorkBenchmark.RunAsync(paths, arguments).ConfigureAwait(false),
        "net" => await NetBenchmark.RunAsync(paths, arguments).ConfigureAwait(false),
        "java" => JavaBenchmark.Run(paths, arguments),
        "python" => Holon.Bench.Python.PythonBenchmark.Run(paths, arguments),
        "memory" => await MemoryBenchmark.RunAsync(paths, arguments).ConfigureAwait(false),
        _ => Usage($"there is no benchmark '{name}'"),
    };
}
catch (BenchException problem)
{
    Console.Error.WriteLine($"holon: {problem.Message}");
    return 125;
}

static int Usage(string problem)
{
    Console.Error.WriteLine($"holon: {problem}; ./holon bench lists them.");
    return 125;
}
