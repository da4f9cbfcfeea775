using static Holon.Devices.Tests.Apic.ApicFixture;

namespace Holon.Devices.Tests.Apic;

/// <summary>SDM vol. 3 §11.5.4.</summary>
public sealed class LocalApicTimerTests
{
    private readonly ApicFixture _machine = new();

    [Fact]
    public void One_shot_counts_down_once_at_the_divided_frequency()
    {
        _machine.Apic.Write(LvtTimer, 4, 0x30);
        _machine.Apic.Write(Divide, 4, 0x3); // by 16
        _machine.Apic.Write(InitialCount, 4, 1000);
        _machine.Clock.Advance(8000);
        Assert.Equal(500ul, _machine.Apic.Read(CurrentCount, 4));
        Assert.False(_machine.Apic.HasInterrupt);
        _machine.Clock.Advance(8000);
        Assert.Equal(0ul, _machine.Apic.Read(CurrentCount, 4));
        Assert.Equal(1, _machine.Kicks[0]);
        Assert.Equal(0x30, _machine.Apic.Acknowledge());
        _machine.Apic.Write(Eoi, 4, 0);
        _machine.Clock.Advance(100_000);
        Assert.False(_machine.Apic.HasInterrupt);
    }

    [Theory]
    [InlineData(0x0, 2)]
    [InlineData(0x3, 16)]
    [InlineData(0x8, 32)]
    [InlineData(0xA, 128)]
    [InlineData(0xB, 1)]
    public void Divide_configuration(uint value, int divisor)
    {
        _machine.Apic.Write(Divide, 4, value);
        _machine.Apic.Write(InitialCount, 4, 1000);
        _machine.Clock.Advance(100 * divisor);
        Assert.Equal(900ul, _machine.Apic.Read(CurrentCount, 4));
    }

    [Fact]
    public void Periodic_reloads_itself()
    {
        _machine.Apic.Write(Divide, 4, 0xB);
        _machine.Apic.Write(LvtTimer, 4, 0x20030);
        _machine.Apic.Write(InitialCount, 4, 1_000_000);
        for (var i = 0; i < 5; i++)
        {
            _machine.Clock.Advance(1_000_000);
            Assert.Equal(0x30, _machine.Apic.Acknowledge());
            _machine.Apic.Write(Eoi, 4, 0);
        }

        _machine.Clock.Advance(400_000);
        Assert.Equal(600_000ul, _machine.Apic.Read(CurrentCount, 4));
    }

    [Fact]
    public void A_period_of_a_nanosecond_does_not_keep_the_host_busy()
    {
        _machine.Apic.Write(Divide, 4, 0xB);
        _machine.Apic.Write(LvtTimer, 4, 0x20030);
        _machine.Apic.Write(InitialCount, 4, 1);
        _machine.Clock.Advance(1_000_000);
        Assert.InRange(_machine.Clock.Fired, 1, 20);
    }

    [Fact]
    public void A_masked_timer_counts_silently()
    {
        _machine.Apic.Write(LvtTimer, 4, 0x10030);
        _machine.Apic.Write(InitialCount, 4, 10);
        _machine.Clock.Advance(1000);
        Assert.False(_machine.Apic.HasInterrupt);
        Assert.Equal(0ul, _machine.Apic.Read(CurrentCount, 4));
    }

    [Fact]
    public void Changing_between_one_shot_and_periodic_keeps_the_count()
    {
        _machine.Apic.Write(Divide, 4, 0xB);
        _machine.Apic.Write(LvtTimer, 4, 0x30);
        _machine.Apic.Write(InitialCount, 4, 1_000_000);
        _machine.Clock.Advance(700_000);
        _machine.Apic.Write(LvtTimer, 4, 0x20030);
        Assert.Equal(300_000ul, _machine.Apic.Read(CurrentCount, 4));
        _machine.Clock.Advance(500_000);
        Assert.Equal(800_000ul, _machine.Apic.Read(CurrentCount, 4));
        _machine.Apic.Write(LvtTimer, 4, 0x30);
        _machine.Clock.Advance(800_000);
        Assert.Equal(0ul, _machine.Apic.Read(CurrentCount, 4));
        _machine.Apic.Write(LvtTimer, 4, 0x20030);
        Assert.Equal(0ul, _machine.Apic.Read(CurrentCount, 4)); // expired stays expired
    }

    [Fact]
    public void Tsc_deadline_fires_once_and_reads_zero_after()
    {
        Assert.True(_machine.Apic.TryWriteMsr(0x6E0, 5000)); // ignored in this mode
        Assert.True(_machine.Apic.TryReadMsr(0x6E0, out var deadline));
        Assert.Equal(0ul, deadline);
        _machine.Apic.Write(LvtTimer, 4, 0x40030);
        _machine.Apic.TryWriteMsr(0x6E0, 5000);
        _machine.Clock.Advance(4999);
        Assert.False(_machine.Apic.HasInterrupt);
        _machine.Clock.Advance(1);
        Assert.Equal(0x30, _machine.Apic.Acknowledge());
        _machine.Apic.TryReadMsr(0x6E0, out deadline);
        Assert.Equal(0ul, deadline);
        _machine.Apic.Write(Eoi, 4, 0);
        _machine.Apic.TryWriteMsr(0x6E0, 1); // in the past: at once
        Assert.True(_machine.Apic.HasInterrupt);
    }

    [Fact]
    public void Tsc_deadline_counts_in_the_guests_time()
    {
        _machine.Apic.TscOffset = 1_000_000;
        _machine.Apic.Write(LvtTimer, 4, 0x40030);
        _machine.Apic.TryWriteMsr(0x6E0, 1_005_000);
        _machine.Clock.Advance(5000);
        Assert.True(_machine.Apic.HasInterrupt);
    }

    [Fact]
    public void Leaving_tsc_deadline_mode_disarms()
    {
        _machine.Apic.Write(LvtTimer, 4, 0x40030);
        _machine.Apic.TryWriteMsr(0x6E0, 5000);
        _machine.Apic.Write(LvtTimer, 4, 0x30);
        _machine.Clock.Advance(10_000);
        Assert.False(_machine.Apic.HasInterrupt);
    }

    [Fact]
    public void The_furthest_deadline_does_not_overflow()
    {
        _machine.Apic.Write(LvtTimer, 4, 0x40030);
        _machine.Clock.Advance(1_000_000_000);
        _machine.Apic.TryWriteMsr(0x6E0, ulong.MaxValue);
        _machine.Clock.Advance(1_000_000_000);
        Assert.False(_machine.Apic.HasInterrupt);
    }
}
