using Holon.Networking.Capture;
using Holon.Networking.Host;

namespace Holon.Networking.Nat;

/// <summary>
/// A port plugged into a loop: takes its frames in batches, counts, records and slows them down, and puts frames back.
/// </summary>
internal sealed class PortLink : INetworkLink, IGuestSide, IPollHandler
{
    /// <summary>Frames taken before sockets and timers get their turn.</summary>
    private const int Batch = 128;

    /// <summary>
    /// From so many frames in so many nanoseconds on, the guest's doorbell is off and the port is looked at after each pause: a doorbell costs the
    /// guest as much as a fifth of a datagram's way through its kernel. Answers to what comes slower are not delayed.
    /// </summary>
    private const int DenseFrames = 40, DenseTime = 1_000_000, Pause = 100_000;

    private readonly EventLoop _loop;
    private readonly INetworkPort _port;
    private readonly PcapWriter? _capture;
    private readonly TokenBucket? _sendLimit, _receiveLimit;
    private readonly Frame _frame = new();
    private readonly WakeTimer _wake;
    private int _slot;
    private bool _attached, _hasPut, _refused, _more;
    private int _recentFrames;
    private long _recentSince;
    private long _sentFrames, _sentBytes, _receivedFrames, _receivedBytes, _dropped, _denied;
    private Action<Frame> _receive = _ => { };
    private Action _endBatch = () => { }, _room = () => { }, _disconnect = () => { };

    public PortLink(EventLoop loop, INetworkPort port, ByteRate? rate, PcapWriter? capture)
    {
        (_loop, _port, _capture) = (loop, port, capture);
        if (rate is { } limit) (_sendLimit, _receiveLimit) = (new TokenBucket(limit), new TokenBucket(limit));
        _wake = new WakeTimer(this);
    }

    /// <inheritdoc/>
    public PortFeatures Features => _port.Features;

    /// <inheritdoc/>
    public NetworkCounters Counters => new(_sentFrames, _sentBytes, _receivedFrames, _receivedBytes, _dropped, _denied);

    /// <summary>True while nothing is taken from the port, because what came before has nowhere to go.</summary>
    public bool IsHeld { get; set; }

    /// <summary>Begins; on the loop's thread.</summary>
    public void Attach(Action<Frame> receive, Action endBatch, Action room, Action disconnect)
    {
        (_receive, _endBatch, _room, _disconnect) = (receive, endBatch, room, disconnect);
        _attached = true;
        _loop.Signalled += Pump;
        _loop.BatchEnded += EndBatch;
        if (_port.PollDescriptor >= 0) _slot = _loop.Add(_port.PollDescriptor, Linux.EpollIn | Linux.EpollOut | Linux.EpollEdge, this);
        _loop.Signal();
    }

    /// <summary>Ends; on the loop's thread.</summary>
    public void Detach()
    {
        if (!_attached) return;
        _attached = false;
        _loop.Signalled -= Pump;
        _loop.BatchEnded -= EndBatch;
        _loop.Timers.Remove(_wake);
        _loop.Remove(_slot);
    }

    /// <inheritdoc/>
    public void Signal() => _loop.Signal();

    /// <inheritdoc/>
    public void Dispose() => _loop.Call(() =>
    {
        if (_attached) _disconnect();
        return true;
    });

    /// <inheritdoc/>
    public void OnEvents(uint events) => Pump();

    /// <inheritdoc/>
    public bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload)
    {
        if (_receiveLimit is not null)
        {
            var opens = _receiveLimit.OpensAt(_loop.Now);
            if (opens > _loop.Now)
            {
                WakeAt(opens);
                _refused = true;
                return false;
            }
        }

        if (!_port.TryPut(head, body, offload))
        {
            _refused = true;
            return false;
        }

        // Whoever was refused is told when the guest gives room; with this frame taken, the card may no longer ask it to say so.
        if (_refused) _loop.Signal();
        var length = head.Length;
        foreach (ref readonly var segment in body) length += (int)segment.Length;
        _receiveLimit?.Take(length);
        _receivedFrames++;
        _receivedBytes += length;
        _hasPut = true;
        _capture?.Add(head, body);
        return true;
    }

    /// <inheritdoc/>
    public void CountDropped() => _dropped++;

    /// <inheritdoc/>
    public void CountDenied() => _denied++;

    /// <summary>Takes what waits in the port; on the loop's thread.</summary>
    public void Pump()
    {
        if (!_attached) return;
        if (_refused)
        {
            _refused = false;
            _room();
        }

        _more = false;
        for (var i = 0; _attached && !IsHeld; i++)
        {
            if (_sendLimit is not null)
            {
                var opens = _sendLimit.OpensAt(_loop.Now);
                if (opens > _loop.Now)
                {
                    WakeAt(opens); // the frames stay where they are: the guest's queue fills, and it knows what to do
                    return;
                }
            }

            if (i == Batch)
            {
                _more = true;
                return;
            }

            if (!_port.TryTake(_frame))
            {
                RanDry();
                return;
            }

            _recentFrames++;
            _sendLimit?.Take(_frame.Length);
            _sentFrames++;
            _sentBytes += _frame.Length;
            _capture?.Add([], _frame.Segments);
            _receive(_frame);
            _port.Release(_frame);
            _hasPut = true;
        }
    }

    private void EndBatch()
    {
        if (!_attached) return;
        _endBatch();
        if (_hasPut)
        {
            _hasPut = false;
            _port.Flush();
        }

        if (_more) _loop.Signal(); // after the others had their turn
    }

    /// <summary>Decides how the next frame is noticed.</summary>
    private void RanDry()
    {
        if (_port.PollDescriptor >= 0) return;
        var now = _loop.Now;
        var dense = !_port.Signals;
        if (now - _recentSince >= DenseTime)
        {
            dense = _recentFrames * (long)DenseTime >= DenseFrames * (now - _recentSince);
            (_recentFrames, _recentSince) = (0, now);
        }

        if (dense) WakeAt(now + Pause);
        else if (!_port.Signals) _loop.Signal(); // look once more: what came before the doorbell was on did not ring it
        _port.Signals = !dense;
    }

    private void WakeAt(long time)
    {
        if (time < _wake.Due) _loop.Timers.Set(_wake, time);
    }

    private sealed class WakeTimer(PortLink link) : LoopTimer
    {
        public override void Fire(long now) => link.Pump();
    }
}
