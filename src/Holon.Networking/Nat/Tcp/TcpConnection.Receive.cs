using Holon.Networking.Packets;

namespace Holon.Networking.Nat.Tcp;

/// <summary>What the guest sends.</summary>
internal sealed partial class TcpConnection
{
    /// <summary>Shift of our windows: 16 bits then reach 4 MiB, more than any ring.</summary>
    public const int WindowShift = 6;

    /// <summary>A lone small segment is acknowledged this late, so that the answer to it can carry the acknowledgment (RFC 9293 §3.8.6.3).</summary>
    public const long AcknowledgeDelay = 2 * Millisecond;

    /// <summary>At most one acknowledgment in answer to unacceptable segments in this time (RFC 5961 §7): no war of acknowledgments.</summary>
    public const long ChallengeInterval = 20 * Millisecond;

    private const long PawsIdle = 24L * 24 * 3600 * Second; // RFC 7323 §5.5

    private readonly ByteRing _receiveRing; // bytes [_receiveNext - Count, _receiveNext) the stream has not taken; behind them islands
    private readonly RangeSet _outOfOrder = new();
    private uint _receiveNext, _advertisedEnd, _timestampRecent, _lastAcknowledged, _finSequence, _latestIsland;
    private long _timestampRecentAt, _lastChallenge = long.MinValue / 2;
    private int _ownWindowShift, _unacknowledgedBytes;
    private bool _streamWritable = true, _acknowledgePending, _acknowledgeNow, _finSeen, _finDone;

    /// <summary>The next number that we expect of the guest.</summary>
    internal uint GuestSequence => _receiveNext;

    /// <summary>Takes one segment. The payload's memory is valid during the call only.</summary>
    public void OnSegment(in TcpHeader segment, ReadOnlySpan<MemorySegment> payload, int length)
    {
        switch (State)
        {
            case TcpState.Connecting:
                if ((segment.Flags & TcpFlags.Rst) != 0 && segment.Sequence == _receiveNext) End(abort: true);
                return; // repeated SYNs: the answer comes when the far side has answered
            case TcpState.SynSent:
                OnSegmentInSynSent(segment);
                break;
            case TcpState.Closed:
                return;
            default:
                Process(segment, payload, length);
                break;
        }

        SettleTimer();
    }

    /// <summary>Sends the acknowledgment that a batch of segments has left behind, now or a little later.</summary>
    public void FlushAcknowledgment()
    {
        if (!_acknowledgePending || State == TcpState.Closed) return;
        if (_unacknowledgedBytes >= 2 * SegmentSize || _acknowledgeNow || _acknowledgeAt != long.MaxValue)
        {
            SendAcknowledgment();
        }
        else
        {
            _acknowledgeAt = _network.Now + AcknowledgeDelay;
        }

        SettleTimer();
    }

    private void TakeSyn(in TcpHeader syn)
    {
        _receiveNext = _lastAcknowledged = _advertisedEnd = syn.Sequence + 1;
        SegmentSize = Math.Min(_ownMss, Math.Max(syn.MaxSegment == 0 ? (ushort)536 : syn.MaxSegment, (ushort)88)); // Linux's TCP_MIN_SND_MSS is 48 + options
        _sack = syn.SackPermitted;
        _timestamps = syn.HasTimestamp;
        if (_timestamps) RememberTimestamp(syn.TimestampValue);
        _ownWindowShift = syn.WindowScale >= 0 ? WindowShift : 0;
        _guestWindowShift = Math.Max(syn.WindowScale, 0);
        _sendWindow = syn.Window; // never scaled in a SYN (RFC 7323 §2.2)
        _windowSequence = syn.Sequence;
        if (_timestamps) SegmentSize -= 12; // RFC 6691: options count
        _congestionWindow = InitialWindow;
    }

    private void OnSegmentInSynSent(in TcpHeader segment)
    {
        if ((segment.Flags & TcpFlags.Ack) != 0 && segment.Acknowledgment != _sendNext)
        {
            if ((segment.Flags & TcpFlags.Rst) == 0) SendControl(segment.Acknowledgment, TcpFlags.Rst);
            return;
        }

        if ((segment.Flags & TcpFlags.Rst) != 0)
        {
            if ((segment.Flags & TcpFlags.Ack) != 0) End(abort: true);
            return;
        }

        if ((segment.Flags & (TcpFlags.Syn | TcpFlags.Ack)) != (TcpFlags.Syn | TcpFlags.Ack)) return; // simultaneous open does not happen through a NAT
        TakeSyn(segment);
        _lastHeard = _network.Now;
        _sendUnacknowledged = _sendNext;
        _windowAcknowledgment = segment.Acknowledgment;
        _retransmitAt = long.MaxValue;
        _retries = 0;
        State = TcpState.Established;
        SendAcknowledgment();
        _streamReadable = true;
        Transmit();
    }

