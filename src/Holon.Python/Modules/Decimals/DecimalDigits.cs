using System.Globalization;

namespace Holon.Python.Modules.Decimals;

/// <summary>Operations of the specification on digits and exponents: logb, scaleb, shift, rotate, the logical ones and the neighbours of a number.</summary>
internal static class DecimalDigits
{
    public static DecimalNumber LogB(in DecimalNumber a, in Precision p, ref Signals s)
    {
        if (DecimalArithmetic.IsNaN(a, p, ref s, out var nan))
            return nan;
        if (a.IsInfinite)
            return DecimalNumber.Infinity(false);
        if (a.IsZero)
        {
            s |= Signals.DivisionByZero;
            return DecimalNumber.Infinity(true);
        }
        return DecimalNumber.Of(a.Adjusted).Fit(p, ref s);
    }

    public static DecimalNumber ScaleB(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (DecimalArithmetic.IsNaN(a, b, p, ref s, out var nan))
            return nan;
        if (b.IsInfinite || b.Exponent != 0 || !TryInteger(b, out var places) || Math.Abs(places) > 2 * (BigInteger)(p.MaxExponent + p.Digits))
            return DecimalArithmetic.Fail(Signals.InvalidOperation, ref s);
        return a.IsInfinite ? a : a.WithExponent(a.Exponent + places).Fit(p, ref s);
    }

    public static DecimalNumber Shift(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (!CanMove(a, b, p, ref s, out var places, out var result))
            return result;
        if (places >= 0)
        {
            var digits = a.Digits + places;
            return new DecimalNumber(a.IsNegative, places >= p.Digits ? 0 : digits > p.Digits ? PowersOfTen.Scale(a.Coefficient % PowersOfTen.Of(p.Digits - places), places) : PowersOfTen.Scale(a.Coefficient, places), a.Exponent);
        }
        return Capped(a, p).ShiftRight(-places, Rounding.Down, out _).WithExponent(a.Exponent);
    }

    public static DecimalNumber Rotate(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (!CanMove(a, b, p, ref s, out var places, out var result))
            return result;
        var coefficient = Capped(a, p).Coefficient;
        if (places < 0)
            places += p.Digits;
        var left = BigInteger.DivRem(coefficient, PowersOfTen.Of(p.Digits - places), out var right);
        return new DecimalNumber(a.IsNegative, PowersOfTen.Scale(right, places) + left, a.Exponent);
    }

    private static DecimalNumber Capped(in DecimalNumber a, in Precision p) =>
        a.Digits > p.Digits ? new DecimalNumber(a.IsNegative, a.Coefficient % PowersOfTen.Of(p.Digits), a.Exponent) : a;

    private static bool CanMove(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s, out long places, out DecimalNumber result)
    {
        places = 0;
        if (DecimalArithmetic.IsNaN(a, b, p, ref s, out result))
            return false;
        if (b.IsInfinite || b.Exponent != 0 || !TryInteger(b, out places) || Math.Abs(places) > p.Digits)
        {
            result = DecimalArithmetic.Fail(Signals.InvalidOperation, ref s);
            return false;
        }
        result = a;
        return !a.IsInfinite;
    }

    private static bool TryInteger(in DecimalNumber b, out long value)
    {
        value = b.IsNegative ? -(long)Math.Min(b.Low, long.MaxValue) : (long)Math.Min(b.Low, long.MaxValue);
        return b.IsSmall && b.Low < 1ul << 62;
    }

    public static DecimalNumber Invert(in DecimalNumber a, in Precision p, ref Signals s)
    {
        if (!IsLogical(a))
            return DecimalArithmetic.Fail(Signals.InvalidOperation, ref s);
        PowersOfTen.Charge(p.Digits);
        var text = Text(a).PadLeft((int)p.Digits, '0');
        return FromBits(p, string.Create(text.Length, text, static (span, from) =>
        {
            for (var i = 0; i < span.Length; i++)
                span[i] = from[i] == '0' ? '1' : '0';
        }));
    }

    public static DecimalNumber Logical(in DecimalNumber a, in DecimalNumber b, Func<bool, bool, bool> operation, in Precision p, ref Signals s)
    {
        if (!IsLogical(a) || !IsLogical(b))
            return DecimalArithmetic.Fail(Signals.InvalidOperation, ref s);
        string x = Text(a), y = Text(b);
        var length = Math.Max(x.Length, y.Length);
        var result = new char[length];
        for (var i = 1; i <= length; i++)
            result[^i] = operation(i <= x.Length && x[^i] == '1', i <= y.Length && y[^i] == '1') ? '1' : '0';
        return FromBits(p, new string(result));
    }

    private static bool IsLogical(in DecimalNumber a) =>
        a.IsFinite && !a.IsNegative && a.Exponent == 0 && !Text(a).AsSpan().ContainsAnyExcept('0', '1');

    private static string Text(in DecimalNumber a) => a.Coefficient.ToString(CultureInfo.InvariantCulture);

    // The lowest digits, as many as the context has.
    private static DecimalNumber FromBits(in Precision p, string digits) => new(false, BigInteger.Parse(digits.Length > p.Digits ? digits[^(int)p.Digits..] : digits, CultureInfo.InvariantCulture), 0);

    public static DecimalNumber NextMinus(in DecimalNumber a, in Precision p, ref Signals s) => Neighbour(a, true, p, ref s);

    public static DecimalNumber NextPlus(in DecimalNumber a, in Precision p, ref Signals s) => Neighbour(a, false, p, ref s);

    private static DecimalNumber Neighbour(in DecimalNumber a, bool below, in Precision p, ref Signals s)
    {
        if (DecimalArithmetic.IsNaN(a, p, ref s, out var nan))
            return nan;
        if (a.IsInfinite)
            return a.IsNegative == below ? a : DecimalNumber.Largest(!below, p);
        var work = p with { Rounding = below ? Rounding.Floor : Rounding.Ceiling };
        var hidden = Signals.None;
        var fitted = a.Fit(work, ref hidden);
        if ((hidden & Signals.Inexact) != 0)
            return fitted;
        return DecimalArithmetic.Add(fitted, new DecimalNumber(below, 1ul, p.Tiny - 1), work, ref hidden);
    }

    public static DecimalNumber NextToward(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (DecimalArithmetic.IsNaN(a, b, p, ref s, out var nan))
            return nan;
        var order = DecimalArithmetic.Compare(a, b);
        if (order == 0)
            return a.WithSign(b.IsNegative).Fit(p, ref s);
        var result = Neighbour(a, order > 0, p, ref s);
        if (result.IsInfinite)
        {
            s |= Signals.Overflow | Signals.Rounded | Signals.Inexact;
        }
        else if (result.Adjusted < p.MinExponent)
        {
            s |= Signals.Underflow | Signals.Subnormal | Signals.Rounded | Signals.Inexact;
            if (result.IsZero)
                s |= Signals.Clamped;
        }
        return result;
    }

    public static string Class(in DecimalNumber a, in Precision p) => a.Kind switch
    {
        NumberKind.QuietNaN => "NaN",
        NumberKind.SignalingNaN => "sNaN",
        _ => (a.IsNegative ? "-" : "+") + (a.IsInfinite ? "Infinity" : a.IsZero ? "Zero" : a.Adjusted < p.MinExponent ? "Subnormal" : "Normal"),
    };

    public static bool IsSameQuantum(in DecimalNumber a, in DecimalNumber b) =>
        a.IsFinite && b.IsFinite ? a.Exponent == b.Exponent : (a.IsNaN && b.IsNaN) || (a.IsInfinite && b.IsInfinite);
}
