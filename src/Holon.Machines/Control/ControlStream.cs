using System.Net.Sockets;

namespace Holon.Machines.Control;

/// <summary>What a machine sends until one side ends it, and a way back to it. An end of any kind reads as the end.</summary>
public sealed class ControlStream : Stream
{
    private readonly Socket _socket;
    private byte[] _first;

    internal ControlStream(Socket socket, byte[] first) => (_socket, _first) = (socket, first);

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (_first.Length > 0)
        {
            var count = Math.Min(buffer.Length, _first.Length);
            _first.AsSpan(0, count).CopyTo(buffer);
            _first = _first[count..];
            return count;
        }

        try
        {
            return _socket.Receive(buffer);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return 0;
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <summary>Sends bytes; when the other side has gone they are lost, as reading tells.</summary>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            while (!buffer.IsEmpty) buffer = buffer[_socket.Send(buffer)..];
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Reading tells.
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Ends the connection; who reads on another thread reads the end.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            try
            {
                _socket.Shutdown(SocketShutdown.Both);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // It has ended already.
            }

            _socket.Dispose();
        }

        base.Dispose(disposing);
    }
}
