namespace Holon.Python.Modules.Pickling;

/// <summary><c>_pickle.Unpickler</c> as Python sees it.</summary>
internal static class UnpicklerType
{
    private static PyUnpickler U(PyObject o) => (PyUnpickler)o;

    private sealed class PyMemo(PyUnpickler unpickler) : PyObject
    {
        public PyUnpickler Unpickler => unpickler;

        public override PyType Type => MemoType;
    }

    private static PyDict CopyMemo(PyUnpickler unpickler)
    {
        var result = new PyDict();
        foreach (var (index, value) in unpickler.Memo.Items())
            result.Set(PyInt.Of(index), value);
        return result;
    }

    private static readonly PyType MemoType = new("UnpicklerMemoProxy", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Unhashable();
        t.Def0("clear", o =>
        {
            ((PyMemo)o).Unpickler.Memo = new UnpicklerMemo();
            return Values.None;
        });
        t.Def0("copy", o => CopyMemo(((PyMemo)o).Unpickler));
        t.Def0("__reduce__", o => new PyTuple(DictType.Type, new PyTuple(CopyMemo(((PyMemo)o).Unpickler))));
    }, "_pickle");

    private static void SetMemo(PyUnpickler unpickler, PyObject? value)
    {
        var memo = new UnpicklerMemo();
        if (value is PyMemo other)
        {
            foreach (var (index, each) in other.Unpickler.Memo.Items())
                memo.Set(index, each);
        }
        else if (value is PyDict dict)
        {
            foreach (var (key, each) in dict.Items())
            {
                if (key is not PyInt)
                    throw Err.Type("memo key must be integers");
                memo.Set(Args.Long(key) is >= 0 and var index ? index : throw Err.Value("memo key must be positive integers."), each);
            }
        }
        else
        {
            throw value is null ? Err.Type("attribute deletion is not supported") : Err.Type($"'memo' attribute must be an UnpicklerMemoProxy object or dict, not {value.Type.Name}");
        }
        unpickler.Memo = memo;
    }

    public static readonly PyType Type = new("Unpickler", PyType.Object, t =>
    {
        t.Doc("This takes a binary file for reading a pickle data stream.");
        t.New = (type, _, _) => new PyUnpickler(type);
        var signature = Signature.Parse("file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=?");
        t.Init = (o, args, names) =>
        {
            var a = signature.Bind(new NativeCode { Name = "Unpickler" }, args, names);
            U(o).Input.SetFile(a[0]!);
            U(o).Open(a[1]!, a[2]!, a[3]!, a[4]);
            U(o).PersistentLoad = Attributes.TryGet(o, "persistent_load");
            U(o).Memo = new UnpicklerMemo();
        };
        t.Def0("load", o => U(o).Input.IsOpen ? U(o).Load() : throw PickleState.Current.Unpickling($"Unpickler.__init__() was not called by {o.Type.Name}.__init__()"));
        t.Def("find_class", "module_name, global_name, /", (o, a) => U(o).FindClass(a[0]!, a[1]!));
        t.Getter("memo", o => new PyMemo(U(o)), (o, v) => SetMemo(U(o), v));
        t.Getter("persistent_load", o => U(o).PersistentLoad, (o, v) =>
        {
            if (v is null)
                throw Err.Type("attribute deletion is not supported");
            U(o).PersistentLoad = BuiltinsModule.IsCallable(v) ? v : throw Err.Type("persistent_load must be a callable taking one argument");
        });
    }, "_pickle");
}
