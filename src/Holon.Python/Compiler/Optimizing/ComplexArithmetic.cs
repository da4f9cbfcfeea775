using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>Complex operators with CPython's formulas, which decide signs of zeros and last bits.</summary>
internal static class ComplexArithmetic
{
    /// <summary>Applies an operator; null when Python refuses.</summary>
    public static object? Apply(Operator op, object? left, object? right)
    {
        if (ToComplex(left) is not { } a || ToComplex(right) is not { } b)
            return null;
        Complex? result = op switch
        {
            Operator.Add => new Complex(a.Real + b.Real, a.Imaginary + b.Imaginary),
            Operator.Sub => new Complex(a.Real - b.Real, a.Imaginary - b.Imaginary),
            Operator.Mult => Multiply(a, b),
            Operator.Div => Divide(a, b),
            Operator.Pow => Power(a, b),
            _ => null,
        };
        return result is { } value ? value : null;
    }

    private static Complex? ToComplex(object? value)
    {
        switch (value)
        {
            case Complex c: return c;
            case double d: return new Complex(d, 0);
            case bool b: return new Complex(b ? 1 : 0, 0);
            default:
                var converted = IntegerDivision.ToDouble(value is long l ? l : (BigInteger)value!);
                return double.IsInfinity(converted) ? null : new Complex(converted, 0);
        }
    }

    private static Complex Multiply(Complex a, Complex b) =>
        new((a.Real * b.Real) - (a.Imaginary * b.Imaginary), (a.Real * b.Imaginary) + (a.Imaginary * b.Real));

    private static Complex? Divide(Complex a, Complex b)
    {
        if (Math.Abs(b.Real) >= Math.Abs(b.Imaginary))
        {
            if (b.Real == 0)
                return null;
            var ratio = b.Imaginary / b.Real;
            var denominator = b.Real + (b.Imaginary * ratio);
            return new Complex((a.Real + (a.Imaginary * ratio)) / denominator, (a.Imaginary - (a.Real * ratio)) / denominator);
        }

        if (Math.Abs(b.Imaginary) >= Math.Abs(b.Real))
        {
            var ratio = b.Real / b.Imaginary;
            var denominator = (b.Real * ratio) + b.Imaginary;
            return new Complex(((a.Real * ratio) + a.Imaginary) / denominator, ((a.Imaginary * ratio) - a.Real) / denominator);
        }

        return new Complex(double.NaN, double.NaN);
    }

    private static Complex? Power(Complex a, Complex b)
    {
        Complex? result;
        if (b.Imaginary == 0 && b.Real == Math.Floor(b.Real) && Math.Abs(b.Real) <= 100)
            result = IntegerPower(a, (int)b.Real);
        else
            result = GeneralPower(a, b);
        return result is { } value && (double.IsInfinity(value.Real) || double.IsInfinity(value.Imaginary)) ? null : result;
    }

    private static Complex? IntegerPower(Complex a, int exponent)
    {
        if (exponent <= 0)
            return Divide(Complex.One, PositivePower(a, -exponent));
        return PositivePower(a, exponent);
    }

    private static Complex PositivePower(Complex a, int exponent)
    {
        Complex result = Complex.One, power = a;
        for (var mask = 1; mask > 0 && exponent >= mask; mask <<= 1)
        {
            if ((exponent & mask) != 0)
                result = Multiply(result, power);
            power = Multiply(power, power);
        }

        return result;
    }

    private static Complex? GeneralPower(Complex a, Complex b)
    {
        if (b.Real == 0 && b.Imaginary == 0)
            return Complex.One;
        if (a.Real == 0 && a.Imaginary == 0)
            return b.Imaginary != 0 || b.Real < 0 ? null : Complex.Zero;
        var length = Math.Pow(double.Hypot(a.Real, a.Imaginary), b.Real);
        var angle = Math.Atan2(a.Imaginary, a.Real);
        var phase = angle * b.Real;
        if (b.Imaginary != 0)
        {
            length /= Math.Exp(angle * b.Imaginary);
            phase += b.Imaginary * Math.Log(double.Hypot(a.Real, a.Imaginary));
        }

        // The sine of infinity is a domain error in C.
        if (double.IsInfinity(phase))
            return null;
        return new Complex(length * Math.Cos(phase), length * Math.Sin(phase));
    }
}
