using System.Runtime.InteropServices;
using System.Text;

namespace Holon.Python.Modules;

/// <summary>pwd and grp, from their files; resource, fcntl, termios and syslog by the system's calls.</summary>
internal static partial class SystemDataModules
{
    private static readonly StructSequence Passwd = new("pwd.struct_passwd", ["pw_name", "pw_passwd", "pw_uid", "pw_gid", "pw_gecos", "pw_dir", "pw_shell"]);
    private static readonly StructSequence Group = new("grp.struct_group", ["gr_name", "gr_passwd", "gr_gid", "gr_mem"]);

    private static IEnumerable<string[]> Lines(string file, int fields) =>
        Gate.Current.Allows(file, Access.Read) && File.Exists(file) ? File.ReadLines(file).Select(l => l.Split(':')).Where(f => f.Length == fields) : [];

    private static PyObject Text(string text) => PyStr.FromUtf16(text);

    private static PyObject Number(string text) => PyInt.Of(long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var n) ? n : 0);

    private static PyTuple User(string[] f) => Passwd.Make(Text(f[0]), Text(f[1]), Number(f[2]), Number(f[3]), Text(f[4]), Text(f[5]), Text(f[6]));

    private static PyTuple GroupOf(string[] f) => Group.Make(Text(f[0]), Text(f[1]), Number(f[2]), new PyList(f[3].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Text)));

    private static PyObject ById(PyObject id, string file, int fields, Func<string[], PyTuple> make, string function, string word)
    {
        var wanted = Ops.Index(id).ToString();
        return Lines(file, fields).FirstOrDefault(f => f[2] == wanted) is { } found ? make(found) : throw Err.Of(ExceptionTypes.KeyError, $"{function}(): {word} not found: {wanted}");
    }

    private static PyObject ByName(PyObject name, string file, int fields, Func<string[], PyTuple> make, string function)
    {
        var text = Args.Str(name, function).Value;
        if (text.Contains('\0', StringComparison.Ordinal))
            throw Err.Value("embedded null byte");
        return Lines(file, fields).FirstOrDefault(f => f[0] == text) is { } found ? make(found) : throw Err.Of(ExceptionTypes.KeyError, $"{function}(): name not found: {Ops.Repr(name)}");
    }

    public static void FillPwd(ModuleBuilder m)
    {
        m.Set("struct_passwd", Passwd.Type);
        m.Def1("getpwuid", id => ById(id, "/etc/passwd", 7, User, "getpwuid", "uid"));
        m.Def1("getpwnam", name => ByName(name, "/etc/passwd", 7, User, "getpwnam"));
        m.Def0("getpwall", () => new PyList(Lines("/etc/passwd", 7).Select(f => (PyObject)User(f))));
    }

    public static void FillGrp(ModuleBuilder m)
    {
        m.Set("struct_group", Group.Type);
        m.Def("getgrgid", "id", a => ById(a[0]!, "/etc/group", 4, GroupOf, "getgrgid", "gid"));
        m.Def("getgrnam", "name", a => ByName(a[0]!, "/etc/group", 4, GroupOf, "getgrnam"));
        m.Def0("getgrall", () => new PyList(Lines("/etc/group", 4).Select(f => (PyObject)GroupOf(f))));
    }

    [LibraryImport("libc", SetLastError = true, EntryPoint = "prlimit")]
    private static partial int Limit(int pid, int resource, ReadOnlySpan<ulong> change, Span<ulong> before);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getrusage")]
    private static partial int Usage(int who, Span<long> usage);

    public static void FillResource(ModuleBuilder m)
    {
        foreach (var (name, value) in new[] { ("RLIMIT_CPU", 0), ("RLIMIT_FSIZE", 1), ("RLIMIT_DATA", 2), ("RLIMIT_STACK", 3), ("RLIMIT_CORE", 4), ("RLIMIT_RSS", 5), ("RLIMIT_NPROC", 6), ("RLIMIT_NOFILE", 7), ("RLIMIT_OFILE", 7), ("RLIMIT_MEMLOCK", 8), ("RLIMIT_AS", 9), ("RLIMIT_SIGPENDING", 11), ("RLIMIT_MSGQUEUE", 12), ("RLIMIT_NICE", 13), ("RLIMIT_RTPRIO", 14), ("RLIMIT_RTTIME", 15), ("RLIM_INFINITY", -1), ("RUSAGE_SELF", 0), ("RUSAGE_CHILDREN", -1), ("RUSAGE_THREAD", 1) })
            m.Set(name, value);
        m.Set("error", ExceptionTypes.OSError);
        m.Set("struct_rusage", PosixModule.RUsage.Type);
        m.Def0("getpagesize", () => PyInt.Of(Environment.SystemPageSize));
        m.Def1("getrusage", who =>
        {
            var usage = new long[32];
            return Usage(Args.Int(who), usage) == 0 ? PosixModule.FromRUsage(usage) : throw Err.Value("invalid who parameter");
        });
        PyTuple Pair(ulong[] pair) => new(PyInt.Of((long)pair[0]), PyInt.Of((long)pair[1]));
        int Kind(PyObject o) => Args.Int(o) is >= 0 and < 16 and var kind ? kind : throw Err.Value("invalid resource specified");
        ulong[] Limits(PyObject o)
        {
            var pair = Ops.ToArray(o);
            return pair.Length == 2 ? [.. pair.Select(p => (ulong)Args.Long(p))] : throw Err.Value("expected a tuple of 2 integers");
        }
        PyObject Change(int pid, int kind, PyObject? limits)
        {
            var before = new ulong[2];
            // An empty array would be a place in memory, and its two zeros the new limits.
            var change = limits is null ? null : Limits(limits);
            if (change is [var soft, var hard] && soft > hard)
                throw Err.Value("current limit exceeds maximum limit");
            return Limit(pid, kind, change, before) == 0 ? Pair(before) : LibC.LastError == 1 && limits is not null && pid == 0 ? throw Err.Value("not allowed to raise maximum limit") : throw Err.OS(LibC.LastError, (PyObject?)null);
        }
        PyObject Changed(int pid, PyObject kind, PyObject? limits)
        {
            if (limits is not null || pid != 0)
                m.Machine.Gate.AskRun("changing processes");
            return Change(pid, Kind(kind), limits);
        }
        m.Def1("getrlimit", kind => Change(0, Kind(kind), null));
        m.Def("setrlimit", "resource, limits, /", a =>
        {
            Changed(0, a[0]!, a[1]!);
            return Values.None;
        });
        m.Def("prlimit", "pid, resource, limits=?, /", a => Changed(Args.Int(a[0]!), a[1]!, a[2]));
    }

    public static void FillFcntl(ModuleBuilder m)
    {
        foreach (var (name, value) in new[]
        {
            ("FD_CLOEXEC", 1), ("F_DUPFD", 0), ("F_DUPFD_CLOEXEC", 1030), ("F_GETFD", 1), ("F_SETFD", 2), ("F_GETFL", 3), ("F_SETFL", 4), ("F_GETLK", 5), ("F_SETLK", 6), ("F_SETLKW", 7), ("F_GETLK64", 5), ("F_SETLK64", 6), ("F_SETLKW64", 7),
            ("F_SETOWN", 8), ("F_GETOWN", 9), ("F_SETSIG", 10), ("F_GETSIG", 11), ("F_OFD_GETLK", 36), ("F_OFD_SETLK", 37), ("F_OFD_SETLKW", 38), ("F_RDLCK", 0), ("F_WRLCK", 1), ("F_UNLCK", 2), ("F_EXLCK", 4), ("F_SHLCK", 8), ("F_SETLEASE", 1024),
            ("F_GETLEASE", 1025), ("F_NOTIFY", 1026), ("F_SETPIPE_SZ", 1031), ("F_GETPIPE_SZ", 1032), ("F_ADD_SEALS", 1033), ("F_GET_SEALS", 1034), ("F_SEAL_SEAL", 1), ("F_SEAL_SHRINK", 2), ("F_SEAL_GROW", 4), ("F_SEAL_WRITE", 8), ("FASYNC", 8192),
            ("LOCK_SH", 1), ("LOCK_EX", 2), ("LOCK_NB", 4), ("LOCK_UN", 8), ("LOCK_MAND", 32), ("LOCK_READ", 64), ("LOCK_WRITE", 128), ("LOCK_RW", 192), ("DN_ACCESS", 1), ("DN_MODIFY", 2), ("DN_CREATE", 4), ("DN_DELETE", 8), ("DN_RENAME", 16), ("DN_ATTRIB", 32),
        })
            m.Set(name, value);
        m.Set("DN_MULTISHOT", 1L << 31);
        m.Def("fcntl", "fd, cmd, arg=0, /", a =>
        {
            var (fd, command) = (Descriptor(a[0]!), Args.Int(a[1]!));
            m.Machine.Gate.AskControl(command, a[2] is not (IBuffer or PyStr));
            if (a[2] is IBuffer or PyStr)
            {
                var data = a[2] is PyStr text ? Encoding.UTF8.GetBytes(text.Value) : Buffers.Bytes(a[2]).ToArray();
                if (data.Length > 1024)
                    throw Err.Value("fcntl string arg too long");
                byte[] room = [.. data, .. new byte[1024 - data.Length]];
                return PosixCalls.FileControl(fd, command, room) < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : new PyBytes(room[..data.Length]);
            }
            var argument = Ops.Index(a[2]!).ToBig();
            var result = m.Machine.Gil.Without(() => LibC.FileControl(fd, command, (nint)(long)(argument & long.MaxValue)));
            const int duplicate = 0, duplicateCloseOnExec = 1030;
            if (command is duplicate or duplicateCloseOnExec)
                m.Machine.Gate.Keep(result);
            return result < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : PyInt.Of(result);
        });
        m.Def("ioctl", "fd, request, arg=0, mutate_flag=True, /", a =>
        {
            var (fd, request) = (Descriptor(a[0]!), (nuint)(ulong)(Ops.Index(a[1]!).ToBig() & uint.MaxValue));
            m.Machine.Gate.AskDevice((uint)request, a[2] is not (IBuffer or PyStr));
            if (a[2] is not (IBuffer or PyStr))
            {
                var result = PosixCalls.IoControl(fd, request, (nint)Args.Long(a[2]!));
                return result < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : PyInt.Of(result);
            }
            var data = a[2] is PyStr text ? Encoding.UTF8.GetBytes(text.Value) : Buffers.Bytes(a[2]);
            // The kernel may write as much as the request says, whatever was given.
            var room = new byte[Math.Max(data.Length, 16384)];
            data.CopyTo(room, 0);
            var code = PosixCalls.IoControl(fd, request, room);
            if (code < 0)
                throw Err.OS(LibC.LastError, (PyObject?)null);
            if (a[2] is PyBytes or PyStr || !Ops.IsTrue(a[3]!))
                return new PyBytes(room[..data.Length]);
            room.AsSpan(0, data.Length).CopyTo(((IBuffer)a[2]!).Writable);
            return PyInt.Of(code);
        });
        m.Def("flock", "fd, operation, /", a =>
        {
            var (fd, operation) = (Descriptor(a[0]!), Args.Int(a[1]!));
            var result = m.Machine.Gil.Without(() => PosixCalls.FLock(fd, operation));
            return result < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : Values.None;
        });
        m.Def("lockf", "fd, cmd, len=0, start=0, whence=0, /", a =>
        {
            var (fd, operation) = (Descriptor(a[0]!), Args.Int(a[1]!));
            const int shared = 1, exclusive = 2, noWait = 4, unlock = 8;
            var kind = (operation & unlock) != 0 ? 2 : (operation & shared) != 0 ? 0 : (operation & exclusive) != 0 ? 1 : throw Err.Value("unrecognized lockf argument");
            // struct flock: type and whence as shorts, start, length, process.
            var request = new byte[32];
            BitConverter.TryWriteBytes(request.AsSpan(0), (short)kind);
            BitConverter.TryWriteBytes(request.AsSpan(2), (short)Args.Int(a[4]!));
            BitConverter.TryWriteBytes(request.AsSpan(8), Args.Long(a[3]!));
            BitConverter.TryWriteBytes(request.AsSpan(16), Args.Long(a[2]!));
            var result = m.Machine.Gil.Without(() => PosixCalls.FileControl(fd, (operation & noWait) != 0 ? 6 : 7, request));
            return result < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : Values.None;
        });
    }

    private static int Descriptor(PyObject o)
    {
        var fd = o is PyInt ? Args.Int(o) : Args.Int(Calls.CallMethod(o, "fileno") as PyInt ?? throw Err.Type("fileno() returned a non-integer"));
        return fd >= 0 ? Gate.Current.Use(fd) : throw Err.Value($"file descriptor cannot be a negative integer ({fd})");
    }

    [LibraryImport("libc", SetLastError = true, EntryPoint = "tcgetattr")]
    private static partial int GetTerminal(int fd, Span<byte> attributes);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "tcsetattr")]
    private static partial int SetTerminal(int fd, int when, ReadOnlySpan<byte> attributes);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "tcdrain")]
    private static partial int Drain(int fd);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "tcflush")]
    private static partial int FlushTerminal(int fd, int queue);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "tcflow")]
    private static partial int Flow(int fd, int action);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "tcsendbreak")]
    private static partial int SendBreak(int fd, int duration);

    private const int ControlCharacters = 32, TermiosSize = 60;

    public static void FillTermios(ModuleBuilder m)
    {
        foreach (var (name, value) in new[]
        {
            ("BRKINT", 2), ("ICRNL", 256), ("IGNBRK", 1), ("IGNCR", 128), ("IGNPAR", 4), ("INLCR", 64), ("INPCK", 16), ("ISTRIP", 32), ("IXANY", 2048), ("IXOFF", 4096), ("IXON", 1024), ("PARMRK", 8), ("IMAXBEL", 8192), ("IUTF8", 16384), ("OPOST", 1), ("ONLCR", 4), ("OCRNL", 8),
            ("ONOCR", 16), ("ONLRET", 32), ("CLOCAL", 2048), ("CREAD", 128), ("CS5", 0), ("CS6", 16), ("CS7", 32), ("CS8", 48), ("CSIZE", 48), ("CSTOPB", 64), ("HUPCL", 1024), ("PARENB", 256), ("PARODD", 512), ("ECHO", 8), ("ECHOE", 16), ("ECHOK", 32), ("ECHONL", 64),
            ("ICANON", 2), ("IEXTEN", 32768), ("ISIG", 1), ("NOFLSH", 128), ("TOSTOP", 256), ("ECHOCTL", 512), ("ECHOKE", 2048), ("TCSANOW", 0), ("TCSADRAIN", 1), ("TCSAFLUSH", 2), ("TCIFLUSH", 0), ("TCOFLUSH", 1), ("TCIOFLUSH", 2), ("TCOOFF", 0), ("TCOON", 1), ("TCIOFF", 2), ("TCION", 3),
            ("VINTR", 0), ("VQUIT", 1), ("VERASE", 2), ("VKILL", 3), ("VEOF", 4), ("VTIME", 5), ("VMIN", 6), ("VSTART", 8), ("VSTOP", 9), ("VSUSP", 10), ("VEOL", 11), ("VREPRINT", 12), ("VDISCARD", 13), ("VWERASE", 14), ("VLNEXT", 15), ("VEOL2", 16), ("NCCS", ControlCharacters),
            ("B0", 0), ("B50", 1), ("B300", 7), ("B1200", 9), ("B2400", 11), ("B4800", 12), ("B9600", 13), ("B19200", 14), ("B38400", 15), ("B57600", 4097), ("B115200", 4098), ("TIOCGWINSZ", 0x5413), ("TIOCSWINSZ", 0x5414), ("TIOCGPGRP", 0x540f), ("TIOCSPGRP", 0x5410), ("FIONREAD", 0x541b), ("TIOCSTI", 0x5412), ("TIOCSCTTY", 0x540e), ("TIOCNOTTY", 0x5422), ("FIONBIO", 0x5421),
        })
            m.Set(name, value);
        var error = new PyDict();
        error.Set("__module__", new PyStr("termios"));
        var errorType = ClassBuilder.Build(PyType.TypeType, new PyStr("error"), new PyTuple(ExceptionTypes.Exception), error, [], null);
        m.Set("error", errorType);
        PyObject Done(int result) => result >= 0 ? Values.None : throw Err.Of(errorType, PyInt.Of(LibC.LastError), new PyStr(Errno.Message(LibC.LastError)));
        m.Def1("tcgetattr", fd =>
        {
            var s = new byte[TermiosSize];
            Done(GetTerminal(Descriptor(fd), s));
            PyObject Flag(int i) => PyInt.Of(BitConverter.ToUInt32(s, i * 4));
            var isCanonical = (BitConverter.ToUInt32(s, 12) & 2) != 0;
            var characters = Enumerable.Range(0, ControlCharacters).Select(i => !isCanonical && i is 5 or 6 ? PyInt.Of(s[17 + i]) : (PyObject)new PyBytes([s[17 + i]]));
            return new PyList(Flag(0), Flag(1), Flag(2), Flag(3), Flag(13), Flag(14), new PyList(characters));
        });
        m.Def("tcsetattr", "fd, when, attributes, /", a =>
        {
            if (a[2] is not PyList { Count: 7 } list || list[6] is not PyList { Count: ControlCharacters } characters)
                throw Err.Type(a[2] is PyList { Count: 7 } ? $"tcsetattr: attributes[6] must be {ControlCharacters} element list" : "tcsetattr, arg 3: must be 7 element list");
            var s = new byte[TermiosSize];
            foreach (var (item, at) in new[] { (0, 0), (1, 1), (2, 2), (3, 3), (4, 13), (5, 14) })
                BitConverter.TryWriteBytes(s.AsSpan(at * 4), (uint)(ulong)(Ops.Index(list[item]).ToBig() & uint.MaxValue));
            for (var i = 0; i < ControlCharacters; i++)
                s[17 + i] = characters[i] is PyBytes { Content.Length: 1 } b ? b.Content[0] : characters[i] is PyInt n ? (byte)Args.Long(n) : throw Err.Type("tcsetattr: elements of attributes must be characters or integers");
            return Done(SetTerminal(Descriptor(a[0]!), Args.Int(a[1]!), s));
        });
        m.Def1("tcdrain", fd => Done(Drain(Descriptor(fd))));
        m.Def("tcflush", "fd, queue, /", a => Done(FlushTerminal(Descriptor(a[0]!), Args.Int(a[1]!))));
        m.Def("tcflow", "fd, action, /", a => Done(Flow(Descriptor(a[0]!), Args.Int(a[1]!))));
        m.Def("tcsendbreak", "fd, duration, /", a => Done(SendBreak(Descriptor(a[0]!), Args.Int(a[1]!))));
        m.Def1("tcgetwinsize", fd =>
        {
            var size = new byte[8];
            Done(PosixCalls.IoControl(Descriptor(fd), 0x5413, size));
            return new PyTuple(PyInt.Of(BitConverter.ToUInt16(size)), PyInt.Of(BitConverter.ToUInt16(size, 2)));
        });
    }
}
