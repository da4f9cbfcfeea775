namespace Holon.Jvm.Natives.StrictMath;

/// <summary>sin, cos and tan as java.lang.StrictMath defines them: the results of fdlibm 5.3 (k_sin, k_cos, k_tan), bit by bit.</summary>
internal static class Trigonometry
{
    private const int Infinite = 0x7FF00000;

    public static double Sin(double x)
    {
        return Quarter(x, out var a, out var b) switch
        {
            0 => KernelSin(a, b, IsSmall(x)),
            1 => KernelCos(a, b),
            2 => -KernelSin(a, b, false),
            3 => -KernelCos(a, b),
            _ => x - x,
        };
    }

    public static double Cos(double x)
    {
        return Quarter(x, out var a, out var b) switch
        {
            0 => KernelCos(a, b),
            1 => -KernelSin(a, b, false),
            2 => -KernelCos(a, b),
            3 => KernelSin(a, b, false),
            _ => x - x,
        };
    }

    public static double Tan(double x)
    {
        var quarter = Quarter(x, out var a, out var b);
        return quarter < 0 ? x - x : KernelTan(a, b, (quarter & 1) == 0);
    }

    /// <summary>x less the nearest multiple of π/2 as the sum a + b, and that multiple modulo 4; -1 when x is no number or infinite.</summary>
    private static int Quarter(double x, out double a, out double b)
    {
        b = 0;
        a = x;
        if (IsSmall(x)) return 0;
        if ((Bits.High(x) & 0x7FFFFFFF) >= Infinite) return -1;
        return PiReduction.Reduce(x, out a, out b) & 3;
    }

    /// <summary>Whether |x| is at most about π/4.</summary>
    private static bool IsSmall(double x) => (Bits.High(x) & 0x7FFFFFFF) <= 0x3FE921FB;

    /// <summary>sin(x + y) for |x| up to π/4 and a small y, which is left out where it is known to be zero.</summary>
    private static double KernelSin(double x, double y, bool exact)
    {
        const double S1 = -1.66666666666666324348e-01;
        var high = Bits.High(x) & 0x7FFFFFFF;
        if (high < 0x3E400000 && (int)x == 0) return x;
        var z = x * x;
        var v = z * x;
        var r = Bits.Polynomial(z, 8.33333333332248946124e-03, -1.98412698298579493134e-04, 2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10);
        return exact ? x + v * (S1 + z * r) : x - (z * (0.5 * y - v * r) - y - v * S1);
    }

    /// <summary>cos(x + y) for |x| up to π/4 and a small y.</summary>
    private static double KernelCos(double x, double y)
    {
        var high = Bits.High(x) & 0x7FFFFFFF;
        if (high < 0x3E400000 && (int)x == 0) return 1;
        var z = x * x;
        var r = z * Bits.Polynomial(z, 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05, -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11);
        if (high < 0x3FD33333) return 1 - (0.5 * z - (z * r - x * y));
        var q = high > 0x3FE90000 ? 0.28125 : Bits.FromHigh(high - 0x00200000);
        var half = 0.5 * z - q;
        return 1 - q - (half - (z * r - x * y));
    }

    /// <summary>tan(x + y), or -1/tan(x + y), for |x| up to π/4 and a small y.</summary>
    private static double KernelTan(double x, double y, bool tangent)
    {
        const double PiOver4 = 7.85398163397448278999e-01, PiOver4Low = 3.06161699786838301793e-17;
        var signed = Bits.High(x);
        var high = signed & 0x7FFFFFFF;
        if (high < 0x3E300000 && (int)x == 0)
        {
            if ((high | (int)Bits.Low(x)) == 0 && !tangent) return 1 / Math.Abs(x);
            if (tangent) return x;
            var sum = x + y;
            var zHigh = Bits.WithoutLow(sum);
            var rest = y - (zHigh - x);
            var inverse = -1 / sum;
            var t0 = Bits.WithoutLow(inverse);
            return t0 + inverse * (1 + t0 * zHigh + t0 * rest);
        }
        var large = high >= 0x3FE59428;
        if (large)
        {
            if (signed < 0)
            {
                x = -x;
                y = -y;
            }
            x = PiOver4 - x + (PiOver4Low - y);
            y = 0;
        }
        var z = x * x;
        var w = z * z;
        var odd = Bits.Polynomial(w, 1.33333333333201242699e-01, 2.18694882948595424599e-02, 3.59207910759131235356e-03, 5.88041240820264096874e-04, 7.81794442939557092300e-05, -1.85586374855275456654e-05);
        var even = z * Bits.Polynomial(w, 5.39682539762260521377e-02, 8.86323982359930005737e-03, 1.45620945432529025516e-03, 2.46463134818469906812e-04, 7.14072491382608190305e-05, 2.59073051863633712884e-05);
        var s = z * x;
        var r = y + z * (s * (odd + even) + y);
        r += 3.33333333333334091986e-01 * s;
        w = x + r;
        if (large)
        {
            double v = tangent ? 1 : -1;
            return (1 - (signed >> 30 & 2)) * (v - 2 * (x - (w * w / (w + v) - r)));
        }
        if (tangent) return w;
        var head = Bits.WithoutLow(w);
        var tail = r - (head - x);
        var quotient = -1 / w;
        var t = Bits.WithoutLow(quotient);
        return t + quotient * (1 + t * head + t * tail);
    }
}
