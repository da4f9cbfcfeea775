using System.Text;

namespace Holon.Python.Modules.Xml;

/// <summary>What an <see cref="XmlParser"/> tells of.</summary>
internal interface IXmlEvents
{
    bool Wants(string handler);

    void StartElement(string name, List<(string Name, string Value)> attributes, int specified);

    void EndElement(string name);

    void Characters(string text);

    void Simple(string handler, params object?[] arguments);

    /// <summary>An external entity; false ends the parse.</summary>
    bool ExternalEntity(string? context, string? systemId, string? publicId);
}

/// <summary>
/// A non-validating XML 1.0 parser that takes its input as it comes and reports it as expat does. Input is untrusted: what entities
/// may grow to is bounded, and nesting takes no C# stack but for entities in entities.
/// </summary>
internal sealed partial class XmlParser(IXmlEvents events, char? separator)
{
    private const int PieceSize = 16 << 10;
    private const int MaxExpansion = 8 << 20, MaxFactor = 100, MaxEntityDepth = 40;

    private readonly StringBuilder input = new();
    private readonly Stack<(string Raw, string Name, int Namespaces)> open = [];
    private readonly List<(string Prefix, string Uri)> namespaces = [("xml", "http://www.w3.org/XML/1998/namespace"), ("xmlns", "http://www.w3.org/2000/xmlns/")];
    private readonly Stack<string> expanding = [];
    private string text = "";
    private int at;
    private long expanded, fed;
    private bool final, seenRoot, seenAnything, seenDoctype;

    /// <summary>An external entity's text is content, not a document.</summary>
    public bool IsFragment { get; init; }

    public bool ReportPrefixes { get; set; }

    public int Line { get; private set; } = 1;

    public int Column { get; private set; }

    public long ByteIndex { get; private set; }

    /// <summary>
    /// Takes more bytes, in pieces whose text is no large object of the garbage collector's; a token that is longer than a piece gets pieces that grow.
    /// </summary>
    public void Parse(XmlDecoder decoder, ReadOnlySpan<byte> bytes, bool isFinal)
    {
        do
        {
            var piece = bytes[..Math.Min(bytes.Length, Math.Max(PieceSize, text.Length - at))];
            bytes = bytes[piece.Length..];
            var isLast = isFinal && bytes.IsEmpty;
            Parse(decoder.Decode(piece, isLast), isLast);
        }
        while (!bytes.IsEmpty);
    }

    public void Parse(string more, bool isFinal)
    {
        input.Clear();
        input.Append(text.AsSpan(at)).Append(more);
        (text, at, final) = (input.ToString(), 0, isFinal);
        fed += more.Length;
        if (!IsFragment || open.Count > 0)
            Run(0);
        else
            Run(0, fragment: true);
        if (!isFinal)
            return;
        if (open.Count > 0 || (!seenRoot && !IsFragment))
            throw new XmlException(XmlErrorCode.NoElements);
    }

    private XmlException Error(XmlErrorCode code, int where)
    {
        Advance(where);
        return new XmlException(code);
    }

    /// <summary>Counts lines and columns up to a place in the text.</summary>
    private void Advance(int to)
    {
        if (expanding.Count > 0 || to <= at)
            return;
        var passed = text.AsSpan(at, to - at);
        if (Ascii.IsValid(passed) && !passed.Contains('\r'))
        {
            ByteIndex += passed.Length;
            at = to;
            var newLines = passed.Count('\n');
            Line += newLines;
            Column = newLines == 0 ? Column + passed.Length : passed.Length - 1 - passed.LastIndexOf('\n');
            return;
        }
        for (; at < to; at++)
        {
            var c = text[at];
            ByteIndex += c < 0x80 ? 1 : c < 0x800 ? 2 : char.IsSurrogate(c) ? 2 : 3;
            if (c == '\n' || (c == '\r' && (at + 1 >= text.Length || text[at + 1] != '\n')))
                (Line, Column) = (Line + 1, 0);
            else if (c != '\r' && !char.IsLowSurrogate(c))
                Column++;
        }
    }

    /// <summary>Reads tokens while they are whole.</summary>
    private void Run(int depth, bool fragment = false)
    {
        while (at < text.Length)
        {
            var end = text[at] == '<' ? Markup() : open.Count > 0 || fragment ? Content(depth) : Outside();
            if (end < 0)
            {
                if (!final)
                    return;
                throw Incomplete();
            }
            Advance(end);
        }
    }

