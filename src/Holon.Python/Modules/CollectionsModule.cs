namespace Holon.Python.Modules;

/// <summary>_collections: deque and defaultdict; OrderedDict and the rest have their Python twins.</summary>
internal static class CollectionsModule
{
    private static readonly NativeParameters DequeParameters = new("deque", "iterable=?, maxlen=None");

    private sealed class PyDeque(PyType type) : PyExtensible(type)
    {
        private PyObject[] ring = new PyObject[8];
        private int head;

        public int Count { get; private set; }

        public long Max { get; set; } = -1;

        public long State { get; private set; }

        public PyObject this[int index]
        {
            get => ring[(head + index) & (ring.Length - 1)];
            set => ring[(head + index) & (ring.Length - 1)] = value;
        }

        private void Grow()
        {
            if (Count < ring.Length)
                return;
            PyThread.Current.Machine.Limits.CheckSize(ring.Length * 16L);
            var bigger = new PyObject[ring.Length * 2];
            for (var i = 0; i < Count; i++)
                bigger[i] = this[i];
            (ring, head) = (bigger, 0);
        }

        public void Append(PyObject item)
        {
            State++;
            if (Max == 0)
                return;
            Grow();
            this[Count++] = item;
            if (Max >= 0 && Count > Max)
                PopLeft();
        }

        public void AppendLeft(PyObject item)
        {
            State++;
            if (Max == 0)
                return;
            Grow();
            head = (head - 1) & (ring.Length - 1);
            ring[head] = item;
            Count++;
            if (Max >= 0 && Count > Max)
                Pop();
        }

        public PyObject Pop()
        {
            if (Count == 0)
                throw Err.Index("pop from an empty deque");
            State++;
            var item = this[--Count];
            this[Count] = null!;
            return item;
        }

        public PyObject PopLeft()
        {
            if (Count == 0)
                throw Err.Index("pop from an empty deque");
            State++;
            var item = ring[head];
            ring[head] = null!;
            head = (head + 1) & (ring.Length - 1);
            Count--;
            return item;
        }

        public PyObject[] ToArray() => [.. Enumerable.Range(0, Count).Select(i => this[i])];

        public void SetAll(IEnumerable<PyObject> items)
        {
            var all = items.ToArray();
            (ring, head, Count) = (new PyObject[8], 0, 0);
            State++;
            foreach (var item in all)
                Append(item);
        }
    }

    private static PyDeque D(PyObject o) => (PyDeque)o;

    private static PyDeque Copy(PyDeque self, IEnumerable<PyObject> items)
    {
        var copy = new PyDeque(self.Type) { Max = self.Max };
        copy.SetAll(items);
        return copy;
    }

    private static readonly PyStr GetName = Names.Intern("get");
    private static readonly PyType DequeIterator = PyIterator.MakeType("_deque_iterator", "_collections");

    private static IEnumerable<PyObject> Iterate(PyDeque self, bool reverse)
    {
        var state = self.State;
        for (var i = 0; i < self.Count; i++)
        {
            yield return self[reverse ? self.Count - 1 - i : i];
            if (self.State != state)
                throw Err.Runtime("deque mutated during iteration");
        }
    }

