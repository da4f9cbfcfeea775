using System.CommandLine;
using System.Globalization;
using Holon.Cli.Commands.Machines;
using Holon.Cli.Terminal;
using Holon.Networking;
using Holon.Networking.Switching;
using Spectre.Console;

namespace Holon.Cli.Commands;

/// <summary><c>holon network</c>: networks that machines share by name.</summary>
internal sealed class NetworkCommand : Command
{
    /// <summary>The command.</summary>
    public NetworkCommand()
        : base("network", "Make, look at and remove networks that machines share.")
    {
        var name = new Argument<string>("NAME") { Description = "The network's name." };
        var subnet = new Option<string?>("--subnet") { Description = "Its IPv4 addresses, such as 10.7.0.0/24.", HelpName = "PREFIX" };
        var subnet6 = new Option<string?>("--subnet6") { Description = "Its IPv6 addresses, a /64.", HelpName = "PREFIX" };
        var isInternal = new Option<bool>("--internal") { Description = "Without a way to the outside." };
        var create = new Command("create", "Make a network.") { name, subnet, subnet6, isInternal };
        create.SetAction(parsed =>
        {
            var made = NetworkStore.ForUser().Create(parsed.GetRequiredValue(name), parsed.GetValue(subnet), parsed.GetValue(subnet6), parsed.GetValue(isInternal));
            Console.WriteLine($"{made.Name} {made.Subnet4} {made.Subnet6}");
        });
        Add(create);

        var list = new Command("ls", "List the networks and who is on them.");
        list.SetAction(_ => List(NetworkStore.ForUser()));
        Add(list);

        var inspect = new Command("inspect", "Show a network, its machines and what has passed.") { name };
        inspect.SetAction(parsed => Inspect(NetworkStore.ForUser(), parsed.GetRequiredValue(name)));
        Add(inspect);

        var remove = new Command("rm", "Remove a network.") { name };
        remove.SetAction(parsed => NetworkStore.ForUser().Remove(parsed.GetRequiredValue(name)));
        Add(remove);

        var file = new Option<string?>("--output", "-o") { Description = "The file; NAME.pcap without it.", HelpName = "FILE" };
        var capture = new Command("capture", "Record a network's frames until Ctrl-C, for tcpdump and Wireshark.") { name, file };
        capture.SetAction((parsed, cancellationToken) =>
        {
            var network = parsed.GetRequiredValue(name);
            return SwitchClient.CaptureAsync(NetworkStore.ForUser(), network, new CaptureOptions(parsed.GetValue(file) ?? network + ".pcap"), cancellationToken);
        });
        Add(capture);

        foreach (var command in DeviceCommands.ForNetworks()) Add(command);

        var serve = new Command("serve", "Be the switch of a network; machines start it by themselves.") { name };
        serve.Hidden = true;
        serve.SetAction(async (parsed, _) =>
        {
            // Keys meant for the machine that started it reach this process too; it ends when the last machine leaves.
            using var interrupt = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGINT, signal => signal.Cancel = true);
            using var hangUp = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGHUP, signal => signal.Cancel = true);
            await SwitchServer.RunAsync(NetworkStore.ForUser(), parsed.GetRequiredValue(name), CancellationToken.None).ConfigureAwait(false);
        });
        Add(serve);
    }

    private static void List(NetworkStore store)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("NAME", "SUBNET", "IPV6", "OUTSIDE", "MACHINES");
        foreach (var network in store.List())
        {
            var machines = SwitchClient.TryInspect(store, network.Name)?.Machines ?? [];
            table.AddRow(network.Name, network.Subnet4, network.Subnet6, network.Internal ? "no" : "yes", machines.Count == 0 ? "-" : string.Join(", ", machines.Select(machine => machine.Name)));
        }

        Tables.Write(table);
    }

    private static void Inspect(NetworkStore store, string name)
    {
        var network = store.Get(name);
        Console.WriteLine($"{network.Name}: {network.Subnet4}, {network.Subnet6}{(network.Internal ? ", internal" : "")}");
        if (SwitchClient.TryInspect(store, name) is not { } report)
        {
            Console.WriteLine("not running: no machine is on it");
            return;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Cards} cards, {report.Connections} connections and {report.UdpFlows} UDP flows through the gateway"));
        var table = new Table().Border(TableBorder.None).AddColumns("MACHINE", "ADDRESS", "SENT", "RECEIVED", "DROPPED", "DENIED");
        foreach (var machine in report.Machines)
        {
            var counters = machine.Counters;
            table.AddRow(
                machine.Name,
                machine.Address ?? "-",
                Amount(counters.SentFrames, counters.SentBytes),
                Amount(counters.ReceivedFrames, counters.ReceivedBytes),
                counters.Dropped.ToString(CultureInfo.InvariantCulture),
                counters.Denied.ToString(CultureInfo.InvariantCulture));
        }

        Tables.Write(table);
    }

    private static string Amount(long frames, long bytes) => string.Create(CultureInfo.InvariantCulture, $"{frames} frames, {bytes / 1e6:0.0} MB");
}
