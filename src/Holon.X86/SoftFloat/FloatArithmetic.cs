namespace Holon.X86.SoftFloat;

/// <summary>The five operations of IEEE 754 on unpacked operands, for every format: exact result first, then one rounding.</summary>
internal static partial class FloatArithmetic
{
    public static Packed Add(in Unpacked a, in Unpacked b, in FloatFormat format, ref FloatContext context)
    {
        if (a.Class >= FloatClass.Infinity || b.Class >= FloatClass.Infinity)
        {
            if (HasNaN(a, b)) return Propagate(a, b, format, ref context);
            if (a.Class == b.Class && a.Sign != b.Sign) return Invalid(format, ref context);
            RaiseDenormal(a, b, ref context);
            return Packed.Infinity(a.Class == FloatClass.Infinity ? a.Sign : b.Sign, format);
        }

        RaiseDenormal(a, b, ref context);
        if (a.Class == FloatClass.Zero || b.Class == FloatClass.Zero)
        {
            if (a.Class == b.Class) return Packed.Zero(a.Sign == b.Sign ? a.Sign : context.Rounding == RoundingMode.Down);
            // Still rounded: the other operand may be tiny, or longer than precision control leaves.
            return a.Class == FloatClass.Zero
                ? FloatRounder.RoundNormalized(b.Sign, b.Exponent, b.Significand, 0, format, ref context)
                : FloatRounder.RoundNormalized(a.Sign, a.Exponent, a.Significand, 0, format, ref context);
        }

        return AddFinite(
            a.Sign, a.Exponent, (UInt128)a.Significand << 64, b.Sign, b.Exponent, (UInt128)b.Significand << 64, format, ref context);
    }

    public static Packed Multiply(in Unpacked a, in Unpacked b, in FloatFormat format, ref FloatContext context)
    {
        var sign = a.Sign != b.Sign;
        if (a.Class >= FloatClass.Infinity || b.Class >= FloatClass.Infinity)
        {
            if (HasNaN(a, b)) return Propagate(a, b, format, ref context);
            if (a.Class == FloatClass.Zero || b.Class == FloatClass.Zero) return Invalid(format, ref context);
            RaiseDenormal(a, b, ref context);
            return Packed.Infinity(sign, format);
        }

        RaiseDenormal(a, b, ref context);
        if (a.Class == FloatClass.Zero || b.Class == FloatClass.Zero) return Packed.Zero(sign);
        var high = Math.BigMul(a.Significand, b.Significand, out var low);
        var exponent = a.Exponent + b.Exponent + 1;
        if (high >> 63 == 0)
        {
            high = (high << 1) | (low >> 63);
            low <<= 1;
            exponent--;
        }

        return FloatRounder.RoundNormalized(sign, exponent, high, low, format, ref context);
    }

    public static Packed Divide(in Unpacked a, in Unpacked b, in FloatFormat format, ref FloatContext context)
    {
        var sign = a.Sign != b.Sign;
        if (a.Class >= FloatClass.Infinity || b.Class >= FloatClass.Infinity)
        {
            if (HasNaN(a, b)) return Propagate(a, b, format, ref context);
            if (a.Class == b.Class) return Invalid(format, ref context);
            RaiseDenormal(a, b, ref context);
            return a.Class == FloatClass.Infinity ? Packed.Infinity(sign, format) : Packed.Zero(sign);
        }

        if (b.Class == FloatClass.Zero)
        {
            if (a.Class == FloatClass.Zero) return Invalid(format, ref context);
            context.Raise(FloatExceptions.ZeroDivide);
            return Packed.Infinity(sign, format);
        }

        RaiseDenormal(a, b, ref context);
        if (a.Class == FloatClass.Zero) return Packed.Zero(sign);

        // With the dividend below the divisor the quotient of 128 by 64 bits fits 64 bits and has its top bit set, or the next.
        var exponent = a.Exponent - b.Exponent;
        var dividend = (UInt128)a.Significand << 64;
        if (a.Significand >= b.Significand) dividend >>= 1;
        else exponent--;
        var quotient = DivRem(dividend, b.Significand, out var remainder);
        var rest = DivRem((UInt128)remainder << 64, b.Significand, out remainder);
        if (remainder != 0) rest |= 1;
        return FloatRounder.RoundNormalized(sign, exponent, quotient, rest, format, ref context);
    }

