using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>System calls that .NET has no equal for.</summary>
internal static partial class LibC
{
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "open")]
    public static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "close")]
    public static partial int Close(int fd);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "read")]
    public static partial nint Read(int fd, Span<byte> buffer, nint count);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "write")]
    public static partial nint Write(int fd, ReadOnlySpan<byte> buffer, nint count);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "lseek")]
    public static partial long Seek(int fd, long offset, int whence);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "ftruncate")]
    public static partial int Truncate(int fd, long length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "fsync")]
    public static partial int Sync(int fd);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "fcntl")]
    public static partial int FileControl(int fd, int command, nint argument);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setenv")]
    public static partial int SetEnvironment(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int overwrite);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "unsetenv")]
    public static partial int UnsetEnvironment(ReadOnlySpan<byte> name);

    [LibraryImport("libc", EntryPoint = "isatty")]
    public static partial int IsATty(int fd);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "dup2")]
    public static partial int Dup2(int from, int to);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "pipe2")]
    public static partial int Pipe(Span<int> ends, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "statx")]
    public static partial int Statx(int dirfd, string path, int flags, uint mask, Span<byte> result);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "access")]
    public static partial int Access(string path, int mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "mkdir")]
    public static partial int MkDir(string path, int mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "rmdir")]
    public static partial int RmDir(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "unlink")]
    public static partial int Unlink(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "rename")]
    public static partial int Rename(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "symlink")]
    public static partial int SymLink(string target, string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "link")]
    public static partial int Link(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "readlink")]
    public static partial nint ReadLink(string path, Span<byte> buffer, nint size);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "chmod")]
    public static partial int ChMod(string path, int mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "chdir")]
    public static partial int ChDir(string path);

    [LibraryImport("libc", EntryPoint = "getuid")]
    public static partial int GetUid();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial int GetEUid();

    [LibraryImport("libc", EntryPoint = "getgid")]
    public static partial int GetGid();

    [LibraryImport("libc", EntryPoint = "getegid")]
    public static partial int GetEGid();

    [LibraryImport("libc", EntryPoint = "getppid")]
    public static partial int GetPpid();

    [LibraryImport("libc", EntryPoint = "umask")]
    public static partial int Umask(int mask);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "kill")]
    public static partial int Kill(int pid, int signal);

    public static int LastError => System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
}

internal static partial class PosixModule
{
    private const int AtFdCwd = -100;
    private const int SymlinkNoFollow = 0x100;
    private const int EmptyPath = 0x1000;

    private static readonly StructSequence StatResult = new("os.stat_result", ["st_mode", "st_ino", "st_dev", "st_nlink", "st_uid", "st_gid", "st_size", "st_atime_int", "st_mtime_int", "st_ctime_int", "st_atime", "st_mtime", "st_ctime", "st_atime_ns", "st_mtime_ns", "st_ctime_ns", "st_blksize", "st_blocks", "st_rdev"], 10);
    private static readonly StructSequence UName = new("posix.uname_result", ["sysname", "nodename", "release", "version", "machine"]);
    private static readonly StructSequence TerminalSize = new("os.terminal_size", ["columns", "lines"]);

    private sealed class PyDirEntry(string directory, string name, int kind, bool asBytes, bool byDescriptor) : PyObject
    {
        /// <summary>The path as the program sees it; a descriptor has no name to put before it.</summary>
        public string ShownName => byDescriptor ? name : FullName;

        /// <summary>A path as what the program gave to scandir: bytes or str.</summary>
        public PyObject Given(string path) => asBytes ? new PyBytes(FileSystemCodec.Encode(PyStr.FromUtf16(path))) : PyStr.FromUtf16(path);

        public string FullName => directory is "" ? name : directory.EndsWith('/') ? directory + name : directory + "/" + name;

        public string EntryName => name;

        /// <summary>What the folder has said that this is, so that it is known when it is gone; a link that is followed is looked at.</summary>
        public int KindOf(bool follow) => kind == 0 || (follow && kind == 0xa000) ? Kind(FullName, follow) : kind;

        public override PyType Type => DirEntry;
    }

