namespace Holon.Python.Objects;

/// <summary>The built-in exceptions.</summary>
internal static partial class ExceptionTypes
{
    public static readonly PyType BaseException = new("BaseException", PyType.Object, DefineBase);
    public static readonly PyType Exception = Simple("Exception", BaseException);
    public static readonly PyType GeneratorExit = Simple("GeneratorExit", BaseException);
    public static readonly PyType KeyboardInterrupt = Simple("KeyboardInterrupt", BaseException);
    public static readonly PyType SystemExit = new("SystemExit", BaseException, t => WithFirst(t, "code"));
    public static readonly PyType StopIteration = new("StopIteration", Exception, t => WithFirst(t, "value"));
    public static readonly PyType StopAsyncIteration = Simple("StopAsyncIteration", Exception);
    public static readonly PyType ArithmeticError = Simple("ArithmeticError", Exception);
    public static readonly PyType FloatingPointError = Simple("FloatingPointError", ArithmeticError);
    public static readonly PyType OverflowError = Simple("OverflowError", ArithmeticError);
    public static readonly PyType ZeroDivisionError = Simple("ZeroDivisionError", ArithmeticError);
    public static readonly PyType AssertionError = Simple("AssertionError", Exception);
    public static readonly PyType AttributeError = new("AttributeError", Exception, t => WithKeywords(t, "name", "obj"));
    public static readonly PyType BufferError = Simple("BufferError", Exception);
    public static readonly PyType EOFError = Simple("EOFError", Exception);
    public static readonly PyType ImportError = new("ImportError", Exception, t =>
    {
        WithKeywords(t, "name", "path");
        Field(t, "msg");
        t.Str = o => ((PyException)o).Field("msg") is PyStr text ? text : BaseException.Str!(o) as PyStr ?? PyStr.Empty;
    });

    public static readonly PyType ModuleNotFoundError = Simple("ModuleNotFoundError", ImportError);
    public static readonly PyType LookupError = Simple("LookupError", Exception);
    public static readonly PyType IndexError = Simple("IndexError", LookupError);
    public static readonly PyType KeyError = new("KeyError", LookupError, t =>
    {
        t.Solid = LookupError.Solid;
        t.Str = o => ((PyException)o).Args.Count == 1 ? Ops.ReprObject(((PyException)o).Args[0]) : BaseException.Str!(o);
    });

