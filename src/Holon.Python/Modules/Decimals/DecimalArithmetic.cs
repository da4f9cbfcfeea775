namespace Holon.Python.Modules.Decimals;

/// <summary>
/// The arithmetic of the General Decimal Arithmetic Specification 1.70. Operands are used whole; results are rounded to a context.
/// </summary>
internal static class DecimalArithmetic
{
    /// <summary>Precisions above this are first tried with what an exact result could need.</summary>
    private const long HugePrecision = 1_000_000;

    /// <summary>The result when an operand is a NaN: the first signalling one, else the first.</summary>
    public static bool IsNaN(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s, out DecimalNumber result)
    {
        if (!a.IsNaN && !b.IsNaN)
        {
            result = default;
            return false;
        }
        if (a.IsSignaling || b.IsSignaling)
            s |= Signals.InvalidOperation;
        var chosen = a.IsSignaling ? a : b.IsSignaling ? b : a.IsNaN ? a : b;
        result = chosen.Quiet().Fit(p, ref s);
        return true;
    }

    public static bool IsNaN(in DecimalNumber a, in Precision p, ref Signals s, out DecimalNumber result) => IsNaN(a, DecimalNumber.One, p, ref s, out result);

    public static DecimalNumber Fail(Signals condition, ref Signals s)
    {
        s |= condition;
        return DecimalNumber.NaN;
    }

    public static DecimalNumber Add(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (a.Exponent == b.Exponent && a.IsSmall && b.IsSmall && a.IsFinite && b.IsFinite && (a.Low | b.Low) >> 63 == 0)
        {
            if (a.IsNegative == b.IsNegative)
                return new DecimalNumber(a.IsNegative, a.Low + b.Low, a.Exponent).Fit(p, ref s);
            var negative = a.Low == b.Low ? p.Rounding == Rounding.Floor : (a.Low > b.Low ? a : b).IsNegative;
            return new DecimalNumber(negative, a.Low > b.Low ? a.Low - b.Low : b.Low - a.Low, a.Exponent).Fit(p, ref s);
        }
        if (!a.IsFinite || !b.IsFinite)
        {
            if (IsNaN(a, b, p, ref s, out var nan))
                return nan;
            return a.IsInfinite && b.IsInfinite && a.IsNegative != b.IsNegative ? Fail(Signals.InvalidOperation, ref s) : a.IsInfinite ? a : b;
        }
        return a.Exponent >= b.Exponent ? AddAligned(a, b, p, ref s) : AddAligned(b, a, p, ref s);
    }

    private static DecimalNumber AddAligned(in DecimalNumber upper, in DecimalNumber lower, in Precision p, ref Signals s)
    {
        var small = lower;
        if (upper.Exponent != lower.Exponent && !upper.IsZero)
        {
            // A number too small to matter but for its sign is replaced by one that does not need a huge shift.
            var least = upper.Exponent - 1 + (upper.Digits > p.Digits ? 0 : upper.Digits - p.Digits - 1);
            if (lower.Adjusted < least)
                small = new DecimalNumber(lower.IsNegative, lower.IsZero ? 0ul : 1, least);
        }
        var big = upper.ShiftLeft(upper.Exponent - small.Exponent);
        if (big.IsSmall && small.IsSmall && (big.Low | small.Low) >> 63 == 0)
            return Add(big, small, p, ref s);
        PowersOfTen.Charge(big.Digits);
        var x = big.IsNegative ? -big.Coefficient : big.Coefficient;
        var y = small.IsNegative ? -small.Coefficient : small.Coefficient;
        var sum = x + y;
        var negative = sum.IsZero ? (big.IsNegative == small.IsNegative ? big.IsNegative : p.Rounding == Rounding.Floor) : sum.Sign < 0;
        return new DecimalNumber(negative, BigInteger.Abs(sum), small.Exponent).Fit(p, ref s);
    }

    public static DecimalNumber Subtract(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s) =>
        Add(a, b.IsNaN ? b : b.WithSign(!b.IsNegative), p, ref s);

