using System.Globalization;

namespace Holon.Python.Modules;

/// <summary>unicodedata, from Unicode's own files (Debian's package unicode-data), without the characters that are newer than Python 3.11's version 14.</summary>
internal static class UnicodeDataModule
{
    private const string Folder = "/usr/share/unicode";

    private const string Hangul = "HANGUL SYLLABLE ";

    private static readonly string[] Leads = ["G", "GG", "N", "D", "DD", "R", "M", "B", "BB", "S", "SS", "", "J", "JJ", "C", "K", "T", "P", "H"];
    private static readonly string[] Vowels = ["A", "AE", "YA", "YAE", "EO", "E", "YEO", "YE", "O", "WA", "WAE", "OE", "YO", "U", "WEO", "WE", "WI", "YU", "EU", "YI", "I"];
    private static readonly string[] Tails = ["", "G", "GG", "GS", "N", "NJ", "NH", "D", "L", "LG", "LM", "LB", "LS", "LT", "LP", "LH", "M", "B", "BS", "S", "SS", "NG", "J", "C", "K", "T", "P", "H"];

    private sealed record Entry(string Name, string Category, int Combining, string Bidirectional, string Decomposition, string Decimal, string Digit, string Numeric, bool Mirrored);

    /// <summary>The files, read once for all machines when the first asks.</summary>
    private sealed class Tables
    {
        private const int NewerThan = 14;

        private static readonly Entry Unassigned = new("", "Cn", 0, "", "", "", "", "", false);

        private readonly Dictionary<int, Entry> entries = [];
        private readonly List<(int First, int Last, Entry Entry)> ranges = [];
        private readonly List<(int First, int Last, string Width)> widths = [];
        private readonly HashSet<int> newer = [];

        public Dictionary<string, int> ByName { get; } = [];

        public Dictionary<string, PyStr> Sequences { get; } = [];

        public Dictionary<(int, int), int> Compositions { get; } = [];

        private Tables()
        {
            foreach (var (first, last, fields) in Lines("DerivedAge.txt"))
            {
                if (int.Parse(fields[1].Split('.')[0], CultureInfo.InvariantCulture) > NewerThan)
                    newer.UnionWith(Enumerable.Range(first, last - first + 1));
            }
            var excluded = Lines("CompositionExclusions.txt").Select(l => l.First).ToHashSet();
            (int Code, Entry Entry)? start = null;
            foreach (var line in File.ReadLines(Folder + "/UnicodeData.txt"))
            {
                var f = line.Split(';');
                var code = int.Parse(f[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                var name = f[1].StartsWith('<') ? "" : f[1];
                var entry = new Entry(name, f[2], int.Parse(f[3], CultureInfo.InvariantCulture), f[4], f[5], f[6], f[7], f[8], f[9] == "Y");
                if (f[1].EndsWith(", First>", StringComparison.Ordinal))
                {
                    start = (code, entry);
                    continue;
                }
                if (f[1].EndsWith(", Last>", StringComparison.Ordinal))
                {
                    ranges.Add((start!.Value.Code, code, entry));
                    continue;
                }
                if (newer.Contains(code))
                    continue;
                entries[code] = entry;
                if (name.Length > 0)
                    ByName[name] = code;
                if (entry.Decomposition.Length > 0 && entry.Decomposition[0] != '<' && entry.Decomposition.Split(' ') is [var a, var b] && !excluded.Contains(code))
                    Compositions[(Hex(a), Hex(b))] = code;
            }
            // A character that decomposes into one that does not start a cluster is not composed either.
            foreach (var (pair, code) in Compositions.ToArray())
            {
                if (Of(pair.Item1).Combining != 0 || Of(code).Combining != 0)
                    Compositions.Remove(pair);
            }
            foreach (var (first, last, fields) in Lines("EastAsianWidth.txt"))
                widths.Add((first, last, fields[1]));
            foreach (var (first, _, fields) in Lines("NameAliases.txt"))
                ByName.TryAdd(fields[1], first);
            foreach (var line in File.ReadLines(Folder + "/NamedSequences.txt").Where(l => l.Length > 0 && l[0] != '#'))
            {
                var f = line.Split(';');
                Sequences[f[0]] = PyStr.FromCodePoints([.. f[1].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Hex)]);
            }
        }

        public static Lazy<Tables> Instance { get; } = new(() => new Tables());

        private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

        private static IEnumerable<(int First, int Last, string[] Fields)> Lines(string file)
        {
            foreach (var line in File.ReadLines(Path.Combine(Folder, file)))
            {
                var text = line.Split('#')[0].Trim();
                if (text.Length == 0)
                    continue;
                var fields = text.Split(';', StringSplitOptions.TrimEntries);
                var range = fields[0].Split("..");
                yield return (Hex(range[0]), Hex(range[^1]), fields);
            }
        }

        public Entry Of(int c)
        {
            if (entries.TryGetValue(c, out var entry))
                return entry;
            foreach (var (first, last, each) in ranges)
            {
                if (c >= first && c <= last && !newer.Contains(c))
                    return each;
            }
            return Unassigned;
        }

        public string Width(int c)
        {
            var (low, high) = (0, widths.Count - 1);
            while (low <= high)
            {
                var middle = (low + high) / 2;
                if (c < widths[middle].First)
                    high = middle - 1;
                else if (c > widths[middle].Last)
                    low = middle + 1;
                else
                    return newer.Contains(c) && widths[middle].Width != "W" ? "N" : widths[middle].Width;
            }
            return "N";
        }

        private static bool IsIdeograph(int c) => c is >= 0x3400 and <= 0x4dbf or >= 0x4e00 and <= 0x9fff or >= 0x20000 and <= 0x2a6df or >= 0x2a700 and <= 0x2b738 or >= 0x2b740 and <= 0x2b81d or >= 0x2b820 and <= 0x2cea1 or >= 0x2ceb0 and <= 0x2ebe0 or >= 0x30000 and <= 0x3134a;

        public string? Name(int c)
        {
            if (c is >= 0xac00 and <= 0xd7a3)
                return Hangul + Leads[(c - 0xac00) / 588] + Vowels[(c - 0xac00) % 588 / 28] + Tails[(c - 0xac00) % 28];
            if (IsIdeograph(c))
                return $"CJK UNIFIED IDEOGRAPH-{c:X}";
            return Of(c).Name is { Length: > 0 } name ? name : null;
        }

        public int Find(string name)
        {
            var upper = name.ToUpperInvariant();
            if (ByName.TryGetValue(upper, out var code))
                return code;
            if (upper.StartsWith("CJK UNIFIED IDEOGRAPH-", StringComparison.Ordinal))
                return upper.Length is 26 or 27 && int.TryParse(upper.AsSpan(22), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var c) && IsIdeograph(c) ? c : -1;
            if (!upper.StartsWith(Hangul, StringComparison.Ordinal))
                return -1;
            var rest = upper[Hangul.Length..];
            // The longest parts win: "GG" before "G".
            foreach (var lead in Leads.OrderByDescending(l => l.Length).Where(l => rest.StartsWith(l, StringComparison.Ordinal)))
            {
                foreach (var vowel in Vowels.OrderByDescending(v => v.Length).Where(v => rest.AsSpan(lead.Length).StartsWith(v, StringComparison.Ordinal)))
                {
                    var tail = Array.IndexOf(Tails, rest[(lead.Length + vowel.Length)..]);
                    if (tail >= 0)
                        return 0xac00 + Array.IndexOf(Leads, lead) * 588 + Array.IndexOf(Vowels, vowel) * 28 + tail;
                }
            }
            return -1;
        }
    }

