using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>_multiprocessing and _posixshmem: semaphores and memory that processes share, both by name in /dev/shm.</summary>
internal static partial class MultiprocessingModules
{
    private static readonly NativeParameters SemLockParameters = new("SemLock", "kind, value, maxvalue, name, unlink");
    private const int RecursiveMutex = 0, Most = int.MaxValue, TryAgain = 11, TimedOut = 110, Interrupted = 4;

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sem_open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string name, int flags, uint mode, uint value);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sem_close")]
    private static partial int Close(nint semaphore);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sem_unlink", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unlink(string name);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sem_trywait")]
    private static partial int TryWait(nint semaphore);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sem_post")]
    private static partial int Post(nint semaphore);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sem_getvalue")]
    private static partial int GetValue(nint semaphore, out int value);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sem_timedwait")]
    private static partial int TimedWait(nint semaphore, ReadOnlySpan<long> until);

    private sealed class PySemaphore(nint handle, int kind, int most, string name) : PyObject
    {
        ~PySemaphore() => _ = Close(Handle);

        public nint Handle { get; } = handle;

        public int Kind { get; } = kind;

        public int Most { get; } = most;

        public string Name { get; } = name;

        public long Owner { get; set; }

        public int Count { get; set; }

        public bool IsMine => Count > 0 && Owner == PyThread.Current.Id;

        public override PyType Type => SemaphoreType;
    }

    private static PySemaphore S(PyObject o) => (PySemaphore)o;

    /// <summary>The file that stands for a name.</summary>
    private static string Asked(PyObject name, string prefix)
    {
        var text = FileSystemCodec.Path(name);
        _ = Gate.Current.Ask(PyStr.FromUtf16($"/dev/shm/{prefix}{text.TrimStart('/')}"), Access.Read | Access.Write);
        return text;
    }

    private static PySemaphore Make(PyObject name, int kind, long value, long most, int flags)
    {
        if (kind is not (0 or 1))
            throw Err.Value("unrecognized kind");
        var text = Asked(name, "sem.");
        var handle = Open(text, flags, 0x180, (uint)value);
        return handle != 0 ? new PySemaphore(handle, kind, (int)Math.Min(most, Most), text) : throw Err.OS(LibC.LastError, (PyObject?)null);
    }

    /// <summary>Waits in slices without the lock of the interpreter.</summary>
    private static PyObject Acquire(PySemaphore s, bool blocks, PyObject? timeout)
    {
        if (s.Kind == RecursiveMutex && s.IsMine)
        {
            s.Count++;
            return Values.True;
        }
        var thread = PyThread.Current;
        var seconds = !blocks ? 0 : Args.IsNone(timeout) ? double.PositiveInfinity : Math.Max(0, Args.Double(timeout!));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (TryWait(s.Handle) < 0)
        {
            if (LibC.LastError is not (TryAgain or Interrupted))
                throw Err.OS(LibC.LastError, (PyObject?)null);
            var left = seconds - clock.Elapsed.TotalSeconds;
            if (left <= 0)
                return Values.False;
            const double slice = 0.05;
            var until = DateTimeOffset.UtcNow.AddSeconds(Math.Min(left, slice)) - DateTimeOffset.UnixEpoch;
            var (result, error) = thread.Machine.Gil.Without(() =>
            {
                var value = TimedWait(s.Handle, [(long)until.TotalSeconds, until.Ticks % TimeSpan.TicksPerSecond * 100]);
                return (value, value < 0 ? LibC.LastError : 0);
            });
            if (result == 0)
                break;
            if (error is not (TimedOut or Interrupted))
                throw Err.OS(error, (PyObject?)null);
            Blocking.Sleep(thread, TimeSpan.Zero);
        }
        s.Count++;
        s.Owner = thread.Id;
        return Values.True;
    }

    private static int Value(PySemaphore s) => GetValue(s.Handle, out var value) == 0 ? value : throw Err.OS(LibC.LastError, (PyObject?)null);

    private static PyObject Release(PySemaphore s)
    {
        if (s.Kind == RecursiveMutex)
        {
            if (!s.IsMine)
                throw Err.Of(ExceptionTypes.AssertionError, "attempt to release recursive lock not owned by thread");
            if (s.Count > 1)
            {
                s.Count--;
                return Values.None;
            }
        }
        else if (Value(s) >= s.Most)
        {
            throw Err.Value("semaphore or lock released too many times");
        }
        if (Post(s.Handle) < 0)
            throw Err.OS(LibC.LastError, (PyObject?)null);
        s.Count--;
        return Values.None;
    }

    private static readonly PyType SemaphoreType = new("SemLock", PyType.Object, t =>
    {
        const int create = 0x40, exclusive = 0x80;
        t.New = (_, args, names) =>
        {
            var a = SemLockParameters.Bind(args, names);
            var made = Make(a[3]!, Args.Int(a[0]!), Args.Long(a[1]!), Args.Long(a[2]!), create | exclusive);
            if (Ops.IsTrue(a[4]!))
                Unlink(made.Name);
            return made;
        };
        // A semaphore is found by its name; the number that goes with it is an address in another process.
        t.DefClass("_rebuild", "handle, kind, maxvalue, name, /", (_, a) => a[3] == Values.None ? throw Err.Value("a semaphore without a name is known to one process only") : Make(a[3]!, Args.Int(a[1]!), 0, Args.Long(a[2]!), 0));
        t.Def("acquire", "block=True, timeout=None", (o, a) => Acquire(S(o), Ops.IsTrue(a[0]!), a[1]));
        t.Def0("release", o => Release(S(o)));
        t.Def0("__enter__", o => Acquire(S(o), true, null));
        t.Def("__exit__", "*args", (o, _) => Release(S(o)));
        t.Def0("_count", o => PyInt.Of(S(o).Count));
        t.Def0("_is_mine", o => Values.Bool(S(o).IsMine));
        t.Def0("_get_value", o => PyInt.Of(Math.Max(0, Value(S(o)))));
        t.Def0("_is_zero", o => Values.Bool(Value(S(o)) <= 0));
        t.Def0("_after_fork", _ => Values.None);
        t.Member("handle", o => PyInt.Of(S(o).Handle));
        t.Member("kind", o => PyInt.Of(S(o).Kind));
        t.Member("maxvalue", o => PyInt.Of(S(o).Most));
        t.Member("name", o => PyStr.FromUtf16(S(o).Name));
        t.Constant("SEM_VALUE_MAX", PyInt.Of(Most));
    }, "_multiprocessing");

    public static void FillMultiprocessing(ModuleBuilder m)
    {
        m.Types(SemaphoreType);
        var flags = new PyDict();
        foreach (var name in new[] { "HAVE_SEM_OPEN", "HAVE_SEM_TIMEDWAIT", "HAVE_FD_TRANSFER" })
            flags.Set(name, PyInt.One);
        m.Set("flags", flags);
        m.Def1("sem_unlink", name => Unlink(Asked(name, "sem.")) < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : Values.None);
    }

    public static void FillSharedMemory(ModuleBuilder m)
    {
        static PyStr File(PyObject? name)
        {
            var text = FileSystemCodec.Path(name!).TrimStart('/');
            return text.Length > 0 && !text.Contains('/', StringComparison.Ordinal) ? PyStr.FromUtf16("/dev/shm/" + text) : throw Err.OS(Errno.EINVAL, name);
        }
        m.Def("shm_open", "path, flags, mode=511", a =>
        {
            const int noFollow = 0x20000, closeOnExec = 0x80000;
            var fd = m.Machine.Gate.Open(File(a[0]), null, Args.Int(a[1]!) | noFollow | closeOnExec, Args.Int(a[2]!));
            return fd >= 0 ? PyInt.Of(fd) : throw Err.OS(LibC.LastError, a[0]);
        });
        m.Def("shm_unlink", "path", a => m.Machine.Gate.On(File(a[0]), null, Access.Write, false, p => LibC.Unlink(p)) < 0 ? throw Err.OS(LibC.LastError, a[0]) : Values.None);
    }
}
