namespace Holon.X86.SoftFloat;

/// <summary>Parameters of a binary floating-point format (IEEE 754-2008 §3.3).</summary>
/// <param name="Precision">Significand bits, with the leading one.</param>
/// <param name="MaxExponent">emax, which is also the exponent bias.</param>
/// <param name="IsX87">Whether x87 rules apply: which NaN wins, and wrapped exponents for unmasked overflow and underflow.</param>
internal readonly record struct FloatFormat(int Precision, int MaxExponent, bool IsX87 = false)
{
    /// <summary>Added to, or taken from, the exponent of an unmasked underflow or overflow on the x87 (SDM vol. 1 §8.5.4, §8.5.5).</summary>
    public const int X87ExponentAdjustment = 24576;

    public static readonly FloatFormat Half = new(11, 15);
    public static readonly FloatFormat Single = new(24, 127);
    public static readonly FloatFormat Double = new(53, 1023);
    public static readonly FloatFormat Extended = new(64, 16383, IsX87: true);

    public int MinExponent => 1 - MaxExponent;

    /// <summary>The biased exponent of infinities and NaNs.</summary>
    public int SpecialExponent => (2 * MaxExponent) + 1;

    /// <summary>The extended format with the significand that the precision control of <paramref name="context"/> leaves.</summary>
    public static FloatFormat ExtendedUnder(in FloatContext context) => new(context.X87Precision, 16383, IsX87: true);
}