    public static readonly PyType Deque = new("deque", PyType.Object, t =>
    {
        t.IsSequence = true;
        t.New = (type, _, _) => new PyDeque(type);
        t.Init = (o, args, names) =>
        {
            var a = DequeParameters.Bind(args, names);
            D(o).Max = a[1] == Values.None ? -1 : Args.Long(a[1]!) is >= 0 and var max ? max : throw Err.Value("maxlen must be non-negative");
            D(o).SetAll(Ops.Each(a[0] ?? PyTuple.Empty));
        };
        t.Unhashable();
        t.Repr = o => ReprGuard.Run(o, "[...]", () => PyStr.FromUtf16($"{o.Type.Name}({Ops.Repr(new PyList(D(o).ToArray()))}{(D(o).Max >= 0 ? $", maxlen={D(o).Max}" : "")})"));
        t.Compare = (a, b, op) => b is PyDeque y ? Sequences.Compare(D(a).ToArray(), y.ToArray(), op) : Values.NotImplemented;
        t.Len = o => D(o).Count;
        t.Iter = o => new PyEnumerator(DequeIterator, Iterate(D(o), false).GetEnumerator());
        t.Def0("__reversed__", o => new PyEnumerator(DequeIterator, Iterate(D(o), true).GetEnumerator()));
        t.Contains = (o, item) => Iterate(D(o), false).Any(each => Ops.Eq(each, item));
        t.GetItem = (o, key) => D(o)[Index(D(o), key)];
        t.SetItem = (o, key, value) =>
        {
            var index = Index(D(o), key);
            if (value is not null)
                D(o)[index] = value;
            else
                D(o).SetAll(D(o).ToArray().Where((_, i) => i != index));
        };
        t.Concat = (a, b) => b is PyDeque y ? Copy(D(a), D(a).ToArray().Concat(y.ToArray())) : throw Err.Type($"can only concatenate deque (not \"{b.Type.FullName}\") to deque");
        t.Repeat = (o, n) => Copy(D(o), Sequences.Repeat<PyObject>(D(o).ToArray(), n));
        t.InPlaceConcat = (a, b) =>
        {
            foreach (var item in Ops.ToArray(b).ToArray())
                D(a).Append(item);
            return a;
        };
        t.InPlaceRepeat = (o, n) =>
        {
            D(o).SetAll(Sequences.Repeat<PyObject>(D(o).ToArray(), n));
            return o;
        };
        Do1("append", (d, x) => d.Append(x));
        Do1("appendleft", (d, x) => d.AppendLeft(x));
        Do1("extend", (d, x) =>
        {
            foreach (var item in Ops.Each(x == d ? new PyTuple(d.ToArray()) : x))
                d.Append(item);
        });
        Do1("extendleft", (d, x) =>
        {
            foreach (var item in Ops.Each(x == d ? new PyTuple(d.ToArray()) : x))
                d.AppendLeft(item);
        });
        Do1("remove", (d, x) =>
        {
            var at = Array.FindIndex(d.ToArray(), i => Ops.Eq(i, x));
            d.SetAll(at >= 0 ? d.ToArray().Where((_, i) => i != at) : throw Err.Value("deque.remove(x): x not in deque"));
        });
        t.Def0("pop", o => D(o).Pop());
        t.Def0("popleft", o => D(o).PopLeft());
        t.Def0("clear", o =>
        {
            D(o).SetAll([]);
            return Values.None;
        });
        t.Def0("reverse", o =>
        {
            D(o).SetAll(D(o).ToArray().Reverse());
            return Values.None;
        });
        foreach (var name in new[] { "copy", "__copy__" })
            t.Def0(name, o => Copy(D(o), D(o).ToArray()));
        t.Def1("count", (o, x) => PyInt.Of(Iterate(D(o), false).Count(i => Ops.Eq(i, x))));
        t.Def("index", "value, start=?, stop=?, /", (o, a) =>
        {
            var (start, stop) = Args.Range(a[1], a[2], D(o).Count);
            for (var i = start; i < stop; i++)
            {
                if (Ops.Eq(D(o)[i], a[0]!))
                    return PyInt.Of(i);
            }
            throw Err.Value($"{Ops.Repr(a[0]!)} is not in deque");
        });
        t.Def("insert", "index, value, /", (o, a) =>
        {
            var d = D(o);
            if (d.Max >= 0 && d.Count >= d.Max)
                throw Err.Index("deque already at its maximum size");
            var index = Args.Clipped(a[0]!);
            var all = d.ToArray().ToList();
            all.Insert((int)Math.Clamp(index < 0 ? index + d.Count : index, 0, d.Count), a[1]!);
            d.SetAll(all);
            return Values.None;
        });
        t.Def("rotate", "n=1, /", (o, a) =>
        {
            var d = D(o);
            if (d.Count < 2)
                return Values.None;
            var n = Args.Long(a[0]!) % d.Count;
            for (; n > 0; n--)
                d.AppendLeft(d.Pop());
            for (; n < 0; n++)
                d.Append(d.PopLeft());
            return Values.None;
        });
        t.Getter("maxlen", o => D(o).Max < 0 ? Values.None : PyInt.Of(D(o).Max));
        t.Def0("__reduce__", o => new PyTuple(o.Type, D(o).Max < 0 ? PyTuple.Empty : new PyTuple(PyTuple.Empty, PyInt.Of(D(o).Max)), ObjectType.StateOf(o), Ops.Iter(o)));
        t.DefClassGetItem();

        void Do1(string name, Action<PyDeque, PyObject> action) => t.Def1(name, (o, x) =>
        {
            action(D(o), x);
            return Values.None;
        });
    }, "collections");

