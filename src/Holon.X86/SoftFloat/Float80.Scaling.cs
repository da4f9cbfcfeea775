namespace Holon.X86.SoftFloat;

/// <summary>What FPREM and FPREM1 leave.</summary>
/// <param name="Value">The remainder, or a partial one.</param>
/// <param name="Quotient">The quotient's low three bits, for C0, C3 and C1; zero when incomplete.</param>
/// <param name="IsIncomplete">C2: the exponents were too far apart for one step; the instruction is to be repeated.</param>
public readonly record struct Float80Remainder(Float80 Value, int Quotient, bool IsIncomplete);

/// <content>FPREM, FSCALE, FXTRACT.</content>
public readonly partial record struct Float80
{
    /// <summary>FPREM: a − b · trunc(a ÷ b), exactly.</summary>
    /// <param name="a">Dividend.</param>
    /// <param name="b">Divisor.</param>
    /// <param name="context">Masks; collects exceptions.</param>
    public static Float80Remainder Remainder(Float80 a, Float80 b, ref FloatContext context) => Remainder(a, b, nearest: false, ref context);

    /// <summary>FPREM1: a − b · nearest(a ÷ b), exactly.</summary>
    /// <param name="a">Dividend.</param>
    /// <param name="b">Divisor.</param>
    /// <param name="context">Masks; collects exceptions.</param>
    public static Float80Remainder NearestRemainder(Float80 a, Float80 b, ref FloatContext context) => Remainder(a, b, nearest: true, ref context);

    /// <summary>FSCALE: a · 2^trunc(b).</summary>
    /// <param name="a">The value.</param>
    /// <param name="b">The power of two.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static Float80 Scale(Float80 a, Float80 b, ref FloatContext context)
    {
        const int Beyond = 0x10000; // any finite number scaled this far overflows or underflows, even with a wrapped exponent
        var x = a.Unpack();
        var y = b.Unpack();
        if (FloatArithmetic.HasNaN(x, y)) return FloatArithmetic.Propagate(x, y, FloatFormat.Extended, ref context).ToExtended();
        if (y.Class == FloatClass.Infinity && x.Class == (y.Sign ? FloatClass.Infinity : FloatClass.Zero))
        {
            return FloatArithmetic.Invalid(FloatFormat.Extended, ref context).ToExtended();
        }

        FloatArithmetic.RaiseDenormal(x, y, ref context);
        if (x.Class != FloatClass.Finite || y.Class == FloatClass.Zero) return a.WithoutPseudoDenormal();
        if (y.Class == FloatClass.Infinity) return (y.Sign ? Packed.Zero(x.Sign) : Packed.Infinity(x.Sign, FloatFormat.Extended)).ToExtended();
        var scale = y.Exponent < 0 ? 0 : y.Exponent > 16 ? Beyond : (int)(y.Significand >> (63 - y.Exponent));
        var exponent = x.Exponent + (y.Sign ? -scale : scale);
        var format = FloatFormat.Extended;
        // Too far even for the wrapped exponent of an unmasked exception: as processors do, infinity or zero whatever the rounding.
        if (exponent > format.MaxExponent + FloatFormat.X87ExponentAdjustment && !context.IsMasked(FloatExceptions.Overflow))
        {
            context.Raise(FloatExceptions.Overflow);
            context.RaiseInexact(roundedUp: true);
            return Packed.Infinity(x.Sign, format).ToExtended();
        }

        if (exponent < format.MinExponent - FloatFormat.X87ExponentAdjustment && !context.IsMasked(FloatExceptions.Underflow))
        {
            context.Raise(FloatExceptions.Underflow);
            context.RaiseInexact(roundedUp: false);
            return Packed.Zero(x.Sign).ToExtended();
        }

        return FloatRounder.RoundNormalized(x.Sign, exponent, x.Significand, 0, format, ref context).ToExtended();
    }

    /// <summary>FXTRACT: the unbiased exponent as a number, and the significand with that exponent taken out.</summary>
    /// <param name="context">Masks; collects exceptions.</param>
    public (Float80 Exponent, Float80 Significand) Extract(ref FloatContext context)
    {
        var x = Unpack();
        switch (x.Class)
        {
            case FloatClass.Zero:
                context.Raise(FloatExceptions.ZeroDivide);
                return (Packed.Infinity(sign: true, FloatFormat.Extended).ToExtended(), this);
            case FloatClass.Infinity:
                return (Absolute, this);
            case FloatClass.Finite:
                FloatArithmetic.RaiseDenormal(x, x, ref context);
                return (FromInt64(x.Exponent), new((ushort)((x.Sign ? 0x8000 : 0) | 16383), x.Significand));
            default:
                var nan = FloatArithmetic.Propagate(x, x, FloatFormat.Extended, ref context).ToExtended();
                return (nan, nan);
        }
    }

    /// <summary>The same value in its canonical encoding: a pseudo-denormal is the least normal exponent, misspelt.</summary>
    private Float80 WithoutPseudoDenormal() =>
        (SignExponent & 0x7FFF) == 0 && Significand >> 63 != 0 ? this with { SignExponent = (ushort)(SignExponent | 1) } : this;

    private static Float80Remainder Remainder(Float80 dividend, Float80 by, bool nearest, ref FloatContext context)
    {
        var a = dividend.Unpack();
        var b = by.Unpack();
        if (FloatArithmetic.HasNaN(a, b)) return new(FloatArithmetic.Propagate(a, b, FloatFormat.Extended, ref context).ToExtended(), 0, false);
        if (a.Class == FloatClass.Infinity || b.Class == FloatClass.Zero) return new(FloatArithmetic.Invalid(FloatFormat.Extended, ref context).ToExtended(), 0, false);
        FloatArithmetic.RaiseDenormal(a, b, ref context);
        if (a.Class == FloatClass.Zero || b.Class == FloatClass.Infinity) return new(dividend.WithoutPseudoDenormal(), 0, false);
        var distance = a.Exponent - b.Exponent;
        if (distance < (nearest ? -1 : 0))
        {
            return new(FloatRounder.RoundNormalized(a.Sign, a.Exponent, a.Significand, 0, FloatFormat.Extended, ref context).ToExtended(), 0, false);
        }

        // Beyond 63 bits of quotient one step takes off 32 to 63 of them, leaving a multiple of 32 (as processors do; the manual leaves it open).
        var isIncomplete = distance > 63;
        var step = isIncomplete ? (distance & 31) | 32 : Math.Max(distance, 0);
        var exponent = isIncomplete ? a.Exponent - step : Math.Min(a.Exponent, b.Exponent);
        var divisor = distance < 0 ? (UInt128)b.Significand << 1 : b.Significand;
        var (quotient, remainder) = UInt128.DivRem((UInt128)a.Significand << step, divisor);
        var sign = a.Sign;
        if (nearest && !isIncomplete)
        {
            var twice = remainder << 1;
            if (twice > divisor || (twice == divisor && UInt128.IsOddInteger(quotient)))
            {
                quotient++;
                remainder = divisor - remainder;
                sign = !sign;
            }
        }

        if (remainder == UInt128.Zero) sign = a.Sign;
        var value = FloatRounder.Round(sign, exponent + 64, remainder, FloatFormat.Extended, ref context).ToExtended();
        return new(value, isIncomplete ? 0 : (int)quotient & 7, isIncomplete);
    }
}
