namespace Holon.Python.Modules;

/// <summary>FileIO, BytesIO and the buffered files.</summary>
internal static partial class IoModule
{
    private static readonly NativeParameters FileIOParameters = new("FileIO", "file, mode='r', closefd=True, opener=None");
    private static readonly NativeParameters BytesIOParameters = new("BytesIO", "initial_bytes=None");

    /// <summary>What a file says about its size is believed up to here; a sparse one can say anything.</summary>
    private const int MaxKnown = 1 << 26;

    private sealed class PyFileIO(PyType type) : PyExtensible(type)
    {
        public int Fd = -1;
        public bool Readable, Writable, Appending, Created, CloseFd = true;
    }

    private static PyFileIO F(PyObject o)
    {
        var file = (PyFileIO)o;
        if (file.Fd < 0)
            throw Err.Value("I/O operation on closed file");
        Gate.Current.Use(file.Fd);
        return file;
    }

    private static long Check(long result) => result >= 0 ? result : throw Err.OS(LibC.LastError, (PyObject?)null);

    public static readonly PyType FileIO = new("FileIO", Raw, t =>
    {
        t.New = (type, _, _) => new PyFileIO(type);
        t.Init = InitFile;
        t.Repr = o => o is PyFileIO { Fd: >= 0 } f ? PyStr.FromUtf16($"<_io.FileIO name={Ops.Repr(Attributes.TryGet(o, "name") ?? PyInt.Of(f.Fd))} mode='{Mode(f)}' closefd={(f.CloseFd ? "True" : "False")}>") : Values.Str("<_io.FileIO [closed]>");
        t.Def0("fileno", o => PyInt.Of(F(o).Fd));
        t.Getter("closed", o => Values.Bool(((PyFileIO)o).Fd < 0));
        t.Getter("mode", o => new PyStr(Mode((PyFileIO)o)));
        t.Getter("closefd", o => Values.Bool(((PyFileIO)o).CloseFd));
        t.Def0("readable", o => Values.Bool(F(o).Readable));
        t.Def0("writable", o => Values.Bool(F(o).Writable));
        t.Def0("seekable", o => Values.Bool(LibC.Seek(F(o).Fd, 0, 1) >= 0));
        t.Def0("isatty", o => Values.Bool(LibC.IsATty(F(o).Fd) == 1));
        t.Def("seek", "pos, whence=0, /", (o, a) => PyInt.Of(Check(LibC.Seek(F(o).Fd, Args.Long(a[0]!), Args.Int(a[1]!)))));
        t.Def0("tell", o => PyInt.Of(Check(LibC.Seek(F(o).Fd, 0, 1))));
        t.Def("truncate", "size=None, /", (o, a) =>
        {
            if (!F(o).Writable)
                throw Unsupported("File not open for writing");
            var size = a[0] == Values.None ? Check(LibC.Seek(F(o).Fd, 0, 1)) : Args.Long(a[0]!);
            Check(LibC.Truncate(F(o).Fd, size));
            return PyInt.Of(size);
        });
        t.Def("read", "size=-1, /", (o, a) => Args.Long(a[0]!, -1) is >= 0 and var size ? ReadSome(o, size) is { } data ? new PyBytes(data) : Values.None : Calls.CallMethod(o, "readall"));
        t.Def0("readall", o => ReadAll(o) is { } all ? new PyBytes(all) : Values.None);
        t.Def1("readinto", (o, b) =>
        {
            if (ReadSome(o, Buffers.Writable(b).Writable.Length) is not { } part)
                return Values.None;
            part.CopyTo(((IBuffer)b).Writable);
            return PyInt.Of(part.Length);
        });
        t.Def1("write", (o, b) =>
        {
            if (!F(o).Writable)
                throw Unsupported("File not open for writing");
            var data = (b as IBuffer ?? throw Err.Type($"a bytes-like object is required, not '{b.Type.FullName}'")).Bytes.ToArray();
            var fd = F(o).Fd;
            var (written, error) = PyThread.Current.Machine.Gil.Without(() =>
            {
                var n = LibC.Write(fd, data, data.Length);
                return (n, n < 0 ? LibC.LastError : 0);
            });
            return written >= 0 ? PyInt.Of(written) : error == Errno.EAGAIN ? Values.None : throw Err.OS(error, (PyObject?)null);
        });
        t.Def0("close", o =>
        {
            var file = (PyFileIO)o;
            var fd = file.Fd;
            file.Fd = -1;
            if (fd >= 0 && file.CloseFd)
                Check(Gate.Current.Close(fd));
            return Values.None;
        });
    }, "_io");

