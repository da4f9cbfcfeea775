using Holon.Networking.Packets;

namespace Holon.Networking.Nat.Tcp;

/// <summary>What the guest is sent: data read from the stream, kept until it is acknowledged.</summary>
internal sealed partial class TcpConnection
{
    /// <summary>
    /// Bytes that may go out before the first acknowledgment. RFC 6928 says ten segments for networks that may be congested;
    /// this link is memory, and one full frame saves a small answer a round trip.
    /// </summary>
    public const int InitialWindow = 64 * 1024;

    /// <summary>Retransmission timeouts (RFC 6298). The lower bound is that of every system in use, not the RFC's second.</summary>
    public const long InitialTimeout = Second, MinTimeout = 200 * Millisecond, MaxTimeout = 60 * Second;

    private const int MaxPacket = 65535, MaxCongestionWindow = 8 * 1024 * 1024, DuplicatesForLoss = 3;

    /// <summary>A read from the stream smaller than this waits for more room, unless nothing else is under way.</summary>
    private const int MinRead = 16 * 1024;

    private enum Recovery : byte
    {
        None,

        /// <summary>Fast recovery: the guest reports holes (RFC 6675, RFC 6582).</summary>
        Fast,

        /// <summary>After a timeout: everything that was under way counts as lost.</summary>
        Timeout,
    }

    private readonly ByteRing _sendRing; // from _sendUnacknowledged on
    private readonly RangeSet _sacked = new();
    private uint _sendUnacknowledged, _sendNext, _sendMax, _windowSequence, _windowAcknowledgment, _recoverUntil, _retransmitNext, _roundTripSequence;
    private int _guestWindowShift, _sendWindow, _maxSendWindow, _congestionWindow = InitialWindow, _slowStartThreshold = int.MaxValue, _duplicates;
    private long _smoothedRoundTrip, _roundTripVariance, _retransmitTimeout = InitialTimeout, _roundTripStart;
    private Recovery _recovery;
    private bool _streamReadable, _streamEnded, _finSent, _roundTripTimed, _resendSyn, _timedOut;

    /// <summary>Bytes read from the stream and not yet acknowledged by the guest.</summary>
    internal int Unacknowledged => _sendRing.Count;

    private int MaxPayload
    {
        get
        {
            if (!_network.CanSegment(Guest)) return SegmentSize;
            var headers = (Guest.IsV4 ? IpHeader.V4Size : 0) + TcpHeader.MaxSize; // an IPv6 payload length does not count its header
            return (MaxPacket - headers) / SegmentSize * SegmentSize;
        }
    }

    private bool IsFinOutstanding => _finSent && Sequence.Before(_sendUnacknowledged, _sendMax);

    /// <summary>The number behind the last byte of data that is in the ring.</summary>
    private uint DataEnd => _sendUnacknowledged + (uint)_sendRing.Count;

    /// <summary>Takes the acknowledgment of a segment; false when the segment is to be dropped.</summary>
    private bool TakeAcknowledgment(in TcpHeader segment, int length)
    {
        var acknowledgment = segment.Acknowledgment;
        if (Sequence.After(acknowledgment, _sendMax))
        {
            Challenge(); // RFC 5961 §5.2: of something that we never sent
            return false;
        }

        if (Sequence.Before(acknowledgment, _sendUnacknowledged)) return Sequence.Before(_sendUnacknowledged - int.MaxValue / 2, acknowledgment);
        var windowBefore = _sendWindow;
        if (Sequence.After(segment.Sequence, _windowSequence)
            || (segment.Sequence == _windowSequence && !Sequence.Before(acknowledgment, _windowAcknowledgment)))
        {
            _sendWindow = segment.Window << _guestWindowShift;
            _maxSendWindow = Math.Max(_maxSendWindow, _sendWindow);
            _windowSequence = segment.Sequence;
            _windowAcknowledgment = acknowledgment;
            if (_sendWindow == 0) _retries = 0; // it is there and will not take: RFC 9293 §3.8.6.1 wants us to wait for ever
        }

        var sackedBefore = _sacked.Count > 0 ? _sacked.Covered(_sendUnacknowledged, _sendMax) : 0;
        if (_sack && segment.SackCount > 0) TakeSack(segment);
        if (acknowledgment != _sendUnacknowledged)
        {
            Advance(segment, (int)(acknowledgment - _sendUnacknowledged));
        }
        else if (_sendUnacknowledged != _sendNext && (_sack || length == 0))
        {
            // A duplicate (RFC 5681 §2); with SACK it must report something new (RFC 6675 §2).
            var news = _sack ? _sacked.Covered(_sendUnacknowledged, _sendMax) > sackedBefore : _sendWindow == windowBefore;
            if (news)
            {
                _duplicates++;
                DetectLoss();
            }
        }

        return true;
    }

