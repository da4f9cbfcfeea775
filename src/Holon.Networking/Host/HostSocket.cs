using Holon.Networking.Nat.Tcp;

namespace Holon.Networking.Host;

/// <summary>Reads, writes and settings of non-blocking sockets, without copies and without exceptions.</summary>
internal static unsafe class HostSocket
{
    /// <summary>A socket for an address's family, or -1 with <see cref="Linux.Error"/> set.</summary>
    public static int Open(IpAddress address, int type, int protocol = 0) =>
        Linux.Socket(address.IsV4 ? Linux.FamilyV4 : Linux.FamilyV6, type | Linux.NonBlocking | Linux.CloseOnExec, protocol);

    /// <summary>0 when connected, or an error: <see cref="Linux.InProgress"/> is none.</summary>
    public static int Connect(int socket, IpAddress address, ushort port)
    {
        var name = SocketAddress.Of(address, port);
        return Linux.Connect(socket, name.Bytes, name.Length) == 0 ? 0 : Linux.Error;
    }

    /// <summary>0 when bound, or an error.</summary>
    public static int Bind(int socket, IpAddress address, ushort port)
    {
        var name = SocketAddress.Of(address, port);
        return Linux.Bind(socket, name.Bytes, name.Length) == 0 ? 0 : Linux.Error;
    }

    /// <summary>The port that a socket is bound to.</summary>
    public static ushort LocalPort(int socket)
    {
        var name = default(SocketAddress);
        uint length = SocketAddress.MaxSize;
        return Linux.GetSocketName(socket, name.Bytes, &length) == 0 ? SocketAddress.Read(new ReadOnlySpan<byte>(name.Bytes, (int)length)).Port : (ushort)0;
    }

    /// <summary>Accepts a connection, or returns -1.</summary>
    public static int Accept(int socket, out IpAddress address, out ushort port)
    {
        var name = default(SocketAddress);
        uint length = SocketAddress.MaxSize;
        var accepted = Linux.Accept(socket, name.Bytes, &length, Linux.NonBlocking | Linux.CloseOnExec);
        (address, port) = accepted < 0 ? default : SocketAddress.Read(new ReadOnlySpan<byte>(name.Bytes, (int)Math.Min(length, SocketAddress.MaxSize)));
        return accepted;
    }

    /// <summary>Receives into pieces; <see cref="ITcpStream"/>'s results.</summary>
    public static int Receive(int socket, ReadOnlySpan<MemorySegment> room)
    {
        fixed (MemorySegment* segments = room)
        {
            var message = new Linux.MessageHeader { Segments = (nint)segments, SegmentCount = (nuint)room.Length };
            while (true)
            {
                var count = Linux.ReceiveMessage(socket, &message, Linux.MessageDontWait);
                if (count >= 0) return (int)count;
                var error = Linux.Error;
                if (error == Linux.Interrupted) continue;
                return error == Linux.Again ? ITcpStream.WouldBlock : ITcpStream.Failed;
            }
        }
    }

    /// <summary>Sends pieces; <see cref="ITcpStream"/>'s results.</summary>
    public static int Send(int socket, ReadOnlySpan<MemorySegment> data)
    {
        fixed (MemorySegment* segments = data)
        {
            var message = new Linux.MessageHeader { Segments = (nint)segments, SegmentCount = (nuint)data.Length };
            while (true)
            {
                var count = Linux.SendMessage(socket, &message, Linux.MessageDontWait | Linux.MessageNoSignal);
                if (count >= 0) return (int)count;
                var error = Linux.Error;
                if (error == Linux.Interrupted) continue;
                return error == Linux.Again ? ITcpStream.WouldBlock : ITcpStream.Failed;
            }
        }
    }

    public static int Send(int socket, ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data) return Send(socket, [new MemorySegment((nint)bytes, data.Length)]);
    }

    public static int Receive(int socket, Span<byte> room)
    {
        fixed (byte* bytes = room) return Receive(socket, [new MemorySegment((nint)bytes, room.Length)]);
    }

    /// <summary>Sends to an address.</summary>
    public static int SendTo(int socket, ReadOnlySpan<byte> data, IpAddress address, ushort port)
    {
        var name = SocketAddress.Of(address, port);
        fixed (byte* bytes = data)
        {
            var segment = new MemorySegment((nint)bytes, data.Length);
            var message = new Linux.MessageHeader { Name = (nint)name.Bytes, NameLength = name.Length, Segments = (nint)(&segment), SegmentCount = 1 };
            var count = Linux.SendMessage(socket, &message, Linux.MessageDontWait | Linux.MessageNoSignal);
            return count >= 0 ? (int)count : Linux.Error == Linux.Again ? ITcpStream.WouldBlock : ITcpStream.Failed;
        }
    }

    /// <summary>
    /// Sends datagrams of the same length, but for the last, which may be shorter, with one system call (udp(7), <c>UDP_SEGMENT</c>).
    /// </summary>
    /// <param name="socket">The socket.</param>
    /// <param name="data">All of them, one behind the other.</param>
    /// <param name="size">The length of each.</param>
    /// <param name="address">Where to; null for where the socket is connected to.</param>
    /// <param name="port">Its port.</param>
    /// <returns>0, or an error. Nothing was sent then; the host may just not send so many, or not such long ones, at once.</returns>
    public static int SendMany(int socket, ReadOnlySpan<byte> data, int size, IpAddress? address, ushort port)
    {
        var name = address is { } given ? SocketAddress.Of(given, port) : default;
        // struct cmsghdr with a 16-bit length behind it, which the low half of our integer is
        var control = new Linux.IntegerControl { Length = (nuint)(sizeof(nuint) + (2 * sizeof(int)) + sizeof(ushort)), Level = Linux.LevelUdp, Type = Linux.UdpSegment, Value = size };
        fixed (byte* bytes = data)
        {
            var segment = new MemorySegment((nint)bytes, data.Length);
            var message = new Linux.MessageHeader { Segments = (nint)(&segment), SegmentCount = 1, Control = (nint)(&control), ControlLength = (nuint)sizeof(Linux.IntegerControl) };
            if (name.Length > 0) (message.Name, message.NameLength) = ((nint)name.Bytes, name.Length);
            return Linux.SendMessage(socket, &message, Linux.MessageDontWait | Linux.MessageNoSignal) >= 0 ? 0 : Linux.Error;
        }
    }

    /// <summary>Closes with a reset instead of a FIN.</summary>
    public static void CloseWithReset(int socket)
    {
        var linger = (1, 0); // on, for 0 seconds
        _ = Linux.SetSocketOption(socket, Linux.LevelSocket, Linux.Linger, &linger, 8);
        _ = Linux.Close(socket);
    }
}
