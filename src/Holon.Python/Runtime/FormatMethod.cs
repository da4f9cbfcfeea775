namespace Holon.Python.Runtime;

/// <summary>str.format.</summary>
internal static class FormatMethod
{
    private sealed class State(PyObject[] args, Func<PyStr, PyObject> named)
    {
        private int next;
        private bool? automatic;

        public PyObject Value(PyStr name)
        {
            if (name.Length == 0)
            {
                if (automatic == false)
                    throw Err.Value("cannot switch from manual field specification to automatic field numbering");
                automatic = true;
                return At(next++);
            }
            if (name.ToCodePoints().All(c => c is >= '0' and <= '9'))
            {
                if (automatic == true)
                    throw Err.Value("cannot switch from automatic field numbering to manual field specification");
                automatic = false;
                return int.TryParse(name.Value, System.Globalization.CultureInfo.InvariantCulture, out var index) ? At(index) : throw Err.Value("Too many decimal digits in format string");
            }
            return named(name);
        }

        private PyObject At(int index) => index < args.Length ? args[index] : throw Err.Index($"Replacement index {index} out of range for positional args tuple");
    }

    public static PyObject Format(PyStr format, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var keywords = Calls.KeywordDict(args, names, out var positional);
        return Build(format, new State(positional.ToArray(), n => keywords.Get(n) ?? throw Err.Key(n)), 2);
    }

    public static PyObject FormatMap(PyStr format, PyObject map) =>
        Build(format, new State([], n => Ops.GetItem(map, n)), 2);

    private static PyStr Build(PyStr format, State state, int depth)
    {
        if (depth < 0)
            throw Err.Value("Max string recursion exceeded");
        var result = new PyStrBuilder();
        foreach (var (literal, field, conversion, spec) in Parse(format))
        {
            result.Append(literal);
            if (field is null)
                continue;
            var (first, rest) = SplitField(field);
            var value = state.Value(first);
            foreach (var (isAttribute, name) in rest)
                value = isAttribute ? Attributes.Get(value, name) : Ops.GetItem(value, name.Length > 0 && name.ToCodePoints().All(c => c is >= '0' and <= '9') ? IntText.Parse(name, 10) : name);
            value = conversion switch
            {
                0 => value,
                'r' => Ops.ReprObject(value),
                's' => Ops.Str(value),
                'a' => StrMethods.Ascii(value),
                _ => throw Err.Value($"Unknown conversion specifier {char.ConvertFromUtf32(conversion)}"),
            };
            var expanded = StrMethods.Find(spec!, new PyStr("{"), 0, spec!.Length) >= 0 || StrMethods.Find(spec, new PyStr("}"), 0, spec.Length) >= 0 ? Build(spec, state, depth - 1) : spec;
            result.Append(Ops.Format(value, expanded));
        }
        return result.ToStr();
    }

    /// <summary>The parts of a format string: literal text, then a field with conversion and specification, or none.</summary>
    public static IEnumerable<(PyStr Literal, PyStr? Field, int Conversion, PyStr? Spec)> Parse(PyStr format)
    {
        var at = 0;
        while (at < format.Length)
        {
            var literal = new PyStrBuilder();
            var markup = false;
            while (at < format.Length)
            {
                var c = format[at++];
                if (c is '{' or '}')
                {
                    if (at < format.Length && format[at] == c)
                    {
                        literal.Append(c);
                        at++;
                        continue;
                    }
                    if (c == '}')
                        throw Err.Value("Single '}' encountered in format string");
                    if (at == format.Length)
                        throw Err.Value("Single '{' encountered in format string");
                    markup = true;
                    break;
                }
                literal.Append(c);
            }
            if (!markup)
            {
                yield return (literal.ToStr(), null, 0, null);
                yield break;
            }
            var start = at;
            var (depth, bracket) = (1, false);
            while (at < format.Length && format[at] is var c && !(depth == 1 && !bracket && c is '!' or ':' or '}'))
            {
                if (c == '[')
                    bracket = true;
                else if (c == ']')
                    bracket = false;
                else if (c == '{')
                    throw Err.Value("unexpected '{' in field name");
                at++;
            }
            if (at >= format.Length)
                throw Err.Value("expected '}' before end of string");
            var field = format.Substring(start, at - start);
            var conversion = 0;
            if (format[at] == '!')
            {
                at++;
                if (at >= format.Length)
                    throw Err.Value("end of string while looking for conversion specifier");
                conversion = format[at++];
                if (at >= format.Length || format[at] is not (':' or '}'))
                    throw Err.Value(at >= format.Length ? "unmatched '{' in format spec" : "expected ':' after conversion specifier");
            }
            var spec = PyStr.Empty;
            if (format[at] == ':')
            {
                var from = ++at;
                while (at < format.Length)
                {
                    if (format[at] == '{')
                        depth++;
                    else if (format[at] == '}' && --depth == 0)
                        break;
                    at++;
                }
                if (at >= format.Length)
                    throw Err.Value("unmatched '{' in format spec");
                spec = format.Substring(from, at - from);
            }
            at++;
            yield return (literal.ToStr(), field, conversion, spec);
        }
    }

    /// <summary>a.b[c] into a and its steps.</summary>
    public static (PyStr First, List<(bool IsAttribute, PyStr Name)> Steps) SplitField(PyStr field)
    {
        var at = 0;
        while (at < field.Length && field[at] is not ('.' or '['))
            at++;
        var first = field.Substring(0, at);
        var rest = new List<(bool, PyStr)>();
        while (at < field.Length)
        {
            var isAttribute = field[at++] == '.';
            var start = at;
            while (at < field.Length && (isAttribute ? field[at] is not ('.' or '[') : field[at] != ']'))
                at++;
            var name = field.Substring(start, at - start);
            if (!isAttribute)
            {
                if (at == field.Length)
                    throw Err.Value("Missing ']' in format string");
                at++;
                if (at < field.Length && field[at] is not ('.' or '['))
                    throw Err.Value("Only '.' or '[' may follow ']' in format field specifier");
            }
            if (name.Length == 0)
                throw Err.Value("Empty attribute in format string");
            rest.Add((isAttribute, name));
        }
        return (first, rest);
    }
}