    private void TakeSack(in TcpHeader segment)
    {
        for (var i = 0; i < segment.SackCount; i++)
        {
            var block = segment.Sack[i];
            if (Sequence.After(block.Start, _sendUnacknowledged) && Sequence.Before(block.Start, block.End) && !Sequence.After(block.End, _sendMax))
                _sacked.Add(block.Start, block.End);
        }
    }

    private void Advance(in TcpHeader segment, int acknowledged)
    {
        var data = Math.Min(acknowledged, _sendRing.Count);
        var finAcknowledged = _finSent && acknowledged > _sendRing.Count;
        _sendRing.Remove(data);
        _sendUnacknowledged = segment.Acknowledgment;
        if (Sequence.Before(_sendNext, _sendUnacknowledged)) _sendNext = _sendUnacknowledged;
        if (Sequence.Before(_retransmitNext, _sendUnacknowledged)) _retransmitNext = _sendUnacknowledged;
        _sacked.RemoveBefore(_sendUnacknowledged);
        _retries = 0;
        MeasureRoundTrip(segment);
        Grow(data);
        _retransmitAt = _sendUnacknowledged == _sendMax ? long.MaxValue : _network.Now + _retransmitTimeout; // RFC 6298 §5.2, §5.3
        if (_sendRing.Count == 0) _sendRing.Close();
        if (finAcknowledged) OnFinAcknowledged();
    }

    private void Grow(int acknowledged)
    {
        if (_recovery != Recovery.None && !Sequence.Before(_sendUnacknowledged, _recoverUntil))
        {
            if (_recovery == Recovery.Fast) _congestionWindow = Math.Min(_slowStartThreshold, _congestionWindow);
            _recovery = Recovery.None;
            _duplicates = 0;
            return;
        }

        if (_recovery == Recovery.Fast)
        {
            if (!_sack)
            {
                _retransmitNext = _sendUnacknowledged; // RFC 6582 §3.2: a partial acknowledgment points at the next hole
                _duplicates = Math.Max(_duplicates - Math.Max(acknowledged / SegmentSize, 1), 0);
            }

            return;
        }

        _duplicates = 0;
        var growth = _congestionWindow < _slowStartThreshold
            ? acknowledged // slow start, by bytes (RFC 3465)
            : Math.Max((int)((long)SegmentSize * acknowledged / _congestionWindow), 1);
        _congestionWindow = Math.Min(_congestionWindow + growth, MaxCongestionWindow);
    }

    private void DetectLoss()
    {
        if (_recovery != Recovery.None) return;
        if (_duplicates < DuplicatesForLoss && !(_sack && _sacked.Covered(_sendUnacknowledged, _sendMax) >= DuplicatesForLoss * SegmentSize)) return;
        _recovery = Recovery.Fast;
        _recoverUntil = _sendMax;
        _retransmitNext = _sendUnacknowledged;
        _slowStartThreshold = Math.Max((int)(_sendMax - _sendUnacknowledged) / 2, 2 * SegmentSize);
        _congestionWindow = _slowStartThreshold;
        _roundTripTimed = false; // Karn
    }

    /// <summary>Everything before it that is not acknowledged counts as lost.</summary>
    private uint LostUntil()
    {
        if (_recovery == Recovery.Timeout) return _recoverUntil;
        var first = _sendUnacknowledged + (uint)SegmentSize;
        if (!_sack || _sacked.Count == 0) return Sequence.Min(first, _recoverUntil);
        var highest = _sacked.Ranges[^1].End - (uint)(DuplicatesForLoss * SegmentSize); // RFC 6675 §2, IsLost
        return Sequence.Max(Sequence.Min(first, _recoverUntil), Sequence.Min(highest, _recoverUntil));
    }

