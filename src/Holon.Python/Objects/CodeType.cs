namespace Holon.Python.Objects;

/// <summary>Code objects and frames as programs see them.</summary>
internal static class CodeType
{
    private static readonly NativeParameters CodeParameters = new("code", "argcount, posonlyargcount, kwonlyargcount, nlocals, stacksize, flags, codestring, constants, names, varnames, filename, name, qualname, firstlineno, linetable, exceptiontable, freevars=?, cellvars=?, /");

    public static readonly PyType Type = new("code", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, args, names) =>
        {
            var a = CodeParameters.Bind(args, names);
            return Make(a);
        };
        t.Repr = o => Values.Str($"<code object {((PyCode)o).Name} at {Ops.Address(o)}, file \"{((PyCode)o).Filename}\", line {((PyCode)o).FirstLine}>");
        t.Compare = (a, b, op) => b is PyCode y && a is PyCode x ? Ops.Identity(Same(x, y), true, op) : Values.NotImplemented;
        t.Hash = o => HashCode.Combine(((PyCode)o).Name.Hash, ((PyCode)o).Code.Length, ((PyCode)o).FirstLine);
        Int("co_argcount", c => c.ArgCount);
        Int("co_posonlyargcount", c => c.PosOnlyCount);
        Int("co_kwonlyargcount", c => c.KwOnlyCount);
        Int("co_stacksize", c => c.StackSize);
        Int("co_flags", c => (int)c.Flags);
        Int("co_nlocals", c => c.LocalCount);
        Int("co_firstlineno", c => c.FirstLine);
        Any("co_code", c => new PyBytes(c.Code));
        Any("_co_code_adaptive", c => new PyBytes(c.Code));
        Any("co_consts", c => new PyTuple(c.Consts));
        Any("co_names", c => new PyTuple([.. c.NameList]));
        Any("co_varnames", c => new PyTuple([.. c.NamesOfKind(PyCode.LocalKind)]));
        Any("co_cellvars", c => new PyTuple([.. c.NamesOfKind(PyCode.CellKind)]));
        Any("co_freevars", c => new PyTuple([.. c.NamesOfKind(PyCode.FreeKind)]));
        Any("co_filename", c => c.Filename);
        Any("co_name", c => c.Name);
        Any("co_qualname", c => c.QualName);
        Any("co_linetable", c => new PyBytes(c.LineTable));
        Any("co_exceptiontable", c => new PyBytes(c.ExceptionTable));
        Any("co_lnotab", c => new PyBytes(OldLineTable(c)));
        t.Def0("co_lines", o => new PyEnumerator(IteratorTypes.Sequence, Lines((PyCode)o).GetEnumerator()));
        t.Def1("_varname_from_oparg", (o, number) => Args.Int(number) is >= 0 and var at && at < ((PyCode)o).LocalsPlusNames.Length ? ((PyCode)o).LocalsPlusNames[at] : throw Err.Index("tuple index out of range"));
        t.Def0("co_positions", o => new PyEnumerator(IteratorTypes.Sequence, Positions((PyCode)o).GetEnumerator()));
        t.DefKept("replace", "*, co_argcount=?, co_posonlyargcount=?, co_kwonlyargcount=?, co_nlocals=?, co_stacksize=?, co_flags=?, co_code=?, co_consts=?, co_names=?, co_varnames=?, co_filename=?, co_name=?, co_qualname=?, co_firstlineno=?, co_linetable=?, co_exceptiontable=?, co_freevars=?, co_cellvars=?", (o, a) =>
        {
            string[] order = ["co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_nlocals", "co_stacksize", "co_flags", "co_code", "co_consts", "co_names", "co_varnames", "co_filename", "co_name", "co_qualname", "co_firstlineno", "co_linetable", "co_exceptiontable", "co_freevars", "co_cellvars"];
            for (var i = 0; i < order.Length; i++)
                a[i] ??= Attributes.Get(o, order[i]);
            return Make(a);
        });

        void Int(string name, Func<PyCode, int> get) => t.Member(name, o => PyInt.Of(get((PyCode)o)));

