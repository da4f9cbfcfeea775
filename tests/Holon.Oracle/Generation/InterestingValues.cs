using System.Buffers.Binary;
using System.Numerics;

namespace Holon.Oracle.Generation;

/// <summary>Operand values near which instructions change their behaviour, mixed with random ones.</summary>
public static class InterestingValues
{
    private static readonly ulong[] _integers =
    [
        0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x100, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x10000,
        0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0x8000000000000001,
        0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF80000000, 0xFFFFFFFFFFFF8000, 0xFFFFFFFFFFFFFF80, 0x8080808080808080,
        0x7F7F7F7F7F7F7F7F, 0x00FF00FF00FF00FF, 0x5555555555555555, 0xAAAAAAAAAAAAAAAA, 0x0123456789ABCDEF, 0x9999999999999999,
    ];

    private static readonly uint[] _singles =
    [
        0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF, 0x00800000, 0x80800000, 0x7F7FFFFF, 0xFF7FFFFF,
        0x7F800000, 0xFF800000, 0x7F800001, 0xFFA00000, 0x7FC00000, 0xFFC00000, 0x7FFFFFFF, 0x3F000000, 0x3FC00000, 0x40200000, 0x3F7FFFFF, 0x3F800001,
        0x4EFFFFFF, 0x4F000000, 0xCF000000, 0xCF000001, 0x4F800000, 0x5EFFFFFF, 0x5F000000, 0xDF000000, 0x5F800000, 0x4B000001, 0x4B800001, 0x34000000,
        0x40490FDB, 0x3EAAAAAB, 0x1FFFFFFF, 0x20000000, 0x5F7FFFFF, 0x47000000, 0x477FE000, 0x477FF000, 0x33000000, 0x38800000, 0x387FC000,
    ];

    private static readonly ulong[] _doubles =
    [
        0x0000000000000000, 0x8000000000000000, 0x3FF0000000000000, 0xBFF0000000000000, 0x0000000000000001, 0x8000000000000001, 0x000FFFFFFFFFFFFF,
        0x0010000000000000, 0x8010000000000000, 0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF, 0x7FF0000000000000, 0xFFF0000000000000, 0x7FF0000000000001,
        0xFFF4000000000000, 0x7FF8000000000000, 0xFFF8000000000000, 0x7FFFFFFFFFFFFFFF, 0x3FE0000000000000, 0x3FF8000000000000, 0x4004000000000000,
        0x3FEFFFFFFFFFFFFF, 0x3FF0000000000001, 0x41DFFFFFFFC00000, 0x41DFFFFFFFE00000, 0x41E0000000000000, 0xC1E0000000000000, 0xC1E0000000100000,
        0xC1E0000000200000, 0x41EFFFFFFFE00000, 0x41F0000000000000, 0x43DFFFFFFFFFFFFF, 0x43E0000000000000, 0xC3E0000000000000, 0xC3E0000000000001,
        0x43F0000000000000, 0x4330000000000001, 0x36A0000000000000, 0x380FFFFFFFFFFFFF, 0x3810000000000000, 0x47EFFFFFE0000000, 0x47EFFFFFF0000000,
        0x47F0000000000000, 0x400921FB54442D18, 0x3FD5555555555555, 0x1FF0000000000000, 0x5FE0000000000000, 0x3690000000000000, 0x3CA0000000000000,
    ];

    private static readonly ushort[] _extendedExponents = [0, 0, 1, 2, 0x3F, 0x3BCC, 0x3C01, 0x3F6A, 0x3F81, 0x3FBE, 0x3FC0, 0x3FFD, 0x3FFE, 0x3FFF, 0x4000, 0x4001, 0x400D, 0x400E, 0x401D, 0x401E, 0x401F, 0x403D, 0x403E, 0x403F, 0x407E, 0x407F, 0x43FE, 0x43FF, 0x6000, 0x7FFD, 0x7FFE, 0x7FFF];

    private static readonly ulong[] _extendedSignificands = [0, 1, 0x8000000000000000, 0xC000000000000000, 0xA000000000000000, 0x8000000000000001, 0xFFFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0x4000000000000000, 0xFFFFFF0000000000, 0x8000008000000000, 0xFFFFFFFFFFFFF800, 0x8000000000000400];

