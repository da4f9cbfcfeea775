using System.Text;

namespace Holon.Python.Modules;

/// <summary>
/// _multibytecodec and the modules _codecs_cn, _codecs_hk, _codecs_jp, _codecs_kr and _codecs_tw: encodings of two bytes a character, by .NET's
/// code pages. Their tables differ from CPython's in some dozen signs; the encodings that .NET has no table of, and those that switch sets by
/// escape sequences, are not there.
/// </summary>
internal static class CjkModules
{
    private static readonly Dictionary<string, int> CodePages = new()
    {
        ["gb2312"] = 51936,
        ["gbk"] = 936,
        ["cp932"] = 932,
        ["shift_jis"] = 932,
        ["euc_jp"] = 20932,
        ["euc_kr"] = 51949,
        ["cp949"] = 949,
        ["johab"] = 1361,
        ["big5"] = 950,
        ["cp950"] = 950,
    };

    private static readonly Dictionary<string, string[]> Modules = new()
    {
        ["_codecs_cn"] = ["gb2312", "gbk"],
        ["_codecs_jp"] = ["cp932", "shift_jis", "euc_jp"],
        ["_codecs_kr"] = ["euc_kr", "cp949", "johab"],
        ["_codecs_tw"] = ["big5", "cp950"],
        ["_codecs_hk"] = [],
    };

    /// <summary>Both directions of one encoding, made when it is first used and shared by all machines.</summary>
    private sealed class Table
    {
        private readonly Dictionary<int, int> characters = [];
        private readonly Dictionary<int, byte[]> bytes = [];
        private readonly bool[] leads = new bool[256];

        public Table(int codePage)
        {
            var encoding = CodePagesEncodingProvider.Instance.GetEncoding(codePage, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback)!;
            for (var first = 0; first < 256; first++)
            {
                if (first < 128 || Add(encoding, [(byte)first]))
                {
                    characters.TryAdd(first, first);
                    bytes.TryAdd(characters[first], [(byte)first]);
                    continue;
                }
                for (var second = 0x30; second < 256; second++)
                    leads[first] |= Add(encoding, [(byte)first, (byte)second]);
            }
        }

        private bool Add(Encoding encoding, byte[] code)
        {
            try
            {
                var text = encoding.GetString(code);
                // Code pages round-trip only what they really have; private characters stand for holes.
                if (text.Length != 1 || text[0] is >= '\ue000' and < '\uf900' or < '\u0080' or '\ufffd')
                    return false;
                characters[Key(code)] = text[0];
                if (!bytes.ContainsKey(text[0]) || encoding.GetBytes(text).AsSpan().SequenceEqual(code))
                    bytes[text[0]] = code;
                return true;
            }
            catch (Exception error) when (error is DecoderFallbackException or EncoderFallbackException)
            {
                return false;
            }
        }

        private static int Key(byte[] code) => code.Length == 1 ? code[0] : code[0] << 8 | code[1];

        public byte[]? Bytes(int character) => bytes.GetValueOrDefault(character);

        public bool IsLead(byte b) => leads[b];

        /// <summary>The character of one byte or of two; -1 when there is none.</summary>
        public int Character(int code) => characters.GetValueOrDefault(code, -1);
    }

    private sealed class PyCodec(string name, int codePage) : PyObject
    {
        private static readonly Dictionary<int, Table> Tables = [];

        public string Name => name;

        private Table Map
        {
            get
            {
                lock (Tables)
                {
                    if (!Tables.TryGetValue(codePage, out var table))
                        Tables.Add(codePage, table = new Table(codePage));
                    return table;
                }
            }
        }

        public byte[] Encode(PyStr text, string errors)
        {
            var map = Map;
            var result = new List<byte>(text.Length * 2);
            for (var i = 0; i < text.Length;)
            {
                if (map.Bytes(text[i]) is { } code)
                {
                    result.AddRange(code);
                    i++;
                    continue;
                }
                i = Codecs.HandleEncode(result, text, i, i + 1, name, "illegal multibyte sequence", errors, t => Encode(t, "strict"));
            }
            return [.. result];
        }

        /// <summary>Decodes; without <paramref name="final"/> the first byte of a character at the end is left.</summary>
        public PyStr Decode(ReadOnlySpan<byte> data, string errors, bool final, out int consumed)
        {
            var map = Map;
            var result = new PyStrBuilder();
            var i = 0;
            while (i < data.Length)
            {
                if (map.Character(data[i]) is >= 0 and var single)
                {
                    result.Append(single);
                    i++;
                }
                else if (!map.IsLead(data[i]))
                {
                    i = Codecs.HandleDecode(result, ref data, i, i + 1, name, "illegal multibyte sequence", errors);
                }
                else if (i + 1 == data.Length)
                {
                    if (!final)
                        break;
                    i = Codecs.HandleDecode(result, ref data, i, i + 1, name, "incomplete multibyte sequence", errors);
                }
                else if (map.Character(data[i] << 8 | data[i + 1]) is >= 0 and var both)
                {
                    result.Append(both);
                    i += 2;
                }
                else
                {
                    i = Codecs.HandleDecode(result, ref data, i, i + 1, name, "illegal multibyte sequence", errors);
                }
            }
            consumed = i;
            return result.ToStr();
        }

        public override PyType Type => Codec;
    }

    private static string Errors(PyObject? o) => Args.IsNone(o) ? "strict" : Args.Str(o, "errors").Value;

