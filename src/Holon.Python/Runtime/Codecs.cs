using System.Text;

namespace Holon.Python.Runtime;

/// <summary>The codecs that CPython has in C; others go through the <c>codecs</c> module's registry.</summary>
internal static class Codecs
{
    public static string Normalise(string name) => name.ToLowerInvariant().Replace('_', '-');

    /// <summary>The name of an encoding that is here in C#, in all of which ASCII is itself; null for others.</summary>
    public static string? Builtin(string name) => Normalise(name) switch
    {
        "utf-8" or "utf8" or "u8" or "cp65001" => "utf-8",
        "ascii" or "us-ascii" or "646" => "ascii",
        "latin-1" or "latin1" or "iso-8859-1" or "iso8859-1" or "8859" or "l1" => "latin-1",
        _ => null,
    };

    public static PyStr Decode(PyObject source, string encoding, string errors)
    {
        if (Builtin(encoding) is { } own && source is IBuffer buffer)
        {
            return own switch
            {
                "utf-8" => DecodeUtf8(buffer.Bytes, errors),
                "ascii" => DecodeAscii(buffer.Bytes, errors),
                _ => new PyStr(Encoding.Latin1.GetString(buffer.Bytes)),
            };
        }
        var result = Calls.CallMethod(PyThread.Current.Machine.ImportModule("_codecs"), "_decode_text", source, new PyStr(encoding), new PyStr(errors));
        return result as PyStr ?? throw Err.Type($"'{encoding}' decoder returned '{result.Type.FullName}' instead of 'str'; use codecs.decode() to decode to arbitrary types");
    }

    public static PyObject Encode(PyStr text, string encoding, string errors)
    {
        switch (Builtin(encoding))
        {
            case "utf-8":
                return new PyBytes(EncodeUtf8(text, errors));
            case "ascii":
                return new PyBytes(EncodeNarrow(text, 128, "ascii", errors));
            case "latin-1":
                return new PyBytes(EncodeNarrow(text, 256, "latin-1", errors));
        }
        var result = Calls.CallMethod(PyThread.Current.Machine.ImportModule("_codecs"), "_encode_text", text, new PyStr(encoding), new PyStr(errors));
        return result is PyBytes or PyByteArray ? result : throw Err.Type($"'{encoding}' encoder returned '{result.Type.FullName}' instead of 'bytes'; use codecs.encode() to encode to arbitrary types");
    }

