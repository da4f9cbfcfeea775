namespace Holon.Python.Objects;

internal class PyTuple : PyObject
{
    public static readonly PyTuple Empty = new();

    private uint number;

    public PyTuple(params PyObject[] items) => Items = items;

    public PyObject[] Items { get; }

    public int Count => Items.Length;

    public PyObject this[int index] => Items[index];

    public override PyType Type => TupleType.Type;

    public sealed override ref uint IdNumber => ref number;
}

internal sealed class PyTupleInstance(PyType type, PyObject[] items) : PyTuple(items)
{
    private InstanceData data = new(type);

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}

internal sealed class PyTupleIterator(PyTuple tuple) : PyIterator(IteratorTypes.Tuple)
{
    private PyTuple? tuple = tuple;
    private int index;

    public override PyObject? Next()
    {
        if (tuple is not null && index < tuple.Count)
            return tuple[index++];
        tuple = null;
        return null;
    }

    public override int Remaining => tuple is null ? 0 : tuple.Count - index;

    public override PyObject Reduce() => tuple is null ? new PyTuple(Builtin("iter"), new PyTuple(PyTuple.Empty)) : new PyTuple(Builtin("iter"), new PyTuple(tuple), PyInt.Of(index));

    public override void SetState(PyObject state) => index = (int)Math.Clamp(Args.Long(state), 0, tuple?.Count ?? 0);
}

internal static class TupleType
{
    public static readonly PyType Type = new("tuple", PyType.Object, Define);

    private static void Define(PyType t)
    {
        t.IsSequence = true;
        t.New = (type, args, names) =>
        {
            Args.NoKeywords("tuple", type == Type ? names : null);
            if (type == Type)
                Args.Between("tuple", args, null, 0, 1);
            if (type != Type)
                return new PyTupleInstance(type, args.Length == 0 ? [] : Ops.NewArray(args[0]));
            if (args.Length == 0)
                return PyTuple.Empty;
            if (args[0].GetType() == typeof(PyTuple))
                return args[0];
            var items = Ops.NewArray(args[0]);
            return items.Length == 0 ? PyTuple.Empty : new PyTuple(items);
        };
        t.Repr = Repr;
        t.Hash = Hash;
        t.Compare = (a, b, op) => b is PyTuple y ? Sequences.Compare(((PyTuple)a).Items, y.Items, op) : Values.NotImplemented;
        t.Iter = o => new PyTupleIterator((PyTuple)o);
        t.Len = o => ((PyTuple)o).Count;
        t.GetItem = GetItem;
        t.Contains = (o, item) => Sequences.IndexOf(((PyTuple)o).Items, item) >= 0;
        t.Concat = (a, b) => b is PyTuple y ? ((PyTuple)a).Count == 0 && y.GetType() == typeof(PyTuple) ? y : new PyTuple([.. ((PyTuple)a).Items, .. y.Items])
            : throw Err.Type($"can only concatenate tuple (not \"{b.Type.FullName}\") to tuple");
        t.Repeat = (o, n) => new PyTuple(Sequences.Repeat<PyObject>(((PyTuple)o).Items, n));
        t.Def("index", "value, start=?, stop=?, /", (o, a) =>
        {
            var self = (PyTuple)o;
            var (start, stop) = Args.Range(a[1], a[2], self.Count);
            for (var i = start; i < stop; i++)
            {
                if (Ops.Eq(self[i], a[0]!))
                    return PyInt.Of(i);
            }
            throw Err.Value("tuple.index(x): x not in tuple");
        });
        t.Def1("count", (o, item) => PyInt.Of(((PyTuple)o).Items.Count(each => Ops.Eq(each, item))));
        t.Def0("__getnewargs__", o => new PyTuple(new PyTuple(((PyTuple)o).Items)));
        t.DefClassGetItem();
    }

    public static PyObject GetItem(PyObject o, PyObject key)
    {
        var self = (PyTuple)o;
        if (key is PySlice slice)
        {
            var (start, _, step, count) = slice.Indices(self.Count);
            if (count == self.Count && step == 1 && self.GetType() == typeof(PyTuple))
                return self;
            return new PyTuple(Sequences.Slice<PyObject>(self.Items, start, step, count));
        }
        var index = Sequences.Index(key, "tuple");
        if (index < 0)
            index += self.Count;
        return (ulong)index < (ulong)self.Count ? self[(int)index] : throw Err.Index("tuple index out of range");
    }

