namespace Holon.Python.Runtime;

internal delegate PyObject? Fn0(PyObject self);
internal delegate PyObject? Fn1(PyObject self, PyObject argument);

/// <summary>A function with bound arguments, which it may not keep.</summary>
internal delegate PyObject? FnN(PyObject self, ReadOnlySpan<PyObject?> args);

/// <summary>The same, of a module.</summary>
internal delegate PyObject? FnModule(ReadOnlySpan<PyObject?> args);

/// <summary>A function that keeps its bound arguments: in an iterator, a closure, a task.</summary>
internal delegate PyObject? FnKept(PyObject self, PyObject?[] args);

/// <summary>A function in C# that Python can call: its name, its signature and how arguments reach it.</summary>
internal sealed class NativeCode
{
    // More arguments than most functions have: they need no array.
    private const int Places = 8;
    private Signature? signature;

    public required string Name { get; init; }

    public string? SignatureText { get; init; }

    public string? Doc { get; init; }

    /// <summary>What is called without arguments.</summary>
    public Fn0? F0 { get; init; }

    /// <summary>What is called with one argument.</summary>
    public Fn1? F1 { get; init; }

    /// <summary>What is called with arguments bound to <see cref="SignatureText"/>, unless one of the above fits.</summary>
    public FnN? Bound { get; init; }

    /// <summary>Instead of <see cref="Bound"/>, where the arguments outlive the call.</summary>
    public FnKept? Kept { get; init; }

    public NativeFn? Raw { get; init; }

    /// <summary>Methods of classes: the name in messages is "type.method".</summary>
    public string? Qualifier { get; set; }

    public PyObject? Invoke(PyObject self, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (Raw is not null)
            return Raw(self, args, names);
        if (F1 is not null)
        {
            if (args.Length == 1 && names is null)
                return F1(self, args[0]);
            if ((Bound ?? (object?)Kept) is not null)
                return InvokeBound(self, args, names);
            if (names is { Count: > 0 })
                throw Err.Type($"{FullName}() takes no keyword arguments");
            throw Err.Type($"{FullName}() takes exactly one argument ({args.Length} given)");
        }
        if (F0 is not null)
        {
            if (args.Length == 0)
                return F0(self);
            if ((Bound ?? (object?)Kept) is not null)
                return InvokeBound(self, args, names);
            if (names is { Count: > 0 })
                throw Err.Type($"{FullName}() takes no keyword arguments");
            throw Err.Type($"{FullName}() takes no arguments ({args.Length} given)");
        }
        return InvokeBound(self, args, names);
    }

    private PyObject? InvokeBound(PyObject self, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        signature ??= Signature.Parse(SignatureText ?? "");
        if (Kept is not null || signature.Count > Places)
            return CallKept(self, signature.Bind(this, args, names));
        var places = new BoundArguments();
        var bound = ((Span<PyObject?>)places)[..signature.Count];
        signature.Bind(this, args, names, bound);
        return Bound!(self, bound);
    }

    private PyObject? CallKept(PyObject self, PyObject?[] bound) => Kept is not null ? Kept(self, bound) : Bound!(self, bound);

    [InlineArray(Places)]
    private struct BoundArguments
    {
        private PyObject? first;
    }

    public string FullName => Qualifier is null ? Name : Qualifier + "." + Name;

    /// <summary>What <c>inspect</c> reads: <c>__text_signature__</c>.</summary>
    public string? TextSignature(string self)
    {
        if (SignatureText is null && F0 is null && F1 is null)
            return null;
        var text = SignatureText ?? (F0 is not null ? "" : "object, /");
        if (text.Contains('?', StringComparison.Ordinal))
            text = text.Replace("=?", "=<unrepresentable>", StringComparison.Ordinal);
        var before = text.Length == 0 ? self + ", /" : text.Contains('/', StringComparison.Ordinal) ? self + ", " + text : self + ", /, " + text;
        return "(" + (self.Length == 0 ? text : before) + ")";
    }
}

/// <summary>The parameters of a function that is not called by its <see cref="NativeCode"/>, as of types and their instances; the name is for messages.</summary>
internal sealed class NativeParameters(string name, string signature)
{
    private readonly NativeCode code = new() { Name = name };
    private Signature? parsed;

    public PyObject?[] Bind(ReadOnlySpan<PyObject> args, PyTuple? names) => (parsed ??= Signature.Parse(signature)).Bind(code, args, names);
}

/// <summary>A parameter list such as <c>a, b=None, /, *, key=?</c>; <c>?</c> stands for "not given".</summary>
internal sealed class Signature
{
    private readonly List<(string Name, PyObject? Default, bool Required)> parameters = [];
    private int positionalOnly;
    private int positional;
    private int required;
    private bool needsKeyword;
    private int varArgs = -1;
    private int varKeywords = -1;

