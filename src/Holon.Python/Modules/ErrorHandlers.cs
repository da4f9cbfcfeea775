namespace Holon.Python.Modules;

/// <summary>The error handlers of codecs that every machine has, as functions of an exception (CPython's <c>codecs.c</c>).</summary>
internal static class ErrorHandlers
{
    public static readonly string[] Names = ["strict", "ignore", "replace", "backslashreplace", "xmlcharrefreplace", "surrogateescape", "surrogatepass", "namereplace"];

    /// <summary>What a handler answers: what to put in, and where to go on.</summary>
    public static PyTuple Handle(string name, PyObject value)
    {
        if (name == "strict")
            throw value is PyException any ? new PyError(any) : Err.Type("codec must pass exception instance");
        var error = value as PyException ?? throw Unknown(value);
        var isEncode = error.Type.IsSubtypeOf(ExceptionTypes.UnicodeEncodeError);
        var isDecode = error.Type.IsSubtypeOf(ExceptionTypes.UnicodeDecodeError);
        var isTranslate = error.Type.IsSubtypeOf(ExceptionTypes.UnicodeTranslateError);
        if (!(isEncode || (isDecode && name is not ("xmlcharrefreplace" or "namereplace")) || (isTranslate && name is "ignore" or "replace" or "backslashreplace")))
            throw Unknown(value);
        if (isDecode)
        {
            var bytes = (error.Field("object") as PyBytes ?? throw Err.Type("object attribute must be bytes")).Content;
            var (first, last) = Range(error, bytes.Length);
            return OfBytes(name, error, bytes, first, last);
        }
        var text = error.Field("object") as PyStr ?? throw Err.Type("object attribute must be unicode");
        var (start, end) = Range(error, text.Length);
        if (name is "surrogateescape" or "surrogatepass")
            return new PyTuple(new PyBytes(Surrogates(name, error, text, start, end)), PyInt.Of(end));
        var result = new PyStrBuilder();
        for (var i = start; i < end && name != "ignore"; i++)
        {
            result.Append(name switch
            {
                "replace" => isEncode ? "?" : "\ufffd",
                "xmlcharrefreplace" => $"&#{text[i]};",
                "namereplace" when UnicodeDataModule.NameOf(text[i]) is { } named => $"\\N{{{named}}}",
                _ => StrMethods.Escape(text[i]),
            });
        }
        return new PyTuple(result.ToStr(), PyInt.Of(end));
    }

    /// <summary>Start and end within what is converted.</summary>
    private static (int Start, int End) Range(PyException error, int length) =>
        (Math.Clamp(Args.Int(error.Field("start")), 0, Math.Max(0, length - 1)), Math.Clamp(Args.Int(error.Field("end")), Math.Min(1, length), length));

    private static PyTuple OfBytes(string name, PyException error, byte[] bytes, int start, int end)
    {
        var result = new PyStrBuilder();
        switch (name)
        {
            case "replace":
                result.Append(0xfffd);
                break;
            case "backslashreplace":
                for (var i = start; i < end; i++)
                    result.Append($"\\x{bytes[i]:x2}");
                break;
            case "surrogateescape":
                var escaped = start;
                for (; escaped < end && escaped < start + 4 && bytes[escaped] >= 128; escaped++)
                    result.Append(0xdc00 + bytes[escaped]);
                return escaped == start ? throw new PyError(error) : new PyTuple(result.ToStr(), PyInt.Of(escaped));
            case "surrogatepass":
                var (size, isLittle) = Unit(error);
                if (size == 0 || bytes.Length - start < size)
                    throw new PyError(error);
                var at = bytes.AsSpan(start, size);
                var code = size == 3 ? (at[0] & 0xf0) == 0xe0 && (at[1] & 0xc0) == 0x80 && (at[2] & 0xc0) == 0x80 ? (at[0] & 15) << 12 | (at[1] & 63) << 6 | (at[2] & 63) : 0 : 0;
                for (var i = 0; i < size && size != 3; i++)
                    code |= at[isLittle ? i : size - 1 - i] << (8 * i);
                if (code is < 0xd800 or > 0xdfff)
                    throw new PyError(error);
                return new PyTuple(PyStr.OfChar(code), PyInt.Of(start + size));
        }
        return new PyTuple(result.ToStr(), PyInt.Of(end));
    }

    /// <summary>How many bytes a surrogate has in the encoding of an error, and in which order; 0 when the encoding is none of Unicode's.</summary>
    private static (int Size, bool IsLittle) Unit(PyException error)
    {
        var name = Codecs.Normalise(error.Field("encoding").ToString()!).Replace("-", "", StringComparison.Ordinal);
        var isLittle = name.EndsWith("le", StringComparison.Ordinal) || !name.EndsWith("be", StringComparison.Ordinal);
        return (name.StartsWith("utf8", StringComparison.Ordinal) || name == "cputf8" ? 3 : name.StartsWith("utf16", StringComparison.Ordinal) ? 2 : name.StartsWith("utf32", StringComparison.Ordinal) ? 4 : 0, isLittle);
    }

    private static byte[] Surrogates(string name, PyException error, PyStr text, int start, int end)
    {
        var raw = new List<byte>();
        var (size, isLittle) = name == "surrogatepass" ? Unit(error) : (1, false);
        for (var i = start; i < end; i++)
        {
            if (name == "surrogateescape" && text[i] is >= 0xdc80 and <= 0xdcff)
                raw.Add((byte)text[i]);
            else if (name == "surrogateescape" || size == 0 || text[i] is < 0xd800 or > 0xdfff)
                throw new PyError(error);
            else if (size == 3)
                Codecs.AppendUtf8(raw, text[i]);
            else
                raw.AddRange(Enumerable.Range(0, size).Select(k => (byte)(text[i] >> (8 * (isLittle ? k : size - 1 - k)))));
        }
        return [.. raw];
    }

    private static PyError Unknown(PyObject value) => Err.Type($"don't know how to handle {value.Type.FullName} in error callback");
}