    public static Packed SquareRoot(in Unpacked a, in FloatFormat format, ref FloatContext context)
    {
        if (a.IsNaN) return Propagate(a, a, format, ref context);
        if (a.Class == FloatClass.Zero) return Packed.Zero(a.Sign);
        if (a.Sign) return Invalid(format, ref context);
        if (a.Class == FloatClass.Infinity) return Packed.Infinity(sign: false, format);
        RaiseDenormal(a, a, ref context);

        // The root of a radicand in [2^126, 2^128) has exactly 64 bits.
        var odd = (a.Exponent & 1) != 0;
        var radicand = (UInt128)a.Significand << (odd ? 64 : 63);
        var root = IntegerSquareRoot(radicand);
        var remainder = radicand - Square(root);
        // remainder > root exactly when the true root exceeds root + ½; it never equals that.
        var low = (remainder > root ? 1UL << 63 : 0) | (remainder != UInt128.Zero ? 1UL : 0);
        return FloatRounder.RoundNormalized(sign: false, a.Exponent >> 1, root, low, format, ref context);
    }

    /// <summary>Divides; the quotient must fit 64 bits.</summary>
    public static ulong DivRem(UInt128 dividend, ulong divisor, out ulong remainder)
    {
        var quotient = (ulong)(dividend / divisor);
        remainder = (ulong)dividend - (quotient * divisor); // modulo 2^64, which the remainder is below
        return quotient;
    }

    /// <summary>Adds two finite numbers with significands of 128 bits, normalized or zero.</summary>
    private static Packed AddFinite(
        bool aSign, int aExponent, UInt128 a, bool bSign, int bExponent, UInt128 b, in FloatFormat format, ref FloatContext context)
    {
        // Two bits of headroom: one for the carry, one for rounding away the jammed bit. Operands have at most 106 bits.
        a >>= 1;
        b >>= 1;
        if (aExponent < bExponent || (aExponent == bExponent && a < b))
        {
            (aSign, bSign) = (bSign, aSign);
            (aExponent, bExponent) = (bExponent, aExponent);
            (a, b) = (b, a);
        }

        b = FloatRounder.ShiftRightJam(b, Math.Min(aExponent - bExponent, 128));
        if (aSign == bSign) return FloatRounder.Round(aSign, aExponent + 1, a + b, format, ref context);
        var difference = a - b;
        if (difference == UInt128.Zero) return Packed.Zero(context.Rounding == RoundingMode.Down);
        return FloatRounder.Round(aSign, aExponent + 1, difference, format, ref context);
    }

    private static UInt128 Square(ulong value)
    {
        var high = Math.BigMul(value, value, out var low);
        return new UInt128(high, low);
    }

    /// <summary>⌊√radicand⌋ for a radicand of at least 2^126.</summary>
    private static ulong IntegerSquareRoot(UInt128 radicand)
    {
        // The host's root is right to 52 bits; one Newton step doubles that, leaving an error of a unit or two.
        var estimate = Math.Sqrt((double)(ulong)(radicand >> 64)) * 4294967296.0;
        var root = estimate >= 18446744073709551615.0 ? ulong.MaxValue : (ulong)estimate;
        var quotient = (ulong)(radicand >> 64) >= root ? ulong.MaxValue : DivRem(radicand, root, out _);
        root = (ulong)(((UInt128)root + quotient) >> 1);
        while (Square(root) > radicand) root--;
        while (root != ulong.MaxValue && Square(root + 1) <= radicand) root++;
        return root;
    }
}
