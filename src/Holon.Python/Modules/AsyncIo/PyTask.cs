namespace Holon.Python.Modules.AsyncIo;

/// <summary>A coroutine that a loop runs, step by step, and the future of its result. As CPython's <c>_asyncio.Task</c>.</summary>
internal sealed class PyTask(PyType type) : PyFuture(type)
{
    private static readonly NativeCode WakeUpCode = new() { Name = "task_wakeup", F1 = (task, future) => ((PyTask)task).WakeUp(future) };
    private static readonly PyStr BlockingName = Names.Intern("_asyncio_future_blocking");
    private static readonly PyTuple MessageName = new(Names.Intern("msg"));

    private ContextVarsModule.PyContext? ownContext;
    private PyObject? otherContext;
    private PyObject? name;
    private long number;

    /// <summary>Its place among all tasks; -1 when it is not there.</summary>
    public int Registration { get; set; } = -1;

    public PyObject? Coroutine { get; private set; }

    public PyObject? Waiter { get; private set; }

    public int CancelRequests { get; private set; }

    public bool MustCancel { get; private set; }

    public bool LogsDestruction { get; set; } = true;

    public PyObject Name
    {
        get => name ??= PyStr.FromUtf16($"Task-{number}");
        set => name = value.GetType() == typeof(PyStr) ? value : Ops.Str(value);
    }

    private PyObject Context => ownContext ?? otherContext!;

    // Only pending ones get here, see Done.
    ~PyTask()
    {
        Library.AllTasks.Remove(this);
        if (Loop is null || State != FutureState.Pending || !LogsDestruction)
            return;
        var machine = Library.Machine;
        machine.Finalizers.CountDeath();
        machine.Post(() => machine.MainThread.Unprofiled(Destroyed));
    }

    public void Begin(PyObject coroutine, PyObject? loop, PyObject givenName, PyObject context)
    {
        Begin(loop);
        if (!IsCoroutine(coroutine))
        {
            LogsDestruction = false;
            throw Err.Type($"a coroutine was expected, got {Ops.Repr(coroutine)}");
        }
        if (context == Values.None)
            ownContext = ContextVarsModule.CopyCurrent();
        else
            otherContext = context;
        (Waiter, MustCancel, LogsDestruction, CancelRequests, Coroutine) = (null, false, true, 0, coroutine);
        if (givenName == Values.None)
            number = Library.NextTaskNumber();
        else
            Name = givenName;
        StepSoon(null);
        Library.AllTasks.Add(this);
    }

    private bool IsCoroutine(PyObject o) =>
        o is PyGenerator { IsCoroutine: true } || Ops.IsTrue(Calls.Call(Library.Library("asyncio.coroutines", "iscoroutine"), o));

#pragma warning disable CA1816 // This is the end of what the finalizer watches for.
    protected override void Done()
    {
        Library.AllTasks.Remove(this);
        GC.SuppressFinalize(this);
    }
#pragma warning restore CA1816

    /// <summary>Tells the loop's handler of a pending task that nothing refers to any more, and of an exception that nobody has asked for.</summary>
    public void Destroyed()
    {
        if (Loop is not null && State == FutureState.Pending && LogsDestruction)
        {
            LogsDestruction = false;
            var context = new PyDict();
            context.Set("task", this);
            context.Set("message", new PyStr("Task was destroyed but it is pending!"));
            TellHandler(context);
        }
        LogUnretrieved();
    }

    public bool Cancel(PyObject message)
    {
        LogsTraceback = false;
        if (State != FutureState.Pending)
            return false;
        CancelRequests++;
        if (Waiter is { } waiter && CancelWaiter(waiter, message))
            return true;
        MustCancel = true;
        CancelMessage = message;
        return true;
    }

    public int Uncancel() => CancelRequests > 0 ? --CancelRequests : 0;

    private static bool CancelWaiter(PyObject waiter, PyObject message) =>
        Ops.IsTrue(Calls.CallNamed(Attributes.Get(waiter, "cancel"), [message], MessageName));

    private void StepSoon(PyException? error) => CallSoon(AliveLoop, new PyTaskStep(this, error), null, Context);

    /// <summary>Runs the coroutine until it waits or ends.</summary>
    public PyObject? Step(PyException? error)
    {
        if (State != FutureState.Pending)
            throw Library.InvalidState($"__step(): already done: {Ops.Repr(this)} {(error is null ? "None" : Ops.Repr(error))}");
        var loop = AliveLoop;
        var hash = Ops.Hash(loop);
        Enter(loop, hash, this);
        try
        {
            return StepEntered(PyThread.Current, error);
        }
        finally
        {
            Leave(loop, hash, this);
        }
    }

    public static void Enter(PyObject loop, long hash, PyObject task)
    {
        var tasks = AsyncIoState.Current.CurrentTasks;
        if (tasks.Get(loop, hash) is { } running)
            throw Err.Runtime($"Cannot enter into task {Ops.Repr(task)} while another task {Ops.Repr(running)} is being executed.");
        tasks.Set(loop, task, hash);
    }

    public static void Leave(PyObject loop, long hash, PyObject task)
    {
        var tasks = AsyncIoState.Current.CurrentTasks;
        var running = tasks.Get(loop, hash);
        if (!ReferenceEquals(running, task))
            throw Err.Runtime($"Leaving task {Ops.Repr(task)} does not match the current task {Ops.Repr(running ?? Values.None)}.");
        tasks.Remove(loop, hash);
    }