    private static string Mode(PyFileIO f) => f.Created ? f.Readable ? "xb+" : "xb" : f.Appending ? f.Readable ? "ab+" : "ab" : f.Readable ? f.Writable ? "rb+" : "rb" : "wb";

    /// <summary>Null when the descriptor does not block and has nothing yet.</summary>
    private static byte[]? ReadSome(PyObject o, long size)
    {
        PyThread.Current.Machine.Limits.CheckSize(size);
        var buffer = new byte[size];
        return ReadInto(o, buffer, 0) is not { } got ? null : got == size ? buffer : buffer[..got];
    }

    /// <summary>Reads the rest of the file; of one whose size is known into an array of that size, so that nothing is copied. Null when nothing is there without waiting.</summary>
    private static byte[]? ReadAll(PyObject o)
    {
        var limits = PyThread.Current.Machine.Limits;
        var known = Remaining(F(o).Fd);
        limits.CheckSize(known);
        var room = new byte[known is > 0 and <= MaxKnown ? known : DefaultBuffer];
        var count = 0;
        while (true)
        {
            if (count == room.Length)
            {
                // A file of a known size has ended here, unless somebody makes it longer meanwhile.
                var next = new byte[1];
                if (ReadInto(o, next, 0) is not > 0)
                    return room;
                limits.CheckSize(2L * room.Length);
                Array.Resize(ref room, Math.Max(2 * room.Length, DefaultBuffer));
                room[count++] = next[0];
            }
            switch (ReadInto(o, room, count))
            {
                case null:
                    return count == 0 ? null : room[..count];
                case 0:
                    return room[..count];
                case { } got:
                    count += got;
                    break;
            }
        }
    }

    /// <summary>How many bytes of a file follow its position; 0 when it is no file that says so.</summary>
    private static long Remaining(int fd)
    {
        const int emptyPath = 0x1000, size = 0x200, sizeAt = 40;
        Span<byte> status = stackalloc byte[256];
        return LibC.Statx(fd, "", emptyPath, size, status) < 0 || LibC.Seek(fd, 0, 1) is not (>= 0 and var at) ? 0 : Math.Max(0, BitConverter.ToInt64(status[sizeAt..]) - at);
    }

    /// <summary>Reads what fits behind the first bytes of a buffer: how many, none at the file's end, or null when there is nothing without waiting.</summary>
    private static int? ReadInto(PyObject o, byte[] buffer, int from)
    {
        if (!F(o).Readable)
            throw Unsupported("File not open for reading");
        Blocking.UntilReadable(PyThread.Current, F(o).Fd);
        var fd = F(o).Fd;
        var (got, error) = PyThread.Current.Machine.Gil.Without(() =>
        {
            var n = LibC.Read(fd, buffer.AsSpan(from), buffer.Length - from);
            return (n, n < 0 ? LibC.LastError : 0);
        });
        if (got < 0)
            return error == Errno.EAGAIN ? null : throw Err.OS(error, (PyObject?)null);
        return (int)got;
    }

    private static void InitFile(PyObject o, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var a = FileIOParameters.Bind(args, names);
        var self = (PyFileIO)o;
        var mode = Args.Str(a[1], "FileIO").Value;
        var plus = mode.Contains('+', StringComparison.Ordinal);
        var kind = mode.FirstOrDefault(c => "rwax".Contains(c, StringComparison.Ordinal));
        if (kind == 0 || mode.Any(c => !"rwaxb+".Contains(c, StringComparison.Ordinal)))
            throw Err.Value(kind == 0 ? "Must have exactly one of create/read/write/append mode and at most one plus" : $"invalid mode: {mode}");
        self.Readable = kind == 'r' || plus;
        self.Writable = kind != 'r' || plus;
        self.Appending = kind == 'a';
        self.Created = kind == 'x';
        self.CloseFd = Ops.IsTrue(a[2]!);
        if (a[0] is PyInt fd && a[0] is not PyBool)
        {
            if (fd.IsNegative)
                throw Err.Value("negative file descriptor");
            self.Fd = Gate.Current.Use(Args.Int(fd));
            PosixCheckDirectory(self.Fd, a[0]!);
        }
        else
        {
            if (!self.CloseFd)
                throw Err.Value("Cannot use closefd=False with file name");
            _ = FileSystemCodec.Path(a[0]!, "open");
            var flags = (self.Readable && self.Writable ? 2 : self.Writable ? 1 : 0) | 0x80000 | kind switch { 'w' => 64 | 512, 'a' => 64 | 1024, 'x' => 64 | 128, _ => 0 };
            self.Fd = a[3] == Values.None ? Gate.Current.Open(a[0]!, null, flags, 0x1b6) : Opened(Calls.Call(a[3]!, a[0]!, PyInt.Of(flags)));
            if (self.Fd < 0)
                throw Err.OS(LibC.LastError, a[0]);
            try
            {
                PosixCheckDirectory(self.Fd, a[0]!);
            }
            catch (PyError)
            {
                Gate.Current.Close(self.Fd);
                self.Fd = -1;
                throw;
            }
        }
        Attributes.Set(o, "name", a[0]!);
        if (self.CloseFd && self.Fd > 2)
            Track(o, Layer.Raw);
        if (self.Appending)
            LibC.Seek(self.Fd, 0, 2);
    }

