using System.Text;

namespace Holon.Networking.Host;

/// <summary>Unix sockets of sequenced packets, which .NET's sockets do not offer.</summary>
internal static unsafe class UnixSocket
{
    /// <summary>Bytes of a path that fit into <c>sockaddr_un</c>.</summary>
    public const int MaxPath = 107;

    /// <summary>A listening socket, or -1 with <see cref="Linux.Error"/> set.</summary>
    public static int Listen(string path)
    {
        var socket = Linux.Socket(Linux.FamilyUnix, Linux.SequencedPacket | Linux.NonBlocking | Linux.CloseOnExec, 0);
        if (socket < 0) return -1;
        var name = stackalloc byte[110];
        if (Linux.Bind(socket, name, Name(path, name)) == 0 && Linux.Listen(socket, 64) == 0) return socket;
        _ = Linux.Close(socket);
        return -1;
    }

    /// <summary>A connected socket, or -1 with <see cref="Linux.Error"/> set.</summary>
    public static int Connect(string path)
    {
        var socket = Linux.Socket(Linux.FamilyUnix, Linux.SequencedPacket | Linux.NonBlocking | Linux.CloseOnExec, 0);
        if (socket < 0) return -1;
        var name = stackalloc byte[110];
        if (Linux.Connect(socket, name, Name(path, name)) == 0) return socket;
        _ = Linux.Close(socket);
        return -1;
    }

    public static int Accept(int socket) => Linux.Accept(socket, null, null, Linux.NonBlocking | Linux.CloseOnExec);

    /// <summary>Writes <c>sockaddr_un</c>; the buffer has 110 bytes, and the caller has checked the path's length.</summary>
    private static uint Name(string path, byte* name)
    {
        *(ushort*)name = Linux.FamilyUnix;
        var length = Encoding.UTF8.GetBytes(path, new Span<byte>(name + 2, MaxPath));
        name[2 + length] = 0;
        return (uint)(length + 3);
    }
}
