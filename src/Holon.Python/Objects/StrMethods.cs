using System.Text;

namespace Holon.Python.Objects;

/// <summary>The methods of str.</summary>
internal static partial class StrMethods
{
    public static PyStr Plus(this PyStr a, PyStr b) => PyStr.Concat(a, b);

    private static PyStr S(PyObject o) => (PyStr)o;

    public static void Define(PyType t)
    {
        t.Def("find", "sub, start=?, end=?, /", (o, a) => PyInt.Of(FindIn(o, a, "find", Find)));
        t.Def("rfind", "sub, start=?, end=?, /", (o, a) => PyInt.Of(FindIn(o, a, "rfind", FindLast)));
        t.Def("index", "sub, start=?, end=?, /", (o, a) => FindIn(o, a, "index", Find) is >= 0 and var i ? PyInt.Of(i) : throw Err.Value("substring not found"));
        t.Def("rindex", "sub, start=?, end=?, /", (o, a) => FindIn(o, a, "rindex", FindLast) is >= 0 and var i ? PyInt.Of(i) : throw Err.Value("substring not found"));
        t.Def("count", "sub, start=?, end=?, /", Count);
        t.Def("startswith", "prefix, start=?, end=?, /", (o, a) => Values.Bool(Affix(S(o), a, "startswith", (text, part, start, stop) => Matches(text, part, start))));
        t.Def("endswith", "suffix, start=?, end=?, /", (o, a) => Values.Bool(Affix(S(o), a, "endswith", (text, part, start, stop) => Matches(text, part, stop - part.Length))));
        t.Def1("join", Join);
        t.Def("split", "sep=None, maxsplit=-1", (o, a) => Split(S(o), a[0]!, Args.Long(a[1]!)));
        t.Def("rsplit", "sep=None, maxsplit=-1", (o, a) => SplitRight(S(o), a[0]!, Args.Long(a[1]!)));
        t.Def("splitlines", "keepends=False", (o, a) => SplitLines(S(o), Ops.IsTrue(a[0]!)));
        t.Def1("partition", (o, sep) => Partition(S(o), Separator(sep), false));
        t.Def1("rpartition", (o, sep) => Partition(S(o), Separator(sep), true));
        t.Def("replace", "old, new, count=-1, /", (o, a) => Replace(S(o), Args.Str(a[0], "replace", "argument 1"), Args.Str(a[1], "replace", "argument 2"), Args.Long(a[2]!)));
        t.Def("strip", "chars=None, /", (o, a) => Strip(S(o), a[0]!, true, true, "strip"));
        t.Def("lstrip", "chars=None, /", (o, a) => Strip(S(o), a[0]!, true, false, "lstrip"));
        t.Def("rstrip", "chars=None, /", (o, a) => Strip(S(o), a[0]!, false, true, "rstrip"));
        t.Def1("removeprefix", (o, p) => Matches(S(o), Args.Str(p, "removeprefix"), 0) ? S(o).Substring(S(p).Length, S(o).Length - S(p).Length) : Ops.Str(o));
        t.Def1("removesuffix", (o, p) => Args.Str(p, "removesuffix").Length > 0 && Matches(S(o), S(p), S(o).Length - S(p).Length) ? S(o).Substring(0, S(o).Length - S(p).Length) : Ops.Str(o));
        t.Def("ljust", "width, fillchar=' ', /", (o, a) => Pad(S(o), Args.Long(a[0]!), Fill(a[1]!), 0));
        t.Def("rjust", "width, fillchar=' ', /", (o, a) => Pad(S(o), Args.Long(a[0]!), Fill(a[1]!), 1));
        t.Def("center", "width, fillchar=' ', /", (o, a) => Pad(S(o), Args.Long(a[0]!), Fill(a[1]!), 2));
        t.Def1("zfill", (o, width) =>
        {
            var text = S(o);
            var fill = Args.Long(width) - text.Length;
            if (fill <= 0)
                return Ops.Str(o);
            var sign = text.Length > 0 && text[0] is '+' or '-' ? 1 : 0;
            return text.Substring(0, sign).Plus((PyStr)StrType.Type.Repeat!(new PyStr("0"), fill)).Plus(text.Substring(sign, text.Length - sign));
        });
        t.Def("expandtabs", "tabsize=8", (o, a) => ExpandTabs(S(o), (int)Args.Long(a[0]!)));
        t.Def0("lower", o => UnicodeData.Lower(S(o)));
        t.Def0("upper", o => UnicodeData.Upper(S(o)));
        t.Def0("casefold", o => UnicodeData.CaseFold(S(o)));
        t.Def0("title", o => UnicodeData.Title(S(o)));
        t.Def0("capitalize", o => S(o).Length == 0 ? o : UnicodeData.TitleChar(S(o)[0]).Plus(UnicodeData.Lower(S(o), 1)));
        t.Def0("swapcase", o =>
        {
            var result = new PyStrBuilder();
            var points = S(o).ToCodePoints();
            for (var i = 0; i < points.Length; i++)
            {
                var c = points[i];
                result.Append(UnicodeData.IsUpper(c) ? UnicodeData.LowerAt(points, i) : UnicodeData.IsLower(c) ? UnicodeData.Upper(PyStr.OfChar(c)) : PyStr.OfChar(c));
            }
            return result.ToStr();
        });
        Test("isalpha", UnicodeData.IsAlpha);
        Test("isdigit", UnicodeData.IsDigit);
        Test("isdecimal", UnicodeData.IsDecimal);
        Test("isnumeric", UnicodeData.IsNumeric);
        Test("isalnum", c => UnicodeData.IsAlpha(c) || UnicodeData.IsNumeric(c));
        Test("isspace", UnicodeData.IsSpace);
        t.Def0("isascii", o => Values.Bool(!S(o).IsWide && Ascii2(S(o).Value)));
        t.Def0("isprintable", o => Values.Bool(S(o).ToCodePoints().All(UnicodeData.IsPrintable)));
        t.Def0("isidentifier", o => Values.Bool(UnicodeData.IsIdentifier(S(o))));
        t.Def0("islower", o => Values.Bool(Cased(S(o), UnicodeData.IsLower, c => UnicodeData.IsUpper(c) || UnicodeData.IsTitle(c))));
        t.Def0("isupper", o => Values.Bool(Cased(S(o), UnicodeData.IsUpper, c => UnicodeData.IsLower(c) || UnicodeData.IsTitle(c))));
        t.Def0("istitle", o => Values.Bool(IsTitle(S(o))));
        t.Def("encode", "encoding='utf-8', errors='strict'", (o, a) => Codecs.Encode(S(o), Args.Str(a[0], "encode").Value, Args.Str(a[1], "encode").Value));
        t.DefRaw("format", (o, args, names) => FormatMethod.Format(S(o), args, names));
        t.Def1("format_map", (o, map) => FormatMethod.FormatMap(S(o), map));
        t.Def1("__format__", (o, spec) => NumberFormat.FormatStr(S(o), Args.Str(spec, "__format__").Value));
        t.Def1("translate", Translate);
        t.DefStatic("maketrans", "x, y=?, z=?, /", (_, a) => MakeTrans(a));
        t.Def0("__getnewargs__", o => new PyTuple(S(o).Substring(0, S(o).Length)));
        t.Def0("__sizeof__", o => PyInt.Of(49 + S(o).Size));

        void Test(string name, Func<int, bool> test) => t.Def0(name, o => Values.Bool(S(o).Length > 0 && S(o).ToCodePoints().All(test)));
    }

