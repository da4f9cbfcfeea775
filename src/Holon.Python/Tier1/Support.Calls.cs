namespace Holon.Python.Tier1;

/// <summary>Calls with a fixed number of arguments, from compiled code. One of each for every number: arguments then need no array.</summary>
internal static partial class Support
{
    /// <summary>Calls in general; as CALL finds them, <paramref name="below"/> is null or a function that wants <paramref name="above"/> in front.</summary>
    public static PyObject? CallMany(PyThread thread, PyObject? below, PyObject above, PyObject[] args, PyTuple? names)
    {
        if (below is null)
            return CallSpan(thread, above, args, names);
        PyObject[] all = [above, .. args];
        return CallSpan(thread, below, all, names);
    }

    private static PyObject? CallSpan(PyThread thread, PyObject callable, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (thread.IsTracing)
            return Tracing.CallNative(thread, thread.Frame!, callable, args, names);
        if (callable.GetType() == typeof(PyType) && names is null && EvaluationLoop.PythonConstructor(Unsafe.As<PyType>(callable)) is { } constructor)
            return Construct(thread, Unsafe.As<PyType>(callable), constructor, args);
        if (callable.GetType() == typeof(PyFunction))
            return EvaluationLoop.CallFunction(thread, Unsafe.As<PyFunction>(callable), args, names);
        return callable.Call(args, names);
    }

    /// <summary>Runs a function in tier 0; its parameters are bound already.</summary>
    private static PyObject? RunBound(PyThread thread, PyFunction function, ReadOnlySpan<PyObject> parameters)
    {
        var frame = PyFrame.Take(function.Code, function);
        for (var i = 0; i < parameters.Length; i++)
            frame.Slots[i].V = parameters[i];
        var value = EvaluationLoop.Run(thread, frame);
        frame.Release();
        return value;
    }

    private static PyObject? Construct(PyThread thread, PyType type, PyFunction constructor, ReadOnlySpan<PyObject> args)
    {
        var instance = ObjectType.Make(type);
        PyObject[] all = [instance, .. args];
        return Constructed(thread, instance, EvaluationLoop.CallFunction(thread, constructor, all, null));
    }

    /// <summary>What a class that has called its <c>__init__</c> returns.</summary>
    public static PyObject? Constructed(PyThread thread, PyObject instance, PyObject? result)
    {
        if (result is null || ReferenceEquals(result, PySingleton.None))
            return result is null ? null : instance;
        thread.Pending = Err.Type($"__init__() should return None, not '{result.Type.FullName}'").Value;
        return null;
    }

    public static PyObject? Call0(PyThread thread, PyObject callable)
    {
        if (callable.GetType() == typeof(PyFunction))
        {
            var function = Unsafe.As<PyFunction>(callable);
            if (function.Code.Entry is { } entry && function.Code.DirectCount == 0)
                return Unsafe.As<Entry0>(entry)(thread, function);
            return EvaluationLoop.CallFunction(thread, function, [], null);
        }
        if (callable.GetType() == typeof(PyMethod))
            return Call1(thread, Unsafe.As<PyMethod>(callable).Function, Unsafe.As<PyMethod>(callable).Self);
        if (callable.GetType() == typeof(PyType))
            return Construct0(thread, Unsafe.As<PyType>(callable));
        return CallSpan(thread, callable, [], null);
    }

    public static PyObject? CallMethod0(PyThread thread, PyMethodDescriptor method, PyObject self) =>
        thread.IsTracing ? CallSpan(thread, method, [self], null) : method.Code.Invoke(self, [], null);

    public static PyObject? CallMethod1(PyThread thread, PyMethodDescriptor method, PyObject self, PyObject a) =>
        thread.IsTracing ? CallSpan(thread, method, [self, a], null) : method.Code.Invoke(self, [a], null);

    public static PyObject? CallMethod2(PyThread thread, PyMethodDescriptor method, PyObject self, PyObject a, PyObject b) =>
        thread.IsTracing ? CallSpan(thread, method, [self, a, b], null) : method.Code.Invoke(self, [a, b], null);

    public static PyObject? CallMethod3(PyThread thread, PyMethodDescriptor method, PyObject self, PyObject a, PyObject b, PyObject c) =>
        thread.IsTracing ? CallSpan(thread, method, [self, a, b, c], null) : method.Code.Invoke(self, [a, b, c], null);

