using System.Diagnostics;
using Holon.Machines;
using Holon.Networking.Nat;

namespace Holon.Networking.Host;

/// <summary>Something with a descriptor that the loop watches.</summary>
internal interface IPollHandler
{
    /// <summary>Called on the loop's thread with epoll's event bits.</summary>
    void OnEvents(uint events);
}

/// <summary>
/// One thread that waits for descriptors, timers and signals from other threads, and runs everything of one network.
/// Nothing is allocated while events flow.
/// </summary>
internal sealed unsafe class EventLoop : IDisposable
{
    private const int Batch = 128;

    /// <summary>Nanoseconds that a wait may last longer; Linux's usual 50,000 are half of our shortest pause.</summary>
    private const uint TimerSlack = 5_000;

    private readonly int _epoll, _wake;
    private readonly Thread _thread;
    private readonly Lock _postedLock = new();
    private readonly List<Slot> _slots = [];
    private readonly Stack<int> _freeSlots = new();
    private List<Action> _posted = [], _running = [];
    private int _signalled;
    private volatile bool _stopping;
    private bool _sleeps, _waitsExactly = true;
    private readonly Patience _patience = new();

    /// <summary>Makes the loop; <see cref="Start"/> runs it.</summary>
    /// <exception cref="HolonException">The host has no descriptors left.</exception>
    public EventLoop(string name)
    {
        _epoll = Linux.EpollCreate(Linux.CloseOnExec);
        _wake = Linux.EventDescriptor(0, Linux.CloseOnExec | Linux.NonBlocking);
        if (_epoll < 0 || _wake < 0) throw new HolonException($"A network needs descriptors for its event loop, and the host gave none ({Linux.Describe(Linux.Error)}).");
        _slots.Add(default); // slot 0 is the wake-up
        var change = new Linux.EpollEvent { Events = Linux.EpollIn | Linux.EpollEdge };
        _ = Linux.EpollControl(_epoll, 1, _wake, &change);
        _thread = new Thread(Run) { IsBackground = true, Name = name };
    }

    /// <summary>Called when <see cref="Signal"/> was, on the loop's thread.</summary>
    public Action? Signalled { get; set; }

    /// <summary>Called at the end of each batch of events, before the loop sleeps.</summary>
    public Action? BatchEnded { get; set; }

    /// <summary>Called when something on the loop threw: a defect, after which the loop goes on.</summary>
    public Action<Exception>? Faulted { get; set; }

    public TimerQueue Timers { get; } = new();

    /// <summary>Nanoseconds of the monotonic clock, as of this batch.</summary>
    public long Now { get; private set; } = Clock();

    public void Start() => _thread.Start();

    /// <summary>Wakes the loop; any thread. Costs nothing when it has been woken and has not come round yet.</summary>
    public void Signal()
    {
        if (Interlocked.Exchange(ref _signalled, 1) == 0 && Volatile.Read(ref _sleeps)) Wake();
    }

    /// <summary>Runs something on the loop's thread.</summary>
    public void Post(Action action)
    {
        lock (_postedLock) _posted.Add(action);
        Wake();
    }

