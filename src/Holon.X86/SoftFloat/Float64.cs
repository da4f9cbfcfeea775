using System.Runtime.CompilerServices;

namespace Holon.X86.SoftFloat;

/// <summary>
/// binary64 as SSE and AVX compute it, on raw bits. Each operation first tries host arithmetic, which gives the same result
/// and lets the same flags be found when rounding is to nearest, operands are zero or normal and the result is well inside
/// the normal range; everything else takes the exact integer path.
/// </summary>
public static partial class Float64
{
    private const ulong SignBit = 1UL << 63;

    // Below this biased exponent the rounding error of a product or quotient may itself not be representable.
    private const uint SafeExponent = 128;

    /// <summary>a + b.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Add(ulong a, ulong b, ref FloatContext context)
    {
        if (context.IsHostRounding && IsZeroOrNormal(a) && IsZeroOrNormal(b))
        {
            var x = BitConverter.UInt64BitsToDouble(a);
            var y = BitConverter.UInt64BitsToDouble(b);
            var sum = x + y;
            var result = BitConverter.DoubleToUInt64Bits(sum);
            if (IsWellInside(result, 1) || result << 1 == 0)
            {
                if (context.MustDetectInexact && IsInexactSum(x, y, sum)) context.Raise(FloatExceptions.Precision);
                return result;
            }
        }

        return AddExactly(a, b, ref context);
    }

    /// <summary>a − b.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Subtract(ulong a, ulong b, ref FloatContext context)
    {
        if (context.IsHostRounding && IsZeroOrNormal(a) && IsZeroOrNormal(b))
        {
            var x = BitConverter.UInt64BitsToDouble(a);
            var y = BitConverter.UInt64BitsToDouble(b);
            var difference = x - y;
            var result = BitConverter.DoubleToUInt64Bits(difference);
            if (IsWellInside(result, 1) || result << 1 == 0)
            {
                if (context.MustDetectInexact && IsInexactSum(x, -y, difference)) context.Raise(FloatExceptions.Precision);
                return result;
            }
        }

        return SubtractExactly(a, b, ref context);
    }

    /// <summary>a · b.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Multiply(ulong a, ulong b, ref FloatContext context)
    {
        if (context.IsHostRounding && IsZeroOrNormal(a) && IsZeroOrNormal(b))
        {
            var x = BitConverter.UInt64BitsToDouble(a);
            var y = BitConverter.UInt64BitsToDouble(b);
            var product = x * y;
            var result = BitConverter.DoubleToUInt64Bits(product);
            if (IsWellInside(result, SafeExponent))
            {
                if (context.MustDetectInexact && Math.FusedMultiplyAdd(x, y, -product) != 0) context.Raise(FloatExceptions.Precision);
                return result;
            }

            if (a << 1 == 0 || b << 1 == 0) return result;
        }

        return MultiplyExactly(a, b, ref context);
    }

    /// <summary>a ÷ b.</summary>
    /// <param name="a">Dividend.</param>
    /// <param name="b">Divisor.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Divide(ulong a, ulong b, ref FloatContext context)
    {
        if (context.IsHostRounding && IsWellInside(a, SafeExponent) && IsWellInside(b, 0))
        {
            var x = BitConverter.UInt64BitsToDouble(a);
            var y = BitConverter.UInt64BitsToDouble(b);
            var quotient = x / y;
            var result = BitConverter.DoubleToUInt64Bits(quotient);
            if (IsWellInside(result, 1))
            {
                if (context.MustDetectInexact && Math.FusedMultiplyAdd(-quotient, y, x) != 0) context.Raise(FloatExceptions.Precision);
                return result;
            }
        }

        return DivideExactly(a, b, ref context);
    }

    /// <summary>√a.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static ulong SquareRoot(ulong a, ref FloatContext context)
    {
        if (context.IsHostRounding && (a & SignBit) == 0 && IsWellInside(a, SafeExponent))
        {
            var x = BitConverter.UInt64BitsToDouble(a);
            var root = Math.Sqrt(x);
            if (context.MustDetectInexact && Math.FusedMultiplyAdd(-root, root, x) != 0) context.Raise(FloatExceptions.Precision);
            return BitConverter.DoubleToUInt64Bits(root);
        }

        return FloatArithmetic.SquareRoot(Unpack(a, context), FloatFormat.Double, ref context).ToDouble();
    }

    /// <summary>±(a · b) ± c with one rounding. NaN operands keep their sign, as FMA instructions leave it.</summary>
    /// <param name="a">Multiplicand: the first operand in the order of the arithmetic, as NaN priority follows it.</param>
    /// <param name="b">Multiplier.</param>
    /// <param name="c">Addend.</param>
    /// <param name="negateProduct">For VFNMADD and VFNMSUB.</param>
    /// <param name="negateAddend">For VFMSUB and VFNMSUB.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static ulong FusedMultiplyAdd(ulong a, ulong b, ulong c, bool negateProduct, bool negateAddend, ref FloatContext context)
    {
        if (context.IsHostRounding && !context.MustDetectInexact && IsZeroOrNormal(a) && IsZeroOrNormal(b) && IsZeroOrNormal(c))
        {
            var result = BitConverter.DoubleToUInt64Bits(Math.FusedMultiplyAdd(
                BitConverter.UInt64BitsToDouble(negateProduct ? a ^ SignBit : a),
                BitConverter.UInt64BitsToDouble(b),
                BitConverter.UInt64BitsToDouble(negateAddend ? c ^ SignBit : c)));
            if (IsWellInside(result, 1)) return result;
        }

        var x = Unpack(a, context);
        var z = Unpack(c, context);
        return FloatArithmetic.FusedMultiplyAdd(
            negateProduct ? x.Negated() : x, Unpack(b, context), negateAddend ? z.Negated() : z, FloatFormat.Double, ref context).ToDouble();
    }

    internal static Unpacked Unpack(ulong bits, in FloatContext context) => Unpacked.FromDouble(bits, context.DenormalsAreZero);

    private static uint BiasedExponent(ulong bits) => (uint)(bits >> 52) & 0x7FF;

    private static bool IsZeroOrNormal(ulong bits) => BiasedExponent(bits) - 1 < 0x7FE || bits << 1 == 0;

    /// <summary>True for a normal number whose biased exponent exceeds <paramref name="above"/> and has room to the largest.</summary>
    private static bool IsWellInside(ulong bits, uint above) => BiasedExponent(bits) - (above + 1) < 0x7FD - above;

    // Knuth's two-sum: the rounding error of a sum is a double, and these operations find it exactly.
    private static bool IsInexactSum(double x, double y, double sum)
    {
        var virtualY = sum - x;
        return (x - (sum - virtualY)) + (y - virtualY) != 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong AddExactly(ulong a, ulong b, ref FloatContext context) =>
        FloatArithmetic.Add(Unpack(a, context), Unpack(b, context), FloatFormat.Double, ref context).ToDouble();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong SubtractExactly(ulong a, ulong b, ref FloatContext context) =>
        FloatArithmetic.Add(Unpack(a, context), Unpack(b, context).Negated(), FloatFormat.Double, ref context).ToDouble();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong MultiplyExactly(ulong a, ulong b, ref FloatContext context) =>
        FloatArithmetic.Multiply(Unpack(a, context), Unpack(b, context), FloatFormat.Double, ref context).ToDouble();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong DivideExactly(ulong a, ulong b, ref FloatContext context) =>
        FloatArithmetic.Divide(Unpack(a, context), Unpack(b, context), FloatFormat.Double, ref context).ToDouble();
}
