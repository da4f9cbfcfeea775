namespace Holon.Python.Runtime;

/// <summary>Integer arithmetic: 64 bits while that suffices, any size otherwise.</summary>
internal static class IntMath
{
    /// <summary>Results of more bits than this are refused with MemoryError, and long computations are announced to the machine's limits.</summary>
    private const long MaxBits = 1L << 33;

    public static int Compare(PyInt a, PyInt b) =>
        a.TryLong(out var x) && b.TryLong(out var y) ? x.CompareTo(y) : a.ToBig().CompareTo(b.ToBig());

    public static bool Equal(PyInt a, PyInt b) =>
        a.TryLong(out var x) ? b.TryLong(out var y) && x == y : !b.TryLong(out _) && a.ToBig() == b.ToBig();

    public static PyInt Add(PyInt a, PyInt b)
    {
        if (a.TryLong(out var x) && b.TryLong(out var y))
        {
            var sum = unchecked(x + y);
            if (((x ^ sum) & (y ^ sum)) >= 0)
                return PyInt.Of(sum);
        }
        return PyInt.Of(a.ToBig() + b.ToBig());
    }

    public static PyInt Subtract(PyInt a, PyInt b)
    {
        if (a.TryLong(out var x) && b.TryLong(out var y))
        {
            var difference = unchecked(x - y);
            if (((x ^ y) & (x ^ difference)) >= 0)
                return PyInt.Of(difference);
        }
        return PyInt.Of(a.ToBig() - b.ToBig());
    }

    public static PyInt Multiply(PyInt a, PyInt b)
    {
        if (a.TryLong(out var x) && b.TryLong(out var y))
        {
            var high = Math.BigMul(x, y, out var low);
            if (high == low >> 63)
                return PyInt.Of(low);
            return PyInt.Of((BigInteger)x * y);
        }
        CheckBits((long)BitLength(a) + BitLength(b));
        return PyInt.Of(a.ToBig() * b.ToBig());
    }

    public static PyInt Negate(PyInt a) =>
        a.TryLong(out var x) && x != long.MinValue ? PyInt.Of(-x) : PyInt.Of(-a.ToBig());

    public static PyInt FloorDivide(PyInt a, PyInt b)
    {
        if (b.IsZero)
            throw Err.ZeroDivision("integer division or modulo by zero");
        if (a.TryLong(out var x) && b.TryLong(out var y) && !(x == long.MinValue && y == -1))
        {
            var quotient = x / y;
            return PyInt.Of((x % y != 0 && (x < 0) != (y < 0)) ? quotient - 1 : quotient);
        }
        if (a.IsNegative == b.IsNegative)
            return PyInt.Of(BigInteger.Divide(a.ToBig(), b.ToBig()));
        var q = BigInteger.DivRem(a.ToBig(), b.ToBig(), out var remainder);
        return PyInt.Of(!remainder.IsZero && remainder.Sign < 0 != b.IsNegative ? q - 1 : q);
    }

    public static PyInt Remainder(PyInt a, PyInt b)
    {
        if (b.IsZero)
            throw Err.ZeroDivision("integer modulo by zero");
        if (a.TryLong(out var x) && b.TryLong(out var y))
        {
            if (y == -1)
                return PyInt.Zero;
            var remainder = x % y;
            return PyInt.Of(remainder != 0 && (remainder < 0) != (y < 0) ? remainder + y : remainder);
        }
        var divisor = b.ToBig();
        var r = BigInteger.Remainder(a.ToBig(), divisor);
        return PyInt.Of(!r.IsZero && (r.Sign < 0) != (divisor.Sign < 0) ? r + divisor : r);
    }

    public static PyObject TrueDivide(PyInt a, PyInt b)
    {
        if (b.IsZero)
            throw Err.ZeroDivision("division by zero");
        const long exact = 1L << 53;
        if (a.TryLong(out var x) && b.TryLong(out var y) && x is > -exact and < exact && y is > -exact and < exact)
            return new PyFloat((double)x / y);
        return new PyFloat(Ratio(a.ToBig(), b.ToBig(), "integer division result too large for a float"));
    }

    /// <summary>The double nearest to a quotient, ties to even.</summary>
    public static double Ratio(BigInteger a, BigInteger b, string tooLarge)
    {
        var negative = a.Sign < 0 != b.Sign < 0;
        a = BigInteger.Abs(a);
        b = BigInteger.Abs(b);
        if (a.IsZero)
            return negative ? -0.0 : 0.0;
        // 55 bits or more of quotient, the last one "sticky", then one correct rounding by ScaleB-free construction.
        var shift = (long)a.GetBitLength() - (long)b.GetBitLength() - 55;
        shift = Math.Max(shift, -1074 - 2);
        var quotient = shift >= 0 ? BigInteger.DivRem(a, b << (int)Math.Min(shift, int.MaxValue), out var remainder) : BigInteger.DivRem(a << (int)-shift, b, out remainder);
        if (!remainder.IsZero)
            quotient |= 1;
        var value = Scale(quotient, shift, tooLarge);
        return negative ? -value : value;
    }

    private static double Scale(BigInteger mantissa, long exponent, string tooLarge)
    {
        var bits = (long)mantissa.GetBitLength();
        // Drop to 53 bits (fewer for subnormals), round half to even.
        var drop = Math.Max(bits - 53, -1074 - exponent);
        if (drop > 0)
        {
            var kept = mantissa >> (int)drop;
            var rest = mantissa - (kept << (int)drop);
            var half = BigInteger.One << (int)(drop - 1);
            var order = rest.CompareTo(half);
            if (order > 0 || (order == 0 && !kept.IsEven))
                kept += 1;
            mantissa = kept;
            exponent += drop;
        }
        if (exponent + (long)mantissa.GetBitLength() > 1024)
            throw Err.Overflow(tooLarge);
        return Math.ScaleB((double)mantissa, (int)exponent);
    }

