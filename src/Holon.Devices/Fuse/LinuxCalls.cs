using System.Runtime.InteropServices;

namespace Holon.Devices.Fuse;

/// <summary>
/// The system calls by which a folder of the host is served. Each answers as the kernel does: what it returns, or an error's number below 0.
/// </summary>
internal static unsafe partial class LinuxCalls
{
    public const int Here = -100; // AT_FDCWD
    public const int OpenCreate = 0x40, OpenExclusive = 0x80, OpenTruncate = 0x200, OpenAppend = 0x400, OpenNonBlocking = 0x800, OpenSync = 0x10_1000,
        OpenCloseOnExec = 0x8_0000, OpenPath = 0x20_0000, OpenAccess = 3, OpenReadOnly = 0, OpenWriteOnly = 1, OpenReadWrite = 2;
    public const int AtNoFollow = 0x100, AtRemoveFolder = 0x200, AtFollow = 0x400, AtEmptyPath = 0x1000;
    public const uint KindMask = 0xF000, KindFifo = 0x1000, KindCharacter = 0x2000, KindFolder = 0x4000, KindBlock = 0x6000, KindRegular = 0x8000, KindLink = 0xA000, KindSocket = 0xC000;
    public const uint SetUser = 0x800, SetGroup = 0x400, GroupExecute = 8;
    public const int WithoutWaiting = 8, AtTheEnd = 16;

    private const ulong ResolveNoMagicLinks = 2, ResolveBeneath = 8, ResolveCached = 0x20;
    private const uint StatxBasicAndBirth = 0xFFF;
    private const int CloneFileSystem = 0x200, LimitOpenFiles = 7;

    /// <summary>These differ between x86-64 and the others, which share one list.</summary>
    private static readonly bool _x64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;

    public static readonly int OpenFolder = _x64 ? 0x1_0000 : 0x4000, OpenNoFollow = _x64 ? 0x2_0000 : 0x8000;

    private static readonly nint _openat2 = 437, _getdents64 = _x64 ? 217 : 61;

    public static int OpenAt(int folder, byte* name, int flags, uint mode = 0) => Answer(openat(folder, name, flags | OpenCloseOnExec, mode));

    /// <summary>A handle for a name in a folder without opening what it names, and only when that needs no waiting for a disk.</summary>
    public static int OpenCached(int folder, byte* name)
    {
        var how = stackalloc ulong[3] { (ulong)(uint)(OpenPath | OpenNoFollow | OpenCloseOnExec), 0, ResolveBeneath | ResolveNoMagicLinks | ResolveCached };
        return (int)Answer(syscall(_openat2, folder, (nint)name, (nint)how, 24));
    }

    /// <summary>A handle for a name in a folder without opening what it names: neither devices nor pipes notice, links are not followed.</summary>
    public static int OpenWithoutFollowing(int folder, byte* name) => OpenAt(folder, name, OpenPath | OpenNoFollow);

    public static int Close(int descriptor) => Answer(close(descriptor));

    public static int Stat(int descriptor, out FileStatus status)
    {
        byte nothing = 0;
        fixed (FileStatus* result = &status) return Answer(statx(descriptor, &nothing, AtEmptyPath, StatxBasicAndBirth, result));
    }

    public static int StatAt(int folder, byte* name, out FileStatus status)
    {
        fixed (FileStatus* result = &status) return Answer(statx(folder, name, AtNoFollow, StatxBasicAndBirth, result));
    }

    public static nint ReadEntries(int folder, byte* buffer, int length) => Answer(syscall(_getdents64, folder, (nint)buffer, length, 0));

    public static long Seek(int descriptor, long offset, int whence) => Answer(lseek(descriptor, offset, whence));

    public static nint Read(int descriptor, IoVector* vectors, int count, long offset, int flags) => Answer(preadv2(descriptor, vectors, count, offset, flags));

    public static nint Write(int descriptor, IoVector* vectors, int count, long offset, int flags) => Answer(pwritev2(descriptor, vectors, count, offset, flags));

