namespace Holon.Python.Modules;

/// <summary>_sre: patterns and matches over <see cref="RegexEngine{T}"/>.</summary>
internal static class SreModule
{
    public static int AsciiLower(int c) => c is >= 'A' and <= 'Z' ? c + 32 : c;

    public static int AsciiUpper(int c) => c is >= 'a' and <= 'z' ? c - 32 : c;

    public static bool Category(int category, int c) => category switch
    {
        0 => c is >= '0' and <= '9',
        1 => c is not (>= '0' and <= '9'),
        2 => c is 32 or >= 9 and <= 13,
        3 => c is not (32 or >= 9 and <= 13),
        4 or 8 => c < 128 && (char.IsAsciiLetterOrDigit((char)c) || c == '_'),
        5 or 9 => !(c < 128 && (char.IsAsciiLetterOrDigit((char)c) || c == '_')),
        6 or 16 => c == '\n',
        7 or 17 => c != '\n',
        10 => UnicodeData.IsDecimal(c),
        11 => !UnicodeData.IsDecimal(c),
        12 => UnicodeData.IsSpace(c),
        13 => !UnicodeData.IsSpace(c),
        14 => c == '_' || UnicodeData.IsAlpha(c) || UnicodeData.IsNumeric(c),
        _ => !(c == '_' || UnicodeData.IsAlpha(c) || UnicodeData.IsNumeric(c)),
    };

    private sealed class PyPattern(PyObject pattern, int flags, int[] code, int groups, PyDict groupIndex, PyTuple indexGroup) : PyObject
    {
        public PyObject Pattern => pattern;

        public int Flags => flags;

        public int[] Code => code;

        public int Groups => groups;

        /// <summary>Worked out by the first search.</summary>
        public RegexStart Begins => begins ??= new RegexStart(code);

        private RegexStart? begins;

        public PyDict GroupIndex => groupIndex;

        public PyTuple IndexGroup => indexGroup;

        public bool IsBytes => pattern is not PyStr && pattern != Values.None;

        public override PyType Type => PatternType;
    }

    private sealed class PyMatch(PyPattern pattern, PyObject subject, int[] marks, int start, int end, int pos, int endPos) : PyObject
    {
        public PyPattern Pattern => pattern;

        public PyObject Subject => subject;

        public int Position => pos;

        public int EndPosition => endPos;

        public int LastIndex => marks[^1];

        public (int Start, int End) Span(int group)
        {
            if (group == 0)
                return (start, end);
            var (from, to) = (marks[group * 2 - 2], marks[group * 2 - 1]);
            return from < 0 || to < 0 ? (-1, -1) : (from, to);
        }

        public PyObject Group(int group, PyObject otherwise)
        {
            var (from, to) = Span(group);
            return from < 0 ? otherwise : Cut(subject, from, to);
        }

        public override PyType Type => MatchType;
    }

    private static PyObject Cut(PyObject subject, int from, int to) =>
        subject is PyStr text ? text.Substring(from, to - from) : new PyBytes(to <= from ? [] : Buffers.Of(subject).Bytes[from..to].ToArray());

    /// <summary>One way to ask all engines.</summary>
    private sealed class Scan
    {
        private readonly RegexEngine<NarrowText>? narrow;
        private readonly RegexEngine<WideText>? wide;
        private readonly RegexEngine<ByteText>? bytes;
        private readonly PyPattern pattern;
        private readonly PyObject subject;
        private readonly int pos;

        public Scan(PyPattern pattern, PyObject subject, PyObject? start, PyObject? stop)
        {
            (this.pattern, this.subject) = (pattern, subject);
            if (subject is PyStr text)
            {
                if (pattern.IsBytes)
                    throw Err.Type("cannot use a bytes pattern on a string-like object");
                Length = text.Length;
            }
            else
            {
                var buffer = subject as IBuffer ?? throw Err.Type($"expected string or bytes-like object, got '{subject.Type.FullName}'");
                if (pattern.Pattern is PyStr)
                    throw Err.Type("cannot use a string pattern on a bytes-like object");
                Length = buffer.Bytes.Length;
            }
            var from = start is null ? 0 : (int)Math.Clamp(Args.Clipped(start), 0, Length);
            End = stop is null ? Length : (int)Math.Clamp(Args.Clipped(stop), 0, Length);
            pos = Math.Min(from, Math.Max(End, from));
            if (subject is PyStr { IsWide: true } w)
                wide = new(new WideText(w.Wide), pattern.Code, pattern.Begins, pattern.Groups, 0, End);
            else if (subject is PyStr s)
                narrow = new(new NarrowText(s.Value), pattern.Code, pattern.Begins, pattern.Groups, 0, End);
            else
                bytes = new(new ByteText(subject is PyBytes b ? b.Content : Buffers.Of(subject).Bytes.ToArray()), pattern.Code, pattern.Begins, pattern.Groups, 0, End);
            Next = pos;
        }

