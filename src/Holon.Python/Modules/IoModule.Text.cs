namespace Holon.Python.Modules;

/// <summary>TextIOWrapper, StringIO and the newline decoder.</summary>
internal static partial class IoModule
{
    private static readonly NativeParameters TextIOWrapperParameters = new("TextIOWrapper", "buffer, encoding=None, errors=None, newline=None, line_buffering=False, write_through=False");
    private static readonly NativeParameters StringIOParameters = new("StringIO", "initial_value='', newline=?");
    private static readonly NativeParameters IncrementalNewlineDecoderParameters = new("IncrementalNewlineDecoder", "decoder, translate, errors='strict'");

    private sealed class PyTextFile(PyType type) : PyExtensible(type)
    {
        public PyObject? Buffer;
        private string encoding = "utf-8";
        public string Errors = "strict";
        public PyObject Newline = Values.None;
        public bool Translate, Universal, LineBuffering, WriteThrough;
        public string WriteNewline = "\n";
        public PyObject? Decoder, Encoder;
        public PyStr Pending = PyStr.Empty;
        public int At;
        public bool AtEnd;
        public bool PendingCr;
        public List<byte> Behind = [];
        public int Seen;

        public string Encoding
        {
            get => encoding;
            set => (encoding, IsDirect) = (value, Codecs.Builtin(value) is not null);
        }

        /// <summary>The encoding keeps no state and has ASCII for itself.</summary>
        public bool IsDirect { get; private set; } = true;

        public int Left => Pending.Length - At;

        public void Put(PyStr text)
        {
            if (IsDirect && !text.IsWide && System.Text.Ascii.IsValid(text.Value))
            {
                var at = Behind.Count;
                System.Runtime.InteropServices.CollectionsMarshal.SetCount(Behind, at + text.Length);
                System.Text.Ascii.FromUtf16(text.Value, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(Behind)[at..], out _);
            }
            else if (IsDirect)
            {
                Behind.AddRange(((PyBytes)Codecs.Encode(text, Encoding, Errors)).Content);
            }
            else
            {
                Encoder ??= Calls.Call(Calls.CallMethod(PyThread.Current.Machine.ImportModule("codecs"), "getincrementalencoder", new PyStr(Encoding)), new PyStr(Errors));
                Behind.AddRange(((IBuffer)Calls.CallMethod(Encoder, "encode", text)).Bytes);
            }
        }
    }

    private static PyTextFile T(PyObject o)
    {
        var self = (PyTextFile)o;
        if (self.Buffer is null)
            throw Err.Value("underlying buffer has been detached");
        CheckClosed(self.Buffer);
        return self;
    }

    private static void FlushText(PyTextFile self)
    {
        if (self.Behind.Count == 0)
            return;
        var data = new PyBytes([.. self.Behind]);
        self.Behind.Clear();
        Calls.CallMethod(self.Buffer!, "write", data);
    }

    private static PyStr DecodePart(PyTextFile self, PyObject bytes, bool final)
    {
        if (self.Decoder is null)
        {
            var factory = Calls.CallMethod(PyThread.Current.Machine.ImportModule("codecs"), "getincrementaldecoder", new PyStr(self.Encoding));
            self.Decoder = Calls.Call(factory, new PyStr(self.Errors));
        }
        return (PyStr)Calls.CallMethod(self.Decoder, "decode", bytes, Values.Bool(final));
    }

    /// <summary>Universal newlines: \r\n and \r become \n; a \r at the end waits for what follows.</summary>
    private static PyStr TranslateNewlines(PyStr text, bool final, bool translate, ref bool pendingCr, ref int seen)
    {
        if (pendingCr)
        {
            text = new PyStr("\r").Plus(text);
            pendingCr = false;
        }
        if (text.Length > 0 && text[text.Length - 1] == '\r' && !final)
        {
            pendingCr = true;
            text = text.Substring(0, text.Length - 1);
        }
        var cr = new PyStr("\r");
        if (StrMethods.Find(text, cr, 0, text.Length) < 0)
        {
            if (StrMethods.Find(text, new PyStr("\n"), 0, text.Length) >= 0)
                seen |= 2;
            return text;
        }
        var points = text.ToCodePoints();
        for (var i = 0; i < points.Length; i++)
        {
            if (points[i] == '\n')
                seen |= i > 0 && points[i - 1] == '\r' ? 4 : 2;
            else if (points[i] == '\r' && (i + 1 == points.Length || points[i + 1] != '\n'))
                seen |= 1;
        }
        return translate ? StrMethods.Replace(StrMethods.Replace(text, new PyStr("\r\n"), new PyStr("\n"), -1), cr, new PyStr("\n"), -1) : text;
    }

