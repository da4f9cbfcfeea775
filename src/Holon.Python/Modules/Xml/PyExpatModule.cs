using System.Text;

namespace Holon.Python.Modules.Xml;

/// <summary>pyexpat: expat's interface over <see cref="XmlParser"/>.</summary>
internal static class PyExpatModule
{
    private static readonly string[] HandlerNames =
    [
        "AttlistDeclHandler", "CharacterDataHandler", "CommentHandler", "DefaultHandler", "DefaultHandlerExpand", "ElementDeclHandler", "EndCdataSectionHandler", "EndDoctypeDeclHandler", "EndElementHandler", "EndNamespaceDeclHandler",
        "EntityDeclHandler", "ExternalEntityRefHandler", "NotStandaloneHandler", "NotationDeclHandler", "ProcessingInstructionHandler", "SkippedEntityHandler", "StartCdataSectionHandler", "StartDoctypeDeclHandler", "StartElementHandler",
        "StartNamespaceDeclHandler", "UnparsedEntityDeclHandler", "XmlDeclHandler",
    ];

    private sealed class State
    {
        public PyType Error { get; } = Make();

        private static PyType Make()
        {
            var dict = new PyDict();
            dict.Set("__module__", new PyStr("xml.parsers.expat"));
            return ClassBuilder.Build(PyType.TypeType, new PyStr("ExpatError"), new PyTuple(ExceptionTypes.Exception), dict, [], null);
        }
    }

    private sealed class PyParser : PyObject, IXmlEvents
    {
        private readonly Dictionary<string, PyObject> handlers = [];
        private readonly StringBuilder characters = new();
        private readonly XmlDecoder decoder;

        public PyParser(string? encoding, char? separator, PyObject intern, bool isFragment)
        {
            (Encoding, Separator, Intern) = (encoding, separator, intern);
            decoder = new XmlDecoder(encoding);
            Parser = new XmlParser(this, separator) { IsFragment = isFragment };
        }

        public XmlParser Parser { get; }

        public string? Encoding { get; }

        public char? Separator { get; }

        public PyObject Intern { get; }

        public PyObject Base { get; set; } = Values.None;

        public bool BuffersText { get; set; }

        public int BufferSize { get; set; } = 8192;

        public bool OrderedAttributes { get; set; }

        public bool SpecifiedAttributes { get; set; }

        public bool ReadsParameterEntities { get; set; }

        public bool UsesForeignDtd { get; set; }

        public int ErrorCode { get; private set; }

        public bool IsFinished { get; private set; }

        public bool HasStarted { get; private set; }

        public int BufferUsed => characters.Length;

        public override PyType Type => ParserType;

        public PyObject GetHandler(string name) => handlers.GetValueOrDefault(name) ?? Values.None;

        public void SetHandler(string name, PyObject? handler)
        {
            if (name == "CharacterDataHandler")
                Flush();
            if (Args.IsNone(handler))
                handlers.Remove(name);
            else
                handlers[name] = handler!;
        }

        public void Feed(byte[]? bytes, string? given, bool isFinal)
        {
            if (IsFinished)
                throw Raise(new XmlException(XmlErrorCode.Finished));
            HasStarted = true;
            try
            {
                if (given is not null)
                    Parser.Parse(given, isFinal);
                else
                    Parser.Parse(decoder, bytes, isFinal);
                if (isFinal)
                    Flush();
            }
            catch (XmlException error)
            {
                Flush();
                throw Raise(error);
            }
            IsFinished |= isFinal;
        }

        private PyError Raise(XmlException error)
        {
            ErrorCode = (int)error.Code;
            IsFinished = true;
            var text = $"{XmlException.Text(ErrorCode)}: line {Parser.Line}, column {Parser.Column}";
            var raised = Err.Of(PyThread.Current.Machine.State<State>("pyexpat").Error, text);
            Attributes.Set(raised.Value, "code", PyInt.Of(ErrorCode));
            Attributes.Set(raised.Value, "offset", PyInt.Of(Parser.Column));
            Attributes.Set(raised.Value, "lineno", PyInt.Of(Parser.Line));
            return raised;
        }

        // ---- Events ----

        private void Call(string handler, params PyObject[] arguments)
        {
            if (handlers.TryGetValue(handler, out var function))
                Calls.Call(function, arguments);
        }

        private static PyObject Text(string? text) => text is null ? Values.None : PyStr.FromUtf16(text);