    private static bool Ascii2(string text) => System.Text.Ascii.IsValid(text);

    public static int Find(PyStr text, PyStr part, int start, int stop)
    {
        if (start > text.Length || stop - start < part.Length)
            return -1;
        if (part.IsWide && !text.IsWide)
            return -1;
        int index;
        if (!text.IsWide)
            index = text.Value.AsSpan(start, stop - start).IndexOf(part.Value.AsSpan(), StringComparison.Ordinal);
        else
            index = text.Wide.AsSpan(start, stop - start).IndexOf(part.ToCodePoints());
        return index < 0 ? -1 : start + index;
    }

    public static int FindLast(PyStr text, PyStr part, int start, int stop)
    {
        if (start > text.Length || stop - start < part.Length || (part.IsWide && !text.IsWide))
            return -1;
        if (part.Length == 0)
            return stop;
        var index = !text.IsWide ? text.Value.AsSpan(start, stop - start).LastIndexOf(part.Value.AsSpan(), StringComparison.Ordinal) : text.Wide.AsSpan(start, stop - start).LastIndexOf(part.ToCodePoints());
        return index < 0 ? -1 : start + index;
    }

    private static int FindIn(PyObject o, ReadOnlySpan<PyObject?> a, string name, Func<PyStr, PyStr, int, int, int> find)
    {
        var part = Args.Str(a[0], name);
        var (start, stop) = Args.Range(a[1], a[2], S(o).Length);
        return find(S(o), part, start, stop);
    }

