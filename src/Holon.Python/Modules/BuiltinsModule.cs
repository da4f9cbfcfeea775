using Holon.Python.Modules.Iterators;

namespace Holon.Python.Modules;

internal static class BuiltinsModule
{
    public static void Fill(ModuleBuilder m)
    {
        foreach (var type in ExceptionTypes.All)
            m.Set(type.Name, type);
        m.Set("ExceptionGroup", ExceptionGroups.ExceptionGroup);
        m.Set("EnvironmentError", ExceptionTypes.OSError);
        m.Set("IOError", ExceptionTypes.OSError);
        m.Types(PyType.Object, PyType.TypeType, IntType.Type, IntType.Bool, FloatType.Type, ComplexType.Type, StrType.Type, BytesType.Type, ByteArrayType.Type, MemoryViewType.Type, ListType.Type, TupleType.Type,
            DictType.Type, SetTypes.Set, SetTypes.Frozen, RangeType.Type, SliceType.Type, FunctionTypes.StaticMethod, FunctionTypes.ClassMethod, FunctionTypes.Property, FunctionTypes.Super, PyEnumerate.Class, PyZip.Class, PyMap.Class, PyFilter.Class, PyReversed.Class);
        m.Set("None", Values.None);
        m.Set("True", Values.True);
        m.Set("False", Values.False);
        m.Set("Ellipsis", PySingleton.Ellipsis);
        m.Set("NotImplemented", Values.NotImplemented);
        m.Set("__debug__", Values.Bool(m.Machine.Options.Optimize == 0));
        m.Def1("abs", Ops.Absolute);
        m.Def1("all", items => Values.Bool(!HasItem(items, false)));
        m.Def1("any", items => Values.Bool(HasItem(items, true)));
        m.Def1("ascii", StrMethods.Ascii);
        m.Def1("bin", o => Values.Str(IntText.WithPrefix(Ops.Index(o), "0b", 1)));
        m.Def1("oct", o => Values.Str(IntText.WithPrefix(Ops.Index(o), "0o", 3)));
        m.Def1("hex", o => Values.Str(IntText.WithPrefix(Ops.Index(o), "0x", 4)));
        m.Def1("callable", o => Values.Bool(IsCallable(o)));
        m.Def1("chr", o => Args.Int(o) is >= 0 and < 0x110000 and var c ? PyStr.OfChar(c) : throw Err.Value("chr() arg not in range(0x110000)"));
        m.Def1("ord", Ord);
        m.Def("divmod", "x, y, /", a => Divmod(a[0]!, a[1]!));
        m.Def("pow", "base, exp, mod=None", a => Ops.Power(a[0]!, a[1]!, a[2]!));
        m.Def("round", "number, ndigits=?", a =>
        {
            var method = Calls.BindSpecial(a[0]!, Names.Round, out var needsSelf) ?? throw Err.Type($"type {a[0]!.Type.FullName} doesn't define __round__ method");
            PyObject[] args = Args.IsNone(a[1]) ? [] : [a[1]!];
            return needsSelf ? Calls.CallWithSelf(method, a[0]!, args, null) : method.Call(args, null);
        });
        m.Def1("hash", o => PyInt.Of(Ops.Hash(o)));
        m.Def1("id", o => Ops.Id(o));
        m.Def1("len", o => PyInt.Of(Ops.Len(o)));
        m.Def1("repr", Ops.ReprObject);
        m.Def("format", "value, format_spec='', /", a => Ops.Format(a[0]!, a[1] as PyStr ?? throw Err.Type($"format() argument 2 must be str, not {a[1]!.Type.FullName}")));
        m.Def("isinstance", "obj, class_or_tuple, /", a => Values.Bool(Ops.IsInstance(a[0]!, a[1]!)));
        m.Def("issubclass", "cls, class_or_tuple, /", a => Values.Bool(Ops.IsSubclass(a[0]!, a[1]!)));
        m.Def("iter", "object, sentinel=?, /", a => a[1] is null ? Ops.Iter(a[0]!) : IsCallable(a[0]!) ? new PyCallIterator(a[0]!, a[1]!) : throw Err.Type("iter(v, w): v must be callable"));
        m.Def1("aiter", o => (o.Type.AIter ?? throw Err.Type($"'{o.Type.FullName}' object is not an async iterable"))(o));
        m.Def("anext", "aiterator, default=?, /", a => (a[0]!.Type.ANext ?? throw Err.Type($"'{a[0]!.Type.FullName}' object is not an async iterator"))(a[0]!));
        m.Def("next", "iterator, default=?, /", a =>
        {
            var thread = PyThread.Current;
            thread.StopValue = null;
            if (a[0]!.Type.Next is null)
                throw Err.Type($"'{a[0]!.Type.FullName}' object is not an iterator");
            return Ops.Next(a[0]!) ?? a[1] ?? Err.SetStopIteration(thread.TakeStopValue());
        });
        m.Def("getattr", "object, name, default=?, /", a =>
        {
            if (a[1] is not PyStr name)
                throw Err.Type($"attribute name must be string, not '{a[1]!.Type.FullName}'");
            if (a[2] is not null)
                return Attributes.TryGet(a[0]!, name) ?? a[2];
            return a[0]!.Type.GetAttr!(a[0]!, name) ?? Err.SetAttribute(a[0]!, name);
        });
        m.Def("hasattr", "obj, name, /", a => Values.Bool(Attributes.TryGet(a[0]!, Args.Name(a[1]!)) is not null));
        m.Def("setattr", "obj, name, value, /", a =>
        {
            Attributes.Set(a[0]!, m.Machine.Intern(Args.Name(a[1]!)), a[2]);
            return Values.None;
        });
        m.Def("delattr", "obj, name, /", a =>
        {
            Attributes.Set(a[0]!, Args.Name(a[1]!), null);
            return Values.None;
        });
        m.Def0("globals", () => PyThread.Current.Frame!.Globals);
        m.Def0("locals", () => PyThread.Current.Frame!.GetLocals());
        m.Def("vars", "object=?, /", a => a[0] is null ? PyThread.Current.Frame!.GetLocals() : Attributes.TryGet(a[0]!, Names.Dict) ?? throw Err.Type("vars() argument must have __dict__ attribute"));
        m.Def("dir", "object=?, /", a =>
        {
            var names = a[0] is null ? new PyList([.. Ops.Each(PyThread.Current.Frame!.GetLocals())]) : new PyList([.. Ops.Each(Calls.Special(a[0]!, Names.Dir)!)]);
            ListSort.Sort(names.ToArray() is var sorted ? sorted : [], null, false);
            names.SetAll(sorted);
            return names;
        });
        m.Def("sum", "iterable, /, start=0", Sum);
        m.DefRaw("min", (_, args, names) => Extreme("min", args, names, CompareOp.Lt));
        m.DefRaw("max", (_, args, names) => Extreme("max", args, names, CompareOp.Gt));
        m.Def("sorted", "iterable, /, *, key=None, reverse=False", a =>
        {
            var all = Ops.NewArray(a[0]!);
            ListSort.Sort(all, Args.IsNone(a[1]) ? null : a[1], Args.Int(a[2]!) != 0);
            return new PyList(all);
        });
        m.Def("print", "*args, sep=None, end=None, file=None, flush=False", Print);
        m.Def("input", "prompt='', /", Input);
        m.Def("__import__", "name, globals=None, locals=None, fromlist=?, level=0", a => Importing.Import(m.Machine, a[0]!, a[1]!, a[3], Args.Int(a[4]!)));
        m.DefKept("exec", "source, globals=None, locals=None, /, *, closure=None", a => Execution.Exec(a, "exec"));
        m.Def("eval", "source, globals=None, locals=None, /", a => Execution.Exec([.. a, Values.None], "eval"));
        m.Def("compile", "source, filename, mode, flags=0, dont_inherit=False, optimize=-1, *, _feature_version=-1", a =>
        {
            var flags = Args.Int(a[3]!);
            if ((flags & ~CompileFlags) != 0)
                throw Err.Value("compile(): unrecognised flags");
            if (!Ops.IsTrue(a[4]!))
                flags |= Execution.InheritedFlags(PyThread.Current);
            return Execution.Compile(a[0]!, FileSystemCodec.Path(a[1]!), Args.Str(a[2], "compile").Value, flags, Args.Int(a[5]!), Args.Int(a[6]!));
        });
        m.DefRaw("__build_class__", BuildClass);
        m.DefRaw("breakpoint", (_, args, names) => Calls.CallNamed(Attributes.Get(m.Machine.Sys, "breakpointhook"), args, names));
    }

