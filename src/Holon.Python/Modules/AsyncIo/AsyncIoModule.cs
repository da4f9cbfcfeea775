namespace Holon.Python.Modules.AsyncIo;

/// <summary>_asyncio: futures, tasks and the running loop.</summary>
internal static class AsyncIoModule
{
    public static void Fill(ModuleBuilder m)
    {
        var state = AsyncIoState.Current;
        m.Types(FutureTypes.Future, FutureTypes.Task);
        m.Set("_all_tasks", state.AllTasks);
        m.Set("_current_tasks", state.CurrentTasks);
        m.Def0("get_event_loop", () => EventLoop(state));
        m.Def("_get_event_loop", "stacklevel=3", _ => EventLoop(state));
        m.Def0("get_running_loop", () => PyThread.Current.RunningLoop ?? throw Err.Runtime("no running event loop"));
        m.Def0("_get_running_loop", () => PyThread.Current.RunningLoop ?? Values.None);
        m.Def1("_set_running_loop", loop =>
        {
            PyThread.Current.RunningLoop = loop == Values.None ? null : loop;
            return Values.None;
        });
        m.Def("_register_task", "task", a =>
        {
            state.AllTasks.Add(a[0]!);
            return Values.None;
        });
        m.Def("_unregister_task", "task", a =>
        {
            state.AllTasks.Discard(a[0]!);
            return Values.None;
        });
        m.Def("_enter_task", "loop, task", a =>
        {
            PyTask.Enter(a[0]!, Ops.Hash(a[0]!), a[1]!);
            return Values.None;
        });
        m.Def("_leave_task", "loop, task", a =>
        {
            PyTask.Leave(a[0]!, Ops.Hash(a[0]!), a[1]!);
            return Values.None;
        });
    }

    /// <summary>The running loop, or the policy's.</summary>
    public static PyObject EventLoop(AsyncIoState state) =>
        PyThread.Current.RunningLoop ?? Calls.CallMethod(Calls.Call(state.Library("asyncio.events", "get_event_loop_policy")), "get_event_loop");
}
