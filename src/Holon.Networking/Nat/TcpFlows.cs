using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Holon.Networking.Host;
using Holon.Networking.Nat.Tcp;
using Holon.Networking.Packets;

namespace Holon.Networking.Nat;

/// <summary>The TCP connections of a network's guests: finds the connection of a segment, makes new ones, and puts segments into frames.</summary>
internal sealed class TcpFlows : ITcpNetwork, IDisposable
{
    private readonly Gateway _gateway;
    private readonly Dictionary<FlowKey, TcpConnection> _connections = [];
    private readonly byte[] _secret = RandomNumberGenerator.GetBytes(16);
    private List<TcpConnection> _toAcknowledge = [], _acknowledging = [], _blocked = [], _resuming = [];
    private TcpConnection? _last;
    private int _halfOpen;

    public TcpFlows(Gateway gateway)
    {
        _gateway = gateway;
        Buffers = new BufferPool(gateway.Options.Limits.BufferBytes);
    }

    public int Count => _connections.Count;

    /// <summary>Connections that are not established yet.</summary>
    public int HalfOpen => _halfOpen;

    public long Now => _gateway.Loop.Now;

    public TimerQueue Timers => _gateway.Loop.Timers;

    public BufferPool Buffers { get; }

    /// <summary>Takes a segment; false when it is malformed.</summary>
    public bool Receive(MacAddress mac, in IpHeader ip, ReadOnlySpan<byte> head, ReadOnlySpan<byte> tcp, ReadOnlySpan<MemorySegment> packet, bool trusted)
    {
        if (!TcpHeader.TryRead(tcp, out var header) || header.Length > ip.PayloadLength) return false;
        if (!trusted && Checksum.Fold(Checksum.Add(packet, Checksum.PseudoHeader(ip.Source, ip.Destination, IpProtocol.Tcp, ip.PayloadLength))) != 0xFFFF) return false;
        if (ip.Destination.IsMulticast || ip.Destination == IpAddress.Broadcast4 || ip.Destination == _gateway.Options.Subnet4.Broadcast4) return false; // RFC 9293 §3.9.2.3
        var length = ip.PayloadLength - header.Length;
        var key = new FlowKey(ip.Source, ip.Destination, header.SourcePort, header.DestinationPort);
        var connection = _last;
        if (connection is null || KeyOf(connection) != key) _connections.TryGetValue(key, out connection);
        if (connection is not null && connection.State == TcpState.TimeWait && (header.Flags & (TcpFlags.Syn | TcpFlags.Ack)) == TcpFlags.Syn)
        {
            connection.Forget(); // RFC 9293 §3.6.1: a port that is used again
            connection = null;
        }

        if (connection is null)
        {
            if ((header.Flags & TcpFlags.Rst) != 0) return true;
            if ((header.Flags & (TcpFlags.Syn | TcpFlags.Ack)) == TcpFlags.Syn) Open(mac, ip, head, header, key); else SendReset(mac, ip, header, length);
            return true;
        }

        _last = connection;
        connection.GuestMac = mac;
        Span<MemorySegment> payload = stackalloc MemorySegment[Frame.MaxSegments];
        connection.OnSegment(header, payload[..Frame.Slice(packet, header.Length, length, payload)], length);
        Settle(connection);
        return true;
    }

    /// <summary>Asks a guest for a connection, in the name of a socket that was accepted.</summary>
    public bool Connect(HostStream stream, IpAddress guest, ushort guestPort, IpAddress remote, ushort remotePort)
    {
        var key = new FlowKey(guest, remote, guestPort, remotePort);
        if (IsFull || _connections.ContainsKey(key)) return false;
        _ = _gateway.TryResolve(remote, guest, null, out var mac);
        var connection = Add(key, mac);
        stream.Connection = connection;
        stream.Watch();
        connection.Connect(stream);
        return true;
    }

    public void FlushAcknowledgments()
    {
        while (_toAcknowledge.Count > 0)
        {
            (_toAcknowledge, _acknowledging) = (_acknowledging, _toAcknowledge);
            foreach (var connection in _acknowledging)
            {
                connection.IsInAcknowledgeList = false;
                connection.FlushAcknowledgment();
            }

            _acknowledging.Clear();
        }
    }

    public void ResumeBlocked()
    {
        (_blocked, _resuming) = (_resuming, _blocked);
        foreach (var connection in _resuming)
        {
            connection.IsInBlockedList = false;
            connection.OnRoom();
        }

        _resuming.Clear();
    }

    public bool CanSegment(IpAddress guest) => (_gateway.Guests.Features & (guest.IsV4 ? PortFeatures.Tso4 : PortFeatures.Tso6)) != 0;

