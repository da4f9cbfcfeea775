namespace Holon.Python.Modules.Xml;

/// <summary>xml.etree's XMLParser: an <see cref="XmlParser"/> whose events go to a target, and straight to the tree when the target builds one.</summary>
internal sealed class PyXmlParser(PyType type) : PyExtensible(type), IXmlEvents
{
    private readonly Dictionary<string, PyStr> names = [];
    private readonly System.Text.StringBuilder characters = new();
    private XmlParser? parser;
    private XmlDecoder? decoder;
    private bool isFinished;
    private PyTreeBuilder? builder;
    private PyObject? start, data, end, startNamespace, endNamespace, comment, instruction, doctype, close;

    public PyObject? Target { get; private set; }

    public PyDict? Entities { get; private set; }

    public PyTreeBuilder? Builder => builder;

    public bool IsOpen => parser is not null;

    public void Open(PyObject target, string? encoding)
    {
        // The parser's names are {namespace}name: the separator is the brace.
        parser = new XmlParser(this, '}');
        decoder = new XmlDecoder(encoding);
        isFinished = false;
        Entities = new PyDict();
        Target = Args.IsNone(target) ? Calls.Call(PyTreeBuilder.BuilderType) : target;
        builder = Target.Type == PyTreeBuilder.BuilderType ? (PyTreeBuilder)Target : null;
        (start, data, end) = (Handler("start"), Handler("data"), Handler("end"));
        (startNamespace, endNamespace) = (Handler("start_ns"), Handler("end_ns"));
        (comment, instruction, doctype, close) = (Handler("comment"), Handler("pi"), Handler("doctype"), Handler("close"));
    }

    private PyObject? Handler(string name) => Attributes.TryGet(Target!, name);

    public void Feed(byte[]? bytes, string? text, bool isFinal)
    {
        try
        {
            if (isFinished)
                throw new XmlException(XmlErrorCode.Finished);
            if (text is not null)
                parser!.Parse(text, isFinal);
            else
                parser!.Parse(decoder!, bytes, isFinal);
            Flush();
            isFinished |= isFinal;
        }
        catch (XmlException error)
        {
            isFinished = true;
            Flush();
            if (decoder!.Unknown is { } name)
                throw Err.Lookup("unknown encoding: " + name);
            throw Raise((int)error.Code, XmlException.Text((int)error.Code)!);
        }
    }

    private PyError Raise(int code, string message)
    {
        var error = (PyException)Calls.Call(ElementTreeModule.State.ParseError, PyStr.FromUtf16($"{message}: line {parser!.Line}, column {parser.Column}"));
        Attributes.Set(error, "code", PyInt.Of(code));
        Attributes.Set(error, "position", new PyTuple(PyInt.Of(parser.Line), PyInt.Of(parser.Column)));
        return new PyError(error);
    }

    /// <summary>The end of the input; what the target makes of it.</summary>
    public PyObject Close()
    {
        Feed([], null, true);
        if (builder is not null)
            return builder.Close();
        return close is not null ? Calls.Call(close) : Values.None;
    }

    // ---- Events ----

    private PyStr Name(string raw)
    {
        if (names.TryGetValue(raw, out var known))
            return known;
        var name = PyThread.Current.Machine.Intern(PyStr.FromUtf16(raw.Contains('}', StringComparison.Ordinal) ? "{" + raw : raw));
        names.Add(raw, name);
        return name;
    }

    private static PyStr Text(string? text) => text is null ? PyStr.Empty : PyStr.FromUtf16(text);

    public bool Wants(string handler) => handler switch
    {
        "CommentHandler" => comment is not null,
        "ProcessingInstructionHandler" => instruction is not null,
        "StartDoctypeDeclHandler" or "DefaultHandlerExpand" => true,
        _ => false,
    };

    // Text comes in pieces, at every reference and line end; the target gets it whole.
    private void Flush()
    {
        if (characters.Length == 0)
            return;
        var text = Text(characters.ToString());
        characters.Clear();
        if (builder is not null)
            builder.AddText(text);
        else if (data is not null)
            Calls.Call(data, text);
    }

    public void Characters(string text) => characters.Append(text);

    public void StartElement(string name, List<(string Name, string Value)> attributes, int specified)
    {
        Flush();
        PyDict? given = null;
        if (attributes.Count > 0)
        {
            given = new PyDict();
            foreach (var (attribute, value) in attributes)
                given.Set(Name(attribute), Text(value));
        }
        if (builder is not null)
            builder.Start(Name(name), given);
        else if (start is not null)
            Calls.Call(start, Name(name), given ?? new PyDict());
    }

    public void EndElement(string name)
    {
        Flush();
        if (builder is not null)
            builder.End();
        else if (end is not null)
            Calls.Call(end, Name(name));
    }

    public bool ExternalEntity(string? context, string? systemId, string? publicId) => true;

