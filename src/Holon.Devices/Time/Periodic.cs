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
    /// <param name="period">At least 1, in the unit of the others.</param>
    /// <param name="minimum">What is too near, in the same unit.</param>
    public static long NextDeadline(long now, long start, long period, long minimum = MinimumNanoseconds)
    {
        var next = start + ((((now - start) / period) + 1) * period);
        return period >= minimum || next - now >= minimum ? next : next + ((minimum + period - 1) / period * period);
    }
}
