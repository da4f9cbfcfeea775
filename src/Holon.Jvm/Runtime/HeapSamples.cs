using System.Runtime.InteropServices;

namespace Holon.Jvm.Runtime;

/// <summary>
/// Tells how much of what a machine has allocated is still in use, whoever holds it: a local variable of compiled code as well as a
/// field. Of every so many bytes one object is watched by a weak handle; those that .NET's collector has not found dead stand for as
/// many bytes. Which one it is depends on chance, so that no program can show only garbage. Long arrays are all
/// watched, with their own size. The estimate is off by about one part in thirty at most.
/// </summary>
internal sealed class HeapSamples : IDisposable
{
    private readonly record struct Sample(GCHandle Handle, long Bytes);

    private readonly Lock _lock = new();
    private readonly List<Sample> _samples = [];
    private readonly long _bound;
    private long _recorded, _nextLook;
    private bool _closed;

    /// <summary>Of a heap that may have some bytes.</summary>
    public HeapSamples(long bound)
    {
        _bound = _nextLook = bound;
        Distance = Math.Clamp(bound / 4096, 1024, 256 << 10);
    }

    /// <summary>Bytes from one watched object to the next, on average.</summary>
    public long Distance { get; }

    /// <summary>No object of this size or more goes unwatched.</summary>
    public long LongestDistance => Distance * 3 / 2;

    /// <summary>Where the next watched object is, in bytes from the last one.</summary>
    public long NextDistance() => Random.Shared.NextInt64(Distance / 2, LongestDistance);

    /// <summary>Watches an object that stands for some bytes; true when it is time to look how much is in use.</summary>
    public bool Add(object o, long bytes)
    {
        lock (_lock)
        {
            if (_closed) return false;
            _samples.Add(new Sample(GCHandle.Alloc(o, GCHandleType.WeakTrackResurrection), bytes));
            _recorded += bytes;
            return _recorded > _nextLook;
        }
    }

    /// <summary>Bytes in use, as far as the collector has looked; it is made to look when there seem to be more than <paramref name="most"/>.</summary>
    public long InUse(long most)
    {
        lock (_lock)
        {
            if (_closed) return 0;
            var live = Count();
            if (live > most)
            {
                GC.Collect();
                live = Count();
            }
            _nextLook = _recorded + Math.Max(most - live, _bound / 8);
            return live;
        }
    }

    /// <summary>Bytes in use, as far as the collector has looked.</summary>
    public long InUse()
    {
        lock (_lock) return _closed ? 0 : Count();
    }

    private long Count()
    {
        long live = 0;
        var kept = 0;
        for (var i = 0; i < _samples.Count; i++)
        {
            var sample = _samples[i];
            if (sample.Handle.Target == null)
            {
                sample.Handle.Free();
                continue;
            }
            live += sample.Bytes;
            _samples[kept++] = sample;
        }
        _samples.RemoveRange(kept, _samples.Count - kept);
        return live;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            foreach (var sample in _samples) sample.Handle.Free();
            _samples.Clear();
        }
    }
}
