using System.Runtime.InteropServices;

namespace Holon.Python.Modules.Network;

/// <summary>The socket interface of the C library. Descriptors are plain numbers, as Python programs see them.</summary>
internal static unsafe partial class SocketCalls
{
    [LibraryImport("libc", SetLastError = true, EntryPoint = "socket")]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "socketpair")]
    public static partial int SocketPair(int family, int type, int protocol, Span<int> ends);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "bind")]
    public static partial int Bind(int fd, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "connect")]
    public static partial int Connect(int fd, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "listen")]
    public static partial int Listen(int fd, int backlog);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "accept4")]
    public static partial int Accept(int fd, Span<byte> address, ref int length, int flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getsockname")]
    public static partial int GetSockName(int fd, Span<byte> address, ref int length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getpeername")]
    public static partial int GetPeerName(int fd, Span<byte> address, ref int length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "getsockopt")]
    public static partial int GetSockOpt(int fd, int level, int option, Span<byte> value, ref int length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "setsockopt")]
    public static partial int SetSockOpt(int fd, int level, int option, ReadOnlySpan<byte> value, int length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "recvfrom")]
    public static partial nint RecvFrom(int fd, Span<byte> buffer, nint size, int flags, Span<byte> address, ref int length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "send")]
    public static partial nint Send(int fd, ReadOnlySpan<byte> buffer, nint size, int flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sendto")]
    public static partial nint SendTo(int fd, ReadOnlySpan<byte> buffer, nint size, int flags, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "sendmsg")]
    public static partial nint SendMsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "recvmsg")]
    public static partial nint RecvMsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "shutdown")]
    public static partial int ShutDown(int fd, int how);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "poll")]
    public static partial int Poll(Span<PollEntry> entries, nuint count, int milliseconds);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "epoll_create1")]
    public static partial int EpollCreate(int flags);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "epoll_ctl")]
    public static partial int EpollControl(int epoll, int operation, int fd, ref EpollEvent change);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "epoll_wait")]
    public static partial int EpollWait(int epoll, Span<EpollEvent> events, int count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "getaddrinfo", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GetAddrInfo(string? host, string? service, AddressInfo* hints, out AddressInfo* result);

    [LibraryImport("libc", EntryPoint = "freeaddrinfo")]
    public static partial void FreeAddrInfo(AddressInfo* list);

    [LibraryImport("libc", EntryPoint = "getnameinfo")]
    public static partial int GetNameInfo(ReadOnlySpan<byte> address, int length, Span<byte> host, int hostSize, Span<byte> service, int serviceSize, int flags);

    [LibraryImport("libc", EntryPoint = "gai_strerror")]
    public static partial byte* GaiText(int error);

    [LibraryImport("libc", EntryPoint = "getservbyname", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ServiceEntry* GetServiceByName(string name, string? protocol);

    [LibraryImport("libc", EntryPoint = "getservbyport", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ServiceEntry* GetServiceByPort(int port, string? protocol);

    [LibraryImport("libc", EntryPoint = "getprotobyname", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ProtocolEntry* GetProtocol(string name);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "if_nametoindex", StringMarshalling = StringMarshalling.Utf8)]
    public static partial uint InterfaceIndex(string name);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "if_indextoname")]
    public static partial byte* InterfaceName(uint index, Span<byte> name);
}

[StructLayout(LayoutKind.Sequential)]
internal struct PollEntry
{
    public int Fd;
    public short Events;
    public short Returned;
}

/// <summary>struct epoll_event, packed on x86-64 and not elsewhere.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct EpollEvent
{
    public uint Events;
    public long Data;
}

/// <summary>struct addrinfo.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AddressInfo
{
    public int Flags, Family, SocketType, Protocol;
    public uint AddressLength;
    public byte* Address;
    public byte* CanonicalName;
    public AddressInfo* Next;
}

/// <summary>struct msghdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    public byte* Name;
    public uint NameLength;
    public IoVector* Vectors;
    public nuint VectorCount;
    public byte* Control;
    public nuint ControlLength;
    public int Flags;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    public byte* Base;
    public nuint Length;
}

/// <summary>struct servent.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ServiceEntry
{
    public byte* Name;
    public byte** Aliases;
    public int Port;
    public byte* Protocol;
}

/// <summary>struct protoent.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ProtocolEntry
{
    public byte* Name;
    public byte** Aliases;
    public int Number;
}
