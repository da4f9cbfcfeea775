using CsCheck;
using Holon.Networking.Packets;

namespace Holon.Networking.Tests.Packets;

public sealed class ChecksumTests
{
    [Fact]
    public void The_vectorised_sum_is_that_of_rfc_1071() => Gen.Byte.Array[0, 3000].Sample(bytes => Assert.Equal(Plain(bytes), Checksum.Finish(Checksum.Add(bytes, 0))));

    [Fact]
    public unsafe void A_sum_over_pieces_is_that_of_the_whole() => Gen.Select(Gen.Byte.Array[0, 500], Gen.Int[0, 500], Gen.Int[0, 500]).Sample((bytes, a, b) =>
    {
        (a, b) = (Math.Min(Math.Min(a, b), bytes.Length), Math.Min(Math.Max(a, b), bytes.Length));
        fixed (byte* start = bytes)
        {
            MemorySegment[] pieces = [new((nint)start, a), new((nint)start + a, b - a), new((nint)start + b, bytes.Length - b)];
            Assert.Equal(Plain(bytes), Checksum.Finish(Checksum.Add(pieces, 0)));
        }
    });

    private static ushort Plain(byte[] bytes)
    {
        var sum = 0u;
        for (var i = 0; i < bytes.Length; i += 2) sum += (uint)(bytes[i] << 8 | (i + 1 < bytes.Length ? bytes[i + 1] : 0));
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        var big = (ushort)~sum;
        return BitConverter.IsLittleEndian ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(big) : big;
    }
}
