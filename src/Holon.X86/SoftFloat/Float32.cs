using System.Runtime.CompilerServices;

namespace Holon.X86.SoftFloat;

/// <summary>
/// binary32 as SSE and AVX compute it, on raw bits. Each operation first tries host arithmetic, which gives the same result
/// and lets the same flags be found when rounding is to nearest, operands are zero or normal and the result is well inside
/// the normal range; everything else takes the exact integer path. A product of two floats is exact as a double, which finds inexactness.
/// </summary>
public static partial class Float32
{
    private const uint SignBit = 1u << 31;

    /// <summary>a + b.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Add(uint a, uint b, ref FloatContext context)
    {
        if (context.IsHostRounding && IsZeroOrNormal(a) && IsZeroOrNormal(b))
        {
            var x = BitConverter.UInt32BitsToSingle(a);
            var y = BitConverter.UInt32BitsToSingle(b);
            var sum = x + y;
            var result = BitConverter.SingleToUInt32Bits(sum);
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
    public static uint Subtract(uint a, uint b, ref FloatContext context)
    {
        if (context.IsHostRounding && IsZeroOrNormal(a) && IsZeroOrNormal(b))
        {
            var x = BitConverter.UInt32BitsToSingle(a);
            var y = BitConverter.UInt32BitsToSingle(b);
            var difference = x - y;
            var result = BitConverter.SingleToUInt32Bits(difference);
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
    public static uint Multiply(uint a, uint b, ref FloatContext context)
    {
        if (context.IsHostRounding && IsZeroOrNormal(a) && IsZeroOrNormal(b))
        {
            var x = BitConverter.UInt32BitsToSingle(a);
            var y = BitConverter.UInt32BitsToSingle(b);
            var product = x * y;
            var result = BitConverter.SingleToUInt32Bits(product);
            if (IsWellInside(result, 1))
            {
                if (context.MustDetectInexact && (double)x * y != product) context.Raise(FloatExceptions.Precision);
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
    public static uint Divide(uint a, uint b, ref FloatContext context)
    {
        if (context.IsHostRounding && IsWellInside(a, 1) && IsWellInside(b, 0))
        {
            var x = BitConverter.UInt32BitsToSingle(a);
            var y = BitConverter.UInt32BitsToSingle(b);
            var quotient = x / y;
            var result = BitConverter.SingleToUInt32Bits(quotient);
            if (IsWellInside(result, 1))
            {
                if (context.MustDetectInexact && (double)quotient * y != x) context.Raise(FloatExceptions.Precision);
                return result;
            }
        }

        return DivideExactly(a, b, ref context);
    }

    /// <summary>√a.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static uint SquareRoot(uint a, ref FloatContext context)
    {
        if (context.IsHostRounding && (a & SignBit) == 0 && IsWellInside(a, 1))
        {
            var x = BitConverter.UInt32BitsToSingle(a);
            var root = MathF.Sqrt(x);
            if (context.MustDetectInexact && (double)root * root != x) context.Raise(FloatExceptions.Precision);
            return BitConverter.SingleToUInt32Bits(root);
        }

        return FloatArithmetic.SquareRoot(Unpack(a, context), FloatFormat.Single, ref context).ToSingle();
    }

    /// <summary>±(a · b) ± c with one rounding. NaN operands keep their sign, as FMA instructions leave it.</summary>
    /// <param name="a">Multiplicand: the first operand in the order of the arithmetic, as NaN priority follows it.</param>
    /// <param name="b">Multiplier.</param>
    /// <param name="c">Addend.</param>
    /// <param name="negateProduct">For VFNMADD and VFNMSUB.</param>
    /// <param name="negateAddend">For VFMSUB and VFNMSUB.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static uint FusedMultiplyAdd(uint a, uint b, uint c, bool negateProduct, bool negateAddend, ref FloatContext context)
    {
        if (context.IsHostRounding && !context.MustDetectInexact && IsZeroOrNormal(a) && IsZeroOrNormal(b) && IsZeroOrNormal(c))
        {
            var result = BitConverter.SingleToUInt32Bits(MathF.FusedMultiplyAdd(
                BitConverter.UInt32BitsToSingle(negateProduct ? a ^ SignBit : a),
                BitConverter.UInt32BitsToSingle(b),
                BitConverter.UInt32BitsToSingle(negateAddend ? c ^ SignBit : c)));
            if (IsWellInside(result, 1)) return result;
        }

        var x = Unpack(a, context);
        var z = Unpack(c, context);
        return FloatArithmetic.FusedMultiplyAdd(
            negateProduct ? x.Negated() : x, Unpack(b, context), negateAddend ? z.Negated() : z, FloatFormat.Single, ref context).ToSingle();
    }

    internal static Unpacked Unpack(uint bits, in FloatContext context) => Unpacked.FromSingle(bits, context.DenormalsAreZero);

    private static uint BiasedExponent(uint bits) => (bits >> 23) & 0xFF;

    private static bool IsZeroOrNormal(uint bits) => BiasedExponent(bits) - 1 < 0xFE || bits << 1 == 0;

    /// <summary>True for a normal number whose biased exponent exceeds <paramref name="above"/> and has room to the largest.</summary>
    internal static bool IsWellInside(uint bits, uint above) => BiasedExponent(bits) - (above + 1) < 0xFD - above;

    // Knuth's two-sum: the rounding error of a sum is a float, and these operations find it exactly.
    private static bool IsInexactSum(float x, float y, float sum)
    {
        var virtualY = sum - x;
        return (x - (sum - virtualY)) + (y - virtualY) != 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint AddExactly(uint a, uint b, ref FloatContext context) =>
        FloatArithmetic.Add(Unpack(a, context), Unpack(b, context), FloatFormat.Single, ref context).ToSingle();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint SubtractExactly(uint a, uint b, ref FloatContext context) =>
        FloatArithmetic.Add(Unpack(a, context), Unpack(b, context).Negated(), FloatFormat.Single, ref context).ToSingle();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint MultiplyExactly(uint a, uint b, ref FloatContext context) =>
        FloatArithmetic.Multiply(Unpack(a, context), Unpack(b, context), FloatFormat.Single, ref context).ToSingle();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint DivideExactly(uint a, uint b, ref FloatContext context) =>
        FloatArithmetic.Divide(Unpack(a, context), Unpack(b, context), FloatFormat.Single, ref context).ToSingle();
}
