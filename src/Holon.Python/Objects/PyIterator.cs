namespace Holon.Python.Objects;

/// <summary>An iterator written in C#: the interpreter calls <see cref="Next"/> directly.</summary>
internal abstract class PyIterator(PyType type) : PyObject
{
    public sealed override PyType Type => type;

    /// <summary>Its type is a built-in one: a class of a program may have a <c>__next__</c> of its own.</summary>
    public bool IsPlain => type.IsBuiltin;

    public abstract PyObject? Next();

    /// <summary>How many items are left, for <c>__length_hint__</c>; -1 if unknown.</summary>
    public virtual int Remaining => -1;

    /// <summary>What <c>__reduce__</c> gives; null if it cannot be pickled.</summary>
    public virtual PyObject? Reduce() => null;

    public virtual void SetState(PyObject state) => throw Err.Type("this iterator has no state");

    public static PyType MakeType(string name, string? module = null, Action<PyType>? more = null) => new(name, PyType.Object, t =>
    {
        t.Iter = o => o;
        t.Next = o => ((PyIterator)o).Next();
        t.Def0("__length_hint__", o => ((PyIterator)o).Remaining is >= 0 and var n ? PyInt.Of(n) : Values.NotImplemented);
        t.Def0("__reduce__", o => ((PyIterator)o).Reduce() ?? throw Err.Type($"cannot pickle '{o.Type.FullName}' object"));
        t.Def1("__setstate__", (o, s) =>
        {
            ((PyIterator)o).SetState(s);
            return Values.None;
        });
        more?.Invoke(t);
    }, module);

    protected static PyObject Builtin(string name) => Attributes.Get(PyThread.Current.Machine.Builtins, name);
}

/// <summary>An iterator over C# items.</summary>
internal sealed class PyEnumerator(PyType type, IEnumerator<PyObject> items) : PyIterator(type)
{
    public override PyObject? Next() => items.MoveNext() ? items.Current : null;
}

/// <summary>The iterator of an object that has only <c>__getitem__</c>.</summary>
internal sealed class PySequenceIterator(PyObject sequence) : PyIterator(IteratorTypes.Sequence)
{
    private PyObject? sequence = sequence;
    private long index;

    public override PyObject? Next()
    {
        if (sequence is null)
            return null;
        var thread = PyThread.Current;
        try
        {
            if (Ops.TryGetItem(thread, sequence, PyInt.Of(index)) is { } item)
            {
                index++;
                return item;
            }
        }
        catch (PyError error)
        {
            thread.Pending = error.Value;
        }
        if (!thread.PendingIs(ExceptionTypes.IndexError) && !thread.PendingIs(ExceptionTypes.StopIteration))
            throw thread.TakeError();
        thread.Pending = null;
        sequence = null;
        return null;
    }

    public override int Remaining => sequence?.Type.Len is { } len ? (int)Math.Max(0, len(sequence) - index) : -1;

    public override PyObject Reduce() => sequence is null ? new PyTuple(Builtin("iter"), new PyTuple(PyTuple.Empty)) : new PyTuple(Builtin("iter"), new PyTuple(sequence), PyInt.Of(index));

    public override void SetState(PyObject state) => index = Math.Max(0, Args.Long(state));
}

/// <summary>iter(callable, sentinel).</summary>
internal sealed class PyCallIterator(PyObject callable, PyObject sentinel) : PyIterator(IteratorTypes.Callable)
{
    private PyObject? callable = callable;

    public override PyObject? Next()
    {
        if (callable is null)
            return null;
        var thread = PyThread.Current;
        var value = callable.Call([], null);
        if (value is null)
        {
            if (!thread.PendingIs(ExceptionTypes.StopIteration))
                throw thread.TakeError();
            thread.Pending = null;
            callable = null;
            return null;
        }
        if (!Ops.Eq(sentinel, value))
            return value;
        callable = null;
        return null;
    }

    public override PyObject Reduce() => callable is null ? new PyTuple(Builtin("iter"), new PyTuple(PyTuple.Empty)) : new PyTuple(Builtin("iter"), new PyTuple(callable, sentinel));
}

internal static class IteratorTypes
{
    public static readonly PyType Sequence = PyIterator.MakeType("iterator");
    public static readonly PyType Callable = PyIterator.MakeType("callable_iterator");
    public static readonly PyType List = PyIterator.MakeType("list_iterator");
    public static readonly PyType ListReverse = PyIterator.MakeType("list_reverseiterator");
    public static readonly PyType Tuple = PyIterator.MakeType("tuple_iterator");
    public static readonly PyType Str = PyIterator.MakeType("str_iterator");
    public static readonly PyType Bytes = PyIterator.MakeType("bytes_iterator");
    public static readonly PyType ByteArray = PyIterator.MakeType("bytearray_iterator");
    public static readonly PyType Memory = PyIterator.MakeType("memory_iterator");
    public static readonly PyType Range = PyIterator.MakeType("range_iterator");
    public static readonly PyType LongRange = PyIterator.MakeType("longrange_iterator");
    public static readonly PyType Set = PyIterator.MakeType("set_iterator");
    public static readonly PyType DictKeys = PyIterator.MakeType("dict_keyiterator");
    public static readonly PyType DictValues = PyIterator.MakeType("dict_valueiterator");
    public static readonly PyType DictItems = PyIterator.MakeType("dict_itemiterator");
    public static readonly PyType DictReverseKeys = PyIterator.MakeType("dict_reversekeyiterator");
    public static readonly PyType DictReverseValues = PyIterator.MakeType("dict_reversevalueiterator");
    public static readonly PyType DictReverseItems = PyIterator.MakeType("dict_reverseitemiterator");
}
