namespace Holon.Python.Interpreter;

/// <summary>Something that "await" can step without an exception at its end.</summary>
internal interface IAwaitStep
{
    PyObject? Step(PyThread thread, PyObject value, out bool returned);
}

/// <summary>A generator or coroutine: a frame that runs again and again.</summary>
internal partial class PyGenerator : PyObject
{
    private readonly PyType type;

    // The exception that its frame handles; null until it first handles one.
    private HandledException? handled;
    private ObjectNotes? notes;

    protected PyGenerator(PyFrame frame, PyType type)
    {
        this.type = type;
        Frame = frame;
        frame.Generator = this;
        Code = frame.Code;
        Name = frame.Function?.Name ?? frame.Code.Name;
        QualName = frame.Function?.QualName ?? frame.Code.QualName;
        var flags = frame.Code.Flags;
        IsCoroutine = (flags & CodeFlags.Coroutine) != 0;
    }

    public static PyGenerator Make(PyFrame frame) => (frame.Code.Flags & (CodeFlags.Coroutine | CodeFlags.AsyncGenerator)) switch
    {
        CodeFlags.Coroutine => new PyGenerator(frame, GeneratorTypes.Coroutine),
        CodeFlags.AsyncGenerator => new PyAsyncGenerator(frame),
        _ => new PyGenerator(frame, GeneratorTypes.Generator),
    };

    public override PyType Type => type;

    public sealed override ref ObjectNotes? Notes => ref notes;

    /// <summary>Null when it has ended.</summary>
    public PyFrame? Frame { get; private set; }

    public PyCode Code { get; }

    public PyStr Name { get; set; }

    public PyStr QualName { get; set; }

    public bool IsCoroutine { get; }

    public bool IsRunning { get; private set; }

    public bool IsStarted { get; private set; }

    public bool IsSuspended => Frame is not null && IsStarted && !IsRunning;

    /// <summary>Somebody awaits the coroutine: it is suspended inside.</summary>
    public bool IsAwaited => IsSuspended;

    /// <summary>A generator, no coroutine or asynchronous one.</summary>
    public bool IsPlain => type == GeneratorTypes.Generator;

    /// <summary>A loop may run it within its own activation of the interpreter.</summary>
    public bool CanInline => Frame is not null && !IsRunning && type == GeneratorTypes.Generator;

    /// <summary>An await may run it within its own activation of the interpreter, sending it that value.</summary>
    public bool CanInlineSend(PyObject value) => Frame is not null && !IsRunning && (IsStarted || value == Values.None) && this is not PyAsyncGenerator;

    /// <summary>It runs so often that compiled code should.</summary>
    public bool IsHot(PyThread thread) => Code.LoopHeat > thread.Machine.CompileAfter;

    /// <summary>Makes the frame ready to go on; the loop then runs it.</summary>
    public void Resume(PyThread thread, PyFrame? back, PyObject value)
    {
        var frame = Frame!;
        frame.Back = back;
        thread.Enter(frame);
        Code.LoopHeat++;
        frame.Slots[frame.Sp++].V = value;
        frame.Pc++;
        Begin(thread);
    }

    private void Begin(PyThread thread)
    {
        IsRunning = true;
        IsStarted = true;
        // Without an exception it makes no difference to those within.
        if (handled is { Value: not null })
            LinkHandled(thread);
    }

    /// <summary>Where the exception is noted that the frame, which runs, handles.</summary>
    public HandledException Handled(PyThread thread)
    {
        handled ??= new HandledException();
        if (handled.Outer is null)
            LinkHandled(thread);
        return handled;
    }

    private void LinkHandled(PyThread thread)
    {
        handled!.Outer = thread.Handled;
        thread.Handled = handled;
    }

    private void UnlinkHandled(PyThread thread)
    {
        if (handled?.Outer is not { } outer)
            return;
        thread.Handled = outer;
        handled.Outer = null;
    }

    public void Yielded(PyThread thread) => End(thread);

    private void End(PyThread thread)
    {
        IsRunning = false;
        UnlinkHandled(thread);
    }

    public void Returned(PyThread thread, PyObject value)
    {
        End(thread);
        Frame = null;
    }

    /// <summary>An exception leaves the frame. A StopIteration must not look like an ordinary end.</summary>
    public PyException Failed(PyThread thread, PyException error)
    {
        if (IsRunning)
            End(thread);
        Frame = null;
        (this as PyAsyncGenerator)?.Step?.End();
        var isAsync = this is PyAsyncGenerator;
        if (!error.Type.IsSubtypeOf(ExceptionTypes.StopIteration) && !(isAsync && error.Type.IsSubtypeOf(ExceptionTypes.StopAsyncIteration)))
            return error;
        var kind = isAsync ? "async generator" : IsCoroutine ? "coroutine" : "generator";
        var replaced = Err.Runtime($"{kind} raised {(error.Type.IsSubtypeOf(ExceptionTypes.StopIteration) ? "StopIteration" : "StopAsyncIteration")}").Value;
        replaced.Cause = error;
        replaced.Context = error;
        replaced.SuppressContext = true;
        return replaced;
    }

