using System.Globalization;
using Holon.Machines;

namespace Holon.Networking;

/// <summary>One line of a firewall: what it is about, and whether that may pass.</summary>
/// <param name="Allow">Whether it passes.</param>
/// <param name="Transport">TCP, UDP or any.</param>
/// <param name="Prefix">Addresses; null for a name or for all.</param>
/// <param name="Name">A DNS name, <c>example.org</c> or <c>*.example.org</c>; null for addresses.</param>
/// <param name="Ports">Ports.</param>
public sealed record FirewallRule(bool Allow, Transport Transport, IpPrefix? Prefix, string? Name, PortRange Ports)
{
    /// <summary>
    /// Reads <c>all</c>, <c>example.org</c>, <c>*.example.org:443</c>, <c>192.0.2.0/24:80-90/tcp</c>, <c>[2001:db8::/32]:53/udp</c>.
    /// </summary>
    /// <exception cref="HolonException">It cannot be read.</exception>
    public static FirewallRule Parse(string text, bool allow)
    {
        ArgumentNullException.ThrowIfNull(text);
        var rest = text.AsSpan();
        var transport = Transport.Any;
        if (rest.EndsWith("/tcp", StringComparison.Ordinal)) transport = Transport.Tcp;
        if (rest.EndsWith("/udp", StringComparison.Ordinal)) transport = Transport.Udp;
        if (transport != Transport.Any) rest = rest[..^4];
        var ports = PortRange.All;
        var target = rest;
        if (rest is ['[', ..])
        {
            var close = rest.IndexOf(']');
            if (close < 0) throw Error(text, "a bracket is not closed");
            target = rest[1..close];
            rest = rest[(close + 1)..];
            if (rest.Length > 0 && (rest[0] != ':' || !PortRange.TryParse(rest[1..], out ports))) throw Error(text, $"'{rest}' is not a range of ports");
        }
        else if (rest.Count(':') == 1)
        {
            var colon = rest.IndexOf(':');
            target = rest[..colon];
            if (!PortRange.TryParse(rest[(colon + 1)..], out ports)) throw Error(text, $"'{rest[(colon + 1)..]}' is not a range of ports");
        }

        if (target is "all" or "*") return new(allow, transport, null, null, ports);
        if (IpPrefix.TryParse(target, out var prefix)) return new(allow, transport, prefix, null, ports);
        var name = target.ToString().TrimEnd('.').ToLowerInvariant();
        return IsName(name) ? new(allow, transport, null, name, ports) : throw Error(text, $"'{target}' is neither an address, a prefix, a name nor all");
    }

    /// <summary>True when a name is this rule's, or matches its pattern.</summary>
    public bool MatchesName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (Name is null) return false;
        return Name.StartsWith("*.", StringComparison.Ordinal)
            ? name.Length > Name.Length - 1 && name.EndsWith(Name[1..], StringComparison.Ordinal)
            : name == Name;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(Allow ? "allow" : "deny")} {Name ?? Prefix?.ToString() ?? "all"} ports {Ports.First}-{Ports.Last} {Transport}");

    private static bool IsName(string name)
    {
        if (name.Length is 0 or > 253) return false;
        var labels = name.StartsWith("*.", StringComparison.Ordinal) ? name[2..] : name;
        foreach (var label in labels.Split('.'))
        {
            if (label.Length is 0 or > 63) return false;
            foreach (var letter in label)
            {
                if (!char.IsAsciiLetterOrDigit(letter) && letter is not ('-' or '_')) return false;
            }
        }

        return !labels.Split('.')[^1].All(char.IsAsciiDigit);
    }

    private static HolonException Error(string text, string why) =>
        new($"The rule '{text}' cannot be read: {why}; write it as example.org:443, *.example.org, 192.0.2.0/24:80-90/tcp, [2001:db8::/32]:53/udp or all.");
}