    private XmlException Incomplete() =>
        new(text.AsSpan(at).StartsWith("<![CDATA[") ? XmlErrorCode.UnclosedCdata : XmlErrorCode.UnclosedToken);

    /// <summary>White space outside the root; anything else is an error.</summary>
    private int Outside()
    {
        if (!seenAnything && text[at] == '\ufeff')
            return at + 1;
        var end = at;
        while (end < text.Length && IsSpace(text[end]))
            end++;
        if (end == at)
        {
            if (seenRoot)
                throw Error(XmlErrorCode.JunkAfterDocument, at);
            // A word is a token of the prolog, though none that may stand here; what breaks it off is an error of its own.
            while (end < text.Length && IsName(text[end]))
                end++;
            if (end == text.Length && !final)
                return -1;
            var isToken = end == text.Length || IsSpace(text[end]) || "%()[]|,>?*+\"'".Contains(text[end], StringComparison.Ordinal);
            throw isToken ? Error(XmlErrorCode.Syntax, at) : Error(XmlErrorCode.InvalidToken, end);
        }
        seenAnything = true;
        events.Simple("DefaultHandler", text[at..end]);
        return end;
    }

    private static bool IsSpace(char c) => c is ' ' or '\t' or '\n' or '\r';

    private static bool IsNameStart(char c) => char.IsLetter(c) || c is '_' or ':' || char.IsSurrogate(c);

    private static bool IsName(char c) => IsNameStart(c) || char.IsDigit(c) || c is '.' or '-' or '\u00b7' || char.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.SpacingCombiningMark;

    private static bool IsBad(char c) => c < ' ' && !IsSpace(c) || c >= '\ufffe';

    /// <summary>One token that begins with &lt;; where it ends, or -1 when its end is not there yet.</summary>
    private int Markup()
    {
        if (at + 1 >= text.Length)
            return -1;
        switch (text[at + 1])
        {
            case '?':
                return Instruction();
            case '!':
                return Declaration();
            case '/':
                return EndTag();
            default:
                return StartTag();
        }
    }

    /// <summary>The index of what ends a token, or -1; characters that XML does not have are an error.</summary>
    private int Find(string what, int from)
    {
        var end = text.IndexOf(what, from, StringComparison.Ordinal);
        var stop = end < 0 ? text.Length : end;
        for (var i = from; i < stop; i++)
        {
            if (IsBad(text[i]))
                throw Error(XmlErrorCode.InvalidToken, i);
        }
        return end;
    }

    private int Instruction()
    {
        var end = Find("?>", at + 2);
        if (end < 0)
            return -1;
        var start = at + 2;
        var nameEnd = NameEnd(start, end);
        if (nameEnd == start)
            throw Error(XmlErrorCode.InvalidToken, start);
        var target = text[start..nameEnd];
        if (target.Equals("xml", StringComparison.OrdinalIgnoreCase))
        {
            if (seenAnything || target != "xml")
                throw Error(target == "xml" ? XmlErrorCode.MisplacedDeclaration : XmlErrorCode.InvalidToken, at);
            seenAnything = true;
            XmlDeclaration(text[nameEnd..end]);
            return end + 2;
        }
        if (nameEnd < end && !IsSpace(text[nameEnd]))
            throw Error(XmlErrorCode.InvalidToken, nameEnd);
        seenAnything = true;
        var data = LineEnds(text[nameEnd..end].TrimStart(' ', '\t', '\r', '\n'));
        Report("ProcessingInstructionHandler", end + 2, target, data);
        return end + 2;
    }

    /// <summary>Tells a handler, or, when there is none, the default handler with the token's text.</summary>
    private void Report(string handler, int end, params object?[] arguments)
    {
        if (events.Wants(handler))
            events.Simple(handler, arguments);
        else
            events.Simple("DefaultHandler", text[at..end]);
    }

