using System.Buffers.Binary;
using System.Text;
using Holon.Networking.Host;
using Holon.Networking.Nat;
using Holon.Networking.Packets;

namespace Holon.Networking.Services;

/// <summary>
/// IPv6 for guests: neighbour discovery for the gateway's addresses, router advertisements with prefix, MTU and DNS server
/// (RFC 4861, RFC 8106), and DHCPv6 for those that ask for the DNS server that way (stateless, RFC 8415 §18.3.6).
/// </summary>
internal sealed class RouterAdvertiser(Gateway gateway)
{
    public const ushort Dhcp6Port = 547, Dhcp6ClientPort = 546;

    private const byte SourceCard = 1, TargetCard = 2, PrefixInformation = 3, LinkMtu = 5, DnsServers = 25, DnsSearch = 31;
    private const ushort RouterLifetime = 1800;
    private const uint ValidLifetime = 86400, PreferredLifetime = 14400, DnsLifetime = 1800;

    private static readonly byte[] s_domain = [(byte)NameTable.Domain.Length, .. Encoding.ASCII.GetBytes(NameTable.Domain), 0];

    /// <summary>Takes a neighbour discovery message with a valid checksum; false when it is malformed.</summary>
    public bool Receive(MacAddress mac, in IpHeader ip, ReadOnlySpan<byte> message)
    {
        if (ip.HopLimit != 255) return false; // RFC 4861 §6.1, §7.1: from this link only
        switch (message[0])
        {
            case Icmp.RouterSolicitation:
                Advertise(ip.Source.IsUnspecified ? IpAddress.AllNodes : ip.Source, ip.Source.IsUnspecified ? GroupCard(IpAddress.AllNodes) : mac);
                return true;
            case Icmp.NeighborSolicitation:
                return ReceiveSolicitation(mac, ip, message);
            default:
                return true; // advertisements: the source has been learnt from the packet
        }
    }

    /// <summary>Asks who has an address.</summary>
    public void Solicit(IpAddress target)
    {
        Span<byte> message = stackalloc byte[32];
        target.Write(message[8..]);
        message[24] = SourceCard;
        message[25] = 1;
        Gateway.Mac.Write(message[26..]);
        var group = new IpAddress(0xFF02_0000_0000_0000, 0x0000_0001_FF00_0000 | (target.Low & 0xFF_FFFF)); // RFC 4291 §2.7.1
        Icmp.Complete(message, Gateway.LinkLocal, group, Icmp.NeighborSolicitation, 0, 0);
        gateway.SendPacket(Gateway.LinkLocal, group, IpProtocol.Icmp6, message, GroupCard(group), 255);
    }

    /// <summary>Says to everyone, or to one, which prefix, router and DNS server there is.</summary>
    public void Advertise(IpAddress to, MacAddress mac)
    {
        Span<byte> message = stackalloc byte[16 + 8 + 8 + 32 + 24 + 16];
        message.Clear();
        var hopLimitFlagsLifetime = 64u << 24 | 0x40u << 16 | (HasRoute() ? RouterLifetime : 0u); // other configuration by DHCPv6
        var at = 16;
        message[at] = SourceCard;
        message[at + 1] = 1;
        Gateway.Mac.Write(message[(at + 2)..]);
        at += 8;
        message[at] = LinkMtu;
        message[at + 1] = 1;
        BinaryPrimitives.WriteInt32BigEndian(message[(at + 4)..], gateway.Options.Mtu);
        at += 8;
        message[at] = PrefixInformation;
        message[at + 1] = 4;
        message[at + 2] = 64;
        message[at + 3] = 0xC0; // on link, for autoconfiguration
        BinaryPrimitives.WriteUInt32BigEndian(message[(at + 4)..], ValidLifetime);
        BinaryPrimitives.WriteUInt32BigEndian(message[(at + 8)..], PreferredLifetime);
        gateway.Options.Subnet6.Address.Write(message[(at + 16)..]);
        at += 32;
        message[at] = DnsServers;
        message[at + 1] = 3;
        BinaryPrimitives.WriteUInt32BigEndian(message[(at + 4)..], DnsLifetime);
        gateway.Gateway6.Write(message[(at + 8)..]);
        at += 24;
        message[at] = DnsSearch;
        message[at + 1] = 2;
        BinaryPrimitives.WriteUInt32BigEndian(message[(at + 4)..], DnsLifetime);
        s_domain.CopyTo(message[(at + 8)..]);
        Icmp.Complete(message, Gateway.LinkLocal, to, Icmp.RouterAdvertisement, 0, hopLimitFlagsLifetime);
        gateway.SendPacket(Gateway.LinkLocal, to, IpProtocol.Icmp6, message, mac, 255);
    }

