using Holon.Cli.Terminal;

namespace Holon.Cli.Running;

/// <summary>
/// Carries what the guest prints to a descriptor, on a thread of its own. Everything waiting goes out in one write. When nobody
/// reads, the guest waits, as it would for a slow line, until <see cref="Abandon"/>.
/// </summary>
internal sealed class SerialOutput : IDisposable
{
    /// <summary>How far the guest may be ahead of the reader.</summary>
    public const int Capacity = 256 * 1024;

    private readonly int _descriptor;
    private readonly Action _closed;
    private readonly object _lock = new(); // a monitor: its wait and pulse are needed
    private byte[] _waiting = new byte[Capacity], _writing = new byte[Capacity];
    private int _count;
    private bool _ended, _abandoned, _finished;

    /// <summary>Starts carrying.</summary>
    /// <param name="descriptor">Where to; not closed.</param>
    /// <param name="closed">Called once, on the carrying thread, when nobody reads any more.</param>
    public SerialOutput(int descriptor, Action closed)
    {
        _descriptor = descriptor;
        _closed = closed;
        new Thread(Carry) { IsBackground = true, Name = "serial output" }.Start();
    }

    /// <summary>Takes bytes from the guest; waits while the reader is too far behind.</summary>
    public void Write(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            while (!data.IsEmpty && !_abandoned)
            {
                var taken = Math.Min(data.Length, Capacity - _count);
                if (taken == 0)
                {
                    Monitor.Wait(_lock);
                    continue;
                }

                data[..taken].CopyTo(_waiting.AsSpan(_count));
                _count += taken;
                data = data[taken..];
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>From now on nothing is carried and nobody waits: the machine is being ended.</summary>
    public void Abandon()
    {
        lock (_lock)
        {
            _abandoned = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Returns when everything taken has been written, or was abandoned.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            Monitor.PulseAll(_lock);
            while (!_finished && !_abandoned) Monitor.Wait(_lock);
        }
    }

    private void Carry()
    {
        while (true)
        {
            int count;
            lock (_lock)
            {
                while (_count == 0 && !_ended && !_abandoned) Monitor.Wait(_lock);
                if (_count == 0 || _abandoned)
                {
                    _finished = true;
                    Monitor.PulseAll(_lock);
                    return;
                }

                (_waiting, _writing, count, _count) = (_writing, _waiting, _count, 0);
                Monitor.PulseAll(_lock);
            }

            if (Descriptor.TryWrite(_descriptor, _writing.AsSpan(0, count))) continue;
            Abandon();
            _closed();
            return;
        }
    }
}
