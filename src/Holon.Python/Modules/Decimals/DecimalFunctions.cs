namespace Holon.Python.Modules.Decimals;

/// <summary>
/// exp, ln, log10 and power. They are computed in binary fixed point with guard bits, and again with more of them while the digits
/// behind the last one leave open which way to round, so that results are correctly rounded.
/// </summary>
internal static class DecimalFunctions
{
    private const double BitsPerDigit = 3.3219280948873626;

    /// <summary>An exponent with which a result overflows or underflows in every context.</summary>
    private const long Beyond = 2_000_000_000_000_000_000;

    public static DecimalNumber Exp(in DecimalNumber a, in Precision p, ref Signals s)
    {
        if (DecimalArithmetic.IsNaN(a, p, ref s, out var nan))
            return nan;
        if (a.IsInfinite)
            return a.IsNegative ? new DecimalNumber(false, 0ul, 0) : a;
        if (a.IsZero)
            return DecimalNumber.One;
        var even = p with { Rounding = Rounding.HalfEven, Clamp = p.Clamp };
        s |= Signals.Inexact | Signals.Rounded;
        if (a.Adjusted > 19)
            return new DecimalNumber(false, 1ul, a.IsNegative ? -Beyond : Beyond).Fit(even, ref s);
        // So close to one that only the direction matters.
        if (a.Adjusted < -p.Digits - 1)
        {
            var near = PowersOfTen.Of(p.Digits + 1);
            return new DecimalNumber(false, a.IsNegative ? near - 1 : near + 1, -p.Digits - 1).Fit(even, ref s);
        }
        for (var digits = p.Digits + 3; ; digits += digits / 4 + 6)
        {
            // a = k ln 10 + r
            var bits = Bits(digits + Math.Max(0, a.Adjusted) + 6);
            var x = ToFixed(a, bits);
            var tens = BigInteger.DivRem(x, LnTen(bits), out var rest);
            if (rest.Sign < 0)
                (tens, rest) = (tens - 1, rest + LnTen(bits));
            if (BigInteger.Abs(tens) > Beyond)
                return new DecimalNumber(false, 1ul, a.IsNegative ? -Beyond : Beyond).Fit(even, ref s);
            var result = (ExpFixed(rest, bits) * PowersOfTen.Of(digits)) >> bits;
            if (IsDecided(result, p.Digits))
                return new DecimalNumber(false, result, (long)tens - digits).Fit(even, ref s);
        }
    }

    public static DecimalNumber Ln(in DecimalNumber a, in Precision p, ref Signals s) => Logarithm(a, false, p, ref s);

    public static DecimalNumber Log10(in DecimalNumber a, in Precision p, ref Signals s) => Logarithm(a, true, p, ref s);

    private static DecimalNumber Logarithm(in DecimalNumber a, bool ten, in Precision p, ref Signals s)
    {
        if (DecimalArithmetic.IsNaN(a, p, ref s, out var nan))
            return nan;
        if (a.IsZero)
            return DecimalNumber.Infinity(true);
        if (a.IsNegative)
            return DecimalArithmetic.Fail(Signals.InvalidOperation, ref s);
        if (a.IsInfinite)
            return a;
        var even = p with { Rounding = Rounding.HalfEven };
        if (DecimalArithmetic.Compare(a, DecimalNumber.One) == 0)
            return new DecimalNumber(false, 0ul, 0);
        if (ten && a.Coefficient.IsPowerOfTen(a.Digits))
            return DecimalNumber.Of(a.Adjusted).Fit(even, ref s);
        s |= Signals.Inexact | Signals.Rounded;
        // Near one the logarithm is as small as the distance from it.
        var work = Signals.None;
        var smallest = a.Adjusted is 0 or -1 ? Math.Max(0, -DecimalArithmetic.Subtract(a, DecimalNumber.One, Precision.Maximum with { Digits = a.Digits + 3 }, ref work).Adjusted) + 1 : 1;
        for (var digits = p.Digits + 4; ; digits += digits / 4 + 6)
        {
            var places = digits + smallest;
            var bits = Bits(places + 6);
            var value = LnFixed(a, bits);
            if (ten)
                value = (value << bits) / LnTen(bits);
            var result = (BigInteger.Abs(value) * PowersOfTen.Of(places)) >> bits;
            if (IsDecided(result, p.Digits))
                return new DecimalNumber(value.Sign < 0, result, -places).Fit(even, ref s);
        }
    }

