namespace Holon.Python.Modules;

/// <summary>_csv.</summary>
internal static class CsvModule
{
    private const int Minimal = 0, All = 1, NonNumeric = 2, None = 3;

    private sealed class State
    {
        public PyType Error { get; } = MakeError();

        public PyDict Dialects { get; } = new();

        public long FieldLimit { get; set; } = 131072;

        private static PyType MakeError()
        {
            var dict = new PyDict();
            dict.Set("__module__", new PyStr("_csv"));
            return ClassBuilder.Build(PyType.TypeType, new PyStr("Error"), new PyTuple(ExceptionTypes.Exception), dict, [], null);
        }
    }

    private static State Here => PyThread.Current.Machine.State<State>("_csv");

    private static PyError Error(string message) => Err.Of(Here.Error, message);

    private sealed class PyDialect(PyType type) : PyExtensible(type)
    {
        public int Delimiter = ',', Quote = '"', Escape = -1, Quoting;
        public bool DoubleQuote = true, SkipSpace, Strict;
        public PyStr Terminator = new("\r\n");
    }

    private const string Options = "dialect=?, delimiter=?, doublequote=?, escapechar=?, lineterminator=?, quotechar=?, quoting=?, skipinitialspace=?, strict=?";

    private static readonly string[] OptionNames = ["delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting", "skipinitialspace", "strict"];

    private static readonly PyType Dialect = new("Dialect", PyType.Object, t =>
    {
        t.New = (type, args, names) => Make(type, Signature.Parse(Options).Bind(new NativeCode { Name = "Dialect" }, args, names));
        t.Init = (_, _, _) => { };
        t.Getter("delimiter", o => PyStr.OfChar(((PyDialect)o).Delimiter));
        t.Getter("quotechar", o => Character(((PyDialect)o).Quote));
        t.Getter("escapechar", o => Character(((PyDialect)o).Escape));
        t.Getter("lineterminator", o => ((PyDialect)o).Terminator);
        t.Getter("quoting", o => PyInt.Of(((PyDialect)o).Quoting));
        t.Member("doublequote", o => Values.Bool(((PyDialect)o).DoubleQuote));
        t.Member("skipinitialspace", o => Values.Bool(((PyDialect)o).SkipSpace));
        t.Member("strict", o => Values.Bool(((PyDialect)o).Strict));
    }, "_csv");

    private static PyObject Character(int c) => c < 0 ? Values.None : PyStr.OfChar(c);

