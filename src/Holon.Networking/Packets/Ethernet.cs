using System.Buffers.Binary;

namespace Holon.Networking.Packets;

/// <summary>What an Ethernet frame carries.</summary>
internal static class EtherType
{
    public const ushort Ipv4 = 0x0800, Arp = 0x0806, Vlan = 0x8100, Ipv6 = 0x86DD;
}

/// <summary>An Ethernet II header.</summary>
internal readonly record struct EthernetHeader(MacAddress Destination, MacAddress Source, ushort Type)
{
    public const int Size = 14;

    public static bool TryRead(ReadOnlySpan<byte> frame, out EthernetHeader header)
    {
        header = default;
        if (frame.Length < Size) return false;
        header = new(MacAddress.Read(frame), MacAddress.Read(frame[6..]), BinaryPrimitives.ReadUInt16BigEndian(frame[12..]));
        return true;
    }

    public void Write(Span<byte> frame)
    {
        Destination.Write(frame);
        Source.Write(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], Type);
    }
}

/// <summary>An ARP packet for IPv4 over Ethernet (RFC 826).</summary>
internal readonly record struct ArpPacket(ushort Operation, MacAddress SenderMac, IpAddress SenderIp, MacAddress TargetMac, IpAddress TargetIp)
{
    public const int Size = 28;
    public const ushort Request = 1, Reply = 2;

    public static bool TryRead(ReadOnlySpan<byte> bytes, out ArpPacket packet)
    {
        packet = default;
        if (bytes.Length < Size || BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16 != 0x0001_0800_0604) return false;
        packet = new(
            BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]),
            MacAddress.Read(bytes[8..]),
            IpAddress.Read(bytes[14..18]),
            MacAddress.Read(bytes[18..]),
            IpAddress.Read(bytes[24..28]));
        return true;
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, 0x0001_0800_0604_0000ul | Operation);
        SenderMac.Write(bytes[8..]);
        SenderIp.Write(bytes[14..]);
        TargetMac.Write(bytes[18..]);
        TargetIp.Write(bytes[24..]);
    }
}