    /// <summary>Bytes thought to be under way (RFC 6675 §4, SetPipe).</summary>
    private int Pipe(uint lostUntil)
    {
        var flight = (int)(_sendNext - _sendUnacknowledged);
        if (_recovery == Recovery.None) return _sacked.Count == 0 ? flight : flight - _sacked.Covered(_sendUnacknowledged, _sendNext);
        var arrived = _sack ? _sacked.Covered(_sendUnacknowledged, _sendNext) : Math.Min(_duplicates * SegmentSize, Math.Max(flight - SegmentSize, 0));
        var waiting = Sequence.Before(_retransmitNext, lostUntil)
            ? (int)(lostUntil - _retransmitNext) - _sacked.Covered(_retransmitNext, lostUntil)
            : 0;
        return Math.Max(flight - arrived - waiting, 0);
    }

    /// <summary>Sends whatever may be sent: repetitions first, then new data, then the FIN; reads more from the stream as room appears.</summary>
    private void Transmit()
    {
        if (State is < TcpState.SynReceived or TcpState.SynReceived or TcpState.Closed or TcpState.TimeWait) return;
        do
        {
            if (_recovery != Recovery.None && !SendRepetitions()) break;
            if (!SendNew()) break;
        }
        while (ReadFromStream());

        if (State == TcpState.Closed) return;
        ArmTimer();
        SettleTimer();
    }

    private bool SendRepetitions()
    {
        if (_sendWindow == 0 && !_timedOut) return true; // the probe's timer repeats
        var lostUntil = LostUntil();
        while (Sequence.Before(_retransmitNext, lostUntil))
        {
            var gap = _sacked.NextGap(_retransmitNext, lostUntil);
            _retransmitNext = gap.Start;
            if (gap.Length <= 0) break;
            var inPipe = Pipe(lostUntil);
            // The first hole is filled whatever is under way (RFC 6675 §5 (4.3), RFC 6582 §3.2).
            if (inPipe > 0 && inPipe + SegmentSize > _congestionWindow && _retransmitNext != _sendUnacknowledged) break;
            var offset = (int)(_retransmitNext - _sendUnacknowledged);
            var length = Math.Min(Math.Min(gap.Length, SegmentSize), Math.Max(_sendRing.Count - offset, 0));
            if (!SendData(_retransmitNext, length)) return false;
            _retransmitNext += (uint)Math.Max(length, 1); // 0: the FIN alone
        }

        return true;
    }

    /// <summary>Sends data for the first time; false when the guest's queue is full.</summary>
    private bool SendNew()
    {
        while (true)
        {
            var unsent = (int)(DataEnd - _sendNext);
            if (unsent < 0) return true; // the FIN is out
            var fin = _streamEnded && !_finSent;
            if (unsent == 0 && !fin) return true;
            var room = _sendWindow - (int)(_sendNext - _sendUnacknowledged);
            var congestion = _congestionWindow - Pipe(_recovery == Recovery.None ? 0 : LostUntil());
            var length = Math.Min(Math.Min(unsent, MaxPayload), Math.Min(room, congestion));
            if (length <= 0 && unsent > 0) return true;
            // RFC 9293 §3.8.6.2.1: a piece that is not all there is must be a full segment or half of the largest window.
            if (length < unsent && length > SegmentSize) length -= length % SegmentSize;
            if (length < unsent && length < SegmentSize && length < _maxSendWindow / 2) return true;
            if (unsent == 0 && room < 0) return true;
            if (!SendData(_sendNext, length)) return false;
            if (!_roundTripTimed && !_timestamps)
            {
                _roundTripTimed = true;
                _roundTripSequence = _sendNext + (uint)length;
                _roundTripStart = _network.Now;
            }

            _sendNext += (uint)length;
            if (fin && length == unsent)
            {
                _sendNext++;
                _finSent = true;
                State = State == TcpState.CloseWait ? TcpState.LastAck : TcpState.FinWait1;
            }

            _sendMax = Sequence.Max(_sendMax, _sendNext);
        }
    }

