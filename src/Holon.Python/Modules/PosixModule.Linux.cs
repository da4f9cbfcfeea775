using System.Text;

namespace Holon.Python.Modules;

/// <summary>posix: users and groups, scheduling, extended attributes, copies inside the kernel, descriptors of processes.</summary>
internal static partial class PosixModule
{
    private const int PidFdOpen = 434, PidFdSendSignal = 424;

    /// <summary>The number of a user or group; -1 stands for the one that is.</summary>
    public static uint Id(PyObject? o, string what)
    {
        var number = o is PyInt n ? n : Calls.Special(o!, Names.Intern("__index__")) as PyInt ?? throw Err.Type($"{what} should be integer, not {o!.Type.FullName}");
        if (!number.TryLong(out var value))
            throw Err.Overflow($"{what} is {(number.IsNegative ? "less than minimum" : "greater than maximum")}");
        return value < -1 ? throw Err.Overflow($"{what} is less than minimum") : value > uint.MaxValue ? throw Err.Overflow($"{what} is greater than maximum") : (uint)value;
    }

    private static void FillIdentities(ModuleBuilder m)
    {
        void User(string name, Func<uint, int> call) => m.Def1(name, id => Controlled(() => call(Id(id, "uid"))));
        void Group(string name, Func<uint, int> call) => m.Def1(name, id => Controlled(() => call(Id(id, "gid"))));
        User("setuid", LinuxCalls.SetUid);
        User("seteuid", LinuxCalls.SetEUid);
        Group("setgid", LinuxCalls.SetGid);
        Group("setegid", LinuxCalls.SetEGid);
        m.DefKept("setreuid", "ruid, euid, /", a => Controlled(() => LinuxCalls.SetReUid(Id(a[0], "uid"), Id(a[1], "uid"))));
        m.DefKept("setregid", "rgid, egid, /", a => Controlled(() => LinuxCalls.SetReGid(Id(a[0], "gid"), Id(a[1], "gid"))));
        m.DefKept("setresuid", "ruid, euid, suid, /", a => Controlled(() => LinuxCalls.SetResUid(Id(a[0], "uid"), Id(a[1], "uid"), Id(a[2], "uid"))));
        m.DefKept("setresgid", "rgid, egid, sgid, /", a => Controlled(() => LinuxCalls.SetResGid(Id(a[0], "gid"), Id(a[1], "gid"), Id(a[2], "gid"))));
        m.Def0("getresuid", () =>
        {
            Check(LinuxCalls.GetResUid(out var real, out var effective, out var saved));
            return new PyTuple(PyInt.Of(real), PyInt.Of(effective), PyInt.Of(saved));
        });
        m.Def0("getresgid", () =>
        {
            Check(LinuxCalls.GetResGid(out var real, out var effective, out var saved));
            return new PyTuple(PyInt.Of(real), PyInt.Of(effective), PyInt.Of(saved));
        });
        m.Def1("setgroups", groups => Controlled(() =>
        {
            var ids = (groups is PyList or PyTuple ? Ops.Each(groups) : throw Err.Type("setgroups argument must be a sequence")).Select(g => Id(g, "gid")).ToArray();
            return LinuxCalls.SetGroups((nuint)ids.Length, ids);
        }));
        m.DefKept("initgroups", "username, gid, /", a => Controlled(() => LinuxCalls.InitGroups([.. Encoded(a[0]!), 0], Id(a[1], "gid"))));
        m.Def("getgrouplist", "user, group, /", a =>
        {
            m.Machine.Gate.AskRun("looking up users");
            byte[] user = [.. Encoded(a[0]!), 0];
            var count = 65536;
            var groups = new uint[count];
            return LinuxCalls.GetGroupList(user, Id(a[1], "gid"), groups, ref count) < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : new PyList(groups.Take(count).Select(g => (PyObject)PyInt.Of(g)));
        });
        m.Def("chroot", "path", a =>
        {
            m.Machine.Gate.AskRun("changing processes");
            return Done(LinuxCalls.ChRoot(Gate.Plain(a[0], null)), a[0]);
        });
    }

    private static int Priority(PyObject? o)
    {
        if (o is not PyTuple { Count: 1 } || o.Type != SchedParam.Type)
            throw Err.Type("must have a sched_param object");
        var number = Ops.Index(((PyTuple)o)[0]);
        return number.TryLong(out var value) && value is >= int.MinValue and <= int.MaxValue ? (int)value : throw Err.Overflow("sched_priority out of range");
    }

