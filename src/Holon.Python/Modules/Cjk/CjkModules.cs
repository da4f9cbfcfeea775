namespace Holon.Python.Modules.Cjk;

/// <summary>
/// _multibytecodec and the modules _codecs_cn, _codecs_hk, _codecs_iso2022, _codecs_jp, _codecs_kr and _codecs_tw: encodings of Chinese, Japanese and
/// Korean, and the classes that feed them piece by piece.
/// </summary>
internal static class CjkModules
{
    private const int LongestPendingText = 2, LongestPendingData = 8;

    private static readonly Dictionary<string, CjkEncoding[]> Modules = new()
    {
        ["_codecs_cn"] = [new TableEncoding("gb2312", "gb2312"), new TableEncoding("gbk", "gbk"), new Gb18030Encoding(), new HzEncoding()],
        ["_codecs_jp"] =
        [
            new TableEncoding("cp932", "cp932"), new ShiftJisEncoding("shift_jis", "shift_jis", 0xea), new ShiftJisEncoding("shift_jisx0213", "jisx0213_2000", 0xfc),
            new ShiftJisEncoding("shift_jis_2004", "jisx0213_2004", 0xfc), new EucJpEncoding("euc_jp"), new EucJis0213Encoding("euc_jisx0213", "jisx0213_2000"), new EucJis0213Encoding("euc_jis_2004", "jisx0213_2004"),
        ],
        ["_codecs_kr"] = [new EucKrEncoding(), new TableEncoding("cp949", "cp949"), new TableEncoding("johab", "johab")],
        ["_codecs_tw"] = [new TableEncoding("big5", "big5"), new TableEncoding("cp950", "cp950")],
        ["_codecs_hk"] = [new TableEncoding("big5hkscs", "big5hkscs")],
        ["_codecs_iso2022"] =
        [
            new Iso2022Encoding("iso2022_kr", true, false, false, CodedSet.KsX1001InG1),
            new Iso2022Encoding("iso2022_jp", false, false, false, CodedSet.JisX0208, CodedSet.JisRoman, CodedSet.JisX0208Old),
            new Iso2022Encoding("iso2022_jp_1", false, false, false, CodedSet.JisX0208, CodedSet.JisX0212, CodedSet.JisRoman, CodedSet.JisX0208Old),
            new Iso2022Encoding("iso2022_jp_2", false, true, false, CodedSet.JisX0208, CodedSet.JisX0212, CodedSet.KsX1001, CodedSet.Gb2312, CodedSet.JisRoman, CodedSet.JisX0208Old, CodedSet.Latin1, CodedSet.Iso8859Greek),
            new Iso2022Encoding("iso2022_jp_2004", false, false, true, CodedSet.JisX0213Pairs2004, CodedSet.JisX0208, CodedSet.JisX0213Of2004, CodedSet.JisX0213Second2004),
            new Iso2022Encoding("iso2022_jp_3", false, false, true, CodedSet.JisX0213Pairs2000, CodedSet.JisX0208, CodedSet.JisX0213Of2000, CodedSet.JisX0213Second2000),
            new Iso2022Encoding("iso2022_jp_ext", false, false, false, CodedSet.JisX0208, CodedSet.JisX0212, CodedSet.JisRoman, CodedSet.JisKatakana, CodedSet.JisX0208Old),
        ],
    };

    private sealed class PyCodec(CjkEncoding encoding) : PyObject
    {
        public CjkEncoding Encoding => encoding;

        /// <summary>Encodes; what waits for its next character is left unless this is the <paramref name="final"/> piece, which also ends in the first state.</summary>
        public byte[] Encode(PyStr text, string errors, CjkState state, bool final, bool reset, out int consumed)
        {
            var result = new List<byte>(text.Length * 2);
            var all = text.ToCodePoints();
            var i = 0;
            while (i < all.Length)
            {
                var count = encoding.Encode(all.AsSpan(i), final, state, result);
                if (count == 0)
                    break;
                i = count > 0 ? i + count : Codecs.HandleEncode(result, text, i, i + 1, encoding.Name, "illegal multibyte sequence", errors, t => Replacement(t, errors, state));
            }
            if (reset)
                encoding.EndEncoding(state, result);
            consumed = i;
            return [.. result];
        }

        /// <summary>What an error handler has put in. A question mark that the encoding lacks is written as it is.</summary>
        private byte[] Replacement(PyStr text, string errors, CjkState state) => Encode(text, errors == "replace" ? "ignore" : "strict", state, true, false, out _);

        /// <summary>Decodes; without <paramref name="final"/> the beginning of a character at the end is left.</summary>
        public PyStr Decode(ReadOnlySpan<byte> data, string errors, CjkState state, bool final, out int consumed)
        {
            var result = new PyStrBuilder();
            var i = 0;
            while (i < data.Length)
            {
                var size = encoding.Decode(data[i..], state, result);
                if (size > 0)
                    i += size;
                else if (size < 0)
                    i = Codecs.HandleDecode(result, ref data, i, Math.Min(i - size, data.Length), encoding.Name, "illegal multibyte sequence", errors);
                else if (final)
                    i = Codecs.HandleDecode(result, ref data, i, data.Length, encoding.Name, "incomplete multibyte sequence", errors);
                else
                    break;
            }
            consumed = i;
            return result.ToStr();
        }

