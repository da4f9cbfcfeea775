namespace Holon.Python.Modules;

/// <summary>A tuple with named fields, as sys.flags and os.stat_result are.</summary>
internal sealed class StructSequence
{
    private readonly int visible;
    private readonly int total;

    public StructSequence(string qualifiedName, string[] fields, int? visible = null)
    {
        this.visible = visible ?? fields.Length;
        total = fields.Length;
        var dot = qualifiedName.LastIndexOf('.');
        Type = new PyType(qualifiedName[(dot + 1)..], TupleType.Type, t =>
        {
            for (var i = 0; i < fields.Length; i++)
            {
                var index = i;
                t.Member(fields[i], o => index < ((PyTuple)o).Count ? ((PyTuple)o)[index] : o is PyStructTuple s && index - ((PyTuple)o).Count < s.Hidden.Length ? s.Hidden[index - ((PyTuple)o).Count] : Values.None);
            }
            t.Repr = o => Values.Str(qualifiedName + "(" + string.Join(", ", ((PyTuple)o).Items.Select((v, i) => $"{fields[i]}={Ops.Repr(v)}")) + ")");
            t.Constant("n_fields", PyInt.Of(fields.Length));
            t.Constant("n_sequence_fields", PyInt.Of(this.visible));
            t.Constant("n_unnamed_fields", PyInt.Zero);
            t.Constant("__match_args__", new PyTuple([.. fields.Take(this.visible).Select(f => (PyObject)new PyStr(f))]));
            t.New = (_, args, _) => Make(args.Length > 0 ? Ops.ToArray(args[0]) : throw Err.Type("constructor requires 1 argument"));
            t.Def0("__reduce__", o => new PyTuple(t, new PyTuple(new PyTuple([.. ((PyTuple)o).Items, .. ((o as PyStructTuple)?.Hidden ?? [])]))));
        }, qualifiedName[..dot]);
    }

    public PyType Type { get; }

    public PyTuple Make(params PyObject[] values)
    {
        if (values.Length < visible || values.Length > total)
            throw Err.Type($"{Type.Name}() takes {(visible == total ? "a" : "at least a")} {visible}-sequence ({values.Length}-sequence given)");
        return new PyStructTuple(Type, values[..visible], values[visible..]);
    }
}

internal sealed class PyStructTuple(PyType type, PyObject[] items, PyObject[] hidden) : PyTuple(items)
{
    public PyObject[] Hidden { get; } = hidden;

    public override PyType Type => type;
}
