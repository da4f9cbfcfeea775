namespace Holon.Python.Modules;

/// <summary>posix: processes, their groups and what the system says of itself.</summary>
internal static partial class PosixModule
{
    private static readonly NativeParameters SchedParamParameters = new("sched_param", "sched_priority");
    private const string RUsageFields = "ru_utime ru_stime ru_maxrss ru_ixrss ru_idrss ru_isrss ru_minflt ru_majflt ru_nswap ru_inblock ru_oublock ru_msgsnd ru_msgrcv ru_nsignals ru_nvcsw ru_nivcsw";

    public static readonly StructSequence RUsage = new("resource.struct_rusage", RUsageFields.Split(' '));
    private static readonly StructSequence SchedParam = MakeSchedParam();
    private static readonly StructSequence WaitIdResult = new("posix.waitid_result", ["si_pid", "si_uid", "si_signo", "si_status", "si_code"]);
    private static readonly StructSequence TimesResult = new("posix.times_result", ["user", "system", "children_user", "children_system", "elapsed"]);

    private static StructSequence MakeSchedParam()
    {
        var made = new StructSequence("posix.sched_param", ["sched_priority"]);
        made.Type.New = (_, args, names) => made.Make(SchedParamParameters.Bind(args, names)[0]!);
        return made;
    }

    /// <summary>struct rusage: two times and fourteen numbers.</summary>
    public static PyTuple FromRUsage(ReadOnlySpan<long> u)
    {
        var values = new PyObject[16];
        values[0] = new PyFloat(u[0] + u[1] * 1e-6);
        values[1] = new PyFloat(u[2] + u[3] * 1e-6);
        for (var i = 2; i < 16; i++)
            values[i] = PyInt.Of(u[i + 2]);
        return RUsage.Make(values);
    }

    /// <summary>Waits in short sleeps, so that other threads run, limits hold and signals are seen.</summary>
    private static (int Pid, int Status, long[] Usage) Wait(ModuleBuilder m, int pid, int options)
    {
        m.Machine.Gate.AskRun("waiting for processes");
        const int noHang = 1;
        var thread = PyThread.Current;
        var usage = new long[32];
        for (var pause = 0; ; pause = Math.Min(pause + 1, 20))
        {
            var got = ProcessCalls.Wait4(pid, out var status, options | noHang, usage);
            if (got < 0 && LibC.LastError != Errno.EINTR)
                throw Err.OS(LibC.LastError, (PyObject?)null);
            if (got > 0 || (options & noHang) != 0)
                return (got, status, usage);
            m.Machine.Gil.Without(() =>
            {
                Thread.Sleep(pause);
                return 0;
            });
            thread.Machine.Limits.ChargeInstructions(1);
            thread.Machine.RunPending(thread);
        }
    }

    private static byte[] Encoded(PyObject o) => FileSystemCodec.Encode(PyStr.FromUtf16(FileSystemCodec.Path(o)));

