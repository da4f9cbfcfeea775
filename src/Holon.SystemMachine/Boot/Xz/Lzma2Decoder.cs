using System.Buffers.Binary;

namespace Holon.SystemMachine.Boot.Xz;

/// <summary>LZMA2: chunks of LZMA or of plain bytes, each saying what it resets ("The .xz File Format", §5.3.1; xz's lzma2_decoder.c names the control bytes).</summary>
internal sealed class Lzma2Decoder
{
    private readonly LzmaDecoder _lzma = new();

    /// <summary>Unpacks one block.</summary>
    /// <param name="input">Begins with the first chunk.</param>
    /// <param name="output">The whole output.</param>
    /// <param name="start">Where the block begins in it.</param>
    /// <returns>Bytes read, with the end mark, and where the output ends.</returns>
    /// <exception cref="InvalidDataException">The data is damaged or does not fit.</exception>
    public (int Read, int End) Decode(ReadOnlySpan<byte> input, Span<byte> output, int start)
    {
        int read = 0, position = start;
        bool needsDictionary = true, needsProperties = true;
        while (true)
        {
            var control = input[read++];
            if (control == 0) return (read, position);

            if (control is 1 || control >= 0xE0)
            {
                _lzma.DictionaryStart = position;
                needsDictionary = false;
            }
            else if (needsDictionary || control is > 2 and < 0x80)
            {
                throw new InvalidDataException("An LZMA2 chunk begins wrongly.");
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(input[read..]) + 1;
            read += 2;
            if (control < 0x80)
            {
                input.Slice(read, length).CopyTo(output[position..]);
                read += length;
                position += length;
                continue;
            }

            length += (control & 0x1F) << 16;
            var packed = BinaryPrimitives.ReadUInt16BigEndian(input[read..]) + 1;
            read += 2;
            if (control >= 0xC0)
            {
                _lzma.SetProperties(input[read++]);
                needsProperties = false;
            }
            else if (needsProperties)
            {
                throw new InvalidDataException("An LZMA2 chunk needs properties that no chunk gave.");
            }
            else if (control >= 0xA0)
            {
                _lzma.ResetState();
            }

            if (length > output.Length - position) throw new InvalidDataException("An LZMA2 chunk does not fit the output.");
            var end = _lzma.Decode(input.Slice(read, packed), output, position, position + length);
            if (end != position + length) throw new InvalidDataException("An LZMA2 chunk ends early.");
            read += packed;
            position = end;
        }
    }
}
