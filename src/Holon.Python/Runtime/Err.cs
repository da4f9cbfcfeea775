namespace Holon.Python.Runtime;

/// <summary>A Python exception on its way through C# frames.</summary>
#pragma warning disable CA1032, CA1064 // Never made without its Python exception, never seen outside: PythonException is the public one.
internal sealed class PyError(PyException value) : Exception
{
    public PyException Value { get; } = value;

    public override string Message => Value.Type.Name + ": " + Value.SafeText();
}
#pragma warning restore

/// <summary>Makes the built-in exceptions. <c>throw Err.Type("...")</c>, or <c>return Err.Set(...)</c> where null means an exception is pending.</summary>
internal static class Err
{
    public static PyError Of(PyType type, string message) => new(ExceptionTypes.Make(type, new PyStr(message)));

    public static PyError Of(PyType type, params PyObject[] args) => new(ExceptionTypes.Make(type, args));

    public static PyError Type(string message) => Of(ExceptionTypes.TypeError, message);

    public static PyError Value(string message) => Of(ExceptionTypes.ValueError, message);

    public static PyError Overflow(string message) => Of(ExceptionTypes.OverflowError, message);

    public static PyError Index(string message) => Of(ExceptionTypes.IndexError, message);

    public static PyError Runtime(string message) => Of(ExceptionTypes.RuntimeError, message);

    public static PyError System(string message) => Of(ExceptionTypes.SystemError, message);

    public static PyError Memory() => Of(ExceptionTypes.MemoryError);

    public static PyError ZeroDivision(string message) => Of(ExceptionTypes.ZeroDivisionError, message);

    public static PyError NotImplemented(string message) => Of(ExceptionTypes.NotImplementedError, message);

    public static PyError Key(PyObject key) => Of(ExceptionTypes.KeyError, key);

    public static PyError Buffer(string message) => Of(ExceptionTypes.BufferError, message);

    public static PyError Lookup(string message) => Of(ExceptionTypes.LookupError, message);

    public static PyError Name(string message, PyStr name)
    {
        var error = Of(ExceptionTypes.NameError, message);
        error.Value.Fields["name"] = name;
        return error;
    }

    public static PyError Attribute(PyObject self, PyStr name) => new(AttributeException(self, name));

    public static PyException AttributeException(PyObject self, PyStr name)
    {
        var text = self switch
        {
            PyType type => $"type object '{type.Name}' has no attribute '{name}'",
            PyModule module => $"module {(module.Dict.Get(Names.Name) is PyStr n ? $"'{n}' " : "")}has no attribute '{name}'",
            _ => $"'{self.Type.FullName}' object has no attribute '{name}'",
        };
        var error = ExceptionTypes.Make(ExceptionTypes.AttributeError, new PyStr(text));
        error.SetPair("name", name, "obj", self);
        return error;
    }

    public static PyObject? Set(PyException error)
    {
        PyThread.Current.Pending = error;
        return null;
    }

    public static PyObject? Set(PyError error) => Set(error.Value);

    public static PyObject? SetStopIteration(PyObject? value = null) =>
        Set(value is null || value == Values.None ? ExceptionTypes.Make(ExceptionTypes.StopIteration) : ExceptionTypes.Make(ExceptionTypes.StopIteration, value));

    /// <summary>The AttributeError of a lookup that gave null, unless the lookup left one itself.</summary>
    public static PyObject? SetAttribute(PyObject self, PyStr name)
    {
        PyThread.Current.Pending ??= AttributeException(self, name);
        return null;
    }

    /// <summary>An OSError of the subclass that CPython gives to the number.</summary>
    public static PyError OS(int errno, string? path = null, string? path2 = null) =>
        OS(errno, path is null ? null : FileSystemCodec.Decode(path), path2 is null ? null : FileSystemCodec.Decode(path2));

    public static PyError OS(int errno, PyObject? path, PyObject? path2 = null)
    {
        var args = new List<PyObject> { PyInt.Of(errno), new PyStr(Errno.Message(errno)) };
        if (path is not null)
            args.Add(path);
        if (path2 is not null)
        {
            args.Add(Values.None);
            args.Add(path2);
        }
        return new PyError((PyException)Calls.Call(ExceptionTypes.OSError, [.. args]));
    }
}

/// <summary>Warnings go through Python's own warnings module.</summary>
internal static class Warn
{
    public static void Deprecated(string message, int level = 1) => Issue(ExceptionTypes.DeprecationWarning, message, level);

    public static void Issue(PyType category, string message, int level = 1)
    {
        var machine = PyThread.Current.Machine;
        if (!machine.IsStarted)
            return;
        var module = machine.ImportModule("warnings");
        Calls.Call(Attributes.Get(module, Names.Intern("warn")), new PyStr(message), category, PyInt.Of(level));
    }
}
