using Holon.Networking.Packets;

namespace Holon.Networking.Nat;

/// <summary>
/// Puts fragmented packets together (RFC 791 §3.2, RFC 8200 §4.5). Overlapping fragments throw the packet away (RFC 5722), and so do too
/// many, too large or too late ones.
/// </summary>
internal sealed class Reassembly(int capacity)
{
    /// <summary>How long the fragments of one packet may take.</summary>
    public const long Lifetime = 15_000_000_000;

    private const int MaxPayload = 65535 - IpHeader.V4Size, MaxFragments = 64;

    private readonly List<Packet> _packets = [];

    /// <summary>Packets being put together.</summary>
    public int Count => _packets.Count;

    /// <summary>Takes a fragment; when it completes its packet, returns the payload, which is valid until the next call.</summary>
    public bool Add(in IpHeader ip, ReadOnlySpan<byte> payload, long now, out ReadOnlySpan<byte> whole)
    {
        whole = default;
        _packets.RemoveAll(old => now - old.Born > Lifetime);
        var key = (ip.Source, ip.Destination, ip.Identification, ip.Protocol);
        var packet = _packets.Find(each => each.Key == key);
        if (packet is null)
        {
            if (_packets.Count == capacity) _packets.RemoveAt(0);
            packet = new Packet(key, now);
            _packets.Add(packet);
        }

        if (!packet.Add(ip.FragmentOffset, payload, ip.MoreFragments))
        {
            _packets.Remove(packet);
            return false;
        }

        if (!packet.IsComplete) return false;
        _packets.Remove(packet);
        whole = packet.Payload;
        return true;
    }

    private sealed class Packet((IpAddress Source, IpAddress Destination, uint Identification, byte Protocol) key, long born)
    {
        private readonly List<(int Start, int End)> _parts = [];
        private byte[] _bytes = [];
        private int _end = -1, _received;

        public (IpAddress Source, IpAddress Destination, uint Identification, byte Protocol) Key => key;

        public long Born => born;

        public bool IsComplete => _end == _received;

        public ReadOnlySpan<byte> Payload => _bytes.AsSpan(0, _end);

        public bool Add(int start, ReadOnlySpan<byte> payload, bool more)
        {
            var end = start + payload.Length;
            if (payload.Length == 0 || end > MaxPayload || (more && payload.Length % 8 != 0) || _parts.Count == MaxFragments) return false;
            if (!more && _end >= 0 && _end != end) return false;
            if (!more) _end = end;
            if (_end >= 0 && (end > _end || _parts.Exists(part => part.End > _end))) return false;
            foreach (var part in _parts)
            {
                if (part == (start, end)) return true; // an exact repetition is the network's doing, not an attack
                if (start < part.End && part.Start < end) return false;
            }

            if (end > _bytes.Length) Array.Resize(ref _bytes, Math.Min(Math.Max(end, _bytes.Length * 2), MaxPayload));
            payload.CopyTo(_bytes.AsSpan(start));
            _parts.Add((start, end));
            _received += payload.Length;
            return true;
        }
    }
}
