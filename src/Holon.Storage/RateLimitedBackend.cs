namespace Holon.Storage;

/// <summary>
/// Holds requests back so that a disk keeps to its limits. Requests go on in the order in which they came, so that none is overtaken for
/// ever; flushes cost an operation and no bytes. One timer serves all, and runs only while requests wait.
/// </summary>
public sealed class RateLimitedBackend : IBlockBackend
{
    private readonly Lock _gate = new();
    private readonly IBlockBackend _inner;
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private TokenBucket _bytes, _operations;
    private BlockRequestQueue _waiting;
    private bool _passing; // somebody hands waiting requests on

    /// <summary>Puts limits on a disk, which it takes over.</summary>
    public RateLimitedBackend(IBlockBackend inner, RateLimits limits, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(limits);
        _inner = inner;
        _clock = clock ?? TimeProvider.System;
        _timer = _clock.CreateTimer(_ => Pass(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        SetLimits(limits);
    }

    /// <inheritdoc/>
    public long Length => _inner.Length;

    /// <inheritdoc/>
    public bool IsReadOnly => _inner.IsReadOnly;

    /// <inheritdoc/>
    public int DiscardGranularity => _inner.DiscardGranularity;

    /// <summary>Changes the limits; requests that wait keep to the new ones.</summary>
    public void SetLimits(RateLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        lock (_gate)
        {
            var now = _clock.GetTimestamp();
            _bytes = new TokenBucket(limits.BytesPerSecond, limits.BurstSeconds, now);
            _operations = new TokenBucket(limits.OperationsPerSecond, limits.BurstSeconds, now);
        }

        Pass();
    }

    /// <inheritdoc/>
    public void Submit(BlockRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_gate)
        {
            if (_waiting.First is not null || _passing || !TryTake(request))
            {
                _waiting.Add(request);
                if (_waiting.First == request && !_passing) StartTimer();
                return;
            }
        }

        _inner.Submit(request);
    }

    /// <summary>Lets everything that waits go on at once, and closes the disk.</summary>
    public async ValueTask DisposeAsync()
    {
        SetLimits(new RateLimits());
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _inner.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Hands on what may go.</summary>
    private void Pass()
    {
        lock (_gate)
        {
            if (_passing) return; // whoever does it already sees what there is
            _passing = true;
        }

        while (TakeNext() is { } request) _inner.Submit(request); // without the lock: it may complete, and submit the next, in here
    }

    private BlockRequest? TakeNext()
    {
        lock (_gate)
        {
            if (_waiting.First is { } request && TryTake(request)) return _waiting.Take();
            _passing = false;
            if (_waiting.First is not null) StartTimer();
            return null;
        }
    }

    private bool TryTake(BlockRequest request)
    {
        var (now, frequency) = (_clock.GetTimestamp(), _clock.TimestampFrequency);
        _bytes.Fill(now, frequency);
        _operations.Fill(now, frequency);
        if (_bytes.Wait > TimeSpan.Zero || _operations.Wait > TimeSpan.Zero) return false;
        if (request.Operation is BlockOperation.Read or BlockOperation.Write) _bytes.Take(Math.Max(0, request.Length));
        _operations.Take(1);
        return true;
    }

    private void StartTimer()
    {
        var wait = _bytes.Wait > _operations.Wait ? _bytes.Wait : _operations.Wait;
        _timer.Change(wait < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : wait, Timeout.InfiniteTimeSpan);
    }
}
