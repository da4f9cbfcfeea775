namespace Holon.Devices.Tests;

/// <summary>A clock that moves only when a test says so; its timers fire in order, at their exact moments.</summary>
internal sealed class FakeClock : IMachineClock
{
    private readonly List<FakeTimer> _armed = [];

    public long Nanoseconds { get; private set; }

    public ulong TscFrequency => 1_000_000_000;

    public ulong Tsc => (ulong)Nanoseconds;

    /// <summary>How often callbacks ran, to notice those that a guest could make run too often.</summary>
    public int Fired { get; private set; }

    public int ArmedCount => _armed.Count;

    /// <summary>UTC that follows this clock.</summary>
    public TimeProvider Utc(DateTimeOffset start) => new FakeUtc(this, start);

    public ITimer CreateTimer(Lock deviceLock, Action callback) => new FakeTimer(this, deviceLock, callback);

    public void Advance(long nanoseconds) => AdvanceTo(Nanoseconds + nanoseconds);

    public void AdvanceTo(long target)
    {
        while (_armed.MinBy(timer => timer.Deadline) is { } first && first.Deadline <= target)
        {
            _armed.Remove(first);
            Nanoseconds = Math.Max(Nanoseconds, first.Deadline);
            Fired++;
            first.Fire();
        }

        Nanoseconds = target;
    }

    private sealed class FakeTimer(FakeClock clock, Lock deviceLock, Action callback) : ITimer
    {
        public long Deadline { get; private set; }

        public void Arm(long deadlineNanoseconds)
        {
            Deadline = deadlineNanoseconds;
            if (!clock._armed.Contains(this)) clock._armed.Add(this);
        }

        public void Cancel() => clock._armed.Remove(this);

        public void Fire()
        {
            lock (deviceLock) callback();
        }
    }

    private sealed class FakeUtc(FakeClock clock, DateTimeOffset start) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => start.AddTicks(clock.Nanoseconds / 100);
    }
}
