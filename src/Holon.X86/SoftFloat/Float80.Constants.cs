namespace Holon.X86.SoftFloat;

/// <content>Constants the x87 loads, rounded as its control word says (SDM vol. 1 §8.3.8).</content>
public readonly partial record struct Float80
{
    /// <summary>FLDL2T: log₂ 10.</summary>
    /// <param name="mode">Rounding control.</param>
    public static Float80 Log2Of10(RoundingMode mode) => Constant(1, 0xD49A784BCD1B8AFE, 0x492BF6FF4DAFDB4C, mode);

    /// <summary>FLDL2E: log₂ e.</summary>
    /// <param name="mode">Rounding control.</param>
    public static Float80 Log2OfE(RoundingMode mode) => Constant(0, 0xB8AA3B295C17F0BB, 0xBE87FED0691D3E88, mode);

    /// <summary>FLDPI: π.</summary>
    /// <param name="mode">Rounding control.</param>
    public static Float80 Pi(RoundingMode mode) => Constant(1, 0xC90FDAA22168C234, 0xC4C6628B80DC1CD1, mode);

    /// <summary>FLDLG2: log₁₀ 2.</summary>
    /// <param name="mode">Rounding control.</param>
    public static Float80 Log10Of2(RoundingMode mode) => Constant(-2, 0x9A209A84FBCFF798, 0x8F8959AC0B7C9178, mode);

    /// <summary>FLDLN2: ln 2.</summary>
    /// <param name="mode">Rounding control.</param>
    public static Float80 LnOf2(RoundingMode mode) => Constant(-1, 0xB17217F7D1CF79AB, 0xC9E3B39803F2F6AF, mode);

    private static Float80 Constant(int exponent, ulong high, ulong low, RoundingMode mode) =>
        new((ushort)(exponent + 16383), FloatRounder.RoundAt(high, low, 0, sign: false, mode).Significand);
}
