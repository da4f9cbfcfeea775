using System.Globalization;

namespace Holon.Python.Runtime;

/// <summary>The abstract operations of the language on any object.</summary>
internal static partial class Ops
{
    public static string Address(PyObject o) => "0x" + Id(o).ToBig().ToString("x", CultureInfo.InvariantCulture).TrimStart('0');

    /// <summary>id(): objects move in memory, so a number is given out on demand.</summary>
    public static PyInt Id(PyObject o) => PyThread.Current.Machine.Identities.Of(o);

    public static string Repr(PyObject o) => ReprObject(o).ToString();

    public static PyStr ReprObject(PyObject o)
    {
        var thread = PyThread.EnterNative(" while getting the repr of an object");
        try
        {
            var result = o.Type.Repr!(o);
            return result as PyStr ?? throw Err.Type($"__repr__ returned non-string (type {result.Type.FullName})");
        }
        finally
        {
            thread.LeaveNative();
        }
    }

    public static PyStr Str(PyObject o)
    {
        if (o.GetType() == typeof(PyStr))
            return (PyStr)o;
        if (o.GetType() == typeof(PyInt))
            return Values.Str(IntText.ToDecimal((PyInt)o));
        var thread = PyThread.EnterNative(" while getting the str of an object");
        try
        {
            var result = o.Type.Str!(o);
            return result as PyStr ?? throw Err.Type($"__str__ returned non-string (type {result.Type.FullName})");
        }
        finally
        {
            thread.LeaveNative();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Hash(PyObject o) => o.GetType() == typeof(PyStr) ? Unsafe.As<PyStr>(o).Hash
        : o.GetType() == typeof(PyInt) ? PyInt.HashOf(Unsafe.As<PyInt>(o).Value) : o.Type.Hash!(o);

    public static bool IsTrue(PyObject o)
    {
        if (o is PyBool b)
            return b.IsTrue;
        if (o == Values.None)
            return false;
        var type = o.Type;
        return type.Bool is { } test ? test(o) : type.Len is not { } len || len(o) != 0;
    }

    public static long Len(PyObject o) => o.Type.Len is { } len ? len(o) : throw Err.Type($"object of type '{o.Type.FullName}' has no len()");

    /// <summary>operator.length_hint without errors; -1 if unknown.</summary>
    public static int LengthHint(PyObject o)
    {
        if (o.Type.Len is { } len)
            return (int)Math.Min(len(o), int.MaxValue);
        if (o.Type.Lookup(Names.LengthHint) is null)
            return -1;
        var hint = Calls.Special(o, Names.LengthHint)!;
        return hint is PyInt n && n.TryLong(out var v) ? (int)Math.Clamp(v, 0, 1 << 20) : -1;
    }

    public static bool Holds(int order, CompareOp op) => op switch
    {
        CompareOp.Lt => order < 0,
        CompareOp.Le => order <= 0,
        CompareOp.Eq => order == 0,
        CompareOp.Ne => order != 0,
        CompareOp.Gt => order > 0,
        _ => order >= 0,
    };

    public static PyObject CompareResult(int order, CompareOp op) => Values.Bool(Holds(order, op));

    /// <summary>The comparison of types that know only (in)equality.</summary>
    public static PyObject Identity(bool equal, bool comparable, CompareOp op) =>
        !comparable || op is not (CompareOp.Eq or CompareOp.Ne) ? Values.NotImplemented : Values.Bool(equal == (op == CompareOp.Eq));

    private static CompareOp Swapped(CompareOp op) => op switch
    {
        CompareOp.Lt => CompareOp.Gt,
        CompareOp.Le => CompareOp.Ge,
        CompareOp.Gt => CompareOp.Lt,
        CompareOp.Ge => CompareOp.Le,
        _ => op,
    };

    private static readonly string[] CompareSigns = ["<", "<=", "==", "!=", ">", ">="];

    public static PyObject Compare(PyObject a, PyObject b, CompareOp op)
    {
        if (a.GetType() == typeof(PyBytes) && b.GetType() == typeof(PyBytes))
            return Compare(Unsafe.As<PyBytes>(a).Content, Unsafe.As<PyBytes>(b).Content, op);
        var thread = PyThread.EnterNative(" in comparison");
        try
        {
            return CompareBySlots(a, b, op);
        }
        finally
        {
            thread.LeaveNative();
        }
    }

    private static PyObject Compare(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, CompareOp op) =>
        op is CompareOp.Eq or CompareOp.Ne ? Values.Bool(a.SequenceEqual(b) == (op == CompareOp.Eq)) : CompareResult(a.SequenceCompareTo(b), op);

    private static PyObject CompareBySlots(PyObject a, PyObject b, CompareOp op)
    {
        var left = a.Type;
        var right = b.Type;
        var swapped = false;
        if (left != right && right.Compare is { } first && right.IsSubtypeOf(left))
        {
            swapped = true;
            var result = first(b, a, Swapped(op));
            if (result != Values.NotImplemented)
                return result;
        }
        if (left.Compare is { } compare)
        {
            var result = compare(a, b, op);
            if (result != Values.NotImplemented)
                return result;
        }
        if (!swapped && right.Compare is { } reflected)
        {
            var result = reflected(b, a, Swapped(op));
            if (result != Values.NotImplemented)
                return result;
        }
        return op switch
        {
            CompareOp.Eq => Values.Bool(ReferenceEquals(a, b)),
            CompareOp.Ne => Values.Bool(!ReferenceEquals(a, b)),
            _ => throw Err.Type($"'{CompareSigns[(int)op]}' not supported between instances of '{left.FullName}' and '{right.FullName}'"),
        };
    }

    public static bool CompareBool(PyObject a, PyObject b, CompareOp op)
    {
        if (a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt))
            return Holds(Unsafe.As<PyInt>(a).Value, Unsafe.As<PyInt>(b).Value, op);
        if (ReferenceEquals(a, b) && op is CompareOp.Eq or CompareOp.Ne)
            return op == CompareOp.Eq;
        return IsTrue(Compare(a, b, op));
    }

    /// <summary>Whether a comparison of two numbers holds.</summary>
    public static bool Holds<T>(T x, T y, CompareOp op)
        where T : struct, System.Numerics.IComparisonOperators<T, T, bool> => op switch
        {
            CompareOp.Lt => x < y,
            CompareOp.Le => x <= y,
            CompareOp.Eq => x == y,
            CompareOp.Ne => x != y,
            CompareOp.Gt => x > y,
            _ => x >= y,
        };

    /// <summary>Equality as containers see it: an object equals itself.</summary>
    public static bool Eq(PyObject a, PyObject b)
    {
        if (ReferenceEquals(a, b))
            return true;
        if (a.GetType() == typeof(PyStr) && b.GetType() == typeof(PyStr))
            return ((PyStr)a).Equals((PyStr)b);
        if (a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt))
            return ((PyInt)a).Value == ((PyInt)b).Value;
        if (a.GetType() == typeof(PyFloat) && b.GetType() == typeof(PyFloat))
            return ((PyFloat)a).Value == ((PyFloat)b).Value;
        if (a.GetType() == typeof(PyTuple) && b.GetType() == typeof(PyTuple))
            return TuplesEqual(Unsafe.As<PyTuple>(a).Items, Unsafe.As<PyTuple>(b).Items);
        return IsTrue(Compare(a, b, CompareOp.Eq));
    }

