namespace Holon.SystemMachine;

/// <summary>Takes the bytes a guest's serial port sends; called on a thread of the machine, which the guest waits for only when it prints faster.</summary>
public delegate void SerialOutputHandler(ReadOnlySpan<byte> data);

/// <summary>
/// Carries a serial port's output to its reader on a thread of its own, in batches. A guest that prints faster than the reader
/// takes is slowed down; nothing is lost and memory is bounded.
/// </summary>
internal sealed class SerialPump : IDisposable
{
    /// <summary>Bytes that may wait for the reader.</summary>
    public const int Capacity = 1 << 16;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly byte[] _waiting = new byte[Capacity], _batch = new byte[Capacity];
    private readonly ManualResetEventSlim _data = new(), _room = new(true), _idle = new(true), _hurry = new();
    private readonly SerialOutputHandler _reader;
    private readonly Thread _thread;
    private int _count;
    private volatile bool _closed;

    public SerialPump(SerialOutputHandler reader)
    {
        _reader = reader;
        _thread = new Thread(Deliver) { IsBackground = true, Name = "serial output" };
        _thread.Start();
    }

    /// <summary>Takes one byte from the guest; waits while the reader is far behind.</summary>
    public void Send(byte value)
    {
        while (!_closed)
        {
            lock (_lock)
            {
                if (_count < Capacity)
                {
                    _waiting[_count++] = value;
                    if (_count == Capacity) _room.Reset();
                    _idle.Reset();
                    _data.Set();
                    return;
                }
            }

            if (WaitHandle.WaitAny([_room.WaitHandle, _hurry.WaitHandle]) != 0 && !_room.Wait(Patience)) return; // nobody will hear it
        }
    }

    /// <summary>Returns when everything sent so far has reached the reader, however slow it is; after <see cref="Hurry"/>, soon in any case.</summary>
    public void Drain()
    {
        if (WaitHandle.WaitAny([_idle.WaitHandle, _hurry.WaitHandle]) != 0) _idle.Wait(Patience);
    }

    /// <summary>Somebody ends the machine and does not want to wait for a reader that takes nothing.</summary>
    public void Hurry() => _hurry.Set();

    /// <summary>Delivers what waits, then ends the thread.</summary>
    public void Dispose()
    {
        Hurry();
        Drain();
        _closed = true;
        _room.Set();
        _data.Set();
        _thread.Join(Patience);
    }

    private void Deliver()
    {
        while (!_closed)
        {
            _data.Wait();
            int length;
            lock (_lock)
            {
                length = _count;
                _waiting.AsSpan(0, length).CopyTo(_batch);
                _count = 0;
                _data.Reset();
                _room.Set();
            }

            if (length > 0) _reader(_batch.AsSpan(0, length));
            lock (_lock)
            {
                if (_count == 0) _idle.Set();
                else _data.Set();
            }
        }
    }
}
