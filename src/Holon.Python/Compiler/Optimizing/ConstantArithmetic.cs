using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>
/// Operators on constants, with Python's results. An operation that Python refuses, or whose result would be large, is left to run time.
/// </summary>
internal static class ConstantArithmetic
{
    private const int MaxIntegerBits = 128, MaxCollection = 256, MaxString = 4096, MaxTotalItems = 1024;

    /// <summary>Applies a unary operator.</summary>
    public static bool TryUnary(UnaryOperator op, object? value, out object? result)
    {
        result = null;
        if (op == UnaryOperator.Not)
        {
            result = ConstantValue.Of(!IsTrue(value));
            return true;
        }

        if (AsInteger(value) is { } integer)
        {
            result = ConstantValue.Of(op switch { UnaryOperator.Invert => -integer - 1, UnaryOperator.USub => -integer, _ => integer });
            return true;
        }

        result = (op, value) switch
        {
            (UnaryOperator.UAdd, double or Complex) => value,
            (UnaryOperator.USub, double d) => -d,
            (UnaryOperator.USub, Complex c) => new Complex(-c.Real, -c.Imaginary),
            _ => null,
        };
        return result != null;
    }

    /// <summary>The truth of a constant.</summary>
    public static bool IsTrue(object? value) => value switch
    {
        null => false,
        bool b => b,
        long l => l != 0,
        double d => d != 0,
        Complex c => c.Real != 0 || c.Imaginary != 0,
        string s => s.Length != 0,
        byte[] bytes => bytes.Length != 0,
        TupleConstant tuple => tuple.Items.Length != 0,
        FrozenSetConstant set => set.Items.Length != 0,
        _ => true,
    };

    /// <summary>Applies a binary operator.</summary>
    public static bool TryBinary(Operator op, object? left, object? right, out object? result)
    {
        if (AsInteger(left) is { } a && AsInteger(right) is { } b)
            result = Integers(op, left, right, a, b);
        else if (left is Complex or double or bool or long or BigInteger && right is Complex or double or bool or long or BigInteger)
            result = left is Complex || right is Complex ? ComplexArithmetic.Apply(op, left, right) : Floats(op, left, right);
        else
            result = Sequences(op, left, right);
        return result != null;
    }

    /// <summary>Takes an item of a string, bytes or tuple.</summary>
    public static bool TrySubscript(object? value, object? index, out object? result)
    {
        result = null;
        if (AsInteger(index) is not { } wanted)
            return false;
        var length = value switch
        {
            string or CodePointString => PythonText.Length(value),
            byte[] bytes => bytes.Length,
            TupleConstant tuple => tuple.Items.Length,
            _ => 0,
        };
        if (wanted < 0)
            wanted += length;
        if (wanted < 0 || wanted >= length)
            return false;
        var i = (int)wanted;
        result = value switch
        {
            byte[] bytes => ConstantValue.Of((long)bytes[i]),
            TupleConstant tuple => tuple.Items[i],
            _ => PythonText.FromCodePoints([PythonText.CodePoints(value!)[i]]),
        };
        return true;
    }

    private static BigInteger? AsInteger(object? value) => value switch
    {
        bool b => b ? 1 : 0,
        long l => l,
        BigInteger i => i,
        _ => null,
    };

    private static long BitLength(BigInteger value) => (long)BigInteger.Abs(value).GetBitLength();

    private static object? Integers(Operator op, object? left, object? right, BigInteger a, BigInteger b)
    {
        switch (op)
        {
            case Operator.Add: return ConstantValue.Of(a + b);
            case Operator.Sub: return ConstantValue.Of(a - b);
            case Operator.Mult: return a.IsZero || b.IsZero || BitLength(a) + BitLength(b) <= MaxIntegerBits ? ConstantValue.Of(a * b) : null;
            case Operator.FloorDiv: return b.IsZero ? null : ConstantValue.Of(FloorDivide(a, b));
            case Operator.Mod: return b.IsZero ? null : ConstantValue.Of(a - (FloorDivide(a, b) * b));
            case Operator.Div: return IntegerDivision.TrueDivide(a, b);
            case Operator.Pow: return Power(a, b);
            case Operator.LShift:
                if (b.Sign < 0 || (!a.IsZero && !b.IsZero && (b > MaxIntegerBits || BitLength(a) > MaxIntegerBits - b)))
                    return null;
                return a.IsZero ? ConstantValue.Of(0) : ConstantValue.Of(a << (int)b);
            case Operator.RShift:
                if (b.Sign < 0)
                    return null;
                return ConstantValue.Of(b > int.MaxValue ? (a.Sign < 0 ? -1 : 0) : a >> (int)b);
            case Operator.BitOr: return left is bool && right is bool ? ConstantValue.Of(!(a | b).IsZero) : ConstantValue.Of(a | b);
            case Operator.BitXor: return left is bool && right is bool ? ConstantValue.Of(!(a ^ b).IsZero) : ConstantValue.Of(a ^ b);
            case Operator.BitAnd: return left is bool && right is bool ? ConstantValue.Of(!(a & b).IsZero) : ConstantValue.Of(a & b);
            default: return null;
        }
    }

