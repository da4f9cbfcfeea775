using System.Buffers.Binary;

namespace Holon.Networking.Packets;

/// <summary>A UDP header (RFC 768).</summary>
internal readonly record struct UdpHeader(ushort SourcePort, ushort DestinationPort, int Length)
{
    public const int Size = 8, ChecksumOffset = 6;

    /// <summary>Reads a header and, unless it is trusted, verifies the checksum over the whole datagram.</summary>
    public static bool TryRead(in IpHeader ip, ReadOnlySpan<byte> payload, bool trusted, out UdpHeader header)
    {
        header = default;
        if (payload.Length < Size) return false;
        var length = BinaryPrimitives.ReadUInt16BigEndian(payload[4..]);
        if (length < Size || length > payload.Length) return false;
        header = new(BinaryPrimitives.ReadUInt16BigEndian(payload), BinaryPrimitives.ReadUInt16BigEndian(payload[2..]), length);
        if (trusted) return true;
        if (BinaryPrimitives.ReadUInt16BigEndian(payload[6..]) == 0) return ip.Source.IsV4; // RFC 8200 §8.1: IPv6 must have one
        var sum = Checksum.PseudoHeader(ip.Source, ip.Destination, IpProtocol.Udp, length);
        return Checksum.Fold(Checksum.Add(payload[..length], sum)) == 0xFFFF;
    }

    /// <summary>Writes a header whose checksum the receiver completes, or does without.</summary>
    public static void WritePartial(Span<byte> bytes, IpAddress source, IpAddress destination, ushort sourcePort, ushort destinationPort, int length)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], (ushort)length);
        Checksum.Store(bytes[ChecksumOffset..], Checksum.Fold(Checksum.PseudoHeader(source, destination, IpProtocol.Udp, length)));
    }

    /// <summary>Writes a header; the checksum is of header and payload.</summary>
    public static void Write(Span<byte> bytes, IpAddress source, IpAddress destination, ushort sourcePort, ushort destinationPort, ReadOnlySpan<byte> payload)
    {
        var length = Size + payload.Length;
        BinaryPrimitives.WriteUInt16BigEndian(bytes, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[6..], 0);
        var sum = Checksum.Add(bytes[..Size], Checksum.PseudoHeader(source, destination, IpProtocol.Udp, length));
        var checksum = Checksum.Finish(Checksum.Add(payload, sum));
        Checksum.Store(bytes[6..], checksum == 0 ? (ushort)0xFFFF : checksum);
    }
}
