using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Holon.Jvm.Natives;

/// <summary>Sockets, polling, pipes and processes of the host's C library.</summary>
internal static unsafe partial class Libc
{
    public const short PollIn = 1, PollOut = 4, PollError = 8, PollHangUp = 16, PollInvalid = 32;
    public const int NonBlocking = 0x800, CloseOnExec = 0x80000;

    [StructLayout(LayoutKind.Sequential)]
    public struct PollFd
    {
        public int Fd;
        public short Events, Returned;
    }

    /// <summary>struct sockaddr_in or sockaddr_in6, by its family; port and address as the network has them.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 28)]
    public struct SocketAddress
    {
        public const ushort Version4 = 2, Version6 = 10;

        [FieldOffset(0)] public ushort Family;
        [FieldOffset(2)] public ushort Port;
        [FieldOffset(4)] public uint Address4;
        [FieldOffset(8)] public fixed byte Address6[16];
        [FieldOffset(24)] public uint Scope;

        /// <summary>An address for a socket of a family: those of IPv4 are mapped for one of IPv6, whose wildcard stands for both.</summary>
        public static SocketAddress Of(IPAddress address, int port, bool isVersion6)
        {
            var result = new SocketAddress { Family = isVersion6 ? Version6 : Version4, HostPort = port };
            if (!isVersion6)
            {
                address.TryWriteBytes(new Span<byte>(&result.Address4, 4), out _);
                return result;
            }
            if (address.AddressFamily == AddressFamily.InterNetworkV6) result.Scope = (uint)address.ScopeId;
            else if (address.Equals(IPAddress.Any)) return result;
            else address = address.MapToIPv6();
            address.TryWriteBytes(new Span<byte>(result.Address6, 16), out _);
            return result;
        }

        public int HostPort
        {
            readonly get => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Port);
            set => Port = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((ushort)value);
        }

        /// <summary>The address; one of IPv4 that is mapped is given as such.</summary>
        public IPAddress Address
        {
            get
            {
                if (Family != Version6) return new IPAddress(Address4);
                fixed (byte* bytes = Address6)
                {
                    var address = new IPAddress(new ReadOnlySpan<byte>(bytes, 16), Scope);
                    return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
                }
            }
        }

        /// <summary>How many of its bytes count.</summary>
        public readonly int Length => Family == Version6 ? 28 : 16;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(int fd, SocketAddress* address, int length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    public static partial int Listen(int fd, int backlog);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(int fd, SocketAddress* address, int length);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int fd, SocketAddress* address, int* length, int flags);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int ShutDown(int fd, int how);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int SocketName(int fd, SocketAddress* address, int* length);

    [LibraryImport("libc", EntryPoint = "getpeername", SetLastError = true)]
    public static partial int PeerName(int fd, SocketAddress* address, int* length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(int fd, int level, int name, void* value, int* length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(int fd, int level, int name, void* value, int length);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int fd, void* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "recvfrom", SetLastError = true)]
    public static partial nint ReceiveFrom(int fd, void* buffer, nint length, int flags, SocketAddress* from, int* fromLength);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    public static partial nint SendTo(int fd, void* buffer, nint length, int flags, SocketAddress* to, int toLength);

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    public static partial int SocketPair(int family, int type, int protocol, int* pair);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    public static partial int Dup2(int from, int to);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int FCntl(int fd, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    public static partial int Pipe(int* pair, int flags);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    public static partial int INotifyInit(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true)]
    public static partial int INotifyAdd(int fd, byte* path, uint mask);

    [LibraryImport("libc", EntryPoint = "inotify_rm_watch", SetLastError = true)]
    public static partial int INotifyRemove(int fd, int watch);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EPollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EPollControl(int epoll, int operation, int fd, void* change);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EPollWait(int epoll, void* events, int most, int timeout);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    public static partial int WaitPid(int pid, int* status, int options);

    [LibraryImport("libc", EntryPoint = "posix_spawnp")]
    public static partial int Spawn(int* pid, byte* file, void* actions, void* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    public static partial int SpawnActions(void* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    public static partial int SpawnActionsDone(void* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    public static partial int SpawnDup2(void* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addchdir_np")]
    public static partial int SpawnChangeFolder(void* actions, byte* path);

    /// <summary>
    /// Waits until a descriptor is ready, the time is over (negative: never), or the machine ends. Waiting goes in short pieces, so that
    /// a descriptor that another thread closes meanwhile is noticed too.
    /// </summary>
    public static int WaitFor(Runtime.JThread t, int fd, short events, long milliseconds)
    {
        const int Piece = 50;
        var until = milliseconds < 0 ? long.MaxValue : Environment.TickCount64 + milliseconds;
        while (true)
        {
            var left = until - Environment.TickCount64;
            var entry = new PollFd { Fd = fd, Events = events };
            var n = Poll(&entry, 1, (int)Math.Clamp(left, 0, Piece));
            if (t.Machine.Ending) throw new Runtime.MachineEnd(t.Machine.ExitCode);
            if (n > 0) return entry.Returned;
            if (n < 0 && Marshal.GetLastPInvokeError() != Eintr) return PollError;
            if (left <= Piece && n == 0 && Environment.TickCount64 >= until || t.Interrupted && milliseconds < 0) return 0;
        }
    }

    /// <summary>Before a call that would block: waits as <see cref="WaitFor"/> does, unless the descriptor never blocks.</summary>
    public static void WaitIfBlocking(Runtime.JThread t, int fd, short events)
    {
        if ((FCntl(fd, 3, 0) & NonBlocking) == 0) _ = WaitFor(t, fd, events, -1);
    }
}