    private static readonly PyType DirEntry = new("DirEntry", PyType.Object, t =>
    {
        t.Repr = o => Values.Str($"<DirEntry {Ops.Repr(((PyDirEntry)o).Given(((PyDirEntry)o).EntryName))}>");
        t.Member("name", o => ((PyDirEntry)o).Given(((PyDirEntry)o).EntryName));
        t.Member("path", o => ((PyDirEntry)o).Given(((PyDirEntry)o).ShownName));
        t.Def0("__fspath__", o => ((PyDirEntry)o).Given(((PyDirEntry)o).ShownName));
        t.Def0("inode", o => Stat(((PyDirEntry)o).FullName, false)[1]);
        t.Def("stat", "*, follow_symlinks=True", (o, a) => Stat(((PyDirEntry)o).FullName, Ops.IsTrue(a[0]!)));
        t.Def("is_dir", "*, follow_symlinks=True", (o, a) => Values.Bool(((PyDirEntry)o).KindOf(Ops.IsTrue(a[0]!)) == 0x4000));
        t.Def("is_file", "*, follow_symlinks=True", (o, a) => Values.Bool(((PyDirEntry)o).KindOf(Ops.IsTrue(a[0]!)) == 0x8000));
        t.Def0("is_symlink", o => Values.Bool(((PyDirEntry)o).KindOf(false) == 0xa000));
        t.DefClassGetItem();
    }, "posix");

    private static readonly PyType ScanIterator = PyIterator.MakeType("ScandirIterator", "posix", t =>
    {
        t.Def0("__enter__", o => o);
        t.Def("__exit__", "*args", (_, _) => Values.None);
        t.Def0("close", _ => Values.None);
    });

    private static int Kind(string path, bool follow)
    {
        var buffer = new byte[256];
        return Gate.Current.On(path, Access.Look, follow, p => LibC.Statx(AtFdCwd, p, follow ? 0 : SymlinkNoFollow, 0x7ff, buffer)) < 0 ? 0 : BitConverter.ToUInt16(buffer, 28) & 0xf000;
    }

    // struct statx, linux/stat.h.
    private static PyTuple FromStatx(byte[] s)
    {
        PyObject U32(int at) => PyInt.Of(BitConverter.ToUInt32(s, at));
        PyObject U64(int at) => PyInt.Of(BitConverter.ToUInt64(s, at));
        long Seconds(int at) => BitConverter.ToInt64(s, at);
        uint Nanos(int at) => BitConverter.ToUInt32(s, at + 8);
        long Device(int at) => BitConverter.ToUInt32(s, at) * 256L + BitConverter.ToUInt32(s, at + 4);
        PyObject F(int at) => new PyFloat(Seconds(at) + Nanos(at) * 1e-9);
        PyObject N(int at) => PyInt.Of(Seconds(at) * 1_000_000_000 + Nanos(at));
        const int access = 64, change = 96, modify = 112;
        return StatResult.Make(PyInt.Of(BitConverter.ToUInt16(s, 28)), U64(32), PyInt.Of(Device(136)), U32(16), U32(20), U32(24), U64(40), PyInt.Of(Seconds(access)), PyInt.Of(Seconds(modify)), PyInt.Of(Seconds(change)),
            F(access), F(modify), F(change), N(access), N(modify), N(change), U32(4), U64(48), PyInt.Of(Device(128)));
    }

    private static PyTuple Stat(string path, bool follow)
    {
        var buffer = new byte[256];
        if (Gate.Current.On(path, Access.Look, follow, p => LibC.Statx(AtFdCwd, p, follow ? 0 : SymlinkNoFollow, 0x7ff, buffer)) < 0)
            throw Err.OS(LibC.LastError, path);
        return FromStatx(buffer);
    }

    // What is not there is an ordinary answer.
    private static PyObject? Stat(PyObject path, bool follow, PyObject? folder = null)
    {
        var buffer = new byte[256];
        var result = path is PyInt ? LibC.Statx(Fd(path), "", EmptyPath, 0x7ff, buffer)
            : Gate.Current.On(path, folder, Access.Look, follow, p => LibC.Statx(AtFdCwd, p, follow ? 0 : SymlinkNoFollow, 0x7ff, buffer));
        return result < 0 ? Err.Set(Err.OS(LibC.LastError, path)) : FromStatx(buffer);
    }

