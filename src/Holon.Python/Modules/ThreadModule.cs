namespace Holon.Python.Modules;

internal static class ThreadModule
{
    private sealed class PyLock : PyObject
    {
        public readonly SemaphoreSlim Semaphore = new(1, 1);

        public override PyType Type => Lock;
    }

    private sealed class PyRLock : PyObject
    {
        public readonly SemaphoreSlim Semaphore = new(1, 1);
        public long Owner;
        public int Count;

        public override PyType Type => RLock;
    }

    private const double LongestWait = 9223372036.0;

    private static bool Wait(SemaphoreSlim semaphore, ReadOnlySpan<PyObject?> a)
    {
        var blocking = Ops.IsTrue(a[0]!);
        var timeout = Args.Double(a[1]!);
        if (!blocking && timeout != -1)
            throw Err.Value("can't specify a timeout for a non-blocking call");
        if (blocking && timeout < 0 && timeout != -1)
            throw Err.Value("timeout value must be a non-negative number");
        if (blocking && timeout > LongestWait)
            throw Err.Overflow(timeout > 9.2e9 ? "timestamp too large to convert to C _PyTime_t" : "timeout value is too large");
        var thread = PyThread.Current;
        // A signal that came before is seen here at the latest.
        if (blocking)
            thread.Machine.RunPending(thread);
        if (semaphore.Wait(0))
            return true;
        if (!blocking)
            return false;
        var limit = timeout < 0 ? TimeSpan.MaxValue : TimeSpan.FromSeconds(Math.Min(timeout, 1e9));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        // In slices, so that a machine's limits end a program that waits for ever.
        while (clock.Elapsed < limit)
        {
            var slice = Math.Min(50, (int)Math.Min((limit - clock.Elapsed).TotalMilliseconds + 1, 50));
            if (thread.Machine.Gil.Without(() => semaphore.Wait(slice)))
            {
                try
                {
                    thread.Machine.RunPending(thread);
                }
                catch
                {
                    semaphore.Release(); // whoever is interrupted does not have the lock
                    throw;
                }
                return true;
            }
            thread.Machine.Limits.ChargeInstructions(1);
            thread.Machine.RunPending(thread);
        }
        return false;
    }

    private static readonly PyType Lock = new("lock", PyType.Object, t =>
    {
        foreach (var name in new[] { "acquire", "acquire_lock" })
            t.Def(name, "blocking=True, timeout=-1", (o, a) => Values.Bool(Wait(((PyLock)o).Semaphore, a)));
        foreach (var name in new[] { "release", "release_lock" })
            t.Def0(name, Release);
        foreach (var name in new[] { "locked", "locked_lock" })
            t.Def0(name, o => Values.Bool(((PyLock)o).Semaphore.CurrentCount == 0));
        t.Def0("__enter__", o => Values.Bool(Wait(((PyLock)o).Semaphore, [Values.True, PyInt.MinusOne])));
        t.Def("__exit__", "*args", (o, _) => Release(o));
        t.Def0("_at_fork_reinit", o => Values.None);
        t.Repr = o => Values.Str($"<{(((PyLock)o).Semaphore.CurrentCount == 0 ? "locked" : "unlocked")} _thread.lock object at {Ops.Address(o)}>");
    }, "_thread");

    private static PyObject Release(PyObject o)
    {
        var semaphore = ((PyLock)o).Semaphore;
        if (semaphore.CurrentCount > 0)
            throw Err.Runtime("release unlocked lock");
        semaphore.Release();
        return Values.None;
    }

    private static PyObject Acquire(PyRLock self, PyObject?[] a)
    {
        var me = PyThread.Current.Id;
        if (self.Owner == me && self.Count > 0)
        {
            self.Count++;
            return Values.True;
        }
        if (!Wait(self.Semaphore, a))
            return Values.False;
        (self.Owner, self.Count) = (me, 1);
        return Values.True;
    }

    private static PyObject Release(PyRLock self)
    {
        if (self.Owner != PyThread.Current.Id || self.Count == 0)
            throw Err.Runtime("cannot release un-acquired lock");
        if (--self.Count == 0)
        {
            self.Owner = 0;
            self.Semaphore.Release();
        }
        return Values.None;
    }

    private static readonly PyType RLock = new("RLock", PyType.Object, t =>
    {
        t.New = (_, _, _) => new PyRLock();
        t.Repr = o => o is PyRLock l ? Values.Str($"<{(l.Count > 0 ? "locked" : "unlocked")} _thread.RLock object owner={l.Owner} count={l.Count} at {Ops.Address(o)}>") : null!;
        t.DefKept("acquire", "blocking=True, timeout=-1", (o, a) => Acquire((PyRLock)o, a));
        t.Def0("release", o => Release((PyRLock)o));
        t.Def0("__enter__", o => Acquire((PyRLock)o, [Values.True, PyInt.MinusOne]));
        t.Def("__exit__", "*args", (o, _) => Release((PyRLock)o));
        t.Def0("_is_owned", o => Values.Bool(o is PyRLock { Count: > 0 } l && l.Owner == PyThread.Current.Id));
        t.Def0("_release_save", o =>
        {
            var self = (PyRLock)o;
            if (self.Count == 0)
                throw Err.Runtime("cannot release un-acquired lock");
            var state = new PyTuple(PyInt.Of(self.Count), PyInt.Of(self.Owner));
            (self.Count, self.Owner) = (0, 0);
            self.Semaphore.Release();
            return state;
        });
        t.Def1("_acquire_restore", (o, state) =>
        {
            var self = (PyRLock)o;
            Wait(self.Semaphore, [Values.True, PyInt.MinusOne]);
            (self.Count, self.Owner) = (Args.Int(((PyTuple)state)[0]), Args.Long(((PyTuple)state)[1]));
            return Values.None;
        });
        t.Def0("_at_fork_reinit", _ => Values.None);
    }, "_thread");

