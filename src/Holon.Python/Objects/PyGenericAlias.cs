namespace Holon.Python.Objects;

/// <summary><c>list[int]</c>: types.GenericAlias.</summary>
internal sealed class PyGenericAlias(PyObject origin, PyObject args, PyType? type = null) : PyExtensible(type ?? GenericAliasType.Type)
{
    public PyObject Origin { get; } = origin;

    public PyTuple Arguments { get; } = args as PyTuple ?? new PyTuple(args);

    public bool IsStarred { get; init; }

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var made = Origin.Call(args, names);
        if (made is { HasData: true } && made.Type.HasDict)
        {
            try
            {
                Attributes.Set(made, "__orig_class__", this);
            }
            catch (PyError e) when (e.Value.Type.IsSubtypeOf(ExceptionTypes.AttributeError) || e.Value.Type == ExceptionTypes.TypeError)
            {
                // Not every instance can remember what it was made from.
            }
        }
        return made;
    }
}

internal static class GenericAliasType
{
    private static readonly string[] Own = ["__origin__", "__args__", "__parameters__", "__unpacked__", "__mro_entries__", "__reduce_ex__", "__reduce__", "__copy__", "__deepcopy__", "__class__", "__typing_unpacked_tuple_args__"];

    public static readonly PyType Type = new("GenericAlias", PyType.Object, t =>
    {
        t.New = (type, args, names) =>
        {
            Args.Between("GenericAlias", args, names, 2, 2);
            return new PyGenericAlias(args[0], args[1], type);
        };
        t.Init = (_, _, _) => { };
        t.Repr = o => Values.Str((((PyGenericAlias)o).IsStarred ? "*" : "") + ReprItem(((PyGenericAlias)o).Origin) + "[" + (((PyGenericAlias)o).Arguments.Count == 0 ? "()" : string.Join(", ", ((PyGenericAlias)o).Arguments.Items.Select(ReprItem))) + "]");
        t.Hash = o => Ops.Hash(((PyGenericAlias)o).Origin) ^ Ops.Hash(((PyGenericAlias)o).Arguments);
        t.Compare = (a, b, op) => b is PyGenericAlias y && a is PyGenericAlias x ? Ops.Identity(x.IsStarred == y.IsStarred && Ops.Eq(x.Origin, y.Origin) && Ops.Eq(x.Arguments, y.Arguments), true, op) : Values.NotImplemented;
        t.GetAttr = (o, name) => name.Value.StartsWith("__", StringComparison.Ordinal) && name.Value.EndsWith("__", StringComparison.Ordinal) && Own.Contains(name.Value)
            ? Attributes.GenericGet(o, name) : ((PyGenericAlias)o).Origin.Type.GetAttr!(((PyGenericAlias)o).Origin, name);
        t.GetItem = (o, key) => Substitute((PyGenericAlias)o, key);
        t.Iter = o => new PyEnumerator(IteratorTypes.Sequence, new List<PyObject> { new PyGenericAlias(((PyGenericAlias)o).Origin, ((PyGenericAlias)o).Arguments) { IsStarred = true } }.GetEnumerator());
        t.Numbers[(int)NumberOp.Or] = (a, b) => PyUnion.Of(a, b);
        t.DefCall();
        t.Getter("__origin__", o => ((PyGenericAlias)o).Origin);
        t.Getter("__args__", o => ((PyGenericAlias)o).Arguments);
        t.Getter("__parameters__", o => Parameters(((PyGenericAlias)o).Arguments));
        t.Getter("__unpacked__", o => Values.Bool(((PyGenericAlias)o).IsStarred));
        t.Getter("__typing_unpacked_tuple_args__", o => o is PyGenericAlias { IsStarred: true } a && a.Origin == TupleType.Type ? a.Arguments : Values.None);
        t.Def1("__mro_entries__", (o, _) => new PyTuple(((PyGenericAlias)o).Origin));
        t.Def1("__instancecheck__", (_, _) => throw Err.Type("isinstance() argument 2 cannot be a parameterized generic"));
        t.Def1("__subclasscheck__", (_, _) => throw Err.Type("issubclass() argument 2 cannot be a parameterized generic"));
        t.Def0("__reduce__", o => new PyTuple(Type!, new PyTuple(((PyGenericAlias)o).Origin, ((PyGenericAlias)o).Arguments)));
    }, "types");

    public static string ReprItem(PyObject o) => o switch
    {
        PySingleton { Repr: "Ellipsis" } => "...",
        PySingleton { Repr: "None" } => "None",
        PyType type => ObjectType.QualifiedName(type),
        PyList list => "[" + string.Join(", ", list.ToArray().Select(ReprItem)) + "]",
        _ => Ops.Repr(o),
    };

    public static PyTuple Parameters(PyTuple arguments)
    {
        var found = new List<PyObject>();
        foreach (var each in arguments.Items)
        {
            if (each is PyType)
                continue;
            var inner = each.Type.Lookup("__typing_subst__") is not null ? new PyTuple(each) : Attributes.TryGet(each, "__parameters__") as PyTuple ?? PyTuple.Empty;
            found.AddRange(inner.Items.Where(i => !found.Any(f => Ops.Eq(f, i))));
        }
        return new PyTuple([.. found]);
    }

