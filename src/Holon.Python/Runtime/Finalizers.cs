using System.Runtime.InteropServices;

namespace Holon.Python.Runtime;

/// <summary>Something that is told when an object that it does not keep alive has died.</summary>
internal interface IDeathListener
{
    /// <summary>On the main thread, between two instructions.</summary>
    void TargetDied();
}

/// <summary>
/// What is to happen when objects die: calls of <c>__del__</c> and of weak references' callbacks, after the garbage collector has found them dead; and
/// which weak references an object has. One entry of one table for each such object, for .NET's collector looks at all of them again and again.
/// </summary>
internal sealed class Finalizers(Machine machine)
{
    private readonly ConditionalWeakTable<PyObject, Sentinel> sentinels = [];
    private long deaths;

    /// <summary>How many objects have died of which somebody had to be told.</summary>
    public long Deaths => Interlocked.Read(ref deaths);

    private sealed class Sentinel
    {
        private readonly Machine machine;

        // Handles, not WeakReferences: those would die with the target, for they are reachable from nowhere else.
        private readonly List<GCHandle> listeners = [];

        // The entry and its key become unreachable together. What is called for the target, and refers to it, keeps it alive until then; others die at once, with all that they refer to.
        private List<Action>? last;
        private bool isAwaited;

        public Sentinel(Machine machine)
        {
            this.machine = machine;
            GC.SuppressFinalize(this);
        }

        ~Sentinel()
        {
            List<IDeathListener>? told = null;
            foreach (var handle in listeners)
            {
                if (handle.Target is IDeathListener listener)
                    (told ??= []).Add(listener);
            }
            foreach (var handle in listeners)
                handle.Free();
            if (told is null && last is null)
                return;
            Interlocked.Increment(ref machine.Finalizers.deaths);
            // The collector chooses when, so a profile would have such calls at random, in functions that have nothing to do with them.
            machine.Post(() => machine.MainThread.Unprofiled(() =>
            {
                foreach (var listener in told ?? [])
                    listener.TargetDied();
                foreach (var action in last ?? [])
                    action();
            }));
        }

        public bool CallsDel { get; set; }

        public void Add(Action action)
        {
            (last ??= []).Add(action);
            Await();
        }

        public void Add(IDeathListener listener)
        {
            // Those that have died themselves are forgotten whenever the list has doubled.
            if (listeners.Count >= 4 && BitOperations.IsPow2(listeners.Count))
            {
                listeners.RemoveAll(handle =>
                {
                    if (handle.Target is not null)
                        return false;
                    handle.Free();
                    return true;
                });
            }
            listeners.Add(GCHandle.Alloc(listener, GCHandleType.Weak));
            Await();
        }

        public IEnumerable<IDeathListener> Listeners => listeners.Select(handle => handle.Target).OfType<IDeathListener>();

        private void Await()
        {
            if (isAwaited)
                return;
            isAwaited = true;
            GC.ReRegisterForFinalize(this);
        }
    }

    /// <summary>The object's <c>__del__</c> is to be called.</summary>
    public void Watch(PyObject o)
    {
        var sentinel = sentinels.GetValue(o, _ => new Sentinel(machine));
        if (!sentinel.CallsDel)
            sentinel.Add(() => CallDel(o));
        sentinel.CallsDel = true;
    }

    /// <summary>The last thing to do for an object, which lives on until it is done.</summary>
    public void OnDeath(PyObject o, Action action) => sentinels.GetValue(o, _ => new Sentinel(machine)).Add(action);

    /// <summary>Tells a listener of an object's death, as long as somebody else keeps the listener alive.</summary>
    public void Listen(PyObject o, IDeathListener listener) => sentinels.GetValue(o, _ => new Sentinel(machine)).Add(listener);

    /// <summary>Who listens and lives.</summary>
    public IEnumerable<IDeathListener> ListenersOf(PyObject o) => sentinels.TryGetValue(o, out var sentinel) ? sentinel.Listeners : [];

    private static void CallDel(PyObject o)
    {
        try
        {
            Calls.Special(o, Names.Del);
        }
        catch (PyError error)
        {
            ErrorPrinter.Unraisable(error.Value, Attributes.TryGet(o.Type, Names.Del) ?? o);
        }
    }
}
