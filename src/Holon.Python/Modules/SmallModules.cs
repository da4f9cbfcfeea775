namespace Holon.Python.Modules;

internal static class ImpModule
{
    public static void Fill(ModuleBuilder m)
    {
        var machine = m.Machine;
        m.Set("check_hash_based_pycs", "default");
        m.Def0("extension_suffixes", () => new PyList());
        m.Def0("lock_held", () => Values.False);
        m.Def0("acquire_lock", () => Values.None);
        m.Def0("release_lock", () => Values.None);
        m.Def1("is_builtin", n => PyInt.Of(BuiltinModules.Table.ContainsKey(n.ToString()!) || BuiltinModules.Refused.ContainsKey(n.ToString()!) ? 1 : n.ToString() is "sys" or "builtins" ? -1 : 0));
        FrozenModules.Fill(m);
        m.Def1("exec_builtin", _ => PyInt.Zero);
        m.Def1("exec_dynamic", _ => PyInt.Zero);
        m.Def("create_dynamic", "spec, file=None, /", a => throw Err.Of(ExceptionTypes.ImportError, $"{Ops.Str(Attributes.Get(a[0]!, "name"))} is a C extension module; this machine runs Python modules only"));
        m.Def1("create_builtin", spec =>
        {
            var name = Ops.Str(Attributes.Get(spec, "name")).ToString();
            if (machine.Modules.Get(name) is { } present)
                return present;
            if (BuiltinModules.Refused.TryGetValue(name, out var why))
            {
                var refused = Err.Of(ExceptionTypes.ModuleNotFoundError, $"No module named '{name}': {why}");
                refused.Value.Fields["name"] = new PyStr(name);
                throw refused;
            }
            return BuiltinModules.Table.TryGetValue(name, out var fill) ? BuiltinModules.Create(machine, name, fill) : Values.None;
        });
        m.Def("source_hash", "key, source", a =>
        {
            var hash = SourceHash((ulong)Args.Long(a[0]!), Buffers.Of(a[1]!).Bytes);
            return new PyBytes(BitConverter.GetBytes(hash));
        });
        m.Def("_fix_co_filename", "code, path, /", a =>
        {
            Rename((PyCode)a[0]!, ((PyCode)a[0]!).Filename, (PyStr)a[1]!);
            return Values.None;
        });
    }

    private static void Rename(PyCode code, PyStr from, PyStr to)
    {
        if (!code.Filename.Equals(from))
            return;
        code.Filename = to;
        foreach (var inner in code.Consts.OfType<PyCode>())
            Rename(inner, from, to);
    }

    // SipHash-1-3 with the key's halves (key, 0).
    private static ulong SourceHash(ulong key, ReadOnlySpan<byte> data)
    {
        ulong v0 = key ^ 0x736f6d6570736575, v1 = 0x646f72616e646f6d, v2 = key ^ 0x6c7967656e657261, v3 = 0x7465646279746573;
        var last = (ulong)data.Length << 56;
        while (data.Length >= 8)
        {
            var word = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(data);
            data = data[8..];
            v3 ^= word;
            Round();
            v0 ^= word;
        }
        for (var i = 0; i < data.Length; i++)
            last |= (ulong)data[i] << (8 * i);
        v3 ^= last;
        Round();
        v0 ^= last;
        v2 ^= 0xff;
        Round();
        Round();
        Round();
        return v0 ^ v1 ^ v2 ^ v3;

        void Round()
        {
            v0 += v1;
            v2 += v3;
            v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
            v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
            v0 = BitOperations.RotateLeft(v0, 32);
            v2 += v1;
            v0 += v3;
            v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
            v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
            v2 = BitOperations.RotateLeft(v2, 32);
        }
    }
}