    private static PyObject Count(PyObject o, ReadOnlySpan<PyObject?> a)
    {
        var part = Args.Str(a[0], "count");
        var (start, stop) = Args.Range(a[1], a[2], S(o).Length);
        if (part.Length == 0)
            return PyInt.Of(stop < start ? 0 : stop - start + 1);
        var n = 0;
        while ((start = Find(S(o), part, start, stop)) >= 0)
        {
            n++;
            start += part.Length;
        }
        return PyInt.Of(n);
    }

    public static bool Matches(PyStr text, PyStr part, int at)
    {
        if (at < 0 || at + part.Length > text.Length)
            return false;
        if (!text.IsWide && !part.IsWide)
            return string.CompareOrdinal(text.Value, at, part.Value, 0, part.Length) == 0;
        for (var i = 0; i < part.Length; i++)
        {
            if (text[at + i] != part[i])
                return false;
        }
        return true;
    }

    private static bool Affix(PyStr text, ReadOnlySpan<PyObject?> a, string name, Func<PyStr, PyStr, int, int, bool> test)
    {
        var (start, stop) = Args.Range(a[1], a[2], text.Length);
        if (a[0] is PyTuple many)
            return many.Items.Any(p => One(p as PyStr ?? throw Err.Type($"tuple for {name} must only contain str, not {p.Type.FullName}")));
        return One(a[0] as PyStr ?? throw Err.Type($"{name} first arg must be str or a tuple of str, not {a[0]!.Type.FullName}"));

        bool One(PyStr part) => stop - start >= part.Length && start <= text.Length && test(text, part, start, stop);
    }

    private static PyObject Join(PyObject o, PyObject iterable)
    {
        var separator = S(o);
        if (iterable.Type.Iter is null && iterable.Type.GetItem is null)
            throw Err.Type("can only join an iterable");
        var items = Ops.ToArray(iterable);
        if (items.Length == 1 && items[0].GetType() == typeof(PyStr))
            return items[0];
        long size = 0;
        var narrow = !separator.IsWide;
        for (var i = 0; i < items.Length; i++)
        {
            var part = items[i] as PyStr ?? throw Err.Type($"sequence item {i}: expected str instance, {items[i].Type.FullName} found");
            size += part.Length + separator.Length;
            narrow &= !part.IsWide;
        }
        PyThread.Current.Machine.Limits.CheckSize(size * 2);
        if (narrow)
            return JoinNarrow(separator.Value, items, (int)(size - (items.Length > 0 ? separator.Length : 0)));
        var text = new PyStrBuilder();
        for (var i = 0; i < items.Length; i++)
            text.Append(i > 0 ? separator : PyStr.Empty).Append((PyStr)items[i]);
        return text.ToStr();
    }

