namespace Holon.Python.Modules;

internal static class SysModule
{
    /// <summary>A sequence of which programs cannot make others.</summary>
    private static StructSequence Single(string name, string[] fields)
    {
        var made = new StructSequence(name, fields);
        made.Type.New = (_, _, _) => throw Err.Type($"cannot create '{name}' instances");
        return made;
    }

    public static readonly StructSequence Flags = Single("sys.flags", ["debug", "inspect", "interactive", "optimize", "dont_write_bytecode", "no_user_site", "no_site", "ignore_environment", "verbose", "bytes_warning", "quiet", "hash_randomization", "isolated", "dev_mode", "utf8_mode", "warn_default_encoding", "safe_path", "int_max_str_digits"]);
    public static readonly StructSequence VersionInfo = Single("sys.version_info", ["major", "minor", "micro", "releaselevel", "serial"]);
    public static readonly StructSequence FloatInfo = new("sys.float_info", ["max", "max_exp", "max_10_exp", "min", "min_exp", "min_10_exp", "dig", "mant_dig", "epsilon", "radix", "rounds"]);
    public static readonly StructSequence IntInfo = new("sys.int_info", ["bits_per_digit", "sizeof_digit", "default_max_str_digits", "str_digits_check_threshold"]);
    public static readonly StructSequence HashInfo = new("sys.hash_info", ["width", "modulus", "inf", "nan", "imag", "algorithm", "hash_bits", "seed_bits", "cutoff"]);
    public static readonly StructSequence ThreadInfo = new("sys.thread_info", ["name", "lock", "version"]);
    public static readonly StructSequence AsyncGenHooks = new("sys.asyncgen_hooks", ["firstiter", "finalizer"]);

    public static readonly PyType Namespace = new("SimpleNamespace", PyType.Object, t =>
    {
        t.HasDict = true;
        t.New = (type, _, _) => new PyInstance(type);
        t.Init = (o, args, names) =>
        {
            var keywords = Calls.KeywordDict(args, names, out var positional);
            if (positional.Length > 0)
                throw Err.Type("no positional arguments expected");
            foreach (var (key, value) in keywords.Items())
                o.Data.Set((PyStr)key, value);
        };
        t.Repr = o => ReprGuard.Run(o, "namespace(...)", () => PyStr.FromUtf16((o.Type == Namespace ? "namespace" : o.Type.Name) + "(" + string.Join(", ", o.Data.ToDict().Items().Select(i => $"{i.Key}={Ops.Repr(i.Value)}")) + ")"));
        t.Compare = (a, b, op) => b.Type.IsSubtypeOf(Namespace!) ? Ops.Compare(a.Data.ToDict(), b.Data.ToDict(), op) : Values.NotImplemented;
        t.Hash = null;
        ObjectType.DefineDict(t);
    }, "types");

    public static PyInstance MakeNamespace(params (string Name, PyObject Value)[] fields)
    {
        var made = new PyInstance(Namespace);
        foreach (var (name, value) in fields)
            made.Fields.Set(Names.Intern(name), value);
        return made;
    }

