using System.Numerics;

namespace Holon.X86.SoftFloat;

/// <summary>Kinds of operand (SDM vol. 1 §4.8.3), in an order that lets one comparison find the special ones.</summary>
public enum FloatClass : byte
{
    /// <summary>±0.</summary>
    Zero,

    /// <summary>Normal or denormal.</summary>
    Finite,

    /// <summary>±∞.</summary>
    Infinity,

    /// <summary>A NaN that operations pass on in silence.</summary>
    QuietNaN,

    /// <summary>A NaN that is invalid to compute with.</summary>
    SignalingNaN,

    /// <summary>An 80-bit encoding that no processor since the 80387 accepts: pseudo-NaN, pseudo-infinity, unnormal.</summary>
    Unsupported,
}

/// <summary>
/// An operand of any format taken apart. A finite one is Significand · 2^(Exponent − 63) with the significand's bit 63 set;
/// a NaN has its payload left-justified below that bit, so bit 62 tells quiet from signaling.
/// </summary>
public readonly struct Unpacked
{
    internal const ulong IntegerBit = 1UL << 63, QuietBit = 1UL << 62;

    internal Unpacked(FloatClass @class, bool sign, int exponent, ulong significand, bool isDenormal = false)
    {
        Class = @class;
        Sign = sign;
        IsDenormal = isDenormal;
        Exponent = exponent;
        Significand = significand;
    }

    /// <summary>What kind of value it is.</summary>
    public FloatClass Class { get; }

    /// <summary>The sign bit, NaNs' too.</summary>
    public bool Sign { get; }

    /// <summary>Whether it was denormal in the format it came from.</summary>
    public bool IsDenormal { get; }

    /// <summary>The unbiased exponent of a finite number.</summary>
    public int Exponent { get; }

    /// <summary>The normalized significand of a finite number, or the NaN's payload.</summary>
    public ulong Significand { get; }

    /// <summary>True for what no arithmetic takes as a number: NaNs and unsupported encodings.</summary>
    public bool IsNaN => Class >= FloatClass.QuietNaN;

    /// <summary>Takes a binary32 value apart.</summary>
    /// <param name="bits">Its bits.</param>
    /// <param name="denormalsAreZero">DAZ, for SSE.</param>
    public static Unpacked FromSingle(uint bits, bool denormalsAreZero = false) =>
        FromInterchange(bits >> 31 != 0, (int)(bits >> 23) & 0xFF, (ulong)bits << 41 >> 1, FloatFormat.Single, denormalsAreZero);

    /// <summary>Takes a binary64 value apart.</summary>
    /// <param name="bits">Its bits.</param>
    /// <param name="denormalsAreZero">DAZ, for SSE.</param>
    public static Unpacked FromDouble(ulong bits, bool denormalsAreZero = false) =>
        FromInterchange(bits >> 63 != 0, (int)(bits >> 52) & 0x7FF, bits << 12 >> 1, FloatFormat.Double, denormalsAreZero);

    /// <summary>Takes an integer as an x87 operand.</summary>
    /// <param name="value">The integer.</param>
    public static Unpacked FromInt64(long value)
    {
        if (value == 0) return default;
        var magnitude = value < 0 ? 0 - (ulong)value : (ulong)value;
        var shift = BitOperations.LeadingZeroCount(magnitude);
        return new(FloatClass.Finite, value < 0, 63 - shift, magnitude << shift);
    }

    internal static Unpacked FromHalf(ushort bits) =>
        FromInterchange(bits >> 15 != 0, (bits >> 10) & 0x1F, (ulong)bits << 54 >> 1, FloatFormat.Half, denormalsAreZero: false);

    internal static Unpacked FromExtended(Float80 value)
    {
        var sign = value.SignExponent >> 15 != 0;
        var biased = value.SignExponent & 0x7FFF;
        var significand = value.Significand;
        if (biased == 0)
        {
            if (significand == 0) return new(FloatClass.Zero, sign, 0, 0);
            var shift = BitOperations.LeadingZeroCount(significand); // 0 for a pseudo-denormal
            return new(FloatClass.Finite, sign, FloatFormat.Extended.MinExponent - shift, significand << shift, isDenormal: true);
        }

        if ((significand & IntegerBit) == 0) return new(FloatClass.Unsupported, sign, 0, significand);
        if (biased != 0x7FFF) return new(FloatClass.Finite, sign, biased - 16383, significand);
        if (significand == IntegerBit) return new(FloatClass.Infinity, sign, 0, significand);
        return new((significand & QuietBit) != 0 ? FloatClass.QuietNaN : FloatClass.SignalingNaN, sign, 0, significand);
    }

    /// <summary>The operand with the opposite sign; a NaN stays as it is, as subtraction leaves it.</summary>
    internal Unpacked Negated() => IsNaN ? this : new(Class, !Sign, Exponent, Significand, IsDenormal);

    /// <summary>Takes apart a format with a hidden leading bit; the fraction comes left-justified below bit 63.</summary>
    private static Unpacked FromInterchange(bool sign, int biased, ulong fraction, in FloatFormat format, bool denormalsAreZero)
    {
        if (biased == 0)
        {
            if (fraction == 0 || denormalsAreZero) return new(FloatClass.Zero, sign, 0, 0);
            var shift = BitOperations.LeadingZeroCount(fraction);
            return new(FloatClass.Finite, sign, format.MinExponent - shift, fraction << shift, isDenormal: true);
        }

        if (biased != format.SpecialExponent) return new(FloatClass.Finite, sign, biased - format.MaxExponent, fraction | IntegerBit);
        if (fraction == 0) return new(FloatClass.Infinity, sign, 0, IntegerBit);
        return new((fraction & QuietBit) != 0 ? FloatClass.QuietNaN : FloatClass.SignalingNaN, sign, 0, fraction | IntegerBit);
    }
}

/// <summary>A result before it is put into its format's bits: biased exponent, and significand with explicit leading bit at bit 63.</summary>
internal readonly record struct Packed(bool Sign, int BiasedExponent, ulong Significand)
{
    /// <summary>The default NaN of x86: negative and quiet, "real indefinite".</summary>
    public static Packed DefaultNaN(in FloatFormat format) => new(true, format.SpecialExponent, Unpacked.IntegerBit | Unpacked.QuietBit);

    public static Packed Infinity(bool sign, in FloatFormat format) => new(sign, format.SpecialExponent, Unpacked.IntegerBit);

    public static Packed Zero(bool sign) => new(sign, 0, 0);

    public uint ToSingle() => (Sign ? 1u << 31 : 0) | ((uint)BiasedExponent << 23) | ((uint)(Significand >> 40) & 0x7FFFFF);

    public ulong ToDouble() => (Sign ? 1UL << 63 : 0) | ((ulong)BiasedExponent << 52) | ((Significand >> 11) & 0xFFFFFFFFFFFFF);

    public ushort ToHalf() => (ushort)((Sign ? 0x8000 : 0) | (BiasedExponent << 10) | ((int)(Significand >> 53) & 0x3FF));

    public Float80 ToExtended() => new((ushort)((Sign ? 0x8000 : 0) | BiasedExponent), Significand);
}
