namespace Holon.Python.Modules;

/// <summary>_signal.</summary>
internal static class SignalModule
{
    private static readonly string[] Known = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS"];

    private static readonly string[] Texts = ["Hangup", "Interrupt", "Quit", "Illegal instruction", "Trace/breakpoint trap", "Aborted", "Bus error", "Floating point exception", "Killed", "User defined signal 1", "Segmentation fault", "User defined signal 2", "Broken pipe", "Alarm clock", "Terminated", "Stack fault", "Child exited", "Continued", "Stopped (signal)", "Stopped", "Stopped (tty input)", "Stopped (tty output)", "Urgent I/O condition", "CPU time limit exceeded", "File size limit exceeded", "Virtual timer expired", "Profiling timer expired", "Window changed", "I/O possible", "Power failure", "Bad system call"];

    private static readonly StructSequence SigInfo = new("signal.struct_siginfo", ["si_signo", "si_code", "si_errno", "si_pid", "si_uid", "si_status", "si_band"]);

    private static int Number(PyObject o) => Args.Int(o) is >= 1 and < Signals.Count and var n ? n : throw Err.Value("signal number out of range");

    private static PySet Set(IEnumerable<int> numbers) => new(numbers.Select(n => (PyObject)PyInt.Of(n)), false);

    private static int[] Numbers(PyObject set) => [.. Ops.Each(set).Select(n => Args.Long(n) is >= 1 and < Signals.Count and var number ? (int)number : throw Err.Value($"signal number {Ops.Repr(n)} out of range [1; 64]"))];

