using System.Runtime.InteropServices;

namespace Holon.Python.Runtime;

/// <summary>Dies with an object, and then tells those who want to know. .NET's collector finds it by its finalizer.</summary>
internal sealed class DeathNotice
{
    private readonly Machine machine;

    // Handles, not WeakReferences: those would die with the target, for they are reachable from nowhere else.
    private readonly List<GCHandle> listeners = [];

    // The notice and its object become unreachable together. What is called for the target, and refers to it, keeps it alive until then; others die at once, with all that they refer to.
    private List<Action>? last;
    private bool isAwaited;

    public DeathNotice(Machine machine)
    {
        this.machine = machine;
        GC.SuppressFinalize(this);
    }

    ~DeathNotice()
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
        machine.Finalizers.CountDeath();
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
