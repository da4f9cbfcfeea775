namespace Holon.Networking.Nat;

/// <summary>Which card an address was last seen on. Filled by what guests send; bounded, the oldest entries go.</summary>
internal sealed class NeighborTable(int capacity)
{
    private readonly Dictionary<IpAddress, MacAddress> _cards = [];
    private readonly Queue<IpAddress> _order = new();
    private (IpAddress Address, MacAddress Mac) _last;

    public int Count => _cards.Count;

    public void Learn(IpAddress address, MacAddress mac)
    {
        if (_last.Address == address && _last.Mac == mac) return; // nearly every packet
        if (!_cards.ContainsKey(address))
        {
            if (_cards.Count == capacity) _cards.Remove(_order.Dequeue());
            _order.Enqueue(address);
        }

        _cards[address] = mac;
        _last = (address, mac);
    }

    /// <summary>Remembers an address that a card wants for itself; whoever has it already keeps it.</summary>
    public void LearnUnlessTaken(IpAddress address, MacAddress mac)
    {
        if (!_cards.ContainsKey(address)) Learn(address, mac);
    }

    /// <summary>An address of a card inside of a prefix.</summary>
    public IpAddress? Find(MacAddress mac, IpPrefix prefix)
    {
        foreach (var (address, known) in _cards)
        {
            if (known == mac && prefix.Contains(address)) return address;
        }

        return null;
    }

    /// <summary>The address inside of a prefix that was seen first.</summary>
    public IpAddress? First(IpPrefix prefix)
    {
        foreach (var address in _order)
        {
            if (prefix.Contains(address)) return address;
        }

        return null;
    }

    public bool TryGet(IpAddress address, out MacAddress mac) => _cards.TryGetValue(address, out mac);
}
