namespace Holon.Python.Modules.AsyncIo;

internal enum FutureState : byte
{
    Pending,
    Cancelled,
    Finished,
}

/// <summary>A result that will come. As CPython's <c>_asyncio.Future</c>: its attributes, errors and order of callbacks.</summary>
internal class PyFuture(PyType type) : PyExtensible(type)
{
    private static readonly PyStr CallSoonName = Names.Intern("call_soon");
    private static readonly PyTuple ContextName = new(Names.Intern("context"));

    private PyObject? callback;
    private PyObject? callbackContext;
    private PyList? moreCallbacks;
    private Rare? rare;

    // The result, or the exception.
    private PyObject? outcome;
    private bool holdsException;

    /// <summary>What few futures have.</summary>
    private sealed class Rare
    {
        public PyTraceback? Traceback;
        public PyObject? Source;
        public PyObject? CancelMessage;
        public PyException? CancelledError;
    }

    public AsyncIoState Library { get; } = AsyncIoState.Current;

    /// <summary>Null before <c>__init__</c>.</summary>
    public PyObject? Loop { get; private set; }

    public FutureState State { get; private set; }

    /// <summary>Somebody has begun to await it, and its task has not yet taken notice.</summary>
    public bool IsBlocking { get; set; }

    /// <summary>It has an exception that nobody has asked for.</summary>
    public bool LogsTraceback { get; set; }

    public PyException? Exception => holdsException ? (PyException)outcome! : null;

    public PyObject Result => !holdsException && outcome is not null ? outcome : Values.None;

    public PyObject CancelMessage
    {
        get => rare?.CancelMessage ?? Values.None;
        set => (rare ??= new Rare()).CancelMessage = value;
    }

    public PyObject SourceTraceback => rare?.Source ?? Values.None;

    /// <summary>What the next request for the result raises.</summary>
    protected void KeepCancelledError(PyException error) => (rare ??= new Rare()).CancelledError = error;

    public PyObject AliveLoop => Loop ?? throw Err.Runtime("Future object is not initialized.");

    public PyObject Callbacks
    {
        get
        {
            if (callback is null)
                return (PyObject?)moreCallbacks ?? Values.None;
            var all = new PyList(new PyTuple(callback, callbackContext!));
            if (moreCallbacks is not null)
                all.Extend(moreCallbacks);
            return all;
        }
    }

    public void Begin(PyObject? loop)
    {
        (callback, callbackContext, moreCallbacks, rare, outcome, holdsException) = (null, null, null, null, null, false);
        (State, IsBlocking, LogsTraceback) = (FutureState.Pending, false, false);
        Loop = Args.IsNone(loop) ? AsyncIoModule.EventLoop(Library) : loop;
        if (Ops.IsTrue(Calls.CallMethod(Loop!, "get_debug")))
            (rare ??= new Rare()).Source = Calls.Call(Library.Library("traceback", "extract_stack"));
    }

    /// <summary>loop.call_soon(callback, argument, context=context)</summary>
    protected static void CallSoon(PyObject loop, PyObject callback, PyObject? argument, PyObject context)
    {
        PyObject? made;
        if (loop is PyInstance own && loop.Type.Lookup(CallSoonName) is PyFunction function && own.Fields.Get(CallSoonName) is null && loop.Type.GetAttr == PyType.Object.GetAttr)
        {
            made = argument is null ? function.Call([loop, callback, context], ContextName) : function.Call([loop, callback, argument, context], ContextName);
        }
        else
        {
            var method = Attributes.Get(loop, CallSoonName);
            made = argument is null ? method.Call([callback, context], ContextName) : method.Call([callback, argument, context], ContextName);
        }
        if (made is null)
            throw PyThread.Current.TakeError();
    }

    private void ScheduleCallbacks()
    {
        if (callback is { } first)
        {
            var context = callbackContext!;
            (callback, callbackContext) = (null, null);
            CallSoon(Loop!, first, this, context);
        }
        if (moreCallbacks is not { } more)
            return;
        moreCallbacks = null;
        foreach (var each in more.ToArray())
            CallSoon(Loop!, ((PyTuple)each)[0], this, ((PyTuple)each)[1]);
    }

    public void AddCallback(PyObject function, PyObject context)
    {
        if (State != FutureState.Pending)
            CallSoon(AliveLoop, function, this, context);
        else if (callback is null && moreCallbacks is null)
            (callback, callbackContext) = (function, context);
        else
            (moreCallbacks ??= new PyList()).Add(new PyTuple(function, context));
    }

    /// <summary>Removes what is equal to the function; how many they were.</summary>
    public int RemoveCallback(PyObject function)
    {
        var removed = 0;
        if (callback is { } first && Ops.Eq(first, function))
        {
            (callback, callbackContext) = (null, null);
            removed++;
        }
        if (moreCallbacks is not { } more)
            return removed;
        var kept = new PyList();
        // A comparison may add more, or take all away.
        for (var i = 0; i < moreCallbacks?.Count; i++)
        {
            var each = moreCallbacks[i];
            if (Ops.Eq(((PyTuple)each)[0], function))
                removed++;
            else
                kept.Add(each);
        }
        if (moreCallbacks is null || kept.Count == 0)
            moreCallbacks = null;
        else
            more.SetAll(kept.ToArray());
        return removed;
    }

