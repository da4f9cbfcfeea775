namespace Holon.Python.Modules.Xml;

/// <summary>What an element may contain, as expat's nested tuples: (type, quantifier, name, children).</summary>
internal static class ContentModel
{
    private const int Empty = 1, Any = 2, Mixed = 3, Name = 4, Choice = 5, Sequence = 6;

    private const int MaxDepth = 200;

    public static PyTuple? Parse(string model)
    {
        if (model is "EMPTY" or "ANY")
            return Make(model == "EMPTY" ? Empty : Any, 0, null, []);
        var at = 0;
        var result = Particle(model, ref at, 0);
        return at == model.Length ? result : null;
    }

    private static PyTuple Make(int type, int quantifier, string? name, List<PyObject> children) =>
        new(PyInt.Of(type), PyInt.Of(quantifier), name is null ? Values.None : PyStr.FromUtf16(name), new PyTuple([.. children]));

    private static int Quantifier(string model, ref int at)
    {
        var quantifier = at < model.Length ? model[at] switch { '?' => 1, '*' => 2, '+' => 3, _ => 0 } : 0;
        at += quantifier > 0 ? 1 : 0;
        return quantifier;
    }

    private static void Space(string model, ref int at)
    {
        while (at < model.Length && char.IsWhiteSpace(model[at]))
            at++;
    }

    private static PyTuple? Particle(string model, ref int at, int depth)
    {
        Space(model, ref at);
        if (at >= model.Length || depth > MaxDepth)
            return null;
        if (model[at] != '(')
        {
            var start = at;
            while (at < model.Length && !char.IsWhiteSpace(model[at]) && "()|,?*+".IndexOf(model[at], StringComparison.Ordinal) < 0)
                at++;
            var name = model[start..at];
            return name.Length == 0 ? null : Make(Name, Quantifier(model, ref at), name, []);
        }
        at++;
        var (type, children) = (Sequence, new List<PyObject>());
        while (true)
        {
            Space(model, ref at);
            if (model.AsSpan(at).StartsWith("#PCDATA"))
            {
                at += 7;
                type = Mixed;
            }
            else if (Particle(model, ref at, depth + 1) is { } child)
            {
                children.Add(child);
            }
            else
            {
                return null;
            }
            Space(model, ref at);
            if (at >= model.Length)
                return null;
            var mark = model[at++];
            if (mark == ')')
                return Make(type, Quantifier(model, ref at), null, children);
            if (mark == '|')
                type = type == Mixed ? Mixed : Choice;
            else if (mark != ',')
                return null;
        }
    }
}
