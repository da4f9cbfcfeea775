using System.Buffers.Binary;

namespace Holon.Networking.Packets;

/// <summary>Control bits (RFC 9293 §3.1).</summary>
[Flags]
internal enum TcpFlags : byte
{
    None = 0,
    Fin = 1,
    Syn = 2,
    Rst = 4,
    Psh = 8,
    Ack = 16,
    Urg = 32,
}

/// <summary>A range of sequence numbers, the end not included.</summary>
internal readonly record struct SequenceRange(uint Start, uint End)
{
    public int Length => (int)(End - Start);
}

/// <summary>Up to four SACK blocks (RFC 2018 §3).</summary>
[System.Runtime.CompilerServices.InlineArray(Capacity)]
internal struct SackBlocks
{
    public const int Capacity = 4;

    private SequenceRange _first;
}

/// <summary>A TCP header with the options that matter (RFC 9293 §3.1, RFC 7323, RFC 2018).</summary>
internal struct TcpHeader
{
    public const int Size = 20, MaxSize = 60, ChecksumOffset = 16;

    public ushort SourcePort, DestinationPort, Window;
    public uint Sequence, Acknowledgment;
    public TcpFlags Flags;

    /// <summary>Bytes, options included.</summary>
    public int Length;

    /// <summary>Largest segment that the sender of a SYN receives; 0 when it does not say.</summary>
    public ushort MaxSegment;

    /// <summary>Shift of the sender's windows, -1 when a SYN does not say.</summary>
    public int WindowScale;

    public bool SackPermitted, HasTimestamp;
    public uint TimestampValue, TimestampEcho;
    public SackBlocks Sack;
    public int SackCount;

    /// <summary>Reads a header of which all bytes are there. The checksum is not looked at.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out TcpHeader header)
    {
        header = default;
        header.WindowScale = -1;
        if (bytes.Length < Size) return false;
        header.Length = (bytes[12] >> 4) * 4;
        if (header.Length < Size || header.Length > bytes.Length) return false;
        header.SourcePort = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        header.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        header.Sequence = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        header.Acknowledgment = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]);
        header.Flags = (TcpFlags)(bytes[13] & 0x3F);
        header.Window = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        header.ReadOptions(bytes[Size..header.Length]);
        return header.SourcePort != 0 && header.DestinationPort != 0;
    }

    private void ReadOptions(ReadOnlySpan<byte> options)
    {
        while (options is [not 0, ..])
        {
            if (options[0] == 1)
            {
                options = options[1..];
                continue;
            }

            if (options.Length < 2 || options[1] < 2 || options[1] > options.Length) return; // the rest is garbage, what came before counts
            var kind = options[0];
            var body = options[2..options[1]];
            options = options[options[1]..];
            switch (kind)
            {
                case 2 when body.Length == 2:
                    MaxSegment = BinaryPrimitives.ReadUInt16BigEndian(body);
                    break;
                case 3 when body.Length == 1:
                    WindowScale = Math.Min(body[0], (byte)14); // RFC 7323 §2.3
                    break;
                case 4 when body.Length == 0:
                    SackPermitted = true;
                    break;
                case 5 when body.Length % 8 == 0:
                    SackCount = Math.Min(body.Length / 8, SackBlocks.Capacity);
                    for (var i = 0; i < SackCount; i++)
                        Sack[i] = new(BinaryPrimitives.ReadUInt32BigEndian(body[(i * 8)..]), BinaryPrimitives.ReadUInt32BigEndian(body[((i * 8) + 4)..]));
                    break;
                case 8 when body.Length == 8:
                    HasTimestamp = true;
                    TimestampValue = BinaryPrimitives.ReadUInt32BigEndian(body);
                    TimestampEcho = BinaryPrimitives.ReadUInt32BigEndian(body[4..]);
                    break;
            }
        }
    }

    /// <summary>Writes the header, with a checksum field of zero; returns its length.</summary>
    public readonly int Write(Span<byte> bytes)
    {
        var at = Size;
        if (MaxSegment != 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes[at..], 0x0204_0000u | MaxSegment);
            at += 4;
        }

        if (WindowScale >= 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes[at..], 0x0103_0300u | (uint)WindowScale);
            at += 4;
        }

        if (SackPermitted)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes[at..], 0x0101_0402);
            at += 4;
        }

        if (HasTimestamp)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes[at..], 0x0101_080A);
            BinaryPrimitives.WriteUInt32BigEndian(bytes[(at + 4)..], TimestampValue);
            BinaryPrimitives.WriteUInt32BigEndian(bytes[(at + 8)..], TimestampEcho);
            at += 12;
        }

        if (SackCount > 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes[at..], 0x0101_0500u | (uint)((SackCount * 8) + 2));
            at += 4;
            for (var i = 0; i < SackCount; i++, at += 8)
            {
                BinaryPrimitives.WriteUInt32BigEndian(bytes[at..], Sack[i].Start);
                BinaryPrimitives.WriteUInt32BigEndian(bytes[(at + 4)..], Sack[i].End);
            }
        }

        BinaryPrimitives.WriteUInt16BigEndian(bytes, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], Acknowledgment);
        bytes[12] = (byte)(at / 4 << 4);
        bytes[13] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[14..], Window);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[16..], 0); // checksum and urgent pointer
        return at;
    }
}
