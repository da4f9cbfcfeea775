namespace Holon.Python.Modules;

/// <summary>posix: files beyond the common calls.</summary>
internal static partial class PosixModule
{
    private static readonly StructSequence StatVfsResult = new("os.statvfs_result", ["f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_favail", "f_flag", "f_namemax", "f_fsid"], 10);

    private const long UtimeNow = (1L << 30) - 1;

    private static PyObject UTime(PyObject?[] a)
    {
        if (a[1] != Values.None && a[2] is not null)
            throw Err.Value("utime: you may specify either 'times' or 'ns' but not both");
        Span<long> times = [0, UtimeNow, 0, UtimeNow];
        if (a[2] is not null)
        {
            if (a[2] is not PyTuple { Count: 2 } ns)
                throw Err.Type("utime: 'ns' must be a tuple of two ints");
            for (var i = 0; i < 2; i++)
            {
                var value = Ops.Index(ns[i]).ToBig();
                var seconds = BigInteger.Divide(value - ((value % 1_000_000_000) + 1_000_000_000) % 1_000_000_000, 1_000_000_000);
                times[2 * i] = seconds >= long.MinValue && seconds <= long.MaxValue ? (long)seconds : throw Err.Overflow("timestamp out of range for platform time_t");
                times[2 * i + 1] = (long)(value - seconds * 1_000_000_000);
            }
        }
        else if (a[1] != Values.None)
        {
            if (a[1] is not PyTuple { Count: 2 } given)
                throw Err.Type("utime: 'times' must be either a tuple of two ints or None");
            for (var i = 0; i < 2; i++)
            {
                if (given[i] is PyInt whole)
                {
                    (times[2 * i], times[2 * i + 1]) = (whole.TryLong(out var n) ? n : throw Err.Overflow("timestamp out of range for platform time_t"), 0);
                    continue;
                }
                var value = Args.Double(given[i]);
                if (double.IsNaN(value))
                    throw Err.Value("Invalid value NaN (not a number)");
                var floor = Math.Floor(value);
                if (Math.Abs(floor) > 9.2e18)
                    throw Err.Overflow("timestamp out of range for platform time_t");
                (times[2 * i], times[2 * i + 1]) = ((long)floor, (long)Math.Floor((value - floor) * 1e9));
            }
        }
        return SetTimes(a, times.ToArray());
    }

    private static PyObject SetTimes(PyObject?[] a, long[] times)
    {
        var follow = Ops.IsTrue(a[4]!);
        return Changed(a[0], a[3], follow, p => PosixCalls.UTime(AtFdCwd, p, times, follow ? 0 : SymlinkNoFollow));
    }

    private static PyBytes Read(ModuleBuilder m, int fd, long length, long offset)
    {
        if (length < 0)
            throw Err.OS(Errno.EINVAL, (PyObject?)null);
        m.Machine.Limits.CheckSize(length);
        var buffer = new byte[length];
        var got = m.Machine.Gil.Without(() => offset < 0 ? LibC.Read(fd, buffer, buffer.Length) : PosixCalls.PRead(fd, buffer, buffer.Length, offset));
        return new PyBytes(buffer[..(int)Args.Long(Check(got))]);
    }

    private static PyInt ReadInto(ModuleBuilder m, int fd, PyObject buffers, long offset)
    {
        var targets = Ops.Each(buffers).Select(Buffers.Writable).ToArray();
        var data = Read(m, fd, targets.Sum(t => (long)t.Bytes.Length), offset).Content.AsSpan();
        var count = data.Length;
        foreach (var target in targets)
        {
            var part = data[..Math.Min(data.Length, target.Bytes.Length)];
            part.CopyTo(target.Writable);
            data = data[part.Length..];
        }
        return PyInt.Of(count);
    }

