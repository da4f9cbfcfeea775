namespace Holon.Machines;

/// <summary>
/// Whether a machine's processors have something to do. A guest that has halted one has dealt with everything that it was given so far; others go by that
/// when they have more for it than it can take.
/// </summary>
/// <remarks>Thread-safe. Processors that the guest has never started do not count.</remarks>
public sealed class ProcessorRest
{
    private int _resting;
    private int _isAwaited;

    /// <summary>Raised on a vCPU's thread when a processor begins to rest after <see cref="Await"/> has found none. Must be quick.</summary>
    public event Action? Rested;

    /// <summary>Whether a processor rests.</summary>
    public bool IsAny => Volatile.Read(ref _resting) > 0;

    /// <summary>Whether a processor rests; if not, <see cref="Rested"/> is raised once, for all who have asked, as soon as one does.</summary>
    public bool Await()
    {
        Interlocked.Exchange(ref _isAwaited, 1); // a fence, too: either this sees who begins to rest, or that one sees this
        return IsAny;
    }

    /// <summary>A processor begins to rest.</summary>
    public void Begin()
    {
        Interlocked.Increment(ref _resting);
        if (Volatile.Read(ref _isAwaited) != 0 && Interlocked.Exchange(ref _isAwaited, 0) != 0) Rested?.Invoke();
    }

    /// <summary>It has something to do.</summary>
    public void End() => Interlocked.Decrement(ref _resting);
}