    /// <summary>The descriptor that an opener has given.</summary>
    private static int Opened(PyObject given)
    {
        var fd = given is PyInt ? Args.Int(given) : throw Err.Type("expected integer from opener");
        return fd >= 0 ? Gate.Current.Use(fd) : throw Err.Value($"opener returned {fd}");
    }

    private static void PosixCheckDirectory(int fd, PyObject name)
    {
        var buffer = new byte[256];
        if (LibC.Statx(fd, "", 0x1000, 0x7ff, buffer) < 0)
            throw Err.OS(LibC.LastError, name);
        if ((BitConverter.ToUInt16(buffer, 28) & 0xf000) == 0x4000)
            throw Err.OS(Errno.EISDIR, name);
    }

    private sealed class PyBytesIO(PyType type) : PyExtensible(type)
    {
        public PyByteArray Buffer = new();
        public long Position;
        public bool Closed;
    }

    private static PyBytesIO M(PyObject o)
    {
        var self = (PyBytesIO)o;
        return !self.Closed ? self : throw Err.Value("I/O operation on closed file.");
    }

    private static byte[] Take(PyBytesIO self, long size)
    {
        var left = Math.Max(0, self.Buffer.Count - self.Position);
        var count = size < 0 ? left : Math.Min(size, left);
        if (count == 0)
            return [];
        var part = self.Buffer.Bytes.Slice((int)self.Position, (int)count).ToArray();
        self.Position += count;
        return part;
    }

