namespace Holon.X86.SoftFloat;

/// <summary>
/// A number with 128 significand bits, for the transcendental functions: (−1)^Sign · Significand · 2^(Exponent − 127), bit 127
/// of the significand set, or zero. Operations are good to about 2^−124 of the result, leaving 60 bits below what is kept.
/// </summary>
internal readonly struct Wide(bool sign, int exponent, UInt128 significand)
{
    public bool Sign { get; } = sign;

    public int Exponent { get; } = exponent;

    public UInt128 Significand { get; } = significand;

    public static Wide One { get; } = new(false, 0, UInt128.One << 127);

    public bool IsZero => Significand == UInt128.Zero;

    public static Wide operator -(in Wide a) => new(!a.Sign, a.Exponent, a.Significand);

    public static Wide operator +(in Wide a, in Wide b)
    {
        if (a.IsZero) return b;
        if (b.IsZero) return a;
        var swap = a.Exponent < b.Exponent || (a.Exponent == b.Exponent && a.Significand < b.Significand);
        var (large, small) = swap ? (b, a) : (a, b);
        var shifted = FloatRounder.ShiftRightJam(small.Significand, Math.Min(large.Exponent - small.Exponent, 128));
        if (large.Sign != small.Sign) return Normalize(large.Sign, large.Exponent, large.Significand - shifted);
        var sum = large.Significand + shifted;
        return sum >= large.Significand
            ? new(large.Sign, large.Exponent, sum)
            : new(large.Sign, large.Exponent + 1, (sum >> 1) | (UInt128.One << 127)); // carried out
    }

    public static Wide operator -(in Wide a, in Wide b) => a + -b;

    public static Wide operator *(in Wide a, in Wide b) =>
        Normalize(a.Sign != b.Sign, a.Exponent + b.Exponent + 1, MultiplyHigh(a.Significand, b.Significand));

    public static Wide operator /(in Wide a, in Wide b) => a * b.Reciprocal();

    public static Wide FromUnpacked(in Unpacked a) =>
        a.Class == FloatClass.Zero ? default : new(a.Sign, a.Exponent, (UInt128)a.Significand << 64);

    public static Wide FromInteger(int value) => FromUnpacked(Unpacked.FromInt64(value));

    /// <summary>The number fixed · 2^(exponent − 127).</summary>
    public static Wide Normalize(bool sign, int exponent, UInt128 @fixed)
    {
        if (@fixed == UInt128.Zero) return default;
        var shift = (int)UInt128.LeadingZeroCount(@fixed);
        return new(sign, exponent - shift, @fixed << shift);
    }

    /// <summary>The high 128 bits of the product.</summary>
    public static UInt128 MultiplyHigh(UInt128 a, UInt128 b)
    {
        ulong aHigh = (ulong)(a >> 64), aLow = (ulong)a, bHigh = (ulong)(b >> 64), bLow = (ulong)b;
        var high = Math.BigMul(aHigh, bHigh, out var middle);
        var cross1 = Math.BigMul(aHigh, bLow, out var low1);
        var cross2 = Math.BigMul(aLow, bHigh, out var low2);
        var carry = (UInt128)low1 + low2 + Math.BigMul(aLow, bLow, out _);
        return new UInt128(high, middle) + cross1 + cross2 + (carry >> 64);
    }

    /// <summary>The magnitude as a fraction of 2^128; the number must be below one. Bits beyond are dropped.</summary>
    public UInt128 ToFraction() => Exponent < -128 ? UInt128.Zero : Significand >> (-1 - Exponent);

    /// <summary>Rounds to the 80-bit format as the inexact result that every transcendental function has.</summary>
    public Float80 Round(ref FloatContext context) =>
        FloatRounder.Round(Sign, Exponent, Significand | UInt128.One, FloatFormat.Extended, ref context).ToExtended();

    private Wide Reciprocal()
    {
        // Newton's iteration on 1/d for d in [1, 2), in units of 2^−127, from the host's 53 bits.
        var d = Significand;
        var estimate = 1.0 / ((double)(ulong)(d >> 64) / 9223372036854775808.0);
        var r = (UInt128)Math.Min((ulong)(estimate * 9223372036854775808.0), 1UL << 63) << 64;
        for (var i = 0; i < 2; i++)
        {
            var error = (UInt128.One << 127) - MultiplyHigh(d, r); // 2 − d·r in units of 2^−126
            r = MultiplyHigh(r, error) << 2;
        }

        return Normalize(Sign, -Exponent, r);
    }
}
