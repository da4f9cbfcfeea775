using System.Buffers.Binary;

namespace Holon.SystemMachine.Boot.Xz;

/// <summary>Unpacks the format before xz: properties, dictionary size and length in 13 bytes, then LZMA data.</summary>
internal static class LzmaAlone
{
    private const int HeaderLength = 13;

    /// <summary>Unpacks a file.</summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="InvalidDataException">The data is damaged.</exception>
    public static int Unpack(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var length = BinaryPrimitives.ReadUInt64LittleEndian(input[5..]);
        var end = (int)Math.Min(length, (ulong)output.Length); // all ones means: up to the end marker
        var decoder = new LzmaDecoder();
        decoder.SetProperties(input[0]);
        return decoder.Decode(input[HeaderLength..], output, 0, end);
    }
}