    private static PyStr JoinNarrow(string separator, PyObject[] items, int length) => length == 0 ? PyStr.Empty : new PyStr(string.Create(length, (separator, items), static (text, parts) =>
    {
        for (var i = 0; i < parts.items.Length; i++)
        {
            if (i > 0)
            {
                parts.separator.CopyTo(text);
                text = text[parts.separator.Length..];
            }
            var part = Unsafe.As<PyStr>(parts.items[i]).Value;
            part.CopyTo(text);
            text = text[part.Length..];
        }
    }));

    private static PyStr Separator(PyObject value)
    {
        var separator = value as PyStr ?? throw Err.Type($"must be str, not {value.Type.FullName}");
        return separator.Length > 0 ? separator : throw Err.Value("empty separator");
    }

    private static PyList Split(PyStr text, PyObject sep, long max)
    {
        var parts = new PyList();
        if (max < 0)
            max = long.MaxValue;
        var at = 0;
        if (sep != Values.None)
        {
            var separator = Separator(sep);
            int found;
            while (max-- > 0 && (found = Find(text, separator, at, text.Length)) >= 0)
            {
                parts.Add(text.Substring(at, found - at));
                at = found + separator.Length;
            }
            parts.Add(text.Substring(at, text.Length - at));
            return parts;
        }
        if (!text.IsWide && max == long.MaxValue)
        {
            SplitWords(text, parts);
            return parts;
        }
        while (true)
        {
            while (at < text.Length && UnicodeData.IsSpace(text[at]))
                at++;
            if (at == text.Length)
                return parts;
            if (max-- <= 0)
            {
                var end = text.Length;
                while (UnicodeData.IsSpace(text[end - 1]))
                    end--;
                parts.Add(text.Substring(at, text.Length - at) is var rest && end == text.Length ? rest : text.Substring(at, text.Length - at));
                return parts;
            }
            var start = at;
            while (at < text.Length && !UnicodeData.IsSpace(text[at]))
                at++;
            parts.Add(text.Substring(start, at - start));
        }
    }

    private static void SplitWords(PyStr text, PyList parts)
    {
        var characters = text.Value;
        var start = -1;
        for (var i = 0; i < characters.Length; i++)
        {
            if (!IsSpace(characters[i]))
            {
                if (start < 0)
                    start = i;
            }
            else if (start >= 0)
            {
                parts.Add(text.Substring(start, i - start));
                start = -1;
            }
        }
        if (start >= 0)
            parts.Add(text.Substring(start, characters.Length - start));

        static bool IsSpace(char c) => c < 0x80 ? c is ' ' or >= '\t' and <= '\r' or >= '\x1c' and <= '\x1f' : UnicodeData.IsSpace(c);
    }

    private static PyList SplitRight(PyStr text, PyObject sep, long max)
    {
        var parts = new List<PyObject>();
        if (max < 0)
            max = long.MaxValue;
        var end = text.Length;
        if (sep != Values.None)
        {
            var separator = Separator(sep);
            int found;
            while (max-- > 0 && (found = FindLast(text, separator, 0, end)) >= 0)
            {
                parts.Add(text.Substring(found + separator.Length, end - found - separator.Length));
                end = found;
            }
            parts.Add(text.Substring(0, end));
        }
        else
        {
            while (true)
            {
                while (end > 0 && UnicodeData.IsSpace(text[end - 1]))
                    end--;
                if (end == 0)
                    break;
                if (max-- <= 0)
                {
                    parts.Add(text.Substring(0, end));
                    break;
                }
                var stop = end;
                while (end > 0 && !UnicodeData.IsSpace(text[end - 1]))
                    end--;
                parts.Add(text.Substring(end, stop - end));
            }
        }
        parts.Reverse();
        return new PyList(parts);
    }

    private static bool IsLineBreak(int c) => c is '\n' or '\r' or '\v' or '\f' or 0x1c or 0x1d or 0x1e or 0x85 or 0x2028 or 0x2029;