    private static PyInt Check(long result, PyObject? path = null, PyObject? path2 = null) =>
        result >= 0 ? PyInt.Of(result)
            : path is PyInt ? throw Err.OS(LibC.LastError is Errno.ENOENT ? Errno.EBADF : LibC.LastError, path) // a descriptor goes by its name in /proc
            : throw Err.OS(LibC.LastError, path, path2);

    private static PyObject Done(long result, PyObject? path = null, PyObject? path2 = null)
    {
        Check(result, path, path2);
        return Values.None;
    }

    /// <summary>A descriptor that the program names.</summary>
    private static int Fd(PyObject? o) => Gate.Current.Use(Args.Int(o!));

    /// <summary>Calls with a path once the machine is known to have it granted.</summary>
    private static PyObject Changed(PyObject? path, PyObject? folder, bool follow, Func<string, long> call) =>
        Done(Gate.Current.On(path, folder, Access.Write, follow, call), path);

    private const string HaveFunctions = "HAVE_FACCESSAT HAVE_FCHDIR HAVE_FCHMOD HAVE_FCHMODAT HAVE_FCHOWN HAVE_FCHOWNAT HAVE_FDOPENDIR HAVE_FEXECVE HAVE_FPATHCONF HAVE_FSTATAT HAVE_FSTATVFS HAVE_FTRUNCATE HAVE_FUTIMENS HAVE_LINKAT HAVE_LSTAT HAVE_LUTIMES HAVE_MKDIRAT HAVE_MKFIFOAT HAVE_MKNODAT HAVE_OPENAT HAVE_READLINKAT HAVE_RENAMEAT HAVE_SYMLINKAT HAVE_UNLINKAT HAVE_UTIMENSAT";

    private const int GetDescriptorFlags = 1, SetDescriptorFlags = 2, CloseOnExec = 1;

    private static int Flags(int fd) => LibC.FileControl(fd, GetDescriptorFlags, 0) is >= 0 and var flags ? flags : throw Err.OS(LibC.LastError, (PyObject?)null);

    /// <summary>A name or value for the environment, as C reads it.</summary>
    private static byte[] Terminated(PyObject text) => [.. FileSystemCodec.Encode(PyStr.FromUtf16(FileSystemCodec.Path(text, "putenv"))), 0];

