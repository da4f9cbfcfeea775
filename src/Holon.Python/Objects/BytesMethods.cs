using System.Text;

namespace Holon.Python.Objects;

/// <summary>
/// The methods that bytes and bytearray share. Where the rule is the same as for text, the bytes go through the text method as Latin-1.
/// </summary>
internal static class BytesMethods
{
    private static ReadOnlySpan<byte> B(PyObject o) => ((IBuffer)o).Bytes;

    private static PyStr Text(ReadOnlySpan<byte> bytes) => new(Encoding.Latin1.GetString(bytes));

    private static byte[] FromText(PyObject text) => Encoding.Latin1.GetBytes(((PyStr)text).Value);

    private static IBuffer Need(PyObject o) => o as IBuffer ?? throw Err.Type($"a bytes-like object is required, not '{o.Type.FullName}'");

    public static void Define(PyType t, Func<byte[], PyObject> make)
    {
        t.IsSequence = false;
        t.Len = o => B(o).Length;
        t.Compare = (a, b, op) => (a is PyBytes ? b as PyBytes : b as IBuffer) is { } y ? Ops.CompareResult(B(a).SequenceCompareTo(y.Bytes), op) : Values.NotImplemented;
        t.Concat = (a, b) => b is IBuffer y ? make([.. B(a), .. y.Bytes]) : throw Err.Type($"can't concat {b.Type.FullName} to {a.Type.FullName}");
        t.Repeat = (o, n) => make(Sequences.Repeat(B(o), n));
        t.Contains = (o, item) => item is IBuffer part ? B(o).IndexOf(part.Bytes) >= 0 : item.Type.Index is null ? throw Err.Type($"a bytes-like object is required, not '{item.Type.FullName}'") : B(o).Contains(BytesType.Byte(item, t.Name == "bytes" ? "bytes" : "bytearray"));
        t.Numbers[(int)NumberOp.Remainder] = (a, b) => a is IBuffer ? make(FromText(PercentFormat.Format(Text(B(a)), BytesArguments(b)))) : Values.NotImplemented;
        t.GetItem = (o, key) =>
        {
            var bytes = B(o);
            if (key is PySlice slice)
            {
                var (start, _, step, count) = slice.Indices(bytes.Length);
                return count == bytes.Length && step == 1 && o.GetType() == typeof(PyBytes) ? o : make(Sequences.Slice(bytes, start, step, count));
            }
            if (key.Type.Index is null)
                throw Err.Type($"{(t.Name == "bytes" ? "byte" : t.Name)} indices must be integers or slices, not {key.Type.FullName}");
            var index = Sequences.Index(key, t.Name);
            if (index < 0)
                index += bytes.Length;
            return (ulong)index < (ulong)bytes.Length ? PyInt.Of(bytes[(int)index]) : throw Err.Index(t.Name == "bytes" ? "index out of range" : "bytearray index out of range");
        };
        t.Def("decode", "encoding='utf-8', errors='strict'", (o, a) => Codecs.Decode(o, Args.Str(a[0], "decode").Value, Args.Str(a[1], "decode").Value));
        t.Def("hex", "sep=?, bytes_per_sep=1", (o, a) => Hex(B(o), a[0], a[1]!));
        t.DefClass("fromhex", "string, /", (cls, a) =>
        {
            var value = make(FromHex(Args.Str(a[0], "fromhex")));
            return cls == t ? value : Calls.Call(cls, value);
        });
        t.Def1("join", (o, items) =>
        {
            var result = new List<byte>();
            var n = 0;
            foreach (var item in Ops.Each(items))
            {
                if (n > 0)
                    result.AddRange(B(o));
                result.AddRange((item as IBuffer ?? throw Err.Type($"sequence item {n}: expected a bytes-like object, {item.Type.FullName} found")).Bytes);
                n++;
            }
            return make([.. result]);
        });
        t.Def("find", "sub, start=?, end=?, /", (o, a) => PyInt.Of(Find(o, a, false)));
        t.Def("rfind", "sub, start=?, end=?, /", (o, a) => PyInt.Of(Find(o, a, true)));
        t.Def("index", "sub, start=?, end=?, /", (o, a) => Find(o, a, false) is >= 0 and var i ? PyInt.Of(i) : throw Err.Value("subsection not found"));
        t.Def("rindex", "sub, start=?, end=?, /", (o, a) => Find(o, a, true) is >= 0 and var i ? PyInt.Of(i) : throw Err.Value("subsection not found"));
        t.Def("count", "sub, start=?, end=?, /", (o, a) => Calls.CallMethod(Text(B(o)), "count", Converted(a, first: a[0]!.Type.Index is not null && a[0] is not IBuffer ? Text([BytesType.Byte(a[0]!)]) : Text(Need(a[0]!).Bytes))));
        t.Def("startswith", "prefix, start=?, end=?, /", (o, a) => Affix(o, a, false));
        t.Def("endswith", "suffix, start=?, end=?, /", (o, a) => Affix(o, a, true));
        t.Def("replace", "old, new, count=-1, /", (o, a) => make(FromText(StrMethods.Replace(Text(B(o)), Text(Need(a[0]!).Bytes), Text(Need(a[1]!).Bytes), Args.Long(a[2]!)))));
        t.Def("split", "sep=None, maxsplit=-1", (o, a) => Split(o, a, "split"));
        t.Def("rsplit", "sep=None, maxsplit=-1", (o, a) => Split(o, a, "rsplit"));
        t.Def("splitlines", "keepends=False", (o, a) => SplitLines(B(o), Ops.IsTrue(a[0]!)));
        t.Def1("partition", (o, sep) => new PyTuple([.. ((PyTuple)Calls.CallMethod(Text(B(o)), "partition", Text(Need(sep).Bytes))).Items.Select(i => make(FromText(i)))]));
        t.Def1("rpartition", (o, sep) => new PyTuple([.. ((PyTuple)Calls.CallMethod(Text(B(o)), "rpartition", Text(Need(sep).Bytes))).Items.Select(i => make(FromText(i)))]));
        Strip("strip", true, true);
        Strip("lstrip", true, false);
        Strip("rstrip", false, true);
        t.Def1("removeprefix", (o, p) => B(o).StartsWith(Need(p).Bytes) ? make(B(o)[Need(p).Bytes.Length..].ToArray()) : make(B(o).ToArray()));
        t.Def1("removesuffix", (o, p) => B(o).EndsWith(Need(p).Bytes) && Need(p).Bytes.Length > 0 ? make(B(o)[..^Need(p).Bytes.Length].ToArray()) : make(B(o).ToArray()));
        foreach (var name in new[] { "ljust", "rjust", "center" })
            t.Def(name, "width, fillchar=?, /", (o, a) => make(FromText(Calls.CallMethod(Text(B(o)), name, a[0]!, a[1] is null ? Text(" "u8) : Text(Need(a[1]!).Bytes)))));
        t.Def1("zfill", (o, w) => make(FromText(Calls.CallMethod(Text(B(o)), "zfill", w))));
        t.Def("expandtabs", "tabsize=8", (o, a) => make(FromText(Calls.CallMethod(Text(B(o)), "expandtabs", a[0]!))));
        Map("lower", c => c is >= (byte)'A' and <= (byte)'Z' ? (byte)(c + 32) : c);
        Map("upper", c => c is >= (byte)'a' and <= (byte)'z' ? (byte)(c - 32) : c);
        Map("swapcase", c => char.IsAsciiLetter((char)c) ? (byte)(c ^ 32) : c);
        t.Def0("capitalize", o => make([.. B(o).ToArray().Select((c, i) => i == 0 ? (byte)char.ToUpperInvariant(Ascii(c)) is var u && char.IsAsciiLetter((char)c) ? u : c : char.IsAsciiLetterUpper((char)c) ? (byte)(c + 32) : c)]));
        t.Def0("title", o =>
        {
            var previous = false;
            return make([.. B(o).ToArray().Select(c =>
            {
                var letter = char.IsAsciiLetter((char)c);
                var result = !letter ? c : previous ? (byte)(c | 32) : (byte)(c & ~32);
                previous = letter;
                return result;
            })]);
        });
        Test("isalpha", c => char.IsAsciiLetter((char)c));
        Test("isdigit", c => char.IsAsciiDigit((char)c));
        Test("isalnum", c => char.IsAsciiLetterOrDigit((char)c));
        Test("isspace", c => c is 32 or >= 9 and <= 13);
        t.Def0("isascii", o => Values.Bool(System.Text.Ascii.IsValid(B(o))));
        t.Def0("islower", o => Values.Bool(B(o).ToArray() is var b && b.Any(c => char.IsAsciiLetterLower((char)c)) && !b.Any(c => char.IsAsciiLetterUpper((char)c))));
        t.Def0("isupper", o => Values.Bool(B(o).ToArray() is var b && b.Any(c => char.IsAsciiLetterUpper((char)c)) && !b.Any(c => char.IsAsciiLetterLower((char)c))));
        t.Def0("istitle", o => Calls.CallMethod(Text(B(o).ToArray().Select(c => c < 128 ? c : (byte)'0').ToArray()), "istitle"));
        t.Def("translate", "table, /, delete=?", (o, a) =>
        {
            var delete = a[1] is null ? [] : Need(a[1]!).Bytes.ToArray();
            var table = a[0] == Values.None ? null : Need(a[0]!).Bytes.ToArray();
            if (table is not null && table.Length != 256)
                throw Err.Value("translation table must be 256 characters long");
            return make([.. B(o).ToArray().Where(c => !delete.Contains(c)).Select(c => table is null ? c : table[c])]);
        });
        t.DefStatic("maketrans", "frm, to, /", (_, a) =>
        {
            var from = Need(a[0]!).Bytes;
            var to = Need(a[1]!).Bytes;
            if (from.Length != to.Length)
                throw Err.Value("maketrans arguments must have same length");
            var table = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
            for (var i = 0; i < from.Length; i++)
                table[from[i]] = to[i];
            return new PyBytes(table);
        });
        t.Def0("__sizeof__", o => PyInt.Of(33 + B(o).Length));

        void Map(string name, Func<byte, byte> map) => t.Def0(name, o => make([.. B(o).ToArray().Select(map)]));

        void Test(string name, Func<byte, bool> test) => t.Def0(name, o => Values.Bool(B(o).Length > 0 && B(o).ToArray().All(test)));

        void Strip(string name, bool left, bool right) => t.Def(name, "bytes=None, /", (o, a) =>
        {
            var chars = a[0] == Values.None ? " \t\n\r\v\f"u8 : Need(a[0]!).Bytes;
            var bytes = B(o);
            if (left)
                bytes = bytes.TrimStart(chars);
            if (right)
                bytes = bytes.TrimEnd(chars);
            return make(bytes.ToArray());
        });

        PyObject Split(PyObject o, ReadOnlySpan<PyObject?> a, string name)
        {
            var text = Text(B(o).ToArray().Select(c => c).ToArray());
            if (a[0] == Values.None)
            {
                // Latin-1 has white space that bytes do not.
                text = new PyStr(text.Value.Replace('\u0085', '\ue085').Replace('\u00a0', '\ue0a0').Replace('\u001c', '\ue01c').Replace('\u001d', '\ue01d').Replace('\u001e', '\ue01e').Replace('\u001f', '\ue01f'));
                return new PyList([.. Ops.Each(Calls.CallMethod(text, name, a[0]!, a[1]!)).Select(i => make([.. ((PyStr)i).Value.Select(c => (byte)c)]))]);
            }
            return new PyList([.. Ops.Each(Calls.CallMethod(text, name, Text(Need(a[0]!).Bytes), a[1]!)).Select(i => make(FromText(i)))]);
        }

        PyObject SplitLines(ReadOnlySpan<byte> bytes, bool keep)
        {
            var lines = new PyList();
            while (bytes.Length > 0)
            {
                var at = bytes.IndexOfAny((byte)'\n', (byte)'\r');
                var next = at < 0 ? bytes.Length : bytes[at] == '\r' && at + 1 < bytes.Length && bytes[at + 1] == '\n' ? at + 2 : at + 1;
                lines.Add(make(bytes[..(keep || at < 0 ? next : at)].ToArray()));
                bytes = bytes[next..];
            }
            return lines;
        }
    }

