namespace Holon.Python.Runtime;

/// <summary>Floating-point operations where Python's rules differ from C#'s.</summary>
internal static class FloatMath
{
    public static (double Quotient, double Remainder) DivMod(double a, double b)
    {
        var remainder = a % b;
        var quotient = (a - remainder) / b;
        if (remainder != 0)
        {
            if (b < 0 != remainder < 0)
            {
                remainder += b;
                quotient -= 1;
            }
        }
        else
        {
            remainder = Math.CopySign(0, b);
        }
        if (quotient == 0)
            return (Math.CopySign(0, a / b), remainder);
        var floor = Math.Floor(quotient);
        return (quotient - floor > 0.5 ? floor + 1 : floor, remainder);
    }

    /// <summary>float ** float: a negative basis with a fractional exponent gives a complex number.</summary>
    public static PyObject PowerObject(double x, double y)
    {
        if (x == 0 && y < 0)
            throw Err.ZeroDivision("0.0 cannot be raised to a negative power");
        if (x < 0 && double.IsFinite(x) && double.IsFinite(y) && y != Math.Floor(y))
            return new PyComplex(ComplexMath.Power(new Complex(x, 0), new Complex(y, 0)));
        return new PyFloat(Power(x, y));
    }

    public static double Power(double x, double y)
    {
        if (x == 1 || y == 0)
            return 1;
        var result = Math.Pow(x, y);
        if (double.IsInfinity(result) && double.IsFinite(x) && double.IsFinite(y))
            throw Err.Of(ExceptionTypes.OverflowError, PyInt.Of(34), new PyStr("Numerical result out of range"));
        return result;
    }

    public static long Hash(double value)
    {
        const long modulus = (1L << 61) - 1;
        if (double.IsInfinity(value))
            return value > 0 ? 314159 : -314159;
        if (value == Math.Floor(value) && Math.Abs(value) < 1L << 60)
            return PyInt.HashOf((long)value);
        var (n, d) = IntegerRatio(value);
        // d is a power of two: dividing by it is a rotation modulo the Mersenne prime.
        var bits = (int)((d.GetBitLength() - 1) % 61);
        var x = (ulong)(BigInteger.Abs(n) % modulus);
        x = ((x >> bits) | (x << (61 - bits))) & (ulong)modulus;
        var hash = n.Sign < 0 ? -(long)x : (long)x;
        return hash == -1 ? -2 : hash;
    }

    public static PyInt ToInt(double value)
    {
        if (double.IsNaN(value))
            throw Err.Value("cannot convert float NaN to integer");
        if (double.IsInfinity(value))
            throw Err.Overflow("cannot convert float infinity to integer");
        return Math.Abs(value) < 1L << 62 ? PyInt.Of((long)value) : PyInt.Of(new BigInteger(value));
    }

    public static (BigInteger Numerator, BigInteger Denominator) IntegerRatio(double value)
    {
        if (double.IsNaN(value))
            throw Err.Value("cannot convert NaN to integer ratio");
        if (double.IsInfinity(value))
            throw Err.Overflow("cannot convert Infinity to integer ratio");
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> 52 & 0x7ff);
        var mantissa = bits & 0xf_ffff_ffff_ffff;
        if (exponent == 0)
            exponent = 1;
        else
            mantissa |= 1L << 52;
        exponent -= 1075;
        if (mantissa == 0)
            return (0, 1);
        var zeros = BitOperations.TrailingZeroCount(mantissa);
        mantissa >>= zeros;
        exponent += zeros;
        var n = exponent > 0 ? (BigInteger)mantissa << exponent : mantissa;
        return (bits < 0 ? -n : n, exponent < 0 ? BigInteger.One << -exponent : 1);
    }

    public static int CompareExact(double x, BigInteger y)
    {
        var whole = Math.Floor(x);
        var order = new BigInteger(whole).CompareTo(y);
        return order == 0 && x > whole ? 1 : order;
    }

    public static PyObject Round(double value, PyObject? digits)
    {
        if (digits is null || digits == Values.None)
        {
            return ToInt(double.IsFinite(value) ? Math.Round(value, MidpointRounding.ToEven) : value);
        }
        var number = Args.Clipped(digits);
        if (!double.IsFinite(value) || number > 323 || value == 0)
            return new PyFloat(value);
        if (number < -308)
            return new PyFloat(Math.CopySign(0, value));
        // Correct rounding of the decimal expansion: by exact integers.
        var (n, d) = IntegerRatio(Math.Abs(value));
        var scaled = number >= 0 ? n * BigInteger.Pow(10, (int)number) : n;
        var unit = number >= 0 ? d : d * BigInteger.Pow(10, (int)-number);
        var quotient = BigInteger.DivRem(scaled, unit, out var rest);
        var order = (rest * 2).CompareTo(unit);
        if (order > 0 || (order == 0 && !quotient.IsEven))
            quotient += 1;
        var result = number >= 0
            ? IntMath.Ratio(quotient, BigInteger.Pow(10, (int)number), "rounded value too large to represent")
            : IntMath.Ratio(quotient * BigInteger.Pow(10, (int)-number), 1, "rounded value too large to represent");
        return new PyFloat(Math.CopySign(result, value));
    }
}
