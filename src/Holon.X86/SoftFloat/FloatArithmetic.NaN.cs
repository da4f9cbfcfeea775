namespace Holon.X86.SoftFloat;

/// <content>Invalid operations and which NaN an operation returns (SDM vol. 1 table 4-7).</content>
internal static partial class FloatArithmetic
{
    public static bool HasNaN(in Unpacked a, in Unpacked b) => a.IsNaN || b.IsNaN;

    public static Packed Invalid(in FloatFormat format, ref FloatContext context)
    {
        context.Raise(FloatExceptions.Invalid);
        return Packed.DefaultNaN(format);
    }

    public static void RaiseDenormal(in Unpacked a, in Unpacked b, ref FloatContext context)
    {
        if (a.IsDenormal || b.IsDenormal) context.Raise(FloatExceptions.Denormal);
    }

    /// <summary>The result of an operation with a NaN operand; for a unary one <paramref name="a"/> and <paramref name="b"/> are the same.</summary>
    public static Packed Propagate(in Unpacked a, in Unpacked b, in FloatFormat format, ref FloatContext context)
    {
        if (a.Class == FloatClass.Unsupported || b.Class == FloatClass.Unsupported) return Invalid(format, ref context);
        if (a.Class == FloatClass.SignalingNaN || b.Class == FloatClass.SignalingNaN) context.Raise(FloatExceptions.Invalid);
        if (!a.IsNaN) return Quieted(b, format);
        if (!b.IsNaN || !format.IsX87) return Quieted(a, format);
        if (a.Class != b.Class) return Quieted(a.Class == FloatClass.QuietNaN ? a : b, format); // x87: the quiet one wins
        if (a.Significand == b.Significand) return Quieted(a.Sign ? b : a, format); // and of equal payloads the positive one
        return Quieted(a.Significand > b.Significand ? a : b, format);
    }

    /// <summary>The NaN in <paramref name="format"/>, made quiet; the payload keeps its high bits.</summary>
    public static Packed Quieted(in Unpacked nan, in FloatFormat format) =>
        new(nan.Sign, format.SpecialExponent, nan.Significand | Unpacked.QuietBit);
}
