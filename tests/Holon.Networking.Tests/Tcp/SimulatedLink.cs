using Holon.Networking.Nat;
using Holon.Networking.Nat.Tcp;
using Holon.Networking.Packets;

namespace Holon.Networking.Tests.Tcp;

/// <summary>A segment on its way.</summary>
internal sealed record Segment(TcpHeader Header, byte[] Payload);

/// <summary>What a link does to segments.</summary>
/// <param name="Loss">Share that is lost.</param>
/// <param name="Duplication">Share that arrives twice.</param>
/// <param name="Delay">Nanoseconds that all take.</param>
/// <param name="Jitter">Nanoseconds that some take longer, so that they arrive in another order.</param>
/// <param name="Refusal">Share of sends for which the guest has no room.</param>
internal sealed record LinkQuality(double Loss, double Duplication, long Delay, long Jitter, double Refusal);

/// <summary>
/// Our engine, a link that loses, repeats, delays and reorders, and virtual time: a schedule is a seed, and the same seed is the same schedule.
/// </summary>
internal sealed class SimulatedLink : ITcpNetwork, IDisposable
{
    private readonly PriorityQueue<Action, (long Time, long Order)> _events = new();
    private readonly Random _random;
    private readonly LinkQuality _quality;
    private readonly List<TcpConnection> _toAcknowledge = [];
    private readonly HashSet<TcpConnection> _blocked = [];
    private long _order;

    public SimulatedLink(int seed, LinkQuality quality, bool canSegment, long bufferBytes)
    {
        _random = new Random(seed);
        _quality = quality;
        Segments = canSegment;
        Buffers = new BufferPool(bufferBytes);
    }

    public bool Segments { get; }

    public long Now { get; private set; } = 1_000_000_000;

    public TimerQueue Timers { get; } = new();

    public BufferPool Buffers { get; }

    /// <summary>Takes what our engine sends.</summary>
    public Action<Segment> ToPeer { get; set; } = _ => { };

    public bool Removed { get; private set; }

    public long SentSegments { get; private set; }

    public bool CanSegment(IpAddress guest) => Segments;

    public bool Send(TcpConnection connection, in TcpHeader header, ReadOnlySpan<MemorySegment> payload, int payloadLength)
    {
        if (_random.NextDouble() < _quality.Refusal)
        {
            if (_blocked.Add(connection))
            {
                At(Now + _random.NextInt64(5_000_000), () =>
                {
                    _blocked.Remove(connection);
                    connection.OnRoom();
                });
            }

            return false;
        }

        Assert.True(Segments || payloadLength <= connection.SegmentSize);
        var bytes = new byte[payloadLength];
        var at = 0;
        foreach (var piece in payload)
        {
            piece.Span.CopyTo(bytes.AsSpan(at));
            at += (int)piece.Length;
        }

        Assert.Equal(payloadLength, at);
        // As a card with segmentation offload does.
        var segment = header;
        for (var offset = 0; offset == 0 || offset < payloadLength; offset += connection.SegmentSize)
        {
            var part = bytes.AsSpan(offset, Math.Min(connection.SegmentSize, payloadLength - offset)).ToArray();
            segment.Flags = offset + part.Length == payloadLength ? header.Flags : header.Flags & ~(TcpFlags.Fin | TcpFlags.Psh);
            SentSegments++;
            var sent = new Segment(segment, part);
            Carry(() => ToPeer(sent));
            segment.Sequence += (uint)part.Length;
        }

        return true;
    }

    public void AcknowledgeLater(TcpConnection connection)
    {
        if (connection.IsInAcknowledgeList) return;
        connection.IsInAcknowledgeList = true;
        _toAcknowledge.Add(connection);
    }

    public void Remove(TcpConnection connection) => Removed = true;

    /// <summary>Carries a segment of the peer to our engine.</summary>
    public unsafe void ToEngine(TcpConnection connection, Segment segment) => Carry(() =>
    {
        fixed (byte* bytes = segment.Payload)
        {
            MemorySegment piece = new((nint)bytes, segment.Payload.Length);
            connection.OnSegment(segment.Header, segment.Payload.Length == 0 ? [] : new ReadOnlySpan<MemorySegment>(in piece), segment.Payload.Length);
        }
    });