        public int Length { get; }

        public int End { get; }

        public int Next { get; set; }

        public int MustAdvance { get; set; } = -1;

        private int Start => narrow?.MatchStart ?? bytes?.MatchStart ?? wide!.MatchStart;

        private int Stop => narrow?.MatchEnd ?? bytes?.MatchEnd ?? wide!.MatchEnd;

        private int[] Marks => narrow?.Marks ?? bytes?.Marks ?? wide!.Marks;

        public PyMatch? Match(bool full) => Next <= End && (narrow?.Match(Next, full, MustAdvance) ?? bytes?.Match(Next, full, MustAdvance) ?? wide!.Match(Next, full, MustAdvance)) ? Found() : null;

        public PyMatch? Search() => Next <= End && (narrow?.Search(Next, MustAdvance) ?? bytes?.Search(Next, MustAdvance) ?? wide!.Search(Next, MustAdvance)) ? Found() : null;

        private PyMatch Found()
        {
            var made = new PyMatch(pattern, subject, [.. Marks], Start, Stop, pos, End);
            Next = Stop;
            // After an empty match the next one may not be empty at the same place.
            MustAdvance = Start == Stop ? Stop : -1;
            return made;
        }
    }

    private static IEnumerable<PyMatch> All(PyPattern pattern, PyObject subject, PyObject? start = null, PyObject? stop = null)
    {
        var scan = new Scan(pattern, subject, start, stop);
        while (true)
        {
            var found = scan.Search();
            if (found is null)
                yield break;
            yield return found;
        }
    }

    private static readonly PyType PatternType = new("Pattern", PyType.Object, t =>
    {
        t.IsFinal = true;
        foreach (var (name, run) in new (string, Func<Scan, PyMatch?>)[] { ("match", s => s.Match(false)), ("fullmatch", s => s.Match(true)), ("search", s => s.Search()) })
            t.Def(name, "string, pos=?, endpos=?", (o, a) => (PyObject?)run(new Scan((PyPattern)o, a[0]!, a[1], a[2])) ?? Values.None);
        t.Def("findall", "string, pos=?, endpos=?", (o, a) => new PyList(All((PyPattern)o, a[0]!, a[1], a[2]).Select(m => m.Pattern.Groups switch
        {
            0 => m.Group(0, Empty(m.Subject)),
            1 => m.Group(1, Empty(m.Subject)),
            var n => new PyTuple([.. Enumerable.Range(1, n).Select(i => m.Group(i, Empty(m.Subject)))]),
        })));
        t.Def("finditer", "string, pos=?, endpos=?", (o, a) => new PyEnumerator(IteratorTypes.Callable, All((PyPattern)o, a[0]!, a[1], a[2]).GetEnumerator()));
        t.Def("split", "string, maxsplit=0", (o, a) =>
        {
            var parts = new PyList();
            var (last, max) = (0, Args.Long(a[1]!));
            foreach (var m in All((PyPattern)o, a[0]!))
            {
                parts.Add(Cut(a[0]!, last, m.Span(0).Start));
                for (var i = 1; i <= m.Pattern.Groups; i++)
                    parts.Add(m.Group(i, Values.None));
                last = m.Span(0).End;
                if (--max == 0)
                    break;
            }
            parts.Add(Cut(a[0]!, last, (int)Ops.Len(a[0]!)));
            return parts;
        });
        t.Def("sub", "repl, string, count=0", (o, a) => Substitute((PyPattern)o, a[0]!, a[1]!, Args.Long(a[2]!)).Text);
        t.Def("subn", "repl, string, count=0", (o, a) =>
        {
            var (text, count) = Substitute((PyPattern)o, a[0]!, a[1]!, Args.Long(a[2]!));
            return new PyTuple(text, PyInt.Of(count));
        });
        t.Def("scanner", "string, pos=?, endpos=?", (o, a) => new PyScanner(new Scan((PyPattern)o, a[0]!, a[1], a[2]), (PyPattern)o));
        t.Member("pattern", o => ((PyPattern)o).Pattern);
        t.Member("flags", o => PyInt.Of(((PyPattern)o).Flags));
        t.Member("groups", o => PyInt.Of(((PyPattern)o).Groups));
        t.Getter("groupindex", o => new PyMappingProxy(((PyPattern)o).GroupIndex));
        t.Def0("__copy__", o => o);
        t.Def1("__deepcopy__", (o, _) => o);
        t.Hash = o => HashCode.Combine(Ops.Hash(((PyPattern)o).Pattern), ((PyPattern)o).Flags);
        t.Compare = (a, b, op) => b is PyPattern y && a is PyPattern x ? Ops.Identity(x.Flags == y.Flags && x.IsBytes == y.IsBytes && x.Code.AsSpan().SequenceEqual(y.Code) && Ops.Eq(x.Pattern, y.Pattern), true, op) : Values.NotImplemented;
        t.Repr = o =>
        {
            var p = (PyPattern)o;
            var flags = p.Pattern is PyStr ? p.Flags & ~32 : p.Flags;
            var names = new[] { (1, "re.TEMPLATE"), (2, "re.IGNORECASE"), (4, "re.LOCALE"), (8, "re.MULTILINE"), (16, "re.DOTALL"), (32, "re.UNICODE"), (64, "re.VERBOSE"), (128, "re.DEBUG"), (256, "re.ASCII") }.Where(f => (flags & f.Item1) != 0).Select(f => f.Item2).ToList();
            var text = Ops.Repr(p.Pattern);
            return PyStr.FromUtf16($"re.compile({(text.Length > 200 ? text[..200] : text)}{(names.Count > 0 ? ", " + string.Join("|", names) : "")})");
        };
        t.DefClassGetItem();
    }, "re");

