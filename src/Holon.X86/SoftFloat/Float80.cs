namespace Holon.X86.SoftFloat;

/// <summary>
/// A value of the x87's 80-bit double extended-precision format (SDM vol. 1 §4.2.2), any encoding, and the arithmetic of the
/// x87 on it. Operands come unpacked, since an instruction may take one from memory in another format.
/// </summary>
/// <param name="SignExponent">Sign in bit 15, exponent biased by 16383 below.</param>
/// <param name="Significand">64 bits with an explicit integer bit 63.</param>
public readonly partial record struct Float80(ushort SignExponent, ulong Significand)
{
    /// <summary>The x87's default NaN, "real indefinite".</summary>
    public static Float80 Indefinite => new(0xFFFF, 0xC000000000000000);

    /// <summary>Positive zero.</summary>
    public static Float80 Zero => default;

    /// <summary>One.</summary>
    public static Float80 One => new(0x3FFF, 1UL << 63);

    /// <summary>The sign bit.</summary>
    public bool Sign => SignExponent >> 15 != 0;

    /// <summary>FABS: clears the sign of anything, NaNs included.</summary>
    public Float80 Absolute => this with { SignExponent = (ushort)(SignExponent & 0x7FFF) };

    /// <summary>FCHS: flips the sign of anything, NaNs included.</summary>
    public Float80 Negated => this with { SignExponent = (ushort)(SignExponent ^ 0x8000) };

    /// <summary>Takes the value apart for arithmetic.</summary>
    public Unpacked Unpack() => Unpacked.FromExtended(this);

    /// <summary>The encoding in hexadecimal.</summary>
    public override string ToString() => $"{SignExponent:X4}:{Significand:X16}";

    /// <summary>FADD: a + b under precision control.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="context">Rounding, precision and masks; collects exceptions.</param>
    public static Float80 Add(in Unpacked a, in Unpacked b, ref FloatContext context) =>
        FloatArithmetic.Add(a, b, FloatFormat.ExtendedUnder(context), ref context).ToExtended();

    /// <summary>FSUB, or FSUBR with the operands exchanged: a − b under precision control.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="context">Rounding, precision and masks; collects exceptions.</param>
    public static Float80 Subtract(in Unpacked a, in Unpacked b, ref FloatContext context) =>
        FloatArithmetic.Add(a, b.Negated(), FloatFormat.ExtendedUnder(context), ref context).ToExtended();

    /// <summary>FMUL: a · b under precision control.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="context">Rounding, precision and masks; collects exceptions.</param>
    public static Float80 Multiply(in Unpacked a, in Unpacked b, ref FloatContext context) =>
        FloatArithmetic.Multiply(a, b, FloatFormat.ExtendedUnder(context), ref context).ToExtended();

    /// <summary>FDIV, or FDIVR with the operands exchanged: a ÷ b under precision control.</summary>
    /// <param name="a">Dividend.</param>
    /// <param name="b">Divisor.</param>
    /// <param name="context">Rounding, precision and masks; collects exceptions.</param>
    public static Float80 Divide(in Unpacked a, in Unpacked b, ref FloatContext context) =>
        FloatArithmetic.Divide(a, b, FloatFormat.ExtendedUnder(context), ref context).ToExtended();

    /// <summary>FSQRT: √a under precision control.</summary>
    /// <param name="a">Operand.</param>
    /// <param name="context">Rounding, precision and masks; collects exceptions.</param>
    public static Float80 SquareRoot(in Unpacked a, ref FloatContext context) =>
        FloatArithmetic.SquareRoot(a, FloatFormat.ExtendedUnder(context), ref context).ToExtended();

    /// <summary>FCOM and FICOM (with <paramref name="signalQuiet"/>), FUCOM (without), FTST (against zero).</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="signalQuiet">Whether quiet NaNs are invalid too.</param>
    /// <param name="context">Masks; collects exceptions.</param>
    public static FloatRelation Compare(in Unpacked a, in Unpacked b, bool signalQuiet, ref FloatContext context) =>
        FloatComparison.Compare(a, b, signalQuiet, ref context);
}
