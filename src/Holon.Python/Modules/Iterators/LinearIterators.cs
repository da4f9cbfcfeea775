namespace Holon.Python.Modules.Iterators;

/// <summary>itertools.chain.</summary>
internal sealed class PyChain(PyType type, PyObject iterables) : PyStatefulIterator(type)
{
    private PyObject? source = iterables;
    private PyObject? active;

    public override PyObject? Next()
    {
        while (source is not null)
        {
            if (active is null)
            {
                if (Ops.Next(source) is not { } iterable)
                {
                    source = null;
                    break;
                }
                try
                {
                    active = Ops.Iter(iterable);
                }
                catch (PyError)
                {
                    source = null;
                    throw;
                }
            }
            if (Ops.Next(active) is { } item)
                return item;
            active = null;
        }
        return null;
    }

    public override PyObject Reduce() => source is null ? Call() : Call([], active is null ? new PyTuple(source) : new PyTuple(source, active));

    public override void SetState(PyObject state)
    {
        var t = State(state, 1, 2);
        foreach (var item in t.Items)
        {
            if (item.Type.Next is null)
                throw Err.Type("Arguments must be iterators.");
        }
        (source, active) = (t[0], t.Count > 1 ? t[1] : null);
    }
}

/// <summary>itertools.count.</summary>
internal sealed class PyCount(PyType type, PyObject start, PyObject step) : PyStatefulIterator(type)
{
    private PyObject number = start;

    private bool IsByOne => step is PyInt { Value: 1 } and not PyBool;

    public string Text => IsByOne ? $"count({Ops.Repr(number)})" : $"count({Ops.Repr(number)}, {Ops.Repr(step)})";

    public override PyObject? Next()
    {
        var made = number;
        number = Ops.Binary(number, step, NumberOp.Add);
        return made;
    }

    public override PyObject Reduce() => IsByOne && number is PyInt ? Call(number) : Call(number, step);
}

/// <summary>itertools.cycle.</summary>
internal sealed class PyCycle(PyType type, PyObject iterator) : PyStatefulIterator(type)
{
    private PyObject? first = iterator;
    private PyList saved = new();
    private bool isSaved;
    private int index;

    public override PyObject? Next()
    {
        if (first is not null)
        {
            if (Ops.Next(first) is { } item)
            {
                if (!isSaved)
                    saved.Add(item);
                return item;
            }
            first = null;
        }
        if (saved.Count == 0)
            return null;
        var next = saved[index];
        index = index + 1 >= saved.Count ? 0 : index + 1;
        return next;
    }

    public override PyObject Reduce()
    {
        if (first is not null)
            return Call([first], new PyTuple(saved, Values.Bool(isSaved)));
        var rest = Ops.Iter(saved);
        if (index != 0)
            Calls.CallMethod(rest, "__setstate__", PyInt.Of(index));
        return Call([rest], new PyTuple(saved, Values.True));
    }

    public override void SetState(PyObject state)
    {
        var t = State(state, 2, 2);
        saved = t[0] as PyList ?? throw Err.Type($"argument 1 must be list, not {t[0].Type.FullName}");
        isSaved = Args.Int(t[1]) != 0;
        index = 0;
    }
}

/// <summary>itertools.repeat; <paramref name="times"/> is -1 for ever.</summary>
internal sealed class PyRepeat(PyType type, PyObject item, long times) : PyStatefulIterator(type)
{
    private long left = times;

    public string Text => left < 0 ? $"repeat({Ops.Repr(item)})" : $"repeat({Ops.Repr(item)}, {left})";

    public override PyObject? Next()
    {
        if (left == 0)
            return null;
        if (left > 0)
            left--;
        return item;
    }

    public override int Remaining => left < 0 ? throw Err.Type("len() of unsized object") : (int)Math.Min(int.MaxValue, left);

    public override PyObject Reduce() => left < 0 ? Call(item) : Call(item, PyInt.Of(left));
}

/// <summary>itertools.accumulate.</summary>
internal sealed class PyAccumulate(PyType type, PyObject iterator, PyObject function, PyObject start) : PyStatefulIterator(type)
{
    private PyObject? initial = start == Values.None ? null : start;
    private PyObject? total;

    public override PyObject? Next()
    {
        if (initial is not null)
        {
            (total, initial) = (initial, null);
            return total;
        }
        if (Ops.Next(iterator) is not { } item)
            return null;
        total = total is null ? item : function == Values.None ? Ops.Binary(total, item, NumberOp.Add) : Calls.Call(function, total, item);
        return total;
    }

    public override PyObject Reduce()
    {
        if (initial is not null)
            return Call([new PyChain(IterToolsModule.Chain, Ops.Iter(new PyTuple(new PyTuple(initial), iterator))), function], Values.None);
        if (total != Values.None)
            return Call([iterator, function], total ?? Values.None);
        var again = new PyAccumulate(Type, new PyChain(IterToolsModule.Chain, Ops.Iter(new PyTuple(new PyTuple(total!), iterator))), function, Values.None);
        return new PyTuple(IterToolsModule.Slice, new PyTuple(again, PyInt.One, Values.None));
    }

