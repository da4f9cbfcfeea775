using System.Runtime.InteropServices;
using Holon.Machines;

namespace Holon.Devices.Time;

/// <summary>
/// A sleep of nanosecond resolution that another thread can end early: ppoll(2) on an eventfd(2). .NET's own waits count in
/// milliseconds, too coarse for a guest's timers.
/// </summary>
internal sealed unsafe partial class PreciseWait : IDisposable
{
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800, SetTimerSlack = 29;
    private const short PollIn = 1;

    private readonly int _event;

    public PreciseWait()
    {
        _event = EventFd(0, CloseOnExec | NonBlocking);
        if (_event < 0) throw new HolonException($"The host refused an event descriptor ({Marshal.GetLastPInvokeErrorMessage()}); raise the limit on open files.");
    }

    /// <summary>Asks the kernel not to round this thread's sleeps: by default it may add 50 µs.</summary>
    public static void SharpenCurrentThread() => _ = Prctl(SetTimerSlack, 1, 0, 0, 0);

    /// <summary>Sleeps; returns early after <see cref="Wake"/>.</summary>
    /// <param name="nanoseconds">How long; negative for until woken.</param>
    public void Wait(long nanoseconds)
    {
        var poll = new PollDescriptor { Descriptor = _event, Events = PollIn };
        var time = new TimeSpecification { Seconds = nanoseconds / 1_000_000_000, Nanoseconds = nanoseconds % 1_000_000_000 };

        // Safe: the kernel reads and writes the two structures on this stack frame only during the call.
        if (Ppoll(&poll, 1, nanoseconds < 0 ? null : &time, null) <= 0) return;
        ulong count;
        _ = Read(_event, &count, sizeof(ulong)); // safe: exactly the eight bytes of count
    }

    /// <summary>Ends the sleep that goes on, or the next one.</summary>
    public void Wake()
    {
        ulong one = 1;
        _ = Write(_event, &one, sizeof(ulong)); // safe: exactly the eight bytes of one
    }

    public void Dispose() => _ = Close(_event);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "ppoll")]
    private static partial int Ppoll(PollDescriptor* descriptors, nuint count, TimeSpecification* timeout, void* signalMask);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int descriptor, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Prctl(int option, nuint argument2, nuint argument3, nuint argument4, nuint argument5);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events, Returned;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpecification
    {
        public long Seconds, Nanoseconds;
    }
}
