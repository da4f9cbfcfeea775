namespace Holon.Python.PegGenerator;

/// <summary>Reads the Zephyr Abstract Syntax Description Language.</summary>
internal sealed class AsdlReader(string text)
{
    private readonly List<string> _tokens = Split(text);
    private int _next;

    public List<AsdlType> ReadTypes()
    {
        Take("module");
        _next++;
        Take("{");
        var types = new List<AsdlType>();
        while (_tokens[_next] != "}")
            types.Add(ReadType());
        return types;
    }

    private AsdlType ReadType()
    {
        var name = _tokens[_next++];
        Take("=");
        if (_tokens[_next] == "(")
            return new AsdlType(name, [new AsdlConstructor(name, ReadFields())], ReadAttributes(), IsProduct: true);

        var constructors = new List<AsdlConstructor>();
        do
        {
            var constructor = _tokens[_next++];
            constructors.Add(new AsdlConstructor(constructor, _tokens[_next] == "(" ? ReadFields() : []));
        }
        while (TryTake("|"));

        // excepthandler = ExceptHandler(...): one class is enough.
        var single = constructors is [var only] && string.Equals(only.Name, name.Replace("_", ""), StringComparison.OrdinalIgnoreCase);
        return new AsdlType(name, constructors, ReadAttributes(), single);
    }

    private List<AsdlField> ReadAttributes() => TryTake("attributes") ? ReadFields() : [];

    private List<AsdlField> ReadFields()
    {
        Take("(");
        var fields = new List<AsdlField>();
        do
        {
            var type = _tokens[_next++];
            var optional = TryTake("?");
            var sequence = TryTake("*");
            fields.Add(new AsdlField(type, _tokens[_next++], optional, sequence));
        }
        while (TryTake(","));
        Take(")");
        return fields;
    }

    private bool TryTake(string expected)
    {
        if (_tokens[_next] != expected)
            return false;
        _next++;
        return true;
    }

    private void Take(string expected)
    {
        if (!TryTake(expected))
            throw new FormatException($"'{expected}' is expected, not '{_tokens[_next]}'.");
    }

    private static List<string> Split(string text)
    {
        var tokens = new List<string>();
        for (var i = 0; i < text.Length;)
        {
            if (char.IsWhiteSpace(text[i]))
            {
                i++;
            }
            else if (text.AsSpan(i).StartsWith("--"))
            {
                while (i < text.Length && text[i] != '\n')
                    i++;
            }
            else
            {
                var start = i++;
                while (IsWord(text[start]) && i < text.Length && IsWord(text[i]))
                    i++;
                tokens.Add(text[start..i]);
            }
        }

        return tokens;
    }

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';
}
