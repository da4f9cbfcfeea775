using System.Collections.Immutable;

namespace Holon.Python.Modules;

/// <summary>_contextvars: variables whose values belong to a context. A context's values are an immutable map, so a copy costs nothing.</summary>
internal static class ContextVarsModule
{
    private static readonly NativeParameters ContextVarParameters = new("ContextVar", "name, /, *, default=?");

    private sealed class PyContextVar(PyStr name, PyObject? otherwise) : PyObject
    {
        public PyStr Name { get; } = name;

        public PyObject? Default { get; } = otherwise;

        public override PyType Type => Variable;
    }

    internal sealed class PyContext : PyObject
    {
        public ImmutableDictionary<PyObject, PyObject> Values { get; set; } = ImmutableDictionary.Create<PyObject, PyObject>(ReferenceEqualityComparer.Instance as IEqualityComparer<PyObject>);

        public PyContext? Previous { get; set; }

        public bool IsEntered { get; set; }

        public override PyType Type => Context;
    }

    private sealed class PyToken(PyContext context, PyContextVar variable, PyObject? old) : PyObject
    {
        public PyContext Context { get; } = context;

        public PyContextVar Variable { get; } = variable;

        public PyObject? Old { get; } = old;

        public bool IsUsed { get; set; }

        public override PyType Type => Token;
    }

    private sealed class PyMissing : PyObject
    {
        public static readonly PyMissing Instance = new();

        public override PyType Type => MissingType;
    }