    private static Tables T => Tables.Instance.Value;

    /// <summary>The code point of a name, for "\N{...}"; null when there is none, or no data.</summary>
    public static int? Find(string name) => File.Exists(Folder + "/UnicodeData.txt") && T.Find(name) is >= 0 and var code ? code : null;

    /// <summary>The name of a character, for the error handler <c>namereplace</c>; null when it has none, or there is no data.</summary>
    public static string? NameOf(int character) => File.Exists(Folder + "/UnicodeData.txt") ? T.Name(character) : null;

    private static int One(PyObject? o, string function) => o is PyStr { Length: 1 } c ? c[0] : throw Err.Type($"{function}() argument {(function is "decimal" or "digit" or "numeric" or "name" ? "1 " : "")}must be a unicode character, not {Args.TypeName(o)}");

    // ---- Normalization, Unicode Standard Annex #15 ----

    private static void Decompose(int c, bool compatibly, List<int> output)
    {
        if (c is >= 0xac00 and <= 0xd7a3)
        {
            output.Add(0x1100 + (c - 0xac00) / 588);
            output.Add(0x1161 + (c - 0xac00) % 588 / 28);
            if ((c - 0xac00) % 28 is > 0 and var tail)
                output.Add(0x11a7 + tail);
            return;
        }
        var text = c < 0xa0 ? "" : T.Of(c).Decomposition;
        if (text.Length == 0 || (text[0] == '<' && !compatibly))
        {
            output.Add(c);
            return;
        }
        foreach (var part in text.Split(' ').Where(p => p[0] != '<'))
            Decompose(int.Parse(part, NumberStyles.HexNumber, CultureInfo.InvariantCulture), compatibly, output);
    }

    private static void Order(List<int> text)
    {
        for (var i = 0; i < text.Count;)
        {
            var end = i;
            while (end < text.Count && T.Of(text[end]).Combining != 0)
                end++;
            if (end - i > 1)
            {
                var sorted = text.GetRange(i, end - i).OrderBy(c => T.Of(c).Combining).ToArray();
                for (var k = 0; k < sorted.Length; k++)
                    text[i + k] = sorted[k];
            }
            i = end + 1;
        }
    }

    private static List<int> Compose(List<int> text)
    {
        var result = new List<int>(text.Count);
        var (starter, last) = (-1, 0);
        foreach (var c in text)
        {
            var combining = T.Of(c).Combining;
            if (starter >= 0 && (last == 0 ? result.Count == starter + 1 : last < combining) && Pair(result[starter], c) is >= 0 and var joined)
            {
                result[starter] = joined;
                continue;
            }
            if (combining == 0)
                starter = result.Count;
            last = combining;
            result.Add(c);
        }
        return result;
    }

