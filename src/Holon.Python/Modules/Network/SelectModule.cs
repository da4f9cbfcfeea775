namespace Holon.Python.Modules.Network;

/// <summary>select: waiting for descriptors with poll and epoll.</summary>
internal static class SelectModule
{
    private static readonly NativeParameters EpollParameters = new("epoll", "sizehint=-1, flags=0");
    private const short In = 1, Priority = 2, Out = 4, Error = 8, HangUp = 16, Invalid = 32;

    private const int MaxSelect = 1024;

    private sealed class PyPoll : PyObject
    {
        public SortedDictionary<int, short> Watched { get; } = [];

        public bool IsBusy { get; set; }

        public override PyType Type => Poll;
    }

    private sealed class PyEpoll(int fd) : PyObject
    {
        private readonly Gate gate = Gate.Current;
        private int descriptor = fd;

        public int Fd => descriptor >= 0 && gate.Owns(descriptor) ? descriptor : -1;

        public void Close()
        {
            var last = Interlocked.Exchange(ref descriptor, -1);
            if (last >= 0 && gate.Owns(last))
                _ = gate.Close(last);
        }

        ~PyEpoll() => Close();

        public override PyType Type => Epoll;
    }

    private static PyEpoll E(PyObject o) => o is PyEpoll { Fd: >= 0 } e ? e : throw Err.Value("I/O operation on closed epoll object");

    private static int Descriptor(PyObject o)
    {
        var number = o as PyInt;
        if (number is null)
        {
            var method = Attributes.TryGet(o, "fileno") ?? throw Err.Type("argument must be an int, or have a fileno() method.");
            number = Calls.Call(method) as PyInt ?? throw Err.Type("fileno() returned a non-integer");
        }
        var fd = Args.Int(number);
        return fd >= 0 ? Gate.Current.Use(fd) : throw Err.Value($"file descriptor cannot be a negative integer ({fd})");
    }

