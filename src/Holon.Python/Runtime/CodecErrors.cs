namespace Holon.Python.Runtime;

/// <summary>Exceptions of codecs that a program has registered say which codec has raised them.</summary>
internal static class CodecErrors
{
    /// <summary>
    /// An exception of the same class with the codec in its message and the first one as its cause; null for one that carries more than a message,
    /// which must not get lost (CPython's <c>_PyErr_TrySetFromCause</c>).
    /// </summary>
    public static PyException? Wrapped(PyException error, string operation, PyObject encoding)
    {
        var type = error.Type;
        if (type.New != ExceptionTypes.BaseException.New || type.Init != ExceptionTypes.BaseException.Init || error.Args.Count > 1 || (error.Args.Count == 1 && error.Args[0] is not PyStr) || type.SlotCount > 0)
            return null;
        if (Attributes.TryGet(error, "__dict__") is PyDict { Count: > 0 })
            return null;
        var wrapped = ExceptionTypes.Make(type, PyStr.FromUtf16($"{operation} with '{encoding}' codec failed ({type.FullName}: {Ops.Str(error)})"));
        wrapped.Cause = error;
        wrapped.Context = error;
        return wrapped;
    }
}