    private static PyObject SeenNewlines(int seen)
    {
        var kinds = new[] { (1, "\r"), (2, "\n"), (4, "\r\n") }.Where(k => (seen & k.Item1) != 0).Select(k => (PyObject)new PyStr(k.Item2)).ToArray();
        return kinds.Length switch { 0 => Values.None, 1 => kinds[0], _ => new PyTuple(kinds) };
    }

    private static bool FillText(PyTextFile self, bool all)
    {
        if (self.AtEnd)
            return false;
        FlushText(self);
        var data = Calls.CallMethod(self.Buffer!, all ? "read" : Attributes.TryGet(self.Buffer!, "read1") is null ? "read" : "read1", all ? [] : [PyInt.Of(DefaultBuffer)]);
        var final = data is not IBuffer { Bytes.Length: > 0 } || all;
        var text = DecodePart(self, data is IBuffer ? data : PyBytes.Empty, final);
        if (self.Universal)
            text = TranslateNewlines(text, final, self.Translate, ref self.PendingCr, ref self.Seen);
        self.Pending = self.Left > 0 ? self.Pending.Substring(self.At, self.Left).Plus(text) : text;
        self.At = 0;
        if (final)
        {
            self.AtEnd = true;
            return text.Length > 0;
        }
        return true;
    }

    private static PyStr TakeText(PyTextFile self, int count)
    {
        var part = self.Pending.Substring(self.At, count);
        self.At += count;
        return part;
    }

    private static PyStr ReadText(PyTextFile self, long size)
    {
        if (size < 0)
        {
            FillText(self, true);
            var rest = TakeText(self, self.Left);
            self.AtEnd = false;
            return rest;
        }
        while (self.Left < size && FillText(self, false))
        {
        }
        var result = TakeText(self, (int)Math.Min(size, self.Left));
        self.AtEnd = false;
        return result;
    }

    /// <summary>Where the first line of the text ends, or -1 if it may go on.</summary>
    private static int LineEnd(PyStr text, int from, PyObject newline, bool universal, bool final)
    {
        var own = newline as PyStr;
        if (own is { Length: > 0 })
            return StrMethods.Find(text, own, from, text.Length) is >= 0 and var at ? at + own.Length : -1;
        var lf = StrMethods.Find(text, new PyStr("\n"), from, text.Length);
        if (!universal || newline == Values.None)
            return lf < 0 ? -1 : lf + 1;
        var cr = StrMethods.Find(text, new PyStr("\r"), from, text.Length);
        if (cr < 0 || (lf >= 0 && lf < cr))
            return lf < 0 ? -1 : lf + 1;
        if (cr + 1 < text.Length)
            return text[cr + 1] == '\n' ? cr + 2 : cr + 1;
        return final ? cr + 1 : -1;
    }

    private static PyStr LineOf(PyTextFile self, long limit)
    {
        while (true)
        {
            var end = LineEnd(self.Pending, self.At, self.Newline, self.Universal, self.AtEnd);
            if (end < 0 && (limit < 0 || self.Left < limit) && FillText(self, false))
                continue;
            var count = end < 0 ? self.Left : end - self.At;
            self.AtEnd = false;
            return TakeText(self, (int)(limit < 0 ? count : Math.Min(count, limit)));
        }
    }

    private static void SetNewline(PyTextFile self, PyObject newline)
    {
        if (newline is not PyStr && newline != Values.None)
            throw Err.Type($"illegal newline type: {newline.Type.FullName}");
        if (newline is PyStr text && text.Value is not ("" or "\n" or "\r" or "\r\n"))
            throw Err.Value($"illegal newline value: {Ops.Repr(newline)}");
        self.Newline = newline;
        self.Universal = newline == Values.None || newline is PyStr { Length: 0 };
        self.Translate = newline == Values.None;
        self.WriteNewline = newline is PyStr { Length: > 0 } own ? own.Value : "\n";
    }