        public bool Wants(string handler) => handler == "ExternalSubset" ? ReadsParameterEntities && handlers.ContainsKey("ExternalEntityRefHandler") : handlers.ContainsKey(handler);

        public void Flush()
        {
            if (characters.Length == 0)
                return;
            var text = characters.ToString();
            characters.Clear();
            Call("CharacterDataHandler", Text(text));
        }

        public void Characters(string text)
        {
            if (!handlers.ContainsKey("CharacterDataHandler"))
            {
                Simple("DefaultHandler", text);
                return;
            }
            if (BuffersText)
            {
                if (characters.Length + text.Length > BufferSize)
                    Flush();
                if (text.Length > BufferSize)
                    Call("CharacterDataHandler", Text(text));
                else
                    characters.Append(text);
                return;
            }
            // expat reports each line end by itself.
            var start = 0;
            for (var i = 0; i < text.Length; i++)
            {
                if (text[i] != '\n')
                    continue;
                if (i > start)
                    Call("CharacterDataHandler", Text(text[start..i]));
                Call("CharacterDataHandler", Text("\n"));
                start = i + 1;
            }
            if (start < text.Length)
                Call("CharacterDataHandler", Text(text[start..]));
        }

        public void StartElement(string name, List<(string Name, string Value)> attributes, int specified)
        {
            Flush();
            if (!handlers.ContainsKey("StartElementHandler"))
            {
                Simple("DefaultHandler", "<" + name + ">");
                return;
            }
            var shown = SpecifiedAttributes ? attributes.Take(specified) : attributes;
            if (OrderedAttributes)
            {
                Call("StartElementHandler", Text(name), new PyList(shown.SelectMany(a => new[] { Text(a.Name), Text(a.Value) })));
                return;
            }
            var dict = new PyDict();
            foreach (var (attribute, value) in shown)
                dict.Set(Text(attribute), Text(value));
            Call("StartElementHandler", Text(name), dict);
        }

        public void EndElement(string name)
        {
            Flush();
            if (handlers.ContainsKey("EndElementHandler"))
                Call("EndElementHandler", Text(name));
            else
                Simple("DefaultHandler", "</" + name + ">");
        }

        public void Simple(string handler, params object?[] arguments)
        {
            if (handler == "DefaultHandler" && !handlers.ContainsKey(handler))
                handler = "DefaultHandlerExpand";
            if (!handlers.ContainsKey(handler))
                return;
            Flush();
            var values = Array.ConvertAll(arguments, a => a switch
            {
                null => Values.None,
                string s => Text(s),
                int n => PyInt.Of(n),
                _ => (PyObject)a,
            });
            // The place of the base in the arguments of declarations.
            if (handler is "NotationDeclHandler" or "UnparsedEntityDeclHandler")
                values[1] = Base;
            if (handler == "EntityDeclHandler")
                values[3] = Base;
            Call(handler, values);
        }

        public bool ExternalEntity(string? context, string? systemId, string? publicId)
        {
            Flush();
            if (!handlers.TryGetValue("ExternalEntityRefHandler", out var function))
                return true;
            var answer = Calls.Call(function, Text(context), Base, Text(systemId), Text(publicId));
            return Ops.IsTrue(answer);
        }

        public PyParser Child(string? encoding)
        {
            var child = new PyParser(encoding, Separator, Intern, true) { Base = Base, BuffersText = BuffersText, BufferSize = BufferSize, OrderedAttributes = OrderedAttributes, SpecifiedAttributes = SpecifiedAttributes };
            foreach (var (name, handler) in handlers)
                child.handlers[name] = handler;
            return child;
        }
    }

    private static PyParser P(PyObject o) => (PyParser)o;

