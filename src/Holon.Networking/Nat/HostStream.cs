using Holon.Networking.Host;
using Holon.Networking.Nat.Tcp;

namespace Holon.Networking.Nat;

/// <summary>A TCP socket of the host as the far side of a guest's connection.</summary>
internal sealed class HostStream : ITcpStream, IPollHandler
{
    private readonly EventLoop _loop;
    private int _socket, _slot;
    private bool _connecting, _drained, _hungUp;

    private HostStream(EventLoop loop, int socket, bool connecting)
    {
        _loop = loop;
        _socket = socket;
        _connecting = connecting;
        Linux.SetOption(socket, Linux.LevelTcp, Linux.NoDelay, 1); // the guest's own stack has gathered small writes
        Linux.SetOption(socket, Linux.LevelSocket, Linux.KeepAlive, 1);
    }

    /// <summary>The connection that it is the far side of.</summary>
    public TcpConnection Connection { get; set; } = null!;

    /// <summary>Called when the host's connection could not be made, with the error.</summary>
    public Action<TcpConnection, int> Refused { get; init; } = (_, _) => { };

    /// <summary>Called when the host's connection stands.</summary>
    public Action<TcpConnection> Established { get; init; } = _ => { };

    /// <summary>Begins a connection to an address; null with the error when that fails at once.</summary>
    public static HostStream? Connect(EventLoop loop, IpAddress address, ushort port, Action<TcpConnection> established, Action<TcpConnection, int> refused, out int error)
    {
        var socket = HostSocket.Open(address, Linux.Stream);
        error = socket < 0 ? Linux.Error : HostSocket.Connect(socket, address, port);
        if (socket >= 0 && error is 0 or Linux.InProgress)
            return new HostStream(loop, socket, connecting: true) { Established = established, Refused = refused };
        if (socket >= 0) _ = Linux.Close(socket);
        return null;
    }

    /// <summary>Takes a socket that was accepted.</summary>
    public static HostStream Accepted(EventLoop loop, int socket) => new(loop, socket, connecting: false);

    /// <summary>Begins to watch the socket; <see cref="Connection"/> is set.</summary>
    public void Watch() =>
        _slot = _loop.Add(_socket, Linux.EpollIn | Linux.EpollOut | Linux.EpollReadHup | Linux.EpollEdge, this);

    /// <inheritdoc/>
    public void OnEvents(uint events)
    {
        if (_connecting)
        {
            var error = Linux.TakeError(_socket);
            if (error == 0 && (events & Linux.EpollOut) == 0) return;
            _connecting = false;
            if (error != 0)
            {
                Refused(Connection, error);
                return;
            }

            Established(Connection);
        }

        if ((events & (Linux.EpollReadHup | Linux.EpollHup | Linux.EpollErr)) != 0) _hungUp = true;
        if ((events & (Linux.EpollIn | Linux.EpollReadHup | Linux.EpollHup | Linux.EpollErr)) != 0)
        {
            _drained = false;
            Connection.OnReadable();
        }

        if (_socket >= 0 && (events & Linux.EpollOut) != 0) Connection.OnWritable();
    }

    /// <inheritdoc/>
    public int Read(ReadOnlySpan<MemorySegment> room)
    {
        if (_drained) return ITcpStream.WouldBlock;
        var read = HostSocket.Receive(_socket, room);
        // A short read has emptied the socket, and the next byte is a new edge; saves a call that would say so.
        if (read > 0 && !_hungUp) _drained = read < Total(room);
        return read;
    }

    /// <inheritdoc/>
    public int Write(ReadOnlySpan<MemorySegment> data) => HostSocket.Send(_socket, data);

    /// <inheritdoc/>
    public void ShutdownWrite() => _ = Linux.Shutdown(_socket, 1);

    /// <inheritdoc/>
    public void Close(bool abort)
    {
        if (_socket < 0) return;
        _loop.Remove(_slot);
        if (abort) HostSocket.CloseWithReset(_socket); else _ = Linux.Close(_socket);
        _socket = -1;
    }

    private static int Total(ReadOnlySpan<MemorySegment> room)
    {
        nint total = 0;
        foreach (ref readonly var segment in room) total += segment.Length;
        return (int)total;
    }
}