    public static bool TuplesEqual(PyObject[] a, PyObject[] b)
    {
        if (a.Length != b.Length)
            return false;
        var isDeep = false;
        for (var i = 0; i < a.Length; i++)
        {
            if (ReferenceEquals(a[i], b[i]))
                continue;
            if (!isDeep && a[i].GetType() != typeof(PyStr) && a[i].GetType() != typeof(PyInt) && a[i].GetType() != typeof(PyBytes))
            {
                PyThread.CheckNativeStack();
                isDeep = true;
            }
            if (!Eq(a[i], b[i]))
                return false;
        }
        return true;
    }

    public static PyObject Iter(PyObject o)
    {
        if (o.Type.Iter is { } iter)
        {
            var result = iter(o);
            return result.Type.Next is not null ? result : throw Err.Type($"iter() returned non-iterator of type '{result.Type.FullName}'");
        }
        if (o.Type.GetItem is not null && (!o.Type.IsSubtypeOf(DictType.Type)))
            return new PySequenceIterator(o);
        throw Err.Type($"'{o.Type.FullName}' object is not iterable");
    }

    /// <summary>The next item, or null at the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PyObject? Next(PyObject iterator)
    {
        ChargeStep();
        return iterator is PyIterator { IsPlain: true } own ? own.Next() : NextBySlot(iterator);
    }

    /// <summary>The next item for an iterator that takes it for its own next one, whose taker charges the step.</summary>
    public static PyObject? NextUncharged(PyObject iterator) => iterator is PyIterator { IsPlain: true } own ? own.Next() : NextBySlot(iterator);

    private const int StepsPerCharge = 1000;

    /// <summary>Steps of iteration until they are charged: loops in C# over endless iterators must end, too.</summary>
    [ThreadStatic]
    private static int steps;

    /// <summary>A loop in C# takes an item.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ChargeStep()
    {
        if (--steps < 0)
            ChargeSteps();
    }

    private static void ChargeSteps()
    {
        steps = StepsPerCharge;
        var thread = PyThread.Current;
        thread.Machine.Limits.ChargeInstructions(StepsPerCharge);
        thread.Machine.RunPending(thread);
    }

