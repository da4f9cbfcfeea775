using System.Diagnostics;

namespace Holon.Networking;

/// <summary>
/// A frame that a port hands over: where its bytes are, and what was left undone in it. One instance is filled again and again.
/// </summary>
/// <remarks>The bytes may be guest memory that the guest changes meanwhile: copy what is to be checked before checking it.</remarks>
public sealed class Frame
{
    /// <summary>The longest frame: an IP packet of 64 KiB with its Ethernet header and a VLAN tag.</summary>
    public const int MaxLength = 65535 + 18;

    /// <summary>The most pieces a frame is taken in; ports drop frames with more. Linux uses at most 20.</summary>
    public const int MaxSegments = 64;

    private readonly MemorySegment[] _segments = new MemorySegment[MaxSegments];
    private int _count;

    /// <summary>What the sender left undone.</summary>
    public FrameOffload Offload;

    /// <summary>Bytes of the frame.</summary>
    public int Length { get; private set; }

    /// <summary>Whether an IPv4 packet seems to be in it. The sender may change it afterwards.</summary>
    internal bool IsV4
    {
        get
        {
            Span<byte> head = stackalloc byte[Packets.EthernetHeader.Size + 1];
            return CopyTo(0, head) == head.Length && head[^1] >> 4 == 4;
        }
    }

    /// <summary>Where the bytes are, in order.</summary>
    public ReadOnlySpan<MemorySegment> Segments => _segments.AsSpan(0, _count);

    /// <summary>Forgets the frame before.</summary>
    public void Clear()
    {
        _count = Length = 0;
        Offload = default;
    }

    /// <summary>Adds a piece; false when the frame gets too long or has too many, and it should be dropped then.</summary>
    public bool Add(nint address, int length)
    {
        if (length <= 0) return length == 0;
        if (_count == MaxSegments || length > MaxLength - Length) return false;
        _segments[_count++] = new MemorySegment(address, length);
        Length += length;
        return true;
    }

    /// <summary>Copies bytes from an offset on; returns how many there were.</summary>
    public int CopyTo(int offset, Span<byte> destination)
    {
        var copied = 0;
        foreach (ref readonly var segment in Segments)
        {
            if (offset >= segment.Length)
            {
                offset -= (int)segment.Length;
                continue;
            }

            var piece = segment.Span[offset..];
            if (piece.Length > destination.Length - copied) piece = piece[..(destination.Length - copied)];
            piece.CopyTo(destination[copied..]);
            copied += piece.Length;
            offset = 0;
            if (copied == destination.Length) break;
        }

        return copied;
    }

    /// <summary>The pieces of a range of the frame; returns how many. The destination must have room for <see cref="MaxSegments"/>.</summary>
    public int Slice(int offset, int length, Span<MemorySegment> destination)
    {
        Debug.Assert(offset >= 0 && length >= 0 && offset + length <= Length, "the caller has checked the range");
        return Slice(Segments, offset, length, destination);
    }

    internal static int Slice(ReadOnlySpan<MemorySegment> segments, int offset, int length, Span<MemorySegment> destination)
    {
        var count = 0;
        foreach (ref readonly var segment in segments)
        {
            if (length == 0) break;
            if (offset >= segment.Length)
            {
                offset -= (int)segment.Length;
                continue;
            }

            var piece = Math.Min((int)segment.Length - offset, length);
            destination[count++] = new MemorySegment(segment.Address + offset, piece);
            length -= piece;
            offset = 0;
        }

        return count;
    }
}