    /// <summary>Reads from the stream as much as makes sense; true when something new may be sent.</summary>
    private bool ReadFromStream()
    {
        if (!_streamReadable || _streamEnded || _stream is null) return false;
        if (!_sendRing.TryOpen()) return false; // no memory: the far side waits; we come back with the next acknowledgment or timer
        if (_sendRing.Count > 0 && _sendRing.Free < Math.Min(MinRead, _sendRing.Capacity / 4)) return false;
        Span<MemorySegment> room = stackalloc MemorySegment[2];
        var free = _sendRing.Free;
        var read = _stream.Read(room[.._sendRing.Range(_sendRing.Count, free, room)]);
        switch (read)
        {
            case > 0:
                _sendRing.Append(read);
                return true;
            case 0:
                _streamReadable = false;
                _streamEnded = true;
                if (_sendRing.Count == 0) _sendRing.Close();
                return true;
            case ITcpStream.WouldBlock:
                _streamReadable = false; // edge-triggered: it tells when that has changed
                if (_sendRing.Count == 0) _sendRing.Close();
                return false;
            default:
                Abort();
                return false;
        }
    }

    private void ArmTimer()
    {
        if (_retransmitAt != long.MaxValue) return;
        if (_sendUnacknowledged != _sendMax || DataEnd != _sendNext) _retransmitAt = _network.Now + _retransmitTimeout; // the window may be zero: RFC 9293 §3.8.6.1
        else if (_streamReadable && !_streamEnded && !_sendRing.IsOpen) _retransmitAt = _network.Now + MinTimeout; // waits for memory
    }

    private void OnRetransmitTimeout()
    {
        _retransmitAt = long.MaxValue;
        switch (State)
        {
            case TcpState.SynSent or TcpState.SynReceived:
                if (++_retries > MaxSynRetries)
                {
                    Abort();
                    return;
                }

                SendSyn();
                return;
            case TcpState.TimeWait or TcpState.Connecting:
                return;
        }

        if (_sendUnacknowledged == _sendMax && DataEnd == _sendNext)
        {
            Transmit(); // there was no memory to read into
            return;
        }

        if (++_retries > MaxRetries)
        {
            Abort();
            return;
        }

        _retransmitTimeout = Math.Min(_retransmitTimeout * 2, MaxTimeout); // RFC 6298 §5.5
        if (_sendMax - _sendUnacknowledged <= 1 && _sendRing.Count > 0 && _sendWindow < Math.Min(SegmentSize, _sendRing.Count))
        {
            ProbeWindow();
            return;
        }

        if (_recovery != Recovery.Timeout) _slowStartThreshold = Math.Max((int)(_sendMax - _sendUnacknowledged) / 2, 2 * SegmentSize);
        _recovery = Recovery.Timeout;
        _recoverUntil = _sendMax;
        _retransmitNext = _sendUnacknowledged;
        _congestionWindow = SegmentSize;
        _duplicates = 0;
        _roundTripTimed = false;
        if (_sacked.Count > 0 && _sacked.Ranges[0].Start == _sendUnacknowledged) _sacked.Clear(); // it has reneged (RFC 2018 §8)
        if (_retries > 2) _sacked.Clear();
        _retransmitAt = _network.Now + _retransmitTimeout;
        _timedOut = true;
        Transmit();
        _timedOut = false;
    }

    /// <summary>One byte beyond a closed window makes the guest say when it has opened; the answer may have been lost.</summary>
    private void ProbeWindow()
    {
        if (SendData(_sendUnacknowledged, 1))
        {
            _sendNext = _sendMax = _sendUnacknowledged + 1;
            _recovery = Recovery.Timeout; // the byte is likely dropped: it goes out again when the window opens; congestion it was not
            _recoverUntil = _sendMax;
            _retransmitNext = _sendUnacknowledged;
        }

        _retransmitAt = _network.Now + _retransmitTimeout;
    }

    private void MeasureRoundTrip(in TcpHeader segment)
    {
        long sample;
        if (_timestamps && segment.HasTimestamp && segment.TimestampEcho != 0)
        {
            sample = (uint)(Timestamp - segment.TimestampEcho) * Millisecond;
            if (sample > MaxTimeout) return;
        }
        else if (_roundTripTimed && !Sequence.Before(segment.Acknowledgment, _roundTripSequence))
        {
            sample = _network.Now - _roundTripStart;
            _roundTripTimed = false;
        }
        else
        {
            return;
        }

        if (_smoothedRoundTrip == 0)
        {
            _smoothedRoundTrip = sample;
            _roundTripVariance = sample / 2;
        }
        else
        {
            _roundTripVariance = ((3 * _roundTripVariance) + Math.Abs(_smoothedRoundTrip - sample)) / 4;
            _smoothedRoundTrip = ((7 * _smoothedRoundTrip) + sample) / 8;
        }

        _retransmitTimeout = Math.Clamp(_smoothedRoundTrip + Math.Max(4 * _roundTripVariance, Millisecond), MinTimeout, MaxTimeout);
    }