    public static readonly PyType BytesIO = new("BytesIO", BufferedBase, t =>
    {
        t.New = (type, _, _) => new PyBytesIO(type);
        t.Init = (o, args, names) =>
        {
            var a = BytesIOParameters.Bind(args, names);
            var self = (PyBytesIO)o;
            self.Buffer = new PyByteArray();
            self.Position = 0;
            if (a[0] != Values.None)
                self.Buffer.SetAll((a[0] as IBuffer ?? throw Err.Type($"a bytes-like object is required, not '{a[0]!.Type.FullName}'")).Bytes);
        };
        t.Next = o => Line(M(o), -1) is { Length: > 0 } line ? new PyBytes(line) : null;
        t.Getter("closed", o => Values.Bool(((PyBytesIO)o).Closed));
        foreach (var name in new[] { "readable", "writable", "seekable" })
            t.Def0(name, o => M(o) is not null ? Values.True : null);
        foreach (var name in new[] { "read", "read1" })
            t.Def(name, "size=-1, /", (o, a) => new PyBytes(Take(M(o), Args.Long(a[0]!, -1))));
        t.Def("readline", "size=-1, /", (o, a) => new PyBytes(Line(M(o), Args.Long(a[0]!, -1))));
        t.Def1("readinto", (o, b) =>
        {
            var target = Buffers.Writable(b);
            var part = Take(M(o), target.Bytes.Length);
            part.CopyTo(target.Writable);
            return PyInt.Of(part.Length);
        });
        t.Def1("write", (o, b) =>
        {
            var self = M(o);
            var data = (b as IBuffer ?? throw Err.Type($"a bytes-like object is required, not '{b.Type.FullName}'")).Bytes;
            if (data.Length == 0)
                return PyInt.Zero;
            if (self.Position > self.Buffer.Count)
            {
                PyThread.Current.Machine.Limits.CheckSize(self.Position);
                self.Buffer.Replace(self.Buffer.Count, 0, new byte[self.Position - self.Buffer.Count]);
            }
            self.Buffer.Replace((int)self.Position, Math.Min(data.Length, self.Buffer.Count - (int)self.Position), data);
            self.Position += data.Length;
            return PyInt.Of(data.Length);
        });
        t.Def("seek", "pos, whence=0, /", (o, a) =>
        {
            var self = M(o);
            var offset = Args.Long(a[0]!);
            self.Position = Args.Int(a[1]!) switch
            {
                0 => offset >= 0 ? offset : throw Err.Value($"negative seek value {offset}"),
                1 => Math.Max(0, self.Position + offset),
                2 => Math.Max(0, self.Buffer.Count + offset),
                var w => throw Err.Value($"invalid whence ({w}, should be 0, 1 or 2)"),
            };
            return PyInt.Of(self.Position);
        });
        t.Def0("tell", o => PyInt.Of(M(o).Position));
        t.Def("truncate", "size=None, /", (o, a) =>
        {
            var self = M(o);
            var size = Args.Long(a[0]!, self.Position);
            if (size < 0)
                throw Err.Value($"negative size value {size}");
            if (size < self.Buffer.Count)
                self.Buffer.Replace((int)size, self.Buffer.Count - (int)size, []);
            return PyInt.Of(size);
        });
        t.Def0("getvalue", o => new PyBytes(M(o).Buffer.Bytes.ToArray()));
        t.Def0("getbuffer", o => MemoryViewType.Of(M(o).Buffer));
        t.Def0("close", o =>
        {
            if (((PyBytesIO)o).Buffer.Exports.Any())
                throw Err.Buffer("Existing exports of data: object cannot be re-sized");
            ((PyBytesIO)o).Closed = true;
            return Values.None;
        });
        t.Def0("__getstate__", o => new PyTuple(new PyBytes(M(o).Buffer.Bytes.ToArray()), PyInt.Of(M(o).Position), OwnAttributes(o)));
        t.Def1("__setstate__", (o, given) =>
        {
            var self = M(o);
            var state = StateOf(o, given, 3);
            t.Init!(o, [state[0] is IBuffer ? state[0] : throw Err.Type($"a bytes-like object is required, not '{state[0].Type.FullName}'")], null);
            self.Position = PositionOf(state[1], "second", "not");
            SetAttributes(o, state[2], "third");
            return Values.None;
        });
    }, "_io");

    private static byte[] Line(PyBytesIO self, long limit)
    {
        var rest = self.Position < self.Buffer.Count ? self.Buffer.Bytes[(int)self.Position..] : [];
        var at = rest.IndexOf((byte)'\n');
        var length = at < 0 ? rest.Length : at + 1;
        return Take(self, limit < 0 ? length : Math.Min(limit, length));
    }

    /// <summary>A buffer over a raw file: read ahead, or written behind.</summary>
    private sealed class PyBuffered(PyType type) : PyExtensible(type)
    {
        public PyObject? Raw;
        public PyObject? RawWriter;
        public int Size = DefaultBuffer;
        public byte[] Ahead = [];
        public int At;
        public List<byte> Behind = [];
        public bool IsReady;

        /// <summary>The raw file had nothing at the last look, and may have something later.</summary>
        public bool WouldBlock;

        public int Left => Ahead.Length - At;
    }

    private static PyBuffered Bf(PyObject o)
    {
        var self = (PyBuffered)o;
        if (self.Raw is null || !self.IsReady)
            throw Err.Value(self.IsReady ? "raw stream has been detached" : "I/O operation on uninitialized object");
        return !Ops.IsTrue(Attributes.Get(self.Raw, "closed")) ? self : throw Err.Value(self.Type.Name.Contains("Writer", StringComparison.Ordinal) ? "write to closed file" : "read of closed file");
    }

    /// <summary>Methods that a buffer passes to its file.</summary>
    private static readonly string[] RawQuestions = ["fileno", "isatty", "seekable"];

    public static readonly PyType BufferedReader = Buffered("BufferedReader", true, false, false);
    public static readonly PyType BufferedWriter = Buffered("BufferedWriter", false, true, false);
    public static readonly PyType BufferedRandom = Buffered("BufferedRandom", true, true, false);
    public static readonly PyType BufferedRWPair = Buffered("BufferedRWPair", true, true, true);

    private static void Flush(PyBuffered self)
    {
        while (self.Behind.Count > 0)
        {
            var n = Calls.CallMethod(self.RawWriter ?? self.Raw!, "write", new PyBytes([.. self.Behind]));
            if (n == Values.None)
                throw Err.Of(ExceptionTypes.BlockingIOError, PyInt.Of(Errno.EAGAIN), new PyStr("write could not complete without blocking"), PyInt.Zero);
            self.Behind.RemoveRange(0, (int)Math.Clamp(Args.Long(n), 0, self.Behind.Count));
        }
    }

