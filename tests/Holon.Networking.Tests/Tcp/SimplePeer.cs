using Holon.Networking.Nat.Tcp;
using Holon.Networking.Packets;

namespace Holon.Networking.Tests.Tcp;

/// <summary>What the simulated guest's TCP speaks.</summary>
internal sealed record PeerOptions(bool Sack, bool Timestamps, int WindowScale, int Mss, int Buffer, bool SlowReader);

/// <summary>
/// A TCP written for tests, unlike ours on purpose: it keeps everything it sends, repeats from the first unacknowledged byte, acknowledges
/// every segment and stores what it receives by offset. Slow and plain, so that it can be trusted.
/// </summary>
internal sealed class SimplePeer
{
    private const long Timeout = 400_000_000;

    private readonly SimulatedLink _link;
    private readonly TcpConnection _engine;
    private readonly PeerOptions _options;
    private readonly Random _random;
    private readonly byte[] _send;
    private readonly SortedDictionary<long, byte[]> _islands = [];
    private readonly List<byte> _received = [];
    private readonly uint _initialSequence;
    private uint _theirInitial, _timestampRecent;
    private long _acknowledged, _next, _finAt = -1, _resendAt;
    private int _window, _theirScale, _theirMss = 536, _duplicates, _unread;
    private bool _established, _theirSack, _theirTimestamps, _synReceived, _finAcknowledged, _timerRuns;

    public SimplePeer(SimulatedLink link, TcpConnection engine, PeerOptions options, Random random, byte[] send, uint initialSequence)
    {
        (_link, _engine, _options, _random, _send, _initialSequence) = (link, engine, options, random, send, initialSequence);
        link.ToPeer = Receive;
    }

    public IReadOnlyList<byte> Received => _received;

    public bool TheirFin { get; private set; }

    public bool WasReset { get; private set; }

    /// <summary>Everything has been sent and acknowledged, and everything received.</summary>
    public bool Done => _finAcknowledged && TheirFin;

    /// <summary>The SYN that opens the connection.</summary>
    public TcpHeader Syn() => Header(TcpFlags.Syn, 0);

    public void SendSyn()
    {
        _link.ToEngine(_engine, new(Syn(), []));
        RunTimer();
    }

    private void Receive(Segment segment)
    {
        var header = segment.Header;
        if ((header.Flags & TcpFlags.Rst) != 0)
        {
            WasReset = true;
            return;
        }

        if ((header.Flags & TcpFlags.Syn) != 0)
        {
            if (!_synReceived)
            {
                _synReceived = true;
                _theirInitial = header.Sequence;
                _theirScale = Math.Max(header.WindowScale, 0);
                _theirMss = header.MaxSegment;
                _theirSack = header.SackPermitted && _options.Sack;
                _theirTimestamps = header.HasTimestamp && _options.Timestamps;
                _window = header.Window;
            }

            if (_theirTimestamps) _timestampRecent = header.TimestampValue;
            if ((header.Flags & TcpFlags.Ack) == 0)
            {
                _link.ToEngine(_engine, new(Header(TcpFlags.Syn | TcpFlags.Ack, 0), [])); // they opened it
                RunTimer();
                return;
            }

            _established = true;
            Acknowledge();
            Send();
            return;
        }

        if (!_synReceived) return;
        if (!_established && (header.Flags & TcpFlags.Ack) != 0) _established = true;
        if (_theirTimestamps && header.HasTimestamp) _timestampRecent = header.TimestampValue;
        TakeAcknowledgment(header, segment.Payload.Length);
        TakeData(header, segment.Payload);
        Send();
    }

    private void TakeAcknowledgment(in TcpHeader header, int length)
    {
        var acknowledged = (long)(int)(header.Acknowledgment - _initialSequence - 1);
        if (acknowledged > _acknowledged)
        {
            _acknowledged = acknowledged;
            _next = Math.Max(_next, acknowledged);
            _duplicates = 0;
            _resendAt = _link.Now + Timeout;
            if (_acknowledged > _send.Length) _finAcknowledged = true;
        }
        else if (acknowledged == _acknowledged && length == 0 && _next > _acknowledged && ++_duplicates == 3)
        {
            SendAt(_acknowledged);
        }

        if (acknowledged >= _acknowledged) _window = header.Window << _theirScale;
    }

