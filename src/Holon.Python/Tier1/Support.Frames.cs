namespace Holon.Python.Tier1;

/// <summary>Entering and leaving compiled code, and going on in tier 0.</summary>
internal static partial class Support
{
    /// <summary>The frame of a call of compiled code; null: tier 0 has to run it.</summary>
    public static PyFrame? Enter(PyThread thread, PyFunction function, CompiledCode unit)
    {
        if (thread.IsTracing || !ReferenceEquals(function.Globals, unit.Globals) || !ReferenceEquals(function.Builtins, unit.Builtins))
            return null;
        var depth = ++thread.Depth;
        if (depth > thread.Machine.RecursionLimit)
            thread.TooDeep();
        // Compiled code takes far less of the native stack than what this leaves.
        if ((depth & 7) == 0)
            CheckStack(thread);
        var records = thread.Records;
        if ((uint)depth >= (uint)records.Length || records[depth] is not { HasEscaped: false } frame)
            frame = NewRecord(thread, function, depth);
        // References are written only where they differ: each costs a write barrier.
        if (!ReferenceEquals(frame.Function, function))
        {
            frame.Code = unit.Code;
            frame.Function = function;
            frame.Globals = unit.Globals;
            frame.Builtins = unit.Builtins;
        }
        if (!ReferenceEquals(frame.Back, thread.Frame))
            frame.Back = thread.Frame;
        thread.Frame = frame;
        return frame;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static PyFrame NewRecord(PyThread thread, PyFunction function, int depth)
    {
        if (depth >= thread.Records.Length)
            Array.Resize(ref thread.Records, depth * 2);
        return thread.Records[depth] = PyFrame.Record(function.Code, function);
    }

    private static void CheckStack(PyThread thread)
    {
        if (RuntimeHelpers.TryEnsureSufficientExecutionStack())
            return;
        thread.Depth--;
        PyThread.CheckNativeStack();
    }

    /// <summary>A function returns.</summary>
    public static PyObject Leave(PyThread thread, PyFrame frame, PyObject value)
    {
        if (thread.IsTracing)
            TraceReturn(thread, frame, value);
        thread.Leave(frame);
        if (frame.HasEscaped)
            frame.IsFinished = true;
        return value;
    }

    private static void TraceReturn(PyThread thread, PyFrame frame, PyObject value)
    {
        if (Tracing.Return(thread, frame, value) is { } refused)
            throw new PyError(refused);
    }

    /// <summary>As <see cref="Leave"/>, for code that lets super() see things in the slots.</summary>
    public static PyObject LeaveAndClear(PyThread thread, PyFrame frame, PyObject value)
    {
        if (!frame.HasEscaped)
            frame.Slots.AsSpan(0, frame.Code.LocalsPlusNames.Length).Clear();
        return Leave(thread, frame, value);
    }

    /// <summary>A function returns that tier 0 had begun.</summary>
    public static PyObject? LeaveLoop(PyThread thread, PyFrame frame, PyObject value)
    {
        if (thread.IsTracing)
            TraceReturn(thread, frame, value);
        frame.IsFinished = true;
        thread.Leave(frame);
        if (frame.Generator is { } generator)
        {
            generator.Returned(thread, value);
            return value;
        }
        if (frame.Constructing is not { } made)
            return value;
        return ReferenceEquals(value, PySingleton.None) ? made : Err.Set(Err.Type($"__init__() should return None, not '{value.Type.FullName}'"));
    }

    /// <summary>A generator yields; everything that it keeps is in the slots.</summary>
    public static PyObject Yield(PyThread thread, PyFrame frame, PyObject value, int pc, int sp)
    {
        frame.Pc = pc;
        frame.Sp = sp;
        if (thread.IsTracing)
            TraceReturn(thread, frame, value);
        frame.Generator!.Yielded(thread);
        thread.Leave(frame);
        return value;
    }

    /// <summary>The slots, empty, to be filled for tier 0. A record is then used up.</summary>
    public static Interpreter.Slot[] EmptySlots(PyFrame frame)
    {
        if (frame.IsRecord)
            frame.HasEscaped = true;
        frame.NeedSlots();
        frame.Slots.AsSpan().Clear();
        return frame.Slots;
    }

    /// <summary>Stores a reference where it differs.</summary>
    [MethodImpl(Inline)]
    public static void Keep(ref Interpreter.Slot slot, PyObject? value)
    {
        if (!ReferenceEquals(slot.V, value))
            slot.V = value;
    }

    public static void SetSlot(PyFrame frame, int index, PyObject? value)
    {
        frame.NeedSlots();
        frame.Slots[index].V = value;
    }

    public static PyObject? TakeSlot(PyFrame frame, int index)
    {
        var value = frame.Slots[index].V;
        frame.Slots[index].V = null;
        return value;
    }

    /// <summary>
    /// The answer of a compiled loop that has put everything into the frame for tier 0 to go on. It returns to the interpreter that entered it
    /// rather than start another one: a loop may come this way any number of times.
    /// </summary>
    public static readonly PyObject BackInTier0 = new PySingleton("back in tier 0", () => SingletonTypes.None);

    public static PyObject? DeoptimiseLoop(PyThread thread, PyFrame frame, int pc, int sp, CompiledCode unit, int site)
    {
        _ = thread;
        if (site >= 0)
            unit.Failed(site);
        frame.Pc = pc;
        frame.Sp = sp;
        return BackInTier0;
    }

    public static PyObject? RaiseInLoop(PyThread thread, PyFrame frame, int pc, int sp)
    {
        frame.Pc = pc;
        frame.Sp = sp;
        return EvaluationLoop.Unwind(thread, frame, true) ? BackInTier0 : null;
    }

    /// <summary>A guard has failed: tier 0 goes on.</summary>
    public static PyObject? Deoptimise(PyThread thread, PyFrame frame, int pc, int sp, CompiledCode unit, int site)
    {
        if (site >= 0)
            unit.Failed(site);
        frame.Pc = pc;
        frame.Sp = sp;
        return EvaluationLoop.Continue(thread, frame);
    }

    /// <summary>An exception where a handler may be: tier 0 goes on there if there is one.</summary>
    public static PyObject? Raise(PyThread thread, PyFrame frame, int pc, int sp)
    {
        frame.Pc = pc;
        frame.Sp = sp;
        return EvaluationLoop.Unwind(thread, frame, true) ? EvaluationLoop.Continue(thread, frame) : null;
    }

    /// <summary>An exception leaves the frame.</summary>
    public static PyObject? Fail(PyThread thread, PyFrame frame)
    {
        EvaluationLoop.Unwind(thread, frame, true);
        return null;
    }

    /// <summary>A .NET exception becomes the pending one; false: it is not Python's business.</summary>
    public static bool Catch(PyThread thread, Exception exception)
    {
        var error = exception is PyError own ? own.Value : EvaluationLoop.Translate(exception);
        if (error is null)
            return false;
        thread.Pending = error;
        return true;
    }

    /// <summary>Tier 0 executes one instruction, whose operands are in the slots.</summary>
    public static bool ExecuteRare(PyThread thread, PyFrame frame, int pc, int sp)
    {
        frame.NeedSlots();
        frame.Pc = pc;
        frame.Sp = sp;
        return EvaluationLoop.Rare(thread, frame, frame.Code.Instructions[pc], ref pc);
    }
}
