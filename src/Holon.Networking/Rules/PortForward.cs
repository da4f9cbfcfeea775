using System.Globalization;
using Holon.Machines;

namespace Holon.Networking;

/// <summary>The transport that a rule or a forwarded port is about.</summary>
public enum Transport
{
    /// <summary>Either of the two below, and ICMP.</summary>
    Any,

    /// <summary>TCP.</summary>
    Tcp,

    /// <summary>UDP.</summary>
    Udp,
}

/// <summary>A port of the host that leads to a port of the guest.</summary>
/// <param name="Address">The host's address; null for every one of both families.</param>
/// <param name="HostPort">The host's port; 0 lets the host choose.</param>
/// <param name="GuestPort">The guest's port.</param>
/// <param name="Transport">TCP or UDP.</param>
public readonly record struct PortForward(IpAddress? Address, ushort HostPort, ushort GuestPort, Transport Transport)
{
    /// <summary>Reads <c>2222:22</c>, <c>127.0.0.1:8080:80</c>, <c>[::1]:8080:80</c>, each with <c>/udp</c> or <c>/tcp</c>.</summary>
    /// <exception cref="HolonException">It cannot be read; the message says why and shows a right one.</exception>
    public static PortForward Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var rest = text.AsSpan();
        var transport = Transport.Tcp;
        var slash = rest.LastIndexOf('/');
        if (slash >= 0)
        {
            transport = rest[(slash + 1)..] switch
            {
                "tcp" => Transport.Tcp,
                "udp" => Transport.Udp,
                _ => throw Error(text, $"'{rest[(slash + 1)..]}' is neither tcp nor udp"),
            };
            rest = rest[..slash];
        }

        IpAddress? address = null;
        if (rest is ['[', ..])
        {
            var close = rest.IndexOf(']');
            if (close < 0 || !IpAddress.TryParse(rest[1..close], out var v6) || v6.IsV4) throw Error(text, "what is in brackets is not an IPv6 address");
            if (close + 1 == rest.Length || rest[close + 1] != ':') throw Error(text, "the ports are missing");
            address = v6;
            rest = rest[(close + 2)..];
        }
        else if (rest.Count(':') == 2)
        {
            var colon = rest.IndexOf(':');
            if (!IpAddress.TryParse(rest[..colon], out var v4)) throw Error(text, $"'{rest[..colon]}' is not an IPv4 address");
            address = v4;
            rest = rest[(colon + 1)..];
        }

        var middle = rest.IndexOf(':');
        if (middle < 0) throw Error(text, "the guest's port is missing");
        return new(address, Port(text, rest[..middle], 0), Port(text, rest[(middle + 1)..], 1), transport);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var host = Address is not { } address ? "" : address.IsV4 ? $"{address}:" : $"[{address}]:";
        return string.Create(CultureInfo.InvariantCulture, $"{host}{HostPort}:{GuestPort}{(Transport == Transport.Udp ? "/udp" : "")}");
    }

    private static ushort Port(string text, ReadOnlySpan<char> digits, ushort least) =>
        ushort.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port >= least
            ? port
            : throw Error(text, $"'{digits}' is not a port from {least} to 65535");

    private static HolonException Error(string text, string why) =>
        new($"The forwarded port '{text}' cannot be read: {why}; write it as 2222:22, 127.0.0.1:8080:80, [::1]:8080:80 or 5353:53/udp.");
}

/// <summary>A range of ports of the host's loopback that a guest may reach at its gateway's address.</summary>
/// <param name="Transport">TCP, UDP or both.</param>
/// <param name="First">First port.</param>
/// <param name="Last">Last port.</param>
public readonly record struct HostGrant(Transport Transport, ushort First, ushort Last)
{
    /// <summary>Reads <c>8080</c>, <c>8000-8100</c>, <c>53/udp</c> or <c>all</c>.</summary>
    /// <exception cref="HolonException">It cannot be read.</exception>
    public static HostGrant Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var rest = text.AsSpan();
        var transport = Transport.Any;
        var slash = rest.IndexOf('/');
        if (slash >= 0)
        {
            transport = rest[(slash + 1)..] switch { "tcp" => Transport.Tcp, "udp" => Transport.Udp, _ => throw Error(text) };
            rest = rest[..slash];
        }

        return rest is "all" ? new(transport, 1, ushort.MaxValue)
            : PortRange.TryParse(rest, out var range) ? new(transport, range.First, range.Last)
            : throw Error(text);
    }

    /// <summary>True when the grant covers a port.</summary>
    public bool Covers(Transport transport, ushort port) => (Transport == Transport.Any || Transport == transport) && port >= First && port <= Last;

    private static HolonException Error(string text) =>
        new($"The host port '{text}' cannot be read; write it as 8080, 8000-8100, 53/udp or all.");
}

/// <summary>Ports from one to another.</summary>
/// <param name="First">First port.</param>
/// <param name="Last">Last port.</param>
public readonly record struct PortRange(ushort First, ushort Last)
{
    /// <summary>Every port.</summary>
    public static PortRange All => new(0, ushort.MaxValue);

    /// <summary>True when a port is inside.</summary>
    public bool Contains(ushort port) => port >= First && port <= Last;

    /// <summary>Reads <c>443</c> or <c>8000-8100</c>.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out PortRange range)
    {
        range = default;
        var dash = text.IndexOf('-');
        if (!ushort.TryParse(dash < 0 ? text : text[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out var first)) return false;
        var last = first;
        if (dash >= 0 && !ushort.TryParse(text[(dash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out last)) return false;
        range = new(first, last);
        return first > 0 && last >= first;
    }
}
