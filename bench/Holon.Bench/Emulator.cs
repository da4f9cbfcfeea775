using System.Diagnostics;

namespace Holon.Bench;

/// <summary>A program that runs PCs: how to start it with a kernel whose serial line is its standard output.</summary>
/// <param name="Name">For the table.</param>
/// <param name="Program">The program.</param>
/// <param name="Arguments">Its arguments, given kernel, initrd (or null) and command line.</param>
internal sealed record Emulator(string Name, string Program, Func<string, string?, string, IReadOnlyList<string>> Arguments)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Holon with an engine.</summary>
    public static Emulator Holon(string program, string engine) => new($"Holon {engine}", program, (kernel, initrd, commandLine) =>
    [
        "run", "--kernel", kernel, "--engine", engine, "--memory", "512M",
        .. initrd is null ? Array.Empty<string>() : ["--initrd", initrd], .. commandLine.Length == 0 ? Array.Empty<string>() : ["--append", commandLine],
    ]);

    /// <summary>QEMU's own translating engine, on a machine like ours.</summary>
    public static Emulator Qemu { get; } = new("QEMU TCG", "qemu-system-x86_64", (kernel, initrd, commandLine) =>
    [
        "-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-nodefaults", "-serial", "stdio", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
        "-kernel", kernel, .. initrd is null ? Array.Empty<string>() : ["-initrd", initrd], .. commandLine.Length == 0 ? Array.Empty<string>() : ["-append", commandLine],
    ]);

    /// <summary>Runs a guest and notes when texts appear on its serial line.</summary>
    /// <returns>Seconds from the start of the process to each text, then to its end.</returns>
    public IReadOnlyList<double> Time(string kernel, string? initrd, string commandLine, params string[] texts)
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardOutput = true, RedirectStandardInput = true, RedirectStandardError = true };
        foreach (var argument in Arguments(kernel, initrd, commandLine)) start.ArgumentList.Add(argument);
        var watch = Stopwatch.StartNew();
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{Program} did not start.");
        var errors = process.StandardError.ReadToEndAsync();
        using var limit = new Timer(_ => process.Kill(), null, Limit, Timeout.InfiniteTimeSpan);
        var times = new List<double>();
        var seen = new System.Text.StringBuilder();
        var buffer = new char[4096];
        int count;
        while ((count = process.StandardOutput.Read(buffer, 0, buffer.Length)) > 0)
        {
            seen.Append(buffer, 0, count);
            while (times.Count < texts.Length && seen.ToString().Contains(texts[times.Count], StringComparison.Ordinal)) times.Add(watch.Elapsed.TotalSeconds);
        }

        process.WaitForExit();
        if (times.Count < texts.Length) throw new InvalidOperationException($"{Name} did not get as far as '{texts[times.Count]}': {seen} {errors.Result}");
        return [.. times, watch.Elapsed.TotalSeconds];
    }
}