    public void AcknowledgeLater(TcpConnection connection)
    {
        if (connection.IsInAcknowledgeList) return;
        connection.IsInAcknowledgeList = true;
        _toAcknowledge.Add(connection);
    }

    public void Remove(TcpConnection connection)
    {
        Settle(connection);
        _connections.Remove(KeyOf(connection));
        if (_last == connection) _last = null;
    }

    /// <summary>Ends every connection; the guests are gone or have restarted.</summary>
    public void Reset()
    {
        foreach (var connection in _connections.Values.ToArray()) connection.Forget();
    }

    public void Dispose()
    {
        Reset();
        Buffers.Dispose();
    }

    public bool Send(TcpConnection connection, in TcpHeader tcp, ReadOnlySpan<MemorySegment> payload, int payloadLength)
    {
        // Before the guest has said which card has its address, a SYN is lost and comes again.
        if (connection.GuestMac.Value == 0 && !_gateway.TryResolve(connection.Remote, connection.Guest, null, out connection.GuestMac)) return true;
        Span<byte> head = stackalloc byte[EthernetHeader.Size + IpHeader.V6Size + TcpHeader.MaxSize];
        var segmentSize = payloadLength > connection.SegmentSize ? connection.SegmentSize : 0;
        if (!Put(connection.GuestMac, connection.Remote, connection.Guest, head, tcp, payload, payloadLength, segmentSize, _gateway.Guests.Features))
        {
            if (!connection.IsInBlockedList)
            {
                connection.IsInBlockedList = true;
                _blocked.Add(connection);
            }

            return false;
        }

        return true;
    }

    private bool IsFull => _connections.Count >= _gateway.Options.Limits.Connections || _halfOpen >= _gateway.Options.Limits.HalfOpen;

    private static FlowKey KeyOf(TcpConnection connection) => new(connection.Guest, connection.Remote, connection.GuestPort, connection.RemotePort);

    private bool Put(MacAddress mac, IpAddress source, IpAddress destination, Span<byte> head, in TcpHeader tcp, ReadOnlySpan<MemorySegment> payload, int payloadLength, int segmentSize, PortFeatures features)
    {
        new EthernetHeader(mac, Gateway.Mac, destination.IsV4 ? EtherType.Ipv4 : EtherType.Ipv6).Write(head);
        var ipLength = destination.IsV4 ? IpHeader.V4Size : IpHeader.V6Size;
        var start = EthernetHeader.Size + ipLength;
        var tcpLength = tcp.Write(head[start..]);
        IpHeader.Write(head[EthernetHeader.Size..], source, destination, IpProtocol.Tcp, tcpLength + payloadLength);
        head = head[..(start + tcpLength)];
        var sum = Checksum.PseudoHeader(source, destination, IpProtocol.Tcp, tcpLength + payloadLength);
        var offload = default(FrameOffload);
        if ((features & PortFeatures.PartialChecksum) != 0)
        {
            Checksum.Store(head[(start + 16)..], Checksum.Fold(sum));
            offload.Flags = FrameOffload.NeedsChecksum;
            offload.ChecksumStart = (ushort)start;
            offload.ChecksumOffset = 16;
        }
        else
        {
            // The header's length is a multiple of 4, so that the payload begins at an even position.
            Checksum.Store(head[(start + 16)..], Checksum.Finish(Checksum.Add(payload, Checksum.Add(head[start..], sum))));
        }

        if (segmentSize > 0)
        {
            offload.GsoCode = (byte)(destination.IsV4 ? GsoType.Tcp4 : GsoType.Tcp6);
            offload.SegmentSize = (ushort)segmentSize;
            offload.HeaderLength = (ushort)head.Length;
        }

        return _gateway.Guests.TryPut(head, payload, offload);
    }

    private void Open(MacAddress mac, in IpHeader ip, ReadOnlySpan<byte> head, in TcpHeader syn, in FlowKey key)
    {
        var original = head[..Math.Min(head.Length, ip.TotalLength)];
        var toDns = syn.DestinationPort == 53 && _gateway.IsOwn(ip.Destination);
        var host = default(IpAddress);
        if (!toDns && !_gateway.TryMap(Transport.Tcp, ip.Destination, syn.DestinationPort, out host, out var denied))
        {
            if (denied) _gateway.SendUnreachable(ip, original, Icmp.ProhibitedCode, Icmp.ProhibitedCode6);
            else SendReset(mac, ip, syn, 0);
            return;
        }

        if (IsFull)
        {
            _gateway.Guests.CountDropped(); // it asks again
            return;
        }

        if (toDns)
        {
            var service = Add(key, mac);
            service.Listen(syn, _gateway.Dns.AcceptStream(service));
            service.Accept();
            Settle(service);
            return;
        }

        var stream = HostStream.Connect(_gateway.Loop, host, syn.DestinationPort, OnConnected, OnRefused, out var error);
        if (stream is null)
        {
            if (error == Linux.TooManyFiles) _gateway.Guests.CountDropped();
            else SendUnreachable(ip.Source, ip.Destination, original);
            return;
        }

        var connection = Add(key, mac);
        stream.Connection = connection;
        connection.Listen(syn, stream);
        stream.Watch();
    }

