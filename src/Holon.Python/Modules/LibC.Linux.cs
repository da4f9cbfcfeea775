using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>System calls of the module posix about users, scheduling, and what Linux alone has.</summary>
internal static unsafe partial class LinuxCalls
{
    [LibraryImport("libc", SetLastError = true, EntryPoint = "setuid")]
    public static partial int SetUid(uint user);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "seteuid")]
    public static partial int SetEUid(uint user);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setreuid")]
    public static partial int SetReUid(uint real, uint effective);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setresuid")]
    public static partial int SetResUid(uint real, uint effective, uint saved);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setgid")]
    public static partial int SetGid(uint group);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setegid")]
    public static partial int SetEGid(uint group);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setregid")]
    public static partial int SetReGid(uint real, uint effective);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setresgid")]
    public static partial int SetResGid(uint real, uint effective, uint saved);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getresuid")]
    public static partial int GetResUid(out uint real, out uint effective, out uint saved);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getresgid")]
    public static partial int GetResGid(out uint real, out uint effective, out uint saved);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setgroups")]
    public static partial int SetGroups(nuint count, ReadOnlySpan<uint> groups);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "initgroups")]
    public static partial int InitGroups(ReadOnlySpan<byte> user, uint group);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getgrouplist")]
    public static partial int GetGroupList(ReadOnlySpan<byte> user, uint group, Span<uint> groups, ref int count);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sched_getscheduler")]
    public static partial int GetScheduler(int pid);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sched_setscheduler")]
    public static partial int SetScheduler(int pid, int policy, ref int priority);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sched_getparam")]
    public static partial int GetParameter(int pid, ref int priority);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sched_setparam")]
    public static partial int SetParameter(int pid, ref int priority);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sched_get_priority_min")]
    public static partial int LowestPriority(int policy);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sched_get_priority_max")]
    public static partial int HighestPriority(int policy);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sched_rr_get_interval")]
    public static partial int RoundRobinInterval(int pid, Span<long> time);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sched_setaffinity")]
    public static partial int SetAffinity(int pid, nuint size, ReadOnlySpan<byte> mask);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "waitid")]
    public static partial int WaitId(int kind, uint id, Span<int> information, int options);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "syscall")]
    public static partial long Call(long number, long first, long second, long third, long fourth);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "splice")]
    public static partial nint Splice(int from, long* fromOffset, int to, long* toOffset, nuint count, uint flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "copy_file_range")]
    public static partial nint CopyFileRange(int from, long* fromOffset, int to, long* toOffset, nuint count, uint flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "eventfd")]
    public static partial int EventFd(uint start, int flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "confstr")]
    public static partial nuint ConfStr(int name, Span<byte> text, nuint size);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "pathconf")]
    public static partial long PathConf(string path, int name);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "fpathconf")]
    public static partial long FPathConf(int fd, int name);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "mknod")]
    public static partial int MkNod(string path, uint mode, ulong device);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "getxattr")]
    public static partial nint GetAttribute(string path, string name, Span<byte> value, nuint size);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "lgetxattr")]
    public static partial nint GetLinkAttribute(string path, string name, Span<byte> value, nuint size);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "setxattr")]
    public static partial int SetAttribute(string path, string name, ReadOnlySpan<byte> value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "lsetxattr")]
    public static partial int SetLinkAttribute(string path, string name, ReadOnlySpan<byte> value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "removexattr")]
    public static partial int RemoveAttribute(string path, string name);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "lremovexattr")]
    public static partial int RemoveLinkAttribute(string path, string name);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "listxattr")]
    public static partial nint ListAttributes(string path, Span<byte> names, nuint size);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "llistxattr")]
    public static partial nint ListLinkAttributes(string path, Span<byte> names, nuint size);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "execve")]
    public static partial int Execute(ReadOnlySpan<byte> program, nint* arguments, nint* environment);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "posix_openpt")]
    public static partial int OpenTerminal(int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(PathMarshaller), EntryPoint = "chroot")]
    public static partial int ChRoot(string path);
}