    public static void Fill(ModuleBuilder m)
    {
        var machine = m.Machine;
        var options = machine.Options;
        var version = VersionInfo.Make(PyInt.Of(3), PyInt.Of(11), PyInt.Of(2), new PyStr("final"), PyInt.Zero);
        m.Set("version_info", version);
        m.Set("version", $"3.11.2 (main) [Holon on .NET {Environment.Version}]");
        m.Set("hexversion", 0x030b02f0);
        m.Set("api_version", 1013);
        m.Set("copyright", "Copyright (c) the Holon authors");
        m.Set("platform", "linux");
        m.Set("byteorder", "little");
        m.Set("maxsize", long.MaxValue);
        m.Set("maxunicode", 0x10ffff);
        m.Set("executable", options.Executable);
        m.Set("_base_executable", options.BaseExecutable ?? options.Executable);
        foreach (var prefix in new[] { "prefix", "exec_prefix", "base_prefix", "base_exec_prefix" })
            m.Set(prefix, "/usr");
        m.Set("platlibdir", "lib");
        m.Set("_home", Values.None);
        m.Set("_framework", "");
        m.Set("abiflags", "");
        m.Set("float_repr_style", "short");
        m.Set("_git", new PyTuple(new PyStr("CPython"), PyStr.Empty, PyStr.Empty));
        m.Set("pycache_prefix", options.BytecodeFolder is { } folder ? PyStr.FromUtf16(folder) : Values.None);
        m.Set("dont_write_bytecode", Values.Bool(options.DontWriteBytecode));
        m.Set("argv", new PyList(options.Arguments.Select(a => (PyObject)PyStr.FromUtf16(a))));
        m.Set("orig_argv", new PyList(options.OriginalArguments.Select(a => (PyObject)PyStr.FromUtf16(a))));
        m.Set("path", new PyList(options.SearchPath.Append("/usr/lib/python311.zip").Append(options.Home).Append(options.Home + "/lib-dynload").Select(a => (PyObject)PyStr.FromUtf16(a))));
        m.Set("meta_path", new PyList());
        m.Set("path_hooks", new PyList());
        m.Set("path_importer_cache", new PyDict());
        m.Set("warnoptions", new PyList(options.Warnings.Select(w => (PyObject)PyStr.FromUtf16(w))));
        var x = new PyDict();
        foreach (var option in options.XOptions)
            x.Set(option.Split('=')[0], option.Contains('=', StringComparison.Ordinal) ? PyStr.FromUtf16(option[(option.IndexOf('=', StringComparison.Ordinal) + 1)..]) : Values.True);
        m.Set("_xoptions", x);
        m.Set("modules", machine.Modules);
        m.Set("builtin_module_names", new PyTuple([.. BuiltinModules.Table.Keys.Concat(BuiltinModules.Refused.Keys).Concat(["builtins", "sys"]).Order(StringComparer.Ordinal).Select(n => (PyObject)machine.Intern(n))]));
        m.Set("stdlib_module_names", new PySet(true));
        m.Set("implementation", MakeNamespace(("name", new PyStr("cpython")), ("cache_tag", new PyStr("cpython-311")), ("version", version), ("hexversion", PyInt.Of(0x030b02f0)), ("_multiarch", new PyStr("x86_64-linux-gnu"))));
        PyObject B(bool flag) => PyInt.Of(flag ? 1 : 0);
        m.Set("flags", Flags.Make(PyInt.Zero, B(options.Inspect), B(options.Interactive), PyInt.Of(options.Optimize), B(options.DontWriteBytecode), B(options.NoUserSite || options.Isolated), B(options.NoSite), B(options.IgnoreEnvironment || options.Isolated), PyInt.Of(options.Verbose), PyInt.Of(options.BytesWarning), B(options.Quiet), PyInt.One, B(options.Isolated), Values.Bool(options.DevMode), PyInt.Zero, B(options.XOptions.Contains("warn_default_encoding")), Values.Bool(options.SafePath), PyInt.Of(4300)));
        m.Set("float_info", FloatInfo.Make(new PyFloat(double.MaxValue), PyInt.Of(1024), PyInt.Of(308), new PyFloat(2.2250738585072014e-308), PyInt.Of(-1021), PyInt.Of(-307), PyInt.Of(15), PyInt.Of(53), new PyFloat(2.220446049250313e-16), PyInt.Of(2), PyInt.One));
        m.Set("int_info", IntInfo.Make(PyInt.Of(30), PyInt.Of(4), PyInt.Of(4300), PyInt.Of(640)));
        m.Set("hash_info", HashInfo.Make(PyInt.Of(64), PyInt.Of((1L << 61) - 1), PyInt.Of(314159), PyInt.Zero, PyInt.Of(1000003), new PyStr("marvin"), PyInt.Of(64), PyInt.Of(128), PyInt.Zero));
        m.Set("thread_info", ThreadInfo.Make(new PyStr("pthread"), new PyStr("semaphore"), Values.None));
        m.Def1("intern", s => s is PyStr && s.Type != StrType.Type ? throw Err.Type($"can't intern {s.Type.FullName}") : machine.Intern(s as PyStr ?? throw Err.Type($"intern() argument must be str, not {s.Type.FullName}")));
        m.Def0("getrecursionlimit", () => PyInt.Of(machine.RecursionLimit));
        m.Def1("setrecursionlimit", n =>
        {
            machine.RecursionLimit = Args.Int(n) is >= 1 and var limit ? limit : throw Err.Value("recursion limit must be greater or equal than 1");
            return Values.None;
        });
        // Remembered only: threads change after so many instructions.
        var interval = 0.005;
        m.Def0("getswitchinterval", () => new PyFloat(interval));
        m.Def1("setswitchinterval", seconds =>
        {
            interval = Args.Double(seconds) is > 0 and var given ? given : throw Err.Value("switch interval must be strictly positive");
            return Values.None;
        });
        m.Set("_stdlib_dir", PyStr.FromUtf16(options.Home));
        m.Def0("_clear_type_cache", () => Values.None);
        m.Def0("_debugmallocstats", () => Values.None);
        m.Def0("_current_exceptions", () =>
        {
            var result = new PyDict();
            result.Set(PyInt.Of(PyThread.Current.Id), (PyObject?)PyThread.Current.CurrentHandled ?? Values.None);
            return result;
        });
        m.Def0("get_int_max_str_digits", () => PyInt.Of(machine.MaxIntDigits));
        m.Def("set_int_max_str_digits", "maxdigits", a =>
        {
            var digits = Args.Int(a[0]!);
            machine.MaxIntDigits = digits is 0 or >= 640 ? digits : throw Err.Value("maxdigits must be 0 or larger than 640");
            return Values.None;
        });
        m.Def0("getdefaultencoding", () => new PyStr("utf-8"));
        m.Def0("getfilesystemencoding", () => new PyStr("utf-8"));
        m.Def0("getfilesystemencodeerrors", () => new PyStr("surrogateescape"));
        m.Def1("getrefcount", _ => PyInt.Of(2));
        m.Def0("getallocatedblocks", () => PyInt.Of(0));
        m.Def("getsizeof", "object, default=?", a => Calls.Special(a[0]!, Names.SizeOf) is PyInt size ? IntMath.Add(size, PyInt.Of(16)) : a[1] ?? throw Err.Type($"Type {a[0]!.Type.FullName} doesn't define __sizeof__"));
        m.Def0("is_finalizing", () => Values.False);
        m.Def("_getframe", "depth=0, /", a =>
        {
            var frame = PyThread.Current.Frame;
            for (var depth = Args.Int(a[0]!); depth > 0 && frame is not null; depth--)
                frame = frame.Back;
            frame?.Escape();
            return frame ?? throw Err.Value("call stack is not deep enough");
        });
        m.Def0("_current_frames", () => new PyDict());
        m.Def0("exc_info", () => PyThread.Current.CurrentHandled is { } e ? new PyTuple(e.Type, e, (PyObject?)e.Traceback ?? Values.None) : new PyTuple(Values.None, Values.None, Values.None));
        m.Def0("exception", () => (PyObject?)PyThread.Current.CurrentHandled ?? Values.None);
        m.Def("exit", "status=None, /", a => Err.Set(a[0] is PyTuple t ? Err.Of(ExceptionTypes.SystemExit, [.. t.Items]) : a[0] == Values.None ? Err.Of(ExceptionTypes.SystemExit) : Err.Of(ExceptionTypes.SystemExit, a[0]!)));
        m.Def1("settrace", f => Hook(() => PyThread.Current.SetTrace(f == Values.None ? null : f)));
        m.Def("call_tracing", "func, args, /", a => PyThread.Current.CallTracing(a[0]!, (a[1] as PyTuple ?? throw Err.Type($"call_tracing() argument 2 must be tuple, not {Args.TypeName(a[1])}")).Items));
        m.Def0("gettrace", () => PyThread.Current.TraceFunction ?? Values.None);
        m.Def1("setprofile", f => Hook(() => PyThread.Current.SetProfile(f == Values.None ? null : f)));
        m.Def0("getprofile", () => PyThread.Current.ProfileFunction ?? Values.None);
        var auditHooks = new List<PyObject>();
        m.Def("audit", "event, /, *args", a =>
        {
            if (a[0] is not PyStr)
                throw Err.Type($"expected str for argument 'event', not {Args.TypeName(a[0])}");
            Audit((PyStr)a[0]!, (PyTuple)a[1]!);
            return Values.None;
        });
        m.Def("addaudithook", "hook", a =>
        {
            try
            {
                Audit(new PyStr("sys.addaudithook"), PyTuple.Empty);
            }
            catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.Exception))
            {
                return Values.None; // a hook may refuse others
            }
            auditHooks.Add(a[0]!);
            return Values.None;
        });

        void Audit(PyStr name, PyTuple arguments)
        {
            foreach (var hook in auditHooks.ToArray())
                Calls.Call(hook, name, arguments);
        }

        // The depth is remembered; cr_origin stays None.
        var originDepth = 0;
        m.Def0("get_coroutine_origin_tracking_depth", () => PyInt.Of(originDepth));
        m.Def("set_coroutine_origin_tracking_depth", "depth", a =>
        {
            originDepth = Args.Int(a[0]!) is >= 0 and var depth ? depth : throw Err.Value("depth must be >= 0");
            return Values.None;
        });
        m.Def0("get_asyncgen_hooks", () => AsyncGenHooks.Make(PyThread.Current.AsyncGenFirstIter ?? Values.None, PyThread.Current.AsyncGenFinalizer ?? Values.None));
        m.Def("set_asyncgen_hooks", "firstiter=?, finalizer=?", a =>
        {
            var thread = PyThread.Current;
            if (a[0] is not null)
                thread.AsyncGenFirstIter = a[0] == Values.None ? null : a[0];
            if (a[1] is not null)
                thread.AsyncGenFinalizer = a[1] == Values.None ? null : a[1];
            return Values.None;
        });
        m.Def1("displayhook", value =>
        {
            if (value == Values.None)
                return Values.None;
            machine.Builtins.Dict.Set("_", Values.None);
            var output = Attributes.TryGet(machine.Sys, "stdout") ?? throw Err.Runtime("lost sys.stdout");
            Calls.CallMethod(output, "write", Ops.ReprObject(value));
            Calls.CallMethod(output, "write", new PyStr("\n"));
            machine.Builtins.Dict.Set("_", value);
            return Values.None;
        });
        m.Def("excepthook", "exctype, value, traceback, /", a =>
        {
            if (a[1] is PyException error)
                ErrorPrinter.Print(machine, error);
            return Values.None;
        });
        m.Def1("unraisablehook", info =>
        {
            if (info is PyException || Attributes.TryGet(info, "exc_value") is not PyException error)
                throw Err.Type("sys.unraisablehook argument type must be UnraisableHookArgs");
            ErrorPrinter.PrintUnraisable(machine, error, Attributes.Get(info, "object"));
            return Values.None;
        });
        m.DefRaw("breakpointhook", (_, args, names) => BreakpointFunction(machine) is { } function ? Calls.CallNamed(function, args, names) : Values.None);
        foreach (var hook in new[] { "displayhook", "excepthook", "unraisablehook", "breakpointhook" })
            m.Set($"__{hook}__", m.Module.Dict.Get(hook)!);
    }

    /// <summary>What <c>PYTHONBREAKPOINT</c> names, or pdb's; null where breakpoints are off, or name what is not there.</summary>
    private static PyObject? BreakpointFunction(Machine machine)
    {
        var ignored = machine.Options.IgnoreEnvironment || machine.Options.Isolated;
        var chosen = ignored ? Values.None : Calls.CallMethod(Attributes.Get(machine.ImportModule("os"), "environ"), "get", new PyStr("PYTHONBREAKPOINT"));
        var name = chosen is PyStr { Length: > 0 } text ? text.Value : "pdb.set_trace";
        if (name == "0")
            return null;
        var dot = name.LastIndexOf('.');
        try
        {
            return Attributes.Get(dot < 0 ? machine.Builtins : machine.ImportModule(name[..dot]), name[(dot + 1)..]);
        }
        catch (PyError error) when (chosen is PyStr && (error.Value.Type.IsSubtypeOf(ExceptionTypes.ImportError) || error.Value.Type.IsSubtypeOf(ExceptionTypes.AttributeError) || error.Value.Type.IsSubtypeOf(ExceptionTypes.ValueError)))
        {
            Warn.Issue(ExceptionTypes.RuntimeWarning, $"Ignoring unimportable $PYTHONBREAKPOINT: \"{name}\"");
            return null;
        }
    }

    private static PyObject Hook(Action set)
    {
        set();
        return Values.None;
    }
}
