using System.Buffers.Binary;

namespace Holon.Devices.Virtio.Vsock;

/// <summary>What a packet says (virtio 1.2, §5.10.6).</summary>
internal enum VsockOperation : ushort
{
    Invalid = 0,
    Request = 1,
    Response = 2,
    Reset = 3,
    Shutdown = 4,
    Data = 5,
    CreditUpdate = 6,
    CreditRequest = 7,
}

/// <summary>A packet's header.</summary>
internal readonly record struct VsockPacket(
    ulong SourceCid, ulong DestinationCid, uint SourcePort, uint DestinationPort, uint Length, ushort Type, VsockOperation Operation, uint Flags, uint BufferSize, uint Forwarded)
{
    /// <summary>Bytes of a header.</summary>
    public const int HeaderLength = 44;

    /// <summary>A byte stream: the only type there is here.</summary>
    public const ushort Stream = 1;

    /// <summary>Flags of a shutdown: the sender will not receive, or not send, any more.</summary>
    public const uint NoReceive = 1, NoSend = 2;

    /// <summary>Reads a header.</summary>
    public static VsockPacket Parse(ReadOnlySpan<byte> header) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(header),
        BinaryPrimitives.ReadUInt64LittleEndian(header[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(header[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(header[20..]),
        BinaryPrimitives.ReadUInt32LittleEndian(header[24..]),
        BinaryPrimitives.ReadUInt16LittleEndian(header[28..]),
        (VsockOperation)BinaryPrimitives.ReadUInt16LittleEndian(header[30..]),
        BinaryPrimitives.ReadUInt32LittleEndian(header[32..]),
        BinaryPrimitives.ReadUInt32LittleEndian(header[36..]),
        BinaryPrimitives.ReadUInt32LittleEndian(header[40..]));

    /// <summary>Writes it.</summary>
    public void Write(Span<byte> header)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(header, SourceCid);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], DestinationCid);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], SourcePort);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], DestinationPort);
        BinaryPrimitives.WriteUInt32LittleEndian(header[24..], Length);
        BinaryPrimitives.WriteUInt16LittleEndian(header[28..], Type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[30..], (ushort)Operation);
        BinaryPrimitives.WriteUInt32LittleEndian(header[32..], Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(header[36..], BufferSize);
        BinaryPrimitives.WriteUInt32LittleEndian(header[40..], Forwarded);
    }

    /// <summary>The answer to a packet that belongs to no connection.</summary>
    public VsockPacket ToReset() => new(DestinationCid, SourceCid, DestinationPort, SourcePort, 0, Type, VsockOperation.Reset, 0, 0, 0);
}
