using System.Diagnostics;

namespace Holon.Interpreter;

/// <summary>
/// The sleep of a halted vCPU. Waking a thread takes the host tens of microseconds, as long as many an answer of a disk or a network; so while recent sleeps
/// were that short, the next one begins with looking for a while, as KVM's halt polling does (Documentation/virt/kvm/halt-polling.rst).
/// </summary>
/// <remarks>A guest that idles sleeps for longer, and is not looked after. Whoever else wants the processor gets it meanwhile.</remarks>
internal sealed class HaltWait : IDisposable
{
    private const int SpinsPerLook = 20, LooksPerYield = 16;

    private static readonly long _longestPoll = Stopwatch.Frequency / 1_000_000 * 200, _firstPoll = Stopwatch.Frequency / 1_000_000 * 10;

    private readonly ManualResetEventSlim _event = new(false, spinCount: 0);
    private long _poll; // ticks to look for before sleeping; the vCPU's own

    /// <summary>Returns after <see cref="Wake"/>.</summary>
    public void Wait()
    {
        var began = Stopwatch.GetTimestamp();
        for (var looks = 1; _poll > 0 && !_event.IsSet && Stopwatch.GetTimestamp() - began < _poll; looks++)
        {
            if (looks % LooksPerYield == 0) Thread.Yield();
            else Thread.SpinWait(SpinsPerLook);
        }

        _event.Wait();
        var slept = Stopwatch.GetTimestamp() - began;
        _poll = slept > _longestPoll ? 0 : slept > _poll ? Math.Clamp(2 * _poll, _firstPoll, _longestPoll) : _poll;
    }

    /// <summary>Ends the sleep that goes on, or the next one. Callable from any thread.</summary>
    public void Wake() => _event.Set();

    /// <summary>From now on a sleep lasts until it is ended anew.</summary>
    public void Reset() => _event.Reset();

    /// <summary>Releases the event.</summary>
    public void Dispose() => _event.Dispose();
}
