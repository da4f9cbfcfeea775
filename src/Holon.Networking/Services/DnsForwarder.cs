using System.Buffers.Binary;
using System.Security.Cryptography;
using Holon.Networking.Host;
using Holon.Networking.Nat;
using Holon.Networking.Nat.Tcp;

namespace Holon.Networking.Services;

/// <summary>
/// The guests' DNS server: answers the names of machines, forwards the rest to the host's resolvers over the transport that the guest
/// used, each question from a port and with a number of its own, and tells the firewall what the answers were.
/// </summary>
internal sealed class DnsForwarder(Gateway gateway) : IDisposable
{
    /// <summary>How long a resolver may take before the next one is asked.</summary>
    public const long Patience = 3_000_000_000;

    private readonly HostResolvers _resolvers = new(gateway.Options.Resolvers);
    private readonly HashSet<Query> _queries = [];
    private readonly byte[] _received = GC.AllocateUninitializedArray<byte>(DnsMessage.MaxSize + 2, pinned: true);

    /// <summary>Questions under way.</summary>
    public int Count => _queries.Count;

    private Gateway Gateway => gateway;

    /// <summary>Takes a question that came in a datagram.</summary>
    public void ReceiveDatagram(IpAddress guest, ushort port, IpAddress asked, ReadOnlySpan<byte> message) =>
        Ask(message, stream: false, answer => gateway.SendUdp(asked, guest, 53, port, answer.Span));

    /// <summary>The far side of a connection to the DNS server.</summary>
    public ITcpStream AcceptStream(TcpConnection connection) => new DnsStream(this, connection);

    /// <summary>Runs something after what is going on now.</summary>
    public void Post(Action action) => gateway.Loop.Post(action);

    public void Dispose()
    {
        foreach (var query in _queries.ToArray()) query.End();
    }

    /// <summary>Answers a message from a guest, now or later, or never when it is no question.</summary>
    internal void Ask(ReadOnlySpan<byte> message, bool stream, Action<ReadOnlyMemory<byte>> answer)
    {
        if (!DnsMessage.IsQuery(message)) return;
        if (!DnsMessage.TryReadQuestion(message, out var name, out var type, out var end))
        {
            answer(DnsMessage.Answer(message, DnsMessage.HeaderSize, DnsMessage.FormatError, null));
            return;
        }

        if (gateway.Names.TryFind(name, out var card))
        {
            answer(DnsMessage.Answer(message, end, DnsMessage.NoError, AddressOf(card, type)));
            return;
        }

        if (!gateway.Firewall.MayResolve(name))
        {
            gateway.Guests.CountDenied();
            answer(DnsMessage.Answer(message, end, DnsMessage.Refused, null));
            return;
        }

        if (name == NameTable.Domain || name.EndsWith("." + NameTable.Domain, StringComparison.Ordinal))
        {
            answer(DnsMessage.Answer(message, end, DnsMessage.NameError, null)); // ours, and nobody else's business
            return;
        }

        var resolvers = _resolvers.Get(gateway.Loop.Now);
        if (resolvers.Count == 0 || _queries.Count >= gateway.Options.Limits.DnsQueries)
        {
            answer(DnsMessage.Answer(message, end, DnsMessage.ServerFailure, null));
            return;
        }

        var query = new Query(this, message, name, end, stream, resolvers, answer);
        _queries.Add(query);
        query.Send();
    }

    private IpAddress? AddressOf(MacAddress? card, ushort type)
    {
        if (type == DnsMessage.TypeA) return card is { } mac ? gateway.Dhcp.AddressOf(mac) : gateway.Gateway4;
        if (type == DnsMessage.TypeAaaa) return card is { } mac ? gateway.Neighbors.Find(mac, gateway.Options.Subnet6) : gateway.Gateway6;
        return null;
    }

    /// <summary>One question under way to a resolver.</summary>
    private sealed class Query : LoopTimer, IPollHandler
    {
        private readonly DnsForwarder _owner;
        private readonly byte[] _message; // with two bytes of length before it, as a stream wants it
        private readonly string _name;
        private readonly int _questionEnd;
        private readonly bool _stream;
        private readonly IReadOnlyList<IpAddress> _resolvers;
        private readonly Action<ReadOnlyMemory<byte>> _answer;
        private readonly ushort _guestNumber;
        private int _socket = -1, _slot, _next, _streamCount;
        private byte[] _streamed = [];
        private bool _sent;

