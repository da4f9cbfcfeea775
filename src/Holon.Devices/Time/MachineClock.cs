using System.Diagnostics;
using Holon.Devices.State;

namespace Holon.Devices.Time;

/// <summary>
/// The machine's time: the host's monotonic clock from the moment the machine first runs, without the spans in which it was paused.
/// It starts paused; the time-stamp counter ticks once a nanosecond.
/// </summary>
/// <remarks>
/// Thread-safe. One thread sleeps until the earliest timer. Lock order: the lock of dispatching, then a device's, then the clock's own;
/// the clock's own is never held while a callback runs, so devices may set timers under their locks and from callbacks.
/// </remarks>
public sealed class MachineClock : IMachineClock, IStatefulDevice, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Lock _dispatching = new(); // held while callbacks run: Pause waits for them through it
    private readonly TimerQueue _timers = new();
    private readonly PreciseWait _wait = new();
    private readonly Thread _thread;
    private volatile Epoch _epoch = new(0, 0, Running: false);
    private long _sleepingUntil = long.MinValue; // guest nanoseconds; guarded by _lock; long.MinValue while the thread is awake
    private bool _disposed;

    /// <summary>A clock at zero that stands still until <see cref="Resume"/>.</summary>
    public MachineClock()
    {
        _thread = new Thread(Dispatch) { IsBackground = true, Name = "machine clock" };
        _thread.Start();
    }

    /// <summary>Called on the clock's thread before a timer fires: a moment that has nothing to do with what a vCPU is at. Must be quick and not call back. To be set before the clock runs.</summary>
    public Action? Ticking { get; set; }

    /// <inheritdoc/>
    public long Nanoseconds
    {
        get
        {
            var epoch = _epoch; // one immutable object, so that a reader never sees half of a pause
            return epoch.Running ? epoch.Guest + (HostNanoseconds() - epoch.Host) : epoch.Guest;
        }
    }

    /// <inheritdoc/>
    public ulong TscFrequency => 1_000_000_000;

    /// <inheritdoc/>
    public ulong Tsc => (ulong)Nanoseconds;

    /// <inheritdoc/>
    public ITimer CreateTimer(Lock deviceLock, Action callback) => new MachineTimer(this, deviceLock, callback);

    /// <summary>
    /// Stops time. When it returns, no timer's callback runs any more; so it must not be called under a device's lock
    /// (from within a callback it may: that callback is then the last).
    /// </summary>
    public void Pause()
    {
        lock (_lock)
        {
            if (_epoch.Running) _epoch = new Epoch(Nanoseconds, 0, Running: false);
        }

        if (Environment.CurrentManagedThreadId == _thread.ManagedThreadId) return;
        lock (_dispatching)
        {
            // Taking it is enough: whoever fires next sees that time stands still.
        }
    }

    /// <summary>Lets time go on from where it stopped.</summary>
    public void Resume()
    {
        lock (_lock)
        {
            if (_epoch.Running) return;
            _epoch = new Epoch(_epoch.Guest, HostNanoseconds(), Running: true);
            _sleepingUntil = long.MinValue;
        }

        _wait.Wake();
    }

    /// <summary>Nothing: time goes on through a reset of the machine.</summary>
    public void Reset()
    {
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("clock", 1);
        writer.Write(Nanoseconds);
        writer.EndSection();
    }

    /// <summary>Sets the time that was saved. The clock must be paused.</summary>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("clock", 1);
        var now = reader.ReadNanoseconds();
        reader.EndSection();
        lock (_lock)
        {
            if (_epoch.Running) throw new InvalidOperationException("Pause the clock before its state is loaded.");
            _epoch = new Epoch(now, 0, Running: false);
        }
    }

    /// <summary>Ends the clock's thread, after the callback it may be in.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
        }

        _wait.Wake();
        if (Environment.CurrentManagedThreadId != _thread.ManagedThreadId) _thread.Join();
        _wait.Dispose();
    }

    internal void Arm(MachineTimer timer, long deadline)
    {
        bool wake;
        lock (_lock)
        {
            timer.Deadline = deadline;
            timer.Generation++;
            _timers.Set(timer);
            wake = deadline < _sleepingUntil && _epoch.Running && !_disposed;
            if (wake) _sleepingUntil = long.MinValue; // once is enough
        }

        if (wake) _wait.Wake();
    }

    internal void Cancel(MachineTimer timer)
    {
        lock (_lock)
        {
            timer.Generation++;
            _timers.Remove(timer);
        }
    }

    private static long HostNanoseconds()
    {
        var ticks = Stopwatch.GetTimestamp();
        if (Stopwatch.Frequency == 1_000_000_000) return ticks;
        var (seconds, rest) = Math.DivRem(ticks, Stopwatch.Frequency); // split first: the product of all of it would overflow in hours
        return (seconds * 1_000_000_000) + (rest * 1_000_000_000 / Stopwatch.Frequency);
    }

    private void Dispatch()
    {
        PreciseWait.SharpenCurrentThread();
        while (true)
        {
            long? sleep;
            lock (_dispatching)
            {
                while ((sleep = FireNext()) == 0)
                {
                }
            }

            if (sleep is not { } nanoseconds) return;
            _wait.Wait(nanoseconds);
        }
    }

    /// <summary>Fires the first timer when it is due.</summary>
    /// <returns>0 when it fired; else how long to sleep, -1 for until woken; null when the clock was disposed of.</returns>
    private long? FireNext()
    {
        MachineTimer timer;
        uint generation;
        lock (_lock)
        {
            _sleepingUntil = long.MinValue;
            if (_disposed) return null;
            if (!_epoch.Running || _timers.First is not { } first)
            {
                _sleepingUntil = long.MaxValue;
                return -1;
            }

            var now = Nanoseconds;
            if (first.Deadline > now)
            {
                _sleepingUntil = first.Deadline;
                return first.Deadline - now;
            }

            timer = first;
            generation = first.Generation;
            _timers.Remove(first);
        }

        Ticking?.Invoke();
        timer.Fire(generation);
        return 0;
    }

    /// <summary>How guest time follows from host time.</summary>
    private sealed record Epoch(long Guest, long Host, bool Running);
}