    private void Process(in TcpHeader segment, ReadOnlySpan<MemorySegment> payload, int length)
    {
        if (_timestamps && segment.HasTimestamp && (int)(segment.TimestampValue - _timestampRecent) < 0
            && _network.Now - _timestampRecentAt < PawsIdle && (segment.Flags & TcpFlags.Rst) == 0)
        {
            Challenge(); // RFC 7323 §5.3: an old duplicate
            return;
        }

        var window = (int)(_advertisedEnd - _receiveNext);
        var offset = (int)(segment.Sequence - _receiveNext);
        var end = offset + length + ((segment.Flags & TcpFlags.Syn) != 0 ? 1 : 0) + ((segment.Flags & TcpFlags.Fin) != 0 ? 1 : 0);
        // RFC 9293 §3.10.7.4, first check. A zero window still lets acknowledgments and resets of the next number in.
        var acceptable = (end > 0 && offset < window) || (offset == 0 && (window == 0 || end == 0)) || (end == offset && offset >= 0 && offset < window);
        if (!acceptable)
        {
            if ((segment.Flags & TcpFlags.Rst) != 0) return;
            // A repetition (our acknowledgment was lost) or a probe of the window: answer, at a bounded rate when it carries nothing.
            if (length > 0 || (segment.Flags & TcpFlags.Fin) != 0) RequestAcknowledgment(now: true); else Challenge();
            // Linux's probes are one before the window and carry a good acknowledgment, which may be the one that we wait for.
            if (end <= 0 && (segment.Flags & (TcpFlags.Ack | TcpFlags.Syn)) == TcpFlags.Ack && State != TcpState.SynReceived && TakeAcknowledgment(segment, 1)) Transmit();
            return;
        }

        _lastHeard = _network.Now;
        _keepAlivesSent = 0;
        if ((segment.Flags & TcpFlags.Rst) != 0)
        {
            if (offset == 0) End(abort: true); else Challenge(); // RFC 5961 §3.2
            return;
        }

        if ((segment.Flags & TcpFlags.Syn) != 0)
        {
            if (State == TcpState.SynReceived) SendSyn(); else Challenge(); // RFC 5961 §4.2
            return;
        }

        if ((segment.Flags & TcpFlags.Ack) == 0) return;
        if (State == TcpState.SynReceived)
        {
            if (segment.Acknowledgment != _sendNext)
            {
                SendControl(segment.Acknowledgment, TcpFlags.Rst);
                return;
            }

            Establish(segment);
        }

        if (_timestamps && segment.HasTimestamp && !Sequence.After(segment.Sequence, _lastAcknowledged)) RememberTimestamp(segment.TimestampValue);
        if (!TakeAcknowledgment(segment, length) || State == TcpState.Closed) return;
        if (length > 0 || (segment.Flags & TcpFlags.Fin) != 0) TakeData(segment, payload, length, offset);
        if (State is not (TcpState.Closed or TcpState.TimeWait)) Transmit();
    }

    private void Establish(in TcpHeader segment)
    {
        State = TcpState.Established;
        _sendUnacknowledged = _sendNext;
        _sendWindow = segment.Window << _guestWindowShift;
        _windowSequence = segment.Sequence;
        _windowAcknowledgment = segment.Acknowledgment;
        _retransmitAt = long.MaxValue;
        _retries = 0;
        _retransmitTimeout = InitialTimeout;
        _streamReadable = true;
    }

    private void TakeData(in TcpHeader segment, ReadOnlySpan<MemorySegment> payload, int length, int offset)
    {
        if (_finDone || State is TcpState.TimeWait)
        {
            RequestAcknowledgment(now: true);
            return;
        }

        var skip = Math.Max(-offset, 0); // what we have already
        offset = Math.Max(offset, 0);
        var window = (int)(_advertisedEnd - _receiveNext);
        var take = Math.Min(length - skip, window - offset);
        var fin = (segment.Flags & TcpFlags.Fin) != 0 && take == length - skip;
        if (skip > 0 || take < length - skip) RequestAcknowledgment(now: true);
        if (fin && !_finSeen)
        {
            _finSeen = true;
            _finSequence = segment.Sequence + (uint)length;
        }

        Span<MemorySegment> pieces = stackalloc MemorySegment[Frame.MaxSegments];
        if (take > 0 && !(_finSeen && Sequence.After(_receiveNext + (uint)(offset + take), _finSequence)))
        {
            pieces = pieces[..Frame.Slice(payload, skip, take, pieces)];
            if (offset == 0) TakeInOrder(pieces, take); else TakeOutOfOrder(pieces, take, offset);
        }

        if (State == TcpState.Closed) return;
        if (_finSeen && !_finDone && _receiveNext == _finSequence && _receiveRing.Count == 0) FinishReceiving();
        RequestAcknowledgment(now: _finDone || _outOfOrder.Count > 0 || offset > 0); // RFC 5681 §4.2
    }