    public static void Fill(ModuleBuilder m)
    {
        var machine = m.Machine;
        var signals = machine.Signals;
        for (var i = 0; i < Known.Length; i++)
            m.Set(Known[i], i + 1);
        foreach (var (name, value) in new[] { ("SIGCLD", 17), ("SIGPOLL", 29), ("SIGIOT", 6), ("SIGRTMIN", 34), ("SIGRTMAX", 64), ("SIG_DFL", 0), ("SIG_IGN", 1), ("SIG_BLOCK", 0), ("SIG_UNBLOCK", 1), ("SIG_SETMASK", 2), ("NSIG", 65), ("ITIMER_REAL", 0), ("ITIMER_VIRTUAL", 1), ("ITIMER_PROF", 2) })
            m.Set(name, value);
        m.Set("ItimerError", ExceptionTypes.OSError);
        m.Set("struct_siginfo", SigInfo.Type);
        var interrupt = new PyBuiltin(new NativeCode { Name = "default_int_handler", SignatureText = "signalnum, frame, /", Bound = (_, _) => Err.Set(Err.Of(ExceptionTypes.KeyboardInterrupt)) }, m.Module, "_signal");
        m.Set("default_int_handler", interrupt);
        signals.Set(Signals.Interrupt, interrupt);
        if (machine.Options.HandlesSignals)
        {
            signals.Set(Signals.Pipe, PyInt.One);
            signals.Set(Signals.FileSize, PyInt.One);
        }
        m.Def("signal", "signalnum, handler, /", a =>
        {
            if (PyThread.Current != machine.MainThread)
                throw Err.Value("signal only works in main thread of the main interpreter");
            var number = Number(a[0]!);
            if (!BuiltinsModule.IsCallable(a[1]!) && a[1] is not PyInt { Value: 0 or 1 })
                throw Err.Type("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object");
            return signals.Set(number, a[1]!);
        });
        m.Def1("getsignal", n => signals.Get(Number(n)));
        m.Def1("raise_signal", n =>
        {
            Send(machine, Environment.ProcessId, Number(n));
            return Values.None;
        });
        m.Def1("strsignal", n => Number(n) is var number && number <= Texts.Length ? new PyStr(Texts[number - 1]) : number >= 34 ? new PyStr($"Real-time signal {number - 34}") : Values.None);
        m.Def("set_wakeup_fd", "fd, *, warn_on_full_buffer=True", a =>
        {
            if (PyThread.Current != machine.MainThread)
                throw Err.Value("set_wakeup_fd only works in main thread of the main interpreter");
            var fd = Args.Int(a[0]!);
            if (fd != -1)
                machine.Gate.Use(fd);
            const int getFlags = 3, nonBlocking = 2048;
            if (fd != -1)
            {
                var flags = LibC.FileControl(fd, getFlags, 0);
                if (flags < 0)
                    throw Err.OS(LibC.LastError, (PyObject?)null);
                if ((flags & nonBlocking) == 0)
                    throw Err.Value($"the fd {fd} must be in non-blocking mode");
            }
            var before = signals.WakeUp;
            signals.WakeUp = fd;
            return PyInt.Of(before);
        });
        m.Def("siginterrupt", "signalnum, flag, /", a => Number(a[0]!) > 0 ? Values.None : Values.None);
        m.Def1("alarm", seconds =>
        {
            var left = signals.Timer.Left;
            signals.SetTimer(Args.Int(seconds), 0);
            return PyInt.Of((long)Math.Ceiling(left));
        });
        PyTuple Times((double Left, double Interval) t) => new(new PyFloat(t.Left), new PyFloat(t.Interval));
        m.Def("setitimer", "which, seconds, interval=0, /", a =>
        {
            var before = signals.Timer;
            if (Args.Int(a[0]!) != 0)
                throw Args.Int(a[0]!) is 1 or 2 ? Err.Of(ExceptionTypes.NotImplementedError, "signal.setitimer: only ITIMER_REAL is there") : Err.OS(Errno.EINVAL, (PyObject?)null);
            signals.SetTimer(Args.Double(a[1]!), Args.Double(a[2]!));
            return Times(before);
        });
        m.Def1("getitimer", which => Args.Int(which) is >= 0 and <= 2 and var kind ? Times(kind == 0 ? signals.Timer : (0, 0)) : throw Err.OS(Errno.EINVAL, (PyObject?)null));
        m.Def0("pause", () =>
        {
            var before = machine.ActionsRun;
            while (machine.ActionsRun == before)
                Blocking.Sleep(PyThread.Current, TimeSpan.FromMilliseconds(10));
            return Values.None;
        });
        m.Def("pthread_kill", "thread_id, signalnum, /", a =>
        {
            Send(machine, Environment.ProcessId, Number(a[1]!));
            return Values.None;
        });
        m.Def("pthread_sigmask", "how, mask, /", a =>
        {
            var before = Set(signals.Blocked);
            var numbers = Numbers(a[1]!);
            switch (Args.Int(a[0]!))
            {
                case 0:
                    signals.Blocked.UnionWith(numbers);
                    break;
                case 1:
                    signals.Blocked.ExceptWith(numbers);
                    break;
                case 2:
                    signals.Blocked.Clear();
                    signals.Blocked.UnionWith(numbers);
                    break;
                default:
                    throw Err.OS(Errno.EINVAL, (PyObject?)null);
            }
            signals.Unblocked();
            return before;
        });
        m.Def0("sigpending", () => Set(signals.Pending()));
        m.Def("sigwait", "sigset, /", a => PyInt.Of(Await(signals, Numbers(a[0]!), -1)));
        m.Def("sigwaitinfo", "sigset, /", a => Info(Await(signals, Numbers(a[0]!), -1)));
        m.Def("sigtimedwait", "sigset, timeout, /", a =>
        {
            var seconds = Args.Double(a[1]!);
            if (seconds < 0)
                throw Err.Value("timeout must be non-negative");
            return Await(signals, Numbers(a[0]!), seconds) is > 0 and var number ? Info(number) : Values.None;
        });
        m.Def0("valid_signals", () => Set(Enumerable.Range(1, 64).Where(n => n is not (32 or 33))));
    }

    private static PyTuple Info(int number) => SigInfo.Make(PyInt.Of(number), PyInt.Zero, PyInt.Zero, PyInt.Of(Environment.ProcessId), PyInt.Of(LibC.GetUid()), PyInt.Zero, PyInt.Zero);

    private static int Await(Signals signals, int[] wanted, double seconds)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            if (signals.Take(wanted) is > 0 and var number)
                return number;
            if (seconds >= 0 && clock.Elapsed.TotalSeconds >= seconds)
                return 0;
            Blocking.Sleep(PyThread.Current, TimeSpan.FromMilliseconds(5));
        }
    }

    /// <summary>Sends a signal; one to the process itself that the program handles need not take the way through the kernel.</summary>
    public static void Send(Machine machine, int pid, int number)
    {
        if (pid == Environment.ProcessId && number is > 0 and < Signals.Count && machine.Signals.Raise(number))
            return;
        if (pid == Environment.ProcessId)
            machine.Gate.AskExit("signalling the process");
        else
            machine.Gate.AskRun("signalling processes");
        if (LibC.Kill(pid, number) < 0)
            throw Err.OS(LibC.LastError, (PyObject?)null);
    }
}
