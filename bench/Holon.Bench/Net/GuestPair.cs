using Holon.Networking;

namespace Holon.Bench.Net;

/// <summary>Two guests that measure the way between them: on a named network of Holon's, and on a socket between two processes of QEMU.</summary>
internal static class GuestPair
{
    private const string Network = "bench", Server = "10.9.0.101", Client = "10.9.0.102";

    /// <summary>Runs both guests.</summary>
    /// <returns>What the client printed.</returns>
    public static async Task<string> RunAsync(Emulator emulator, bool holon, string folder, IReadOnlyList<GuestFile> files, string userland, int seconds)
    {
        var server = await GuestInitrd.MakeAsync(Path.Combine(folder, "server"), ["/work/pair.sh", "server", Server], files, userland, network: true).ConfigureAwait(false);
        var client = await GuestInitrd.MakeAsync(Path.Combine(folder, "client"), ["/work/pair.sh", "client", Client, Server, $"{seconds}"], files, userland, network: true).ConfigureAwait(false);
        var port = LoadServers.FreePorts().First;
        Emulator With(params string[] arguments) => emulator with { Arguments = guest => [.. emulator.Arguments(guest), .. arguments] };
        if (holon)
        {
            // A folder of networks of this run's own.
            Environment.SetEnvironmentVariable("XDG_CONFIG_HOME", folder);
            Environment.SetEnvironmentVariable("XDG_RUNTIME_DIR", folder);
            if (!NetworkStore.ForUser().List().Any(network => network.Name == Network)) NetworkStore.ForUser().Create(Network, "10.9.0.0/24", null, isInternal: true);
        }

        var (first, second) = holon
            ? (With("--name", "server", "--network", Network), With("--name", "client", "--network", Network))
            : (With("-netdev", $"socket,id=net,listen=127.0.0.1:{port}", "-device", "virtio-net-pci,netdev=net,mac=52:54:00:00:00:01"),
               With("-netdev", $"socket,id=net,connect=127.0.0.1:{port}", "-device", "virtio-net-pci,netdev=net,mac=52:54:00:00:00:02"));
        using var serving = first.Start(server);
        try
        {
            var line = "";
            while (line?.Contains("listening", StringComparison.Ordinal) == false) line = await serving.StandardOutput.ReadLineAsync().ConfigureAwait(false);
            return GuestInitrd.CommandOutput(second.Run(client, TimeSpan.FromSeconds(60 + (4 * seconds)), GuestInitrd.Ready));
        }
        finally
        {
            serving.Kill();
            await serving.WaitForExitAsync().ConfigureAwait(false);
        }
    }
}
