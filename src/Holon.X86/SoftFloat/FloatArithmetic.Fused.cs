namespace Holon.X86.SoftFloat;

/// <content>Fused multiply-add.</content>
internal static partial class FloatArithmetic
{
    /// <summary>a · b + c with one rounding; exact for formats of up to 53 bits.</summary>
    public static Packed FusedMultiplyAdd(in Unpacked a, in Unpacked b, in Unpacked c, in FloatFormat format, ref FloatContext context)
    {
        var productSign = a.Sign != b.Sign;
        if (a.Class >= FloatClass.Infinity || b.Class >= FloatClass.Infinity || c.Class >= FloatClass.Infinity)
        {
            if (HasNaN(a, b) || c.IsNaN) return PropagateFused(a, b, c, format, ref context);
            var productIsInfinite = a.Class == FloatClass.Infinity || b.Class == FloatClass.Infinity;
            if (productIsInfinite && (a.Class == FloatClass.Zero || b.Class == FloatClass.Zero)) return Invalid(format, ref context);
            if (productIsInfinite && c.Class == FloatClass.Infinity && productSign != c.Sign) return Invalid(format, ref context);
            RaiseDenormal(a, b, ref context);
            RaiseDenormal(c, c, ref context);
            return Packed.Infinity(productIsInfinite ? productSign : c.Sign, format);
        }

        RaiseDenormal(a, b, ref context);
        RaiseDenormal(c, c, ref context);
        if (a.Class == FloatClass.Zero || b.Class == FloatClass.Zero)
        {
            if (c.Class != FloatClass.Zero) return FloatRounder.RoundNormalized(c.Sign, c.Exponent, c.Significand, 0, format, ref context);
            return Packed.Zero(productSign == c.Sign ? c.Sign : context.Rounding == RoundingMode.Down);
        }

        var high = Math.BigMul(a.Significand, b.Significand, out var low);
        var product = new UInt128(high, low);
        var exponent = a.Exponent + b.Exponent + 1;
        if (high >> 63 == 0)
        {
            product <<= 1;
            exponent--;
        }

        if (c.Class == FloatClass.Zero) return FloatRounder.Round(productSign, exponent, product, format, ref context);
        return AddFinite(productSign, exponent, product, c.Sign, c.Exponent, (UInt128)c.Significand << 64, format, ref context);
    }

    /// <summary>The first NaN of multiplicand, multiplier, addend, in the order of the arithmetic and not of the operands.</summary>
    private static Packed PropagateFused(in Unpacked a, in Unpacked b, in Unpacked c, in FloatFormat format, ref FloatContext context)
    {
        if (a.Class == FloatClass.SignalingNaN || b.Class == FloatClass.SignalingNaN || c.Class == FloatClass.SignalingNaN)
        {
            context.Raise(FloatExceptions.Invalid);
        }

        return Quieted(a.IsNaN ? a : b.IsNaN ? b : c, format);
    }
}