    private void TakeData(in TcpHeader header, byte[] payload)
    {
        var start = (long)(int)(header.Sequence - _theirInitial - 1);
        var fin = (header.Flags & TcpFlags.Fin) != 0;
        if (fin) _finAt = start + payload.Length;
        if (payload.Length == 0 && !fin && start >= _received.Count) return;
        var room = _received.Count + ReceiveRoom();
        if (start < room && payload.Length > 0)
        {
            payload = payload[..(int)Math.Min(payload.Length, room - start)];
            if (!_islands.TryGetValue(start, out var known) || known.Length < payload.Length) _islands[start] = payload;
        }

        while (_islands.Count > 0 && _islands.First() is var (offset, bytes) && offset <= _received.Count)
        {
            _islands.Remove(offset);
            if (offset + bytes.Length <= _received.Count) continue;
            var news = bytes[(int)(_received.Count - offset)..];
            _received.AddRange(news);
            if (_options.SlowReader)
            {
                _unread += news.Length;
                var read = news.Length;
                _link.At(_link.Now + _random.NextInt64(50_000_000), () =>
                {
                    var closed = ReceiveRoom() < _options.Mss;
                    _unread -= read;
                    if (closed) Acknowledge(); // the window has opened
                });
            }
        }

        if (_finAt >= 0 && _received.Count == _finAt) TheirFin = true;
        Acknowledge();
    }

    private int ReceiveRoom() => Math.Max(_options.Buffer - _unread, 0);

    private void Acknowledge() => _link.ToEngine(_engine, new(Header(TcpFlags.Ack, _next), []));

    private void Send()
    {
        if (!_established) return;
        while (_next < _send.Length && _next - _acknowledged < _window)
        {
            SendAt(_next);
            _next += Math.Min(PayloadAt(_next), _acknowledged + _window - _next);
        }

        if (_next == _send.Length && _acknowledged == _send.Length && !_finAcknowledged)
        {
            SendAt(_next);
            _next++;
        }

        RunTimer();
    }

    private int PayloadAt(long offset) => (int)Math.Min(Math.Min(_theirMss, _options.Mss) - (_theirTimestamps ? 12 : 0), _send.Length - offset);

    private void SendAt(long offset)
    {
        if (offset > _send.Length) return;
        var length = (int)Math.Clamp(Math.Min(PayloadAt(offset), _acknowledged + _window - offset), offset < _send.Length ? 1 : 0, 65535); // one byte into a closed window is a probe
        var flags = TcpFlags.Ack | (offset + length == _send.Length ? TcpFlags.Fin : 0);
        if (flags.HasFlag(TcpFlags.Fin)) _next = Math.Max(_next, _send.Length + 1);
        _link.ToEngine(_engine, new(Header(flags, offset), _send.AsSpan((int)offset, length).ToArray()));
    }

    private void RunTimer()
    {
        if (_timerRuns) return;
        _timerRuns = true;
        _resendAt = _link.Now + Timeout;
        _link.At(_resendAt, OnTimer);
    }

    private void OnTimer()
    {
        _timerRuns = false;
        if (_finAcknowledged || WasReset) return;
        if (_link.Now >= _resendAt)
        {
            if (!_synReceived) _link.ToEngine(_engine, new(Syn(), []));
            else if (_established) SendAt(_acknowledged);
            else _link.ToEngine(_engine, new(Header(TcpFlags.Syn | TcpFlags.Ack, 0), []));
        }

        RunTimer();
    }

    private TcpHeader Header(TcpFlags flags, long offset)
    {
        var syn = (flags & TcpFlags.Syn) != 0;
        var header = new TcpHeader
        {
            SourcePort = _engine.GuestPort,
            DestinationPort = _engine.RemotePort,
            Flags = flags,
            Sequence = _initialSequence + (syn ? 0 : 1u) + (uint)offset,
            Acknowledgment = (flags & TcpFlags.Ack) == 0 ? 0 : _theirInitial + 1 + (uint)_received.Count + (TheirFin ? 1u : 0),
            WindowScale = syn ? _options.WindowScale : -1,
            MaxSegment = syn ? (ushort)_options.Mss : (ushort)0,
            SackPermitted = syn && _options.Sack,
        };
        header.Window = (ushort)Math.Min(ReceiveRoom() >> (syn ? 0 : OwnScale), ushort.MaxValue);
        if (_options.Timestamps && (syn || _theirTimestamps))
        {
            header.HasTimestamp = true;
            header.TimestampValue = (uint)(_link.Now / 1_000_000);
            header.TimestampEcho = _timestampRecent;
        }

        if (_theirSack && !syn)
        {
            foreach (var (start, bytes) in _islands.Reverse())
            {
                if (header.SackCount == 3) break;
                header.Sack[header.SackCount++] = new(_theirInitial + 1 + (uint)start, _theirInitial + 1 + (uint)(start + bytes.Length));
            }
        }

        return header;
    }

    /// <summary>Our windows are scaled when both have said so.</summary>
    private int OwnScale => _options.WindowScale < 0 ? 0 : _options.WindowScale;
}
