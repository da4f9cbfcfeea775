namespace Holon.Jvm.Natives.StrictMath;

/// <summary>exp, expm1, sinh, cosh and tanh with the results of fdlibm 5.3, bit by bit.</summary>
internal static class Exponentials
{
    private const double Ln2High = 6.93147180369123816490e-01, Ln2Low = 1.90821492927058770002e-10, PerLn2 = 1.44269504088896338700e+00;
    private const double Overflow = 7.09782712893383973096e+02, Underflow = -7.45133219101941108420e+02;

    public static double Exp(double x)
    {
        var signed = Bits.High(x);
        var negative = signed < 0;
        var high = signed & 0x7FFFFFFF;
        if (high >= 0x40862E42)
        {
            if (double.IsNaN(x)) return x + x;
            if (double.IsInfinity(x)) return negative ? 0 : x;
            if (x > Overflow) return double.PositiveInfinity;
            if (x < Underflow) return 0;
        }
        double hi = 0, lo = 0;
        var k = 0;
        if (high > 0x3FD62E42)
        {
            if (high < 0x3FF0A2B2)
            {
                hi = x - (negative ? -Ln2High : Ln2High);
                lo = negative ? -Ln2Low : Ln2Low;
                k = negative ? -1 : 1;
            }
            else
            {
                k = (int)(PerLn2 * x + (negative ? -0.5 : 0.5));
                hi = x - k * Ln2High;
                lo = k * Ln2Low;
            }
            x = hi - lo;
        }
        else if (high < 0x3E300000)
        {
            return 1 + x;
        }
        var t = x * x;
        var c = x - t * Bits.Polynomial(t, 1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05, -1.65339022054652515390e-06, 4.13813679705723846039e-08);
        if (k == 0) return 1 - (x * c / (c - 2) - x);
        var y = 1 - (lo - x * c / (2 - c) - hi);
        return k >= -1021 ? Bits.AddExponent(y, k) : Bits.AddExponent(y, k + 1000) * 9.33263618503218878990e-302;
    }

    public static double Expm1(double x)
    {
        var negative = Bits.High(x) < 0;
        var high = Bits.High(x) & 0x7FFFFFFF;
        if (high >= 0x4043687A)
        {
            if (high >= 0x40862E42)
            {
                if (double.IsNaN(x)) return x + x;
                if (double.IsInfinity(x)) return negative ? -1 : x;
                if (x > Overflow) return double.PositiveInfinity;
            }
            if (negative) return 1e-300 - 1;
        }
        double c = 0;
        int k;
        if (high > 0x3FD62E42)
        {
            double hi, lo;
            if (high < 0x3FF0A2B2)
            {
                k = negative ? -1 : 1;
                hi = negative ? x + Ln2High : x - Ln2High;
                lo = negative ? -Ln2Low : Ln2Low;
            }
            else
            {
                k = (int)(PerLn2 * x + (negative ? -0.5 : 0.5));
                hi = x - k * Ln2High;
                lo = k * Ln2Low;
            }
            x = hi - lo;
            c = hi - x - lo;
        }
        else if (high < 0x3C900000)
        {
            return x;
        }
        else
        {
            k = 0;
        }
        var halfX = 0.5 * x;
        var square = x * halfX;
        var r = Bits.Polynomial(square, 1, -3.33333333333331316428e-02, 1.58730158725481460165e-03, -7.93650757867487942473e-05, 4.00821782732936239552e-06, -2.01099218183624371326e-07);
        var t = 3 - r * halfX;
        var e = square * ((r - t) / (6 - x * t));
        if (k == 0) return x - (x * e - square);
        e = x * (e - c) - c;
        e -= square;
        if (k == -1) return 0.5 * (x - e) - 0.5;
        if (k == 1) return x < -0.25 ? -2 * (e - (x + 0.5)) : 1 + 2 * (x - e);
        double y;
        if (k is <= -2 or > 56)
        {
            y = 1 - (e - x);
            return Bits.AddExponent(y, k) - 1;
        }
        if (k < 20)
        {
            t = Bits.FromHigh(0x3FF00000 - (0x200000 >> k));
            y = t - (e - x);
            return Bits.AddExponent(y, k);
        }
        t = Bits.FromHigh((0x3FF - k) << 20);
        y = x - (e + t);
        y += 1;
        return Bits.AddExponent(y, k);
    }

    public static double Sinh(double x)
    {
        var high = Bits.High(x) & 0x7FFFFFFF;
        if (high >= 0x7FF00000) return x + x;
        var h = Bits.High(x) < 0 ? -0.5 : 0.5;
        var size = Math.Abs(x);
        if (high < 0x40360000)
        {
            if (high < 0x3E300000) return x;
            var t = Expm1(size);
            return high < 0x3FF00000 ? h * (2 * t - t * t / (t + 1)) : h * (t + t / (t + 1));
        }
        if (high < 0x40862E42) return h * Exp(size);
        if (!IsBeyond(size))
        {
            var w = Exp(0.5 * size);
            return h * w * w;
        }
        return x * 1e307 * 1e307;
    }

    public static double Cosh(double x)
    {
        var high = Bits.High(x) & 0x7FFFFFFF;
        if (high >= 0x7FF00000) return x * x;
        var size = Math.Abs(x);
        if (high < 0x3FD62E43)
        {
            var t = Expm1(size);
            var w = 1 + t;
            return high < 0x3C800000 ? w : 1 + t * t / (w + w);
        }
        if (high < 0x40360000)
        {
            var t = Exp(size);
            return 0.5 * t + 0.5 / t;
        }
        if (high < 0x40862E42) return 0.5 * Exp(size);
        if (!IsBeyond(size))
        {
            var w = Exp(0.5 * size);
            return 0.5 * w * w;
        }
        return double.PositiveInfinity;
    }

    /// <summary>Whether sinh and cosh overflow.</summary>
    private static bool IsBeyond(double size) => BitConverter.DoubleToInt64Bits(size) > 0x408633CE_8FB9F87D;

    public static double Tanh(double x)
    {
        var negative = Bits.High(x) < 0;
        var high = Bits.High(x) & 0x7FFFFFFF;
        if (high >= 0x7FF00000) return negative ? 1 / x - 1 : 1 / x + 1;
        double z;
        if (high < 0x40360000)
        {
            if (high < 0x3C800000) return x * (1 + x);
            if (high >= 0x3FF00000)
            {
                var t = Expm1(2 * Math.Abs(x));
                z = 1 - 2 / (t + 2);
            }
            else
            {
                var t = Expm1(-2 * Math.Abs(x));
                z = -t / (t + 2);
            }
        }
        else
        {
            z = 1;
        }
        return negative ? -z : z;
    }
}