    public static void Fill(ModuleBuilder m)
    {
        foreach (var (name, value) in new[]
        {
            ("O_RDONLY", 0), ("O_WRONLY", 1), ("O_RDWR", 2), ("O_CREAT", 64), ("O_EXCL", 128), ("O_NOCTTY", 256), ("O_TRUNC", 512), ("O_APPEND", 1024), ("O_NONBLOCK", 2048), ("O_SYNC", 1052672), ("O_CLOEXEC", 524288),
            ("O_DIRECTORY", 65536), ("O_NOFOLLOW", 131072), ("F_OK", 0), ("R_OK", 4), ("W_OK", 2), ("X_OK", 1), ("SEEK_DATA", 3), ("SEEK_HOLE", 4), ("WNOHANG", 1), ("WUNTRACED", 2), ("WCONTINUED", 8), ("EX_OK", 0), ("P_PID", 1), ("P_ALL", 0),
            ("RTLD_LAZY", 1), ("RTLD_NOW", 2), ("RTLD_GLOBAL", 256), ("RTLD_LOCAL", 0), ("PRIO_PROCESS", 0), ("NGROUPS_MAX", 65536), ("TMP_MAX", 238328),
        })
            m.Set(name, value);
        m.Set("stat_result", StatResult.Type);
        m.Set("terminal_size", TerminalSize.Type);
        m.Set("uname_result", UName.Type);
        m.Set("DirEntry", DirEntry);
        m.Set("error", ExceptionTypes.OSError);
        m.Set("_have_functions", new PyList(HaveFunctions.Split(' ').Select(f => (PyObject)new PyStr(f))));
        var environment = new PyDict();
        foreach (System.Collections.DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            if (m.Machine.Gate.SeesVariable((string)entry.Key))
                environment.Set(new PyBytes(System.Text.Encoding.UTF8.GetBytes((string)entry.Key)), new PyBytes(System.Text.Encoding.UTF8.GetBytes((string?)entry.Value ?? "")));
        }
        m.Set("environ", environment);
        var live = m.Machine.State<ProcessStart.EnvironmentState>("environ");
        m.Def("putenv", "name, value, /", a =>
        {
            var (name, value) = (Terminated(a[0]!), Terminated(a[1]!));
            if (name.Length == 1 || name.Contains((byte)'='))
                throw Err.Value("illegal environment variable name");
            live.Set(name[..^1], value[..^1]);
            return m.Machine.Gate.SharesProcess ? Done(LibC.SetEnvironment(name, value, 1)) : Values.None;
        });
        m.Def1("unsetenv", name =>
        {
            live.Set(Terminated(name)[..^1], null);
            return m.Machine.Gate.SharesProcess ? Done(LibC.UnsetEnvironment(Terminated(name))) : Values.None;
        });
        m.Def("stat", "path, *, dir_fd=None, follow_symlinks=True", a => Stat(a[0]!, Ops.IsTrue(a[2]!), a[1]));
        m.Def("lstat", "path, *, dir_fd=None", a => Stat(a[0]!, false, a[1]));
        m.Def1("fstat", fd =>
        {
            var buffer = new byte[256];
            Check(LibC.Statx(Fd(fd), "", EmptyPath, 0x7ff, buffer));
            return FromStatx(buffer);
        });
        m.Def0("getcwd", () => FileSystemCodec.Decode(CurrentFolder()));
        m.Def0("getcwdb", () => new PyBytes(CurrentFolder()));
        m.Def1("chdir", p => Done(m.Machine.Gate.ChangeFolder(p), p));
        m.DefKept("listdir", "path=None", a =>
        {
            return new PyList(Entries(a[0]!).Select(n => IsBytes(a[0]) ? new PyBytes(FileSystemCodec.Encode(PyStr.FromUtf16(n.Name))) : (PyObject)PyStr.FromUtf16(n.Name)));
        });
        m.DefKept("scandir", "path=None", a =>
        {
            var path = a[0] == Values.None ? "." : Gate.Plain(a[0], null);
            return new PyEnumerator(ScanIterator, Entries(a[0]!).Select(n => (PyObject)new PyDirEntry(path, n.Name, n.Kind, IsBytes(a[0]), a[0] is PyInt)).GetEnumerator());
        });
        m.Def("open", "path, flags, mode=511, *, dir_fd=None", a =>
        {
            const int closeOnExec = 0x80000;
            return Check(m.Machine.Gate.Open(a[0]!, a[3], Args.Int(a[1]!) | closeOnExec, Args.Int(a[2]!)), a[0]);
        });
        m.Def1("close", fd => Done(m.Machine.Gate.Close(Args.Int(fd))));
        m.Def("read", "fd, length, /", a =>
        {
            var length = Args.Long(a[1]!);
            if (length < 0)
                throw Err.OS(Errno.EINVAL, (PyObject?)null);
            m.Machine.Limits.CheckSize(length);
            var buffer = new byte[length];
            var fd = Fd(a[0]);
            Blocking.UntilReadable(PyThread.Current, fd);
            var got = m.Machine.Gil.Without(() => LibC.Read(fd, buffer, buffer.Length));
            return got < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : new PyBytes(buffer[..(int)got]);
        });
        m.Def("write", "fd, data, /", a =>
        {
            var data = Buffers.Of(a[1]!).Bytes.ToArray();
            var fd = Fd(a[0]);
            return Check(m.Machine.Gil.Without(() => LibC.Write(fd, data, data.Length)));
        });
        m.Def("lseek", "fd, position, how, /", a => Check(LibC.Seek(Fd(a[0]), Args.Long(a[1]!), Args.Int(a[2]!))));
        m.Def("ftruncate", "fd, length, /", a => Done(LibC.Truncate(Fd(a[0]), Args.Long(a[1]!))));
        m.Def1("isatty", fd => Values.Bool(m.Machine.Gate.Owns(Args.Int(fd)) && LibC.IsATty(Args.Int(fd)) == 1));
        m.Def1("dup", fd => Check(m.Machine.Gate.Keep(LibC.FileControl(Fd(fd), 1030, 0))));
        m.Def("dup2", "fd, fd2, inheritable=True", a =>
        {
            return Check(m.Machine.Gate.Duplicate(Args.Int(a[0]!), Args.Int(a[1]!), Ops.IsTrue(a[2]!)));
        });
        m.Def0("pipe", () =>
        {
            Span<int> ends = stackalloc int[2];
            return Pair(LibC.Pipe(ends, 0x80000), ends);
        });
        m.Def("set_inheritable", "fd, inheritable, /", a =>
        {
            var flags = Flags(Fd(a[0]));
            return Done(LibC.FileControl(Fd(a[0]), SetDescriptorFlags, Ops.IsTrue(a[1]!) ? flags & ~CloseOnExec : flags | CloseOnExec), null);
        });
        m.Def1("get_inheritable", fd => Values.Bool((Flags(Fd(fd)) & CloseOnExec) == 0));
        m.DefKept("mkdir", "path, mode=511, *, dir_fd=None", a => Changed(a[0], a[2], false, p => LibC.MkDir(p, Args.Int(a[1]!))));
        m.DefKept("rmdir", "path, *, dir_fd=None", a => Changed(a[0], a[1], false, p => LibC.RmDir(p)));
        foreach (var name in new[] { "unlink", "remove" })
            m.Def(name, "path, *, dir_fd=None", a => Changed(a[0], a[1], false, p => LibC.Unlink(p)));
        foreach (var name in new[] { "rename", "replace" })
            m.DefKept(name, "src, dst, *, src_dir_fd=None, dst_dir_fd=None", a => Done(Both(a, Access.Write, false, LibC.Rename), a[0], a[1]));
        m.DefKept("symlink", "src, dst, target_is_directory=False, *, dir_fd=None", a => Done(m.Machine.Gate.On(a[1], a[3], Access.Write, false, p => LibC.SymLink(FileSystemCodec.Path(a[0]!), p)), a[0], a[1]));
        m.DefKept("link", "src, dst, *, src_dir_fd=None, dst_dir_fd=None, follow_symlinks=True", a => Done(Both(a, Access.Read | Access.Write, false, LibC.Link), a[0], a[1]));
        m.Def("readlink", "path, *, dir_fd=None", a =>
        {
            var buffer = new byte[4096];
            var length = m.Machine.Gate.On(a[0], a[1], Access.Look, false, p => LibC.ReadLink(p, buffer, buffer.Length));
            return length < 0 ? throw Err.OS(LibC.LastError, a[0]) : IsBytes(a[0]) ? new PyBytes(buffer[..(int)length]) : FileSystemCodec.Decode(buffer.AsSpan(0, (int)length));
        });
        m.DefKept("chmod", "path, mode, *, dir_fd=None, follow_symlinks=True", a => Changed(a[0], a[2], true, p => LibC.ChMod(p, Args.Int(a[1]!))));
        m.DefKept("access", "path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True", a => Values.Bool(CanAccess(a)));
        m.Def1("fspath", o => o is PyStr or PyBytes ? o : Calls.Special(o, Names.Intern("__fspath__")) is not { } path ? throw Err.Type($"expected str, bytes or os.PathLike object, not {o.Type.FullName}") : path is PyStr or PyBytes ? path : throw Err.Type($"expected {o.Type.FullName}.__fspath__() to return str or bytes, not {path.Type.FullName}"));
        m.Def0("getpid", () => PyInt.Of(Environment.ProcessId));
        m.Def0("getppid", () => PyInt.Of(LibC.GetPpid()));
        m.Def0("getuid", () => PyInt.Of(LibC.GetUid()));
        m.Def0("geteuid", () => PyInt.Of(LibC.GetEUid()));
        m.Def0("getgid", () => PyInt.Of(LibC.GetGid()));
        m.Def0("getegid", () => PyInt.Of(LibC.GetEGid()));
        m.Def("kill", "pid, signal, /", a =>
        {
            SignalModule.Send(m.Machine, Args.Int(a[0]!), Args.Int(a[1]!));
            return Values.None;
        });
        m.Def1("urandom", n =>
        {
            var size = Args.Long(n);
            if (size < 0)
                throw Err.Value("negative argument not allowed");
            m.Machine.Limits.CheckSize(size);
            var bytes = new byte[size];
            System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
            return new PyBytes(bytes);
        });
        m.Def0("cpu_count", () => PyInt.Of(Environment.ProcessorCount));
        m.Def0("uname", () => UName.Make(new PyStr("Linux"), PyStr.FromUtf16(Environment.MachineName), PyStr.FromUtf16(Environment.OSVersion.Version.ToString()), new PyStr("#1"), new PyStr("x86_64")));
        m.Def("get_terminal_size", "fd=1, /", a => LibC.IsATty(Fd(a[0])) == 1 ? TerminalSize.Make(PyInt.Of(Console.WindowWidth), PyInt.Of(Console.WindowHeight)) : Err.Set(Err.OS(25, (PyObject?)null)));
        m.Def1("strerror", n => new PyStr(Errno.Message(Args.Int(n))));
        m.Def1("_exit", n =>
        {
            m.Machine.Gate.AskExit("os._exit");
            PosixCalls.ExitNow(Args.Int(n));
            return Values.None;
        });
        m.Def0("abort", () => throw Err.Runtime("abort() is not for programs of a virtual machine"));
        m.Def1("fsync", fd => Done(LibC.Sync(Fd(fd))));
        m.Def1("device_encoding", fd => m.Machine.Gate.Owns(Args.Int(fd)) && LibC.IsATty(Args.Int(fd)) == 1 ? new PyStr("UTF-8") : Values.None);
        FillFiles(m);
        FillProcesses(m);
        FillIdentities(m);
        FillScheduling(m);
        FillAttributes(m);
        FillCopies(m);
        FillNodes(m);
        FillExecution(m);
    }