    private sealed class PyLocal(PyType type, PyObject[] args, PyTuple? names) : PyExtensible(type)
    {
        private readonly ConditionalWeakTable<PyThread, PyDict> dicts = [];

        public PyDict Dict
        {
            get
            {
                if (dicts.TryGetValue(PyThread.Current, out var dict))
                    return dict;
                dict = new PyDict();
                dicts.Add(PyThread.Current, dict);
                if (Type.Init is { } init && init != LocalInit)
                    init(this, args, names);
                return dict;
            }
        }
    }

    private static readonly InitFn LocalInit = (_, _, _) => { };

    private static readonly PyType Local = new("_local", PyType.Object, t =>
    {
        t.New = (type, args, names) => (args.Length > 0 || names is { Count: > 0 }) && type.Init == LocalInit ? throw Err.Type("Initialization arguments are not supported") : new PyLocal(type, args.ToArray(), names);
        t.Init = LocalInit;
        t.GetAttr = (o, name) =>
        {
            var dict = ((PyLocal)o).Dict;
            return name.Equals(Names.Dict) ? dict : dict.Get(name) ?? Attributes.GenericGet(o, name);
        };
        t.SetAttr = (o, name, value) =>
        {
            if (name.Equals(Names.Dict))
                throw Err.Of(ExceptionTypes.AttributeError, $"'{o.Type.FullName}' object attribute '__dict__' is read-only");
            var dict = ((PyLocal)o).Dict;
            if (o.Type.Lookup(name)?.Type.DescrSet is { } set)
                set(o.Type.Lookup(name)!, o, value);
            else if (value is not null)
                dict.Set(name, value);
            else if (dict.Remove(name) is null)
                throw Err.Attribute(o, name);
        };
    }, "_thread");

    private sealed class Counter
    {
        public int Running;
    }

    public static void Fill(ModuleBuilder m)
    {
        var machine = m.Machine;
        var counter = machine.State<Counter>("_thread");
        m.Set("LockType", Lock);
        m.Set("RLock", RLock);
        m.Set("_local", Local);
        m.Set("error", ExceptionTypes.RuntimeError);
        m.Set("TIMEOUT_MAX", new PyFloat(LongestWait));
        foreach (var name in new[] { "allocate_lock", "allocate" })
            m.Def0(name, () => new PyLock());
        m.Def0("get_ident", () => PyInt.Of(PyThread.Current.Id));
        m.Def0("get_native_id", () => PyInt.Of(PyThread.Current.Id));
        m.Def0("_count", () => PyInt.Of(counter.Running));
        m.Def("stack_size", "size=0, /", a => Args.Long(a[0]!) == 0 ? PyInt.Zero : throw Err.Of(ExceptionTypes.NotImplementedError, "the stack size of threads is fixed"));
        m.Def0("exit", () => Err.Set(Err.Of(ExceptionTypes.SystemExit)));
        m.Def("interrupt_main", "signum=2, /", a =>
        {
            machine.Signals.Arrive(Args.Int(a[0]!) is >= 1 and < Signals.Count and var number ? number : throw Err.Value("signal number out of range"));
            machine.RunPending(PyThread.Current);
            return Values.None;
        });
        m.Def0("_set_sentinel", () =>
        {
            var sentinel = new PyLock();
            Sentinels.AddOrUpdate(PyThread.Current, sentinel);
            return sentinel;
        });
        foreach (var name in new[] { "start_new_thread", "start_new" })
            m.Def(name, "function, args, kwargs=?, /", a => Start(machine, counter, a[0]!, (PyTuple)a[1]!, a[2] as PyDict));
    }

    private static readonly ConditionalWeakTable<PyThread, PyLock> Sentinels = [];

    private static PyInt Start(Machine machine, Counter counter, PyObject function, PyTuple args, PyDict? keywords)
    {
        using var started = new ManualResetEventSlim();
        long id = 0;
        var native = new Thread(() =>
        {
            var thread = new PyThread(machine);
            id = thread.Id;
            started.Set();
            using var attached = PyThread.Attach(thread);
            machine.Gil.Acquire();
            try
            {
                Interlocked.Increment(ref counter.Running);
                _ = Calls.CallWith(function, args.Items, keywords) ?? throw thread.TakeError();
            }
            catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.SystemExit))
            {
                // Ends this thread only.
            }
            catch (PyError error)
            {
                ErrorPrinter.Unraisable(error.Value, function);
            }
            finally
            {
                Interlocked.Decrement(ref counter.Running);
                if (Sentinels.TryGetValue(thread, out var sentinel) && sentinel.Semaphore.CurrentCount == 0)
                    sentinel.Semaphore.Release();
                machine.Gil.Release();
            }
        }, 64 << 20)
        { IsBackground = true };
        native.Start();
        started.Wait();
        return PyInt.Of(id);
    }
}
