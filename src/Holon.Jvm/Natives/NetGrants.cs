using System.Net;
using System.Net.Sockets;

namespace Holon.Jvm.Natives;

/// <summary>Which hosts and ports a machine may reach. Names of grants are looked up by us: what a program calls an address does not count.</summary>
internal sealed class NetGrants(JavaGrants grants)
{
    private readonly bool _all = grants.Net.Contains("*");
    private readonly Lazy<(IPAddress Address, int Port)[]> _reachable = new(() => [.. grants.Net.SelectMany(Resolve)]);

    /// <summary>Whether names may be looked up at all.</summary>
    public bool Any => grants.Net.Count > 0;

    public bool Allows(IPAddress address, int port) => _all || Array.Exists(_reachable.Value, r => r.Address.Equals(address) && (r.Port == 0 || r.Port == port));

    private static IEnumerable<(IPAddress, int)> Resolve(string grant)
    {
        if (grant == "*") return [];
        var colon = grant.LastIndexOf(':');
        var port = 0;
        var host = colon >= 0 && int.TryParse(grant.AsSpan(colon + 1), out port) ? grant[..colon] : grant;
        try
        {
            return Dns.GetHostAddresses(host, AddressFamily.InterNetwork).Select(a => (a, port));
        }
        catch (SocketException)
        {
            return [];
        }
    }
}
