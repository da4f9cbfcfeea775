using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Holon.Machines;

/// <summary>Which hosts and ports a machine may reach. Names of grants are looked up by us: what a program calls an address does not count.</summary>
public sealed class GrantedHosts
{
    private readonly (string Host, int Port)[] _grants;
    private readonly bool _all;
    private readonly Lazy<ConcurrentDictionary<(IPAddress Address, int Port), bool>> _reachable;

    /// <summary>Those of a list of <c>host</c>, <c>host:port</c>, <c>[address]:port</c> or <c>*</c>.</summary>
    public GrantedHosts(IReadOnlyList<string> grants)
    {
        ArgumentNullException.ThrowIfNull(grants);
        _all = grants.Contains("*");
        _grants = [.. grants.Where(g => g != "*").Select(Parse)];
        _reachable = new(() => new(_grants.SelectMany(g => Resolve(g.Host).Select(a => KeyValuePair.Create((a, g.Port), true))).DistinctBy(e => e.Key)));
    }

    /// <summary>Whether names may be looked up at all.</summary>
    public bool Any => _all || _grants.Length > 0;

    /// <summary>Whether everything may be reached.</summary>
    public bool All => _all;

    /// <summary>Whether an address may be reached or listened on.</summary>
    public bool Allows(IPAddress address, int port)
    {
        if (_all) return true;
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return _reachable.Value.ContainsKey((address, port)) || _reachable.Value.ContainsKey((address, 0));
    }

    /// <summary>Whether a name may be looked up: a question to a name server tells others what is asked.</summary>
    public bool AllowsName(string name) => _all || IPAddress.TryParse(name, out _) || Array.Exists(_grants, g => g.Host.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>What looking up a granted name has given just now: names with many addresses give others each time.</summary>
    public void Learn(string name, IEnumerable<IPAddress> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        if (_all) return;
        foreach (var address in addresses)
        {
            foreach (var (host, port) in _grants)
            {
                if (host.Equals(name, StringComparison.OrdinalIgnoreCase)) _reachable.Value[(address, port)] = true;
            }
        }
    }

    private static (string, int) Parse(string grant)
    {
        if (grant.StartsWith('[') && grant.IndexOf(']') is > 0 and var end)
            return (grant[1..end], end + 2 < grant.Length && int.TryParse(grant.AsSpan(end + 2), out var p) ? p : 0);
        var colon = grant.LastIndexOf(':');
        return colon >= 0 && grant.IndexOf(':') == colon && int.TryParse(grant.AsSpan(colon + 1), out var port) ? (grant[..colon], port) : (grant, 0);
    }

    private static IPAddress[] Resolve(string host)
    {
        try
        {
            return Dns.GetHostAddresses(host);
        }
        catch (SocketException)
        {
            return [];
        }
    }
}
