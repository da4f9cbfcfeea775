using Holon.Devices.Serial;

namespace Holon.SystemMachine;

/// <summary>
/// Bytes on the wire to a serial port: a few more than its sixteen, which it takes whenever the guest has made room. That a sender
/// comes back for more only a little later keeps the pace of a real line: a driver reads in its interrupt handler for as long as
/// there is something, and loses what it cannot pass on meanwhile.
/// </summary>
/// <remarks>Not thread-safe: every call is made under the port's lock, as the port makes its own.</remarks>
internal sealed class SerialQueue
{
    /// <summary>Bytes on the wire at most. Linux's driver has room for 64 KiB: a thousand such rounds.</summary>
    public const int Capacity = 64;

    private readonly Uart16550 _port;
    private readonly byte[] _waiting = new byte[Capacity];
    private int _head, _end;

    /// <summary>Connects to a port.</summary>
    public SerialQueue(Uart16550 port)
    {
        _port = port;
        port.RoomAvailable = Deliver;
    }

    /// <summary>Takes bytes for the port, once it has had all of the bytes before.</summary>
    /// <returns>How many it took; offer the rest a millisecond later.</returns>
    public int Offer(ReadOnlySpan<byte> data)
    {
        if (_head < _end) return 0;
        (_head, _end) = (0, Math.Min(data.Length, Capacity));
        data[.._end].CopyTo(_waiting);
        var taken = _end;
        Deliver();
        return taken;
    }

    private void Deliver() => _head += _port.Receive(_waiting.AsSpan(_head, _end - _head)); // it calls when there is room for the rest
}
