namespace Holon.Python.Modules;

/// <summary>_io: files, buffers and text over them.</summary>
internal static partial class IoModule
{
    private const int DefaultBuffer = 8192;

    public static PyType Base => IoBases.Base;

    public static PyType Raw => IoBases.Raw;

    public static PyType BufferedBase => IoBases.BufferedBase;

    public static PyType TextBase => IoBases.TextBase;

    /// <summary>A class of their own: the order in which the parts of a partial class are initialised is not fixed.</summary>
    private static class IoBases
    {
        public static readonly PyType Base = new("_IOBase", PyType.Object, DefineBase, "_io");
        public static readonly PyType Raw = new("_RawIOBase", Base, t =>
        {
            t.Def("read", "size=-1, /", (o, a) =>
            {
                var size = Args.Long(a[0]!, -1);
                if (size < 0)
                    return Calls.CallMethod(o, "readall");
                var buffer = ByteArrayType.Make(new byte[size]);
                var n = Calls.CallMethod(o, "readinto", buffer);
                return n == Values.None ? n : new PyBytes(buffer.Bytes[..(int)Args.Long(n)].ToArray());
            });
            t.Def0("readall", o =>
            {
                var all = new List<byte>();
                while (Calls.CallMethod(o, "read", PyInt.Of(DefaultBuffer)) is IBuffer { Bytes.Length: > 0 } part)
                    all.AddRange(part.Bytes);
                return new PyBytes([.. all]);
            });
        }, "_io");

        public static readonly PyType BufferedBase = new("_BufferedIOBase", Base, t =>
        {
            foreach (var name in new[] { "read", "read1", "write", "detach" })
                t.DefRaw(name, (_, _, _) => throw Unsupported(name));
            t.Def1("readinto", (o, b) => ReadInto(o, b, "read"));
            t.Def1("readinto1", (o, b) => ReadInto(o, b, "read1"));
        }, "_io");

        public static readonly PyType TextBase = new("_TextIOBase", Base, t =>
        {
            foreach (var name in new[] { "read", "readline", "write", "detach" })
                t.DefRaw(name, (_, _, _) => throw Unsupported(name));
            foreach (var name in new[] { "encoding", "newlines", "errors" })
                t.Getter(name, _ => Values.None);
        }, "_io");
    }

    private static PyInt ReadInto(PyObject o, PyObject buffer, string method)
    {
        var target = (IBuffer)buffer;
        var data = ((IBuffer)Calls.CallMethod(o, method, PyInt.Of(target.Bytes.Length))).Bytes;
        data.CopyTo(target.Writable);
        return PyInt.Of(data.Length);
    }

    /// <summary>io.UnsupportedOperation is a class with two bases.</summary>
    public static readonly PyType UnsupportedOperation = MakeUnsupported();

    private static PyType MakeUnsupported()
    {
        var type = new PyType("UnsupportedOperation", ExceptionTypes.OSError, null, "io") { Bases = [ExceptionTypes.OSError, ExceptionTypes.ValueError] };
        type.Mro = [type, ExceptionTypes.OSError, ExceptionTypes.ValueError, ExceptionTypes.Exception, ExceptionTypes.BaseException, PyType.Object];
        return type;
    }

    public static PyError Unsupported(string what) => Err.Of(UnsupportedOperation, what);

    private static readonly PyStr ClosedName = Names.Intern("__IOBase_closed");