    private static PyObject Repr(PyObject o)
    {
        var self = (PyTuple)o;
        if (self.Count == 0)
            return Values.Str("()");
        return ReprGuard.Run(o, "(...)", () =>
        {
            var text = new PyStrBuilder().Append("(");
            for (var i = 0; i < self.Count; i++)
                text.Append(i > 0 ? ", " : "").Append(Ops.ReprObject(self[i]));
            return text.Append(self.Count == 1 ? ",)" : ")").ToStr();
        });
    }

    private static long Hash(PyObject o)
    {
        // xxHash's mixing, as CPython.
        var hash = 2870177450012600261UL;
        foreach (var item in ((PyTuple)o).Items)
        {
            hash += (ulong)Ops.Hash(item) * 14029467366897019727UL;
            hash = BitOperations.RotateLeft(hash, 31) * 11400714785074694791UL;
        }
        hash += (ulong)((PyTuple)o).Count ^ (2870177450012600261UL ^ 3527539UL);
        return hash == ulong.MaxValue ? 1546275796 : (long)hash;
    }
}

/// <summary>Objects that are being printed: one that contains itself prints as "...".</summary>
internal static class ReprGuard
{
    /// <summary>The text, or <paramref name="recursion"/> in the middle of the same object's; without one that is a RuntimeError.</summary>
    public static PyObject Run(PyObject o, string? recursion, Func<PyObject> repr)
    {
        var active = PyThread.Current.ReprActive;
        if (active.Contains(o))
            return recursion is not null ? Values.Str(recursion) : throw Err.Runtime($"reentrant call inside {o.Type.FullName}.__repr__");
        active.Add(o);
        try
        {
            return repr();
        }
        finally
        {
            active.RemoveAt(active.Count - 1);
        }
    }
}

/// <summary>What tuples, lists and the like have in common.</summary>
internal static class Sequences
{
    public static long Index(PyObject key, string type)
    {
        if (key.GetType() == typeof(PyInt))
            return ((PyInt)key).Value;
        if (key.Type.Index is null)
            throw Err.Type($"{type} indices must be integers or slices, not {key.Type.FullName}");
        return Ops.Index(key).TryLong(out var index) ? index : throw Err.Index("cannot fit 'int' into an index-sized integer");
    }

    public static T[] Slice<T>(ReadOnlySpan<T> items, long start, long step, int count)
    {
        if (step == 1)
            return items.Slice((int)start, count).ToArray();
        var result = new T[count];
        for (var i = 0; i < count; i++)
            result[i] = items[(int)(start + i * step)];
        return result;
    }

    public static T[] Repeat<T>(ReadOnlySpan<T> items, long count)
    {
        if (count <= 0 || items.Length == 0)
            return [];
        if ((Int128)items.Length * count > Array.MaxLength)
            throw Err.Memory();
        PyThread.Current.Machine.Limits.CheckSize(items.Length * count * Unsafe.SizeOf<T>());
        var result = new T[items.Length * count];
        if (items.Length == 1)
        {
            result.AsSpan().Fill(items[0]);
            return result;
        }
        for (var i = 0; i < count; i++)
            items.CopyTo(result.AsSpan(i * items.Length));
        return result;
    }

    public static int IndexOf(ReadOnlySpan<PyObject> items, PyObject item)
    {
        for (var i = 0; i < items.Length; i++)
        {
            if (Ops.Eq(items[i], item))
                return i;
        }
        return -1;
    }

    public static PyObject Compare(ReadOnlySpan<PyObject> a, ReadOnlySpan<PyObject> b, CompareOp op)
    {
        if (a.Length != b.Length && op is CompareOp.Eq or CompareOp.Ne && a.Length != b.Length)
            return Values.Bool(op == CompareOp.Ne);
        var common = Math.Min(a.Length, b.Length);
        for (var i = 0; i < common; i++)
        {
            if (Ops.Eq(a[i], b[i]))
                continue;
            return op switch
            {
                CompareOp.Eq => Values.False,
                CompareOp.Ne => Values.True,
                _ => Ops.Compare(a[i], b[i], op),
            };
        }
        return Ops.CompareResult(a.Length.CompareTo(b.Length), op);
    }
}