    public static readonly PyType TextIOWrapper = new("TextIOWrapper", TextBase, t =>
    {
        t.New = (type, _, _) => new PyTextFile(type);
        t.Init = (o, args, names) =>
        {
            var a = TextIOWrapperParameters.Bind(args, names);
            var self = (PyTextFile)o;
            SetNewline(self, a[3]!);
            self.Buffer = a[0];
            self.Encoding = a[1] is PyStr e && e.Value != "locale" ? e.Value : "utf-8";
            if (a[1] is not PyStr && a[1] != Values.None)
                throw Err.Type($"TextIOWrapper() argument 'encoding' must be str or None, not {a[1]!.Type.FullName}");
            self.Errors = a[2] is PyStr errors ? errors.Value : "strict";
            self.LineBuffering = Ops.IsTrue(a[4]!);
            self.WriteThrough = Ops.IsTrue(a[5]!);
            if (a[1] is PyStr)
                Calls.CallMethod(PyThread.Current.Machine.ImportModule("codecs"), "lookup", new PyStr(self.Encoding));
            if (a[0] is PyBuffered { Raw: PyFileIO { Writable: true } })
                Track(o, Layer.Text);
        };
        t.Repr = o => PyStr.FromUtf16("<_io.TextIOWrapper" + (Attributes.TryGet(o, "name") is { } n ? $" name={Ops.Repr(n)}" : "") + (Attributes.TryGet(o, "mode") is { } m ? $" mode={Ops.Repr(m)}" : "") + $" encoding='{((PyTextFile)o).Encoding}'>");
        t.Next = o => LineOf(T(o), -1) is { Length: > 0 } line ? line : null;
        t.Getter("buffer", o => ((PyTextFile)o).Buffer);
        t.Getter("encoding", o => PyStr.FromUtf16(((PyTextFile)o).Encoding));
        t.Getter("errors", o => PyStr.FromUtf16(((PyTextFile)o).Errors));
        t.Getter("newlines", o => SeenNewlines(((PyTextFile)o).Seen));
        t.Getter("line_buffering", o => Values.Bool(((PyTextFile)o).LineBuffering));
        t.Getter("write_through", o => Values.Bool(((PyTextFile)o).WriteThrough));
        t.Getter("closed", o => Attributes.Get(((PyTextFile)o).Buffer ?? throw Err.Value("underlying buffer has been detached"), "closed"));
        t.Getter("name", o => Attributes.Get(((PyTextFile)o).Buffer!, "name"));
        foreach (var each in new[] { "fileno", "isatty", "seekable", "readable", "writable" })
            t.Def0(each, o => Calls.CallMethod(T(o).Buffer!, each));
        t.Def1("write", (o, value) =>
        {
            var self = T(o);
            var text = value as PyStr ?? throw Err.Type($"write() argument must be str, not {value.Type.FullName}");
            var written = text;
            var hasLine = text.Value.Contains('\n', StringComparison.Ordinal);
            if (hasLine && self.WriteNewline != "\n")
                written = StrMethods.Replace(text, new PyStr("\n"), new PyStr(self.WriteNewline), -1);
            self.Put(written);
            if (self.WriteThrough || self.Behind.Count >= DefaultBuffer || (self.LineBuffering && (hasLine || text.Value.Contains('\r', StringComparison.Ordinal))))
            {
                FlushText(self);
                if (self.LineBuffering && hasLine)
                    Calls.CallMethod(self.Buffer!, "flush");
            }
            self.Pending = PyStr.Empty;
            self.At = 0;
            return PyInt.Of(text.Length);
        });
        t.Def("read", "size=-1, /", (o, a) => ReadText(Readable(T(o)), Args.Long(a[0]!, -1)));
        t.Def("readline", "size=-1, /", (o, a) => LineOf(Readable(T(o)), Args.Long(a[0]!, -1)));
        t.Def0("flush", o =>
        {
            FlushText(T(o));
            Calls.CallMethod(((PyTextFile)o).Buffer!, "flush");
            return Values.None;
        });
        t.Def0("close", o =>
        {
            var self = (PyTextFile)o;
            if (self.Buffer is null || Ops.IsTrue(Attributes.Get(self.Buffer, "closed")))
                return Values.None;
            try
            {
                Calls.CallMethod(o, "flush");
            }
            finally
            {
                Calls.CallMethod(self.Buffer, "close");
            }
            return Values.None;
        });
        t.Def0("detach", o =>
        {
            Calls.CallMethod(o, "flush");
            var buffer = ((PyTextFile)o).Buffer;
            ((PyTextFile)o).Buffer = null;
            return buffer;
        });
        t.Def("reconfigure", "*, encoding=None, errors=None, newline=?, line_buffering=None, write_through=None", (o, a) =>
        {
            var self = T(o);
            Calls.CallMethod(o, "flush");
            if (a[0] is PyStr encoding)
                (self.Encoding, self.Errors, self.Decoder, self.Encoder) = (encoding.Value, "strict", null, null);
            if (a[1] is PyStr errors)
                (self.Errors, self.Decoder, self.Encoder) = (errors.Value, null, null);
            if (a[2] is not null)
                SetNewline(self, a[2]!);
            if (a[3] != Values.None)
                self.LineBuffering = Ops.IsTrue(a[3]!);
            if (a[4] != Values.None)
                self.WriteThrough = Ops.IsTrue(a[4]!);
            return Values.None;
        });
        t.Def("seek", "cookie, whence=0, /", (o, a) =>
        {
            var self = T(o);
            Calls.CallMethod(o, "flush");
            var (offset, whence) = (Args.Long(a[0]!), Args.Int(a[1]!));
            if (whence == 1)
                offset = offset == 0 ? Args.Long(Calls.CallMethod(o, "tell")) : throw Unsupported("can't do nonzero cur-relative seeks");
            if (whence == 2 && offset != 0)
                throw Unsupported("can't do nonzero end-relative seeks");
            if (offset < 0)
                throw Err.Value($"negative seek position {offset}");
            (self.Pending, self.At, self.AtEnd, self.PendingCr, self.Decoder) = (PyStr.Empty, 0, false, false, null);
            return Calls.CallMethod(self.Buffer!, "seek", PyInt.Of(offset), PyInt.Of(whence == 2 ? 2 : 0));
        });
        t.Def0("tell", o =>
        {
            var self = T(o);
            FlushText(self);
            var position = Args.Long(Calls.CallMethod(self.Buffer!, "tell"));
            // What has been decoded but not read stands behind in the file.
            return PyInt.Of(position - (self.Left == 0 ? 0 : ((PyBytes)Codecs.Encode(self.Pending.Substring(self.At, self.Left), self.Encoding, self.Errors)).Content.Length));
        });
        t.Def("truncate", "pos=None, /", (o, a) =>
        {
            Calls.CallMethod(o, "flush");
            return Calls.CallMethod(T(o).Buffer!, "truncate", a[0]!);
        });
    }, "_io");

