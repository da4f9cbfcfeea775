using System.IO.Compression;
using SharpCompress.Compressors.BZip2;
using SharpCompress.Compressors.LZMA;
using SharpCompress.Compressors.ZStandard;

namespace Holon.SystemMachine.Tests.Boot;

/// <summary>Compressed kernels as bzImages hold them: the last four bytes are the unpacked length.</summary>
internal static class Payloads
{
    public static byte[] Gzip(byte[] content) => Pack(content, output => new GZipStream(output, CompressionLevel.Fastest), appendLength: false);

    public static byte[] Zstd(byte[] content) => Pack(content, output => new CompressionStream(output));

    public static byte[] Bzip2(byte[] content) => Pack(content, output => BZip2Stream.Create(output, SharpCompress.Compressors.CompressionMode.Compress, false));

    public static byte[] Lzma(byte[] content)
    {
        using var output = new MemoryStream();
        using (var encoder = LzmaStream.Create(new LzmaEncoderProperties(true), false, output))
        {
            output.Write(encoder.Properties);
            output.Write(BitConverter.GetBytes(-1L)); // the length is unknown; an end mark follows the data
            encoder.Write(content);
        }

        return [.. output.ToArray(), .. BitConverter.GetBytes(content.Length)];
    }

    /// <summary>LZ4's legacy format with literals only, in blocks of a length.</summary>
    public static byte[] Lz4(byte[] content, int blockLength = 1000)
    {
        var output = new List<byte> { 0x02, 0x21, 0x4C, 0x18 };
        foreach (var block in content.Chunk(blockLength))
        {
            List<byte> packed = [(byte)(Math.Min(block.Length, 15) << 4)];
            if (block.Length >= 15)
            {
                for (var left = block.Length - 15; ; left -= 255)
                {
                    packed.Add((byte)Math.Min(left, 255));
                    if (left < 255) break;
                }
            }

            packed.AddRange(block);
            output.AddRange(BitConverter.GetBytes(packed.Count));
            output.AddRange(packed);
        }

        return [.. output, .. BitConverter.GetBytes(content.Length)];
    }

    private static byte[] Pack(byte[] content, Func<Stream, Stream> open, bool appendLength = true)
    {
        using var output = new MemoryStream();
        using (var encoder = open(output)) encoder.Write(content);
        return appendLength ? [.. output.ToArray(), .. BitConverter.GetBytes(content.Length)] : output.ToArray();
    }
}