    private static int Pair(int a, int b)
    {
        if (a is >= 0x1100 and < 0x1113 && b is >= 0x1161 and < 0x1176)
            return 0xac00 + ((a - 0x1100) * 21 + b - 0x1161) * 28;
        if (a is >= 0xac00 and <= 0xd7a3 && (a - 0xac00) % 28 == 0 && b is > 0x11a7 and < 0x11c3)
            return a + b - 0x11a7;
        return T.Compositions.GetValueOrDefault((a, b), -1);
    }

    private static PyStr Normalize(string form, PyStr text)
    {
        if (form is not ("NFC" or "NFD" or "NFKC" or "NFKD"))
            throw Err.Value("invalid normalization form");
        var points = text.ToCodePoints();
        if (points.All(c => c < 0x80))
            return text;
        var output = new List<int>(points.Length);
        foreach (var c in points)
            Decompose(c, form.Length == 4, output);
        Order(output);
        if (form.EndsWith('C'))
            output = Compose(output);
        var made = PyStr.FromCodePoints(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(output));
        return made.Equals(text) ? text : made;
    }

    private static double? Number(string text)
    {
        if (text.Length == 0)
            return null;
        var parts = text.Split('/');
        var value = double.Parse(parts[0], CultureInfo.InvariantCulture);
        return parts.Length == 1 ? value : value / double.Parse(parts[1], CultureInfo.InvariantCulture);
    }

    public static void Fill(ModuleBuilder m)
    {
        if (!File.Exists(Folder + "/UnicodeData.txt"))
            throw Err.Of(ExceptionTypes.ImportError, "unicodedata needs Unicode's tables; install them with: sudo apt-get install unicode-data");
        m.Set("unidata_version", "14.0.0");
        Define((name, signature, body) => m.Def(name, signature, body));
        var old = new PyType("UCD", PyType.Object, t =>
        {
            t.IsFinal = true;
            t.Constant("unidata_version", new PyStr("3.2.0"));
            Define((name, signature, body) => t.Def(name, signature, (_, a) => body(a)));
        }, "unicodedata");
        m.Set("UCD", old);
        m.Set("ucd_3_2_0", new PyInstance(old));
    }

    private static void Define(Action<string, string, FnModule> def)
    {
        def("category", "chr, /", a => new PyStr(T.Of(One(a[0], "category")).Category));
        def("bidirectional", "chr, /", a => new PyStr(T.Of(One(a[0], "bidirectional")).Bidirectional));
        def("combining", "chr, /", a => PyInt.Of(T.Of(One(a[0], "combining")).Combining));
        def("mirrored", "chr, /", a => PyInt.Of(T.Of(One(a[0], "mirrored")).Mirrored ? 1 : 0));
        def("east_asian_width", "chr, /", a => new PyStr(T.Width(One(a[0], "east_asian_width"))));
        def("decomposition", "chr, /", a => new PyStr(T.Of(One(a[0], "decomposition")).Decomposition));
        def("decimal", "chr, default=?, /", a => T.Of(One(a[0], "decimal")).Decimal is { Length: > 0 } d ? PyInt.Of(long.Parse(d, CultureInfo.InvariantCulture)) : a[1] ?? throw Err.Value("not a decimal"));
        def("digit", "chr, default=?, /", a => T.Of(One(a[0], "digit")).Digit is { Length: > 0 } d ? PyInt.Of(long.Parse(d, CultureInfo.InvariantCulture)) : a[1] ?? throw Err.Value("not a digit"));
        def("numeric", "chr, default=?, /", a => Number(T.Of(One(a[0], "numeric")).Numeric) is { } n ? new PyFloat(n) : a[1] ?? throw Err.Value("not a numeric character"));
        def("name", "chr, default=?, /", a => T.Name(One(a[0], "name")) is { } name ? new PyStr(name) : a[1] ?? throw Err.Value("no such name"));
        def("lookup", "name, /", a =>
        {
            var name = Args.Str(a[0], "lookup").Value;
            if (T.Find(name) is >= 0 and var code)
                return PyStr.OfChar(code);
            return T.Sequences.TryGetValue(name.ToUpperInvariant(), out var sequence) ? sequence : throw Err.Of(ExceptionTypes.KeyError, $"undefined character name '{name}'");
        });
        def("normalize", "form, unistr, /", a => Normalize(Args.Str(a[0], "normalize").Value, Args.Str(a[1], "normalize")));
        def("is_normalized", "form, unistr, /", a => Values.Bool(Normalize(Args.Str(a[0], "is_normalized").Value, Args.Str(a[1], "is_normalized")).Equals((PyStr)a[1]!)));
    }

    /// <summary>An identifier in the form in which the compiler compares it.</summary>
    public static string? NormalizeIdentifier(string identifier) =>
        File.Exists(Folder + "/UnicodeData.txt") ? Normalize("NFKC", PyStr.FromUtf16(identifier)).Value : null;
}
