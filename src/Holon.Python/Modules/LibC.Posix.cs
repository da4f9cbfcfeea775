using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>More system calls for the module posix.</summary>
internal static partial class PosixCalls
{
    [LibraryImport("libc", SetLastError = true, EntryPoint = "dup3")]
    public static partial int Dup3(int from, int to, int flags);

    /// <summary>Zero when it fails.</summary>
    [LibraryImport("libc", SetLastError = true, EntryPoint = "getcwd")]
    public static partial nint GetCwd(Span<byte> buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void ExitNow(int code);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "utimensat")]
    public static partial int UTime(int folder, string path, ReadOnlySpan<long> times, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "truncate")]
    public static partial int Truncate(string path, long length);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "chown")]
    public static partial int ChOwn(string path, int user, int group);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "lchown")]
    public static partial int LChOwn(string path, int user, int group);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "mkfifo")]
    public static partial int MkFifo(string path, int mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "statvfs")]
    public static partial int StatVfs(string path, Span<long> result);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "pread")]
    public static partial nint PRead(int fd, Span<byte> buffer, nint count, long offset);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "pwrite")]
    public static partial nint PWrite(int fd, ReadOnlySpan<byte> buffer, nint count, long offset);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sendfile")]
    public static partial nint SendFile(int to, int from, ref long offset, nint count);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sendfile")]
    public static partial nint SendFileOn(int to, int from, nint offset, nint count);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "posix_fallocate")]
    public static partial int Allocate(int fd, long offset, long length);

    [LibraryImport("libc", EntryPoint = "sync")]
    public static partial void Sync();

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sysconf")]
    public static partial long SysConf(int name);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getpgid")]
    public static partial int GetPGid(int pid);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setpgid")]
    public static partial int SetPGid(int pid, int group);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getsid")]
    public static partial int GetSid(int pid);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setsid")]
    public static partial int SetSid();

    [LibraryImport("libc", SetLastError = true, EntryPoint = "killpg")]
    public static partial int KillGroup(int group, int signal);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getpriority")]
    public static partial int GetPriority(int which, int who);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setpriority")]
    public static partial int SetPriority(int which, int who, int value);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "nice")]
    public static partial int Nice(int by);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getgroups")]
    public static partial int GetGroups(int size, Span<int> groups);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getloadavg")]
    public static partial int GetLoad(Span<double> averages, int count);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sched_getaffinity")]
    public static partial int GetAffinity(int pid, nuint size, Span<byte> mask);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "openpty")]
    public static partial int OpenPty(out int master, out int slave, nint name, nint terminal, nint size);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "ttyname_r")]
    public static partial int TtyName(int fd, Span<byte> name, nuint size);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "tcgetpgrp")]
    public static partial int TerminalGroup(int fd);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "tcsetpgrp")]
    public static partial int SetTerminalGroup(int fd, int group);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller))]
    public static partial int MemoryFile(string name, uint flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "lockf")]
    public static partial int LockFile(int fd, int command, long length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "flock")]
    public static partial int FLock(int fd, int operation);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "fcntl")]
    public static partial int FileControl(int fd, int command, Span<byte> argument);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "ioctl")]
    public static partial int IoControl(int fd, nuint request, Span<byte> argument);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "ioctl")]
    public static partial int IoControl(int fd, nuint request, nint argument);
}
