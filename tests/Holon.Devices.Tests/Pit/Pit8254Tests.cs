using CsCheck;
using Holon.Devices.Pit;
using Holon.Devices.State;

namespace Holon.Devices.Tests.Pit;

/// <summary>Intel 8254 data sheet, "Mode definitions" and "Read operations".</summary>
public sealed class Pit8254Tests
{
    private readonly FakeClock _clock = new();
    private readonly FakeLine _irq = new();
    private readonly Pit8254 _pit;

    public Pit8254Tests() => _pit = new Pit8254(new Lock(), _clock, _irq);

    private void Advance(long ticks) => AdvanceTo(_ticks += ticks);

    private long _ticks;

    private void AdvanceTo(long ticks) => _clock.AdvanceTo(((ticks * 1_000_000_000) + Pit8254.Frequency - 1) / Pit8254.Frequency);

    private void Program(int channel, int mode, int count)
    {
        _pit.Write(3, 1, (ulong)((channel << 6) | 0x30 | (mode << 1)));
        _pit.Write((ulong)channel, 1, (ulong)(count & 0xFF));
        _pit.Write((ulong)channel, 1, (ulong)(count >> 8));
    }

    private int ReadCount(int channel) => (int)_pit.Read((ulong)channel, 1) | ((int)_pit.Read((ulong)channel, 1) << 8);

    private bool Out2 => (_pit.SystemControl.Read(0, 1) & 0x20) != 0;

    [Fact]
    public void Mode_0_raises_OUT_at_terminal_count()
    {
        Program(0, 0, 1000);
        Assert.False(_irq.Asserted);
        Advance(999);
        Assert.False(_irq.Asserted);
        Assert.Equal(1, ReadCount(0));
        Advance(1);
        Assert.True(_irq.Asserted);
        Advance(10);
        Assert.Equal(0xFFF6, ReadCount(0)); // and goes on counting
        Program(0, 0, 10);
        Assert.False(_irq.Asserted);
    }

    [Fact]
    public void Mode_2_interrupts_once_a_period()
    {
        Program(0, 2, 11932);
        var edges = _irq.Edges;
        Advance(11932 * 5);
        Assert.Equal(edges + 5, _irq.Edges);
        Advance(932);
        Assert.Equal(11000, ReadCount(0));
    }

    [Fact]
    public void A_new_count_in_mode_2_waits_for_the_end_of_the_period()
    {
        Program(0, 2, 1000);
        Advance(400);
        _pit.Write(0, 1, 0xD0);
        _pit.Write(0, 1, 0x07);
        Assert.Equal(600, ReadCount(0));
        Advance(600);
        Assert.Equal(2000, ReadCount(0));
    }

    [Fact]
    public void Mode_3_is_a_square_wave_counted_by_two()
    {
        _pit.SystemControl.Write(0, 1, 1);
        Program(2, 3, 1000);
        Assert.True(Out2);
        Advance(100);
        Assert.Equal(800, ReadCount(2));
        Advance(400);
        Assert.False(Out2);
        Advance(500);
        Assert.True(Out2);
    }

    [Fact]
    public void Mode_1_is_triggered_by_the_gate()
    {
        Program(2, 1, 100);
        Assert.True(Out2);
        Advance(200);
        Assert.True(Out2);
        _pit.SystemControl.Write(0, 1, 1);
        Assert.False(Out2);
        Advance(99);
        Assert.False(Out2);
        Advance(1);
        Assert.True(Out2);
    }

    [Fact]
    public void Mode_4_strobes_once()
    {
        Program(0, 4, 100);
        var edges = _irq.Edges;
        Advance(101);
        Assert.Equal(edges + 1, _irq.Edges);
        Advance(70_000);
        Assert.Equal(edges + 1, _irq.Edges);
    }

    [Fact]
    public void Linux_calibrates_with_counter_2_in_mode_0()
    {
        _pit.SystemControl.Write(0, 1, (_pit.SystemControl.Read(0, 1) & ~0x02ul) | 1);
        Program(2, 0, 59659); // 50 ms
        Assert.False(Out2);
        _clock.Advance(49_990_000);
        Assert.False(Out2);
        _clock.Advance(20_000);
        Assert.True(Out2);
    }