    public static readonly PyType MemoryError = Simple("MemoryError", Exception);
    public static readonly PyType NameError = new("NameError", Exception, t => WithKeywords(t, "name"));
    public static readonly PyType UnboundLocalError = Simple("UnboundLocalError", NameError);
    public static readonly PyType OSError = new("OSError", Exception, DefineOSError);
    public static readonly PyType BlockingIOError = Simple("BlockingIOError", OSError);
    public static readonly PyType ChildProcessError = Simple("ChildProcessError", OSError);
    public static readonly PyType ConnectionError = Simple("ConnectionError", OSError);
    public static readonly PyType BrokenPipeError = Simple("BrokenPipeError", ConnectionError);
    public static readonly PyType ConnectionAbortedError = Simple("ConnectionAbortedError", ConnectionError);
    public static readonly PyType ConnectionRefusedError = Simple("ConnectionRefusedError", ConnectionError);
    public static readonly PyType ConnectionResetError = Simple("ConnectionResetError", ConnectionError);
    public static readonly PyType FileExistsError = Simple("FileExistsError", OSError);
    public static readonly PyType FileNotFoundError = Simple("FileNotFoundError", OSError);
    public static readonly PyType InterruptedError = Simple("InterruptedError", OSError);
    public static readonly PyType IsADirectoryError = Simple("IsADirectoryError", OSError);
    public static readonly PyType NotADirectoryError = Simple("NotADirectoryError", OSError);
    public static readonly PyType PermissionError = Simple("PermissionError", OSError);
    public static readonly PyType ProcessLookupError = Simple("ProcessLookupError", OSError);
    public static readonly PyType TimeoutError = Simple("TimeoutError", OSError);
    public static readonly PyType ReferenceError = Simple("ReferenceError", Exception);
    public static readonly PyType RuntimeError = Simple("RuntimeError", Exception);
    public static readonly PyType NotImplementedError = Simple("NotImplementedError", RuntimeError);
    public static readonly PyType RecursionError = Simple("RecursionError", RuntimeError);
    public static readonly PyType SyntaxError = new("SyntaxError", Exception, DefineSyntaxError);
    public static readonly PyType IndentationError = Simple("IndentationError", SyntaxError);
    public static readonly PyType TabError = Simple("TabError", IndentationError);
    public static readonly PyType SystemError = Simple("SystemError", Exception);
    public static readonly PyType TypeError = Simple("TypeError", Exception);
    public static readonly PyType ValueError = Simple("ValueError", Exception);
    public static readonly PyType UnicodeError = Simple("UnicodeError", ValueError);
    public static readonly PyType UnicodeDecodeError = new("UnicodeDecodeError", UnicodeError, t => DefineUnicodeError(t, ["encoding", "object", "start", "end", "reason"]));
    public static readonly PyType UnicodeEncodeError = new("UnicodeEncodeError", UnicodeError, t => DefineUnicodeError(t, ["encoding", "object", "start", "end", "reason"]));
    public static readonly PyType UnicodeTranslateError = new("UnicodeTranslateError", UnicodeError, t => DefineUnicodeError(t, ["object", "start", "end", "reason"]));
    public static readonly PyType Warning = Simple("Warning", Exception);
    public static readonly PyType BytesWarning = Simple("BytesWarning", Warning);
    public static readonly PyType DeprecationWarning = Simple("DeprecationWarning", Warning);
    public static readonly PyType EncodingWarning = Simple("EncodingWarning", Warning);
    public static readonly PyType FutureWarning = Simple("FutureWarning", Warning);
    public static readonly PyType ImportWarning = Simple("ImportWarning", Warning);
    public static readonly PyType PendingDeprecationWarning = Simple("PendingDeprecationWarning", Warning);
    public static readonly PyType ResourceWarning = Simple("ResourceWarning", Warning);
    public static readonly PyType RuntimeWarning = Simple("RuntimeWarning", Warning);
    public static readonly PyType SyntaxWarning = Simple("SyntaxWarning", Warning);
    public static readonly PyType UnicodeWarning = Simple("UnicodeWarning", Warning);
    public static readonly PyType UserWarning = Simple("UserWarning", Warning);
    public static readonly PyType BaseExceptionGroup = new("BaseExceptionGroup", BaseException, ExceptionGroups.Define);

    public static readonly PyType[] All = [.. typeof(ExceptionTypes).GetFields(System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.Static)
        .Where(f => f.FieldType == typeof(PyType)).Select(f => (PyType)f.GetValue(null)!)];

    public static PyException Make(PyType type, params PyObject[] args)
    {
        var error = new PyException(type, new PyTuple(args));
        if (args.Length > 0 && (type == StopIteration || type == SystemExit))
            error.SetSingle(type == StopIteration ? "value" : "code", args.Length > 1 && type == SystemExit ? error.Args : args[0]);
        if (args.Length == 1 && type.IsSubtypeOf(ImportError))
            error.Fields["msg"] = args[0];
        return error;
    }

    /// <summary>except clauses: a class or a tuple of them, by class only.</summary>
    public static bool Matches(PyException error, PyObject wanted) =>
        wanted is PyTuple many ? many.Items.Any(t => Matches(error, t)) : wanted is PyType type && error.Type.IsSubtypeOf(type);

    /// <summary>An exception that stores nothing more than its parent: a class may derive from several such.</summary>
    private static PyType Simple(string name, PyType parent) => new(name, parent, t => t.Solid = parent.Solid);

