using System.Text;

namespace Holon.Python.Modules.Xml;

/// <summary>From the bytes of a document, as they come, to text.</summary>
internal sealed class XmlDecoder(string? encoding)
{
    private readonly List<byte> undecoded = [];
    private Decoder? decoder;

    /// <summary>Bytes in the encoding that was given, that a byte-order mark tells, or that the declaration names.</summary>
    public string Decode(ReadOnlySpan<byte> bytes, bool isFinal)
    {
        if (decoder is not null && undecoded.Count == 0)
            return Decoded(bytes, isFinal);
        undecoded.AddRange(bytes);
        if (decoder is null)
        {
            var start = undecoded.ToArray();
            if (start.Length < 4 && !isFinal)
                return "";
            decoder = Find(start, isFinal);
            if (decoder is null)
                return "";
        }
        var all = undecoded.ToArray();
        undecoded.Clear();
        return Decoded(all, isFinal);
    }

    private string Decoded(ReadOnlySpan<byte> bytes, bool isFinal)
    {
        try
        {
            var output = new char[decoder!.GetCharCount(bytes, isFinal)];
            decoder.GetChars(bytes, output, isFinal);
            return new string(output);
        }
        catch (DecoderFallbackException)
        {
            // What stands before the bad bytes is reported first.
            throw new XmlException(XmlErrorCode.InvalidToken);
        }
    }

    private Decoder? Find(byte[] start, bool isFinal)
    {
        var found = encoding is null ? null : Known(encoding);
        if (start is [0xff, 0xfe, ..] or [(byte)'<', 0, ..])
            found ??= new UnicodeEncoding(false, true, true);
        else if (start is [0xfe, 0xff, ..] or [0, (byte)'<', ..])
            found ??= new UnicodeEncoding(true, true, true);
        if (found is not null)
            return found.GetDecoder();
        var text = System.Text.Encoding.Latin1.GetString(start);
        if (text.StartsWith("<?xml", StringComparison.Ordinal))
        {
            var end = text.IndexOf("?>", StringComparison.Ordinal);
            if (end < 0 && !isFinal)
                return null;
            var declaration = end < 0 ? text : text[..end];
            var at = declaration.IndexOf("encoding", StringComparison.Ordinal);
            if (at > 0)
            {
                var value = declaration[(at + 8)..].TrimStart(' ', '\t', '\r', '\n', '=');
                if (value.Length > 1 && value[0] is '"' or '\'' && value.IndexOf(value[0], 1) is > 0 and var close)
                    return Known(value[1..close]).GetDecoder();
            }
        }
        return new UTF8Encoding(false, true).GetDecoder();
    }

    /// <summary>The encoding that nobody knows, after <see cref="XmlErrorCode.UnknownEncoding"/>.</summary>
    public string? Unknown { get; private set; }

    private Encoding Known(string name) => name.ToUpperInvariant() switch
    {
        "UTF-8" or "UTF8" => new UTF8Encoding(false, true),
        "UTF-16" => new UnicodeEncoding(false, true, true),
        "UTF-16LE" => new UnicodeEncoding(false, false, true),
        "UTF-16BE" => new UnicodeEncoding(true, false, true),
        "ISO-8859-1" => System.Text.Encoding.Latin1,
        "US-ASCII" or "ASCII" => System.Text.Encoding.Latin1,
        _ => SingleByte(name),
    };

    /// <summary>Any of Python's encodings with one character a byte.</summary>
    private Encoding SingleByte(string name)
    {
        PyStr table;
        try
        {
            var all = new PyBytes([.. Enumerable.Range(0, 256).Select(i => (byte)i)]);
            table = (PyStr)Calls.CallMethod(all, "decode", PyStr.FromUtf16(name), new PyStr("replace"));
        }
        catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.LookupError))
        {
            Unknown = name;
            throw new XmlException(XmlErrorCode.UnknownEncoding);
        }
        return table.Length == 256 ? new TableEncoding(table.Value) : throw Err.Value("multi-byte encodings are not supported");
    }

    /// <summary>One character a byte, by a table.</summary>
    private sealed class TableEncoding(string table) : Encoding
    {
        public override int GetByteCount(char[] chars, int index, int count) => count;

        public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) => throw new NotSupportedException();

        public override int GetCharCount(byte[] bytes, int index, int count) => count;

        public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
        {
            for (var i = 0; i < byteCount; i++)
                chars[charIndex + i] = table[bytes[byteIndex + i]];
            return byteCount;
        }

        public override int GetMaxByteCount(int charCount) => charCount;

        public override int GetMaxCharCount(int byteCount) => byteCount;
    }
}