    private static PyObject Spawn(PyObject?[] a, bool search)
    {
        Gate.Current.AskRun("starting processes");
        var start = new ProcessStart
        {
            Arguments = a[1] is PyTuple or PyList ? [.. Ops.Each(a[1]!).Select(Encoded)] : throw Err.Type("posix_spawn: argv must be a tuple or list"),
            Environment = a[2] == Values.None ? null : [.. Ops.Each(Calls.CallMethod(a[2]!, "items")).Select(i => (byte[])[.. Encoded(((PyTuple)i)[0]), (byte)'=', .. Encoded(((PyTuple)i)[1])])],
            SearchPath = search,
            NewSession = a[6] is not null && Ops.IsTrue(a[6]!),
            Group = a[4] is null or PySingleton ? -1 : Args.Int(a[4]!),
            RealIds = a[5] is PyInt ? Ops.IsTrue(a[5]!) : a[5] is null ? false : throw Err.Type($"'{a[5]!.Type.FullName}' object cannot be interpreted as an integer"),
            BlockedSignals = a[7] is null ? null : SignalNumbers(a[7]!),
            DefaultedSignals = a[8] is null ? [] : SignalNumbers(a[8]!),
            Policy = a[9] is PyTuple { Count: 2 } s && s[0] != Values.None ? Args.Int(s[0]) : -1,
            Priority = a[9] is null || a[9] == Values.None ? null : a[9] is PyTuple { Count: 2 } both ? Priority(both[1]) : throw Err.Type("A scheduler tuple must have two elements"),
        };
        if (start.Arguments is [] or [[], ..])
            throw Err.Value(start.Arguments is [] ? "posix_spawn: argv must not be empty" : "posix_spawn: argv first element cannot be empty");
        foreach (var action in Ops.Each(Args.IsNone(a[3]) ? PyTuple.Empty : a[3]!))
        {
            if (action is not PyTuple { Count: > 0 } parts)
                throw Err.Type("Each file_actions element must be a non-empty tuple");
            switch (Args.Int(parts[0]), parts.Count)
            {
                case (0, 5):
                    start.Opened.Add((Args.Int(parts[1]), Encoded(parts[2]), Args.Int(parts[3]), Args.Int(parts[4])));
                    break;
                case (1, 2):
                    start.Descriptors.Add((Args.Int(parts[1]), -1));
                    break;
                case (2, 3):
                    start.Descriptors.Add((Args.Int(parts[1]), Args.Int(parts[2])));
                    break;
                default:
                    throw Err.Type(Args.Int(parts[0]) is 0 or 1 or 2 ? "A file_actions element has the wrong number of items" : "Unknown file_actions identifier");
            }
        }
        var pid = start.Run(Encoded(a[0]!));
        return pid > 0 ? PyInt.Of(pid) : throw Err.OS(-pid, a[0]);
    }

    private static int[] SignalNumbers(PyObject signals) => [.. Ops.Each(signals).Select(s => Args.Int(s) is >= 1 and < Signals.Count and var number ? number : throw Err.Value($"signal number {Ops.Str(s)} out of range [1; {Signals.Count - 1}]"))];

    /// <summary>A call that changes this process or another.</summary>
    private static PyObject Controlled(Func<long> call, bool givesValue = false)
    {
        Gate.Current.AskRun("changing processes");
        var result = call();
        return givesValue ? PyInt.Of(result) : Done(result);
    }

