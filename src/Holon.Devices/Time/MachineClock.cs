using System.Runtime.CompilerServices;
using Holon.Devices.State;
using Holon.X86;

namespace Holon.Devices.Time;

/// <summary>
/// The machine's time: the host's monotonic clock from the moment the machine first runs, without the spans in which it was paused.
/// It starts paused; the time-stamp counter ticks once a nanosecond.
/// Where the processor's own counter is a clock, time follows that one, and is steered towards the monotonic clock (<see cref="HostCounter"/>).
/// </summary>
/// <remarks>
/// Thread-safe. One thread sleeps until the earliest timer. Lock order: the lock of dispatching, then a device's, then the clock's own;
/// the clock's own is never held while a callback runs, so devices may set timers under their locks and from callbacks.
/// </remarks>
public sealed unsafe class MachineClock : IMachineClock, IStatefulDevice, IDisposable
{
    /// <summary>Nanoseconds after which the rate is measured again: the first time, and always.</summary>
    private const long FirstSteering = 1_000_000_000, Steering = 10_000_000_000;

    /// <summary>Epochs that are kept, since somebody may still read one that has just ended.</summary>
    private const int KeptEpochs = 64;

    private const int EpochWords = 3;

    private readonly Lock _lock = new();
    private readonly Lock _dispatching = new(); // held while callbacks run: Pause waits for them through it
    private readonly TimerQueue _timers = new();
    private readonly PreciseWait _wait = new();
    private readonly Thread _thread;
    private readonly ulong[] _epochs = GC.AllocateArray<ulong>(1 + (EpochWords * KeptEpochs), pinned: true); // the address of the current one, then all of them
    private readonly ulong* _current;
    private int _epochCount;
    private volatile bool _running;
    private long _hostAhead, _steerAt; // how much the monotonic clock is to be ahead of guest time, and when that is looked at next
    private long _sleepingUntil = long.MinValue; // guest nanoseconds; guarded by _lock; long.MinValue while the thread is awake
    private bool _disposed;

    /// <summary>A clock at zero that stands still until <see cref="Resume"/>.</summary>
    public MachineClock()
    {
        _current = (ulong*)Unsafe.AsPointer(ref _epochs[0]); // safe: the array is pinned and lives as long as this object
        Begin(new ClockEpoch(0, 0, 0));
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
            // One epoch, which never changes once it is current, so that a reader never sees half of a pause.
            var now = ((ClockEpoch*)Volatile.Read(ref *_current))->At(HostCounter.Read());
            GC.KeepAlive(this);
            return now;
        }
    }

    /// <inheritdoc/>
    public ulong TscFrequency => 1_000_000_000;

    /// <inheritdoc/>
    public ulong Tsc => (ulong)Nanoseconds;

    /// <inheritdoc/>
    public nint ProcessorEpoch => HostCounter.IsProcessors ? (nint)_current : 0;

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
            if (_running)
            {
                Begin(new ClockEpoch(0, 0, Nanoseconds));
                _running = false;
            }
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
            if (_running) return;
            var (counter, host) = HostCounter.Sample();
            var guest = Nanoseconds;
            (_hostAhead, _steerAt) = (host - guest, HostCounter.IsProcessors ? guest + FirstSteering : long.MaxValue);
            Begin(new ClockEpoch(counter, HostCounter.Scale(), guest));
            _running = true;
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
            if (_running) throw new InvalidOperationException("Pause the clock before its state is loaded.");
            Begin(new ClockEpoch(0, 0, now));
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
            wake = deadline < _sleepingUntil && _running && !_disposed;
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

    /// <summary>Makes an epoch the current one.</summary>
    private void Begin(ClockEpoch epoch)
    {
        var slot = _current + 1 + (EpochWords * (_epochCount++ % KeptEpochs));
        *(ClockEpoch*)slot = epoch;
        Volatile.Write(ref *_current, (ulong)slot);
    }

    /// <summary>Lets time run a little faster or slower, so that by the next time it has gone on as much as the monotonic clock.</summary>
    private void Steer()
    {
        var (counter, host) = HostCounter.Sample();
        var guest = ((ClockEpoch*)*_current)->At(counter);
        Begin(Steered(new ClockEpoch(counter, HostCounter.Scale(), guest), host - guest - _hostAhead));
        _steerAt = guest + Steering;
    }

    /// <summary>An epoch that makes good, until it is steered again, for what time is behind, or ahead when negative.</summary>
    /// <param name="epoch">With the rate that was measured.</param>
    /// <param name="behind">Nanoseconds.</param>
    internal static ClockEpoch Steered(ClockEpoch epoch, long behind)
    {
        const double most = 500e-6; // as Linux slews; what would take longer is made up for at once, but never backwards
        var share = (double)behind / Steering;
        if (share > most) return epoch with { Nanoseconds = epoch.Nanoseconds + behind };
        return epoch with { Scale = (long)(epoch.Scale * (1 + Math.Max(share, -most))) };
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
            if (!_running)
            {
                _sleepingUntil = long.MaxValue;
                return -1;
            }

            var now = Nanoseconds;
            if (now >= _steerAt) Steer();
            if (_timers.First is not { } first || first.Deadline > now)
            {
                var until = Math.Min(_timers.First?.Deadline ?? long.MaxValue, _steerAt);
                _sleepingUntil = until;
                return until == long.MaxValue ? -1 : Math.Max(until - now, 1);
            }

            timer = first;
            generation = first.Generation;
            _timers.Remove(first);
        }

        Ticking?.Invoke();
        timer.Fire(generation);
        return 0;
    }
}