    private static PyObject? NextBySlot(PyObject iterator) =>
        iterator.Type.Next is { } next ? next(iterator) : throw Err.Type($"'{iterator.Type.FullName}' object is not an iterator");

    /// <summary>The items of any iterable, for C# loops.</summary>
    public static Iteration Each(PyObject iterable) => new(iterable);

    public static PyObject[] ToArray(PyObject iterable) => iterable switch
    {
        PyTuple t when t.GetType() == typeof(PyTuple) => t.Items,
        PyList l when l.GetType() == typeof(PyList) => l.ToArray(),
        _ => NewArray(iterable),
    };

    /// <summary>The items in an array that nothing else refers to.</summary>
    public static PyObject[] NewArray(PyObject iterable)
    {
        var list = new PyList();
        list.Extend(iterable);
        return list.TakeItems();
    }

    public static PyTuple ToTuple(PyObject iterable) => iterable.GetType() == typeof(PyTuple) ? (PyTuple)iterable : new PyTuple(NewArray(iterable));

    public static PyObject GetItem(PyObject o, PyObject key)
    {
        if (o.Type.GetItem is { } get)
            return get(o, key);
        if (o is PyType type)
        {
            if (type == PyType.TypeType)
                return new PyGenericAlias(type, key);
            if (Attributes.TryGet(type, Names.ClassGetItem) is { } method && method != Values.None)
                return Calls.Call(method, key);
            throw Err.Type($"type '{type.Name}' is not subscriptable");
        }
        throw Err.Type($"'{o.Type.FullName}' object is not subscriptable");
    }

    /// <summary>
    /// As <see cref="GetItem"/>, but what is not there is null with the error pending: programs ask for it all the time, and a .NET exception costs microseconds.
    /// </summary>
    public static PyObject? TryGetItem(PyThread thread, PyObject o, PyObject key)
    {
        var kind = o.GetType();
        if (kind == typeof(PyDict))
        {
            if (Unsafe.As<PyDict>(o).Get(key) is { } found)
                return found;
            thread.Pending = ExceptionTypes.Make(ExceptionTypes.KeyError, key);
            return null;
        }
        if (key.GetType() == typeof(PyInt))
        {
            var index = Unsafe.As<PyInt>(key).Value;
            if (kind == typeof(PyStr))
            {
                var text = Unsafe.As<PyStr>(o);
                index += index < 0 ? text.Length : 0;
                return (ulong)index < (ulong)text.Length ? PyStr.OfChar(text[(int)index]) : Err.Set(Err.Index("string index out of range"));
            }
            if (kind == typeof(PyList))
                return ItemOrPending(Unsafe.As<PyList>(o), index);
            if (kind == typeof(PyTuple))
            {
                var tuple = Unsafe.As<PyTuple>(o);
                index += index < 0 ? tuple.Count : 0;
                return (ulong)index < (ulong)tuple.Count ? tuple[(int)index] : Err.Set(Err.Index("tuple index out of range"));
            }
        }
        return o is PyInstance && o.Type.Lookup(Names.GetItem) is PyFunction method ? method.Call([o, key], null) : GetItem(o, key);
    }

    /// <summary>An item of a list, from its end if the index is negative; null with the error pending.</summary>
    public static PyObject? ItemOrPending(PyList list, long index)
    {
        index += index < 0 ? list.Count : 0;
        return (ulong)index < (ulong)list.Count ? list[(int)index] : Err.Set(Err.Index("list index out of range"));
    }

    public static void SetItem(PyObject o, PyObject key, PyObject? value)
    {
        if (o.Type.SetItem is not { } set)
            throw Err.Type($"'{o.Type.FullName}' object does not support item {(value is null ? "deletion" : "assignment")}");
        set(o, key, value);
    }

    public static bool Contains(PyObject container, PyObject item) =>
        container.Type.Contains is { } contains ? contains(container, item) : IterationContains(container, item);

    public static bool IterationContains(PyObject container, PyObject item)
    {
        if (container.Type.Iter is null && container.Type.GetItem is null)
            throw Err.Type($"argument of type '{container.Type.FullName}' is not iterable");
        var iterator = Iter(container);
        while (Next(iterator) is { } each)
        {
            if (Eq(each, item))
                return true;
        }
        return false;
    }

    public static PyInt Index(PyObject o)
    {
        if (o is PyInt n)
            return IntType.Plain(n);
        if (o.Type.Index is not { } index)
            throw Err.Type($"'{o.Type.FullName}' object cannot be interpreted as an integer");
        var result = index(o) as PyInt ?? throw Err.Type($"__index__ returned non-int (type {index(o).Type.FullName})");
        if (result.Type != IntType.Type)
            Warn.Deprecated($"__index__ returned non-int (type {result.Type.Name}).  The ability to return an instance of a strict subclass of int is deprecated, and may not be supported in a future version of Python.");
        return IntType.Plain(result);
    }

