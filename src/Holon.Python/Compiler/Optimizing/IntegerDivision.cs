namespace Holon.Python.Compiler;

/// <summary>Integers as floating-point numbers, correctly rounded (half to even).</summary>
internal static class IntegerDivision
{
    /// <summary>The nearest double; infinite when out of range.</summary>
    public static double ToDouble(BigInteger value) => Round(BigInteger.Abs(value), 0, value.Sign < 0);

    /// <summary>The nearest double to a quotient; null when that is an error.</summary>
    public static object? TrueDivide(BigInteger a, BigInteger b)
    {
        if (b.IsZero)
            return null;
        var negative = (a.Sign < 0) != (b.Sign < 0);
        if (a.IsZero)
            return b.Sign < 0 ? -0.0 : 0.0;
        BigInteger dividend = BigInteger.Abs(a), divisor = BigInteger.Abs(b);

        // At least 66 bits of quotient, its last bit sticky.
        var shift = 66 - ((long)dividend.GetBitLength() - (long)divisor.GetBitLength());
        if (shift > 2000)
            return negative ? -0.0 : 0.0;
        if (shift < -2000)
            return null;
        if (shift > 0)
            dividend <<= (int)shift;
        else
            divisor <<= (int)-shift;
        var quotient = BigInteger.DivRem(dividend, divisor, out var remainder);
        if (!remainder.IsZero)
            quotient |= 1;
        var result = Round(quotient, (int)-shift, negative);
        return double.IsInfinity(result) ? null : result;
    }

    // magnitude × 2^exponent, rounded; infinite when it overflows.
    private static double Round(BigInteger magnitude, int exponent, bool negative)
    {
        if (magnitude.IsZero)
            return negative ? -0.0 : 0.0;
        var excess = (int)((long)magnitude.GetBitLength() - 53);

        // Subnormal numbers have fewer bits.
        if (excess + exponent < -1074)
            excess = -1074 - exponent;
        if (excess > 0)
        {
            var rest = magnitude & ((BigInteger.One << excess) - 1);
            var half = BigInteger.One << (excess - 1);
            magnitude >>= excess;
            exponent += excess;
            if (rest > half || (rest == half && !magnitude.IsEven))
                magnitude += 1;
        }

        var result = Math.ScaleB((double)(ulong)magnitude, exponent);
        return negative ? -result : result;
    }
}
