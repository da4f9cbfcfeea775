namespace Holon.Python.Objects;

internal static class StrType
{
    private static readonly NativeParameters StrParameters = new("str", "object=?, encoding=?, errors=?");

    public static readonly PyType Type = new("str", PyType.Object, Define);

    private static void Define(PyType t)
    {
        t.IsSequence = false;
        t.New = New;
        t.Repr = o => StrMethods.Repr((PyStr)o);
        t.Str = o => o.GetType() == typeof(PyStr) ? o : ((PyStr)o).Substring(0, ((PyStr)o).Length) is { } s && s.GetType() == typeof(PyStr) ? s : PyStr.FromCodePoints(((PyStr)o).ToCodePoints());
        t.Hash = o => ((PyStr)o).Hash;
        t.Compare = (a, b, op) => b is not PyStr y ? Values.NotImplemented : op switch
        {
            CompareOp.Eq => Values.Bool(((PyStr)a).Equals(y)),
            CompareOp.Ne => Values.Bool(!((PyStr)a).Equals(y)),
            _ => Ops.CompareResult(((PyStr)a).CompareTo(y), op),
        };
        t.Len = o => ((PyStr)o).Length;
        t.Iter = o => new PyStrIterator((PyStr)o);
        t.GetItem = GetItem;
        t.Contains = (o, item) => StrMethods.Find((PyStr)o, item as PyStr ?? throw Err.Type($"'in <string>' requires string as left operand, not {item.Type.FullName}"), 0, ((PyStr)o).Length) >= 0;
        t.Concat = (a, b) => b is PyStr y ? PyStr.Concat((PyStr)a, y) : throw Err.Type($"can only concatenate str (not \"{b.Type.FullName}\") to str");
        t.Repeat = (o, n) =>
        {
            var self = (PyStr)o;
            if (self.IsWide)
                return PyStr.FromCodePoints(Sequences.Repeat<int>(self.Wide, n));
            if (n <= 0 || self.Length == 0)
                return PyStr.Empty;
            if (n > int.MaxValue / 2 / self.Length)
                throw Err.Memory();
            PyThread.Current.Machine.Limits.CheckSize(self.Length * n * 2);
            return new PyStr(self.Length == 1 ? new string(self.Value[0], (int)n) : string.Concat(Enumerable.Repeat(self.Value, (int)n)));
        };
        t.Numbers[(int)NumberOp.Remainder] = (a, b) => a is PyStr format ? PercentFormat.Format(format, b) : Values.NotImplemented;
        StrMethods.Define(t);
    }

    private static PyObject New(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (args.Length == 1 && names is null && type == Type)
            return Ops.Str(args[0]);
        var a = StrParameters.Bind(args, names);
        PyStr value;
        if (a[1] is null && a[2] is null)
        {
            value = a[0] is null ? PyStr.Empty : Ops.Str(a[0]!);
        }
        else
        {
            if (a[0] is PyStr)
                throw Err.Type("decoding str is not supported");
            if (a[0] is not (null or IBuffer))
                throw Err.Type($"decoding to str: need a bytes-like object, {a[0]!.Type.FullName} found");
            value = Codecs.Decode(a[0] ?? PyBytes.Empty, (a[1] as PyStr)?.Value ?? "utf-8", (a[2] as PyStr)?.Value ?? "strict");
        }
        return type == Type ? value : new PyStrInstance(type, value);
    }

    private static PyStr GetItem(PyObject o, PyObject key)
    {
        var self = (PyStr)o;
        if (key is PySlice slice)
        {
            var (start, _, step, count) = slice.Indices(self.Length);
            if (step == 1)
                return self.Substring((int)start, count);
            return PyStr.FromCodePoints(Sequences.Slice<int>(self.ToCodePoints(), start, step, count));
        }
        if (key.Type.Index is null)
            throw Err.Type($"string indices must be integers, not '{key.Type.FullName}'");
        var index = Sequences.Index(key, "string");
        if (index < 0)
            index += self.Length;
        return (ulong)index < (ulong)self.Length ? PyStr.OfChar(self[(int)index]) : throw Err.Index("string index out of range");
    }
}

internal sealed class PyStrIterator(PyStr text) : PyIterator(IteratorTypes.Str)
{
    private int index;

    public override PyObject? Next() => index < text.Length ? PyStr.OfChar(text[index++]) : null;

    public override int Remaining => text.Length - index;

    public override PyObject Reduce() => new PyTuple(Builtin("iter"), new PyTuple(text), PyInt.Of(index));

    public override void SetState(PyObject state) => index = (int)Math.Clamp(Args.Long(state), 0, text.Length);
}
