using System.Buffers.Binary;
using System.Net;

namespace Holon.Networking;

/// <summary>An IPv4 or IPv6 address as a value of 16 bytes: IPv4 is kept as the IPv4-mapped IPv6 address it is in RFC 4291 §2.5.5.2.</summary>
/// <param name="High">The first eight bytes.</param>
/// <param name="Low">The last eight.</param>
public readonly record struct IpAddress(ulong High, ulong Low)
{
    private const ulong Mapped = 0xFFFF_0000_0000;

    /// <summary>An IPv4 address from its number, <c>0x0A000201</c> for 10.0.2.1.</summary>
    public static IpAddress V4(uint value) => new(0, Mapped | value);

    /// <summary>255.255.255.255.</summary>
    public static IpAddress Broadcast4 => V4(uint.MaxValue);

    /// <summary>ff02::1, every node on the link.</summary>
    public static IpAddress AllNodes => new(0xFF02_0000_0000_0000, 1);

    /// <summary>True for IPv4.</summary>
    public bool IsV4 => High == 0 && Low >> 32 == 0xFFFF;

    /// <summary>The number of an IPv4 address.</summary>
    public uint V4Value => (uint)Low;

    /// <summary>0.0.0.0 or ::.</summary>
    public bool IsUnspecified => High == 0 && Low is 0 or Mapped;

    /// <summary>127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => IsV4 ? V4Value >> 24 == 127 : High == 0 && Low == 1;

    /// <summary>224.0.0.0/4 or ff00::/8.</summary>
    public bool IsMulticast => IsV4 ? V4Value >> 28 == 14 : High >> 56 == 0xFF;

    /// <summary>169.254.0.0/16 or fe80::/10.</summary>
    public bool IsLinkLocal => IsV4 ? V4Value >> 16 == 0xA9FE : High >> 54 == 0xFE80 >> 6;

    /// <summary>
    /// True for what must never leave for the host: this host and this network (0/8, ::), loopback, link-local (among them the metadata
    /// services of clouds, 169.254.169.254), multicast, class E with broadcast, and IPv6 forms that hide an IPv4 address.
    /// </summary>
    public bool IsNeverForwarded => IsV4
        ? V4Value >> 24 is 0 or 127 || V4Value >> 28 >= 14 || IsLinkLocal
        : High == 0 || IsMulticast || IsLinkLocal || High >> 32 == 0x0064_FF9B || High >> 48 == 0x2002;

    /// <summary>Reads 4 or 16 bytes.</summary>
    public static IpAddress Read(ReadOnlySpan<byte> bytes) => bytes.Length == 4
        ? V4(BinaryPrimitives.ReadUInt32BigEndian(bytes))
        : new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    /// <summary>Writes 4 bytes for IPv4, 16 for IPv6, and returns how many.</summary>
    public int Write(Span<byte> bytes)
    {
        if (IsV4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, V4Value);
            return 4;
        }

        BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
        return 16;
    }

    /// <summary>True when the first bits of both are the same and both are of one family.</summary>
    /// <param name="prefix">The other.</param>
    /// <param name="length">How many bits: up to 32 for IPv4, up to 128 for IPv6.</param>
    public bool IsIn(IpAddress prefix, int length)
    {
        if (IsV4 != prefix.IsV4) return false;
        if (IsV4) length += 96;
        var high = length >= 64 ? ulong.MaxValue : length == 0 ? 0 : ulong.MaxValue << (64 - length);
        var low = length <= 64 ? 0 : length >= 128 ? ulong.MaxValue : ulong.MaxValue << (128 - length);
        return ((High ^ prefix.High) & high) == 0 && ((Low ^ prefix.Low) & low) == 0;
    }

    /// <summary>Reads an address as people write it; zones and the loose IPv4 forms are refused.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IpAddress address)
    {
        address = default;
        if (text.Contains('%') || (!text.Contains(':') && text.Count('.') != 3) || !IPAddress.TryParse(text, out var parsed)) return false;
        Span<byte> bytes = stackalloc byte[16];
        parsed.TryWriteBytes(bytes, out var written);
        address = Read(bytes[..written]);
        return true;
    }

    /// <summary>The platform's type for it.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        return new IPAddress(bytes[..Write(bytes)]);
    }

    /// <summary>From the platform's type.</summary>
    public static IpAddress From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var written);
        return Read(bytes[..written]);
    }

    /// <inheritdoc/>
    public override string ToString() => ToIPAddress().ToString();
}

/// <summary>A network prefix, <c>10.0.2.0/24</c>.</summary>
/// <param name="Address">The network's address; bits behind the prefix are zero.</param>
/// <param name="Length">Bits of the prefix, of 32 or 128.</param>
public readonly record struct IpPrefix(IpAddress Address, int Length)
{
    /// <summary>True when an address is inside.</summary>
    public bool Contains(IpAddress address) => address.IsIn(Address, Length);

    /// <summary>The address with a number inside of the prefix.</summary>
    public IpAddress At(uint number) => new(Address.High, Address.Low + number);

    /// <summary>The netmask of an IPv4 prefix.</summary>
    public uint Mask4 => Length == 0 ? 0 : uint.MaxValue << (32 - Length);

    /// <summary>The last address of an IPv4 prefix, which is its broadcast address.</summary>
    public IpAddress Broadcast4 => IpAddress.V4(Address.V4Value | ~Mask4);

    /// <summary>Reads <c>10.0.2.0/24</c>, <c>fd00::/64</c>, or an address alone, which is a prefix of all its bits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IpPrefix prefix)
    {
        prefix = default;
        var slash = text.IndexOf('/');
        if (!IpAddress.TryParse(slash < 0 ? text : text[..slash], out var address)) return false;
        var bits = address.IsV4 ? 32 : 128;
        var length = bits;
        if (slash >= 0 && (!int.TryParse(text[(slash + 1)..], System.Globalization.NumberStyles.None, null, out length) || length > bits)) return false;
        prefix = Of(address, length);
        return true;
    }

    /// <summary>The prefix that an address is in.</summary>
    public static IpPrefix Of(IpAddress address, int length)
    {
        if (address.IsV4) return new(IpAddress.V4(length == 0 ? 0 : address.V4Value & (uint.MaxValue << (32 - length))), length);
        var high = length >= 64 ? ulong.MaxValue : length == 0 ? 0 : ulong.MaxValue << (64 - length);
        var low = length <= 64 ? 0 : ulong.MaxValue << (128 - length);
        return new(new IpAddress(address.High & high, address.Low & low), length);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Address}/{Length}";
}
