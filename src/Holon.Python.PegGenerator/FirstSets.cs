using System.Numerics;

namespace Holon.Python.PegGenerator;

/// <summary>
/// The tokens that a rule or item can begin with. An alternative is not tried when the next token cannot begin it: that saves most of the
/// calls. It changes nothing else, because an alternative fails on its first token without reading further; where a look-ahead stands first
/// (which may read further, and so move the place of a syntax error) nothing is said and the alternative is always tried.
/// </summary>
internal sealed class FirstSets
{
    /// <summary>Nothing is known: always try.</summary>
    public static readonly BigInteger Unknown = BigInteger.MinusOne;

    private readonly Dictionary<string, Rule> _rules;
    private readonly Dictionary<string, int> _keywords;
    private readonly Dictionary<string, BigInteger> _ofRule = [];

    public FirstSets(IEnumerable<Rule> rules, Dictionary<string, int> keywords)
    {
        _rules = rules.ToDictionary(r => r.Name);
        _keywords = keywords;
        foreach (var rule in _rules.Values)
            _ofRule[rule.Name] = BigInteger.Zero;

        // The sets only grow (Unknown is the largest), so this ends.
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var rule in _rules.Values)
            {
                var set = Of(rule.Alternatives);
                changed |= set != _ofRule[rule.Name];
                _ofRule[rule.Name] = set;
            }
        }
    }

    public BigInteger Of(IEnumerable<Alternative> alternatives)
    {
        var union = BigInteger.Zero;
        foreach (var alternative in alternatives)
            union = Union(union, Of(alternative));
        return union;
    }

    public BigInteger Of(Alternative alternative)
    {
        var union = BigInteger.Zero;
        foreach (var (_, item) in alternative.Items)
        {
            var (first, nullable) = Of(item);
            union = Union(union, first);
            if (!nullable)
                return union;
        }

        return Unknown; // it can match nothing at all
    }

    private (BigInteger First, bool Nullable) Of(Item item) => item switch
    {
        TokenItem { Text: "SOFT_KEYWORD" } => (Bit("NAME"), false),
        TokenItem token => (Bit(token.Text), false),
        SoftKeywordItem => (Bit("NAME"), false),
        RuleItem rule => (_ofRule[rule.Name], false),
        GroupItem group => (Of(group.Alternatives), false),
        OptionalItem optional => (Of(optional.Inner).First, true),
        RepeatItem repeat => (Of(repeat.Inner).First, !repeat.AtLeastOne),
        GatherItem gather => (Of(gather.Inner).First, false),
        LookaheadItem { Positive: true } look when IsSingleToken(look.Inner) => (Of(look.Inner).First, false),
        _ => (Unknown, false),
    };

    /// <summary>Whether looking for this reads one token at most.</summary>
    public static bool IsSingleToken(Item item) => item switch
    {
        TokenItem { Text: not "SOFT_KEYWORD" } => true,
        GroupItem group => group.Alternatives.All(a => a.Items is [{ Item: TokenItem { Text: not "SOFT_KEYWORD" } }]),
        _ => false,
    };

    private BigInteger Bit(string token) =>
        BigInteger.One << (_keywords.TryGetValue(token, out var number) ? number : TokenTable.KindOf(token));

    private static BigInteger Union(BigInteger a, BigInteger b) => a == Unknown || b == Unknown ? Unknown : a | b;
}
