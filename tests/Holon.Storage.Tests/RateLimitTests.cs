namespace Holon.Storage.Tests;

public sealed class RateLimitTests
{
    [Fact]
    public void What_is_within_the_limits_passes_at_once()
    {
        var (limited, inner, _) = Make(new RateLimits { BytesPerSecond = 1 << 20, OperationsPerSecond = 100 });
        for (var i = 0; i < 100; i++) Submit(limited, 4096);
        Assert.Equal(100, inner.Requests.Count);
    }

    [Fact]
    public void What_is_beyond_the_burst_waits_for_its_time()
    {
        var (limited, inner, clock) = Make(new RateLimits { OperationsPerSecond = 10 });
        for (var i = 0; i < 30; i++) Submit(limited, 4096);
        Assert.Equal(10, inner.Requests.Count);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.InRange(inner.Requests.Count, 19, 21);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(30, inner.Requests.Count);
    }

    [Fact]
    public void Requests_larger_than_the_bucket_pass_and_delay_what_follows()
    {
        var (limited, inner, clock) = Make(new RateLimits { BytesPerSecond = 1000 });
        Submit(limited, 10_240);
        Submit(limited, 512);
        Assert.Single(inner.Requests);
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Single(inner.Requests);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(2, inner.Requests.Count);
    }

    [Fact]
    public void Requests_pass_in_the_order_in_which_they_came()
    {
        var (limited, inner, clock) = Make(new RateLimits { OperationsPerSecond = 1 });
        for (var i = 0; i < 20; i++) Submit(limited, 512 * (i + 1));
        for (var i = 0; i < 25; i++) clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Enumerable.Range(1, 20).Select(i => 512L * i), inner.Requests.Select(request => request.Length));
    }

    [Fact]
    public void A_lifted_limit_lets_everything_go_and_an_idle_disk_has_no_timer()
    {
        var (limited, inner, clock) = Make(new RateLimits { OperationsPerSecond = 1 });
        for (var i = 0; i < 20; i++) Submit(limited, 512);
        limited.SetLimits(new RateLimits());
        Assert.Equal(20, inner.Requests.Count);
        clock.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(0, clock.ArmedTimers);
    }

    [Fact]
    public async Task Closing_completes_what_waits()
    {
        var (limited, inner, _) = Make(new RateLimits { OperationsPerSecond = 1 });
        for (var i = 0; i < 20; i++) Submit(limited, 512);
        await limited.DisposeAsync();
        Assert.Equal(20, inner.Requests.Count);
    }

    private static (RateLimitedBackend Limited, Recorder Inner, ManualClock Clock) Make(RateLimits limits)
    {
        var (inner, clock) = (new Recorder(), new ManualClock());
        return (new RateLimitedBackend(inner, limits, clock), inner, clock);
    }

    private static void Submit(RateLimitedBackend backend, int length) => backend.Submit(new Request { Operation = BlockOperation.Write, Length = length });

    private sealed class Request : BlockRequest
    {
        public override void Complete(BlockStatus status)
        {
        }
    }

    private sealed class Recorder : IBlockBackend
    {
        public List<BlockRequest> Requests { get; } = [];

        public long Length => 1 << 30;

        public bool IsReadOnly => false;

        public int DiscardGranularity => 512;

        public void Submit(BlockRequest request)
        {
            Requests.Add(request);
            request.Complete(BlockStatus.Success);
        }

        public ValueTask DisposeAsync() => default;
    }

    /// <summary>A clock that stands until it is moved.</summary>
    private sealed class ManualClock : TimeProvider
    {
        private readonly List<Timer> _timers = [];
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public int ArmedTimers => _timers.Count(timer => timer.Due is not null);

        public override long GetTimestamp() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(this, () => callback(state));
            _timers.Add(timer);
            return timer;
        }

        public void Advance(TimeSpan time)
        {
            var end = _now + time.Ticks;
            while (_timers.Where(timer => timer.Due <= end).MinBy(timer => timer.Due) is { } next)
            {
                _now = Math.Max(_now, next.Due!.Value);
                next.Due = null;
                next.Callback();
            }

            _now = end;
        }

        private sealed class Timer(ManualClock clock, Action callback) : ITimer
        {
            public long? Due { get; set; }

            public Action Callback { get; } = callback;

            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                Due = dueTime == Timeout.InfiniteTimeSpan ? null : clock._now + dueTime.Ticks;
                return true;
            }

            public void Dispose() => Due = null;

            public ValueTask DisposeAsync()
            {
                Due = null;
                return default;
            }
        }
    }
}
