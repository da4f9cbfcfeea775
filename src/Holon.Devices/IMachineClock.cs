using Holon.X86;

namespace Holon.Devices;

/// <summary>The machine's clock, and timers on it. Stands still while the machine is paused.</summary>
public interface IMachineClock : IVcpuClock
{
    /// <summary>Makes a timer. Its callback runs on the clock's thread, under the lock given (the device's own).</summary>
    ITimer CreateTimer(Lock deviceLock, Action callback);
}

/// <summary>A one-shot timer.</summary>
public interface ITimer
{
    /// <summary>Sets the moment, in guest nanoseconds; replaces an earlier one. A moment in the past fires at once.</summary>
    void Arm(long deadlineNanoseconds);

    /// <summary>Forgets the moment set.</summary>
    void Cancel();
}
