using Holon.Machines;
using Holon.Networking.Capture;
using Holon.Networking.Host;

namespace Holon.Networking.Nat;

/// <summary>
/// A machine's own way to the outside without any privilege: a router in this process whose far side is ordinary sockets of the host.
/// One thread runs it. For several machines on one network see the switch.
/// </summary>
public sealed class NatNetwork : IVirtualNetwork
{
    private readonly EventLoop _loop;
    private readonly NatOptions _options;
    private readonly PcapWriter? _capture;
    private PortLink? _link;
    private Gateway? _gateway;
    private bool _disposed;

    /// <summary>Makes the network.</summary>
    /// <exception cref="HolonException">The options contradict each other or the host.</exception>
    public NatNetwork(NatOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(options);
        _options = options;
        DescriptorLimit.Raise();
        _capture = options.Capture is { } capture ? new PcapWriter(capture) : null;
        _loop = new EventLoop("holon-network");
        _loop.Faulted = exception => Faulted?.Invoke(exception);
        _loop.Start();
    }

    /// <summary>Raised on the network's thread when something failed that must not; the network goes on.</summary>
    public event Action<Exception>? Faulted;

    /// <inheritdoc/>
    public INetworkLink Connect(INetworkPort port, string name) => Connect(port, name, null);

    /// <summary>Plugs a machine's card in.</summary>
    /// <param name="port">The card.</param>
    /// <param name="name">The machine's name.</param>
    /// <param name="mac">The card's address, which makes forwarded ports work before the guest has spoken.</param>
    /// <exception cref="HolonException">A forwarded port cannot be opened.</exception>
    public INetworkLink Connect(INetworkPort port, string name, MacAddress? mac)
    {
        ArgumentNullException.ThrowIfNull(port);
        return _loop.Call<INetworkLink>(() =>
        {
            if (_link is not null) throw new InvalidOperationException("A NAT of its own has one machine; several are connected by a switch.");
            var link = new PortLink(_loop, port, _options.Rate, _capture);
            var gateway = new Gateway(_options, _loop, link);
            try
            {
                if (mac is { } card)
                {
                    gateway.Names.Set(name, card);
                    if (gateway.Dhcp.AddressOf(card) is { } lent) gateway.Neighbors.Learn(lent, card);
                }

                foreach (var forward in _options.Forwards) gateway.Forwards.Add(forward, v4 => GuestAddress(gateway, v4));
            }
            catch
            {
                gateway.Dispose();
                throw;
            }

            (_link, _gateway) = (link, gateway);
            link.Attach(gateway.Receive, gateway.EndBatch, gateway.OnRoom, Disconnect);
            return link;
        });
    }

    /// <summary>The numbers of flows under way, for looking into it.</summary>
    public NatStatus Status => _loop.Call(() => _gateway is { } gateway
        ? new NatStatus(gateway.Tcp.Count, gateway.Tcp.HalfOpen, gateway.Udp.Count, gateway.Echo.Count, gateway.Dns.Count, gateway.Neighbors.Count, gateway.Tcp.Buffers.Used)
        : default);

    /// <summary>Ends all flows, as the guest's reset does.</summary>
    public void Reset() => _loop.Call(() =>
    {
        _gateway?.Tcp.Reset();
        return true;
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _loop.Call(() =>
        {
            Disconnect();
            return true;
        });
        _loop.Dispose();
        _capture?.Dispose();
    }

    private void Disconnect()
    {
        _gateway?.Dispose();
        _link?.Detach();
        (_gateway, _link) = (null, null);
    }

    private static IpAddress? GuestAddress(Gateway gateway, bool v4)
    {
        foreach (var (mac, address) in gateway.Dhcp.Leases)
        {
            if (v4) return address;
            if (gateway.Neighbors.Find(mac, gateway.Options.Subnet6) is { } v6) return v6;
        }

        return gateway.Neighbors.First(v4 ? gateway.Options.Subnet4 : gateway.Options.Subnet6);
    }

    internal static void Check(NatOptions options)
    {
        if (!options.Subnet4.Address.IsV4 || options.Subnet4.Length is < 8 or > 29)
            throw new HolonException($"The subnet '{options.Subnet4}' cannot be used; choose an IPv4 prefix from /8 to /29, such as 10.7.0.0/24.");
        if (options.Subnet6.Address.IsV4 || options.Subnet6.Length != 64)
            throw new HolonException($"The subnet '{options.Subnet6}' cannot be used; guests configure themselves in an IPv6 prefix of /64 only.");
        if (options.Mtu is < 1280 or > 65520)
            throw new HolonException($"The MTU {options.Mtu} cannot be used; choose one from 1280 (IPv6's least) to 65520.");
    }
}

/// <summary>Flows of a network at a moment.</summary>
/// <param name="Connections">TCP connections.</param>
/// <param name="HalfOpen">Of them, not established yet.</param>
/// <param name="UdpFlows">Pairs of UDP endpoints.</param>
/// <param name="EchoFlows">Pings.</param>
/// <param name="DnsQueries">Questions to the host's resolvers.</param>
/// <param name="Neighbors">Addresses of guests.</param>
/// <param name="BufferBytes">Memory of connections under way.</param>
public readonly record struct NatStatus(int Connections, int HalfOpen, int UdpFlows, int EchoFlows, int DnsQueries, int Neighbors, long BufferBytes);
