using Holon.Machines;

namespace Holon.Networking;

/// <summary>What a user-mode NAT is to be. Everything has a default that works.</summary>
public sealed record NatOptions
{
    /// <summary>IPv4 addresses of the guests; the first is the gateway's, which is also the DNS server's.</summary>
    public IpPrefix Subnet4 { get; init; } = IpPrefix.Of(IpAddress.V4(0x0A000200), 24);

    /// <summary>IPv6 addresses of the guests, a /64; the first is the gateway's.</summary>
    public IpPrefix Subnet6 { get; init; } = IpPrefix.Of(new IpAddress(0xFD68_6F6C_6F6E_0000, 0), 64);

    /// <summary>Largest IP packet on the link, without offloads.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>Ports of the host that lead into the guest.</summary>
    public IReadOnlyList<PortForward> Forwards { get; init; } = [];

    /// <summary>What the guest may reach; the first rule that matches decides, and without one everything is allowed.</summary>
    public IReadOnlyList<FirewallRule> Rules { get; init; } = [];

    /// <summary>Ports of the host's loopback that the guest may reach at the gateway's address. None by default.</summary>
    public IReadOnlyList<HostGrant> HostAccess { get; init; } = [];

    /// <summary>Resolvers that questions are forwarded to; null for the host's own.</summary>
    public IReadOnlyList<IpAddress>? Resolvers { get; init; }

    /// <summary>Bytes a second in each direction; null for no limit.</summary>
    public ByteRate? Rate { get; init; }

    /// <summary>Where frames are recorded; null for nowhere.</summary>
    public CaptureOptions? Capture { get; init; }

    /// <summary>What guests may use at most.</summary>
    public NatLimits Limits { get; init; } = new();

    /// <summary>The processors of the machine whose network it is, by which datagrams come no faster than it looks at them; null when there are several machines, or none.</summary>
    public ProcessorRest? Processors { get; init; }

    /// <summary>The gateway's IPv4 address.</summary>
    public IpAddress Gateway4 => Subnet4.At(1);

    /// <summary>The gateway's IPv6 address.</summary>
    public IpAddress Gateway6 => Subnet6.At(1);
}
