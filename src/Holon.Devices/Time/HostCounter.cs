using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Holon.Devices.Time;

/// <summary>
/// The counter that guest time follows: the processor's time-stamp counter where Linux itself keeps time by it, so that generated code can read it, too
/// (decision 68); else the monotonic clock.
/// </summary>
internal static unsafe partial class HostCounter
{
    /// <summary>One, as <see cref="X86.ClockEpoch.Scale"/> has it.</summary>
    private const double One = 1L << 32;

    /// <summary>Samples less apart than this many nanoseconds say too little of the counter's rate.</summary>
    private const long LeastBaseline = 5_000_000;

    private const int ProtRead = 1, ProtWrite = 2, ProtExecute = 4, MapPrivate = 2, MapAnonymous = 0x20, PageBytes = 4096;

    private static readonly delegate* unmanaged[SuppressGCTransition]<ulong> _read = Prepare();
    private static readonly (ulong Counter, long Nanoseconds) _first = Sample();

    /// <summary>Whether it is the processor's: RDTSC in generated code reads the same.</summary>
    public static bool IsProcessors => _read != null;

    /// <summary>What it says now.</summary>
    public static ulong Read() => _read != null ? _read() : (ulong)Stopwatch.GetTimestamp();

    /// <summary>Nanoseconds a tick, times 2^32, as measured since the process began to use it. At first this may wait for a few milliseconds.</summary>
    public static long Scale()
    {
        if (_read == null) return (long)(One * 1e9 / Stopwatch.Frequency);
        var (counter, nanoseconds) = Sample();
        for (; nanoseconds - _first.Nanoseconds < LeastBaseline; (counter, nanoseconds) = Sample()) Thread.Sleep(1);
        return (long)(One * (nanoseconds - _first.Nanoseconds) / (counter - _first.Counter));
    }

    /// <summary>The counter and the monotonic clock's nanoseconds at one moment, to within some tens of nanoseconds.</summary>
    public static (ulong Counter, long Nanoseconds) Sample()
    {
        (ulong Counter, long Nanoseconds) best = default;
        var shortest = ulong.MaxValue;
        for (var i = 0; i < 8; i++)
        {
            var before = Read();
            var nanoseconds = MonotonicNanoseconds();
            var took = Read() - before;
            if (took >= shortest) continue;
            shortest = took;
            best = (before + (took / 2), nanoseconds);
        }

        return best;
    }

    private static long MonotonicNanoseconds()
    {
        var ticks = Stopwatch.GetTimestamp();
        if (Stopwatch.Frequency == 1_000_000_000) return ticks;
        var (seconds, rest) = Math.DivRem(ticks, Stopwatch.Frequency); // split first: the product of all of it would overflow in hours
        return (seconds * 1_000_000_000) + (rest * 1_000_000_000 / Stopwatch.Frequency);
    }

    /// <summary>A function that reads the counter, or null where it is no clock.</summary>
    private static delegate* unmanaged[SuppressGCTransition]<ulong> Prepare()
    {
        if (!IsClock()) return null;
        // LFENCE, since RDTSC does not wait for what stands before it (SDM vol. 2, RDTSC); SHL RDX, 32; OR RAX, RDX; RET.
        ReadOnlySpan<byte> code = [0x0F, 0xAE, 0xE8, 0x0F, 0x31, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0, 0xC3];
        var page = Mmap(0, PageBytes, ProtRead | ProtWrite, MapPrivate | MapAnonymous, -1, 0);
        if (page == -1) return null;
        code.CopyTo(new Span<byte>((void*)page, PageBytes)); // safe: the page is ours, writable, and longer
        return Mprotect(page, PageBytes, ProtRead | ProtExecute) == 0 ? (delegate* unmanaged[SuppressGCTransition]<ulong>)page : null;
    }

    /// <summary>The counter never stops and ticks evenly (SDM vol. 3 §17.17.1), and Linux has found nothing to say against it.</summary>
    private static bool IsClock()
    {
        const uint powerManagement = 0x80000007, invariantTsc = 1 << 8;
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < powerManagement) return false;
        if ((X86Base.CpuId(unchecked((int)powerManagement), 0).Edx & invariantTsc) == 0) return false;
        try
        {
            return File.ReadAllText("/sys/devices/system/clocksource/clocksource0/current_clocksource").Trim() == "tsc";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Mprotect(nint address, nuint length, int protection);
}
