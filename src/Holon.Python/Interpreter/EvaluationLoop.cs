using Holon.Python.Tier1;

namespace Holon.Python.Interpreter;

/// <summary>
/// Tier 0. Python calls of Python functions, of classes with a Python <c>__init__</c>, and loops over generators push frames within one
/// activation of <see cref="Loop"/>; an exception that Python code raises and handles costs no .NET exception.
/// </summary>
internal static partial class EvaluationLoop
{
    /// <summary>Calls a function: compiled code if it has some.</summary>
    public static PyObject? CallFunction(PyFunction function, ReadOnlySpan<PyObject> args, PyTuple? names) => CallFunction(PyThread.Current, function, args, names);

    public static PyObject? CallFunction(PyThread thread, PyFunction function, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (function.Code.MakesGenerator)
            return MakeGenerator(thread, function, args, names);
        var isPlain = Promotion.Called(thread, function.Code, function, args.Length) && names is null;
        if (!isPlain && (function.Code.Entry is null || thread.IsTracing))
            return RunFunction(thread, function, args, names);
        var caller = thread.Frame;
        try
        {
            return isPlain ? Promotion.Invoke(thread, function, args) : Promotion.InvokeBound(thread, function, args, names);
        }
        catch (PyError error)
        {
            thread.Pending = error.Value;
            LeaveTo(thread, caller);
            return null;
        }
    }

    /// <summary>
    /// A .NET exception has passed through compiled code, which leaves its frames to whoever catches it; here that is C# code that may go on.
    /// </summary>
    private static void LeaveTo(PyThread thread, PyFrame? caller)
    {
        var entry = thread.Frame;
        while (entry is not null && entry != caller && entry.Back != caller)
            entry = entry.Back;
        if (entry is not null && entry != caller)
            Unwind(thread, entry, true);
    }

    /// <summary>Calls a function whose first instruction makes a generator of the call.</summary>
    private static PyGenerator MakeGenerator(PyThread thread, PyFunction function, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (thread.Depth >= thread.Machine.RecursionLimit)
        {
            thread.Depth++;
            thread.TooDeep();
        }
        return PyGenerator.Make(NewFrame(function, args, names));
    }

    /// <summary>Calls a function in tier 0.</summary>
    public static PyObject? RunFunction(PyThread thread, PyFunction function, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var frame = NewFrame(function, args, names);
        var value = Run(thread, frame);
        frame.Release();
        return value;
    }

    /// <summary>Runs module or class code, or what exec and eval are given.</summary>
    public static PyObject? RunCode(PyCode code, PyDict globals, PyObject locals, PyObject?[]? closure = null)
    {
        var thread = PyThread.Current;
        var builtins = thread.Machine.BuiltinsOf(globals);
        var function = closure is null ? null : new PyFunction(code, globals, code.QualName) { Builtins = builtins, Closure = closure };
        return Run(thread, new PyFrame(code, function, globals, builtins, (code.Flags & CodeFlags.NewLocals) != 0 ? null : locals));
    }

    /// <summary>Runs a frame until it returns or yields. Null: an exception is pending.</summary>
    public static PyObject? Run(PyThread thread, PyFrame entry)
    {
        PyThread.CheckNativeStack();
        entry.Back = thread.Frame;
        thread.Enter(entry);
        return Continue(thread, entry);
    }

    /// <summary>Runs a generator's frame until it yields or returns, in compiled code if there is some.</summary>
    public static PyObject? Resume(PyThread thread, PyFrame entry)
    {
        PyThread.CheckNativeStack();
        if (!ReferenceEquals(entry.Back, thread.Frame))
            entry.Back = thread.Frame;
        thread.Enter(entry);
        return GoOn(thread, entry);
    }

    /// <summary>Runs the innermost frame, a generator's, until it yields or returns, in compiled code if there is some.</summary>
    public static PyObject? GoOn(PyThread thread, PyFrame entry)
    {
        try
        {
            if (Promotion.TryResume(thread, entry, out var value) == LoopResult.Ended)
                return value;
        }
        catch (PyError error)
        {
            thread.Pending = error.Value;
            if (!Unwind(thread, entry, true))
                return null;
        }
        return Continue(thread, entry);
    }

    /// <summary>Goes on with the innermost frame until it returns or yields. Null: an exception is pending.</summary>
    public static PyObject? Continue(PyThread thread, PyFrame entry)
    {
        PyThread.CheckNativeStack();
        while (true)
        {
            try
            {
                var value = thread.IsTracing ? Loop<Traced>(thread, entry) : Loop<Untraced>(thread, entry);
                if (!ReferenceEquals(value, EnterAgain))
                    return value;
                continue;
            }
            catch (PyError error)
            {
                thread.Pending = error.Value;
            }
            catch (Exception error) when (Translate(error) is { } translated)
            {
                thread.Pending = translated;
            }
            if (!Unwind(thread, entry, true))
                return null;
        }
    }


