namespace Holon.Python.Modules;

/// <summary>_codecs: the registry, error handlers, and the codecs that CPython has in C.</summary>
internal static class CodecsModule
{
    private sealed class Registry
    {
        public List<PyObject> Search { get; } = [];
        public Dictionary<string, PyObject> Found { get; } = [];
        public Dictionary<string, PyObject> Handlers { get; } = [];
    }

    private static PyTuple Pair(PyObject value, long length) => new(value, PyInt.Of(length));

    private static ReadOnlySpan<byte> Bytes(PyObject o, bool allowsText = false) => o switch
    {
        IBuffer b => b.Bytes,
        PyStr s when allowsText => Codecs.EncodeUtf8(s, "strict"),
        _ => throw Err.Type($"a bytes-like object is required, not '{o.Type.FullName}'"),
    };

    private static string Errors(PyObject? o) => o is PyStr s ? s.Value : "strict";

    public static void Fill(ModuleBuilder m)
    {
        var machine = m.Machine;
        var registry = machine.State<Registry>("_codecs");
        m.Def1("register", f =>
        {
            registry.Search.Add(BuiltinsModule.IsCallable(f) ? f : throw Err.Type("argument must be callable"));
            return Values.None;
        });
        m.Def1("unregister", f =>
        {
            registry.Search.Remove(f);
            registry.Found.Clear();
            return Values.None;
        });
        PyObject Lookup(PyObject name)
        {
            var key = Normalized(Args.Str(name, "lookup").Value);
            if (registry.Found.TryGetValue(key, out var known))
                return known;
            if (registry.Search.Count == 0)
                machine.ImportModule("encodings");
            foreach (var search in registry.Search.ToArray())
            {
                var found = Calls.Call(search, new PyStr(key));
                if (found == Values.None)
                    continue;
                return registry.Found[key] = found is PyTuple { Count: 4 } ? found : throw Err.Type("codec search functions must return 4-tuples");
            }
            throw Err.Lookup($"unknown encoding: {name}");
        }
        m.Def1("lookup", Lookup);
        PyObject Code(int index, PyObject o, PyObject encoding, PyObject errors)
        {
            var coder = ((PyTuple)Lookup(encoding))[index];
            try
            {
                return Calls.Call(coder, o, errors) is PyTuple { Count: 2 } result ? result[0] : throw Err.Type(index == 0 ? "encoder must return a tuple (object, integer)" : "decoder must return a tuple (object,integer)");
            }
            catch (PyError error) when (CodecErrors.Wrapped(error.Value, index == 0 ? "encoding" : "decoding", encoding) is { } wrapped)
            {
                throw new PyError(wrapped);
            }
        }
        m.Def("encode", "obj, encoding='utf-8', errors='strict'", a => Code(0, a[0]!, a[1]!, a[2]!));
        m.Def("decode", "obj, encoding='utf-8', errors='strict'", a => Code(1, a[0]!, a[1]!, a[2]!));
        void TextOnly(PyObject encoding, string word)
        {
            if (Attributes.TryGet(Lookup(encoding), "_is_text_encoding") is { } flag && !Ops.IsTrue(flag))
                throw Err.Lookup($"'{encoding}' is not a text encoding; use codecs.{word}() to handle arbitrary codecs");
        }
        m.Def("_encode_text", "obj, encoding, errors", a =>
        {
            TextOnly(a[1]!, "encode");
            return Code(0, a[0]!, a[1]!, a[2]!);
        });
        m.Def("_decode_text", "obj, encoding, errors", a =>
        {
            TextOnly(a[1]!, "decode");
            return Code(1, a[0]!, a[1]!, a[2]!);
        });
        m.Def("register_error", "errors, handler, /", a =>
        {
            registry.Handlers[Args.Str(a[0], "register_error").Value] = BuiltinsModule.IsCallable(a[1]!) ? a[1]! : throw Err.Type("handler must be callable");
            return Values.None;
        });
        m.Def1("lookup_error", name => registry.Handlers.GetValueOrDefault(name.ToString()!) ?? throw Err.Lookup($"unknown error handler name '{name}'"));
        foreach (var name in ErrorHandlers.Names)
            registry.Handlers[name] = new PyBuiltin(new NativeCode { Name = name + "_errors", F1 = (_, e) => ErrorHandlers.Handle(name, e) }, m.Module, "_codecs");
        Codec("utf_8", (s, e) => Codecs.EncodeUtf8(s, e), null);
        m.Def("utf_8_decode", "data, errors=None, final=False, /", a =>
        {
            var text = Codecs.DecodeUtf8(Bytes(a[0]!), Errors(a[1]), Ops.IsTrue(a[2]!), out var used);
            return Pair(text, used);
        });
        Codec("utf_7", (s, _) => Utf7.Encode(s), null);
        m.Def("utf_7_decode", "data, errors=None, final=False, /", a => Pair(Utf7.Decode(Bytes(a[0]!), Errors(a[1]), Ops.IsTrue(a[2]!), out var used), used));
        Codec("latin_1", (s, e) => Codecs.EncodeNarrow(s, 256, "latin-1", e), (b, _) => new PyStr(System.Text.Encoding.Latin1.GetString(b)));
        Codec("ascii", (s, e) => Codecs.EncodeNarrow(s, 128, "ascii", e), (b, e) => Codecs.DecodeAscii(b, e));
        m.Def("charmap_encode", "str, errors=None, mapping=None, /", a => Pair(new PyBytes(CharMapEncode((PyStr)a[0]!, Errors(a[1]), a[2]!)), ((PyStr)a[0]!).Length));
        m.Def("charmap_decode", "data, errors=None, mapping=None, /", a => Pair(CharMapDecode(Bytes(a[0]!), Errors(a[1]), a[2]!), Bytes(a[0]!).Length));
        m.Def1("charmap_build", map =>
        {
            var table = new PyDict();
            for (var i = 0; i < ((PyStr)map).Length; i++)
            {
                if (((PyStr)map)[i] == 0xfffe) // there is no character of this code
                    continue;
                table.Set(PyInt.Of(((PyStr)map)[i]), PyInt.Of(i));
            }
            return table;
        });
        foreach (var (name, size, little, mark) in new[] { ("utf_16", 2, true, true), ("utf_16_le", 2, true, false), ("utf_16_be", 2, false, false), ("utf_32", 4, true, true), ("utf_32_le", 4, true, false), ("utf_32_be", 4, false, false) })
        {
            m.Def(name + "_encode", "str, errors=None, byteorder=0, /", a => Pair(new PyBytes(EncodeWide((PyStr)a[0]!, size, name == "utf_16" || name == "utf_32" ? Args.Int(a[2]!) <= 0 : little, mark && Args.Int(a[2]!) == 0, name.Replace('_', '-'), Errors(a[1]))), ((PyStr)a[0]!).Length));
            m.Def(name + "_decode", "data, errors=None, final=False, /", a => Pair(DecodeWide(Bytes(a[0]!), size, little, mark, Ops.IsTrue(a[2]!), name.Replace('_', '-'), Errors(a[1]), out var used, out _), used));
        }
        foreach (var (name, size) in new[] { ("utf_16_ex_decode", 2), ("utf_32_ex_decode", 4) })
        {
            m.Def(name, "data, errors=None, byteorder=0, final=False, /", a =>
            {
                var order = Args.Int(a[2]!);
                var text = DecodeWide(Bytes(a[0]!), size, order <= 0, order == 0, Ops.IsTrue(a[3]!), size == 2 ? "utf-16" : "utf-32", Errors(a[1]), out var used, out var found);
                return new PyTuple(text, PyInt.Of(used), PyInt.Of(order != 0 ? order : found));
            });
        }
        m.Def("escape_decode", "data, errors=None, /", a => Pair(new PyBytes(TextEscapes.DecodeBytes(Bytes(a[0]!, true), Errors(a[1]))), Bytes(a[0]!, true).Length));
        m.Def("escape_encode", "data, errors=None, /", a => a[0] is not PyBytes ? throw Err.Type($"escape_encode() argument 1 must be bytes, not {Args.TypeName(a[0])}") : Pair(new PyBytes(System.Text.Encoding.Latin1.GetBytes(BytesType.Repr(Bytes(a[0]!)).Value[2..^1])), Bytes(a[0]!).Length));
        m.Def("unicode_escape_encode", "str, errors=None, /", a => Pair(new PyBytes(TextEscapes.Encode((PyStr)a[0]!, false)), ((PyStr)a[0]!).Length));
        m.Def("raw_unicode_escape_encode", "str, errors=None, /", a => Pair(new PyBytes(TextEscapes.Encode((PyStr)a[0]!, true)), ((PyStr)a[0]!).Length));
        m.Def("unicode_escape_decode", "data, errors=None, final=True, /", a => Pair(TextEscapes.Decode(Bytes(a[0]!, true), false, Errors(a[1]), Ops.IsTrue(a[2]!), out var used), used));
        m.Def("raw_unicode_escape_decode", "data, errors=None, final=True, /", a => Pair(TextEscapes.Decode(Bytes(a[0]!, true), true, Errors(a[1]), Ops.IsTrue(a[2]!), out var used), used));
        m.Def("readbuffer_encode", "data, errors=None, /", a => Pair(new PyBytes(Bytes(a[0]!, true).ToArray()), Bytes(a[0]!, true).Length));

        void Codec(string name, Func<PyStr, string, byte[]> encode, DecodeFn? decode)
        {
            m.Def(name + "_encode", "str, errors=None, /", a => Pair(new PyBytes(encode(Args.Str(a[0], name + "_encode"), Errors(a[1]))), ((PyStr)a[0]!).Length));
            if (decode is not null)
                m.Def(name + "_decode", "data, errors=None, /", a => Pair(decode(Bytes(a[0]!), Errors(a[1])), Bytes(a[0]!).Length));
        }
    }