internal static class MarshalModule
{
    public static void Fill(ModuleBuilder m)
    {
        m.Set("version", 4);
        m.Def("dumps", "value, version=4, /", a => new PyBytes(MarshalWriter.Dump(a[0]!, Args.Int(a[1]!))));
        m.Def1("loads", data => data switch
        {
            // Bytes do not change: importlib's view of a file's content is read where it is.
            PyBytes bytes => MarshalReader.Load(bytes.Content),
            PyMemoryView { IsReleased: false, Layout.IsCContiguous: true, Buffer.Source: PyBytes bytes } view => MarshalReader.Load(bytes.Content, view.Layout.Start, view.Layout.Start + (view.Layout.Items * view.Layout.ItemSize)),
            IBuffer buffer => MarshalReader.Load(buffer.Bytes.ToArray()),
            _ => throw Err.Type($"a bytes-like object is required, not '{data.Type.FullName}'"),
        });
        m.Def("dump", "value, file, version=4, /", a => Calls.CallMethod(a[1]!, "write", new PyBytes(MarshalWriter.Dump(a[0]!, Args.Int(a[2]!)))));
        m.Def1("load", file =>
        {
            var start = Calls.CallMethod(file, "tell");
            var data = ((IBuffer)Calls.CallMethod(file, "read")).Bytes.ToArray();
            var reader = new MarshalReader(data, 0, data.Length);
            var value = reader.Read() ?? throw Err.Type("NULL object in marshal data for object");
            Calls.CallMethod(file, "seek", IntMath.Add((PyInt)start, PyInt.Of(reader.Position)));
            return value;
        });
    }
}

internal static class AtExitModule
{
    private sealed class Registered
    {
        public List<(PyObject Function, PyObject[] Args, PyTuple? Names)> Items { get; } = [];
    }

    public static void Fill(ModuleBuilder m)
    {
        var list = m.Machine.State<Registered>("atexit").Items;
        m.DefRaw("register", (_, args, names) =>
        {
            list.Add((args[0], args[1..].ToArray(), names));
            return args[0];
        });
        m.Def1("unregister", f =>
        {
            list.RemoveAll(i => Ops.Eq(i.Function, f));
            return Values.None;
        });
        m.Def0("_clear", () =>
        {
            list.Clear();
            return Values.None;
        });
        m.Def0("_ncallbacks", () => PyInt.Of(list.Count));
        m.Def0("_run_exitfuncs", () =>
        {
            Run(m.Machine);
            return Values.None;
        });
    }

    public static void Run(Machine machine)
    {
        var list = machine.State<Registered>("atexit").Items;
        while (list.Count > 0)
        {
            var (function, args, names) = list[^1];
            list.RemoveAt(list.Count - 1);
            try
            {
                Calls.CallNamed(function, args, names);
            }
            catch (PyError error)
            {
                ErrorPrinter.Unraisable(error.Value, function);
            }
        }
    }
}

internal static class ErrnoModule
{
    private const string More = "- ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT ENOTSUP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL";

    private static readonly string[] Numbers = ["", "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF", "ECHILD", "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV", "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC", "ESPIPE", "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK", "ENOSYS", "ENOTEMPTY", "ELOOP"];

    public static void Fill(ModuleBuilder m)
    {
        var codes = new PyDict();
        void Add(string name, int number)
        {
            m.Set(name, number);
            codes.Set(PyInt.Of(number), new PyStr(name));
        }
        for (var i = 1; i < Numbers.Length; i++)
            Add(Numbers[i], i);
        foreach (var (name, i) in More.Split(' ').Select((n, i) => (n, i)).Where(e => e.n != "-"))
            Add(name, 41 + i);
        codes.Set(PyInt.Of(35), new PyStr("EDEADLOCK"));
        m.Set("EDEADLOCK", 35);
        m.Set("EWOULDBLOCK", 11);
        m.Set("EOPNOTSUPP", 95);
        m.Set("errorcode", codes);
    }
}

