namespace Holon.Python.Compiler;

/// <summary>Equality of constants in code objects: by type and value, so that 1, 1.0 and True, or 0.0 and -0.0, stay apart.</summary>
internal sealed class ConstantKeyComparer : IEqualityComparer<object>
{
    public static readonly ConstantKeyComparer Instance = new();

    public new bool Equals(object? a, object? b)
    {
        if (ReferenceEquals(a, b))
            return true;
        return (a, b) switch
        {
            (string x, string y) => x == y,
            (long x, long y) => x == y,
            (bool x, bool y) => x == y,
            (BigInteger x, BigInteger y) => x == y,
            (double x, double y) => SameFloat(x, y),
            (Complex x, Complex y) => SameFloat(x.Real, y.Real) && SameFloat(x.Imaginary, y.Imaginary),
            (byte[] x, byte[] y) => x.AsSpan().SequenceEqual(y),
            (TupleConstant x, TupleConstant y) => SameItems(x.Items, y.Items),
            (FrozenSetConstant x, FrozenSetConstant y) =>
                x.Items.Length == y.Items.Length && x.Items.All(i => Array.Exists(y.Items, j => Equals(i, j))),
            (CodePointString x, CodePointString y) => x.CodePoints.AsSpan().SequenceEqual(y.CodePoints),
            (CodeObject x, CodeObject y) => SameCode(x, y),
            _ => false,
        };
    }

    public int GetHashCode(object value) => value switch
    {
        string s => s.GetHashCode(),
        long l => l.GetHashCode(),
        bool b => b ? 231 : 230,
        BigInteger i => i.GetHashCode(),
        double d => d.GetHashCode() ^ 0x5555,
        Complex c => c.GetHashCode(),
        byte[] bytes => HashBytes(bytes),
        TupleConstant tuple => HashItems(tuple.Items),
        FrozenSetConstant set => 7 * set.Items.Length,
        CodePointString text => text.CodePoints.Length,
        CodeObject code => HashCode.Combine(code.Name, code.FirstLine, code.Code.Length),
        _ => 0,
    };

    private static int HashBytes(byte[] bytes)
    {
        var hash = default(HashCode);
        hash.AddBytes(bytes);
        return hash.ToHashCode();
    }

    private int HashItems(object?[] items)
    {
        var hash = items.Length;
        foreach (var item in items)
            hash = (hash * 31) + (item == null ? 0 : GetHashCode(item));
        return hash;
    }

    private bool SameItems(object?[] a, object?[] b)
    {
        if (a.Length != b.Length)
            return false;
        for (var i = 0; i < a.Length; i++)
        {
            if (!Equals(a[i], b[i]))
                return false;
        }

        return true;
    }

    // Two NaNs are different constants.
    private static bool SameFloat(double a, double b) => a == b && double.IsNegative(a) == double.IsNegative(b);

    private bool SameCode(CodeObject a, CodeObject b) =>
        a.Name == b.Name && a.ArgCount == b.ArgCount && a.PosOnlyArgCount == b.PosOnlyArgCount && a.KwOnlyArgCount == b.KwOnlyArgCount &&
        a.Flags == b.Flags && a.FirstLine == b.FirstLine && a.Code.AsSpan().SequenceEqual(b.Code) && SameItems(a.Consts, b.Consts) &&
        a.Names.AsSpan().SequenceEqual(b.Names) && a.LocalsPlusNames.AsSpan().SequenceEqual(b.LocalsPlusNames) &&
        a.LineTable.AsSpan().SequenceEqual(b.LineTable) && a.ExceptionTable.AsSpan().SequenceEqual(b.ExceptionTable);
}

/// <summary>The constants of a whole compilation: equal ones become one object.</summary>
internal sealed class ConstantPool
{
    private readonly Dictionary<object, object> _merged = new(ConstantKeyComparer.Instance);

    /// <summary>The one object for a constant, its items merged too.</summary>
    public object? Merge(object? constant)
    {
        if (constant is null or EllipsisConstant)
            return constant;
        if (!_merged.TryAdd(constant, constant))
            return _merged[constant];
        var items = constant switch { TupleConstant tuple => tuple.Items, FrozenSetConstant set => set.Items, _ => [] };
        for (var i = 0; i < items.Length; i++)
            items[i] = Merge(items[i]);
        return constant;
    }

    /// <summary>The one object for a constant, its items as they are.</summary>
    public object MergeOne(object constant) => _merged.TryAdd(constant, constant) ? constant : _merged[constant];
}