    public static DecimalNumber Multiply(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        var negative = a.IsNegative != b.IsNegative;
        if (!a.IsFinite || !b.IsFinite)
        {
            if (IsNaN(a, b, p, ref s, out var nan))
                return nan;
            return a.IsZero || b.IsZero ? Fail(Signals.InvalidOperation, ref s) : DecimalNumber.Infinity(negative);
        }
        if (a.IsSmall && b.IsSmall)
        {
            var high = Math.BigMul(a.Low, b.Low, out var low);
            return (high == 0 ? new DecimalNumber(negative, low, a.Exponent + b.Exponent) : new DecimalNumber(negative, (BigInteger)new UInt128(high, low), a.Exponent + b.Exponent)).Fit(p, ref s);
        }
        PowersOfTen.Charge((long)a.Digits + b.Digits);
        return new DecimalNumber(negative, a.Coefficient * b.Coefficient, a.Exponent + b.Exponent).Fit(p, ref s);
    }

    public static DecimalNumber FusedMultiplyAdd(in DecimalNumber a, in DecimalNumber b, in DecimalNumber c, in Precision p, ref Signals s)
    {
        if (a.IsNaN || b.IsNaN || c.IsNaN)
        {
            if (a.IsSignaling || b.IsSignaling || !c.IsSignaling)
            {
                if (IsNaN(a, b, p, ref s, out var first))
                    return first;
            }
            IsNaN(c, p, ref s, out var last);
            return last;
        }
        var work = Signals.None;
        var product = Multiply(a, b, Precision.Maximum, ref work);
        if (product.IsNaN)
            return Fail(Signals.InvalidOperation, ref s);
        return Add(product, c, p, ref s);
    }

    public static DecimalNumber Divide(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        var negative = a.IsNegative != b.IsNegative;
        if (!a.IsFinite || !b.IsFinite)
        {
            if (IsNaN(a, b, p, ref s, out var nan))
                return nan;
            if (a.IsInfinite)
                return b.IsInfinite ? Fail(Signals.InvalidOperation, ref s) : DecimalNumber.Infinity(negative);
            s |= Signals.Clamped;
            return new DecimalNumber(negative, 0ul, p.Tiny);
        }
        if (b.IsZero)
        {
            if (a.IsZero)
                return Fail(Signals.DivisionUndefined, ref s);
            s |= Signals.DivisionByZero;
            return DecimalNumber.Infinity(negative);
        }
        if (a.IsZero)
            return new DecimalNumber(negative, 0ul, a.Exponent - b.Exponent).Fit(p, ref s);
        if (p.Digits > HugePrecision)
        {
            var work = Signals.None;
            var exact = Quotient(a, b, p with { Digits = Math.Min(p.Digits, a.Digits + 4L * b.Digits) }, ref work);
            if ((work & Signals.Inexact) == 0)
                return exact.Fit(p, ref s);
        }
        return Quotient(a, b, p, ref s);
    }

    private static DecimalNumber Quotient(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        var negative = a.IsNegative != b.IsNegative;
        var ideal = a.Exponent - b.Exponent;
        var shift = b.Digits - a.Digits + p.Digits + 1;
        var x = shift > 0 ? PowersOfTen.Scale(a.Coefficient, shift) : a.Coefficient;
        var y = shift < 0 ? PowersOfTen.Scale(b.Coefficient, -shift) : b.Coefficient;
        PowersOfTen.Charge((long)a.Digits + b.Digits);
        var quotient = BigInteger.DivRem(x, y, out var rest);
        if (!rest.IsZero)
        {
            // A digit that stands for all that follow.
            if (quotient % 5 == 0)
                quotient += 1;
            return new DecimalNumber(negative, quotient, ideal - shift).Fit(p, ref s);
        }
        var exact = new DecimalNumber(negative, quotient, ideal - shift);
        return (shift > 0 ? exact.Stripped(shift) : exact).Fit(p, ref s);
    }

    /// <summary>Quotient as an integer and remainder of finite numbers; false when the quotient has too many digits.</summary>
    private static bool Divide(in DecimalNumber a, in DecimalNumber b, in Precision p, out BigInteger quotient, out DecimalNumber remainder)
    {
        var ideal = Math.Min(a.Exponent, b.Exponent);
        quotient = BigInteger.Zero;
        remainder = default;
        if (a.IsZero)
        {
            remainder = new DecimalNumber(a.IsNegative, 0ul, ideal);
            return true;
        }
        var difference = a.Adjusted - b.Adjusted;
        if (difference > p.Digits)
            return false;
        if (difference < 0)
        {
            remainder = a.Exponent > ideal ? a.ShiftLeft(a.Exponent - ideal) : a;
            return true;
        }
        var x = PowersOfTen.Scale(a.Coefficient, a.Exponent - ideal);
        var y = PowersOfTen.Scale(b.Coefficient, b.Exponent - ideal);
        quotient = BigInteger.DivRem(x, y, out var rest);
        remainder = new DecimalNumber(a.IsNegative, rest, ideal);
        return new DecimalNumber(false, quotient, 0).Digits <= p.Digits;
    }

