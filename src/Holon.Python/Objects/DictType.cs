using System.Diagnostics.CodeAnalysis;

namespace Holon.Python.Objects;

internal static class DictType
{
    public static readonly PyType Type = new("dict", PyType.Object, Define);

    private static void Define(PyType t)
    {
        t.IsMapping = true;
        t.New = (type, _, _) => type == Type ? new PyDict() : new PyDictInstance(type);
        t.Init = (o, args, names) => UpdateFrom((PyDict)o, "dict", args, names);
        t.Unhashable();
        t.Repr = Repr;
        t.Compare = (a, b, op) => b is PyDict y && op is CompareOp.Eq or CompareOp.Ne ? Values.Bool(Equal((PyDict)a, (PyDict)b) == (op == CompareOp.Eq)) : Values.NotImplemented;
        t.Iter = o => new PyDictIterator((PyDict)o, DictPart.Keys, false);
        t.Len = o => ((PyDict)o).Count;
        t.GetItem = GetItem;
        t.SetItem = (o, key, value) =>
        {
            if (value is not null)
                ((PyDict)o).Set(key, value);
            else if (((PyDict)o).Remove(key) is null)
                throw Err.Key(key);
        };
        t.Contains = (o, key) => ((PyDict)o).Contains(key);
        t.Numbers[(int)NumberOp.Or] = (a, b) =>
        {
            if (a is not PyDict x || b is not PyDict y)
                return Values.NotImplemented;
            var union = x.Copy();
            union.Update(y);
            return union;
        };
        t.InPlace[(int)NumberOp.Or] = (a, b) =>
        {
            UpdateFrom((PyDict)a, "update", [b], null);
            return a;
        };
        t.Def("get", "key, default=None, /", (o, key) => ((PyDict)o).Get(key) ?? Values.None, (o, a) => ((PyDict)o).Get(a[0]!) ?? a[1]);
        t.Def("setdefault", "key, default=None, /", (o, a) =>
        {
            var self = (PyDict)o;
            var hash = Ops.Hash(a[0]!);
            if (self.Get(a[0]!) is { } present)
                return present;
            self.Set(a[0]!, a[1]!, hash);
            return a[1];
        });
        t.Def("pop", "key, default=?, /", (o, a) => ((PyDict)o).Remove(a[0]!) ?? a[1] ?? Err.Set(Err.Key(a[0]!)));
        t.Def0("popitem", o =>
        {
            var self = (PyDict)o;
            for (var i = self.EntryCount - 1; i >= 0; i--)
            {
                if (self.EntryAt(i, out var key, out var value))
                {
                    self.RemoveEntry(i);
                    return new PyTuple(key, value);
                }
            }
            throw Err.Key(Values.Str("popitem(): dictionary is empty"));
        });
        t.Def0("clear", o =>
        {
            ((PyDict)o).Clear();
            return Values.None;
        });
        t.Def0("copy", o => ((PyDict)o).Copy());
        t.DefRaw("update", (o, args, names) =>
        {
            UpdateFrom((PyDict)o, "update", args, names);
            return Values.None;
        });
        t.Def0("keys", o => new PyDictView((PyDict)o, DictPart.Keys));
        t.Def0("values", o => new PyDictView((PyDict)o, DictPart.Values));
        t.Def0("items", o => new PyDictView((PyDict)o, DictPart.Items));
        t.Def0("__reversed__", o => new PyDictIterator((PyDict)o, DictPart.Keys, true));
        t.Def0("__sizeof__", o => PyInt.Of(64 + 36L * ((PyDict)o).Count));
        t.DefClass("fromkeys", "iterable, value=None, /", (cls, a) =>
        {
            if (cls == Type)
            {
                var made = new PyDict();
                foreach (var key in Ops.Each(a[0]!))
                    made.Set(key, a[1]!);
                return made;
            }
            var dict = Calls.Call(cls);
            foreach (var key in Ops.Each(a[0]!))
                Ops.SetItem(dict, key, a[1]!);
            return dict;
        });
        t.DefClassGetItem();
    }

