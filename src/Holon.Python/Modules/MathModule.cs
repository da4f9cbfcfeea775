namespace Holon.Python.Modules;

internal static class MathModule
{
    public static void Fill(ModuleBuilder m)
    {
        m.Set("pi", new PyFloat(Math.PI));
        m.Set("e", new PyFloat(Math.E));
        m.Set("tau", new PyFloat(Math.Tau));
        m.Set("inf", new PyFloat(double.PositiveInfinity));
        m.Set("nan", new PyFloat(double.NaN));
        foreach (var (name, function) in new (string, Func<double, double>)[]
        {
            ("sin", Math.Sin), ("cos", Math.Cos), ("tan", Math.Tan), ("asin", Math.Asin), ("acos", Math.Acos), ("atan", Math.Atan), ("sinh", Math.Sinh), ("cosh", Math.Cosh), ("tanh", Math.Tanh),
            ("asinh", Math.Asinh), ("acosh", Math.Acosh), ("atanh", Math.Atanh), ("exp", Math.Exp), ("exp2", x => Math.Pow(2, x)), ("expm1", x => Math.Abs(x) < 1e-5 ? x + x * x / 2 + x * x * x / 6 : Math.Exp(x) - 1),
            ("log1p", x => Math.Abs(x) < 1e-5 ? x - x * x / 2 + x * x * x / 3 : Math.Log(1 + x)), ("sqrt", Math.Sqrt), ("cbrt", Math.Cbrt),
            ("degrees", x => x * (180 / Math.PI)), ("radians", x => x * (Math.PI / 180)), ("fabs", Math.Abs), ("gamma", Gamma), ("lgamma", LogGamma), ("erf", Erf), ("erfc", x => 1 - Erf(x)),
        })
        {
            m.Def1(name, o =>
            {
                var x = Args.Double(o);
                var y = function(x);
                if (double.IsNaN(y) && !double.IsNaN(x))
                    throw Err.Value("math domain error");
                if (double.IsInfinity(y) && double.IsFinite(x))
                    throw name is "atanh" or "gamma" or "lgamma" or "log1p" ? Err.Value("math domain error") : Err.Overflow("math range error");
                return new PyFloat(y);
            });
        }
        foreach (var (name, function) in new (string, Func<double, double, double>)[] { ("atan2", Math.Atan2), ("copysign", Math.CopySign) })
            m.Def(name, "x, y, /", a => new PyFloat(function(Args.Double(a[0]!), Args.Double(a[1]!))));
        m.Def("nextafter", "x, y, /", a => new PyFloat(Args.Double(a[0]!) is var x && Args.Double(a[1]!) is var y && x == y ? y : double.IsNaN(x + y) ? double.NaN : x < y ? Math.BitIncrement(x) : Math.BitDecrement(x)));
        m.Def1("ulp", o => new PyFloat(Args.Double(o) is var x && !double.IsFinite(x) ? Math.Abs(x) : Math.Abs(x) == double.MaxValue ? x - Math.BitDecrement(x) : Math.BitIncrement(Math.Abs(x)) - Math.Abs(x)));
        m.Def("fmod", "x, y, /", a =>
        {
            var (x, y) = (Args.Double(a[0]!), Args.Double(a[1]!));
            return (double.IsInfinity(x) && !double.IsNaN(y)) || (y == 0 && !double.IsNaN(x)) ? throw Err.Value("math domain error") : new PyFloat(x % y);
        });
        m.Def("remainder", "x, y, /", a => Args.Double(a[1]!) == 0 || double.IsInfinity(Args.Double(a[0]!)) ? throw Err.Value("math domain error") : new PyFloat(Math.IEEERemainder(Args.Double(a[0]!), Args.Double(a[1]!))));
        m.Def("pow", "x, y, /", a =>
        {
            var (x, y) = (Args.Double(a[0]!), Args.Double(a[1]!));
            if (x == 1 || y == 0)
                return new PyFloat(1);
            if ((x == 0 && y < 0 && !double.IsInfinity(y)) || (x < 0 && double.IsFinite(x) && double.IsFinite(y) && y != Math.Floor(y)))
                throw Err.Value("math domain error");
            var r = Math.Pow(x, y);
            return double.IsInfinity(r) && double.IsFinite(x) && double.IsFinite(y) ? throw Err.Overflow("math range error") : new PyFloat(r);
        });
        m.Def("log", "x, base=?, /", a => a[1] is null ? new PyFloat(Log(a[0]!, Math.Log)) : Ops.Binary(new PyFloat(Log(a[0]!, Math.Log)), new PyFloat(Log(a[1]!, Math.Log)), NumberOp.TrueDivide));
        m.Def1("log2", o => new PyFloat(Log(o, Math.Log2)));
        m.Def1("log10", o => new PyFloat(Log(o, Math.Log10)));
        Rounding("floor", Math.Floor);
        Rounding("ceil", Math.Ceiling);
        m.Def1("trunc", o => o is PyFloat f ? FloatMath.ToInt(f.Value) : Calls.Special(o, Names.Trunc) ?? throw Err.Type($"type {o.Type.FullName} doesn't define __trunc__ method"));
        m.Def1("isnan", o => Values.Bool(double.IsNaN(Args.Double(o))));
        m.Def1("isinf", o => Values.Bool(double.IsInfinity(Args.Double(o))));
        m.Def1("isfinite", o => Values.Bool(double.IsFinite(Args.Double(o))));
        m.Def1("modf", o => Args.Double(o) is var x && double.IsInfinity(x) ? new PyTuple(new PyFloat(Math.CopySign(0, x)), new PyFloat(x)) : new PyTuple(new PyFloat(Math.CopySign(x - Math.Truncate(x), x)), new PyFloat(Math.Truncate(x))));
        m.Def1("frexp", o =>
        {
            var x = Args.Double(o);
            if (x == 0 || !double.IsFinite(x))
                return new PyTuple(new PyFloat(x), PyInt.Zero);
            var e = Math.ILogB(x) + 1;
            return new PyTuple(new PyFloat(Math.ScaleB(x, -e)), PyInt.Of(e));
        });
        m.Def("ldexp", "x, i, /", a =>
        {
            var x = Args.Double(a[0]!);
            var r = Math.ScaleB(x, (int)Math.Clamp(Args.Clipped(a[1] as PyInt ?? throw Err.Type("Expected an int as second argument to ldexp.")), -100000, 100000));
            return double.IsInfinity(r) && double.IsFinite(x) ? throw Err.Overflow("math range error") : new PyFloat(r);
        });
        m.Def("hypot", "*coordinates", a => new PyFloat(Hypot(((PyTuple)a[0]!).Items.Select(Args.Double))));
        m.Def("dist", "p, q, /", a =>
        {
            var (p, q) = (Ops.ToArray(a[0]!), Ops.ToArray(a[1]!));
            return p.Length == q.Length ? new PyFloat(Hypot(p.Zip(q, (x, y) => Args.Double(x) - Args.Double(y)))) : throw Err.Value("both points must have the same number of dimensions");
        });
        m.Def("isclose", "a, b, *, rel_tol=?, abs_tol=?", a =>
        {
            var (x, y) = (Args.Double(a[0]!), Args.Double(a[1]!));
            var (relative, absolute) = (a[2] is null ? 1e-9 : Args.Double(a[2]!), a[3] is null ? 0 : Args.Double(a[3]!));
            if (relative < 0 || absolute < 0)
                throw Err.Value("tolerances must be non-negative");
            return Values.Bool(x == y || (!double.IsInfinity(x) && !double.IsInfinity(y) && (Math.Abs(x - y) <= Math.Abs(relative * y) || Math.Abs(x - y) <= Math.Abs(relative * x) || Math.Abs(x - y) <= absolute)));
        });
        m.Def1("fsum", items => new PyFloat(ExactSum(Ops.Each(items).Select(Args.Double))));
        m.Def("prod", "iterable, /, *, start=1", a => Ops.Each(a[0]!).Aggregate(a[1]!, (x, y) => Ops.Binary(x, y, NumberOp.Multiply)));
        m.Def1("isqrt", o => Ops.Index(o) is { IsNegative: false } n ? PyInt.Of(SquareRoot(n.ToBig())) : throw Err.Value("isqrt() argument must be nonnegative"));
        m.Def1("factorial", o =>
        {
            var n = Ops.Index(o);
            if (n.IsNegative)
                throw Err.Value("factorial() not defined for negative values");
            if (!n.TryLong(out var count) || count > 1_000_000)
                throw Err.Overflow("factorial() argument should not exceed 9223372036854775807");
            return PyInt.Of(Product(1, (int)count));
        });
        m.Def("gcd", "*integers", a => PyInt.Of(((PyTuple)a[0]!).Items.Aggregate(BigInteger.Zero, (x, y) => BigInteger.GreatestCommonDivisor(x, Ops.Index(y).ToBig()))));
        m.Def("lcm", "*integers", a => PyInt.Of(((PyTuple)a[0]!).Items.Aggregate(BigInteger.One, (x, y) => Ops.Index(y).ToBig() is { IsZero: false } b && !x.IsZero ? BigInteger.Abs(x / BigInteger.GreatestCommonDivisor(x, b) * b) : BigInteger.Zero)));
        m.Def("comb", "n, k, /", a => PyInt.Of(Choose(Natural(a[0]!, "n"), Natural(a[1]!, "k"), true)));
        m.Def("perm", "n, k=None, /", a => PyInt.Of(Choose(Natural(a[0]!, "n"), a[1] == Values.None ? Natural(a[0]!, "n") : Natural(a[1]!, "k"), false)));

        void Rounding(string name, Func<double, double> function)
        {
            var special = Names.Intern($"__{name}__");
            m.Def1(name, o => o is PyFloat f && o.GetType() == typeof(PyFloat) ? FloatMath.ToInt(function(f.Value)) : Calls.Special(o, special) ?? FloatMath.ToInt(function(Args.Double(o))));
        }
    }

