using System.Buffers;
using System.Text;

namespace Holon.Python.Compiler;

/// <summary>Backslash escapes in string and bytes literals.</summary>
internal static class EscapeDecoder
{
    /// <summary>Decodes a string literal's content; the first escape that means nothing is reported, with what follows its backslash.</summary>
    public static object Decode(ReadOnlySpan<byte> content, CompilerHost host, out string? invalidEscape)
    {
        // CPython spells characters beyond ASCII as \UXXXXXXXX first, and errors count positions in that text.
        if (!Ascii.IsValid(content) || content[^1] == '\\')
            content = SpellNonAscii(content);

        invalidEscape = null;
        var result = ArrayPool<int>.Shared.Rent(content.Length + 1);
        try
        {
            var length = 0;
            for (var i = 0; i < content.Length;)
            {
                if (content[i] != '\\')
                    result[length++] = content[i++];
                else
                    i = DecodeOne(content, i, result, ref length, host, ref invalidEscape);
            }

            return PythonText.FromCodePoints(result.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<int>.Shared.Return(result);
        }
    }

    private static int DecodeOne(ReadOnlySpan<byte> s, int start, int[] result, ref int length, CompilerHost host, ref string? invalidEscape)
    {
        var i = start + 1;
        if (i >= s.Length)
            throw Error(s, start, i, "\\ at end of string");
        var c = s[i++];
        switch (c)
        {
            case (byte)'\n':
                return i;
            case (byte)'x':
                return DecodeHex(s, start, i, 2, "truncated \\xXX escape", result, ref length);
            case (byte)'u':
                return DecodeHex(s, start, i, 4, "truncated \\uXXXX escape", result, ref length);
            case (byte)'U':
                return DecodeHex(s, start, i, 8, "truncated \\UXXXXXXXX escape", result, ref length);
            case (byte)'N':
                return DecodeName(s, start, i, result, ref length, host);
            case >= (byte)'0' and <= (byte)'7':
                var value = c - '0';
                for (var n = 1; n < 3 && i < s.Length && s[i] is >= (byte)'0' and <= (byte)'7'; n++)
                    value = (value * 8) + s[i++] - '0';
                if (value > 0xFF)
                    invalidEscape ??= Encoding.ASCII.GetString(s.Slice(i - 3, 3));
                result[length++] = value;
                return i;
            default:
                var simple = Simple(c);
                if (simple < 0)
                {
                    invalidEscape ??= ((char)c).ToString();
                    result[length++] = '\\';
                }

                result[length++] = simple < 0 ? c : simple;
                return i;
        }
    }

    private static int Simple(byte c) => c switch
    {
        (byte)'\\' or (byte)'\'' or (byte)'"' => c,
        (byte)'b' => 8,
        (byte)'f' => 12,
        (byte)'t' => 9,
        (byte)'n' => 10,
        (byte)'r' => 13,
        (byte)'v' => 11,
        (byte)'a' => 7,
        _ => -1,
    };

    private static int DecodeHex(ReadOnlySpan<byte> s, int start, int i, int count, string message, int[] result, ref int length)
    {
        var value = 0u;
        for (; count > 0; count--, i++)
        {
            if (i >= s.Length || !char.IsAsciiHexDigit((char)s[i]))
                throw Error(s, start, i, message);
            value = (value << 4) | (uint)(s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
        }

        if (value > 0x10FFFF)
            throw Error(s, start, i, "illegal Unicode character");
        result[length++] = (int)value;
        return i;
    }

    private static int DecodeName(ReadOnlySpan<byte> s, int start, int i, int[] result, ref int length, CompilerHost host)
    {
        var message = "malformed \\N character escape";
        if (i < s.Length && s[i] == '{')
        {
            var nameStart = ++i;
            while (i < s.Length && s[i] != '}')
                i++;
            if (i < s.Length && i > nameStart)
            {
                var name = Encoding.ASCII.GetString(s[nameStart..i]);
                i++;
                if (host.LookUpCharacterName(name) is { } codePoint)
                {
                    result[length++] = codePoint;
                    return i;
                }

                message = "unknown Unicode character name";
            }
        }

        throw Error(s, start, i, message);
    }

    private static PythonCompileException Error(ReadOnlySpan<byte> s, int start, int end, string reason)
    {
        var what = end == start + 1 ? $"byte 0x{s[start]:x2} in position {start}" : $"bytes in position {start}-{end - 1}";
        return new PythonCompileException(CompileErrorKind.UnicodeDecodeError, $"'unicodeescape' codec can't decode {what}: {reason}");
    }

    private static byte[] SpellNonAscii(ReadOnlySpan<byte> s)
    {
        var result = new List<byte>(s.Length + 16);
        for (var i = 0; i < s.Length;)
        {
            if (s[i] == '\\')
            {
                result.Add(s[i++]);
                if (i >= s.Length || s[i] >= 0x80)
                    result.AddRange("u005c"u8);
                if (i >= s.Length)
                    break;
            }

            if (s[i] < 0x80)
            {
                result.Add(s[i++]);
                continue;
            }

            var end = i;
            while (end < s.Length && s[end] >= 0x80)
                end++;
            foreach (var rune in Utf8.DecodeStrict(s[i..end]).EnumerateRunes())
                result.AddRange(Encoding.ASCII.GetBytes($"\\U{rune.Value:x8}"));
            i = end;
        }

        return [.. result];
    }

    /// <summary>Decodes a bytes literal's content.</summary>
    public static byte[] DecodeBytes(ReadOnlySpan<byte> s, out string? invalidEscape)
    {
        invalidEscape = null;
        var result = new byte[s.Length];
        var length = 0;
        for (var i = 0; i < s.Length;)
        {
            if (s[i] != '\\')
            {
                result[length++] = s[i++];
                continue;
            }

            var start = i++;
            var c = s[i++];
            if (c == '\n')
                continue;
            if (c == 'x')
            {
                if (i + 1 >= s.Length || !char.IsAsciiHexDigit((char)s[i]) || !char.IsAsciiHexDigit((char)s[i + 1]))
                    throw new PythonCompileException(CompileErrorKind.ValueError, $"invalid \\x escape at position {start}");
                result[length++] = Convert.FromHexString(Encoding.ASCII.GetString(s.Slice(i, 2)))[0];
                i += 2;
            }
            else if (c is >= (byte)'0' and <= (byte)'7')
            {
                var value = c - '0';
                for (var n = 1; n < 3 && i < s.Length && s[i] is >= (byte)'0' and <= (byte)'7'; n++)
                    value = (value * 8) + s[i++] - '0';
                if (value > 0xFF)
                    invalidEscape ??= Encoding.ASCII.GetString(s.Slice(i - 3, 3));
                result[length++] = (byte)value;
            }
            else
            {
                var simple = Simple(c);
                if (simple < 0)
                {
                    invalidEscape ??= ((char)c).ToString();
                    result[length++] = (byte)'\\';
                }

                result[length++] = simple < 0 ? c : (byte)simple;
            }
        }

        return result[..length];
    }
}