    private static PyTextFile Readable(PyTextFile self) => Ops.IsTrue(Calls.CallMethod(self.Buffer!, "readable")) ? self : throw Unsupported("not readable");

    private sealed class PyStringIO(PyType type) : PyExtensible(type)
    {
        public List<int> Text = [];
        public int Position;
        public bool Closed, Universal, Translate;
        public string WriteNewline = "\n";
        public PyObject Newline = Values.None;
        public int Seen;
    }

    private static PyStringIO S(PyObject o)
    {
        var self = (PyStringIO)o;
        return !self.Closed ? self : throw Err.Value("I/O operation on closed file");
    }

    /// <summary>What a program has put onto a file in memory, for pickle; None when that is nothing.</summary>
    private static PyObject OwnAttributes(PyObject o)
    {
        if (Attributes.TryGet(o, "__dict__") is not PyDict { Count: > 0 } own)
            return Values.None;
        var copy = new PyDict();
        foreach (var (key, value) in own.Items())
            copy.Set(key, value);
        return copy;
    }

    private static PyTuple StateOf(PyObject o, PyObject given, int count) =>
        given is PyTuple state && state.Count >= count ? state : throw Err.Type($"{o.Type.FullName}.__setstate__ argument should be {count}-tuple, got {given.Type.FullName}");

    private static long PositionOf(PyObject o, string which, string but) =>
        (o is PyInt ? Args.Long(o) : throw Err.Type($"{which} item of state must be an integer, {but} {o.Type.FullName}")) is >= 0 and var position ? position : throw Err.Value("position value cannot be negative");

    private static void SetAttributes(PyObject o, PyObject given, string which)
    {
        if (given == Values.None)
            return;
        foreach (var (key, value) in (given as PyDict ?? throw Err.Type($"{which} item of state should be a dict, got a {given.Type.FullName}")).Items())
            Attributes.Set(o, (PyStr)key, value);
    }

