using System.Runtime.InteropServices;

namespace Holon.Storage.Host;

/// <summary>One piece of memory of a vectored transfer: struct iovec of readv(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoVector
{
    public nint Address;
    public nint Length;
}

/// <summary>The calls of Linux that files need beyond what .NET offers. See the pages of section 2 of the same names.</summary>
internal static unsafe partial class Libc
{
    /// <summary>open(2) flags; the value of O_DIRECT differs between architectures.</summary>
    public const int ReadOnly = 0, ReadWrite = 2, Create = 0x40, Exclusive = 0x80, CloseOnExec = 0x80000;

    /// <summary>preadv2(2): fail with EAGAIN rather than wait for the medium.</summary>
    public const int NoWait = 8;

    /// <summary>fallocate(2) modes.</summary>
    public const int KeepSize = 1, PunchHole = 2, ZeroRange = 16;

    /// <summary>lseek(2).</summary>
    public const int SeekEnd = 2, SeekData = 3, SeekHole = 4;

    /// <summary>fcntl(2): open file description locks.</summary>
    public const int GetLock = 36, SetLock = 37;

    /// <summary>errno values.</summary>
    public const int Interrupted = 4, NoSuchDevice = 6, TryAgain = 11, Denied = 13, FileExists = 17, Invalid = 22, TooBig = 27, NoSpaceLeft = 28,
        NotSupported = 95, QuotaExceeded = 122;

    /// <summary>O_DIRECT of this architecture.</summary>
    public static int Direct { get; } = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x10000 : 0x4000;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    public static partial nint ReadVector(int descriptor, IoVector* vectors, int count, long offset, int flags);

    [LibraryImport("libc", EntryPoint = "pwritev2", SetLastError = true)]
    public static partial nint WriteVector(int descriptor, IoVector* vectors, int count, long offset, int flags);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int SyncData(int descriptor);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    public static partial int Allocate(int descriptor, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Truncate(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(int descriptor, long offset, int origin);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int Control(int descriptor, int command, FileLock* argument);

    /// <summary>What kind of file a descriptor is, and how many bytes it takes on the medium. See statx(2).</summary>
    public static (bool IsBlockDevice, long AllocatedBytes) Describe(int descriptor)
    {
        const int EmptyPath = 0x1000, ModeAt = 28, BlocksAt = 48;
        const uint BasicFields = 0x7FF;
        var fields = stackalloc byte[256]; // struct statx. Safe: the kernel writes exactly 256 bytes
        byte name = 0;
        if (Status(descriptor, &name, EmptyPath, BasicFields, fields) != 0) return (false, 0);
        return ((*(ushort*)(fields + ModeAt) & 0xF000) == 0x6000, *(long*)(fields + BlocksAt) * 512);
    }

    [LibraryImport("libc", EntryPoint = "statx")]
    private static partial int Status(int folder, byte* path, int flags, uint mask, byte* fields);

    /// <summary>struct flock.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct FileLock
    {
        public short Type;
        public short Origin;
        public long Start;
        public long Length;
        public int Process;
    }
}
