namespace Holon.Devices.Time;

/// <summary>Deadlines of periodic timers, bounded so that no guest can make the clock's thread busy.</summary>
public static class Periodic
{
    /// <summary>
    /// The shortest time between two callbacks. A guest may program a period of a nanosecond; the periods it would not see anyway
    /// (its interrupt controller merges them) are skipped.
    /// </summary>
    public const long MinimumNanoseconds = 50_000;

    /// <summary>The longest time that a device adds to the present: 100 years, so that sums never overflow.</summary>
    public const long MaximumNanoseconds = 100L * 365 * 24 * 3600 * 1_000_000_000;

    /// <summary>The next multiple of a period after a start that lies in the future, and not too near.</summary>
    /// <param name="now">The present.</param>
    /// <param name="start">When the first period began; not in the future.</param>
    /// <param name="period">Nanoseconds, at least 1.</param>
    public static long NextDeadline(long now, long start, long period)
    {
        var next = start + (((now - start) / period) + 1) * period;
        if (next - now >= MinimumNanoseconds || period >= MinimumNanoseconds) return next;
        return next + ((MinimumNanoseconds + period - 1) / period * period);
    }
}