    public static int Truncate(int descriptor, long length) => Answer(ftruncate(descriptor, length));

    public static int Allocate(int descriptor, int mode, long offset, long length) => Answer(fallocate(descriptor, mode, offset, length));

    public static int Sync(int descriptor, bool dataOnly) => Answer(dataOnly ? fdatasync(descriptor) : fsync(descriptor));

    public static int SyncFileSystem(int descriptor) => Answer(syncfs(descriptor));

    public static int MakeFolder(int folder, byte* name, uint mode) => Answer(mkdirat(folder, name, mode));

    public static int MakeNode(int folder, byte* name, uint mode, ulong device) => Answer(mknodat(folder, name, mode, device));

    public static int MakeLink(byte* target, int folder, byte* name) => Answer(symlinkat(target, folder, name));

    public static nint ReadLink(int descriptor, byte* buffer, nint length)
    {
        byte nothing = 0;
        return Answer(readlinkat(descriptor, &nothing, buffer, length));
    }

    public static int Link(byte* path, int folder, byte* name) => Answer(linkat(Here, path, folder, name, AtFollow));

    public static int Rename(int oldFolder, byte* oldName, int newFolder, byte* newName, uint flags) => Answer(renameat2(oldFolder, oldName, newFolder, newName, flags));

    public static int Unlink(int folder, byte* name, bool isFolder) => Answer(unlinkat(folder, name, isFolder ? AtRemoveFolder : 0));

    public static int ChangeMode(int descriptor, uint mode) => Answer(fchmod(descriptor, mode));

    public static int ChangeMode(byte* path, uint mode) => Answer(fchmodat(Here, path, mode, 0));

    public static int ChangeOwner(int descriptor, uint user, uint group)
    {
        byte nothing = 0;
        return Answer(fchownat(descriptor, &nothing, user, group, AtEmptyPath | AtNoFollow));
    }

    /// <summary>Sets access and modification time: two pairs of seconds and nanoseconds.</summary>
    public static int ChangeTimes(int descriptor, long* times)
    {
        byte nothing = 0;
        return Answer(utimensat(descriptor, &nothing, times, AtEmptyPath));
    }

    public static int FileSystemStatus(int descriptor, FileSystemStatus* status) => Answer(fstatfs(descriptor, status));

    public static nint GetAttribute(byte* path, byte* name, byte* value, nint length) => Answer(getxattr(path, name, value, length));

    public static nint GetAttributeOfName(byte* path, byte* name, byte* value, nint length) => Answer(lgetxattr(path, name, value, length));

    public static nint ListAttributes(byte* path, byte* list, nint length) => Answer(listxattr(path, list, length));

    public static int SetAttribute(byte* path, byte* name, byte* value, nint length, int flags) => Answer(setxattr(path, name, value, length, flags));

    public static int RemoveAttribute(byte* path, byte* name) => Answer(removexattr(path, name));

    public static nint CopyRange(int from, long* fromOffset, int to, long* toOffset, nint length) => Answer(copy_file_range(from, fromOffset, to, toOffset, length, 0));

    /// <summary>Gives the calling thread a umask of its own, 0: the guest has applied its own already.</summary>
    /// <returns>False when the host does not let it.</returns>
    public static bool TryOwnMask()
    {
        if (unshare(CloneFileSystem) != 0) return false;
        _ = umask(0);
        return true;
    }

    public static uint EffectiveUser => geteuid();

    public static uint EffectiveGroup => getegid();

    /// <summary>Raises how many files this process may have open to what the host allows it.</summary>
    /// <returns>How many that are.</returns>
    public static long RaiseOpenFiles()
    {
        var limits = stackalloc ulong[2];
        if (getrlimit(LimitOpenFiles, limits) != 0) return 1024;
        if (limits[0] < limits[1])
        {
            var before = limits[0];
            limits[0] = limits[1];
            if (setrlimit(LimitOpenFiles, limits) != 0) limits[0] = before;
        }

        return (long)Math.Min(limits[0], int.MaxValue);
    }

