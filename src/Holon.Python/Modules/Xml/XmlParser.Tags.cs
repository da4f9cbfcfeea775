using System.Text;

namespace Holon.Python.Modules.Xml;

/// <summary>Start tags: attributes, their values, namespaces.</summary>
internal sealed partial class XmlParser
{
    private int StartTag()
    {
        var end = at + 1;
        var quote = '\0';
        for (; end < text.Length && (quote != '\0' || text[end] != '>'); end++)
        {
            if (quote != '\0' ? text[end] == quote : text[end] is '"' or '\'')
                quote = quote == '\0' ? text[end] : '\0';
            if (text[end] == '<')
                break;
        }
        var complete = end < text.Length && text[end] == '>';
        var nameEnd = NameEnd(at + 1, text.Length);
        if (nameEnd == at + 1)
            throw Error(XmlErrorCode.InvalidToken, at + 1);
        if (!complete)
            return end < text.Length ? throw Error(XmlErrorCode.InvalidToken, end) : -1;
        if (open.Count == 0 && seenRoot)
            throw Error(XmlErrorCode.JunkAfterDocument, at);
        seenAnything = true;
        var isEmpty = text[end - 1] == '/' && end - 1 >= nameEnd;
        var raw = text[(at + 1)..nameEnd];
        var attributes = Attributes(raw, nameEnd, isEmpty ? end - 1 : end, out var specified);
        var declared = separator is null ? 0 : Declare(attributes, ref specified);
        var name = separator is null ? raw : Qualified(raw, false);
        if (separator is not null)
        {
            for (var i = 0; i < attributes.Count; i++)
                attributes[i] = (Qualified(attributes[i].Name, true), attributes[i].Value);
            if (attributes.Select(a => a.Name).Distinct().Count() != attributes.Count)
                throw Error(XmlErrorCode.DuplicateAttribute, at);
        }
        events.StartElement(name, attributes, specified);
        open.Push((raw, name, declared));
        if (isEmpty)
            Close();
        return end + 1;
    }

    private List<(string Name, string Value)> Attributes(string element, int from, int end, out int specified)
    {
        var result = new List<(string Name, string Value)>();
        var i = from;
        while (true)
        {
            var start = i;
            while (i < end && IsSpace(text[i]))
                i++;
            if (i == end)
                break;
            if (i == start)
                throw Error(XmlErrorCode.InvalidToken, i);
            var nameEnd = NameEnd(i, end);
            if (nameEnd == i)
                throw Error(XmlErrorCode.InvalidToken, i);
            var name = text[i..nameEnd];
            var nameAt = i;
            i = nameEnd;
            while (i < end && IsSpace(text[i]))
                i++;
            if (i >= end || text[i] != '=')
                throw Error(XmlErrorCode.InvalidToken, i);
            i++;
            while (i < end && IsSpace(text[i]))
                i++;
            if (i >= end || text[i] is not ('"' or '\''))
                throw Error(XmlErrorCode.InvalidToken, i);
            var close = text.IndexOf(text[i], i + 1);
            if (close < 0 || close >= end)
                throw Error(XmlErrorCode.InvalidToken, i);
            if (result.Exists(a => a.Name == name))
                throw Error(XmlErrorCode.DuplicateAttribute, nameAt);
            var value = new StringBuilder();
            AttributeValue(text[(i + 1)..close], i + 1, value, 0);
            result.Add((name, TypeOf(element, name) == "CDATA" ? value.ToString() : string.Join(' ', value.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries))));
            i = close + 1;
        }
        specified = result.Count;
        foreach (var (name, value) in DefaultsOf(element))
        {
            if (!result.Exists(a => a.Name == name))
                result.Add((name, value));
        }
        return result;
    }

    /// <summary>A value with its references replaced and its white space normalized.</summary>
    private void AttributeValue(string raw, int where, StringBuilder output, int depth)
    {
        for (var i = 0; i < raw.Length; i++)
        {
            var c = raw[i];
            if (c == '<' || IsBad(c))
                throw Error(XmlErrorCode.InvalidToken, depth == 0 ? where + i : at);
            if (c != '&')
            {
                if (c == '\r' && i + 1 < raw.Length && raw[i + 1] == '\n')
                    continue;
                output.Append(IsSpace(c) ? ' ' : c);
                continue;
            }
            var end = raw.IndexOf(';', i);
            if (end < 0)
                throw Error(XmlErrorCode.InvalidToken, depth == 0 ? where + i : at);
            var name = raw[(i + 1)..end];
            if (name.StartsWith('#'))
                output.Append(CharacterReference(name[1..], at));
            else if (Predefined(name) is { } known)
                output.Append(known);
            else
                ExpandInValue(name, where, output, depth);
            i = end;
        }
    }

    private void ExpandInValue(string name, int where, StringBuilder output, int depth)
    {
        if (!entities.TryGetValue(name, out var entity))
            throw Error(name.Length > 0 && IsNameStart(name[0]) ? XmlErrorCode.UndefinedEntity : XmlErrorCode.InvalidToken, at);
        if (entity.Notation is not null)
            throw Error(XmlErrorCode.BinaryEntityReference, at);
        if (entity.Value is null)
            throw Error(XmlErrorCode.AttributeExternalEntity, at);
        if (expanding.Contains(name) || depth >= MaxEntityDepth)
            throw Error(XmlErrorCode.RecursiveEntity, at);
        Charge(entity.Value.Length);
        expanding.Push(name);
        AttributeValue(entity.Value, where, output, depth + 1);
        expanding.Pop();
    }

    // ---- Namespaces in XML 1.0 ----

    private int Declare(List<(string Name, string Value)> attributes, ref int specified)
    {
        var count = 0;
        for (var i = 0; i < attributes.Count; i++)
        {
            var (name, uri) = attributes[i];
            if (name != "xmlns" && !name.StartsWith("xmlns:", StringComparison.Ordinal))
                continue;
            var prefix = name.Length > 6 ? name[6..] : "";
            var isXml = uri == namespaces[0].Uri;
            if (prefix == "xmlns")
                throw Error(XmlErrorCode.ReservedXmlns, at);
            if (prefix == "xml" ? !isXml : isXml || uri == namespaces[1].Uri)
                throw Error(prefix == "xml" ? XmlErrorCode.ReservedXml : XmlErrorCode.ReservedName, at);
            if (prefix.Length > 0 && uri.Length == 0)
                throw Error(XmlErrorCode.UndeclaringPrefix, at);
            namespaces.Add((prefix, uri));
            events.Simple("StartNamespaceDeclHandler", prefix.Length == 0 ? null : prefix, uri.Length == 0 ? null : uri);
            count++;
            if (i < specified)
                specified--;
            attributes.RemoveAt(i--);
        }
        return count;
    }

    private string Qualified(string raw, bool isAttribute)
    {
        var colon = raw.IndexOf(':', StringComparison.Ordinal);
        var prefix = colon < 0 ? "" : raw[..colon];
        if (prefix.Length == 0 && isAttribute)
            return raw;
        for (var i = namespaces.Count - 1; i >= 0; i--)
        {
            if (namespaces[i].Prefix != prefix)
                continue;
            var uri = namespaces[i].Uri;
            if (uri.Length == 0)
                return raw;
            var mark = separator == '\0' ? "" : separator.ToString();
            return uri + mark + raw[(colon + 1)..] + (ReportPrefixes && prefix.Length > 0 ? mark + prefix : "");
        }
        return prefix.Length == 0 ? raw : throw Error(XmlErrorCode.UnboundPrefix, at);
    }
}
