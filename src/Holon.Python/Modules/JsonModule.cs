using System.Buffers;

namespace Holon.Python.Modules;

/// <summary>_json: what makes the module json quick.</summary>
internal static class JsonModule
{
    private static PyError DecodeError(string message, PyStr text, int at) =>
        new((PyException)Calls.Call(Attributes.Get(PyThread.Current.Machine.ImportModule("json.decoder"), "JSONDecodeError"), new PyStr(message), text, PyInt.Of(at)));

    // ---- Strings ----

    private static PyStr Quoted(PyStr text, bool ascii)
    {
        var output = new PyStrBuilder();
        output.Append('"');
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            switch (c)
            {
                case '"':
                    output.Append("\\\"");
                    break;
                case '\\':
                    output.Append("\\\\");
                    break;
                case '\n':
                    output.Append("\\n");
                    break;
                case '\r':
                    output.Append("\\r");
                    break;
                case '\t':
                    output.Append("\\t");
                    break;
                case '\f':
                    output.Append("\\f");
                    break;
                case '\b':
                    output.Append("\\b");
                    break;
                case < ' ':
                case > '~' when ascii:
                    if (c > 0xffff)
                        output.Append($"\\u{0xd800 + (c - 0x10000 >> 10):x4}\\u{0xdc00 + (c - 0x10000 & 0x3ff):x4}");
                    else
                        output.Append($"\\u{c:x4}");
                    break;
                default:
                    output.Append(c);
                    break;
            }
        }
        output.Append('"');
        return output.ToStr();
    }

    /// <summary>What ends a string, or is not itself in one: the quote, the backslash, control characters.</summary>
    private static readonly SearchValues<char> NotPlain = SearchValues.Create(['"', '\\', .. Enumerable.Range(0, ' ').Select(c => (char)c)]);

    /// <summary>A string whose opening quote has been read; its end comes back in <paramref name="at"/>.</summary>
    private static PyStr ScanString(PyStr text, ref int at, bool strict)
    {
        var begin = at - 1;
        if (at < 0 || at > text.Length)
            throw Err.Value("end is out of bounds");
        // Most strings are a piece of the text as it is.
        if (!text.IsWide && text.Value.AsSpan(at) is var rest && rest.IndexOfAny(NotPlain) is >= 0 and var length && rest[length] == '"')
        {
            var plain = text.Substring(at, length);
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

    // ---- Scanner ----

    private sealed class PyScanner(PyType type, PyObject context) : PyExtensible(type)
    {
        private readonly Dictionary<PyStr, PyStr> memo = [];

        public bool Strict { get; } = Ops.IsTrue(Attributes.Get(context, "strict"));

        public PyObject ObjectHook { get; } = Attributes.Get(context, "object_hook");

        public PyObject PairsHook { get; } = Attributes.Get(context, "object_pairs_hook");

        public PyObject ParseFloat { get; } = Attributes.Get(context, "parse_float");

        public PyObject ParseInt { get; } = Attributes.Get(context, "parse_int");

        public PyObject ParseConstant { get; } = Attributes.Get(context, "parse_constant");

        public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
        {
            var a = Signature.Parse("string, idx").Bind(new NativeCode { Name = "scan_once" }, args, names);
            var text = a[0] as PyStr ?? throw Err.Type($"first argument must be a string, not {a[0]!.Type.FullName}");
            var index = Args.Long(a[1]!);
            if (index < 0)
                throw Err.Value("idx cannot be negative");
            var at = (int)Math.Min(index, text.Length);
            try
            {
                var value = Value(text, ref at);
                return value is null ? null : new PyTuple(value, PyInt.Of(at));
            }
            finally
            {
                memo.Clear();
            }
        }

        private static PyObject? Stop(int at) => Err.SetStopIteration(PyInt.Of(at));

        private static void Space(PyStr text, ref int at)
        {
            while (at < text.Length && text[at] is ' ' or '\t' or '\n' or '\r')
                at++;
        }

        private static bool Word(PyStr text, ref int at, string word)
        {
            for (var i = 0; i < word.Length; i++)
            {
                if (at + i >= text.Length || text[at + i] != word[i])
                    return false;
            }
            at += word.Length;
            return true;
        }

        private PyObject? Value(PyStr text, ref int at)
        {
            var thread = PyThread.EnterNative(" while decoding a JSON value from a unicode string");
            try
            {
                return ValueAt(text, ref at);
            }
            finally
            {
                thread.LeaveNative();
            }
        }

        private PyObject? ValueAt(PyStr text, ref int at)
        {
            if (at >= text.Length)
                return Stop(at);
            switch (text[at])
            {
                case '"':
                    at++;
                    return ScanString(text, ref at, Strict);
                case '{':
                    at++;
                    return Object(text, ref at);
                case '[':
                    at++;
                    return Array(text, ref at);
                case 'n' when Word(text, ref at, "null"):
                    return Values.None;
                case 't' when Word(text, ref at, "true"):
                    return Values.True;
                case 'f' when Word(text, ref at, "false"):
                    return Values.False;
                case 'N' when Word(text, ref at, "NaN"):
                    return Calls.Call(ParseConstant, new PyStr("NaN"));
                case 'I' when Word(text, ref at, "Infinity"):
                    return Calls.Call(ParseConstant, new PyStr("Infinity"));
                case '-' when Word(text, ref at, "-Infinity"):
                    return Calls.Call(ParseConstant, new PyStr("-Infinity"));
                default:
                    return Number(text, ref at);
            }
        }

        private PyObject? Number(PyStr text, ref int at)
        {
            bool Digit(int i) => i < text.Length && text[i] is >= '0' and <= '9';
            var end = at;
            if (text[end] == '-')
                end++;
            if (!Digit(end))
                return Stop(at);
            if (text[end] == '0')
                end++;
            else
                while (Digit(end))
                    end++;
            var isFloat = false;
            if (end + 1 < text.Length && text[end] == '.' && Digit(end + 1))
            {
                isFloat = true;
                for (end++; Digit(end);)
                    end++;
            }
            if (end + 1 < text.Length && text[end] is 'e' or 'E')
            {
                var exponent = end + (text[end + 1] is '+' or '-' ? 2 : 1);
                if (Digit(exponent))
                {
                    isFloat = true;
                    for (end = exponent; Digit(end);)
                        end++;
                }
            }
            var digits = text.Substring(at, end - at);
            at = end;
            return Calls.Call(isFloat ? ParseFloat : ParseInt, digits);
        }

        private PyObject? Array(PyStr text, ref int at)
        {
            var list = new PyList();
            Space(text, ref at);
            if (at < text.Length && text[at] == ']')
            {
                at++;
                return list;
            }
            while (true)
            {
                if (Value(text, ref at) is not { } value)
                    return null;
                list.Add(value);
                Space(text, ref at);
                if (at < text.Length && text[at] == ']')
                {
                    at++;
                    return list;
                }
                if (at >= text.Length || text[at] != ',')
                    throw DecodeError("Expecting ',' delimiter", text, at);
                at++;
                Space(text, ref at);
            }
        }

        private PyObject? Object(PyStr text, ref int at)
        {
            var pairs = PairsHook != Values.None ? new PyList() : null;
            var dict = pairs is null ? new PyDict() : null;
            Space(text, ref at);
            if (at < text.Length && text[at] == '}')
            {
                at++;
                return Hooked(pairs, dict);
            }
            while (true)
            {
                if (at >= text.Length || text[at] != '"')
                    throw DecodeError("Expecting property name enclosed in double quotes", text, at);
                at++;
                var key = ScanString(text, ref at, Strict);
                if (memo.TryGetValue(key, out var same))
                    key = same;
                else
                    memo.Add(key, key);
                Space(text, ref at);
                if (at >= text.Length || text[at] != ':')
                    throw DecodeError("Expecting ':' delimiter", text, at);
                at++;
                Space(text, ref at);
                if (Value(text, ref at) is not { } value)
                    return null;
                pairs?.Add(new PyTuple(key, value));
                dict?.Set(key, value);
                Space(text, ref at);
                if (at < text.Length && text[at] == '}')
                {
                    at++;
                    return Hooked(pairs, dict);
                }
                if (at >= text.Length || text[at] != ',')
                    throw DecodeError("Expecting ',' delimiter", text, at);
                at++;
                Space(text, ref at);
            }
        }

        private PyObject Hooked(PyList? pairs, PyDict? dict) =>
            pairs is not null ? Calls.Call(PairsHook, pairs) : ObjectHook != Values.None ? Calls.Call(ObjectHook, dict!) : dict!;
    }

    private static readonly PyType Scanner = new("Scanner", PyType.Object, t =>
    {
        t.New = (type, args, names) => new PyScanner(type, Signature.Parse("context").Bind(new NativeCode { Name = "make_scanner" }, args, names)[0]!);
        t.Init = (_, _, _) => { };
        t.Member("strict", o => Values.Bool(((PyScanner)o).Strict));
        t.Member("object_hook", o => ((PyScanner)o).ObjectHook);
        t.Member("object_pairs_hook", o => ((PyScanner)o).PairsHook);
        t.Member("parse_float", o => ((PyScanner)o).ParseFloat);
        t.Member("parse_int", o => ((PyScanner)o).ParseInt);
        t.Member("parse_constant", o => ((PyScanner)o).ParseConstant);
        t.DefCall();
    }, "_json");

    // ---- Encoder ----

    private sealed class PyEncoder(PyType type, PyObject?[] a) : PyExtensible(type)
    {
        private readonly PyObject otherwise = a[1]!, encoder = a[2]!, indent = a[3]!;
        private readonly PyDict? markers = a[0] as PyDict;
        private readonly PyStr keySeparator = (PyStr)a[4]!, itemSeparator = (PyStr)a[5]!;
        private readonly bool sortKeys = Ops.IsTrue(a[6]!), skipKeys = Ops.IsTrue(a[7]!), allowNaN = Ops.IsTrue(a[8]!);

        public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
        {
            var bound = Signature.Parse("obj, _current_indent_level").Bind(new NativeCode { Name = "_iterencode" }, args, names);
            var output = new PyStrBuilder();
            Write(bound[0]!, output, (int)Args.Long(bound[1]!));
            return new PyTuple(output.ToStr());
        }

        private PyStr Text(PyObject text)
        {
            if (encoder is PyBuiltin { Code.Name: "encode_basestring_ascii", Module: "_json" } or PyBuiltin { Code.Name: "encode_basestring", Module: "_json" })
                return Quoted((PyStr)text, ((PyBuiltin)encoder).Code.Name.EndsWith("ascii", StringComparison.Ordinal));
            var result = Calls.Call(encoder, text);
            return result as PyStr ?? throw Err.Type($"encoder() must return a string, not {result.Type.FullName}");
        }

        private PyStr Float(PyFloat number)
        {
            if (double.IsFinite(number.Value))
                return (PyStr)FloatType.Type.Repr!(number);
            if (!allowNaN)
                throw Err.Value($"Out of range float values are not JSON compliant");
            return new PyStr(double.IsNaN(number.Value) ? "NaN" : number.Value > 0 ? "Infinity" : "-Infinity");
        }

        private void Write(PyObject o, PyStrBuilder output, int level)
        {
            var thread = PyThread.EnterNative(" while encoding a JSON object");
            try
            {
                WriteValue(o, output, level);
            }
            finally
            {
                thread.LeaveNative();
            }
        }

        private void WriteValue(PyObject o, PyStrBuilder output, int level)
        {
            switch (o)
            {
                case PyBool b:
                    output.Append(b.IsTrue ? "true" : "false");
                    return;
                case PyStr:
                    output.Append(Text(o));
                    return;
                case PyInt:
                    output.Append((PyStr)IntType.Type.Repr!(o));
                    return;
                case PyFloat number:
                    output.Append(Float(number));
                    return;
                case PyList or PyTuple:
                    Guarded(o, () => WriteList(Ops.ToArray(o), output, level));
                    return;
                case PyDict dict:
                    Guarded(o, () => WriteDict(dict, output, level));
                    return;
            }
            if (o == Values.None)
            {
                output.Append("null");
                return;
            }
            Guarded(o, () => Write(Calls.Call(otherwise, o), output, level));
        }

        private void Guarded(PyObject o, Action write)
        {
            if (markers is null)
            {
                write();
                return;
            }
            var id = Ops.Id(o);
            if (markers.Contains(id))
                throw Err.Value("Circular reference detected");
            markers.Set(id, o);
            write();
            markers.Remove(id);
        }

        private void NewLine(PyStrBuilder output, int level)
        {
            if (indent == Values.None)
                return;
            output.Append('\n');
            for (var i = 0; i < level; i++)
                output.Append((PyStr)indent);
        }

        private void WriteList(PyObject[] items, PyStrBuilder output, int level)
        {
            if (items.Length == 0)
            {
                output.Append("[]");
                return;
            }
            output.Append('[');
            for (var i = 0; i < items.Length; i++)
            {
                if (i > 0)
                    output.Append(itemSeparator);
                NewLine(output, level + 1);
                Write(items[i], output, level + 1);
            }
            NewLine(output, level);
            output.Append(']');
        }

        private void WriteDict(PyDict dict, PyStrBuilder output, int level)
        {
            if (dict.Count == 0)
            {
                output.Append("{}");
                return;
            }
            var items = Ops.ToArray(Calls.CallMethod(dict, "items"));
            if (sortKeys)
                items = Ops.ToArray(Calls.Call(Attributes.Get(PyThread.Current.Machine.Builtins, "sorted"), new PyList(items)));
            output.Append('{');
            var first = true;
            foreach (var item in items)
            {
                if (item is not PyTuple { Count: 2 } pair)
                    throw Err.Value("items must return 2-tuples");
                PyStr key;
                switch (pair[0])
                {
                    case PyStr text:
                        key = text;
                        break;
                    case PyFloat number:
                        key = Float(number);
                        break;
                    case PyBool b:
                        key = new PyStr(b.IsTrue ? "true" : "false");
                        break;
                    case PyInt number:
                        key = (PyStr)IntType.Type.Repr!(number);
                        break;
                    case var none when none == Values.None:
                        key = new PyStr("null");
                        break;
                    default:
                        if (skipKeys)
                            continue;
                        throw Err.Type($"keys must be str, int, float, bool or None, not {pair[0].Type.FullName}");
                }
                if (!first)
                    output.Append(itemSeparator);
                first = false;
                NewLine(output, level + 1);
                output.Append(Text(key));
                output.Append(keySeparator);
                Write(pair[1], output, level + 1);
            }
            if (first)
            {
                output.Append('}');
                return;
            }
            NewLine(output, level);
            output.Append('}');
        }
    }

    private static readonly PyType Encoder = new("Encoder", PyType.Object, t =>
    {
        t.New = (type, args, names) =>
        {
            var a = Signature.Parse("markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan").Bind(new NativeCode { Name = "make_encoder" }, args, names);
            if (a[0] is not PyDict && a[0] != Values.None)
                throw Err.Type($"make_encoder() argument 1 must be dict or None, not {a[0]!.Type.FullName}");
            if (a[4] is not PyStr || a[5] is not PyStr)
                throw Err.Type($"make_encoder() argument {(a[4] is PyStr ? 6 : 5)} must be str, not {(a[4] is PyStr ? a[5] : a[4])!.Type.FullName}");
            return new PyEncoder(type, a);
        };
        t.Init = (_, _, _) => { };
        t.DefCall();
    }, "_json");

    private static PyStr Str(PyObject o) => o as PyStr ?? throw Err.Type($"first argument must be a string, not {o.Type.FullName}");

    public static void Fill(ModuleBuilder m)
    {
        m.Set("make_scanner", Scanner);
        m.Set("make_encoder", Encoder);
        m.Def1("encode_basestring_ascii", o => Quoted(Str(o), true));
        m.Def1("encode_basestring", o => Quoted(Str(o), false));
        m.Def("scanstring", "string, end, strict=True, /", a =>
        {
            var text = Str(a[0]!);
            var end = Args.Long(a[1]!);
            var at = (int)Math.Clamp(end, -1, text.Length + 1L);
            var value = ScanString(text, ref at, Ops.IsTrue(a[2]!));
            return new PyTuple(value, PyInt.Of(at));
        });
    }
}