    private void TakeInOrder(ReadOnlySpan<MemorySegment> data, int length)
    {
        var written = 0;
        if (_receiveRing.Count == 0 && _streamWritable)
        {
            written = WriteToStream(data, length); // the usual way: from the guest's memory into the host's socket
            if (written < 0) return;
            if (written > 0 && _receiveRing.IsOpen && _outOfOrder.Count > 0)
            {
                // Islands are kept relative to the first byte that is not delivered: move on with it.
                _receiveRing.Append(written);
                _receiveRing.Remove(written);
            }
        }

        var kept = 0;
        if (written < length && _receiveRing.TryOpen())
        {
            kept = Math.Min(length - written, _receiveRing.Free);
            Span<MemorySegment> rest = stackalloc MemorySegment[Frame.MaxSegments];
            _receiveRing.Store(_receiveRing.Count, rest[..Frame.Slice(data, written, kept, rest)]);
            _receiveRing.Append(kept);
        }

        _receiveNext += (uint)(written + kept);
        _unacknowledgedBytes += written + kept;
        if (_outOfOrder.Count > 0) JoinIslands();
    }

    private void TakeOutOfOrder(ReadOnlySpan<MemorySegment> data, int length, int offset)
    {
        if (!_receiveRing.TryOpen() || _receiveRing.Count + offset + length > _receiveRing.Capacity) return; // comes again
        if (!_outOfOrder.Add(_receiveNext + (uint)offset, _receiveNext + (uint)(offset + length))) return;
        _latestIsland = _receiveNext + (uint)offset;
        _receiveRing.Store(_receiveRing.Count + offset, data);
    }

    /// <summary>The gap before the first island may have been filled.</summary>
    private void JoinIslands()
    {
        _outOfOrder.RemoveBefore(_receiveNext);
        if (_outOfOrder.Count == 0 || _outOfOrder.Ranges[0].Start != _receiveNext) return;
        var length = _outOfOrder.Ranges[0].Length;
        _receiveRing.Append(length);
        _receiveNext += (uint)length;
        _unacknowledgedBytes += length;
        _outOfOrder.RemoveBefore(_receiveNext);
        DrainToStream();
    }

    /// <summary>Gives the stream what waits for it, and the guest the window that this opens.</summary>
    private void DrainToStream()
    {
        Span<MemorySegment> pieces = stackalloc MemorySegment[2];
        while (_receiveRing.Count > 0 && _streamWritable)
        {
            var written = WriteToStream(pieces[.._receiveRing.Range(0, _receiveRing.Count, pieces)], _receiveRing.Count);
            if (written < 0) return;
            _receiveRing.Remove(written);
        }

        if (_receiveRing.Count == 0 && _outOfOrder.Count == 0) _receiveRing.Close();
        if (_finSeen && !_finDone && _receiveNext == _finSequence && _receiveRing.Count == 0)
        {
            FinishReceiving();
            SendAcknowledgment();
            return;
        }

        // RFC 9293 §3.8.6.2.2: no silly windows; tell the guest when it gains much, or had nothing.
        var gain = ReceiveWindow() - (int)(_advertisedEnd - _receiveNext);
        if (State >= TcpState.Established && gain > 0 && (gain >= BufferPool.SmallSize / 2 || _advertisedEnd == _receiveNext)) SendAcknowledgment();
    }

    private int WriteToStream(ReadOnlySpan<MemorySegment> data, int length)
    {
        var written = _stream?.Write(data) ?? ITcpStream.Failed;
        if (written == ITcpStream.Failed)
        {
            Abort();
            return -1;
        }

        if (written < length) _streamWritable = false; // edge-triggered: it tells when that has changed
        return Math.Max(written, 0);
    }

    private void FinishReceiving()
    {
        _finDone = true;
        _receiveNext++;
        _receiveRing.Close();
        _acknowledgePending = true;
        OnGuestFinished();
    }

    /// <summary>Bytes that we could take now, in steps of what the scaled field can say.</summary>
    private int ReceiveWindow()
    {
        if (!_streamWritable && !_receiveRing.IsOpen && _network.Buffers.NextSize == 0) return 0;
        var capacity = _receiveRing.IsOpen ? _receiveRing.Capacity : Math.Max(_network.Buffers.NextSize, BufferPool.SmallSize);
        var free = Math.Min(capacity - _receiveRing.Count, ushort.MaxValue << _ownWindowShift);
        return free & ~((1 << _ownWindowShift) - 1);
    }

    /// <summary>The window for the next segment. It never moves back, except when there is no memory at all.</summary>
    private ushort AdvertiseWindow()
    {
        if (_finDone) return 0;
        var window = ReceiveWindow();
        var promised = (int)(_advertisedEnd - _receiveNext);
        if (window < promised && window > 0) window = (promised + (1 << _ownWindowShift) - 1) & ~((1 << _ownWindowShift) - 1);
        _advertisedEnd = _receiveNext + (uint)window;
        return (ushort)Math.Min(window >> _ownWindowShift, ushort.MaxValue);
    }

    private void RememberTimestamp(uint value)
    {
        _timestampRecent = value;
        _timestampRecentAt = _network.Now;
    }

    private void RequestAcknowledgment(bool now)
    {
        _acknowledgePending = true;
        _acknowledgeNow |= now;
        _network.AcknowledgeLater(this);
    }

    private void Challenge()
    {
        if (_network.Now - _lastChallenge < ChallengeInterval) return;
        _lastChallenge = _network.Now;
        RequestAcknowledgment(now: true);
    }
}
