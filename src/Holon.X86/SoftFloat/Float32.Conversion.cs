namespace Holon.X86.SoftFloat;

/// <content>Conversions and rounding to integral values.</content>
public static partial class Float32
{
    /// <summary>CVTSI2SS, CVTDQ2PS of a 32-bit integer.</summary>
    /// <param name="value">The integer.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static uint FromInt32(int value, ref FloatContext context) => FromInt64(value, ref context);

    /// <summary>CVTSI2SS of a 64-bit integer.</summary>
    /// <param name="value">The integer.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static uint FromInt64(long value, ref FloatContext context)
    {
        const long Exact = 1L << 24;
        if (value is >= -Exact and <= Exact) return BitConverter.SingleToUInt32Bits(value);
        return FloatConversion.FromInt64(value, FloatFormat.Single, ref context).ToSingle();
    }

    /// <summary>CVTSS2SI (with the context's rounding) and CVTTSS2SI (with <see cref="RoundingMode.Zero"/>) to 32 bits.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="mode">How to round.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static int ToInt32(uint a, RoundingMode mode, ref FloatContext context) => (int)ToInteger(a, 32, mode, ref context);

    /// <summary>As <see cref="ToInt32"/>, to 64 bits.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="mode">How to round.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static long ToInt64(uint a, RoundingMode mode, ref FloatContext context) => ToInteger(a, 64, mode, ref context);

    /// <summary>CVTSS2SD: exact, but quiets NaNs and reports denormals.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static ulong ToFloat64(uint a, ref FloatContext context)
    {
        if (IsZeroOrNormal(a)) return BitConverter.DoubleToUInt64Bits(BitConverter.UInt32BitsToSingle(a));
        return FloatConversion.Convert(Unpack(a, context), FloatFormat.Double, ref context).ToDouble();
    }

    /// <summary>ROUNDSS.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="mode">How to round.</param>
    /// <param name="suppressInexact">Bit 3 of the immediate: leave PE alone.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static uint RoundToIntegral(uint a, RoundingMode mode, bool suppressInexact, ref FloatContext context) =>
        FloatConversion.RoundToIntegral(Unpack(a, context), mode, suppressInexact, FloatFormat.Single, ref context).ToSingle();

    private static long ToInteger(uint a, int bits, RoundingMode mode, ref FloatContext context)
    {
        if (mode == RoundingMode.Zero && BiasedExponent(a) is > 0 and < 127 + 31)
        {
            var x = BitConverter.UInt32BitsToSingle(a);
            var truncated = (int)x;
            if (truncated != x) context.Raise(FloatExceptions.Precision);
            return truncated;
        }

        return FloatConversion.ToInteger(Unpack(a, context), bits, mode, ref context);
    }
}
