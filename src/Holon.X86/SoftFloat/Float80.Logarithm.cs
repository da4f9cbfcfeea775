namespace Holon.X86.SoftFloat;

/// <content>F2XM1, FYL2X, FYL2XP1 (SDM vol. 1 §8.3.9).</content>
public readonly partial record struct Float80
{
    private static readonly Wide Ln2 = new(false, -1, new UInt128(0xB17217F7D1CF79AB, 0xC9E3B39803F2F6AF));

    private static readonly Wide TwiceLog2OfE = new(false, 1, new UInt128(0xB8AA3B295C17F0BB, 0xBE87FED0691D3E89));

    private static readonly UInt128 SquareRootOf2 = new(0xB504F333F9DE6484, 0x597D89B3754ABE9F);

    /// <summary>F2XM1: 2^x − 1 for x from −1 to 1. Beyond that the manual leaves the result open, and x comes back.</summary>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public Float80 ExponentialMinusOne(ref FloatContext context)
    {
        var x = Unpack();
        if (x.IsNaN) return FloatArithmetic.Propagate(x, x, FloatFormat.Extended, ref context).ToExtended();
        if (x.Class == FloatClass.Infinity) return x.Sign ? One.Negated : this;
        if (x.Class == FloatClass.Zero) return this;
        FloatArithmetic.RaiseDenormal(x, x, ref context);
        if (x.Exponent >= 0)
        {
            // For ±1 the result is exact, which processors do not notice.
            context.Raise(FloatExceptions.Precision);
            return this == One.Negated ? new Float80(0xBFFE, 1UL << 63) : this;
        }

        var t = Wide.FromUnpacked(x) * Ln2;
        return (t * Wide.Normalize(false, 0, Series.ExponentialFactor(x.Sign, t.ToFraction()))).Round(ref context);
    }

    /// <summary>FYL2X: y · log₂ x.</summary>
    /// <param name="y">ST1.</param>
    /// <param name="x">ST0.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static Float80 Logarithm(Float80 y, Float80 x, ref FloatContext context)
    {
        var a = y.Unpack();
        var b = x.Unpack();
        var format = FloatFormat.Extended;
        if (FloatArithmetic.HasNaN(a, b)) return FloatArithmetic.Propagate(b, a, format, ref context).ToExtended();
        if (b.Sign && b.Class != FloatClass.Zero) return FloatArithmetic.Invalid(format, ref context).ToExtended();
        if (b.Class == FloatClass.Zero)
        {
            if (a.Class == FloatClass.Zero) return FloatArithmetic.Invalid(format, ref context).ToExtended();
            if (a.Class == FloatClass.Finite) context.Raise(FloatExceptions.ZeroDivide);
            return Packed.Infinity(!a.Sign, format).ToExtended();
        }

        if (b.Class == FloatClass.Infinity)
        {
            if (a.Class == FloatClass.Zero) return FloatArithmetic.Invalid(format, ref context).ToExtended();
            FloatArithmetic.RaiseDenormal(a, b, ref context);
            return Packed.Infinity(a.Sign, format).ToExtended();
        }

        if (b.Exponent == 0 && b.Significand == Unpacked.IntegerBit) return FloatArithmetic.Multiply(a, default, format, ref context).ToExtended(); // log₂ 1
        FloatArithmetic.RaiseDenormal(a, b, ref context);
        var sign = a.Sign != b.Exponent < 0;
        if (a.Class == FloatClass.Infinity) return Packed.Infinity(sign, format).ToExtended();
        if (a.Class == FloatClass.Zero) return Packed.Zero(sign).ToExtended();
        if (b.Significand != Unpacked.IntegerBit) return (Wide.FromUnpacked(a) * Log2(Wide.FromUnpacked(b))).Round(ref context);
        // Processors call the logarithm of a power of two inexact as well, and so a tiny result an underflow.
        var result = FloatArithmetic.Multiply(a, Unpacked.FromInt64(b.Exponent), format, ref context).ToExtended();
        context.Raise((result.SignExponent & 0x7FFF) == 0 ? FloatExceptions.Precision | FloatExceptions.Underflow : FloatExceptions.Precision);
        return result;
    }

    /// <summary>FYL2XP1: y · log₂(x + 1), precise for small x. The manual leaves |x| above 1 − √½ open; the formula holds there too.</summary>
    /// <param name="y">ST1.</param>
    /// <param name="x">ST0.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static Float80 LogarithmPlusOne(Float80 y, Float80 x, ref FloatContext context)
    {
        var a = y.Unpack();
        var b = x.Unpack();
        var format = FloatFormat.Extended;
        if (FloatArithmetic.HasNaN(a, b)) return FloatArithmetic.Propagate(b, a, format, ref context).ToExtended();
        if (b.Class == FloatClass.Infinity)
        {
            if (b.Sign || a.Class == FloatClass.Zero) return FloatArithmetic.Invalid(format, ref context).ToExtended();
            FloatArithmetic.RaiseDenormal(a, b, ref context);
            return Packed.Infinity(a.Sign, format).ToExtended();
        }

        if (b.Class == FloatClass.Zero)
        {
            if (a.Class == FloatClass.Infinity) return FloatArithmetic.Invalid(format, ref context).ToExtended();
            FloatArithmetic.RaiseDenormal(a, b, ref context);
            return Packed.Zero(a.Sign != b.Sign).ToExtended();
        }

        FloatArithmetic.RaiseDenormal(a, b, ref context);
        if (a.Class == FloatClass.Infinity) return Packed.Infinity(a.Sign != b.Sign, format).ToExtended();
        if (a.Class == FloatClass.Zero) return Packed.Zero(a.Sign != b.Sign).ToExtended();
        if (b.Sign && b.Exponent >= 0) // no logarithm at all: processors return x
        {
            context.Raise(FloatExceptions.Precision);
            return x;
        }

        return (Wide.FromUnpacked(a) * Log2OfOnePlus(Wide.FromUnpacked(b))).Round(ref context);
    }

    private static Wide Log2(in Wide value)
    {
        // log₂ m = 2 ÷ ln 2 · artanh((m − 1) ÷ (m + 1)), with m from √½ to √2.
        var halved = value.Significand > SquareRootOf2;
        var m = new Wide(false, halved ? -1 : 0, value.Significand);
        var exponent = Wide.FromInteger(value.Exponent + (halved ? 1 : 0));
        return exponent + Log2OfRatio((m - Wide.One) / (m + Wide.One));
    }

    private static Wide Log2OfOnePlus(in Wide value) => value.Exponent < -2 || (value.Exponent == -2 && !value.Sign)
        ? Log2OfRatio(value / (value + Wide.FromInteger(2))) // keeps what adding one would lose
        : Log2(value + Wide.One);

    private static Wide Log2OfRatio(in Wide z)
    {
        var factor = Wide.Normalize(false, 0, Series.AreaTangentFactor(Square(z)));
        return TwiceLog2OfE * z * factor;
    }
}