    private static readonly PyType ParserType = new("xmlparser", PyType.Object, t =>
    {
        t.IsFinal = true;
        foreach (var name in HandlerNames)
            t.Getter(name, o => P(o).GetHandler(name), (o, v) => P(o).SetHandler(name, v ?? throw Err.Runtime("Cannot delete attribute")));
        t.Def("Parse", "data, isfinal=False, /", (o, a) =>
        {
            if (a[0] is PyStr text)
                P(o).Feed(null, text.Value, Ops.IsTrue(a[1]!));
            else
                P(o).Feed(Buffers.Bytes(a[0]), null, Ops.IsTrue(a[1]!));
            return PyInt.One;
        });
        t.Def1("ParseFile", (o, file) =>
        {
            var read = Attributes.TryGet(file, "read") ?? throw Err.Type("argument must have 'read' attribute");
            while (true)
            {
                var part = Calls.Call(read, PyInt.Of(2048));
                if (part is not IBuffer buffer)
                    throw Err.Type($"read() did not return a bytes object (type={part.Type.FullName})");
                var bytes = buffer.Bytes.ToArray();
                if (bytes.Length > 2048)
                    throw Err.Value($"read() returned too much data: 2048 bytes requested, {bytes.Length} returned");
                P(o).Feed(bytes, null, bytes.Length == 0);
                if (bytes.Length == 0)
                    return PyInt.One;
            }
        });
        t.Def1("SetBase", (o, value) =>
        {
            P(o).Base = value;
            return Values.None;
        });
        t.Def0("GetBase", o => P(o).Base);
        t.Def0("GetInputContext", _ => Values.None);
        t.Def("ExternalEntityParserCreate", "context, encoding=None, /", (o, a) => P(o).Child((a[1] as PyStr)?.Value));
        t.Def1("SetParamEntityParsing", (o, flag) =>
        {
            P(o).ReadsParameterEntities = Args.Int(flag) != 0;
            return PyInt.One;
        });
        t.Def("UseForeignDTD", "flag=True, /", (o, a) =>
        {
            if (P(o).HasStarted)
            {
                var error = Err.Of(PyThread.Current.Machine.State<State>("pyexpat").Error, XmlException.Text(26)!);
                Attributes.Set(error.Value, "code", PyInt.Of(26));
                throw error;
            }
            P(o).UsesForeignDtd = Ops.IsTrue(a[0]!);
            return Values.None;
        });
        foreach (var prefix in new[] { "Current", "Error" })
        {
            t.Getter(prefix + "LineNumber", o => PyInt.Of(P(o).Parser.Line));
            t.Getter(prefix + "ColumnNumber", o => PyInt.Of(P(o).Parser.Column));
            t.Getter(prefix + "ByteIndex", o => PyInt.Of(P(o).Parser.ByteIndex));
        }
        t.Getter("ErrorCode", o => PyInt.Of(P(o).ErrorCode));
        t.Getter("intern", o => P(o).Intern);
        t.Getter("buffer_used", o => PyInt.Of(P(o).BufferUsed));
        t.Getter("buffer_text", o => Values.Bool(P(o).BuffersText), (o, v) =>
        {
            if (!Ops.IsTrue(v!))
                P(o).Flush();
            P(o).BuffersText = Ops.IsTrue(v!);
        });
        t.Getter("buffer_size", o => PyInt.Of(P(o).BufferSize), (o, v) =>
        {
            if (v is not PyInt)
                throw Err.Type("buffer_size must be an integer");
            if (!((PyInt)v).TryLong(out var size) || size > int.MaxValue)
                throw Err.Value($"buffer_size must not be greater than {int.MaxValue}");
            if (size <= 0)
                throw Err.Value("buffer_size must be greater than zero");
            P(o).Flush();
            P(o).BufferSize = (int)size;
        });
        t.Getter("namespace_prefixes", o => Values.Bool(P(o).Parser.ReportPrefixes), (o, v) => P(o).Parser.ReportPrefixes = Ops.IsTrue(v!));
        t.Getter("ordered_attributes", o => Values.Bool(P(o).OrderedAttributes), (o, v) => P(o).OrderedAttributes = Ops.IsTrue(v!));
        t.Getter("specified_attributes", o => Values.Bool(P(o).SpecifiedAttributes), (o, v) => P(o).SpecifiedAttributes = Ops.IsTrue(v!));
    }, "pyexpat");

