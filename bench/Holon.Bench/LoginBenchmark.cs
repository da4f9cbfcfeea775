using Holon.SystemMachine;
using Holon.SystemMachine.Images;
using Spectre.Console;

namespace Holon.Bench;

/// <summary>Debian 12 with systemd from the start of the emulator to its login, beside QEMU's TCG: the same kernel, disk and cache mode, in each way to boot.</summary>
internal static class LoginBenchmark
{
    private const double Target = 2;
    private const int Megabytes = 1024;
    private static readonly (string Name, GuestFirmware Firmware)[] _ways = [("direct", GuestFirmware.None), ("uefi", GuestFirmware.Uefi), ("bios", GuestFirmware.Bios)];

    /// <summary>Runs it.</summary>
    /// <returns>1 when the target was not met.</returns>
    public static async Task<int> RunAsync(BenchPaths paths, Options options)
    {
        var rounds = options.Number("--rounds", 3);
        var only = options.Values("--only");
        foreach (var way in only)
            if (!_ways.Any(each => each.Name == way)) throw new BenchException($"there is no way '{way}'; there are: {string.Join(' ', _ways.Select(each => each.Name))}");
        var us = Emulator.Holon(paths.Holon, options.Value("--engine"));
        options.End("login [--rounds N] [--only WAY…] [--engine NAME]");

        var image = await ImageStore.ForUser().GetAsync("debian", new Progress<ImageProgress>(), CancellationToken.None).ConfigureAwait(false);
        var folder = Directory.CreateTempSubdirectory("holon-bench").FullName;
        try
        {
            List<LoginTime> times = [];
            foreach (var (name, firmware) in _ways.Where(way => only.Count == 0 || only.Contains(way.Name)))
            {
                for (var round = 1; round <= rounds; round++)
                {
                    Console.Error.WriteLine($"holon: {name}, round {round} of {rounds}");
                    double In(Emulator emulator) => emulator.RunUntil(Prepare(image, firmware, folder), null, "login: ").Times[0];
                    times.Add(new LoginTime(name, In(us), In(Emulator.Qemu)));
                }
            }

            await File.WriteAllTextAsync(Path.Combine(paths.Results, "login.json"), BenchJson.Write(times)).ConfigureAwait(false);
            return Report(times, us);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A guest as it is on its first day: an empty disk over the image's, and variables as they come with the firmware.</summary>
    private static Guest Prepare(StoredImage image, GuestFirmware firmware, string folder)
    {
        var disk = Path.Combine(folder, "disk.qcow2");
        File.Delete(disk);
        DebianImage.CreateDisk(image, disk);
        var guest = new Guest("", MemoryMegabytes: Megabytes) { Disks = [disk], Firmware = firmware };
        if (firmware == GuestFirmware.Uefi)
        {
            guest = guest with { Variables = Path.Combine(folder, "variables") };
            File.Copy(SystemMachineSpec.UefiVariables, guest.Variables, overwrite: true);
        }

        if (firmware != GuestFirmware.None) return guest;
        var spec = DebianImage.Complete(new SystemMachineSpec(), image, new DiskSpec { Path = disk });
        var initrd = Path.Combine(folder, "initrd");
        using (var file = File.Create(initrd))
        {
            foreach (var part in spec.Initrds)
            {
                using var source = File.OpenRead(part);
                source.CopyTo(file);
                file.Write(new byte[(4 - (file.Length & 3)) & 3]); // archives in one initrd begin at multiples of four bytes
            }

            file.Write(spec.ExtraInitrd.Span);
        }

        return guest with { Kernel = spec.Kernel!, Initrd = initrd, CommandLine = spec.CommandLine };
    }

    private static int Report(List<LoginTime> times, Emulator us)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("seconds to the login", us.Name, Emulator.Qemu.Name, $"times as fast as {Emulator.Qemu.Name}", "target");
        var met = true;
        foreach (var way in times.GroupBy(each => each.Way))
        {
            var ratio = way.Select(each => each.Peer / each.Holon).Median();
            met &= ratio >= Target;
            table.AddRow(way.Key, $"{way.Select(each => each.Holon).Median():F2}", $"{way.Select(each => each.Peer).Median():F2}", $"{ratio:F2}", $"{Target}: {(ratio >= Target ? "met" : "not met")}");
        }

        AnsiConsole.Write(table);
        return met ? 0 : 1;
    }
}

/// <summary>One round of one way to boot, in seconds.</summary>
/// <param name="Way">How the system was started.</param>
/// <param name="Holon">Ours.</param>
/// <param name="Peer">QEMU's.</param>
internal sealed record LoginTime(string Way, double Holon, double Peer);