        void Any(string name, Func<PyCode, PyObject> get) => t.Member(name, o => get((PyCode)o));
    });

    /// <summary>The table of CPython before 3.10: steps of bytes and, in a signed byte, of lines.</summary>
    private static byte[] OldLineTable(PyCode code)
    {
        var result = new List<byte>();
        var (offset, line) = (0L, (long)code.FirstLine);
        foreach (var range in Lines(code).Cast<PyTuple>())
        {
            if (range[2] is not PyInt { Value: var next } || next == line)
                continue;
            var (bytes, lines) = (((PyInt)range[0]).Value - offset, next - line);
            (offset, line) = (((PyInt)range[0]).Value, next);
            for (; bytes > 255; bytes -= 255)
                result.AddRange([255, 0]);
            for (; lines is > 127 or < -128; lines -= lines > 0 ? 127 : -128)
            {
                result.AddRange([(byte)bytes, lines > 0 ? (byte)127 : unchecked((byte)-128)]);
                bytes = 0;
            }
            result.AddRange([(byte)bytes, (byte)lines]);
        }
        return [.. result];
    }

    private static bool Same(PyCode x, PyCode y) => x == y || (x.Name.Equals(y.Name) && x.ArgCount == y.ArgCount && x.Flags == y.Flags && x.FirstLine == y.FirstLine && x.Code.AsSpan().SequenceEqual(y.Code)
        && x.LineTable.AsSpan().SequenceEqual(y.LineTable) && x.NameList.SequenceEqual(y.NameList) && Ops.Eq(new PyTuple(x.Consts), new PyTuple(y.Consts)));

    private static PyCode Make(PyObject?[] a)
    {
        var names = new List<PyStr>();
        var kinds = new List<byte>();
        var cells = a[17] is PyTuple c ? c.Items.Cast<PyStr>().ToList() : [];
        foreach (var local in ((PyTuple)a[9]!).Items.Cast<PyStr>())
        {
            names.Add(local);
            kinds.Add((byte)(PyCode.LocalKind | (cells.Remove(local) ? PyCode.CellKind : 0)));
        }
        foreach (var cell in cells)
        {
            names.Add(cell);
            kinds.Add(PyCode.CellKind);
        }
        foreach (var free in a[16] is PyTuple f ? f.Items.Cast<PyStr>() : [])
        {
            names.Add(free);
            kinds.Add(PyCode.FreeKind);
        }
        return new PyCode
        {
            ArgCount = Args.Int(a[0]!),
            PosOnlyCount = Args.Int(a[1]!),
            KwOnlyCount = Args.Int(a[2]!),
            StackSize = Args.Int(a[4]!),
            Flags = (CodeFlags)Args.Int(a[5]!),
            Code = ((PyBytes)a[6]!).Content,
            Consts = ((PyTuple)a[7]!).Items,
            NameList = [.. ((PyTuple)a[8]!).Items.Cast<PyStr>().Select(PyThread.Current.Machine.Intern)],
            LocalsPlusNames = [.. names],
            LocalsPlusKinds = [.. kinds],
            Filename = (PyStr)a[10]!,
            Name = (PyStr)a[11]!,
            QualName = (PyStr)a[12]!,
            FirstLine = Args.Int(a[13]!),
            LineTable = ((PyBytes)a[14]!).Content,
            ExceptionTable = ((PyBytes)a[15]!).Content,
        }.Finish();
    }

    private static IEnumerable<PyObject> Lines(PyCode code)
    {
        var (start, at) = (0, 0);
        int? line = null;
        var first = true;
        foreach (var p in code.Positions())
        {
            if (first || p.Line != line)
            {
                if (!first && at > start)
                    yield return Entry(start, at, line);
                (start, line, first) = (at, p.Line, false);
            }
            at += p.Units * 2;
        }
        if (at > start)
            yield return Entry(start, at, line);

        static PyObject Entry(int from, int to, int? line) => new PyTuple(PyInt.Of(from), PyInt.Of(to), line is { } l ? PyInt.Of(l) : Values.None);
    }

    private static IEnumerable<PyObject> Positions(PyCode code)
    {
        foreach (var p in code.Positions())
        {
            for (var i = 0; i < p.Units; i++)
                yield return new PyTuple(Number(p.Line), Number(p.EndLine), Number(p.Column), Number(p.EndColumn));
        }

        static PyObject Number(int? n) => n is { } v ? PyInt.Of(v) : Values.None;
    }

    public static readonly PyType Frame = new("frame", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Repr = o => Values.Str($"<frame at {Ops.Address(o)}, file {Ops.Repr(((PyFrame)o).Code.Filename)}, line {((PyFrame)o).Line}, code {((PyFrame)o).Code.Name}>");
        t.Getter("f_back", o => o is PyFrame { Generator.IsRunning: false } ? Values.None : (PyObject?)((PyFrame)o).Back ?? Values.None);
        t.Getter("f_code", o => ((PyFrame)o).Code);
        t.Getter("f_globals", o => ((PyFrame)o).Globals);
        t.Getter("f_builtins", o => ((PyFrame)o).Builtins);
        t.Getter("f_locals", o => ((PyFrame)o).GetLocals());
        t.Getter("f_lineno", o => ((PyFrame)o).Line is >= 0 and var line ? PyInt.Of(line) : Values.None, (o, v) =>
        {
            if (v is null)
                throw Err.Of(ExceptionTypes.AttributeError, "cannot delete attribute");
            FrameJump.To(PyThread.Current, (PyFrame)o, v is PyInt line ? (line.TryLong(out var number) ? number : long.MaxValue) : throw Err.Value("lineno must be an integer"));
        });
        t.Getter("f_lasti", o => PyInt.Of(((PyFrame)o).LastUnit * 2));
        t.Getter("f_trace", o => ((PyFrame)o).Trace ?? Values.None, (o, v) => ((PyFrame)o).Trace = Args.IsNone(v) ? null : v);
        t.Getter("f_trace_lines", o => Values.Bool(((PyFrame)o).TraceLines), (o, v) => ((PyFrame)o).TraceLines = Ops.IsTrue(v!));
        t.Getter("f_trace_opcodes", o => Values.Bool(((PyFrame)o).TraceOpcodes), (o, v) => ((PyFrame)o).TraceOpcodes = Ops.IsTrue(v!));
        t.Def0("clear", o =>
        {
            var frame = (PyFrame)o;
            if (frame.Generator is { IsRunning: true } || (!frame.IsFinished && frame.Generator is null))
                throw Err.Runtime("cannot clear an executing frame");
            frame.Generator?.Close(PyThread.Current);
            frame.Slots.AsSpan().Clear();
            return Values.None;
        });
    });
}