    private static void FillScheduling(ModuleBuilder m)
    {
        m.DefKept("sched_get_priority_max", "policy", a => Check(LinuxCalls.HighestPriority(Args.Int(a[0]!))));
        m.DefKept("sched_get_priority_min", "policy", a => Check(LinuxCalls.LowestPriority(Args.Int(a[0]!))));
        m.Def1("sched_getscheduler", pid => Check(LinuxCalls.GetScheduler(Args.Int(pid))));
        m.DefKept("sched_setscheduler", "pid, policy, param, /", a => Controlled(() =>
        {
            var priority = Priority(a[2]);
            return LinuxCalls.SetScheduler(Args.Int(a[0]!), Args.Int(a[1]!), ref priority);
        }));
        m.Def1("sched_getparam", pid =>
        {
            var priority = 0;
            Check(LinuxCalls.GetParameter(Args.Int(pid), ref priority));
            return SchedParam.Make(PyInt.Of(priority));
        });
        m.DefKept("sched_setparam", "pid, param, /", a => Controlled(() =>
        {
            var priority = Priority(a[1]);
            return LinuxCalls.SetParameter(Args.Int(a[0]!), ref priority);
        }));
        m.Def1("sched_rr_get_interval", pid =>
        {
            Span<long> time = stackalloc long[2];
            Check(LinuxCalls.RoundRobinInterval(Args.Int(pid), time));
            return new PyFloat(time[0] + time[1] * 1e-9);
        });
        m.DefKept("sched_setaffinity", "pid, mask, /", a => Controlled(() =>
        {
            var mask = new byte[128];
            foreach (var each in Ops.Each(a[1]!))
            {
                if (each is not PyInt)
                    throw Err.Type($"expected an iterator of ints, but iterator yielded {Ops.Repr(each.Type)}");
                var cpu = each is PyInt n && n.TryLong(out var value) ? value : throw Err.Overflow("CPU number too large");
                if (cpu < 0)
                    throw Err.Value("negative CPU number");
                if (cpu < mask.Length * 8)
                    mask[cpu / 8] |= (byte)(1 << (int)(cpu % 8));
            }
            return LinuxCalls.SetAffinity(Args.Int(a[0]!), (nuint)mask.Length, mask);
        }));
        m.Def("waitid", "idtype, id, options, /", a =>
        {
            m.Machine.Gate.AskRun("waiting for processes");
            const int noHang = 1, pid = 4, user = 5, status = 6, signal = 0, code = 2;
            var (kind, id, options) = (Args.Int(a[0]!), (uint)Args.Long(a[1]!), Args.Int(a[2]!));
            // siginfo_t of a child, as the kernel has it on 64 bits.
            var information = new int[32];
            while (true)
            {
                Array.Clear(information);
                Check(LinuxCalls.WaitId(kind, id, information, options | noHang));
                if (information[pid] != 0)
                    return WaitIdResult.Make(PyInt.Of(information[pid]), PyInt.Of(information[user]), PyInt.Of(information[signal]), PyInt.Of(information[status]), PyInt.Of(information[code]));
                if ((options & noHang) != 0)
                    return Values.None;
                Blocking.Sleep(PyThread.Current, TimeSpan.FromMilliseconds(5));
            }
        });
        m.Def("pidfd_open", "pid, flags=0", a =>
        {
            m.Machine.Gate.AskRun("looking at processes");
            return Check(m.Machine.Gate.Keep(LinuxCalls.Call(PidFdOpen, Args.Int(a[0]!), Args.Int(a[1]!), 0, 0)));
        });
    }

    /// <summary>The signal of <c>signal.pidfd_send_signal</c>.</summary>
    public static long SendByDescriptor(int fd, int signal, int flags) => LinuxCalls.Call(PidFdSendSignal, fd, signal, 0, flags);