    /// <summary>Calls with two paths, as rename does.</summary>
    private static long Both(PyObject?[] a, Access source, bool follow, Func<string, string, int> call) =>
        Gate.Current.On(a[0], a[2], source, follow, from => Gate.Current.On(a[1], a[3], Access.Write, false, to => call(from, to)));

    private static bool CanAccess(PyObject?[] a)
    {
        var mode = Args.Int(a[1]!);
        try
        {
            return Gate.Current.On(a[0], a[2], (mode & 2) != 0 ? Access.Write | Access.Look : Access.Look, true, p => LibC.Access(p, mode)) == 0;
        }
        catch (PyError denied) when (denied.Value.Type == ExceptionTypes.PermissionError)
        {
            return false;
        }
    }

    /// <summary>The two descriptors that a call has made.</summary>
    private static PyTuple Pair(long result, ReadOnlySpan<int> ends)
    {
        Check(result);
        return new PyTuple(PyInt.Of(Gate.Current.Keep(ends[0])), PyInt.Of(Gate.Current.Keep(ends[1])));
    }

    private static byte[] CurrentFolder()
    {
        if (!Gate.Current.SharesProcess)
            return FileSystemCodec.Encode(PyStr.FromUtf16(Gate.Current.WorkingFolder));
        var buffer = new byte[4096];
        var length = PosixCalls.GetCwd(buffer, (nuint)buffer.Length);
        return length == 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : buffer[..Array.IndexOf(buffer, (byte)0)];
    }

    /// <summary>Whether names that belong to a path are bytes: the path is, or what a path object stands for.</summary>
    private static bool IsBytes(PyObject? path) => path is IBuffer || (path is not (PyStr or PyInt or PySingleton) && Calls.Special(path!, Names.Intern("__fspath__")) is PyBytes);

    private static List<FolderEntries.Entry> Entries(PyObject given)
    {
        List<FolderEntries.Entry>? names = null;
        var path = given == Values.None ? new PyStr(".") : given;
        Done(Gate.Current.On(path, null, Access.Look, true, p => (names = FolderEntries.Of(p)) is null ? -1 : 0), path);
        return names!;
    }
}