    public static PyObject? CallUncompiledMany(PyThread thread, PyFunction function, PyObject[] parameters) => RunBound(thread, function, parameters);

    public static PyObject? CallUncompiled0(PyThread thread, PyFunction function) => RunBound(thread, function, []);

    public static PyObject? Construct0(PyThread thread, PyType type)
    {
        if (EvaluationLoop.PythonConstructor(type) is not { } constructor)
            return CallSpan(thread, type, [], null);
        var instance = ObjectType.Make(type);
        return Constructed(thread, instance, Call1(thread, constructor, instance));
    }

    public static PyObject? Call1(PyThread thread, PyObject callable, PyObject a)
    {
        if (callable.GetType() == typeof(PyFunction))
        {
            var function = Unsafe.As<PyFunction>(callable);
            if (function.Code.Entry is { } entry && function.Code.DirectCount == 1)
                return Unsafe.As<Entry1>(entry)(thread, function, a);
            return EvaluationLoop.CallFunction(thread, function, [a], null);
        }
        if (callable.GetType() == typeof(PyMethod))
            return Call2(thread, Unsafe.As<PyMethod>(callable).Function, Unsafe.As<PyMethod>(callable).Self, a);
        if (callable.GetType() == typeof(PyType))
            return Construct1(thread, Unsafe.As<PyType>(callable), a);
        return CallSpan(thread, callable, [a], null);
    }

    public static PyObject? CallUncompiled1(PyThread thread, PyFunction function, PyObject a) => RunBound(thread, function, [a]);

    public static PyObject? Construct1(PyThread thread, PyType type, PyObject a)
    {
        if (EvaluationLoop.PythonConstructor(type) is not { } constructor)
            return CallSpan(thread, type, [a], null);
        var instance = ObjectType.Make(type);
        return Constructed(thread, instance, Call2(thread, constructor, instance, a));
    }

    public static PyObject? Call2(PyThread thread, PyObject callable, PyObject a, PyObject b)
    {
        if (callable.GetType() == typeof(PyFunction))
        {
            var function = Unsafe.As<PyFunction>(callable);
            if (function.Code.Entry is { } entry && function.Code.DirectCount == 2)
                return Unsafe.As<Entry2>(entry)(thread, function, a, b);
            return EvaluationLoop.CallFunction(thread, function, [a, b], null);
        }
        if (callable.GetType() == typeof(PyMethod))
            return Call3(thread, Unsafe.As<PyMethod>(callable).Function, Unsafe.As<PyMethod>(callable).Self, a, b);
        if (callable.GetType() == typeof(PyType))
            return Construct2(thread, Unsafe.As<PyType>(callable), a, b);
        return CallSpan(thread, callable, [a, b], null);
    }

    public static PyObject? CallUncompiled2(PyThread thread, PyFunction function, PyObject a, PyObject b) => RunBound(thread, function, [a, b]);

    public static PyObject? Construct2(PyThread thread, PyType type, PyObject a, PyObject b)
    {
        if (EvaluationLoop.PythonConstructor(type) is not { } constructor)
            return CallSpan(thread, type, [a, b], null);
        var instance = ObjectType.Make(type);
        return Constructed(thread, instance, Call3(thread, constructor, instance, a, b));
    }

    public static PyObject? Call3(PyThread thread, PyObject callable, PyObject a, PyObject b, PyObject c)
    {
        if (callable.GetType() == typeof(PyFunction))
        {
            var function = Unsafe.As<PyFunction>(callable);
            if (function.Code.Entry is { } entry && function.Code.DirectCount == 3)
                return Unsafe.As<Entry3>(entry)(thread, function, a, b, c);
            return EvaluationLoop.CallFunction(thread, function, [a, b, c], null);
        }
        if (callable.GetType() == typeof(PyMethod))
            return Call4(thread, Unsafe.As<PyMethod>(callable).Function, Unsafe.As<PyMethod>(callable).Self, a, b, c);
        if (callable.GetType() == typeof(PyType))
            return Construct3(thread, Unsafe.As<PyType>(callable), a, b, c);
        return CallSpan(thread, callable, [a, b, c], null);
    }

    public static PyObject? CallUncompiled3(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c) => RunBound(thread, function, [a, b, c]);

