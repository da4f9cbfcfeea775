namespace Holon.Python.Compiler;

/// <summary>Python's equality of constants (1 == 1.0 == True).</summary>
internal sealed class ConstantEquality : IEqualityComparer<object?>
{
    public static readonly ConstantEquality Instance = new();

    /// <summary>The frozenset of some constants, the first of equal ones kept.</summary>
    public static FrozenSetConstant MakeFrozenSet(object?[] items)
    {
        var seen = new HashSet<ValueHolder>();
        return new FrozenSetConstant([.. items.Where(item => seen.Add(new ValueHolder(item)))]);
    }

    bool IEqualityComparer<object?>.Equals(object? a, object? b) => AreEqual(a, b);

    public int GetHashCode(object? value) => Hash(value);

    /// <summary>Whether Python finds them equal.</summary>
    public static bool AreEqual(object? a, object? b)
    {
        if (ReferenceEquals(a, b))
            return true;
        switch (a, b)
        {
            case (null, _) or (_, null):
                return false;
            case (byte[] x, byte[] y):
                return x.AsSpan().SequenceEqual(y);
            case (string x, string y):
                return x == y;
            case (CodePointString x, CodePointString y):
                return x.CodePoints.AsSpan().SequenceEqual(y.CodePoints);
            case (TupleConstant x, TupleConstant y):
                return x.Items.Length == y.Items.Length && x.Items.Zip(y.Items).All(p => AreEqual(p.First, p.Second));
        }

        if (AsInteger(a) is { } i && AsInteger(b) is { } j)
            return i == j;
        if (!IsNumber(a) || !IsNumber(b))
            return false;
        var (realA, imaginaryA) = AsComplex(a);
        var (realB, imaginaryB) = AsComplex(b);
        if (imaginaryA != imaginaryB)
            return false;
        return (AsInteger(a), AsInteger(b)) switch
        {
            ({ } x, null) => double.IsFinite(realB) && new BigInteger(realB) == x && Math.Floor(realB) == realB,
            (null, { } y) => double.IsFinite(realA) && new BigInteger(realA) == y && Math.Floor(realA) == realA,
            _ => realA == realB,
        };
    }

    private static int Hash(object? value) => value switch
    {
        null => 0,
        string s => s.GetHashCode(),
        byte[] bytes => bytes.Length,
        TupleConstant tuple => tuple.Items.Length + 1000,
        bool or long or BigInteger or double or Complex => AsComplex(value).Real.GetHashCode(),
        _ => 1,
    };

    private static BigInteger? AsInteger(object value) => value switch
    {
        bool b => b ? 1 : 0,
        long l => l,
        BigInteger i => i,
        _ => null,
    };

    private static bool IsNumber(object value) => value is bool or long or BigInteger or double or Complex;

    private static (double Real, double Imaginary) AsComplex(object value) => value switch
    {
        double d => (d, 0),
        Complex c => (c.Real, c.Imaginary),
        _ => ((double)AsInteger(value)!.Value, 0),
    };

    private readonly struct ValueHolder(object? value) : IEquatable<ValueHolder>
    {
        private readonly object? _value = value;

        public bool Equals(ValueHolder other) => AreEqual(_value, other._value);

        public override bool Equals(object? obj) => obj is ValueHolder other && Equals(other);

        public override int GetHashCode() => Hash(_value);
    }
}