    public void Simple(string handler, params object?[] arguments)
    {
        switch (handler)
        {
            case "DefaultHandler":
                Default((string)arguments[0]!);
                break;
            case "CommentHandler":
                Flush();
                if (builder is not null)
                    builder.Comment(Text((string)arguments[0]!));
                else if (comment is not null)
                    Calls.Call(comment, Text((string)arguments[0]!));
                break;
            case "ProcessingInstructionHandler":
                Flush();
                var (target, content) = (Text((string)arguments[0]!), Text((string?)arguments[1]));
                if (builder is not null)
                    builder.Instruction(target, content);
                else if (instruction is not null)
                    Calls.Call(instruction, target, content);
                break;
            case "StartNamespaceDeclHandler":
                Flush();
                var (prefix, uri) = (Text((string?)arguments[0]), Text((string?)arguments[1]));
                if (builder is not null)
                    builder.StartNamespace(prefix, uri);
                else if (startNamespace is not null)
                    Calls.Call(startNamespace, prefix, uri);
                break;
            case "EndNamespaceDeclHandler":
                Flush();
                if (builder is not null)
                    builder.EndNamespace();
                else if (endNamespace is not null)
                    Calls.Call(endNamespace, Text((string?)arguments[0]));
                break;
            case "StartDoctypeDeclHandler":
                Doctype(Text((string)arguments[0]!), (string?)arguments[1], (string?)arguments[2]);
                break;
        }
    }

    /// <summary>What nothing else handles; of that only entities that the document does not define are of interest.</summary>
    private void Default(string text)
    {
        if (!text.StartsWith('&') || text.Length < 3)
            return;
        Flush();
        if (Entities!.Get(Text(text[1..^1])) is not { } value)
            throw Raise((int)XmlErrorCode.UndefinedEntity, "undefined entity " + (text.Length > 100 ? text[..100] : text));
        if (builder is not null)
            builder.AddText(value);
        else if (data is not null)
            Calls.Call(data, value);
    }

    private void Doctype(PyStr name, string? systemId, string? publicId)
    {
        PyObject system = systemId is null ? Values.None : Text(systemId), @public = publicId is null ? Values.None : Text(publicId);
        if (doctype is not null)
            Calls.Call(doctype, name, @public, system);
        else if (Attributes.TryGet(this, "doctype") is not null)
            Warn.Issue(ExceptionTypes.RuntimeWarning, "The doctype() method of XMLParser is ignored.  Define doctype() method on the TreeBuilder target.");
    }

    // ---- The type ----

    private static PyXmlParser X(PyObject o) => (PyXmlParser)o;

    private static PyXmlParser Opened(PyObject o) => X(o).IsOpen ? X(o) : throw Err.Value("XMLParser.__init__() wasn't called");

    public static readonly PyType ParserType = new("XMLParser", PyType.Object, t =>
    {
        t.New = (type, _, _) => new PyXmlParser(type);
        var signature = Signature.Parse("*, target=None, encoding=None");
        t.Init = (o, args, names) =>
        {
            var a = signature.Bind(new NativeCode { Name = "XMLParser" }, args, names);
            X(o).Open(a[0]!, a[1] is PyStr text ? text.Value : Args.IsNone(a[1]) ? null : throw Err.Type($"XMLParser() argument 'encoding' must be str or None, not {Args.TypeName(a[1])}"));
        };
        t.Member("entity", o => (PyObject?)X(o).Entities ?? Values.None);
        t.Member("target", o => X(o).Target ?? Values.None);
        t.Getter("version", _ => new PyStr("Expat 2.5.0"));
        t.Def1("feed", (o, given) =>
        {
            if (given is PyStr text)
                Opened(o).Feed(null, text.Value, false);
            else
                Opened(o).Feed(Buffers.Bytes(given), null, false);
            return Values.None;
        });
        t.Def0("close", o => Opened(o).Close());
        t.Def1("_parse_whole", (o, file) =>
        {
            var self = Opened(o);
            var read = Attributes.Get(file, "read");
            while (true)
            {
                var part = Calls.Call(read, PyInt.Of(64 * 1024));
                if (part is PyStr { Length: > 0 } text)
                    self.Feed(null, text.Value, false);
                else if (part is PyBytes { Content.Length: > 0 } bytes)
                    self.Feed(bytes.Content, null, false);
                else
                    break;
            }
            self.Feed([], null, true);
            return self.Builder?.Close() ?? Values.None;
        });
        t.Def("_setevents", "events_queue, events_to_report=None, /", (o, a) =>
        {
            SetEvents(Opened(o).Builder ?? throw Err.Type("event handling only supported for ElementTree.TreeBuilder targets"), a[0]!, a[1]!);
            return Values.None;
        });
    }, "xml.etree.ElementTree");

    private static void SetEvents(PyTreeBuilder builder, PyObject queue, PyObject events)
    {
        builder.Events = Attributes.Get(queue, "append");
        builder.Reported.Clear();
        if (Args.IsNone(events))
        {
            builder.Reported["end"] = new PyStr("end");
            return;
        }
        if (events.Type.Iter is null && events.Type.GetItem is null)
            throw Err.Type("events must be a sequence");
        foreach (var each in Ops.ToArray(events))
        {
            var name = each switch
            {
                PyStr text => text.Value,
                PyBytes bytes => System.Text.Encoding.UTF8.GetString(bytes.Content),
                _ => throw Err.Value("invalid events sequence"),
            };
            if (name is not ("start" or "end" or "start-ns" or "end-ns" or "comment" or "pi"))
                throw Err.Value($"unknown event '{name}'");
            builder.Reported[name] = each;
        }
    }
}
