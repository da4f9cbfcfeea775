namespace Holon.Networking.Services;

/// <summary>The names of machines on a network, of its gateway and of the host behind it; each also with <c>.holon</c> behind.</summary>
internal sealed class NameTable(NatOptions options)
{
    /// <summary>The domain of all names.</summary>
    public const string Domain = "holon";

    private readonly Dictionary<string, MacAddress> _machines = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Gives a card a name; the latest wins.</summary>
    public void Set(string name, MacAddress mac) => _machines[name] = mac;

    /// <summary>Forgets a name.</summary>
    public void Remove(string name) => _machines.Remove(name);

    /// <summary>The name of a card.</summary>
    public string? NameOf(MacAddress mac)
    {
        foreach (var (name, known) in _machines)
        {
            if (known == mac) return name;
        }

        return null;
    }

    /// <summary>
    /// True when a name is ours to answer. The card is null for the gateway and the host, which have the gateway's addresses.
    /// </summary>
    public bool TryFind(string name, out MacAddress? card)
    {
        card = null;
        var own = name.EndsWith("." + Domain, StringComparison.OrdinalIgnoreCase);
        if (own) name = name[..^(Domain.Length + 1)];
        if (name is "gateway" or "host") return own || options.HostAccess.Count > 0 || name == "gateway";
        if (!_machines.TryGetValue(name, out var mac)) return false;
        card = mac;
        return true;
    }
}