    public static PyObject GetItem(PyObject o, PyObject key)
    {
        var self = (PyDict)o;
        if (self.Get(key) is { } value)
            return value;
        if (o.GetType() != typeof(PyDict) && Calls.Special(o, Names.Missing, key) is { } other)
            return other;
        throw Err.Key(key);
    }

    private static bool Equal(PyDict a, PyDict b)
    {
        if (a.Count != b.Count)
            return false;
        foreach (var (key, value) in a.Items())
        {
            if (b.Get(key) is not { } other || !Ops.Eq(value, other))
                return false;
        }
        return true;
    }

    private static PyObject Repr(PyObject o) => ((PyDict)o).Count == 0 ? Values.Str("{}") : ReprGuard.Run(o, "{...}", () =>
    {
        var text = new PyStrBuilder().Append("{");
        var first = true;
        foreach (var (key, value) in ((PyDict)o).Items())
        {
            text.Append(first ? "" : ", ").Append(Ops.ReprObject(key)).Append(": ").Append(Ops.ReprObject(value));
            first = false;
        }
        return text.Append("}").ToStr();
    });

    /// <summary>dict.update: a mapping or pairs, then keywords.</summary>
    public static void UpdateFrom(PyDict self, string function, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var count = args.Length - (names?.Count ?? 0);
        if (count > 1)
            throw Err.Type($"{function} expected at most 1 argument, got {count}");
        if (count == 1)
            Merge(self, args[0]);
        for (var i = 0; i < (names?.Count ?? 0); i++)
            self.Set(names![i], args[count + i]);
    }

    public static void Merge(PyDict self, PyObject source)
    {
        if (source is PyDict dict && dict.Type.Iter == Type.Iter)
        {
            if (dict != self)
                self.Update(dict);
            return;
        }
        if (Attributes.TryGet(source, Names.Keys) is { } keys)
        {
            foreach (var key in Ops.Each(Calls.Call(keys)))
                self.Set(key, Ops.GetItem(source, key));
            return;
        }
        var number = 0;
        foreach (var pair in Ops.Each(source))
        {
            PyObject[] both;
            try
            {
                both = Ops.ToArray(pair);
            }
            catch (PyError e) when (e.Value.Type == ExceptionTypes.TypeError)
            {
                throw Err.Type($"cannot convert dictionary update sequence element #{number} to a sequence");
            }
            if (both.Length != 2)
                throw Err.Value($"dictionary update sequence element #{number} has length {both.Length}; 2 is required");
            self.Set(both[0], both[1]);
            number++;
        }
    }
}

internal enum DictPart
{
    Keys,
    Values,
    Items,
}

internal sealed class PyDictIterator(PyDict dict, DictPart part, bool reverse) : PyIterator((part, reverse) switch
{
    (DictPart.Keys, false) => IteratorTypes.DictKeys,
    (DictPart.Values, false) => IteratorTypes.DictValues,
    (DictPart.Items, false) => IteratorTypes.DictItems,
    (DictPart.Keys, true) => IteratorTypes.DictReverseKeys,
    (DictPart.Values, true) => IteratorTypes.DictReverseValues,
    _ => IteratorTypes.DictReverseItems,
})
{
    private PyDict? dict = dict;
    private readonly int size = dict.Count;
    private int position = reverse ? dict.EntryCount - 1 : 0;
    private int given;

    /// <summary>It gives keys with their values, in order.</summary>
    public bool GivesItems => part == DictPart.Items;

    public override PyObject? Next() => !NextEntry(out var key, out var value) ? null : part switch
    {
        DictPart.Keys => key,
        DictPart.Values => value,
        _ => new PyTuple(key, value),
    };

    /// <summary>What comes next, not made into one object.</summary>
    public bool NextEntry([NotNullWhen(true)] out PyObject? key, [NotNullWhen(true)] out PyObject? value)
    {
        (key, value) = (null, null);
        if (dict is null)
            return false;
        if (dict.Count != size)
            throw Err.Runtime("dictionary changed size during iteration");
        while (reverse ? position >= 0 : position < dict.EntryCount)
        {
            var number = reverse ? position-- : position++;
            if (number >= dict.EntryCount || !dict.EntryAt(number, out key, out value))
                continue;
            if (given++ >= size)
                throw Err.Runtime("dictionary keys changed during iteration");
            return true;
        }
        dict = null;
        return false;
    }

    public override int Remaining => dict is null || dict.Count != size ? 0 : size - given;

    public override PyObject Reduce()
    {
        var rest = new PyList();
        var copy = (PyDictIterator)MemberwiseClone();
        while (copy.Next() is { } item)
            rest.Add(item);
        return new PyTuple(Builtin("iter"), new PyTuple(rest));
    }
}