    private static readonly PyType MissingType = new("Token.MISSING", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Repr = _ => new PyStr("<Token.MISSING>");
    }, "_contextvars");

    private static PyContext Current
    {
        get
        {
            var thread = PyThread.Current;
            thread.Context ??= new PyContext();
            return (PyContext)thread.Context;
        }
    }

    /// <summary>A variable that belongs to a native module.</summary>
    public static PyObject NewVariable(string name) => new PyContextVar(new PyStr(name), null);

    /// <summary>The value of a variable in the running context, or null.</summary>
    public static PyObject? Get(PyObject variable) => Current.Values.GetValueOrDefault(variable);

    /// <summary>Sets a variable in the running context.</summary>
    public static void Set(PyObject variable, PyObject value)
    {
        var context = Current;
        context.Values = context.Values.SetItem(variable, value);
    }

    /// <summary>A copy of the running context.</summary>
    public static PyContext CopyCurrent() => Copy(Current);

    private static PyContext Copy(PyContext context) => new() { Values = context.Values };

    private static readonly PyType Variable = new("ContextVar", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, args, names) =>
        {
            var a = ContextVarParameters.Bind(args, names);
            return new PyContextVar(a[0] as PyStr ?? throw Err.Type("context variable name must be a str"), a[1]);
        };
        t.Member("name", o => ((PyContextVar)o).Name);
        t.Repr = o =>
        {
            var self = (PyContextVar)o;
            return PyStr.FromUtf16($"<ContextVar name={Ops.Repr(self.Name)}{(self.Default is null ? "" : " default=" + Ops.Repr(self.Default))} at {Ops.Address(o)}>");
        };
        t.Def("get", "default=?, /", (o, a) =>
        {
            if (Current.Values.TryGetValue(o, out var value))
                return value;
            return a[0] ?? ((PyContextVar)o).Default ?? throw Err.Of(ExceptionTypes.LookupError, o);
        });
        t.Def1("set", (o, value) =>
        {
            var context = Current;
            var token = new PyToken(context, (PyContextVar)o, context.Values.GetValueOrDefault(o));
            context.Values = context.Values.SetItem(o, value);
            return token;
        });
        t.Def1("reset", (o, given) =>
        {
            if (given is not PyToken token)
                throw Err.Type($"expected an instance of Token, got {Ops.Repr(given)}");
            if (token.IsUsed)
                throw Err.Runtime($"{Ops.Repr(token)} has already been used once");
            if (token.Variable != o)
                throw Err.Value($"{Ops.Repr(token)} was created by a different ContextVar");
            var context = Current;
            if (token.Context != context)
                throw Err.Value($"{Ops.Repr(token)} was created in a different Context");
            token.IsUsed = true;
            context.Values = token.Old is null ? context.Values.Remove(o) : context.Values.SetItem(o, token.Old);
            return Values.None;
        });
        t.DefClassGetItem();
    }, "_contextvars");

    private static readonly PyType Token = new("Token", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, _, _) => throw Err.Runtime("Tokens can only be created by ContextVars");
        t.Unhashable();
        t.Repr = o => PyStr.FromUtf16($"<Token{(((PyToken)o).IsUsed ? " used" : "")} var={Ops.Repr(((PyToken)o).Variable)} at {Ops.Address(o)}>");
        t.Getter("var", o => ((PyToken)o).Variable);
        t.Getter("old_value", o => ((PyToken)o).Old ?? PyMissing.Instance);
        t.Constant("MISSING", PyMissing.Instance);
        t.DefClassGetItem();
    }, "_contextvars");

    private static PyObject Key(PyObject key) => key is PyContextVar ? key : throw Err.Type($"a ContextVar key was expected, got {Ops.Repr(key)}");

    private static readonly PyType Context = new("Context", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.IsMapping = true;
        t.New = (_, args, names) => args.Length == 0 ? new PyContext() : throw Err.Type("Context() does not accept any arguments");
        t.Unhashable();
        t.Compare = (a, b, op) => b is PyContext y && op is CompareOp.Eq or CompareOp.Ne ? Ops.Compare(Dict((PyContext)a), Dict((PyContext)b), op) : Values.NotImplemented;
        t.Len = o => ((PyContext)o).Values.Count;
        t.GetItem = (o, key) => ((PyContext)o).Values.GetValueOrDefault(Key(key)) ?? throw Err.Key(key);
        t.Contains = (o, key) => ((PyContext)o).Values.ContainsKey(Key(key));
        t.Iter = o => new PyEnumerator(IteratorTypes.Sequence, ((PyContext)o).Values.Keys.GetEnumerator());
        t.Def("get", "key, default=None, /", (o, a) => ((PyContext)o).Values.GetValueOrDefault(Key(a[0]!)) ?? a[1]);
        t.Def0("keys", o => new PyEnumerator(IteratorTypes.Sequence, ((PyContext)o).Values.Keys.GetEnumerator()));
        t.Def0("values", o => new PyEnumerator(IteratorTypes.Sequence, ((PyContext)o).Values.Values.GetEnumerator()));
        t.Def0("items", o => new PyEnumerator(IteratorTypes.Sequence, ((PyContext)o).Values.Select(i => (PyObject)new PyTuple(i.Key, i.Value)).GetEnumerator()));
        t.Def0("copy", o => Copy((PyContext)o));
        t.DefRaw("run", (o, args, names) =>
        {
            if (args.Length - (names?.Count ?? 0) < 1)
                throw Err.Type("run() missing 1 required positional argument");
            return Run((PyContext)o, args[0], args[1..], names);
        });
    }, "_contextvars");

    private static PyDict Dict(PyContext context)
    {
        var dict = new PyDict();
        foreach (var (key, value) in context.Values)
            dict.Set(key, value);
        return dict;
    }

    /// <summary>Calls in a context. Errors stay pending.</summary>
    public static PyObject? Run(PyContext context, PyObject function, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (context.IsEntered)
            throw Err.Runtime($"cannot enter context: {Ops.Repr(context)} is already entered");
        var thread = PyThread.Current;
        var before = thread.Context;
        context.IsEntered = true;
        thread.Context = context;
        try
        {
            return function.Call(args, names);
        }
        finally
        {
            thread.Context = before;
            context.IsEntered = false;
        }
    }

    public static void Fill(ModuleBuilder m)
    {
        m.Types(Variable, Context, Token);
        m.Def0("copy_context", CopyCurrent);
    }
}
