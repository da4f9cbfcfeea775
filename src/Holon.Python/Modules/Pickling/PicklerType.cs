namespace Holon.Python.Modules.Pickling;

/// <summary><c>_pickle.Pickler</c> as Python sees it.</summary>
internal static class PicklerType
{
    private static PyPickler P(PyObject o) => (PyPickler)o;

    /// <summary>A pickler's memo, which looks like a dict only when copied.</summary>
    private sealed class PyMemo(PyPickler pickler) : PyObject
    {
        public PyPickler Pickler => pickler;

        public override PyType Type => MemoType;
    }

    private static PyDict CopyMemo(PyPickler pickler)
    {
        var result = new PyDict();
        foreach (var (value, index) in pickler.Memo)
            result.Set(Ops.Id(value), new PyTuple(PyInt.Of(index), value));
        return result;
    }

    private static readonly PyType MemoType = new("PicklerMemoProxy", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Unhashable();
        t.Def0("clear", o =>
        {
            ((PyMemo)o).Pickler.Memo.Clear();
            return Values.None;
        });
        t.Def0("copy", o => CopyMemo(((PyMemo)o).Pickler));
        t.Def0("__reduce__", o => new PyTuple(DictType.Type, new PyTuple(CopyMemo(((PyMemo)o).Pickler))));
    }, "_pickle");

    private static void SetMemo(PyPickler pickler, PyObject? value)
    {
        var memo = new Dictionary<PyObject, int>(ReferenceEqualityComparer.Instance);
        if (value is PyMemo other)
        {
            foreach (var (key, index) in other.Pickler.Memo)
                memo[key] = index;
        }
        else if (value is PyDict dict)
        {
            foreach (var (_, entry) in dict.Items())
            {
                if (entry is not PyTuple { Count: 2 } pair)
                    throw Err.Type("'memo' values must be 2-item tuples");
                memo[pair[1]] = Args.Int(pair[0]);
            }
        }
        else
        {
            throw value is null ? Err.Type("attribute deletion is not supported") : Err.Type($"'memo' attribute must be a PicklerMemoProxy object or dict, not {value.Type.Name}");
        }
        pickler.Memo = memo;
    }

    public static readonly PyType Type = new("Pickler", PyType.Object, t =>
    {
        t.Doc("This takes a binary file for writing a pickle data stream.");
        t.New = (type, _, _) => new PyPickler(type);
        var signature = Signature.Parse("file, protocol=None, fix_imports=True, buffer_callback=None");
        t.Init = (o, args, names) =>
        {
            var a = signature.Bind(new NativeCode { Name = "Pickler" }, args, names);
            P(o).Open(a[1]!, Ops.IsTrue(a[2]!), a[3]!);
            P(o).SetFile(a[0]!);
            P(o).PersistentId = Attributes.TryGet(o, "persistent_id");
            P(o).DispatchTable = Attributes.TryGet(o, "dispatch_table");
        };
        t.Def1("dump", (o, value) =>
        {
            var self = P(o);
            if (self.Output.Write is null)
                throw PickleState.Current.Pickling($"Pickler.__init__() was not called by {o.Type.Name}.__init__()");
            self.ReducerOverride = Attributes.TryGet(o, "reducer_override");
            try
            {
                self.Dump(value);
            }
            finally
            {
                self.ReducerOverride = null;
            }
            return Values.None;
        });
        t.Def0("clear_memo", o =>
        {
            P(o).Memo.Clear();
            return Values.None;
        });
        t.Member("bin", o => PyInt.Of(P(o).IsBinary ? 1 : 0), (o, v) => P(o).IsBinary = Args.Int(v!) != 0);
        t.Member("fast", o => PyInt.Of(P(o).IsFast ? 1 : 0), (o, v) => P(o).IsFast = Args.Int(v!) != 0);
        t.Member("dispatch_table", o => P(o).DispatchTable, (o, v) => P(o).DispatchTable = v);
        t.Getter("memo", o => new PyMemo(P(o)), (o, v) => SetMemo(P(o), v));
        t.Getter("persistent_id", o => P(o).PersistentId, (o, v) =>
        {
            if (v is null)
                throw Err.Type("attribute deletion is not supported");
            P(o).PersistentId = BuiltinsModule.IsCallable(v) ? v : throw Err.Type("persistent_id must be a callable taking one argument");
        });
    }, "_pickle");
}
