namespace Holon.Jvm.Natives.StrictMath;

/// <summary>log, log10 and log1p with the results of fdlibm 5.3, bit by bit; the remainder of IEEE 754.</summary>
internal static class Logarithms
{
    private const double Ln2High = 6.93147180369123816490e-01, Ln2Low = 1.90821492927058770002e-10;
    private const double Two54 = 1.80143985094819840000e+16, TwoThirds = 6.666666666666735130e-01;

    private static double Odd(double w) => w * Bits.Polynomial(w, 3.999999999940941908e-01, 2.222219843214978396e-01, 1.531383769920937332e-01);

    private static double Even(double z, double w) => z * Bits.Polynomial(w, TwoThirds, 2.857142874366239149e-01, 1.818357216161805012e-01, 1.479819860511658591e-01);

    /// <summary>The exponent and the high word of a positive number, which is scaled up when it is subnormal. False when the logarithm is what is left in its place.</summary>
    private static bool TakeExponent(ref double x, out int high, out int k)
    {
        high = Bits.High(x);
        k = 0;
        if (high < 0x00100000)
        {
            if (x == 0 || high < 0)
            {
                x = x == 0 ? double.NegativeInfinity : double.NaN;
                return false;
            }

            k -= 54;
            x *= Two54;
            high = Bits.High(x);
        }

        if (high >= 0x7FF00000)
        {
            x += x;
            return false;
        }

        k += (high >> 20) - 1023;
        return true;
    }

    public static double Log(double x)
    {
        if (!TakeExponent(ref x, out var high, out var k)) return x;
        high &= 0x000FFFFF;
        var i = (high + 0x95F64) & 0x100000;
        x = Bits.WithHigh(x, high | (i ^ 0x3FF00000));
        k += i >> 20;
        var f = x - 1;
        double dk = k;
        if ((0x000FFFFF & (2 + high)) < 3)
        {
            if (f == 0) return k == 0 ? 0 : dk * Ln2High + dk * Ln2Low;
            var r0 = f * f * (0.5 - 0.33333333333333333 * f);
            return k == 0 ? f - r0 : dk * Ln2High - (r0 - dk * Ln2Low - f);
        }
        var s = f / (2 + f);
        var z = s * s;
        i = high - 0x6147A;
        var w = z * z;
        var j = 0x6B851 - high;
        var t1 = Odd(w);
        var t2 = Even(z, w);
        i |= j;
        var r = t2 + t1;
        if (i > 0)
        {
            var half = 0.5 * f * f;
            return k == 0 ? f - (half - s * (half + r)) : dk * Ln2High - (half - (s * (half + r) + dk * Ln2Low) - f);
        }
        return k == 0 ? f - s * (f - r) : dk * Ln2High - (s * (f - r) - dk * Ln2Low - f);
    }

    public static double Log10(double x)
    {
        const double PerLn10 = 4.34294481903251816668e-01, Log2High = 3.01029995663611771306e-01, Log2Low = 3.69423907715893078616e-13;
        if (!TakeExponent(ref x, out var high, out var k)) return x;
        var i = (int)((uint)k >> 31);
        high = high & 0x000FFFFF | ((0x3FF - i) << 20);
        double y = k + i;
        x = Bits.WithHigh(x, high);
        var z = y * Log2Low + PerLn10 * Log(x);
        return z + y * Log2High;
    }

    public static double Log1p(double x)
    {
        var high = Bits.High(x);
        var size = high & 0x7FFFFFFF;
        var k = 1;
        double f = 0, c = 0;
        var uHigh = 1;
        if (high < 0x3FDA827A)
        {
            if (size >= 0x3FF00000) return x == -1 ? double.NegativeInfinity : double.NaN;
            if (size < 0x3E200000) return size < 0x3C900000 ? x : x - x * x * 0.5;
            if (high is > 0 or <= unchecked((int)0xBFD2BEC3))
            {
                k = 0;
                f = x;
                uHigh = 1;
            }
        }
        if (high >= 0x7FF00000) return x + x;
        if (k != 0)
        {
            double u;
            if (high < 0x43400000)
            {
                u = 1 + x;
                uHigh = Bits.High(u);
                k = (uHigh >> 20) - 1023;
                c = k > 0 ? 1 - (u - x) : x - (u - 1);
                c /= u;
            }
            else
            {
                u = x;
                uHigh = Bits.High(u);
                k = (uHigh >> 20) - 1023;
                c = 0;
            }
            uHigh &= 0x000FFFFF;
            if (uHigh < 0x6A09E)
            {
                u = Bits.WithHigh(u, uHigh | 0x3FF00000);
            }
            else
            {
                k++;
                u = Bits.WithHigh(u, uHigh | 0x3FE00000);
                uHigh = (0x00100000 - uHigh) >> 2;
            }
            f = u - 1;
        }
        var half = 0.5 * f * f;
        double r;
        if (uHigh == 0)
        {
            if (f == 0)
            {
                if (k == 0) return 0;
                c += k * Ln2Low;
                return k * Ln2High + c;
            }
            r = half * (1 - 0.66666666666666666 * f);
            return k == 0 ? f - r : k * Ln2High - (r - (k * Ln2Low + c) - f);
        }
        var s = f / (2 + f);
        var z = s * s;
        r = z * Bits.Polynomial(z, 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01);
        return k == 0 ? f - (half - s * (half + r)) : k * Ln2High - (half - (s * (half + r) + (k * Ln2Low + c)) - f);
    }

    /// <summary>x less the nearest multiple of p, the even one of two; exact.</summary>
    public static double Remainder(double x, double p)
    {
        if (p == 0 || !double.IsFinite(x) || double.IsNaN(p)) return x * p / (x * p);
        var size = Math.Abs(p);
        var r = Math.Abs(x);
        if (size <= double.MaxValue / 2) r %= size + size;
        if (r == size) return 0 * x;
        if (Bits.High(size) < 0x00200000)
        {
            if (r + r > size)
            {
                r -= size;
                if (r + r >= size) r -= size;
            }
        }
        else
        {
            var half = 0.5 * size;
            if (r > half)
            {
                r -= size;
                if (r >= half) r -= size;
            }
        }
        return double.IsNegative(x) ? -r : r;
    }
}
