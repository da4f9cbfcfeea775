namespace Holon.Python.Objects;

internal class PyList : PyObject
{
    private PyObject[] items;
    private int count;
    private uint number;

    public PyList()
        : this([], 0)
    {
    }

    public PyList(params PyObject[] items)
        : this(items, items.Length)
    {
    }

    public PyList(PyObject[] items, int count)
    {
        this.items = items;
        this.count = count;
    }

    public PyList(IEnumerable<PyObject> items)
        : this(items.ToArray())
    {
    }

    public int Count => count;

    public Span<PyObject> Span => items.AsSpan(0, count);

    public PyObject this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => index < count ? items[index] : throw Err.Index("list index out of range");
        // Safe: the bounds are checked; the array is never of a derived class, which is what the store's own check is for.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        set
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)items.Length, nameof(index));
            Unsafe.Add(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(items), index) = value;
        }
    }

    public override PyType Type => ListType.Type;

    public sealed override ref uint IdNumber => ref number;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(PyObject item)
    {
        if (count == items.Length)
            Grow(count + 1);
        // Safe: there is room; see the indexer.
        Unsafe.Add(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(items), count++) = item;
    }

    private void Grow(int needed)
    {
        var size = Math.Max(needed, count + (count >> 1) + 4);
        if (size > 1 << 16)
            PyThread.Current.Machine.Limits.CheckSize(size * 8L);
        Array.Resize(ref items, size);
    }

    public void AddRange(ReadOnlySpan<PyObject> more)
    {
        if (count + more.Length > items.Length)
            Grow(count + more.Length);
        more.CopyTo(items.AsSpan(count));
        count += more.Length;
    }

    /// <summary>Adds the items of any iterable; the list itself may be given.</summary>
    public void Extend(PyObject iterable)
    {
        if (iterable.GetType() == typeof(PyList) || iterable.GetType() == typeof(PyTuple) || (iterable is PyList or PyTuple && iterable.Type.Iter == (iterable is PyList ? ListType.Type.Iter : TupleType.Type.Iter)))
        {
            AddRange(iterable is not PyList list ? ((PyTuple)iterable).Items : list == this ? list.Span.ToArray() : list.Span);
            return;
        }
        if (iterable is PyRange { IsSmall: true, SmallLength: < 1 << 16 } range)
        {
            Reserve((int)range.SmallLength);
            for (var i = 0; i < range.SmallLength; i++)
                Add(range.AtSmall(i));
            return;
        }
        var items = Ops.Each(iterable).GetEnumerator();
        if (items.Remaining > 0)
            Reserve(items.Remaining);
        while (items.MoveNext())
            Add(items.Current);
    }

    // What an iterator of C# promises is not relied on: a guess too large must not be kept.
    private void Reserve(int more)
    {
        more = Math.Min(more, 1 << 16);
        if (count + more > items.Length)
            Array.Resize(ref items, count + more);
    }

    public void Insert(int index, PyObject item) => ReplaceRange(index, 0, [item]);

    /// <summary>Replaces <paramref name="length"/> items from <paramref name="start"/> on.</summary>
    public void ReplaceRange(int start, int length, ReadOnlySpan<PyObject> with)
    {
        var change = with.Length - length;
        if (count + change > items.Length)
            Grow(count + change);
        items.AsSpan(start + length, count - start - length).CopyTo(items.AsSpan(start + with.Length));
        with.CopyTo(items.AsSpan(start));
        if (change < 0)
            items.AsSpan(count + change, -change).Clear();
        count += change;
    }

    public PyObject RemoveAt(int index)
    {
        var item = items[index];
        ReplaceRange(index, 1, []);
        return item;
    }

    public void Clear() => SetAll([]);

    public void SetAll(PyObject[] all)
    {
        items = all;
        count = all.Length;
    }

    public PyObject[] ToArray() => Span.ToArray();

    /// <summary>The items of a list that nobody else has, which is used up.</summary>
    public PyObject[] TakeItems() => count == items.Length ? items : ToArray();

    /// <summary>Takes the storage away while the list is sorted, so that a comparison cannot see or change it.</summary>
    public PyObject[] Detach()
    {
        var all = ToArray();
        SetAll([]);
        return all;
    }
}

internal sealed class PyListInstance(PyType type) : PyList
{
    private InstanceData data = new(type);

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}

internal sealed class PyListIterator(PyList list) : PyIterator(IteratorTypes.List)
{
    private PyList? list = list;
    private int index;

