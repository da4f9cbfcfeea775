using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Networking.Nat.Tcp;

namespace Holon.Networking.Host;

/// <summary>
/// Reads the datagrams of a socket several at a time: one system call for up to <see cref="Most"/> of them (recvmmsg(2)), of which each may be
/// several that the kernel has gathered (udp(7), <c>UDP_GRO</c>). What was read last stays until the next call.
/// </summary>
internal sealed unsafe class DatagramReader : IDisposable
{
    /// <summary>Datagrams, or gathered ones, of a call.</summary>
    public const int Most = 32;

    private const int Room = 65536, NameRoom = 32;

    private readonly Linux.OneOfMany* _messages;
    private readonly MemorySegment* _segments;
    private readonly Linux.IntegerControl* _controls;
    private readonly byte* _names, _data;
    private bool _disposed;

    public DatagramReader()
    {
        // The kernel gives pages when they are written to: small datagrams cost one each.
        var bytes = Most * (nuint)(sizeof(Linux.OneOfMany) + sizeof(MemorySegment) + sizeof(Linux.IntegerControl) + NameRoom + Room);
        _data = (byte*)NativeMemory.AlignedAlloc(bytes, 4096);
        _names = _data + (Most * Room);
        _controls = (Linux.IntegerControl*)(_names + (Most * NameRoom));
        _segments = (MemorySegment*)(_controls + Most);
        _messages = (Linux.OneOfMany*)(_segments + Most);
        for (var i = 0; i < Most; i++) _segments[i] = new MemorySegment((nint)(_data + (i * Room)), Room);
    }

    /// <summary>Reads what waits, as many as that at most; returns how many, or <see cref="ITcpStream"/>'s results.</summary>
    public int Receive(int socket, int most)
    {
        most = Math.Min(most, Most);
        // Safe: all that the kernel writes to are parts of this object's memory, with their sizes.
        for (var i = 0; i < most; i++)
        {
            _messages[i].Message = new Linux.MessageHeader
            {
                Name = (nint)(_names + (i * NameRoom)),
                NameLength = SocketAddress.MaxSize,
                Segments = (nint)(_segments + i),
                SegmentCount = 1,
                Control = (nint)(_controls + i),
                ControlLength = (nuint)sizeof(Linux.IntegerControl),
            };
        }

        while (true)
        {
            var count = Linux.ReceiveMessages(socket, _messages, (uint)most, Linux.MessageDontWait, null);
            if (count >= 0) return count;
            var error = Linux.Error;
            if (error == Linux.Interrupted) continue;
            return error == Linux.Again ? ITcpStream.WouldBlock : ITcpStream.Failed;
        }
    }

    /// <summary>The bytes of one; those of gathered ones stand one behind the other.</summary>
    public MemorySegment Bytes(int index) => new(_segments[index].Address, (nint)_messages[index].Length);

    /// <summary>The length of each datagram but the last, when several were gathered; 0 when there is one.</summary>
    public int SegmentSize(int index)
    {
        ref var control = ref _controls[index];
        return _messages[index].Message.ControlLength >= (nuint)Unsafe.SizeOf<nuint>() + (3 * sizeof(int)) && control.Level == Linux.LevelUdp && control.Type == Linux.UdpGather
            && control.Value > 0 && control.Value < _messages[index].Length
            ? control.Value
            : 0;
    }

    /// <summary>Who sent one.</summary>
    public (IpAddress Address, ushort Port) Sender(int index) =>
        SocketAddress.Read(new ReadOnlySpan<byte>(_names + (index * NameRoom), (int)Math.Min(_messages[index].Message.NameLength, SocketAddress.MaxSize)));

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        NativeMemory.AlignedFree(_data);
    }
}
