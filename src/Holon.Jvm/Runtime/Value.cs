namespace Holon.Jvm.Runtime;

/// <summary>A Java value on its way between C# and Java: a reference, or the bits of a primitive (int kinds sign-extended).</summary>
internal readonly record struct Value(long Bits, object? Ref)
{
    public static Value Of(object? reference) => new(0, reference);

    public static Value Of(int value) => new(value, null);

    public static Value Of(bool value) => new(value ? 1 : 0, null);

    public static Value Of(long value) => new(value, null);

    public static Value Of(double value) => new(BitConverter.DoubleToInt64Bits(value), null);

    public static Value Of(float value) => new(BitConverter.SingleToInt32Bits(value), null);

    public int Int => (int)Bits;

    public double Double => BitConverter.Int64BitsToDouble(Bits);

    public float Float => BitConverter.Int32BitsToSingle((int)Bits);
}
