
namespace Holon.Python.Compiler;

/// <summary>
/// Source made ready for the tokenizer: UTF-8, lines ended by \n, a NUL at the end, byte-order mark gone, declared encoding (PEP 263) undone.
/// </summary>
internal sealed class SourceText
{
    private static readonly byte[] s_bom = [0xEF, 0xBB, 0xBF];

    private SourceText(byte[] bytes, byte[] original, string? encoding)
    {
        Bytes = bytes;
        Original = original;
        Encoding = encoding;
    }

    /// <summary>The text, ended by a NUL.</summary>
    public byte[] Bytes { get; }

    /// <summary>The text before its declared encoding was undone: error lines are taken from it, as in CPython.</summary>
    public byte[] Original { get; }

    /// <summary>The encoding, when one is known; columns of errors count bytes without.</summary>
    public string? Encoding { get; }

    /// <summary>Text that is UTF-8 whatever it says.</summary>
    public static SourceText FromUtf8(ReadOnlySpan<byte> source, bool addNewline)
    {
        var bytes = TranslateNewlines(source, addNewline);
        return new SourceText(bytes, bytes, "utf-8");
    }

    /// <summary>Text that may declare its encoding in one of its first two lines.</summary>
    public static SourceText FromBytes(ReadOnlySpan<byte> source, bool addNewline, string fileName, CompilerHost host)
    {
        var bytes = TranslateNewlines(source, addNewline);
        string? encoding = null;
        if (bytes.AsSpan().StartsWith(s_bom))
        {
            bytes = bytes[3..];
            encoding = "utf-8";
        }

        var declared = FindDeclaration(bytes);
        if (declared == null)
            return new SourceText(bytes, bytes, encoding);
        if (encoding != null && declared != "utf-8")
            throw InitError(fileName, $"encoding problem: {declared} with BOM");
        if (declared == "utf-8")
            return new SourceText(bytes, bytes, declared);

        try
        {
            var text = host.Decode(bytes[..^1], declared) ?? throw InitError(fileName, $"unknown encoding: {declared}");
            return new SourceText([.. PythonText.ToUtf8(text), 0], bytes, declared);
        }
        catch (PythonCompileException e) when (e.Kind is not CompileErrorKind.SyntaxError)
        {
            throw InitError(fileName, e.Message);
        }
    }

    /// <summary>An f-string's expression in its parentheses.</summary>
    public static SourceText FromExpression(byte[] text) => new(text, text, null);

    private static PythonCompileException InitError(string fileName, string message) =>
        new(CompileErrorKind.SyntaxError, message, new SyntaxErrorLocation(fileName, 0, -1, null, null, null));

    private static byte[] TranslateNewlines(ReadOnlySpan<byte> source, bool addNewline)
    {
        var missing = addNewline && (source.IsEmpty || source[^1] is not ((byte)'\n' or (byte)'\r'));
        var carriageReturns = source.Contains((byte)'\r');
        var result = new byte[source.Length + (missing ? 2 : 1)];
        var length = source.Length;
        if (carriageReturns)
        {
            length = 0;
            for (var i = 0; i < source.Length; i++)
            {
                var c = source[i];
                if (c == '\r')
                {
                    c = (byte)'\n';
                    if (i + 1 < source.Length && source[i + 1] == '\n')
                        i++;
                }

                result[length++] = c;
            }
        }
        else
        {
            source.CopyTo(result);
        }

        if (missing)
            result[length++] = (byte)'\n';
        return length + 1 == result.Length ? result : result[..(length + 1)];
    }

    // Only in the first two lines, and the second counts only when the first is blank or a comment.
    private static string? FindDeclaration(byte[] bytes)
    {
        var first = Array.IndexOf(bytes, (byte)'\n');
        if (first < 0)
            return null;
        var line = bytes.AsSpan(0, first);
        if (FindDeclaration(line) is { } declared)
            return declared;
        foreach (var c in line)
        {
            if (c == '#')
                break;
            if (c is not ((byte)' ' or (byte)'\t' or 0x0C))
                return null;
        }

        var second = Array.IndexOf(bytes, (byte)'\n', first + 1);
        return second < 0 ? null : FindDeclaration(bytes.AsSpan(first + 1, second - first));
    }

    private static string? FindDeclaration(ReadOnlySpan<byte> line)
    {
        var i = 0;
        for (; i < line.Length - 6 && line[i] != '#'; i++)
        {
            if (line[i] is not ((byte)' ' or (byte)'\t' or 0x0C))
                return null;
        }

        for (; i < line.Length - 6; i++)
        {
            if (!line[i..].StartsWith("coding"u8) || line[i + 6] is not ((byte)':' or (byte)'='))
                continue;
            var start = i + 7;
            while (start < line.Length && line[start] is (byte)' ' or (byte)'\t')
                start++;
            var end = start;
            while (end < line.Length && (char.IsAsciiLetterOrDigit((char)line[end]) || line[end] is (byte)'-' or (byte)'_' or (byte)'.'))
                end++;
            if (end > start)
                return NormalName(System.Text.Encoding.ASCII.GetString(line[start..end]));
        }

        return null;
    }

    private static string NormalName(string name)
    {
        var plain = name[..Math.Min(name.Length, 12)].ToLowerInvariant().Replace('_', '-');
        if (plain == "utf-8" || plain.StartsWith("utf-8-", StringComparison.Ordinal))
            return "utf-8";
        if (plain is "latin-1" or "iso-8859-1" or "iso-latin-1" || plain.StartsWith("latin-1-", StringComparison.Ordinal) ||
            plain.StartsWith("iso-8859-1-", StringComparison.Ordinal) || plain.StartsWith("iso-latin-1-", StringComparison.Ordinal))
            return "iso-8859-1";
        return name;
    }
}