internal static class GcModule
{
    public static void Fill(ModuleBuilder m)
    {
        m.Def("collect", "generation=2", a =>
        {
            if (Args.Int(a[0]!) is not (>= 0 and <= 2 and var generation))
                throw Err.Value("invalid generation");
            // Once more when objects have been finalized: what they kept alive until then is dead only now.
            for (var round = 0; round < 2; round++)
            {
                var deaths = m.Machine.Finalizers.Deaths;
                GC.Collect(generation, GCCollectionMode.Forced, blocking: true, compacting: false);
                GC.WaitForPendingFinalizers();
                m.Machine.RunPending(PyThread.Current);
                if (m.Machine.Finalizers.Deaths == deaths)
                    break;
            }
            return PyInt.Zero;
        });
        // .NET collects when it wants to: these are remembered and change nothing.
        var (enabled, frozen, debug) = (true, 0L, 0);
        PyObject[] thresholds = [PyInt.Of(700), PyInt.Of(10), PyInt.Of(10)];
        PyObject Done(Action action)
        {
            action();
            return Values.None;
        }
        m.Def0("enable", () => Done(() => enabled = true));
        m.Def0("disable", () => Done(() => enabled = false));
        m.Def0("isenabled", () => Values.Bool(enabled));
        m.Def0("freeze", () => Values.None);
        m.Def0("unfreeze", () => Values.None);
        m.Def0("get_freeze_count", () => PyInt.Of(frozen));
        m.Def0("get_debug", () => PyInt.Of(debug));
        m.Def1("set_debug", flags => Done(() => debug = Args.Int(flags)));
        m.Def0("get_threshold", () => new PyTuple([.. thresholds]));
        m.DefKept("set_threshold", "threshold0, threshold1=?, threshold2=?, /", a => Done(() => thresholds = [.. thresholds.Select((t, i) => a[i] is null ? t : PyInt.Of(Args.Int(a[i]!)))]));
        m.Def0("get_count", () => new PyTuple(PyInt.Of(GC.CollectionCount(0)), PyInt.Of(GC.CollectionCount(1)), PyInt.Of(GC.CollectionCount(2))));
        m.Def0("get_stats", () => new PyList(Enumerable.Range(0, 3).Select(i =>
        {
            var stats = new PyDict();
            stats.Set("collections", PyInt.Of(GC.CollectionCount(i)));
            stats.Set("collected", PyInt.Zero);
            stats.Set("uncollectable", PyInt.Zero);
            return (PyObject)stats;
        })));
        m.Def1("is_tracked", o => Values.Bool(o is not (PyInt or PyFloat or PyStr or PyBytes or PyComplex or PySingleton or PyTuple { Count: 0 } or PyDict { Count: 0 })));
        m.Def1("is_finalized", _ => Values.False);
        m.Def("get_referents", "*objs", a => new PyList(((PyTuple)a[0]!).Items.SelectMany(References)));
        foreach (var name in new[] { "get_objects", "get_referrers" })
            m.DefRaw(name, (_, _, _) => throw Err.Of(ExceptionTypes.NotImplementedError, $"gc.{name}: objects are collected by .NET, which does not tell"));
        m.Set("garbage", new PyList());
        m.Set("callbacks", new PyList());
        foreach (var (name, value) in new[] { ("DEBUG_STATS", 1), ("DEBUG_COLLECTABLE", 2), ("DEBUG_UNCOLLECTABLE", 4), ("DEBUG_SAVEALL", 32), ("DEBUG_LEAK", 38) })
            m.Set(name, value);
    }

    private static IEnumerable<PyObject> References(PyObject o) => o switch
    {
        PyList list => list.ToArray(),
        PyTuple tuple => tuple.Items,
        PyDict dict => dict.Items().SelectMany(i => new[] { i.Key, i.Value }),
        PySet set => set.Items(),
        PyInstance instance => [.. instance.Fields.Values.OfType<PyObject>(), instance.Type],
        _ => [],
    };
}

internal static class StringModule
{
    public static void Fill(ModuleBuilder m)
    {
        m.Def1("formatter_parser", s => new PyEnumerator(IteratorTypes.Sequence, FormatMethod.Parse(Text(s)).Select(p => (PyObject)new PyTuple(p.Literal, (PyObject?)p.Field ?? Values.None, (PyObject?)p.Spec ?? Values.None, p.Conversion == 0 ? Values.None : PyStr.OfChar(p.Conversion))).GetEnumerator()));
        m.Def1("formatter_field_name_split", s =>
        {
            var (first, rest) = FormatMethod.SplitField(Text(s));
            return new PyTuple(Number(first), new PyEnumerator(IteratorTypes.Sequence, rest.Select(r => (PyObject)new PyTuple(Values.Bool(r.IsAttribute), r.IsAttribute ? r.Name : Number(r.Name))).GetEnumerator()));
        });
    }

    private static PyStr Text(PyObject o) => o as PyStr ?? throw Err.Type($"expected str, got {o.Type.FullName}");

    private static PyObject Number(PyStr text) => text.Length > 0 && text.ToCodePoints().All(c => c is >= '0' and <= '9') ? IntText.Parse(text, 10) : text;
}

/// <summary>Only what importlib wants before warnings.py can be imported; warnings.py then uses its own Python code.</summary>
internal static class WarningsModule
{
    public static void Fill(ModuleBuilder m) =>
        m.DefRaw("warn", (_, args, names) => Calls.CallNamed(Attributes.Get(m.Machine.ImportModule("warnings"), "warn"), args, names));
}