    public static DecimalNumber DivideInteger(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        var negative = a.IsNegative != b.IsNegative;
        if (IsNaN(a, b, p, ref s, out var nan))
            return nan;
        if (a.IsInfinite)
            return b.IsInfinite ? Fail(Signals.InvalidOperation, ref s) : DecimalNumber.Infinity(negative);
        if (b.IsInfinite)
            return new DecimalNumber(negative, 0ul, 0);
        if (b.IsZero)
        {
            if (a.IsZero)
                return Fail(Signals.DivisionUndefined, ref s);
            s |= Signals.DivisionByZero;
            return DecimalNumber.Infinity(negative);
        }
        return Divide(a, b, p, out var quotient, out _) ? new DecimalNumber(negative, quotient, 0).Fit(p, ref s) : Fail(Signals.DivisionImpossible, ref s);
    }

    /// <summary>Whether a remainder needs no division: of what is not a finite number, or by zero.</summary>
    private static bool IsRemainderKnown(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s, out DecimalNumber known)
    {
        if (IsNaN(a, b, p, ref s, out known))
            return true;
        if (a.IsInfinite)
            known = Fail(Signals.InvalidOperation, ref s);
        else if (b.IsInfinite)
            known = a.Fit(p, ref s);
        else if (b.IsZero)
            known = Fail(a.IsZero ? Signals.DivisionUndefined : Signals.InvalidOperation, ref s);
        else
            return false;
        return true;
    }

    public static DecimalNumber Remainder(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (IsRemainderKnown(a, b, p, ref s, out var known))
            return known;
        return Divide(a, b, p, out _, out var remainder) ? remainder.Fit(p, ref s) : Fail(Signals.DivisionImpossible, ref s);
    }

    public static (DecimalNumber Quotient, DecimalNumber Remainder) DivMod(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        var negative = a.IsNegative != b.IsNegative;
        if (IsNaN(a, b, p, ref s, out var nan))
            return (nan, nan);
        if (a.IsInfinite)
        {
            s |= Signals.InvalidOperation;
            return (b.IsInfinite ? DecimalNumber.NaN : DecimalNumber.Infinity(negative), DecimalNumber.NaN);
        }
        if (b.IsInfinite)
            return (new DecimalNumber(negative, 0ul, 0), a.Fit(p, ref s));
        if (b.IsZero)
        {
            if (a.IsZero)
                return (Fail(Signals.DivisionUndefined, ref s), DecimalNumber.NaN);
            s |= Signals.DivisionByZero | Signals.InvalidOperation;
            return (DecimalNumber.Infinity(negative), DecimalNumber.NaN);
        }
        if (!Divide(a, b, p, out var quotient, out var remainder))
            return (Fail(Signals.DivisionImpossible, ref s), DecimalNumber.NaN);
        return (new DecimalNumber(negative, quotient, 0).Fit(p, ref s), remainder.Fit(p, ref s));
    }

    public static DecimalNumber RemainderNear(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (IsRemainderKnown(a, b, p, ref s, out var known))
            return known;
        var ideal = Math.Min(a.Exponent, b.Exponent);
        if (a.IsZero)
            return new DecimalNumber(a.IsNegative, 0ul, ideal).Fit(p, ref s);
        if (a.Adjusted - b.Adjusted > p.Digits + 1)
            return Fail(Signals.DivisionImpossible, ref s);
        if (a.Adjusted - b.Adjusted <= -2)
            return a.ShiftLeft(a.Exponent - ideal).Fit(p, ref s);
        var y = PowersOfTen.Scale(b.Coefficient, b.Exponent - ideal);
        var quotient = BigInteger.DivRem(PowersOfTen.Scale(a.Coefficient, a.Exponent - ideal), y, out var rest);
        var negative = a.IsNegative;
        var twice = (rest << 1).CompareTo(y);
        if (twice > 0 || (twice == 0 && !quotient.IsEven))
        {
            (rest, negative) = (y - rest, !negative);
            quotient += 1;
        }
        if (new DecimalNumber(false, quotient, 0).Digits > p.Digits)
            return Fail(Signals.DivisionImpossible, ref s);
        return new DecimalNumber(rest.IsZero ? a.IsNegative : negative, rest, ideal).Fit(p, ref s);
    }

