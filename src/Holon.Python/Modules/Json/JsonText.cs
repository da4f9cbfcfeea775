using System.Buffers;

namespace Holon.Python.Modules;

/// <summary>Strings of JSON text, and its errors.</summary>
internal static class JsonText
{
    public static PyError DecodeError(string message, PyStr text, int at) =>
        new((PyException)Calls.Call(Attributes.Get(PyThread.Current.Machine.ImportModule("json.decoder"), "JSONDecodeError"), new PyStr(message), text, PyInt.Of(at)));

    /// <summary>What ends a string, or is not itself in one: the quote, the backslash, control characters.</summary>
    private static readonly SearchValues<char> NotPlain = SearchValues.Create(['"', '\\', .. Enumerable.Range(0, ' ').Select(c => (char)c)]);

    /// <summary>A string whose opening quote has been read; its end comes back in <paramref name="at"/>. Keys may be shared.</summary>
    public static PyStr ScanString(PyStr text, ref int at, bool strict, JsonKeys? keys = null)
    {
        var begin = at - 1;
        if (at < 0 || at > text.Length)
            throw Err.Value("end is out of bounds");
        // Most strings are a piece of the text as it is.
        if (!text.IsWide && text.Value.AsSpan(at) is var rest && rest.IndexOfAny(NotPlain) is >= 0 and var length && rest[length] == '"')
        {
            var plain = keys is null ? text.Substring(at, length) : keys.Of(rest[..length]);
            at += length + 1;
            return plain;
        }
        var output = new PyStrBuilder();
        while (true)
        {
            if (at >= text.Length)
                throw DecodeError("Unterminated string starting at", text, begin);
            var c = text[at++];
            if (c == '"')
                return output.ToStr();
            if (c < ' ' && strict)
                throw DecodeError("Invalid control character at", text, at - 1);
            if (c != '\\')
            {
                output.Append(c);
                continue;
            }
            if (at >= text.Length)
                throw DecodeError("Unterminated string starting at", text, begin);
            c = text[at++];
            if (c != 'u')
            {
                output.Append(c switch { '"' or '\\' or '/' => c, 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', _ => throw DecodeError("Invalid \\escape", text, at - 2) });
                continue;
            }
            var unit = Unit(text, at);
            at += 4;
            if (unit is >= 0xd800 and < 0xdc00 && at + 5 < text.Length && text[at] == '\\' && text[at + 1] == 'u' && Unit(text, at + 2, true) is >= 0xdc00 and < 0xe000 and var low)
            {
                unit = 0x10000 + (unit - 0xd800 << 10) + low - 0xdc00;
                at += 6;
            }
            output.Append(unit);
        }
    }

    private static int Unit(PyStr text, int at, bool optional = false)
    {
        var value = 0;
        for (var i = 0; i < 4; i++)
        {
            var digit = at + i < text.Length && text[at + i] < 128 && char.IsAsciiHexDigit((char)text[at + i]) ? Convert.ToInt32(((char)text[at + i]).ToString(), 16) : -1;
            if (digit < 0)
                return optional ? -1 : throw DecodeError("Invalid \\uXXXX escape", text, at - 1);
            value = value << 4 | digit;
        }
        return value;
    }
}
