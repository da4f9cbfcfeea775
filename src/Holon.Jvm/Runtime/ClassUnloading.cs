namespace Holon.Jvm.Runtime;

/// <summary>
/// Unloads classes (JLS §12.7). The collector finds a loader's classes unreachable like any objects; what it does not see are addresses in caches, which keep
/// nothing alive. So memory found dead is freed in steps, one for each collection: first the caches are cleared, then once more for what a thread
/// may have been writing just then, and then the memory is freed. Until that no other class gets its addresses.
/// </summary>
internal sealed class ClassUnloading(JavaMachine machine)
{
    /// <summary>
    /// Classes that may be unloaded are defined between two full collections, at least: their number, some 8 KB each. The collector does not see what it could win, and
    /// without this it comes too late.
    /// </summary>
    private const int FewestBetween = 2_000;

    /// <summary>Held by <see cref="Step"/>, so that the machine's end frees nothing that it still reads.</summary>
    private readonly Lock _stepping = new();

    private readonly Lock _lock = new();
    private readonly List<WeakReference<ClassMemory>> _memories = [];
    private readonly object _gate = new();
    private int _readers;
    private List<ClassMemory> _found = [];

    /// <summary>Those that caches were cleared of, with how many collections there had been then.</summary>
    private readonly List<(ClassMemory Memory, int Collection)> _cleared = [];
    private int _pruneAt = 256;
    private long _unloaded;
    private bool _closed;
    private int _defined, _collectAt = FewestBetween;

    /// <summary>How many classes were unloaded.</summary>
    public long Unloaded => Interlocked.Read(ref _unloaded);

    /// <summary>Notes a new one. The reference to it is weak in the sense that finds nothing any more as soon as it is unreachable.</summary>
    public void Register(ClassMemory memory)
    {
        lock (_lock)
        {
            _memories.Add(new WeakReference<ClassMemory>(memory));
            if (_memories.Count < _pruneAt) return;
            _memories.RemoveAll(weak => !weak.TryGetTarget(out _));
            _pruneAt = Math.Max(256, _memories.Count * 2);
        }
    }

    /// <summary>A class was defined that may be unloaded: after many of them the collector is asked to look for garbage.</summary>
    public void Defined()
    {
        if (Interlocked.Increment(ref _defined) < Volatile.Read(ref _collectAt)) return;
        Interlocked.Exchange(ref _defined, 0);
        _collectAt = Math.Max(FewestBetween, Alive().Sum(memory => memory.IsPermanent ? 0 : memory.ClassCount) / 2);
        GC.Collect(2, GCCollectionMode.Forced, false);
    }

    /// <summary>All that are in use.</summary>
    public List<ClassMemory> Alive()
    {
        lock (_lock)
        {
            var list = new List<ClassMemory>(_memories.Count);
            foreach (var weak in _memories)
            {
                if (weak.TryGetTarget(out var memory)) list.Add(memory);
            }
            return list;
        }
    }

    /// <summary>The finalizer of one that the collector found dead.</summary>
    public void Found(ClassMemory memory)
    {
        lock (_lock)
        {
            if (_closed)
            {
                memory.Free();
                return;
            }
            _found.Add(memory);
        }
    }

    /// <summary>While the compiler reads what caches note of receivers, nothing is freed.</summary>
    public void BeginReading()
    {
        lock (_gate) _readers++;
    }

    public void EndReading()
    {
        lock (_gate)
        {
            if (--_readers == 0) Monitor.PulseAll(_gate);
        }
    }

    /// <summary>After a collection: the next step for all that was found dead before.</summary>
    public void Step()
    {
        lock (_stepping) StepAlone();
    }

    private void StepAlone()
    {
        List<ClassMemory> found, cleared;
        var collection = GC.CollectionCount(0);
        lock (_lock)
        {
            if (_closed) return;
            found = _found;
            cleared = [.. _cleared.Where(c => c.Collection != collection).Select(c => c.Memory)];
            if (found.Count == 0 && cleared.Count == 0) return;
            _found = [];
            _cleared.RemoveAll(c => c.Collection != collection);
        }
        var dead = new HashSet<nint>();
        foreach (var memory in found)
        {
            foreach (var c in memory.Classes())
            {
                Add(dead, c);
                if (!c.IsArray) Interlocked.Increment(ref _unloaded);
                machine.OnClassUnloaded(c);
            }
        }
        foreach (var c in cleared.SelectMany(memory => memory.Classes())) Add(dead, c);
        foreach (var memory in Alive()) memory.Forget(dead);
        foreach (var thread in machine.AllThreads())
        {
            machine.WhileAlive(thread, t =>
            {
                Forget(t, dead);
                return t;
            });
        }
        lock (_lock) _cleared.AddRange(found.Select(memory => (memory, collection)));
        if (cleared.Count == 0) return;
        lock (_gate)
        {
            while (_readers > 0) Monitor.Wait(_gate);
            foreach (var memory in cleared) memory.Free();
        }
    }

    private static unsafe void Add(HashSet<nint> dead, JClass c) => dead.Add((nint)c.Ptr);

    private static unsafe void Forget(JThread t, HashSet<nint> dead)
    {
        for (var i = 0; i <= JThread.InterfaceCacheMask; i++) ClassMemory.Forget(ref t.InterfaceCache[i].Klass, dead);
    }

    /// <summary>At the machine's end: frees all there is.</summary>
    public void Close()
    {
        lock (_stepping)
        {
            lock (_lock)
            {
                _closed = true;
                foreach (var memory in _found.Concat(_cleared.Select(c => c.Memory))) memory.Free();
                foreach (var weak in _memories)
                {
                    if (weak.TryGetTarget(out var memory)) memory.Free();
                }
                _memories.Clear();
                _found = [];
                _cleared.Clear();
            }
        }
    }
}