    /// <summary>An integer of up to 64 bits.</summary>
    public static ulong Integer(CaseRandom random)
    {
        switch (random.Below(10))
        {
            case 0 or 1 or 2: return random.Next();
            case 3: return random.Next() >> random.Below(64);
            case 4: return (ulong)((long)random.Next() >> random.Below(64));
            case 5: return (ulong)random.Between(-16, 16);
            case 6:
                var power = 1ul << random.Below(64);
                return random.Below(4) switch { 0 => power - 1, 1 => power + 1, 2 => ~power, _ => power };
            default: return random.Pick<ulong>(_integers);
        }
    }

    /// <summary>The bits of a single-precision number.</summary>
    public static uint Single(CaseRandom random) => random.Below(8) switch
    {
        0 => (uint)random.Next(),
        1 or 2 => BitConverter.SingleToUInt32Bits((float)(random.Between(-1000, 1000) / (double)(1 << random.Below(12)))),
        3 => ((uint)random.Next() & 0x807FFFFF) | (uint)(random.Between(110, 145) << 23),
        4 => random.Pick<uint>(_singles) ^ (random.Percent(50) ? 1u : 0) ^ (random.Percent(30) ? 0x80000000 : 0),
        _ => random.Pick<uint>(_singles),
    };

    /// <summary>The bits of a double-precision number.</summary>
    public static ulong Double(CaseRandom random) => random.Below(8) switch
    {
        0 => random.Next(),
        1 or 2 => BitConverter.DoubleToUInt64Bits(random.Between(-1000, 1000) / (double)(1 << random.Below(12))),
        3 => (random.Next() & 0x800FFFFFFFFFFFFF) | ((ulong)random.Between(990, 1090) << 52),
        4 => random.Pick<ulong>(_doubles) ^ (random.Percent(50) ? 1ul : 0) ^ (random.Percent(30) ? 1ul << 63 : 0),
        _ => random.Pick<ulong>(_doubles),
    };

    /// <summary>The bits of a half-precision number.</summary>
    public static ushort Half(CaseRandom random) => random.Percent(50)
        ? (ushort)random.Next()
        : random.Pick<ushort>([0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7C01, 0xFD00, 0x7E00, 0xFE00]);

    /// <summary>An 80-bit number: normal mostly, but also pseudo-denormals, unnormals and other patterns that the processor calls unsupported.</summary>
    public static void Extended(CaseRandom random, Span<byte> bytes)
    {
        ulong significand;
        int exponent;
        switch (random.Below(8))
        {
            case 0 or 1: // an integer or a fraction with a few bits
                significand = random.Next() >> random.Below(64);
                if (significand == 0) significand = 1;
                var shift = BitOperations.LeadingZeroCount(significand);
                significand <<= shift;
                exponent = 0x3FFF + 63 - shift - (random.Percent(40) ? random.Below(70) : 0);
                break;
            case 2:
                significand = random.Next() | (1ul << 63);
                exponent = 0x3FFF + (int)random.Between(-70, 70);
                break;
            case 3: // a double
                FromDouble(Double(random), bytes);
                return;
            case 4:
                significand = random.Next();
                exponent = (int)(random.Next() & 0x7FFF);
                if (random.Percent(80)) significand |= 1ul << 63;
                break;
            case 5:
                significand = 0;
                exponent = 0;
                break;
            default:
                significand = random.Percent(30) ? random.Next() : random.Pick<ulong>(_extendedSignificands);
                exponent = random.Pick<ushort>(_extendedExponents);
                if (random.Percent(60) && exponent != 0) significand |= 1ul << 63;
                break;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(bytes, significand);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[8..], (ushort)(exponent | (random.Percent(40) ? 0x8000 : 0)));
    }

    /// <summary>Packed BCD, 18 digits and a sign; not always valid.</summary>
    public static void Decimal(CaseRandom random, Span<byte> bytes)
    {
        for (var i = 0; i < 10; i++) bytes[i] = (byte)(random.Percent(97) ? random.Below(10) | (random.Below(10) << 4) : random.Below(256));
        bytes[9] = (byte)(random.Percent(90) ? random.Below(2) << 7 : random.Below(256));
    }

    private static void FromDouble(ulong bits, Span<byte> bytes)
    {
        var exponent = (int)(bits >> 52) & 0x7FF;
        var fraction = bits << 11 & 0x7FFFFFFFFFFFFFFF;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, exponent == 0 ? fraction : fraction | (1ul << 63));
        var extended = exponent switch { 0 => 0, 0x7FF => 0x7FFF, _ => exponent - 1023 + 16383 };
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[8..], (ushort)(extended | (int)(bits >> 48 & 0x8000)));
    }
}