    private void XmlDeclaration(string body)
    {
        var values = new Dictionary<string, string>();
        var order = new[] { "version", "encoding", "standalone" };
        var last = -1;
        var rest = body;
        while (rest.TrimStart(' ', '\t', '\r', '\n') is { Length: > 0 } next)
        {
            var equals = next.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? "" : next[..equals].TrimEnd();
            var value = equals < 0 ? "" : next[(equals + 1)..].TrimStart();
            var close = value.Length > 1 && value[0] is '"' or '\'' ? value.IndexOf(value[0], 1) : -1;
            var index = Array.IndexOf(order, name);
            if (close < 0 || index <= last || next.Length == rest.Length)
                throw new XmlException(IsFragment ? XmlErrorCode.TextDeclaration : XmlErrorCode.XmlDeclaration);
            values[name] = value[1..close];
            (last, rest) = (index, value[(close + 1)..]);
        }
        if ((!values.TryGetValue("version", out var version) && !IsFragment) || (values.TryGetValue("standalone", out var alone) && alone is not ("yes" or "no")))
            throw new XmlException(IsFragment ? XmlErrorCode.TextDeclaration : XmlErrorCode.XmlDeclaration);
        standalone = alone == "yes";
        if (events.Wants("XmlDeclHandler"))
            events.Simple("XmlDeclHandler", version, values.GetValueOrDefault("encoding"), alone switch { "yes" => 1, "no" => 0, _ => -1 });
        else
            events.Simple("DefaultHandler", "<?xml" + body + "?>");
    }

    private int Declaration()
    {
        var left = text.AsSpan(at);
        if (left.StartsWith("<!--"))
        {
            var end = Find("--", at + 4);
            if (end < 0 || end + 2 >= text.Length)
                return -1;
            if (text[end + 2] != '>')
                throw Error(XmlErrorCode.InvalidToken, end + 2);
            seenAnything = true;
            Report("CommentHandler", end + 3, LineEnds(text[(at + 4)..end]));
            return end + 3;
        }
        if (left.StartsWith("<![CDATA[") && open.Count > 0)
        {
            var end = Find("]]>", at + 9);
            if (end < 0)
                return -1;
            events.Simple("StartCdataSectionHandler");
            if (end > at + 9)
                events.Characters(LineEnds(text[(at + 9)..end]));
            events.Simple("EndCdataSectionHandler");
            return end + 3;
        }
        if (left.StartsWith("<!DOCTYPE") && open.Count == 0 && !seenRoot && !seenDoctype)
            return Doctype();
        if ("<!--".AsSpan().StartsWith(left) || "<!DOCTYPE".AsSpan().StartsWith(left) || "<![CDATA[".AsSpan().StartsWith(left))
            return -1;
        throw Error(left.StartsWith("<!DOCTYPE") && seenRoot && open.Count == 0 ? XmlErrorCode.JunkAfterDocument : left.StartsWith("<!DOCTYPE") ? XmlErrorCode.Syntax : XmlErrorCode.InvalidToken, left.StartsWith("<!DOCTYPE") ? at : at + 2);
    }

    private static string LineEnds(string s) => s.Contains('\r', StringComparison.Ordinal) ? s.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n') : s;

    private int NameEnd(int start, int limit)
    {
        if (start >= limit || !IsNameStart(text[start]))
            return start;
        var end = start + 1;
        while (end < limit && IsName(text[end]))
            end++;
        return end;
    }

    private int EndTag()
    {
        var end = text.IndexOf('>', at);
        if (end < 0)
            return -1;
        var nameEnd = NameEnd(at + 2, end);
        if (nameEnd == at + 2)
            throw Error(XmlErrorCode.InvalidToken, at + 2);
        var after = nameEnd;
        while (after < end && IsSpace(text[after]))
            after++;
        if (after != end)
            throw Error(XmlErrorCode.InvalidToken, after);
        if (open.Count == 0)
            throw Error(seenRoot ? XmlErrorCode.JunkAfterDocument : XmlErrorCode.Syntax, at);
        var raw = text[(at + 2)..nameEnd];
        if (open.Peek().Raw != raw)
            throw Error(XmlErrorCode.TagMismatch, at + 2);
        Close();
        return end + 1;
    }

    private void Close()
    {
        var (_, name, count) = open.Pop();
        events.EndElement(name);
        for (; count > 0; count--)
        {
            var prefix = namespaces[^1].Prefix;
            namespaces.RemoveAt(namespaces.Count - 1);
            events.Simple("EndNamespaceDeclHandler", prefix.Length == 0 ? null : prefix);
        }
        if (open.Count == 0 && !IsFragment)
            seenRoot = true;
    }