    private static PyInt Position(PyObject answer) => answer is PyInt { Value: >= 0 } position ? position
        : throw (answer is PyInt ? Err.Of(ExceptionTypes.OSError, $"Raw stream returned invalid position {answer}") : Err.Type($"'{answer.Type.FullName}' object cannot be interpreted as an integer"));

    private static bool Fill(PyBuffered self)
    {
        Flush(self);
        var data = Calls.CallMethod(self.Raw!, "read", PyInt.Of(self.Size));
        self.WouldBlock = data == Values.None;
        self.Ahead = data is IBuffer b ? b.Bytes.ToArray() : [];
        self.At = 0;
        return self.Ahead.Length > 0;
    }

    private static byte[] Read(PyBuffered self, long size)
    {
        if (size >= 0 && size <= self.Left)
        {
            self.At += (int)size;
            return self.Ahead[(self.At - (int)size)..self.At];
        }
        var begun = self.Ahead.AsSpan(self.At).ToArray();
        self.Ahead = [];
        self.At = 0;
        if (size < 0)
        {
            Flush(self);
            if (Attributes.TryGet(self.Raw!, "readall") is { } readAll)
            {
                var rest = Calls.Call(readAll);
                self.WouldBlock = rest == Values.None;
                return rest is PyBytes all && begun.Length == 0 ? all.Content : rest is IBuffer more ? [.. begun, .. more.Bytes] : begun;
            }
        }
        var result = new List<byte>(begun);
        while ((size < 0 || result.Count < size) && Fill(self))
        {
            var take = size < 0 ? self.Left : (int)Math.Min(size - result.Count, self.Left);
            result.AddRange(self.Ahead.AsSpan(self.At, take));
            self.At += take;
        }
        return [.. result];
    }