    private static void Field(PyType t, string name) => t.Member(name, o => ((PyException)o).Field(name), (o, v) =>
    {
        if (v is null)
            ((PyException)o).Fields.Remove(name);
        else
            ((PyException)o).Fields[name] = v;
    });

    private static void DefineBase(PyType t)
    {
        t.HasDict = true;
        t.New = (type, args, names) => new PyException(type, new PyTuple(args[..(args.Length - (names?.Count ?? 0))].ToArray()));
        t.Init = (o, args, names) =>
        {
            Args.NoKeywords(o.Type.Name, names);
            ((PyException)o).Args = new PyTuple(args.ToArray());
        };
        t.Repr = o =>
        {
            var self = (PyException)o;
            return self.Args.Count == 1 ? new PyStr(o.Type.Name + "(").Plus(Ops.ReprObject(self.Args[0])).Plus(new PyStr(")")) : new PyStr(o.Type.Name).Plus(Ops.ReprObject(self.Args));
        };
        t.Str = o => ((PyException)o).Args.Count switch
        {
            0 => PyStr.Empty,
            1 => Ops.Str(((PyException)o).Args[0]),
            _ => Ops.Str(((PyException)o).Args),
        };
        t.Getter("args", o => ((PyException)o).Args, (o, v) => ((PyException)o).Args = Ops.ToTuple(v ?? throw Err.Type("args may not be deleted")));
        t.Getter("__traceback__", o => (PyObject?)((PyException)o).Traceback ?? Values.None, (o, v) => ((PyException)o).Traceback = v is null ? throw Err.Type("__traceback__ may not be deleted") : v == Values.None ? null : v as PyTraceback ?? throw Err.Type("__traceback__ must be a traceback or None"));
        t.Getter("__cause__", o => (PyObject?)((PyException)o).Cause ?? Values.None, (o, v) =>
        {
            ((PyException)o).Cause = v is null ? throw Err.Type("__cause__ may not be deleted") : v == Values.None ? null : v as PyException ?? throw Err.Type("exception cause must be None or derive from BaseException");
            ((PyException)o).SuppressContext = true;
        });
        t.Getter("__context__", o => (PyObject?)((PyException)o).Context ?? Values.None, (o, v) => ((PyException)o).Context = v is null ? throw Err.Type("__context__ may not be deleted") : v == Values.None ? null : v as PyException ?? throw Err.Type("exception context must be None or derive from BaseException"));
        t.Member("__suppress_context__", o => Values.Bool(((PyException)o).SuppressContext), (o, v) => ((PyException)o).SuppressContext = Ops.IsTrue(v!));
        t.Def1("with_traceback", (o, tb) =>
        {
            Attributes.Set(o, "__traceback__", tb);
            return o;
        });
        t.Def1("add_note", (o, note) =>
        {
            if (note is not PyStr)
                throw Err.Type($"note must be a str, not '{note.Type.FullName}'");
            if (Attributes.TryGet(o, "__notes__") is not { } notes)
                Attributes.Set(o, "__notes__", notes = new PyList());
            (notes as PyList ?? throw Err.Type("Cannot add note: __notes__ is not a list")).Add(note);
            return Values.None;
        });
        t.Def0("__reduce__", o => o.Data.Shape.Names.Length == 0 && !o.Data.Shape.IsDict ? new PyTuple(o.Type, ((PyException)o).Args) : new PyTuple(o.Type, ((PyException)o).Args, o.Data.ToDict()));
        t.Def1("__setstate__", (o, state) =>
        {
            if (state is PyDict dict)
            {
                foreach (var (key, value) in dict.Items())
                    Attributes.Set(o, (PyStr)key, value);
            }
            return Values.None;
        });
        ObjectType.DefineDict(t);
    }

    private static void WithFirst(PyType t, string name)
    {
        var init = BaseException.Init!;
        t.Init = (o, args, names) =>
        {
            init(o, args, names);
            ((PyException)o).Fields[name] = args.Length == 0 ? Values.None : args.Length == 1 || name == "value" ? args[0] : new PyTuple(args.ToArray());
        };
        Field(t, name);
    }

