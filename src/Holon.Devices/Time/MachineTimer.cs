namespace Holon.Devices.Time;

/// <summary>A timer of <see cref="MachineClock"/>.</summary>
internal sealed class MachineTimer(MachineClock clock, Lock deviceLock, Action callback) : ITimer
{
    private uint _generation;

    /// <summary>Guest nanoseconds. Guarded by the clock's lock, as are all members but <see cref="Fire"/>.</summary>
    public long Deadline { get; set; }

    /// <summary>Place in the queue, -1 when not queued.</summary>
    public int QueueIndex { get; set; } = -1;

    /// <summary>Counts settings, so that one that was replaced or cancelled while its callback waited for the device's lock does not fire.</summary>
    public uint Generation
    {
        get => Volatile.Read(ref _generation);
        set => Volatile.Write(ref _generation, value);
    }

    public void Arm(long deadlineNanoseconds) => clock.Arm(this, deadlineNanoseconds);

    public void Cancel() => clock.Cancel(this);

    /// <summary>Runs the callback under the device's lock, unless the timer was set anew in the meantime.</summary>
    public void Fire(uint generation)
    {
        lock (deviceLock)
        {
            if (Generation == generation) callback();
        }
    }
}