        public Query(DnsForwarder owner, ReadOnlySpan<byte> message, string name, int questionEnd, bool stream, IReadOnlyList<IpAddress> resolvers, Action<ReadOnlyMemory<byte>> answer)
        {
            (_owner, _name, _questionEnd, _stream, _resolvers, _answer) = (owner, name, questionEnd, stream, resolvers, answer);
            _message = new byte[message.Length + 2];
            BinaryPrimitives.WriteUInt16BigEndian(_message, (ushort)message.Length);
            message.CopyTo(_message.AsSpan(2));
            _guestNumber = BinaryPrimitives.ReadUInt16BigEndian(message);
        }

        private ReadOnlySpan<byte> Message => _message.AsSpan(2);

        private EventLoop Loop => _owner.Gateway.Loop;

        /// <summary>Asks the next resolver; when there is none left, the guest is told of the failure.</summary>
        public void Send()
        {
            CloseSocket();
            while (_next < _resolvers.Count)
            {
                var resolver = _resolvers[_next++];
                RandomNumberGenerator.Fill(_message.AsSpan(2, 2));
                _socket = HostSocket.Open(resolver, _stream ? Linux.Stream : Linux.Datagram);
                if (_socket < 0) break;
                if (HostSocket.Connect(_socket, resolver, 53) is 0 or Linux.InProgress && (_stream || HostSocket.Send(_socket, Message) > 0))
                {
                    _slot = Loop.Add(_socket, Linux.EpollIn | (_stream ? Linux.EpollOut : 0), this);
                    Loop.Timers.Set(this, Loop.Now + Patience);
                    return;
                }

                _ = Linux.Close(_socket);
                _socket = -1;
            }

            Finish(DnsMessage.Answer(Message, _questionEnd, DnsMessage.ServerFailure, null));
        }

        public void OnEvents(uint events)
        {
            if (_stream) OnStreamEvents(events); else OnDatagram();
        }

        public override void Fire(long now) => Send();

        public void End()
        {
            Loop.Timers.Remove(this);
            CloseSocket();
            _owner._queries.Remove(this);
        }

        private void OnDatagram()
        {
            var count = HostSocket.Receive(_socket, _owner._received);
            if (count == ITcpStream.Failed) Send(); // the resolver is not there
            else if (count > 0) Consider(_owner._received.AsSpan(0, count));
        }

        private void OnStreamEvents(uint events)
        {
            if (!_sent && (events & Linux.EpollOut) != 0)
            {
                _sent = true; // a question fits into any socket's buffer
                Loop.Modify(_slot, Linux.EpollIn);
                if (HostSocket.Send(_socket, _message) != _message.Length)
                {
                    Send();
                    return;
                }
            }

            if ((events & ~Linux.EpollOut) == 0) return;
            var count = HostSocket.Receive(_socket, _owner._received);
            if (count == ITcpStream.WouldBlock) return;
            if (count <= 0 || _streamCount + count > DnsMessage.MaxSize + 2)
            {
                Send();
                return;
            }

            Array.Resize(ref _streamed, _streamCount + count);
            _owner._received.AsSpan(0, count).CopyTo(_streamed.AsSpan(_streamCount));
            _streamCount += count;
            if (_streamCount < 2) return;
            var length = BinaryPrimitives.ReadUInt16BigEndian(_streamed);
            if (_streamCount >= length + 2) Consider(_streamed.AsSpan(2, length));
        }

        private void Consider(Span<byte> answer)
        {
            if (!DnsMessage.IsAnswerTo(answer, Message)) return; // forged, or late
            DnsMessage.ReadAddresses(answer, this, static (query, address, seconds) =>
                query._owner.Gateway.Firewall.Remember(query._name, address, seconds * 1_000_000_000L, query.Loop.Now));
            Finish(answer);
        }

        private void Finish(Span<byte> answer)
        {
            BinaryPrimitives.WriteUInt16BigEndian(answer, _guestNumber);
            End();
            _answer(answer.ToArray());
        }

        private void CloseSocket()
        {
            if (_socket < 0) return;
            Loop.Remove(_slot);
            _ = Linux.Close(_socket);
            _socket = -1;
            _sent = false;
            _streamCount = 0;
        }
    }
}
