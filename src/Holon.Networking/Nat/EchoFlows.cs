using System.Buffers.Binary;
using Holon.Networking.Host;
using Holon.Networking.Nat.Tcp;
using Holon.Networking.Packets;

namespace Holon.Networking.Nat;

/// <summary>
/// Pings. Those to the gateway are answered; others go through the host's unprivileged ping sockets (icmp(7), <c>ping_group_range</c>).
/// Where the host does not allow them, the guest is told so (communication administratively prohibited).
/// </summary>
internal sealed class EchoFlows(Gateway gateway) : IDisposable
{
    /// <summary>An idle ping is forgotten after that.</summary>
    public const long Lifetime = 30_000_000_000;

    private readonly Dictionary<FlowKey, Flow> _flows = [];
    private readonly byte[] _received = GC.AllocateUninitializedArray<byte>(65535, pinned: true);

    public int Count => _flows.Count;

    /// <summary>Takes an ICMP message with a valid checksum.</summary>
    public bool Receive(in IpHeader ip, ReadOnlySpan<byte> head, Span<byte> message)
    {
        var v4 = ip.Source.IsV4;
        if (message[0] != (v4 ? Icmp.EchoRequest : Icmp.EchoRequest6)) return true; // answers and errors concern nobody here
        var word = BinaryPrimitives.ReadUInt32BigEndian(message[4..]);
        if (gateway.IsOwn(ip.Destination))
        {
            Icmp.Complete(message, ip.Destination, ip.Source, v4 ? Icmp.EchoReply : Icmp.EchoReply6, 0, word);
            gateway.SendPacket(ip.Destination, ip.Source, ip.Protocol, message);
            return true;
        }

        if (ip.Destination.IsMulticast || ip.Destination == IpAddress.Broadcast4) return true;
        var key = new FlowKey(ip.Source, ip.Destination, (ushort)(word >> 16), 0);
        if (!_flows.TryGetValue(key, out var flow) && (flow = Open(key, ip, head)) is null) return true;
        flow.Send(message, ip.HopLimit);
        return true;
    }

    public void Dispose()
    {
        foreach (var flow in _flows.Values.ToArray()) flow.Close();
    }

    private Flow? Open(in FlowKey key, in IpHeader ip, ReadOnlySpan<byte> head)
    {
        var original = head[..Math.Min(head.Length, ip.TotalLength)];
        if (!gateway.TryMap(Transport.Any, key.Remote, 0, out var host, out _))
        {
            gateway.SendUnreachable(ip, original, Icmp.ProhibitedCode, Icmp.ProhibitedCode6);
            return null;
        }

        if (_flows.Count >= gateway.Options.Limits.EchoFlows) _flows.Values.MinBy(each => each.LastUsed)?.Close();
        var socket = HostSocket.Open(host, Linux.Datagram, host.IsV4 ? IpProtocol.Icmp : IpProtocol.Icmp6);
        if (socket < 0)
        {
            gateway.SendUnreachable(ip, original, Icmp.ProhibitedCode, Icmp.ProhibitedCode6);
            return null;
        }

        if (HostSocket.Connect(socket, host, 0) != 0)
        {
            _ = Linux.Close(socket);
            gateway.SendUnreachable(ip, original, Icmp.HostCode, Icmp.NoRouteCode6);
            return null;
        }

        Linux.SetOption(socket, host.IsV4 ? Linux.LevelIp : Linux.LevelIp6, host.IsV4 ? Linux.ReceiveErrors : Linux.ReceiveErrors6, 1);
        var flow = new Flow(this, key, socket);
        _flows.Add(key, flow);
        return flow;
    }

    private Gateway Gateway => gateway;

    private sealed class Flow : LoopTimer, IPollHandler
    {
        private readonly EchoFlows _owner;
        private readonly FlowKey _key;
        private readonly int _slot;
        private int _socket, _hopLimit;
        private uint _lastWord;

        public Flow(EchoFlows owner, in FlowKey key, int socket)
        {
            (_owner, _key, _socket) = (owner, key, socket);
            _slot = owner.Gateway.Loop.Add(socket, Linux.EpollIn, this);
        }

        public long LastUsed { get; private set; }

        public void Send(ReadOnlySpan<byte> message, byte hopLimit)
        {
            LastUsed = _owner.Gateway.Loop.Now;
            _owner.Gateway.Loop.Timers.Set(this, LastUsed + Lifetime);
            if (hopLimit - 1 != _hopLimit)
            {
                _hopLimit = hopLimit - 1;
                Linux.SetOption(_socket, _key.Remote.IsV4 ? Linux.LevelIp : Linux.LevelIp6, _key.Remote.IsV4 ? Linux.TimeToLive : Linux.HopLimit6, _hopLimit);
            }

            _lastWord = BinaryPrimitives.ReadUInt32BigEndian(message[4..]);
            if (HostSocket.Send(_socket, message) == ITcpStream.Failed) TakeErrors();
        }

        public void OnEvents(uint events)
        {
            if ((events & Linux.EpollErr) != 0) TakeErrors();
            while (_socket >= 0)
            {
                var count = HostSocket.Receive(_socket, _owner._received);
                if (count < Icmp.HeaderSize) return;
                var message = _owner._received.AsSpan(0, count);
                var v4 = _key.Guest.IsV4;
                if (message[0] != (v4 ? Icmp.EchoReply : Icmp.EchoReply6)) continue;
                // The kernel has put a number of its own in place of the guest's identifier.
                var word = (uint)_key.GuestPort << 16 | BinaryPrimitives.ReadUInt16BigEndian(message[6..]);
                Icmp.Complete(message, _key.Remote, _key.Guest, message[0], 0, word);
                _owner.Gateway.SendPacket(_key.Remote, _key.Guest, v4 ? IpProtocol.Icmp : IpProtocol.Icmp6, message);
            }
        }

        public override void Fire(long now) => Close();

        public void Close()
        {
            if (_socket < 0) return;
            _owner.Gateway.Loop.Timers.Remove(this);
            _owner.Gateway.Loop.Remove(_slot);
            _owner._flows.Remove(_key);
            _ = Linux.Close(_socket);
            _socket = -1;
        }

        private void TakeErrors()
        {
            Span<byte> packet = stackalloc byte[IpHeader.V6Size + Icmp.HeaderSize];
            while (SocketErrors.TryTake(_socket, out var error))
            {
                var v4 = _key.Guest.IsV4;
                var length = IpHeader.Write(packet, _key.Guest, _key.Remote, v4 ? IpProtocol.Icmp : IpProtocol.Icmp6, Icmp.HeaderSize);
                packet[length] = v4 ? Icmp.EchoRequest : Icmp.EchoRequest6;
                packet[length + 1] = 0;
                BinaryPrimitives.WriteUInt16BigEndian(packet[(length + 2)..], 0);
                BinaryPrimitives.WriteUInt32BigEndian(packet[(length + 4)..], _lastWord);
                _owner.Gateway.RelayError(error, _key.Guest, _key.Remote, packet[..(length + Icmp.HeaderSize)]);
            }
        }
    }
}