    /// <summary>PyCF_MASK and PyCF_COMPILE_MASK.</summary>
    private const int CompileFlags = 0x1fe0000 | 0x10 | 0x7600;

    public static bool IsCallable(PyObject o) => o.Type.Lookup(Names.Call) is not null;

    private static PyObject Ord(PyObject o) => o switch
    {
        PyStr { Length: 1 } s => PyInt.Of(s[0]),
        IBuffer { Bytes.Length: 1 } b => PyInt.Of(b.Bytes[0]),
        PyStr s => throw Err.Type($"ord() expected a character, but string of length {s.Length} found"),
        IBuffer b => throw Err.Type($"ord() expected a character, but string of length {b.Bytes.Length} found"),
        _ => throw Err.Type($"ord() expected string of length 1, but {o.Type.FullName} found"),
    };

    private static bool HasItem(PyObject items, bool truth)
    {
        foreach (var item in Ops.Each(items))
        {
            if (Ops.IsTrue(item) == truth)
                return true;
        }
        return false;
    }

    private static PyObject Divmod(PyObject a, PyObject b) => Ops.Binary(a, b, NumberOp.DivMod);

    private static PyObject Sum(ReadOnlySpan<PyObject?> a)
    {
        var total = a[1]!;
        if (total is PyStr)
            throw Err.Type("sum() can't sum strings [use ''.join(seq) instead]");
        if (total is PyBytes)
            throw Err.Type("sum() can't sum bytes [use b''.join(seq) instead]");
        if (total is PyByteArray)
            throw Err.Type("sum() can't sum bytearray [use b''.join(seq) instead]");
        foreach (var item in Ops.Each(a[0]!))
        {
            total = total.GetType() == typeof(PyInt) && item.GetType() == typeof(PyInt) ? IntMath.Add((PyInt)total, (PyInt)item)
                : total.GetType() == typeof(PyFloat) && item.GetType() == typeof(PyFloat) ? new PyFloat(((PyFloat)total).Value + ((PyFloat)item).Value) : Ops.Binary(total, item, NumberOp.Add);
        }
        return total;
    }