    /// <summary>Waits in slices, so that limits and signals are seen. Seconds below zero are for ever.</summary>
    private static int Sliced(double seconds, Func<int, int> wait)
    {
        var thread = PyThread.Current;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            var left = seconds < 0 ? double.PositiveInfinity : seconds - clock.Elapsed.TotalSeconds;
            var slice = (int)Math.Clamp(Math.Ceiling(left * 1000), 0, 50);
            var (count, error) = thread.Machine.Gil.Without(() =>
            {
                var result = wait(slice);
                return (result, result < 0 ? LibC.LastError : 0);
            });
            if (count > 0 || (count == 0 && left <= 0))
                return count;
            if (count < 0 && error != Errno.EINTR)
                throw Err.OS(error, (PyObject?)null);
            thread.Machine.Limits.ChargeInstructions(1);
            thread.Machine.RunPending(thread);
        }
    }

    private static short Mask(PyObject? mask, int otherwise)
    {
        if (mask is null)
            return (short)otherwise;
        var value = Args.Long(mask);
        if (value < 0)
            throw Err.Value("value must be positive");
        return value <= ushort.MaxValue ? (short)value : throw Err.Overflow("Python int too large for C unsigned short");
    }

    private static readonly PyType Poll = new("poll", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Def("register", "fd, eventmask=?, /", (o, a) =>
        {
            ((PyPoll)o).Watched[Descriptor(a[0]!)] = Mask(a[1], In | Priority | Out);
            return Values.None;
        });
        t.Def("modify", "fd, eventmask, /", (o, a) =>
        {
            var fd = Descriptor(a[0]!);
            if (!((PyPoll)o).Watched.ContainsKey(fd))
                throw Err.OS(Errno.ENOENT, (PyObject?)null);
            ((PyPoll)o).Watched[fd] = Mask(a[1], 0);
            return Values.None;
        });
        t.Def1("unregister", (o, fd) => ((PyPoll)o).Watched.Remove(Descriptor(fd)) ? Values.None : throw Err.Key(PyInt.Of(Descriptor(fd))));
        t.Def("poll", "timeout=None, /", (o, a) =>
        {
            var self = (PyPoll)o;
            var milliseconds = a[0] == Values.None ? -1 : Args.Double(a[0]!);
            if (milliseconds > int.MaxValue)
                throw Err.Overflow("timeout is too large");
            if (self.IsBusy)
                throw Err.Runtime("concurrent poll() invocation");
            var entries = self.Watched.Select(w => !Gate.Current.Owns(w.Key) ? throw Err.OS(Errno.EBADF, (PyObject?)null) : new PollEntry { Fd = w.Key, Events = w.Value }).ToArray();
            self.IsBusy = true;
            try
            {
                Sliced(milliseconds < 0 ? -1 : milliseconds / 1000, slice => SocketCalls.Poll(entries, (nuint)entries.Length, slice));
            }
            finally
            {
                self.IsBusy = false;
            }
            return new PyList(entries.Where(e => e.Returned != 0).Select(e => (PyObject)new PyTuple(PyInt.Of(e.Fd), PyInt.Of((ushort)e.Returned))));
        });
    }, "select");

    private static PyObject Control(PyObject o, int operation, PyObject fd, PyObject? mask)
    {
        var change = new EpollEvent { Events = mask is null ? 0 : (uint)Args.Long(mask), Data = Descriptor(fd) };
        return SocketCalls.EpollControl(E(o).Fd, operation, Descriptor(fd), ref change) < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : Values.None;
    }

    private static PyObject Close(PyObject o)
    {
        ((PyEpoll)o).Close();
        return Values.None;
    }

    private static readonly PyType Epoll = new("epoll", PyType.Object, t =>
    {
        t.New = (_, args, names) =>
        {
            var a = EpollParameters.Bind(args, names);
            if (Args.Int(a[0]!) is not (-1 or > 0))
                throw Err.Value("negative sizehint");
            const int closeOnExec = 0x80000;
            if ((Args.Int(a[1]!) & ~closeOnExec) != 0)
                throw Err.OS(Errno.EINVAL, (PyObject?)null);
            var fd = (int)Gate.Current.Keep(Descriptors.Get(() => SocketCalls.EpollCreate(closeOnExec)));
            return fd < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : new PyEpoll(fd);
        };
        t.Init = (_, _, _) => { };
        t.DefClass("fromfd", "fd, /", (_, a) => new PyEpoll(Gate.Current.Use(Args.Int(a[0]!))));
        t.Def0("fileno", o => PyInt.Of(E(o).Fd));
        t.Def0("close", Close);
        t.Getter("closed", o => Values.Bool(((PyEpoll)o).Fd < 0));
        t.Def0("__enter__", E);
        t.Def("__exit__", "*args", (o, _) => Close(o));
        t.Def("register", "fd, eventmask=?", (o, a) => Control(o, 1, a[0]!, a[1] ?? PyInt.Of(In | Priority | Out)));
        t.Def("modify", "fd, eventmask", (o, a) => Control(o, 3, a[0]!, a[1]));
        t.Def("unregister", "fd", (o, a) => Control(o, 2, a[0]!, null));
        t.Def("poll", "timeout=None, maxevents=-1", (o, a) =>
        {
            var seconds = a[0] == Values.None ? -1 : Args.Double(a[0]!);
            var most = Args.Int(a[1]!);
            if (most is 0 or < -1)
                throw Err.Value($"maxevents must be greater than 0, got {most}");
            var events = new EpollEvent[most < 0 ? 1023 : Math.Min(most, 65536)];
            var count = Sliced(seconds, slice => SocketCalls.EpollWait(E(o).Fd, events, events.Length, slice));
            return new PyList(events.Take(count).Select(e => (PyObject)new PyTuple(PyInt.Of(e.Data), PyInt.Of(e.Events))));
        });
    }, "select");

    public static void Fill(ModuleBuilder m)
    {
        foreach (var (name, value) in new[]
        {
            ("POLLIN", 1), ("POLLPRI", 2), ("POLLOUT", 4), ("POLLERR", 8), ("POLLHUP", 16), ("POLLNVAL", 32), ("POLLRDNORM", 64), ("POLLRDBAND", 128), ("POLLWRNORM", 256), ("POLLWRBAND", 512), ("POLLMSG", 1024), ("POLLRDHUP", 8192),
            ("EPOLLIN", 1), ("EPOLLPRI", 2), ("EPOLLOUT", 4), ("EPOLLERR", 8), ("EPOLLHUP", 16), ("EPOLLRDNORM", 64), ("EPOLLRDBAND", 128), ("EPOLLWRNORM", 256), ("EPOLLWRBAND", 512), ("EPOLLMSG", 1024), ("EPOLLRDHUP", 8192),
            ("EPOLLEXCLUSIVE", 1 << 28), ("EPOLLONESHOT", 1 << 30), ("EPOLL_CLOEXEC", 0x80000), ("PIPE_BUF", 4096),
        })
            m.Set(name, value);
        m.Set("EPOLLET", 1L << 31);
        m.Set("error", ExceptionTypes.OSError);
        m.Set("epoll", Epoll);
        m.Def0("poll", () => new PyPoll());
        m.DefKept("select", "rlist, wlist, xlist, timeout=None, /", Select);
    }

    private static PyTuple Select(PyObject?[] a)
    {
        if (a[3] != Values.None && a[3]!.Type.ToFloat is null && a[3]!.Type.Index is null)
            throw Err.Type("timeout must be a float or None");
        var seconds = a[3] == Values.None ? -1 : Args.Double(a[3]!);
        if (a[3] != Values.None && seconds < 0)
            throw Err.Value("timeout must be non-negative");
        short[] wanted = [In, Out, Priority];
        short[] means = [In | HangUp | Error, Out | Error, Priority];
        var lists = new List<(PyObject Object, int Fd)>[3];
        var masks = new SortedDictionary<int, short>();
        for (var i = 0; i < 3; i++)
        {
            lists[i] = [];
            foreach (var o in Ops.Each(a[i]!.Type.Iter is null && a[i]!.Type.GetItem is null ? throw Err.Type("arguments 1-3 must be sequences") : a[i]!))
            {
                var fd = Descriptor(o);
                if (fd >= MaxSelect)
                    throw Err.Value("filedescriptor out of range in select()");
                lists[i].Add((o, fd));
                if (lists[i].Count > MaxSelect)
                    throw Err.Value("too many file descriptors in select()");
                masks[fd] = (short)(masks.GetValueOrDefault(fd) | wanted[i]);
            }
        }
        var entries = masks.Select(w => new PollEntry { Fd = w.Key, Events = w.Value }).ToArray();
        Sliced(seconds, slice => SocketCalls.Poll(entries, (nuint)entries.Length, slice));
        if (entries.Any(e => (e.Returned & Invalid) != 0))
            throw Err.OS(Errno.EBADF, (PyObject?)null);
        var returned = entries.ToDictionary(e => e.Fd, e => e.Returned);
        PyObject Ready(int i) => new PyList(lists[i].Where(e => (returned[e.Fd] & means[i]) != 0).Select(e => e.Object));
        return new PyTuple(Ready(0), Ready(1), Ready(2));
    }
}
