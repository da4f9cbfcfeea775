namespace Holon.Python.Interpreter;

/// <summary>sys.settrace and sys.setprofile.</summary>
internal static class Tracing
{
    private static readonly PyStr CallEvent = new("call"), ReturnEvent = new("return"), ExceptionEvent = new("exception"), CCall = new("c_call"), CReturn = new("c_return"), CException = new("c_exception");

    public static void Call(PyThread thread, PyFrame frame)
    {
        frame.Escape();
        if (thread.TraceFunction is { } trace)
        {
            var local = Guarded(thread, () => Calls.Call(trace, frame, CallEvent, Values.None));
            frame.Trace = local == Values.None ? null : local;
        }
        if (thread.ProfileFunction is { } profile)
            Guarded(thread, () => Calls.Call(profile, frame, CallEvent, Values.None), profiling: true);
    }

    public static void Return(PyThread thread, PyFrame frame, PyObject? value)
    {
        frame.Escape();
        if (thread.TraceFunction is not null && frame.Trace is { } trace)
            Guarded(thread, () => Calls.Call(trace, frame, ReturnEvent, value ?? Values.None));
        if (thread.ProfileFunction is { } profile)
            Guarded(thread, () => Calls.Call(profile, frame, ReturnEvent, value ?? Values.None), profiling: true);
    }

    public static void Exception(PyThread thread, PyFrame frame, PyException error)
    {
        if (frame.Trace is { } trace)
            Guarded(thread, () => Calls.Call(trace, frame, ExceptionEvent, new PyTuple(error.Type, error, (PyObject?)error.Traceback ?? Values.None)));
    }

    public static PyObject? CallNative(PyThread thread, PyFrame frame, PyObject callable, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        frame.Escape();
        var profile = thread.ProfileFunction;
        if (callable is not PyBuiltin || profile is null)
            return callable.Call(args, names);
        Guarded(thread, () => Calls.Call(profile, frame, CCall, callable), profiling: true);
        var value = callable.Call(args, names);
        var pending = thread.Pending;
        thread.Pending = null;
        Guarded(thread, () => Calls.Call(profile, frame, value is null ? CException : CReturn, callable), profiling: true);
        thread.Pending = pending;
        return value;
    }

    // The function is not traced itself.
    private static PyObject Guarded(PyThread thread, Func<PyObject> call, bool profiling = false)
    {
        var (trace, profile) = (thread.TraceFunction, thread.ProfileFunction);
        thread.TraceFunction = thread.ProfileFunction = null;
        try
        {
            var result = call();
            (thread.TraceFunction, thread.ProfileFunction) = (thread.TraceFunction ?? trace, thread.ProfileFunction ?? profile);
            return result;
        }
        catch (PyError)
        {
            thread.TraceFunction = profiling ? trace : null;
            thread.ProfileFunction = profiling ? null : profile;
            throw;
        }
    }
}
