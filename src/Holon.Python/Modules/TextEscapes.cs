using System.Globalization;
using System.Text;

namespace Holon.Python.Modules;

/// <summary>The codecs <c>unicode_escape</c>, <c>raw_unicode_escape</c> and <c>escape</c> (of bytes).</summary>
internal static class TextEscapes
{
    public static byte[] Encode(PyStr text, bool raw)
    {
        var result = new StringBuilder();
        foreach (var c in text.ToCodePoints())
        {
            if (raw)
                result.Append(c < 256 ? ((char)c).ToString() : StrMethods.Escape(c));
            else if (c == '\\')
                result.Append("\\\\");
            else if (c is '\n' or '\r' or '\t')
                result.Append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
            else
                result.Append(c is >= 32 and < 127 ? ((char)c).ToString() : StrMethods.Escape(c));
        }
        return Encoding.Latin1.GetBytes(result.ToString());
    }

    /// <summary>Decodes; without <paramref name="final"/> an escape sequence that is cut off at the end is left for the next call.</summary>
    public static PyStr Decode(ReadOnlySpan<byte> bytes, bool raw, string errors, bool final, out int consumed)
    {
        var result = new PyStrBuilder();
        var encoding = raw ? "rawunicodeescape" : "unicodeescape";
        string? warning = null;
        var at = 0;
        while (at < bytes.Length)
        {
            if (bytes[at] != '\\' || (raw && final && at + 1 == bytes.Length))
            {
                result.Append(bytes[at++]);
                continue;
            }
            var end = at + 1;
            var message = "\\ at end of string";
            var isCut = end == bytes.Length;
            if (!isCut)
            {
                var kind = (char)bytes[end++];
                var digits = kind switch { 'x' when !raw => 2, 'u' => 4, 'U' => 8, _ => 0 };
                if (digits == 0 && !(kind == 'N' && !raw))
                {
                    if (raw)
                        result.Append('\\').Append(kind);
                    else
                        end = Simple(bytes, at, result, ref warning);
                    at = end;
                    continue;
                }
                var code = kind == 'N' ? Named(bytes, ref end, out isCut, out message) : Digits(bytes, ref end, digits, out isCut);
                if (kind != 'N')
                    message = code > 0x10ffff ? raw ? "\\Uxxxxxxxx out of range" : "illegal Unicode character" : $"truncated \\{kind}{new string('X', digits)} escape";
                if (code is >= 0 and <= 0x10ffff)
                {
                    result.Append((int)code);
                    at = end;
                    continue;
                }
            }
            if (isCut && !final)
                break;
            at = Codecs.HandleDecode(result, ref bytes, at, end, encoding, message, errors);
        }
        consumed = at;
        if (warning is not null)
            Warn.Deprecated(warning);
        return result.ToStr();
    }

    /// <summary>The value of hexadecimal digits; -1 when there are too few.</summary>
    private static long Digits(ReadOnlySpan<byte> bytes, ref int at, int count, out bool isCut)
    {
        var start = at;
        while (at < bytes.Length && at < start + count && char.IsAsciiHexDigit((char)bytes[at]))
            at++;
        isCut = at < start + count && at == bytes.Length;
        return at < start + count ? -1 : long.Parse(Encoding.ASCII.GetString(bytes[start..at]), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }

    private static long Named(ReadOnlySpan<byte> bytes, ref int at, out bool isCut, out string message)
    {
        message = "malformed \\N character escape";
        isCut = at == bytes.Length;
        if (isCut || bytes[at] != '{')
            return -1;
        var start = ++at;
        while (at < bytes.Length && bytes[at] != '}')
            at++;
        isCut = at == bytes.Length;
        if (isCut || at == start)
            return -1;
        message = "unknown Unicode character name";
        return UnicodeDataModule.Find(Encoding.Latin1.GetString(bytes[start..at++])) ?? -1;
    }

    private static int Simple(ReadOnlySpan<byte> bytes, int at, PyStrBuilder result, ref string? warning)
    {
        var escape = bytes[(at + 1)..];
        var length = Math.Max(1, OctalLength(escape));
        var isKnown = One(escape[..length], out var value);
        if (!isKnown || value > 255)
            warning ??= isKnown ? $"invalid octal escape sequence '\\{Encoding.ASCII.GetString(escape[..length])}'" : $"invalid escape sequence '\\{(char)escape[0]}'";
        if (!isKnown)
            result.Append('\\').Append(escape[0]);
        else if (value >= 0)
            result.Append(value);
        return at + 1 + length;
    }

    private static int OctalLength(ReadOnlySpan<byte> bytes)
    {
        var n = 0;
        while (n < 3 && n < bytes.Length && bytes[n] is >= (byte)'0' and <= (byte)'7')
            n++;
        return n;
    }

    /// <summary>What stands for an escape sequence without its backslash; -1 for a line that goes on. False when it is none.</summary>
    private static bool One(ReadOnlySpan<byte> escape, out int value)
    {
        value = -1;
        if (OctalLength(escape) > 0)
        {
            value = 0;
            foreach (var digit in escape)
                value = value * 8 + digit - '0';
            return true;
        }
        if (escape[0] == '\n')
            return true;
        var at = "\\'\"abfnrtv".IndexOf((char)escape[0], StringComparison.Ordinal);
        if (at >= 0)
            value = "\\'\"\a\b\f\n\r\t\v"[at];
        return at >= 0;
    }

    public static byte[] DecodeBytes(ReadOnlySpan<byte> bytes, string errors)
    {
        var result = new List<byte>(bytes.Length);
        string? warning = null;
        for (var at = 0; at < bytes.Length;)
        {
            if (bytes[at] != '\\')
            {
                result.Add(bytes[at++]);
                continue;
            }
            if (at + 1 == bytes.Length)
                throw Err.Value("Trailing \\ in string");
            if (bytes[at + 1] == 'x')
            {
                var end = at + 2;
                var code = Digits(bytes, ref end, 2, out _);
                if (code >= 0)
                    result.Add((byte)code);
                else if (errors == "replace")
                    result.Add((byte)'?');
                else if (errors != "ignore")
                    throw Err.Value(errors == "strict" ? $"invalid \\x escape at position {at}" : $"decoding error; unknown error handling code: {errors}");
                at = end;
                continue;
            }
            var escape = bytes[(at + 1)..];
            var length = Math.Max(1, OctalLength(escape));
            var isKnown = One(escape[..length], out var value);
            if (!isKnown)
                result.AddRange([(byte)'\\', escape[0]]);
            else if (value >= 0)
                result.Add((byte)value);
            if (!isKnown || value > 255)
                warning ??= isKnown ? $"invalid octal escape sequence '\\{Encoding.ASCII.GetString(escape[..length])}'" : $"invalid escape sequence '\\{(char)escape[0]}'";
            at += 1 + length;
        }
        if (warning is not null)
            Warn.Deprecated(warning);
        return [.. result];
    }
}