    public static PyObject? Construct3(PyThread thread, PyType type, PyObject a, PyObject b, PyObject c)
    {
        if (EvaluationLoop.PythonConstructor(type) is not { } constructor)
            return CallSpan(thread, type, [a, b, c], null);
        var instance = ObjectType.Make(type);
        return Constructed(thread, instance, Call4(thread, constructor, instance, a, b, c));
    }

    public static PyObject? Call4(PyThread thread, PyObject callable, PyObject a, PyObject b, PyObject c, PyObject d)
    {
        if (callable.GetType() == typeof(PyFunction))
        {
            var function = Unsafe.As<PyFunction>(callable);
            if (function.Code.Entry is { } entry && function.Code.DirectCount == 4)
                return Unsafe.As<Entry4>(entry)(thread, function, a, b, c, d);
            return EvaluationLoop.CallFunction(thread, function, [a, b, c, d], null);
        }
        if (callable.GetType() == typeof(PyMethod))
            return Call5(thread, Unsafe.As<PyMethod>(callable).Function, Unsafe.As<PyMethod>(callable).Self, a, b, c, d);
        if (callable.GetType() == typeof(PyType))
            return Construct4(thread, Unsafe.As<PyType>(callable), a, b, c, d);
        return CallSpan(thread, callable, [a, b, c, d], null);
    }

    public static PyObject? CallUncompiled4(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d) => RunBound(thread, function, [a, b, c, d]);

    public static PyObject? Construct4(PyThread thread, PyType type, PyObject a, PyObject b, PyObject c, PyObject d)
    {
        if (EvaluationLoop.PythonConstructor(type) is not { } constructor)
            return CallSpan(thread, type, [a, b, c, d], null);
        var instance = ObjectType.Make(type);
        return Constructed(thread, instance, Call5(thread, constructor, instance, a, b, c, d));
    }

    public static PyObject? Call5(PyThread thread, PyObject callable, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e)
    {
        if (callable.GetType() == typeof(PyFunction))
        {
            var function = Unsafe.As<PyFunction>(callable);
            if (function.Code.Entry is { } entry && function.Code.DirectCount == 5)
                return Unsafe.As<Entry5>(entry)(thread, function, a, b, c, d, e);
            return EvaluationLoop.CallFunction(thread, function, [a, b, c, d, e], null);
        }
        if (callable.GetType() == typeof(PyMethod))
            return Call6(thread, Unsafe.As<PyMethod>(callable).Function, Unsafe.As<PyMethod>(callable).Self, a, b, c, d, e);
        if (callable.GetType() == typeof(PyType))
            return Construct5(thread, Unsafe.As<PyType>(callable), a, b, c, d, e);
        return CallSpan(thread, callable, [a, b, c, d, e], null);
    }

    public static PyObject? CallUncompiled5(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e) => RunBound(thread, function, [a, b, c, d, e]);

    public static PyObject? Construct5(PyThread thread, PyType type, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e)
    {
        if (EvaluationLoop.PythonConstructor(type) is not { } constructor)
            return CallSpan(thread, type, [a, b, c, d, e], null);
        var instance = ObjectType.Make(type);
        return Constructed(thread, instance, Call6(thread, constructor, instance, a, b, c, d, e));
    }

    public static PyObject? Call6(PyThread thread, PyObject callable, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f)
    {
        if (callable.GetType() == typeof(PyFunction))
        {
            var function = Unsafe.As<PyFunction>(callable);
            if (function.Code.Entry is { } entry && function.Code.DirectCount == 6)
                return Unsafe.As<Entry6>(entry)(thread, function, a, b, c, d, e, f);
            return EvaluationLoop.CallFunction(thread, function, [a, b, c, d, e, f], null);
        }
        if (callable.GetType() == typeof(PyMethod))
            return Call7(thread, Unsafe.As<PyMethod>(callable).Function, Unsafe.As<PyMethod>(callable).Self, a, b, c, d, e, f);
        return CallSpan(thread, callable, [a, b, c, d, e, f], null);
    }

    public static PyObject? CallUncompiled6(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f) => RunBound(thread, function, [a, b, c, d, e, f]);

    public static PyObject? Call7(PyThread thread, PyObject callable, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f, PyObject g)
    {
        if (callable.GetType() == typeof(PyFunction))
        {
            var function = Unsafe.As<PyFunction>(callable);
            return EvaluationLoop.CallFunction(thread, function, [a, b, c, d, e, f, g], null);
        }
        return CallSpan(thread, callable, [a, b, c, d, e, f, g], null);
    }
}
