using System.CommandLine;
using Holon.Machines;
using Holon.SystemMachine.Networks;

namespace Holon.Cli.Commands;

/// <summary>The options of <c>holon run</c> that are about network cards.</summary>
internal sealed class NetworkOptions
{
    private readonly Option<string[]> _network = new("--network") { Description = "Plug a card into: nat, none, the name of a network, tap:NAME or bridge:NAME, each with [,mac=…], [,mtu=9000] and [,model=virtio|rtl8139]. Repeatable. [default: nat for machines with disks]", HelpName = "NETWORK", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string[]> _publish = new("--publish", "-p") { Description = "Lead a port of the host into the guest: [ADDRESS:]HOST:GUEST[/udp]. Repeatable.", HelpName = "PORTS", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string[]> _allow = new("--allow") { Description = "Let the guest reach NAME, ADDRESS[/BITS] or all, with [:PORT[-PORT]][/tcp|/udp]. The first of --allow and --deny that matches decides.", HelpName = "TARGET", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string[]> _deny = new("--deny") { Description = "Let the guest not reach a target.", HelpName = "TARGET", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string[]> _hostAccess = new("--host-access") { Description = "Let the guest reach a port of the host's loopback, at its gateway's address: PORT[-PORT][/udp] or all. Repeatable.", HelpName = "PORT", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _rate = new("--net-rate") { Description = "Limit the network to this many bits a second each way, such as 10M.", HelpName = "RATE" };
    private readonly Option<string?> _capture = new("--capture") { Description = "Write every frame to this file, for Wireshark or tcpdump.", HelpName = "FILE" };
    private readonly Option<string?> _mac = new("--mac") { Description = "The network card's address. [default: made of the machine's name]", HelpName = "ADDRESS" };

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_network, _publish, _allow, _deny, _hostAccess, _rate, _capture, _mac];

    /// <summary>The cards that the user asked for; null when the user said nothing about networks.</summary>
    /// <exception cref="HolonException">Something contradicts or cannot be read.</exception>
    public IReadOnlyList<NetworkSpec>? Parse(ParseResult parsed)
    {
        var named = parsed.GetValue(_network) is { Length: > 0 } given ? given : null;
        var rules = Rules(parsed);
        var first = new NetworkSpec
        {
            Publish = parsed.GetValue(_publish) ?? [],
            Rules = rules,
            HostAccess = parsed.GetValue(_hostAccess) ?? [],
            Rate = parsed.GetValue(_rate),
            Capture = parsed.GetValue(_capture),
            Mac = parsed.GetValue(_mac),
        };
        var details = All.Skip(1).FirstOrDefault(option => parsed.GetResult(option) is not null);
        if (named is ["none" or "NONE"])
            return details is null ? [] : throw new HolonException($"{details.Name} needs a network, and --network none asks for none; leave out one of the two.");
        if (named is null && details is null) return null;
        var cards = (named ?? ["nat"]).Select(NetworkSpec.Parse).ToArray();
        cards[0] = first with { Kind = cards[0].Kind, Network = cards[0].Network, Model = cards[0].Model, Mtu = cards[0].Mtu, Mac = first.Mac ?? cards[0].Mac };
        return cards;
    }

    /// <summary>Rules in the order in which they were given: two options share it, so it is that of the words on the command line.</summary>
    private List<string> Rules(ParseResult parsed)
    {
        var rules = new List<string>();
        string? verb = null;
        foreach (var token in parsed.Tokens)
        {
            if (token.Type == System.CommandLine.Parsing.TokenType.Option) verb = token.Value == _allow.Name ? "allow" : token.Value == _deny.Name ? "deny" : null;
            else if (verb is not null) rules.Add($"{verb} {token.Value}");
        }

        return rules;
    }
}