    private static PyDialect Make(PyType type, PyObject?[] a)
    {
        var dialect = a[0];
        if (dialect is PyStr name)
            dialect = Here.Dialects.Get(name) ?? throw Error("unknown dialect");
        if (dialect is PyDialect known && type == Dialect && a.Skip(1).All(x => x is null))
            return known;
        var values = new PyObject?[OptionNames.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = a[i + 1] ?? (dialect is null || dialect == Values.None ? null : Attributes.TryGet(dialect, OptionNames[i]));
        var made = new PyDialect(type);
        made.Delimiter = values[0] is null ? ',' : One(values[0]!, "delimiter", false);
        made.DoubleQuote = Args.Truth(values[1], true);
        made.Escape = values[2] is null ? -1 : One(values[2]!, "escapechar", true);
        made.Terminator = values[3] is null ? made.Terminator : values[3] as PyStr ?? throw Err.Type("\"lineterminator\" must be a string, not " + Args.TypeName(values[3]).Replace("None", "NoneType", StringComparison.Ordinal));
        made.Quote = values[4] is null ? '"' : One(values[4]!, "quotechar", true);
        made.Quoting = values[5] is null ? Minimal : values[5] is PyInt ? Args.Int(values[5]!) : throw Err.Type("\"quoting\" must be an integer");
        made.SkipSpace = Args.Truth(values[6]);
        made.Strict = Args.Truth(values[7]);
        if (made.Quoting is < Minimal or > None)
            throw Err.Type("bad \"quoting\" value");
        if (values[4] == Values.None && values[5] is null)
            made.Quoting = None;
        if (made.Quoting != None && made.Quote < 0)
            throw Err.Type("quotechar must be set if quoting enabled");
        return made;
    }

    private static int One(PyObject value, string name, bool optional)
    {
        if (optional && value == Values.None)
            return -1;
        if (value is not PyStr text)
            throw Err.Type($"\"{name}\" must be string{(optional ? " or None" : "")}, not {value.Type.FullName}");
        return text.Length == 1 ? text[0] : throw Err.Type($"\"{name}\" must be a 1-character string");
    }

    // ---- Reading ----

    private enum Where
    {
        StartRecord,
        StartField,
        Escaped,
        InField,
        InQuoted,
        EscapedInQuoted,
        QuoteInQuoted,
        EatNewLine,
        AfterEscapedNewLine,
    }

    private sealed class PyReader(PyObject lines, PyDialect dialect) : PyIterator(Reader)
    {
        private List<PyObject> fields = [];
        private readonly List<int> field = [];
        private Where where;
        private bool isNumber;

        public PyDialect Dialect => dialect;

        public long Lines { get; private set; }

        public override PyObject? Next()
        {
            fields = [];
            field.Clear();
            (where, isNumber) = (Where.StartRecord, false);
            do
            {
                if (Ops.Next(lines) is not { } line)
                {
                    if (field.Count != 0 || where == Where.InQuoted)
                    {
                        if (dialect.Strict)
                            throw Error("unexpected end of data");
                        Save();
                        break;
                    }
                    return null;
                }
                if (line is not PyStr text)
                    throw Error($"iterator should return strings, not {line.Type.Name} (the file should be opened in text mode)");
                Lines++;
                for (var i = 0; i < text.Length; i++)
                    Read(text[i]);
                Read(-1);
            }
            while (where != Where.StartRecord);
            return new PyList(fields);
        }

        private void Add(int c)
        {
            if (field.Count >= Here.FieldLimit)
                throw Error($"field larger than field limit ({Here.FieldLimit})");
            field.Add(c);
        }

        private void Save()
        {
            PyObject value = PyStr.FromCodePoints(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(field));
            field.Clear();
            if (isNumber)
            {
                isNumber = false;
                value = Calls.Call(FloatType.Type, value);
            }
            fields.Add(value);
        }

        // -1 is the end of the line.
        private void Read(int c)
        {
            var newLine = c is '\n' or '\r';
            switch (where)
            {
                case Where.StartRecord:
                    if (c == -1)
                        return;
                    if (newLine)
                    {
                        where = Where.EatNewLine;
                        return;
                    }
                    where = Where.StartField;
                    goto case Where.StartField;
                case Where.StartField:
                    if (newLine || c == -1)
                    {
                        Save();
                        where = c == -1 ? Where.StartRecord : Where.EatNewLine;
                    }
                    else if (c == dialect.Quote && dialect.Quoting != None)
                    {
                        where = Where.InQuoted;
                    }
                    else if (c == dialect.Escape)
                    {
                        where = Where.Escaped;
                    }
                    else if (c == ' ' && dialect.SkipSpace)
                    {
                        return;
                    }
                    else if (c == dialect.Delimiter)
                    {
                        Save();
                    }
                    else
                    {
                        if (dialect.Quoting == NonNumeric)
                            isNumber = true;
                        Add(c);
                        where = Where.InField;
                    }
                    break;
                case Where.Escaped:
                    if (newLine)
                    {
                        Add(c);
                        where = Where.AfterEscapedNewLine;
                        break;
                    }
                    Add(c == -1 ? '\n' : c);
                    where = Where.InField;
                    break;
                case Where.AfterEscapedNewLine:
                    if (c == -1)
                        break;
                    goto case Where.InField;
                case Where.InField:
                    if (newLine || c == -1)
                    {
                        Save();
                        where = c == -1 ? Where.StartRecord : Where.EatNewLine;
                    }
                    else if (c == dialect.Escape)
                    {
                        where = Where.Escaped;
                    }
                    else if (c == dialect.Delimiter)
                    {
                        Save();
                        where = Where.StartField;
                    }
                    else
                    {
                        Add(c);
                        where = Where.InField;
                    }
                    break;
                case Where.InQuoted:
                    if (c == -1)
                        break;
                    if (c == dialect.Escape)
                        where = Where.EscapedInQuoted;
                    else if (c == dialect.Quote && dialect.Quoting != None)
                        where = dialect.DoubleQuote ? Where.QuoteInQuoted : Where.InField;
                    else
                        Add(c);
                    break;
                case Where.EscapedInQuoted:
                    Add(c == -1 ? '\n' : c);
                    where = Where.InQuoted;
                    break;
                case Where.QuoteInQuoted:
                    if (dialect.Quoting != None && c == dialect.Quote)
                    {
                        Add(c);
                        where = Where.InQuoted;
                    }
                    else if (c == dialect.Delimiter)
                    {
                        Save();
                        where = Where.StartField;
                    }
                    else if (newLine || c == -1)
                    {
                        Save();
                        where = c == -1 ? Where.StartRecord : Where.EatNewLine;
                    }
                    else if (!dialect.Strict)
                    {
                        Add(c);
                        where = Where.InField;
                    }
                    else
                    {
                        throw Error($"'{PyStr.OfChar(dialect.Delimiter)}' expected after '{PyStr.OfChar(dialect.Quote)}'");
                    }
                    break;
                case Where.EatNewLine:
                    if (c == -1)
                        where = Where.StartRecord;
                    else if (!newLine)
                        throw Error("new-line character seen in unquoted field - do you need to open the file in universal-newline mode?");
                    break;
            }
        }
    }

    private static readonly PyType Reader = PyIterator.MakeType("reader", "_csv", t =>
    {
        t.Member("dialect", o => ((PyReader)o).Dialect);
        t.Member("line_num", o => PyInt.Of(((PyReader)o).Lines));
    });

    // ---- Writing ----

    private sealed class PyWriter(PyObject write, PyDialect dialect) : PyObject
    {
        public PyDialect Dialect => dialect;

        public PyObject Row(PyObject row)
        {
            if (row.Type.Iter is null && row.Type.GetItem is null)
                throw Error($"iterable expected, not {row.Type.Name}");
            var line = new PyStrBuilder();
            var count = 0;
            var lone = false;
            foreach (var value in Ops.Each(row))
            {
                if (count++ > 0)
                    line.Append(dialect.Delimiter);
                var text = value switch
                {
                    PyStr s => s,
                    _ when value == Values.None => PyStr.Empty,
                    _ => Ops.Str(value),
                };
                var quoted = dialect.Quoting == All || (dialect.Quoting == NonNumeric && !IsNumber(value));
                lone = text.Length == 0 && !quoted;
                Field(line, text, quoted);
            }
            if (count == 1 && lone)
            {
                // A row that is one empty field would read as an empty line.
                if (dialect.Quoting == None)
                    throw Error("single empty field record must be quoted");
                line.Append(dialect.Quote);
                line.Append(dialect.Quote);
            }
            line.Append(dialect.Terminator);
            return Calls.Call(write, line.ToStr());
        }

        private static bool IsNumber(PyObject value) => value is PyInt or PyFloat || value.Type.ToFloat is not null || value.Type.Index is not null;

        private void Field(PyStrBuilder line, PyStr text, bool quoted)
        {
            var content = new PyStrBuilder();
            for (var i = 0; i < text.Length; i++)
            {
                var c = text[i];
                if (c == dialect.Delimiter || c == dialect.Escape || c == dialect.Quote || c is '\n' or '\r' || dialect.Terminator.ToCodePoints().Contains(c))
                {
                    var escape = false;
                    if (dialect.Quoting == None)
                        escape = true;
                    else if (c == dialect.Quote)
                    {
                        if (dialect.DoubleQuote)
                            content.Append(dialect.Quote);
                        else
                            escape = true;
                    }
                    else if (c == dialect.Escape)
                        escape = true;
                    if (!escape)
                        quoted = true;
                    else if (dialect.Escape < 0)
                        throw Error("need to escape, but no escapechar set");
                    else
                        content.Append(dialect.Escape);
                }
                content.Append(c);
            }
            if (quoted)
                line.Append(dialect.Quote);
            line.Append(content.ToStr());
            if (quoted)
                line.Append(dialect.Quote);
        }

        public override PyType Type => Writer;
    }

    private static readonly PyType Writer = new("writer", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Member("dialect", o => ((PyWriter)o).Dialect);
        t.Def1("writerow", (o, row) => ((PyWriter)o).Row(row));
        t.Def1("writerows", (o, rows) =>
        {
            foreach (var row in Ops.Each(rows))
                ((PyWriter)o).Row(row);
            return Values.None;
        });
    }, "_csv");

