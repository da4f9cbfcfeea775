namespace Holon.Jvm.Natives.StrictMath;

/// <summary>The two words of a double, as the algorithms of fdlibm take them apart.</summary>
internal static class Bits
{
    /// <summary>Sign, exponent and the first 20 bits of the fraction.</summary>
    public static int High(double x) => (int)(BitConverter.DoubleToInt64Bits(x) >> 32);

    /// <summary>The last 32 bits of the fraction.</summary>
    public static uint Low(double x) => (uint)BitConverter.DoubleToInt64Bits(x);

    public static double WithHigh(double x, int high) => BitConverter.Int64BitsToDouble((long)high << 32 | Low(x));

    /// <summary>x with the last 32 bits of its fraction zero.</summary>
    public static double WithoutLow(double x) => BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(x) & ~0xFFFFFFFFL);

    public static double FromHigh(int high) => BitConverter.Int64BitsToDouble((long)high << 32);

    /// <summary>x multiplied by 2 to the power of <paramref name="n"/> when the result is a normal number.</summary>
    public static double AddExponent(double x, int n) => BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(x) + ((long)n << 52));

    /// <summary>A polynomial, coefficients of the lowest power first, evaluated from the highest one down (Horner).</summary>
    public static double Polynomial(double x, params ReadOnlySpan<double> coefficients)
    {
        var sum = coefficients[^1];
        for (var i = coefficients.Length - 2; i >= 0; i--) sum = coefficients[i] + x * sum;
        return sum;
    }
}
