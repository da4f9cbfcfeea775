namespace Holon.X86.SoftFloat;

/// <summary>binary16, which F16C converts from and to but does not compute with.</summary>
public static class Float16
{
    /// <summary>VCVTPH2PS: exact; ignores DAZ and reports no denormal (SDM vol. 2).</summary>
    /// <param name="a">The binary16 operand.</param>
    /// <param name="context">Masks; collects exceptions.</param>
    public static uint ToFloat32(ushort a, ref FloatContext context)
    {
        var operand = Unpacked.FromHalf(a);
        return operand.Class == FloatClass.Finite
            ? new Packed(operand.Sign, operand.Exponent + FloatFormat.Single.MaxExponent, operand.Significand).ToSingle()
            : FloatConversion.Convert(operand, FloatFormat.Single, ref context).ToSingle();
    }

    /// <summary>VCVTPS2PH: heeds DAZ, ignores FTZ (SDM vol. 2).</summary>
    /// <param name="a">The binary32 operand.</param>
    /// <param name="mode">How to round: the immediate's bits 0–1, or MXCSR.RC when its bit 2 is set.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static ushort FromFloat32(uint a, RoundingMode mode, ref FloatContext context)
    {
        var own = context.ForHalfResult(mode);
        var result = FloatConversion.Convert(Float32.Unpack(a, context), FloatFormat.Half, ref own).ToHalf();
        context.Raise(own.Found);
        return result;
    }
}