    private static void FillAttributes(ModuleBuilder m)
    {
        m.Set("XATTR_CREATE", 1);
        m.Set("XATTR_REPLACE", 2);
        m.Set("XATTR_SIZE_MAX", 65536);
        m.Def("getxattr", "path, attribute, *, follow_symlinks=True", a =>
        {
            var (name, value, follow) = (FileSystemCodec.Path(a[1]!, "getxattr"), new byte[65536], Ops.IsTrue(a[2]!));
            var size = m.Machine.Gate.On(a[0], null, Access.Read, follow, p => follow ? LinuxCalls.GetAttribute(p, name, value, (nuint)value.Length) : LinuxCalls.GetLinkAttribute(p, name, value, (nuint)value.Length));
            return size < 0 ? throw Err.OS(LibC.LastError, a[0]) : new PyBytes(value[..(int)size]);
        });
        m.Def("setxattr", "path, attribute, value, flags=0, *, follow_symlinks=True", a =>
        {
            var (name, value, flags, follow) = (FileSystemCodec.Path(a[1]!, "setxattr"), Buffers.Bytes(a[2]), Args.Int(a[3]!), Ops.IsTrue(a[4]!));
            return Changed(a[0], null, follow, p => follow ? LinuxCalls.SetAttribute(p, name, value, (nuint)value.Length, flags) : LinuxCalls.SetLinkAttribute(p, name, value, (nuint)value.Length, flags));
        });
        m.Def("removexattr", "path, attribute, *, follow_symlinks=True", a =>
        {
            var (name, follow) = (FileSystemCodec.Path(a[1]!, "removexattr"), Ops.IsTrue(a[2]!));
            return Changed(a[0], null, follow, p => follow ? LinuxCalls.RemoveAttribute(p, name) : LinuxCalls.RemoveLinkAttribute(p, name));
        });
        m.Def("listxattr", "path=None, *, follow_symlinks=True", a =>
        {
            var (names, follow) = (new byte[65536], Ops.IsTrue(a[1]!));
            var path = a[0] == Values.None ? new PyStr(".") : a[0];
            var size = m.Machine.Gate.On(path, null, Access.Look, follow, p => follow ? LinuxCalls.ListAttributes(p, names, (nuint)names.Length) : LinuxCalls.ListLinkAttributes(p, names, (nuint)names.Length));
            return size < 0 ? throw Err.OS(LibC.LastError, path) : new PyList(Encoding.Latin1.GetString(names, 0, (int)size).Split('\0', StringSplitOptions.RemoveEmptyEntries).Select(n => (PyObject)FileSystemCodec.Decode(Encoding.Latin1.GetBytes(n))));
        });
    }

    private static unsafe PyInt Moved(ModuleBuilder m, PyObject?[] a, Func<int, nint, int, nint, nint> call)
    {
        var count = Args.Long(a[2]!);
        if (count < 0)
            throw Err.Value("count cannot be negative");
        var (from, to) = (Fd(a[0]), Fd(a[1]));
        var offsets = new long[] { Args.Long(a[3], 0), Args.Long(a[4], 0) };
        var (hasFrom, hasTo) = (!Args.IsNone(a[3]), !Args.IsNone(a[4]));
        return Check(m.Machine.Gil.Without(() =>
        {
            // SAFETY: the offsets are pinned while the kernel reads and writes them.
            fixed (long* at = offsets)
                return call(from, hasFrom ? (nint)at : 0, to, hasTo ? (nint)(at + 1) : 0);
        }));
    }

    private static unsafe void FillCopies(ModuleBuilder m)
    {
        foreach (var (name, value) in new[] { ("SPLICE_F_MOVE", 1), ("SPLICE_F_NONBLOCK", 2), ("SPLICE_F_MORE", 4), ("EFD_CLOEXEC", 0x80000), ("EFD_NONBLOCK", 2048), ("EFD_SEMAPHORE", 1), ("RWF_HIPRI", 1), ("RWF_DSYNC", 2), ("RWF_SYNC", 4), ("RWF_NOWAIT", 8), ("RWF_APPEND", 16) })
            m.Set(name, value);
        m.DefKept("splice", "src, dst, count, offset_src=None, offset_dst=None, flags=0", a => Moved(m, a, (from, fromAt, to, toAt) => LinuxCalls.Splice(from, (long*)fromAt, to, (long*)toAt, (nuint)Args.Long(a[2]!), (uint)Args.Int(a[5]!))));
        m.DefKept("copy_file_range", "src, dst, count, offset_src=None, offset_dst=None", a => Moved(m, a, (from, fromAt, to, toAt) => LinuxCalls.CopyFileRange(from, (long*)fromAt, to, (long*)toAt, (nuint)Args.Long(a[2]!), 0)));
        m.Def("eventfd", "initval, flags=524288", a => Check(m.Machine.Gate.Keep(LinuxCalls.EventFd((uint)Args.Long(a[0]!), Args.Int(a[1]!)))));
        m.Def("eventfd_read", "fd", a =>
        {
            var (fd, value) = (Fd(a[0]), new byte[8]);
            Blocking.UntilReadable(PyThread.Current, fd);
            Check(m.Machine.Gil.Without(() => LibC.Read(fd, value, 8)));
            return PyInt.Of(BitConverter.ToUInt64(value));
        });
        m.Def("eventfd_write", "fd, value", a =>
        {
            var (fd, value) = (Fd(a[0]), BitConverter.GetBytes((ulong)Ops.Index(a[1]!).ToBig()));
            return Done(m.Machine.Gil.Without(() => LibC.Write(fd, value, 8)));
        });
        m.Def("pwritev", "fd, buffers, offset, flags=0, /", a =>
        {
            byte[] data = [.. Ops.Each(a[1]!).SelectMany(Buffers.Bytes)];
            var (fd, offset) = (Fd(a[0]), Args.Long(a[2]!));
            return Check(m.Machine.Gil.Without(() => PosixCalls.PWrite(fd, data, data.Length, offset)));
        });
    }