    public static void Fill(ModuleBuilder m)
    {
        var state = m.Machine.State<State>("_csv");
        m.Set("__version__", "1.0");
        m.Set("Error", state.Error);
        m.Set("Dialect", Dialect);
        m.Set("Reader", Reader);
        m.Set("Writer", Writer);
        m.Set("_dialects", state.Dialects);
        foreach (var (name, value) in new[] { ("QUOTE_MINIMAL", Minimal), ("QUOTE_ALL", All), ("QUOTE_NONNUMERIC", NonNumeric), ("QUOTE_NONE", None) })
            m.Set(name, value);
        m.DefKept("reader", "iterator, /, " + Options, a => new PyReader(Ops.Iter(a[0]!), Make(Dialect, a[1..])));
        m.DefKept("writer", "fileobj, /, " + Options, a => new PyWriter(Attributes.TryGet(a[0]!, "write") is { } write && BuiltinsModule.IsCallable(write) ? write : throw Err.Type("argument 1 must have a \"write\" method"), Make(Dialect, a[1..])));
        m.DefKept("register_dialect", "name, /, " + Options, a =>
        {
            state.Dialects.Set(a[0] as PyStr ?? throw Err.Type("dialect name must be a string"), Make(Dialect, a[1..]));
            return Values.None;
        });
        m.Def("unregister_dialect", "name", a => state.Dialects.Contains(a[0]!) && state.Dialects.Remove(a[0]!) is not null ? Values.None : throw Error("unknown dialect"));
        m.Def("get_dialect", "name", a => state.Dialects.Get(a[0]!) ?? throw Error("unknown dialect"));
        m.Def0("list_dialects", () => new PyList(state.Dialects.Items().Select(i => i.Key)));
        m.Def("field_size_limit", "new_limit=?, /", a =>
        {
            var before = state.FieldLimit;
            if (a[0] is not null)
                state.FieldLimit = a[0] is PyInt ? Args.Long(a[0]!) : throw Err.Type("limit must be an integer");
            return PyInt.Of(before);
        });
    }
}
