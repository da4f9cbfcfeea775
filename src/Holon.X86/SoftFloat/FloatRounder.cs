using System.Numerics;

namespace Holon.X86.SoftFloat;

/// <summary>Rounds an exact result to a format, with overflow and underflow as x86 defines them (SDM vol. 1 §4.9.1).</summary>
internal static class FloatRounder
{
    /// <summary>Rounds (−1)^sign · significand · 2^(exponent − 127); bit 0 of the significand may stand for any lower non-zero bits.</summary>
    public static Packed Round(bool sign, int exponent, UInt128 significand, in FloatFormat format, ref FloatContext context)
    {
        var high = (ulong)(significand >> 64);
        var low = (ulong)significand;
        var shift = BitOperations.LeadingZeroCount(high);
        if (shift == 64)
        {
            high = low;
            low = 0;
            if (high == 0) return Packed.Zero(sign);
            exponent -= 64;
            shift = BitOperations.LeadingZeroCount(high);
        }

        if (shift != 0)
        {
            high = (high << shift) | (low >> (64 - shift));
            low <<= shift;
            exponent -= shift;
        }

        return RoundNormalized(sign, exponent, high, low, format, ref context);
    }

    /// <summary>As <see cref="Round"/> with significand high:low, where bit 63 of high is set.</summary>
    public static Packed RoundNormalized(bool sign, int exponent, ulong high, ulong low, in FloatFormat format, ref FloatContext context)
    {
        var dropped = 64 - format.Precision;
        var (rounded, inexact, up) = RoundAt(high, low, dropped, sign, context.Rounding);
        var roundedExponent = exponent;
        if (rounded == 0) // carried out of bit 63
        {
            rounded = Unpacked.IntegerBit;
            roundedExponent++;
        }

        // x86 detects tininess after rounding, as if the exponent had no bounds.
        if (roundedExponent < format.MinExponent) return Underflow(sign, exponent, high, low, rounded, roundedExponent, inexact, up, format, ref context);
        if (roundedExponent > format.MaxExponent) return Overflow(sign, rounded, roundedExponent, inexact, up, format, ref context);
        if (inexact) context.RaiseInexact(up);
        return new Packed(sign, roundedExponent + format.MaxExponent, rounded);
    }

    /// <summary>Rounds high:low to a multiple of 2^(64 + dropped); a result of zero with <c>Up</c> set means a carry out of bit 63.</summary>
    public static (ulong Significand, bool Inexact, bool Up) RoundAt(ulong high, ulong low, int dropped, bool sign, RoundingMode mode)
    {
        bool half, rest; // the first dropped bit, and whether any lower one is set
        ulong unit;
        if (dropped == 0)
        {
            half = low >> 63 != 0;
            rest = low << 1 != 0;
            unit = 1;
        }
        else
        {
            unit = 1UL << dropped;
            var remainder = high & (unit - 1);
            high &= ~(unit - 1);
            half = (remainder & (unit >> 1)) != 0;
            rest = (remainder & ((unit >> 1) - 1)) != 0 || low != 0;
        }

        if (!half && !rest) return (high, false, false);
        var up = mode switch
        {
            RoundingMode.NearestEven => half && (rest || (high & unit) != 0),
            RoundingMode.Down => sign,
            RoundingMode.Up => !sign,
            _ => false,
        };
        return (up ? high + unit : high, true, up);
    }

    /// <summary>Shifts high:low right, keeping in bit 0 whether anything was lost.</summary>
    public static UInt128 ShiftRightJam(UInt128 value, int count)
    {
        if (count == 0) return value;
        if (count >= 128) return value != UInt128.Zero ? UInt128.One : UInt128.Zero;
        return (value >> count) | (value << (128 - count) != UInt128.Zero ? UInt128.One : UInt128.Zero);
    }

    private static Packed Underflow(
        bool sign, int exponent, ulong high, ulong low, ulong rounded, int roundedExponent, bool inexact, bool up,
        in FloatFormat format, ref FloatContext context)
    {
        if (!context.IsMasked(FloatExceptions.Underflow))
        {
            // The x87 delivers this wrapped result; SSE faults and delivers none.
            context.Raise(FloatExceptions.Underflow);
            if (inexact) context.RaiseInexact(up);
            return new Packed(sign, roundedExponent + format.MaxExponent + FloatFormat.X87ExponentAdjustment, rounded);
        }

        if (context.FlushToZero)
        {
            context.Raise(FloatExceptions.Underflow);
            context.RaiseInexact(roundedUp: false);
            return Packed.Zero(sign);
        }

        var denormal = ShiftRightJam(new UInt128(high, low), format.MinExponent - exponent);
        (rounded, inexact, up) = RoundAt((ulong)(denormal >> 64), (ulong)denormal, 64 - format.Precision, sign, context.Rounding);
        if (inexact)
        {
            context.Raise(FloatExceptions.Underflow);
            context.RaiseInexact(up);
        }

        return new Packed(sign, (int)(rounded >> 63), rounded);
    }

    private static Packed Overflow(
        bool sign, ulong rounded, int roundedExponent, bool inexact, bool up, in FloatFormat format, ref FloatContext context)
    {
        context.Raise(FloatExceptions.Overflow);
        if (!context.IsMasked(FloatExceptions.Overflow))
        {
            if (inexact) context.RaiseInexact(up);
            return new Packed(sign, roundedExponent + format.MaxExponent - FloatFormat.X87ExponentAdjustment, rounded);
        }

        var toInfinity = context.Rounding switch
        {
            RoundingMode.NearestEven => true,
            RoundingMode.Down => sign,
            RoundingMode.Up => !sign,
            _ => false,
        };
        context.RaiseInexact(toInfinity);
        return toInfinity
            ? Packed.Infinity(sign, format)
            : new Packed(sign, format.SpecialExponent - 1, ulong.MaxValue << (64 - format.Precision));
    }
}
