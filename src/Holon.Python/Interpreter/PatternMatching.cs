namespace Holon.Python.Interpreter;

/// <summary>MATCH_KEYS and MATCH_CLASS.</summary>
internal static class PatternMatching
{
    public static PyObject Keys(PyObject subject, PyTuple keys)
    {
        var values = new PyObject[keys.Count];
        var seen = new PySet(false);
        var get = Attributes.Get(subject, "get");
        var missing = new PyList();
        for (var i = 0; i < keys.Count; i++)
        {
            if (seen.Contains(keys[i]))
                throw Err.Value($"mapping pattern checks duplicate key ({Ops.Repr(keys[i])})");
            seen.Add(keys[i]);
            var value = Calls.Call(get, keys[i], missing);
            if (value == missing)
                return Values.None;
            values[i] = value;
        }
        return new PyTuple(values);
    }

    private static readonly PyType[] SelfMatching = [IntType.Bool, ByteArrayType.Type, BytesType.Type, DictType.Type, FloatType.Type, SetTypes.Frozen, IntType.Type, ListType.Type, SetTypes.Set, StrType.Type, TupleType.Type];

    public static PyObject Class(PyObject subject, PyObject pattern, int positional, PyTuple names)
    {
        if (pattern is not PyType type)
            throw Err.Type("called match pattern must be a class");
        if (!Ops.IsInstance(subject, type))
            return Values.None;
        var values = new List<PyObject>();
        var seen = new HashSet<PyStr>();
        if (positional > 0)
        {
            var matchArgs = Attributes.TryGet(type, Names.MatchArgs);
            var selfMatch = matchArgs is null && SelfMatching.Any(type.IsSubtypeOf);
            if (matchArgs is not (null or PyTuple))
                throw Err.Type($"{type.Name}.__match_args__ must be a tuple (got {matchArgs.Type.FullName})");
            var args = matchArgs as PyTuple ?? PyTuple.Empty;
            var allowed = selfMatch ? 1 : args.Count;
            if (allowed < positional)
                throw Err.Type($"{type.Name}() accepts {allowed} positional sub-pattern{(allowed == 1 ? "" : "s")} ({positional} given)");
            if (selfMatch)
                values.Add(subject);
            for (var i = 0; !selfMatch && i < positional; i++)
            {
                var name = args[i] as PyStr ?? throw Err.Type($"__match_args__ elements must be strings (got {args[i].Type.FullName})");
                if (!seen.Add(name))
                    throw Err.Type($"{type.Name}() got multiple sub-patterns for attribute {Ops.Repr(name)}");
                if (Attributes.TryGet(subject, name) is not { } value)
                    return Values.None;
                values.Add(value);
            }
        }
        foreach (var each in names.Items)
        {
            var name = (PyStr)each;
            if (!seen.Add(name))
                throw Err.Type($"{type.Name}() got multiple sub-patterns for attribute {Ops.Repr(name)}");
            if (Attributes.TryGet(subject, name) is not { } value)
                return Values.None;
            values.Add(value);
        }
        return new PyTuple([.. values]);
    }
}
