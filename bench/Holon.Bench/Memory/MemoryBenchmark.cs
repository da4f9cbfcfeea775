using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Holon.Bench.Memory;

/// <summary>
/// What an engine costs in memory beyond the guest's own: for a booted guest that idles, and while <c>bench/guest/soak.c</c> starts and ends
/// processes, changes mappings and rewrites code, where it must not grow.
/// </summary>
internal static class MemoryBenchmark
{
    private const double IdleTarget = 100, GrowthTarget = 5; // MB

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
            string[] command = ["sh", "-c", $"echo; echo idle; sleep 10; echo soak begins; exec /bench/soak {operations}"];
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
        var idle = double.NaN;
        var watch = new Stopwatch();
        using var end = new CancellationTokenSource();
        Task<List<double>>? sampling = null;
        try
        {
            while (await process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                switch (line.Trim().Split(' '))
                {
                    case ["idle"]:
                        await Task.Delay(TimeSpan.FromSeconds(7)).ConfigureAwait(false); // the guest sleeps for 10
                        idle = Megabytes(process.Id);
                        break;
                    case ["soak", "begins"]:
                        watch.Start();
                        sampling = SampleAsync(process.Id, end.Token);
                        break;
                    case ["soak", "done"]:
                        watch.Stop();
                        await end.CancelAsync().ConfigureAwait(false);
                        break;
                    case [{ Length: > 0 }, ..] when !line.Contains(GuestInitrd.Ready, StringComparison.Ordinal) && !line.StartsWith("soak ", StringComparison.Ordinal):
                        Console.Error.WriteLine($"guest: {line.Trim()}");
                        break;
                }
            }

            await process.WaitForExitAsync().ConfigureAwait(false);
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            if (!process.HasExited) process.Kill();
        }

        if (sampling is null || watch.IsRunning) throw new BenchException($"the soak did not end in {emulator.Name}: {await errors.ConfigureAwait(false)}");
        return new Soak(idle, await sampling.ConfigureAwait(false), watch.Elapsed.TotalSeconds);
    }

    private static async Task<List<double>> SampleAsync(int process, CancellationToken end)
    {
        List<double> samples = [];
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(250));
        try
        {
            do samples.Add(Megabytes(process));
            while (await timer.WaitForNextTickAsync(end).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // the soak is over
        }

        return samples;
    }

    private static void Report(List<(Emulator Emulator, Soak Soak)> runs, int operations)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("MB beyond the guest's RAM").AddColumns([.. runs.Select(run => run.Emulator.Name)]).AddColumn("target");
        void Row(string name, Func<Soak, double> value, string target = "") => table.AddRow([name, .. runs.Select(run => value(run.Soak).ToString("F1", CultureInfo.InvariantCulture)), target]);
        var ours = runs[0].Soak;
        Row("booted, idle", soak => soak.Idle, $"≤ {IdleTarget}: {(ours.Idle <= IdleTarget ? "met" : "not met")}");
        for (var part = 0; part < Soak.Parts; part++)
        {
            var at = part;
            Row($"most in part {part + 1} of {Soak.Parts} of {operations} operations", soak => soak.Most(at));
        }

        Row("growth from part 2 to the last", soak => soak.Growth, $"≤ {GrowthTarget}: {(ours.Growth <= GrowthTarget ? "met" : "not met")}");
        Row("seconds", soak => soak.Seconds);
        AnsiConsole.Write(table);
    }

    private static double Megabytes(int process) => ResidentMemory.BeyondGuest(process) / 1e6;

    /// <summary>What was seen of one emulator: caches fill and are emptied, so that only their highest levels can be compared.</summary>
    private sealed record Soak(double Idle, IReadOnlyList<double> Samples, double Seconds)
    {
        public const int Parts = 4;

        public double Growth => Most(Parts - 1) - Most(1);

        public double Most(int part)
        {
            var (from, to) = (Samples.Count * part / Parts, Samples.Count * (part + 1) / Parts);
            return Samples.Skip(from).Take(to - from).DefaultIfEmpty(double.NaN).Max();
        }
    }
}
