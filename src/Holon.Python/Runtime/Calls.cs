namespace Holon.Python.Runtime;

/// <summary>Calling Python objects from C#. These throw; <see cref="PyObject.Call"/> itself leaves errors pending.</summary>
internal static class Calls
{
    public static PyObject Call(PyObject callable) => callable.Call([], null) ?? throw PyThread.Current.TakeError();

    public static PyObject Call(PyObject callable, params ReadOnlySpan<PyObject> args) =>
        callable.Call(args, null) ?? throw PyThread.Current.TakeError();

    public static PyObject CallNamed(PyObject callable, ReadOnlySpan<PyObject> args, PyTuple? names) =>
        callable.Call(args, names) ?? throw PyThread.Current.TakeError();

    public static PyObject CallMethod(PyObject self, string name, params ReadOnlySpan<PyObject> args) =>
        CallMethod(self, Names.Intern(name), args);

    public static PyObject CallMethod(PyObject self, PyStr name, params ReadOnlySpan<PyObject> args) => Call(Attributes.Get(self, name), args);

    /// <summary>Calls with one more argument in front. Errors stay pending.</summary>
    public static PyObject? CallWithSelf(PyObject callable, PyObject self, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        switch (args.Length)
        {
            case 0:
                return callable.Call([self], names);
            case 1:
                return callable.Call([self, args[0]], names);
            case 2:
                return callable.Call([self, args[0], args[1]], names);
            default:
                var all = new PyObject[args.Length + 1];
                all[0] = self;
                args.CopyTo(all.AsSpan(1));
                return callable.Call(all, names);
        }
    }

    /// <summary>
    /// The special method of the object's type. With <paramref name="needsSelf"/> it is a plain function that wants the object in front;
    /// otherwise it is bound already.
    /// </summary>
    public static PyObject? BindSpecial(PyObject self, PyStr name, out bool needsSelf)
    {
        var found = self.Type.Lookup(name);
        needsSelf = false;
        if (found is null)
            return null;
        if (found is PyFunction or PySlotWrapper or PyMethodDescriptor)
        {
            needsSelf = true;
            return found;
        }
        return found.Type.DescrGet is { } get ? get(found, self, self.Type) ?? throw PyThread.Current.TakeError() : found;
    }

    /// <summary>Calls a special method; null if the type has none.</summary>
    public static PyObject? Special(PyObject self, PyStr name)
    {
        var method = BindSpecial(self, name, out var needsSelf);
        if (method is null)
            return null;
        return (needsSelf ? method.Call([self], null) : method.Call([], null)) ?? throw PyThread.Current.TakeError();
    }

    public static PyObject? Special(PyObject self, PyStr name, PyObject a)
    {
        var method = BindSpecial(self, name, out var needsSelf);
        if (method is null)
            return null;
        return (needsSelf ? method.Call([self, a], null) : method.Call([a], null)) ?? throw PyThread.Current.TakeError();
    }

    public static PyObject? Special(PyObject self, PyStr name, PyObject a, PyObject b)
    {
        var method = BindSpecial(self, name, out var needsSelf);
        if (method is null)
            return null;
        return (needsSelf ? method.Call([self, a, b], null) : method.Call([a, b], null)) ?? throw PyThread.Current.TakeError();
    }

    /// <summary>The call of an object whose C# class has none of its own: by its type's <c>__call__</c>.</summary>
    public static PyObject? CallByType(PyObject self, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var method = BindSpecial(self, Names.Call, out var needsSelf);
        if (method is null)
            return Err.Set(Err.Type($"'{self.Type.FullName}' object is not callable"));
        if (needsSelf)
        {
            PyThread.CheckNativeStack();
            return CallWithSelf(method, self, args, names);
        }
        // Counted, and no jump into the other call: an object whose class's __call__ is such an object itself would go round forever.
        var thread = PyThread.EnterNative(" while calling a Python object");
        try
        {
            return method.Call(args, names);
        }
        finally
        {
            thread.LeaveNative();
        }
    }

    /// <summary>Calls with a tuple and a dict, as <c>f(*args, **kwargs)</c> does. Errors stay pending.</summary>
    public static PyObject? CallWith(PyObject callable, ReadOnlySpan<PyObject> positional, PyDict? keywords)
    {
        if (keywords is null || keywords.Count == 0)
            return callable.Call(positional, null);
        var all = new PyObject[positional.Length + keywords.Count];
        positional.CopyTo(all);
        var names = new PyObject[keywords.Count];
        var i = 0;
        for (var number = 0; number < keywords.EntryCount; number++)
        {
            if (!keywords.EntryAt(number, out var key, out var value))
                continue;
            names[i] = key is PyStr ? key : throw Err.Type("keywords must be strings");
            all[positional.Length + i++] = value;
        }
        return callable.Call(all, new PyTuple(names));
    }

    /// <summary>The keyword arguments of a native call as a dict.</summary>
    public static PyDict KeywordDict(ReadOnlySpan<PyObject> args, PyTuple? names, out ReadOnlySpan<PyObject> positional)
    {
        var dict = new PyDict();
        positional = args;
        if (names is null)
            return dict;
        var count = args.Length - names.Count;
        for (var i = 0; i < names.Count; i++)
            dict.Set(names[i], args[count + i]);
        positional = args[..count];
        return dict;
    }
}