internal sealed class PyDictView(PyDict dict, DictPart part) : PyObject
{
    public PyDict Dict { get; } = dict;

    public DictPart Part { get; } = part;

    public override PyType Type => Part switch
    {
        DictPart.Keys => DictViewTypes.Keys,
        DictPart.Values => DictViewTypes.Values,
        _ => DictViewTypes.Items,
    };
}

internal static class DictViewTypes
{
    public static readonly PyType Keys = Make("dict_keys", true);
    public static readonly PyType Values = Make("dict_values", false);
    public static readonly PyType Items = Make("dict_items", true);

    private static PyType Make(string name, bool isSet) => new(name, PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, _, _) => throw Err.Type($"cannot create '{name}' instances");
        t.Len = o => ((PyDictView)o).Dict.Count;
        t.Iter = o => new PyDictIterator(((PyDictView)o).Dict, ((PyDictView)o).Part, false);
        t.Repr = o => ReprGuard.Run(o, "...", () => new PyStr(name + "(").Plus(Ops.ReprObject(new PyList(Ops.Each(o)))).Plus(new PyStr(")")));
        t.Def0("__reversed__", o => new PyDictIterator(((PyDictView)o).Dict, ((PyDictView)o).Part, true));
        t.Getter("mapping", o => new PyMappingProxy(((PyDictView)o).Dict));
        if (!isSet)
            return;
        t.Contains = (o, item) =>
        {
            var view = (PyDictView)o;
            if (view.Part == DictPart.Keys)
                return view.Dict.Contains(item);
            return item is PyTuple { Count: 2 } pair && view.Dict.Get(pair[0]) is { } value && Ops.Eq(value, pair[1]);
        };
        t.Hash = null;
        t.Compare = (a, b, op) =>
        {
            if (b is not (PySet or PyDictView { Part: not DictPart.Values }))
                return Objects.Values.NotImplemented;
            var (x, y) = (Ops.Len(a), Ops.Len(b));
            return Objects.Values.Bool(op switch
            {
                CompareOp.Eq => x == y && AllIn(a, b),
                CompareOp.Ne => !(x == y && AllIn(a, b)),
                CompareOp.Lt => x < y && AllIn(a, b),
                CompareOp.Le => x <= y && AllIn(a, b),
                CompareOp.Gt => x > y && AllIn(b, a),
                _ => x >= y && AllIn(b, a),
            });
        };
        Operator(NumberOp.Subtract, (x, y) => x.Remove(y));
        Operator(NumberOp.And, null);
        Operator(NumberOp.Or, (x, y) => x.Add(y));
        Operator(NumberOp.Xor, (x, y) =>
        {
            if (!x.Remove(y))
                x.Add(y);
        });
        t.Def1("isdisjoint", (o, other) => Objects.Values.Bool(!Ops.Each(other).Any(item => Ops.Contains(o, item))));

        void Operator(NumberOp op, Action<PySet, PyObject>? each) => t.Numbers[(int)op] = (a, b) =>
        {
            if (a is not PyDictView && b is not PyDictView)
                return Objects.Values.NotImplemented;
            if (b.Type.Iter is null)
                return Objects.Values.NotImplemented;
            if (each is null)
                return new PySet(Ops.Each(b).Where(item => Ops.Contains(a, item)), false);
            var result = new PySet(Ops.Each(a), false);
            foreach (var item in op == NumberOp.Xor ? new PySet(Ops.Each(b), false).Items() : Ops.Each(b))
                each(result, item);
            return result;
        };
    });

    private static bool AllIn(PyObject a, PyObject b) => Ops.Each(a).All(item => Ops.Contains(b, item));
}
