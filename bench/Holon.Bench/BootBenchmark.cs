using Spectre.Console;

namespace Holon.Bench;

/// <summary>The way to a guest's init, process start included, and integer loops on the bare machine, beside QEMU's TCG.</summary>
internal static class BootBenchmark
{
    private const uint Turns = 20_000_000;

    /// <summary>Runs it.</summary>
    public static async Task<int> RunAsync(BenchPaths paths, Options options)
    {
        var us = Emulator.Holon(paths.Holon, options.Value("--engine"));
        var peer = Emulator.Qemu;
        var rounds = options.Number("--rounds", 3);
        options.End("boot [--engine NAME] [--rounds N]");

        var folder = Directory.CreateTempSubdirectory("holon-bench");
        try
        {
            await BootsAsync(us, peer, rounds, folder.FullName).ConfigureAwait(false);
            Loops(us, peer, rounds, folder.FullName);
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task BootsAsync(Emulator us, Emulator peer, int rounds, string folder)
    {
        var guest = await GuestInitrd.MakeAsync(Path.Combine(folder, "initrd"), ["true"], []).ConfigureAwait(false);
        var table = new Table().AddColumns("Debian cloud kernel, busybox", us.Name, peer.Name, $"{us.Name} / {peer.Name}", "target").Border(TableBorder.Simple);
        List<IReadOnlyList<double>> ours = [], theirs = [];
        for (var round = 0; round < rounds; round++)
        {
            ours.Add(us.Run(guest, null, GuestInitrd.Ready).Times);
            theirs.Add(peer.Run(guest, null, GuestInitrd.Ready).Times);
        }

        foreach (var (name, index) in new[] { ("seconds to init, process start included", 0), ("seconds to the end of the process", 1) })
        {
            var ratio = ours.Zip(theirs, (our, their) => our[index] / their[index]).Median();
            table.AddRow(name, $"{ours.Select(times => times[index]).Median():F2}", $"{theirs.Select(times => times[index]).Median():F2}", $"{ratio:F2}", index == 0 ? $"below 1: {(ratio < 1 ? "met" : "not met")}" : "");
        }

        AnsiConsole.Write(table);
    }

    private static void Loops(Emulator us, Emulator peer, int rounds, string folder)
    {
        var table = new Table().AddColumns("integer loop", $"{us.Name} M instr/s", $"{peer.Name} M instr/s", "ratio").Border(TableBorder.Simple);
        foreach (var loop in LoopGuest.Loops)
        {
            var kernel = Path.Combine(folder, $"{loop.Name}.elf");
            File.WriteAllBytes(kernel, LoopGuest.Build(loop, Turns));
            double Rate(Emulator emulator)
            {
                var times = emulator.Run(new Guest(kernel), null, "S", "E").Times;
                return loop.Instructions * (double)Turns / 1e6 / (times[1] - times[0]);
            }

            List<(double Ours, double Theirs)> rates = [];
            for (var round = 0; round < rounds; round++) rates.Add((Rate(us), Rate(peer)));
            table.AddRow(loop.Name, $"{rates.Select(each => each.Ours).Median():F0}", $"{rates.Select(each => each.Theirs).Median():F0}", $"{rates.Select(each => each.Ours / each.Theirs).Median():F2}");
        }

        AnsiConsole.Write(table);
    }
}