    /// <summary>
    /// What the checks of .NET find in bytecode that no compiler made is a SystemError, and memory that cannot be had a MemoryError.
    /// </summary>
    public static PyException? Translate(Exception error) => error switch
    {
        OutOfMemoryException => ExceptionTypes.Make(ExceptionTypes.MemoryError),
        InsufficientExecutionStackException => ExceptionTypes.Make(ExceptionTypes.RecursionError, Values.Str("maximum recursion depth exceeded")),
        NullReferenceException or InvalidCastException or IndexOutOfRangeException or ArgumentException or OverflowException or NotSupportedException or InvalidOperationException or KeyNotFoundException =>
            ExceptionTypes.Make(ExceptionTypes.SystemError, Values.Str(Environment.GetEnvironmentVariable("HOLON_PYTHON_DEBUG") is null ? $"internal error: {error.Message}" : error.ToString())),
        IOException or UnauthorizedAccessException => Errno.From(error, null).Value,
        _ => ExceptionTypes.Make(ExceptionTypes.SystemError, Values.Str($"internal error: {error.GetType().Name}: {error.Message}")),
    };

    /// <summary>What going on in a handler costs, in instructions.</summary>
    private const int HandlerCharge = 8;

    /// <summary>Finds the handler of the pending exception, leaving frames up to <paramref name="entry"/>; false if it leaves that too.</summary>
    /// <remarks>
    /// <paramref name="raisedAt"/> is the instruction that raised, where it is not the frame's: RERAISE shows the line of the first raise, but
    /// its own place tells the handler.
    /// </remarks>
    public static bool Unwind(PyThread thread, PyFrame entry, bool addTraceback, int raisedAt = -1)
    {
        var error = thread.Pending!;
        thread.Pending = null;
        while (true)
        {
            var frame = thread.Frame!;
            if (addTraceback)
            {
                if (error.Traceback is null && error.Context is null)
                    SetContext(thread, error);
                error.Traceback = new PyTraceback(error.Traceback, frame, frame.LastUnit * 2);
                if (thread.IsTracing && Tracing.Exception(thread, frame, error) is { } replaced)
                    error = replaced;
            }
            addTraceback = true;
            if (error is not PyKillException && frame.Code.FindHandler(raisedAt >= 0 ? raisedAt : frame.Pc, out var target, out var depth, out var lasti))
            {
                thread.Fuel -= HandlerCharge;
                var slots = frame.Slots;
                var sp = frame.Code.LocalsPlusNames.Length + depth;
                slots.AsSpan(sp).Clear();
                if (lasti)
                    slots[sp++].V = PyInt.Of(frame.LastUnit);
                slots[sp++].V = error;
                if (thread.IsTracing)
                    frame.CameFrom = frame.Pc;
                frame.Pc = target;
                frame.Sp = sp;
                return true;
            }
            raisedAt = -1;
            if (frame.Generator is { } generator)
                error = generator.Failed(thread, error);
            if (thread.IsTracing && Tracing.Return(thread, frame, null) is { } refused)
                error = refused;
            frame.IsFinished = true;
            thread.Leave(frame);
            if (frame == entry)
            {
                thread.Pending = error;
                return false;
            }
        }
    }

    /// <summary>The trace function raised while a frame was being left: no handler of the frame sees that.</summary>
    private static PyFrame LeaveFailed(PyThread thread, PyFrame frame, PyException error)
    {
        thread.Pending = frame.Generator?.Failed(thread, error) ?? error;
        frame.IsFinished = true;
        thread.Leave(frame);
        return frame;
    }

    /// <summary>The value of an inner generator comes in a StopIteration, of which CPython tells trace functions. True: one has raised.</summary>
    private static bool TraceStop(PyThread thread, PyFrame frame, PyObject value)
    {
        if (value == Values.None || frame.Code.Instructions[frame.Pc].Op != Opcode.Send || !thread.IsTracing)
            return false;
        thread.Pending = Tracing.Exception(thread, frame, ExceptionTypes.Make(ExceptionTypes.StopIteration, value));
        return thread.Pending is not null;
    }

    private static bool AreStores(Instruction[] instructions, int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            if (instructions[i].Op != Opcode.StoreFast)
                return false;
        }
        return true;
    }

    /// <summary>A generator that FOR_ITER or SEND ran inline has ended: the loop is over, or the await has its value.</summary>
    private static void AfterInline(PyThread thread, PyFrame frame, PyObject value)
    {
        var instruction = frame.Code.Instructions[frame.Pc];
        if (instruction.Op == Opcode.Send)
            frame.Slots[frame.Sp - 1].V = value;
        else
            frame.Slots[--frame.Sp].V = null;
        if (thread.IsTracing)
            frame.CameFrom = frame.Pc;
        frame.Pc = instruction.Arg;
    }

    /// <summary>The exception being handled becomes the context of a new one.</summary>
    public static void SetContext(PyThread thread, PyException error)
    {
        var handled = thread.CurrentHandled;
        if (handled is null || ReferenceEquals(handled, error))
            return;
        // A chain must not run in a circle; one that a program made does, and a second, slower walker meets the first there.
        var (slow, moves) = (handled, false);
        for (var at = handled; at.Context is { } next; at = next)
        {
            if (ReferenceEquals(next, error))
            {
                at.Context = null;
                break;
            }
            if (ReferenceEquals(next, slow))
                break;
            slow = moves ? slow.Context! : slow;
            moves = !moves;
        }
        error.Context = handled;
    }

    private static PyFrame NewFrame(PyFunction function, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var frame = PyFrame.Take(function.Code, function);
        if (names is null && function.Code.IsSimple && args.Length == function.Code.ArgCount)
        {
            var slots = frame.Slots;
            for (var i = 0; i < args.Length; i++)
                slots[i].V = args[i];
        }
        else
        {
            ArgumentBinder.Bind(function, frame.Span(0, function.Code.ParameterCount)!, args, names);
        }
        return frame;
    }
}
