namespace Holon.Python.Objects;

/// <summary>A set or frozenset: the keys of a dict.</summary>
internal class PySet : PyObject
{
    private readonly PyDict table = new();
    private long hash;

    public PySet(bool frozen) => IsFrozen = frozen;

    public PySet(IEnumerable<PyObject> items, bool frozen)
        : this(frozen)
    {
        foreach (var item in items)
            Add(item);
    }

    public bool IsFrozen { get; }

    public int Count => table.Count;

    public PyDict Table => table;

    public override PyType Type => IsFrozen ? SetTypes.Frozen : SetTypes.Set;

    public void Add(PyObject item) => Add(item, Ops.Hash(item));

    public void Add(PyObject item, long itemHash) => table.SetIfAbsent(item, Values.None, itemHash);

    public bool Remove(PyObject item) => table.Remove(item) is not null;

    public bool Contains(PyObject item) => table.Contains(item);

    public void Clear() => table.Clear();

    public bool Contains(PyObject item, long itemHash) => table.Contains(item, itemHash);

    public IEnumerable<PyObject> Items()
    {
        for (var i = 0; i < table.EntryCount; i++)
        {
            if (table.KeyAt(i, out _) is { } item)
                yield return item;
        }
    }

    /// <summary>Every item is one of the other set's.</summary>
    public bool IsWithin(PySet other)
    {
        for (var i = 0; i < table.EntryCount; i++)
        {
            if (table.KeyAt(i, out var itemHash) is { } item && !other.Contains(item, itemHash))
                return false;
        }
        return true;
    }

    /// <summary>The items that the other set has, or those that it has not.</summary>
    public PySet Those(bool within, PySet other, bool frozen)
    {
        var result = new PySet(frozen);
        for (var i = 0; i < table.EntryCount; i++)
        {
            if (table.KeyAt(i, out var itemHash) is { } item && other.Contains(item, itemHash) == within)
                result.Add(item, itemHash);
        }
        return result;
    }

    /// <summary>No two equal frozensets have been found to have other hashes.</summary>
    public bool MayEqual(PySet other) => Count == other.Count && (hash == other.hash || hash == 0 || other.hash == 0);

    public PySet Copy(bool frozen)
    {
        var copy = new PySet(frozen);
        copy.table.CopyFrom(table);
        return copy;
    }

    /// <summary>The order of items does not count, as CPython's frozenset.</summary>
    public long HashValue()
    {
        if (hash != 0)
            return hash;
        ulong h = 0;
        for (var i = 0; i < table.EntryCount; i++)
        {
            if (table.KeyAt(i, out var itemHash) is null)
                continue;
            var each = (ulong)itemHash;
            h ^= (each ^ 89869747UL ^ (each << 16)) * 3644798167UL;
        }
        h ^= ((ulong)Count + 1) * 1927868237UL;
        h ^= (h >> 11) ^ (h >> 25);
        h = h * 69069UL + 907133923UL;
        hash = h == ulong.MaxValue ? 590923713 : (long)h;
        return hash;
    }
}

internal sealed class PySetInstance(PyType type, bool frozen) : PySet(frozen)
{
    private InstanceData data = new(type);

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}

internal sealed class PySetIterator(PySet set) : PyIterator(IteratorTypes.Set)
{
    private PySet? set = set;
    private readonly int size = set.Count;
    private int position;
    private int given;

    public override PyObject? Next()
    {
        if (set is null)
            return null;
        if (set.Count != size)
            throw Err.Runtime("Set changed size during iteration");
        while (position < set.Table.EntryCount)
        {
            if (set.Table.EntryAt(position++, out var key, out _))
            {
                given++;
                return key;
            }
        }
        set = null;
        return null;
    }

    public override int Remaining => set is null ? 0 : size - given;

    public override PyObject Reduce()
    {
        var copy = (PySetIterator)MemberwiseClone();
        var rest = new PyList();
        while (copy.Next() is { } item)
            rest.Add(item);
        return new PyTuple(Builtin("iter"), new PyTuple(rest));
    }
}

internal static class SetTypes
{
    public static readonly PyType Set = new("set", PyType.Object, t => Define(t, false));
    public static readonly PyType Frozen = new("frozenset", PyType.Object, t => Define(t, true));