    public static DecimalNumber Plus(in DecimalNumber a, in Precision p, ref Signals s) => Signed(a, a.IsNegative, p, ref s);

    public static DecimalNumber Minus(in DecimalNumber a, in Precision p, ref Signals s) => Signed(a, !a.IsNegative, p, ref s);

    public static DecimalNumber Absolute(in DecimalNumber a, in Precision p, ref Signals s) => Signed(a, false, p, ref s);

    // The sign of a zero depends on the rounding only, as if it were added to zero.
    private static DecimalNumber Signed(in DecimalNumber a, bool negative, in Precision p, ref Signals s)
    {
        if (IsNaN(a, p, ref s, out var nan))
            return nan;
        return a.WithSign(a.IsZero && p.Rounding != Rounding.Floor ? false : negative).Fit(p, ref s);
    }

    public static DecimalNumber Quantize(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (IsNaN(a, b, p, ref s, out var nan))
            return nan;
        if (a.IsInfinite || b.IsInfinite)
            return a.IsInfinite && b.IsInfinite ? a : Fail(Signals.InvalidOperation, ref s);
        if (b.Exponent > p.MaxExponent || b.Exponent < p.Tiny)
            return Fail(Signals.InvalidOperation, ref s);
        if (a.IsZero)
            return new DecimalNumber(a.IsNegative, 0ul, b.Exponent).Fit(p, ref s);
        var shift = a.Exponent - b.Exponent;
        if (a.Digits + shift > p.Digits)
            return Fail(Signals.InvalidOperation, ref s);
        var inexact = false;
        var result = shift >= 0 ? a.ShiftLeft(shift) : a.ShiftRight(-shift, p.Rounding, out inexact);
        if (result.Digits > p.Digits || result.Adjusted > p.MaxExponent)
            return Fail(Signals.InvalidOperation, ref s);
        if (shift < 0)
            s |= inexact ? Signals.Rounded | Signals.Inexact : Signals.Rounded;
        return result.Fit(p, ref s);
    }

    public static DecimalNumber Normalize(in DecimalNumber a, in Precision p, ref Signals s)
    {
        if (IsNaN(a, p, ref s, out var nan))
            return nan;
        var result = a.Fit(p, ref s);
        if (!result.IsFinite)
            return result;
        return result.IsZero ? new DecimalNumber(result.IsNegative, 0ul, 0) : result.Stripped((p.Clamp ? p.Top : p.MaxExponent) - result.Exponent);
    }

    /// <summary>Without fraction, whatever the precision.</summary>
    public static DecimalNumber ToIntegral(in DecimalNumber a, in Precision p, bool exact, ref Signals s)
    {
        if (IsNaN(a, p, ref s, out var nan))
            return nan;
        if (a.IsInfinite || a.Exponent >= 0)
            return a;
        if (a.IsZero)
            return a.WithExponent(0);
        var result = a.ShiftRight(-a.Exponent, p.Rounding, out var inexact);
        if (exact)
            s |= inexact ? Signals.Rounded | Signals.Inexact : Signals.Rounded;
        return result;
    }

    public static DecimalNumber SquareRoot(in DecimalNumber a, in Precision p, ref Signals s)
    {
        if (IsNaN(a, p, ref s, out var nan))
            return nan;
        var ideal = a.Exponent >> 1;
        if (a.IsZero)
            return a.WithExponent(ideal).Fit(p, ref s);
        if (a.IsNegative)
            return Fail(Signals.InvalidOperation, ref s);
        if (a.IsInfinite)
            return a;
        var even = p with { Rounding = Rounding.HalfEven };
        var odd = a.Exponent & 1;
        if (p.Digits > HugePrecision)
        {
            var whole = PowersOfTen.Scale(a.Coefficient, odd);
            var root = MathModule.SquareRoot(whole);
            if (root * root == whole)
                return new DecimalNumber(false, root, ideal).Fit(even, ref s);
        }
        var places = p.Digits + 1 - (a.Digits + 1 + odd) / 2;
        PowersOfTen.Charge(a.Digits + p.Digits);
        BigInteger scaled, rest = BigInteger.Zero;
        if (places >= 0)
            scaled = PowersOfTen.Scale(a.Coefficient, odd + 2 * places);
        else
            scaled = BigInteger.DivRem(PowersOfTen.Scale(a.Coefficient, odd), PowersOfTen.Of(-2 * places), out rest);
        var result = MathModule.SquareRoot(scaled);
        if (!rest.IsZero || result * result != scaled)
        {
            if (result % 5 == 0)
                result += 1;
            return new DecimalNumber(false, result, ideal - places).Fit(even, ref s);
        }
        var exact = new DecimalNumber(false, result, ideal - places);
        return (places > 0 ? exact.Stripped(places) : exact.ShiftLeft(-places)).Fit(even, ref s);
    }

