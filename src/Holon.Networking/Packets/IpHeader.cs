using System.Buffers.Binary;

namespace Holon.Networking.Packets;

/// <summary>IP protocol numbers.</summary>
internal static class IpProtocol
{
    public const byte HopByHop = 0, Icmp = 1, Tcp = 6, Udp = 17, Routing = 43, Fragment = 44, Icmp6 = 58, NoNext = 59, Destination = 60;
}

/// <summary>What matters of an IPv4 or IPv6 header, whichever it was (RFC 791, RFC 8200).</summary>
/// <param name="Source">From.</param>
/// <param name="Destination">To.</param>
/// <param name="Protocol">Of the payload, behind extension headers.</param>
/// <param name="HopLimit">Hop limit or time to live.</param>
/// <param name="TrafficClass">DSCP and ECN.</param>
/// <param name="HeaderLength">Bytes before the payload, options and extension headers included.</param>
/// <param name="TotalLength">Bytes of the packet; what follows in the frame is padding.</param>
/// <param name="FragmentOffset">Where the payload belongs in the whole packet's.</param>
/// <param name="MoreFragments">More of the packet follows.</param>
/// <param name="DontFragment">IPv4's flag; always set for IPv6.</param>
/// <param name="Identification">Of the whole packet, for its fragments.</param>
internal readonly record struct IpHeader(
    IpAddress Source,
    IpAddress Destination,
    byte Protocol,
    byte HopLimit,
    byte TrafficClass,
    int HeaderLength,
    int TotalLength,
    int FragmentOffset,
    bool MoreFragments,
    bool DontFragment,
    uint Identification)
{
    public const int V4Size = 20, V6Size = 40;

    /// <summary>Extension headers that are followed; more are an attack (RFC 8504 §5.3 allows dropping them).</summary>
    public const int MaxExtensionHeaders = 8;

    public bool IsFragment => MoreFragments || FragmentOffset != 0;

    public int PayloadLength => TotalLength - HeaderLength;

    /// <summary>Reads an IPv4 header: lengths, options and header checksum are checked.</summary>
    /// <param name="bytes">The packet's first bytes: at least its headers.</param>
    /// <param name="available">Bytes that are there in all.</param>
    /// <param name="header">What was read.</param>
    public static bool TryReadV4(ReadOnlySpan<byte> bytes, int available, out IpHeader header)
    {
        header = default;
        if (bytes.Length < V4Size || bytes[0] >> 4 != 4) return false;
        var headerLength = (bytes[0] & 15) * 4;
        var total = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if (headerLength < V4Size || headerLength > bytes.Length || total < headerLength || total > available) return false;
        if (Checksum.Fold(Checksum.Add(bytes[..headerLength], 0)) != 0xFFFF) return false;
        if (HasSourceRoute(bytes[V4Size..headerLength])) return false;
        var fragment = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        header = new(
            IpAddress.Read(bytes[12..16]),
            IpAddress.Read(bytes[16..20]),
            bytes[9],
            bytes[8],
            bytes[1],
            headerLength,
            total,
            (fragment & 0x1FFF) * 8,
            (fragment & 0x2000) != 0,
            (fragment & 0x4000) != 0,
            BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]));
        return true;
    }

    /// <summary>Reads an IPv6 header and the extension headers behind it.</summary>
    /// <param name="bytes">The packet's first bytes: at least its headers.</param>
    /// <param name="available">Bytes that are there in all.</param>
    /// <param name="header">What was read.</param>
    public static bool TryReadV6(ReadOnlySpan<byte> bytes, int available, out IpHeader header)
    {
        header = default;
        if (bytes.Length < V6Size || bytes[0] >> 4 != 6) return false;
        var total = V6Size + BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        if (total > available) return false; // jumbograms (RFC 2675) say 0 and are not for links of 64 KiB
        var next = bytes[6];
        var at = V6Size;
        var fragmentOffset = 0;
        var more = false;
        var identification = 0u;
        var limit = Math.Min(bytes.Length, total);
        for (var count = 0; IsExtension(next); count++)
        {
            if (count == MaxExtensionHeaders || at + 8 > limit) return false;
            if (next == IpProtocol.HopByHop && count != 0) return false; // RFC 8200 §4.1: only the first
            if (next == IpProtocol.Routing && bytes[at + 3] != 0) return false; // segments left: nobody routes for a guest
            var current = next;
            next = bytes[at];
            if (current == IpProtocol.Fragment)
            {
                var word = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 2)..]);
                fragmentOffset = word & 0xFFF8;
                more = (word & 1) != 0;
                identification = BinaryPrimitives.ReadUInt32BigEndian(bytes[(at + 4)..]);
                at += 8;
                break; // what follows may be the middle of anything
            }

            at += 8 + (bytes[at + 1] * 8);
        }

        if (at > limit) return false;
        header = new(
            IpAddress.Read(bytes[8..24]),
            IpAddress.Read(bytes[24..40]),
            next,
            bytes[7],
            (byte)(BinaryPrimitives.ReadUInt16BigEndian(bytes) >> 4),
            at,
            total,
            fragmentOffset,
            more,
            true,
            identification);
        return !header.Source.IsMulticast && !header.Source.IsV4 && !header.Destination.IsV4; // mapped addresses never travel (RFC 4291 §2.5.5.2)
    }

    /// <summary>Writes an IPv4 header without options, or an IPv6 one without extensions; returns its length.</summary>
    /// <param name="bytes">Where.</param>
    /// <param name="source">From.</param>
    /// <param name="destination">To.</param>
    /// <param name="protocol">Of the payload.</param>
    /// <param name="payload">Its bytes.</param>
    /// <param name="hopLimit">Hop limit or time to live.</param>
    /// <param name="trafficClass">DSCP and ECN.</param>
    public static int Write(Span<byte> bytes, IpAddress source, IpAddress destination, byte protocol, int payload, byte hopLimit = 64, byte trafficClass = 0)
    {
        if (destination.IsV4)
        {
            bytes[0] = 0x45;
            bytes[1] = trafficClass;
            BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)(V4Size + payload));
            BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], 0x4000); // identification 0, don't fragment (RFC 6864 §4.1)
            bytes[8] = hopLimit;
            bytes[9] = protocol;
            BinaryPrimitives.WriteUInt16BigEndian(bytes[10..], 0);
            source.Write(bytes[12..]);
            destination.Write(bytes[16..]);
            Checksum.Store(bytes[10..], Checksum.Finish(Checksum.Add(bytes[..V4Size], 0)));
            return V4Size;
        }

        BinaryPrimitives.WriteUInt32BigEndian(bytes, 6u << 28 | (uint)trafficClass << 20);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], (ushort)payload);
        bytes[6] = protocol;
        bytes[7] = hopLimit;
        source.Write(bytes[8..]);
        destination.Write(bytes[24..]);
        return V6Size;
    }

    private static bool IsExtension(byte next) =>
        next is IpProtocol.HopByHop or IpProtocol.Routing or IpProtocol.Fragment or IpProtocol.Destination;

    /// <summary>True for loose and strict source routes, which nobody honours (RFC 7126 §4.3), and for options that do not parse.</summary>
    private static bool HasSourceRoute(ReadOnlySpan<byte> options)
    {
        while (options is [not 0, ..])
        {
            if (options[0] == 1)
            {
                options = options[1..];
                continue;
            }

            if (options.Length < 2 || options[1] < 2 || options[1] > options.Length || options[0] is 131 or 137) return true;
            options = options[options[1]..];
        }

        return false;
    }
}