    private PyObject? StepEntered(PyThread thread, PyException? error)
    {
        if (MustCancel)
        {
            if (error is null || !error.Type.IsSubtypeOf(Library.CancelledError))
                error = MakeCancelledError();
            MustCancel = false;
        }
        Waiter = null;
        var coroutine = Coroutine ?? throw Err.Runtime("uninitialized Task object");
        PyObject? result;
        bool returned;
        try
        {
            result = error is null ? EvaluationLoop.Send(thread, coroutine, Values.None, out returned) : Throw(thread, coroutine, error, out returned);
        }
        catch (PyError thrown)
        {
            thread.Pending = thrown.Value;
            (result, returned) = (null, false);
        }
        if (result is null)
            return Failed(thread);
        if (!returned)
            return WaitFor(result);
        if (MustCancel)
        {
            MustCancel = false;
            CancelFuture(CancelMessage);
        }
        else
        {
            SetResult(result);
        }
        return Values.None;
    }

    private static PyObject? Throw(PyThread thread, PyObject coroutine, PyException error, out bool returned)
    {
        if (coroutine is PyGenerator generator and not PyAsyncGenerator)
            return generator.Throw(thread, error, out returned);
        returned = false;
        var result = Attributes.Get(coroutine, Names.Throw).Call([error], null);
        if (result is not null || !thread.PendingIs(ExceptionTypes.StopIteration))
            return result;
        returned = true;
        var stop = thread.TakeError().Value;
        return stop.Args.Count > 0 ? stop.Args[0] : Values.None;
    }

    /// <summary>The coroutine has ended with the pending exception.</summary>
    private PyObject? Failed(PyThread thread)
    {
        var error = thread.TakeError().Value;
        if (error is PyKillException)
            throw new PyError(error);
        if (error.Type.IsSubtypeOf(ExceptionTypes.StopIteration))
        {
            // Of a coroutine that is no generator.
            SetResult(error.Args.Count > 0 ? error.Args[0] : Values.None);
            return Values.None;
        }
        if (error.Type.IsSubtypeOf(Library.CancelledError))
        {
            KeepCancelledError(error);
            CancelFuture(null);
            return Values.None;
        }
        SetException(error);
        if (!error.Type.IsSubtypeOf(ExceptionTypes.KeyboardInterrupt) && !error.Type.IsSubtypeOf(ExceptionTypes.SystemExit))
            return Values.None;
        thread.Pending = error;
        return null;
    }

    /// <summary>The coroutine has yielded: a future, if all is well.</summary>
    private PyObject WaitFor(PyObject result)
    {
        if (ReferenceEquals(result, this))
            return StepWithError($"Task cannot await on itself: {Ops.Repr(this)}");
        if (result is PyFuture future && (future.Type == FutureTypes.Future || future.Type == FutureTypes.Task))
        {
            if (!ReferenceEquals(future.Loop, Loop))
                return OtherLoop(result);
            if (!future.IsBlocking)
                return YieldNotFrom(result);
            future.IsBlocking = false;
            future.AddCallback(new PyBuiltin(WakeUpCode, this), Context);
            return Waits(result);
        }
        if (result == Values.None)
        {
            StepSoon(null);
            return Values.None;
        }
        if (Attributes.TryGet(result, BlockingName) is { } blocking && blocking != Values.None)
        {
            if (!ReferenceEquals(LoopOf(result), Loop))
                return OtherLoop(result);
            if (!Ops.IsTrue(blocking))
                return YieldNotFrom(result);
            Attributes.Set(result, BlockingName, Values.False);
            Calls.CallNamed(Attributes.Get(result, "add_done_callback"), [new PyBuiltin(WakeUpCode, this), Context], new PyTuple(Names.Intern("context")));
            return Waits(result);
        }
        return StepWithError(result is PyGenerator { IsPlain: true }
            ? $"yield was used instead of yield from for generator in task {Ops.Repr(this)} with {Ops.Repr(result)}" : $"Task got bad yield: {Ops.Repr(result)}");
    }

    private static PyObject LoopOf(PyObject future) =>
        Attributes.TryGet(future, "get_loop") is { } get ? Calls.Call(get) : Attributes.Get(future, "_loop");

    private PyObject Waits(PyObject waiter)
    {
        Waiter = waiter;
        if (MustCancel && CancelWaiter(waiter, CancelMessage))
            MustCancel = false;
        return Values.None;
    }

    private PyObject OtherLoop(PyObject result) => StepWithError($"Task {Ops.Repr(this)} got Future {Ops.Repr(result)} attached to a different loop");

    private PyObject YieldNotFrom(PyObject result) => StepWithError($"yield was used instead of yield from in task {Ops.Repr(this)} with {Ops.Repr(result)}");

    private PyObject StepWithError(string message)
    {
        StepSoon(Err.Runtime(message).Value);
        return Values.None;
    }

    /// <summary>What the task waits for is done.</summary>
    private PyObject? WakeUp(PyObject done)
    {
        if (done is PyFuture future && (future.Type == FutureTypes.Future || future.Type == FutureTypes.Task))
        {
            _ = future.AliveLoop;
            return Step(future.GetResultError());
        }
        PyException? error = null;
        try
        {
            Calls.CallMethod(done, "result");
        }
        catch (PyError thrown) when (thrown.Value is not PyKillException)
        {
            error = thrown.Value;
        }
        return Step(error);
    }
}

/// <summary>What a loop calls for a task's next step.</summary>
internal sealed class PyTaskStep(PyTask task, PyException? error) : PyObject
{
    public PyTask Task { get; } = task;

    public override PyType Type => FutureTypes.Step;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (names is { Count: > 0 })
            throw Err.Type("function takes no keyword arguments");
        if (args.Length > 0)
            throw Err.Type("function takes no positional arguments");
        return Task.Step(error);
    }
}
