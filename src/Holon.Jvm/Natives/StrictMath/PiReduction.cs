using System.Globalization;

namespace Holon.Jvm.Natives.StrictMath;

/// <summary>Takes multiples of π/2 off a number, exactly enough for its last bit to be right (fdlibm's rem_pio2).</summary>
internal static class PiReduction
{
    private const double TwoTo24 = 16777216;

    /// <summary>2/π, the binary places after the point.</summary>
    private const string TwoOverPi =
        "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A424DD2E006492EEA09D1921CFE1DEB1CB129A73EE88235F52EBB4484E99C" +
        "7026B45F7E413991D639835339F49C845F8BBDF9283B1FF897FFDE05980FEF2F118B5A0A6D1F6D367ECF27CB09B74F463F669E5FEA2D7527BAC7EBE5F17B3D0739F7" +
        "8A5292EA6BFB5FB11F8D5D0856033046FC7B6BABF0CFBC209AF4361DA9E391615EE61B086599855F14A068408DFFD8804D73273106061556CA73A8C960E27BC08C6B";

    private static readonly double[] TwoOverPiDigits = [.. Enumerable.Range(0, TwoOverPi.Length / 6).Select(i => (double)int.Parse(TwoOverPi.AsSpan(i * 6, 6), NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    /// <summary>π/2 in pieces of 24 bits.</summary>
    private static readonly double[] HalfPi =
    [
        1.57079625129699707031e+00, 7.54978941586159635335e-08, 5.39030252995776476554e-15, 3.28200341580791294123e-22,
        1.27065575308067607349e-29, 1.22933308981111328932e-36, 2.73370053816464559624e-44, 2.16741683877804819444e-51,
    ];

    /// <summary>x less n times π/2 as the sum head + tail; gives n, of which the last three bits count when x is large.</summary>
    public static int Reduce(double x, out double head, out double tail)
    {
        const double First = 1.57079632673412561417e+00, FirstTail = 6.07710050650619224932e-11;
        const double Second = 6.07710050630396597660e-11, SecondTail = 2.02226624879595063154e-21;
        const double Third = 2.02226624871116645580e-21, ThirdTail = 8.47842766036889956997e-32;
        const double PerHalfPi = 6.36619772367581382433e-01;
        var negative = Bits.High(x) < 0;
        var high = Bits.High(x) & 0x7FFFFFFF;
        var size = Math.Abs(x);
        int n;
        if (high < 0x4002D97C)
        {
            n = 1;
            var z = size - First;
            var rest = FirstTail;
            if (high == 0x3FF921FB)
            {
                z -= Second;
                rest = SecondTail;
            }
            head = z - rest;
            tail = z - head - rest;
        }
        else if (high <= 0x413921FB)
        {
            n = (int)(size * PerHalfPi + 0.5);
            double count = n;
            var r = size - count * First;
            var w = count * FirstTail;
            head = r - w;
            // Near a multiple of π/2 more of its places are needed.
            if (n >= 32 || high == Bits.High(n * (Math.PI / 2)))
            {
                var exponent = high >> 20;
                if (exponent - ((Bits.High(head) >> 20) & 0x7FF) > 16)
                {
                    var t = r;
                    w = count * Second;
                    r = t - w;
                    w = count * SecondTail - (t - r - w);
                    head = r - w;
                    if (exponent - ((Bits.High(head) >> 20) & 0x7FF) > 49)
                    {
                        t = r;
                        w = count * Third;
                        r = t - w;
                        w = count * ThirdTail - (t - r - w);
                        head = r - w;
                    }
                }
            }
            tail = r - head - w;
        }
        else
        {
            n = ReduceLarge(size, high, out head, out tail);
        }
        if (!negative) return n;
        head = -head;
        tail = -tail;
        return -n;
    }

    /// <summary>Multiplies by 2/π, of which only those places are taken that matter (Payne and Hanek).</summary>
    private static int ReduceLarge(double size, int high, out double head, out double tail)
    {
        const int Terms = 4;
        var exponent = (high >> 20) - 1046;
        var z = Bits.WithHigh(size, high - (exponent << 20));
        Span<double> x = stackalloc double[3];
        for (var i = 0; i < 2; i++)
        {
            x[i] = (int)z;
            z = (z - x[i]) * TwoTo24;
        }
        x[2] = z;
        var last = 2;
        while (x[last] == 0) last--;

        var start = Math.Max(0, (exponent - 3) / 24);
        var scale = exponent - 24 * (start + 1);
        Span<double> f = stackalloc double[20], q = stackalloc double[20], sums = stackalloc double[20];
        Span<int> digits = stackalloc int[20];
        for (var i = 0; i <= last + Terms; i++) f[i] = start - last + i < 0 ? 0 : TwoOverPiDigits[start - last + i];
        for (var i = 0; i <= Terms; i++) q[i] = Product(x, f, last, i);
        var count = Terms;
        int n, half;
        while (true)
        {
            z = q[count];
            for (int i = 0, j = count; j > 0; i++, j--)
            {
                double carried = (int)(z / TwoTo24);
                digits[i] = (int)(z - TwoTo24 * carried);
                z = q[j - 1] + carried;
            }
            z = Math.ScaleB(z, scale);
            z -= 8 * Math.Floor(z * 0.125);
            n = (int)z;
            z -= n;
            half = 0;
            if (scale > 0)
            {
                var more = digits[count - 1] >> (24 - scale);
                n += more;
                digits[count - 1] -= more << (24 - scale);
                half = digits[count - 1] >> (23 - scale);
            }
            else if (scale == 0)
            {
                half = digits[count - 1] >> 23;
            }
            else if (z >= 0.5)
            {
                half = 2;
            }
            if (half > 0)
            {
                // More than a half is left: what is missing to the next multiple is taken instead.
                n++;
                var borrowed = Complement(digits[..count]);
                if (scale is 1 or 2) digits[count - 1] &= scale == 1 ? 0x7FFFFF : 0x3FFFFF;
                if (half == 2)
                {
                    z = 1 - z;
                    if (borrowed) z -= Math.ScaleB(1, scale);
                }
            }
            if (z != 0 || digits[Terms..count].ContainsAnyExcept(0)) break;
            var needed = 1;
            while (digits[Terms - needed] == 0) needed++;
            for (var i = count + 1; i <= count + needed; i++)
            {
                f[last + i] = TwoOverPiDigits[start + i];
                q[i] = Product(x, f, last, i);
            }
            count += needed;
        }
        if (z == 0)
        {
            count--;
            scale -= 24;
            while (digits[count] == 0)
            {
                count--;
                scale -= 24;
            }
        }
        else
        {
            z = Math.ScaleB(z, -scale);
            if (z >= TwoTo24)
            {
                double carried = (int)(z / TwoTo24);
                digits[count] = (int)(z - TwoTo24 * carried);
                count++;
                scale += 24;
                digits[count] = (int)carried;
            }
            else
            {
                digits[count] = (int)z;
            }
        }
        var weight = Math.ScaleB(1, scale);
        for (var i = count; i >= 0; i--)
        {
            q[i] = weight * digits[i];
            weight /= TwoTo24;
        }
        for (var i = count; i >= 0; i--)
        {
            double sum = 0;
            for (var k = 0; k <= Terms && k <= count - i; k++) sum += HalfPi[k] * q[i + k];
            sums[count - i] = sum;
        }
        double total = 0;
        for (var i = count; i >= 0; i--) total += sums[i];
        var rest = sums[0] - total;
        for (var i = 1; i <= count; i++) rest += sums[i];
        head = half == 0 ? total : -total;
        tail = half == 0 ? rest : -rest;
        return n & 7;
    }

    private static double Product(ReadOnlySpan<double> x, ReadOnlySpan<double> f, int last, int i)
    {
        double sum = 0;
        for (var j = 0; j <= last; j++) sum += x[j] * f[last + i - j];
        return sum;
    }

    /// <summary>One less the fraction that the digits are; gives whether it was not zero.</summary>
    private static bool Complement(Span<int> digits)
    {
        var carry = false;
        foreach (ref var digit in digits)
        {
            if (carry) digit = 0xFFFFFF - digit;
            else if (digit != 0)
            {
                carry = true;
                digit = 0x1000000 - digit;
            }
        }
        return carry;
    }
}
