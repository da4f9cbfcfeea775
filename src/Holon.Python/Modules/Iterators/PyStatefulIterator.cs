namespace Holon.Python.Modules.Iterators;

/// <summary>
/// An iterator that programs may subclass, copy and pickle. It is a state machine, not a C# iterator block: one whose function has raised goes on with the next item.
/// </summary>
internal abstract class PyStatefulIterator(PyType type) : PyIterator(type)
{
    private InstanceData data = new(type);

    public sealed override ref InstanceData Data => ref data;

    protected PyTuple Call(params PyObject[] arguments) => new(Type, new PyTuple(arguments));

    protected PyTuple Call(PyObject[] arguments, PyObject state) => new(Type, new PyTuple(arguments), state);

    protected static PyTuple State(PyObject state, int least, int most) =>
        state is PyTuple { Count: var n } t && n >= least && n <= most ? t : throw Err.Type(state is PyTuple ? "function takes exactly " + most + " arguments (" + ((PyTuple)state).Count + " given)" : "state is not a tuple");

    /// <summary>The positional arguments of <c>__new__</c>: only an <c>__init__</c> of the program's own may have others.</summary>
    protected static ReadOnlySpan<PyObject> Positional(PyType type, PyType known, string name, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (type.Init == known.Init)
            Args.NoKeywords(name, names);
        return args[..(args.Length - (names?.Count ?? 0))];
    }

    protected static PyObject EmptyIterator() => Ops.Iter(PyTuple.Empty);
}

/// <summary>An iterator over what has numbered items; it looks at the size each time.</summary>
internal sealed class PyIndexIterator(PyType type, PyObject owner, Func<PyObject, int> count, Func<PyObject, int, PyObject> item) : PyIterator(type)
{
    private PyObject? owner = owner;
    private int index;

    public override PyObject? Next()
    {
        if (owner is null)
            return null;
        if (index < count(owner))
            return item(owner, index++);
        owner = null;
        return null;
    }

    public override int Remaining => owner is null ? 0 : Math.Max(0, count(owner) - index);

    public override PyObject Reduce() => owner is null ? new PyTuple(Builtin("iter"), new PyTuple(PyTuple.Empty)) : new PyTuple(Builtin("iter"), new PyTuple(owner), PyInt.Of(index));

    public override void SetState(PyObject state) => index = owner is null ? 0 : (int)Math.Clamp(Args.Long(state), 0, count(owner));
}