    /// <summary>What <see cref="MoveNext"/> has reached.</summary>
    public PyObject? Current;

    public override PyObject? Next() => MoveNext() ? Current : null;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MoveNext()
    {
        if (list is not null)
        {
            if (index < list.Count)
            {
                Current = list[index++];
                return true;
            }
            list = null;
        }
        Current = null;
        return false;
    }

    public override int Remaining => list is null ? 0 : Math.Max(0, list.Count - index);

    public override PyObject Reduce() => list is null ? new PyTuple(Builtin("iter"), new PyTuple(new PyList())) : new PyTuple(Builtin("iter"), new PyTuple(list), PyInt.Of(index));

    public override void SetState(PyObject state) => index = (int)Math.Clamp(Args.Long(state), 0, list?.Count ?? 0);
}

internal sealed class PyListReverseIterator(PyList list) : PyIterator(IteratorTypes.ListReverse)
{
    private int index = list.Count - 1;

    public override PyObject? Next()
    {
        if (index >= 0 && index < list.Count)
            return list[index--];
        index = -1;
        return null;
    }

    public override int Remaining => index < list.Count ? index + 1 : 0;

    public override PyObject Reduce() => index < 0 ? new PyTuple(Builtin("iter"), new PyTuple(new PyList())) : new PyTuple(Builtin("reversed"), new PyTuple(list), PyInt.Of(index));

    public override void SetState(PyObject state) => index = (int)Math.Clamp(Args.Long(state), -1, list.Count - 1);
}

internal static class ListType
{
    public static readonly PyType Type = new("list", PyType.Object, Define);

    private static void Define(PyType t)
    {
        t.IsSequence = true;
        t.New = (type, _, _) => type == Type ? new PyList() : new PyListInstance(type);
        t.Init = (o, args, names) =>
        {
            Args.NoKeywords("list", names);
            Args.Between("list", args, null, 0, 1);
            var self = (PyList)o;
            self.Clear();
            if (args.Length == 1)
                self.Extend(args[0]);
        };
        t.Unhashable();
        t.Repr = o => ((PyList)o).Count == 0 ? Values.Str("[]") : ReprGuard.Run(o, "[...]", () =>
        {
            var self = (PyList)o;
            var text = new PyStrBuilder().Append("[");
            for (var i = 0; i < self.Count; i++)
                text.Append(i > 0 ? ", " : "").Append(Ops.ReprObject(self[i]));
            return text.Append("]").ToStr();
        });
        t.Compare = (a, b, op) => b is PyList y ? Sequences.Compare(((PyList)a).Span, y.Span, op) : Values.NotImplemented;
        t.Iter = o => new PyListIterator((PyList)o);
        t.Len = o => ((PyList)o).Count;
        t.GetItem = GetItem;
        t.SetItem = SetItem;
        t.Contains = (o, item) => IndexOf((PyList)o, item, 0, int.MaxValue) >= 0;
        t.Concat = (a, b) => b is PyList y ? new PyList([.. ((PyList)a).Span, .. y.Span]) : throw Err.Type($"can only concatenate list (not \"{b.Type.FullName}\") to list");
        t.Repeat = (o, n) => new PyList(Sequences.Repeat<PyObject>(((PyList)o).Span, n));
        t.InPlaceConcat = (a, b) =>
        {
            ((PyList)a).Extend(b);
            return a;
        };
        t.InPlaceRepeat = (o, n) =>
        {
            ((PyList)o).SetAll(Sequences.Repeat<PyObject>(((PyList)o).Span, n));
            return o;
        };
        t.Def1("append", (o, item) =>
        {
            ((PyList)o).Add(item);
            return Values.None;
        });
        t.Def1("extend", (o, items) =>
        {
            ((PyList)o).Extend(items);
            return Values.None;
        });
        t.Def("insert", "index, object, /", (o, a) =>
        {
            var self = (PyList)o;
            var index = Args.Clipped(a[0]!);
            self.Insert((int)Math.Clamp(index < 0 ? index + self.Count : index, 0, self.Count), a[1]!);
            return Values.None;
        });
        t.Def("pop", "index=-1, /", (o, a) =>
        {
            var self = (PyList)o;
            var index = Args.Long(a[0]!);
            if (self.Count == 0)
                return Err.Set(Err.Index("pop from empty list"));
            if (index < 0)
                index += self.Count;
            return (ulong)index < (ulong)self.Count ? self.RemoveAt((int)index) : Err.Set(Err.Index("pop index out of range"));
        });
        t.Def1("remove", (o, item) =>
        {
            var index = IndexOf((PyList)o, item, 0, int.MaxValue);
            if (index < 0)
                return Err.Set(Err.Value("list.remove(x): x not in list"));
            ((PyList)o).RemoveAt(index);
            return Values.None;
        });
        t.Def0("clear", o =>
        {
            ((PyList)o).Clear();
            return Values.None;
        });
        t.Def0("copy", o => new PyList(((PyList)o).ToArray()));
        t.Def("index", "value, start=?, stop=?, /", (o, a) =>
        {
            var (start, stop) = Args.Range(a[1], a[2], ((PyList)o).Count);
            var index = IndexOf((PyList)o, a[0]!, start, stop);
            return index >= 0 ? PyInt.Of(index) : Err.Set(Err.Value($"{Ops.Repr(a[0]!)} is not in list"));
        });
        t.Def1("count", (o, item) =>
        {
            var self = (PyList)o;
            var n = 0;
            for (var i = 0; i < self.Count; i++)
                n += Ops.Eq(self[i], item) ? 1 : 0;
            return PyInt.Of(n);
        });
        t.Def0("reverse", o =>
        {
            ((PyList)o).Span.Reverse();
            return Values.None;
        });
        t.Def("sort", "*, key=None, reverse=False", (o, a) =>
        {
            var self = (PyList)o;
            var isReverse = Args.Int(a[1]!) != 0;
            var all = self.Detach();
            try
            {
                ListSort.Sort(all, Args.IsNone(a[0]) ? null : a[0], isReverse);
                if (self.Count != 0)
                    throw Err.Value("list modified during sort");
            }
            finally
            {
                self.SetAll(all);
            }
            return Values.None;
        });
        t.Def0("__reversed__", o => new PyListReverseIterator((PyList)o));
        t.Def0("__sizeof__", o => PyInt.Of(40 + 8L * ((PyList)o).Count));
        t.DefClassGetItem();
    }

