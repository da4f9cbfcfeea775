namespace Holon.Storage;

/// <summary>How much a disk may transfer. Zero means without a limit.</summary>
public sealed record RateLimits
{
    /// <summary>Bytes in a second, reads and writes together.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>Requests in a second.</summary>
    public long OperationsPerSecond { get; init; }

    /// <summary>How many seconds' worth may be used at once after a rest.</summary>
    public double BurstSeconds { get; init; } = 1;
}

/// <summary>
/// A bucket of tokens: it fills with time up to a brim, and work takes from it. Work begins while anything is in it and may take more than
/// there is; the debt delays what comes after, so that large requests pass and the rate holds all the same.
/// </summary>
internal struct TokenBucket
{
    private readonly double _perSecond, _brim;
    private double _tokens;
    private long _filledAt; // on the clock, in ticks of TimeProvider.TimestampFrequency

    /// <summary>A full bucket.</summary>
    public TokenBucket(long perSecond, double burstSeconds, long now)
    {
        _perSecond = perSecond;
        _brim = Math.Max(1, perSecond * burstSeconds);
        _tokens = _brim;
        _filledAt = now;
    }

    /// <summary>Whether there is a limit at all.</summary>
    public readonly bool IsLimited => _perSecond > 0;

    /// <summary>Fills it up to now.</summary>
    public void Fill(long now, long frequency)
    {
        if (!IsLimited) return;
        _tokens = Math.Min(_brim, _tokens + ((now - _filledAt) * _perSecond / frequency));
        _filledAt = now;
    }

    /// <summary>How long until work may begin; zero when it may now.</summary>
    public readonly TimeSpan Wait => !IsLimited || _tokens > 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((1 - _tokens) / _perSecond);

    /// <summary>Takes tokens.</summary>
    public void Take(long amount) => _tokens -= amount;
}
