using System.Diagnostics;

namespace Holon.Machines;

/// <summary>
/// How a thread waits that is often woken soon: it looks again and again for a moment before it sleeps, since to sleep and be woken takes longer
/// than most answers (as the kernel's halt polling does for KVM: Documentation/virt/kvm/halt-polling.rst).
/// </summary>
/// <remarks>
/// It does so where its waits have been short lately, and never while half of the host's processors are occupied by threads that look: whoever
/// is waited for needs one. An idle machine costs nothing. Belongs to one thread.
/// </remarks>
public sealed class Patience
{
    /// <summary>Nanoseconds that it looks at most: about twice what putting a thread to sleep and waking it takes in a virtual machine.</summary>
    private const long Longest = 50_000;

    /// <summary>Short waits less long ones, within bounds; looking pays from <see cref="Enough"/> on.</summary>
    private const int Most = 16, Enough = 4;

    private static readonly int _mostLooking = Environment.ProcessorCount / 2;
    private static int _looking;

    private long _began;
    private int _credit;
    private bool _looks;

    /// <summary>A wait begins. <see cref="End"/> must follow.</summary>
    /// <returns>Whether to look, as long as <see cref="Lasts"/>; otherwise to sleep at once.</returns>
    public bool Begin()
    {
        _began = Stopwatch.GetTimestamp();
        if (_credit < Enough) return false;
        _looks = Interlocked.Increment(ref _looking) <= _mostLooking;
        if (!_looks) Interlocked.Decrement(ref _looking);
        return _looks;
    }

    /// <summary>Whether to look once more. When it says no, sleep.</summary>
    public bool Lasts()
    {
        if (Waited < Longest) return true;
        StopLooking();
        return false;
    }

    /// <summary>The wait is over.</summary>
    public void End()
    {
        StopLooking();
        _credit = Waited < Longest ? Math.Min(_credit + 1, Most) : Math.Max(_credit - 1, 0);
    }

    private long Waited => (long)((Stopwatch.GetTimestamp() - _began) * (1e9 / Stopwatch.Frequency));

    private void StopLooking()
    {
        if (_looks) Interlocked.Decrement(ref _looking);
        _looks = false;
    }
}