    private static char Ascii(byte c) => (char)c;

    private static PyObject[] Converted(ReadOnlySpan<PyObject?> a, PyObject first) => [first, a[1] ?? Values.None, a[2] ?? Values.None];

    private static int Find(PyObject o, ReadOnlySpan<PyObject?> a, bool last)
    {
        var bytes = B(o);
        ReadOnlySpan<byte> part = a[0] is IBuffer buffer ? buffer.Bytes : a[0]!.Type.Index is not null ? [BytesType.Byte(a[0]!)] : throw Err.Type($"argument should be integer or bytes-like object, not '{a[0]!.Type.FullName}'");
        var (start, stop) = Args.Range(a[1], a[2], bytes.Length);
        if (start > bytes.Length || stop - start < part.Length)
            return -1;
        if (last && part.Length == 0)
            return stop;
        var found = last ? bytes[start..stop].LastIndexOf(part) : bytes[start..stop].IndexOf(part);
        return found < 0 ? -1 : found + start;
    }

    private static PyObject Affix(PyObject o, ReadOnlySpan<PyObject?> a, bool atEnd)
    {
        var name = atEnd ? "endswith" : "startswith";
        var bytes = B(o);
        var (start, stop) = Args.Range(a[1], a[2], bytes.Length);
        if (a[0] is not PyTuple many)
            return Values.Bool(IsAffix(bytes, start, stop, atEnd, a[0] as IBuffer ?? throw Err.Type($"{name} first arg must be bytes or a tuple of bytes, not {a[0]!.Type.FullName}")));
        foreach (var item in many.Items)
        {
            if (IsAffix(bytes, start, stop, atEnd, item as IBuffer ?? throw Err.Type($"a bytes-like object is required, not '{item.Type.FullName}'")))
                return Values.True;
        }
        return Values.False;
    }

