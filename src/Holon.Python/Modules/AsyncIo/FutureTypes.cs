namespace Holon.Python.Modules.AsyncIo;

/// <summary>The types of <c>_asyncio</c>.</summary>
internal static class FutureTypes
{
    private static readonly NativeCode FutureInit = new() { Name = "Future" };
    private static readonly NativeCode TaskInit = new() { Name = "Task" };
    private static readonly Signature FutureParameters = Signature.Parse("*, loop=None");
    private static readonly Signature TaskParameters = Signature.Parse("coro, *, loop=None, name=None, context=None");
    private static readonly string[] StateNames = ["PENDING", "CANCELLED", "FINISHED"];

    public static readonly PyType Iterator = new("FutureIter", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Iter = o => o;
        t.Next = o =>
        {
            var thread = PyThread.Current;
            var result = ((PyFutureIterator)o).Step(thread, Values.None, out var returned);
            if (result is null)
                throw thread.TakeError();
            if (!returned)
                return result;
            thread.StopValue = result;
            return null;
        };
        t.Def1("send", (o, _) => Stepped((PyFutureIterator)o));
        t.Def("throw", "type, value=None, traceback=None, /", (o, a) =>
        {
            var error = PyGenerator.MakeThrown(a);
            ((PyFutureIterator)o).Close();
            return PyFuture.Raise(PyThread.Current, error);
        });
        t.Def0("close", o =>
        {
            ((PyFutureIterator)o).Close();
            return Values.None;
        });
    }, "_asyncio");

    public static readonly PyType Step = new("TaskStepMethWrapper", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Getter("__self__", o => ((PyTaskStep)o).Task);
        t.DefCall();
    }, "_asyncio");

    public static readonly PyType Future = new("Future", PyType.Object, t =>
    {
        DefineInstances(t, type => new PyFuture(type));
        t.Init = (o, args, names) =>
        {
            var a = FutureParameters.Bind(FutureInit, args, names);
            F(o).Begin(a[0]);
        };
        t.Repr = o => Calls.Call(F(o).Library.Library("asyncio.base_futures", "_future_repr"), o);
        t.Iter = o => Awaited(F(o));
        t.Await = o => Awaited(F(o));
        DefineAttributes(t);
        DefineMethods(t);
    }, "_asyncio");

    public static readonly PyType Task = new("Task", Future, t =>
    {
        DefineInstances(t, type => new PyTask(type));
        t.Init = (o, args, names) =>
        {
            var a = TaskParameters.Bind(TaskInit, args, names);
            T(o).Begin(a[0]!, a[1], a[2]!, a[3]!);
        };
        t.Repr = o => Calls.Call(F(o).Library.Library("asyncio.base_tasks", "_task_repr"), o);
        t.Getter("_log_destroy_pending", o => Values.Bool(T(o).LogsDestruction), (o, v) => T(o).LogsDestruction = Ops.IsTrue(v ?? throw CannotDelete()));
        t.Getter("_must_cancel", o => Values.Bool(T(o).MustCancel));
        t.Getter("_coro", o => T(o).Coroutine ?? Values.None);
        t.Getter("_fut_waiter", o => T(o).Waiter ?? Values.None);
        t.Def1("set_result", (_, _) => throw Err.Runtime("Task does not support set_result operation"));
        t.Def1("set_exception", (_, _) => throw Err.Runtime("Task does not support set_exception operation"));
        t.Def("cancel", "msg=None", (o, a) => Values.Bool(T(o).Cancel(a[0]!)));
        t.Def0("cancelling", o => PyInt.Of(T(o).CancelRequests));
        t.Def0("uncancel", o => PyInt.Of(T(o).Uncancel()));
        t.Def("get_stack", "*, limit=None", (o, a) => Calls.Call(F(o).Library.Library("asyncio.base_tasks", "_task_get_stack"), o, a[0]!));
        t.Def("print_stack", "*, limit=None, file=None", (o, a) => Calls.Call(F(o).Library.Library("asyncio.base_tasks", "_task_print_stack"), o, a[0]!, a[1]!));
        t.Def0("get_name", o => T(o).Name);
        t.Def1("set_name", (o, v) =>
        {
            T(o).Name = v;
            return Values.None;
        });
        t.Def0("get_coro", o => T(o).Coroutine ?? Values.None);
        t.Def0("__del__", o =>
        {
            T(o).Destroyed();
            return Values.None;
        });
        t.DefClassGetItem();
    }, "_asyncio");

    private static PyFuture F(PyObject o) => (PyFuture)o;

    private static PyTask T(PyObject o) => (PyTask)o;

    private static PyError CannotDelete() => Err.Of(ExceptionTypes.AttributeError, "cannot delete attribute");

    private static PyFutureIterator Awaited(PyFuture future)
    {
        _ = future.AliveLoop;
        return new PyFutureIterator(future);
    }

    private static PyFuture Begun(PyFuture future) => future.Loop is not null ? future : throw future.Library.InvalidState("Future object is not initialized.");

    private static PyObject? Stepped(PyFutureIterator iterator)
    {
        var result = iterator.Step(PyThread.Current, Values.None, out var returned);
        return result is not null && returned ? Err.SetStopIteration(result) : result;
    }

    private static void DefineInstances(PyType t, Func<PyType, PyObject> make)
    {
        t.HasDict = true;
        t.HasWeakRefs = true;
        t.New = (type, _, _) => make(type);
        t.Allocate = make;
        ObjectType.DefineDict(t);
    }

    private static void DefineAttributes(PyType t)
    {
        t.Getter("_state", o =>
        {
            _ = F(o).AliveLoop;
            return Values.Str(StateNames[(int)F(o).State]);
        });
        t.Getter("_asyncio_future_blocking", o => Values.Bool(F(o).IsBlocking), (o, v) =>
        {
            _ = F(o).AliveLoop;
            F(o).IsBlocking = Ops.IsTrue(v ?? throw CannotDelete());
        });
        t.Getter("_loop", o => F(o).Loop ?? Values.None);
        t.Getter("_callbacks", o =>
        {
            _ = F(o).AliveLoop;
            return F(o).Callbacks;
        });
        t.Getter("_result", o => F(o).Result);
        t.Getter("_exception", o => (PyObject?)F(o).Exception ?? Values.None);
        t.Getter("_log_traceback", o => Values.Bool(F(o).LogsTraceback), (o, v) =>
        {
            if (Ops.IsTrue(v ?? throw CannotDelete()))
                throw Err.Value("_log_traceback can only be set to False");
            F(o).LogsTraceback = false;
        });
        t.Getter("_source_traceback", o => F(o).SourceTraceback);
        t.Getter("_cancel_message", o => F(o).CancelMessage, (o, v) => F(o).CancelMessage = v ?? throw CannotDelete());
    }

    private static void DefineMethods(PyType t)
    {
        t.Def0("result", o => Begun(F(o)).GetResult(PyThread.Current));
        t.Def0("exception", o =>
        {
            var future = Begun(F(o));
            if (future.State == FutureState.Cancelled)
                return PyFuture.Raise(PyThread.Current, future.MakeCancelledError());
            if (future.State == FutureState.Pending)
                throw future.Library.InvalidState("Exception is not set.");
            future.LogsTraceback = false;
            return (PyObject?)future.Exception ?? Values.None;
        });
        t.Def1("set_result", (o, value) =>
        {
            F(o).SetResult(value);
            return Values.None;
        });
        t.Def1("set_exception", (o, error) =>
        {
            F(o).SetException(error);
            return Values.None;
        });
        t.Def("add_done_callback", "fn, /, *, context=?", (o, a) =>
        {
            _ = F(o).AliveLoop;
            F(o).AddCallback(a[0]!, a[1] ?? ContextVarsModule.CopyCurrent());
            return Values.None;
        });
        t.Def1("remove_done_callback", (o, function) =>
        {
            _ = F(o).AliveLoop;
            return PyInt.Of(F(o).RemoveCallback(function));
        });
        t.Def("cancel", "msg=None", (o, a) => Values.Bool(F(o).CancelFuture(a[0]!)));
        t.Def0("cancelled", o => Values.Bool(F(o).Loop is not null && F(o).State == FutureState.Cancelled));
        t.Def0("done", o => Values.Bool(F(o).Loop is not null && F(o).State != FutureState.Pending));
        t.Def0("get_loop", o => F(o).AliveLoop);
        t.Def0("_make_cancelled_error", o => F(o).MakeCancelledError());
        t.Def0("__del__", o =>
        {
            F(o).LogUnretrieved();
            return Values.None;
        });
        t.DefClassGetItem();
    }
}