    // Not so near to a rounding boundary that an error of a few units in the last place could lie across it.
    private static bool IsDecided(BigInteger value, long digits)
    {
        var extra = PowersOfTen.CountDigits(value) - digits;
        if (extra < 2)
            return false;
        var unit = PowersOfTen.Of(extra - 1) * 5;
        var tail = value % unit;
        return tail > 9 && unit - tail > 9;
    }

    private static int Bits(long digits)
    {
        PowersOfTen.Charge(digits);
        return (int)(digits * BitsPerDigit) + 32;
    }

    /// <summary>A number times 2^bits.</summary>
    private static BigInteger ToFixed(in DecimalNumber a, int bits)
    {
        var value = a.Exponent >= 0 ? PowersOfTen.Scale(a.Coefficient, a.Exponent) << bits
            : -a.Exponent > a.Digits + bits ? BigInteger.Zero : (a.Coefficient << bits) / PowersOfTen.Of(-a.Exponent);
        return a.IsNegative ? -value : value;
    }

    /// <summary>e^x for x from 0 to 3.</summary>
    private static BigInteger ExpFixed(BigInteger x, int bits)
    {
        var halvings = (int)Math.Sqrt(bits) + 4;
        var guard = halvings + 16;
        var work = bits + guard;
        var step = (x << guard) >> halvings;
        var term = BigInteger.One << work;
        var sum = term;
        for (var n = 1; !term.IsZero; n++)
        {
            term = ((term * step) >> work) / n;
            sum += term;
            PowersOfTen.Charge(bits / 4);
        }
        for (; halvings > 0; halvings--)
            sum = (sum * sum) >> work;
        return sum >> guard;
    }

    private static BigInteger LnFixed(in DecimalNumber a, int bits)
    {
        const int guard = 96; // the exponent multiplies the error of ln 10
        var work = bits + guard;
        // a = m 10^e with m near one
        var exponent = a.Adjusted;
        var m = ToFixed(a.WithExponent(a.Exponent - exponent), work);
        if (m > (BigInteger.One << work) * 3)
        {
            m /= 10;
            exponent++;
        }
        // A first value from a double, then ln m = y + 2 artanh((m - e^y) / (m + e^y)).
        var y = Math.Log((double)(m >> (work - 60)) / (1L << 60));
        var start = new BigInteger(y * (1L << 52));
        var first = work > 52 ? start << (work - 52) : start >> (52 - work);
        var e = first.Sign >= 0 ? ExpFixed(first, work) : (BigInteger.One << (2 * work)) / ExpFixed(-first, work);
        var result = first + 2 * ArTanh(((m - e) << work) / (m + e), work);
        return (result + exponent * LnTen(work)) >> guard;
    }

    private static BigInteger ArTanh(BigInteger z, int bits)
    {
        var square = (z * z) >> bits;
        var sum = z;
        for (var n = 3; !z.IsZero; n += 2)
        {
            z = (z * square) >> bits;
            if (z == BigInteger.MinusOne)
                break;
            sum += z / n;
        }
        return sum;
    }

    private static (int Bits, BigInteger Value) lnTen;
    private static readonly Lock LnTenLock = new();

    private static BigInteger LnTen(int bits)
    {
        lock (LnTenLock)
        {
            if (lnTen.Bits < bits)
                lnTen = (bits + 64, (46 * Inverse(31, bits + 96) + 34 * Inverse(49, bits + 96) + 20 * Inverse(161, bits + 96)) >> 32);
            return lnTen.Value >> (lnTen.Bits - bits);
        }
    }

    // artanh(1/n)
    private static BigInteger Inverse(int n, int bits)
    {
        var term = (BigInteger.One << bits) / n;
        var sum = term;
        for (var k = 3; !term.IsZero; k += 2)
        {
            term /= n * n;
            sum += term / k;
        }
        return sum;
    }

    private static bool IsPowerOfTen(this BigInteger coefficient, int digits) => coefficient == PowersOfTen.Of(digits - 1);