    private static PyObject Extreme(string name, ReadOnlySpan<PyObject> args, PyTuple? names, CompareOp op)
    {
        var positional = args[..(args.Length - (names?.Count ?? 0))];
        if (positional.Length == 0)
            throw Err.Type($"{name} expected at least 1 argument, got 0");
        PyObject? key = null, otherwise = null;
        for (var i = 0; i < names?.Count; i++)
        {
            switch (names[i].ToString())
            {
                case "key":
                    key = args[positional.Length + i];
                    break;
                case "default":
                    otherwise = args[positional.Length + i];
                    break;
                case var keyword:
                    throw Err.Type($"'{keyword}' is an invalid keyword argument for {name}()");
            }
        }
        if (key == Values.None)
            key = null;
        if (positional.Length > 1 && otherwise is not null)
            throw Err.Type($"Cannot specify a default for {name}() with multiple positional arguments");
        PyObject? best = null, bestKey = null;
        if (positional.Length > 1)
        {
            foreach (var item in positional)
                Consider(key, item, op, ref best, ref bestKey);
        }
        else
        {
            foreach (var item in Ops.Each(positional[0]))
                Consider(key, item, op, ref best, ref bestKey);
        }
        return best ?? otherwise ?? throw Err.Value($"{name}() arg is an empty sequence");
    }

    private static void Consider(PyObject? key, PyObject item, CompareOp op, ref PyObject? best, ref PyObject? bestKey)
    {
        var itemKey = key is null ? item : Calls.Call(key, item);
        if (best is null || Ops.CompareBool(itemKey, bestKey!, op))
            (best, bestKey) = (item, itemKey);
    }

    private static PyObject Print(ReadOnlySpan<PyObject?> a)
    {
        var file = a[3]!;
        if (file == Values.None)
        {
            file = Attributes.TryGet(PyThread.Current.Machine.Sys, "stdout") ?? throw Err.Runtime("lost sys.stdout");
            if (file == Values.None)
                return Values.None;
        }
        foreach (var (value, name) in new[] { (a[1]!, "sep"), (a[2]!, "end") })
        {
            if (value is not PyStr && value != Values.None)
                throw Err.Type($"{name} must be None or a string, not {value.Type.FullName}");
        }
        var write = Attributes.Get(file, "write");
        var first = true;
        foreach (var item in ((PyTuple)a[0]!).Items)
        {
            if (!first)
                Calls.Call(write, a[1] as PyStr ?? new PyStr(" "));
            Calls.Call(write, Ops.Str(item));
            first = false;
        }
        Calls.Call(write, a[2] as PyStr ?? new PyStr("\n"));
        if (Ops.IsTrue(a[4]!))
            Calls.CallMethod(file, "flush");
        return Values.None;
    }

