using System.Numerics;
using System.Runtime.Intrinsics;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>The steps of SHA-1 and SHA-256 (FIPS 180-4) as the SHA extensions cut them (SDM vol. 2). Element 3 is the most significant.</summary>
internal static class Sha
{
    /// <summary>SHA1RNDS4: four rounds.</summary>
    public static Vector128<uint> Rounds1(Vector128<uint> abcd, Vector128<uint> words, int function)
    {
        uint a = abcd[3], b = abcd[2], c = abcd[1], d = abcd[0], e = 0; // the first word has E added already
        var constant = function switch { 0 => 0x5A827999u, 1 => 0x6ED9EBA1u, 2 => 0x8F1BBCDCu, _ => 0xCA62C1D6u };
        for (var i = 3; i >= 0; i--)
        {
            var mixed = function switch { 0 => (b & c) ^ (~b & d), 2 => (b & c) ^ (b & d) ^ (c & d), _ => b ^ c ^ d };
            var next = mixed + BitOperations.RotateLeft(a, 5) + words[i] + e + constant;
            (a, b, c, d, e) = (next, a, BitOperations.RotateLeft(b, 30), c, d);
        }

        return Vector128.Create(d, c, b, a);
    }

    /// <summary>SHA1NEXTE.</summary>
    public static Vector128<uint> NextE(Vector128<uint> abcd, Vector128<uint> words) => words.WithElement(3, words[3] + BitOperations.RotateLeft(abcd[3], 30));

    /// <summary>SHA1MSG1.</summary>
    public static Vector128<uint> Message1Of1(Vector128<uint> a, Vector128<uint> b) => Vector128.Create(b[2] ^ a[0], b[3] ^ a[1], a[0] ^ a[2], a[1] ^ a[3]);

    /// <summary>SHA1MSG2.</summary>
    public static Vector128<uint> Message2Of1(Vector128<uint> a, Vector128<uint> b)
    {
        var w16 = BitOperations.RotateLeft(a[3] ^ b[2], 1);
        var w17 = BitOperations.RotateLeft(a[2] ^ b[1], 1);
        var w18 = BitOperations.RotateLeft(a[1] ^ b[0], 1);
        return Vector128.Create(BitOperations.RotateLeft(a[0] ^ w16, 1), w18, w17, w16);
    }

    /// <summary>SHA256RNDS2: two rounds.</summary>
    public static Vector128<uint> Rounds256(Vector128<uint> cdgh, Vector128<uint> abef, Vector128<uint> inputs)
    {
        uint a = abef[3], b = abef[2], c = cdgh[3], d = cdgh[2], e = abef[1], f = abef[0], g = cdgh[1], h = cdgh[0];
        for (var i = 0; i < 2; i++)
        {
            var first = h + inputs[i] + ((e & f) ^ (~e & g))
                + (BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25));
            var second = ((a & b) ^ (a & c) ^ (b & c)) + (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22));
            (a, b, c, d, e, f, g, h) = (first + second, a, b, c, d + first, e, f, g);
        }

        return Vector128.Create(f, e, b, a);
    }

    /// <summary>SHA256MSG1.</summary>
    public static Vector128<uint> Message1Of256(Vector128<uint> a, Vector128<uint> b) =>
        Vector128.Create(a[0] + Small0(a[1]), a[1] + Small0(a[2]), a[2] + Small0(a[3]), a[3] + Small0(b[0]));

    /// <summary>SHA256MSG2.</summary>
    public static Vector128<uint> Message2Of256(Vector128<uint> a, Vector128<uint> b)
    {
        var w16 = a[0] + Small1(b[2]);
        var w17 = a[1] + Small1(b[3]);
        return Vector128.Create(w16, w17, a[2] + Small1(w16), a[3] + Small1(w17));
    }

    private static uint Small0(uint value) => BitOperations.RotateRight(value, 7) ^ BitOperations.RotateRight(value, 18) ^ (value >> 3);

    private static uint Small1(uint value) => BitOperations.RotateRight(value, 17) ^ BitOperations.RotateRight(value, 19) ^ (value >> 10);
}
