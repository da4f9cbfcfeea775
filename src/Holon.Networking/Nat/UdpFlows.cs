using System.Buffers.Binary;
using Holon.Networking.Host;
using Holon.Networking.Nat.Tcp;
using Holon.Networking.Packets;
using Holon.Networking.Services;

namespace Holon.Networking.Nat;

/// <summary>The UDP flows of a network's guests: one connected socket of the host for each pair of endpoints.</summary>
internal sealed class UdpFlows : IDisposable
{
    /// <summary>A flow without an answer, and one with, ends after being idle that long (RFC 4787 §4.3 asks for two minutes).</summary>
    public const long UnansweredLifetime = 30_000_000_000, AnsweredLifetime = 180_000_000_000;

    private readonly Dictionary<FlowKey, Flow> _flows = [];
    private readonly DatagramBatch _batch = new();
    private List<DatagramIntake> _blocked = [], _resuming = [];
    private Flow? _sending; // whose datagrams are in the batch

    public UdpFlows(Gateway gateway)
    {
        Gateway = gateway;
        Budget = new DatagramBudget(gateway.Loop, gateway.Options.Processors, ResumeBlocked);
    }

    public Gateway Gateway { get; }

    /// <summary>What the guest may be given.</summary>
    public DatagramBudget Budget { get; }

    public int Count => _flows.Count;

    /// <summary>Takes a datagram, or with a segment size several of the same two endpoints; false when it is malformed.</summary>
    public bool Receive(MacAddress mac, in IpHeader ip, ReadOnlySpan<byte> head, Span<byte> bytes, bool trusted, int segmentSize)
    {
        if (!UdpHeader.TryRead(ip, bytes, trusted, out var udp)) return false;
        var payload = bytes[UdpHeader.Size..udp.Length];
        if (udp.DestinationPort == DhcpServer.Port && ip.Source.IsV4) return Gateway.Dhcp.Receive(mac, ip.Source, payload);
        if (udp.DestinationPort == RouterAdvertiser.Dhcp6Port && !ip.Source.IsV4) return Gateway.Router.ReceiveDhcp6(mac, ip.Source, payload);
        if (ip.Source.IsUnspecified) return false;
        if (udp.SourcePort == 0 || udp.DestinationPort == 0) return false;
        if (udp.DestinationPort == 53 && Gateway.IsOwn(ip.Destination))
        {
            if (segmentSize == 0) Gateway.Dns.ReceiveDatagram(ip.Source, udp.SourcePort, ip.Destination, payload);
            return segmentSize == 0;
        }

        var key = new FlowKey(ip.Source, ip.Destination, udp.SourcePort, udp.DestinationPort);
        if (!_flows.TryGetValue(key, out var flow) && (flow = Open(key, ip, head)) is null) return true;
        if (segmentSize == 0) flow.Send(payload, ip.HopLimit); else flow.SendMany(payload, segmentSize, ip.HopLimit);
        return true;
    }

    /// <summary>Sends what was kept for the end of the batch.</summary>
    public void Flush()
    {
        if (_sending is not { } flow) return;
        _sending = null;
        flow.SendNow(_batch.Bytes, _batch.Size);
        _batch.Clear();
    }

    /// <summary>The guests have room again.</summary>
    public void ResumeBlocked()
    {
        (_blocked, _resuming) = (_resuming, _blocked);
        foreach (var intake in _resuming) intake.Resume();
        _resuming.Clear();
    }

    /// <summary>Resumes it with the others.</summary>
    public void Block(DatagramIntake intake) => _blocked.Add(intake);

    /// <summary>Reads datagrams of a host's socket, several at a time. What it returned last is valid until the next call.</summary>
    public DatagramReader Reader { get; } = new();

    /// <summary>Makes a flow for a datagram that came from outside; its answers go back through the forwarding socket.</summary>
    public void Forward(PortForwarder.UdpListener listener, IpAddress peer, ushort peerPort, IpAddress guest, ushort guestPort, IpAddress shown, MemorySegment payload, int segmentSize)
    {
        var key = new FlowKey(guest, shown, guestPort, peerPort);
        if (!_flows.TryGetValue(key, out var flow))
        {
            if (_flows.Count >= Gateway.Options.Limits.UdpFlows) return;
            flow = new Flow(this, key, listener, peer);
            _flows.Add(key, flow);
        }

        flow.Deliver(payload, segmentSize);
    }