    private static BigInteger FloorDivide(BigInteger a, BigInteger b)
    {
        var quotient = BigInteger.DivRem(a, b, out var remainder);
        return !remainder.IsZero && remainder.Sign != b.Sign ? quotient - 1 : quotient;
    }

    private static object? Power(BigInteger a, BigInteger b)
    {
        if (b.Sign < 0)
            return a.IsZero ? null : FloatPower(IntegerDivision.ToDouble(a), IntegerDivision.ToDouble(b));
        if (a.IsZero || b.IsZero)
            return ConstantValue.Of(b.IsZero ? 1 : 0);
        return BitLength(a) > MaxIntegerBits / b ? null : ConstantValue.Of(BigInteger.Pow(a, (int)b));
    }

    private static object? Floats(Operator op, object? left, object? right)
    {
        if (AsDouble(left) is not { } a || AsDouble(right) is not { } b)
            return null;
        switch (op)
        {
            case Operator.Add: return a + b;
            case Operator.Sub: return a - b;
            case Operator.Mult: return a * b;
            case Operator.Div: return b == 0 ? null : a / b;
            case Operator.FloorDiv: return b == 0 ? null : DivMod(a, b).Quotient;
            case Operator.Mod: return b == 0 ? null : Modulo(a, b);
            case Operator.Pow: return FloatPower(a, b);
            default: return null;
        }
    }

    private static double? AsDouble(object? value)
    {
        if (value is double d)
            return d;
        var converted = IntegerDivision.ToDouble(AsInteger(value)!.Value);
        return double.IsInfinity(converted) ? null : converted;
    }

    private static double Modulo(double a, double b)
    {
        var mod = a % b;
        if (mod == 0)
            return Math.CopySign(0, b);
        return (b < 0) != (mod < 0) ? mod + b : mod;
    }

    private static (double Quotient, double Remainder) DivMod(double a, double b)
    {
        var mod = a % b;
        var div = (a - mod) / b;
        if (mod != 0)
        {
            if ((b < 0) != (mod < 0))
            {
                mod += b;
                div -= 1;
            }
        }
        else
        {
            mod = Math.CopySign(0, b);
        }

        if (div == 0)
            return (Math.CopySign(0, a / b), mod);
        var floor = Math.Floor(div);
        return (div - floor > 0.5 ? floor + 1 : floor, mod);
    }

    /// <summary>Python's float power; complex for a root of a negative number, nothing for an error.</summary>
    private static object? FloatPower(double a, double b)
    {
        if (b == 0 || a == 1)
            return 1.0;
        if (double.IsNaN(a) || double.IsNaN(b))
            return double.NaN;
        if (double.IsInfinity(a) || double.IsInfinity(b))
            return Math.Pow(a, b);
        if (a == 0)
            return b < 0 ? null : Math.Pow(a, b);
        if (a < 0 && b != Math.Floor(b))
            return ComplexArithmetic.Apply(Operator.Pow, new Complex(a, 0), new Complex(b, 0));
        var result = Math.Pow(a, b);
        return double.IsInfinity(result) ? null : result;
    }

    private static object? Sequences(Operator op, object? left, object? right)
    {
        if (op == Operator.Add)
        {
            return (left, right) switch
            {
                (TupleConstant a, TupleConstant b) => new TupleConstant([.. a.Items, .. b.Items]),
                (byte[] a, byte[] b) => (byte[])[.. a, .. b],
                _ => PythonText.IsText(left) && PythonText.IsText(right) ? PythonText.Concat(left!, right!) : null,
            };
        }

        if (op != Operator.Mult)
            return null;
        return AsInteger(left) is { } n ? Repeat(right, n) : AsInteger(right) is { } m ? Repeat(left, m) : null;
    }

    private static object? Repeat(object? value, BigInteger count)
    {
        var size = value switch
        {
            TupleConstant tuple => tuple.Items.Length,
            byte[] bytes => bytes.Length,
            string or CodePointString => PythonText.Length(value),
            _ => -1,
        };
        if (size < 0 || count > long.MaxValue || count < long.MinValue)
            return null;
        if (size > 0 && (count < 0 || count > (value is TupleConstant ? MaxCollection : MaxString) / size))
            return null;
        var n = size == 0 ? 0 : (int)count;
        switch (value)
        {
            case TupleConstant tuple:
                if (n > 0 && Complexity(tuple, MaxTotalItems / n) < 0)
                    return null;
                return n == 1 ? tuple : new TupleConstant([.. Enumerable.Repeat(tuple.Items, n).SelectMany(i => i)]);
            case byte[] bytes:
                return Enumerable.Repeat(bytes, n).SelectMany(b => b).ToArray();
            default:
                return PythonText.FromCodePoints([.. Enumerable.Repeat(PythonText.CodePoints(value!), n).SelectMany(c => c)]);
        }
    }

    // What stays of a budget of items after those of a constant.
    private static int Complexity(object? value, int limit)
    {
        var items = value switch { TupleConstant tuple => tuple.Items, FrozenSetConstant set => set.Items, _ => [] };
        limit -= items.Length;
        for (var i = 0; limit >= 0 && i < items.Length; i++)
            limit = Complexity(items[i], limit);
        return limit;
    }
}
