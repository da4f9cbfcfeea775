namespace Holon.Python.Modules.Iterators;

/// <summary>itertools.groupby.</summary>
internal sealed class PyGroupBy(PyType type, PyObject iterator, PyObject keyFunction) : PyStatefulIterator(type)
{
    private PyObject? item, key, target;
    private PyGroup? group;

    public override PyObject? Next()
    {
        group = null;
        // Past what is left of the group before.
        while (key is null || (target is not null && Ops.Eq(target, key)))
        {
            if (!Advance())
                return null;
        }
        target = key;
        group = new PyGroup(this, key);
        return new PyTuple(key, group);
    }

    public bool Advance()
    {
        if (Ops.Next(iterator) is not { } next)
            return false;
        var made = keyFunction == Values.None ? next : Calls.Call(keyFunction, next);
        (item, key) = (next, made);
        return true;
    }

    /// <summary>The next item of <paramref name="one"/>, if that is the group that was begun last.</summary>
    public PyObject? NextOf(PyGroup one, PyObject wanted)
    {
        if (group != one || (item is null && !Advance()) || !Ops.Eq(wanted, key!))
            return null;
        var made = item;
        item = null;
        return made;
    }

    public bool IsCurrent(PyGroup one) => group == one;

    public void Resume(PyGroup one) => group = one;

    public override PyObject Reduce() => key is not null && target is not null && item is not null ? Call([iterator, keyFunction], new PyTuple(item, target, key)) : Call(iterator, keyFunction);

    public override void SetState(PyObject state)
    {
        var t = State(state, 3, 3);
        (item, target, key) = (t[0], t[1], t[2]);
    }
}

/// <summary>The items of one group.</summary>
internal sealed class PyGroup(PyGroupBy parent, PyObject target) : PyIterator(Class)
{
    public static readonly PyType Class = MakeType("_grouper", "itertools", t => t.New = (_, args, names) =>
    {
        Args.Exactly("_grouper", args, names, 2);
        var parent = args[0] as PyGroupBy ?? throw Err.Type($"_grouper() argument 1 must be itertools.groupby, not {args[0].Type.FullName}");
        var made = new PyGroup(parent, args[1]);
        parent.Resume(made);
        return made;
    });

    public override PyObject? Next() => parent.NextOf(this, target);

    public override PyObject Reduce() => parent.IsCurrent(this) ? new PyTuple(Class, new PyTuple(parent, target)) : new PyTuple(Builtin("iter"), new PyTuple(PyTuple.Empty));
}

/// <summary>What the iterators of one tee have read so far. A node knows those after it only, so that what all have passed is garbage.</summary>
internal sealed class TeeNode(PyObject? iterator)
{
    private PyObject? item;
    private TeeNode? next;
    private bool isReading;

    public (PyObject Item, TeeNode Next)? Read()
    {
        if (item is null)
        {
            if (isReading)
                throw Err.Runtime("cannot re-enter the tee iterator");
            if (iterator is null)
                return null;
            isReading = true;
            try
            {
                item = Ops.Next(iterator);
            }
            finally
            {
                isReading = false;
            }
            if (item is null)
                return null;
            next = new TeeNode(iterator);
        }
        return (item, next!);
    }

    public static TeeNode Of(PyObject iterator, IReadOnlyList<PyObject> items)
    {
        var node = new TeeNode(iterator);
        for (var i = items.Count - 1; i >= 0; i--)
            node = new TeeNode(iterator) { item = items[i], next = node };
        return node;
    }

    /// <summary>The iterator that is read, and what of it waits here.</summary>
    public (PyObject? Iterator, List<PyObject> Items) Rest()
    {
        var items = new List<PyObject>();
        for (var node = this; node.item is not null; node = node.next!)
            items.Add(node.item);
        return (iterator, items);
    }
}

/// <summary>One of the iterators that itertools.tee gives.</summary>
internal sealed class PyTee(TeeNode start) : PyIterator(Class)
{
    private TeeNode node = start;

    public static readonly PyType Class = MakeType("_tee", "itertools", t =>
    {
        t.New = (_, args, names) =>
        {
            Args.Exactly("_tee", args, names, 1);
            return Of(args[0]);
        };
        t.Def0("__copy__", o => new PyTee(((PyTee)o).node));
    });

    public static PyTee Of(PyObject iterable) => Ops.Iter(iterable) is var iterator && iterator is PyTee other ? new PyTee(other.node) : new PyTee(new TeeNode(iterator));

    public override PyObject? Next()
    {
        if (node.Read() is not var (item, next))
            return null;
        node = next;
        return item;
    }

    public override PyObject Reduce()
    {
        var (iterator, items) = node.Rest();
        return new PyTuple(Class, new PyTuple(PyTuple.Empty), new PyTuple(iterator ?? PyTuple.Empty, new PyList(items)));
    }

    public override void SetState(PyObject state)
    {
        if (state is not PyTuple { Count: 2 } t || t[1] is not PyList items)
            throw Err.Type("state is not a tuple of an iterator and a list");
        node = TeeNode.Of(Ops.Iter(t[0]), items.ToArray());
    }
}