    public void Dispose()
    {
        foreach (var flow in _flows.Values.ToArray()) flow.Close();
        Reader.Dispose();
        Budget.Dispose();
    }

    private Flow? Open(in FlowKey key, in IpHeader ip, ReadOnlySpan<byte> head)
    {
        if (key.Remote.IsMulticast || key.Remote == IpAddress.Broadcast4 || key.Remote == Gateway.Options.Subnet4.Broadcast4) return null;
        var original = head[..Math.Min(head.Length, ip.TotalLength)];
        if (!Gateway.TryMap(Transport.Udp, key.Remote, key.RemotePort, out var host, out var denied))
        {
            if (denied) Gateway.SendUnreachable(ip, original, Icmp.ProhibitedCode, Icmp.ProhibitedCode6);
            else Gateway.SendUnreachable(ip, original, Icmp.PortCode, Icmp.PortCode6);
            return null;
        }

        if (_flows.Count >= Gateway.Options.Limits.UdpFlows) _flows.Values.MinBy(each => each.LastUsed)?.Close();
        var socket = HostSocket.Open(host, Linux.Datagram);
        if (socket < 0)
        {
            Gateway.Guests.CountDropped();
            return null;
        }

        ShareSourcePort(key, socket);
        if (HostSocket.Connect(socket, host, key.RemotePort) != 0)
        {
            _ = Linux.Close(socket);
            Gateway.SendUnreachable(ip, original, Icmp.HostCode, Icmp.NoRouteCode6);
            return null;
        }

        Linux.SetOption(socket, host.IsV4 ? Linux.LevelIp : Linux.LevelIp6, host.IsV4 ? Linux.ReceiveErrors : Linux.ReceiveErrors6, 1);
        Linux.SetOption(socket, host.IsV4 ? Linux.LevelIp : Linux.LevelIp6, host.IsV4 ? Linux.MtuDiscover : Linux.MtuDiscover6, 0); // the host fragments
        Linux.SetOption(socket, Linux.LevelSocket, Linux.ReceiveBuffer, 1 << 20);
        Linux.SetOption(socket, Linux.LevelUdp, Linux.UdpGather, 1); // Linux 5.0
        var flow = new Flow(this, key, socket);
        _flows.Add(key, flow);
        return flow;
    }

    /// <summary>
    /// One port of the host for one port of the guest, whatever it talks to (RFC 4787 §4.1), so that peers can find each other through
    /// NATs; answers still come from those only that the guest has spoken to.
    /// </summary>
    private void ShareSourcePort(in FlowKey key, int socket)
    {
        Linux.SetOption(socket, Linux.LevelSocket, Linux.ReuseAddress, 1);
        foreach (var (other, flow) in _flows)
        {
            if (other.Guest != key.Guest || other.GuestPort != key.GuestPort || flow.HostPort == 0) continue;
            _ = HostSocket.Bind(socket, key.Remote.IsV4 ? IpAddress.V4(0) : default, flow.HostPort); // if not, another port must do
            return;
        }

        _ = HostSocket.Bind(socket, key.Remote.IsV4 ? IpAddress.V4(0) : default, 0);
    }

    private sealed class Flow : LoopTimer, IPollHandler
    {
        private readonly UdpFlows _owner;
        private readonly FlowKey _key;
        private readonly PortForwarder.UdpListener? _listener;
        private readonly IpAddress _peer;
        private readonly DatagramIntake? _intake;
        private int _socket = -1, _hopLimit = 64;
        private bool _answered, _sendsOneByOne;

        public Flow(UdpFlows owner, in FlowKey key, int socket)
        {
            (_owner, _key, _socket) = (owner, key, socket);
            HostPort = HostSocket.LocalPort(socket);
            _intake = new DatagramIntake(owner, socket, Loop.Add(socket, Linux.EpollIn, this));
            Touch();
        }

        public Flow(UdpFlows owner, in FlowKey key, PortForwarder.UdpListener listener, IpAddress peer)
        {
            (_owner, _key, _listener, _peer) = (owner, key, listener, peer);
            Touch();
        }

        public ushort HostPort { get; }

        public long LastUsed { get; private set; }

        private EventLoop Loop => _owner.Gateway.Loop;

        /// <summary>Sends a datagram, at the latest at the end of the batch.</summary>
        public void Send(ReadOnlySpan<byte> payload, byte hopLimit)
        {
            Begin(hopLimit);
            if (_owner._sending == this && _owner._batch.TryAdd(payload)) return;
            _owner.Flush();
            if (_owner._batch.TryAdd(payload)) _owner._sending = this;
            else SendNow(payload, 0);
        }

