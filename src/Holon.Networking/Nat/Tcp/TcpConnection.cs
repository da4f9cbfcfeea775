using Holon.Networking.Packets;

namespace Holon.Networking.Nat.Tcp;

/// <summary>States of RFC 9293 §3.3.2, from our side of the connection; <see cref="Connecting"/> is before we answer the guest's SYN.</summary>
internal enum TcpState : byte
{
    /// <summary>The guest's SYN has come and the far side is being asked.</summary>
    Connecting,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
}

/// <summary>
/// The guest's peer of one TCP connection: a full TCP (RFC 9293) with window scaling and timestamps (RFC 7323), SACK (RFC 2018, RFC 6675),
/// NewReno (RFC 5681, RFC 6582) and timers (RFC 6298), between the guest's segments and an <see cref="ITcpStream"/>.
/// </summary>
/// <remarks>
/// This part opens, closes and keeps time; <c>TcpConnection.Receive.cs</c> takes what the guest sends, <c>TcpConnection.Send.cs</c> sends to it.
/// All of it runs on the loop's thread. Flow control is end to end: bytes that the far side does not take shrink the window that the guest
/// sees, and bytes that the guest does not take are not read from the far side.
/// </remarks>
internal sealed partial class TcpConnection : LoopTimer
{
    /// <summary>How often a SYN or SYN-ACK is repeated before we give up.</summary>
    public const int MaxSynRetries = 5;

    /// <summary>How often data is repeated before the connection is given up: RFC 9293 §3.8.3 wants at least 100 s; this is about 10 minutes.</summary>
    public const int MaxRetries = 12;

    /// <summary>How long an ended connection keeps answering repeated FINs. Nothing of it can arrive late: both ends are in this host.</summary>
    public const long TimeWaitTime = 2 * Second;

    /// <summary>An idle guest is probed after that long (RFC 9293 §3.8.4), so that a rebooted one does not hold connections for ever.</summary>
    public const long KeepAliveIdle = 7200 * Second;

    /// <summary>Time between probes, and how many go unanswered before the end.</summary>
    public const long KeepAliveInterval = 75 * Second;

    /// <summary>See <see cref="KeepAliveInterval"/>.</summary>
    public const int KeepAliveProbes = 9;

    internal const long Millisecond = 1_000_000, Second = 1000 * Millisecond;

    private readonly ITcpNetwork _network;
    private readonly ushort _ownMss;
    private readonly uint _timestampBase;
    private ITcpStream? _stream;
    private long _retransmitAt = long.MaxValue, _acknowledgeAt = long.MaxValue, _endAt = long.MaxValue, _lastHeard;
    private int _retries, _keepAlivesSent;
    private bool _timestamps, _sack;

    /// <summary>Makes a connection that has neither been asked for nor asked yet.</summary>
    /// <param name="network">What it is part of.</param>
    /// <param name="guest">The guest's address.</param>
    /// <param name="guestPort">The guest's port.</param>
    /// <param name="remote">The address that the guest knows the far side by.</param>
    /// <param name="remotePort">Its port.</param>
    /// <param name="maxSegment">The largest payload that the link takes in one segment.</param>
    /// <param name="initialSequence">Unpredictable (RFC 6528).</param>
    public TcpConnection(ITcpNetwork network, IpAddress guest, ushort guestPort, IpAddress remote, ushort remotePort, int maxSegment, uint initialSequence)
    {
        _network = network;
        Guest = guest;
        GuestPort = guestPort;
        Remote = remote;
        RemotePort = remotePort;
        _ownMss = (ushort)Math.Min(maxSegment, ushort.MaxValue);
        _sendUnacknowledged = _sendNext = _sendMax = initialSequence;
        _timestampBase = initialSequence * 2654435761u;
        _sendRing = new ByteRing(network.Buffers);
        _receiveRing = new ByteRing(network.Buffers);
        _lastHeard = network.Now;
    }

    public IpAddress Guest { get; }

    public ushort GuestPort { get; }

    public IpAddress Remote { get; }

    public ushort RemotePort { get; }

    public TcpState State { get; private set; } = TcpState.Connecting;

    /// <summary>Payload bytes in a segment to the guest, at most.</summary>
    public int SegmentSize { get; private set; } = 536;

    /// <summary>The network's: already in its list of those to be acknowledged or resumed.</summary>
    internal bool IsInAcknowledgeList, IsInBlockedList;

    /// <summary>The network's: the card that the guest last spoke from.</summary>
    internal MacAddress GuestMac;

    /// <summary>The network's: counted among those that are not established yet.</summary>
    internal bool IsCountedHalfOpen;