    private static PyObject Empty(PyObject subject) => subject is PyStr ? PyStr.Empty : PyBytes.Empty;

    private sealed class PyScanner(Scan scan, PyPattern pattern) : PyObject
    {
        public Scan Scan => scan;

        public PyPattern Pattern => pattern;

        public override PyType Type => ScannerType;
    }

    private static readonly PyType ScannerType = new("SRE_Scanner", PyType.Object, t =>
    {
        t.Def0("match", o => (PyObject?)((PyScanner)o).Scan.Match(false) ?? Values.None);
        t.Def0("search", o => (PyObject?)((PyScanner)o).Scan.Search() ?? Values.None);
        t.Member("pattern", o => ((PyScanner)o).Pattern);
    }, "_sre");

    private static (PyObject Text, int Count) Substitute(PyPattern pattern, PyObject replacement, PyObject subject, long max)
    {
        var filter = replacement;
        if (!BuiltinsModule.IsCallable(replacement))
        {
            var literal = replacement is PyStr s ? !s.Value.Contains('\\', StringComparison.Ordinal) : replacement is IBuffer b && !b.Bytes.Contains((byte)'\\');
            if (!literal)
                filter = Calls.CallMethod(PyThread.Current.Machine.ImportModule("re"), "_subx", pattern, replacement);
        }
        var callable = BuiltinsModule.IsCallable(filter);
        var parts = new List<PyObject>();
        var (last, count) = (0, 0);
        foreach (var m in All(pattern, subject))
        {
            var (from, to) = m.Span(0);
            if (last < from)
                parts.Add(Cut(subject, last, from));
            var item = callable ? Calls.Call(filter, m) : filter;
            if (item != Values.None)
                parts.Add(item);
            last = to;
            if (++count == max)
                break;
        }
        parts.Add(Cut(subject, last, (int)Ops.Len(subject)));
        return (Calls.CallMethod(Empty(subject), "join", new PyList(parts)), count);
    }

    private static int GroupNumber(PyMatch m, PyObject key)
    {
        if (key.Type.Index is not null)
        {
            if (Args.Clipped(key) is >= 0 and var n && n <= m.Pattern.Groups)
                return (int)n;
        }
        else if (m.Pattern.GroupIndex.Get(key) is PyInt number)
        {
            return (int)number.Value;
        }
        throw Err.Index("no such group");
    }