    [Fact]
    public void A_low_gate_holds_mode_0()
    {
        _pit.SystemControl.Write(0, 1, 1);
        Program(2, 0, 1000);
        Advance(300);
        _pit.SystemControl.Write(0, 1, 0);
        Advance(5000);
        Assert.Equal(700, ReadCount(2));
        _pit.SystemControl.Write(0, 1, 1);
        Advance(699);
        Assert.False(Out2);
        Advance(1);
        Assert.True(Out2);
    }

    [Fact]
    public void A_latched_count_stays_until_read()
    {
        Program(0, 2, 10_000);
        Advance(1000);
        _pit.Write(3, 1, 0x00);
        Advance(1000);
        Assert.Equal(9000, ReadCount(0));
        Assert.Equal(8000, ReadCount(0));
    }

    [Fact]
    public void Read_back_latches_status_and_count_of_several_counters()
    {
        Program(0, 2, 10_000);
        _pit.Write(3, 1, 0x92); // counter 2: one byte, mode 1
        _pit.Write(3, 1, 0xC2 | 0x08);
        Assert.Equal(0xB4ul, _pit.Read(0, 1)); // OUT high, count loaded, both bytes, mode 2
        Assert.Equal(10_000, ReadCount(0));
        Assert.Equal(0xD2ul, _pit.Read(2, 1)); // OUT high, no count yet, low byte, mode 1
    }

    [Fact]
    public void Decimal_counts()
    {
        _pit.Write(3, 1, 0x31);
        _pit.Write(0, 1, 0x00);
        _pit.Write(0, 1, 0x10);
        Advance(1);
        Assert.Equal(0x0999, ReadCount(0));
    }

    [Fact]
    public void The_shortest_period_does_not_keep_the_host_busy()
    {
        Program(0, 2, 1);
        _clock.Advance(1_000_000);
        Assert.InRange(_clock.Fired, 1, 22);
    }

    [Fact]
    public void The_refresh_bit_toggles()
    {
        var before = _pit.SystemControl.Read(0, 1) & 0x10;
        _clock.Advance(15_085);
        Assert.NotEqual(before, _pit.SystemControl.Read(0, 1) & 0x10);
    }

    [Fact]
    public void Saved_state_goes_on()
    {
        Program(0, 2, 10_000);
        Advance(3000);
        var writer = new DeviceStateWriter();
        _pit.Save(writer);
        var (clock, irq) = (new FakeClock(), new FakeLine());
        clock.Advance(_clock.Nanoseconds);
        var restored = new Pit8254(new Lock(), clock, irq);
        restored.Load(new DeviceStateReader(writer.Written, "test"));
        Assert.Equal(_pit.Read(0, 1), restored.Read(0, 1));
        var edges = irq.Edges;
        clock.Advance(6_000_000);
        Assert.Equal(edges + 1, irq.Edges);
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.ULong[0, 5], Gen.Int[0, 9], Gen.ULong[0, 0x1FF], Gen.Long[0, 1_000_000], Gen.Int[0, 2]).Array.Sample(operations =>
        {
            var (clock, irq) = (new FakeClock(), new FakeLine());
            var pit = new Pit8254(new Lock(), clock, irq);
            foreach (var (offset, size, value, time, kind) in operations)
            {
                if (kind == 0) pit.Read(offset, size);
                else pit.Write(offset, kind == 2 ? 1 : size, value);
                if (offset == 4) pit.SystemControl.Write(0, size, value);
                pit.SystemControl.Read(0, size);
                clock.Advance(time);
            }

            Assert.True(clock.Fired <= 25 * (operations.Length + 1));
            pit.Write(3, 1, 0x34);
            pit.Write(0, 1, 0x9C);
            pit.Write(0, 1, 0x2E);
            var edges = irq.Edges;
            clock.Advance(10_001_000);
            Assert.Equal(edges + 1, irq.Edges);
        });
}
