namespace Holon.Jvm.Natives.StrictMath;

/// <summary>asin, acos, atan and atan2 with the results of fdlibm 5.3, bit by bit.</summary>
internal static class Arcs
{
    private const double HalfPi = 1.57079632679489655800e+00, HalfPiLow = 6.12323399573676603587e-17, QuarterPi = 7.85398163397448278999e-01;
    private const double Pi = 3.1415926535897931160e+00, PiLow = 1.2246467991473531772e-16;
    private const double Tiny = 1e-300;

    private static double Ratio(double t)
    {
        var p = t * Bits.Polynomial(t, 1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01, -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05);
        var q = Bits.Polynomial(t, 1, -2.40339491173441421878e+00, 2.02094576023350569471e+00, -6.88283971605453293030e-01, 7.70381505559019352791e-02);
        return p / q;
    }

    public static double Asin(double x)
    {
        var signed = Bits.High(x);
        var high = signed & 0x7FFFFFFF;
        if (high >= 0x3FF00000)
        {
            if ((high - 0x3FF00000 | (int)Bits.Low(x)) == 0) return x * HalfPi + x * HalfPiLow;
            return double.NaN;
        }
        if (high < 0x3FE00000)
        {
            return high < 0x3E400000 ? x : x + x * Ratio(x * x);
        }
        var w = 1 - Math.Abs(x);
        var t = w * 0.5;
        var ratio = Ratio(t);
        var s = Math.Sqrt(t);
        if (high >= 0x3FEF3333)
        {
            t = HalfPi - (2 * (s + s * ratio) - HalfPiLow);
        }
        else
        {
            w = Bits.WithoutLow(s);
            var c = (t - w * w) / (s + w);
            var p = 2 * s * ratio - (HalfPiLow - 2 * c);
            var q = QuarterPi - 2 * w;
            t = QuarterPi - (p - q);
        }
        return signed > 0 ? t : -t;
    }

    public static double Acos(double x)
    {
        var signed = Bits.High(x);
        var high = signed & 0x7FFFFFFF;
        if (high >= 0x3FF00000)
        {
            if ((high - 0x3FF00000 | (int)Bits.Low(x)) == 0) return signed > 0 ? 0 : Pi + 2 * HalfPiLow;
            return double.NaN;
        }
        if (high < 0x3FE00000)
        {
            return high <= 0x3C600000 ? HalfPi + HalfPiLow : HalfPi - (x - (HalfPiLow - x * Ratio(x * x)));
        }
        if (signed < 0)
        {
            var z = (1 + x) * 0.5;
            var s = Math.Sqrt(z);
            var w = Ratio(z) * s - HalfPiLow;
            return Pi - 2 * (s + w);
        }
        else
        {
            var z = (1 - x) * 0.5;
            var s = Math.Sqrt(z);
            var df = Bits.WithoutLow(s);
            var c = (z - df * df) / (s + df);
            var w = Ratio(z) * s + c;
            return 2 * (df + w);
        }
    }

    private static readonly double[] High = [4.63647609000806093515e-01, 7.85398163397448278999e-01, 9.82793723247329054082e-01, 1.57079632679489655800e+00];
    private static readonly double[] Low = [2.26987774529616870924e-17, 3.06161699786838301793e-17, 1.39033110312309984516e-17, 6.12323399573676603587e-17];

    public static double Atan(double x)
    {
        var signed = Bits.High(x);
        var high = signed & 0x7FFFFFFF;
        if (high >= 0x44100000)
        {
            if (double.IsNaN(x)) return x + x;
            return signed > 0 ? High[3] + Low[3] : -High[3] - Low[3];
        }
        int piece;
        if (high < 0x3FDC0000)
        {
            if (high < 0x3E200000) return x;
            piece = -1;
        }
        else
        {
            x = Math.Abs(x);
            (piece, x) = high < 0x3FF30000
                ? high < 0x3FE60000 ? (0, (2 * x - 1) / (2 + x)) : (1, (x - 1) / (x + 1))
                : high < 0x40038000 ? (2, (x - 1.5) / (1 + 1.5 * x)) : (3, -1 / x);
        }
        var z = x * x;
        var w = z * z;
        var odd = z * Bits.Polynomial(w, 3.33333333333329318027e-01, 1.42857142725034663711e-01, 9.09088713343650656196e-02, 6.66107313738753120669e-02, 4.97687799461593236017e-02, 1.62858201153657823623e-02);
        var even = w * Bits.Polynomial(w, -1.99999999998764832476e-01, -1.11111104054623557880e-01, -7.69187620504482999495e-02, -5.83357013379057348645e-02, -3.65315727442169155270e-02);
        if (piece < 0) return x - x * (odd + even);
        z = High[piece] - (x * (odd + even) - Low[piece] - x);
        return signed < 0 ? -z : z;
    }

    public static double Atan2(double y, double x)
    {
        if (double.IsNaN(x) || double.IsNaN(y)) return x + y;
        if (x == 1) return Atan(y);
        var xHigh = Bits.High(x) & 0x7FFFFFFF;
        var yHigh = Bits.High(y) & 0x7FFFFFFF;
        // 0: both signs +; 1: y -; 2: x -; 3: both -.
        var signs = (double.IsNegative(y) ? 1 : 0) | (double.IsNegative(x) ? 2 : 0);
        if (y == 0) return signs < 2 ? y : signs == 2 ? Pi + Tiny : -Pi - Tiny;
        if (x == 0) return Half(signs);
        if (double.IsInfinity(x))
        {
            if (double.IsInfinity(y)) return signs switch { 0 => QuarterPi + Tiny, 1 => -QuarterPi - Tiny, 2 => 3 * QuarterPi + Tiny, _ => -3 * QuarterPi - Tiny };
            return signs switch { 0 => 0, 1 => -0.0, 2 => Pi + Tiny, _ => -Pi - Tiny };
        }
        if (double.IsInfinity(y)) return Half(signs);
        var exponent = (yHigh - xHigh) >> 20;
        var z = exponent > 60 ? HalfPi + 0.5 * PiLow : double.IsNegative(x) && exponent < -60 ? 0 : Atan(Math.Abs(y / x));
        return signs switch
        {
            0 => z,
            1 => -z,
            2 => Pi - (z - PiLow),
            _ => z - PiLow - Pi,
        };
    }

    private static double Half(int signs) => (signs & 1) != 0 ? -HalfPi - Tiny : HalfPi + Tiny;
}
