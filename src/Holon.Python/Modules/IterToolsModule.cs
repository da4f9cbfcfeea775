namespace Holon.Python.Modules;

/// <summary>itertools: each class is a C# iterator over the others' slots.</summary>
internal static class IterToolsModule
{
    private delegate IEnumerable<PyObject> Body(PyObject?[] a);

    private static readonly List<PyType> All = [];

    private static readonly PyType Chain = Define("chain", "*iterables", a => ChainOf(((PyTuple)a[0]!).Items), t =>
    {
        t.DefClass("from_iterable", "iterable, /", (cls, a) => new PyEnumerator((PyType)cls, ChainOf(Ops.Each(a[0]!)).GetEnumerator()));
        t.DefClassGetItem();
    });

    private static readonly PyType[] Others =
    [
        Define("count", "start=0, step=1", a => Count(Number(a[0]!), Number(a[1]!))),
        Define("cycle", "iterable, /", a => Cycle(Ops.Iter(a[0]!))),
        Define("repeat", "object, times=?", a => Repeat(a[0]!, a[1] is null ? long.MaxValue : Args.Long(a[1]!))),
        Define("accumulate", "iterable, func=None, *, initial=None", a => Accumulate(Ops.Iter(a[0]!), a[1]!, a[2]!)),
        Define("compress", "data, selectors", a => Compress(Ops.Iter(a[0]!), Ops.Iter(a[1]!))),
        Define("dropwhile", "predicate, iterable, /", a => DropWhile(a[0]!, Ops.Iter(a[1]!))),
        Define("takewhile", "predicate, iterable, /", a => TakeWhile(a[0]!, Ops.Iter(a[1]!))),
        Define("filterfalse", "function, iterable, /", a => FilterFalse(a[0]!, Ops.Iter(a[1]!))),
        Define("starmap", "function, iterable, /", a => StarMap(a[0]!, Ops.Iter(a[1]!))),
        Define("islice", "iterable, start, stop=?, step=?, /", Slice),
        Define("pairwise", "iterable, /", a => Pairwise(Ops.Iter(a[0]!))),
        Define("zip_longest", "*iterables, fillvalue=None", a => ZipLongest([.. ((PyTuple)a[0]!).Items.Select(Ops.Iter)], a[1]!)),
        Define("product", "*iterables, repeat=1", a => Product([.. Enumerable.Repeat(((PyTuple)a[0]!).Items.Select(Ops.ToArray).ToArray(), (int)Math.Clamp(Args.Long(a[1]!) is >= 0 and var n ? n : throw Err.Value("repeat argument cannot be negative"), 0, 1000)).SelectMany(p => p)])),
        Define("permutations", "iterable, r=None", a => Permutations(Ops.ToArray(a[0]!).ToArray(), a[1] == Values.None ? -1 : Args.Long(a[1]!) is >= 0 and var r ? r : throw Err.Value("r must be non-negative"))),
        Define("combinations", "iterable, r", a => Combinations(Ops.ToArray(a[0]!).ToArray(), Args.Long(a[1]!) is >= 0 and var r ? r : throw Err.Value("r must be non-negative"), false)),
        Define("combinations_with_replacement", "iterable, r", a => Combinations(Ops.ToArray(a[0]!).ToArray(), Args.Long(a[1]!) is >= 0 and var r ? r : throw Err.Value("r must be non-negative"), true)),
        Define("groupby", "iterable, key=None", a => GroupBy(Ops.Iter(a[0]!), a[1]!)),
    ];

    private static readonly PyType Grouper = PyIterator.MakeType("_grouper", "itertools");

    private static PyType Define(string name, string signature, Body body, Action<PyType>? more = null)
    {
        var code = new NativeCode { Name = name };
        var parsed = Signature.Parse(signature);
        var type = PyIterator.MakeType(name, "itertools", t =>
        {
            t.New = (cls, args, names) => new PyEnumerator(cls, body(parsed.Bind(code, args, names)).GetEnumerator());
            more?.Invoke(t);
        });
        All.Add(type);
        return type;
    }

    private static PyObject Number(PyObject o) => o is PyInt or PyFloat or PyComplex || o.Type.Numbers[0] is not null ? o : throw Err.Type("a number is required");

    private static IEnumerable<PyObject> ChainOf(IEnumerable<PyObject> iterables)
    {
        foreach (var iterable in iterables)
        {
            foreach (var item in Ops.Each(iterable))
                yield return item;
        }
    }

    private static IEnumerable<PyObject> Count(PyObject number, PyObject step)
    {
        while (true)
        {
            yield return number;
            number = Ops.Binary(number, step, NumberOp.Add);
        }
    }