    private static bool IsAffix(ReadOnlySpan<byte> bytes, int start, int stop, bool atEnd, IBuffer affix)
    {
        var length = affix.Bytes.Length;
        return stop - start >= length && start <= bytes.Length && bytes.Slice(atEnd ? stop - length : start, length).SequenceEqual(affix.Bytes);
    }

    // %s and %b take bytes; they are formatted as Latin-1 text.
    private static PyObject BytesArguments(PyObject values)
    {
        PyObject One(PyObject v) => v switch
        {
            PyBytes or PyByteArray => new LatinText(Text(((IBuffer)v).Bytes)),
            PyStr s => throw Err.Type($"%b requires a bytes-like object, or an object that implements __bytes__, not '{s.Type.FullName}'"),
            _ => v,
        };
        return values switch
        {
            PyTuple t => new PyTuple([.. t.Items.Select(One)]),
            PyDict d => d,
            _ => One(values),
        };
    }

    private sealed class LatinText(PyStr text) : PyStr(text);

    public static PyStr Hex(ReadOnlySpan<byte> bytes, PyObject? separator, PyObject perSeparator)
    {
        var hex = Convert.ToHexStringLower(bytes);
        if (separator is null)
            return new PyStr(hex);
        var sep = separator is PyStr s ? s.Value : Encoding.Latin1.GetString(Need(separator).Bytes);
        if (sep.Length != 1)
            throw Err.Value("sep must be length 1.");
        var group = (int)Args.Long(perSeparator);
        if (group == 0 || bytes.Length == 0)
            return new PyStr(hex);
        var text = new StringBuilder();
        for (var i = 0; i < bytes.Length; i++)
        {
            var boundary = group > 0 ? (bytes.Length - i) % group == 0 : i % -group == 0;
            if (i > 0 && boundary)
                text.Append(sep);
            text.Append(hex, i * 2, 2);
        }
        return new PyStr(text.ToString());
    }

    private static byte[] FromHex(PyStr text)
    {
        var result = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is ' ' or >= 9 and <= 13)
                continue;
            for (var k = 0; k < 2; k++)
            {
                if (i + k >= text.Length || text[i + k] > 127 || !char.IsAsciiHexDigit((char)text[i + k]))
                    throw Err.Value($"non-hexadecimal number found in fromhex() arg at position {i + k}");
            }
            result.Add((byte)(System.Convert.ToInt32($"{(char)text[i]}{(char)text[i + 1]}", 16)));
            i++;
        }
        return [.. result];
    }
}
