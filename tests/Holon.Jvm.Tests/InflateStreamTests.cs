using System.IO.Compression;
using CsCheck;
using Holon.Jvm.Natives;

namespace Holon.Jvm.Tests;

public sealed class InflateStreamTests
{
    private static byte[] Compress(byte[] data, bool raw)
    {
        using var sink = new MemoryStream();
        using (Stream stream = raw ? new DeflateStream(sink, CompressionLevel.Optimal, true) : new ZLibStream(sink, CompressionLevel.Optimal, true)) stream.Write(data);
        return sink.ToArray();
    }

    [Fact]
    public void What_was_compressed_comes_back_however_it_is_cut() =>
        Gen.Select(Gen.Byte[0, 20].Select(b => (byte)(b % 20)).Array[1, 3000], Gen.Bool, Gen.Int[1, 40], Gen.Int[1, 40]).Sample((data, raw, inputStep, outputStep) =>
        {
            var packed = Compress(data, raw).Append((byte)0xEE).ToArray();
            var stream = new InflateStream(raw);
            var result = new List<byte>();
            var position = 0;
            var buffer = new byte[outputStep];
            for (var round = 0; !stream.Finished && round < 100_000; round++)
            {
                stream.Run(packed.AsSpan(position, Math.Min(inputStep, packed.Length - position)), buffer, out var consumed, out var produced);
                position += consumed;
                result.AddRange(buffer.AsSpan(0, produced));
            }
            Assert.Equal(data, result);
            Assert.Equal(packed.Length - 1, position);
        }, iter: 200);

    [Fact]
    public void Any_bytes_end_in_data_or_a_data_error() =>
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            var stream = new InflateStream(true);
            try
            {
                stream.Run(bytes, new byte[4096], out _, out _);
            }
            catch (InvalidDataException e)
            {
                Assert.NotEmpty(e.Message);
            }
        });
}