    private static void DefineBase(PyType t)
    {
        t.HasDict = true;
        t.Allocate = type => new PyInstance(type);
        t.Iter = o =>
        {
            CheckClosed(o);
            return o;
        };
        t.Next = o => Calls.CallMethod(o, "readline") is var line && Ops.Len(line) > 0 ? line : null;
        t.Getter("closed", o => Values.Bool(o.Data.Get(ClosedName) is not null));
        t.Def0("close", o =>
        {
            if (o.Data.Get(ClosedName) is not null)
                return Values.None;
            try
            {
                Calls.CallMethod(o, "flush");
            }
            finally
            {
                o.Data.Set(ClosedName, Values.True);
            }
            return Values.None;
        });
        t.Def0("flush", o =>
        {
            CheckClosed(o);
            return Values.None;
        });
        t.Def0("__enter__", o =>
        {
            CheckClosed(o);
            return o;
        });
        t.Def("__exit__", "*args", (o, _) => Calls.CallMethod(o, "close"));
        t.Def("seek", "offset, whence=0, /", (_, _) => throw Unsupported("seek"));
        t.Def("truncate", "size=None, /", (_, _) => throw Unsupported("truncate"));
        t.Def0("fileno", _ => throw Unsupported("fileno"));
        t.Def0("tell", o => Calls.CallMethod(o, "seek", PyInt.Zero, PyInt.One));
        foreach (var name in new[] { "seekable", "readable", "writable" })
            t.Def0(name, _ => Values.False);
        t.Def0("isatty", o =>
        {
            CheckClosed(o);
            return Values.False;
        });
        foreach (var (name, word) in new[] { ("seekable", "seekable"), ("readable", "readable"), ("writable", "writable") })
            t.Def("_check" + char.ToUpperInvariant(name[0]) + name[1..], "msg=None", (o, _) => Ops.IsTrue(Calls.CallMethod(o, name)) ? Values.True : throw Unsupported($"File or stream is not {word}."));
        t.Def("_checkClosed", "msg=None", (o, _) =>
        {
            CheckClosed(o);
            return Values.None;
        });
        t.Def("readline", "size=-1, /", (o, a) =>
        {
            var limit = Args.Long(a[0]!, -1);
            var line = new List<byte>();
            while (limit < 0 || line.Count < limit)
            {
                if (Calls.CallMethod(o, "read", PyInt.One) is not IBuffer { Bytes.Length: > 0 } one)
                    break;
                line.Add(one.Bytes[0]);
                if (one.Bytes[0] == '\n')
                    break;
            }
            return new PyBytes([.. line]);
        });
        t.Def("readlines", "hint=-1, /", (o, a) =>
        {
            var hint = Args.Long(a[0]!, -1);
            var lines = new PyList();
            long size = 0;
            foreach (var line in Ops.Each(o))
            {
                lines.Add(line);
                size += Ops.Len(line);
                if (hint > 0 && size >= hint)
                    break;
            }
            return lines;
        });
        t.Def1("writelines", (o, lines) =>
        {
            CheckClosed(o);
            foreach (var line in Ops.Each(lines))
                Calls.CallMethod(o, "write", line);
            return Values.None;
        });
        ObjectType.DefineDict(t);
    }

    public static void CheckClosed(PyObject o)
    {
        if (Ops.IsTrue(Attributes.Get(o, "closed")))
            throw Err.Value("I/O operation on closed file.");
    }

    public static void Fill(ModuleBuilder m)
    {
        m.Types(Base, Raw, BufferedBase, TextBase, FileIO, BytesIO, StringIO, BufferedReader, BufferedWriter, BufferedRandom, BufferedRWPair, TextIOWrapper, NewlineDecoder);
        m.Set("UnsupportedOperation", UnsupportedOperation);
        m.Set("BlockingIOError", ExceptionTypes.BlockingIOError);
        m.Set("DEFAULT_BUFFER_SIZE", DefaultBuffer);
        m.Def("open", "file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None", Open);
        m.Def1("open_code", path => Open([path, new PyStr("rb"), PyInt.MinusOne, Values.None, Values.None, Values.None, Values.True, Values.None]));
        m.Def("text_encoding", "encoding, stacklevel=2, /", a => a[0] == Values.None ? new PyStr("locale") : a[0]);
        m.Machine.Builtins.Dict.Set("open", m.Module.Dict.Get("open")!);
    }

    private static PyObject Open(ReadOnlySpan<PyObject?> a)
    {
        var mode = Args.Str(a[1], "open").Value;
        var buffering = Args.Long(a[2]!);
        var known = mode.Where("axrwb+t".Contains).ToHashSet();
        if (known.Count != mode.Length || mode.Length == 0)
            throw Err.Value($"invalid mode: '{mode}'");
        var binary = known.Contains('b');
        if (binary && known.Contains('t'))
            throw Err.Value("can't have text and binary mode at once");
        if ("axrw".Count(known.Contains) != 1)
            throw Err.Value("must have exactly one of create/read/write/append mode");
        foreach (var (index, name) in new[] { (3, "encoding"), (4, "errors"), (5, "newline") })
        {
            if (binary && !Args.IsNone(a[index]))
                throw Err.Value($"binary mode doesn't take {(name == "newline" ? "a newline" : name == "errors" ? "an errors" : "an encoding")} argument");
        }
        var updating = known.Contains('+');
        var rawMode = new string(mode.Where(c => c is not ('b' or 't')).ToArray());
        var raw = Calls.Call(FileIO, a[0]!, new PyStr(rawMode), a[6]!, a[7]!);
        var lineBuffering = buffering == 1 || (buffering < 0 && Ops.IsTrue(Calls.CallMethod(raw, "isatty")));
        if (buffering == 0)
            return binary ? raw : throw Err.Value("can't have unbuffered text I/O");
        var size = PyInt.Of(buffering <= 1 ? DefaultBuffer : buffering);
        var buffer = Calls.Call(updating ? BufferedRandom : known.Contains('r') ? BufferedReader : BufferedWriter, raw, size);
        if (binary)
            return buffer;
        var text = Calls.Call(TextIOWrapper, buffer, a[3]!, a[4]!, a[5]!, Values.Bool(lineBuffering));
        Attributes.Set(text, "mode", a[1]!);
        return text;
    }
}
