using System.Numerics;

namespace Holon.X86.SoftFloat;

/// <summary>Conversions between formats, to and from integers, and to integral values.</summary>
internal static class FloatConversion
{
    /// <summary>Converts to another format.</summary>
    public static Packed Convert(in Unpacked a, in FloatFormat format, ref FloatContext context)
    {
        if (a.IsNaN) return FloatArithmetic.Propagate(a, a, format, ref context);
        if (a.Class == FloatClass.Infinity) return Packed.Infinity(a.Sign, format);
        if (a.Class == FloatClass.Zero) return Packed.Zero(a.Sign);
        FloatArithmetic.RaiseDenormal(a, a, ref context);
        return FloatRounder.RoundNormalized(a.Sign, a.Exponent, a.Significand, 0, format, ref context);
    }

    /// <summary>Converts an x87 register for a store, which reports no denormal; one that overflows or underflows unmasked reports only that.</summary>
    public static Packed Narrow(in Unpacked a, in FloatFormat format, ref FloatContext context)
    {
        if (a.Class != FloatClass.Finite) return Convert(a, format, ref context);
        var attempt = context;
        var result = FloatRounder.RoundNormalized(a.Sign, a.Exponent, a.Significand, 0, format, ref attempt);
        var range = attempt.Unmasked & (FloatExceptions.Overflow | FloatExceptions.Underflow);
        if (range != 0) context.Raise(range);
        else context = attempt;
        return result;
    }

    /// <summary>Converts a 64-bit integer.</summary>
    public static Packed FromInt64(long value, in FloatFormat format, ref FloatContext context) =>
        Convert(Unpacked.FromInt64(value), format, ref context);

    /// <summary>Converts to a signed integer; what does not fit is invalid and gives the most negative one, "integer indefinite".</summary>
    public static long ToInteger(in Unpacked a, int bits, RoundingMode mode, ref FloatContext context)
    {
        var indefinite = long.MinValue >> (64 - bits);
        if (a.Class == FloatClass.Zero) return 0;
        if (a.Class != FloatClass.Finite || a.Exponent >= bits)
        {
            context.Raise(FloatExceptions.Invalid);
            return indefinite;
        }

        var (magnitude, inexact, up) = RoundToMagnitude(a, mode);
        // A magnitude of 2^64 comes back as 0 and cannot happen here: Exponent < 64 rounds up to at most 2^(Exponent + 1) only below 63.
        var limit = (1UL << (bits - 1)) - (a.Sign ? 0UL : 1UL);
        if (magnitude > limit)
        {
            context.Raise(FloatExceptions.Invalid);
            return indefinite;
        }

        if (inexact) context.RaiseInexact(up);
        return a.Sign ? (long)(0 - magnitude) : (long)magnitude;
    }

    /// <summary>Rounds to an integral value in the same format (ROUNDSS, FRNDINT). Reports a denormal operand only for the x87.</summary>
    public static Packed RoundToIntegral(in Unpacked a, RoundingMode mode, bool suppressInexact, in FloatFormat format, ref FloatContext context)
    {
        if (a.IsNaN) return FloatArithmetic.Propagate(a, a, format, ref context);
        if (a.Class == FloatClass.Infinity) return Packed.Infinity(a.Sign, format);
        if (a.Class == FloatClass.Zero) return Packed.Zero(a.Sign);
        if (format.IsX87) FloatArithmetic.RaiseDenormal(a, a, ref context);
        if (a.Exponent >= 63) return new Packed(a.Sign, a.Exponent + format.MaxExponent, a.Significand);
        var (magnitude, inexact, up) = RoundToMagnitude(a, mode);
        if (inexact && !suppressInexact) context.RaiseInexact(up);
        if (magnitude == 0) return Packed.Zero(a.Sign);
        var shift = BitOperations.LeadingZeroCount(magnitude);
        return new Packed(a.Sign, 63 - shift + format.MaxExponent, magnitude << shift);
    }

    /// <summary>Rounds the magnitude of a finite number below 2^64 to an integer.</summary>
    private static (ulong Magnitude, bool Inexact, bool Up) RoundToMagnitude(in Unpacked a, RoundingMode mode)
    {
        var value = FloatRounder.ShiftRightJam((UInt128)a.Significand << 64, Math.Min(63 - a.Exponent, 128));
        return FloatRounder.RoundAt((ulong)(value >> 64), (ulong)value, 0, a.Sign, mode);
    }
}
