namespace Holon.Networking.Services;

/// <summary>The resolvers of the host, from <c>/etc/resolv.conf</c>, read again when it has changed: laptops move.</summary>
internal sealed class HostResolvers(IReadOnlyList<IpAddress>? given)
{
    private const string File = "/etc/resolv.conf";

    /// <summary>Resolvers that are asked one after the other, as resolv.conf(5) allows.</summary>
    private const int Most = 3;

    private const long CheckInterval = 5_000_000_000;

    private IReadOnlyList<IpAddress> _known = given ?? [];
    private DateTime _modified;
    private long _checkAt = long.MinValue;

    public IReadOnlyList<IpAddress> Get(long now)
    {
        if (given is not null || now < _checkAt) return _known;
        _checkAt = now + CheckInterval;
        try
        {
            var modified = System.IO.File.GetLastWriteTimeUtc(File);
            if (modified == _modified) return _known;
            _modified = modified;
            _known = Parse(System.IO.File.ReadAllLines(File));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _known = [];
        }

        return _known;
    }

    internal static IReadOnlyList<IpAddress> Parse(IEnumerable<string> lines)
    {
        var found = new List<IpAddress>();
        foreach (var line in lines)
        {
            var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words is ["nameserver", var text, ..] && IpAddress.TryParse(text, out var address) && found.Count < Most) found.Add(address);
        }

        return found;
    }
}
