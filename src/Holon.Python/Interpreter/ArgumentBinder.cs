namespace Holon.Python.Interpreter;

/// <summary>Arguments of a call into the parameters of a function, with CPython's messages.</summary>
internal static class ArgumentBinder
{
    public static void Bind(PyFunction function, PyFrame frame, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var code = function.Code;
        var slots = frame.Slots;
        var keywordCount = names?.Count ?? 0;
        var count = args.Length - keywordCount;
        var argCount = code.ArgCount;
        var total = argCount + code.KwOnlyCount;
        var given = Math.Min(count, argCount);
        for (var i = 0; i < given; i++)
            slots[i].V = args[i];
        var hasVarArgs = (code.Flags & CodeFlags.VarArgs) != 0;
        PyDict? keywords = null;
        if ((code.Flags & CodeFlags.VarKeywords) != 0)
            slots[total + (hasVarArgs ? 1 : 0)].V = keywords = new PyDict();
        if (hasVarArgs)
            slots[total].V = count > argCount ? new PyTuple(args[argCount..count].ToArray()) : PyTuple.Empty;
        for (var k = 0; k < keywordCount; k++)
        {
            var name = names![k] as PyStr ?? throw Err.Type($"{function.QualName}() keywords must be strings");
            var at = -1;
            for (var i = code.PosOnlyCount; i < total; i++)
            {
                if (ReferenceEquals(code.LocalsPlusNames[i], name) || code.LocalsPlusNames[i].Equals(name))
                {
                    at = i;
                    break;
                }
            }
            if (at < 0)
            {
                if (keywords is null)
                    throw UnexpectedKeyword(function, names, name);
                keywords.Set(name, args[count + k]);
                continue;
            }
            if (slots[at].V is not null)
                throw Err.Type($"{function.QualName}() got multiple values for argument '{name}'");
            slots[at].V = args[count + k];
        }
        if (count > argCount && !hasVarArgs)
            throw TooMany(function, frame, count);
        if (given < argCount)
            FillDefaults(function, frame, given);
        if (code.KwOnlyCount > 0)
            FillKeywordDefaults(function, frame, argCount, total);
    }

    private static void FillDefaults(PyFunction function, PyFrame frame, int given)
    {
        var code = function.Code;
        var defaults = function.Defaults?.Items ?? [];
        var required = code.ArgCount - defaults.Length;
        List<string>? missing = null;
        for (var i = given; i < code.ArgCount; i++)
        {
            if (frame.Slots[i].V is not null)
                continue;
            if (i < required)
                (missing ??= []).Add(code.LocalsPlusNames[i].Value);
            else
                frame.Slots[i].V = defaults[i - required];
        }
        if (missing is not null)
            throw Missing(function, "positional", missing);
    }

    private static void FillKeywordDefaults(PyFunction function, PyFrame frame, int from, int to)
    {
        List<string>? missing = null;
        for (var i = from; i < to; i++)
        {
            if (frame.Slots[i].V is not null)
                continue;
            var name = function.Code.LocalsPlusNames[i];
            if (function.KeywordDefaults?.Get(name) is { } value)
                frame.Slots[i].V = value;
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

    private static PyError TooMany(PyFunction function, PyFrame frame, int given)
    {
        var code = function.Code;
        var keywordOnly = 0;
        for (var i = code.ArgCount; i < code.ArgCount + code.KwOnlyCount; i++)
            keywordOnly += frame.Slots[i].V is null ? 0 : 1;
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