    private static readonly PyType Codec = new("MultibyteCodec", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Def("encode", "input, errors=None", (o, a) =>
        {
            var text = a[0] as PyStr ?? throw Err.Type("couldn't convert the object to str.");
            return new PyTuple(new PyBytes(((PyCodec)o).Encode(text, Errors(a[1]))), PyInt.Of(text.Length));
        });
        t.Def("decode", "input, errors=None", (o, a) =>
        {
            var data = Buffers.Bytes(a[0]);
            return new PyTuple(((PyCodec)o).Decode(data, Errors(a[1]), true, out var consumed), PyInt.Of(consumed));
        });
    }, "_multibytecodec");

    /// <summary>An incremental encoder or decoder, or a stream; the class that derives from it says which codec.</summary>
    private sealed class PyState(PyType type) : PyExtensible(type)
    {
        public PyCodec Codec { get; } = type.Lookup("codec") as PyCodec ?? throw Err.Type("codec is unexpected type");

        public PyObject Errors { get; set; } = new PyStr("strict");

        public PyObject Stream { get; set; } = Values.None;

        public byte[] Left { get; set; } = [];

        public string Handler => ((PyStr)Errors).Value;
    }

    private static PyState S(PyObject o) => (PyState)o;

    private static PyType MakeType(string name, bool isStream, Action<PyType> define) => new(name, PyType.Object, t =>
    {
        t.New = (type, args, names) =>
        {
            var a = Signature.Parse(isStream ? "stream, errors=None" : "errors=None").Bind(new NativeCode { Name = name }, args, names);
            return new PyState(type) { Stream = isStream ? a[0]! : Values.None, Errors = Args.IsNone(a[^1]) ? new PyStr("strict") : Args.Str(a[^1], name) };
        };
        t.Init = (_, _, _) => { };
        t.Getter("errors", o => S(o).Errors, (o, v) => S(o).Errors = v as PyStr ?? throw Err.Type("errors must be a string"));
        t.Def0("reset", o =>
        {
            S(o).Left = [];
            return Values.None;
        });
        define(t);
    }, "_multibytecodec");

    private static PyStr Decode(PyState s, byte[] more, bool final)
    {
        byte[] all = [.. s.Left, .. more];
        var text = s.Codec.Decode(all, s.Handler, final, out var consumed);
        s.Left = all[consumed..];
        return text;
    }

    private static readonly PyType IncrementalEncoder = MakeType("MultibyteIncrementalEncoder", false, t =>
    {
        t.Def("encode", "input, final=False", (o, a) => new PyBytes(S(o).Codec.Encode(a[0] as PyStr ?? throw Err.Type("couldn't convert the object to str."), S(o).Handler)));
        t.Def0("getstate", _ => PyInt.Zero);
        t.Def1("setstate", (_, _) => Values.None);
    });

    private static readonly PyType IncrementalDecoder = MakeType("MultibyteIncrementalDecoder", false, t =>
    {
        t.Def("decode", "input, final=False", (o, a) => Decode(S(o), Buffers.Bytes(a[0]), Ops.IsTrue(a[1]!)));
        t.Def0("getstate", o => new PyTuple(new PyBytes(S(o).Left), PyInt.Zero));
        t.Def1("setstate", (o, state) =>
        {
            S(o).Left = Buffers.Bytes((state as PyTuple ?? throw Err.Type("setstate() argument 1 must be tuple"))[0]);
            return Values.None;
        });
    });

    private static PyStr Read(PyState s, string method, PyObject size)
    {
        while (true)
        {
            var data = Buffers.Bytes(size == Values.None ? Calls.CallMethod(s.Stream, method) : Calls.CallMethod(s.Stream, method, size));
            var text = Decode(s, data, data.Length == 0 || size == Values.None || Args.Long(size) < 0);
            if (text.Length > 0 || data.Length == 0)
                return text;
        }
    }

    private static readonly PyType StreamReader = MakeType("MultibyteStreamReader", true, t =>
    {
        t.Getter("stream", o => S(o).Stream);
        t.Def("read", "sizeobj=None, /", (o, a) => Read(S(o), "read", a[0]!));
        t.Def("readline", "sizeobj=None, /", (o, a) => Read(S(o), "readline", a[0]!));
        t.Def("readlines", "sizehintobj=None, /", (o, a) => Calls.CallMethod(Read(S(o), "read", a[0]!), "splitlines", Values.True));
    });

    private static readonly PyType StreamWriter = MakeType("MultibyteStreamWriter", true, t =>
    {
        t.Getter("stream", o => S(o).Stream);
        t.Def1("write", (o, text) => Calls.CallMethod(S(o).Stream, "write", new PyBytes(S(o).Codec.Encode(text as PyStr ?? throw Err.Type("couldn't convert the object to str."), S(o).Handler))) is { } ? Values.None : null);
        t.Def1("writelines", (o, lines) =>
        {
            foreach (var line in Ops.Each(lines))
                Calls.CallMethod(o, "write", line);
            return Values.None;
        });
    });

    public static void FillBase(ModuleBuilder m) => m.Types(Codec, IncrementalEncoder, IncrementalDecoder, StreamReader, StreamWriter);

    public static Action<ModuleBuilder> Family(string module) => m => m.Def("getcodec", "encoding, /", a =>
    {
        var name = a[0] is PyStr text ? text.Value : throw Err.Type("encoding name must be a string.");
        return System.Array.IndexOf(Modules[module], name) >= 0 ? new PyCodec(name, CodePages[name]) : throw Err.Of(ExceptionTypes.LookupError, "no such codec is supported.");
    });
}
