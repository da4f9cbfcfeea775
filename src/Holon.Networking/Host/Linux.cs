using System.Runtime.InteropServices;

namespace Holon.Networking.Host;

/// <summary>The system calls that .NET's sockets do not offer without a copy, an allocation or a thread.</summary>
internal static unsafe partial class Linux
{
    public const int Again = 11, Interrupted = 4, ConnectionRefused = 111, InProgress = 115, HostUnreachable = 113, NetworkUnreachable = 101,
        TimedOut = 110, ConnectionReset = 104, MessageSize = 90, NotPermitted = 1, AccessDenied = 13, AddressInUse = 98, TooManyFiles = 24, NoEntry = 2,
        Invalid = 22, InputOutput = 5, NotThere = 38;

    public const int FamilyV4 = 2, FamilyV6 = 10, FamilyUnix = 1;
    public const int Stream = 1, Datagram = 2, Raw = 3, SequencedPacket = 5, NonBlocking = 0x800, CloseOnExec = 0x80000;
    public const int LevelSocket = 1, LevelIp = 0, LevelTcp = 6, LevelUdp = 17, LevelIp6 = 41;
    public const int ReuseAddress = 2, SocketError = 4, SendBuffer = 7, ReceiveBuffer = 8, KeepAlive = 9, Linger = 13;
    public const int NoDelay = 1, OnlyV6 = 26, UdpSegment = 103, UdpGather = 104;
    public const int TimeToLive = 2, ReceiveErrors = 11, MtuDiscover = 10, HopLimit6 = 16, ReceiveErrors6 = 25, MtuDiscover6 = 23;
    public const int MessageDontWait = 0x40, MessageNoSignal = 0x4000, MessageErrorQueue = 0x2000, MessageTruncated = 0x20;
    public const uint EpollIn = 1, EpollOut = 4, EpollErr = 8, EpollHup = 16, EpollReadHup = 0x2000, EpollEdge = 1u << 31;

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    public struct EpollEvent
    {
        public uint Events;
        public ulong Data;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public nint Name;
        public uint NameLength;
        public nint Segments;
        public nuint SegmentCount;
        public nint Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct timespec</c>.</summary>
    public record struct TimeSpec(long Seconds, long Nanoseconds);

    /// <summary><c>struct mmsghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct OneOfMany
    {
        public MessageHeader Message;
        public uint Length;
    }

    /// <summary><c>struct cmsghdr</c> with an integer behind it.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 24)]
    public struct IntegerControl
    {
        public nuint Length;
        public int Level, Type, Value;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(int socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(int socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    public static partial int Listen(int socket, int backlog);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int socket, byte* address, uint* length, int flags);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetSocketName(int socket, byte* address, uint* length);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int Shutdown(int socket, int how);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetSocketOption(int socket, int level, int option, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetSocketOption(int socket, int level, int option, void* value, uint* length);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(int socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(int socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(int socket, OneOfMany* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", EntryPoint = "readv", SetLastError = true)]
    public static partial nint ReadVector(int descriptor, MemorySegment* segments, int count);

    [LibraryImport("libc", EntryPoint = "writev", SetLastError = true)]
    public static partial nint WriteVector(int descriptor, MemorySegment* segments, int count);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int descriptor, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int descriptor, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Control(int descriptor, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(int epoll, int operation, int descriptor, EpollEvent* change);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(int epoll, EpollEvent* events, int capacity, int milliseconds);

    /// <summary>epoll_pwait2(2), Linux 5.11, which C libraries have had for less long: a wait with nanoseconds.</summary>
    public static int EpollWait(int epoll, EpollEvent* events, int capacity, in TimeSpec timeout)
    {
        fixed (TimeSpec* time = &timeout) return (int)SystemCall(441, epoll, (nint)events, capacity, (nint)time, 0, 0);
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint first, nint second, nint third, nint fourth, nint fifth, nint sixth);

    /// <summary>prctl(2): how late this thread may be woken, in nanoseconds.</summary>
    public static void SetTimerSlack(uint nanoseconds) => _ = ProcessControl(29, nanoseconds, 0, 0, 0);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nuint second, nuint third, nuint fourth, nuint fifth);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventDescriptor(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "if_nametoindex", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial uint InterfaceIndex(string name);

    public static int Error => Marshal.GetLastPInvokeError();

    /// <summary>The kernel's sentence for an error number.</summary>
    public static string Describe(int error) => Marshal.GetPInvokeErrorMessage(error);

    public static bool SetOption(int socket, int level, int option, int value) => SetSocketOption(socket, level, option, &value, sizeof(int)) == 0;

    /// <summary>Takes the error that waits on a socket.</summary>
    public static int TakeError(int socket)
    {
        var value = 0;
        uint length = sizeof(int);
        return GetSocketOption(socket, LevelSocket, SocketError, &value, &length) == 0 ? value : Error;
    }
}
