using System.Runtime.InteropServices;
using Holon.Jvm.Heap;

namespace Holon.Jvm.Runtime;

/// <summary>
/// Finds references whose referents the .NET collector took, after each collection, and hands them to Java's reference handler
/// through the pending list (java.lang.ref.Reference, "pending" state).
/// </summary>
internal sealed class ReferenceTracker
{
    private readonly Action _collected;
    private readonly List<WeakReference<JObject>> _tracked = [];
    private readonly Queue<JObject> _pending = new();
    private long _offset;
    private volatile bool _closed;

    /// <param name="collected">What else is to be done after each collection.</param>
    public ReferenceTracker(Action collected)
    {
        _collected = collected;
        _ = new CollectionSignal(GCHandle.Alloc(this, GCHandleType.Weak));
    }

    public void Track(JObject reference, long offset)
    {
        _offset = offset;
        lock (_tracked) _tracked.Add(new WeakReference<JObject>(reference));
    }

    /// <summary>After a collection: moves references with dead referents to the pending queue.</summary>
    public void Scan()
    {
        _collected();
        var found = new List<JObject>();
        lock (_tracked)
        {
            _tracked.RemoveAll(weak =>
            {
                if (!weak.TryGetTarget(out var reference)) return true;
                if (JObject.At<object?>(reference, _offset) is not Referent.Holder holder) return true; // cleared by the program
                if (holder.Weak!.TryGetTarget(out _)) return false;
                JObject.At<object?>(reference, _offset) = null;
                found.Add(reference);
                return true;
            });
        }
        if (found.Count == 0) return;
        lock (_pending)
        {
            foreach (var reference in found) _pending.Enqueue(reference);
            Monitor.PulseAll(_pending);
        }
    }

    public JObject? Take()
    {
        lock (_pending) return _pending.TryDequeue(out var reference) ? reference : null;
    }

    public bool HasPending
    {
        get
        {
            lock (_pending) return _pending.Count > 0;
        }
    }

    public void WaitForPending()
    {
        lock (_pending)
        {
            while (_pending.Count == 0 && !_closed) Monitor.Wait(_pending);
        }
    }

    public void Close()
    {
        _closed = true;
        lock (_pending) Monitor.PulseAll(_pending);
    }

    /// <summary>
    /// An object that dies at each collection and tells so; one that survives none is the collector's only bell. It has a bare handle: a weak reference that dies
    /// together with it may be finalized first, and then leads nowhere.
    /// </summary>
    private sealed class CollectionSignal(GCHandle tracker)
    {
        ~CollectionSignal()
        {
            if (Environment.HasShutdownStarted || tracker.Target is not ReferenceTracker { _closed: false } found)
            {
                tracker.Free();
                return;
            }
            ThreadPool.UnsafeQueueUserWorkItem(static t => t.Scan(), found, false);
            _ = new CollectionSignal(tracker);
        }
    }
}
