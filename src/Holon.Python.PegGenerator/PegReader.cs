using System.Text;

namespace Holon.Python.PegGenerator;

/// <summary>Reads a grammar in PEP 617's notation; actions are C# expressions.</summary>
internal sealed class PegReader(string text)
{
    private int _position;

    public List<Rule> ReadGrammar()
    {
        var rules = new List<Rule>();
        for (SkipSpace(); _position < text.Length; SkipSpace())
            rules.Add(ReadRule());
        return rules;
    }

    private Rule ReadRule()
    {
        var name = ReadName();
        var type = text[_position] == '[' ? ReadBalanced('[', ']') : "object";
        bool memo = false, leftRecursive = false;
        SkipSpace();
        while (TryTake("("))
        {
            var flag = ReadName();
            memo |= flag == "memo";
            leftRecursive |= flag == "leftrec";
            Take(")");
        }

        Take(":");
        return new Rule(name, type, memo, leftRecursive, ReadAlternatives());
    }

    private List<Alternative> ReadAlternatives()
    {
        var alternatives = new List<Alternative>();
        TryTake("|");
        do
            alternatives.Add(ReadAlternative());
        while (TryTake("|"));
        return alternatives;
    }

    private Alternative ReadAlternative()
    {
        var items = new List<NamedItem>();
        while (!AtEndOfAlternative())
            items.Add(ReadNamedItem());
        if (items.Count == 0)
            throw Error("an alternative needs an item");
        SkipSpace();
        var action = _position < text.Length && text[_position] == '{' ? ReadBalanced('{', '}').Trim() : null;
        return new Alternative(items, action);
    }

    // A rule's first character stands in the first column, so a new line's first column ends an alternative.
    private bool AtEndOfAlternative()
    {
        SkipSpace();
        return _position >= text.Length || "|)]{".Contains(text[_position]) || _position == 0 || text[_position - 1] == '\n';
    }

    private NamedItem ReadNamedItem()
    {
        var start = _position;
        if (char.IsAsciiLetterLower(text[_position]))
        {
            var name = ReadName();
            if (_position < text.Length && text[_position] == '=')
            {
                _position++;
                return new NamedItem(name, ReadItem());
            }

            _position = start;
        }

        return new NamedItem(null, ReadItem());
    }

    private Item ReadItem()
    {
        SkipSpace();
        if (TryTake("~"))
            return new CutItem();
        if (TryTake("&&"))
            return new ForcedItem((TokenItem)ReadAtom());
        if (TryTake("&"))
            return new LookaheadItem(ReadAtom(), Positive: true);
        if (TryTake("!"))
            return new LookaheadItem(ReadAtom(), Positive: false);

        var atom = ReadAtom();
        if (_position >= text.Length)
            return atom;
        switch (text[_position])
        {
            case '?':
                _position++;
                return new OptionalItem(atom);
            case '*':
                _position++;
                return new RepeatItem(atom, AtLeastOne: false);
            case '+':
                _position++;
                return new RepeatItem(atom, AtLeastOne: true);
            case '.':
                _position++;
                var inner = ReadAtom();
                Take("+");
                return new GatherItem(atom, inner);
            default:
                return atom;
        }
    }

    private Item ReadAtom()
    {
        SkipSpace();
        switch (text[_position])
        {
            case '(':
                _position++;
                var group = new GroupItem(ReadAlternatives());
                Take(")");
                return group;
            case '[':
                _position++;
                var inner = new GroupItem(ReadAlternatives());
                Take("]");
                return new OptionalItem(Simplify(inner));
            case '\'':
                return new TokenItem(ReadQuoted('\''), IsLiteral: true);
            case '"':
                return new SoftKeywordItem(ReadQuoted('"'));
            default:
                var name = ReadName();
                return char.IsAsciiLetterUpper(name[0]) ? new TokenItem(name, IsLiteral: false) : new RuleItem(name);
        }
    }

    // [x] with a single item needs no function of its own.
    private static Item Simplify(GroupItem group) =>
        group.Alternatives is [{ Action: null, Items: [{ Variable: null } only] }] ? only.Item : group;

    private string ReadName()
    {
        SkipSpace();
        var start = _position;
        while (_position < text.Length && (char.IsAsciiLetterOrDigit(text[_position]) || text[_position] == '_'))
            _position++;
        if (start == _position)
            throw Error("a name is expected");
        return text[start.._position];
    }

    private string ReadQuoted(char quote)
    {
        var end = text.IndexOf(quote, _position + 1);
        var quoted = text[(_position + 1)..end];
        _position = end + 1;
        return quoted;
    }

    // C# text between brackets; brackets in its string and character literals do not count.
    private string ReadBalanced(char open, char close)
    {
        var content = new StringBuilder();
        for (var depth = 0; _position < text.Length;)
        {
            var c = text[_position++];
            if (c is '"' or '\'')
            {
                var start = _position - 1;
                while (text[_position] != c)
                    _position += text[_position] == '\\' ? 2 : 1;
                _position++;
                content.Append(text, start, _position - start);
                continue;
            }

            if (c == close && --depth == 0)
                return content.ToString();
            if (c != open || depth++ > 0)
                content.Append(c);
        }

        throw Error($"a '{close}' is missing");
    }

    private void SkipSpace()
    {
        while (_position < text.Length)
        {
            if (char.IsWhiteSpace(text[_position]))
                _position++;
            else if (text[_position] == '#')
                _position = text.IndexOf('\n', _position) + 1;
            else
                return;
        }
    }

    private bool TryTake(string expected)
    {
        SkipSpace();
        if (string.CompareOrdinal(text, _position, expected, 0, expected.Length) != 0)
            return false;
        _position += expected.Length;
        return true;
    }

    private void Take(string expected)
    {
        if (!TryTake(expected))
            throw Error($"'{expected}' is expected");
    }

    private FormatException Error(string what) =>
        new($"{what} in line {text.AsSpan(0, Math.Min(_position, text.Length)).Count('\n') + 1}.");
}
