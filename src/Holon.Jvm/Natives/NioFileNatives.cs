using System.Runtime.InteropServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>sun.nio.fs.UnixNativeDispatcher and the file half of sun.nio.ch. Paths are addresses of bytes ended by NUL.</summary>
internal static unsafe class NioFileNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        RegisterDispatcher(of("sun/nio/fs/UnixNativeDispatcher"));
        RegisterDirectories(of("sun/nio/fs/UnixNativeDispatcher"));
        of("sun/nio/fs/LinuxNativeDispatcher").Void("init()V", _ => { });
        of("sun/nio/ch/IOUtil")
            .Void("initIDs()V", _ => { })
            .Int("iovMax()I", _ => 1024)
            .Int("fdLimit()I", _ => 65536)
            .Int("fdVal(Ljava/io/FileDescriptor;)I", a => FileNatives.RawNumber(a.Object(0)))
            .Void("setfdVal(Ljava/io/FileDescriptor;I)V", a => a.Object(0).Field<int>(Known.Offset(a.Object(0).Class(), "fd")) = a.Int(1));
        of("sun/nio/ch/NativeThread")
            .Long("current()J", _ => Environment.CurrentManagedThreadId) // not 0: whoever closes a channel then waits until nobody uses it
            .Void("signal(J)V", _ => { })
            .Void("init()V", _ => { })
            .Bool("supportPendingSignals0()Z", _ => false);
        of("sun/nio/ch/FileDispatcherImpl")
            .Void("init()V", _ => { })
            .Int("read0(Ljava/io/FileDescriptor;JI)I", a => Transfer(a, Libc.Read(Fd(a), (void*)a.Long(1), a.Int(3)), true))
            .Int("write0(Ljava/io/FileDescriptor;JI)I", a => Transfer(a, Libc.Write(Fd(a), (void*)a.Long(1), a.Int(3)), false))
            .Int("pread0(Ljava/io/FileDescriptor;JIJ)I", a => Transfer(a, Libc.PRead(Fd(a), (void*)a.Long(1), a.Int(3), a.Long(4)), true))
            .Int("pwrite0(Ljava/io/FileDescriptor;JIJ)I", a => Transfer(a, Libc.PWrite(Fd(a), (void*)a.Long(1), a.Int(3), a.Long(4)), false))
            .Long("readv0(Ljava/io/FileDescriptor;JI)J", a => Vector(a, true))
            .Long("writev0(Ljava/io/FileDescriptor;JI)J", a => Vector(a, false))
            .Long("seek0(Ljava/io/FileDescriptor;J)J", a => Io(a, Libc.Seek(Fd(a), Math.Max(0, a.Long(1)), a.Long(1) < 0 ? 1 : 0)))
            .Int("force0(Ljava/io/FileDescriptor;Z)I", a => (int)Io(a, Libc.FSync(Fd(a))))
            .Int("truncate0(Ljava/io/FileDescriptor;J)I", a => (int)Io(a, Libc.Truncate0(Fd(a), a.Long(1))))
            .Long("size0(Ljava/io/FileDescriptor;)J", a =>
            {
                Libc.StatBuffer stat;
                Io(a, Libc.FStat(Fd(a), &stat));
                return stat.Size;
            })
            .Void("close0(Ljava/io/FileDescriptor;)V", a => Io(a, a.Machine.OpenFiles.Close(Fd(a))))
            .Void("closeIntFD(I)V", a => Io(a, a.Machine.OpenFiles.Close(a.Int(0))))
            .Void("preClose0(Ljava/io/FileDescriptor;)V", a => _ = Fd(a) is > 2 and var fd ? Libc.Dup2(ClosedSocket.Value, fd) : 0)
            .Bool("canTransferToFromOverlappedMap0()Z", _ => true)
            .Int("setDirect0(Ljava/io/FileDescriptor;)I", _ => -1);
        of("sun/nio/ch/FileChannelImpl")
            .Long("initIDs()J", _ => Environment.SystemPageSize)
            .Int("maxDirectTransferSize0()I", _ => 0x7ffff000)
            .Long("transferTo0(Ljava/io/FileDescriptor;JJLjava/io/FileDescriptor;)J", _ => -4) // unsupported: the class library copies
            .Long("map0(IJJZ)J", a =>
            {
                var channel = a.Object(0);
                var descriptor = (JObject)channel.Ref(Known.Offset(channel.Class(), "fd"))!;
                var mode = a.Int(1);
                var address = a.Machine.OpenFiles.Map((nint)a.Long(4), mode == 0 ? 1 : 3, mode == 2 ? 2 : 1, FileNatives.RawNumber(descriptor), a.Long(2));
                return address == -1 ? throw FileNatives.Failure(a, "Map failed") : address;
            })
            .Int("unmap0(JJ)I", a => a.Machine.OpenFiles.Unmap((nint)a.Long(0)));
        of("sun/nio/ch/FileKey").Void("init(Ljava/io/FileDescriptor;)V", a =>
        {
            Libc.StatBuffer stat;
            Io(a, Libc.FStat(FileNatives.Number(a, a.Object(1)), &stat));
            a.Object(0).Field<long>(Known.Offset(a.Object(0).Class(), "st_dev")) = (long)stat.Device;
            a.Object(0).Field<long>(Known.Offset(a.Object(0).Class(), "st_ino")) = (long)stat.Inode;
        });
    }

    /// <summary>A socket whose other end is closed: what a descriptor is replaced by before it is closed, so that whoever waits for it sees an end.</summary>
    private static readonly Lazy<int> ClosedSocket = new(() =>
    {
        var pair = stackalloc int[2];
        if (Libc.SocketPair(1, 1 | Libc.CloseOnExec, 0, pair) < 0) return -1;
        _ = Libc.Close(pair[1]);
        return pair[0];
    });

    private static int Fd(Args a) => FileNatives.Number(a, a.Object(0));

    /// <summary>A descriptor given as a number; -1 when no file of the machine has it.</summary>
    public static int Fd(Args a, int slot) => a.Machine.OpenFiles.Own(a.Int(slot));

    private static long Io(Args a, long result) => result >= 0 ? result : throw FileNatives.Failure(a, "I/O failed");

    /// <summary>A count, or -1 at the end of the file, -2 when it would block, -3 when interrupted.</summary>
    private static int Transfer(Args a, nint n, bool reading)
    {
        if (n > 0 || n == 0 && !reading) return (int)n;
        if (n == 0) return -1;
        return Marshal.GetLastPInvokeError() switch
        {
            11 => -2,
            Libc.Eintr => -3,
            _ => throw FileNatives.Failure(a, reading ? "Read failed" : "Write failed"),
        };
    }

    private static long Vector(Args a, bool reading)
    {
        var vector = (long*)a.Long(1);
        long total = 0;
        for (var i = 0; i < a.Int(3); i++)
        {
            var length = (nint)vector[i * 2 + 1];
            if (length == 0) continue;
            var n = reading ? Libc.Read(Fd(a), (void*)vector[i * 2], length) : Libc.Write(Fd(a), (void*)vector[i * 2], length);
            if (n <= 0) return total > 0 ? total : Transfer(a, n, reading);
            total += n;
            if (n < length) break;
        }
        return total;
    }

    public static JavaThrow Failure(Args a)
    {
        var error = Marshal.GetLastPInvokeError();
        return new JavaThrow(a.Thread.NewThrowable("sun/nio/fs/UnixException", "(I)V", Value.Of(error)));
    }

    public static long Check(Args a, long result) => result >= 0 ? result : throw Failure(a);

    private static byte* Path(Args a, int slot) => (byte*)a.Long(slot);

    public static byte* Readable(Args a, int slot, bool followLast = true) => a.Machine.Files.Allows(Path(a, slot), false, followLast) ? Path(a, slot) : throw Failure(a);

    public static byte* Writable(Args a, int slot, bool followLast = false) => a.Machine.Files.Allows(Path(a, slot), true, followLast) ? Path(a, slot) : throw Failure(a);

    private static byte[] Text(byte* text) => MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text).ToArray();

    public static void Fill(JObject attributes, in Libc.StatBuffer s)
    {
        var c = attributes.Class();
        void Long(string name, long value) => attributes.Field<long>(Known.Offset(c, name)) = value;
        void Int(string name, int value) => attributes.Field<int>(Known.Offset(c, name)) = value;
        Int("st_mode", (int)s.Mode);
        Long("st_ino", (long)s.Inode);
        Long("st_dev", (long)s.Device);
        Long("st_rdev", (long)s.SpecialDevice);
        Int("st_nlink", (int)s.Links);
        Int("st_uid", (int)s.Uid);
        Int("st_gid", (int)s.Gid);
        Long("st_size", s.Size);
        Long("st_atime_sec", s.AccessSeconds);
        Long("st_atime_nsec", s.AccessNanoseconds);
        Long("st_mtime_sec", s.ModifiedSeconds);
        Long("st_mtime_nsec", s.ModifiedNanoseconds);
        Long("st_ctime_sec", s.ChangedSeconds);
        Long("st_ctime_nsec", s.ChangedNanoseconds);
    }

    private static void RegisterDispatcher(NativeClass c) => c
        .Int("init()I", a => FileStoreNatives.SupportsFutimes | FileStoreNatives.SupportsFutimens | FileStoreNatives.SupportsLutimes | FileStoreNatives.SupportsExtendedAttributes | (a.Machine.Files.AllowsAll ? FileStoreNatives.SupportsOpenAt : 0))
        .Ref("getcwd()[B", _ => System.Text.Encoding.UTF8.GetBytes(Environment.CurrentDirectory))
        .Int("dup(I)I", a => (int)Check(a, a.Machine.OpenFiles.Opened(Libc.Dup(Fd(a, 0)))))
        .Int("open0(JII)I", a => (int)Check(a, a.Machine.OpenFiles.Opened(a.Machine.Files.Open(Path(a, 0), a.Int(2) | 0x80000, a.Int(3)))))
        .Void("close0(I)V", a => a.Machine.OpenFiles.Close(a.Int(0)))
        .Void("link0(JJ)V", a => Check(a, Libc.Link(Writable(a, 0), Writable(a, 2))))
        .Void("unlink0(J)V", a => Check(a, Libc.Unlink(Writable(a, 0))))
        .Void("rename0(JJ)V", a => Check(a, Libc.Rename(Writable(a, 0), Writable(a, 2))))
        .Void("mkdir0(JI)V", a => Check(a, Libc.MkDir(Writable(a, 0), a.Int(2))))
        .Void("rmdir0(J)V", a => Check(a, Libc.RmDir(Writable(a, 0))))
        .Void("symlink0(JJ)V", a => Check(a, Libc.SymLink(Path(a, 0), Writable(a, 2))))
        .Void("chmod0(JI)V", a => Check(a, Libc.ChMod(Writable(a, 0, true), a.Int(2))))
        .Void("fchmod(II)V", a => Check(a, Libc.FChMod(Fd(a, 0), a.Int(1))))
        .Void("access0(JI)V", a => Check(a, Libc.Access((a.Int(2) & 2) != 0 ? Writable(a, 0, true) : Readable(a, 0), a.Int(2))))
        .Bool("exists0(J)Z", a => a.Machine.Files.Allows(Path(a, 0), false) && Libc.Access(Path(a, 0), 0) == 0)
        .Int("read(IJI)I", a => (int)Check(a, Libc.Read(Fd(a, 0), (void*)a.Long(1), a.Int(3))))
        .Int("write(IJI)I", a => (int)Check(a, Libc.Write(Fd(a, 0), (void*)a.Long(1), a.Int(3))))
        .Ref("strerror(I)[B", a => Text(Libc.StrError(a.Int(0))))
        .Ref("getpwuid(I)[B", a => System.Text.Encoding.UTF8.GetBytes(NameOf("/etc/passwd", a.Int(0))))
        .Ref("getgrgid(I)[B", a => System.Text.Encoding.UTF8.GetBytes(NameOf("/etc/group", a.Int(0))))
        .Int("stat1(J)I", a =>
        {
            Libc.StatBuffer s;
            return a.Machine.Files.Allows(Path(a, 0), false) && Libc.Stat(Path(a, 0), &s) == 0 ? (int)s.Mode : 0;
        })
        .Void("stat0(JLsun/nio/fs/UnixFileAttributes;)V", a =>
        {
            Libc.StatBuffer s;
            Check(a, Libc.Stat(Readable(a, 0), &s));
            Fill(a.Object(2), s);
        })
        .Void("lstat0(JLsun/nio/fs/UnixFileAttributes;)V", a =>
        {
            Libc.StatBuffer s;
            Check(a, Libc.LStat(Readable(a, 0, false), &s));
            Fill(a.Object(2), s);
        })
        .Void("fstat(ILsun/nio/fs/UnixFileAttributes;)V", a =>
        {
            Libc.StatBuffer s;
            Check(a, Libc.FStat(Fd(a, 0), &s));
            Fill(a.Object(1), s);
        })
        .Void("futimens(IJJ)V", a =>
        {
            var times = stackalloc long[] { a.Long(1) / 1_000_000_000, a.Long(1) % 1_000_000_000, a.Long(3) / 1_000_000_000, a.Long(3) % 1_000_000_000 };
            Check(a, Libc.FUtimeNs(Fd(a, 0), times));
        })
        .Void("utimes0(JJJ)V", a =>
        {
            var times = stackalloc long[] { a.Long(2) / 1_000_000, a.Long(2) % 1_000_000 * 1000, a.Long(4) / 1_000_000, a.Long(4) % 1_000_000 * 1000 };
            Check(a, Libc.UtimeNsAt(-100, Writable(a, 0, true), times, 0));
        });

    private static void RegisterDirectories(NativeClass c) => c
        .Ref("readlink0(J)[B", a =>
        {
            var buffer = new byte[4096];
            nint n;
            fixed (byte* p = buffer) n = Libc.ReadLink(Readable(a, 0, false), p, buffer.Length);
            Check(a, n);
            return buffer[..(int)n];
        })
        .Ref("realpath0(J)[B", a =>
        {
            var real = Libc.RealPath(Readable(a, 0), null);
            if (real == null) throw Failure(a);
            var text = Text(real);
            Libc.Free(real);
            return text;
        })
        .Long("opendir0(J)J", a => a.Machine.OpenFiles.Opened(Libc.OpenDir(Readable(a, 0)), static d => Libc.CloseDir(d)) is var d and not 0 ? d : throw Failure(a))
        .Long("fdopendir(I)J", a => a.Machine.OpenFiles.Opened(Libc.FdOpenDir(Fd(a, 0)), static d => Libc.CloseDir(d), a.Int(0)) is var d and not 0 ? d : throw Failure(a))
        .Void("closedir(J)V", a => a.Machine.OpenFiles.CloseStream(a.Long(0)))
        .Ref("readdir(J)[B", a =>
        {
            var entry = Libc.ReadDir(a.Machine.OpenFiles.Own(a, a.Long(0)));
            return entry == null ? null : Text(entry + 19);
        });

    private static string NameOf(string file, int id)
    {
        try
        {
            foreach (var line in File.ReadLines(file))
            {
                var parts = line.Split(':');
                if (parts.Length > 2 && parts[2] == id.ToString(System.Globalization.CultureInfo.InvariantCulture)) return parts[0];
            }
        }
        catch (IOException)
        {
            // Numbers do as well.
        }
        return id.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
