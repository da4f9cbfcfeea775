using System.Runtime.InteropServices;
using Holon.Networking.Host;

namespace Holon.Networking.Switching;

/// <summary>
/// A cable between two processes: a Unix socket of sequenced packets, one packet a frame, with its offload header before it. The kernel keeps
/// frames apart, bounds the queue and says when there is room again.
/// </summary>
internal sealed unsafe class PacketSocketPort : INetworkPort, IDisposable
{
    /// <summary>Bytes of frames that may wait in the kernel: a few of 64 KiB.</summary>
    public const int QueueBytes = 1 << 20;

    private const int HeaderSize = 12;

    private readonly int _socket;
    private readonly byte* _buffer = (byte*)NativeMemory.AlignedAlloc(HeaderSize + Frame.MaxLength, 64);
    private bool _disposed;

    public PacketSocketPort(int socket)
    {
        _socket = socket;
        Linux.SetOption(socket, Linux.LevelSocket, Linux.SendBuffer, QueueBytes);
    }

    /// <summary>Raised when the other end has closed.</summary>
    public Action? Closed { get; set; }

    /// <inheritdoc/>
    public PortFeatures Features => PortFeatures.PartialChecksum | PortFeatures.Tso4 | PortFeatures.Tso6 | PortFeatures.Uso4 | PortFeatures.Uso6;

    /// <inheritdoc/>
    public int PollDescriptor => _socket;

    /// <inheritdoc/>
    public bool TryTake(Frame frame)
    {
        frame.Clear();
        if (_disposed) return false;
        while (true)
        {
            // Safe: the buffer is ours until Dispose and has room for the header and the longest frame.
            var count = HostSocket.Receive(_socket, [new MemorySegment((nint)_buffer, HeaderSize + Frame.MaxLength)]);
            if (count is 0 or Nat.Tcp.ITcpStream.Failed)
            {
                Closed?.Invoke();
                return false;
            }

            if (count < 0) return false;
            if (count <= HeaderSize) continue; // the other process is not trusted either
            frame.Offload = *(FrameOffload*)_buffer;
            return frame.Add((nint)(_buffer + HeaderSize), count - HeaderSize);
        }
    }

    /// <inheritdoc/>
    public void Release(Frame frame)
    {
        // The buffer is used for the next one.
    }

    /// <inheritdoc/>
    public bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload)
    {
        // Safe: the kernel only reads the pieces; they stay in place while they are fixed or on the stack.
        var header = stackalloc byte[HeaderSize];
        *(FrameOffload*)header = offload;
        *(ushort*)(header + FrameOffload.Size) = 0;
        Span<MemorySegment> segments = stackalloc MemorySegment[Frame.MaxSegments + 2];
        segments[0] = new((nint)header, HeaderSize);
        fixed (byte* first = head)
        {
            var count = 1;
            if (head.Length > 0) segments[count++] = new((nint)first, head.Length);
            body.CopyTo(segments[count..]);
            return HostSocket.Send(_socket, segments[..(count + body.Length)]) != Nat.Tcp.ITcpStream.WouldBlock;
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        // The kernel has them already.
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _ = Linux.Close(_socket);
        NativeMemory.AlignedFree(_buffer);
    }
}