    /// <summary>As the search functions get it: in lower case, and an underscore for each run of signs.</summary>
    private static string Normalized(string name)
    {
        var result = new System.Text.StringBuilder();
        var sign = false;
        foreach (var c in name)
        {
            var isName = char.IsAsciiLetterOrDigit(c) || c == '.';
            if (isName && sign && result.Length > 0)
                result.Append('_');
            if (isName)
                result.Append(char.ToLowerInvariant(c));
            sign = !isName;
        }
        return result.ToString();
    }

    private delegate PyStr DecodeFn(ReadOnlySpan<byte> bytes, string errors);

    private static byte[] CharMapEncode(PyStr text, string errors, PyObject mapping)
    {
        if (mapping == Values.None)
            return Codecs.EncodeNarrow(text, 256, "latin-1", errors);
        var result = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            var mapped = Map(text[i]);
            if (mapped is not null)
            {
                result.AddRange(mapped);
                continue;
            }
            var end = i + 1;
            while (end < text.Length && Map(text[end]) is null)
                end++;
            i = Codecs.HandleEncode(result, text, i, end, "charmap", "character maps to <undefined>", errors, t => t.ToCodePoints().All(c => Map(c) is not null) ? [.. t.ToCodePoints().SelectMany(c => Map(c)!)] : null) - 1;
        }
        return [.. result];

