using System.Runtime.InteropServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>The rest of sun.nio.fs: copying, owners, files relative to an open folder, extended attributes, file stores and mounts, locks.</summary>
internal static unsafe partial class FileStoreNatives
{
    /// <summary>What UnixNativeDispatcher is told that there is.</summary>
    public const int SupportsOpenAt = 1 << 1, SupportsFutimes = 1 << 2, SupportsFutimens = 1 << 3, SupportsLutimes = 1 << 4, SupportsExtendedAttributes = 1 << 5;

    private const int WorkingFolder = -100, NoFollow = 0x100, Cancelled = 125, Again = 11, Denied = 13;

    public static void Register(Func<string, NativeClass> of)
    {
        of("sun/nio/fs/UnixCopyFile").Void("transfer(IIJ)V", Copy);
        of("sun/nio/fs/LinuxNativeDispatcher")
            .Long("setmntent0(JJ)J", a => a.Machine.OpenFiles.Opened(SetMountEntries(NioFileNatives.Readable(a, 0), (byte*)a.Long(2)), static file => _ = EndMountEntries(file)) is var file and not 0 ? file : throw NioFileNatives.Failure(a))
            .Int("getmntent0(JLsun/nio/fs/UnixMountEntry;JI)I", NextMount)
            .Void("endmntent(J)V", a => a.Machine.OpenFiles.CloseStream(a.Long(0)));
        of("sun/nio/ch/FileDispatcherImpl")
            .Int("lock0(Ljava/io/FileDescriptor;ZJJZ)I", Lock)
            .Void("release0(Ljava/io/FileDescriptor;JJ)V", a => _ = SetLock(a, 2, a.Long(1), a.Long(3)));
        RegisterOwners(of("sun/nio/fs/UnixNativeDispatcher"));
        RegisterRelative(of("sun/nio/fs/UnixNativeDispatcher"));
        RegisterAttributes(of("sun/nio/fs/UnixNativeDispatcher"));
    }

    /// <summary>Copies an open file into another; a word that is not zero any more calls it off.</summary>
    private static void Copy(Args a)
    {
        const int Size = 1 << 16;
        var buffer = new byte[Size];
        var cancel = (int*)a.Long(2);
        fixed (byte* p = buffer)
        {
            while (true)
            {
                var n = NioFileNatives.Check(a, Libc.Read(NioFileNatives.Fd(a, 1), p, Size));
                if (n == 0) return;
                // SAFETY: the class library keeps this word allocated until the copy has ended.
                if (cancel != null && Volatile.Read(ref *cancel) != 0) throw new JavaThrow(a.Thread.NewThrowable("sun/nio/fs/UnixException", "(I)V", Value.Of(Cancelled)));
                for (long written = 0; written < n;) written += NioFileNatives.Check(a, Libc.Write(NioFileNatives.Fd(a, 0), p + written, (nint)(n - written)));
            }
        }
    }

    // Owners and groups -----------------------------------------------------------------------------------------------

    private static void RegisterOwners(NativeClass c) => c
        .Void("chown0(JII)V", a => NioFileNatives.Check(a, ChangeOwner(NioFileNatives.Writable(a, 0, true), a.Int(2), a.Int(3))))
        .Void("lchown0(JII)V", a => NioFileNatives.Check(a, ChangeLinkOwner(NioFileNatives.Writable(a, 0), a.Int(2), a.Int(3))))
        .Void("fchown(III)V", a => NioFileNatives.Check(a, ChangeOpenOwner(NioFileNatives.Fd(a, 0), a.Int(1), a.Int(2))))
        .Int("getpwnam0(J)I", a => NumberOf("/etc/passwd", a.Long(0)))
        .Int("getgrnam0(J)I", a => NumberOf("/etc/group", a.Long(0)))
        .Void("mknod0(JIJ)V", a => NioFileNatives.Check(a, MakeNode(NioFileNatives.Writable(a, 0), a.Int(2), (ulong)a.Long(3))));

    private static int NumberOf(string file, long name)
    {
        var wanted = Marshal.PtrToStringUTF8((nint)name);
        try
        {
            foreach (var line in File.ReadLines(file))
            {
                if (line.Split(':') is { Length: > 2 } parts && parts[0] == wanted && int.TryParse(parts[2], out var number)) return number;
            }
        }
        catch (IOException)
        {
            // Nobody is known, then.
        }
        return -1;
    }