    public static double ToDouble(PyInt value)
    {
        if (value.TryLong(out var small))
            return small;
        return ToDouble(value.ToBig());
    }

    public static double ToDouble(BigInteger value)
    {
        var result = Scale(BigInteger.Abs(value), 0, "int too large to convert to float");
        return value.Sign < 0 ? -result : result;
    }

    public static PyObject Power(PyInt a, PyInt b)
    {
        if (b.IsNegative)
        {
            if (a.IsZero)
                throw Err.ZeroDivision("0.0 cannot be raised to a negative power");
            return new PyFloat(FloatMath.Power(ToDouble(a), ToDouble(b)));
        }
        if (a.TryLong(out var small) && small is 0 or 1 or -1)
            return b.IsZero || small == 1 ? PyInt.One : small == 0 ? PyInt.Zero : b.ToBig().IsEven ? PyInt.One : PyInt.MinusOne;
        if (!b.TryLong(out var exponent))
            throw Err.Memory();
        if (small is > 0 && a.TryLong(out _) && exponent < 64)
        {
            long result = 1, factor = small;
            var left = exponent;
            while (true)
            {
                if ((left & 1) != 0 && (Math.BigMul(result, factor, out var low) is var high && high != low >> 63 || (result = low) == long.MinValue))
                    break;
                left >>= 1;
                if (left == 0)
                    return PyInt.Of(result);
                if (Math.BigMul(factor, factor, out var square) is var overflow && overflow != square >> 63)
                    break;
                factor = square;
            }
        }
        CheckBits((BitLength(a) - 1) * (Int128)exponent);
        return PyInt.Of(BigInteger.Pow(a.ToBig(), (int)exponent));
    }

    public static PyObject PowerModulo(PyInt a, PyInt b, PyInt c)
    {
        if (c.IsZero)
            throw Err.Value("pow() 3rd argument cannot be 0");
        var modulus = c.ToBig();
        var basis = a.ToBig();
        var exponent = b.ToBig();
        if (exponent.Sign < 0)
        {
            basis = Inverse(basis, BigInteger.Abs(modulus)) ?? throw Err.Value("base is not invertible for the given modulus");
            exponent = -exponent;
        }
        var result = BigInteger.ModPow(basis, exponent, modulus);
        if (!result.IsZero && result.Sign < 0 != modulus.Sign < 0)
            result += modulus;
        return PyInt.Of(result);
    }

    private static BigInteger? Inverse(BigInteger a, BigInteger n)
    {
        var (r, newR, t, newT) = (n, BigInteger.Remainder(BigInteger.Remainder(a, n) + n, n), BigInteger.Zero, BigInteger.One);
        while (!newR.IsZero)
        {
            var q = r / newR;
            (t, newT) = (newT, t - q * newT);
            (r, newR) = (newR, r - q * newR);
        }
        return r == 1 ? (t.Sign < 0 ? t + n : t) : n == 1 ? BigInteger.Zero : null;
    }

    public static PyInt LeftShift(PyInt a, PyInt b)
    {
        if (b.IsNegative)
            throw Err.Value("negative shift count");
        if (a.IsZero)
            return PyInt.Zero;
        if (!b.TryLong(out var count))
            throw Err.Overflow("too many digits in integer");
        if (count < 63 && a.TryLong(out var x) && x >> (int)(63 - count) is 0 or -1)
            return PyInt.Of(a.Value << (int)count);
        CheckBits((Int128)BitLength(a) + count);
        return PyInt.Of(a.ToBig() << (int)count);
    }

    public static PyInt RightShift(PyInt a, PyInt b)
    {
        if (b.IsNegative)
            throw Err.Value("negative shift count");
        if (!b.TryLong(out var count) || count > int.MaxValue)
            return a.IsNegative ? PyInt.MinusOne : PyInt.Zero;
        if (a.TryLong(out var x))
            return PyInt.Of(x >> (int)Math.Min(count, 63));
        return PyInt.Of(a.ToBig() >> (int)count);
    }

    public static long BitLength(PyInt a)
    {
        if (a.TryLong(out var x) && x != long.MinValue)
            return 64 - BitOperations.LeadingZeroCount((ulong)Math.Abs(x));
        return (long)BigInteger.Abs(a.ToBig()).GetBitLength();
    }

    public static long BitCount(PyInt a)
    {
        if (a.TryLong(out var x) && x != long.MinValue)
            return BitOperations.PopCount((ulong)Math.Abs(x));
        long count = 0;
        foreach (var b in BigInteger.Abs(a.ToBig()).ToByteArray())
            count += BitOperations.PopCount(b);
        return count;
    }

    /// <summary>round(int, ndigits): to a multiple of a power of ten, half to even.</summary>
    public static PyInt Round(PyInt value, PyInt digits)
    {
        if (!digits.IsNegative)
            return IntType.Plain(value);
        if (!digits.TryLong(out var d) || -d > BitLength(value))
            return PyInt.Zero;
        var unit = BigInteger.Pow(10, (int)-d);
        var number = value.ToBig();
        var quotient = BigInteger.DivRem(number, unit, out var rest);
        if (rest.Sign < 0)
        {
            rest += unit;
            quotient -= 1;
        }
        var order = (rest * 2).CompareTo(unit);
        if (order > 0 || (order == 0 && !quotient.IsEven))
            quotient += 1;
        return PyInt.Of(quotient * unit);
    }

    private static void CheckBits(Int128 bits)
    {
        if (bits > MaxBits)
            throw Err.Memory();
        if (bits > 1 << 20)
            PyThread.Current.Machine.Limits.Charge((long)(bits / 8));
    }
}