    /// <summary>Runs something at a time.</summary>
    public void At(long time, Action action) => _events.Enqueue(action, (time, _order++));

    /// <summary>Runs until nothing is left to do, or until a time; false when there was still something to do.</summary>
    public bool Run(Func<bool> done, long until)
    {
        while (!done())
        {
            var next = Timers.Next;
            if (_events.TryPeek(out _, out var first)) next = Math.Min(next, first.Time);
            if (next > until) return false;
            Now = Math.Max(Now, next);
            if (_events.TryPeek(out _, out first) && first.Time <= Now) _events.Dequeue()();
            Timers.FireDue(Now);
            FlushAcknowledgments();
        }

        return true;
    }

    public void Dispose() => Buffers.Dispose();

    private void FlushAcknowledgments()
    {
        foreach (var connection in _toAcknowledge.ToArray())
        {
            connection.IsInAcknowledgeList = false;
            connection.FlushAcknowledgment();
        }

        _toAcknowledge.Clear();
    }

    private void Carry(Action arrive)
    {
        if (_random.NextDouble() < _quality.Loss) return;
        do At(Now + _quality.Delay + (_random.Next(4) == 0 ? _random.NextInt64(_quality.Jitter + 1) : 0), arrive);
        while (_random.NextDouble() < _quality.Duplication);
    }
}

/// <summary>The far side of our engine in the simulation: gives bytes in bursts, takes them in bursts.</summary>
internal sealed class SimulatedStream(SimulatedLink link, Random random, byte[] give, bool slow) : ITcpStream
{
    private readonly List<byte> _taken = [];
    private int _given, _readable;
    private bool _ended;

    public TcpConnection Connection { get; set; } = null!;

    public IReadOnlyList<byte> Taken => _taken;

    public string Given => $"{_given}+{_readable}";

    public bool GuestFinished { get; private set; }

    public bool Closed { get; private set; }

    public bool Aborted { get; private set; }

    public int Read(ReadOnlySpan<MemorySegment> room)
    {
        if (_readable == 0)
        {
            if (_ended) return 0;
            link.At(link.Now + random.NextInt64(slow ? 30_000_000 : 100_000), () =>
            {
                if (Closed) return;
                _readable = Math.Min(give.Length - _given, 1 + random.Next(slow ? 2000 : 100_000));
                _ended = _readable == 0;
                Connection.OnReadable();
            });
            return ITcpStream.WouldBlock;
        }

        var count = 0;
        foreach (var piece in room)
        {
            var part = Math.Min((int)piece.Length, _readable);
            give.AsSpan(_given, part).CopyTo(piece.Span);
            (_given, _readable, count) = (_given + part, _readable - part, count + part);
        }

        return count;
    }

    public int Write(ReadOnlySpan<MemorySegment> data)
    {
        Assert.False(GuestFinished);
        Assert.False(Closed);
        if (random.Next(slow ? 2 : 20) == 0)
        {
            link.At(link.Now + random.NextInt64(slow ? 300_000_000 : 1_000_000), () =>
            {
                if (!Closed) Connection.OnWritable();
            });
            return ITcpStream.WouldBlock;
        }

        var room = slow ? random.Next(1, 5000) : int.MaxValue;
        var count = 0;
        foreach (var piece in data)
        {
            var part = Math.Min((int)piece.Length, room - count);
            _taken.AddRange(piece.Span[..part]);
            count += part;
        }

        var total = 0;
        foreach (var piece in data) total += (int)piece.Length;
        if (count < total)
        {
            link.At(link.Now + random.NextInt64(20_000_000), () =>
            {
                if (!Closed) Connection.OnWritable();
            });
        }

        return count;
    }

    public void ShutdownWrite()
    {
        Assert.False(GuestFinished);
        GuestFinished = true;
    }

    public void Close(bool abort)
    {
        Closed = true;
        Aborted |= abort;
    }
}