    private static BigInteger Natural(PyObject o, string name) => Ops.Index(o) is { IsNegative: false } n ? n.ToBig() : throw Err.Value($"{name} must be a non-negative integer");

    private static BigInteger Choose(BigInteger n, BigInteger k, bool divide)
    {
        if (k > n)
            return 0;
        if (divide)
            k = BigInteger.Min(k, n - k);
        if (k > 1_000_000)
            throw Err.Overflow("k must not exceed 1000000");
        var result = BigInteger.One;
        for (BigInteger i = 0; i < k; i++)
            result = divide ? result * (n - i) / (i + 1) : result * (n - i);
        return result;
    }

    private static BigInteger Product(int from, int to)
    {
        if (to - from < 8)
        {
            var result = BigInteger.One;
            for (var i = from; i <= to; i++)
                result *= i;
            return result;
        }
        var middle = (from + to) / 2;
        return Product(from, middle) * Product(middle + 1, to);
    }

    /// <summary>The integer part of the square root.</summary>
    public static BigInteger SquareRoot(BigInteger n)
    {
        if (n < 2)
            return n;
        var x = BigInteger.One << (int)((n.GetBitLength() + 1) / 2);
        while (true)
        {
            var next = (x + n / x) >> 1;
            if (next >= x)
                return x;
            x = next;
        }
    }