    /// <summary>Runs something on the loop's thread and waits for its result. Not to be called on that thread.</summary>
    public T Call<T>(Func<T> function)
    {
        if (Thread.CurrentThread == _thread || !_thread.IsAlive) return function();
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                done.SetResult(function());
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        });
        return done.Task.GetAwaiter().GetResult();
    }

    /// <summary>Watches a descriptor; the number is for <see cref="Modify"/> and <see cref="Remove"/>.</summary>
    public int Add(int descriptor, uint events, IPollHandler handler)
    {
        if (!_freeSlots.TryPop(out var slot))
        {
            slot = _slots.Count;
            _slots.Add(default);
        }

        var generation = _slots[slot].Generation + 1;
        _slots[slot] = new Slot(handler, descriptor, generation);
        var change = new Linux.EpollEvent { Events = events, Data = (ulong)generation << 32 | (uint)slot };
        if (Linux.EpollControl(_epoll, 1, descriptor, &change) < 0) throw new HolonException($"The host does not watch another descriptor ({Linux.Describe(Linux.Error)}).");
        return slot;
    }

    /// <summary>Changes what is watched for.</summary>
    public void Modify(int slot, uint events)
    {
        var change = new Linux.EpollEvent { Events = events, Data = (ulong)_slots[slot].Generation << 32 | (uint)slot };
        _ = Linux.EpollControl(_epoll, 3, _slots[slot].Descriptor, &change);
    }

    /// <summary>Watches no more; to be called before the descriptor is closed. Events of this batch are dropped.</summary>
    public void Remove(int slot)
    {
        if (slot <= 0) return;
        _ = Linux.EpollControl(_epoll, 2, _slots[slot].Descriptor, null);
        _slots[slot] = new Slot(null, -1, _slots[slot].Generation);
        _freeSlots.Push(slot);
    }

    /// <summary>Ends the loop and waits for its thread.</summary>
    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        Wake();
        if (_thread.IsAlive && Thread.CurrentThread != _thread) _thread.Join();
        _ = Linux.Close(_epoll);
        _ = Linux.Close(_wake);
    }

    private static long Clock() => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    private void Wake()
    {
        var one = 1ul;
        _ = Linux.Write(_wake, &one, sizeof(ulong));
    }

    private void Run()
    {
        // Safe: the buffer is a local of this thread's stack and the kernel writes at most Batch events to it.
        var events = stackalloc Linux.EpollEvent[Batch];
        Linux.SetTimerSlack(TimerSlack);
        while (!_stopping)
        {
            var count = Wait(events);
            Now = Clock();
            for (var i = 0; i < count; i++)
            {
                try
                {
                    Dispatch(events[i]);
                }
                catch (Exception exception)
                {
                    Faulted?.Invoke(exception);
                }
            }

            try
            {
                if (Volatile.Read(ref _signalled) != 0 && Interlocked.Exchange(ref _signalled, 0) != 0) Signalled?.Invoke();
                Timers.FireDue(Now);
                BatchEnded?.Invoke();
            }
            catch (Exception exception)
            {
                Faulted?.Invoke(exception);
            }
        }
    }

    /// <summary>Waits for events: where waits have been short lately by looking, otherwise asleep.</summary>
    private int Wait(Linux.EpollEvent* events)
    {
        var count = _patience.Begin() && TryLook(events, out var seen) ? seen : Sleep(events);
        _patience.End();
        return count;
    }

    private bool TryLook(Linux.EpollEvent* events, out int count)
    {
        while (_patience.Lasts())
        {
            count = Linux.EpollWait(_epoll, events, Batch, 0);
            if (count != 0 || Volatile.Read(ref _signalled) != 0 || Timers.Next <= Clock()) return true;
            Thread.Yield(); // whoever wants this processor has something to do
        }

        count = 0;
        return false;
    }

    private int Sleep(Linux.EpollEvent* events)
    {
        // Whoever signals sees that the loop sleeps, or the loop sees the signal.
        Volatile.Write(ref _sleeps, true);
        Interlocked.MemoryBarrier();
        var count = Sleep(events, Volatile.Read(ref _signalled) != 0);
        Volatile.Write(ref _sleeps, false);
        return count;
    }

    private int Sleep(Linux.EpollEvent* events, bool isSignalled)
    {
        if (isSignalled) return Linux.EpollWait(_epoll, events, Batch, 0);
        var next = Timers.Next;
        if (next == long.MaxValue) return Linux.EpollWait(_epoll, events, Batch, -1);
        var left = Math.Max(next - Clock(), 0);
        // Only the shortest waits need more than milliseconds, and an old kernel then rounds them.
        if (left is > 0 and < 2_000_000 && _waitsExactly)
        {
            var count = Linux.EpollWait(_epoll, events, Batch, new Linux.TimeSpec(0, left));
            if (count >= 0 || Linux.Error != Linux.NotThere) return count;
            _waitsExactly = false;
        }

        return Linux.EpollWait(_epoll, events, Batch, (int)Math.Min((left + 999_999) / 1_000_000, 60_000));
    }

    private void Dispatch(Linux.EpollEvent occurred)
    {
        var slot = (int)(uint)occurred.Data;
        if (slot == 0)
        {
            var value = 0ul;
            _ = Linux.Read(_wake, &value, sizeof(ulong));
            RunPosted();
            return;
        }

        var entry = _slots[slot];
        if (entry.Generation == (int)(occurred.Data >> 32)) entry.Handler?.OnEvents(occurred.Events);
    }

    private void RunPosted()
    {
        lock (_postedLock) (_posted, _running) = (_running, _posted);
        foreach (var action in _running) action();
        _running.Clear();
    }

    private readonly record struct Slot(IPollHandler? Handler, int Descriptor, int Generation);
}
