using CsCheck;
using Holon.Devices.State;
using Holon.Devices.Time;

namespace Holon.Devices.Tests.Time;

public sealed class MachineClockTests
{
    [Fact]
    public void Time_stands_still_until_resumed_and_while_paused()
    {
        using var clock = new MachineClock();
        Assert.Equal(0, clock.Nanoseconds);
        clock.Resume();
        SpinWait.SpinUntil(() => clock.Nanoseconds > 0);
        clock.Pause();
        var now = clock.Nanoseconds;
        Thread.Sleep(2);
        Assert.Equal(now, clock.Nanoseconds);
        Assert.Equal((ulong)now, clock.Tsc);
    }

    [Fact]
    public unsafe void Generated_code_finds_the_same_time()
    {
        using var clock = new MachineClock();
        Assert.SkipWhen(clock.ProcessorEpoch == 0, "this host's processor has no counter that is a clock");
        clock.Resume();
        for (var i = 0; i < 100; i++)
        {
            var before = clock.Nanoseconds;
            var found = (*(Holon.X86.ClockEpoch**)clock.ProcessorEpoch)->At(HostCounter.Read());
            Assert.InRange(found, before, clock.Nanoseconds);
        }
    }

    [Fact]
    public void The_counter_runs_as_the_monotonic_clock()
    {
        var (counter, nanoseconds) = HostCounter.Sample();
        var scale = HostCounter.Scale();
        Thread.Sleep(50);
        var (laterCounter, laterNanoseconds) = HostCounter.Sample();
        var elapsed = new Holon.X86.ClockEpoch(counter, scale, 0).At(laterCounter);
        Assert.InRange(elapsed / (double)(laterNanoseconds - nanoseconds), 0.99, 1.01);
    }

    [Theory]
    [InlineData(0, 1L << 31, 0)]
    [InlineData(1_000_000, (1L << 31) * 10_001 / 10_000, 0)] // behind by a tenth of a thousandth of the time until the next look
    [InlineData(-1_000_000, (1L << 31) * 9_999 / 10_000, 0)]
    [InlineData(1_000_000_000, 1L << 31, 1_000_000_000)] // too much to make good slowly
    [InlineData(-1_000_000_000, (1L << 31) * 9_995 / 10_000, 0)] // time never goes backwards
    public void Time_is_steered_towards_the_monotonic_clock(long behind, long scale, long jump)
    {
        var steered = MachineClock.Steered(new Holon.X86.ClockEpoch(123, 1L << 31, 456), behind);
        Assert.Equal((123ul, 456 + jump), (steered.Counter, steered.Nanoseconds));
        Assert.InRange(steered.Scale - scale, -1, 1);
    }

    [Fact]
    public void Timers_fire_in_order_near_their_time()
    {
        using var clock = new MachineClock();
        var deviceLock = new Lock();
        var fired = new List<(int Id, long Late)>();
        using var done = new ManualResetEventSlim();
        for (var i = 4; i >= 0; i--)
        {
            var (id, deadline) = (i, 1_000_000L * (i + 1));
            clock.CreateTimer(deviceLock, () =>
            {
                Assert.True(deviceLock.IsHeldByCurrentThread);
                fired.Add((id, clock.Nanoseconds - deadline));
                if (id == 4) done.Set();
            }).Arm(deadline);
        }

        clock.Resume();
        Assert.True(done.Wait(5000, TestContext.Current.CancellationToken));
        Assert.Equal([0, 1, 2, 3, 4], fired.Select(entry => entry.Id));
        Assert.All(fired, entry => Assert.True(entry.Late >= 0));
    }

    [Fact]
    public void An_earlier_timer_wakes_the_sleeping_thread()
    {
        using var clock = new MachineClock();
        using var done = new ManualResetEventSlim();
        clock.Resume();
        clock.CreateTimer(new Lock(), () => { }).Arm(clock.Nanoseconds + 60_000_000_000);
        Thread.Sleep(5);
        clock.CreateTimer(new Lock(), done.Set).Arm(clock.Nanoseconds + 1_000_000);
        Assert.True(done.Wait(5000, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_timer_cancelled_under_the_device_lock_never_fires()
    {
        using var clock = new MachineClock();
        var deviceLock = new Lock();
        var fired = false;
        var timer = clock.CreateTimer(deviceLock, () => fired = true);
        clock.Resume();
        lock (deviceLock)
        {
            timer.Arm(0); // fires at once, but its callback waits for our lock
            Thread.Sleep(5);
            timer.Cancel();
        }

        Thread.Sleep(5);
        Assert.False(fired);
    }

    [Fact]
    public void Paused_timers_wait_for_resume()
    {
        using var clock = new MachineClock();
        using var done = new ManualResetEventSlim();
        clock.CreateTimer(new Lock(), done.Set).Arm(0);
        Assert.False(done.Wait(5, TestContext.Current.CancellationToken));
        clock.Resume();
        Assert.True(done.Wait(5000, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Waiting_takes_no_processor_time()
    {
        using var clock = new MachineClock();
        clock.Resume();
        clock.CreateTimer(new Lock(), () => { }).Arm(clock.Nanoseconds + 200_000_000);
        var before = Environment.CpuUsage.TotalTime;
        Thread.Sleep(100);
        Assert.True((Environment.CpuUsage.TotalTime - before).TotalMilliseconds < 1000); // other tests run beside this one
    }

    [Fact]
    public void Saved_time_goes_on_where_it_stopped()
    {
        using var clock = new MachineClock();
        clock.Resume();
        SpinWait.SpinUntil(() => clock.Nanoseconds > 1000);
        clock.Pause();
        var writer = new DeviceStateWriter();
        clock.Save(writer);
        using var restored = new MachineClock();
        restored.Load(new DeviceStateReader(writer.Written, "test"));
        Assert.Equal(clock.Nanoseconds, restored.Nanoseconds);
    }

    [Fact]
    public void The_queue_stays_ordered_and_bounded() => Gen.Select(Gen.Int[0, 19], Gen.Int[0, 1000], Gen.Bool).Array[0, 200].Sample(operations =>
    {
        using var clock = new MachineClock();
        var queue = new TimerQueue();
        var timers = Enumerable.Range(0, 20).Select(_ => new MachineTimer(clock, new Lock(), () => { })).ToArray();
        foreach (var (index, deadline, set) in operations)
        {
            if (set)
            {
                timers[index].Deadline = deadline;
                queue.Set(timers[index]);
            }
            else
            {
                queue.Remove(timers[index]);
            }
        }

        Assert.Equal(timers.Count(timer => timer.QueueIndex >= 0), queue.Count);
        var last = long.MinValue;
        while (queue.First is { } first)
        {
            Assert.True(first.Deadline >= last);
            last = first.Deadline;
            queue.Remove(first);
        }
    }, iter: 50);

    [Fact]
    public void Periods_never_come_too_fast() => Gen.Select(Gen.Long[0, 1L << 60], Gen.Long[0, 1L << 40], Gen.Long[1, 1L << 40]).Sample((start, elapsed, period) =>
    {
        var next = Periodic.NextDeadline(start + elapsed, start, period);
        Assert.True(next > start + elapsed);
        Assert.True(period >= Periodic.MinimumNanoseconds || next - start - elapsed >= Periodic.MinimumNanoseconds);
        Assert.Equal(0, (next - start) % period);
    });
}
