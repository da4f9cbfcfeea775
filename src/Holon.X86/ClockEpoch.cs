using System.Runtime.InteropServices;

namespace Holon.X86;

/// <summary>How guest time follows from a counter of the host, until the next epoch. Generated code reads it: the order of its fields is fixed.</summary>
/// <param name="Counter">The host's counter at its beginning.</param>
/// <param name="Scale">Guest nanoseconds a tick of the counter, times 2^32; zero while time stands still.</param>
/// <param name="Nanoseconds">Guest time at its beginning.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct ClockEpoch(ulong Counter, long Scale, long Nanoseconds)
{
    /// <summary>Guest nanoseconds when the counter has a value; a little before the beginning, too.</summary>
    public long At(ulong counter)
    {
        var high = Math.BigMul((long)(counter - Counter), Scale, out var low);
        return Nanoseconds + ((high << 32) | (low >>> 32));
    }
}