    private static void WriteString(PyStringIO self, PyStr text)
    {
        if (self.Universal)
        {
            var pending = false;
            text = TranslateNewlines(text, true, self.Translate, ref pending, ref self.Seen);
        }
        if (self.WriteNewline != "\n")
            text = StrMethods.Replace(text, new PyStr("\n"), new PyStr(self.WriteNewline), -1);
        if (text.Length == 0)
            return;
        PyThread.Current.Machine.Limits.CheckSize((self.Text.Count + (long)text.Length) * 4);
        while (self.Text.Count < self.Position)
            self.Text.Add(0);
        var end = self.Position + text.Length;
        if (end > self.Text.Count)
            System.Runtime.InteropServices.CollectionsMarshal.SetCount(self.Text, end);
        var place = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(self.Text)[self.Position..end];
        if (text.IsWide)
        {
            text.Wide.CopyTo(place);
        }
        else
        {
            var from = text.Value;
            for (var i = 0; i < place.Length; i++)
                place[i] = from[i];
        }
        self.Position = end;
    }

    private static PyStr TakeString(PyStringIO self, long size)
    {
        var left = Math.Max(0, self.Text.Count - self.Position);
        var count = (int)(size < 0 ? left : Math.Min(size, left));
        var part = PyStr.FromCodePoints(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(self.Text).Slice(Math.Min(self.Position, self.Text.Count), count));
        self.Position += count;
        return part;
    }

    private static PyStr StringLine(PyStringIO self, long limit)
    {
        var start = Math.Min(self.Position, self.Text.Count);
        var end = start;
        var newline = self.Newline is PyStr { Length: > 0 } own ? own.Value : "\n";
        while (end < self.Text.Count)
        {
            var c = self.Text[end++];
            if (self.Universal && !self.Translate && c == '\r')
            {
                if (end < self.Text.Count && self.Text[end] == '\n')
                    end++;
                break;
            }
            if (c == newline[^1] && (newline.Length == 1 || (end - start > 1 && self.Text[end - 2] == newline[0])))
                break;
        }
        return TakeString(self, limit < 0 ? end - start : Math.Min(limit, end - start));
    }

    public static readonly PyType StringIO = new("StringIO", TextBase, t =>
    {
        t.New = (type, _, _) => new PyStringIO(type);
        t.Init = (o, args, names) =>
        {
            var a = StringIOParameters.Bind(args, names);
            var self = (PyStringIO)o;
            var newline = a[1] ?? new PyStr("\n");
            if (newline != Values.None && newline is not PyStr)
                throw Err.Type($"newline must be str or None, not {newline.Type.FullName}");
            if (newline is PyStr n && n.Value is not ("" or "\n" or "\r" or "\r\n"))
                throw Err.Value($"illegal newline value: {Ops.Repr(newline)}");
            self.Newline = newline;
            self.Universal = newline == Values.None || newline is PyStr { Length: 0 };
            self.Translate = newline == Values.None;
            self.WriteNewline = newline is PyStr { Length: > 0 } own ? own.Value : "\n";
            self.Text = [];
            self.Position = 0;
            if (a[0] != Values.None)
                WriteString(self, a[0] as PyStr ?? throw Err.Type($"initial_value must be str or None, not {a[0]!.Type.FullName}"));
            self.Position = 0;
        };
        t.Def0("__getstate__", o =>
        {
            var self = S(o);
            return new PyTuple(PyStr.FromCodePoints(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(self.Text)), self.Newline, PyInt.Of(self.Position), OwnAttributes(o));
        });
        t.Def1("__setstate__", (o, given) =>
        {
            var self = S(o);
            var state = StateOf(o, given, 4);
            t.Init!(o, [state[0], state[1]], null);
            // The text has been through the newlines already.
            self.Text = [.. ((PyStr)state[0]).ToCodePoints()];
            self.Position = (int)Math.Min(PositionOf(state[2], "third", "got"), int.MaxValue);
            SetAttributes(o, state[3], "fourth");
            return Values.None;
        });
        t.Next = o => StringLine(S(o), -1) is { Length: > 0 } line ? line : null;
        t.Getter("closed", o => Values.Bool(((PyStringIO)o).Closed));
        t.Getter("line_buffering", _ => Values.False);
        t.Getter("newlines", o => SeenNewlines(S(o).Seen));
        foreach (var name in new[] { "readable", "writable", "seekable" })
            t.Def0(name, o => S(o) is not null ? Values.True : null);
        t.Def1("write", (o, text) =>
        {
            WriteString(S(o), text as PyStr ?? throw Err.Type($"string argument expected, got '{text.Type.FullName}'"));
            return PyInt.Of(((PyStr)text).Length);
        });
        t.Def("read", "size=-1, /", (o, a) => TakeString(S(o), Args.Long(a[0]!, -1)));
        t.Def("readline", "size=-1, /", (o, a) => StringLine(S(o), Args.Long(a[0]!, -1)));
        t.Def0("getvalue", o => PyStr.FromCodePoints(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(S(o).Text)));
        t.Def("seek", "pos, whence=0, /", (o, a) =>
        {
            var self = S(o);
            var offset = Args.Long(a[0]!);
            self.Position = Args.Int(a[1]!) switch
            {
                0 => offset >= 0 ? (int)offset : throw Err.Value($"Negative seek position {offset}"),
                1 => offset == 0 ? self.Position : throw Err.OS(0, (PyObject?)null),
                2 => offset == 0 ? self.Text.Count : throw Err.Of(ExceptionTypes.OSError, "Can't do nonzero cur-relative seeks"),
                var w => throw Err.Value($"Invalid whence ({w}, should be 0, 1 or 2)"),
            };
            return PyInt.Of(self.Position);
        });
        t.Def0("tell", o => PyInt.Of(S(o).Position));
        t.Def("truncate", "pos=None, /", (o, a) =>
        {
            var size = Args.Long(a[0]!, S(o).Position);
            if (size < 0)
                throw Err.Value($"Negative size value {size}");
            if (size < S(o).Text.Count)
                S(o).Text.RemoveRange((int)size, S(o).Text.Count - (int)size);
            return PyInt.Of(size);
        });
        t.Def0("close", o =>
        {
            ((PyStringIO)o).Closed = true;
            return Values.None;
        });
    }, "_io");

