using System.Buffers.Binary;

namespace Holon.SystemMachine.Boot.Compression;

/// <summary>
/// Unpacks LZ4's legacy frames (lz4_Frame_format.md, "Legacy frame"; lz4_Block_format.md): a magic number, then blocks of at most
/// 8 MiB, each after its compressed length, each independent of the others.
/// </summary>
internal static class Lz4Legacy
{
    private const uint Magic = 0x184C2102;
    private const int MinimumMatch = 4;

    /// <summary>Unpacks all blocks.</summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="InvalidDataException">The data is damaged or does not fit.</exception>
    public static int Unpack(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var written = 0;
        while (input.Length >= sizeof(uint))
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(input);
            input = input[sizeof(uint)..];
            if (length == Magic) continue; // frames may follow each other
            if (length == 0) break;
            if (length > (uint)input.Length) throw new InvalidDataException("A block is longer than what is left.");
            written += UnpackBlock(input[..(int)length], output[written..]);
            input = input[(int)length..];
        }

        return written;
    }

    private static int UnpackBlock(ReadOnlySpan<byte> input, Span<byte> output)
    {
        int read = 0, written = 0;
        while (true)
        {
            var token = input[read++];
            var literals = token >> 4;
            if (literals == 15) literals += ReadLength(input, ref read);
            input.Slice(read, literals).CopyTo(output.Slice(written, literals));
            read += literals;
            written += literals;
            if (read == input.Length) return written; // the last sequence has literals only

            var distance = BinaryPrimitives.ReadUInt16LittleEndian(input[read..]);
            read += sizeof(ushort);
            var length = token & 15;
            if (length == 15) length += ReadLength(input, ref read);
            length += MinimumMatch;
            if (distance == 0 || distance > written) throw new InvalidDataException("A match begins before its block.");
            CopyMatch(output.Slice(written - distance, distance + length), distance);
            written += length;
        }
    }

    /// <summary>Repeats the first <paramref name="distance"/> bytes of a span over the rest of it.</summary>
    private static void CopyMatch(Span<byte> span, int distance)
    {
        for (var filled = distance; filled < span.Length;)
        {
            var length = Math.Min(filled, span.Length - filled);
            span[..length].CopyTo(span[filled..]);
            filled += length;
        }
    }

    private static int ReadLength(ReadOnlySpan<byte> input, ref int read)
    {
        var length = 0;
        byte part;
        do
        {
            part = input[read++];
            length += part; // a hostile length may wrap; the slices that use it are checked
        }
        while (part == 255);
        return length;
    }
}
