using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>
/// mmap: files as memory. A machine that may do everything has the kernel's own mappings. Any other works on a copy, which it writes back when
/// it flushes or closes: a mapped file that somebody shortens ends the process that touches it, and the process is not the machine's.
/// </summary>
internal static unsafe partial class MmapModule
{
    private static readonly NativeParameters MmapParameters = new("mmap", "fileno, length, flags=1, prot=3, access=0, offset=0");
    private const int Shared = 1, Private = 2, Anonymous = 0x20, ProtectRead = 1, ProtectWrite = 2;
    private const int DefaultAccess = 0, ReadAccess = 1, WriteAccess = 2, CopyAccess = 3;

    [LibraryImport("libc", SetLastError = true, EntryPoint = "mmap")]
    private static partial nint Map(nint at, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "munmap")]
    private static partial int Unmap(nint at, nuint length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "mremap")]
    private static partial nint Remap(nint at, nuint length, nuint newLength, int flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "msync")]
    private static partial int Sync(nint at, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "madvise")]
    private static partial int Advise(nint at, nuint length, int advice);

    private sealed class PyMmap(PyType type) : PyExtensible(type), IExportedBuffer
    {
        public byte[]? Copy;
        public nint Mapped;
        public int Length, Fd = -1, Access;
        public long Offset, Position;
        public bool IsClosed, WritesBack;
        private BufferExports exports;

        ~PyMmap() => Release(false);

        public ref BufferExports Exports => ref exports;

        public string ItemFormat => "B";

        public int ItemSize => 1;

        // The kernel's mapping has this length until Release or Resize, which memory views forbid.
        public Span<byte> Memory => IsClosed ? throw Err.Value("mmap closed or invalid") : Copy is not null ? Copy.AsSpan(0, Length) : new Span<byte>((void*)Mapped, Length);

        public ReadOnlySpan<byte> Bytes => Memory;

        public Span<byte> Writable => Access == ReadAccess ? throw Err.Type("mmap can't modify a readonly memory map.") : Memory;

        public void Flush(int start, int length)
        {
            if (Copy is null)
            {
                const int wait = 4;
                if (Length > 0 && Sync(Mapped + start, (nuint)length, wait) < 0)
                    throw Err.OS(LibC.LastError, (PyObject?)null);
                return;
            }
            if (!WritesBack || !Gate.Current.Owns(Fd))
                return;
            for (var at = start; at < start + length;)
            {
                var written = PosixCalls.PWrite(Fd, Copy.AsSpan(at, start + length - at), start + length - at, Offset + at);
                if (written <= 0)
                    throw Err.OS(LibC.LastError, (PyObject?)null);
                at += (int)written;
            }
        }

        public void Release(bool writesBack = true)
        {
            if (IsClosed)
                return;
            if (writesBack && Copy is not null)
                Flush(0, Length);
            IsClosed = true;
            var (mapped, fd) = (Mapped, Fd);
            (Mapped, Fd, Copy) = (0, -1, null);
            if (mapped != 0)
                _ = Unmap(mapped, (nuint)Length);
            if (fd >= 0 && writesBack && Gate.Current.Owns(fd))
                _ = Gate.Current.Close(fd);
            else if (fd >= 0 && !writesBack && gate.Owns(fd))
                _ = gate.Close(fd);
        }

        private readonly Gate gate = Gate.Current;
    }

    private static PyMmap M(PyObject o) => o is PyMmap { IsClosed: false } m ? m : throw Err.Value("mmap closed or invalid");

    private static PyObject New(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var a = MmapParameters.Bind(args, names);
        var (fd, given, flags, protection, access, offset) = (Args.Int(a[0]!), Args.Long(a[1]!), Args.Int(a[2]!), Args.Int(a[3]!), Args.Int(a[4]!), Args.Long(a[5]!));
        if (given < 0)
            throw Err.Overflow("memory mapped length must be positive");
        if (offset < 0)
            throw Err.Overflow("memory mapped offset must be positive");
        if (access != DefaultAccess && (flags != Shared || protection != 3))
            throw Err.Value("mmap can't specify both access and flags, prot.");
        (flags, protection) = access switch
        {
            ReadAccess => (Shared, ProtectRead),
            WriteAccess => (Shared, ProtectRead | ProtectWrite),
            CopyAccess => (Private, ProtectRead | ProtectWrite),
            DefaultAccess => (flags, protection),
            _ => throw Err.Value("mmap invalid access parameter."),
        };
        if (access == DefaultAccess)
            access = (protection & ProtectWrite) == 0 ? ReadAccess : (flags & Private) != 0 ? CopyAccess : WriteAccess;
        var made = new PyMmap(type) { Access = access, Offset = offset };
        var machine = PyThread.Current.Machine;
        var length = given;
        if (fd != -1)
        {
            machine.Gate.Use(fd);
            var information = new byte[256];
            if (LibC.Statx(fd, "", 0x1000, 0x7ff, information) < 0)
                throw Err.OS(LibC.LastError, (PyObject?)null);
            var size = BitConverter.ToInt64(information, 40);
            if ((BitConverter.ToUInt16(information, 28) & 0xf000) == 0x8000)
            {
                if (given == 0)
                {
                    if (size == 0)
                        throw Err.Value("cannot mmap an empty file");
                    if (offset >= size)
                        throw Err.Value("mmap offset is greater than file size");
                    length = size - offset;
                }
                else if (offset > size || size - offset < given)
                {
                    throw Err.Value("mmap length is greater than file size");
                }
            }
        }
        if (length > int.MaxValue)
            throw Err.Overflow("memory mapped size is too large for this machine");
        made.Length = (int)length;
        if (fd == -1 || (flags & Anonymous) != 0 || !machine.Gate.IsOpen)
            MakeCopy(machine, made, (flags & Anonymous) != 0 ? -1 : fd, access);
        else
            MakeMapping(made, fd, protection, flags);
        return made;
    }

    private static void MakeCopy(Machine machine, PyMmap made, int fd, int access)
    {
        if (made.Length == 0)
            throw Err.OS(Errno.EINVAL, (PyObject?)null);
        machine.Limits.CheckSize(made.Length);
        made.Copy = new byte[made.Length];
        if (fd < 0)
            return;
        for (var at = 0; at < made.Length;)
        {
            var got = PosixCalls.PRead(fd, made.Copy.AsSpan(at), made.Length - at, made.Offset + at);
            if (got < 0)
                throw Err.OS(LibC.LastError, (PyObject?)null);
            if (got == 0)
                break;
            at += (int)got;
        }
        const int duplicateCloseOnExec = 1030, getFlags = 3, accessMode = 3;
        if (access == WriteAccess && (LibC.FileControl(fd, getFlags, 0) & accessMode) == 0)
            throw Err.OS(Errno.EACCES, (PyObject?)null);
        made.Fd = machine.Gate.Keep(LibC.FileControl(fd, duplicateCloseOnExec, 0));
        made.WritesBack = access == WriteAccess;
    }

    private static void MakeMapping(PyMmap made, int fd, int protection, int flags)
    {
        const int duplicateCloseOnExec = 1030;
        var own = LibC.FileControl(fd, duplicateCloseOnExec, 0);
        if (own < 0)
            throw Err.OS(LibC.LastError, (PyObject?)null);
        var at = Map(0, (nuint)made.Length, protection, flags, fd, made.Offset);
        if (at == -1)
        {
            var error = LibC.LastError;
            _ = LibC.Close(own);
            throw Err.OS(error, (PyObject?)null);
        }
        (made.Mapped, made.Fd) = (at, own);
    }

    private static void Resize(PyMmap m, long size)
    {
        if (m.Exports.Any())
            throw Err.Buffer("mmap can't resize with extant pointers exported.");
        if (m.Access is not WriteAccess)
            throw Err.Type("mmap can't resize a readonly or copy-on-write memory map.");
        if (size is < 0 or > int.MaxValue || m.Offset > long.MaxValue - size)
            throw Err.Value("new size out of range");
        if (m.Fd >= 0 && LibC.Truncate(m.Fd, m.Offset + size) < 0)
            throw Err.OS(LibC.LastError, (PyObject?)null);
        if (m.Copy is not null)
        {
            PyThread.Current.Machine.Limits.CheckSize(size);
            Array.Resize(ref m.Copy, (int)size);
        }
        else
        {
            const int mayMove = 1;
            var at = Remap(m.Mapped, (nuint)m.Length, (nuint)size, mayMove);
            if (at == -1)
                throw Err.OS(LibC.LastError, (PyObject?)null);
            m.Mapped = at;
        }
        m.Length = (int)size;
    }

    private static PyInt Find(PyObject o, PyObject?[] a, bool last)
    {
        var m = M(o);
        var wanted = Buffers.Bytes(a[0]);
        var (start, end) = (a[1] is null ? last ? 0 : m.Position : Args.Clipped(a[1]!), a[2] is null ? m.Length : Args.Clipped(a[2]!));
        long Bounded(long n) => Math.Clamp(n < 0 ? n + m.Length : n, 0, m.Length);
        (start, end) = (Bounded(start), Bounded(end));
        if (end < start)
            return PyInt.MinusOne;
        var part = m.Memory[(int)start..(int)end];
        var at = last ? part.LastIndexOf(wanted) : part.IndexOf(wanted);
        return PyInt.Of(at < 0 ? -1 : at + start);
    }

    private static PyBytes Take(PyMmap m, long count)
    {
        var left = Math.Max(0, m.Length - m.Position);
        var size = count < 0 || count > left ? left : count;
        var data = m.Memory.Slice((int)Math.Min(m.Position, m.Length), (int)size).ToArray();
        m.Position += size;
        return new PyBytes(data);
    }

    private static int Index(PyMmap m, PyObject key)
    {
        var at = Ops.Index(key).TryLong(out var n) ? n < 0 ? n + m.Length : n : -1;
        return at >= 0 && at < m.Length ? (int)at : throw Err.Index("mmap index out of range");
    }

    private static void SetItem(PyObject o, PyObject key, PyObject? value)
    {
        var memory = M(o).Writable;
        if (value is null)
            throw Err.Type(key is PySlice ? "mmap object doesn't support slice deletion" : "mmap object doesn't support item deletion");
        if (key is not PySlice slice)
        {
            if (value.Type.Index is null)
                throw Err.Type("mmap item value must be an int");
            memory[Index(M(o), key)] = Ops.Index(value).TryLong(out var n) && n is >= 0 and < 256 ? (byte)n : throw Err.Value("mmap item value must be in range(0, 256)");
            return;
        }
        var (start, _, step, count) = slice.Indices(memory.Length);
        var data = Buffers.Bytes(value);
        if (data.Length != count)
            throw Err.Index("mmap slice assignment is wrong size");
        for (var i = 0; i < count; i++)
            memory[(int)(start + i * step)] = data[i];
    }

    private static readonly PyType Type = new("mmap", PyType.Object, t =>
    {
        t.New = New;
        t.Allocate = type => new PyMmap(type);
        t.Init = (_, _, _) => { };
        t.Len = o => M(o).Length;
        t.GetItem = (o, key) =>
        {
            var m = M(o);
            if (key is not PySlice slice)
                return key.Type.Index is null ? throw Err.Type("mmap indices must be integers") : PyInt.Of(m.Memory[Index(m, key)]);
            var (start, _, step, count) = slice.Indices(m.Length);
            var data = new byte[count];
            for (var i = 0; i < count; i++)
                data[i] = m.Memory[(int)(start + i * step)];
            return new PyBytes(data);
        };
        t.SetItem = SetItem;
        // As a sequence of numbers, which is what CPython takes it for.
        t.Contains = (o, item) => item is PyInt n && n.TryLong(out var wanted) && wanted is >= 0 and < 256 && M(o).Memory.Contains((byte)wanted);
        t.Repr = o => o is PyMmap { IsClosed: false } m ? new PyStr($"<mmap.mmap closed=False, access={m.Access switch { ReadAccess => "ACCESS_READ", CopyAccess => "ACCESS_COPY", WriteAccess => "ACCESS_WRITE", _ => "ACCESS_DEFAULT" }}, length={m.Length}, pos={m.Position}, offset={m.Offset}>") : Values.Str("<mmap.mmap closed=True>");
        t.Getter("closed", o => Values.Bool(((PyMmap)o).IsClosed));
        t.Def0("close", o =>
        {
            if (((PyMmap)o).Exports.Any())
                throw Err.Buffer("cannot close exported pointers exist");
            ((PyMmap)o).Release();
            return Values.None;
        });
        t.Def0("__enter__", M);
        t.Def("__exit__", "*args", (o, _) => Calls.CallMethod(o, "close"));
        t.DefKept("find", "sub, start=?, end=?, /", (o, a) => Find(o, a, false));
        t.DefKept("rfind", "sub, start=?, end=?, /", (o, a) => Find(o, a, true));
        t.Def("flush", "offset=0, size=?, /", (o, a) =>
        {
            var m = M(o);
            var offset = Args.Long(a[0]!);
            var size = a[1] is null ? m.Length - offset : Args.Long(a[1]!);
            if (offset < 0 || size < 0 || offset > m.Length || size > m.Length - offset)
                throw Err.Value("flush values out of range");
            if (m.Access is not (ReadAccess or CopyAccess))
                m.Flush((int)offset, (int)size);
            return Values.None;
        });
        t.Def("madvise", "option, start=0, length=?, /", (o, a) =>
        {
            var m = M(o);
            var start = Args.Long(a[1]!);
            if (start < 0 || start >= m.Length)
                throw Err.Value("madvise start out of bounds");
            var length = a[2] is null ? m.Length - start : Args.Long(a[2]!);
            if (length < 0)
                throw Err.Value("madvise length invalid");
            if (m.Mapped != 0 && Advise(m.Mapped + (nint)start, (nuint)Math.Min(length, m.Length - start), Args.Int(a[0]!)) != 0)
                throw Err.OS(LibC.LastError, (PyObject?)null);
            return Values.None;
        });
        t.Def("move", "dest, src, count, /", (o, a) =>
        {
            var (to, from, count) = (Args.Long(a[0]!), Args.Long(a[1]!), Args.Long(a[2]!));
            var memory = M(o).Writable;
            if (to < 0 || from < 0 || count < 0 || memory.Length - to < count || memory.Length - from < count)
                throw Err.Value("source, destination, or count out of range");
            memory.Slice((int)from, (int)count).CopyTo(memory[(int)to..]);
            return Values.None;
        });
        t.Def("read", "n=None, /", (o, a) => Take(M(o), Args.Long(a[0], -1)));
        t.Def0("read_byte", o => M(o) is var m && m.Position < m.Length ? PyInt.Of(m.Memory[(int)m.Position++]) : throw Err.Value("read byte out of range"));
        t.Def0("readline", o => M(o) is var m && m.Position < m.Length && m.Memory[(int)m.Position..].IndexOf((byte)'\n') is >= 0 and var end ? Take(m, end + 1) : Take(M(o), -1));
        t.Def1("resize", (o, size) =>
        {
            Resize(M(o), Args.Long(size));
            return Values.None;
        });
        t.Def("seek", "pos, whence=0, /", (o, a) =>
        {
            var m = M(o);
            var to = Args.Long(a[0]!) + Args.Int(a[1]!) switch { 0 => 0, 1 => m.Position, 2 => m.Length, _ => throw Err.Value("unknown seek type") };
            m.Position = to >= 0 && to <= m.Length ? to : throw Err.Value("seek out of range");
            return Values.None;
        });
        t.Def0("tell", o => PyInt.Of(M(o).Position));
        t.Def0("size", o =>
        {
            var m = M(o);
            if (m.Fd < 0)
                return PyInt.Of(m.Length);
            var information = new byte[256];
            return LibC.Statx(m.Fd, "", 0x1000, 0x7ff, information) < 0 ? throw Err.OS(LibC.LastError, (PyObject?)null) : PyInt.Of(BitConverter.ToInt64(information, 40));
        });
        t.Def1("write", (o, data) =>
        {
            var (m, bytes) = (M(o), Buffers.Bytes(data));
            var memory = m.Writable;
            if (m.Position > m.Length || m.Length - m.Position < bytes.Length)
                throw Err.Value("data out of range");
            bytes.CopyTo(memory[(int)m.Position..]);
            m.Position += bytes.Length;
            return PyInt.Of(bytes.Length);
        });
        t.Def1("write_byte", (o, value) =>
        {
            var m = M(o);
            var memory = m.Writable;
            if (m.Position >= m.Length)
                throw Err.Value("write byte out of range");
            memory[(int)m.Position++] = (byte)Args.Int(value);
            return Values.None;
        });
    }, "mmap");

    public static void Fill(ModuleBuilder m)
    {
        m.Set("mmap", Type);
        m.Set("error", ExceptionTypes.OSError);
        foreach (var (name, value) in new[]
        {
            ("ACCESS_DEFAULT", DefaultAccess), ("ACCESS_READ", ReadAccess), ("ACCESS_WRITE", WriteAccess), ("ACCESS_COPY", CopyAccess), ("PROT_READ", 1), ("PROT_WRITE", 2), ("PROT_EXEC", 4), ("MAP_SHARED", Shared), ("MAP_PRIVATE", Private), ("MAP_ANON", Anonymous), ("MAP_ANONYMOUS", Anonymous),
            ("MAP_DENYWRITE", 2048), ("MAP_EXECUTABLE", 4096), ("MAP_POPULATE", 32768), ("MAP_STACK", 131072), ("MAP_NORESERVE", 16384), ("MADV_NORMAL", 0), ("MADV_RANDOM", 1), ("MADV_SEQUENTIAL", 2), ("MADV_WILLNEED", 3), ("MADV_DONTNEED", 4), ("MADV_FREE", 8), ("MADV_REMOVE", 9),
            ("MADV_DONTFORK", 10), ("MADV_DOFORK", 11), ("MADV_HWPOISON", 100), ("MADV_MERGEABLE", 12), ("MADV_UNMERGEABLE", 13), ("MADV_HUGEPAGE", 14), ("MADV_NOHUGEPAGE", 15), ("MADV_DONTDUMP", 16), ("MADV_DODUMP", 17),
            ("PAGESIZE", Environment.SystemPageSize), ("ALLOCATIONGRANULARITY", Environment.SystemPageSize),
        })
            m.Set(name, value);
    }
}