    public override void SetState(PyObject state) => total = state == Values.None ? null : state;
}

/// <summary>itertools.compress.</summary>
internal sealed class PyCompress(PyType type, PyObject values, PyObject selectors) : PyStatefulIterator(type)
{
    public override PyObject? Next()
    {
        while (Ops.Next(values) is { } item && Ops.Next(selectors) is { } selector)
        {
            if (Ops.IsTrue(selector))
                return item;
        }
        return null;
    }

    public override PyObject Reduce() => Call(values, selectors);
}

/// <summary>itertools.dropwhile and takewhile.</summary>
internal sealed class PyWhile(PyType type, PyObject predicate, PyObject iterator, bool takes) : PyStatefulIterator(type)
{
    /// <summary>The predicate has been false.</summary>
    private bool isOver;

    public override PyObject? Next()
    {
        if (takes && isOver)
            return null;
        while (Ops.Next(iterator) is { } item)
        {
            if (!takes && isOver)
                return item;
            isOver = !Ops.IsTrue(Calls.Call(predicate, item));
            if (isOver != takes)
                return item;
            if (takes)
                return null;
        }
        return null;
    }

    public override PyObject Reduce() => Call([predicate, iterator], PyInt.Of(isOver ? 1 : 0));

    public override void SetState(PyObject state) => isOver = Ops.IsTrue(state);
}

/// <summary>itertools.filterfalse.</summary>
internal sealed class PyFilterFalse(PyType type, PyObject function, PyObject iterator) : PyStatefulIterator(type)
{
    public override PyObject? Next()
    {
        while (Ops.Next(iterator) is { } item)
        {
            if (!Ops.IsTrue(function == Values.None || function == IntType.Bool ? item : Calls.Call(function, item)))
                return item;
        }
        return null;
    }

    public override PyObject Reduce() => Call(function, iterator);
}

/// <summary>itertools.starmap.</summary>
internal sealed class PyStarMap(PyType type, PyObject function, PyObject iterator) : PyStatefulIterator(type)
{
    public override PyObject? Next() => Ops.Next(iterator) is { } items ? Calls.Call(function, Ops.ToArray(items)) : null;

    public override PyObject Reduce() => Call(function, iterator);
}

/// <summary>itertools.islice; <paramref name="stop"/> is -1 for none.</summary>
internal sealed class PySliceIterator(PyType type, PyObject source, long start, long stop, long step) : PyStatefulIterator(type)
{
    private PyObject? iterator = source;
    private long next = start, taken;

    public override PyObject? Next()
    {
        if (iterator is null)
            return null;
        var end = stop < 0 ? next : Math.Min(next, stop);
        while (true)
        {
            if (taken >= end && (taken > next || (stop >= 0 && taken >= stop)) || Ops.Next(iterator) is not { } item)
            {
                iterator = null;
                return null;
            }
            if (taken++ < next)
                continue;
            next = step > long.MaxValue - next ? long.MaxValue : next + step;
            if (stop >= 0 && next > stop)
                next = stop;
            return item;
        }
    }

    public override PyObject Reduce() => iterator is null
        ? Call([EmptyIterator(), PyInt.Zero], PyInt.Zero)
        : Call([iterator, PyInt.Of(next), stop < 0 ? Values.None : PyInt.Of(stop), PyInt.Of(step)], PyInt.Of(taken));

    public override void SetState(PyObject state) => taken = Args.Long(state);
}

/// <summary>itertools.pairwise.</summary>
internal sealed class PyPairwise(PyType type, PyObject source) : PyStatefulIterator(type)
{
    private PyObject? iterator = source;
    private PyObject? before;

    public override PyObject? Next()
    {
        if (iterator is null)
            return null;
        before ??= Ops.Next(iterator);
        if (before is null || Ops.Next(iterator) is not { } item)
        {
            (iterator, before) = (null, null);
            return null;
        }
        var made = new PyTuple(before, item);
        before = item;
        return made;
    }
}

/// <summary>itertools.zip_longest.</summary>
internal sealed class PyZipLongest(PyType type, PyObject?[] iterators, PyObject fill) : PyStatefulIterator(type)
{
    private int active = iterators.Length;

    public override PyObject? Next()
    {
        if (active == 0)
            return null;
        var items = new PyObject[iterators.Length];
        for (var i = 0; i < items.Length; i++)
        {
            PyObject? item;
            try
            {
                item = iterators[i] is { } iterator ? Ops.Next(iterator) : null;
            }
            catch (PyError)
            {
                active = 0;
                throw;
            }
            if (item is null && iterators[i] is not null)
            {
                iterators[i] = null;
                if (--active == 0)
                    return null;
            }
            items[i] = item ?? fill;
        }
        return new PyTuple(items);
    }

    public override PyObject Reduce() => Call([.. iterators.Select(i => i ?? PyTuple.Empty)], fill);

    public override void SetState(PyObject state) => fill = state;
}