    private uint Timestamp => (uint)(_network.Now / Millisecond) + _timestampBase;

    private bool SendData(uint sequence, int length)
    {
        var offset = (int)(sequence - _sendUnacknowledged);
        Span<MemorySegment> pieces = stackalloc MemorySegment[2];
        pieces = pieces[.._sendRing.Range(offset, length, pieces)];
        var last = offset + length >= _sendRing.Count;
        var header = Header(sequence, TcpFlags.Ack | (last && length > 0 ? TcpFlags.Psh : 0) | (last && _streamEnded && offset + length == _sendRing.Count ? TcpFlags.Fin : 0));
        return Send(header, pieces, length);
    }

    private void SendSyn()
    {
        var header = Header(_sendUnacknowledged, State == TcpState.SynSent ? TcpFlags.Syn : TcpFlags.Syn | TcpFlags.Ack);
        header.MaxSegment = _ownMss;
        header.WindowScale = _ownWindowShift > 0 ? _ownWindowShift : -1;
        header.SackPermitted = _sack;
        var window = Math.Min(ReceiveWindow(), ushort.MaxValue);
        header.Window = (ushort)window;
        _advertisedEnd = _receiveNext + (uint)window;
        _sendNext = _sendMax = _sendUnacknowledged + 1;
        _resendSyn = !Send(header, [], 0);
        if (_retries > 0) _retransmitTimeout = Math.Min(_retransmitTimeout * 2, MaxTimeout);
        _retransmitAt = _network.Now + _retransmitTimeout;
        SettleTimer();
    }

    private void SendAcknowledgment()
    {
        if (State is TcpState.Closed or < TcpState.SynReceived) return;
        SendControl(_sendNext, TcpFlags.Ack);
    }

    private void SendControl(uint sequence, TcpFlags flags) => Send(Header(sequence, flags), [], 0);

    private void SendReset() => SendControl(_sendNext, TcpFlags.Rst | TcpFlags.Ack);

    private TcpHeader Header(uint sequence, TcpFlags flags)
    {
        var header = new TcpHeader { SourcePort = RemotePort, DestinationPort = GuestPort, Sequence = sequence, Flags = flags, WindowScale = -1 };
        if (_timestamps && (flags & TcpFlags.Rst) == 0)
        {
            header.HasTimestamp = true;
            header.TimestampValue = Timestamp;
            header.TimestampEcho = _timestampRecent;
        }

        if ((flags & TcpFlags.Ack) == 0) return header;
        header.Acknowledgment = _receiveNext;
        if ((flags & TcpFlags.Syn) != 0) return header;
        header.Window = AdvertiseWindow();
        if (_sack && _outOfOrder.Count > 0) AddSack(ref header);
        return header;
    }

    /// <summary>The island that grew last comes first (RFC 2018 §4); with timestamps there is room for three.</summary>
    private void AddSack(ref TcpHeader header)
    {
        var most = _timestamps ? 3 : 4;
        foreach (ref readonly var island in _outOfOrder.Ranges)
        {
            if (!Sequence.Before(_latestIsland, island.Start) && Sequence.Before(_latestIsland, island.End)) header.Sack[header.SackCount++] = island;
        }

        var latest = header.SackCount;
        foreach (ref readonly var island in _outOfOrder.Ranges)
        {
            if (header.SackCount == most) break;
            if (latest == 0 || island != header.Sack[0]) header.Sack[header.SackCount++] = island;
        }
    }

    private bool Send(in TcpHeader header, ReadOnlySpan<MemorySegment> payload, int length)
    {
        if (!_network.Send(this, header, payload, length)) return false;
        if ((header.Flags & TcpFlags.Ack) != 0)
        {
            _acknowledgePending = _acknowledgeNow = false;
            _acknowledgeAt = long.MaxValue;
            _unacknowledgedBytes = 0;
            _lastAcknowledged = _receiveNext;
        }

        return true;
    }
}
