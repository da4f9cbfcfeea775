namespace Holon.Networking.Switching;

/// <summary>Which port a card was last seen on (IEEE 802.1D §7.9). Bounded: a guest that invents cards fills its own share only.</summary>
internal sealed class AddressTable<TPort>
    where TPort : class
{
    /// <summary>An entry that was not confirmed for that long is forgotten.</summary>
    public const long Lifetime = 300_000_000_000;

    /// <summary>Entries of one port.</summary>
    public const int MaxPerPort = 256;

    private readonly Dictionary<MacAddress, (TPort Port, long Seen)> _entries = [];
    private readonly Dictionary<TPort, int> _counts = [];

    public int Count => _entries.Count;

    public void Learn(MacAddress mac, TPort port, long now)
    {
        if (_entries.TryGetValue(mac, out var known))
        {
            if (known.Port == port)
            {
                if (now - known.Seen > 1_000_000_000) _entries[mac] = (port, now);
                return;
            }

            _counts[known.Port]--;
        }
        else if (_counts.GetValueOrDefault(port) >= MaxPerPort)
        {
            Age(now);
            if (_counts.GetValueOrDefault(port) >= MaxPerPort) return;
        }

        _entries[mac] = (port, now);
        _counts[port] = _counts.GetValueOrDefault(port) + 1;
    }

    public TPort? Find(MacAddress mac, long now) => _entries.TryGetValue(mac, out var known) && now - known.Seen <= Lifetime ? known.Port : null;

    public void Forget(TPort port)
    {
        foreach (var (mac, entry) in _entries)
        {
            if (entry.Port == port) _entries.Remove(mac);
        }

        _counts.Remove(port);
    }

    private void Age(long now)
    {
        foreach (var (mac, entry) in _entries)
        {
            if (now - entry.Seen <= Lifetime) continue;
            _entries.Remove(mac);
            _counts[entry.Port]--;
        }
    }
}
