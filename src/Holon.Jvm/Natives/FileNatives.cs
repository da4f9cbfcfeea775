using System.Runtime.InteropServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>java.io: file descriptors, streams, random access files, and the file system behind java.io.File.</summary>
internal static unsafe class FileNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        of("java/io/FileDescriptor")
            .Long("getHandle(I)J", _ => -1)
            .Bool("getAppend(I)Z", _ => false)
            .Void("close0()V", a => CloseDescriptor(a, a.Object(0)))
            .Void("sync()V", a =>
            {
                if (Libc.FSync(Number(a, a.Object(0))) != 0) throw a.Thread.Error("java/io/SyncFailedException", "sync failed");
            });
        of("java/io/FileCleanable").Void("cleanupClose0(IJ)V", a => _ = a.Machine.OpenFiles.Close(a.Int(0)));
        of("java/io/FileInputStream")
            .Void("open0(Ljava/lang/String;)V", a => Open(a, a.Object(0), a.String(1)!, Libc.ReadOnly))
            .Int("read0()I", a => ReadByte(a))
            .Int("readBytes([BII)I", a => ReadBytes(a))
            .Long("length0()J", a => Length(a))
            .Long("position0()J", a => Check(a, Libc.Seek(Number(a), 0, 1), "Seek error"))
            .Long("skip0(J)J", a =>
            {
                var fd = Number(a);
                var now = Check(a, Libc.Seek(fd, 0, 1), "Seek error");
                return Check(a, Libc.Seek(fd, a.Long(1), 1), "Seek error") - now;
            })
            .Int("available0()I", Available);
        of("java/io/FileOutputStream")
            .Void("open0(Ljava/lang/String;Z)V", a => Open(a, a.Object(0), a.String(1)!, Libc.WriteOnly | Libc.Create | (a.Bool(2) ? Libc.Append : Libc.Truncate)))
            .Void("write(IZ)V", a => WriteByte(a, (byte)a.Int(1)))
            .Void("writeBytes([BIIZ)V", a => WriteBytes(a));
        of("java/io/RandomAccessFile")
            .Void("open0(Ljava/lang/String;I)V", a => Open(a, a.Object(0), a.String(1)!, RandomAccessFlags(a.Int(2))))
            .Int("read0()I", a => ReadByte(a))
            .Int("readBytes([BII)I", a => ReadBytes(a))
            .Void("write0(I)V", a => WriteByte(a, (byte)a.Int(1)))
            .Void("writeBytes([BII)V", a => WriteBytes(a))
            .Long("getFilePointer()J", a => Check(a, Libc.Seek(Number(a), 0, 1), "Seek failed"))
            .Void("seek0(J)V", a => Check(a, Libc.Seek(Number(a), a.Long(1), 0), "Seek failed"))
            .Long("length()J", a => Length(a))
            .Void("setLength(J)V", a =>
            {
                var fd = Number(a);
                var position = Libc.Seek(fd, 0, 1);
                Check(a, Libc.Truncate0(fd, a.Long(1)), "setLength failed");
                _ = Libc.Seek(fd, Math.Min(position, a.Long(1)), 0);
            });
        RegisterFileSystem(of("java/io/UnixFileSystem"));
        RegisterPreferences(of("java/util/prefs/FileSystemPreferences"));
    }

    /// <summary>Files of preferences. They are not locked: other programs of the user rarely write them at the same moment.</summary>
    private static void RegisterPreferences(NativeClass c) => c
        .Int("chmod(Ljava/lang/String;I)I", a =>
        {
            fixed (byte* p = Libc.Path(a.String(0)!)) return a.Machine.Files.Allows(p, true) && Libc.ChMod(p, a.Int(1)) == 0 ? 0 : Marshal.GetLastPInvokeError();
        })
        .Ref("lockFile0(Ljava/lang/String;IZ)[I", a =>
        {
            fixed (byte* p = Libc.Path(a.String(0)!)) return a.Machine.OpenFiles.Opened(a.Machine.Files.Open(p, Libc.ReadWrite | Libc.Create | 0x80000, a.Int(1))) is var fd && fd >= 0 ? new[] { fd, 0 } : [-1, Marshal.GetLastPInvokeError()];
        })
        .Int("unlockFile0(I)I", a => a.Machine.OpenFiles.Close(a.Int(0)) == 0 ? 0 : Marshal.GetLastPInvokeError());

    private static int RandomAccessFlags(int mode)
    {
        if ((mode & 1) != 0) return Libc.ReadOnly;
        return Libc.ReadWrite | Libc.Create | ((mode & 4) != 0 ? Libc.Sync : (mode & 8) != 0 ? Libc.DataSync : 0);
    }

    /// <summary>The number in a java.io.FileDescriptor; -1 when no file of the machine has it.</summary>
    public static int Number(Args a, JObject descriptor) => a.Machine.OpenFiles.Own(RawNumber(descriptor));

    /// <summary>The number in a java.io.FileDescriptor, whatever it is.</summary>
    public static int RawNumber(JObject descriptor) => descriptor.Field<int>(Known.Offset(descriptor.Class(), "fd"));

    /// <summary>The number of the file behind the stream that is the receiver.</summary>
    private static int Number(Args a)
    {
        var stream = a.Object(0);
        var c = stream.Class();
        while (c!.Name is not ("java/io/FileInputStream" or "java/io/FileOutputStream" or "java/io/RandomAccessFile")) c = c.Super;
        var fd = stream.Ref(Known.Offset(c, "fd")) is JObject descriptor ? Number(a, descriptor) : -1;
        return fd >= 0 ? fd : throw a.Thread.Error("java/io/IOException", "Stream Closed");
    }

    private static void Open(Args a, JObject stream, string path, int flags)
    {
        int fd;
        fixed (byte* p = Libc.Path(path)) fd = a.Machine.Files.Open(p, flags | 0x80000, 0x1B6);
        var error = Marshal.GetLastPInvokeError();
        if (fd >= 0)
        {
            Libc.StatBuffer stat;
            if (Libc.FStat(fd, &stat) == 0 && (stat.Mode & 0xF000) == 0x4000)
            {
                _ = Libc.Close(fd);
                (fd, error) = (-1, 21);
            }
        }
        if (fd < 0) throw a.Thread.Error("java/io/FileNotFoundException", $"{path} ({Libc.ErrorText(error)})");
        var c = stream.Class();
        while (c!.Name is not ("java/io/FileInputStream" or "java/io/FileOutputStream" or "java/io/RandomAccessFile")) c = c.Super;
        var descriptor = (JObject)stream.Ref(Known.Offset(c, "fd"))!;
        descriptor.Field<int>(Known.Offset(descriptor.Class(), "fd")) = a.Machine.OpenFiles.Opened(fd);
    }

    private static void CloseDescriptor(Args a, JObject descriptor)
    {
        var offset = Known.Offset(descriptor.Class(), "fd");
        var fd = descriptor.Field<int>(offset);
        if (fd < 0) return;
        descriptor.Field<int>(offset) = -1;
        if (a.Machine.OpenFiles.Close(fd) != 0) throw Failure(a, "close failed");
    }

    public static JavaThrow Failure(Args a, string fallback)
    {
        var error = Marshal.GetLastPInvokeError();
        return a.Thread.Error("java/io/IOException", error == 0 ? fallback : Libc.ErrorText(error));
    }

    private static long Check(Args a, long result, string what) => result >= 0 ? result : throw Failure(a, what);

    private static nint Retry(Func<nint> call)
    {
        nint n;
        do n = call();
        while (n < 0 && Marshal.GetLastPInvokeError() == Libc.Eintr);
        return n;
    }

    private static int ReadByte(Args a)
    {
        var fd = Number(a);
        byte b;
        var at = &b;
        var n = Retry(() => Libc.Read(fd, at, 1));
        if (n < 0) throw Failure(a, "Read error");
        return n == 0 ? -1 : b;
    }

    private static void CheckRange(Args a, byte[] buffer, int offset, int length)
    {
        if (offset < 0 || length < 0 || offset > buffer.Length - length) throw a.Thread.Error("java/lang/IndexOutOfBoundsException", null);
    }

    private static int ReadBytes(Args a)
    {
        var buffer = a.Bytes(1);
        int offset = a.Int(2), length = a.Int(3);
        CheckRange(a, buffer, offset, length);
        if (length == 0) return 0;
        var fd = Number(a);
        nint n;
        fixed (byte* p = buffer)
        {
            var at = p + offset;
            n = Retry(() => Libc.Read(fd, at, length));
        }
        if (n < 0) throw Failure(a, "Read error");
        return n == 0 ? -1 : (int)n;
    }

    private static void WriteByte(Args a, byte b) => WriteAll(a, Number(a), &b, 1);

    private static void WriteBytes(Args a)
    {
        var buffer = a.Bytes(1);
        int offset = a.Int(2), length = a.Int(3);
        CheckRange(a, buffer, offset, length);
        var fd = Number(a);
        fixed (byte* p = buffer) WriteAll(a, fd, p + offset, length);
    }

    private static void WriteAll(Args a, int fd, byte* data, int length)
    {
        while (length > 0)
        {
            var n = Libc.Write(fd, data, length);
            if (n < 0 && Marshal.GetLastPInvokeError() == Libc.Eintr) continue;
            if (n < 0) throw Failure(a, "Write error");
            data += n;
            length -= (int)n;
        }
    }

    private static long Length(Args a)
    {
        Libc.StatBuffer stat;
        Check(a, Libc.FStat(Number(a), &stat), "GetLength failed");
        return stat.Size;
    }

    private static int Available(Args a)
    {
        var fd = Number(a);
        Libc.StatBuffer stat;
        if (Libc.FStat(fd, &stat) == 0 && (stat.Mode & 0xF000) == 0x8000)
        {
            var position = Libc.Seek(fd, 0, 1);
            return (int)Math.Clamp(stat.Size - position, 0, int.MaxValue);
        }
        int count;
        return Libc.IoCtl(fd, 0x541B, &count) == 0 ? count : 0; // FIONREAD
    }

    // The file system behind java.io.File -----------------------------------------------------------------------------

    private static byte[] PathOf(Args a, int slot)
    {
        var file = a.Object(slot);
        return Libc.Path(a.Machine.StringOf(file.Ref(Known.Offset(a.Machine.BootLoader.Load(a.Thread, "java/io/File"), "path"))) ?? "");
    }

    private static bool Stat(Args a, int slot, out Libc.StatBuffer stat)
    {
        Libc.StatBuffer buffer = default;
        int result;
        fixed (byte* p = PathOf(a, slot)) result = a.Machine.Files.Allows(p, false) ? Libc.Stat(p, &buffer) : -1;
        stat = buffer;
        return result == 0;
    }

    private static void RegisterFileSystem(NativeClass c) => c
        .Ref("canonicalize0(Ljava/lang/String;)Ljava/lang/String;", a => a.Machine.NewString(Canonicalize(a.String(1)!)))
        .Int("getBooleanAttributes0(Ljava/io/File;)I", a => !Stat(a, 1, out var s) ? 0 : 1 | ((s.Mode & 0xF000) == 0x8000 ? 2 : 0) | ((s.Mode & 0xF000) == 0x4000 ? 4 : 0))
        .Bool("checkAccess(Ljava/io/File;I)Z", a =>
        {
            fixed (byte* p = PathOf(a, 1)) return a.Machine.Files.Allows(p, (a.Int(2) & 2) != 0) && Libc.Access(p, a.Int(2)) == 0;
        })
        .Long("getLastModifiedTime(Ljava/io/File;)J", a => Stat(a, 1, out var s) ? s.ModifiedSeconds * 1000 + s.ModifiedNanoseconds / 1_000_000 : 0)
        .Long("getLength(Ljava/io/File;)J", a => Stat(a, 1, out var s) ? s.Size : 0)
        .Bool("setPermission(Ljava/io/File;IZZ)Z", a =>
        {
            if (!Stat(a, 1, out var s)) return false;
            var bits = a.Bool(4) ? a.Int(2) << 6 : a.Int(2) * 0x49;
            fixed (byte* p = PathOf(a, 1)) return a.Machine.Files.Allows(p, true) && Libc.ChMod(p, (int)(a.Bool(3) ? s.Mode | (uint)bits : s.Mode & ~(uint)bits) & 0xFFF) == 0;
        })
        .Bool("createFileExclusively(Ljava/lang/String;)Z", a =>
        {
            int fd;
            fixed (byte* p = Libc.Path(a.String(1)!)) fd = a.Machine.Files.Open(p, Libc.ReadWrite | Libc.Create | Libc.Exclusive, 0x1B6);
            if (fd >= 0) return Libc.Close(fd) == 0;
            return Marshal.GetLastPInvokeError() == Libc.Eexist ? false : throw Failure(a, "Could not open file");
        })
        .Bool("delete0(Ljava/io/File;)Z", a =>
        {
            fixed (byte* p = PathOf(a, 1)) return a.Machine.Files.Allows(p, true, false) && Libc.Remove(p) == 0;
        })
        .Ref("list(Ljava/io/File;)[Ljava/lang/String;", List)
        .Bool("createDirectory(Ljava/io/File;)Z", a =>
        {
            fixed (byte* p = PathOf(a, 1)) return a.Machine.Files.Allows(p, true, false) && Libc.MkDir(p, 0x1FF) == 0;
        })
        .Bool("rename0(Ljava/io/File;Ljava/io/File;)Z", a =>
        {
            fixed (byte* from = PathOf(a, 1), to = PathOf(a, 2)) return a.Machine.Files.Allows(from, true, false) && a.Machine.Files.Allows(to, true, false) && Libc.Rename(from, to) == 0;
        })
        .Bool("setLastModifiedTime(Ljava/io/File;J)Z", a =>
        {
            var times = stackalloc long[] { 0, 0x3FFFFFFE, a.Long(2) / 1000, a.Long(2) % 1000 * 1_000_000 };
            fixed (byte* p = PathOf(a, 1)) return a.Machine.Files.Allows(p, true) && Libc.UtimeNsAt(-100, p, times, 0) == 0;
        })
        .Bool("setReadOnly(Ljava/io/File;)Z", a =>
        {
            if (!Stat(a, 1, out var s)) return false;
            fixed (byte* p = PathOf(a, 1)) return a.Machine.Files.Allows(p, true) && Libc.ChMod(p, (int)s.Mode & 0xFFF & ~0x92) == 0;
        })
        .Long("getSpace(Ljava/io/File;I)J", a =>
        {
            try
            {
                var drive = new DriveInfo(System.Text.Encoding.UTF8.GetString(PathOf(a, 1)).TrimEnd('\0'));
                return a.Int(2) switch
                {
                    0 => drive.TotalSize,
                    1 => drive.TotalFreeSpace,
                    _ => drive.AvailableFreeSpace,
                };
            }
            catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
            {
                return 0;
            }
        })
        .Long("getNameMax0(Ljava/lang/String;)J", _ => 255);

    private static object? List(Args a)
    {
        nint directory;
        fixed (byte* p = PathOf(a, 1)) directory = a.Machine.Files.Allows(p, false) ? Libc.OpenDir(p) : 0;
        if (directory == 0) return null;
        var names = new List<string?>();
        byte* entry;
        while ((entry = Libc.ReadDir(directory)) != null)
        {
            var name = Marshal.PtrToStringUTF8((nint)(entry + 19))!; // d_name
            if (name is not ("." or "..")) names.Add(name);
        }
        _ = Libc.CloseDir(directory);
        return a.Machine.NewStringArray(names);
    }

    /// <summary>The real path of as much of a path as exists, with the rest added.</summary>
    public static string Canonicalize(string path)
    {
        var full = Path.GetFullPath(path);
        var rest = "";
        for (var head = full; ; head = Path.GetDirectoryName(head) ?? "/")
        {
            byte* real;
            fixed (byte* p = Libc.Path(head)) real = Libc.RealPath(p, null);
            if (real != null)
            {
                var found = Marshal.PtrToStringUTF8((nint)real)!;
                Libc.Free(real);
                return rest.Length == 0 ? found : found == "/" ? rest : found + rest;
            }
            if (head == "/") return full;
            rest = "/" + Path.GetFileName(head) + rest;
        }
    }
}
