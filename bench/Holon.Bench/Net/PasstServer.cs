using System.Diagnostics;

namespace Holon.Bench.Net;

/// <summary>passt, the other user-mode network for QEMU: a process of its own behind a socket. Its guests find the host's loopback at their gateway's address.</summary>
/// <param name="socket">Where it listens.</param>
internal sealed class PasstServer(string socket)
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    /// <summary>Whether there is one.</summary>
    public static bool IsInstalled => File.Exists("/usr/bin/passt");

    /// <summary>Starts it, does something with a QEMU that is plugged into it, and ends it.</summary>
    public async Task<T> RunAsync<T>(Func<Emulator, Task<T>> run)
    {
        File.Delete(socket);
        string[] user = Environment.IsPrivilegedProcess ? ["--runas", "0"] : []; // root's passt would become nobody, who may not into the benchmark's folder
        using var process = Process.Start(new ProcessStartInfo("passt", ["--foreground", "--quiet", .. user, "--socket", socket]) { RedirectStandardError = true })
            ?? throw new BenchException("passt did not start.");
        try
        {
            _ = process.StandardError.ReadToEndAsync();
            for (var watch = Stopwatch.StartNew(); !File.Exists(socket); await Task.Delay(20).ConfigureAwait(false))
                if (process.HasExited || watch.Elapsed > _patience) throw new BenchException("passt does not listen; see what this says: passt --foreground");
            string[] card = ["-netdev", $"stream,id=net,server=off,addr.type=unix,addr.path={socket}", "-device", "virtio-net-pci,netdev=net"];
            return await run(Emulator.Qemu with { Name = "QEMU TCG with passt", Arguments = each => [.. Emulator.Qemu.Arguments(each), .. card] }).ConfigureAwait(false);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
            await process.WaitForExitAsync().ConfigureAwait(false);
        }
    }
}