    /// <summary>Characters and references up to the next markup.</summary>
    private int Content(int depth)
    {
        if (text[at] == '&')
            return Reference(depth);
        var end = at;
        while (end < text.Length && text[end] is not ('<' or '&'))
        {
            if (IsBad(text[end]))
            {
                if (end > at)
                    events.Characters(LineEnds(text[at..end]));
                throw Error(XmlErrorCode.InvalidToken, end);
            }
            if (text[end] == ']' && text.AsSpan(end).StartsWith("]]>"))
                throw Error(XmlErrorCode.InvalidToken, end);
            end++;
        }
        // What may become something else with what follows waits for it.
        if (end == text.Length && !final && expanding.Count == 0)
        {
            while (end > at && text[end - 1] is '\r' or ']')
                end--;
            if (end == at)
                return -1;
        }
        events.Characters(LineEnds(text[at..end]));
        return end;
    }

    private int Reference(int depth)
    {
        var end = text.IndexOf(';', at);
        var limit = end < 0 ? text.Length : end;
        if (at + 1 < text.Length && text[at + 1] == '#')
        {
            if (end < 0)
                return -1;
            events.Characters(CharacterReference(text[(at + 2)..end], at));
            return end + 1;
        }
        var nameEnd = NameEnd(at + 1, limit);
        if (nameEnd < limit || (nameEnd == at + 1 && at + 1 < text.Length))
            throw Error(XmlErrorCode.InvalidToken, nameEnd);
        if (end < 0)
            return -1;
        var name = text[(at + 1)..end];
        if (Predefined(name) is { } known)
            events.Characters(known);
        else
            ExpandContent(name, end + 1, depth);
        return end + 1;
    }

    private string CharacterReference(string digits, int where)
    {
        var hex = digits.StartsWith('x');
        var good = hex ? int.TryParse(digits.AsSpan(1), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var code) : int.TryParse(digits, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out code);
        if (!good)
            throw Error(digits.Length > 0 && digits.TrimStart('x').All(char.IsAsciiHexDigit) && digits.Length > 1 ? XmlErrorCode.BadCharacterReference : XmlErrorCode.InvalidToken, where);
        if (code is < 0x20 and not (9 or 10 or 13) or > 0x10ffff or >= 0xd800 and < 0xe000 or 0xfffe or 0xffff)
            throw Error(XmlErrorCode.BadCharacterReference, where);
        return char.ConvertFromUtf32(code);
    }

    private static string? Predefined(string name) => name switch { "lt" => "<", "gt" => ">", "amp" => "&", "quot" => "\"", "apos" => "'", _ => null };

    /// <summary>Reads an entity's text in the place of a reference to it.</summary>
    private void ExpandContent(string name, int end, int depth)
    {
        if (!entities.TryGetValue(name, out var entity))
        {
            if (hasExternalSubset && !standalone)
            {
                if (events.Wants("SkippedEntityHandler"))
                    events.Simple("SkippedEntityHandler", name, 0);
                else
                    events.Simple("DefaultHandler", text[at..end]);
                return;
            }
            throw Error(XmlErrorCode.UndefinedEntity, at);
        }
        if (entity.Notation is not null)
            throw Error(XmlErrorCode.BinaryEntityReference, at);
        if (expanding.Contains(name) || depth >= MaxEntityDepth)
            throw Error(XmlErrorCode.RecursiveEntity, at);
        if (entity.Value is null)
        {
            if (!events.ExternalEntity(name, entity.SystemId, entity.PublicId))
                throw Error(XmlErrorCode.ExternalEntityHandling, at);
            return;
        }
        if (events.Wants("DefaultHandler") && !events.Wants("DefaultHandlerExpand"))
        {
            events.Simple("DefaultHandler", text[at..end]);
            return;
        }
        Charge(entity.Value.Length);
        var (outerText, outerAt, outerFinal, depthBefore) = (text, at, final, open.Count);
        expanding.Push(name);
        (text, at, final) = (entity.Value, 0, true);
        while (at < text.Length)
        {
            var next = text[at] == '<' ? Markup() : Content(depth + 1);
            at = next >= 0 ? next : throw Incomplete();
        }
        expanding.Pop();
        (text, at, final) = (outerText, outerAt, outerFinal);
        if (open.Count != depthBefore)
            throw Error(XmlErrorCode.AsynchronousEntity, at);
    }

    private void Charge(int length)
    {
        expanded += length;
        if (expanded > MaxExpansion && expanded > MaxFactor * fed)
            throw new XmlException(XmlErrorCode.Amplification);
        PyThread.Current.Machine.Limits.Charge(length);
    }
}
