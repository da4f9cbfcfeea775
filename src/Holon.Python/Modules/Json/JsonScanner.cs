using System.Globalization;

namespace Holon.Python.Modules;

/// <summary>c_make_scanner: reads a JSON value at a place of a text.</summary>
internal sealed class JsonScanner(PyType type, PyObject context) : PyExtensible(type)
{
    private static readonly NativeParameters MakeParameters = new("make_scanner", "context");
    private static readonly NativeParameters CallParameters = new("scan_once", "string, idx");

    public static readonly PyType PythonType = new("Scanner", PyType.Object, t =>
    {
        t.New = (type, args, names) => new JsonScanner(type, MakeParameters.Bind(args, names)[0]!);
        t.Init = (_, _, _) => { };
        t.Member("strict", o => Values.Bool(((JsonScanner)o).strict));
        t.Member("object_hook", o => ((JsonScanner)o).objectHook);
        t.Member("object_pairs_hook", o => ((JsonScanner)o).pairsHook);
        t.Member("parse_float", o => ((JsonScanner)o).parseFloat);
        t.Member("parse_int", o => ((JsonScanner)o).parseInt);
        t.Member("parse_constant", o => ((JsonScanner)o).parseConstant);
        t.DefCall();
    }, "_json");

    private readonly bool strict = Ops.IsTrue(Attributes.Get(context, "strict"));
    private readonly PyObject objectHook = Attributes.Get(context, "object_hook"), pairsHook = Attributes.Get(context, "object_pairs_hook");
    private readonly PyObject parseFloat = Attributes.Get(context, "parse_float"), parseInt = Attributes.Get(context, "parse_int"), parseConstant = Attributes.Get(context, "parse_constant");