    // Relative to an open folder --------------------------------------------------------------------------------------

    private static void RegisterRelative(NativeClass c) => c
        .Int("openat0(IJII)I", a => (int)NioFileNatives.Check(a, a.Machine.OpenFiles.Opened(OpenAt(Folder(a, 0), (byte*)a.Long(1), a.Int(3) | 0x80000, a.Int(4)))))
        .Void("fstatat0(IJILsun/nio/fs/UnixFileAttributes;)V", a =>
        {
            Libc.StatBuffer s;
            NioFileNatives.Check(a, StatAt(Folder(a, 0), (byte*)a.Long(1), &s, a.Int(3)));
            NioFileNatives.Fill(a.Object(4), s);
        })
        .Void("unlinkat0(IJI)V", a => NioFileNatives.Check(a, UnlinkAt(Folder(a, 0), (byte*)a.Long(1), a.Int(3))))
        .Void("renameat0(IJIJ)V", a => NioFileNatives.Check(a, RenameAt(Folder(a, 0), (byte*)a.Long(1), Folder(a, 3), (byte*)a.Long(4))))
        .Void("futimes(IJJ)V", a =>
        {
            var times = stackalloc long[4];
            Microseconds(a.Long(1), a.Long(3), times);
            NioFileNatives.Check(a, Libc.FUtimeNs(NioFileNatives.Fd(a, 0), times));
        })
        .Void("lutimes0(JJJ)V", a =>
        {
            var times = stackalloc long[4];
            Microseconds(a.Long(2), a.Long(4), times);
            NioFileNatives.Check(a, Libc.UtimeNsAt(-100, NioFileNatives.Writable(a, 0), times, NoFollow));
        });

    /// <summary>An open folder; what is below it cannot be judged by grants, so a machine without all of them gets none.</summary>
    private static int Folder(Args a, int slot)
    {
        if (a.Machine.Files.AllowsAll) return a.Int(slot) == WorkingFolder ? WorkingFolder : NioFileNatives.Fd(a, slot);
        throw new JavaThrow(a.Thread.NewThrowable("sun/nio/fs/UnixException", "(I)V", Value.Of(Denied)));
    }

    private static void Microseconds(long access, long modified, long* times)
    {
        (times[0], times[1]) = (Math.DivRem(access, 1_000_000, out var rest), rest * 1000);
        (times[2], times[3]) = (Math.DivRem(modified, 1_000_000, out rest), rest * 1000);
        for (var i = 0; i < 4; i += 2)
        {
            // Times before 1970 have fractions that count forward.
            if (times[i + 1] >= 0) continue;
            times[i]--;
            times[i + 1] += 1_000_000_000;
        }
    }

    // Attributes and stores -------------------------------------------------------------------------------------------

    private static void RegisterAttributes(NativeClass c) => c
        .Int("fgetxattr0(IJJI)I", a => (int)NioFileNatives.Check(a, GetAttribute(NioFileNatives.Fd(a, 0), (byte*)a.Long(1), (void*)a.Long(3), (nuint)Math.Max(0, a.Int(5)))))
        .Void("fsetxattr0(IJJI)V", a => NioFileNatives.Check(a, SetAttribute(NioFileNatives.Fd(a, 0), (byte*)a.Long(1), (void*)a.Long(3), (nuint)Math.Max(0, a.Int(5)), 0)))
        .Void("fremovexattr0(IJ)V", a => NioFileNatives.Check(a, RemoveAttribute(NioFileNatives.Fd(a, 0), (byte*)a.Long(1))))
        .Int("flistxattr(IJI)I", a => (int)NioFileNatives.Check(a, ListAttributes(NioFileNatives.Fd(a, 0), (byte*)a.Long(1), (nuint)Math.Max(0, a.Int(3)))))
        .Void("statvfs0(JLsun/nio/fs/UnixFileStoreAttributes;)V", a =>
        {
            var s = stackalloc ulong[16]; // struct statvfs takes 112 bytes
            NioFileNatives.Check(a, StatVfs(NioFileNatives.Readable(a, 0), s));
            var o = a.Object(2);
            foreach (var (name, index) in (ReadOnlySpan<(string, int)>)[("f_frsize", 1), ("f_blocks", 2), ("f_bfree", 3), ("f_bavail", 4)])
                o.Field<long>(Known.Offset(o.Class(), name)) = (long)s[index];
        })
        .Void("rewind(J)V", a => Rewind(a.Machine.OpenFiles.Own(a, a.Long(0))))
        .Int("getlinelen(J)I", a =>
        {
            byte* line = null;
            nuint size = 0;
            var n = GetLine(&line, &size, a.Machine.OpenFiles.Own(a, a.Long(0)));
            Libc.Free(line);
            return n < 0 ? -1 : (int)Math.Min(size, int.MaxValue);
        });

