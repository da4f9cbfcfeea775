using System.CommandLine;
using Holon.Machines;
using Holon.Machines.Control;
using Holon.SystemMachine;
using Holon.SystemMachine.Networks;

namespace Holon.Cli.Commands.Machines;

/// <summary>The commands that change the devices of a running machine.</summary>
internal static class DeviceCommands
{
    /// <summary><c>holon disk attach</c> and <c>holon disk detach</c>.</summary>
    public static IEnumerable<Command> ForDisks()
    {
        var machine = Machine();
        var disk = new Argument<string>("FILE") { Description = "The disk, with properties as for holon run --disk." };
        var attach = new Command("attach", "Plug a disk into a running machine.") { machine, disk };
        attach.SetAction(parsed =>
        {
            var spec = DiskSpec.Parse(parsed.GetRequiredValue(disk));
            var words = parsed.GetRequiredValue(disk).Replace(",,", "\0", StringComparison.Ordinal).Split(',', 2);
            // The machine's process may be in another folder.
            var full = string.Join(',', (string[])[Path.GetFullPath(spec.Path).Replace(",", ",,", StringComparison.Ordinal), .. words[1..].Select(rest => rest.Replace("\0", ",,", StringComparison.Ordinal))]);
            Attach(parsed.GetRequiredValue(machine), "disk", full);
        });
        yield return attach;
        yield return Detach("disk", "The disk's name, or its file's.", "Ask a guest to let go of a disk that was plugged in, and wait until it has.");
    }

    /// <summary><c>holon network attach</c>, <c>detach</c> and <c>link</c>.</summary>
    public static IEnumerable<Command> ForNetworks()
    {
        var machine = Machine();
        var network = new Argument<string>("NETWORK") { Description = "What the card is plugged into, as for holon run --network.", DefaultValueFactory = _ => "nat" };
        var attach = new Command("attach", "Plug a network card into a running machine.") { machine, network };
        attach.SetAction(parsed =>
        {
            _ = NetworkSpec.Parse(parsed.GetRequiredValue(network));
            Attach(parsed.GetRequiredValue(machine), "network", parsed.GetRequiredValue(network));
        });
        yield return attach;
        yield return Detach("network", "The card's name: net, net2 and so on.", "Ask a guest to let go of a network card that was plugged in, and wait until it has.");

        var card = new Argument<string>("CARD") { Description = "The card's name: net, net2 and so on." };
        var state = new Argument<string>("STATE") { Description = "up or down." }.AcceptOnlyFromAmong("up", "down");
        var link = new Command("link", "Pull the cable of a machine's network card out, or put it in again.") { machine, card, state };
        link.SetAction(parsed => MachineArguments.Client(parsed.GetRequiredValue(machine))
            .Change("PUT", PathOf(parsed.GetRequiredValue(card)), new ControlRequest { Up = parsed.GetRequiredValue(state) == "up" }));
        yield return link;
    }

    private static Argument<string> Machine() => new("MACHINE") { Description = "The machine, as holon ps lists it." };

    private static string PathOf(string device) => "/v1/machine/devices/" + Uri.EscapeDataString(device);

    private static void Attach(string machine, string kind, string device) =>
        MachineArguments.Client(machine).Change("POST", "/v1/machine/devices", new ControlRequest { Kind = kind, Device = device });

    private static Command Detach(string kind, string deviceDescription, string description)
    {
        var machine = Machine();
        var device = new Argument<string>("DEVICE") { Description = deviceDescription };
        var limit = new Option<string>("--timeout") { Description = "How long to wait for the guest.", HelpName = "DURATION", DefaultValueFactory = _ => "30s" };
        var command = new Command("detach", description) { machine, device, limit };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => Detach(parsed.GetRequiredValue(machine), kind, parsed.GetRequiredValue(device), TimeLimit.Parse(parsed.GetRequiredValue(limit)), cancellationToken), CancellationToken.None));
        return command;
    }

    private static void Detach(string machine, string kind, string device, TimeSpan patience, CancellationToken cancellationToken)
    {
        var client = MachineArguments.Client(machine);
        client.Change("DELETE", PathOf(device));
        var deadline = DateTime.UtcNow + patience;
        while (DateTime.UtcNow < deadline)
        {
            var now = client.Get("/v1/machine/statistics", MachineJson.Default.MachineStatistics);
            if (!now.Disks.Select(disk => disk.Name).Concat(now.Networks.Select(card => card.Name)).Contains(device)) return;
            if (cancellationToken.WaitHandle.WaitOne(50)) cancellationToken.ThrowIfCancellationRequested();
        }

        throw new HolonException($"The guest of '{machine}' has not let go of the {kind} '{device}' within {TimeLimit.Format(patience)}; it may be in use there.");
    }
}