    private static int IndexOf(PyList list, PyObject item, int start, int stop)
    {
        for (var i = start; i < list.Count && i < stop; i++)
        {
            if (Ops.Eq(list[i], item))
                return i;
        }
        return -1;
    }

    public static PyObject GetItem(PyObject o, PyObject key)
    {
        var self = (PyList)o;
        if (key is PySlice slice)
        {
            var (start, _, step, count) = slice.Plain().Indices(self.Count);
            return new PyList(Sequences.Slice<PyObject>(self.Span, start, step, count));
        }
        var index = Sequences.Index(key, "list");
        if (index < 0)
            index += self.Count;
        return (ulong)index < (ulong)self.Count ? self[(int)index] : throw Err.Index("list index out of range");
    }

    public static void SetItem(PyObject o, PyObject key, PyObject? value)
    {
        var self = (PyList)o;
        if (key is PySlice slice)
        {
            SetSlice(self, slice, value);
            return;
        }
        var index = Sequences.Index(key, "list");
        if (index < 0)
            index += self.Count;
        if ((ulong)index >= (ulong)self.Count)
            throw Err.Index("list assignment index out of range");
        if (value is null)
            self.RemoveAt((int)index);
        else
            self[(int)index] = value;
    }

    private static void SetSlice(PyList self, PySlice slice, PyObject? value)
    {
        if (value is not null && value != self && value.GetType() == typeof(PyList) && slice.Step == Values.None)
        {
            var (from, to, _, _) = slice.Plain().Indices(self.Count);
            self.ReplaceRange((int)from, (int)Math.Max(0, to - from), ((PyList)value).Span);
            return;
        }
        var items = value is null ? [] : value == self ? self.ToArray() : value.Type.Iter is null && value.Type.GetItem is null
            ? throw Err.Type(slice.Step == Values.None ? "can only assign an iterable" : "must assign iterable to extended slice") : Ops.ToArray(value);
        var (start, stop, step, count) = slice.Plain().Indices(self.Count);
        if (step == 1)
        {
            self.ReplaceRange((int)start, (int)Math.Max(0, stop - start), items);
            return;
        }
        if (value is null)
        {
            var gone = new HashSet<int>();
            for (var i = 0; i < count; i++)
                gone.Add((int)(start + i * step));
            self.SetAll([.. self.ToArray().Where((_, i) => !gone.Contains(i))]);
            return;
        }
        if (items.Length != count)
            throw Err.Value($"attempt to assign sequence of size {items.Length} to extended slice of size {count}");
        for (var i = 0; i < count; i++)
            self[(int)(start + i * step)] = items[i];
    }
}
