using System.Numerics;
using System.Runtime.Intrinsics;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>The steps of AES (FIPS 197), on a state whose bytes are in column order as in an XMM register.</summary>
internal static class Aes
{
    private static readonly byte[] Box = new byte[256], InverseBox = new byte[256];

    static Aes()
    {
        // The S-box (FIPS 197 §5.1.1): the inverse in GF(2^8), then an affine map. 3 generates the field; its inverse is 0xF6.
        byte p = 1, q = 1;
        do
        {
            p = (byte)(p ^ Double(p));
            q = Multiply(q, 0xF6);
            Box[p] = (byte)(q ^ Rotate(q, 1) ^ Rotate(q, 2) ^ Rotate(q, 3) ^ Rotate(q, 4) ^ 0x63);
        }
        while (p != 1);
        Box[0] = 0x63;
        for (var i = 0; i < 256; i++) InverseBox[Box[i]] = (byte)i;
    }

    /// <summary>SubBytes and ShiftRows.</summary>
    public static Vector128<byte> SubstituteShifted(Vector128<byte> state)
    {
        var result = Vector128<byte>.Zero;
        for (var i = 0; i < 16; i++) result = result.WithElement(i, Box[state.GetElement((i + (4 * (i & 3))) & 15)]);
        return result;
    }

    /// <summary>InvShiftRows and InvSubBytes.</summary>
    public static Vector128<byte> InverseSubstituteShifted(Vector128<byte> state)
    {
        var result = Vector128<byte>.Zero;
        for (var i = 0; i < 16; i++) result = result.WithElement(i, InverseBox[state.GetElement((i - (4 * (i & 3))) & 15)]);
        return result;
    }

    public static Vector128<byte> MixColumns(Vector128<byte> state) => Mix(state, 2, 3, 1, 1);

    public static Vector128<byte> InverseMixColumns(Vector128<byte> state) => Mix(state, 14, 11, 13, 9);

    /// <summary>AESKEYGENASSIST (SDM vol. 2).</summary>
    public static Vector128<byte> KeyGenAssist(Vector128<byte> key, byte roundConstant)
    {
        uint x1 = Substitute(key.AsUInt32().GetElement(1)), x3 = Substitute(key.AsUInt32().GetElement(3));
        return Vector128.Create(x1, BitOperations.RotateRight(x1, 8) ^ roundConstant, x3, BitOperations.RotateRight(x3, 8) ^ roundConstant).AsByte();
    }

    private static uint Substitute(uint word) =>
        Box[(byte)word] | ((uint)Box[(byte)(word >> 8)] << 8) | ((uint)Box[(byte)(word >> 16)] << 16) | ((uint)Box[word >> 24] << 24);

    private static Vector128<byte> Mix(Vector128<byte> state, byte a, byte b, byte c, byte d)
    {
        var result = Vector128<byte>.Zero;
        for (var i = 0; i < 16; i++)
        {
            var column = i & 12;
            byte At(int row) => state.GetElement(column + ((i + row) & 3));
            result = result.WithElement(i, (byte)(Multiply(At(0), a) ^ Multiply(At(1), b) ^ Multiply(At(2), c) ^ Multiply(At(3), d)));
        }

        return result;
    }

    private static byte Double(byte value) => (byte)((value << 1) ^ ((value & 0x80) != 0 ? 0x1B : 0));

    private static byte Multiply(byte a, byte b)
    {
        byte result = 0;
        for (; b != 0; b >>= 1, a = Double(a))
        {
            if ((b & 1) != 0) result ^= a;
        }

        return result;
    }

    private static int Rotate(byte value, int count) => (byte)((value << count) | (value >> (8 - count)));
}
