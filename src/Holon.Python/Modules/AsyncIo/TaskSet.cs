using System.Runtime.InteropServices;

namespace Holon.Python.Modules.AsyncIo;

/// <summary>
/// <c>_all_tasks</c>: knows tasks without keeping them alive. Our own tasks are in it as long as they are pending, each by a handle; what others register is in a WeakSet.
/// </summary>
internal sealed class TaskSet : PyObject
{
    // Tasks leave it on the thread that runs finalizers, too.
    private readonly List<GCHandle> handles = [];
    private readonly Stack<int> free = [];
    private PyObject? others;

    public override PyType Type => TaskSetType.Type;

    private PyObject Others => others ??= Calls.Call(Attributes.Get(PyThread.Current.Machine.ImportModule("weakref"), "WeakSet"));

    public void Add(PyObject task)
    {
        if (task is not PyTask own)
        {
            Calls.CallMethod(Others, "add", task);
            return;
        }
        if (own.Registration >= 0 || own.State != FutureState.Pending)
            return;
        var handle = GCHandle.Alloc(own, GCHandleType.Weak);
        lock (handles)
        {
            if (free.TryPop(out var place))
            {
                handles[place] = handle;
                own.Registration = place;
                return;
            }
            own.Registration = handles.Count;
            handles.Add(handle);
        }
    }

    public void Remove(PyTask task)
    {
        if (task.Registration < 0)
            return;
        lock (handles)
        {
            handles[task.Registration].Free();
            handles[task.Registration] = default;
            free.Push(task.Registration);
            task.Registration = -1;
        }
    }

    public void Discard(PyObject task)
    {
        if (task is PyTask own)
            Remove(own);
        else if (others is not null)
            Calls.CallMethod(others, "discard", task);
    }

    public bool Contains(PyObject task) => task is PyTask own ? own.Registration >= 0 : others is not null && Ops.Contains(others, task);

    public PyList ToList()
    {
        var list = new PyList();
        lock (handles)
        {
            foreach (var handle in handles)
            {
                if (handle.IsAllocated && handle.Target is PyTask task)
                    list.Add(task);
            }
        }
        if (others is not null)
            list.Extend(others);
        return list;
    }
}

internal static class TaskSetType
{
    public static readonly PyType Type = new("WeakSet", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Len = o => ((TaskSet)o).ToList().Count;
        t.Iter = o => new PyListIterator(((TaskSet)o).ToList());
        t.Contains = (o, task) => ((TaskSet)o).Contains(task);
        t.Repr = o => Values.Str("<WeakSet ").Plus(Ops.ReprObject(((TaskSet)o).ToList())).Plus(Values.Str(">"));
        t.Def1("add", (o, task) =>
        {
            ((TaskSet)o).Add(task);
            return Values.None;
        });
        t.Def1("discard", (o, task) =>
        {
            ((TaskSet)o).Discard(task);
            return Values.None;
        });
        t.Def1("remove", (o, task) =>
        {
            if (!((TaskSet)o).Contains(task))
                throw Err.Key(task);
            ((TaskSet)o).Discard(task);
            return Values.None;
        });
        t.Def0("clear", o =>
        {
            foreach (var task in Ops.Each(((TaskSet)o).ToList()))
                ((TaskSet)o).Discard(task);
            return Values.None;
        });
    }, "_asyncio");
}