    private static readonly string[] ErrorNames =
    [
        "", "NO_MEMORY", "SYNTAX", "NO_ELEMENTS", "INVALID_TOKEN", "UNCLOSED_TOKEN", "PARTIAL_CHAR", "TAG_MISMATCH", "DUPLICATE_ATTRIBUTE", "JUNK_AFTER_DOC_ELEMENT", "PARAM_ENTITY_REF", "UNDEFINED_ENTITY", "RECURSIVE_ENTITY_REF", "ASYNC_ENTITY",
        "BAD_CHAR_REF", "BINARY_ENTITY_REF", "ATTRIBUTE_EXTERNAL_ENTITY_REF", "MISPLACED_XML_PI", "UNKNOWN_ENCODING", "INCORRECT_ENCODING", "UNCLOSED_CDATA_SECTION", "EXTERNAL_ENTITY_HANDLING", "NOT_STANDALONE", "UNEXPECTED_STATE", "ENTITY_DECLARED_IN_PE",
        "FEATURE_REQUIRES_XML_DTD", "CANT_CHANGE_FEATURE_ONCE_PARSING", "UNBOUND_PREFIX", "UNDECLARING_PREFIX", "INCOMPLETE_PE", "XML_DECL", "TEXT_DECL", "PUBLICID", "SUSPENDED", "NOT_SUSPENDED", "ABORTED", "FINISHED", "SUSPEND_PE", "RESERVED_PREFIX_XML",
        "RESERVED_PREFIX_XMLNS", "RESERVED_NAMESPACE_URI", "INVALID_ARGUMENT", "NO_BUFFER", "AMPLIFICATION_LIMIT_BREACH",
    ];

    public static void Fill(ModuleBuilder m)
    {
        var error = m.Machine.State<State>("pyexpat").Error;
        m.Set("ExpatError", error);
        m.Set("error", error);
        m.Set("XMLParserType", ParserType);
        m.Set("EXPAT_VERSION", "expat_2.5.0");
        m.Set("version_info", new PyTuple(PyInt.Of(2), PyInt.Of(5), PyInt.Zero));
        m.Set("native_encoding", "UTF-8");
        m.Set("features", new PyList(new PyTuple(new PyStr("sizeof(XML_Char)"), PyInt.One), new PyTuple(new PyStr("XML_DTD"), PyInt.Zero), new PyTuple(new PyStr("XML_NS"), PyInt.Zero)));
        foreach (var (name, value) in new[] { ("XML_PARAM_ENTITY_PARSING_NEVER", 0), ("XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE", 1), ("XML_PARAM_ENTITY_PARSING_ALWAYS", 2) })
            m.Set(name, value);
        m.Def1("ErrorString", code => XmlException.Text(Args.Int(code)) is { } text ? new PyStr(text) : Values.None);
        m.Def("ParserCreate", "encoding=None, namespace_separator=None, intern=?", a =>
        {
            char? separator = a[1] switch
            {
                PyStr { Length: 0 } => '\0',
                PyStr { Length: 1 } s => (char)s[0],
                PyStr => throw Err.Value("namespace_separator must be at most one character, omitted, or None"),
                _ when a[1] == Values.None => null,
                _ => throw Err.Type($"ParserCreate() argument 'namespace_separator' must be str or None, not {a[1]!.Type.FullName}"),
            };
            var encoding = a[0] is PyStr e ? e.Value : a[0] == Values.None ? null : throw Err.Type($"ParserCreate() argument 'encoding' must be str or None, not {a[0]!.Type.FullName}");
            if (a[2] is not (null or PyDict) && a[2] != Values.None)
                throw Err.Type("intern must be a dictionary");
            return new PyParser(encoding, separator, a[2] ?? new PyDict(), false);
        });
        m.Set("errors", Child("errors", dict =>
        {
            var (codes, messages) = (new PyDict(), new PyDict());
            for (var i = 1; i < ErrorNames.Length; i++)
            {
                var text = new PyStr(XmlException.All[i]);
                dict.Set("XML_ERROR_" + ErrorNames[i], text);
                codes.Set(text, PyInt.Of(i));
                messages.Set(PyInt.Of(i), text);
            }
            dict.Set("codes", codes);
            dict.Set("messages", messages);
        }));
        m.Set("model", Child("model", dict =>
        {
            foreach (var (name, value) in new[] { ("CTYPE_EMPTY", 1), ("CTYPE_ANY", 2), ("CTYPE_MIXED", 3), ("CTYPE_NAME", 4), ("CTYPE_CHOICE", 5), ("CTYPE_SEQ", 6), ("CQUANT_NONE", 0), ("CQUANT_OPT", 1), ("CQUANT_REP", 2), ("CQUANT_PLUS", 3) })
                dict.Set("XML_" + name, PyInt.Of(value));
        }));

        PyModule Child(string name, Action<PyDict> fill)
        {
            var module = new PyModule(ModuleType.Type, new PyDict());
            module.Dict.Set(Names.Name, new PyStr("pyexpat." + name));
            module.Dict.Set(Names.Doc, Values.None);
            fill(module.Dict);
            m.Machine.Modules.Set("pyexpat." + name, module);
            return module;
        }
    }
}
