namespace Holon.Python.Objects;

/// <summary>BaseExceptionGroup, ExceptionGroup and what except* needs.</summary>
internal static class ExceptionGroups
{
    /// <summary>ExceptionGroup has two bases, one of them Exception.</summary>
    public static readonly PyType ExceptionGroup = MakeExceptionGroup();

    private static PyType MakeExceptionGroup()
    {
        var type = new PyType("ExceptionGroup", ExceptionTypes.BaseExceptionGroup)
        {
            Bases = [ExceptionTypes.BaseExceptionGroup, ExceptionTypes.Exception],
        };
        type.Mro = [type, ExceptionTypes.BaseExceptionGroup, ExceptionTypes.Exception, ExceptionTypes.BaseException, PyType.Object];
        return type;
    }

    public static void Define(PyType t)
    {
        t.New = (type, args, names) =>
        {
            Args.Between("BaseExceptionGroup.__new__", args, names, 2, 2);
            var message = args[0] as PyStr ?? throw Err.Type($"argument 1 must be str, not {args[0].Type.FullName}");
            if (args[1].Type.GetItem is null || args[1] is PyDict)
                throw Err.Type("second argument (exceptions) must be a sequence");
            var items = Ops.ToArray(args[1]);
            if (items.Length == 0)
                throw Err.Value("second argument (exceptions) must be a non-empty sequence");
            for (var i = 0; i < items.Length; i++)
            {
                if (items[i] is not PyException)
                    throw Err.Value($"Item {i} of second argument (exceptions) is not an exception");
            }
            var plain = items.All(e => e.Type.IsSubtypeOf(ExceptionTypes.Exception));
            if (type == t && plain)
                type = ExceptionGroup;
            else if (!plain && type.IsSubtypeOf(ExceptionTypes.Exception))
                throw Err.Type(type == ExceptionGroup ? "Cannot nest BaseExceptions in an ExceptionGroup" : $"Cannot nest BaseExceptions in '{type.Name}'");
            var group = new PyException(type, new PyTuple(args.ToArray()));
            group.Fields["message"] = message;
            group.Fields["exceptions"] = new PyTuple([.. items]);
            return group;
        };
        t.Str = o =>
        {
            var count = ((PyTuple)((PyException)o).Field("exceptions")).Count;
            return PyStr.FromUtf16($"{((PyException)o).Field("message")} ({count} sub-exception{(count == 1 ? "" : "s")})");
        };
        t.Member("message", o => ((PyException)o).Field("message"));
        t.Member("exceptions", o => ((PyException)o).Field("exceptions"));
        t.Def1("derive", (o, items) => Calls.Call(ExceptionTypes.BaseExceptionGroup, ((PyException)o).Field("message"), items));
        t.Def1("split", (o, condition) =>
        {
            var (match, rest) = Split((PyException)o, Condition(condition));
            return new PyTuple(match ?? Values.None, rest ?? Values.None);
        });
        t.Def1("subgroup", (o, condition) => Split((PyException)o, Condition(condition)).Match ?? Values.None);
        t.DefClassGetItem();
    }

    private static Func<PyException, bool> Condition(PyObject value) => value switch
    {
        PyType type when type.IsSubtypeOf(ExceptionTypes.BaseException) => e => e.Type.IsSubtypeOf(type),
        PyTuple types when types.Items.All(i => i is PyType p && p.IsSubtypeOf(ExceptionTypes.BaseException)) => e => ExceptionTypes.Matches(e, types),
        _ when value is PyFunction or PyMethod or PyBuiltin || value.Type.Lookup(Names.Call) is not null && value is not PyType => e => Ops.IsTrue(Calls.Call(value, e)),
        _ => throw Err.Type("expected a function, exception type or tuple of exception types"),
    };

