namespace Holon.X86.SoftFloat;

/// <content>Conversions and rounding to integral values.</content>
public static partial class Float64
{
    /// <summary>CVTSI2SD, CVTDQ2PD of a 32-bit integer: always exact.</summary>
    /// <param name="value">The integer.</param>
    public static ulong FromInt32(int value) => BitConverter.DoubleToUInt64Bits(value);

    /// <summary>CVTSI2SD of a 64-bit integer.</summary>
    /// <param name="value">The integer.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static ulong FromInt64(long value, ref FloatContext context)
    {
        const long Exact = 1L << 53;
        if (value is >= -Exact and <= Exact) return BitConverter.DoubleToUInt64Bits(value);
        return FloatConversion.FromInt64(value, FloatFormat.Double, ref context).ToDouble();
    }

    /// <summary>CVTSD2SI (with the context's rounding) and CVTTSD2SI (with <see cref="RoundingMode.Zero"/>) to 32 bits.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="mode">How to round.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static int ToInt32(ulong a, RoundingMode mode, ref FloatContext context) => (int)ToInteger(a, 32, mode, ref context);

    /// <summary>As <see cref="ToInt32"/>, to 64 bits.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="mode">How to round.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static long ToInt64(ulong a, RoundingMode mode, ref FloatContext context) => ToInteger(a, 64, mode, ref context);

    /// <summary>CVTSD2SS.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static uint ToFloat32(ulong a, ref FloatContext context)
    {
        if (context.IsHostRounding && IsZeroOrNormal(a))
        {
            var x = BitConverter.UInt64BitsToDouble(a);
            var narrow = (float)x;
            var result = BitConverter.SingleToUInt32Bits(narrow);
            if (Float32.IsWellInside(result, 1) || a << 1 == 0)
            {
                if (narrow != x) context.Raise(FloatExceptions.Precision);
                return result;
            }
        }

        return FloatConversion.Convert(Unpack(a, context), FloatFormat.Single, ref context).ToSingle();
    }

    /// <summary>ROUNDSD.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="mode">How to round.</param>
    /// <param name="suppressInexact">Bit 3 of the immediate: leave PE alone.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static ulong RoundToIntegral(ulong a, RoundingMode mode, bool suppressInexact, ref FloatContext context) =>
        FloatConversion.RoundToIntegral(Unpack(a, context), mode, suppressInexact, FloatFormat.Double, ref context).ToDouble();

    private static long ToInteger(ulong a, int bits, RoundingMode mode, ref FloatContext context)
    {
        if (mode == RoundingMode.Zero && BiasedExponent(a) is > 0 and < 1023 + 31)
        {
            var x = BitConverter.UInt64BitsToDouble(a);
            var truncated = (long)x;
            if (truncated != x) context.Raise(FloatExceptions.Precision);
            return truncated;
        }

        return FloatConversion.ToInteger(Unpack(a, context), bits, mode, ref context);
    }
}
