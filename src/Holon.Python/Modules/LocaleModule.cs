namespace Holon.Python.Modules;

/// <summary>_locale: the locale C, with UTF-8. Others are refused, as on a system that has none installed.</summary>
internal static class LocaleModule
{
    private static readonly string[] Categories = ["LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MONETARY", "LC_MESSAGES"];

    private static readonly string[] TextConventions = ["thousands_sep", "int_curr_symbol", "currency_symbol", "mon_decimal_point", "mon_thousands_sep", "positive_sign", "negative_sign"];

    private static readonly string[] NumberConventions = ["int_frac_digits", "frac_digits", "p_cs_precedes", "p_sep_by_space", "n_cs_precedes", "n_sep_by_space", "p_sign_posn", "n_sign_posn"];

    private sealed class State
    {
        public string[] Current { get; } = [.. Enumerable.Repeat("C.UTF-8", 1), .. Enumerable.Repeat("C", 5)];

        public PyDict Domains { get; } = new();
    }

    private static readonly (string Name, int Number, string Text)[] Infos =
    [
        ("CODESET", 14, "UTF-8"), ("D_T_FMT", 0x20028, "%a %b %e %H:%M:%S %Y"), ("D_FMT", 0x20029, "%m/%d/%y"), ("T_FMT", 0x2002a, "%H:%M:%S"), ("T_FMT_AMPM", 0x2002b, "%I:%M:%S %p"), ("AM_STR", 0x20026, "AM"), ("PM_STR", 0x20027, "PM"),
        ("RADIXCHAR", 0x10000, "."), ("THOUSEP", 0x10001, ""), ("YESEXPR", 0x50000, "^[yY]"), ("NOEXPR", 0x50001, "^[nN]"), ("CRNCYSTR", 0x4000f, "-"), ("ERA", 0x2002c, ""), ("ERA_D_FMT", 0x2002e, ""), ("ALT_DIGITS", 0x2002f, ""), ("ERA_D_T_FMT", 0x20030, ""), ("ERA_T_FMT", 0x20031, ""),
        .. Enumerable.Range(0, 7).Select(i => ($"DAY_{i + 1}", 0x20007 + i, System.Globalization.CultureInfo.InvariantCulture.DateTimeFormat.DayNames[i])),
        .. Enumerable.Range(0, 7).Select(i => ($"ABDAY_{i + 1}", 0x20000 + i, System.Globalization.CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedDayNames[i])),
        .. Enumerable.Range(0, 12).Select(i => ($"MON_{i + 1}", 0x2001a + i, System.Globalization.CultureInfo.InvariantCulture.DateTimeFormat.MonthNames[i])),
        .. Enumerable.Range(0, 12).Select(i => ($"ABMON_{i + 1}", 0x2000e + i, System.Globalization.CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedMonthNames[i])),
    ];

    public static void Fill(ModuleBuilder m)
    {
        var state = m.Machine.State<State>("_locale");
        for (var i = 0; i < Categories.Length; i++)
            m.Set(Categories[i], i);
        m.Set("LC_ALL", 6);
        m.Set("CHAR_MAX", 127);
        var dict = new PyDict();
        dict.Set("__module__", new PyStr("locale"));
        var error = ClassBuilder.Build(PyType.TypeType, new PyStr("Error"), new PyTuple(ExceptionTypes.Exception), dict, [], null);
        m.Set("Error", error);
        foreach (var (name, number, _) in Infos)
            m.Set(name, number);
        m.Def("setlocale", "category, locale=None, /", a =>
        {
            var category = Args.Int(a[0]!);
            if (category is < 0 or > 6)
                throw Err.Of(error, "invalid locale category");
            if (a[1] != Values.None)
            {
                var wanted = Args.Str(a[1], "setlocale").Value;
                var name = wanted switch
                {
                    "" => "C.UTF-8",
                    "C" or "POSIX" => "C",
                    _ when wanted.ToUpperInvariant() is "C.UTF-8" or "C.UTF8" => wanted,
                    _ when wanted.StartsWith("LC_CTYPE=C", StringComparison.Ordinal) => "C.UTF-8",
                    _ => throw Err.Of(error, "unsupported locale setting"),
                };
                for (var i = 0; i < Categories.Length; i++)
                {
                    if (i == category || category == 6)
                        state.Current[i] = name;
                }
            }
            if (category < 6)
                return new PyStr(state.Current[category]);
            return new PyStr(state.Current.All(c => c == state.Current[0]) ? state.Current[0] : string.Join(';', Categories.Select((c, i) => $"{c}={state.Current[i]}")));
        });
        m.Def0("localeconv", () =>
        {
            var conventions = new PyDict();
            foreach (var name in TextConventions)
                conventions.Set(name, PyStr.Empty);
            conventions.Set("decimal_point", new PyStr("."));
            conventions.Set("grouping", new PyList());
            conventions.Set("mon_grouping", new PyList());
            foreach (var name in NumberConventions)
                conventions.Set(name, PyInt.Of(127));
            return conventions;
        });
        m.Def1("nl_langinfo", key => Array.Find(Infos, i => i.Number == Args.Int(key)) is { Name: not null } info ? new PyStr(info.Text) : throw Err.Value("unsupported langinfo constant"));
        m.Def0("getencoding", () => new PyStr("UTF-8"));
        m.Def("strcoll", "os1, os2, /", a => PyInt.Of(Math.Sign(Args.Str(a[0], "strcoll").CompareTo(Args.Str(a[1], "strcoll")))));
        m.Def1("strxfrm", text => Args.Str(text, "strxfrm").Value.Contains('\0', StringComparison.Ordinal) ? throw Err.Value("embedded null character") : text);
        m.Def1("gettext", text => text);
        m.Def("dgettext", "domain, msg, /", a => a[1]);
        m.Def("dcgettext", "domain, msg, category, /", a => a[1]);
        m.Def("textdomain", "domain, /", a => a[0] == Values.None ? new PyStr("messages") : a[0]);
        m.Def("bindtextdomain", "domain, dir, /", a =>
        {
            if (a[0] is not PyStr { Length: > 0 })
                throw Err.Of(error, "domain must be a non-empty string");
            if (a[1] != Values.None)
                state.Domains.Set(a[0]!, PyStr.FromUtf16(FileSystemCodec.Path(a[1]!)));
            return state.Domains.Get(a[0]!) ?? new PyStr("/usr/share/locale");
        });
        m.Def("bind_textdomain_codeset", "domain, codeset, /", a => a[1]);
    }
}
