using System.Runtime.InteropServices;

namespace Holon.Networking;

/// <summary>How a frame is to be cut into segments (virtio 1.2 §5.1.6, <c>gso_type</c>).</summary>
public enum GsoType : byte
{
    /// <summary>The frame is one segment.</summary>
    None = 0,

    /// <summary>TCP over IPv4.</summary>
    Tcp4 = 1,

    /// <summary>TCP over IPv6.</summary>
    Tcp6 = 4,

    /// <summary>UDP datagrams of the same two endpoints, each with <see cref="FrameOffload.SegmentSize"/> bytes but the last.</summary>
    Udp = 5,
}

/// <summary>
/// What a sender left undone in a frame, and what a receiver need not do: the meaning and layout of virtio-net's header
/// (virtio 1.2 §5.1.6) without <c>num_buffers</c>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 2)]
public struct FrameOffload : IEquatable<FrameOffload>
{
    /// <summary>The checksum field holds the pseudo-header's sum only; the rest is to be added from <see cref="ChecksumStart"/>.</summary>
    public const byte NeedsChecksum = 1;

    /// <summary>Whoever handed the frame over vouches for its checksum.</summary>
    public const byte DataValid = 2;

    /// <summary>Bytes of the structure.</summary>
    public const int Size = 10;

    private const byte EcnBit = 0x80;

    /// <summary><see cref="NeedsChecksum"/>, <see cref="DataValid"/>.</summary>
    public byte Flags;

    /// <summary><see cref="GsoType"/>, with 0x80 when the segments carry ECN.</summary>
    public byte GsoCode;

    /// <summary>Bytes of all headers, a hint.</summary>
    public ushort HeaderLength;

    /// <summary>Payload bytes in each segment but the last.</summary>
    public ushort SegmentSize;

    /// <summary>Where summing begins, from the start of the frame.</summary>
    public ushort ChecksumStart;

    /// <summary>Where the checksum goes, from <see cref="ChecksumStart"/>.</summary>
    public ushort ChecksumOffset;

    /// <summary>The kind of segmentation, without the ECN bit.</summary>
    public readonly GsoType Gso => (GsoType)(GsoCode & ~EcnBit);

    /// <summary>True when the receiver need not verify the transport checksum.</summary>
    public readonly bool IsChecksumTrusted => (Flags & (NeedsChecksum | DataValid)) != 0;

    /// <inheritdoc/>
    public readonly bool Equals(FrameOffload other) =>
        Flags == other.Flags && GsoCode == other.GsoCode && HeaderLength == other.HeaderLength
        && SegmentSize == other.SegmentSize && ChecksumStart == other.ChecksumStart && ChecksumOffset == other.ChecksumOffset;

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is FrameOffload other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode() => HashCode.Combine(Flags, GsoCode, HeaderLength, SegmentSize, ChecksumStart, ChecksumOffset);

    /// <summary>Whether two are the same.</summary>
    public static bool operator ==(FrameOffload left, FrameOffload right) => left.Equals(right);

    /// <summary>Whether two differ.</summary>
    public static bool operator !=(FrameOffload left, FrameOffload right) => !left.Equals(right);
}
