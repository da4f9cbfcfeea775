using System.Globalization;
using System.Text.Json.Serialization;
using Holon.Machines;
using Holon.Networking;

namespace Holon.SystemMachine.Networks;

/// <summary>What a network card is plugged into.</summary>
public enum NetworkKind
{
    /// <summary>A way to the outside of the machine's own, without any privilege.</summary>
    [JsonStringEnumMemberName("nat")]
    Nat,

    /// <summary>A named network that machines share.</summary>
    [JsonStringEnumMemberName("named")]
    Named,

    /// <summary>A TAP device of the host.</summary>
    [JsonStringEnumMemberName("tap")]
    Tap,

    /// <summary>A bridge of the host, by a TAP device made for the run.</summary>
    [JsonStringEnumMemberName("bridge")]
    Bridge,
}

/// <summary>Which card the guest sees.</summary>
public enum CardModel
{
    /// <summary>virtio-net: fastest.</summary>
    [JsonStringEnumMemberName("virtio")]
    Virtio,

    /// <summary>Realtek's RTL8139: for guests without virtio drivers.</summary>
    [JsonStringEnumMemberName("rtl8139")]
    Rtl8139,
}

/// <summary>A network card of a machine, and what it is plugged into. Rules, ports and the like are kept as users write them.</summary>
public sealed record NetworkSpec
{
    /// <summary>What it is plugged into.</summary>
    public NetworkKind Kind { get; init; }

    /// <summary>The network's, TAP device's or bridge's name.</summary>
    public string? Network { get; init; }

    /// <summary>Which card the guest sees.</summary>
    public CardModel Model { get; init; }

    /// <summary>The card's address; null for one made of the machine's name.</summary>
    public string? Mac { get; init; }

    /// <summary>The longest IP packet of the network: 1280 to 65520; null for 1500.</summary>
    public int? Mtu { get; init; }

    /// <summary>Ports of the host that lead to the guest: <c>2222:22</c>, <c>127.0.0.1:5353:53/udp</c>.</summary>
    public IReadOnlyList<string> Publish { get; init; } = [];

    /// <summary>What the guest may reach, in order: <c>allow example.org:443</c>, <c>deny all</c>.</summary>
    public IReadOnlyList<string> Rules { get; init; } = [];

    /// <summary>Ports of the host's loopback that the guest reaches at its gateway's address: <c>8080</c>, <c>all</c>.</summary>
    public IReadOnlyList<string> HostAccess { get; init; } = [];

    /// <summary>The most bits a second in each direction: <c>10M</c>; null for no limit.</summary>
    public string? Rate { get; init; }

    /// <summary>A file that every frame is written to; null for none.</summary>
    public string? Capture { get; init; }

    /// <summary>Reads what <c>--network</c> is given: <c>nat</c>, <c>NAME</c>, <c>tap:NAME</c> or <c>bridge:NAME</c>, each with <c>,mac=…</c>, <c>,mtu=…</c> and <c>,model=virtio|rtl8139</c>.</summary>
    /// <exception cref="HolonException">It is not that.</exception>
    public static NetworkSpec Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = text.Split(',');
        var network = words[0].Split(':', 2) switch
        {
            ["nat" or "NAT"] => new NetworkSpec(),
            ["tap", var name] => new NetworkSpec { Kind = NetworkKind.Tap, Network = name },
            ["bridge", var name] => new NetworkSpec { Kind = NetworkKind.Bridge, Network = name },
            [var name] when NetworkDefinition.IsName(name) => new NetworkSpec { Kind = NetworkKind.Named, Network = name },
            _ => throw new HolonException($"There is no network '{words[0]}'; use nat, none, the name of a network, tap:NAME or bridge:NAME."),
        };
        foreach (var word in words[1..])
        {
            network = word.Split('=', 2) switch
            {
                ["mac", var mac] => network with { Mac = mac },
                ["mtu", var mtu] => network with { Mtu = int.TryParse(mtu, CultureInfo.InvariantCulture, out var bytes) ? bytes : throw new HolonException($"An MTU is a number of bytes from 1280 to 65520, not '{mtu}'.") },
                ["model", "virtio"] => network with { Model = CardModel.Virtio },
                ["model", "rtl8139"] => network with { Model = CardModel.Rtl8139 },
                _ => throw new HolonException($"A network has no property '{word}'; use mac=52:54:00:12:34:56, mtu=9000, model=virtio or model=rtl8139."),
            };
        }