        /// <summary>Sends datagrams that the guest has handed over as one.</summary>
        public void SendMany(ReadOnlySpan<byte> payload, int size, byte hopLimit)
        {
            Begin(hopLimit);
            _owner.Flush(); // what came first
            SendNow(payload, size);
        }

        /// <summary>Sends one datagram or several of a size, now.</summary>
        public void SendNow(ReadOnlySpan<byte> payload, int size)
        {
            if (size > 0 && payload.Length > size)
            {
                if (!_sendsOneByOne)
                {
                    var error = _listener is null ? HostSocket.SendMany(_socket, payload, size, null, 0) : _listener.SendMany(payload, size, _peer, _key.RemotePort);
                    if (error is 0 or Linux.Again) return; // full as a wire is full: datagrams are lost
                    // Too long for the way, or a host that cannot: otherwise an earlier datagram's error, told now.
                    if (error is Linux.Invalid or Linux.MessageSize or Linux.InputOutput) _sendsOneByOne = true;
                    else TakeErrors();
                }

                for (; payload.Length > size; payload = payload[size..]) SendOne(payload[..size]);
            }

            SendOne(payload);
        }

        /// <summary>Hands a datagram, or several that the host has gathered, to the guest; what it has no room for is lost.</summary>
        public void Deliver(MemorySegment payload, int segmentSize)
        {
            Touch();
            if (_owner.Gateway.SendUdp(_key.Remote, _key.Guest, _key.RemotePort, _key.GuestPort, payload, segmentSize)) return;
            _owner.Gateway.Guests.CountDropped();
            _intake?.Block();
        }

        public void OnEvents(uint events)
        {
            if ((events & Linux.EpollErr) != 0) TakeErrors();
            var count = _intake!.Read();
            if (count <= 0) return;
            _answered = true;
            for (var i = 0; i < count; i++) Deliver(_owner.Reader.Bytes(i), _owner.Reader.SegmentSize(i));
        }

        public override void Fire(long now) => Close();

        public void Close()
        {
            if (_owner._sending == this) _owner.Flush();
            Loop.Timers.Remove(this);
            _owner._flows.Remove(_key);
            _intake?.Close();
            _socket = -1;
        }

        private void Begin(byte hopLimit)
        {
            Touch();
            if (_listener is not null)
            {
                _answered = true;
                return;
            }

            // The guest's hop limit, less this hop, makes traceroute work through us.
            if (hopLimit - 1 == _hopLimit || (hopLimit >= 64 && _hopLimit >= 63)) return;
            if (_owner._sending == this) _owner.Flush();
            _hopLimit = hopLimit - 1;
            Linux.SetOption(_socket, _key.Remote.IsV4 ? Linux.LevelIp : Linux.LevelIp6, _key.Remote.IsV4 ? Linux.TimeToLive : Linux.HopLimit6, _hopLimit);
        }

        private void SendOne(ReadOnlySpan<byte> payload)
        {
            if (_listener is not null) _listener.Send(payload, _peer, _key.RemotePort);
            else if (HostSocket.Send(_socket, payload) == ITcpStream.Failed) TakeErrors();
        }

        private void Touch()
        {
            LastUsed = Loop.Now;
            // A question to a DNS server is over with its answer.
            var lifetime = _answered && _key.RemotePort != 53 ? AnsweredLifetime : UnansweredLifetime;
            Loop.Timers.Set(this, LastUsed + lifetime);
        }

        private void TakeErrors()
        {
            Span<byte> packet = stackalloc byte[IpHeader.V6Size + UdpHeader.Size];
            while (_socket >= 0 && SocketErrors.TryTake(_socket, out var error))
            {
                // The guest's own packet as far as errors quote it: addresses and ports.
                var length = IpHeader.Write(packet, _key.Guest, _key.Remote, IpProtocol.Udp, UdpHeader.Size);
                var udp = packet[length..];
                BinaryPrimitives.WriteUInt16BigEndian(udp, _key.GuestPort);
                BinaryPrimitives.WriteUInt16BigEndian(udp[2..], _key.RemotePort);
                BinaryPrimitives.WriteUInt32BigEndian(udp[4..], UdpHeader.Size << 16);
                _owner.Gateway.RelayError(error, _key.Guest, _key.Remote, packet[..(length + UdpHeader.Size)]);
            }
        }
    }
}
