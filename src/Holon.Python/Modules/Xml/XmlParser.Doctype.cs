namespace Holon.Python.Modules.Xml;

/// <summary>The document type: entities, default attributes, notations. External subsets are not read.</summary>
internal sealed partial class XmlParser
{
    private sealed record Entity(string? Value, string? SystemId, string? PublicId, string? Notation);

    private readonly Dictionary<string, Entity> entities = [];
    private readonly HashSet<string> parameterEntities = [];
    private readonly Dictionary<string, List<(string Name, string Type, string? Default)>> declaredAttributes = [];
    private bool hasExternalSubset, standalone;

    private string TypeOf(string element, string attribute) =>
        declaredAttributes.TryGetValue(element, out var list) && list.Find(a => a.Name == attribute) is { Type: { } type } ? type : "CDATA";

    private IEnumerable<(string Name, string Value)> DefaultsOf(string element) =>
        declaredAttributes.TryGetValue(element, out var list) ? list.Where(a => a.Default is not null).Select(a => (a.Name, a.Default!)) : [];

    /// <summary>The whole declaration at once; -1 until its end is there.</summary>
    private int Doctype()
    {
        var end = DoctypeEnd();
        if (end < 0)
            return -1;
        var reader = new DeclarationReader(text[(at + 9)..(end - 1)]);
        reader.Space();
        var name = reader.Name() ?? throw Error(XmlErrorCode.Syntax, at + 9);
        reader.Space();
        var (publicId, systemId) = External(reader);
        hasExternalSubset = systemId is not null;
        reader.Space();
        var hasInternal = reader.Take("[");
        events.Simple("StartDoctypeDeclHandler", name, systemId, publicId, hasInternal ? 1 : 0);
        if (hasInternal)
        {
            while (!reader.Take("]"))
            {
                if (reader.AtEnd)
                    throw Error(XmlErrorCode.Syntax, at);
                Declare(reader);
            }
        }
        reader.Space();
        if (!reader.AtEnd)
            throw Error(XmlErrorCode.Syntax, at);
        seenDoctype = seenAnything = true;
        if (hasExternalSubset && events.Wants("ExternalSubset") && !events.ExternalEntity(null, systemId, publicId))
            throw Error(XmlErrorCode.ExternalEntityHandling, at);
        events.Simple("EndDoctypeDeclHandler");
        return end;
    }

    private int DoctypeEnd()
    {
        var (depth, quote) = (0, '\0');
        for (var i = at; i < text.Length; i++)
        {
            var c = text[i];
            if (quote != '\0')
            {
                quote = c == quote ? '\0' : quote;
                continue;
            }
            if (c == '<' && text.AsSpan(i).StartsWith("<!--"))
            {
                i = text.IndexOf("-->", i, StringComparison.Ordinal);
                if (i < 0)
                    return -1;
                i += 2;
                continue;
            }
            if (c is '"' or '\'')
                quote = c;
            else if (c == '[')
                depth++;
            else if (c == ']')
                depth--;
            else if (c == '>' && depth == 0)
                return i + 1;
        }
        return -1;
    }

