using Spectre.Console;

namespace Holon.Bench.Engine;

/// <summary>One C program, kernel for kernel, natively, in Holon and in QEMU's TCG: the same bytes on the same guest kernel.</summary>
internal static class EngineBenchmark
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    /// <summary>Runs it.</summary>
    /// <returns>1 when an answer is wrong; targets that are missed are told, and no error.</returns>
    public static async Task<int> RunAsync(BenchPaths paths, Options options)
    {
        var quick = options.Flag("--quick");
        var docs = options.Flag("--docs");
        var rounds = options.Number("--rounds", quick ? 1 : 3);
        var names = options.Values("--only");
        var us = Emulator.Holon(paths.Holon, options.Value("--engine"));
        var peer = Emulator.Qemu;
        options.End("engine [--quick] [--rounds N] [--only NAME…] [--engine NAME] [--docs]");

        var folder = Directory.CreateTempSubdirectory("holon-bench");
        try
        {
            var program = Path.Combine(folder.FullName, "engine");
            CProgram.Compile(Path.Combine(paths.GuestSources, "engine"), program);
            CheckNames(program, names);
            string[] arguments = ["--milliseconds", quick ? "50" : "200", "--repeats", quick ? "3" : "5", .. names];
            var guest = await GuestInitrd.MakeAsync(Path.Combine(folder.FullName, "initrd"), ["/bench/engine", .. arguments], [new("bench/engine", File.ReadAllBytes(program), Executable: true)]).ConfigureAwait(false);

            List<EngineRound> all = [];
            for (var round = 1; round <= rounds; round++)
            {
                IReadOnlyList<KernelTime> In(Emulator emulator)
                {
                    Say($"round {round} of {rounds}: {emulator.Name}");
                    return KernelTime.Parse(GuestInitrd.CommandOutput(emulator.Run(guest, Limit, GuestInitrd.Ready)));
                }

                Say($"round {round} of {rounds}: native");
                var native = KernelTime.Parse(CProgram.Run(program, arguments, Limit).Output);
                if (native.Count == 0) throw new BenchException("the program measured nothing on this host.");
                all.Add(new EngineRound(native, In(us), In(peer)));
            }

            Say("");
            var results = EngineResults.From(all, HostName(), us.Name, peer.Name);
            EngineTable.Write(results);
            Save(results, paths, docs);
            return results.Kernels.Any(each => each.Problem is not null) ? 1 : 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Save(EngineResults results, BenchPaths paths, bool docs)
    {
        var (json, chart) = (BenchJson.Write(results), EngineChart.Draw(results));
        File.WriteAllText(Path.Combine(paths.Results, "engine.json"), json);
        File.WriteAllText(Path.Combine(paths.Results, "engine.svg"), chart);
        if (docs)
        {
            File.WriteAllText(Path.Combine(paths.Docs, "engine-bench.json"), json);
            File.WriteAllText(Path.Combine(paths.Docs, "engine-bench.svg"), chart);
        }

        AnsiConsole.MarkupLineInterpolated($"Written: artifacts/bench/engine.json and engine.svg{(docs ? ", docs/engine-bench.json and .svg" : "")}");
    }

    private static void CheckNames(string program, IReadOnlyList<string> names)
    {
        var known = CProgram.Run(program, ["--list"], Limit).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0]).ToList();
        foreach (var name in names)
            if (!known.Contains(name)) throw new BenchException($"there is no kernel '{name}'; there are: {string.Join(' ', known)}");
    }

    private static string HostName()
    {
        const string cpuInfo = "/proc/cpuinfo";
        var model = File.Exists(cpuInfo) ? File.ReadLines(cpuInfo).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() : null;
        return $"{model ?? "unknown processor"}, {Environment.ProcessorCount} processors, {Environment.OSVersion.VersionString}";
    }

    // On one line that the next replaces; only people at a terminal want to see it change.
    private static void Say(string what)
    {
        if (!Console.IsErrorRedirected) Console.Error.Write($"\r\x1b[2K{(what.Length == 0 ? "" : "holon: ")}{what}");
        else if (what.Length > 0) Console.Error.WriteLine($"holon: {what}");
    }
}
