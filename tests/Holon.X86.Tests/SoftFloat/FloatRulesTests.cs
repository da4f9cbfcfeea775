using CsCheck;
using Holon.X86.SoftFloat;

namespace Holon.X86.Tests.SoftFloat;

/// <summary>The rules that need no processor to compare with: host arithmetic to nearest, and what the manual says in so many words.</summary>
public sealed class FloatRulesTests
{
    private const uint AllMasked = 0x1F80, Daz = 1 << 6, Ftz = 1 << 15;
    private const uint QuietNaN = 0x7FC00001, OtherQuietNaN = 0xFFC00002, SignalingNaN = 0x7F800003, Indefinite = 0xFFC00000;
    private const uint One = 0x3F800000, Infinity = 0x7F800000, LeastDenormal = 1, LeastNormal = 0x00800000;

    [Fact]
    public void Binary64_arithmetic_is_the_hosts() => Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong).Sample((a, b, c) =>
    {
        var x = FloatContext.FromMxcsr(AllMasked);
        var (p, q, r) = (BitConverter.UInt64BitsToDouble(a), BitConverter.UInt64BitsToDouble(b), BitConverter.UInt64BitsToDouble(c));
        Same(p + q, Float64.Add(a, b, ref x));
        Same(p - q, Float64.Subtract(a, b, ref x));
        Same(p * q, Float64.Multiply(a, b, ref x));
        Same(p / q, Float64.Divide(a, b, ref x));
        Same(Math.Sqrt(p), Float64.SquareRoot(a, ref x));
        Same(Math.FusedMultiplyAdd(p, q, -r), Float64.FusedMultiplyAdd(a, b, c, negateProduct: false, negateAddend: true, ref x));
        Same(Math.Floor(p), Float64.RoundToIntegral(a, RoundingMode.Down, suppressInexact: true, ref x));
        Assert.Equal(p < q, Float64.Satisfies(a, b, 1, ref x));
    }, iter: 20_000);

    [Fact]
    public void Binary32_arithmetic_is_the_hosts() => Gen.Select(Gen.UInt, Gen.UInt, Gen.UInt).Sample((a, b, c) =>
    {
        var x = FloatContext.FromMxcsr(AllMasked);
        var (p, q, r) = (BitConverter.UInt32BitsToSingle(a), BitConverter.UInt32BitsToSingle(b), BitConverter.UInt32BitsToSingle(c));
        Same(p + q, Float32.Add(a, b, ref x));
        Same(p - q, Float32.Subtract(a, b, ref x));
        Same(p * q, Float32.Multiply(a, b, ref x));
        Same(p / q, Float32.Divide(a, b, ref x));
        Same(MathF.Sqrt(p), Float32.SquareRoot(a, ref x));
        Same(MathF.FusedMultiplyAdd(p, q, r), Float32.FusedMultiplyAdd(a, b, c, false, false, ref x));
        Same((float)BitConverter.UInt64BitsToDouble(((ulong)a << 32) | b), Float64.ToFloat32(((ulong)a << 32) | b, ref x));
    }, iter: 20_000);

    [Fact]
    public void Every_binary16_value_survives_the_way_there_and_back()
    {
        for (var half = 0; half <= ushort.MaxValue; half++)
        {
            var x = FloatContext.FromMxcsr(AllMasked);
            var single = Float16.ToFloat32((ushort)half, ref x);
            Same((float)BitConverter.UInt16BitsToHalf((ushort)half), single);
            var back = Float16.FromFloat32(single, RoundingMode.Zero, ref x);
            var isSignaling = (half & 0x7C00) == 0x7C00 && (half & 0x200) == 0 && (half & 0x1FF) != 0;
            Assert.Equal(isSignaling ? half | 0x200 : half, back);
            Assert.Equal(isSignaling ? FloatExceptions.Invalid : FloatExceptions.None, x.Raised);
        }
    }

    [Theory] // SDM vol. 1 table 4-7, SSE: the first operand if it is a NaN, else the second, made quiet
    [InlineData(QuietNaN, OtherQuietNaN, QuietNaN, 0)]
    [InlineData(QuietNaN, SignalingNaN, QuietNaN, 1)]
    [InlineData(SignalingNaN, QuietNaN, SignalingNaN | 0x400000, 1)]
    [InlineData(One, SignalingNaN, SignalingNaN | 0x400000, 1)]
    [InlineData(Infinity, Infinity | 0x80000000, Indefinite, 1)]
    public void Sse_chooses_among_NaNs_by_position(uint a, uint b, uint expected, int raised)
    {
        var x = FloatContext.FromMxcsr(AllMasked);
        Assert.Equal(expected, Float32.Add(a, b, ref x));
        Assert.Equal((FloatExceptions)raised, x.Raised);
    }

    [Fact] // the same table, x87: the larger significand
    public void The_x87_chooses_among_NaNs_by_significand()
    {
        var small = new Float80(0xFFFF, 0xC000000000000001);
        var large = new Float80(0x7FFF, 0xC000000000000002);
        var x = FloatContext.FromX87(0x37F);
        Assert.Equal(large, Float80.Add(small.Unpack(), large.Unpack(), ref x));
        Assert.Equal(large, Float80.Add(large.Unpack(), small.Unpack(), ref x));
        Assert.Equal(FloatExceptions.None, x.Raised);
    }

    [Fact] // SDM vol. 1 §8.2.2: no operation takes these
    public void Unnormals_are_invalid_operands()
    {
        var x = FloatContext.FromX87(0x37F);
        Assert.Equal(Float80.Indefinite, Float80.Add(new Float80(0x3FFF, 0x4000000000000000).Unpack(), Float80.One.Unpack(), ref x));
        Assert.Equal(FloatExceptions.Invalid, x.Raised);
    }

    [Fact] // SDM vol. 1 §10.2.3.3, §10.2.3.4
    public void Daz_zeroes_operands_and_Ftz_zeroes_results()
    {
        var plain = FloatContext.FromMxcsr(AllMasked);
        Assert.Equal(LeastDenormal, Float32.Add(LeastDenormal, 0, ref plain));
        Assert.Equal(FloatExceptions.Denormal, plain.Raised); // exact, so no underflow
        var daz = FloatContext.FromMxcsr(AllMasked | Daz);
        Assert.Equal(0u, Float32.Add(LeastDenormal, 0, ref daz));
        Assert.Equal(FloatExceptions.None, daz.Raised);
        var ftz = FloatContext.FromMxcsr(AllMasked | Ftz);
        Assert.Equal(0u, Float32.Multiply(LeastNormal, 0x3F000000, ref ftz)); // half of it, exactly
        Assert.Equal(FloatExceptions.Underflow | FloatExceptions.Precision, ftz.Raised);
    }

    [Fact] // SDM vol. 1 §4.9.1.5: the rounded result decides, not the exact one
    public void Tininess_is_detected_after_rounding()
    {
        var x = FloatContext.FromMxcsr(AllMasked);
        Assert.Equal(LeastNormal, Float32.Multiply(LeastNormal + 1, 0x3F7FFFFF, ref x)); // just below, but rounds up to it
        Assert.Equal(FloatExceptions.Precision, x.Raised);
    }

    [Fact] // SDM vol. 1 §4.9.2
    public void An_unmasked_exception_of_operands_hides_those_of_results()
    {
        var x = FloatContext.FromMxcsr(AllMasked & ~0x100u); // DM clear
        Float32.Add(LeastDenormal, One, ref x);
        Assert.Equal(FloatExceptions.Denormal, x.Raised);
        Assert.Equal(FloatExceptions.Denormal, x.Unmasked);
    }

    [Fact] // SDM vol. 1 §8.5.4: masked, infinity; unmasked, the exponent less 24576
    public void An_unmasked_x87_overflow_wraps_the_exponent()
    {
        var large = new Float80(0x7FFE, 1UL << 63).Unpack();
        var masked = FloatContext.FromX87(0x37F);
        Assert.Equal(new Float80(0x7FFF, 1UL << 63), Float80.Multiply(large, large, ref masked));
        var unmasked = FloatContext.FromX87(0x377);
        Assert.Equal(new Float80((0x7FFE * 2) - 16383 - 24576, 1UL << 63), Float80.Multiply(large, large, ref unmasked));
        Assert.Equal(FloatExceptions.Overflow, unmasked.Unmasked);
    }

    [Fact]
    public void Precision_control_shortens_the_significand_only()
    {
        var third = FloatContext.FromX87(0x7F); // 24 bits
        Assert.Equal(new Float80(0x3FFD, 0xAAAAAB0000000000), Float80.Divide(Float80.One.Unpack(), Unpacked.FromInt64(3), ref third));
        Assert.True(third.RoundedUp);
    }

    [Theory]
    [InlineData(0x3FFF, 0x8000000000000000, 1, 0)] // 1.0
    [InlineData(0x403A, 0xDE0B6B3A763FFFF0, 0x9999999999999999, 0x99)] // 999,999,999,999,999,999
    [InlineData(0xC00C, 0xC0E4000000000000, 0x12345, 0x8000)]
    public void Packed_decimal_is_read_and_written(ushort signExponent, ulong significand, ulong digits, ushort top)
    {
        var x = FloatContext.FromX87(0x37F);
        var value = new Float80(signExponent, significand);
        Assert.Equal(value, Float80.FromPackedDecimal(digits, top));
        Assert.Equal((digits, top), value.ToPackedDecimal(ref x));
        Assert.Equal(FloatExceptions.None, x.Raised);
    }

    private static void Same(double expected, ulong actual)
    {
        if (double.IsNaN(expected)) Assert.True(double.IsNaN(BitConverter.UInt64BitsToDouble(actual)));
        else Assert.Equal(BitConverter.DoubleToUInt64Bits(expected), actual);
    }

    private static void Same(float expected, uint actual)
    {
        if (float.IsNaN(expected)) Assert.True(float.IsNaN(BitConverter.UInt32BitsToSingle(actual)));
        else Assert.Equal(BitConverter.SingleToUInt32Bits(expected), actual);
    }
}