    private static int Index(PyDeque self, PyObject key)
    {
        if (key.Type.Index is null)
            throw Err.Type($"sequence index must be integer, not '{key.Type.FullName}'");
        var index = Sequences.Index(key, "deque");
        if (index < 0)
            index += self.Count;
        return (ulong)index < (ulong)self.Count ? (int)index : throw Err.Index("deque index out of range");
    }

    private sealed class PyDefaultDict(PyType type) : PyDictInstance(type)
    {
        public PyObject Factory { get; set; } = Values.None;
    }

    private static readonly PyType DefaultDict = new("defaultdict", DictType.Type, t =>
    {
        t.New = (type, _, _) => new PyDefaultDict(type);
        t.Init = (o, args, names) =>
        {
            var self = (PyDefaultDict)o;
            var positional = args.Length - (names?.Count ?? 0);
            if (positional > 0)
            {
                self.Factory = args[0] == Values.None || BuiltinsModule.IsCallable(args[0]) ? args[0] : throw Err.Type("first argument must be callable or None");
                args = args[1..];
            }
            DictType.UpdateFrom(self, "defaultdict", args, names);
        };
        t.Def1("__missing__", (o, key) =>
        {
            var self = (PyDefaultDict)o;
            if (self.Factory == Values.None)
                throw Err.Key(key);
            var value = Calls.Call(self.Factory);
            self.Set(key, value);
            return value;
        });
        t.Repr = o => PyStr.FromUtf16($"{o.Type.Name}({Ops.Repr(((PyDefaultDict)o).Factory)}, {DictType.Type.Repr!(o)})");
        t.Member("default_factory", o => ((PyDefaultDict)o).Factory, (o, v) => ((PyDefaultDict)o).Factory = v ?? Values.None);
        foreach (var name in new[] { "copy", "__copy__" })
            t.Def0(name, o => CopyOf((PyDefaultDict)o));
        t.Numbers[(int)NumberOp.Or] = (a, b) =>
        {
            if (a is not PyDict x || b is not PyDict y)
                return Values.NotImplemented;
            var made = CopyOf((a as PyDefaultDict ?? (PyDefaultDict)b), x);
            made.Update(y);
            return made;
        };
        t.Def0("__reduce__", o => new PyTuple(o.Type, ((PyDefaultDict)o).Factory == Values.None ? PyTuple.Empty : new PyTuple(((PyDefaultDict)o).Factory), Values.None, Values.None, Ops.Iter(Calls.CallMethod(o, "items"))));
        t.DefClassGetItem();
    }, "collections");

    private static PyDefaultDict CopyOf(PyDefaultDict self, PyDict? from = null)
    {
        var copy = new PyDefaultDict(self.Type) { Factory = self.Factory };
        copy.Update(from ?? self);
        return copy;
    }

    public static void Fill(ModuleBuilder m)
    {
        m.Types(Deque, DefaultDict);
        m.Set("_deque_iterator", DequeIterator);
        m.Def("_count_elements", "mapping, iterable, /", a =>
        {
            if (a[0] is PyDict counts && counts.Type.SetItem == DictType.Type.SetItem && counts.Type.Lookup(GetName) == DictType.Type.Lookup(GetName))
            {
                foreach (var item in Ops.Each(a[1]!))
                {
                    var hash = Ops.Hash(item);
                    counts.Set(item, counts.Get(item, hash) is { } count ? Ops.Binary(count, PyInt.One, NumberOp.Add) : PyInt.One, hash);
                }
                return Values.None;
            }
            foreach (var item in Ops.Each(a[1]!))
                Ops.SetItem(a[0]!, item, Ops.Binary(Calls.CallMethod(a[0]!, "get", item, PyInt.Zero), PyInt.One, NumberOp.Add));
            return Values.None;
        });
    }
}