    /// <summary>The order of numbers that are not NaN.</summary>
    public static int Compare(in DecimalNumber a, in DecimalNumber b)
    {
        if (a.IsZero || b.IsZero)
            return Sign(a) - Sign(b);
        if (a.IsNegative != b.IsNegative)
            return a.IsNegative ? -1 : 1;
        return a.IsNegative ? -CompareMagnitude(a, b) : CompareMagnitude(a, b);
    }

    private static int Sign(in DecimalNumber a) => a.IsZero ? 0 : a.IsNegative ? -1 : 1;

    public static int CompareMagnitude(in DecimalNumber a, in DecimalNumber b)
    {
        if (a.IsInfinite || b.IsInfinite)
            return (a.IsInfinite ? 1 : 0) - (b.IsInfinite ? 1 : 0);
        if (a.IsZero || b.IsZero)
            return (a.IsZero ? 0 : 1) - (b.IsZero ? 0 : 1);
        if (a.Adjusted != b.Adjusted)
            return a.Adjusted < b.Adjusted ? -1 : 1;
        if (a.Exponent == b.Exponent && a.IsSmall && b.IsSmall)
            return a.Low.CompareTo(b.Low);
        var x = a.Exponent > b.Exponent ? a.ShiftLeft(a.Exponent - b.Exponent) : a;
        var y = b.Exponent > a.Exponent ? b.ShiftLeft(b.Exponent - a.Exponent) : b;
        return x.Coefficient.CompareTo(y.Coefficient);
    }

    /// <summary>The order of all representations, NaNs included.</summary>
    public static int CompareTotal(in DecimalNumber a, in DecimalNumber b)
    {
        if (a.IsNegative != b.IsNegative)
            return a.IsNegative ? -1 : 1;
        var order = CompareTotalMagnitude(a, b);
        return a.IsNegative ? -order : order;
    }

    public static int CompareTotalMagnitude(in DecimalNumber a, in DecimalNumber b)
    {
        if (a.IsNaN || b.IsNaN)
        {
            // Finite numbers, infinities, signalling and quiet NaNs.
            var rank = Rank(a) - Rank(b);
            return rank != 0 ? Math.Sign(rank) : a.Coefficient.CompareTo(b.Coefficient);
        }
        var order = CompareMagnitude(a, b);
        return order != 0 ? order : a.Exponent.CompareTo(b.Exponent);
    }

    private static int Rank(in DecimalNumber a) => a.Kind switch { NumberKind.QuietNaN => 2, NumberKind.SignalingNaN => 1, _ => 0 };

    public static DecimalNumber Compared(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s) =>
        IsNaN(a, b, p, ref s, out var nan) ? nan : DecimalNumber.Of(Compare(a, b));

    public static DecimalNumber ComparedSignaling(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (IsNaN(a, b, p, ref s, out var nan))
        {
            s |= Signals.InvalidOperation;
            return nan;
        }
        return DecimalNumber.Of(Compare(a, b));
    }

    /// <summary>max, min and their forms for magnitudes: a number wins over a quiet NaN.</summary>
    public static DecimalNumber Extreme(in DecimalNumber a, in DecimalNumber b, bool largest, bool magnitude, in Precision p, ref Signals s)
    {
        if (a.Kind == NumberKind.QuietNaN && !b.IsNaN)
            return b.Fit(p, ref s);
        if (b.Kind == NumberKind.QuietNaN && !a.IsNaN)
            return a.Fit(p, ref s);
        if (IsNaN(a, b, p, ref s, out var nan))
            return nan;
        var order = magnitude ? CompareMagnitude(a, b) : 0;
        if (order == 0)
            order = Compare(a, b);
        if (order == 0)
            order = CompareTotal(a, b);
        return (largest == order >= 0 || order == 0 ? a : b).Fit(p, ref s);
    }
}