    private static bool IsTerminal(PyObject stream, int fd)
    {
        try
        {
            return LibC.IsATty(fd) == 1 && Calls.CallMethod(stream, "fileno") is PyInt number && Args.Int(number) == fd;
        }
        catch (PyError)
        {
            return false;
        }
    }

    private static PyObject Input(ReadOnlySpan<PyObject?> a)
    {
        var sys = PyThread.Current.Machine.Sys;
        PyObject Stream(string name) => Attributes.TryGet(sys, name) is { } stream && stream != Values.None ? stream : throw Err.Runtime($"input(): lost sys.{name}");
        var (input, output) = (Stream("stdin"), Stream("stdout"));
        if (IsTerminal(input, 0) && IsTerminal(output, 1) && PyThread.Current == PyThread.Current.Machine.MainThread)
        {
            Calls.CallMethod(output, "flush");
            return PyStr.FromUtf16(Terminal.ReadlineModule.ReadLine(PyThread.Current.Machine, Ops.Str(a[0]!).ToString()) ?? throw Err.Of(ExceptionTypes.EOFError));
        }
        Calls.CallMethod(output, "write", Ops.Str(a[0]!));
        Calls.CallMethod(output, "flush");
        var line = (PyStr)Calls.CallMethod(input, "readline");
        if (line.Length == 0)
            throw Err.Of(ExceptionTypes.EOFError, "EOF when reading a line");
        return line[line.Length - 1] == '\n' ? line.Substring(0, line.Length - 1) : line;
    }

    private static PyObject? BuildClass(PyObject self, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var keywords = Calls.KeywordDict(args, names, out var positional);
        var function = (PyFunction)positional[0];
        var name = (PyStr)positional[1];
        var original = new PyTuple(positional[2..].ToArray());
        var bases = ResolveBases(original);
        var meta = keywords.Remove(Names.Metaclass) ?? (bases.Count > 0 ? bases[0].Type : PyType.TypeType);
        if (meta is PyType type)
            meta = ClassBuilder.MetaclassOf(type, bases.Items);
        PyObject namespaceObject = Attributes.TryGet(meta, Names.Prepare) is { } prepare
            ? Calls.CallWith(prepare, [name, bases], keywords) ?? throw PyThread.Current.TakeError() : new PyDict();
        if (namespaceObject.Type.GetItem is null)
            throw Err.Type($"{(meta is PyType t ? t.Name : "<metaclass>")}.__prepare__() must return a mapping, not {namespaceObject.Type.FullName}");
        var cell = EvaluationLoop.RunCode(function.Code, function.Globals, namespaceObject, function.Closure) ?? throw PyThread.Current.TakeError();
        if (!ReferenceEquals(bases, original))
            Ops.SetItem(namespaceObject, Names.OrigBases, original);
        var made = Calls.CallWith(meta, [name, bases, namespaceObject], keywords);
        if (made is PyType && cell is PyCell { Value: var bound } && bound != made)
            throw bound is null ? Err.Runtime($"__class__ not set defining '{name}' as {Ops.Repr(made)}. Was __classcell__ propagated to type.__new__?") : Err.Type($"__class__ set to {Ops.Repr(bound)} defining '{name}' as {Ops.Repr(made)}");
        return made;
    }

    private static PyTuple ResolveBases(PyTuple bases)
    {
        List<PyObject>? resolved = null;
        for (var i = 0; i < bases.Count; i++)
        {
            if (bases[i] is PyType || Attributes.TryGet(bases[i], Names.MroEntries) is not { } entries)
            {
                resolved?.Add(bases[i]);
                continue;
            }
            resolved ??= [.. bases.Items.Take(i)];
            resolved.AddRange((Calls.Call(entries, bases) as PyTuple ?? throw Err.Type("__mro_entries__ must return a tuple")).Items);
        }
        return resolved is null ? bases : new PyTuple([.. resolved]);
    }
}