    // Equal keys of a text are one string.
    private readonly JsonKeys keys = new();

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (names is not null || args.Length != 2)
            args = CallParameters.Bind(args, names)!;
        var text = args[0] as PyStr ?? throw Err.Type($"first argument must be a string, not {args[0].Type.FullName}");
        var index = Args.Long(args[1]);
        if (index < 0)
            throw Err.Value("idx cannot be negative");
        var at = (int)Math.Min(index, text.Length);
        try
        {
            var value = text.IsWide ? new Reader<WideText>(this, text, new(text.Wide)).Value(ref at) : new Reader<NarrowText>(this, text, new(text.Value)).Value(ref at);
            return value is null ? null : new PyTuple(value, PyInt.Of(at));
        }
        finally
        {
            keys.Clear();
        }
    }

    /// <summary>Reads values of one text. Null: there is none, and a StopIteration with the place waits.</summary>
    private readonly struct Reader<T>(JsonScanner scanner, PyStr whole, T text)
        where T : struct, ICharacters
    {
        // More digits might be more than 64 bits.
        private const int DigitsOfLong = 18;

        public PyObject? Value(ref int at)
        {
            if (at >= text.Length)
                return Stop(at);
            switch (text.At(at))
            {
                case '"':
                    at++;
                    return JsonText.ScanString(whole, ref at, scanner.strict);
                case '{':
                    {
                        var thread = PyThread.EnterNative(" while decoding a JSON object from a unicode string");
                        try
                        {
                            at++;
                            return Object(ref at);
                        }
                        finally
                        {
                            thread.LeaveNative();
                        }
                    }
                case '[':
                    {
                        var thread = PyThread.EnterNative(" while decoding a JSON array from a unicode string");
                        try
                        {
                            at++;
                            return Array(ref at);
                        }
                        finally
                        {
                            thread.LeaveNative();
                        }
                    }
                case 'n' when Word(ref at, "null"):
                    return Values.None;
                case 't' when Word(ref at, "true"):
                    return Values.True;
                case 'f' when Word(ref at, "false"):
                    return Values.False;
                case 'N' when Word(ref at, "NaN"):
                    return Calls.Call(scanner.parseConstant, new PyStr("NaN"));
                case 'I' when Word(ref at, "Infinity"):
                    return Calls.Call(scanner.parseConstant, new PyStr("Infinity"));
                case '-' when Word(ref at, "-Infinity"):
                    return Calls.Call(scanner.parseConstant, new PyStr("-Infinity"));
                default:
                    return Number(ref at);
            }
        }

        private static PyObject? Stop(int at) => Err.SetStopIteration(PyInt.Of(at));

        private void Space(ref int at)
        {
            while (at < text.Length && text.At(at) is ' ' or '\t' or '\n' or '\r')
                at++;
        }

        private bool Word(ref int at, string word)
        {
            if (word.Length > text.Length - at)
                return false;
            for (var i = 0; i < word.Length; i++)
            {
                if (text.At(at + i) != word[i])
                    return false;
            }
            at += word.Length;
            return true;
        }

        private bool Is(int at, char c) => at < text.Length && text.At(at) == c;

        private bool IsDigit(int at) => at < text.Length && text.At(at) is >= '0' and <= '9';

        private PyObject? Number(ref int at)
        {
            var end = at;
            if (text.At(end) == '-')
                end++;
            if (!IsDigit(end))
                return Stop(at);
            if (text.At(end) == '0')
                end++;
            else
                while (IsDigit(end))
                    end++;
            var isFloat = false;
            if (Is(end, '.') && IsDigit(end + 1))
            {
                isFloat = true;
                for (end++; IsDigit(end);)
                    end++;
            }
            if (end + 1 < text.Length && text.At(end) is 'e' or 'E')
            {
                var exponent = end + (text.At(end + 1) is '+' or '-' ? 2 : 1);
                if (IsDigit(exponent))
                {
                    isFloat = true;
                    for (end = exponent; IsDigit(end);)
                        end++;
                }
            }
            var start = at;
            at = end;
            if (!isFloat && scanner.parseInt == IntType.Type && end - start <= DigitsOfLong)
                return PyInt.Of(Integer(start, end));
            if (isFloat && scanner.parseFloat == FloatType.Type && !whole.IsWide)
                return new PyFloat(double.Parse(whole.Value.AsSpan(start, end - start), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture));
            return Calls.Call(isFloat ? scanner.parseFloat : scanner.parseInt, whole.Substring(start, end - start));
        }

        private long Integer(int start, int end)
        {
            var negative = text.At(start) == '-';
            var value = 0L;
            for (var i = negative ? start + 1 : start; i < end; i++)
                value = value * 10 + (text.At(i) - '0');
            return negative ? -value : value;
        }

        private PyList? Array(ref int at)
        {
            var list = new PyList();
            Space(ref at);
            if (Is(at, ']'))
            {
                at++;
                return list;
            }
            while (true)
            {
                if (Value(ref at) is not { } value)
                    return null;
                list.Add(value);
                Space(ref at);
                if (Is(at, ']'))
                {
                    at++;
                    return list;
                }
                if (!Is(at, ','))
                    throw JsonText.DecodeError("Expecting ',' delimiter", whole, at);
                at++;
                Space(ref at);
            }
        }

        private PyObject? Object(ref int at)
        {
            var pairs = scanner.pairsHook != Values.None ? new PyList() : null;
            var dict = pairs is null ? new PyDict() : null;
            Space(ref at);
            if (Is(at, '}'))
            {
                at++;
                return Hooked(pairs, dict);
            }
            while (true)
            {
                if (!Is(at, '"'))
                    throw JsonText.DecodeError("Expecting property name enclosed in double quotes", whole, at);
                at++;
                var key = JsonText.ScanString(whole, ref at, scanner.strict, scanner.keys);
                Space(ref at);
                if (!Is(at, ':'))
                    throw JsonText.DecodeError("Expecting ':' delimiter", whole, at);
                at++;
                Space(ref at);
                if (Value(ref at) is not { } value)
                    return null;
                pairs?.Add(new PyTuple(key, value));
                dict?.Set(key, value, key.Hash);
                Space(ref at);
                if (Is(at, '}'))
                {
                    at++;
                    return Hooked(pairs, dict);
                }
                if (!Is(at, ','))
                    throw JsonText.DecodeError("Expecting ',' delimiter", whole, at);
                at++;
                Space(ref at);
            }
        }

        private PyObject Hooked(PyList? pairs, PyDict? dict) =>
            pairs is not null ? Calls.Call(scanner.pairsHook, pairs) : scanner.objectHook != Values.None ? Calls.Call(scanner.objectHook, dict!) : dict!;
    }
}

/// <summary>The keys of a text that is being read, found by their characters.</summary>
internal sealed class JsonKeys
{
    private const int SlotsToKeep = 1024;
    private PyStr?[] slots = [];
    private int count;

    /// <summary>The key with those characters: the one that was there before, or a new one.</summary>
    public PyStr Of(ReadOnlySpan<char> characters)
    {
        if (count * 4 >= slots.Length * 3)
            Grow();
        var hash = string.GetHashCode(characters);
        var mask = slots.Length - 1;
        for (var at = hash & mask; ; at = (at + 1) & mask)
        {
            if (slots[at] is not { } known)
            {
                count++;
                return slots[at] = characters.Length == 0 ? PyStr.Empty : PyStr.WithHash(characters.ToString(), hash);
            }
            if (characters.SequenceEqual(known.Value))
                return known;
        }
    }

    public void Clear()
    {
        if (count == 0)
            return;
        if (slots.Length > SlotsToKeep)
            slots = [];
        else
            Array.Clear(slots);
        count = 0;
    }

    private void Grow()
    {
        var old = slots;
        slots = new PyStr?[Math.Max(16, old.Length * 2)];
        var mask = slots.Length - 1;
        foreach (var key in old)
        {
            if (key is null)
                continue;
            var at = string.GetHashCode(key.Value.AsSpan()) & mask;
            while (slots[at] is not null)
                at = (at + 1) & mask;
            slots[at] = key;
        }
    }
}
