using Holon.Python.Tier1;

namespace Holon.Python.Modules.Iterators;

internal sealed class PyEnumerate(PyType type, PyObject iterator, PyInt start) : PyStatefulIterator(type)
{
    private static readonly NativeParameters EnumerateParameters = new("enumerate", "iterable, start=0");

    public static readonly PyType Class = MakeType("enumerate", more: t =>
    {
        t.New = (type, args, names) =>
        {
            if (args.Length == 1 && names is null)
                return new PyEnumerate(type, Ops.Iter(args[0]), PyInt.Zero);
            var a = EnumerateParameters.Bind(args, names);
            return new PyEnumerate(type, Ops.Iter(a[0]!), Ops.Index(a[1]!));
        };
        t.DefClassGetItem();
    });

    private PyInt number = start;

    public override PyObject? Next()
    {
        if (Ops.NextUncharged(iterator) is not { } item)
            return null;
        var made = new PyTuple(number, item);
        number = Successor();
        return made;
    }

    private PyInt Successor() => number.GetType() == typeof(PyInt) && number.Value != long.MaxValue ? PyInt.Of(number.Value + 1) : IntMath.Add(number, PyInt.One);

    /// <summary>The next number and item, without the tuple.</summary>
    public bool NextPair(PyThread thread, out PyObject? first, out PyObject? second)
    {
        first = number;
        second = Support.Next(thread, iterator);
        if (second is null)
            return false;
        number = Successor();
        return true;
    }

    public override PyObject Reduce() => Call(iterator, number);
}

internal sealed class PyZip(PyType type, PyObject[] iterators, bool strict) : PyStatefulIterator(type)
{
    public static readonly PyType Class = MakeType("zip", more: t => t.New = (type, args, names) =>
    {
        if (names is null)
            return new PyZip(type, Sources(args), false);
        var keywords = Calls.KeywordDict(args, names, out var positional);
        if (keywords.Items().Select(k => k.Key).FirstOrDefault(k => k is not PyStr { Value: "strict" }) is { } other)
            throw Err.Type($"{Ops.Repr(other)} is an invalid keyword argument for zip()");
        return new PyZip(type, Sources(positional), Args.Truth(keywords.Get("strict")));
    });

    private static PyObject[] Sources(ReadOnlySpan<PyObject> iterables)
    {
        var iterators = new PyObject[iterables.Length];
        for (var i = 0; i < iterators.Length; i++)
            iterators[i] = iterables[i].Type.Iter is null && iterables[i].Type.GetItem is null ? throw Err.Type($"'{iterables[i].Type.FullName}' object is not iterable") : Ops.Iter(iterables[i]);
        return iterators;
    }

    public override PyObject? Next()
    {
        if (iterators.Length == 0)
            return null;
        var items = new PyObject[iterators.Length];
        for (var i = 0; i < items.Length; i++)
        {
            if (Ops.NextUncharged(iterators[i]) is { } item)
            {
                items[i] = item;
                continue;
            }
            if (!strict)
                return null;
            if (i > 0)
                throw Err.Value($"zip() argument {i + 1} is shorter than argument{(i == 1 ? " " : "s 1-")}{i}");
            for (var k = 1; k < iterators.Length; k++)
            {
                if (Ops.Next(iterators[k]) is not null)
                    throw Err.Value($"zip() argument {k + 1} is longer than argument{(k == 1 ? " " : "s 1-")}{k}");
            }
            return null;
        }
        return new PyTuple(items);
    }

    /// <summary>It gives two objects, and ends with the shorter source.</summary>
    public bool IsPair => iterators.Length == 2 && !strict;

    /// <summary>The next two, without the tuple.</summary>
    public bool NextPair(PyThread thread, out PyObject? first, out PyObject? second)
    {
        second = null;
        first = Support.Next(thread, iterators[0]);
        return first is not null && (second = Support.Next(thread, iterators[1])) is not null;
    }

    public override PyObject Reduce() => strict ? Call(iterators, Values.True) : Call(iterators);

    public override void SetState(PyObject state) => strict = Ops.IsTrue(state);
}

internal sealed class PyMap(PyType type, PyObject function, PyObject[] iterators) : PyStatefulIterator(type)
{
    public static readonly PyType Class = MakeType("map", more: t => t.New = (type, args, names) =>
    {
        args = Positional(type, Class!, "map", args, names);
        if (args.Length < 2)
            throw Err.Type("map() must have at least two arguments.");
        var iterators = new PyObject[args.Length - 1];
        for (var i = 0; i < iterators.Length; i++)
            iterators[i] = Ops.Iter(args[i + 1]);
        return new PyMap(type, args[0], iterators);
    });

    public override PyObject? Next()
    {
        if (iterators.Length == 1)
            return Ops.Next(iterators[0]) is { } only ? Calls.Call(function, only) : null;
        var items = new PyObject[iterators.Length];
        for (var i = 0; i < items.Length; i++)
        {
            if (Ops.NextUncharged(iterators[i]) is not { } item)
                return null;
            items[i] = item;
        }
        return Calls.Call(function, items);
    }

    public override PyObject Reduce() => Call([function, .. iterators]);
}

internal sealed class PyFilter(PyType type, PyObject function, PyObject iterator) : PyStatefulIterator(type)
{
    public static readonly PyType Class = MakeType("filter", more: t => t.New = (type, args, names) =>
    {
        args = Positional(type, Class!, "filter", args, names);
        Args.Between("filter", args, null, 2, 2);
        return new PyFilter(type, args[0], Ops.Iter(args[1]));
    });

    public override PyObject? Next()
    {
        while (Ops.Next(iterator) is { } item)
        {
            if (Ops.IsTrue(function == Values.None || function == IntType.Bool ? item : Calls.Call(function, item)))
                return item;
        }
        return null;
    }

    public override PyObject Reduce() => Call(function, iterator);
}

internal sealed class PyReversed(PyType type, PyObject source, long length) : PyStatefulIterator(type)
{
    public static readonly PyType Class = MakeType("reversed", more: t => t.New = (type, args, names) =>
    {
        args = Positional(type, Class!, "reversed", args, names);
        if (args is [PyList { } list] && list.GetType() == typeof(PyList))
            return new PyListReverseIterator(list);
        Args.Exactly("reversed", args, null, 1);
        var method = args[0].Type.Lookup(Names.Reversed);
        if (method is not null && method != Values.None)
            return Calls.Special(args[0], Names.Reversed);
        if (method is not null || args[0].Type.GetItem is null || args[0].Type.Len is null || args[0] is PyDict)
            throw Err.Type($"'{args[0].Type.FullName}' object is not reversible");
        return new PyReversed(type, args[0], Ops.Len(args[0]));
    });

    private PyObject? sequence = source;
    private long index = length - 1;

    public override PyObject? Next()
    {
        if (sequence is not null && index >= 0)
        {
            try
            {
                var item = Ops.GetItem(sequence, PyInt.Of(index));
                index--;
                return item;
            }
            catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.IndexError) || error.Value.Type.IsSubtypeOf(ExceptionTypes.StopIteration))
            {
                // The sequence has become shorter: the end.
            }
        }
        (sequence, index) = (null, -1);
        return null;
    }

    public override int Remaining => sequence is null || Ops.Len(sequence) < index + 1 ? 0 : (int)Math.Min(int.MaxValue, index + 1);

    public override PyObject Reduce() => sequence is null ? Call(PyTuple.Empty) : Call([sequence], PyInt.Of(index));

    public override void SetState(PyObject state)
    {
        if (sequence is not null)
            index = Math.Clamp(Args.Long(state), -1, Ops.Len(sequence) - 1);
    }
}