    private TcpConnection Add(in FlowKey key, MacAddress mac)
    {
        var headers = (key.Guest.IsV4 ? IpHeader.V4Size : IpHeader.V6Size) + TcpHeader.Size;
        var connection = new TcpConnection(this, key.Guest, key.GuestPort, key.Remote, key.RemotePort, _gateway.Options.Mtu - headers, InitialSequence(key))
        {
            GuestMac = mac,
            IsCountedHalfOpen = true,
        };
        _halfOpen++;
        _connections.Add(key, connection);
        return connection;
    }

    /// <summary>An initial number that nobody else can guess and that grows for each pair of endpoints (RFC 6528).</summary>
    private uint InitialSequence(in FlowKey key)
    {
        Span<byte> text = stackalloc byte[Marshal.SizeOf<FlowKey>() + 16];
        text.Clear();
        _secret.CopyTo(text);
        MemoryMarshal.Write(text[16..], key);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(text, hash);
        return BinaryPrimitives.ReadUInt32LittleEndian(hash) + (uint)(Now / 4000);
    }

    private void OnConnected(TcpConnection connection)
    {
        connection.Accept();
        Settle(connection);
    }

    private void OnRefused(TcpConnection connection, int error)
    {
        if (error is Linux.ConnectionRefused or Linux.ConnectionReset)
        {
            connection.Abort();
            return;
        }

        if (error != Linux.TimedOut) // then the guest has been waiting as long, and finds out for itself
        {
            Span<byte> original = stackalloc byte[IpHeader.V6Size + 8];
            var length = IpHeader.Write(original, connection.Guest, connection.Remote, IpProtocol.Tcp, TcpHeader.Size);
            BinaryPrimitives.WriteUInt16BigEndian(original[length..], connection.GuestPort);
            BinaryPrimitives.WriteUInt16BigEndian(original[(length + 2)..], connection.RemotePort);
            BinaryPrimitives.WriteUInt32BigEndian(original[(length + 4)..], connection.GuestSequence - 1);
            SendUnreachable(connection.Guest, connection.Remote, original[..(length + 8)]);
        }

        connection.Forget();
    }

    private void SendUnreachable(IpAddress guest, IpAddress remote, ReadOnlySpan<byte> original)
    {
        var v4 = remote.IsV4;
        _gateway.SendError(_gateway.AddressFor(guest), guest, v4 ? Icmp.Unreachable : Icmp.Unreachable6, v4 ? Icmp.HostCode : Icmp.NoRouteCode6, 0, original);
    }

    /// <summary>Answers a segment that belongs to nothing (RFC 9293 §3.10.7.1).</summary>
    private void SendReset(MacAddress mac, in IpHeader ip, in TcpHeader about, int length)
    {
        var reset = new TcpHeader { SourcePort = about.DestinationPort, DestinationPort = about.SourcePort, WindowScale = -1, Flags = TcpFlags.Rst };
        if ((about.Flags & TcpFlags.Ack) != 0)
        {
            reset.Sequence = about.Acknowledgment;
        }
        else
        {
            reset.Flags |= TcpFlags.Ack;
            reset.Acknowledgment = about.Sequence + (uint)length + ((about.Flags & TcpFlags.Syn) != 0 ? 1u : 0) + ((about.Flags & TcpFlags.Fin) != 0 ? 1u : 0);
        }

        Span<byte> head = stackalloc byte[EthernetHeader.Size + IpHeader.V6Size + TcpHeader.MaxSize];
        if (!Put(mac, ip.Destination, ip.Source, head, reset, [], 0, 0, _gateway.Guests.Features)) _gateway.Guests.CountDropped();
    }

    private void Settle(TcpConnection connection)
    {
        if (!connection.IsCountedHalfOpen || connection.State is TcpState.Connecting or TcpState.SynSent or TcpState.SynReceived) return;
        connection.IsCountedHalfOpen = false;
        _halfOpen--;
    }
}
