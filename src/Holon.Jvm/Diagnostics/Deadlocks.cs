using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Diagnostics;

/// <summary>
/// Who waits for whom. .NET does not tell who owns a monitor, but a thread can ask whether it does itself: those that wait to enter one
/// look now and then which of the objects that others wait for they have locked. Locks of java.util.concurrent name their owners.
/// </summary>
internal sealed class Deadlocks
{
    /// <summary>How long threads that wait are given to answer, in milliseconds; they look every <see cref="JThread.BlockedStep"/>.</summary>
    private const int Patience = 10 * JThread.BlockedStep, Step = 5;

    private readonly JavaMachine _machine;
    private readonly JThread[] _threads;
    private readonly bool _withLocks;

    /// <summary>Looks at all threads of a machine as they are now, at their monitors only or at java.util.concurrent's locks as well.</summary>
    public Deadlocks(JavaMachine machine, bool withLocks)
    {
        _machine = machine;
        _withLocks = withLocks;
        _threads = machine.AllThreads();
        var question = Interlocked.Increment(ref machine.OwnersAsked);
        for (var waited = 0; waited < Patience && Array.Exists(_threads, t => t.BlockedOn != null && t.OwnersAnswered < question); waited += Step) Thread.Sleep(Step);
    }

    /// <summary>The thread that has what another one waits for, as far as is known: only waiting threads tell which monitors they own.</summary>
    public JThread? OwnerOfWhatBlocks(JThread t)
    {
        if (t.BlockedOn is { } o) return Array.Find(_threads, other => other != t && other.BlockedOn != o && other.OwnedForOthers.Contains(o));
        return _withLocks && LockThatParks(t) is { } parks ? OwnerOf(parks) : null;
    }

    /// <summary>Locks of java.util.concurrent that a thread owns and others wait for.</summary>
    public IEnumerable<JObject> LocksOf(JThread t) => _threads.Select(LockThatParks).OfType<JObject>().Where(o => OwnerOf(o) == t).Distinct();

    private JThread? OwnerOf(JObject o) => o.Ref(Known.Offset(Synchronizer!, "exclusiveOwnerThread")) is JObject owner ? _machine.ThreadOf(owner) : null;

    /// <summary>Circles of threads, each waiting for what the next one has.</summary>
    public IEnumerable<IReadOnlyList<JThread>> Circles()
    {
        var seen = new HashSet<JThread>();
        foreach (var start in _threads)
        {
            var path = new List<JThread>();
            var t = start;
            for (; t != null && !seen.Contains(t) && !path.Contains(t); t = OwnerOfWhatBlocks(t)) path.Add(t);
            seen.UnionWith(path);
            if (t != null && path.IndexOf(t) is >= 0 and var from) yield return path[from..];
        }
    }

    /// <summary>What a parked thread waits for, when it is a lock that knows its owner.</summary>
    private JObject? LockThatParks(JThread t) => t.IsWaiting && ParkBlocker(t) is { } o && Synchronizer is { } c && o.Class().IsSubclassOf(c) ? o : null;

    private JClass? Synchronizer => _machine.BootLoader.FindLoaded("java/util/concurrent/locks/AbstractOwnableSynchronizer");

    /// <summary>What LockSupport.park was told that the thread waits for.</summary>
    public static JObject? ParkBlocker(JThread t) => t.JavaObject?.Ref(Known.Offset(t.Machine.Known.Thread, "parkBlocker")) as JObject;
}