    public static Signature Parse(string text)
    {
        var s = new Signature();
        var keywordOnly = false;
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "/")
                s.positionalOnly = s.parameters.Count;
            else if (part == "*")
                keywordOnly = true;
            else if (part.StartsWith("**", StringComparison.Ordinal))
            {
                s.varKeywords = s.parameters.Count;
                s.parameters.Add((part[2..], null, false));
            }
            else if (part[0] == '*')
            {
                s.varArgs = s.parameters.Count;
                s.parameters.Add((part[1..], null, false));
                keywordOnly = true;
            }
            else
            {
                var at = part.IndexOf('=', StringComparison.Ordinal);
                s.parameters.Add((at < 0 ? part : part[..at].TrimEnd(), at < 0 ? null : Constant(part[(at + 1)..].TrimStart()), at < 0));
                if (keywordOnly)
                {
                    s.needsKeyword |= at < 0;
                }
                else
                {
                    s.positional = s.parameters.Count;
                    if (at < 0)
                        s.required = s.parameters.Count;
                }
            }
        }
        return s;
    }

    private static PyObject? Constant(string text) => text switch
    {
        "?" => null,
        "None" => Values.None,
        "True" => Values.True,
        "False" => Values.False,
        _ when text[0] is '\'' or '"' => new PyStr(text[1..^1]),
        _ => PyInt.Of(long.Parse(text, System.Globalization.CultureInfo.InvariantCulture)),
    };

    public int Count => parameters.Count;

    public PyObject?[] Bind(NativeCode code, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var result = new PyObject?[parameters.Count];
        Bind(code, args, names, result);
        return result;
    }

    /// <summary>Puts each argument into the place of its parameter; the places are empty before.</summary>
    public void Bind(NativeCode code, ReadOnlySpan<PyObject> args, PyTuple? names, Span<PyObject?> result)
    {
        if (names is null && args.Length <= positional && args.Length >= required && !needsKeyword && varArgs < 0 && varKeywords < 0)
        {
            // The frequent case: positional arguments only, and defaults for the rest.
            args.CopyTo(result!);
            for (var i = args.Length; i < result.Length; i++)
                result[i] = parameters[i].Default;
            return;
        }
        var count = args.Length - (names?.Count ?? 0);
        if (count > positional && varArgs < 0)
            throw TooMany(code, count);
        args[..Math.Min(count, positional)].CopyTo(result!);
        if (varArgs >= 0)
            result[varArgs] = count > positional ? new PyTuple(args[positional..count].ToArray()) : PyTuple.Empty;
        PyDict? keywords = null;
        if (varKeywords >= 0)
            result[varKeywords] = keywords = new PyDict();
        for (var i = 0; i < (names?.Count ?? 0); i++)
        {
            var name = ((PyStr)names![i]).Value;
            var index = IndexOf(name);
            if (index < positionalOnly || index == varArgs || index == varKeywords)
            {
                if (keywords is null)
                {
                    throw Err.Type(positionalOnly == parameters.Count || parameters.Count == 0 ? $"{code.Name}() takes no keyword arguments" :
                        index < 0 ? $"'{name}' is an invalid keyword argument for {code.Name}()" : $"{code.Name}() got some positional-only arguments passed as keyword arguments: '{name}'");
                }
                keywords.Set(names[i], args[count + i]);
                continue;
            }
            if (result[index] is not null)
                throw Err.Type($"argument for {code.Name}() given by name ('{name}') and position ({index + 1})");
            result[index] = args[count + i];
        }
        for (var i = 0; i < result.Length; i++)
        {
            if (result[i] is not null)
                continue;
            var (name, value, needed) = parameters[i];
            if (needed)
            {
                throw positionalOnly == parameters.Count ? TooFew(code, count) :
                    Err.Type($"{code.Name}() missing required argument '{name}' (pos {i + 1})");
            }
            result[i] = value;
        }
    }

    private int IndexOf(string name)
    {
        for (var i = 0; i < parameters.Count; i++)
        {
            if (parameters[i].Name == name)
                return i;
        }
        return -1;
    }

    private PyError TooMany(NativeCode code, int count)
    {
        if (positionalOnly == parameters.Count)
            return Err.Type($"{code.Name} expected {(required == positional ? "" : "at most ")}{positional} argument{(positional == 1 ? "" : "s")}, got {count}");
        var word = positional < parameters.Count ? " positional" : "";
        return positional == 0
            ? Err.Type($"{code.Name}() takes no positional arguments")
            : Err.Type($"{code.Name}() takes {(required == positional ? "exactly" : "at most")} {positional}{word} argument{(positional == 1 ? "" : "s")} ({count} given)");
    }

    private PyError TooFew(NativeCode code, int count) =>
        Err.Type($"{code.Name} expected {(required == positional ? "" : "at least ")}{required} argument{(required == 1 ? "" : "s")}, got {count}");
}