    public static double ToDouble(PyObject o)
    {
        switch (o)
        {
            case PyFloat f:
                return f.Value;
            case PyInt when o.Type.ToFloat == IntType.Type.ToFloat:
                return IntMath.ToDouble((PyInt)o);
        }
        if (o.Type.ToFloat is { } convert)
        {
            return convert(o) is PyFloat f ? f.Value : throw Err.Type($"{o.Type.FullName}.__float__ returned non-float (type {convert(o).Type.FullName})");
        }
        return o.Type.Index is not null ? IntMath.ToDouble(Index(o)) : throw Err.Type($"must be real number, not {o.Type.FullName}");
    }

    public static long RepeatCount(PyObject o)
    {
        if (o.Type.Index is null)
            throw Err.Type($"can't multiply sequence by non-int of type '{o.Type.FullName}'");
        return Index(o).TryLong(out var count) ? count : throw Err.Overflow("cannot fit 'int' into an index-sized integer");
    }

    public static PyStr Format(PyObject o, PyStr spec)
    {
        if (spec.Length == 0)
        {
            if (o.GetType() == typeof(PyStr))
                return (PyStr)o;
            if (o.GetType() == typeof(PyInt) || o.GetType() == typeof(PyFloat))
                return Str(o);
        }
        var result = Calls.Special(o, Names.Format, spec) ?? throw Err.Type($"Type {o.Type.FullName} doesn't define __format__");
        return result as PyStr ?? throw Err.Type($"__format__ must return a str, not {result.Type.FullName}");
    }

    public static bool IsInstance(PyObject o, PyObject type)
    {
        if (ReferenceEquals(o.Type, type))
            return true;
        if (type is PyTuple tuple)
        {
            foreach (var each in tuple.Items)
            {
                if (IsInstance(o, each))
                    return true;
            }
            return false;
        }
        if (type is PyType t && t.Type == PyType.TypeType)
            return IsInstanceOf(o, t);
        if (type is PyUnion union)
            return union.Members.Items.Any(m => IsInstance(o, m == SingletonTypes.None ? SingletonTypes.None : m is PyGenericAlias ? throw Err.Type("isinstance() argument 2 cannot be a parameterized generic") : m));
        if (Calls.Special(type, Names.InstanceCheck, o) is { } answer)
            return IsTrue(answer);
        return IsInstanceOf(o, type);
    }

    /// <summary>isinstance without <c>__instancecheck__</c>.</summary>
    public static bool IsInstanceOf(PyObject o, PyObject type)
    {
        if (type is PyType t)
        {
            if (o.Type.IsSubtypeOf(t))
                return true;
            return !o.Type.IsBuiltin && Attributes.TryGet(o, Names.Class) is PyType claimed && claimed != o.Type && claimed.IsSubtypeOf(t);
        }
        if (Attributes.TryGet(type, Names.Intern("__bases__")) is not PyTuple)
            throw Err.Type("isinstance() arg 2 must be a type, a tuple of types, or a union");
        return Attributes.TryGet(o, Names.Class) is { } cls && IsAbstractSubclass(cls, type);
    }

    public static bool IsSubclass(PyObject derived, PyObject type)
    {
        if (type is PyTuple tuple)
        {
            foreach (var each in tuple.Items)
            {
                if (IsSubclass(derived, each))
                    return true;
            }
            return false;
        }
        if (type is PyType plain && plain.Type == PyType.TypeType)
            return ReferenceEquals(derived, type) || IsSubclassOf(derived, type);
        if (type is PyUnion union)
            return union.Members.Items.Any(m => IsSubclass(derived, m is PyGenericAlias ? throw Err.Type("issubclass() argument 2 cannot be a parameterized generic") : m));
        if (Calls.Special(type, Names.SubclassCheck, derived) is { } answer)
            return IsTrue(answer);
        return IsSubclassOf(derived, type);
    }

    public static bool IsSubclassOf(PyObject derived, PyObject type)
    {
        if (derived is PyType d && type is PyType t)
            return d.IsSubtypeOf(t);
        if (derived is not PyType && Attributes.TryGet(derived, Names.Intern("__bases__")) is not PyTuple)
            throw Err.Type("issubclass() arg 1 must be a class");
        if (type is not PyType && Attributes.TryGet(type, Names.Intern("__bases__")) is not PyTuple)
            throw Err.Type("issubclass() arg 2 must be a class, a tuple of classes, or a union");
        return IsAbstractSubclass(derived, type);
    }

    private static bool IsAbstractSubclass(PyObject derived, PyObject type)
    {
        PyThread.CheckNativeStack();
        return ReferenceEquals(derived, type) || (Attributes.TryGet(derived, Names.Intern("__bases__")) is PyTuple bases && bases.Items.Any(b => IsAbstractSubclass(b, type)));
    }
}
