namespace Holon.Python.Objects;

internal class PyException : PyExtensible
{
    public PyException(PyType type, PyTuple args)
        : base(type)
    {
        Args = args;
    }

    public PyTuple Args { get; set; }

    public PyTraceback? Traceback { get; set; }

    public PyException? Cause { get; set; }

    public PyException? Context { get; set; }

    public bool SuppressContext { get; set; }

    /// <summary>Attributes that the built-in class adds: errno, name, obj, value, code, ...</summary>
    public Dictionary<string, PyObject> Fields
    {
        get
        {
            fields ??= [];
            if (single is { } value)
            {
                fields[singleName!] = value;
                single = null;
            }
            if (second is { } other)
            {
                fields[secondName!] = other;
                second = null;
            }
            return fields;
        }
    }

    private Dictionary<string, PyObject>? fields;

    // Most have two at most, and the ends of generators and missing attributes are many: no table for that.
    private string? singleName;
    private PyObject? single;
    private string? secondName;
    private PyObject? second;

    /// <summary>Gives a new exception its only attribute.</summary>
    public void SetSingle(string name, PyObject value) => (singleName, single) = (name, value);

    /// <summary>Gives a new exception its two attributes.</summary>
    public void SetPair(string name, PyObject value, string otherName, PyObject other)
    {
        SetSingle(name, value);
        (secondName, second) = (otherName, other);
    }

    public PyObject Field(string name)
    {
        if (second is not null && secondName == name)
            return second;
        if (single is not null && singleName == name)
            return single;
        return fields is null ? Values.None : fields.GetValueOrDefault(name, Values.None);
    }

    public string SafeText()
    {
        try
        {
            return Ops.Str(this).ToString();
        }
        catch (PyError)
        {
            return "<exception str() failed>";
        }
    }
}

/// <summary>Ends a machine whose limit is used up: no handler of the program sees it.</summary>
internal sealed class PyKillException(PyType type, PyTuple args) : PyException(type, args);

internal sealed class PyTraceback(PyTraceback? next, PyFrame frame, int lasti, int? line = null) : PyObject
{
    public PyTraceback? Next { get; set; } = next;

    public PyFrame Frame { get; } = Held(frame);

    public int LastInstruction { get; } = lasti;

    /// <summary>Found when somebody asks: most tracebacks are never printed.</summary>
    public int Line => line ?? Frame.Code.LineOf(LastInstruction / 2);

    public override PyType Type => TracebackType.Type;

    private static PyFrame Held(PyFrame frame)
    {
        frame.Escape();
        return frame;
    }
}

internal static class TracebackType
{
    private static readonly NativeParameters TracebackParameters = new("traceback", "tb_next, tb_frame, tb_lasti, tb_lineno");

    public static readonly PyType Type = new("traceback", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, args, names) =>
        {
            var a = TracebackParameters.Bind(args, names);
            return new PyTraceback(Args.IsNone(a[0]) ? null : a[0] as PyTraceback ?? throw Err.Type($"expected traceback object or None, got '{a[0]!.Type.FullName}'"), Args.As<PyFrame>(a[1]!, "traceback", "frame"), Args.Int(a[2]!), Args.Int(a[3]!));
        };
        t.Getter("tb_next", o => (PyObject?)((PyTraceback)o).Next ?? Values.None, (o, v) =>
        {
            for (var at = v as PyTraceback; at is not null; at = at.Next)
            {
                if (at == o)
                    throw Err.Value("traceback loop detected");
            }
            ((PyTraceback)o).Next = Args.IsNone(v) && v is not null ? null : v as PyTraceback ?? throw Err.Type($"expected traceback object, got '{Args.TypeName(v)}'");
        });
        t.Member("tb_frame", o => ((PyTraceback)o).Frame);
        t.Member("tb_lasti", o => PyInt.Of(((PyTraceback)o).LastInstruction));
        t.Getter("tb_lineno", o => PyInt.Of(((PyTraceback)o).Line));
    });
}