    /// <summary>Runs to the next yield; returned: it has ended with that value. Null: an exception is pending.</summary>
    public PyObject? Send(PyThread thread, PyObject value, out bool returned)
    {
        returned = false;
        if (!Ready())
            return null;
        if (Frame is null)
        {
            if (IsCoroutine)
                return Err.Set(Err.Runtime("cannot reuse already awaited coroutine"));
            returned = true;
            return Values.None;
        }
        if (!IsStarted && value != Values.None)
            return Err.Set(Err.Type($"can't send non-None value to a just-started {Kind}"));
        if (IsStarted && !thread.IsTracing && Delegate is { } inner && thread.Depth + 1 < thread.Machine.RecursionLimit)
            return SendDown(thread, inner, value, out returned);
        return Step(thread, Frame, value, out returned);
    }

    /// <summary>The next item of a plain generator; null at its end, with what it returns put aside. An exception is thrown.</summary>
    public PyObject? Next(PyThread thread)
    {
        var result = Send(thread, Values.None, out var returned);
        if (result is not null && !returned)
            return result;
        if (result is null)
            throw thread.TakeError();
        thread.StopValue = result;
        return null;
    }

    /// <summary>Goes on with a frame that waits, in which the yield gives a value.</summary>
    private PyObject? Step(PyThread thread, PyFrame frame, PyObject value, out bool returned)
    {
        if (thread.Depth >= thread.Machine.RecursionLimit)
        {
            thread.Depth++;
            thread.TooDeep();
        }
        // Compiled code takes far less of the native stack than what this leaves.
        if ((thread.Depth & 3) == 0)
            PyThread.CheckNativeStack();
        frame.Slots[frame.Sp++].V = value;
        frame.Pc++;
        Begin(thread);
        if (!ReferenceEquals(frame.Back, thread.Frame))
            frame.Back = thread.Frame;
        thread.Depth++;
        thread.Frame = frame;
        var result = EvaluationLoop.GoOn(thread, frame);
        returned = Frame is null;
        if (returned)
            frame.ReleaseEnded();
        return result;
    }

    private PyObject? Continue(PyThread thread, PyFrame frame, out bool returned)
    {
        Begin(thread);
        PyObject? result;
        try
        {
            result = EvaluationLoop.Resume(thread, frame);
        }
        catch (PyError)
        {
            if (IsRunning)
                End(thread);
            throw;
        }
        returned = Frame is null;
        return result;
    }

    private string Kind => this is PyAsyncGenerator ? "async generator" : IsCoroutine ? "coroutine" : "generator";

    private bool Ready()
    {
        if (!IsRunning)
            return true;
        Err.Set(Err.Value($"{Kind} already executing"));
        return false;
    }

    /// <summary>The object that a suspended generator is delegating to.</summary>
    public PyObject? YieldFrom
    {
        get
        {
            if (Frame is not { } frame || !IsStarted || IsRunning)
                return null;
            // ... SEND, YIELD_VALUE <- here, RESUME 2 or 3
            var next = frame.Code.Instructions[frame.Pc + 1];
            return next.Op == Opcode.Resume && (next.Arg & 3) >= 2 ? frame.Slots[frame.Sp - 1].V : null;
        }
    }

    /// <summary>Raises an exception where the generator waits.</summary>
    public PyObject? Throw(PyThread thread, PyException error, out bool returned)
    {
        returned = false;
        if (!Ready())
            return null;
        if (YieldFrom is { } inner)
        {
            PyObject? result;
            var innerReturned = false;
            if (error.Type.IsSubtypeOf(ExceptionTypes.GeneratorExit))
            {
                IsRunning = true;
                var closed = CloseInner(thread, inner);
                IsRunning = false;
                if (!closed)
                    error = thread.TakeError().Value;
                return ThrowHere(thread, error, out returned);
            }
            if (inner is PyGenerator generator and not PyAsyncGenerator)
            {
                IsRunning = true;
                result = generator.Throw(thread, error, out innerReturned);
                IsRunning = false;
            }
            else
            {
                var method = Attributes.TryGet(inner, Names.Throw);
                if (method is null)
                    return ThrowHere(thread, error, out returned);
                IsRunning = true;
                try
                {
                    result = method.Call([error], null);
                }
                catch (PyError thrown)
                {
                    thread.Pending = thrown.Value;
                    result = null;
                }
                IsRunning = false;
            }
            if (result is not null && !innerReturned)
                return result;
            var frame = Frame!;
            frame.Slots[--frame.Sp].V = null;
            if (result is null)
            {
                if (!thread.PendingIs(ExceptionTypes.StopIteration))
                    return ThrowHere(thread, thread.TakeError().Value, out returned, popped: true);
                result = thread.Pending!.Args.Count > 0 ? thread.Pending.Args[0] : Values.None;
                thread.Pending = null;
            }
            // On with the instruction after the SEND loop, which is where SEND would have jumped.
            var send = frame.Pc;
            while (send > 0 && frame.Code.Instructions[send].Op != Opcode.Send)
                send--;
            frame.Pc = frame.Code.Instructions[send].Arg;
            frame.Slots[frame.Sp++].V = result;
            return Continue(thread, frame, out returned);
        }
        return ThrowHere(thread, error, out returned);
    }

