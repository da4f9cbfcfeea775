namespace Holon.X86.SoftFloat;

/// <content>Comparisons, minimum and maximum.</content>
public static partial class Float64
{
    /// <summary>Compares as COMISD (<paramref name="signalQuiet"/>) or UCOMISD does.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="signalQuiet">Whether quiet NaNs are invalid too.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static FloatRelation Compare(ulong a, ulong b, bool signalQuiet, ref FloatContext context)
    {
        if (IsZeroOrNormal(a) && IsZeroOrNormal(b))
        {
            var x = BitConverter.UInt64BitsToDouble(a);
            var y = BitConverter.UInt64BitsToDouble(b);
            return x < y ? FloatRelation.Less : x > y ? FloatRelation.Greater : FloatRelation.Equal;
        }

        return FloatComparison.Compare(Unpack(a, context), Unpack(b, context), signalQuiet, ref context);
    }

    /// <summary>One element of CMPPD and CMPSD: true stands for all ones.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="predicate">The immediate, 0–31; higher bits are ignored.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static bool Satisfies(ulong a, ulong b, int predicate, ref FloatContext context) =>
        FloatComparison.Accepts(predicate, Compare(a, b, FloatComparison.IsSignaling(predicate), ref context));

    /// <summary>MINPD: the second operand when they are equal or either is a NaN.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static ulong Min(ulong a, ulong b, ref FloatContext context) =>
        Compare(a, b, signalQuiet: true, ref context) == FloatRelation.Less ? Operand(a, context) : Operand(b, context);

    /// <summary>MAXPD: the second operand when they are equal or either is a NaN.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="context">Masks and DAZ; collects exceptions.</param>
    public static ulong Max(ulong a, ulong b, ref FloatContext context) =>
        Compare(a, b, signalQuiet: true, ref context) == FloatRelation.Greater ? Operand(a, context) : Operand(b, context);

    /// <summary>The operand as the operation sees it: DAZ makes a denormal zero.</summary>
    private static ulong Operand(ulong bits, in FloatContext context) =>
        context.DenormalsAreZero && BiasedExponent(bits) == 0 ? bits & SignBit : bits;
}