    private sealed class PyNewlineDecoder(PyType type) : PyExtensible(type)
    {
        public PyObject Decoder = Values.None;
        public bool Translate, PendingCr;
        public int Seen;
    }

    public static readonly PyType NewlineDecoder = new("IncrementalNewlineDecoder", PyType.Object, t =>
    {
        t.New = (type, _, _) => new PyNewlineDecoder(type);
        t.Init = (o, args, names) =>
        {
            var a = IncrementalNewlineDecoderParameters.Bind(args, names);
            ((PyNewlineDecoder)o).Decoder = a[0]!;
            ((PyNewlineDecoder)o).Translate = Ops.IsTrue(a[1]!);
        };
        t.Def("decode", "input, final=False", (o, a) =>
        {
            var self = (PyNewlineDecoder)o;
            var text = (self.Decoder == Values.None ? a[0]! : Calls.CallMethod(self.Decoder, "decode", a[0]!, a[1]!)) is var decoded && decoded is PyStr given ? given : throw Err.Type($"decoder should return a string result, not '{decoded.Type.FullName}'");
            return TranslateNewlines(text, Ops.IsTrue(a[1]!), self.Translate, ref self.PendingCr, ref self.Seen);
        });
        t.Def0("reset", o =>
        {
            (((PyNewlineDecoder)o).PendingCr, ((PyNewlineDecoder)o).Seen) = (false, 0);
            return ((PyNewlineDecoder)o).Decoder is var decoder && decoder != Values.None ? Calls.CallMethod(decoder, "reset") : Values.None;
        });
        t.Def0("getstate", o =>
        {
            var self = (PyNewlineDecoder)o;
            var state = self.Decoder == Values.None ? new PyTuple(new PyBytes([]), PyInt.Zero) : Calls.CallMethod(self.Decoder, "getstate");
            if (state is not PyTuple { Count: 2 } pair || pair[1] is not PyInt flags)
                throw Err.Type("illegal decoder state");
            return new PyTuple(pair[0], PyInt.Of(flags.ToBig() << 1 | (self.PendingCr ? 1 : 0)));
        });
        t.Def1("setstate", (o, state) =>
        {
            var self = (PyNewlineDecoder)o;
            if (state is not PyTuple { Count: 2 } pair || pair[1] is not PyInt flags)
                throw Err.Type("state argument must be a tuple");
            self.PendingCr = !flags.ToBig().IsEven;
            return self.Decoder == Values.None ? Values.None : Calls.CallMethod(self.Decoder, "setstate", new PyTuple(pair[0], PyInt.Of(flags.ToBig() >> 1)));
        });
        t.Getter("newlines", o => SeenNewlines(((PyNewlineDecoder)o).Seen));
    }, "_io");
}
