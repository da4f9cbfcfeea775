using System.Runtime;
using System.Runtime.InteropServices;
using Holon.Jvm.Heap;
using Holder = Holon.Jvm.Heap.Referent.Holder;

namespace Holon.Jvm.Runtime;

/// <summary>
/// Finds references whose referents the .NET collector took, after each collection, and hands them to Java's reference handler
/// through the pending list (java.lang.ref.Reference, "pending" state). Lets go of what soft references hold, and brings objects with finalizers back to be finalized.
/// </summary>
internal sealed class ReferenceTracker : IDisposable
{
    /// <summary>A soft reference holds what was not asked for during the last so many milliseconds for each free megabyte, as HotSpot's do.</summary>
    private const long SoftMillisecondsPerMegabyte = 1000;

    /// <summary>
    /// The handle to a holder tells when nothing can read the other one any more, and then both are freed. It tracks resurrection: the finalizer of an object
    /// may bring back a reference that died with it.
    /// </summary>
    private readonly record struct Tracked(GCHandle Holder, GCHandle Referent);

    private readonly JavaMachine _machine;
    private readonly List<Tracked> _tracked = [];
    private readonly Queue<JObject> _pending = new();
    private readonly long _start = Environment.TickCount64;
    private int _fullCollections;
    private volatile bool _closed;

    public ReferenceTracker(JavaMachine machine)
    {
        _machine = machine;
        _ = new CollectionSignal(GCHandle.Alloc(this, GCHandleType.Weak));
    }

    /// <summary>A reference gets its referent.</summary>
    public void Track(Holder holder, object referent)
    {
        if (holder.Kind == ReferenceKind.Final)
        {
            _ = new Sentinel(this, holder, referent);
            return;
        }
        if (holder.Kind == ReferenceKind.Soft) holder.Strong = referent;
        lock (_tracked)
        {
            if (_closed) return;
            holder.Handle = GCHandle.Alloc(referent, holder.Kind == ReferenceKind.Phantom ? GCHandleType.WeakTrackResurrection : GCHandleType.Weak);
            _tracked.Add(new Tracked(GCHandle.Alloc(holder, GCHandleType.WeakTrackResurrection), holder.Handle));
        }
    }

    /// <summary>An object of a class with a finalizer is constructed.</summary>
    public void RegisterFinalizer(JThread t, object o) => t.Call(_machine.Known.RegisterFinalizer, Value.Of((JObject)o));

    /// <summary>After a collection: moves references with dead referents to the pending queue.</summary>
    public void Scan()
    {
        _machine.Unloading.Step();
        var found = new List<JObject>();
        lock (_tracked)
        {
            if (_closed || _machine.Known == null) return;
            var softLimit = SoftLimit();
            var kept = 0;
            foreach (var tracked in CollectionsMarshal.AsSpan(_tracked))
            {
                if (tracked.Holder.Target is not Holder holder)
                {
                    tracked.Holder.Free();
                    tracked.Referent.Free();
                    continue;
                }
                _tracked[kept++] = tracked;
                if (tracked.Referent.Target == null)
                {
                    ref var field = ref JObject.At<object?>(holder.Reference, _machine.Known.ReferenceReferent);
                    if (Interlocked.CompareExchange(ref field, null, holder) == holder) found.Add(holder.Reference);
                }
                else if (holder.Strong != null && holder.Reference.Field<long>(_machine.Known.SoftTimestamp) < softLimit)
                {
                    holder.Strong = null;
                }
            }
            _tracked.RemoveRange(kept, _tracked.Count - kept);
        }
        if (found.Count > 0) Enqueue(found);
    }

    /// <summary>
    /// Soft references that were last asked before this are to let go; nothing before it when no full collection has been, since only those find old objects.
    /// Sets the clock that they note when they are asked.
    /// </summary>
    private unsafe long SoftLimit()
    {
        var collections = GC.CollectionCount(2);
        if (collections == _fullCollections) return long.MinValue;
        _fullCollections = collections;
        var clock = (long*)_machine.Known.SoftClock;
        var limit = *clock - (_machine.FreeHeap >> 20) * SoftMillisecondsPerMegabyte;
        Volatile.Write(ref *clock, Environment.TickCount64 - _start + 1);
        return limit;
    }

    /// <summary>Memory is short: no soft reference holds anything from now on, until it is asked again.</summary>
    public void GiveUpSoft()
    {
        lock (_tracked)
        {
            if (_closed) return;
            foreach (var tracked in _tracked)
            {
                if (tracked.Holder.Target is Holder holder) holder.Strong = null;
            }
        }
    }

    private void Enqueue(List<JObject> references)
    {
        lock (_pending)
        {
            foreach (var reference in references) _pending.Enqueue(reference);
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

    /// <summary>Nobody waits any more, and nothing is found.</summary>
    public void Close()
    {
        _closed = true;
        lock (_pending) Monitor.PulseAll(_pending);
    }

    /// <summary>Frees the handles. No thread of the machine may run any more.</summary>
    public void Dispose()
    {
        Close();
        lock (_tracked)
        {
            foreach (var tracked in _tracked)
            {
                tracked.Holder.Free();
                tracked.Referent.Free();
            }
            _tracked.Clear();
        }
    }

    /// <summary>
    /// Dies with an object that is to be finalized, and brings it back. A dependent handle keeps it for as long as anything but itself reaches the object, so weak
    /// references to the object are cleared before, and phantom ones, which track resurrection, are not.
    /// </summary>
    private sealed class Sentinel
    {
        private readonly ReferenceTracker _tracker;
        private readonly Holder _holder;
        private readonly object _object;
        private DependentHandle _handle;

        public Sentinel(ReferenceTracker tracker, Holder holder, object o)
        {
            (_tracker, _holder, _object) = (tracker, holder, o);
            _handle = new DependentHandle(o, this);
        }

        ~Sentinel()
        {
            _handle.Dispose();
            if (_tracker._closed) return;
            _holder.Strong = _object;
            _tracker.Enqueue([_holder.Reference]);
        }
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
