namespace Holon.X86.SoftFloat;

/// <content>Loads and stores in other formats, and rounding to integral values.</content>
public readonly partial record struct Float80
{
    /// <summary>Largest magnitude FBSTP stores: 18 decimal digits.</summary>
    private const long MaxDecimal = 999_999_999_999_999_999;

    /// <summary>FLD m32.</summary>
    /// <param name="bits">The binary32 value.</param>
    /// <param name="context">Masks; collects exceptions.</param>
    public static Float80 FromFloat32(uint bits, ref FloatContext context) =>
        Widen(Unpacked.FromSingle(bits), ref context);

    /// <summary>FLD m64.</summary>
    /// <param name="bits">The binary64 value.</param>
    /// <param name="context">Masks; collects exceptions.</param>
    public static Float80 FromFloat64(ulong bits, ref FloatContext context) =>
        Widen(Unpacked.FromDouble(bits), ref context);

    /// <summary>FILD: always exact.</summary>
    /// <param name="value">The integer, sign-extended.</param>
    public static Float80 FromInt64(long value)
    {
        var operand = Unpacked.FromInt64(value);
        return operand.Class == FloatClass.Zero ? Zero : Exact(operand);
    }

    /// <summary>FST m32.</summary>
    /// <param name="context">Rounding and masks; collects exceptions. Unmasked ones leave memory alone.</param>
    public uint ToFloat32(ref FloatContext context) => FloatConversion.Narrow(Unpack(), FloatFormat.Single, ref context).ToSingle();

    /// <summary>FST m64.</summary>
    /// <param name="context">Rounding and masks; collects exceptions. Unmasked ones leave memory alone.</param>
    public ulong ToFloat64(ref FloatContext context) => FloatConversion.Narrow(Unpack(), FloatFormat.Double, ref context).ToDouble();

    /// <summary>FIST m16 (with the context's rounding) and FISTTP m16 (with <see cref="RoundingMode.Zero"/>).</summary>
    /// <param name="mode">How to round.</param>
    /// <param name="context">Masks; collects exceptions.</param>
    public short ToInt16(RoundingMode mode, ref FloatContext context) => (short)FloatConversion.ToInteger(Unpack(), 16, mode, ref context);

    /// <summary>FIST m32 (with the context's rounding) and FISTTP m32 (with <see cref="RoundingMode.Zero"/>).</summary>
    /// <param name="mode">How to round.</param>
    /// <param name="context">Masks; collects exceptions.</param>
    public int ToInt32(RoundingMode mode, ref FloatContext context) => (int)FloatConversion.ToInteger(Unpack(), 32, mode, ref context);

    /// <summary>FISTP m64 (with the context's rounding) and FISTTP m64 (with <see cref="RoundingMode.Zero"/>).</summary>
    /// <param name="mode">How to round.</param>
    /// <param name="context">Masks; collects exceptions.</param>
    public long ToInt64(RoundingMode mode, ref FloatContext context) => FloatConversion.ToInteger(Unpack(), 64, mode, ref context);

    /// <summary>FRNDINT.</summary>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public Float80 RoundToIntegral(ref FloatContext context) =>
        FloatConversion.RoundToIntegral(Unpack(), context.Rounding, suppressInexact: false, FloatFormat.Extended, ref context).ToExtended();

    /// <summary>FBLD: 18 packed decimal digits and a sign, always exact. Nibbles above 9 count for what they are, as on processors.</summary>
    /// <param name="digits">The low eight bytes: sixteen digits.</param>
    /// <param name="top">The high two bytes: two digits and the sign in bit 15.</param>
    public static Float80 FromPackedDecimal(ulong digits, ushort top)
    {
        var value = (((top >> 4) & 0xF) * 10L) + (top & 0xF);
        for (var shift = 60; shift >= 0; shift -= 4) value = (value * 10) + (long)((digits >> shift) & 0xF);
        var result = FromInt64(value);
        return top >> 15 != 0 ? result.Negated : result;
    }

    /// <summary>FBSTP: rounds to 18 packed decimal digits; what does not fit is invalid and gives "packed decimal indefinite".</summary>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public (ulong Digits, ushort Top) ToPackedDecimal(ref FloatContext context)
    {
        var attempt = context;
        var value = ToInt64(context.Rounding, ref attempt);
        if (value is > MaxDecimal or < -MaxDecimal) // includes the integer indefinite
        {
            context.Raise(FloatExceptions.Invalid);
            return (0xC000000000000000, 0xFFFF);
        }

        context = attempt;
        var magnitude = Math.Abs(value);
        ulong digits = 0;
        for (var shift = 0; shift < 64; shift += 4, magnitude /= 10) digits |= (ulong)(magnitude % 10) << shift;
        var top = (int)((magnitude / 10 % 10 << 4) | (magnitude % 10));
        return (digits, (ushort)(top | (Sign ? 0x8000 : 0)));
    }

    private static Float80 Widen(in Unpacked a, ref FloatContext context)
    {
        if (a.Class != FloatClass.Finite) return FloatConversion.Convert(a, FloatFormat.Extended, ref context).ToExtended();
        FloatArithmetic.RaiseDenormal(a, a, ref context);
        return Exact(a);
    }

    /// <summary>A finite number that is normal in this format.</summary>
    private static Float80 Exact(in Unpacked a) => new((ushort)((a.Sign ? 0x8000 : 0) | (a.Exponent + 16383)), a.Significand);
}
