namespace Holon.Python.Interpreter;

/// <summary>What a generator that runs on its own has returned, where the "yield from" or "await" that waits for it expects the generator.</summary>
internal sealed class PyDelegationResult(PyObject value) : PyObject
{
    public PyObject Value { get; } = value;

    public override PyType Type => GeneratorTypes.CoroutineWrapper;
}

/// <summary>
/// Generators that wait in "yield from" or "await" for another one have nothing to do until that one returns or fails. The innermost is run
/// directly; the frames between only become the callers of its frame for that time.
/// </summary>
internal partial class PyGenerator
{
    /// <summary>The generator for which this one, which is suspended, does nothing but wait.</summary>
    private PyGenerator? Delegate
    {
        get
        {
            var frame = Frame!;
            var instructions = frame.Code.Instructions;
            // SEND, YIELD_VALUE <- here, RESUME 2 or 3, JUMP_BACKWARD_NO_INTERRUPT to SEND
            if (frame.Pc + 2 >= instructions.Length)
                return null;
            var (resume, jump) = (instructions[frame.Pc + 1], instructions[frame.Pc + 2]);
            if (resume.Op != Opcode.Resume || (resume.Arg & 3) < 2 || jump.Op != Opcode.JumpBackwardNoInterrupt || instructions[jump.Arg].Op != Opcode.Send)
                return null;
            return frame.Slots[frame.Sp - 1].V is PyGenerator { Frame: not null, IsRunning: false, IsStarted: true } inner and not PyAsyncGenerator ? inner : null;
        }
    }

    /// <summary>What going round to SEND is charged in the frame that waits.</summary>
    private static int RoundCharge(PyFrame frame) => 8 + frame.Pc + 3 - frame.Code.Instructions[frame.Pc + 2].Arg;

    private PyObject? SendDown(PyThread thread, PyGenerator inner, PyObject value, out bool returned)
    {
        BeginWaiting(thread);
        while (inner.Delegate is { } next && thread.Depth + 1 < thread.Machine.RecursionLimit)
        {
            inner.BeginWaiting(thread);
            inner = next;
        }
        var result = inner.TryStep(thread, value, out returned);
        do
        {
            var outer = thread.Frame!.Generator!;
            if (result is not null && !returned)
                return EndWaiting(thread, outer, result);
            result = outer.WaitIsOver(thread, result);
            returned = outer.Frame is null;
            inner = outer;
        }
        while (inner != this);
        return result;
    }

    /// <summary>The frame becomes the innermost without going on.</summary>
    private void BeginWaiting(PyThread thread)
    {
        var frame = Frame!;
        IsRunning = true;
        if (handled is { Value: not null })
            LinkHandled(thread);
        if (!ReferenceEquals(frame.Back, thread.Frame))
            frame.Back = thread.Frame;
        thread.Depth++;
        thread.Frame = frame;
        thread.Fuel -= RoundCharge(frame);
    }

    /// <summary>The innermost has yielded: those that wait for it go on waiting.</summary>
    private PyObject EndWaiting(PyThread thread, PyGenerator outer, PyObject result)
    {
        while (true)
        {
            outer.End(thread);
            thread.Leave(outer.Frame!);
            if (outer == this)
                return result;
            outer = thread.Frame!.Generator!;
        }
    }

    /// <summary>The inner one has returned or failed: the frame, which is the innermost now, goes on.</summary>
    private PyObject? WaitIsOver(PyThread thread, PyObject? result)
    {
        var frame = Frame!;
        if (result is null)
        {
            frame.Pc = frame.Code.Instructions[frame.Pc + 2].Arg;
            return EvaluationLoop.Unwind(thread, frame, true) ? EvaluationLoop.Continue(thread, frame) : null;
        }
        thread.Fuel += RoundCharge(frame);
        frame.Slots[frame.Sp - 1].V = new PyDelegationResult(result);
        frame.Slots[frame.Sp++].V = Values.None;
        frame.Pc++;
        result = EvaluationLoop.GoOn(thread, frame);
        if (Frame is null)
            frame.ReleaseEnded();
        return result;
    }

    private PyObject? TryStep(PyThread thread, PyObject value, out bool returned)
    {
        try
        {
            return Step(thread, Frame!, value, out returned);
        }
        catch (PyError error)
        {
            thread.Pending = error.Value;
            returned = false;
            return null;
        }
    }
}