        public override PyType Type => Codec;
    }

    private static string Errors(PyObject? o) => Args.IsNone(o) ? "strict" : Args.Str(o, "errors").Value;

    private static PyStr Text(PyObject? o) => o as PyStr ?? throw Err.Type("couldn't convert the object to str.");

    private static readonly PyType Codec = new("MultibyteCodec", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Def("encode", "input, errors=None", (o, a) =>
        {
            var (codec, text, state) = ((PyCodec)o, Text(a[0]), new CjkState());
            codec.Encoding.StartEncoding(state);
            return new PyTuple(new PyBytes(codec.Encode(text, Errors(a[1]), state, true, true, out _)), PyInt.Of(text.Length));
        });
        t.Def("decode", "input, errors=None", (o, a) =>
        {
            var (codec, data, state) = ((PyCodec)o, Buffers.Bytes(a[0]), new CjkState());
            codec.Encoding.StartDecoding(state);
            return new PyTuple(codec.Decode(data, Errors(a[1]), state, true, out _), PyInt.Of(data.Length));
        });
    }, "_multibytecodec");

    /// <summary>An incremental encoder or decoder, or a stream; the class that derives from it says which codec.</summary>
    private sealed class PyState : PyExtensible
    {
        public PyState(PyType type, bool decodes)
            : base(type)
        {
            var codec = type.Lookup("codec") ?? throw Err.Of(ExceptionTypes.AttributeError, $"type object '{type.FullName}' has no attribute 'codec'");
            Codec = codec as PyCodec ?? throw Err.Type("codec is unexpected type");
            if (decodes)
                Codec.Encoding.StartDecoding(State);
            else
                Codec.Encoding.StartEncoding(State);
        }

        public PyCodec Codec { get; }

        public CjkState State { get; } = new();

        public PyObject Errors { get; set; } = new PyStr("strict");

        public PyObject Stream { get; set; } = Values.None;

        /// <summary>Bytes that wait for the rest of their character.</summary>
        public byte[] Left { get; set; } = [];

        /// <summary>Characters that may have one code with the next.</summary>
        public PyStr Pending { get; set; } = PyStr.Empty;

        public string Handler => ((PyStr)Errors).Value;
    }

    private static PyState S(PyObject o) => (PyState)o;

    private static PyType MakeType(string name, bool isStream, bool decodes, Action<PyType> define) => new(name, PyType.Object, t =>
    {
        t.New = (type, args, names) =>
        {
            var a = Signature.Parse(isStream ? "stream, errors=None" : "errors=None").Bind(new NativeCode { Name = name }, args, names);
            return new PyState(type, decodes) { Stream = isStream ? a[0]! : Values.None, Errors = Args.IsNone(a[^1]) ? new PyStr("strict") : Args.Str(a[^1], name) };
        };
        t.Init = (_, _, _) => { };
        t.Getter("errors", o => S(o).Errors, (o, v) => S(o).Errors = v is null ? throw Err.Of(ExceptionTypes.AttributeError, "cannot delete attribute") : v as PyStr ?? throw Err.Type("errors must be a string"));
        define(t);
    }, "_multibytecodec");

    private static byte[] Encode(PyState s, PyObject? input, bool final)
    {
        var text = s.Pending.Length == 0 ? Text(input) : PyStr.Concat(s.Pending, Text(input));
        var result = s.Codec.Encode(text, s.Handler, s.State, final, final, out var consumed);
        if (text.Length - consumed > LongestPendingText)
            throw Err.Of(ExceptionTypes.UnicodeError, "pending buffer overflow");
        s.Pending = text.Substring(consumed, text.Length - consumed);
        return result;
    }

    private static PyStr Decode(PyState s, byte[] more, bool final)
    {
        byte[] all = [.. s.Left, .. more];
        var text = s.Codec.Decode(all, s.Handler, s.State, final, out var consumed);
        if (all.Length - consumed > LongestPendingData)
            throw Err.Of(ExceptionTypes.UnicodeError, "pending buffer overflow");
        s.Left = all[Math.Min(consumed, all.Length)..];
        return text;
    }

    private static readonly PyType IncrementalEncoder = MakeType("MultibyteIncrementalEncoder", false, false, t =>
    {
        t.Def("encode", "input, final=False", (o, a) => new PyBytes(Encode(S(o), a[0], Ops.IsTrue(a[1]!))));
        t.Def0("reset", o =>
        {
            S(o).Codec.Encoding.EndEncoding(S(o).State, []);
            S(o).Pending = PyStr.Empty;
            return Values.None;
        });
        t.Def0("getstate", o =>
        {
            var pending = Codecs.EncodeUtf8(S(o).Pending, "strict");
            return PyInt.Of(new BigInteger([(byte)pending.Length, .. pending, .. BitConverter.GetBytes(S(o).State.Bits)], isUnsigned: true));
        });
        t.Def1("setstate", (o, value) =>
        {
            var state = (value as PyInt ?? throw Err.Type($"argument must be int, not {value.Type.FullName}")).ToBig();
            if (state.Sign < 0 || state.GetByteCount(true) > 1 + LongestPendingText * 4 + 8)
                throw Err.Overflow("int too big to convert");
            var bytes = new byte[1 + LongestPendingText * 4 + 8];
            state.TryWriteBytes(bytes, out _, isUnsigned: true);
            if (bytes[0] > LongestPendingText * 4)
                throw Err.Of(ExceptionTypes.UnicodeError, "pending buffer too large");
            S(o).Pending = Codecs.DecodeUtf8(bytes.AsSpan(1, bytes[0]), "strict");
            S(o).State.Bits = BitConverter.ToUInt64(bytes, 1 + bytes[0]);
            return Values.None;
        });
    });

    private static readonly PyType IncrementalDecoder = MakeType("MultibyteIncrementalDecoder", false, true, t =>
    {
        t.Def("decode", "input, final=False", (o, a) => Decode(S(o), Buffers.Bytes(a[0]), Ops.IsTrue(a[1]!)));
        t.Def0("reset", Reset);
        t.Def0("getstate", o => new PyTuple(new PyBytes(S(o).Left), PyInt.Of((BigInteger)S(o).State.Bits)));
        t.Def1("setstate", (o, value) =>
        {
            if (value is not PyTuple { Count: 2 } state)
                throw Err.Type("setstate(): illegal state argument");
            var data = (state[0] as PyBytes ?? throw Err.Type($"argument 1 must be bytes, not {state[0].Type.FullName}")).Content;
            var bits = (state[1] as PyInt ?? throw Err.Type($"argument 2 must be int, not {state[1].Type.FullName}")).ToBig();
            if (bits.Sign < 0 || bits > ulong.MaxValue)
                throw Err.Overflow("int too big to convert");
            if (data.Length > LongestPendingData)
                throw Err.Of(ExceptionTypes.UnicodeError, "pending buffer too large");
            S(o).Left = data;
            S(o).State.Bits = (ulong)bits;
            return Values.None;
        });
    });

    private static PyObject Reset(PyObject o)
    {
        S(o).Codec.Encoding.ResetDecoding(S(o).State);
        S(o).Left = [];
        return Values.None;
    }

    private static PyStr Read(PyState s, string method, PyObject size)
    {
        var hint = size == Values.None ? -1 : Args.Long(size);
        while (hint != 0)
        {
            var answer = hint < 0 ? Calls.CallMethod(s.Stream, method) : Calls.CallMethod(s.Stream, method, PyInt.Of(hint));
            var data = (answer as PyBytes ?? throw Err.Type($"stream function returned a non-bytes object ({answer.Type.FullName})")).Content;
            var text = Decode(s, data, data.Length == 0 || hint < 0);
            if (hint < 0 || text.Length > 0 || data.Length == 0)
                return text;
            hint = 1;
        }
        return PyStr.Empty;
    }

    private static readonly PyType StreamReader = MakeType("MultibyteStreamReader", true, true, t =>
    {
        t.Getter("stream", o => S(o).Stream);
        t.Def0("reset", Reset);
        t.Def("read", "sizeobj=None, /", (o, a) => Read(S(o), "read", a[0]!));
        t.Def("readline", "sizeobj=None, /", (o, a) => Read(S(o), "readline", a[0]!));
        t.Def("readlines", "sizehintobj=None, /", (o, a) => Calls.CallMethod(Read(S(o), "read", a[0]!), "splitlines", Values.True));
    });

    private static readonly PyType StreamWriter = MakeType("MultibyteStreamWriter", true, false, t =>
    {
        t.Getter("stream", o => S(o).Stream);
        t.Def1("write", (o, text) =>
        {
            Calls.CallMethod(S(o).Stream, "write", new PyBytes(Encode(S(o), text, false)));
            return Values.None;
        });
        t.Def1("writelines", (o, lines) =>
        {
            foreach (var line in Ops.Each(lines))
                Calls.CallMethod(S(o).Stream, "write", new PyBytes(Encode(S(o), line, false)));
            return Values.None;
        });
        t.Def0("reset", o =>
        {
            if (S(o).Pending.Length > 0)
                Calls.CallMethod(S(o).Stream, "write", new PyBytes(Encode(S(o), PyStr.Empty, true)));
            return Values.None;
        });
    });

    public static void FillBase(ModuleBuilder m) => m.Types(Codec, IncrementalEncoder, IncrementalDecoder, StreamReader, StreamWriter);

    public static Action<ModuleBuilder> Family(string module) => m => m.Def("getcodec", "encoding, /", a =>
    {
        var name = a[0] is PyStr text ? text.Value : throw Err.Type("encoding name must be a string.");
        return System.Array.Find(Modules[module], e => e.Name == name) is { } encoding ? new PyCodec(encoding) : throw Err.Of(ExceptionTypes.LookupError, "no such codec is supported.");
    });
}