    private static void FillFiles(ModuleBuilder m)
    {
        m.Set("statvfs_result", StatVfsResult.Type);
        foreach (var (name, value) in new[]
        {
            ("O_ACCMODE", 3), ("O_ASYNC", 8192), ("O_DIRECT", 16384), ("O_DSYNC", 4096), ("O_FSYNC", 1052672), ("O_LARGEFILE", 0), ("O_NDELAY", 2048), ("O_NOATIME", 262144), ("O_PATH", 2097152), ("O_RSYNC", 1052672), ("O_TMPFILE", 4259840),
            ("F_LOCK", 1), ("F_TEST", 3), ("F_TLOCK", 2), ("F_ULOCK", 0), ("ST_RDONLY", 1), ("ST_NOSUID", 2), ("ST_NODEV", 4), ("ST_NOEXEC", 8), ("ST_SYNCHRONOUS", 16), ("ST_MANDLOCK", 64), ("ST_WRITE", 128), ("ST_APPEND", 256),
            ("ST_NOATIME", 1024), ("ST_NODIRATIME", 2048), ("ST_RELATIME", 4096), ("GRND_NONBLOCK", 1), ("GRND_RANDOM", 2), ("MFD_CLOEXEC", 1), ("MFD_ALLOW_SEALING", 2), ("MFD_HUGETLB", 4),
            ("POSIX_FADV_NORMAL", 0), ("POSIX_FADV_RANDOM", 1), ("POSIX_FADV_SEQUENTIAL", 2), ("POSIX_FADV_WILLNEED", 3), ("POSIX_FADV_DONTNEED", 4), ("POSIX_FADV_NOREUSE", 5),
        })
            m.Set(name, value);
        m.DefKept("utime", "path, times=None, *, ns=?, dir_fd=None, follow_symlinks=True", UTime);
        m.DefKept("truncate", "path, length", a => Changed(a[0], null, true, p => PosixCalls.Truncate(p, Args.Long(a[1]!))));
        m.DefKept("chown", "path, uid, gid, *, dir_fd=None, follow_symlinks=True", a => Ops.IsTrue(a[4]!) ? Changed(a[0], a[3], true, p => PosixCalls.ChOwn(p, (int)Id(a[1], "uid"), (int)Id(a[2], "gid"))) : Changed(a[0], a[3], false, p => PosixCalls.LChOwn(p, (int)Id(a[1], "uid"), (int)Id(a[2], "gid"))));
        m.DefKept("lchown", "path, uid, gid", a => Changed(a[0], null, false, p => PosixCalls.LChOwn(p, (int)Id(a[1], "uid"), (int)Id(a[2], "gid"))));
        m.DefKept("fchown", "fd, uid, gid", a => Changed(Ops.Index(a[0]!), null, true, p => PosixCalls.ChOwn(p, (int)Id(a[1], "uid"), (int)Id(a[2], "gid"))));
        m.DefKept("fchmod", "fd, mode", a => Changed(Ops.Index(a[0]!), null, true, p => LibC.ChMod(p, Args.Int(a[1]!))));
        m.Def("fchdir", "fd", a =>
        {
            var fd = a[0] as PyInt ?? Calls.CallMethod(a[0]!, "fileno");
            return m.Machine.Gate.ChangeFolder(fd) < 0 ? throw Err.OS(LibC.LastError == Errno.ENOENT ? Errno.EBADF : LibC.LastError, (PyObject?)null) : Values.None;
        });
        m.DefKept("mkfifo", "path, mode=438, *, dir_fd=None", a => Changed(a[0], a[2], false, p => PosixCalls.MkFifo(p, Args.Int(a[1]!))));
        foreach (var name in new[] { "statvfs", "fstatvfs" })
        {
            m.Def1(name, path =>
            {
                var s = new long[16];
                Check(m.Machine.Gate.On(path, null, Access.Look, true, p => PosixCalls.StatVfs(p, s)), path);
                return StatVfsResult.Make([.. new[] { s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[9], s[10], s[8] }.Select(PyInt.Of)]);
            });
        }
        m.Def("pipe2", "flags, /", a =>
        {
            Span<int> ends = stackalloc int[2];
            return Pair(LibC.Pipe(ends, Args.Int(a[0]!)), ends);
        });
        m.Def("pread", "fd, length, offset, /", a => Read(m, Fd(a[0]), Args.Long(a[1]!), Math.Max(0, Args.Long(a[2]!))));
        m.Def("readv", "fd, buffers, /", a => ReadInto(m, Fd(a[0]), a[1]!, -1));
        m.Def("preadv", "fd, buffers, offset, flags=0, /", a => ReadInto(m, Fd(a[0]), a[1]!, Args.Long(a[2]!)));
        m.Def("pwrite", "fd, data, offset, /", a =>
        {
            var (fd, data, offset) = (Fd(a[0]), Buffers.Bytes(a[1]), Args.Long(a[2]!));
            return Check(m.Machine.Gil.Without(() => PosixCalls.PWrite(fd, data, data.Length, offset)));
        });
        m.Def("writev", "fd, buffers, /", a =>
        {
            byte[] data = [.. Ops.Each(a[1]!).SelectMany(Buffers.Bytes)];
            var fd = Fd(a[0]);
            return Check(m.Machine.Gil.Without(() => LibC.Write(fd, data, data.Length)));
        });
        m.Def("sendfile", "out_fd, in_fd, offset, count", a =>
        {
            var (to, from, count) = (Fd(a[0]), Fd(a[1]), Args.Long(a[3]!));
            if (a[2] == Values.None)
                return Check(m.Machine.Gil.Without(() => PosixCalls.SendFileOn(to, from, 0, (nint)count)));
            var offset = Args.Long(a[2]!);
            return Check(m.Machine.Gil.Without(() => PosixCalls.SendFile(to, from, ref offset, (nint)count)));
        });
        m.Def("posix_fallocate", "fd, offset, length, /", a => PosixCalls.Allocate(Fd(a[0]), Args.Long(a[1]!), Args.Long(a[2]!)) is > 0 and var error ? throw Err.OS(error, (PyObject?)null) : Values.None);
        m.Def("posix_fadvise", "fd, offset, length, advice, /", a => LibC.FileControl(Fd(a[0]), GetDescriptorFlags, 0) < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : Values.None);
        m.Def("fdatasync", "fd", a => Done(LibC.Sync(Fd(a[0]))));
        m.Def0("sync", () =>
        {
            PosixCalls.Sync();
            return Values.None;
        });
        m.Def("closerange", "fd_low, fd_high, /", a =>
        {
            for (var fd = Math.Max(0, Args.Int(a[0]!)); fd < Math.Min(Args.Int(a[1]!), 1 << 20); fd++)
            {
                if (m.Machine.Gate.Owns(fd))
                    _ = m.Machine.Gate.Close(fd);
            }
            return Values.None;
        });
        const int getFlags = 3, setFlags = 4, nonBlocking = 2048;
        m.Def1("get_blocking", fd => Values.Bool((Args.Long(Check(LibC.FileControl(Fd(fd), getFlags, 0))) & nonBlocking) == 0));
        m.Def("set_blocking", "fd, blocking, /", a =>
        {
            var flags = (int)Args.Long(Check(LibC.FileControl(Fd(a[0]), getFlags, 0)));
            return Done(LibC.FileControl(Fd(a[0]), setFlags, Ops.IsTrue(a[1]!) ? flags & ~nonBlocking : flags | nonBlocking));
        });
        m.Def("lockf", "fd, command, length, /", a =>
        {
            var (fd, command, length) = (Fd(a[0]), Args.Int(a[1]!), Args.Long(a[2]!));
            return Done(m.Machine.Gil.Without(() => PosixCalls.LockFile(fd, command, length)));
        });
        m.Def("memfd_create", "name, flags=1", a => Check(m.Machine.Gate.Keep(PosixCalls.MemoryFile(FileSystemCodec.Path(a[0]!), (uint)Args.Int(a[1]!)))));
        m.Def("_path_normpath", "path", a =>
        {
            var text = a[0] as PyStr ?? throw Err.Type("_path_normpath() argument 1 must be str");
            return PyStr.FromUtf16(NormalPath(text.Value));
        });
        m.Def0("openpty", () =>
        {
            Check(PosixCalls.OpenPty(out var master, out var slave, 0, 0, 0));
            _ = LibC.FileControl(master, SetDescriptorFlags, CloseOnExec);
            _ = LibC.FileControl(slave, SetDescriptorFlags, CloseOnExec);
            return Pair(0, [master, slave]);
        });
        m.Def1("ttyname", fd =>
        {
            var name = new byte[256];
            var error = PosixCalls.TtyName(Fd(fd), name, (nuint)name.Length);
            return error != 0 ? throw Err.OS(error, (PyObject?)null) : FileSystemCodec.Decode(name.AsSpan(0, Array.IndexOf(name, (byte)0)));
        });
        m.Def0("ctermid", () => new PyStr("/dev/tty"));
        m.Def("getrandom", "size, flags=0", a => Calls.Call(m.Module.Dict.Get("urandom")!, a[0]!));
    }

    /// <summary>posixpath.normpath.</summary>
    private static string NormalPath(string path)
    {
        if (path.Length == 0)
            return ".";
        var slashes = path.StartsWith("//", StringComparison.Ordinal) && !path.StartsWith("///", StringComparison.Ordinal) ? "//" : path[0] == '/' ? "/" : "";
        var parts = new List<string>();
        foreach (var part in path.Split('/'))
        {
            if (part is "" or ".")
                continue;
            if (part != ".." || (slashes.Length == 0 && parts.Count == 0) || (parts.Count > 0 && parts[^1] == ".."))
                parts.Add(part);
            else if (parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
        }
        var result = slashes + string.Join('/', parts);
        return result.Length == 0 ? "." : result;
    }
}