    private static PyType Buffered(string name, bool read, bool write, bool pair) => new(name, BufferedBase, t =>
    {
        t.New = (type, _, _) => new PyBuffered(type);
        t.Init = (o, args, names) =>
        {
            var a = Signature.Parse(pair ? "reader, writer, buffer_size=8192" : "raw, buffer_size=8192").Bind(new NativeCode { Name = name }, args, names);
            var self = (PyBuffered)o;
            self.IsReady = false;
            var size = Args.Long(a[^1]!) is > 0 and var positive ? positive : throw Err.Value("buffer size must be strictly positive");
            PyThread.Current.Machine.Limits.CheckSize(size);
            self.Size = (int)size;
            self.Raw = a[0];
            self.RawWriter = pair ? a[1] : null;
            if (read && !Ops.IsTrue(Calls.CallMethod(a[0]!, "readable")))
                throw Unsupported("File or stream is not readable.");
            if (write && !Ops.IsTrue(Calls.CallMethod(self.RawWriter ?? a[0]!, "writable")))
                throw Unsupported("File or stream is not writable.");
            self.IsReady = true;
            if (write && a[0] is PyFileIO)
                Track(o, Layer.Buffer);
        };
        t.Repr = o => PyStr.FromUtf16(((PyBuffered)o).Raw is { } raw && Attributes.TryGet(raw, "name") is { } n ? $"<_io.{name} name={Ops.Repr(n)}>" : $"<_io.{name}>");
        t.Getter("raw", o => ((PyBuffered)o).Raw ?? Values.None);
        t.Getter("closed", o => ((PyBuffered)o).Raw is { } raw ? Attributes.Get(raw, "closed") : throw Err.Value("raw stream has been detached"));
        t.Getter("name", o => Attributes.Get(((PyBuffered)o).Raw!, "name"));
        t.Getter("mode", o => Attributes.Get(((PyBuffered)o).Raw!, "mode"));
        foreach (var each in RawQuestions)
            t.Def0(each, o => Calls.CallMethod(Bf(o).Raw!, each));
        t.Def0("readable", o => Values.Bool(Bf(o) is not null && read));
        t.Def0("writable", o => Values.Bool(Bf(o) is not null && write));
        t.Def0("flush", o =>
        {
            Flush(Bf(o));
            if (read && !pair && write is false && ((PyBuffered)o).Left > 0)
                return Values.None;
            Calls.CallMethod(((PyBuffered)o).RawWriter ?? ((PyBuffered)o).Raw!, "flush");
            return Values.None;
        });
        t.Def0("close", o =>
        {
            var self = (PyBuffered)o;
            if (self.Raw is null || Ops.IsTrue(Attributes.Get(self.Raw, "closed")))
                return Values.None;
            PyException? failed = null;
            void Try(PyObject each, string method)
            {
                try
                {
                    Calls.CallMethod(each, method);
                }
                catch (PyError error)
                {
                    error.Value.Context ??= failed;
                    failed = error.Value;
                }
            }
            Try(o, "flush");
            if (self.RawWriter is not null)
                Try(self.RawWriter, "close");
            Try(self.Raw, "close");
            return failed is null ? Values.None : throw new PyError(failed);
        });
        t.Def0("detach", o =>
        {
            Calls.CallMethod(o, "flush");
            var raw = Bf(o).Raw;
            ((PyBuffered)o).Raw = null;
            return raw;
        });
        t.Def("seek", "target, whence=0, /", (o, a) =>
        {
            var self = Bf(o);
            var (offset, whence) = (Args.Long(a[0]!), Args.Int(a[1]!));
            if (whence is < 0 or > 4) // SEEK_DATA and SEEK_HOLE
                throw Err.Value($"whence value {whence} unsupported");
            Flush(self);
            if (whence == 1)
                offset -= self.Left;
            self.Ahead = [];
            self.At = 0;
            return Position(Calls.CallMethod(self.Raw!, "seek", PyInt.Of(offset), PyInt.Of(whence)));
        });
        t.Def0("tell", o => PyInt.Of(Position(Calls.CallMethod(Bf(o).Raw!, "tell")).Value - ((PyBuffered)o).Left + ((PyBuffered)o).Behind.Count));
        t.Def("truncate", "pos=None, /", (o, a) =>
        {
            if (Bf(o) is not null && !write)
                throw Unsupported("truncate");
            Flush(Bf(o));
            var at = a[0] == Values.None ? Calls.CallMethod(o, "tell") : a[0]!;
            return Calls.CallMethod(((PyBuffered)o).Raw!, "truncate", at);
        });
        if (read)
        {
            t.Next = o => BufferedLine(Bf(o), -1) is { Length: > 0 } line ? new PyBytes(line) : null;
            t.Def("read", "size=-1, /", (o, a) =>
            {
                var size = Args.Long(a[0]!, -1) is >= -1 and var given ? given : throw Err.Value("read length must be non-negative or -1");
                var self = Bf(o);
                self.WouldBlock = false;
                var data = Read(self, size);
                return data.Length == 0 && self.WouldBlock ? Values.None : new PyBytes(data);
            });
            t.Def("read1", "size=-1, /", (o, a) =>
            {
                var self = Bf(o);
                var size = Args.Long(a[0]!, -1);
                if (self.Left == 0)
                    Fill(self);
                return new PyBytes(Read(self, size < 0 ? self.Left : Math.Min(size, self.Left)));
            });
            t.Def("peek", "size=0, /", (o, _) =>
            {
                var self = Bf(o);
                if (self.Left == 0)
                    Fill(self);
                return new PyBytes(self.Ahead[self.At..]);
            });
            t.Def("readline", "size=-1, /", (o, a) => new PyBytes(BufferedLine(Bf(o), Args.Long(a[0]!, -1))));
        }
        if (write)
        {
            t.Def1("write", (o, b) =>
            {
                var self = Bf(o);
                var data = (b as IBuffer ?? throw Err.Type($"a bytes-like object is required, not '{b.Type.FullName}'")).Bytes;
                if (self.Left > 0 && !pair)
                {
                    Calls.CallMethod(self.Raw!, "seek", PyInt.Of(-self.Left), PyInt.One);
                    self.Ahead = [];
                    self.At = 0;
                }
                self.Behind.AddRange(data);
                if (self.Behind.Count >= self.Size)
                    Flush(self);
                return PyInt.Of(data.Length);
            });
        }
    }, "_io");

    private static byte[] BufferedLine(PyBuffered self, long limit)
    {
        var line = new List<byte>();
        while (limit < 0 || line.Count < limit)
        {
            if (self.Left == 0 && !Fill(self))
                break;
            var part = self.Ahead.AsSpan(self.At);
            if (limit >= 0)
                part = part[..(int)Math.Min(part.Length, limit - line.Count)];
            var at = part.IndexOf((byte)'\n');
            if (at >= 0)
                part = part[..(at + 1)];
            line.AddRange(part);
            self.At += part.Length;
            if (at >= 0)
                break;
        }
        return [.. line];
    }
}
