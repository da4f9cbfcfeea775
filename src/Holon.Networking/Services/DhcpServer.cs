using System.Buffers.Binary;
using System.Text;
using Holon.Networking.Nat;

namespace Holon.Networking.Services;

/// <summary>Hands out IPv4 addresses (RFC 2131, RFC 2132): the same card always gets the same one.</summary>
internal sealed class DhcpServer(Gateway gateway)
{
    public const ushort Port = 67, ClientPort = 68;

    /// <summary>Seconds that an address is lent for.</summary>
    public const uint LeaseSeconds = 86400;

    /// <summary>Cards that addresses are remembered for; a guest that invents cards gets nothing more.</summary>
    public const int MaxLeases = 1024;

    private const int Fixed = 236;
    private const uint Cookie = 0x6382_5363;
    private const byte Discover = 1, Offer = 2, Request = 3, Decline = 4, Acknowledge = 5, Refuse = 6, Inform = 8;

    private readonly Dictionary<MacAddress, IpAddress> _leases = [];
    private readonly HashSet<IpAddress> _taken = [];

    /// <summary>Who has which address.</summary>
    public IReadOnlyDictionary<MacAddress, IpAddress> Leases => _leases;

    /// <summary>The address of a card; lent before it asks, too, so that forwarded ports know where to go.</summary>
    public IpAddress? AddressOf(MacAddress mac)
    {
        if (_leases.TryGetValue(mac, out var address)) return address;
        if (_leases.Count >= MaxLeases || _taken.Count >= 2 * MaxLeases) return null;
        var last = ~gateway.Options.Subnet4.Mask4 - 1;
        for (var number = 2u; number <= last; number++)
        {
            address = gateway.Options.Subnet4.At(number);
            if (!_taken.Add(address)) continue;
            _leases[mac] = address;
            return address;
        }

        return null;
    }

    /// <summary>Takes a client's message; false when it is malformed.</summary>
    public bool Receive(MacAddress mac, IpAddress source, Span<byte> message)
    {
        // op 1 (request), Ethernet, 6 bytes of address
        if (message.Length < Fixed + 4 || message[0] != 1 || message[1] != 1 || message[2] != 6 || BinaryPrimitives.ReadUInt32BigEndian(message[Fixed..]) != Cookie) return false;
        var card = MacAddress.Read(message[28..]);
        if (card != mac) return false; // relays are not for guests
        if (!TryReadOptions(message[(Fixed + 4)..], out var type, out var requested, out var server)) return false;
        if (server is { } chosen && chosen != gateway.Gateway4) return true; // it has chosen another server
        var current = IpAddress.Read(message[12..16]);
        switch (type)
        {
            case Discover:
                if (AddressOf(card) is { } offered) Answer(message, Offer, offered);
                return true;
            case Request:
                var wanted = requested ?? (current.IsUnspecified ? source : current);
                if (AddressOf(card) is not { } lent) return true;
                Answer(message, wanted == lent ? Acknowledge : Refuse, lent);
                return true;
            case Inform:
                Answer(message, Acknowledge, current, inform: true);
                return true;
            case Decline:
                _leases.Remove(card); // the address stays taken: somebody else has it
                return true;
            default:
                return true; // a released address stays its card's
        }
    }

    private static bool TryReadOptions(ReadOnlySpan<byte> options, out byte type, out IpAddress? requested, out IpAddress? server)
    {
        (type, requested, server) = (0, null, null);
        while (options is [not 255, ..])
        {
            if (options[0] == 0)
            {
                options = options[1..];
                continue;
            }

            if (options.Length < 2 || options.Length < 2 + options[1]) return false;
            var code = options[0];
            var body = options.Slice(2, options[1]);
            options = options[(2 + body.Length)..];
            if (code == 53 && body.Length == 1) type = body[0];
            if (code == 50 && body.Length == 4) requested = IpAddress.Read(body);
            if (code == 54 && body.Length == 4) server = IpAddress.Read(body);
        }

        return type != 0;
    }

    private void Answer(ReadOnlySpan<byte> request, byte type, IpAddress address, bool inform = false)
    {
        var reply = new byte[Fixed + 4 + 128]; // a few a day
        request[..Fixed].CopyTo(reply);
        reply[0] = 2;
        reply.AsSpan(8, 2).Clear();
        reply.AsSpan(44, Fixed - 44).Clear(); // sname, file
        var client = IpAddress.Read(request[12..16]);
        var card = MacAddress.Read(request[28..]);
        if (type == Refuse) reply.AsSpan(12, 12).Clear(); else if (!inform) address.Write(reply.AsSpan(16));
        gateway.Gateway4.Write(reply.AsSpan(20));
        var options = new OptionWriter(reply, Fixed);
        options.Number(Cookie);
        options.Add(53, [type]);
        options.Address(54, gateway.Gateway4);
        if (type != Refuse)
        {
            var subnet = gateway.Options.Subnet4;
            if (!inform)
            {
                options.Number(51, LeaseSeconds);
                options.Number(58, LeaseSeconds / 2);
                options.Number(59, LeaseSeconds / 8 * 7);
            }

            options.Number(1, subnet.Mask4);
            options.Address(3, gateway.Gateway4);
            options.Address(6, gateway.Gateway4);
            options.Address(28, subnet.Broadcast4);
            options.Add(15, Encoding.ASCII.GetBytes(NameTable.Domain));
            options.Add(26, [(byte)(gateway.Options.Mtu >> 8), (byte)gateway.Options.Mtu]);
            if (gateway.Names.NameOf(card) is { Length: < 64 } name) options.Add(12, Encoding.ASCII.GetBytes(name));
        }

        options.Add(255);
        var broadcast = (request[10] & 0x80) != 0 || type == Refuse;
        var to = !client.IsUnspecified && type != Refuse ? client : broadcast ? IpAddress.Broadcast4 : address;
        gateway.SendUdp(gateway.Gateway4, to, Port, ClientPort, reply, broadcast ? MacAddress.Broadcast : card);
    }

    private ref struct OptionWriter(Span<byte> bytes, int at)
    {
        private readonly Span<byte> _bytes = bytes;
        private int _at = at;

        public void Add(byte code) => _bytes[_at++] = code;

        public void Number(uint value)
        {
            BinaryPrimitives.WriteUInt32BigEndian(_bytes[_at..], value);
            _at += 4;
        }

        public void Number(byte code, uint value)
        {
            Add(code);
            Add(4);
            Number(value);
        }

        public void Address(byte code, IpAddress address) => Number(code, address.V4Value);

        public void Add(byte code, scoped ReadOnlySpan<byte> body)
        {
            Add(code);
            Add((byte)body.Length);
            body.CopyTo(_bytes[_at..]);
            _at += body.Length;
        }
    }
}