    private static int NextMount(Args a)
    {
        var entry = stackalloc nint[6]; // struct mntent: four strings, two numbers
        if (NextMountEntry(a.Machine.OpenFiles.Own(a, a.Long(0)), entry, (byte*)a.Long(3), a.Int(5)) == 0) return -1;
        var o = a.Object(2);
        var index = 0;
        foreach (var name in (ReadOnlySpan<string>)["name", "dir", "fstype", "opts"])
            o.Ref(Known.Offset(o.Class(), name)) = MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)entry[index++]).ToArray();
        return 0;
    }

    // Locks -----------------------------------------------------------------------------------------------------------

    private static int Lock(Args a)
    {
        const int Locked = 0, NotLocked = -1;
        var kind = a.Bool(6) ? 0 : 1;
        while (SetLock(a, kind, a.Long(2), a.Long(4)) < 0)
        {
            if (Marshal.GetLastPInvokeError() is not (Again or Denied)) throw FileNatives.Failure(a, "Lock failed");
            if (!a.Bool(1)) return NotLocked;
            // Asked for again and again, so that a machine that ends does not hang here.
            Thread.Sleep(5);
            if (a.Machine.Ending) throw new MachineEnd(a.Machine.ExitCode);
        }
        return Locked;
    }

    /// <summary>fcntl's record locks: read (0), write (1), none (2).</summary>
    private static int SetLock(Args a, int kind, long position, long size)
    {
        const int SetLock = 6;
        var row = stackalloc long[4]; // short type and whence; from; length; process
        row[0] = (ushort)kind;
        row[1] = position;
        row[2] = size == long.MaxValue ? 0 : size;
        row[3] = 0;
        return FileControl(FileNatives.Number(a, a.Object(0)), SetLock, row);
    }

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true)]
    private static partial int ChangeOwner(byte* path, int uid, int gid);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true)]
    private static partial int ChangeLinkOwner(byte* path, int uid, int gid);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOpenOwner(int fd, int uid, int gid);

    [LibraryImport("libc", EntryPoint = "mknod", SetLastError = true)]
    private static partial int MakeNode(byte* path, int mode, ulong device);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int OpenAt(int folder, byte* path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fstatat", SetLastError = true)]
    private static partial int StatAt(int folder, byte* path, Libc.StatBuffer* buffer, int flags);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    private static partial int UnlinkAt(int folder, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true)]
    private static partial int RenameAt(int fromFolder, byte* from, int toFolder, byte* to);

    [LibraryImport("libc", EntryPoint = "fgetxattr", SetLastError = true)]
    private static partial nint GetAttribute(int fd, byte* name, void* value, nuint size);

    [LibraryImport("libc", EntryPoint = "fsetxattr", SetLastError = true)]
    private static partial int SetAttribute(int fd, byte* name, void* value, nuint size, int flags);

    [LibraryImport("libc", EntryPoint = "fremovexattr", SetLastError = true)]
    private static partial int RemoveAttribute(int fd, byte* name);

    [LibraryImport("libc", EntryPoint = "flistxattr", SetLastError = true)]
    private static partial nint ListAttributes(int fd, byte* list, nuint size);

    [LibraryImport("libc", EntryPoint = "statvfs", SetLastError = true)]
    private static partial int StatVfs(byte* path, ulong* buffer);

    [LibraryImport("libc", EntryPoint = "setmntent", SetLastError = true)]
    private static partial nint SetMountEntries(byte* path, byte* mode);

    [LibraryImport("libc", EntryPoint = "getmntent_r")]
    private static partial nint NextMountEntry(nint file, nint* entry, byte* buffer, int size);

    [LibraryImport("libc", EntryPoint = "endmntent")]
    private static partial int EndMountEntries(nint file);

    [LibraryImport("libc", EntryPoint = "rewind")]
    private static partial void Rewind(nint file);

    [LibraryImport("libc", EntryPoint = "getline")]
    private static partial nint GetLine(byte** line, nuint* size, nint file);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(int fd, int command, long* row);
}