    public void SetResult(PyObject value)
    {
        _ = AliveLoop;
        if (State != FutureState.Pending)
            throw Library.InvalidState("invalid state");
        outcome = value;
        End(FutureState.Finished);
    }

    public void SetException(PyObject given)
    {
        _ = AliveLoop;
        if (State != FutureState.Pending)
            throw Library.InvalidState("invalid state");
        if (given is PyType type && type.IsSubtypeOf(ExceptionTypes.BaseException))
            given = Calls.Call(given);
        if (given is not PyException error)
            throw Err.Type("invalid exception object");
        if (error.Type == ExceptionTypes.StopIteration)
            throw Err.Type("StopIteration interacts badly with generators and cannot be raised into a Future");
        (outcome, holdsException) = (error, true);
        if (error.Traceback is { } traceback)
            (rare ??= new Rare()).Traceback = traceback;
        End(FutureState.Finished);
        LogsTraceback = true;
        Library.Machine.Finalizers.OnDeath(this, LogUnretrieved);
    }

    public bool CancelFuture(PyObject? message)
    {
        _ = AliveLoop;
        LogsTraceback = false;
        if (State != FutureState.Pending)
            return false;
        if (message is not null || rare is not null)
            CancelMessage = message ?? Values.None;
        End(FutureState.Cancelled);
        return true;
    }

    private void End(FutureState state)
    {
        State = state;
        Done();
        ScheduleCallbacks();
    }

    protected virtual void Done()
    {
    }

    /// <summary>The result; null with the exception pending.</summary>
    public PyObject? GetResult(PyThread thread)
    {
        if (State == FutureState.Finished && !holdsException)
        {
            LogsTraceback = false;
            return Result;
        }
        return Raise(thread, GetException());
    }

    /// <summary>What asking for the result of a future without one raises.</summary>
    public PyException GetException()
    {
        if (State == FutureState.Pending)
            throw Library.InvalidState("Result is not ready.");
        LogsTraceback = false;
        if (State == FutureState.Cancelled)
            return MakeCancelledError();
        var error = (PyException)outcome!;
        if (rare is not null)
        {
            error.Traceback = rare.Traceback;
            rare.Traceback = null;
        }
        else
        {
            error.Traceback = null;
        }
        return error;
    }

    /// <summary>As <see cref="GetException"/>; null if there is a result, which is then taken notice of.</summary>
    public PyException? GetResultError()
    {
        if (State != FutureState.Finished || holdsException)
            return GetException();
        LogsTraceback = false;
        return null;
    }

    public static PyObject? Raise(PyThread thread, PyException error)
    {
        EvaluationLoop.SetContext(thread, error);
        thread.Pending = error;
        return null;
    }

    public PyException MakeCancelledError()
    {
        if (rare?.CancelledError is { } kept)
        {
            rare.CancelledError = null;
            return kept;
        }
        var message = CancelMessage;
        return (PyException)(message == Values.None ? Calls.Call(Library.CancelledError) : Calls.Call(Library.CancelledError, message));
    }

    /// <summary>An exception that nobody has asked for is told to the loop's handler.</summary>
    public void LogUnretrieved()
    {
        if (!LogsTraceback)
            return;
        LogsTraceback = false;
        var context = new PyDict();
        context.Set("message", PyStr.FromUtf16($"{Type.Name} exception was never retrieved"));
        context.Set("exception", Exception!);
        context.Set("future", this);
        TellHandler(context);
    }

    protected void TellHandler(PyDict context)
    {
        if (SourceTraceback != Values.None)
            context.Set("source_traceback", SourceTraceback);
        PyObject? handler = null;
        try
        {
            handler = Attributes.Get(Loop!, "call_exception_handler");
            Calls.Call(handler, context);
        }
        catch (PyError error)
        {
            ErrorPrinter.Unraisable(error.Value, handler ?? this);
        }
    }
}

/// <summary>What awaiting a future steps: gives the future once, and then its result.</summary>
internal sealed class PyFutureIterator(PyFuture future) : PyObject, IAwaitStep
{
    private PyFuture? future = future;

    public override PyType Type => FutureTypes.Iterator;

    public PyObject? Step(PyThread thread, PyObject value, out bool returned)
    {
        returned = false;
        if (future is not { } waited)
        {
            returned = true;
            return Values.None;
        }
        if (waited.State == FutureState.Pending)
        {
            if (waited.IsBlocking)
                return Err.Set(Err.Runtime("await wasn't used with future"));
            waited.IsBlocking = true;
            return waited;
        }
        future = null;
        returned = true;
        return waited.GetResult(thread);
    }

    public void Close() => future = null;
}