    private static void WithKeywords(PyType t, params string[] fields)
    {
        t.Init = (o, args, names) =>
        {
            var self = (PyException)o;
            var keywords = Calls.KeywordDict(args, names, out var positional);
            self.Args = new PyTuple(positional.ToArray());
            foreach (var (key, value) in keywords.Items())
            {
                if (!fields.Contains(key.ToString()))
                    throw Err.Type($"'{key}' is an invalid keyword argument for {t.Name}()");
                self.Fields[key.ToString()] = value;
            }
            if (t.Name == "ImportError" && positional.Length == 1)
                self.Fields["msg"] = positional[0];
        };
        foreach (var name in fields)
            Field(t, name);
    }

    private static readonly (PyType Type, int[] Numbers)[] ByErrno =
    [
        (BlockingIOError, [11, 114, 115]), (ChildProcessError, [10]), (BrokenPipeError, [32, 108]), (ConnectionAbortedError, [103]), (ConnectionRefusedError, [111]),
        (ConnectionResetError, [104]), (FileExistsError, [17]), (FileNotFoundError, [2]), (InterruptedError, [4]), (IsADirectoryError, [21]),
        (NotADirectoryError, [20]), (PermissionError, [1, 13]), (ProcessLookupError, [3]), (TimeoutError, [110]),
    ];

    private static void DefineOSError(PyType t)
    {
        t.New = (type, args, names) =>
        {
            var positional = args[..(args.Length - (names?.Count ?? 0))];
            if (type == OSError && positional.Length >= 2 && positional[0] is PyInt number)
                type = ByErrno.FirstOrDefault(e => e.Numbers.Contains((int)number.Value)).Type ?? type;
            var error = new PyException(type, new PyTuple(positional.ToArray()));
            FillOSError(error, positional);
            return error;
        };
        t.Init = (o, args, names) =>
        {
            // A subclass with an __init__ of its own has had its arguments in __new__.
            Args.NoKeywords(o.Type.Name, o.Type.Init == OSError!.Init ? names : null);
            if (((PyException)o).Fields.Count == 0)
                FillOSError((PyException)o, args);
        };
        t.Str = o =>
        {
            var self = (PyException)o;
            if (!self.Fields.ContainsKey("errno") || !self.Fields.ContainsKey("strerror"))
                return BaseException.Str!(o);
            var text = $"[Errno {Ops.Str(self.Field("errno"))}] {Ops.Str(self.Field("strerror"))}";
            if (self.Fields.ContainsKey("filename"))
                text += ": " + Ops.Repr(self.Field("filename"));
            if (self.Fields.ContainsKey("filename2"))
                text += " -> " + Ops.Repr(self.Field("filename2"));
            return PyStr.FromUtf16(text);
        };
        foreach (var name in new[] { "errno", "strerror", "filename", "filename2", "characters_written" })
            Field(t, name);
        t.Def0("__reduce__", o =>
        {
            var self = (PyException)o;
            var args = self.Fields.ContainsKey("filename") && self.Args.Count == 2
                ? self.Fields.ContainsKey("filename2") ? new PyTuple(self.Args[0], self.Args[1], self.Field("filename"), Values.None, self.Field("filename2")) : new PyTuple(self.Args[0], self.Args[1], self.Field("filename")) : self.Args;
            return new PyTuple(o.Type, args);
        });
    }

    private static void FillOSError(PyException error, ReadOnlySpan<PyObject> args)
    {
        if (args.Length is < 2 or > 5)
            return;
        error.Fields["errno"] = args[0];
        error.Fields["strerror"] = args[1];
        if (args.Length == 2)
            return;
        if (error.Type.IsSubtypeOf(BlockingIOError) && args[2] is PyInt)
        {
            error.Fields["characters_written"] = args[2];
            return;
        }
        if (args[2] != Values.None)
            error.Fields["filename"] = args[2];
        if (args.Length == 5 && args[4] != Values.None)
            error.Fields["filename2"] = args[4];
        error.Args = new PyTuple(args[0], args[1]);
    }