    private static PyList SplitLines(PyStr text, bool keepEnds)
    {
        var lines = new PyList();
        var at = 0;
        while (at < text.Length)
        {
            var start = at;
            while (at < text.Length && !IsLineBreak(text[at]))
                at++;
            var end = at;
            if (at < text.Length)
            {
                at += text[at] == '\r' && at + 1 < text.Length && text[at + 1] == '\n' ? 2 : 1;
                if (keepEnds)
                    end = at;
            }
            lines.Add(text.Substring(start, end - start));
        }
        return lines;
    }

    private static PyTuple Partition(PyStr text, PyStr separator, bool last)
    {
        var at = last ? FindLast(text, separator, 0, text.Length) : Find(text, separator, 0, text.Length);
        if (at < 0)
            return last ? new PyTuple(PyStr.Empty, PyStr.Empty, text) : new PyTuple(text, PyStr.Empty, PyStr.Empty);
        var after = at + separator.Length;
        return new PyTuple(text.Substring(0, at), separator, text.Substring(after, text.Length - after));
    }

    public static PyStr Replace(PyStr text, PyStr old, PyStr with, long count)
    {
        if (count < 0)
            count = long.MaxValue;
        if (count == long.MaxValue && !text.IsWide && !old.IsWide && !with.IsWide && old.Length > 0)
            return new PyStr(text.Value.Replace(old.Value, with.Value, StringComparison.Ordinal));
        var result = new PyStrBuilder();
        if (old.Length == 0)
        {
            for (var i = 0; i <= text.Length; i++)
            {
                if (count-- > 0)
                    result.Append(with);
                if (i < text.Length)
                    result.Append(text[i]);
            }
            return result.ToStr();
        }
        var at = 0;
        int found;
        while (count-- > 0 && (found = Find(text, old, at, text.Length)) >= 0)
        {
            result.Append(text.Substring(at, found - at)).Append(with);
            at = found + old.Length;
        }
        return result.Append(text.Substring(at, text.Length - at)).ToStr();
    }

    private static PyStr Strip(PyStr text, PyObject chars, bool left, bool right, string name)
    {
        Func<int, bool> strip = UnicodeData.IsSpace;
        if (chars != Values.None)
        {
            var set = (chars as PyStr ?? throw Err.Type($"{name} arg must be None or str")).ToCodePoints();
            strip = c => Array.IndexOf(set, c) >= 0;
        }
        var (start, end) = (0, text.Length);
        while (left && start < end && strip(text[start]))
            start++;
        while (right && end > start && strip(text[end - 1]))
            end--;
        return text.Substring(start, end - start);
    }

    private static int Fill(PyObject value)
    {
        var text = value as PyStr ?? throw Err.Type($"The fill character must be a unicode character, not {value.Type.FullName}");
        return text.Length == 1 ? text[0] : throw Err.Type("The fill character must be exactly one character long");
    }

    public static PyStr Pad(PyStr text, long width, int fill, int align)
    {
        var missing = width - text.Length;
        if (missing <= 0)
            return Ops.Str(text);
        PyThread.Current.Machine.Limits.CheckSize(missing * 2);
        var left = align == 0 ? 0 : align == 1 ? missing : missing / 2 + (missing & width & 1);
        var result = new PyStrBuilder();
        for (var i = 0L; i < left; i++)
            result.Append(fill);
        result.Append(text);
        for (var i = left; i < missing; i++)
            result.Append(fill);
        return result.ToStr();
    }

    private static PyStr ExpandTabs(PyStr text, int size)
    {
        var result = new PyStrBuilder();
        var column = 0;
        foreach (var c in text.ToCodePoints())
        {
            if (c == '\t')
            {
                var count = size > 0 ? size - column % size : 0;
                result.Append(new string(' ', count));
                column += count;
                continue;
            }
            result.Append(c);
            column = c is '\n' or '\r' ? 0 : column + 1;
        }
        return result.ToStr();
    }