    private static void Define(PyType t, bool frozen)
    {
        t.Repr = Repr;
        t.Len = o => ((PySet)o).Count;
        t.Iter = o => new PySetIterator((PySet)o);
        t.Contains = (o, item) => ((PySet)o).Contains(Key(item));
        t.Compare = (a, b, op) => b is PySet y ? Values.Bool(Compare((PySet)a, y, op)) : Values.NotImplemented;
        if (frozen)
        {
            t.New = (type, args, names) =>
            {
                if (type == Frozen)
                {
                    Args.NoKeywords("frozenset", names);
                    Args.Between("frozenset", args, null, 0, 1);
                    if (args.Length == 1 && args[0].GetType() == typeof(PySet) && ((PySet)args[0]).IsFrozen)
                        return args[0];
                }
                var set = type == Frozen ? new PySet(true) : new PySetInstance(type, true);
                if (args.Length > 0)
                    AddAll(set, args[0]);
                return set;
            };
            t.Hash = o => ((PySet)o).HashValue();
        }
        else
        {
            t.New = (type, _, _) => type == Set ? new PySet(false) : new PySetInstance(type, false);
            t.Init = (o, args, names) =>
            {
                Args.NoKeywords("set", names);
                Args.Between("set", args, null, 0, 1);
                ((PySet)o).Clear();
                if (args.Length == 1)
                    AddAll((PySet)o, args[0]);
            };
            t.Unhashable();
            DefineMutation(t);
        }
        Operator(NumberOp.Or, Union);
        Operator(NumberOp.And, (x, y) => Intersection(x, y));
        Operator(NumberOp.Subtract, (x, y) => Difference(x, y));
        Operator(NumberOp.Xor, Symmetric);
        t.Def("union", "*others", (o, a) => Fold(o, a, (s, other) =>
        {
            AddAll(s, other);
            return s;
        }));
        t.Def("intersection", "*others", (o, a) => Fold(o, a, (s, other) => Intersection(s, AsSet(other))));
        t.Def("difference", "*others", (o, a) => Fold(o, a, (s, other) => Difference(s, AsSet(other))));
        t.Def1("symmetric_difference", (o, other) => Symmetric((PySet)o, AsSet(other)));
        t.Def1("isdisjoint", (o, other) => Values.Bool(IsDisjoint((PySet)o, other)));
        t.Def1("issubset", (o, other) => Values.Bool(Compare((PySet)o, AsSet(other), CompareOp.Le)));
        t.Def1("issuperset", (o, other) => Values.Bool(Compare((PySet)o, AsSet(other), CompareOp.Ge)));
        t.Def0("copy", o => frozen && o.GetType() == typeof(PySet) ? o : ((PySet)o).Copy(frozen));
        t.Def0("__reduce__", o => new PyTuple(o.Type, new PyTuple(new PyList(((PySet)o).Items())), o.HasData && o.Type.HasDict ? ObjectType.StateOf(o) : Values.None));
        t.Def0("__sizeof__", o => PyInt.Of(200 + 16L * ((PySet)o).Count));
        t.DefClassGetItem();

        static PySet Fold(PyObject o, ReadOnlySpan<PyObject?> a, Func<PySet, PyObject, PySet> function)
        {
            var result = ((PySet)o).Copy(((PySet)o).IsFrozen);
            foreach (var other in ((PyTuple)a[0]!).Items)
                result = function(result, other);
            return result;
        }

        void Operator(NumberOp op, Func<PySet, PySet, PySet> function) =>
            t.Numbers[(int)op] = (a, b) => a is PySet x && b is PySet y ? function(x, y) : Values.NotImplemented;
    }

