using System.Runtime.InteropServices;

namespace Holon.Machines.Host;

/// <summary>A thread of the host, as others of its process see it.</summary>
public static partial class HostThread
{
    /// <summary>The calling thread's number: gettid(2).</summary>
    public static int Current => GetThreadId();

    /// <summary>Time of the host's processors that a thread of this process took; zero when it has ended.</summary>
    /// <remarks>The clock of a thread is made of its number as pthread_getcpuclockid(3) does it: CPUCLOCK_PERTHREAD_MASK and CPUCLOCK_SCHED of the kernel.</remarks>
    public static unsafe TimeSpan CpuTime(int thread)
    {
        var time = stackalloc long[2]; // struct timespec of 64-bit systems: seconds, nanoseconds
        return thread > 0 && GetTime((~thread << 3) | 6, time) == 0 ? TimeSpan.FromSeconds(time[0]) + TimeSpan.FromTicks(time[1] / 100) : TimeSpan.Zero;
    }

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int GetThreadId();

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static unsafe partial int GetTime(int clock, long* time);
}