    public static DecimalNumber Power(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        if (DecimalArithmetic.IsNaN(a, b, p, ref s, out var nan))
            return nan;
        var whole = b.IsInteger;
        var negative = a.IsNegative && whole && IsOddInteger(b);
        if (a.IsZero)
        {
            if (b.IsZero)
                return DecimalArithmetic.Fail(Signals.InvalidOperation, ref s);
            return b.IsNegative ? DecimalNumber.Infinity(negative) : new DecimalNumber(negative, 0ul, 0);
        }
        if (a.IsNegative && !whole)
            return DecimalArithmetic.Fail(Signals.InvalidOperation, ref s);
        var againstOne = DecimalArithmetic.CompareMagnitude(a, DecimalNumber.One);
        if (b.IsInfinite)
        {
            if (againstOne == 0)
                return PaddedOne(negative, p.Digits - 1, true, ref s);
            return againstOne > 0 != b.IsNegative ? DecimalNumber.Infinity(negative) : new DecimalNumber(negative, 0ul, 0);
        }
        if (a.IsInfinite)
            return b.IsZero ? new DecimalNumber(negative, 1ul, 0) : b.IsNegative ? new DecimalNumber(negative, 0ul, 0) : DecimalNumber.Infinity(negative);
        if (b.IsZero)
            return new DecimalNumber(negative, 1ul, 0);
        if (againstOne == 0)
            return PowerOfOne(a, b, whole, negative, p, ref s);
        if (IsBeyond(a, b, p, out var overflows))
        {
            s |= Signals.Inexact | Signals.Rounded;
            return new DecimalNumber(negative, 1ul, overflows ? Beyond : -Beyond).Fit(p, ref s);
        }
        var result = whole ? IntegerPower(a, b, negative, p, ref s) : RealPower(a, b, p, ref s);
        if (result.IsInfinite)
            result = new DecimalNumber(negative, 1ul, Beyond); // for the roundings to the largest number
        return result.Fit(p, ref s);
    }

    private static bool IsOddInteger(in DecimalNumber b) =>
        b.IsFinite && b.Exponent <= 0 && (b.Exponent == 0 ? b.IsOdd : !b.IsZero && b.Stripped(-b.Exponent) is { Exponent: 0, IsOdd: true });

    private static DecimalNumber PaddedOne(bool negative, long places, bool inexact, ref Signals s)
    {
        s |= inexact ? Signals.Inexact | Signals.Rounded : Signals.None;
        return new DecimalNumber(negative, PowersOfTen.Of(places), -places);
    }

    private static DecimalNumber PowerOfOne(in DecimalNumber a, in DecimalNumber b, bool whole, bool negative, in Precision p, ref Signals s)
    {
        if (!whole)
            return PaddedOne(negative, p.Digits - 1, true, ref s);
        if (b.IsNegative)
            return new DecimalNumber(negative, 1ul, 0);
        // 1.000 ** 3 is 1.000000000
        var places = b.Adjusted > 18 ? (a.Exponent == 0 ? 0 : long.MaxValue) : (long)BigInteger.Min((BigInteger)(-a.Exponent) * ToInteger(b), long.MaxValue);
        if (places > p.Digits - 1)
        {
            s |= Signals.Rounded;
            places = p.Digits - 1;
        }
        return PaddedOne(negative, Math.Max(places, 0), false, ref s);
    }

    private static BigInteger ToInteger(in DecimalNumber b)
    {
        var value = b.Exponent >= 0 ? PowersOfTen.Scale(b.Coefficient, b.Exponent) : b.Stripped(-b.Exponent).Coefficient;
        return b.IsNegative ? -value : value;
    }

    // |b log10 a| in comparison with the range of exponents, by its own logarithm, because either may be out of a double's range.
    private static bool IsBeyond(in DecimalNumber a, in DecimalNumber b, in Precision p, out bool overflows)
    {
        var work = Signals.None;
        var log = (double)a.Adjusted + Math.Log10(Leading(a));
        if (Math.Abs(log) < 1e-6)
        {
            // log10(1 + d) is about d / ln 10
            var distance = DecimalArithmetic.Subtract(a.WithSign(false), DecimalNumber.One, Precision.Maximum with { Digits = a.Digits + 3 }, ref work);
            overflows = !distance.IsNegative != b.IsNegative;
            return distance.Adjusted + b.Adjusted > 20;
        }
        overflows = log > 0 != b.IsNegative;
        var magnitude = Math.Log10(Math.Abs(log)) + b.Adjusted + Math.Log10(Leading(b));
        return magnitude > 3 && magnitude > Math.Log10(overflows ? p.MaxExponent + 10.0 : 10.0 - p.Tiny) + 1e-3;
    }