    /// <summary>The arguments for an inner alias; a TypeVarTuple's are many.</summary>
    private static PyTuple Inner(PyTuple parameters, Func<PyObject, PyObject> value)
    {
        var items = new List<PyObject>();
        foreach (var parameter in parameters.Items)
        {
            if (value(parameter) is PyTuple many && parameter.Type.Name == "TypeVarTuple")
                items.AddRange(many.Items);
            else
                items.Add(value(parameter));
        }
        return new PyTuple([.. items]);
    }

    /// <summary>With <c>*tuple[int, str]</c> as two arguments.</summary>
    private static PyObject[] Unpacked(PyObject[] items) =>
        [.. items.SelectMany(i => i is not PyType && Attributes.TryGet(i, "__typing_unpacked_tuple_args__") is PyTuple { } inner && (inner.Count == 0 || inner[inner.Count - 1] != PySingleton.Ellipsis) ? inner.Items : [i])];

    private static PyGenericAlias Substitute(PyGenericAlias alias, PyObject key)
    {
        var parameters = Parameters(alias.Arguments);
        if (parameters.Count == 0)
            throw Err.Type($"{Ops.Repr(alias)} is not a generic class");
        var values = Unpacked(key is PyTuple t ? t.Items : [key]);
        // A TypeVarTuple takes what the others leave, a ParamSpec a list: each prepares the arguments for itself.
        foreach (var parameter in parameters.Items)
        {
            if (Attributes.TryGet(parameter, "__typing_prepare_subst__") is { } prepare && prepare != Values.None)
                values = Ops.ToArray(Calls.Call(prepare, alias, new PyTuple(values)));
        }
        if (values.Length != parameters.Count)
            throw Err.Type($"Too {(values.Length > parameters.Count ? "many" : "few")} arguments for {Ops.Repr(alias)}; actual {values.Length}, expected {parameters.Count}");
        PyObject Value(PyObject parameter) => values[Array.FindIndex(parameters.Items, p => Ops.Eq(p, parameter))];
        var result = new List<PyObject>();
        foreach (var each in alias.Arguments.Items)
        {
            if (each is PyType)
            {
                result.Add(each);
                continue;
            }
            var isUnpacked = Attributes.TryGet(each, "__typing_is_unpacked_typevartuple__") is { } flag && Ops.IsTrue(flag);
            PyObject value;
            if (Attributes.TryGet(each, "__typing_subst__") is { } substitute)
                value = Calls.Call(substitute, Value(each));
            else if (Attributes.TryGet(each, "__parameters__") is PyTuple { Count: > 0 } inner)
                value = Ops.GetItem(each, Inner(inner, Value));
            else
                value = each;
            if (isUnpacked && value is PyTuple many)
                result.AddRange(many.Items);
            else
                result.Add(value);
        }
        return new PyGenericAlias(alias.Origin, new PyTuple([.. result]));
    }
}

/// <summary><c>int | str</c>: types.UnionType.</summary>
internal sealed class PyUnion(PyTuple members) : PyObject
{
    public PyTuple Members { get; } = members;

    public override PyType Type => UnionType.Type;

    public static PyObject Of(PyObject a, PyObject b)
    {
        if (!IsMember(a) || !IsMember(b))
            return Values.NotImplemented;
        var all = new List<PyObject>();
        foreach (var each in new[] { a, b }.SelectMany(m => m is PyUnion u ? u.Members.Items : [m == Values.None ? SingletonTypes.None : m]))
        {
            if (!all.Any(m => Ops.Eq(m, each)))
                all.Add(each);
        }
        return all.Count == 1 ? all[0] : new PyUnion(new PyTuple([.. all]));
    }

    private static bool IsMember(PyObject o) => o is PyType or PyGenericAlias or PyUnion || o == Values.None;
}

internal static class UnionType
{
    public static readonly PyType Type = new("UnionType", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Repr = o => Values.Str(string.Join(" | ", ((PyUnion)o).Members.Items.Select(m => m == SingletonTypes.None ? "None" : GenericAliasType.ReprItem(m))));
        t.Hash = o => new PySet(((PyUnion)o).Members.Items, true).HashValue();
        t.Compare = (a, b, op) => b is PyUnion y ? Ops.Identity(Ops.Eq(new PySet(((PyUnion)a).Members.Items, true), new PySet(y.Members.Items, true)), true, op) : Values.NotImplemented;
        t.Numbers[(int)NumberOp.Or] = PyUnion.Of;
        t.Getter("__args__", o => ((PyUnion)o).Members);
        t.Getter("__parameters__", o => GenericAliasType.Parameters(((PyUnion)o).Members));
        t.GetItem = (o, key) =>
        {
            var parameters = GenericAliasType.Parameters(((PyUnion)o).Members);
            var values = key is PyTuple k ? k.Items : [key];
            if (parameters.Count == 0)
                throw Err.Type($"{Ops.Repr(o)} is not a generic class");
            return ((PyUnion)o).Members.Items.Select(m => Array.FindIndex(parameters.Items, p => Ops.Eq(p, m)) is >= 0 and var i ? values[i] : m).Aggregate((a, b) => Ops.Binary(a, b, NumberOp.Or));
        };
        t.Def1("__instancecheck__", (o, x) => Values.Bool(Ops.IsInstance(x, o)));
        t.Def1("__subclasscheck__", (o, x) => Values.Bool(Ops.IsSubclass(x, o)));
    }, "types");
}
