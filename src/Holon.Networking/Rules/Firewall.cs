namespace Holon.Networking.Rules;

/// <summary>
/// Decides about new flows: the first rule that matches does, and without one everything passes. A rule by name matches the addresses that
/// our own DNS answers gave for the name, as long as their TTL says.
/// </summary>
internal sealed class Firewall(IReadOnlyList<FirewallRule> rules, int nameCapacity)
{
    /// <summary>Answers with a shorter TTL are remembered this long: the guest needs time to use them.</summary>
    public const long LeastLifetime = 60_000_000_000;

    /// <summary>Nothing is remembered longer.</summary>
    public const long LongestLifetime = 24 * 3600 * 1_000_000_000L;

    private readonly bool _hasNames = rules.Any(rule => rule.Name is not null);
    private readonly Dictionary<(IpAddress Address, string Name), long> _answers = [];

    /// <summary>Answers that are remembered.</summary>
    public int Remembered => _answers.Count;

    public bool Allows(Transport transport, IpAddress address, ushort port, long now)
    {
        foreach (var rule in rules)
        {
            if (rule.Transport != Transport.Any && rule.Transport != transport) continue;
            if (rule.Ports != PortRange.All && (transport == Transport.Any || !rule.Ports.Contains(port))) continue;
            if (rule.Prefix is { } prefix && !prefix.Contains(address)) continue;
            if (rule.Name is not null && !IsKnownAs(address, rule, now)) continue;
            return rule.Allow;
        }

        return true;
    }

    /// <summary>
    /// Whether a name may be asked for at all. When only names are allowed, others are refused here: a resolver that answers
    /// anything would be a way out.
    /// </summary>
    public bool MayResolve(string name)
    {
        foreach (var rule in rules)
        {
            if (rule.Name is not null)
            {
                if (rule.MatchesName(name)) return rule.Allow || rule.Ports != PortRange.All;
            }
            else if (rule.Allow)
            {
                return true; // some addresses are allowed, and any name may lead there
            }
            else if (rule.Prefix is null && rule.Ports == PortRange.All && rule.Transport == Transport.Any)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Remembers that an answer gave an address for a name.</summary>
    public void Remember(string name, IpAddress address, long lifetime, long now)
    {
        if (!_hasNames || !rules.Any(rule => rule.MatchesName(name))) return;
        if (_answers.Count >= nameCapacity)
        {
            foreach (var (old, until) in _answers)
            {
                if (until < now) _answers.Remove(old);
            }

            if (_answers.Count >= nameCapacity) return;
        }

        _answers[(address, name)] = now + Math.Clamp(lifetime, LeastLifetime, LongestLifetime);
    }

    private bool IsKnownAs(IpAddress address, FirewallRule rule, long now)
    {
        foreach (var ((known, name), until) in _answers)
        {
            if (known == address && until >= now && rule.MatchesName(name)) return true;
        }

        return false;
    }
}
