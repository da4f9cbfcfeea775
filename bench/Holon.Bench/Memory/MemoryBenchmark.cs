using System.Globalization;
using Spectre.Console;

namespace Holon.Bench.Memory;

/// <summary>
/// What an engine costs in memory beyond the guest's own: for a booted guest that idles, and while <c>bench/guest/soak.c</c> starts and ends
/// processes, changes mappings and rewrites code, where it must not grow.
/// </summary>
internal static class MemoryBenchmark
{
    private const double IdleTarget = 100, GrowthTarget = 2; // MB
    private const int Steps = 10; // soak.c says so often how far it is

    /// <summary>Runs it.</summary>
    public static async Task<int> RunAsync(BenchPaths paths, Options options)
    {
        var quick = options.Flag("--quick");
        var operations = options.Number("--operations", quick ? 5_000 : 100_000);
        var us = Emulator.Holon(paths.Holon, options.Value("--engine"));
        var peer = Emulator.Qemu with
        {
            Arguments = guest => [.. Emulator.Qemu.Arguments(guest), "-object", $"memory-backend-memfd,id=ram,size={guest.MemoryMegabytes}M", "-machine", "memory-backend=ram"],
        };
        var alone = options.Flag("--alone");
        options.End("memory [--quick] [--operations N] [--engine NAME] [--alone]");

        var folder = Directory.CreateTempSubdirectory("holon-bench");
        try
        {
            var program = Path.Combine(folder.FullName, "soak");
            CProgram.Compile(Path.Combine(paths.GuestSources, "soak.c"), program);
            string[] command = ["sh", "-c", $"echo; echo idle; sleep 10; exec /bench/soak {operations}"];
            var guest = await GuestInitrd.MakeAsync(Path.Combine(folder.FullName, "initrd"), command, [new("bench/soak", File.ReadAllBytes(program), Executable: true)]).ConfigureAwait(false);
            List<(Emulator Emulator, Soak Soak)> runs = [];
            foreach (var emulator in alone ? [us] : new[] { us, peer })
            {
                Console.Error.WriteLine($"holon: {emulator.Name}");
                runs.Add((emulator, await SoakAsync(emulator, guest).ConfigureAwait(false)));
            }

            Report(runs, operations);
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<Soak> SoakAsync(Emulator emulator, Guest guest)
    {
        using var process = emulator.Start(guest);
        var errors = process.StandardError.ReadToEndAsync();
        double idle = double.NaN;
        List<double> steps = [];
        var watch = new System.Diagnostics.Stopwatch();
        var done = false;
        try
        {
            while (await process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                switch (line.Trim().Split(' '))
                {
                    case ["idle"]:
                        await Task.Delay(TimeSpan.FromSeconds(7)).ConfigureAwait(false); // the guest sleeps for 10
                        idle = Megabytes(process.Id);
                        watch.Start();
                        break;
                    case ["soak", "done"]:
                        done = true;
                        break;
                    case ["soak", _]:
                        steps.Add(Megabytes(process.Id));
                        break;
                    case [{ Length: > 0 }, ..]:
                        Console.Error.WriteLine($"guest: {line.Trim()}");
                        break;
                }
            }

            await process.WaitForExitAsync().ConfigureAwait(false);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }

        if (!done) throw new BenchException($"the soak did not end in {emulator.Name}: {await errors.ConfigureAwait(false)}");
        return new Soak(idle, steps, watch.Elapsed.TotalSeconds);
    }

    private static void Report(List<(Emulator Emulator, Soak Soak)> runs, int operations)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("MB beyond the guest's RAM").AddColumns([.. runs.Select(run => run.Emulator.Name)]).AddColumn("target");
        void Row(string name, Func<Soak, double> value, string target = "") => table.AddRow([name, .. runs.Select(run => value(run.Soak).ToString("F1", CultureInfo.InvariantCulture)), target]);
        var ours = runs[0].Soak;
        Row("booted, idle", soak => soak.Idle, $"≤ {IdleTarget}: {(ours.Idle <= IdleTarget ? "met" : "not met")}");
        for (var step = 1; step <= Steps; step++)
        {
            var at = step;
            Row($"after {(long)operations * step / Steps} operations", soak => at <= soak.Steps.Count ? soak.Steps[at - 1] : double.NaN);
        }

        Row("growth from the second tenth to the last", soak => soak.Growth, $"≤ {GrowthTarget}: {(ours.Growth <= GrowthTarget ? "met" : "not met")}");
        Row("seconds", soak => soak.Seconds);
        AnsiConsole.Write(table);
    }

    private static double Megabytes(int process) => ResidentMemory.BeyondGuest(process) / 1e6;

    /// <summary>What was seen of one emulator.</summary>
    private sealed record Soak(double Idle, IReadOnlyList<double> Steps, double Seconds)
    {
        public double Growth => Steps.Count < 3 ? double.NaN : Steps[^1] - Steps[1];
    }
}