    private static void DefineMutation(PyType t)
    {
        t.Def1("add", (o, item) =>
        {
            ((PySet)o).Add(item);
            return Values.None;
        });
        t.Def1("discard", (o, item) =>
        {
            ((PySet)o).Remove(Key(item));
            return Values.None;
        });
        t.Def1("remove", (o, item) => ((PySet)o).Remove(Key(item)) ? Values.None : Err.Set(Err.Key(item)));
        t.Def0("pop", o =>
        {
            var self = (PySet)o;
            for (var i = 0; i < self.Table.EntryCount; i++)
            {
                if (self.Table.KeyAt(i, out _) is not { } item)
                    continue;
                self.Table.RemoveEntry(i);
                return item;
            }
            throw Err.Key(Values.Str("pop from an empty set"));
        });
        t.Def0("clear", o =>
        {
            ((PySet)o).Clear();
            return Values.None;
        });
        t.Def("update", "*others", (o, a) =>
        {
            foreach (var other in ((PyTuple)a[0]!).Items)
                AddAll((PySet)o, other);
            return Values.None;
        });
        Replace("intersection_update", true, Intersection);
        Replace("difference_update", true, Difference);
        Replace("symmetric_difference_update", false, Symmetric);
        InPlace(NumberOp.Or, Union);
        InPlace(NumberOp.And, Intersection);
        InPlace(NumberOp.Subtract, Difference);
        InPlace(NumberOp.Xor, Symmetric);

        void Replace(string name, bool many, Func<PySet, PySet, PySet> function) => t.Def(name, many ? "*others" : "other, /", (o, a) =>
        {
            var self = (PySet)o;
            foreach (var other in many ? ((PyTuple)a[0]!).Items : [a[0]!])
                self.Table.CopyFrom(function(self, AsSet(other)).Table);
            return Values.None;
        });

        void InPlace(NumberOp op, Func<PySet, PySet, PySet> function) => t.InPlace[(int)op] = (a, b) =>
        {
            if (b is not PySet y)
                return Values.NotImplemented;
            ((PySet)a).Table.CopyFrom(function((PySet)a, y).Table);
            return a;
        };
    }

    // A set cannot be hashed, but may be looked for as a frozenset.
    private static PyObject Key(PyObject item) => item is PySet { IsFrozen: false } set && item.Type.Hash == Set.Hash ? set.Copy(true) : item;

    public static void AddAll(PySet set, PyObject source)
    {
        if (source is PySet other)
        {
            set.Table.Update(other.Table);
            return;
        }
        if (source.GetType() == typeof(PyList) || source.GetType() == typeof(PyTuple))
            set.Table.Reserve((int)Math.Min(Ops.Len(source), MostReserved));
        foreach (var item in Ops.Each(source))
            set.Add(item);
    }

    /// <summary>Items may be equal, so there is not room made for all of many.</summary>
    private const int MostReserved = 64;

    private static PySet AsSet(PyObject o)
    {
        if (o is PySet set)
            return set;
        var made = new PySet(false);
        AddAll(made, o);
        return made;
    }

    private static PySet Union(PySet x, PySet y)
    {
        var result = x.Copy(x.IsFrozen);
        result.Table.Update(y.Table);
        return result;
    }

    private static PySet Intersection(PySet x, PySet y) => x.Count > y.Count ? y.Those(true, x, x.IsFrozen) : x.Those(true, y, x.IsFrozen);

    private static PySet Difference(PySet x, PySet y) => x.Those(false, y, x.IsFrozen);

    private static PySet Symmetric(PySet x, PySet y)
    {
        var result = x.Copy(x.IsFrozen);
        foreach (var item in y.Items().ToArray())
        {
            if (!result.Remove(item))
                result.Add(item);
        }
        return result;
    }

    private static bool IsDisjoint(PySet set, PyObject other)
    {
        if (other is PySet y)
        {
            var (small, large) = set.Count < y.Count ? (set, y) : (y, set);
            for (var i = 0; i < small.Table.EntryCount; i++)
            {
                if (small.Table.KeyAt(i, out var hash) is { } item && large.Contains(item, hash))
                    return false;
            }
            return true;
        }
        foreach (var item in Ops.Each(other))
        {
            if (set.Contains(item))
                return false;
        }
        return true;
    }

    private static bool Compare(PySet x, PySet y, CompareOp op) => op switch
    {
        CompareOp.Eq => x.MayEqual(y) && x.IsWithin(y),
        CompareOp.Ne => !(x.MayEqual(y) && x.IsWithin(y)),
        CompareOp.Lt => x.Count < y.Count && x.IsWithin(y),
        CompareOp.Le => x.Count <= y.Count && x.IsWithin(y),
        CompareOp.Gt => x.Count > y.Count && y.IsWithin(x),
        _ => x.Count >= y.Count && y.IsWithin(x),
    };

    private static PyObject Repr(PyObject o)
    {
        var name = o.Type.Name;
        if (((PySet)o).Count == 0)
            return Values.Str(name + "()");
        return ReprGuard.Run(o, name + "(...)", () =>
        {
            var plain = o.Type == Set;
            var text = new PyStrBuilder().Append(plain ? "{" : name + "({");
            var first = true;
            foreach (var item in ((PySet)o).Items().ToArray())
            {
                text.Append(first ? "" : ", ").Append(Ops.ReprObject(item));
                first = false;
            }
            return text.Append(plain ? "}" : "})").ToStr();
        });
    }
}