    private static bool Cased(PyStr text, Func<int, bool> wanted, Func<int, bool> other)
    {
        var any = false;
        foreach (var c in text.ToCodePoints())
        {
            if (other(c))
                return false;
            any |= wanted(c);
        }
        return any;
    }

    private static bool IsTitle(PyStr text)
    {
        var (any, previous) = (false, false);
        foreach (var c in text.ToCodePoints())
        {
            if (UnicodeData.IsUpper(c) || UnicodeData.IsTitle(c))
            {
                if (previous)
                    return false;
                previous = any = true;
            }
            else if (UnicodeData.IsLower(c))
            {
                if (!previous)
                    return false;
                any = true;
            }
            else
            {
                previous = false;
            }
        }
        return any;
    }

    private static PyObject Translate(PyObject o, PyObject table)
    {
        var result = new PyStrBuilder();
        foreach (var c in S(o).ToCodePoints())
        {
            PyObject? to;
            try
            {
                to = Ops.GetItem(table, PyInt.Of(c));
            }
            catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.LookupError))
            {
                result.Append(c);
                continue;
            }
            switch (to)
            {
                case PyInt code:
                    result.Append((int)(code.Value is >= 0 and < 0x110000 ? code.Value : throw Err.Value("character mapping must be in range(0x110000)")));
                    break;
                case PyStr text:
                    result.Append(text);
                    break;
                default:
                    if (to != Values.None)
                        throw Err.Type("character mapping must return integer, None or str");
                    break;
            }
        }
        return result.ToStr();
    }

    private static PyDict MakeTrans(ReadOnlySpan<PyObject?> a)
    {
        var table = new PyDict();
        if (a[1] is null)
        {
            foreach (var (key, value) in (a[0] as PyDict ?? throw Err.Type("if you give only one argument to maketrans it must be a dict")).Items())
            {
                table.Set(key switch
                {
                    PyStr { Length: 1 } s => PyInt.Of(s[0]),
                    PyInt => key,
                    PyStr => throw Err.Value("string keys in translate table must be of length 1"),
                    _ => throw Err.Type("keys in translate table must be strings or integers"),
                }, value);
            }
            return table;
        }
        var (x, y) = (a[0] as PyStr ?? throw Err.Type("first maketrans argument must be a string if there is a second argument"), Args.Str(a[1], "maketrans"));
        if (x.Length != y.Length)
            throw Err.Value("the first two maketrans arguments must have equal length");
        for (var i = 0; i < x.Length; i++)
            table.Set(PyInt.Of(x[i]), PyInt.Of(y[i]));
        if (a[2] is not null)
        {
            foreach (var c in Args.Str(a[2], "maketrans").ToCodePoints())
                table.Set(PyInt.Of(c), Values.None);
        }
        return table;
    }

    public static PyStr Repr(PyStr text)
    {
        var quote = !text.IsWide && text.Value.Contains('\'', StringComparison.Ordinal) && !text.Value.Contains('"', StringComparison.Ordinal) ? '"'
            : text.IsWide && text.Wide.Contains('\'') && !text.Wide.Contains('"') ? '"' : '\'';
        var result = new PyStrBuilder().Append(quote);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == quote || c == '\\')
                result.Append('\\').Append(c);
            else if (c is '\n' or '\r' or '\t')
                result.Append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
            else if (c is >= ' ' and < 0x7f || UnicodeData.IsPrintable(c))
                result.Append(c);
            else
                result.Append(Escape(c));
        }
        return result.Append(quote).ToStr();
    }

    public static string Escape(int c) => c < 0x100 ? $"\\x{c:x2}" : c < 0x10000 ? $"\\u{c:x4}" : $"\\U{c:x8}";

    /// <summary>ascii().</summary>
    public static PyStr Ascii(PyObject o)
    {
        var repr = Ops.ReprObject(o);
        var result = new StringBuilder();
        foreach (var c in repr.ToCodePoints())
        {
            if (c < 0x80)
                result.Append((char)c);
            else
                result.Append(Escape(c));
        }
        return new PyStr(result.ToString());
    }
}
