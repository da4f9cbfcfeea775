using Holon.Python.Modules;

namespace Holon.Python.Interpreter;

/// <summary>What a trace function is being told; decides whether it may move the frame to another line.</summary>
internal enum TraceEvent
{
    None,
    Call,
    Line,
    Return,
    Exception,
    Opcode,
}

/// <summary>
/// sys.settrace and sys.setprofile: events as CPython's evaluation loop sends them. Functions return the exception that a trace function
/// raised instead of throwing it, since they run where frames are being left.
/// </summary>
internal static class Tracing
{
    private static readonly PyStr CallEvent = new("call"), LineEvent = new("line"), ReturnEvent = new("return"), ExceptionEvent = new("exception"), OpcodeEvent = new("opcode"),
        CCall = new("c_call"), CReturn = new("c_return"), CException = new("c_exception");

    /// <summary>A frame begins or goes on.</summary>
    public static PyException? Call(PyThread thread, PyFrame frame)
    {
        if (thread.TraceFunction is { } trace && Send(thread, frame, trace, TraceEvent.Call, CallEvent, Values.None) is { } error)
            return error;
        return thread.ActiveProfile is { } profile ? Profile(thread, frame, profile, CallEvent, Values.None) : null;
    }

    /// <summary>A frame returns, yields, or (value null) is left by an exception.</summary>
    public static PyException? Return(PyThread thread, PyFrame frame, PyObject? value)
    {
        if (thread.TraceFunction is not null && frame.Trace is { } trace && Send(thread, frame, trace, TraceEvent.Return, ReturnEvent, value ?? Values.None) is { } error)
            return error;
        return thread.ActiveProfile is { } profile ? Profile(thread, frame, profile, ReturnEvent, value ?? Values.None) : null;
    }

    /// <summary>An exception has come to a frame.</summary>
    public static PyException? Exception(PyThread thread, PyFrame frame, PyException error) => thread.TraceFunction is not null && frame.Trace is { } trace
        ? Send(thread, frame, trace, TraceEvent.Exception, ExceptionEvent, new PyTuple(error.Type, error, (PyObject?)error.Traceback ?? Values.None))
        : null;

    /// <summary>
    /// Before an instruction: a line begins where the line changes or a jump goes back, but not within "yield from". The function may move the
    /// frame. <paramref name="previous"/> is the instruction that the frame executed before.
    /// </summary>
    public static PyException? Instruction(PyThread thread, PyFrame frame, int previous)
    {
        var (code, pc) = (frame.Code, frame.Pc);
        if (frame.TraceLines)
        {
            var line = code.LineOf(code.UnitOf[pc]);
            var before = previous <= code.FirstTraceable ? -1 : code.LineOf(code.UnitOf[previous]);
            if (line >= 0 && (line != before || (pc < previous && code.Instructions[pc].Op != Opcode.Send)) && Send(thread, frame, frame.Trace!, TraceEvent.Line, LineEvent, Values.None) is { } error)
            {
                frame.Pc = pc;
                return error;
            }
        }
        if (!frame.TraceOpcodes || frame.Trace is null || !thread.IsTracing)
            return null;
        // The prefix of a call is an instruction of its own.
        if (code.Code[code.UnitOf[pc] * 2] == (byte)Opcode.Call && pc == frame.Pc)
        {
            frame.PrefixUnits = 1 + PyCode.CacheCount(Opcode.PreCall);
            var error = Send(thread, frame, frame.Trace, TraceEvent.Opcode, OpcodeEvent, Values.None);
            frame.PrefixUnits = 0;
            if (error is not null)
                return error;
        }
        return frame.Trace is { } trace ? Send(thread, frame, trace, TraceEvent.Opcode, OpcodeEvent, Values.None) : null;
    }

    /// <summary>Calls something for a frame, with the profile function's events if it is not a Python function.</summary>
    public static PyObject? CallNative(PyThread thread, PyFrame frame, PyObject callable, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (callable is not (PyBuiltin or PyMethodDescriptor) || thread.ActiveProfile is not { } profile || !thread.IsTracing)
            return callable.Call(args, names);
        // A method of a built-in class is told of as the object's.
        if (callable is PyMethodDescriptor method && args.Length > (names?.Count ?? 0) && args[0].Type.IsSubtypeOf(method.Owner))
        {
            callable = new PyBuiltin(method.Code, args[0]);
            args = args[1..];
        }
        if (Profile(thread, frame, profile, CCall, callable) is { } refused)
            throw new PyError(refused);
        PyObject? value;
        try
        {
            value = callable.Call(args, names);
        }
        catch (PyError error)
        {
            thread.Pending = error.Value;
            value = null;
        }
        var pending = thread.Pending;
        thread.Pending = null;
        if (thread.ActiveProfile is { } still && Profile(thread, frame, still, value is null ? CException : CReturn, callable) is { } failed)
            throw new PyError(failed);
        thread.Pending = pending;
        return value;
    }

    // What the function returns goes on tracing the frame, unless it is None; one that raises is not called again.
    private static PyException? Send(PyThread thread, PyFrame frame, PyObject function, TraceEvent what, PyStr name, PyObject argument)
    {
        var before = thread.TraceEvent;
        thread.TraceEvent = what;
        var error = Guarded(thread, frame, function, name, argument, out var result);
        thread.TraceEvent = before;
        if (error is not null)
        {
            thread.SetTrace(null);
            frame.Trace = null;
        }
        else if (result != Values.None)
        {
            frame.Trace = result;
        }
        return error;
    }

    private static PyException? Profile(PyThread thread, PyFrame frame, PyObject function, PyStr name, PyObject argument)
    {
        if (function is LsProfModule.PyProfiler profiler)
        {
            var pending = thread.Pending;
            thread.Pending = null;
            profiler.On(thread, frame, name.Value, argument);
            thread.Pending = pending;
            return null;
        }
        var error = Guarded(thread, frame, function, name, argument, out _);
        if (error is not null)
            thread.SetProfile(null);
        return error;
    }

    // The function is not traced itself. It sees the frame's locals in f_locals, and what it changes there is changed.
    private static PyException? Guarded(PyThread thread, PyFrame frame, PyObject function, PyStr name, PyObject argument, out PyObject result)
    {
        frame.Escape();
        var pending = thread.Pending;
        thread.Pending = null;
        thread.BeginTraceFunction();
        try
        {
            if (frame.LocalsSnapshot is not null)
                frame.GetLocals();
            var value = Calls.Call(function, frame, name, argument);
            result = value;
            return null;
        }
        catch (PyError error)
        {
            result = Values.None;
            return error.Value;
        }
        finally
        {
            if (frame.LocalsSnapshot is not null)
                frame.StoreLocals();
            thread.EndTraceFunction();
            thread.Pending = pending;
        }
    }
}
