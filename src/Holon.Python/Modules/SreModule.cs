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
        14 => c < 128 ? c == '_' || char.IsAsciiLetterOrDigit((char)c) : UnicodeData.IsAlpha(c) || UnicodeData.IsNumeric(c),
        _ => !(c == '_' || UnicodeData.IsAlpha(c) || UnicodeData.IsNumeric(c)),
    };

    private sealed class PyPattern(PyObject pattern, int flags, int[] code, int groups, PyDict groupIndex, PyTuple indexGroup) : PyObject
    {
        private readonly RegexProgram program = new(code, groups);

        // Engines that wait for the next text.
        private RegexEngine<NarrowText>? narrow;
        private RegexEngine<WideText>? wide;
        private RegexEngine<ByteText>? bytes;

        public PyObject Pattern => pattern;

        public int Flags => flags;

        public int[] Code => code;

        public int Groups => groups;

        public PyDict GroupIndex => groupIndex;

        public PyTuple IndexGroup => indexGroup;

        public bool IsBytes => pattern is not PyStr && pattern != Values.None;

        public override PyType Type => PatternType;

        /// <summary>An engine for a text; it is to be given back.</summary>
        public RegexMatcher Take(PyObject subject, int end)
        {
            if (subject is PyStr { IsWide: true } w)
            {
                var engine = Interlocked.Exchange(ref wide, null) ?? new(program);
                engine.Begin(new WideText(w.Wide), end);
                return engine;
            }
            if (subject is PyStr s)
            {
                var engine = Interlocked.Exchange(ref narrow, null) ?? new(program);
                engine.Begin(new NarrowText(s.Value), end);
                return engine;
            }
            var ofBytes = Interlocked.Exchange(ref bytes, null) ?? new(program);
            ofBytes.Begin(new ByteText(subject is PyBytes b ? b.Content : Buffers.Of(subject).Bytes.ToArray()), end);
            return ofBytes;
        }

        public void GiveBack(RegexMatcher engine)
        {
            switch (engine)
            {
                case RegexEngine<NarrowText> n:
                    n.Begin(default, 0);
                    narrow = n;
                    break;
                case RegexEngine<ByteText> b:
                    b.Begin(default, 0);
                    bytes = b;
                    break;
                case RegexEngine<WideText> w:
                    w.Begin(default, 0);
                    wide = w;
                    break;
            }
        }
    }

    private sealed class PyMatch(PyPattern pattern, PyObject subject, int[] marks, int start, int end, int pos, int endPos) : PyObject
    {
        public PyPattern Pattern => pattern;

        public PyObject Subject => subject;

        public int Position => pos;

        public int EndPosition => endPos;

        public int LastIndex => marks[^1];

        public (int Start, int End) Span(int group) => group == 0 ? (start, end) : SpanOf(marks, group);

        public PyObject Group(int group, PyObject otherwise)
        {
            var (from, to) = Span(group);
            return from < 0 ? otherwise : Cut(subject, from, to);
        }

        public override PyType Type => MatchType;
    }

    private static (int Start, int End) SpanOf(int[] marks, int group)
    {
        var (from, to) = (marks[group * 2 - 2], marks[group * 2 - 1]);
        return from < 0 || to < 0 ? (-1, -1) : (from, to);
    }

    private static PyObject Cut(PyObject subject, int from, int to)
    {
        if (subject is PyStr text)
            return text.Substring(from, to - from);
        if (to <= from)
            return PyBytes.Empty;
        return subject.GetType() == typeof(PyBytes) && from == 0 && to == ((PyBytes)subject).Content.Length ? subject : new PyBytes(Buffers.Of(subject).Bytes[from..to].ToArray());
    }

    /// <summary>The matches of a pattern in a text, one after another, and where the search stands.</summary>
    private sealed class Scan
    {
        // What a match without groups remembers of them: none was closed.
        private static readonly int[] NoMarks = [-1];
        private readonly PyPattern pattern;
        private readonly PyObject subject;
        private readonly RegexMatcher engine;
        private readonly int pos;
        private readonly int end;
        private int next;
        private int mustAdvance = -1;

        public Scan(PyPattern pattern, PyObject subject, PyObject? start, PyObject? stop)
        {
            (this.pattern, this.subject) = (pattern, subject);
            int length;
            if (subject is PyStr text)
            {
                if (pattern.IsBytes)
                    throw Err.Type("cannot use a bytes pattern on a string-like object");
                length = text.Length;
            }
            else
            {
                var buffer = subject as IBuffer ?? throw Err.Type($"expected string or bytes-like object, got '{subject.Type.FullName}'");
                if (pattern.Pattern is PyStr)
                    throw Err.Type("cannot use a string pattern on a bytes-like object");
                length = buffer.Bytes.Length;
            }
            pos = start is null ? 0 : (int)Math.Clamp(Args.Clipped(start), 0, length);
            end = stop is null ? length : (int)Math.Clamp(Args.Clipped(stop), 0, length);
            engine = pattern.Take(subject, end);
            next = pos;
        }

        public int Start => engine.MatchStart;

        public int Stop => engine.MatchEnd;

        /// <summary>The text that a group matched.</summary>
        public PyObject Group(int group, PyObject otherwise)
        {
            var (from, to) = group == 0 ? (Start, Stop) : SpanOf(engine.Marks, group);
            return from < 0 ? otherwise : Cut(subject, from, to);
        }

        public bool Match(bool full) => next <= end && engine.Match(next, full, mustAdvance) && Advance();

        public bool Search() => next <= end && engine.Search(next, mustAdvance) && Advance();

        private bool Advance()
        {
            next = Stop;
            // After an empty match the next one may not be empty at the same place.
            mustAdvance = Start == Stop ? Stop : -1;
            return true;
        }

        /// <summary>The match that was found last.</summary>
        public PyMatch Found() => new(pattern, subject, pattern.Groups == 0 ? NoMarks : [.. engine.Marks], Start, Stop, pos, end);

        /// <summary>No more is asked of this search: its engine can do another one.</summary>
        public void End() => pattern.GiveBack(engine);
    }

    private enum Way
    {
        Match,
        FullMatch,
        Search,
    }

    private static PyObject? Once(PyPattern pattern, Way way, PyObject subject, PyObject? start, PyObject? stop)
    {
        var scan = new Scan(pattern, subject, start, stop);
        var found = (way == Way.Search ? scan.Search() : scan.Match(way == Way.FullMatch)) ? scan.Found() : Values.None;
        scan.End();
        return found;
    }

    private static IEnumerable<PyMatch> All(PyPattern pattern, PyObject subject, PyObject? start, PyObject? stop)
    {
        var scan = new Scan(pattern, subject, start, stop);
        while (scan.Search())
            yield return scan.Found();
        scan.End();
    }

    private static PyList FindAll(PyPattern pattern, PyObject subject, PyObject? start, PyObject? stop)
    {
        var scan = new Scan(pattern, subject, start, stop);
        var found = new PyList();
        var empty = Empty(subject);
        while (scan.Search())
        {
            if (pattern.Groups < 2)
            {
                found.Add(scan.Group(pattern.Groups, empty));
                continue;
            }
            var groups = new PyObject[pattern.Groups];
            for (var i = 0; i < groups.Length; i++)
                groups[i] = scan.Group(i + 1, empty);
            found.Add(new PyTuple(groups));
        }
        scan.End();
        return found;
    }

    private static PyList Split(PyPattern pattern, PyObject subject, long max)
    {
        var scan = new Scan(pattern, subject, null, null);
        var parts = new PyList();
        var last = 0;
        while (scan.Search())
        {
            parts.Add(Cut(subject, last, scan.Start));
            for (var i = 1; i <= pattern.Groups; i++)
                parts.Add(scan.Group(i, Values.None));
            last = scan.Stop;
            if (--max == 0)
                break;
        }
        parts.Add(Cut(subject, last, (int)Ops.Len(subject)));
        scan.End();
        return parts;
    }

    private static readonly PyType PatternType = new("Pattern", PyType.Object, t =>
    {
        t.IsFinal = true;
        foreach (var (name, way) in new[] { ("match", Way.Match), ("fullmatch", Way.FullMatch), ("search", Way.Search) })
            t.Def(name, "string, pos=?, endpos=?", (o, subject) => Once((PyPattern)o, way, subject, null, null), (o, a) => Once((PyPattern)o, way, a[0]!, a[1], a[2]));
        t.Def("findall", "string, pos=?, endpos=?", (o, a) => FindAll((PyPattern)o, a[0]!, a[1], a[2]));
        t.Def("finditer", "string, pos=?, endpos=?", (o, a) => new PyEnumerator(IteratorTypes.Callable, All((PyPattern)o, a[0]!, a[1], a[2]).GetEnumerator()));
        t.Def("split", "string, maxsplit=0", (o, a) => Split((PyPattern)o, a[0]!, Args.Long(a[1]!)));
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
        t.Def0("match", o => ((PyScanner)o).Scan is var scan && scan.Match(false) ? scan.Found() : Values.None);
        t.Def0("search", o => ((PyScanner)o).Scan is var scan && scan.Search() ? scan.Found() : Values.None);
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
        var scan = new Scan(pattern, subject, null, null);
        if (!scan.Search())
        {
            scan.End();
            return (Cut(subject, 0, (int)Ops.Len(subject)), 0);
        }
        if (filter is PyStr { IsWide: false } with && subject is PyStr { IsWide: false } text)
            return ReplaceWith(with.Value, text.Value, scan, max);
        var callable = BuiltinsModule.IsCallable(filter);
        var parts = new PyList();
        var (last, count) = (0, 0);
        do
        {
            if (last < scan.Start)
                parts.Add(Cut(subject, last, scan.Start));
            last = scan.Stop;
            var item = callable ? Calls.Call(filter, scan.Found()) : filter;
            if (item != Values.None)
                parts.Add(item);
        }
        while (++count != max && scan.Search());
        scan.End();
        parts.Add(Cut(subject, last, (int)Ops.Len(subject)));
        return (Calls.CallMethod(Empty(subject), "join", parts), count);
    }

    private static (PyObject Text, int Count) ReplaceWith(string replacement, string text, Scan scan, long max)
    {
        var output = new System.Text.StringBuilder(text.Length);
        var (last, count) = (0, 0);
        var limits = PyThread.Current.Machine.Limits;
        do
        {
            limits.CheckSize(2L * (output.Length + scan.Start - last + replacement.Length));
            output.Append(text, last, scan.Start - last).Append(replacement);
            last = scan.Stop;
        }
        while (++count != max && scan.Search());
        scan.End();
        limits.CheckSize(2L * (output.Length + text.Length - last));
        output.Append(text, last, text.Length - last);
        return (PyStr.Narrow(output.ToString()), count);
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
        t.Def("groups", "default=None", (o, a) => Groups((PyMatch)o, a[0]!));
        t.Def("groupdict", "default=None", (o, a) =>
        {
            var dict = new PyDict();
            foreach (var (name, number) in ((PyMatch)o).Pattern.GroupIndex.Items())
                dict.Set(name, ((PyMatch)o).Group((int)((PyInt)number).Value, a[0]!));
            return dict;
        });
        t.Def("start", "group=0, /", o => PyInt.Of(((PyMatch)o).Span(0).Start), (o, a) => PyInt.Of(((PyMatch)o).Span(GroupNumber((PyMatch)o, a[0]!)).Start));
        t.Def("end", "group=0, /", o => PyInt.Of(((PyMatch)o).Span(0).End), (o, a) => PyInt.Of(((PyMatch)o).Span(GroupNumber((PyMatch)o, a[0]!)).End));
        t.Def("span", "group=0, /", o => Pair(((PyMatch)o).Span(0)), (o, a) => Pair(((PyMatch)o).Span(GroupNumber((PyMatch)o, a[0]!))));
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

    private static PyTuple Groups(PyMatch match, PyObject otherwise)
    {
        var groups = new PyObject[match.Pattern.Groups];
        for (var i = 0; i < groups.Length; i++)
            groups[i] = match.Group(i + 1, otherwise);
        return new PyTuple(groups);
    }

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
