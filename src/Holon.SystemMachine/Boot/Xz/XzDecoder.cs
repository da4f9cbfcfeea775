using System.Buffers.Binary;
using Holon.SystemMachine.Boot.Compression;

namespace Holon.SystemMachine.Boot.Xz;

/// <summary>
/// Unpacks xz files as kernels have them ("The .xz File Format", version 1.2.0): one stream of blocks of LZMA2 data, with the
/// x86 branch filter or without, and CRC32 checks or none. The index after the blocks only repeats what they say and is not read.
/// </summary>
internal static class XzDecoder
{
    private const int StreamHeaderLength = 12, IndexIndicator = 0;
    private const byte FilterLzma2 = 0x21, FilterX86 = 0x04, CheckNone = 0, CheckCrc32 = 1;

    /// <summary>Unpacks all blocks of the stream.</summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="InvalidDataException">The data is damaged, does not fit, or uses what kernels do not.</exception>
    public static int Unpack(ReadOnlySpan<byte> input, Span<byte> output)
    {
        if (input.Length < StreamHeaderLength || Crc32.Compute(input[6..8]) != BinaryPrimitives.ReadUInt32LittleEndian(input[8..])) throw new InvalidDataException("The xz stream header is damaged.");
        var check = input[7];
        if (input[6] != 0 || check is not (CheckNone or CheckCrc32)) throw new InvalidDataException($"Integrity check {check} of xz is not one that kernels use.");

        var decoder = new Lzma2Decoder();
        var position = StreamHeaderLength;
        var written = 0;
        while (input[position] != IndexIndicator)
        {
            var header = input.Slice(position, (input[position] + 1) * 4);
            var hasX86Filter = ReadBlockHeader(header);
            position += header.Length;
            var start = written;
            var (read, end) = decoder.Decode(input[position..], output, start);
            written = end;
            position = (position + read + 3) & ~3;
            var block = output[start..end];
            if (hasX86Filter) X86BranchFilter.Decode(block);
            if (check == CheckCrc32)
            {
                if (Crc32.Compute(block) != BinaryPrimitives.ReadUInt32LittleEndian(input[position..])) throw new InvalidDataException("The xz block fails its check.");
                position += sizeof(uint);
            }
        }

        return written;
    }

    /// <returns>Whether the x86 filter follows.</returns>
    private static bool ReadBlockHeader(ReadOnlySpan<byte> header)
    {
        const byte FilterCountMask = 0x03, HasCompressedLength = 0x40, HasLength = 0x80;
        if (Crc32.Compute(header[..^4]) != BinaryPrimitives.ReadUInt32LittleEndian(header[^4..])) throw new InvalidDataException("The xz block header is damaged.");
        var flags = header[1];
        var fields = header[2..^4];
        if ((flags & HasCompressedLength) != 0) ReadInteger(ref fields);
        if ((flags & HasLength) != 0) ReadInteger(ref fields);
        var filters = (flags & FilterCountMask) + 1;
        var hasX86Filter = false;
        if (filters == 2)
        {
            var id = ReadFilter(ref fields, out var startOffset);
            if (id != FilterX86 || startOffset.ContainsAnyExcept((byte)0)) throw new InvalidDataException($"Filter 0x{id:x} of xz is not one that kernels use.");
            hasX86Filter = true;
        }

        if (filters > 2 || ReadFilter(ref fields, out _) != FilterLzma2) throw new InvalidDataException("The xz filters are not those that kernels use.");
        return hasX86Filter;
    }

    private static ulong ReadFilter(ref ReadOnlySpan<byte> fields, out ReadOnlySpan<byte> properties)
    {
        var id = ReadInteger(ref fields);
        var length = checked((int)ReadInteger(ref fields));
        properties = fields[..length];
        fields = fields[length..];
        return id;
    }

    /// <summary>A number of up to nine bytes, seven bits in each, lowest first.</summary>
    private static ulong ReadInteger(ref ReadOnlySpan<byte> fields)
    {
        var value = 0ul;
        for (var i = 0; i < 9; i++)
        {
            value |= (ulong)(fields[i] & 0x7F) << (7 * i);
            if ((fields[i] & 0x80) != 0) continue;
            fields = fields[(i + 1)..];
            return value;
        }

        throw new InvalidDataException("A number in the xz header is too long.");
    }
}
