using Holon.Jvm.Heap;

namespace Holon.Jvm.Runtime;

/// <summary>
/// Unloads classes (JLS §12.7). The collector finds a loader's classes unreachable like any objects; what it does not see are addresses in caches, which keep
/// nothing alive. So what is left of memory found dead is freed in steps, one for each collection: first the caches are cleared, then once more for what a thread
/// may have been writing just then, and then it is freed. Until that no other class gets its addresses, not even when the collector gives them out again.
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
    private readonly List<ClassRemains> _memories = [];

    /// <summary>Those that caches were cleared of.</summary>
    private readonly List<ClassRemains> _cleared = [];

    /// <summary>Which memory a class's address belongs to; those in permanent ones are not in here.</summary>
    private readonly Dictionary<nint, ClassRemains> _classes = [];

    /// <summary>Arrays of cells that are not permanent, by where they begin and where they end.</summary>
    private readonly SortedSet<(nint Start, nint End)> _chunks = [];

    /// <summary>New arrays at addresses that caches may still hold: kept, so that nothing else gets them.</summary>
    private readonly List<Array> _refused = [];
    private readonly object _gate = new();
    private int _readers;
    private long _unloaded;
    private bool _closed;
    private int _defined, _collectAt = FewestBetween;

    /// <summary>How many classes were unloaded.</summary>
    public long Unloaded => Interlocked.Read(ref _unloaded);

    /// <summary>Notes a new one.</summary>
    public ClassRemains Register(ClassMemory memory)
    {
        var remains = new ClassRemains(memory);
        lock (_lock) _memories.Add(remains);
        return remains;
    }

    /// <summary>Notes the address of a class that may be unloaded.</summary>
    public void Named(nint klass, ClassRemains remains)
    {
        lock (_lock)
        {
            remains.Classes.Add(klass);
            _classes.Add(klass, remains);
        }
    }

    /// <summary>
    /// A memory wants to use a new array of cells (null for a permanent one). False when the collector has placed it where a class was whose addresses may still be in
    /// caches.
    /// </summary>
    public bool Claim(Array chunk, nint start, nint end, ClassRemains? remains)
    {
        lock (_lock)
        {
            if (_chunks.Count > 0 && _chunks.GetViewBetween((0, 0), (end - 1, nint.MaxValue)).Max is var (_, lastEnd) && lastEnd > start)
            {
                _refused.Add(chunk);
                return false;
            }
            if (remains == null) return true;
            _chunks.Add((start, end));
            remains.Chunks.Add((start, end));
            return true;
        }
    }

    /// <summary>A class was defined that may be unloaded: after many of them the collector is asked to look for garbage.</summary>
    public void Defined(ClassRemains remains, string javaName)
    {
        lock (_lock) remains.Names.Add(javaName);
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
            foreach (var remains in _memories)
            {
                if (remains.Memory is { } memory) list.Add(memory);
            }
            return list;
        }
    }

    /// <summary>The class whose address a cache holds; null when it has been unloaded. Only between <see cref="BeginReading"/> and <see cref="EndReading"/>.</summary>
    public unsafe JClass? ClassAt(nint address)
    {
        ClassMemory? memory = null;
        lock (_lock)
        {
            if (_classes.TryGetValue(address, out var remains))
            {
                memory = remains.Memory;
                if (memory == null) return null;
            }
        }
        var c = ((Klass*)address)->Managed;
        GC.KeepAlive(memory);
        return c;
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

    /// <summary>After a collection: the next step for all that is dead.</summary>
    public void Step()
    {
        lock (_stepping) StepAlone();
    }

    private void StepAlone()
    {
        List<ClassRemains> found = [], cleared;
        var dead = new HashSet<nint>();
        var collection = GC.CollectionCount(0);
        lock (_lock)
        {
            if (_closed) return;
            _memories.RemoveAll(remains =>
            {
                if (remains.Memory != null) return false;
                found.Add(remains);
                return true;
            });
            cleared = [.. _cleared.Where(remains => remains.ClearedAt != collection)];
            if (found.Count == 0 && cleared.Count == 0) return;
            _cleared.RemoveAll(remains => remains.ClearedAt != collection);
            foreach (var remains in found.Concat(cleared)) dead.UnionWith(remains.Classes);
        }
        foreach (var name in found.SelectMany(remains => remains.Names))
        {
            Interlocked.Increment(ref _unloaded);
            machine.OnClassUnloaded(name);
        }
        foreach (var memory in Alive()) memory.Forget(dead);
        foreach (var thread in machine.AllThreads())
        {
            machine.WhileAlive(thread, t =>
            {
                Forget(t, dead);
                return t;
            });
        }
        lock (_lock)
        {
            foreach (var remains in found) remains.ClearedAt = collection;
            _cleared.AddRange(found);
        }
        if (cleared.Count > 0) Free(cleared);
    }

    private void Free(List<ClassRemains> cleared)
    {
        lock (_gate)
        {
            while (_readers > 0) Monitor.Wait(_gate);
            lock (_lock)
            {
                _refused.Clear();
                foreach (var remains in cleared)
                {
                    foreach (var klass in remains.Classes) _classes.Remove(klass);
                    _chunks.ExceptWith(remains.Chunks);
                }
            }
            foreach (var remains in cleared) remains.Free();
        }
    }

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
                foreach (var remains in _memories.Concat(_cleared)) remains.Free();
                _memories.Clear();
                _cleared.Clear();
                _classes.Clear();
                _chunks.Clear();
                _refused.Clear();
            }
        }
    }
}