    private static IEnumerable<PyObject> Cycle(PyObject iterator)
    {
        var saved = new List<PyObject>();
        while (Ops.Next(iterator) is { } item)
        {
            saved.Add(item);
            yield return item;
        }
        while (saved.Count > 0)
        {
            for (var i = 0; i < saved.Count; i++)
                yield return saved[i];
        }
    }

    private static IEnumerable<PyObject> Repeat(PyObject item, long times)
    {
        for (var i = 0L; i < times; i++)
            yield return item;
    }

    private static IEnumerable<PyObject> Accumulate(PyObject iterator, PyObject function, PyObject initial)
    {
        var total = initial == Values.None ? Ops.Next(iterator) : initial;
        if (total is null)
            yield break;
        yield return total;
        while (Ops.Next(iterator) is { } item)
        {
            total = function == Values.None ? Ops.Binary(total, item, NumberOp.Add) : Calls.Call(function, total, item);
            yield return total;
        }
    }

    private static IEnumerable<PyObject> Compress(PyObject data, PyObject selectors)
    {
        while (Ops.Next(data) is { } item && Ops.Next(selectors) is { } selector)
        {
            if (Ops.IsTrue(selector))
                yield return item;
        }
    }

    private static IEnumerable<PyObject> DropWhile(PyObject predicate, PyObject iterator)
    {
        var dropping = true;
        while (Ops.Next(iterator) is { } item)
        {
            if (dropping && Ops.IsTrue(Calls.Call(predicate, item)))
                continue;
            dropping = false;
            yield return item;
        }
    }

    private static IEnumerable<PyObject> TakeWhile(PyObject predicate, PyObject iterator)
    {
        while (Ops.Next(iterator) is { } item && Ops.IsTrue(Calls.Call(predicate, item)))
            yield return item;
    }

    private static IEnumerable<PyObject> FilterFalse(PyObject function, PyObject iterator)
    {
        while (Ops.Next(iterator) is { } item)
        {
            if (!Ops.IsTrue(function == Values.None ? item : Calls.Call(function, item)))
                yield return item;
        }
    }

    private static IEnumerable<PyObject> StarMap(PyObject function, PyObject iterator)
    {
        while (Ops.Next(iterator) is { } item)
            yield return Calls.Call(function, Ops.ToArray(item));
    }