    /// <summary>Takes the guest's SYN; the far side is asked now.</summary>
    public void Listen(in TcpHeader syn, ITcpStream stream)
    {
        _stream = stream;
        TakeSyn(syn);
    }

    /// <summary>The far side has accepted: answers the guest's SYN.</summary>
    public void Accept()
    {
        if (State != TcpState.Connecting) return;
        State = TcpState.SynReceived;
        SendSyn();
    }

    /// <summary>Asks the guest for a connection in the name of a far side that has asked us.</summary>
    public void Connect(ITcpStream stream)
    {
        _stream = stream;
        _timestamps = _sack = true;
        _ownWindowShift = WindowShift;
        State = TcpState.SynSent;
        SendSyn();
    }

    /// <summary>Ends it at once, with a reset to the guest.</summary>
    public void Abort()
    {
        if (State == TcpState.Closed) return;
        if (State is not (TcpState.TimeWait or TcpState.SynSent)) SendReset();
        End(abort: true);
    }

    /// <summary>Ends it without a word to the guest, which does not know of it or is gone.</summary>
    public void Forget() => End(abort: true);

    /// <summary>The far side has bytes, has ended or has failed.</summary>
    public void OnReadable()
    {
        if (State is < TcpState.SynReceived or TcpState.Closed) return; // a failure shows when it is read after the handshake
        _streamReadable = true;
        Transmit();
    }

    /// <summary>The far side takes bytes again.</summary>
    public void OnWritable()
    {
        if (State is < TcpState.SynReceived or TcpState.Closed) return;
        _streamWritable = true;
        DrainToStream();
        SettleTimer();
    }

    /// <summary>The guest takes frames again.</summary>
    public void OnRoom()
    {
        if (State == TcpState.Closed) return;
        if (_resendSyn) SendSyn();
        if (_acknowledgePending) SendAcknowledgment();
        Transmit();
    }

    /// <inheritdoc/>
    public override void Fire(long now)
    {
        if (State == TcpState.Closed) return;
        if (now >= _endAt)
        {
            End(abort: false);
            return;
        }

        if (now >= _acknowledgeAt) SendAcknowledgment();
        if (now >= _retransmitAt) OnRetransmitTimeout();
        if (State == TcpState.Closed) return;
        if (now >= KeepAliveAt) ProbeIdleGuest();
        if (State != TcpState.Closed) SettleTimer();
    }

    private long KeepAliveAt => State is TcpState.Established or TcpState.CloseWait or TcpState.FinWait2
        ? _lastHeard + KeepAliveIdle + (_keepAlivesSent * KeepAliveInterval)
        : long.MaxValue;

    private void ProbeIdleGuest()
    {
        if (_keepAlivesSent++ == KeepAliveProbes)
        {
            Abort();
            return;
        }

        SendControl(_sendUnacknowledged - 1, TcpFlags.Ack); // RFC 9293 §3.8.4: one before the window, so that it must be answered
    }

    private void SettleTimer()
    {
        if (State == TcpState.Closed) return;
        var due = Math.Min(Math.Min(_retransmitAt, _acknowledgeAt), Math.Min(_endAt, KeepAliveAt));
        if (due != Due) _network.Timers.Set(this, due);
    }

    /// <summary>The guest's FIN has been received and everything before it delivered.</summary>
    private void OnGuestFinished()
    {
        _stream?.ShutdownWrite();
        switch (State)
        {
            case TcpState.SynReceived or TcpState.Established:
                State = TcpState.CloseWait;
                break;
            case TcpState.FinWait1:
                State = TcpState.Closing;
                break;
            case TcpState.FinWait2:
                BeginTimeWait();
                break;
        }
    }

    /// <summary>The guest has acknowledged our FIN.</summary>
    private void OnFinAcknowledged()
    {
        switch (State)
        {
            case TcpState.FinWait1:
                State = TcpState.FinWait2;
                break;
            case TcpState.Closing:
                BeginTimeWait();
                break;
            case TcpState.LastAck:
                End(abort: false);
                break;
        }
    }

    private void BeginTimeWait()
    {
        State = TcpState.TimeWait;
        _retransmitAt = long.MaxValue;
        _endAt = _network.Now + TimeWaitTime;
        ReleaseStream(abort: false);
    }

    private void End(bool abort)
    {
        if (State == TcpState.Closed) return;
        State = TcpState.Closed;
        _network.Timers.Remove(this);
        ReleaseStream(abort);
        _network.Remove(this);
    }

    private void ReleaseStream(bool abort)
    {
        _stream?.Close(abort);
        _stream = null;
        _sendRing.Close();
        _receiveRing.Close();
        _outOfOrder.Clear();
    }
}
