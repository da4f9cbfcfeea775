using System.Runtime.InteropServices;

namespace Holon.Python.Runtime;

/// <summary>Dies with an object, and then tells those who want to know. .NET's collector finds it by its finalizer.</summary>
internal sealed class DeathNotice
{
    private readonly Machine machine;

    // Handles, not WeakReferences: those would die with the target, for they are reachable from nowhere else. Most objects have one listener.
    private GCHandle first;
    private List<GCHandle>? more;

    // The notice and its object become unreachable together. What is called for the target, and refers to it, keeps it alive until then; others die at once, with all that they refer to.
    private Action? last;

    /// <summary>Made when there is something to tell.</summary>
    public DeathNotice(Machine machine) => this.machine = machine;

    ~DeathNotice()
    {
        List<IDeathListener>? told = null;
        foreach (var handle in Handles)
        {
            if (handle.Target is IDeathListener listener)
                (told ??= []).Add(listener);
            handle.Free();
        }
        if (told is null && last is null)
            return;
        machine.Finalizers.CountDeath();
        // The collector chooses when, so a profile would have such calls at random, in functions that have nothing to do with them.
        machine.Post(() => machine.MainThread.Unprofiled(() =>
        {
            foreach (var listener in told ?? [])
                listener.TargetDied();
            last?.Invoke();
        }));
    }

    private IEnumerable<GCHandle> Handles => !first.IsAllocated ? [] : more is null ? [first] : [first, .. more];

    public bool CallsDel { get; set; }

    /// <summary>Actions are called in the order in which they came.</summary>
    public void Add(Action action) => last += action;

    public void Add(IDeathListener listener)
    {
        // Those that have died themselves are forgotten whenever the list has doubled.
        if (more is { Count: >= 4 } && BitOperations.IsPow2(more.Count))
        {
            more.RemoveAll(handle =>
            {
                if (handle.Target is not null)
                    return false;
                handle.Free();
                return true;
            });
        }
        var made = GCHandle.Alloc(listener, GCHandleType.Weak);
        if (first.IsAllocated)
            (more ??= []).Add(made);
        else
            first = made;
    }

    public IEnumerable<IDeathListener> Listeners => Handles.Select(handle => handle.Target).OfType<IDeathListener>();
}