        byte[]? Map(int c)
        {
            var to = Item(mapping, c);
            return to switch
            {
                PyInt n => [n.TryLong(out var value) && value is >= 0 and < 256 ? (byte)value : throw Err.Type("character mapping must be in range(256)")],
                PyBytes b => b.Content,
                null => null,
                _ => to == Values.None ? null : throw Err.Type($"character mapping must return integer, bytes or None, not {to.Type.FullName}"),
            };
        }
    }

    /// <summary>What a mapping has for a code; null when it has nothing.</summary>
    private static PyObject? Item(PyObject mapping, int code)
    {
        try
        {
            return mapping is PyDict dict ? dict.Get(PyInt.Of(code)) : Ops.GetItem(mapping, PyInt.Of(code));
        }
        catch (PyError e) when (e.Value.Type.IsSubtypeOf(ExceptionTypes.LookupError))
        {
            return null;
        }
    }

    private static PyStr CharMapDecode(ReadOnlySpan<byte> bytes, string errors, PyObject mapping)
    {
        if (mapping == Values.None)
            return new PyStr(System.Text.Encoding.Latin1.GetString(bytes));
        var result = new PyStrBuilder();
        for (var i = 0; i < bytes.Length; i++)
        {
            PyObject? to = null;
            if (mapping is PyStr table)
                to = bytes[i] < table.Length && table[bytes[i]] != 0xfffe ? PyStr.OfChar(table[bytes[i]]) : null;
            else
                to = Item(mapping, bytes[i]);
            if (to is PyStr text && !(text.Length == 1 && text[0] == 0xfffe))
                result.Append(text);
            else if (to is PyInt code && code.Value != 0xfffe)
                result.Append(code.TryLong(out var value) && value is >= 0 and <= 0x10ffff ? (int)value : throw Err.Type("character mapping must be in range(0x110000)"));
            else if (to is not (null or PyInt or PyStr) && to != Values.None)
                throw Err.Type("character mapping must return integer, None or str");
            else
                i = Codecs.HandleDecode(result, ref bytes, i, i + 1, "charmap", "character maps to <undefined>", errors) - 1;
        }
        return result.ToStr();
    }

    private static byte[] EncodeWide(PyStr text, int size, bool little, bool mark, string encoding, string errors)
    {
        var result = new List<byte>();
        void Unit(uint value, int bytes)
        {
            for (var i = 0; i < bytes; i++)
                result.Add((byte)(value >> (8 * (little ? i : bytes - 1 - i))));
        }
        void Char(int c)
        {
            if (size == 4 || c < 0x10000)
                Unit((uint)c, size);
            else
            {
                Unit((uint)(0xd7c0 + (c >> 10)), 2);
                Unit((uint)(0xdc00 | (c & 0x3ff)), 2);
            }
        }
        if (mark)
            Char(0xfeff);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is >= 0xd800 and <= 0xdfff && errors != "surrogatepass")
                i = Codecs.HandleEncode(result, text, i, i + 1, encoding, "surrogates not allowed", errors, t => EncodeWide(t, size, little, false, encoding, "strict")) - 1;
            else
                Char(text[i]);
        }
        return [.. result];
    }

    private static PyStr DecodeWide(ReadOnlySpan<byte> bytes, int size, bool little, bool mark, bool final, string encoding, string errors, out int used, out int order)
    {
        var at = 0;
        order = 0;
        uint Unit(ReadOnlySpan<byte> b, int from, int n)
        {
            uint value = 0;
            for (var i = 0; i < n; i++)
                value |= (uint)b[from + (little ? i : n - 1 - i)] << (8 * i);
            return value;
        }
        if (mark && bytes.Length >= size)
        {
            little = true;
            var first = Unit(bytes, 0, size);
            if (first == 0xfeff)
                (at, order) = (size, -1);
            else if (first == (size == 2 ? 0xfffeu : 0xfffe0000))
                (at, little, order) = (size, false, 1);
        }
        var result = new PyStrBuilder();
        while (at < bytes.Length)
        {
            if (bytes.Length - at < size)
            {
                if (!final)
                    break;
                at = Codecs.HandleDecode(result, ref bytes, at, bytes.Length, encoding, "truncated data", errors);
                continue;
            }
            var c = Unit(bytes, at, size);
            if (size == 2 && c is >= 0xd800 and <= 0xdbff)
            {
                if (bytes.Length - at < 4)
                {
                    if (!final)
                        break;
                    if (errors == "surrogatepass" && bytes.Length - at == 2)
                    {
                        result.Append((int)c);
                        at += 2;
                        continue;
                    }
                    at = Codecs.HandleDecode(result, ref bytes, at, bytes.Length, encoding, "unexpected end of data", errors);
                    continue;
                }
                var low = Unit(bytes, at + 2, 2);
                if (low is >= 0xdc00 and <= 0xdfff)
                {
                    result.Append((int)(0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff))));
                    at += 4;
                    continue;
                }
            }
            if ((c is >= 0xd800 and <= 0xdfff && errors != "surrogatepass") || c > 0x10ffff)
            {
                at = Codecs.HandleDecode(result, ref bytes, at, at + size, encoding, size == 2 ? c <= 0xdbff ? "illegal UTF-16 surrogate" : "illegal encoding" : c > 0x10ffff ? "code point not in range(0x110000)" : "code point in surrogate code point range(0xd800, 0xe000)", errors);
                continue;
            }
            result.Append((int)c);
            at += size;
        }
        used = at;
        return result.ToStr();
    }
}
