using System.Globalization;
using Holon.Bench;
using Holon.SystemMachine.Images;
using Spectre.Console;

// bench boot [interpreter]: integer loops and the way to a guest's init, Holon beside QEMU's TCG, in turn, in one run.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is not [var holon, "boot", ..])
{
    Console.Error.WriteLine("usage: Holon.Bench HOLON-PROGRAM boot [interpreter]");
    return 125;
}

var us = Emulator.Holon(holon, args.Length > 2 ? args[2] : "interpreter");
var peer = Emulator.Qemu;
const int Rounds = 3;
const uint Turns = 20_000_000;

var folder = Directory.CreateTempSubdirectory("holon-bench");
try
{
    var loops = new Table().AddColumns("integer loop", $"{us.Name} M instr/s", $"{peer.Name} M instr/s", "ratio").Border(TableBorder.Simple);
    foreach (var loop in LoopGuest.Loops)
    {
        var kernel = Path.Combine(folder.FullName, $"{loop.Name}.elf");
        File.WriteAllBytes(kernel, LoopGuest.Build(loop, Turns));
        double Rate(Emulator emulator)
        {
            var times = emulator.Time(kernel, null, "", "S", "E");
            return loop.Instructions * (double)Turns / 1e6 / (times[1] - times[0]);
        }

        var (ours, theirs) = Median(Rounds, () => Rate(us), () => Rate(peer));
        loops.AddRow(loop.Name, $"{ours:F0}", $"{theirs:F0}", $"{ours / theirs:F2}");
    }

    AnsiConsole.Write(loops);

    var image = await ImageStore.ForUser().GetAsync("busybox", new Progress<ImageProgress>(), CancellationToken.None).ConfigureAwait(false);
    var initrd = Path.Combine(folder.FullName, "initrd");
    using (var file = File.Create(initrd))
    {
        file.Write(File.ReadAllBytes(image.Initrd));
        file.Write(new byte[(4 - (file.Length & 3)) & 3]);
        file.Write(new GuestSession { Command = ["true"] }.ToInitrd());
    }

    var ready = System.Text.Encoding.ASCII.GetString(GuestSession.ReadyMark);
    IReadOnlyList<double> Boot(Emulator emulator) => emulator.Time(image.Kernel, initrd, BusyboxImage.CommandLine, ready);
    var boot = new Table().AddColumns("Debian cloud kernel, busybox", us.Name, peer.Name, "ratio").Border(TableBorder.Simple);
    List<IReadOnlyList<double>> oursBoot = [], theirsBoot = [];
    for (var round = 0; round < Rounds; round++)
    {
        oursBoot.Add(Boot(us));
        theirsBoot.Add(Boot(peer));
    }

    foreach (var (name, index) in new[] { ("seconds to init, process start included", 0), ("seconds to the end of the process", 1) })
    {
        var (ours, theirs) = (Middle(oursBoot.Select(times => times[index])), Middle(theirsBoot.Select(times => times[index])));
        boot.AddRow(name, $"{ours:F2}", $"{theirs:F2}", $"{ours / theirs:F2}");
    }

    AnsiConsole.Write(boot);
    return 0;
}
finally
{
    folder.Delete(recursive: true);
}

static (double Ours, double Theirs) Median(int rounds, Func<double> ours, Func<double> theirs)
{
    List<double> first = [], second = [];
    for (var round = 0; round < rounds; round++)
    {
        first.Add(ours());
        second.Add(theirs());
    }

    return (Middle(first), Middle(second));
}

static double Middle(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);