    private static void DefineSyntaxError(PyType t)
    {
        var fields = new[] { "msg", "filename", "lineno", "offset", "text", "end_lineno", "end_offset", "print_file_and_line" };
        var init = BaseException.Init!;
        t.Init = (o, args, names) =>
        {
            init(o, args, names);
            var self = (PyException)o;
            if (args.Length > 0)
                self.Fields["msg"] = args[0];
            if (args.Length != 2)
                return;
            var info = Ops.ToArray(args[1]);
            if (info.Length is not (4 or 6))
                throw Err.Type($"function takes exactly 4 or 6 arguments ({info.Length} given)");
            for (var i = 0; i < info.Length; i++)
                self.Fields[fields[i + 1]] = info[i];
        };
        t.Str = o =>
        {
            var self = (PyException)o;
            var file = self.Field("filename") is PyStr name ? System.IO.Path.GetFileName(name.Value) : null;
            var line = self.Field("lineno") is PyInt number ? number.ToString() : null;
            var text = Ops.Str(self.Field("msg")).ToString();
            return PyStr.FromUtf16(file is not null && line is not null ? $"{text} ({file}, line {line})" : file is not null ? $"{text} ({file})" : line is not null ? $"{text} (line {line})" : text);
        };
        foreach (var name in fields)
            Field(t, name);
    }

    private static void DefineUnicodeError(PyType t, string[] fields)
    {
        t.Init = (o, args, names) =>
        {
            Args.NoKeywords(t.Name, names);
            if (args.Length != fields.Length)
                throw Err.Type($"function takes exactly {fields.Length} arguments ({args.Length} given)");
            var self = (PyException)o;
            self.Args = new PyTuple(args.ToArray());
            for (var i = 0; i < fields.Length; i++)
            {
                var ok = fields[i] switch
                {
                    "encoding" or "reason" => args[i] is PyStr,
                    "object" => t.Name == "UnicodeDecodeError" ? args[i] is IBuffer : args[i] is PyStr,
                    _ => args[i] is PyInt,
                };
                if (!ok)
                    throw Err.Type($"argument {i + 1} must be {(fields[i] is "start" or "end" ? "int" : fields[i] == "object" && t.Name == "UnicodeDecodeError" ? "a bytes-like object" : "str")}, not {args[i].Type.FullName}");
                self.Fields[fields[i]] = args[i] is IBuffer buffer and not PyBytes ? new PyBytes(buffer.Bytes.ToArray()) : args[i];
            }
        };
        t.Str = o =>
        {
            var self = (PyException)o;
            if (!self.Fields.ContainsKey("object"))
                return PyStr.Empty;
            var (start, end) = ((int)((PyInt)self.Field("start")).Value, (int)((PyInt)self.Field("end")).Value);
            var reason = Ops.Str(self.Field("reason"));
            var codec = fields.Length == 5 ? $"'{self.Field("encoding")}' codec can't {(t.Name == "UnicodeDecodeError" ? "decode" : "encode")} " : "can't translate ";
            if (self.Field("object") is PyBytes bytes)
                return PyStr.FromUtf16(end == start + 1 && start < bytes.Content.Length ? $"{codec}byte 0x{bytes.Content[start]:x2} in position {start}: {reason}" : $"{codec}bytes in position {start}-{end - 1}: {reason}");
            var text = (PyStr)self.Field("object");
            if (end == start + 1 && start < text.Length)
            {
                var c = text[start];
                var escape = c < 256 ? $"\\x{c:x2}" : c < 0x10000 ? $"\\u{c:x4}" : $"\\U{c:x8}";
                return PyStr.FromUtf16($"{codec}character '{escape}' in position {start}: {reason}");
            }
            return PyStr.FromUtf16($"{codec}characters in position {start}-{end - 1}: {reason}");
        };
        foreach (var name in fields)
            Field(t, name);
    }
}
