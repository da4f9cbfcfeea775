namespace Holon.Python.Objects;

/// <summary>The slots of classes: each looks its special method up on the type and calls it.</summary>
internal static class SlotDispatch
{
    public static PyObject Unary(PyObject self, PyStr method) =>
        Calls.Special(self, method) ?? throw Missing(self, method);

    public static PyObject Binary(PyObject self, PyObject other, PyStr method, bool orNotImplemented) =>
        Calls.Special(self, method, other) ?? (orNotImplemented ? Values.NotImplemented : throw Missing(self, method));

    private static PyError Missing(PyObject self, PyStr method) => Err.Attribute(self, method);

    public static PyObject? Next(PyObject self)
    {
        var method = Calls.BindSpecial(self, Names.Next, out var bound) ?? throw Missing(self, Names.Next);
        var thread = PyThread.Current;
        var value = bound ? method.Call([self], null) : method.Call([], null);
        if (value is null)
        {
            if (!thread.PendingIs(ExceptionTypes.StopIteration))
                throw thread.TakeError();
            // yield from wants the value that the StopIteration carried.
            thread.StopValue = thread.Pending!.Args.Count > 0 ? thread.Pending.Args[0] : null;
            thread.Pending = null;
        }
        return value;
    }

    public static long Hash(PyObject self)
    {
        var result = Calls.Special(self, Names.Hash) ?? throw Err.Type($"unhashable type: '{self.Type.FullName}'");
        if (result is not PyInt number)
            throw Err.Type("__hash__ method should return an integer");
        var hash = number.TryLong(out var small) ? small : PyInt.HashOf(number.ToBig());
        return hash == -1 ? -2 : hash;
    }

    public static long Len(PyObject self)
    {
        var result = Ops.Index(Calls.Special(self, Names.Len) ?? throw Err.Type($"object of type '{self.Type.FullName}' has no len()"));
        if (result.IsNegative)
            throw Err.Value("__len__() should return >= 0");
        return result.TryLong(out var length) ? length : throw Err.Overflow("cannot fit 'int' into an index-sized integer");
    }

    public static bool Bool(PyObject self)
    {
        var result = Calls.Special(self, Names.Bool) ?? Values.True;
        return result is PyBool value ? value.IsTrue : throw Err.Type($"__bool__ should return bool, returned {result.Type.FullName}");
    }

    public static bool Contains(PyObject self, PyObject item)
    {
        var method = Calls.BindSpecial(self, Names.Contains, out var bound);
        if (method == Values.None)
            throw Err.Type($"'{self.Type.FullName}' object is not a container");
        if (method is null)
            return Ops.IterationContains(self, item);
        return Ops.IsTrue(bound ? Calls.Call(method, self, item) : Calls.Call(method, item));
    }

    public static PyObject Compare(PyObject self, PyObject other, CompareOp op) =>
        Calls.Special(self, SlotTable.CompareNames[(int)op], other) ?? Values.NotImplemented;

    public static void SetItem(PyObject self, PyObject key, PyObject? value)
    {
        var name = value is null ? Names.DelItem : Names.SetItem;
        _ = (value is null ? Calls.Special(self, name, key) : Calls.Special(self, name, key, value)) ?? throw Missing(self, name);
    }

    public static PyObject? GetAttr(PyObject self, PyStr name)
    {
        var type = self.Type;
        var getAttribute = type.Lookup(Names.GetAttribute);
        PyObject? value;
        if (getAttribute is PySlotWrapper { Owner: { } owner })
        {
            // Missing is null and must not have cost an exception: __getattr__ is asked next.
            value = owner.GetAttr!(self, name);
            if (value is not null)
                return value;
            if (type.Lookup(Names.GetAttr) is null)
                return null;
            PyThread.Current.Pending = null;
            return Calls.Special(self, Names.GetAttr, name);
        }
        var thread = PyThread.Current;
        var method = Calls.BindSpecial(self, Names.GetAttribute, out var bound)!;
        value = CallForAttribute(method, bound, self, name);
        if (value is not null || type.Lookup(Names.GetAttr) is null)
            return value;
        thread.Pending = null;
        method = Calls.BindSpecial(self, Names.GetAttr, out bound)!;
        return CallForAttribute(method, bound, self, name);
    }

    // AttributeError is the ordinary answer "no": it stays pending. Others are thrown.
    private static PyObject? CallForAttribute(PyObject method, bool bound, PyObject self, PyStr name)
    {
        var thread = PyThread.Current;
        PyObject? value;
        try
        {
            value = bound ? method.Call([self, name], null) : method.Call([name], null);
        }
        catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.AttributeError))
        {
            thread.Pending = error.Value;
            return null;
        }
        if (value is null && !thread.PendingIs(ExceptionTypes.AttributeError))
            throw thread.TakeError();
        return value;
    }

    public static void SetAttr(PyObject self, PyStr name, PyObject? value)
    {
        var method = value is null ? Names.DelAttr : Names.SetAttr;
        _ = (value is null ? Calls.Special(self, method, name) : Calls.Special(self, method, name, value)) ?? throw Missing(self, method);
    }

    public static PyObject? DescrGet(PyObject self, PyObject? instance, PyType? owner) =>
        Calls.Special(self, Names.Get, instance ?? Values.None, (PyObject?)owner ?? Values.None);

    public static void DescrSet(PyObject self, PyObject instance, PyObject? value)
    {
        var name = value is null ? Names.Delete : Names.Set;
        _ = (value is null ? Calls.Special(self, name, instance) : Calls.Special(self, name, instance, value)) ?? throw Missing(self, name);
    }

    public static void Init(PyObject self, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var method = Calls.BindSpecial(self, Names.Init, out var bound) ?? throw Missing(self, Names.Init);
        var result = bound ? Calls.CallWithSelf(method, self, args, names) : method.Call(args, names);
        if (result is null)
            throw PyThread.Current.TakeError();
        if (result != Values.None)
            throw Err.Type($"__init__() should return None, not '{result.Type.FullName}'");
    }

    /// <summary>CPython's SLOT1BINFULL: a subclass on the right that overrides the reflected method goes first.</summary>
    public static PyObject Number(PyObject left, PyObject right, int op, BinaryFn self, PyStr name, PyStr reflected)
    {
        var leftType = left.Type;
        var rightType = right.Type;
        var other = leftType != rightType && rightType.Numbers[op] == self;
        if (leftType.Numbers[op] == self)
        {
            if (other && rightType.IsSubtypeOf(leftType) && Overrides(leftType, rightType, reflected))
            {
                var first = Calls.Special(right, reflected, left) ?? Values.NotImplemented;
                if (first != Values.NotImplemented)
                    return first;
                other = false;
            }
            var result = Calls.Special(left, name, right) ?? Values.NotImplemented;
            if (result != Values.NotImplemented || leftType == rightType)
                return result;
        }
        return other ? Calls.Special(right, reflected, left) ?? Values.NotImplemented : Values.NotImplemented;
    }

    private static bool Overrides(PyType parent, PyType child, PyStr name)
    {
        var theirs = child.Lookup(name);
        return theirs is not null && !ReferenceEquals(theirs, parent.Lookup(name));
    }
}
