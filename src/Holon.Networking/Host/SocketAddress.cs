using System.Buffers.Binary;

namespace Holon.Networking.Host;

/// <summary>An address and port in the system's own form (<c>sockaddr_in</c>, <c>sockaddr_in6</c>).</summary>
internal unsafe struct SocketAddress
{
    public const int MaxSize = 28;

    public fixed byte Bytes[MaxSize];

    public uint Length;

    public static SocketAddress Of(IpAddress address, ushort port)
    {
        var result = default(SocketAddress);
        var bytes = new Span<byte>(result.Bytes, MaxSize); // safe: the struct is a local, which does not move
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], port);
        if (address.IsV4)
        {
            BitConverter.TryWriteBytes(bytes, (ushort)Linux.FamilyV4);
            address.Write(bytes[4..]);
            result.Length = 16;
        }
        else
        {
            BitConverter.TryWriteBytes(bytes, (ushort)Linux.FamilyV6);
            address.Write(bytes[8..]);
            result.Length = 28;
        }

        return result;
    }

    /// <summary>Reads what the kernel has written.</summary>
    public static (IpAddress Address, ushort Port) Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 16) return default;
        var port = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        return BitConverter.ToUInt16(bytes) switch
        {
            Linux.FamilyV4 => (IpAddress.Read(bytes[4..8]), port),
            Linux.FamilyV6 when bytes.Length >= 24 => (IpAddress.Read(bytes[8..24]), port),
            _ => default,
        };
    }
}
