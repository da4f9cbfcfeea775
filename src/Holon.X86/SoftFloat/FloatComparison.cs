namespace Holon.X86.SoftFloat;

/// <summary>How two numbers compare: one bit each, so that a set of accepted relations is a mask.</summary>
[Flags]
public enum FloatRelation
{
    /// <summary>The first is less.</summary>
    Less = 1,

    /// <summary>They are equal; zeros are, whatever their signs.</summary>
    Equal = 2,

    /// <summary>The first is greater.</summary>
    Greater = 4,

    /// <summary>One is a NaN.</summary>
    Unordered = 8,
}

/// <summary>The 32 predicates of CMPPS and its kin (SDM vol. 2, CMPPD, table 3-1).</summary>
internal static class FloatComparison
{
    // Predicates 0–7 in order EQ LT LE UNORD NEQ NLT NLE ORD, 8–15 EQ_UQ NGE NGT FALSE NEQ_OQ GE GT TRUE;
    // 16–31 accept the same relations and differ in whether a quiet NaN is invalid.
    private static ReadOnlySpan<byte> Accepted => [0x2, 0x1, 0x3, 0x8, 0xD, 0xE, 0xC, 0x7, 0xA, 0x9, 0xB, 0x0, 0x5, 0x6, 0x4, 0xF];

    private const uint SignalingPredicates = 0b_1001_1001_1001_1001_0110_0110_0110_0110;

    public static bool Accepts(int predicate, FloatRelation relation) => (Accepted[predicate & 15] & (int)relation) != 0;

    public static bool IsSignaling(int predicate) => ((SignalingPredicates >> (predicate & 31)) & 1) != 0;

    /// <summary>Compares; with <paramref name="signalQuiet"/> a quiet NaN is invalid too, as for ordered comparisons.</summary>
    public static FloatRelation Compare(in Unpacked a, in Unpacked b, bool signalQuiet, ref FloatContext context)
    {
        if (a.IsNaN || b.IsNaN)
        {
            if (signalQuiet || a.Class >= FloatClass.SignalingNaN || b.Class >= FloatClass.SignalingNaN) context.Raise(FloatExceptions.Invalid);
            return FloatRelation.Unordered;
        }

        FloatArithmetic.RaiseDenormal(a, b, ref context);
        if (a.Class == FloatClass.Zero && b.Class == FloatClass.Zero) return FloatRelation.Equal;
        if (a.Class == FloatClass.Zero) return b.Sign ? FloatRelation.Greater : FloatRelation.Less;
        if (b.Class == FloatClass.Zero || a.Sign != b.Sign) return a.Sign ? FloatRelation.Less : FloatRelation.Greater;
        var order = a.Class != b.Class ? a.Class.CompareTo(b.Class)
            : a.Exponent != b.Exponent ? a.Exponent.CompareTo(b.Exponent)
            : a.Significand.CompareTo(b.Significand);
        if (order == 0) return FloatRelation.Equal;
        return order < 0 != a.Sign ? FloatRelation.Less : FloatRelation.Greater;
    }
}
