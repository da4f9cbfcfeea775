namespace Holon.Python.Modules;

/// <summary>
/// Weak references on .NET's. Callbacks come after the garbage collector has found the object dead, so later than in CPython.
/// </summary>
internal static class WeakRefModule
{
    private sealed class PyWeakRef(PyType type, PyObject target, PyObject? callback) : PyExtensible(type), IDeathListener
    {
        private readonly WeakReference<PyObject> target = new(target);
        public long? Hash;

        public PyObject? Callback { get; set; } = callback;

        public PyObject? Target => target.TryGetTarget(out var o) ? o : null;

        public void TargetDied()
        {
            if (Callback is not { } function)
                return;
            Callback = null;
            try
            {
                Calls.Call(function, this);
            }
            catch (PyError error)
            {
                ErrorPrinter.Unraisable(error.Value, function);
            }
        }

        public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names) =>
            Type == CallableProxy ? Alive(this).Call(args, names) : Type == Reference || Type.Lookup(Names.Call) is PySlotWrapper ? Get(args, names) : Calls.CallByType(this, args, names);

        public PyObject Get(ReadOnlySpan<PyObject> args, PyTuple? names)
        {
            Args.Between("weakref", args, names, 0, 0);
            return Target ?? Values.None;
        }
    }

    private static IEnumerable<PyWeakRef> RefsOf(PyObject o) => PyThread.Current.Machine.Finalizers.ListenersOf(o).OfType<PyWeakRef>();

    private static PyWeakRef Make(PyType type, PyObject target, PyObject? callback)
    {
        if (callback == Values.None)
            callback = null;
        if ((target.Type.IsBuiltin && target is PyInt or PyStr or PyTuple or PyFloat or PyBytes or PyComplex or PySingleton or PyList or PyDict) || target is PyInt or PyTuple or PyBytes || (target is PyInstance && !target.Type.HasWeakRefs))
            throw Err.Type($"cannot create weak reference to '{target.Type.FullName}' object");
        if (callback is null && type is { IsBuiltin: true })
        {
            foreach (var known in RefsOf(target))
            {
                if (known.Callback is null && known.Type == type)
                    return known;
            }
        }
        var made = new PyWeakRef(type, target, callback);
        PyThread.Current.Machine.Finalizers.Listen(target, made);
        return made;
    }

    private static readonly PyType Reference = new("ReferenceType", PyType.Object, t =>
    {
        t.New = (type, args, names) =>
        {
            // A class that derives may have more for its __init__.
            if (type.IsBuiltin)
                Args.NoKeywords("ref", names);
            Args.Between("__new__", names is null ? args : args[..^names.Count], null, 1, 2);
            return Make(type, args[0], args.Length > 1 ? args[1] : null);
        };
        t.Init = (_, args, names) => Args.Between("__init__", args, names, 1, 2);
        t.Hash = o =>
        {
            var self = (PyWeakRef)o;
            return self.Hash ??= Ops.Hash(self.Target ?? throw Err.Type("weak object has gone away"));
        };
        t.Compare = (a, b, op) =>
        {
            if (op is not (CompareOp.Eq or CompareOp.Ne) || b is not PyWeakRef y)
                return Values.NotImplemented;
            var (left, right) = (((PyWeakRef)a).Target, y.Target);
            return left is null || right is null ? Values.Bool((a == b) == (op == CompareOp.Eq)) : Ops.Compare(left, right, op);
        };
        t.Repr = o => Values.Str(((PyWeakRef)o).Target is { } x ? $"<weakref at {Ops.Address(o)}; to '{x.Type.Name}' at {Ops.Address(x)}>" : $"<weakref at {Ops.Address(o)}; dead>");
        t.Getter("__callback__", o => ((PyWeakRef)o).Callback ?? Values.None);
        t.Dict.Set(Names.Call, new PySlotWrapper(t, "__call__", (self, args, names) => ((PyWeakRef)self).Get(args, names)));
        t.DefClassGetItem();
    }, "weakref");

    private static PyObject Alive(PyObject proxy) => ((PyWeakRef)proxy).Target ?? throw Err.Of(ExceptionTypes.ReferenceError, "weakly-referenced object no longer exists");

    private static PyType MakeProxy(string name, bool isCallable) => new(name, PyType.Object, t =>
    {
        if (isCallable)
            t.DefCall();
        t.GetAttr = (o, n) => Alive(o).Type.GetAttr!(Alive(o), n);
        t.SetAttr = (o, n, v) => Attributes.Set(Alive(o), n, v);
        t.Str = o => Ops.Str(Alive(o));
        t.Repr = o => Values.Str($"<weakproxy at {Ops.Address(o)} to {Alive(o).Type.Name} at {Ops.Address(Alive(o))}>");
        t.Bool = o => Ops.IsTrue(Alive(o));
        t.Len = o => Ops.Len(Alive(o));
        t.Iter = o => Ops.Iter(Alive(o));
        t.Next = o => Alive(o).Type.Next is { } next ? next(Alive(o)) : throw Err.Type($"Weakref proxy referenced a non-iterator '{Alive(o).Type.FullName}' object");
        t.Index = o => Ops.Index(Alive(o));
        t.Negative = o => Ops.Negative(Alive(o));
        t.Positive = o => Ops.Positive(Alive(o));
        t.Invert = o => Ops.Invert(Alive(o));
        t.Absolute = o => (Alive(o).Type.Absolute ?? throw Err.Type($"bad operand type for abs(): '{Alive(o).Type.FullName}'"))(Alive(o));
        t.Def0("__bytes__", o => Calls.CallMethod(Alive(o), "__bytes__"));
        t.Def0("__reversed__", o => Calls.CallMethod(Alive(o), "__reversed__"));
        t.GetItem = (o, k) => Ops.GetItem(Alive(o), k);
        t.SetItem = (o, k, v) => Ops.SetItem(Alive(o), k, v);
        t.Contains = (o, v) => Ops.Contains(Alive(o), v);
        t.Unhashable();
        t.Compare = (a, b, op) => Ops.Compare(a is PyWeakRef ? Alive(a) : a, b is PyWeakRef && b.Type == t ? Alive(b) : b, op);
        for (var i = 0; i < PyType.NumberOps - 1; i++)
        {
            var op = (NumberOp)i;
            t.Numbers[i] = (a, b) => Ops.Binary(a.Type == t ? Alive(a) : a, b.Type == t ? Alive(b) : b, op);
            t.InPlace[i] = (a, b) => Ops.InPlace(a.Type == t ? Alive(a) : a, b.Type == t ? Alive(b) : b, op);
        }
    }, "weakref");

    private static readonly PyType Proxy = MakeProxy("ProxyType", false);
    private static readonly PyType CallableProxy = MakeProxy("CallableProxyType", true);

    public static void Fill(ModuleBuilder m)
    {
        m.Set("ref", Reference);
        m.Set("ReferenceType", Reference);
        m.Set("ProxyType", Proxy);
        m.Set("CallableProxyType", CallableProxy);
        m.Def("proxy", "object, callback=None, /", a => Make(BuiltinsModule.IsCallable(a[0]!) ? CallableProxy : Proxy, a[0]!, a[1]));
        m.Def1("getweakrefcount", o => PyInt.Of(RefsOf(o).Count()));
        m.Def1("getweakrefs", o => new PyList(RefsOf(o)));
        m.Def("_remove_dead_weakref", "dct, key, /", a =>
        {
            if (((PyDict)a[0]!).Get(a[1]!) is PyWeakRef { Target: null })
                ((PyDict)a[0]!).Remove(a[1]!);
            return Values.None;
        });
    }
}
