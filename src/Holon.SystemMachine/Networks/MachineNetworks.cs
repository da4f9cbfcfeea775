using System.Globalization;
using Holon.Devices;
using Holon.Devices.Rtl8139;
using Holon.Devices.Virtio.Net;
using Holon.Machines;
using Holon.Machines.Control;
using Holon.Networking;
using Holon.Networking.Nat;
using Holon.Networking.Switching;

namespace Holon.SystemMachine.Networks;

/// <summary>A machine's network cards, plugged into their networks. What the networks own lives as long as the machine.</summary>
internal sealed class MachineNetworks(PciDevices slots, IBoardEvents events, string machine, ProcessorRest processors) : IDisposable
{
    private readonly List<Connection> _connections = [];
    private int _count;

    /// <summary>Makes a card and plugs it in.</summary>
    /// <param name="spec">What it is to be.</param>
    /// <param name="hot">True while the machine runs.</param>
    /// <param name="processors">vCPUs, each of which gets queues of its own.</param>
    /// <exception cref="HolonException">The network does not exist or the host refuses something.</exception>
    public void Add(NetworkSpec spec, bool hot, int processors)
    {
        spec.Validate();
        var index = _count++;
        var name = index == 0 ? "net" : string.Create(CultureInfo.InvariantCulture, $"net{index + 1}");
        var mac = spec.MacFor(index == 0 ? machine : $"{machine}/{name}");
        if (spec.Model == CardModel.Rtl8139) slots.Add(name, memory => Plug(spec, new Rtl8139Card(memory, mac), mac, name), hot);
        else slots.Add(name, Plug(spec, new VirtioNet(new VirtioNetOptions(mac, spec.Mtu ?? 1500, QueuePairs: Math.Min(processors, VirtioNet.MostPairs))), mac, name), hot);
    }

    /// <summary>The guest was reset: what it had under way ends.</summary>
    public void Reset()
    {
        lock (_connections)
        {
            foreach (var connection in _connections) (connection.Network as NatNetwork)?.Reset();
        }
    }

    /// <summary>Pulls a card's cable out, or puts it in; false when there is no such card.</summary>
    public bool TrySetLink(string name, bool up)
    {
        lock (_connections)
        {
            if (_connections.Find(connection => connection.Name == name) is not { } found) return false;
            found.Card.SetLink(up);
            return true;
        }
    }

    /// <summary>What has passed through each card so far.</summary>
    public IReadOnlyList<NetworkStatistics> Measure()
    {
        lock (_connections) return [.. _connections.Select(connection => Describe(connection.Name, connection.Link.Counters))];
    }

    /// <summary>The guest has let go of a card. The network ends on another thread, because it may be waiting for this one.</summary>
    public void Removed(string name)
    {
        lock (_connections)
        {
            if (_connections.Find(connection => connection.Name == name) is not { } found) return;
            _connections.Remove(found);
            _ = Task.Run(found.Dispose);
        }
    }

    public void Dispose()
    {
        Connection[] all;
        lock (_connections)
        {
            all = [.. _connections];
            _connections.Clear();
        }

        foreach (var connection in all) connection.Dispose();
    }

    private static NetworkStatistics Describe(string name, NetworkCounters counters) => new()
    {
        Name = name,
        SentFrames = counters.SentFrames,
        SentBytes = counters.SentBytes,
        ReceivedFrames = counters.ReceivedFrames,
        ReceivedBytes = counters.ReceivedBytes,
        Dropped = counters.Dropped,
        Denied = counters.Denied,
    };

    private T Plug<T>(NetworkSpec spec, T card, MacAddress mac, string name)
        where T : INetworkCard
    {
        var (link, network) = Connect(spec, card, mac, name);
        card.Plug(link);
        lock (_connections) _connections.Add(new Connection(name, card, link, network));
        return card;
    }

    private (INetworkLink Link, IDisposable? Network) Connect(NetworkSpec spec, INetworkCard card, MacAddress mac, string name)
    {
        var options = spec.ToOptions();
        switch (spec.Kind)
        {
            case NetworkKind.Nat:
                var nat = new NatNetwork(options with { Processors = processors });
                nat.Faulted += exception => events.NetworkFailed(name, exception);
                try
                {
                    return (nat.Connect(card, machine, mac), nat);
                }
                catch
                {
                    nat.Dispose();
                    throw;
                }

            case NetworkKind.Named:
                if (!NetworkDefinition.IsName(machine))
                    throw new HolonException($"'{machine}' cannot be a machine's name on a network, where others find it by that name; give --name up to 32 letters, digits and '-', beginning with a letter.");
                return (new SwitchClient(NetworkStore.ForUser(), spec.Network!).Connect(card, machine, mac, options), null);
            default:
                var tap = spec.Kind == NetworkKind.Tap ? TapPort.Open(spec.Network!) : TapPort.OpenOnBridge(spec.Network!);
                return (new Cable(card, tap, options.Rate, options.Capture), null);
        }
    }

    private sealed record Connection(string Name, INetworkCard Card, INetworkLink Link, IDisposable? Network) : IDisposable
    {
        public void Dispose()
        {
            Link.Dispose();
            Network?.Dispose();
        }
    }
}