    private PyObject? ThrowHere(PyThread thread, PyException error, out bool returned, bool popped = false)
    {
        returned = false;
        if (Frame is not { } frame)
        {
            thread.Pending = IsCoroutine ? Err.Runtime("cannot reuse already awaited coroutine").Value : error;
            return null;
        }
        Begin(thread);
        frame.Back = thread.Frame;
        thread.Enter(frame);
        EvaluationLoop.SetContext(thread, error);
        if (thread.IsTracing && Tracing.Call(thread, frame) is { } refused)
            error = refused;
        thread.Pending = error;
        if (!EvaluationLoop.Unwind(thread, frame, true))
            return null;
        thread.Leave(frame);
        var result = EvaluationLoop.Run(thread, frame);
        returned = Frame is null;
        return result;
    }

    private static bool CloseInner(PyThread thread, PyObject inner)
    {
        try
        {
            if (inner is PyGenerator generator and not PyAsyncGenerator)
                return generator.Close(thread);
            if (Attributes.TryGet(inner, Names.Close) is { } close)
                return close.Call([], null) is not null;
            return true;
        }
        catch (PyError error)
        {
            thread.Pending = error.Value;
            return false;
        }
    }

    public bool Close(PyThread thread)
    {
        if (!Ready())
            return false;
        if (Frame is null)
            return true;
        if (!IsStarted)
        {
            Frame = null;
            return true;
        }
        var result = Throw(thread, ExceptionTypes.Make(ExceptionTypes.GeneratorExit), out var returned);
        if (result is not null)
        {
            if (returned)
                return true;
            Err.Set(Err.Runtime($"{Kind} ignored GeneratorExit"));
            return false;
        }
        if (!thread.PendingIs(ExceptionTypes.GeneratorExit) && !thread.PendingIs(ExceptionTypes.StopIteration))
            return false;
        thread.Pending = null;
        return true;
    }

    /// <summary>throw() is called with a class, an instance, or both and a traceback.</summary>
    public static PyException MakeThrown(ReadOnlySpan<PyObject?> a)
    {
        var value = a[1];
        PyException? error;
        if (a[0] is PyType type && type.IsSubtypeOf(ExceptionTypes.BaseException))
        {
            error = value as PyException;
            if (error is null || !error.Type.IsSubtypeOf(type))
            {
                var made = Args.IsNone(value) ? Calls.Call(type) : value is PyTuple t ? Calls.Call(type, t.Items) : Calls.Call(type, value!);
                error = made as PyException ?? throw Err.Type($"calling {Ops.Repr(type)} should have returned an instance of BaseException, not {Ops.Repr(made.Type)}");
            }
        }
        else
        {
            error = a[0] as PyException ?? throw Err.Type($"exceptions must be classes or instances deriving from BaseException, not {a[0]!.Type.FullName}");
            if (!Args.IsNone(value))
                throw Err.Type("instance exception may not have a separate value");
        }
        if (!Args.IsNone(a[2]))
            error.Traceback = a[2] as PyTraceback ?? throw Err.Type("throw() third argument must be a traceback object");
        return error;
    }

    public static bool IsIterableCoroutine(PyObject o) => o is PyGenerator g && (g.Code.Flags & CodeFlags.IterableCoroutine) != 0;

    /// <summary>What "await" iterates over.</summary>
    public static PyObject Awaitable(PyObject o)
    {
        if (o is PyGenerator { IsCoroutine: true } || IsIterableCoroutine(o))
            return o;
        if (o.Type.Await is not { } get)
            throw Err.Type($"object {o.Type.FullName} can't be used in 'await' expression");
        var result = get(o);
        if (result is PyGenerator { IsCoroutine: true } || IsIterableCoroutine(result))
            throw Err.Type("__await__() returned a coroutine");
        return result.Type.Next is not null ? result : throw Err.Type($"__await__() returned non-iterator of type '{result.Type.FullName}'");
    }
}