    public static byte[] EncodeUtf8(PyStr text, string errors)
    {
        if (!text.IsWide && !HasSurrogate(text.Value))
            return Encoding.UTF8.GetBytes(text.Value);
        var result = new List<byte>(text.Length + 8);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c is < 0xd800 or > 0xdfff)
            {
                AppendUtf8(result, c);
                continue;
            }
            if (errors == "surrogatepass")
            {
                AppendUtf8(result, c);
                continue;
            }
            if (errors == "surrogateescape" && c is >= 0xdc80 and <= 0xdcff)
            {
                result.Add((byte)c);
                continue;
            }
            var end = i + 1;
            while (end < text.Length && text[end] is >= 0xd800 and <= 0xdfff)
                end++;
            i = HandleEncode(result, text, i, end, "utf-8", "surrogates not allowed", errors, t => EncodeUtf8(t, "strict")) - 1;
        }
        return [.. result];
    }

    public static void AppendUtf8(List<byte> result, int c)
    {
        if (c < 0x80)
            result.Add((byte)c);
        else if (c < 0x800)
            result.AddRange([(byte)(0xc0 | c >> 6), (byte)(0x80 | c & 63)]);
        else if (c < 0x10000)
            result.AddRange([(byte)(0xe0 | c >> 12), (byte)(0x80 | c >> 6 & 63), (byte)(0x80 | c & 63)]);
        else
            result.AddRange([(byte)(0xf0 | c >> 18), (byte)(0x80 | c >> 12 & 63), (byte)(0x80 | c >> 6 & 63), (byte)(0x80 | c & 63)]);
    }

    private static bool HasSurrogate(string text)
    {
        foreach (var c in text)
        {
            if (char.IsSurrogate(c))
                return true;
        }
        return false;
    }

    public static byte[] EncodeNarrow(PyStr text, int limit, string encoding, string errors)
    {
        var result = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c < limit)
            {
                result.Add((byte)c);
                continue;
            }
            if (errors == "surrogateescape" && c is >= 0xdc80 and <= 0xdcff)
            {
                result.Add((byte)c);
                continue;
            }
            var end = i + 1;
            while (end < text.Length && text[end] >= limit)
                end++;
            i = HandleEncode(result, text, i, end, encoding, $"ordinal not in range({limit})", errors, t => EncodeNarrow(t, limit, encoding, "strict")) - 1;
        }
        return [.. result];
    }

    /// <summary>Asks the error handler about characters that cannot be encoded; gives the position to go on from.</summary>
    public static int HandleEncode(List<byte> result, PyStr text, int start, int end, string encoding, string reason, string errors, Func<PyStr, byte[]?> encode)
    {
        PyException Error()
        {
            var made = ExceptionTypes.Make(ExceptionTypes.UnicodeEncodeError);
            ExceptionTypes.UnicodeEncodeError.Init!(made, [new PyStr(encoding), text, PyInt.Of(start), PyInt.Of(end), new PyStr(reason)], null);
            return made;
        }
        // What is put in has to be in the encoding, too; if it is not, the first error stands.
        void Insert(PyStr replacement)
        {
            byte[]? bytes = null;
            try
            {
                bytes = encode(replacement);
            }
            catch (PyError error) when (error.Value.Type == ExceptionTypes.UnicodeEncodeError)
            {
            }
            result.AddRange(bytes ?? throw new PyError(Error()));
        }
        switch (errors)
        {
            case "ignore":
                return end;
            case "replace":
                for (var i = start; i < end; i++)
                    Insert(new PyStr("?"));
                return end;
            case "surrogateescape" when IsEscaped(text, start, end):
                for (var i = start; i < end; i++)
                    result.Add((byte)text[i]);
                return end;
            case "backslashreplace":
                for (var i = start; i < end; i++)
                    Insert(new PyStr(StrMethods.Escape(text[i])));
                return end;
            case "xmlcharrefreplace":
                for (var i = start; i < end; i++)
                    Insert(new PyStr($"&#{text[i]};"));
                return end;
            case "strict" or "surrogateescape" or "surrogatepass":
                throw new PyError(Error());
        }
        var error = Error();
        var (replacement, position) = AskHandler(errors, error, text.Length);
        if (replacement is PyBytes bytes)
            result.AddRange(bytes.Content);
        else
            Insert(replacement as PyStr ?? throw BadAnswer(error));
        return position;
    }

    private static bool IsEscaped(PyStr text, int start, int end)
    {
        while (start < end && text[start] is >= 0xdc80 and <= 0xdcff)
            start++;
        return start == end;
    }

    /// <summary>What a handler that a program has registered answers: what to put in, and where to go on.</summary>
    /// <param name="errors">The handler's name.</param>
    /// <param name="error">The exception that it is given.</param>
    /// <param name="length">Of what is converted; null is that of the exception's object, after the call.</param>
    public static (PyObject Replacement, int Position) AskHandler(string errors, PyException error, int? length)
    {
        var handler = Calls.CallMethod(PyThread.Current.Machine.ImportModule("_codecs"), "lookup_error", new PyStr(errors));
        if (Calls.Call(handler, error) is not PyTuple { Count: 2 } answer || answer[1] is not PyInt position)
            throw BadAnswer(error);
        if (length is null && error.Field("object") is not PyBytes)
            throw Err.Type("object attribute must be bytes");
        var end = length ?? ((PyBytes)error.Field("object")).Bytes.Length;
        if (!position.TryLong(out var at) || (at < 0 ? at += end : at) < 0 || at > end)
            throw Err.Index($"position {position} from error handler out of bounds");
        return (answer[0], (int)at);
    }

    private static PyError BadAnswer(PyException error) => Err.Type(error.Type == ExceptionTypes.UnicodeEncodeError
        ? "encoding error handler must return (str/bytes, int) tuple" : "decoding error handler must return (str, int) tuple");

    public static PyStr DecodeAscii(ReadOnlySpan<byte> bytes, string errors)
    {
        if (Ascii.IsValid(bytes))
            return new PyStr(Encoding.Latin1.GetString(bytes));
        var result = new PyStrBuilder();
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] < 128)
                result.Append(bytes[i]);
            else
                i = HandleDecode(result, ref bytes, i, i + 1, "ascii", "ordinal not in range(128)", errors) - 1;
        }
        return result.ToStr();
    }

    /// <summary>Asks the error handler about bytes that cannot be decoded; gives the position to go on from. A handler may replace the bytes.</summary>
    public static int HandleDecode(PyStrBuilder result, ref ReadOnlySpan<byte> bytes, int start, int end, string encoding, string reason, string errors)
    {
        switch (errors)
        {
            case "ignore":
                return end;
            case "replace":
                result.Append(0xfffd);
                return end;
            case "surrogateescape" when bytes[start] >= 128:
                for (var i = start; i < end; i++)
                    result.Append(0xdc00 + bytes[i]);
                return end;
            case "backslashreplace":
                for (var i = start; i < end; i++)
                    result.Append($"\\x{bytes[i]:x2}");
                return end;
        }
        var error = ExceptionTypes.Make(ExceptionTypes.UnicodeDecodeError);
        ExceptionTypes.UnicodeDecodeError.Init!(error, [new PyStr(encoding), new PyBytes(bytes.ToArray()), PyInt.Of(start), PyInt.Of(end), new PyStr(reason)], null);
        if (errors is "strict" or "surrogateescape" or "surrogatepass")
            throw new PyError(error);
        var (replacement, position) = AskHandler(errors, error, null);
        bytes = ((IBuffer)error.Field("object")).Bytes;
        result.Append(replacement as PyStr ?? throw BadAnswer(error));
        return position;
    }

    public static PyStr DecodeUtf8(ReadOnlySpan<byte> bytes, string errors) => DecodeUtf8(bytes, errors, true, out _);

    /// <summary>Without <paramref name="final"/> a character that is cut off at the end is left for the next call.</summary>
    public static PyStr DecodeUtf8(ReadOnlySpan<byte> bytes, string errors, bool final, out int consumed)
    {
        consumed = bytes.Length;
        if (Ascii.IsValid(bytes))
            return bytes.Length == 0 ? PyStr.Empty : new PyStr(Encoding.Latin1.GetString(bytes));
        var result = new PyStrBuilder();
        var i = 0;
        while (i < bytes.Length)
        {
            int b = bytes[i];
            if (b < 0x80)
            {
                result.Append(b);
                i++;
                continue;
            }
            var need = b switch { >= 0xc2 and <= 0xdf => 2, >= 0xe0 and <= 0xef => 3, >= 0xf0 and <= 0xf4 => 4, _ => 0 };
            if (need == 0)
            {
                i = HandleDecode(result, ref bytes, i, i + 1, "utf-8", "invalid start byte", errors);
                continue;
            }
            var length = 1;
            var c = b & (0x7f >> need);
            while (length < need && i + length < bytes.Length)
            {
                int next = bytes[i + length];
                var low = length == 1 ? b switch { 0xe0 => 0xa0, 0xf0 => 0x90, _ => 0x80 } : 0x80;
                var high = length == 1 ? b switch { 0xed => errors == "surrogatepass" ? 0xbf : 0x9f, 0xf4 => 0x8f, _ => 0xbf } : 0xbf;
                if (next < low || next > high)
                    break;
                c = c << 6 | next & 63;
                length++;
            }
            if (length == need)
            {
                result.Append(c);
                i += need;
                continue;
            }
            if (i + length >= bytes.Length)
            {
                if (!final)
                {
                    consumed = i;
                    break;
                }
                i = HandleDecode(result, ref bytes, i, i + length, "utf-8", "unexpected end of data", errors);
                continue;
            }
            i = HandleDecode(result, ref bytes, i, i + length, "utf-8", "invalid continuation byte", errors);
        }
        return result.ToStr();
    }
}
