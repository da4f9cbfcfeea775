using System.Buffers.Binary;

namespace Holon.Python.Modules;

/// <summary>SHA-224 (FIPS 180-4, 6.3), the only one of the SHA-2 family that .NET lacks.</summary>
internal static class Sha224
{
    /// <summary>The fractions of the cube roots of the first 64 primes (4.2.2).</summary>
    private static readonly uint[] Constants = [.. Enumerable.Range(2, 310).Where(n => Enumerable.Range(2, n - 2).All(d => n % d != 0)).Take(64).Select(p => (uint)(Math.Cbrt(p) % 1 * 4294967296.0))];

    public static byte[] Hash(ReadOnlySpan<byte> data)
    {
        uint[] state = [0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4];
        var whole = data.Length / 64 * 64;
        for (var at = 0; at < whole; at += 64)
            Block(state, data.Slice(at, 64));
        // The rest, a one bit, zeros, and the length in bits.
        var rest = data[whole..];
        var last = new byte[rest.Length < 56 ? 64 : 128];
        rest.CopyTo(last);
        last[rest.Length] = 0x80;
        BinaryPrimitives.WriteInt64BigEndian(last.AsSpan(last.Length - 8), (long)data.Length * 8);
        for (var at = 0; at < last.Length; at += 64)
            Block(state, last.AsSpan(at, 64));
        var digest = new byte[28];
        for (var i = 0; i < 7; i++)
            BinaryPrimitives.WriteUInt32BigEndian(digest.AsSpan(i * 4), state[i]);
        return digest;
    }

    private static void Block(uint[] state, ReadOnlySpan<byte> block)
    {
        Span<uint> w = stackalloc uint[64];
        for (var t = 0; t < 16; t++)
            w[t] = BinaryPrimitives.ReadUInt32BigEndian(block[(t * 4)..]);
        for (var t = 16; t < 64; t++)
        {
            var (x, y) = (w[t - 15], w[t - 2]);
            var s0 = uint.RotateRight(x, 7) ^ uint.RotateRight(x, 18) ^ (x >> 3);
            var s1 = uint.RotateRight(y, 17) ^ uint.RotateRight(y, 19) ^ (y >> 10);
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        var (a, b, c, d, e, f, g, h) = (state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]);
        for (var t = 0; t < 64; t++)
        {
            var t1 = h + (uint.RotateRight(e, 6) ^ uint.RotateRight(e, 11) ^ uint.RotateRight(e, 25)) + ((e & f) ^ (~e & g)) + Constants[t] + w[t];
            var t2 = (uint.RotateRight(a, 2) ^ uint.RotateRight(a, 13) ^ uint.RotateRight(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + t1, c, b, a, t1 + t2);
        }
        uint[] add = [a, b, c, d, e, f, g, h];
        for (var i = 0; i < 8; i++)
            state[i] += add[i];
    }
}