internal static class ModuleType
{
    private static readonly NativeParameters ModuleParameters = new("module", "name, doc=None");

    public static readonly PyType Type = new("module", PyType.Object, t =>
    {
        t.HasDict = true;
        t.New = (type, _, _) => new PyModule(type, new PyDict());
        t.Init = (o, args, names) =>
        {
            var a = ModuleParameters.Bind(args, names);
            var dict = ((PyModule)o).Dict;
            dict.Set(Names.Name, Args.Str(a[0], "module"));
            dict.Set(Names.Doc, a[1]!);
            foreach (var name in new[] { Names.Package, Names.Loader, Names.Spec })
                dict.Set(name, Values.None);
        };
        t.Repr = o => Calls.CallMethod(PyThread.Current.Machine.ImportLib ?? throw Err.Runtime("importlib is not there yet"), "_module_repr", o);
        t.GetAttr = (o, name) =>
        {
            var module = (PyModule)o;
            var found = module.Type.Lookup(name);
            if (found is not null && found.Type.DescrSet is not null)
                return found.Type.DescrGet!(found, o, module.Type);
            if (module.Dict.Get(name) is { } value)
                return value;
            if (found is not null)
                return found.Type.DescrGet is { } get ? get(found, o, module.Type) : found;
            return module.Dict.Get(Names.GetAttr) is { } hook ? hook.Call([name], null) : null;
        };
        t.SetAttr = (o, name, value) =>
        {
            if (o.Type.Lookup(name)?.Type.DescrSet is { } set)
            {
                set(o.Type.Lookup(name)!, o, value);
                return;
            }
            if (value is not null)
                ((PyModule)o).Dict.Set(PyThread.Current.Machine.Intern(name), value);
            else if (((PyModule)o).Dict.Remove(name) is null)
                throw Err.Attribute(o, name);
        };
        t.Getter("__dict__", o => ((PyModule)o).Dict);
        t.Getter("__annotations__", o =>
        {
            var dict = ((PyModule)o).Dict;
            if (dict.Get(Names.Annotations) is not { } present)
                dict.Set(Names.Annotations, present = new PyDict());
            return present;
        }, (o, v) => ((PyModule)o).Dict.Set(Names.Annotations, v!));
        t.Def0("__dir__", o => ((PyModule)o).Dict.Get(Names.Dir) is { } dir ? Calls.Call(dir) : new PyList(((PyModule)o).Dict.Items().Select(i => i.Key)));
    });
}
