using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>cmath: functions of complex numbers. Values at infinities and NaNs are those of C99's Annex G, in <see cref="Special"/>.</summary>
internal static partial class CMathModule
{
    private const double Large = double.MaxValue / 4, Ln2 = 0.6931471805599453094, SmallestNormal = 2.2250738585072014e-308;

    private static readonly double SqrtLarge = Math.Sqrt(Large), LogLarge = Math.Log(Large), SqrtSmallest = Math.Sqrt(SmallestNormal);

    [LibraryImport("libm.so.6", EntryPoint = "hypot")]
    private static partial double Hypot(double x, double y);

    [LibraryImport("libm.so.6", EntryPoint = "log1p")]
    private static partial double Log1P(double x);

    [LibraryImport("libm.so.6", EntryPoint = "asinh")]
    private static partial double ASinh(double x);

    private enum Fault
    {
        None,
        Domain,
        Range,
    }

    private static bool IsFinite(Complex z) => double.IsFinite(z.Real) && double.IsFinite(z.Imaginary);

    /// <summary>An infinite real part and a finite imaginary one: the result has a direction.</summary>
    private static bool IsRay(double re, double im) => double.IsInfinity(re) && double.IsFinite(im) && im != 0;

    private static Complex Sqrt(Complex z)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
            return Special.Sqrt(z);
        if (re == 0 && im == 0)
            return new(0, im);
        var (ax, ay) = (Math.Abs(re), Math.Abs(im));
        double s;
        if (ax < SmallestNormal && ay < SmallestNormal && (ax > 0 || ay > 0))
        {
            const int up = 53, down = -27;
            ax = Math.ScaleB(ax, up);
            s = Math.ScaleB(Math.Sqrt(ax + Hypot(ax, Math.ScaleB(ay, up))), down);
        }
        else
        {
            ax /= 8;
            s = 2 * Math.Sqrt(ax + Hypot(ax, ay / 8));
        }
        var d = ay / (2 * s);
        return re >= 0 ? new(s, Math.CopySign(d, im)) : new(d, Math.CopySign(s, im));
    }

    private static double LogOfLarge(double re, double im) => Math.Log(Hypot(re / 2, im / 2)) + Ln2 * 2;

    private static bool IsLarge(Complex z) => Math.Abs(z.Real) > Large || Math.Abs(z.Imaginary) > Large;

    private static Complex ACos(Complex z)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
            return Special.ACos(z);
        if (IsLarge(z))
            return new(Math.Atan2(Math.Abs(im), re), re < 0 ? -Math.CopySign(LogOfLarge(re, im), im) : Math.CopySign(LogOfLarge(re, im), -im));
        var (one, two) = (Sqrt(new(1 - re, -im)), Sqrt(new(1 + re, im)));
        return new(2 * Math.Atan2(one.Real, two.Real), ASinh(two.Real * one.Imaginary - two.Imaginary * one.Real));
    }

    private static Complex ACosh(Complex z)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
            return Special.ACosh(z);
        if (IsLarge(z))
            return new(LogOfLarge(re, im), Math.Atan2(im, re));
        var (one, two) = (Sqrt(new(re - 1, im)), Sqrt(new(re + 1, im)));
        return new(ASinh(one.Real * two.Real + one.Imaginary * two.Imaginary), 2 * Math.Atan2(one.Imaginary, two.Real));
    }

    /// <summary>f(z) = -i g(iz), as the trigonometric functions are to the hyperbolic ones.</summary>
    private static Complex Turned(Complex z, Func<Complex, Complex> hyperbolic)
    {
        var s = hyperbolic(new(-z.Imaginary, z.Real));
        return new(s.Imaginary, -s.Real);
    }

    private static Complex ASinh(Complex z)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
            return Special.ASinh(z);
        if (IsLarge(z))
            return new(im >= 0 ? Math.CopySign(LogOfLarge(re, im), re) : -Math.CopySign(LogOfLarge(re, im), -re), Math.Atan2(im, Math.Abs(re)));
        var (one, two) = (Sqrt(new(1 + im, -re)), Sqrt(new(1 - im, re)));
        return new(ASinh(one.Real * two.Imaginary - two.Real * one.Imaginary), Math.Atan2(im, one.Real * two.Real - one.Imaginary * two.Imaginary));
    }

    private static Complex ATanh(Complex z, ref Fault fault)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
            return Special.ATanh(z);
        if (re < 0 || (re == 0 && double.IsNegative(re)))
        {
            var mirrored = ATanh(new(-re, -im), ref fault);
            return new(-mirrored.Real, -mirrored.Imaginary);
        }
        var ay = Math.Abs(im);
        if (re > SqrtLarge || ay > SqrtLarge)
        {
            var h = Hypot(re / 2, im / 2);
            return new(re / 4 / h / h, -Math.CopySign(Math.PI / 2, -im));
        }
        if (re == 1 && ay < SqrtSmallest)
        {
            if (ay == 0)
            {
                fault = Fault.Domain;
                return new(double.PositiveInfinity, im);
            }
            return new(-Math.Log(Math.Sqrt(ay) / Math.Sqrt(Hypot(ay, 2))), Math.CopySign(Math.Atan2(2, -ay) / 2, im));
        }
        return new(Log1P(4 * re / ((1 - re) * (1 - re) + ay * ay)) / 4, -Math.Atan2(-2 * im, (1 - re) * (1 + re) - ay * ay) / 2);
    }

    private static Fault Overflow(Complex z) => double.IsInfinity(z.Real) || double.IsInfinity(z.Imaginary) ? Fault.Range : Fault.None;

    private static Complex Cosh(Complex z, ref Fault fault)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
        {
            if (double.IsInfinity(im) && !double.IsNaN(re))
                fault = Fault.Domain;
            return IsRay(re, im) ? new(Math.CopySign(double.PositiveInfinity, Math.Cos(im)), Math.CopySign(double.PositiveInfinity, re > 0 ? Math.Sin(im) : -Math.Sin(im))) : Special.Cosh(z);
        }
        var less = re - Math.CopySign(1, re);
        Complex r = Math.Abs(re) > LogLarge ? new(Math.Cos(im) * Math.Cosh(less) * Math.E, Math.Sin(im) * Math.Sinh(less) * Math.E) : new(Math.Cos(im) * Math.Cosh(re), Math.Sin(im) * Math.Sinh(re));
        fault = Overflow(r);
        return r;
    }

    private static Complex Sinh(Complex z, ref Fault fault)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
        {
            if (double.IsInfinity(im) && !double.IsNaN(re))
                fault = Fault.Domain;
            return IsRay(re, im) ? new(Math.CopySign(double.PositiveInfinity, re > 0 ? Math.Cos(im) : -Math.Cos(im)), Math.CopySign(double.PositiveInfinity, Math.Sin(im))) : Special.Sinh(z);
        }
        var less = re - Math.CopySign(1, re);
        Complex r = Math.Abs(re) > LogLarge ? new(Math.Cos(im) * Math.Sinh(less) * Math.E, Math.Sin(im) * Math.Cosh(less) * Math.E) : new(Math.Cos(im) * Math.Sinh(re), Math.Sin(im) * Math.Cosh(re));
        fault = Overflow(r);
        return r;
    }

    private static Complex Tanh(Complex z, ref Fault fault)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
        {
            if (double.IsInfinity(im) && double.IsFinite(re))
                fault = Fault.Domain;
            return IsRay(re, im) ? new(re > 0 ? 1 : -1, Math.CopySign(0.0, 2 * Math.Sin(im) * Math.Cos(im))) : Special.Tanh(z);
        }
        if (Math.Abs(re) > LogLarge)
            return new(Math.CopySign(1, re), 4 * Math.Sin(im) * Math.Cos(im) * Math.Exp(-2 * Math.Abs(re)));
        var (tx, ty, cx) = (Math.Tanh(re), Math.Tan(im), 1 / Math.Cosh(re));
        var both = tx * ty;
        var denominator = 1 + both * both;
        return new(tx * (1 + ty * ty) / denominator, ty / denominator * cx * cx);
    }

    private static Complex Exp(Complex z, ref Fault fault)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
        {
            if (double.IsInfinity(im) && (double.IsFinite(re) || double.IsPositiveInfinity(re)))
                fault = Fault.Domain;
            var size = re > 0 ? double.PositiveInfinity : 0;
            return IsRay(re, im) ? new(Math.CopySign(size, Math.Cos(im)), Math.CopySign(size, Math.Sin(im))) : Special.Exp(z);
        }
        var l = Math.Exp(re > LogLarge ? re - 1 : re);
        var more = re > LogLarge ? Math.E : 1;
        Complex r = new(l * Math.Cos(im) * more, l * Math.Sin(im) * more);
        fault = Overflow(r);
        return r;
    }

    private static Complex Log(Complex z, ref Fault fault)
    {
        var (re, im) = (z.Real, z.Imaginary);
        if (!IsFinite(z))
            return Special.Log(z);
        var (ax, ay) = (Math.Abs(re), Math.Abs(im));
        double real;
        if (ax > Large || ay > Large)
        {
            real = Math.Log(Hypot(ax / 2, ay / 2)) + Ln2;
        }
        else if (ax < SmallestNormal && ay < SmallestNormal)
        {
            if (ax == 0 && ay == 0)
            {
                fault = Fault.Domain;
                return new(double.NegativeInfinity, Math.Atan2(im, re));
            }
            real = Math.Log(Hypot(Math.ScaleB(ax, 53), Math.ScaleB(ay, 53))) - 53 * Ln2;
        }
        else
        {
            var h = Hypot(ax, ay);
            var (most, least) = (Math.Max(ax, ay), Math.Min(ax, ay));
            real = h is >= 0.71 and <= 1.73 ? Log1P((most - 1) * (most + 1) + least * least) / 2 : Math.Log(h);
        }
        return new(real, Math.Atan2(im, re));
    }

    private static Complex Rect(double r, double phi, ref Fault fault)
    {
        if (!double.IsFinite(r) || !double.IsFinite(phi))
        {
            if (r != 0 && !double.IsNaN(r) && double.IsInfinity(phi))
                fault = Fault.Domain;
            return IsRay(r, phi) ? new(Math.CopySign(double.PositiveInfinity, r > 0 ? Math.Cos(phi) : -Math.Cos(phi)), Math.CopySign(double.PositiveInfinity, r > 0 ? Math.Sin(phi) : -Math.Sin(phi))) : Special.Rect(new(r, phi));
        }
        return phi == 0 ? new(r, r * phi) : new(r * Math.Cos(phi), r * Math.Sin(phi));
    }

    private static double Absolute(Complex z, ref Fault fault)
    {
        var h = Hypot(z.Real, z.Imaginary);
        if (double.IsInfinity(h) && IsFinite(z))
            fault = Fault.Range;
        return h;
    }

    private delegate Complex Function(Complex z, ref Fault fault);

    private static PyObject Result(Complex z, Fault fault) => fault switch
    {
        Fault.Domain => throw Err.Value("math domain error"),
        Fault.Range => throw Err.Overflow("math range error"),
        _ => new PyComplex(ComplexType.Type, z),
    };

    public static void Fill(ModuleBuilder m)
    {
        void Def(string name, Function function) => m.Def1(name, o =>
        {
            var fault = Fault.None;
            return Result(function(ComplexType.Convert(o), ref fault), fault);
        });
        Def("sqrt", (Complex z, ref Fault _) => Sqrt(z));
        Def("acos", (Complex z, ref Fault _) => ACos(z));
        Def("acosh", (Complex z, ref Fault _) => ACosh(z));
        Def("asinh", (Complex z, ref Fault _) => ASinh(z));
        Def("asin", (Complex z, ref Fault _) => Turned(z, ASinh));
        Def("atanh", ATanh);
        Def("atan", (Complex z, ref Fault fault) => TurnedWith(ATanh, z, ref fault));
        Def("cosh", Cosh);
        Def("cos", (Complex z, ref Fault fault) => Cosh(new(-z.Imaginary, z.Real), ref fault));
        Def("sinh", Sinh);
        Def("sin", (Complex z, ref Fault fault) => TurnedWith(Sinh, z, ref fault));
        Def("tanh", Tanh);
        Def("tan", (Complex z, ref Fault fault) => TurnedWith(Tanh, z, ref fault));
        Def("exp", Exp);
        Def("log10", (Complex z, ref Fault fault) => Log(z, ref fault) is var r ? new(r.Real / Math.Log(10), r.Imaginary / Math.Log(10)) : r);
        m.Def("log", "z, base=?, /", a =>
        {
            var fault = Fault.None;
            var r = Log(ComplexType.Convert(a[0]!), ref fault);
            if (a[1] is not null)
            {
                var divisor = Log(ComplexType.Convert(a[1]!), ref fault);
                if (fault == Fault.None && divisor == Complex.Zero)
                    throw Err.ZeroDivision("complex division by zero");
                r = ((PyComplex)Ops.Binary(new PyComplex(ComplexType.Type, r), new PyComplex(ComplexType.Type, divisor), NumberOp.TrueDivide)!).Value;
            }
            return Result(r, fault);
        });
        m.Def1("phase", o => ComplexType.Convert(o) is var z ? new PyFloat(Math.Atan2(z.Imaginary, z.Real)) : Values.None);
        m.Def1("polar", o =>
        {
            var z = ComplexType.Convert(o);
            var fault = Fault.None;
            var r = Absolute(z, ref fault);
            return fault == Fault.Range ? throw Err.Overflow("math range error") : new PyTuple(new PyFloat(r), new PyFloat(Math.Atan2(z.Imaginary, z.Real)));
        });
        m.Def("rect", "r, phi, /", a =>
        {
            var fault = Fault.None;
            return Result(Rect(Args.Double(a[0]!), Args.Double(a[1]!), ref fault), fault);
        });
        m.Def1("isfinite", o => Values.Bool(IsFinite(ComplexType.Convert(o))));
        m.Def1("isnan", o => ComplexType.Convert(o) is var z && (double.IsNaN(z.Real) || double.IsNaN(z.Imaginary)) ? Values.True : Values.False);
        m.Def1("isinf", o => ComplexType.Convert(o) is var z && (double.IsInfinity(z.Real) || double.IsInfinity(z.Imaginary)) ? Values.True : Values.False);
        m.Def("isclose", "a, b, *, rel_tol=?, abs_tol=?", a =>
        {
            var (x, y) = (ComplexType.Convert(a[0]!), ComplexType.Convert(a[1]!));
            var (relative, absolute) = (a[2] is null ? 1e-9 : Args.Double(a[2]!), a[3] is null ? 0 : Args.Double(a[3]!));
            if (relative < 0 || absolute < 0)
                throw Err.Value("tolerances must be non-negative");
            if (x == y)
                return Values.True;
            bool Endless(Complex z) => double.IsInfinity(z.Real) || double.IsInfinity(z.Imaginary);
            if (Endless(x) || Endless(y))
                return Values.False;
            double Size(Complex z) => Hypot(z.Real, z.Imaginary);
            var difference = Size(x - y);
            return Values.Bool(difference <= relative * Size(y) || difference <= relative * Size(x) || difference <= absolute);
        });
        foreach (var (name, value) in new[] { ("pi", Math.PI), ("e", Math.E), ("tau", Math.Tau), ("inf", double.PositiveInfinity), ("nan", double.NaN) })
            m.Set(name, new PyFloat(value));
        m.Set("infj", new PyComplex(ComplexType.Type, new Complex(0, double.PositiveInfinity)));
        m.Set("nanj", new PyComplex(ComplexType.Type, new Complex(0, double.NaN)));
    }

    private static Complex TurnedWith(Function hyperbolic, Complex z, ref Fault fault)
    {
        var s = hyperbolic(new(-z.Imaginary, z.Real), ref fault);
        return new(s.Imaginary, -s.Real);
    }
}
