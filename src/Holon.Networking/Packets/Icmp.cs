using System.Buffers.Binary;

namespace Holon.Networking.Packets;

/// <summary>Message types of ICMP (RFC 792), ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861).</summary>
internal static class Icmp
{
    public const byte EchoReply = 0, Unreachable = 3, EchoRequest = 8, TimeExceeded = 11;
    public const byte Unreachable6 = 1, PacketTooBig6 = 2, TimeExceeded6 = 3, EchoRequest6 = 128, EchoReply6 = 129;
    public const byte RouterSolicitation = 133, RouterAdvertisement = 134, NeighborSolicitation = 135, NeighborAdvertisement = 136;

    /// <summary>Codes of IPv4's unreachable.</summary>
    public const byte NetworkCode = 0, HostCode = 1, PortCode = 3, TooBigCode = 4, ProhibitedCode = 13;

    /// <summary>Codes of IPv6's unreachable.</summary>
    public const byte NoRouteCode6 = 0, ProhibitedCode6 = 1, AddressCode6 = 3, PortCode6 = 4;

    public const int HeaderSize = 8;

    /// <summary>True when the message's checksum is right.</summary>
    public static bool IsValid(in IpHeader ip, ReadOnlySpan<byte> message) =>
        message.Length >= HeaderSize && Checksum.Fold(Checksum.Add(message, Start(ip.Source, ip.Destination, message.Length))) == 0xFFFF;

    /// <summary>Writes type, code, the second word and the checksum of a message whose body is in place.</summary>
    public static void Complete(Span<byte> message, IpAddress source, IpAddress destination, byte type, byte code, uint word)
    {
        message[0] = type;
        message[1] = code;
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], word);
        Checksum.Store(message[2..], Checksum.Finish(Checksum.Add(message, Start(source, destination, message.Length))));
    }

    private static ulong Start(IpAddress source, IpAddress destination, int length) =>
        destination.IsV4 ? 0 : Checksum.PseudoHeader(source, destination, IpProtocol.Icmp6, length);
}