    private static int Answer(int result) => result >= 0 ? result : -Marshal.GetLastPInvokeError();

    private static nint Answer(nint result) => result >= 0 ? result : -Marshal.GetLastPInvokeError();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int openat(int folder, byte* name, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint first, nint second, nint third, nint fourth);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int statx(int folder, byte* name, int flags, uint mask, FileStatus* status);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint lseek(int descriptor, long offset, int whence);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint preadv2(int descriptor, IoVector* vectors, int count, long offset, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pwritev2(int descriptor, IoVector* vectors, int count, long offset, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int descriptor, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fallocate(int descriptor, int mode, long offset, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fdatasync(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int syncfs(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mkdirat(int folder, byte* name, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mknodat(int folder, byte* name, uint mode, ulong device);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int symlinkat(byte* target, int folder, byte* name);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint readlinkat(int folder, byte* name, byte* buffer, nint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int linkat(int oldFolder, byte* oldName, int newFolder, byte* newName, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int renameat2(int oldFolder, byte* oldName, int newFolder, byte* newName, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unlinkat(int folder, byte* name, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchmod(int descriptor, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchmodat(int folder, byte* path, uint mode, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchownat(int folder, byte* name, uint user, uint group, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int utimensat(int folder, byte* name, long* times, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fstatfs(int descriptor, FileSystemStatus* status);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getxattr(byte* path, byte* name, byte* value, nint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint lgetxattr(byte* path, byte* name, byte* value, nint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint listxattr(byte* path, byte* list, nint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setxattr(byte* path, byte* name, byte* value, nint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int removexattr(byte* path, byte* name);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint copy_file_range(int from, long* fromOffset, int to, long* toOffset, nint length, uint flags);

    [LibraryImport("libc")]
    private static partial int unshare(int flags);

    [LibraryImport("libc")]
    private static partial uint umask(uint mask);

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc")]
    private static partial uint getegid();

    [LibraryImport("libc")]
    private static partial int getrlimit(int resource, ulong* limits);

    [LibraryImport("libc")]
    private static partial int setrlimit(int resource, ulong* limits);
}

/// <summary>A piece of memory to read into or write from (struct iovec).</summary>
/// <param name="Address">Where it begins.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct IoVector(nint Address, nint Length);

/// <summary>A moment (struct statx_timestamp).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct FileTime
{
    public readonly long Seconds;
    public readonly uint Nanoseconds;
    private readonly int _reserved;
}

/// <summary>What the host knows of a file (struct statx, statx(2)).</summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal struct FileStatus
{
    public uint Mask, BlockSize;
    public ulong Attributes;
    public uint Links, User, Group;
    public ushort Mode;
    private readonly ushort _spare;
    public ulong Inode, Size, Blocks, AttributesMask;
    public FileTime Accessed, Born, Changed, Modified;
    public uint DeviceMajor, DeviceMinor, OnMajor, OnMinor;

    public readonly uint Kind => Mode & LinuxCalls.KindMask;

    public readonly ulong FileSystem => ((ulong)OnMajor << 32) | OnMinor;

    public readonly FileIdentity Identity => new(FileSystem, Inode, Born.Seconds, Born.Nanoseconds);
}

/// <summary>What makes a file the same file: a host gives an inode's number again once the file is gone, but not the moment of its birth.</summary>
internal readonly record struct FileIdentity(ulong FileSystem, ulong Inode, long BornSeconds, uint BornNanoseconds);

/// <summary>What the host knows of a file system (struct statfs, statfs(2)).</summary>
[StructLayout(LayoutKind.Sequential, Size = 120)]
internal struct FileSystemStatus
{
    public long Type, BlockSize, Blocks, FreeBlocks, AvailableBlocks, Files, FreeFiles, Id, NameLength, FragmentSize;
}