    // The coefficient with the point behind its first digit.
    private static double Leading(in DecimalNumber a)
    {
        var digits = a.Digits <= 19 && a.IsSmall ? a.Low : (ulong)(a.Coefficient / PowersOfTen.Of(Math.Max(0, a.Digits - 19)));
        return digits / Math.Pow(10, Math.Min(a.Digits, 19) - 1);
    }

    private static DecimalNumber IntegerPower(in DecimalNumber a, in DecimalNumber b, bool negative, in Precision p, ref Signals s)
    {
        var work = p with { Digits = Math.Min(Precision.Most, p.Digits + Math.Max(b.Digits + b.Exponent, 1) + 2 + (b.IsNegative ? 1 : 0)), Rounding = Rounding.HalfEven, Clamp = false };
        var factor = b.IsNegative ? DecimalArithmetic.Divide(DecimalNumber.One, a, work, ref s) : a;
        var n = BigInteger.Abs(ToInteger(b));
        var result = factor;
        for (var bit = (long)n.GetBitLength() - 2; bit >= 0; bit--)
        {
            result = DecimalArithmetic.Multiply(result, result, work, ref s);
            if (!((n >> (int)bit) & 1).IsZero)
                result = DecimalArithmetic.Multiply(result, factor, work, ref s);
            if (!result.IsFinite || (result.IsZero && (s & Signals.Clamped) != 0))
                break;
        }
        return result.WithSign(negative);
    }

    private static DecimalNumber RealPower(in DecimalNumber a, in DecimalNumber b, in Precision p, ref Signals s)
    {
        var work = p with { Digits = Math.Max(a.Digits, p.Digits) + 23, Rounding = Rounding.HalfEven, Clamp = false, MinExponent = -Precision.Most, MaxExponent = Precision.Most };
        var hidden = Signals.None;
        var result = Exp(DecimalArithmetic.Multiply(b, Ln(a, work, ref hidden), work, ref hidden), work, ref hidden);
        s |= Signals.Inexact | Signals.Rounded;
        return DecimalArithmetic.Compare(result, DecimalNumber.One) == 0 ? PaddedOne(false, p.Digits - 1, true, ref s) : result;
    }

    public static DecimalNumber PowerModulo(in DecimalNumber a, in DecimalNumber b, in DecimalNumber modulo, in Precision p, ref Signals s)
    {
        if (a.IsNaN || b.IsNaN || modulo.IsNaN)
        {
            if ((a.IsSignaling || b.IsSignaling || !modulo.IsSignaling) && DecimalArithmetic.IsNaN(a, b, p, ref s, out var nan))
                return nan;
            DecimalArithmetic.IsNaN(modulo, p, ref s, out nan);
            return nan;
        }
        if (!a.IsInteger || !b.IsInteger || !modulo.IsInteger || modulo.IsZero || b.IsNegative || (a.IsZero && b.IsZero) || modulo.Digits + modulo.Exponent > p.Digits)
            return DecimalArithmetic.Fail(Signals.InvalidOperation, ref s);
        var m = BigInteger.Abs(ToInteger(modulo));
        // 10^exponent is reduced by itself: it may be long.
        var x = a.Exponent > 0 ? a.Coefficient % m * BigInteger.ModPow(10, a.Exponent, m) % m : BigInteger.Abs(ToInteger(a)) % m;
        var result = b.Exponent > 0
            ? BigInteger.ModPow(BigInteger.ModPow(x, b.Coefficient, m), PowersOfTen.Of(b.Exponent), m)
            : BigInteger.ModPow(x, BigInteger.Abs(ToInteger(b)), m);
        return new DecimalNumber(a.IsNegative && IsOddInteger(b), result, 0).Fit(p, ref s);
    }
}
