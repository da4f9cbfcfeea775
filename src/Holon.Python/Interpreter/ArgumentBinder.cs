namespace Holon.Python.Interpreter;

/// <summary>Arguments of a call into the parameters of a function, with CPython's messages.</summary>
internal static class ArgumentBinder
{
    /// <summary>Puts each argument, or its default, into the place of its parameter; the places are empty before.</summary>
    public static void Bind(PyFunction function, Span<PyObject?> places, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var code = function.Code;
        var keywordCount = names?.Count ?? 0;
        var count = args.Length - keywordCount;
        var argCount = code.ArgCount;
        var total = argCount + code.KwOnlyCount;
        var given = Math.Min(count, argCount);
        for (var i = 0; i < given; i++)
            places[i] = args[i];
        var hasVarArgs = (code.Flags & CodeFlags.VarArgs) != 0;
        PyDict? keywords = null;
        if ((code.Flags & CodeFlags.VarKeywords) != 0)
            places[total + (hasVarArgs ? 1 : 0)] = keywords = new PyDict();
        if (hasVarArgs)
            places[total] = count > argCount ? new PyTuple(args[argCount..count].ToArray()) : PyTuple.Empty;
        for (var k = 0; k < keywordCount; k++)
        {
            var name = names![k] as PyStr ?? throw Err.Type($"{function.QualName}() keywords must be strings");
            var at = PlaceOf(code, name, total);
            if (at < 0)
            {
                if (keywords is null)
                    throw UnexpectedKeyword(function, names, name);
                keywords.Set(name, args[count + k]);
                continue;
            }
            if (places[at] is not null)
                throw Err.Type($"{function.QualName}() got multiple values for argument '{name}'");
            places[at] = args[count + k];
        }
        if (count > argCount && !hasVarArgs)
            throw TooMany(function, places, count);
        if (given < argCount)
            FillDefaults(function, places, given);
        if (code.KwOnlyCount > 0)
            FillKeywordDefaults(function, places, argCount, total);
    }

    // Names are interned but for those that programs make: identity finds most without a look at the text.
    private static int PlaceOf(PyCode code, PyStr name, int total)
    {
        for (var i = code.PosOnlyCount; i < total; i++)
        {
            if (ReferenceEquals(code.LocalsPlusNames[i], name))
                return i;
        }
        for (var i = code.PosOnlyCount; i < total; i++)
        {
            if (code.LocalsPlusNames[i].Equals(name))
                return i;
        }
        return -1;
    }

    private static void FillDefaults(PyFunction function, Span<PyObject?> places, int given)
    {
        var code = function.Code;
        var defaults = function.Defaults?.Items ?? [];
        var required = code.ArgCount - defaults.Length;
        List<string>? missing = null;
        for (var i = given; i < code.ArgCount; i++)
        {
            if (places[i] is not null)
                continue;
            if (i < required)
                (missing ??= []).Add(code.LocalsPlusNames[i].Value);
            else
                places[i] = defaults[i - required];
        }
        if (missing is not null)
            throw Missing(function, "positional", missing);
    }

    private static void FillKeywordDefaults(PyFunction function, Span<PyObject?> places, int from, int to)
    {
        List<string>? missing = null;
        for (var i = from; i < to; i++)
        {
            if (places[i] is not null)
                continue;
            var name = function.Code.LocalsPlusNames[i];
            if (function.KeywordDefaults?.Get(name) is { } value)
                places[i] = value;
            else
                (missing ??= []).Add(name.Value);
        }
        if (missing is not null)
            throw Missing(function, "keyword-only", missing);
    }

    private static PyError Missing(PyFunction function, string kind, List<string> names)
    {
        var quoted = names.Select(n => $"'{n}'").ToList();
        var list = quoted.Count switch
        {
            1 => quoted[0],
            2 => $"{quoted[0]} and {quoted[1]}",
            _ => string.Join(", ", quoted[..^1]) + ", and " + quoted[^1],
        };
        return Err.Type($"{function.QualName}() missing {names.Count} required {kind} argument{(names.Count == 1 ? "" : "s")}: {list}");
    }

    private static PyError TooMany(PyFunction function, ReadOnlySpan<PyObject?> places, int given)
    {
        var code = function.Code;
        var keywordOnly = 0;
        for (var i = code.ArgCount; i < code.ArgCount + code.KwOnlyCount; i++)
            keywordOnly += places[i] is null ? 0 : 1;
        var defaults = function.Defaults?.Count ?? 0;
        var plural = defaults > 0 || code.ArgCount != 1;
        var takes = defaults > 0 ? $"from {code.ArgCount - defaults} to {code.ArgCount}" : $"{code.ArgCount}";
        var extra = keywordOnly > 0 ? $" positional argument{(given == 1 ? "" : "s")} (and {keywordOnly} keyword-only argument{(keywordOnly == 1 ? "" : "s")})" : "";
        return Err.Type($"{function.QualName}() takes {takes} positional argument{(plural ? "s" : "")} but {given}{extra} {(given == 1 && keywordOnly == 0 ? "was" : "were")} given");
    }

    private static PyError UnexpectedKeyword(PyFunction function, PyTuple names, PyStr name)
    {
        var code = function.Code;
        var positionalOnly = code.LocalsPlusNames.Take(code.PosOnlyCount).Where(p => names.Items.Any(p.Equals)).Select(p => p.Value).ToList();
        return positionalOnly.Count > 0
            ? Err.Type($"{function.QualName}() got some positional-only arguments passed as keyword arguments: '{string.Join(", ", positionalOnly)}'")
            : Err.Type($"{function.QualName}() got an unexpected keyword argument '{name}'");
    }
}