        return network;
    }

    /// <summary>Checks what can be checked without touching the host.</summary>
    /// <exception cref="HolonException">Something cannot be.</exception>
    internal void Validate()
    {
        if (!Enum.IsDefined(Kind)) throw new HolonException($"There is no kind of network {Kind}; use nat, named, tap or bridge.");
        if (!Enum.IsDefined(Model)) throw new HolonException($"There is no network card {Model}; use virtio or rtl8139.");
        if (Kind == NetworkKind.Named && !NetworkDefinition.IsName(Network ?? ""))
            throw new HolonException($"'{Network}' cannot be a network's name; use up to 32 letters, digits and '-', beginning with a letter.");
        if (Kind != NetworkKind.Nat && (Publish.Count > 0 || Rules.Count > 0 || HostAccess.Count > 0))
            throw new HolonException("Ports, rules and access to the host are for the network 'nat'; a network of several machines has none of them.");
        if (Mtu is < 1280 or > 65520) throw new HolonException($"The MTU {Mtu} cannot be used; choose one from 1280 (IPv6's least) to 65520.");
        if (Mtu is not null && Kind == NetworkKind.Named) throw new HolonException("Machines on a named network have an MTU of 1500; leave out mtu=.");
        if (Mtu > 1500 && Model == CardModel.Rtl8139) throw new HolonException("An RTL8139 takes packets of at most 1500 bytes; use model=virtio for a greater MTU.");
        _ = MacFor("");
        _ = ToOptions();
    }

    /// <summary>The card's address.</summary>
    /// <param name="machine">The machine's name, and whatever else tells this card from others.</param>
    /// <exception cref="HolonException">What was given is none.</exception>
    internal MacAddress MacFor(string machine)
    {
        if (Mac is null)
        {
            // Of those that virtual machines commonly have; the same for the same machine, so that it keeps its address and its name for the card.
            var hash = 2166136261u; // FNV-1a
            foreach (var character in machine) hash = (hash ^ character) * 16777619;
            return new MacAddress(0x5254_0000_0000ul | ((hash ^ hash >> 24) & 0xFF_FFFF));
        }

        return MacAddress.TryParse(Mac, out var mac) && !mac.IsInvalidSource
            ? mac
            : throw new HolonException($"'{Mac}' cannot be a network card's address; write six bytes with an even first one, such as 52:54:00:12:34:56.");
    }

    /// <summary>What the network is to do for this machine.</summary>
    /// <exception cref="HolonException">Something cannot be read.</exception>
    internal NatOptions ToOptions() => new()
    {
        Mtu = Mtu ?? 1500,
        Forwards = [.. Publish.Select(PortForward.Parse)],
        Rules = [.. Rules.Select(ParseRule)],
        HostAccess = [.. HostAccess.Select(HostGrant.Parse)],
        Rate = Rate is null ? null : ByteRate.Parse(Rate),
        Capture = Capture is null ? null : new CaptureOptions(Capture),
    };

    private static FirewallRule ParseRule(string text) => text.Split(' ', 2) switch
    {
        ["allow", var target] => FirewallRule.Parse(target, allow: true),
        ["deny", var target] => FirewallRule.Parse(target, allow: false),
        _ => throw new HolonException($"The rule '{text}' says neither allow nor deny; write it as 'allow example.org:443' or 'deny all'."),
    };
}
