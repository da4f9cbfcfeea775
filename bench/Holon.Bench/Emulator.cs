using System.Diagnostics;
using System.Text;
using Holon.SystemMachine;

namespace Holon.Bench;

/// <summary>What a PC is to run.</summary>
/// <param name="Kernel">The kernel's file; empty when firmware starts the first disk's system.</param>
/// <param name="Initrd">The initial root file system's file, if any.</param>
/// <param name="CommandLine">What the kernel is told.</param>
/// <param name="MemoryMegabytes">Its RAM.</param>
internal sealed record Guest(string Kernel, string? Initrd = null, string CommandLine = "", int MemoryMegabytes = 512)
{
    /// <summary>Its disks: files written through the host's page cache; raw, or qcow2 when their names end so.</summary>
    public IReadOnlyList<string> Disks { get; init; } = [];

    /// <summary>Its processors.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>What starts the first disk's system when there is no kernel.</summary>
    public GuestFirmware Firmware { get; init; }

    /// <summary>The file of UEFI's variables, which the guest may change.</summary>
    public string? Variables { get; init; }

    /// <summary>The format of a disk's file.</summary>
    public static string Format(string disk) => disk.EndsWith(".qcow2", StringComparison.Ordinal) ? "qcow2" : "raw";

    /// <summary>A folder of the host, with the tag "shared".</summary>
    public string? Share { get; init; }

    /// <summary>What the guest keeps of that folder: a word of <c>--share</c>'s <c>cache=</c>. QEMU's guests say it themselves when they mount.</summary>
    public string ShareCache { get; init; } = "auto";
}

/// <summary>What starts a PC.</summary>
internal enum GuestFirmware
{
    /// <summary>The emulator itself, with a kernel.</summary>
    None,

    /// <summary>SeaBIOS.</summary>
    Bios,

    /// <summary>OVMF.</summary>
    Uefi,
}

/// <summary>What came of a run.</summary>
/// <param name="Output">All that the guest printed on its serial line.</param>
/// <param name="Times">Seconds from the start of the process to each text that was waited for, then to its end.</param>
internal sealed record GuestRun(string Output, IReadOnlyList<double> Times);

/// <summary>A program that runs PCs: how to start it with a guest whose serial line is its standard output.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Program">The program.</param>
/// <param name="Arguments">Its arguments.</param>
internal sealed record Emulator(string Name, string Program, Func<Guest, IReadOnlyList<string>> Arguments)
{
    private static readonly TimeSpan UsualLimit = TimeSpan.FromMinutes(3);

    /// <summary>Holon with an engine, or with the one that it picks by itself.</summary>
    public static Emulator Holon(string program, string? engine) => new(engine is null ? "Holon" : $"Holon {engine}", program, guest =>
    [
        "run", "--memory", $"{guest.MemoryMegabytes}M", "--cpus", $"{guest.Cpus}",
        .. guest.Firmware switch { GuestFirmware.None => new List<string> { "--kernel", guest.Kernel }, GuestFirmware.Bios => ["--bios"], _ => ["--uefi"] },
        .. engine is null ? Array.Empty<string>() : ["--engine", engine],
        .. guest.Initrd is null ? Array.Empty<string>() : ["--initrd", guest.Initrd],
        .. guest.CommandLine.Length == 0 ? Array.Empty<string>() : ["--append", guest.CommandLine],
        .. guest.Disks.Count == 0 ? Array.Empty<string>() : ["--network", "none"],
        .. guest.Disks.SelectMany(disk => new[] { "--disk", $"{disk},format={Guest.Format(disk)}" }),
        .. guest.Share is null ? Array.Empty<string>() : ["--share", $"{guest.Share}:/shared:cache={guest.ShareCache}"],
    ]);

    /// <summary>QEMU's own translating engine, on a machine like ours.</summary>
    public static Emulator Qemu { get; } = new("QEMU TCG", "qemu-system-x86_64", guest =>
    [
        "-accel", guest.Cpus > 1 ? "tcg,thread=multi" : "tcg", "-cpu", "max", "-m", $"{guest.MemoryMegabytes}", "-display", "none", "-nodefaults", "-serial", "stdio", "-no-reboot",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-smp", $"{guest.Cpus}",
        .. guest.Firmware switch
        {
            GuestFirmware.None => new List<string> { "-kernel", guest.Kernel },
            GuestFirmware.Bios => [],
            _ => ["-drive", $"if=pflash,format=raw,readonly=on,file={SystemMachineSpec.UefiFirmware}", "-drive", $"if=pflash,format=raw,file={guest.Variables}"],
        },
        .. guest.Initrd is null ? Array.Empty<string>() : ["-initrd", guest.Initrd],
        .. guest.CommandLine.Length == 0 ? Array.Empty<string>() : ["-append", guest.CommandLine],
        .. guest.Disks.SelectMany(disk => new[] { "-drive", $"file={disk},if=virtio,format={Guest.Format(disk)},cache=writeback" }),
        .. guest.Share is null ? Array.Empty<string>() : ["-virtfs", $"local,path={guest.Share},mount_tag=shared,security_model=passthrough,id=shared"],
    ]);

    /// <summary>Starts the program; the caller ends and disposes it.</summary>
    public Process Start(Guest guest)
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardOutput = true, RedirectStandardInput = true, RedirectStandardError = true };
        foreach (var argument in Arguments(guest)) start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new BenchException($"{Program} did not start.");
    }

    /// <summary>Runs a guest to its end and notes when texts appear on its serial line, in the order given.</summary>
    public GuestRun Run(Guest guest, TimeSpan? limit = null, params IReadOnlyList<string> texts) => Run(guest, endsItself: true, limit, texts);

    /// <summary>Runs a guest until the last text has appeared, and ends it then.</summary>
    public GuestRun RunUntil(Guest guest, TimeSpan? limit = null, params IReadOnlyList<string> texts) => Run(guest, endsItself: false, limit, texts);

    private GuestRun Run(Guest guest, bool endsItself, TimeSpan? limit, IReadOnlyList<string> texts)
    {
        var watch = Stopwatch.StartNew();
        using var process = Start(guest);
        var errors = process.StandardError.ReadToEndAsync();
        var late = false;
        using var timer = new Timer(_ => { late = true; process.Kill(); }, null, limit ?? UsualLimit, Timeout.InfiniteTimeSpan);
        var times = new List<double>();
        var seen = new StringBuilder();
        var searched = 0;
        var buffer = new char[4096];
        int count;
        while ((count = process.StandardOutput.Read(buffer, 0, buffer.Length)) > 0)
        {
            seen.Append(buffer, 0, count);
            while (times.Count < texts.Count)
            {
                var from = Math.Max(0, searched - texts[times.Count].Length);
                if (!seen.ToString(from, seen.Length - from).Contains(texts[times.Count], StringComparison.Ordinal)) break;
                times.Add(watch.Elapsed.TotalSeconds);
            }

            searched = seen.Length;
            if (!endsItself && times.Count == texts.Count) break;
        }

        if (!endsItself) process.Kill();
        process.WaitForExit();
        var output = seen.ToString();
        if (late) throw new BenchException($"{Name} took longer than {(limit ?? UsualLimit).TotalMinutes:F0} minutes and was stopped; it printed: {Tail(output)}");
        if (times.Count < texts.Count) throw new BenchException($"{Name} did not get as far as '{texts[times.Count].Trim()}'; it printed: {Tail(output)} {errors.Result}");
        return new GuestRun(output, [.. times, watch.Elapsed.TotalSeconds]);
    }

    private static string Tail(string text) => text.Length <= 2000 ? text : text[^2000..];
}