    private (string? PublicId, string? SystemId) External(DeclarationReader reader)
    {
        if (reader.Take("SYSTEM"))
            return (null, reader.Literal() ?? throw Error(XmlErrorCode.Syntax, at));
        if (!reader.Take("PUBLIC"))
            return (null, null);
        var publicId = reader.Literal() ?? throw Error(XmlErrorCode.Syntax, at);
        return (string.Join(' ', publicId.Split((char[])[' ', '\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries)), reader.Literal());
    }

    private void Declare(DeclarationReader reader)
    {
        reader.Space();
        if (reader.Take("<!--"))
        {
            events.Simple("CommentHandler", reader.Until("-->") ?? throw Error(XmlErrorCode.Syntax, at));
        }
        else if (reader.Take("<?"))
        {
            var target = reader.Name() ?? throw Error(XmlErrorCode.InvalidToken, at);
            events.Simple("ProcessingInstructionHandler", target, (reader.Until("?>") ?? throw Error(XmlErrorCode.InvalidToken, at)).TrimStart());
        }
        else if (reader.Take("<!ENTITY"))
        {
            DeclareEntity(reader);
        }
        else if (reader.Take("<!ATTLIST"))
        {
            DeclareAttributes(reader);
        }
        else if (reader.Take("<!ELEMENT"))
        {
            reader.Space();
            var name = reader.Name() ?? throw Error(XmlErrorCode.Syntax, at);
            reader.Space();
            var model = reader.Until(">") ?? throw Error(XmlErrorCode.Syntax, at);
            events.Simple("ElementDeclHandler", name, ContentModel.Parse(model.Trim()) ?? throw Error(XmlErrorCode.Syntax, at));
        }
        else if (reader.Take("<!NOTATION"))
        {
            reader.Space();
            var name = reader.Name() ?? throw Error(XmlErrorCode.Syntax, at);
            reader.Space();
            var (publicId, systemId) = External(reader);
            reader.End(this);
            events.Simple("NotationDeclHandler", name, null, systemId, publicId);
        }
        else if (reader.Take("%"))
        {
            // Parameter entities are external text in all but name: they are skipped.
            var name = reader.Until(";") ?? throw Error(XmlErrorCode.Syntax, at);
            if (!parameterEntities.Contains(name) && standalone)
                throw Error(XmlErrorCode.UndefinedEntity, at);
            hasExternalSubset = true;
            events.Simple("SkippedEntityHandler", name, 1);
        }
        else if (!reader.AtEnd && !reader.Sees("]"))
        {
            throw Error(XmlErrorCode.Syntax, at);
        }
    }

    private void DeclareEntity(DeclarationReader reader)
    {
        reader.Space();
        var isParameter = reader.Take("%");
        reader.Space();
        var name = reader.Name() ?? throw Error(XmlErrorCode.Syntax, at);
        reader.Space();
        if (reader.Literal() is { } raw)
        {
            reader.End(this);
            var value = new System.Text.StringBuilder();
            for (var i = 0; i < raw.Length; i++)
            {
                // Character references are replaced now, entity references where the entity is used.
                var close = raw[i] == '&' && i + 1 < raw.Length && raw[i + 1] == '#' ? raw.IndexOf(';', i) : -1;
                value.Append(close < 0 ? raw[i].ToString() : CharacterReference(raw[(i + 2)..close], at));
                i = close < 0 ? i : close;
            }
            if (isParameter)
                parameterEntities.Add(name);
            else
                entities.TryAdd(name, new Entity(LineEnds(value.ToString()), null, null, null));
            events.Simple("EntityDeclHandler", name, isParameter ? 1 : 0, LineEnds(value.ToString()), null, null, null, null);
            return;
        }
        var (publicId, systemId) = External(reader);
        if (systemId is null)
            throw Error(XmlErrorCode.Syntax, at);
        reader.Space();
        string? notation = null;
        if (reader.Take("NDATA"))
        {
            reader.Space();
            notation = reader.Name();
        }
        reader.End(this);
        if (isParameter)
            parameterEntities.Add(name);
        else
            entities.TryAdd(name, new Entity(null, systemId, publicId, notation));
        if (notation is not null && events.Wants("UnparsedEntityDeclHandler"))
            events.Simple("UnparsedEntityDeclHandler", name, null, systemId, publicId, notation);
        else
            events.Simple("EntityDeclHandler", name, isParameter ? 1 : 0, null, null, systemId, publicId, notation);
    }

    private void DeclareAttributes(DeclarationReader reader)
    {
        reader.Space();
        var element = reader.Name() ?? throw Error(XmlErrorCode.Syntax, at);
        if (!declaredAttributes.TryGetValue(element, out var list))
            declaredAttributes.Add(element, list = []);
        while (true)
        {
            reader.Space();
            if (reader.Take(">"))
                return;
            var name = reader.Name() ?? throw Error(XmlErrorCode.Syntax, at);
            reader.Space();
            var type = reader.Sees("(") ? "" : reader.Name() ?? throw Error(XmlErrorCode.Syntax, at);
            reader.Space();
            if (reader.Take("("))
                type += "(" + string.Join('|', (reader.Until(")") ?? throw Error(XmlErrorCode.Syntax, at)).Split('|', StringSplitOptions.TrimEntries)) + ")";
            reader.Space();
            var (required, value) = (reader.Take("#REQUIRED"), (string?)null);
            if (!required && !reader.Take("#IMPLIED"))
            {
                var isFixed = reader.Take("#FIXED");
                var expandedValue = new System.Text.StringBuilder();
                AttributeValue(reader.Literal() ?? throw Error(XmlErrorCode.Syntax, at), at, expandedValue, 1);
                (value, required) = (expandedValue.ToString(), isFixed);
            }
            if (!list.Exists(a => a.Name == name))
                list.Add((name, type, value));
            events.Simple("AttlistDeclHandler", element, name, type, value, required ? 1 : 0);
        }
    }

    /// <summary>Reads the parts of declarations.</summary>
    private sealed class DeclarationReader(string source)
    {
        private int position;

        public bool AtEnd => position >= source.Length;

        public void Space()
        {
            while (position < source.Length && IsSpace(source[position]))
                position++;
        }

        public bool Sees(string word) => source.AsSpan(position).StartsWith(word);

        public bool Take(string word)
        {
            if (!Sees(word))
                return false;
            position += word.Length;
            return true;
        }

        public string? Name()
        {
            var start = position;
            while (position < source.Length && (position == start ? IsNameStart(source[position]) : IsName(source[position])))
                position++;
            return position == start ? null : source[start..position];
        }

        public string? Literal()
        {
            Space();
            if (AtEnd || source[position] is not ('"' or '\''))
                return null;
            var end = source.IndexOf(source[position], position + 1);
            if (end < 0)
                return null;
            var value = source[(position + 1)..end];
            position = end + 1;
            return value;
        }

        public string? Until(string word)
        {
            var end = source.IndexOf(word, position, StringComparison.Ordinal);
            if (end < 0)
                return null;
            var value = source[position..end];
            position = end + word.Length;
            return value;
        }

        public void End(XmlParser parser)
        {
            Space();
            if (!Take(">"))
                throw parser.Error(XmlErrorCode.Syntax, parser.at);
        }
    }
}