    /// <summary>Takes a DHCPv6 message; false when it is malformed.</summary>
    public bool ReceiveDhcp6(MacAddress mac, IpAddress source, ReadOnlySpan<byte> message)
    {
        const byte InformationRequest = 11, Reply = 7;
        if (message.Length < 4 || !source.IsLinkLocal) return false;
        if (message[0] != InformationRequest) return true; // addresses come by autoconfiguration
        Span<byte> reply = stackalloc byte[4 + 4 + 130 + 14 + 20 + 4 + 16];
        message[1..4].CopyTo(reply[1..]);
        reply[0] = Reply;
        var at = 4;
        for (var options = message[4..]; options.Length >= 4;)
        {
            var (code, length) = (BinaryPrimitives.ReadUInt16BigEndian(options), BinaryPrimitives.ReadUInt16BigEndian(options[2..]));
            if (length > options.Length - 4) return false;
            if (code == 1 && length <= 130 && at == 4) // the client's identity comes back
            {
                options[..(4 + length)].CopyTo(reply[at..]);
                at += 4 + length;
            }

            options = options[(4 + length)..];
        }

        Span<byte> identity = [0, 2, 0, 10, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0]; // server identifier: link-layer address, Ethernet
        Gateway.Mac.Write(identity[8..]);
        identity.CopyTo(reply[at..]);
        at += identity.Length;
        BinaryPrimitives.WriteUInt32BigEndian(reply[at..], 23u << 16 | 16); // DNS servers (RFC 3646)
        gateway.Gateway6.Write(reply[(at + 4)..]);
        at += 20;
        BinaryPrimitives.WriteUInt32BigEndian(reply[at..], 24u << 16 | (uint)s_domain.Length);
        s_domain.CopyTo(reply[(at + 4)..]);
        at += 4 + s_domain.Length;
        gateway.SendUdp(Gateway.LinkLocal, source, Dhcp6Port, Dhcp6ClientPort, reply[..at], mac);
        return true;
    }

    private bool ReceiveSolicitation(MacAddress mac, in IpHeader ip, ReadOnlySpan<byte> message)
    {
        if (message.Length < 24) return false;
        var target = IpAddress.Read(message[8..24]);
        if (target != Gateway.LinkLocal && target != gateway.Gateway6)
        {
            // A guest makes sure that nobody has an address which it is about to use (RFC 4862 §5.4): from then on its name leads there.
            if (ip.Source.IsUnspecified && gateway.Options.Subnet6.Contains(target)) gateway.Neighbors.LearnUnlessTaken(target, mac);
            return true;
        }

        Span<byte> answer = stackalloc byte[32];
        target.Write(answer[8..]);
        answer[24] = TargetCard;
        answer[25] = 1;
        Gateway.Mac.Write(answer[26..]);
        var probing = ip.Source.IsUnspecified; // somebody wants our address for itself
        var to = probing ? IpAddress.AllNodes : ip.Source;
        var flags = probing ? 0xA000_0000u : 0xE000_0000u; // router, solicited, override
        Icmp.Complete(answer, target, to, Icmp.NeighborAdvertisement, 0, flags);
        gateway.SendPacket(target, to, IpProtocol.Icmp6, answer, probing ? GroupCard(to) : mac, 255);
        return true;
    }

    /// <summary>Whether the host itself reaches IPv6's world: without, guests should not try and wait.</summary>
    private static bool HasRoute()
    {
        var probe = new IpAddress(0x2000_0000_0000_0000, 1);
        var socket = HostSocket.Open(probe, Linux.Datagram);
        if (socket < 0) return false;
        var result = HostSocket.Connect(socket, probe, 9); // looks up a route and sends nothing
        _ = Linux.Close(socket);
        return result == 0;
    }

    private static MacAddress GroupCard(IpAddress group) => new(0x3333_0000_0000 | (group.Low & 0xFFFF_FFFF)); // RFC 2464 §7
}
