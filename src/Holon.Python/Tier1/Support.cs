namespace Holon.Python.Tier1;

/// <summary>What one <c>super().name</c> has found last.</summary>
internal sealed class SuperCache
{
    public PyType? Class;
    public PyType? Type;
    public long Version;
    public PyObject? Function;
}

/// <summary>What compiled code calls. The short ones are inlined into it.</summary>
internal static partial class Support
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>The answer of a compiled loop that cannot take the frame.</summary>
    public static readonly PyObject NotEntered = new PySingleton("not entered", () => SingletonTypes.None);

    public static PyObject GetNotEntered() => NotEntered;

    [MethodImpl(Inline)]
    public static bool IsInt(PyObject o) => o.GetType() == typeof(PyInt);

    [MethodImpl(Inline)]
    public static bool IsFloat(PyObject o) => o.GetType() == typeof(PyFloat);

    [MethodImpl(Inline)]
    public static bool IsStr(PyObject o) => o.GetType() == typeof(PyStr);

    [MethodImpl(Inline)]
    public static bool IsList(PyObject o) => o.GetType() == typeof(PyList);

    [MethodImpl(Inline)]
    public static bool IsTuple(PyObject o) => o.GetType() == typeof(PyTuple);

    [MethodImpl(Inline)]
    public static bool IsDict(PyObject o) => o.GetType() == typeof(PyDict);

    // Safe: the compiler asks only for values whose class it has tested.
    [MethodImpl(Inline)]
    public static long IntOf(PyObject o) => Unsafe.As<PyInt>(o).Value;

    [MethodImpl(Inline)]
    public static double FloatOf(PyObject o) => Unsafe.As<PyFloat>(o).Value;

    public static PyObject BoxInt(long value) => PyInt.Of(value);

    [MethodImpl(Inline)]
    public static PyObject BoxFloat(double value) => new PyFloat(value);

    [MethodImpl(Inline)]
    public static PyObject BoxBool(bool value) => value ? PyBool.True : PyBool.False;

    public static PyObject MakeCell(PyObject? value) => new PyCell(value);

    [MethodImpl(Inline)]
    public static PyCell AsCell(PyObject o) => (PyCell)o;

    public static PyObject FreeVariable(PyFunction function, int index) => function.Closure[index]!;

    [MethodImpl(Inline)]
    public static bool Truth(PyObject o) => ReferenceEquals(o, PyBool.True) || (!ReferenceEquals(o, PyBool.False) && Ops.IsTrue(o));

    [MethodImpl(Inline)]
    public static bool IsNone(PyObject o) => ReferenceEquals(o, PySingleton.None);

    // Numbers.

    [MethodImpl(Inline)]
    public static bool ProductFits(long x, long y) => Math.BigMul(x, y, out var low) == low >> 63;

    [MethodImpl(Inline)]
    public static bool ShiftFits(long x, long count) => (ulong)count < 63 && x << (int)count >> (int)count == x;

    [MethodImpl(Inline)]
    public static bool DivisionIsExact(long x, long y)
    {
        const long exact = 1L << 53;
        return y != 0 && x is > -exact and < exact && y is > -exact and < exact;
    }

    [MethodImpl(Inline)]
    public static long FloorDivide(long x, long y)
    {
        var quotient = x / y;
        return (x ^ y) < 0 && quotient * y != x ? quotient - 1 : quotient;
    }

    [MethodImpl(Inline)]
    public static long Modulo(long x, long y)
    {
        var remainder = x % y;
        return (remainder ^ y) < 0 && remainder != 0 ? remainder + y : remainder;
    }

    public static double AbsFloat(double value) => Math.Abs(value);

    public static long MinInt(long a, long b) => b < a ? b : a;

    public static long MaxInt(long a, long b) => b > a ? b : a;

    public static PyObject Binary(PyObject a, PyObject b, int arg) => EvaluationLoop.BinaryGeneric(a, b, arg);

    public static PyObject Negative(PyObject a) => Ops.Negative(a);

    public static PyObject Concat(PyObject a, PyObject b) => PyStr.Concat(Unsafe.As<PyStr>(a), Unsafe.As<PyStr>(b));

    public static PyObject Compare(PyObject a, PyObject b, int op) => EvaluationLoop.CompareGeneric(a, b, (CompareOp)op);

    // Containers.

    public static PyObject Iter(PyObject o) => Ops.Iter(o);

    public static PyObject? Next(PyThread thread, PyObject iterator)
    {
        if (iterator.GetType() == typeof(PyListIterator))
            return Unsafe.As<PyListIterator>(iterator).Next();
        if (iterator.GetType() == typeof(PyGenerator) && Unsafe.As<PyGenerator>(iterator).IsPlain)
            return Unsafe.As<PyGenerator>(iterator).Next(thread);
        // The loop charges its turns itself.
        return iterator is PyIterator { IsPlain: true } own ? own.Next() : Ops.Next(iterator);
    }

    public static PyObject Awaitable(PyObject o, int arg) => EvaluationLoop.Awaitable(o, arg);

    public static PyObject WrapYielded(PyObject value) => new PyAsyncGenWrapped(value);

    /// <summary>What <c>async for</c> awaits for the next item.</summary>
    public static PyObject NextAwaitable(PyObject source) =>
        source is PyAsyncGenerator { HooksDone: true } generator ? new PyAsyncGenStep(generator, null, null, false) : EvaluationLoop.NextAwaitable(source);

    [MethodImpl(Inline)]
    public static PyObject? ListItem(PyObject o, long index)
    {
        var list = Unsafe.As<PyList>(o);
        return (ulong)index < (ulong)list.Count ? list[(int)index] : Ops.ItemOrPending(list, index);
    }

    public static PyObject? Item(PyObject o, long index)
    {
        if (o.GetType() == typeof(PyList))
            return ListItem(o, index);
        if (o.GetType() == typeof(PyTuple) && (ulong)index < (ulong)Unsafe.As<PyTuple>(o).Count)
            return Unsafe.As<PyTuple>(o)[(int)index];
        return GetItem(PyThread.Current, o, PyInt.Of(index));
    }

    public static PyObject? GetItem(PyThread thread, PyObject container, PyObject key) => Ops.TryGetItem(thread, container, key);

    public static void SetItemInt(PyObject container, long index, PyObject item)
    {
        if (container.GetType() == typeof(PyList) && (ulong)index < (ulong)Unsafe.As<PyList>(container).Count)
            Unsafe.As<PyList>(container)[(int)index] = item;
        else
            SetItem(container, PyInt.Of(index), item);
    }

    public static void SetItem(PyObject container, PyObject key, PyObject item)
    {
        if (container.GetType() == typeof(PyDict))
            Unsafe.As<PyDict>(container).Set(key, item);
        else if (container.GetType() == typeof(PyList) && key.GetType() == typeof(PyInt) && (ulong)IntOf(key) < (ulong)Unsafe.As<PyList>(container).Count)
            Unsafe.As<PyList>(container)[(int)IntOf(key)] = item;
        else
            Ops.SetItem(container, key, item);
    }

    public static bool Contains(PyObject container, PyObject item) =>
        container.GetType() == typeof(PyDict) ? Unsafe.As<PyDict>(container).Contains(item)
        : container.GetType() == typeof(PySet) && item is not PySet ? Unsafe.As<PySet>(container).Contains(item)
        : Ops.Contains(container, item);

    public static PyObject NewTuple(PyObject[] items) => items.Length == 0 ? PyTuple.Empty : new PyTuple(items);

    public static PyObject NewList(PyObject[] items) => new PyList(items);

    public static void ListAppend(PyObject list, PyObject item) => ((PyList)list).Add(item);

    public static PyObject[] Unpack(PyObject sequence, int count) =>
        sequence.GetType() == typeof(PyTuple) && Unsafe.As<PyTuple>(sequence).Count == count ? Unsafe.As<PyTuple>(sequence).Items : EvaluationLoop.Unpack(sequence, count);

    public static long Len(PyObject o) => o.GetType() == typeof(PyList) ? Unsafe.As<PyList>(o).Count : Ops.Len(o);

    public static bool IsInstance(PyObject o, PyObject type) => Ops.IsInstance(o, type);

    public static bool SingleCharacter(PyObject o) => Unsafe.As<PyStr>(o).Length == 1;

    public static long Ord(PyObject o) => Unsafe.As<PyStr>(o)[0];

    public static bool IsOfType(PyObject o, PyType type) => ReferenceEquals(o.Type, type);

    // Names and attributes.

    public static PyObject LoadGlobal(PyFrame frame, PyStr name)
    {
        if (frame.Globals.Get(name) is { } value)
            return value;
        return (frame.Builtins.GetType() == typeof(PyDict) ? frame.Builtins.Get(name) : Ops.GetItem(frame.Builtins, name)) ?? throw Err.Name($"name '{name}' is not defined", name);
    }

    [MethodImpl(Inline)]
    public static Shape ShapeOf(PyInstance instance) => instance.Fields.Shape;

    [MethodImpl(Inline)]
    public static PyObject? FieldOf(PyInstance instance, int index) => instance.Fields.Values[index];

    [MethodImpl(Inline)]
    public static void SetField(PyInstance instance, int index, PyObject value) => SetElement(instance.Fields.Values!, index, value);

    /// <summary>Stores without the check for arrays of derived classes, of which there are none.</summary>
    [MethodImpl(Inline)]
    public static void SetElement(PyObject[] array, int index, PyObject value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)array.Length, nameof(index));
        // Safe: the bounds have just been checked.
        Unsafe.Add(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(array), index) = value;
    }

    public static void AppendField(PyInstance instance, Shape next, PyObject value) => instance.Fields.Append(next, value);

    public static PyObject? LoadAttribute(PyObject self, PyCode code, int pc)
    {
        var value = EvaluationLoop.LoadAttribute(code, self, ref code.Instructions[pc], pc);
        return value ?? Err.SetAttribute(self, code.NameList[code.Instructions[pc].Arg]);
    }

    public static void StoreAttribute(PyObject self, PyObject value, PyCode code, int pc) =>
        EvaluationLoop.StoreAttribute(code, self, value, ref code.Instructions[pc], pc);

    /// <summary>What <c>super().name</c> is, in the form that LOAD_METHOD leaves.</summary>
    public static PyObject? SuperMethod(PyObject self, PyCell cell, PyStr name, SuperCache cache, out bool needsSelf)
    {
        var type = self.Type;
        needsSelf = true;
        if (ReferenceEquals(cache.Class, cell.Value) && ReferenceEquals(cache.Type, type) && cache.Version == type.Version)
            return cache.Function;
        if (self is not PyType && cell.Value is PyType from && !name.Equals(Names.Class))
        {
            var mro = type.Mro;
            for (var i = Array.IndexOf(mro, from) + 1; i > 0 && i < mro.Length; i++)
            {
                if (mro[i].Dict.Get(name) is not { } found)
                    continue;
                if (found is not (PyFunction or PyMethodDescriptor or PySlotWrapper))
                    break;
                (cache.Class, cache.Type, cache.Version, cache.Function) = (from, type, type.Version, found);
                return found;
            }
        }
        needsSelf = false;
        var super = FunctionTypes.Super.Call([], null);
        return super is null ? null : FunctionTypes.Super.GetAttr!(super, name) ?? Err.SetAttribute(super, name);
    }

    public static PyObject? LoadMethod(PyObject self, PyCode code, int pc, out bool isMethod)
    {
        var value = EvaluationLoop.LoadMethod(code, self, ref code.Instructions[pc], pc, out isMethod);
        return value ?? Err.SetAttribute(self, code.NameList[code.Instructions[pc].Arg]);
    }
}