    private static double Log(PyObject o, Func<double, double> function)
    {
        if (o is PyInt n)
        {
            if (n.IsNegative || n.IsZero)
                throw Err.Value("math domain error");
            if (!n.TryLong(out _))
            {
                var shift = (int)n.ToBig().GetBitLength() - 64;
                return function((double)(ulong)(n.ToBig() >> shift)) + shift * function(2);
            }
        }
        var x = Args.Double(o);
        return x > 0 || double.IsNaN(x) ? function(x) : throw Err.Value("math domain error");
    }

    private static double Hypot(IEnumerable<double> values)
    {
        var all = values.Select(Math.Abs).ToArray();
        if (all.Any(double.IsInfinity))
            return double.PositiveInfinity;
        var max = all.DefaultIfEmpty().Max();
        return max == 0 || double.IsNaN(max) ? max : max * Math.Sqrt(ExactSum(all.Select(x => x / max * (x / max))));
    }

    /// <summary>Shewchuk's exact summation.</summary>
    private static double ExactSum(IEnumerable<double> values)
    {
        var parts = new List<double>();
        var special = 0.0;
        foreach (var value in values)
        {
            if (!double.IsFinite(value))
            {
                special = double.IsInfinity(special) && double.IsInfinity(value) && special != value ? throw Err.Value("-inf + inf in fsum") : special + value;
                continue;
            }
            var x = value;
            var kept = 0;
            for (var j = 0; j < parts.Count; j++)
            {
                var y = parts[j];
                if (Math.Abs(x) < Math.Abs(y))
                    (x, y) = (y, x);
                var high = x + y;
                var low = y - (high - x);
                if (low != 0)
                    parts[kept++] = low;
                x = high;
            }
            parts.RemoveRange(kept, parts.Count - kept);
            parts.Add(x);
        }
        if (special != 0 || double.IsNaN(special))
            return special;
        BigInteger numerator = 0;
        if (parts.Count == 0)
            return 0;
        // The parts do not overlap: their exact sum is rounded once.
        foreach (var part in parts)
        {
            var (n, d) = FloatMath.IntegerRatio(part);
            numerator += n * ((BigInteger.One << 1100) / d);
        }
        return IntMath.Ratio(numerator, BigInteger.One << 1100, "intermediate overflow in fsum");
    }

