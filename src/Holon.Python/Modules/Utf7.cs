namespace Holon.Python.Modules;

/// <summary>UTF-7 (RFC 2152), with CPython's errors: ASCII that stands for itself, the rest as UTF-16 in base 64 between + and -.</summary>
internal static class Utf7
{
    private const string Base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    private static bool IsBase64(int c) => c < 128 && (char.IsAsciiLetterOrDigit((char)c) || c is '+' or '/');

    private static bool IsDirect(int c) => c is '\t' or '\n' or '\r' or (>= ' ' and <= '}' and not '+' and not '\\');

    public static byte[] Encode(PyStr text)
    {
        var result = new List<byte>(text.Length + 8);
        var (shifted, bits, buffer) = (false, 0, 0u);
        void Unit(int unit)
        {
            buffer = buffer << 16 | (uint)unit;
            for (bits += 16; bits >= 6; bits -= 6)
                result.Add((byte)Base64[(int)(buffer >> (bits - 6)) & 63]);
        }
        void Rest()
        {
            if (bits > 0)
                result.Add((byte)Base64[(int)(buffer << (6 - bits)) & 63]);
            (bits, buffer) = (0, 0);
        }
        foreach (var c in text.ToCodePoints())
        {
            if (IsDirect(c))
            {
                if (shifted)
                {
                    Rest();
                    if (IsBase64(c) || c == '-')
                        result.Add((byte)'-');
                }
                shifted = false;
                result.Add((byte)c);
            }
            else if (!shifted && c == '+')
            {
                result.AddRange("+-"u8);
            }
            else
            {
                if (!shifted)
                    result.Add((byte)'+');
                shifted = true;
                if (c > 0xffff)
                    Unit(0xd7c0 + (c >> 10));
                Unit(c > 0xffff ? 0xdc00 | (c & 0x3ff) : c);
            }
        }
        Rest();
        if (shifted)
            result.Add((byte)'-');
        return [.. result];
    }

    /// <summary>Decodes; without <paramref name="final"/> a base 64 section that has not ended is left for the next call.</summary>
    public static PyStr Decode(ReadOnlySpan<byte> bytes, string errors, bool final, out int consumed)
    {
        var result = new PyStrBuilder();
        var (at, start, shifted, length) = (0, 0, false, 0);
        var (bits, buffer, surrogate) = (0, 0u, 0);
        while (true)
        {
            if (at == bytes.Length)
            {
                if (!shifted || !final)
                    break;
                shifted = false;
                if (surrogate != 0 || bits >= 6 || (bits > 0 && buffer != 0))
                    at = Codecs.HandleDecode(result, ref bytes, start, at, "utf7", "unterminated shift sequence", errors);
                continue;
            }
            int c = bytes[at];
            string? wrong = null;
            if (shifted && IsBase64(c))
            {
                buffer = buffer << 6 | (uint)Base64.IndexOf((char)c, StringComparison.Ordinal);
                bits += 6;
                at++;
                if (bits >= 16)
                {
                    bits -= 16;
                    Unit((int)(buffer >> bits) & 0xffff);
                    buffer &= (1u << bits) - 1;
                }
                continue;
            }
            if (shifted)
            {
                shifted = false;
                if (bits >= 6 || (bits > 0 && buffer != 0))
                {
                    at++;
                    wrong = bits >= 6 ? "partial character in shift sequence" : "non-zero padding bits in shift sequence";
                }
                else
                {
                    if (surrogate != 0 && c < 128 && c != '+')
                        result.Append(surrogate);
                    surrogate = 0;
                    if (c == '-')
                        at++;
                }
            }
            else if (c == '+')
            {
                start = at++;
                if (at < bytes.Length && bytes[at] == '-')
                {
                    at++;
                    result.Append('+');
                }
                else if (at < bytes.Length && !IsBase64(bytes[at]))
                {
                    at++;
                    wrong = "ill-formed sequence";
                }
                else
                {
                    (shifted, surrogate, bits, buffer, length) = (true, 0, 0, 0, result.Length);
                }
            }
            else if (c < 128)
            {
                at++;
                result.Append(c);
            }
            else
            {
                start = at++;
                wrong = "unexpected special character";
            }
            if (wrong is not null)
                at = Codecs.HandleDecode(result, ref bytes, start, at, "utf7", wrong, errors);
        }
        consumed = shifted ? start : at;
        return shifted ? result.ToStr().Substring(0, length) : result.ToStr();

        void Unit(int unit)
        {
            if (surrogate != 0 && unit is >= 0xdc00 and <= 0xdfff)
            {
                result.Append(0x10000 + ((surrogate & 0x3ff) << 10 | (unit & 0x3ff)));
                surrogate = 0;
                return;
            }
            if (surrogate != 0)
                result.Append(surrogate);
            surrogate = unit is >= 0xd800 and <= 0xdbff ? unit : 0;
            if (surrogate == 0)
                result.Append(unit);
        }
    }
}
