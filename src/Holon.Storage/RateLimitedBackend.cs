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
    private BlockRequest? _head, _tail;
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
            if (_head is not null || _passing || !TryTake(request))
            {
                request.Next = null;
                if (_tail is null) _head = request;
                else _tail.Next = request;
                _tail = request;
                if (_head == request && !_passing) StartTimer();
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
            var request = _head;
            if (request is null || !TryTake(request))
            {
                _passing = false;
                if (request is not null) StartTimer();
                return null;
            }

            _head = request.Next;
            if (_head is null) _tail = null;
            request.Next = null;
            return request;
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