    private static double LogGamma(double x)
    {
        if (double.IsInfinity(x))
            return double.PositiveInfinity;
        if (x == Math.Floor(x) && x <= 2)
            return x <= 0 ? double.PositiveInfinity : 0;
        if (x < 0.5)
            return Math.Log(Math.PI / Math.Abs(Math.Sin(Math.PI * x))) - LogGamma(1 - x);
        return Math.Log(Lanczos(x)) + (x - 0.5) * (Math.Log(x + 6.024680040776729583740234375 - 0.5) - 1);
    }

    private static double Gamma(double x)
    {
        if (double.IsNaN(x) || double.IsPositiveInfinity(x))
            return x;
        if (double.IsNegativeInfinity(x) || (x == Math.Floor(x) && x <= 0))
            return double.NaN;
        if (x == Math.Floor(x) && x <= 171)
            return (double)Product(1, (int)x - 1);
        if (x > 171.7)
            return double.PositiveInfinity;
        if (x < 0.5)
            return Math.PI / (Math.Sin(Math.PI * x) * Gamma(1 - x));
        var y = x + 6.024680040776729583740234375 - 0.5;
        return Lanczos(x) / Math.Exp(y) * Math.Pow(y, x / 2 - 0.25) * Math.Pow(y, x / 2 - 0.25) * Math.Exp(6.024680040776729583740234375);
    }

    // Boost's Lanczos approximation for g = 6.0246..., 13 terms.
    private static double Lanczos(double x)
    {
        double[] numerator = [23531376880.410759688572007674451636754734846804940, 42919803642.649098768957899047001988850926355848959, 35711959237.355668049440185451547166705960488635843, 17921034426.037209699919755754458931112671403265390, 6039542586.3520280050642916443072979210699388420708, 1439720407.3117216736632230727949123939715485786372, 248874557.86205415651146038641322942321632125127801, 31426415.585400194380614231628318205362874684987640, 2876370.6289353724412254090516208496135991145378768, 186056.26539522349504029498971604569928220784236328, 8071.6720023658162106380029022722506138218516325024, 210.82427775157934587250973392071336271166969580291, 2.5066282746310002701649081771338373386264310793408];
        double[] denominator = [0, 39916800, 120543840, 150917976, 105258076, 45995730, 13339535, 2637558, 357423, 32670, 1925, 66, 1];
        var (n, d) = (0.0, 0.0);
        for (var i = 12; i >= 0; i--)
        {
            n = n * x + numerator[i];
            d = d * x + denominator[i];
        }
        // The numerator carries exp(g); CPython's version divides it out.
        return n / d / Math.Exp(6.024680040776729583740234375);
    }

    private static double Erf(double x)
    {
        if (double.IsNaN(x))
            return x;
        if (Math.Abs(x) > 6)
            return Math.Sign(x);
        // Taylor near zero, continued fraction beyond.
        if (Math.Abs(x) < 2.5)
        {
            var (sum, term) = (x, x);
            for (var n = 1; n < 80; n++)
            {
                term *= -x * x / n;
                sum += term / (2 * n + 1);
            }
            return 2 / Math.Sqrt(Math.PI) * sum;
        }
        var a = Math.Abs(x);
        var f = 0.0;
        for (var k = 60; k >= 1; k--)
            f = k / 2.0 / (a + f);
        return Math.Sign(x) * (1 - Math.Exp(-a * a) / Math.Sqrt(Math.PI) / (a + f));
    }
}
