namespace Holon.Python.PegGenerator;

/// <summary>A rule of the grammar: a name, the C# type of what it yields, and its alternatives in order.</summary>
internal sealed record Rule(string Name, string Type, bool Memo, bool LeftRecursive, IReadOnlyList<Alternative> Alternatives);

/// <summary>Items that must match one after the other, and the C# expression that is then the value.</summary>
internal sealed record Alternative(IReadOnlyList<NamedItem> Items, string? Action);

/// <summary>An item, with the variable that an action may know it by.</summary>
internal sealed record NamedItem(string? Variable, Item Item);

/// <summary>What can stand in an alternative.</summary>
internal abstract record Item;

/// <summary>A keyword or operator in single quotes, or a token's name in capitals.</summary>
internal sealed record TokenItem(string Text, bool IsLiteral) : Item;

/// <summary>A word in double quotes: a keyword only where the grammar expects it.</summary>
internal sealed record SoftKeywordItem(string Text) : Item;

/// <summary>Another rule.</summary>
internal sealed record RuleItem(string Name) : Item;

/// <summary>Alternatives in parentheses.</summary>
internal sealed record GroupItem(IReadOnlyList<Alternative> Alternatives) : Item;

/// <summary><c>[x]</c> or <c>x?</c>: always succeeds.</summary>
internal sealed record OptionalItem(Item Inner) : Item;

/// <summary><c>x*</c> or <c>x+</c>.</summary>
internal sealed record RepeatItem(Item Inner, bool AtLeastOne) : Item;

/// <summary><c>s.x+</c>: one or more, separated.</summary>
internal sealed record GatherItem(Item Separator, Item Inner) : Item;

/// <summary><c>&amp;x</c> or <c>!x</c>: looks without consuming.</summary>
internal sealed record LookaheadItem(Item Inner, bool Positive) : Item;

/// <summary><c>&amp;&amp;'x'</c>: a syntax error when missing.</summary>
internal sealed record ForcedItem(TokenItem Inner) : Item;

/// <summary><c>~</c>: no later alternative is tried once this is reached.</summary>
internal sealed record CutItem : Item;