    private static IEnumerable<PyObject> Slice(PyObject?[] a)
    {
        long Bound(PyObject? o, long otherwise, string name)
        {
            if (Args.IsNone(o))
                return otherwise;
            return o!.Type.Index is not null && Args.Clipped(o) is >= 0 and var n ? n : throw Err.Value($"{name} for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
        }
        var onlyStop = a[2] is null;
        var start = onlyStop ? 0 : Bound(a[1], 0, "Indices");
        var stop = Bound(onlyStop ? a[1] : a[2], long.MaxValue, onlyStop ? "Stop argument" : "Indices");
        var step = Args.IsNone(a[3]) ? 1 : Args.Clipped(a[3]!) is >= 1 and var s ? s : throw Err.Value("Step for islice() must be a positive integer or None.");
        return SliceOf(Ops.Iter(a[0]!), start, stop, step);
    }

    private static IEnumerable<PyObject> SliceOf(PyObject iterator, long start, long stop, long step)
    {
        var next = start;
        for (var i = 0L; i < stop; i++)
        {
            if (Ops.Next(iterator) is not { } item)
                yield break;
            if (i != next)
                continue;
            next = step > long.MaxValue - next ? long.MaxValue : next + step;
            yield return item;
        }
    }

    private static IEnumerable<PyObject> Pairwise(PyObject iterator)
    {
        var before = Ops.Next(iterator);
        while (before is not null && Ops.Next(iterator) is { } item)
        {
            yield return new PyTuple(before, item);
            before = item;
        }
    }

    private static IEnumerable<PyObject> ZipLongest(PyObject?[] iterators, PyObject fill)
    {
        var active = iterators.Length;
        while (active > 0)
        {
            var items = new PyObject[iterators.Length];
            for (var i = 0; i < items.Length; i++)
            {
                var item = iterators[i] is { } iterator ? Ops.Next(iterator) : null;
                if (item is null && iterators[i] is not null)
                {
                    iterators[i] = null;
                    if (--active == 0)
                        yield break;
                }
                items[i] = item ?? fill;
            }
            yield return new PyTuple(items);
        }
    }

    private static IEnumerable<PyObject> Product(PyObject[][] pools)
    {
        if (pools.Any(p => p.Length == 0))
            yield break;
        var at = new int[pools.Length];
        while (true)
        {
            yield return new PyTuple([.. pools.Select((p, i) => p[at[i]])]);
            var k = pools.Length - 1;
            while (k >= 0 && ++at[k] == pools[k].Length)
                at[k--] = 0;
            if (k < 0)
                yield break;
        }
    }

    private static IEnumerable<PyObject> Permutations(PyObject[] pool, long count)
    {
        var n = pool.Length;
        var r = count < 0 ? n : (int)Math.Min(count, int.MaxValue);
        if (r > n)
            yield break;
        var indices = Enumerable.Range(0, n).ToArray();
        var cycles = Enumerable.Range(0, r).Select(i => n - i).ToArray();
        yield return new PyTuple([.. indices.Take(r).Select(i => pool[i])]);
        while (n > 0)
        {
            var i = r - 1;
            for (; i >= 0; i--)
            {
                if (--cycles[i] == 0)
                {
                    var first = indices[i];
                    Array.Copy(indices, i + 1, indices, i, n - i - 1);
                    indices[n - 1] = first;
                    cycles[i] = n - i;
                    continue;
                }
                var j = n - cycles[i];
                (indices[i], indices[j]) = (indices[j], indices[i]);
                yield return new PyTuple([.. indices.Take(r).Select(k => pool[k])]);
                break;
            }
            if (i < 0)
                yield break;
        }
    }

    private static IEnumerable<PyObject> Combinations(PyObject[] pool, long count, bool replacement)
    {
        var n = pool.Length;
        if (replacement ? n == 0 && count > 0 : count > n)
            yield break;
        var r = (int)count;
        var at = replacement ? new int[r] : Enumerable.Range(0, r).ToArray();
        while (true)
        {
            yield return new PyTuple([.. at.Select(i => pool[i])]);
            var k = r - 1;
            while (k >= 0 && at[k] == (replacement ? n - 1 : k + n - r))
                k--;
            if (k < 0)
                yield break;
            at[k]++;
            for (var j = k + 1; j < r; j++)
                at[j] = replacement ? at[k] : at[j - 1] + 1;
        }
    }

    private sealed class GroupState(PyObject iterator, PyObject key)
    {
        public PyObject? Item, Key, Target;
        public int Group;

        public bool Advance()
        {
            Item = Ops.Next(iterator);
            if (Item is null)
                return false;
            Key = key == Values.None ? Item : Calls.Call(key, Item);
            return true;
        }
    }

    private static IEnumerable<PyObject> GroupBy(PyObject iterator, PyObject key)
    {
        var state = new GroupState(iterator, key);
        if (!state.Advance())
            yield break;
        while (true)
        {
            state.Target = state.Key;
            var group = ++state.Group;
            yield return new PyTuple(state.Key!, new PyEnumerator(Grouper, Members(state, group).GetEnumerator()));
            while (state.Item is not null && Ops.Eq(state.Target!, state.Key!))
            {
                if (!state.Advance())
                    yield break;
            }
            if (state.Item is null)
                yield break;
        }
    }

    private static IEnumerable<PyObject> Members(GroupState state, int group)
    {
        while (state.Group == group && state.Item is not null && Ops.Eq(state.Target!, state.Key!))
        {
            var item = state.Item;
            state.Advance();
            yield return item;
        }
    }

    private sealed class TeeSource(PyObject iterator)
    {
        public readonly List<PyObject> Items = [];

        private bool isReading;

        public bool Has(int index)
        {
            while (Items.Count <= index)
            {
                if (isReading)
                    throw Err.Runtime("cannot re-enter the tee iterator");
                isReading = true;
                try
                {
                    if (Ops.Next(iterator) is not { } item)
                        return false;
                    Items.Add(item);
                }
                finally
                {
                    isReading = false;
                }
            }
            return true;
        }
    }

    private static readonly PyType Tee = PyIterator.MakeType("_tee", "itertools");

    private static IEnumerable<PyObject> TeeItems(TeeSource source)
    {
        for (var i = 0; source.Has(i); i++)
            yield return source.Items[i];
    }

    public static void Fill(ModuleBuilder m)
    {
        _ = Others;
        m.Types([.. All]);
        m.Set("_tee", Tee);
        m.Def("tee", "iterable, n=2, /", a =>
        {
            var source = new TeeSource(Ops.Iter(a[0]!));
            return new PyTuple([.. Enumerable.Range(0, Args.Int(a[1]!)).Select(_ => new PyEnumerator(Tee, TeeItems(source).GetEnumerator()))]);
        });
    }
}