    private static void FillNodes(ModuleBuilder m)
    {
        // makedev and its inverses, sys/sysmacros.h.
        m.Def("makedev", "major, minor, /", a =>
        {
            var (major, minor) = ((ulong)Args.Long(a[0]!), (ulong)Args.Long(a[1]!));
            return PyInt.Of((major & 0xfffff000) << 32 | (major & 0xfff) << 8 | (minor & 0xffffff00) << 12 | (minor & 0xff));
        });
        m.Def1("major", device => PyInt.Of((long)((Device(device) >> 32 & 0xfffff000) | (Device(device) >> 8 & 0xfff))));
        m.Def1("minor", device => PyInt.Of((long)((Device(device) >> 12 & 0xffffff00) | (Device(device) & 0xff))));
        m.DefKept("mknod", "path, mode=384, device=0, *, dir_fd=None", a => Changed(a[0], a[3], false, p => LinuxCalls.MkNod(p, (uint)Args.Int(a[1]!), Device(a[2]!))));
        var paths = Names("PC_LINK_MAX PC_MAX_CANON PC_MAX_INPUT PC_NAME_MAX PC_PATH_MAX PC_PIPE_BUF PC_CHOWN_RESTRICTED PC_NO_TRUNC PC_VDISABLE PC_SYNC_IO PC_ASYNC_IO PC_PRIO_IO PC_SOCK_MAXBUF PC_FILESIZEBITS PC_REC_INCR_XFER_SIZE PC_REC_MAX_XFER_SIZE PC_REC_MIN_XFER_SIZE PC_REC_XFER_ALIGN PC_ALLOC_SIZE_MIN PC_SYMLINK_MAX");
        m.Set("pathconf_names", paths);
        m.DefKept("pathconf", "path, name", a => Configured(m.Machine.Gate.On(a[0], null, Access.Look, true, p => LinuxCalls.PathConf(p, Name(paths, a[1]!))), a[0]));
        m.Def("fpathconf", "fd, name, /", a => Configured(LinuxCalls.FPathConf(Fd(a[0]), Name(paths, a[1]!)), null));
        var texts = new PyDict();
        texts.Set("CS_PATH", PyInt.Zero);
        texts.Set("CS_GNU_LIBC_VERSION", PyInt.Of(2));
        texts.Set("CS_GNU_LIBPTHREAD_VERSION", PyInt.Of(3));
        m.Set("confstr_names", texts);
        m.Def1("confstr", name =>
        {
            var buffer = new byte[1024];
            var size = LinuxCalls.ConfStr(Name(texts, name), buffer, (nuint)buffer.Length);
            return size == 0 ? LibC.LastError != 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : Values.None : FileSystemCodec.Decode(buffer.AsSpan(0, (int)size - 1));
        });

        static ulong Device(PyObject o) => Ops.Index(o).ToBig() is var number && number >= 0 && number <= ulong.MaxValue ? (ulong)number : throw Err.Overflow("a device is a number of 64 bits without a sign");

        static PyDict Names(string names)
        {
            var result = new PyDict();
            foreach (var (name, i) in names.Split(' ').Select((n, i) => (n, i)))
                result.Set(name, PyInt.Of(i));
            return result;
        }

        static PyInt Configured(long value, PyObject? path) => value == -1 && LibC.LastError != 0 ? Check(value, path) : PyInt.Of(value);
    }

    /// <summary>The number of a configuration name.</summary>
    private static int Name(PyDict names, PyObject name) => name switch
    {
        PyStr => Args.Int(names.Get(name) ?? throw Err.Value("unrecognized configuration name")),
        PyInt => Args.Int(name),
        _ => throw Err.Type("configuration names must be strings or integers"),
    };
}