    private static void FillProcesses(ModuleBuilder m)
    {
        m.Set("waitid_result", WaitIdResult.Type);
        m.Set("sched_param", SchedParam.Type);
        m.Set("times_result", TimesResult.Type);
        foreach (var (name, value) in new[]
        {
            ("EX_USAGE", 64), ("EX_DATAERR", 65), ("EX_NOINPUT", 66), ("EX_NOUSER", 67), ("EX_NOHOST", 68), ("EX_UNAVAILABLE", 69), ("EX_SOFTWARE", 70), ("EX_OSERR", 71), ("EX_OSFILE", 72), ("EX_CANTCREAT", 73), ("EX_IOERR", 74), ("EX_TEMPFAIL", 75),
            ("EX_PROTOCOL", 76), ("EX_NOPERM", 77), ("EX_CONFIG", 78), ("P_PGID", 2), ("P_PIDFD", 3), ("PRIO_PGRP", 1), ("PRIO_USER", 2), ("WEXITED", 4), ("WNOWAIT", 0x1000000), ("WSTOPPED", 2), ("SCHED_OTHER", 0), ("SCHED_FIFO", 1), ("SCHED_RR", 2),
            ("SCHED_BATCH", 3), ("SCHED_IDLE", 5), ("POSIX_SPAWN_OPEN", 0), ("POSIX_SPAWN_CLOSE", 1), ("POSIX_SPAWN_DUP2", 2), ("RTLD_NODELETE", 4096), ("RTLD_NOLOAD", 4), ("RTLD_DEEPBIND", 8), ("CLD_EXITED", 1), ("CLD_KILLED", 2), ("CLD_DUMPED", 3), ("CLD_TRAPPED", 4), ("CLD_STOPPED", 5), ("CLD_CONTINUED", 6),
        })
            m.Set(name, value);
        m.Def("waitpid", "pid, options, /", a =>
        {
            var (pid, status, _) = Wait(m, Args.Int(a[0]!), Args.Int(a[1]!));
            return new PyTuple(PyInt.Of(pid), PyInt.Of(status));
        });
        m.Def0("wait", () =>
        {
            var (pid, status, _) = Wait(m, -1, 0);
            return new PyTuple(PyInt.Of(pid), PyInt.Of(status));
        });
        m.Def("wait3", "options", a =>
        {
            var (pid, status, usage) = Wait(m, -1, Args.Int(a[0]!));
            return new PyTuple(PyInt.Of(pid), PyInt.Of(status), FromRUsage(usage));
        });
        m.Def("wait4", "pid, options", a =>
        {
            var (pid, status, usage) = Wait(m, Args.Int(a[0]!), Args.Int(a[1]!));
            return new PyTuple(PyInt.Of(pid), PyInt.Of(status), FromRUsage(usage));
        });
        Status("WIFEXITED", s => Values.Bool((s & 0x7f) == 0));
        Status("WEXITSTATUS", s => PyInt.Of(s >> 8 & 0xff));
        Status("WIFSIGNALED", s => Values.Bool((s & 0x7f) is not 0 and not 0x7f));
        Status("WTERMSIG", s => PyInt.Of(s & 0x7f));
        Status("WIFSTOPPED", s => Values.Bool((s & 0xff) == 0x7f));
        Status("WSTOPSIG", s => PyInt.Of(s >> 8 & 0xff));
        Status("WIFCONTINUED", s => Values.Bool(s == 0xffff));
        Status("WCOREDUMP", s => Values.Bool((s & 0x80) != 0));
        m.Def("waitstatus_to_exitcode", "status", a =>
        {
            if (a[0] is not PyInt)
                throw Err.Type($"'{a[0]!.Type.FullName}' object cannot be interpreted as an integer");
            var s = Args.Int(a[0]!);
            return (s & 0x7f) == 0 ? PyInt.Of(s >> 8 & 0xff) : (s & 0xff) == 0x7f ? throw Err.Value($"process stopped by delivery of signal {s >> 8 & 0xff}") : (s & 0x7f) is > 0 and < 0x7f ? PyInt.Of(-(s & 0x7f)) : throw Err.Value($"invalid wait status: {s}");
        });
        m.Def("system", "command", a =>
        {
            m.Machine.Gate.AskRun("starting processes");
            var start = new ProcessStart { Arguments = ["sh"u8.ToArray(), "-c"u8.ToArray(), Encoded(a[0]!)] };
            var pid = start.Run("/bin/sh"u8.ToArray());
            return pid < 0 ? throw Err.OS(-pid, (PyObject?)null) : PyInt.Of(Wait(m, pid, 0).Status);
        });
        const string spawn = "path, argv, env, /, *, file_actions=?, setpgroup=?, resetids=False, setsid=False, setsigmask=?, setsigdef=?, scheduler=?";
        m.DefKept("posix_spawn", spawn, a => Spawn(a, false));
        m.DefKept("posix_spawnp", spawn, a => Spawn(a, true));
        m.DefKept("killpg", "pgid, signal, /", a => Controlled(() => PosixCalls.KillGroup(Args.Int(a[0]!), Args.Int(a[1]!))));
        m.Def("getpgid", "pid", a => Check(PosixCalls.GetPGid(Args.Int(a[0]!))));
        m.Def0("getpgrp", () => Check(PosixCalls.GetPGid(0)));
        m.Def1("getsid", pid => Check(PosixCalls.GetSid(Args.Int(pid))));
        m.DefKept("setpgid", "pid, pgrp, /", a => Controlled(() => PosixCalls.SetPGid(Args.Int(a[0]!), Args.Int(a[1]!))));
        m.Def0("setpgrp", () => Controlled(() => PosixCalls.SetPGid(0, 0)));
        m.Def0("setsid", () => Controlled(() => PosixCalls.SetSid()));
        m.Def1("tcgetpgrp", fd => Check(PosixCalls.TerminalGroup(Fd(fd))));
        m.DefKept("tcsetpgrp", "fd, pgid, /", a => Controlled(() => PosixCalls.SetTerminalGroup(Fd(a[0]), Args.Int(a[1]!))));
        m.Def("getpriority", "which, who", a => PyInt.Of(PosixCalls.GetPriority(Args.Int(a[0]!), Args.Int(a[1]!))));
        m.DefKept("setpriority", "which, who, priority", a => Controlled(() => PosixCalls.SetPriority(Args.Int(a[0]!), Args.Int(a[1]!), Args.Int(a[2]!))));
        m.Def1("nice", by => Controlled(() => PosixCalls.Nice(Args.Int(by)), true));
        m.Def0("getgroups", () =>
        {
            var groups = new int[65536];
            var count = (int)Args.Long(Check(PosixCalls.GetGroups(groups.Length, groups)));
            return new PyList(groups.Take(count).Select(g => (PyObject)PyInt.Of((uint)g)));
        });
        m.Def0("getloadavg", () =>
        {
            Span<double> load = stackalloc double[3];
            return PosixCalls.GetLoad(load, 3) == 3 ? new PyTuple(new PyFloat(load[0]), new PyFloat(load[1]), new PyFloat(load[2])) : throw Err.Of(ExceptionTypes.OSError, "Load averages are unobtainable");
        });
        m.Def0("getlogin", () => Environment.UserName is { Length: > 0 } name ? PyStr.FromUtf16(name) : throw Err.OS(Errno.ENOENT, (PyObject?)null));
        m.Def0("sched_yield", () =>
        {
            Thread.Yield();
            return Values.None;
        });
        m.Def1("sched_getaffinity", pid =>
        {
            var mask = new byte[128];
            Check(PosixCalls.GetAffinity(Args.Int(pid), (nuint)mask.Length, mask));
            return new PySet(Enumerable.Range(0, mask.Length * 8).Where(i => (mask[i / 8] >> (i % 8) & 1) != 0).Select(i => (PyObject)PyInt.Of(i)), false);
        });
        var names = new PyDict();
        foreach (var (name, number) in new[] { ("SC_ARG_MAX", 0), ("SC_CHILD_MAX", 1), ("SC_CLK_TCK", 2), ("SC_NGROUPS_MAX", 3), ("SC_OPEN_MAX", 4), ("SC_PAGE_SIZE", 30), ("SC_PAGESIZE", 30), ("SC_IOV_MAX", 60), ("SC_NPROCESSORS_CONF", 83), ("SC_NPROCESSORS_ONLN", 84), ("SC_PHYS_PAGES", 85), ("SC_AVPHYS_PAGES", 86), ("SC_SEM_NSEMS_MAX", 32), ("SC_SEM_VALUE_MAX", 33) })
            names.Set(name, PyInt.Of(number));
        m.Set("sysconf_names", names);
        m.Def1("sysconf", name => PyInt.Of(PosixCalls.SysConf(Name(names, name))));
        m.Def1("umask", mask => Controlled(() => LibC.Umask(Args.Int(mask)), true));
        m.Def("register_at_fork", "*, before=?, after_in_child=?, after_in_parent=?", _ => Values.None);
        m.Def0("times", () => TimesResult.Make(new PyFloat(Environment.CpuUsage.UserTime.TotalSeconds), new PyFloat(Environment.CpuUsage.PrivilegedTime.TotalSeconds), new PyFloat(0), new PyFloat(0), new PyFloat(Environment.TickCount64 / 1000.0)));

        void Status(string name, Func<int, PyObject> test) => m.Def(name, "status", a => test(Args.Int(a[0]!)));
    }
}