    private static readonly PyType MatchType = new("Match", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.DefRaw("group", (o, args, names) =>
        {
            Args.NoKeywords("group", names);
            var m = (PyMatch)o;
            if (args.Length < 2)
                return m.Group(args.Length == 0 ? 0 : GroupNumber(m, args[0]), Values.None);
            var items = new PyObject[args.Length];
            for (var i = 0; i < items.Length; i++)
                items[i] = m.Group(GroupNumber(m, args[i]), Values.None);
            return new PyTuple(items);
        });
        t.GetItem = (o, key) => ((PyMatch)o).Group(GroupNumber((PyMatch)o, key), Values.None);
        t.Def("groups", "default=None", (o, a) => new PyTuple([.. Enumerable.Range(1, ((PyMatch)o).Pattern.Groups).Select(i => ((PyMatch)o).Group(i, a[0]!))]));
        t.Def("groupdict", "default=None", (o, a) =>
        {
            var dict = new PyDict();
            foreach (var (name, number) in ((PyMatch)o).Pattern.GroupIndex.Items())
                dict.Set(name, ((PyMatch)o).Group((int)((PyInt)number).Value, a[0]!));
            return dict;
        });
        t.Def("start", "group=0, /", (o, a) => PyInt.Of(((PyMatch)o).Span(GroupNumber((PyMatch)o, a[0]!)).Start));
        t.Def("end", "group=0, /", (o, a) => PyInt.Of(((PyMatch)o).Span(GroupNumber((PyMatch)o, a[0]!)).End));
        t.Def("span", "group=0, /", (o, a) => Pair(((PyMatch)o).Span(GroupNumber((PyMatch)o, a[0]!))));
        t.Def1("expand", (o, template) => Calls.CallMethod(PyThread.Current.Machine.ImportModule("re"), "_expand", ((PyMatch)o).Pattern, o, template));
        t.Member("string", o => ((PyMatch)o).Subject);
        t.Member("re", o => ((PyMatch)o).Pattern);
        t.Member("pos", o => PyInt.Of(((PyMatch)o).Position));
        t.Member("endpos", o => PyInt.Of(((PyMatch)o).EndPosition));
        t.Getter("lastindex", o => ((PyMatch)o).LastIndex >= 0 ? PyInt.Of(((PyMatch)o).LastIndex) : Values.None);
        t.Getter("lastgroup", o => ((PyMatch)o).LastIndex is >= 0 and var i && i < ((PyMatch)o).Pattern.IndexGroup.Count ? ((PyMatch)o).Pattern.IndexGroup[i] : Values.None);
        t.Getter("regs", o => new PyTuple([.. Enumerable.Range(0, ((PyMatch)o).Pattern.Groups + 1).Select(i => (PyObject)Pair(((PyMatch)o).Span(i)))]));
        t.Def0("__copy__", o => o);
        t.Def1("__deepcopy__", (o, _) => o);
        t.Repr = o => PyStr.FromUtf16($"<re.Match object; span=({((PyMatch)o).Span(0).Start}, {((PyMatch)o).Span(0).End}), match={Ops.Repr(((PyMatch)o).Group(0, Values.None))}>");
        t.DefClassGetItem();
    }, "re");

    private static PyTuple Pair((int Start, int End) span) => new(PyInt.Of(span.Start), PyInt.Of(span.End));

    public static void Fill(ModuleBuilder m)
    {
        m.Set("MAGIC", 20220615);
        m.Set("CODESIZE", 4);
        m.Set("MAXREPEAT", 1073741823);
        m.Set("MAXGROUPS", 1073741823);
        m.Set("copyright", "");
        m.Def0("getcodesize", () => PyInt.Of(4));
        m.Def1("ascii_iscased", c => Values.Bool(Args.Int(c) is var x && x < 128 && char.IsAsciiLetter((char)x)));
        m.Def1("unicode_iscased", c => Values.Bool(Args.Int(c) is var x && (UnicodeData.LowerChar(x) != x || UnicodeData.UpperChar(x) != x)));
        m.Def1("ascii_tolower", c => PyInt.Of(AsciiLower(Args.Int(c))));
        m.Def1("unicode_tolower", c => PyInt.Of(UnicodeData.LowerChar(Args.Int(c))));
        m.Def("compile", "pattern, flags, code, groups, groupindex, indexgroup", a => new PyPattern(a[0]!, Args.Int(a[1]!), [.. Ops.Each(a[2]!).Select(c => (int)(uint)Args.Long(c)), 0], Args.Int(a[3]!), (PyDict)a[4]!, (PyTuple)a[5]!));
    }
}
