namespace Holon.Machines.Control;

/// <summary>
/// The end of what a machine printed, for those who look at it from outside. Whoever prints never waits; a reader that is too slow misses what
/// was overwritten.
/// </summary>
public sealed class ConsoleLog
{
    /// <summary>Bytes kept.</summary>
    public const int Capacity = 256 * 1024;

    private readonly object _lock = new(); // a monitor: it is waited on
    private readonly byte[] _ring = new byte[Capacity];
    private long _written;
    private bool _ended;

    /// <summary>Bytes printed so far: the place where the next byte will be.</summary>
    public long Position
    {
        get
        {
            lock (_lock) return _written;
        }
    }

    /// <summary>Takes what was printed.</summary>
    public void Write(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            _written += Math.Max(0, data.Length - Capacity);
            data = data[Math.Max(0, data.Length - Capacity)..];
            var at = (int)(_written % Capacity);
            var first = Math.Min(data.Length, Capacity - at);
            data[..first].CopyTo(_ring.AsSpan(at));
            data[first..].CopyTo(_ring);
            _written += data.Length;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Nothing more will be printed.</summary>
    public void End()
    {
        lock (_lock)
        {
            _ended = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Gives what was printed from a place on; waits when there is nothing new.</summary>
    /// <param name="position">The place; moved on, also past what is kept no longer.</param>
    /// <param name="buffer">Where to.</param>
    /// <param name="patience">How long to wait.</param>
    /// <returns>Bytes given; 0 when none came in time, -1 when none will come any more.</returns>
    public int Read(ref long position, Span<byte> buffer, TimeSpan patience)
    {
        lock (_lock)
        {
            if (position >= _written && !_ended) Monitor.Wait(_lock, patience);
            if (position >= _written) return _ended ? -1 : 0;
            position = Math.Max(position, _written - Capacity);
            var at = (int)(position % Capacity);
            var count = (int)Math.Min(Math.Min(buffer.Length, _written - position), Capacity - at);
            _ring.AsSpan(at, count).CopyTo(buffer);
            position += count;
            return count;
        }
    }
}