    public static (PyException? Match, PyException? Others) Split(PyException error, Func<PyException, bool> condition)
    {
        PyThread.CheckNativeStack();
        if (condition(error))
            return (error, null);
        if (!error.Type.IsSubtypeOf(ExceptionTypes.BaseExceptionGroup))
            return (null, error);
        List<PyObject> matches = [], rests = [];
        foreach (var each in ((PyTuple)error.Field("exceptions")).Items)
        {
            var (match, rest) = Split((PyException)each, condition);
            if (match is not null)
                matches.Add(match);
            if (rest is not null)
                rests.Add(rest);
        }
        return (Derive(error, matches), Derive(error, rests));
    }

    private static PyException? Derive(PyException group, List<PyObject> items)
    {
        if (items.Count == 0)
            return null;
        var derived = Calls.CallMethod(group, "derive", new PyList(items)) as PyException ?? throw Err.Type("derive must return an instance of BaseExceptionGroup");
        derived.Traceback = group.Traceback;
        derived.Context = group.Context;
        derived.Cause = group.Cause;
        derived.SuppressContext = group.SuppressContext;
        if (Attributes.TryGet(group, "__notes__") is { } notes && notes.Type.Iter is not null)
            Attributes.Set(derived, "__notes__", new PyList(Ops.Each(notes)));
        return derived;
    }

    /// <summary>except* T: what matches as a group, and the rest.</summary>
    public static (PyObject Match, PyObject Others) Match(PyException error, PyObject wanted)
    {
        if (error.Type.IsSubtypeOf(ExceptionTypes.BaseExceptionGroup))
        {
            var (match, rest) = Split(error, e => ExceptionTypes.Matches(e, wanted));
            return ((PyObject?)match ?? Values.None, (PyObject?)rest ?? Values.None);
        }
        if (!ExceptionTypes.Matches(error, wanted))
            return (Values.None, error);
        var wrapped = (PyException)Calls.Call(ExceptionTypes.BaseExceptionGroup, PyStr.Empty, new PyTuple(error));
        wrapped.Traceback = error.Traceback;
        return (wrapped, Values.None);
    }

    /// <summary>After the except* clauses: what was raised in them, and what none took.</summary>
    public static PyObject PrepareReraise(PyException original, PyList results)
    {
        var errors = results.ToArray().OfType<PyException>().ToList();
        if (errors.Count == 0)
            return Values.None;
        if (!original.Type.IsSubtypeOf(ExceptionTypes.BaseExceptionGroup))
            return errors.Count == 1 ? errors[0] : Calls.Call(ExceptionTypes.BaseExceptionGroup, PyStr.Empty, new PyList(errors));
        // Parts of the original keep its traceback; they become one group again.
        var raised = errors.Where(e => !IsPart(e, original)).ToList();
        var kept = errors.Where(e => IsPart(e, original)).ToList();
        PyException? rest = null;
        if (kept.Count > 0)
        {
            var leaves = new HashSet<PyException>(kept.SelectMany(Leaves), ReferenceEqualityComparer.Instance);
            rest = Split(original, e => !e.Type.IsSubtypeOf(ExceptionTypes.BaseExceptionGroup) && leaves.Contains(e)).Match;
        }
        if (raised.Count == 0)
            return (PyObject?)rest ?? Values.None;
        if (rest is not null)
            raised.Add(rest);
        return raised.Count == 1 ? raised[0] : Calls.Call(ExceptionTypes.BaseExceptionGroup, PyStr.Empty, new PyList(raised));
    }

    private static bool IsPart(PyException error, PyException original) =>
        error.Type.IsSubtypeOf(ExceptionTypes.BaseExceptionGroup) && ReferenceEquals(error.Traceback, original.Traceback) && ReferenceEquals(error.Cause, original.Cause) && ReferenceEquals(error.Context, original.Context);

    private static IEnumerable<PyException> Leaves(PyException error) =>
        error.Type.IsSubtypeOf(ExceptionTypes.BaseExceptionGroup) ? ((PyTuple)error.Field("exceptions")).Items.SelectMany(e => Leaves((PyException)e)) : [error];
}
