using CsCheck;
using Holon.Devices.Rtc;
using Holon.Devices.State;

namespace Holon.Devices.Tests.Rtc;

/// <summary>MC146818A data sheet.</summary>
public sealed class Mc146818Tests
{
    private const long Second = 1_000_000_000;

    private static readonly DateTimeOffset Start = new(2026, 11, 30, 23, 59, 57, TimeSpan.Zero);

    private readonly FakeClock _clock = new();
    private readonly FakeLine _irq = new();
    private readonly Mc146818 _rtc;

    public Mc146818Tests() => _rtc = new Mc146818(new Lock(), _clock, _clock.Utc(Start), _irq);

    private byte Read(int index)
    {
        _rtc.Write(0, 1, (ulong)index);
        return (byte)_rtc.Read(1, 1);
    }

    private void Write(int index, byte value)
    {
        _rtc.Write(0, 1, (ulong)index);
        _rtc.Write(1, 1, value);
    }

    private byte[] Time() => [Read(0x32), Read(9), Read(8), Read(7), Read(6), Read(4), Read(2), Read(0)];

    [Fact]
    public void Time_of_day_is_the_hosts_in_BCD() => Assert.Equal([0x20, 0x26, 0x11, 0x30, 2, 0x23, 0x59, 0x57], Time());

    [Fact]
    public void Binary_and_twelve_hour_formats()
    {
        Write(11, 0x04);
        Assert.Equal([0x20, 26, 11, 30, 2, 0x8B, 59, 57], Time());
    }

    [Fact]
    public void Time_goes_on()
    {
        _clock.Advance(3 * Second);
        Assert.Equal([0x20, 0x26, 0x12, 0x01, 3, 0x00, 0x00, 0x00], Time());
    }

    [Fact]
    public void A_guest_sets_the_time_while_SET_holds_it()
    {
        Write(11, 0x82);
        foreach (var (index, value) in new (int, byte)[] { (0x32, 0x19), (9, 0x99), (8, 0x02), (7, 0x31), (4, 0x12), (2, 0x00), (0, 0x30) }) Write(index, value);
        _clock.Advance(10 * Second);
        Assert.Equal(0x30, Read(0));
        Write(11, 0x02);
        _clock.Advance(5 * Second);
        Assert.Equal([0x19, 0x99, 0x02, 0x28, 1, 0x12, 0x00, 0x35], Time()); // there is no 31 February
    }

    [Fact]
    public void Update_in_progress_warns_before_the_second_ends()
    {
        Assert.Equal(0x26, Read(10));
        _clock.Advance(Second - 1_000_000);
        Assert.Equal(0xA6, Read(10));
        _clock.Advance(1_000_000);
        Assert.Equal(0x26, Read(10));
    }

    [Fact]
    public void Update_ended_interrupts_every_second_until_read()
    {
        Write(11, 0x12);
        _clock.Advance(Second + 100_000);
        Assert.True(_irq.Asserted);
        Assert.Equal(0x90, Read(12) & 0x90);
        Assert.False(_irq.Asserted);
        Assert.Equal(0, Read(12));
        _clock.Advance(3 * Second);
        Assert.Equal(2, _irq.Edges);
    }

    [Fact]
    public void The_alarm_goes_off_once_a_day_and_with_wildcards_more_often()
    {
        Write(1, 0x05);
        Write(3, 0x00);
        Write(5, 0x00);
        Write(11, 0x22);
        _clock.Advance(7 * Second);
        Assert.False(_irq.Asserted);
        _clock.Advance((Second * 2) + 100_000);
        Assert.True(_irq.Asserted);
        Assert.Equal(0xA0, Read(12) & 0xA0);
        _clock.Advance(20 * 3600 * Second);
        Assert.False(_irq.Asserted);
        Write(3, 0xFF);
        Write(5, 0xC0);
        _clock.Advance(61 * Second);
        Assert.True(_irq.Asserted);
    }

    [Fact]
    public void Periodic_interrupts_at_1024_Hz()
    {
        Write(11, 0x42);
        for (var i = 0; i < 10; i++)
        {
            _clock.Advance(976_563);
            Assert.True(_irq.Asserted);
            Assert.Equal(0xC0, Read(12) & 0xC0);
        }
    }

    [Fact]
    public void Flags_are_set_even_when_nothing_is_enabled()
    {
        _clock.Advance(2 * Second);
        Assert.Equal(0, _clock.Fired);
        Assert.Equal(0x50, Read(12));
    }

    [Fact]
    public void Memory_size_is_where_firmware_looks()
    {
        _rtc.SetMemorySize(3ul << 30, 5ul << 30);
        Assert.Equal(640, Read(0x15) | (Read(0x16) << 8));
        Assert.Equal(65535, Read(0x30) | (Read(0x31) << 8));
        Assert.Equal(((3 << 30 >>> 0) - (16 << 20)) >>> 16, Read(0x34) | (Read(0x35) << 8));
        Assert.Equal((int)(5ul << 30 >> 16), Read(0x5B) | (Read(0x5C) << 8) | (Read(0x5D) << 16));
        _rtc.SetBootOrder(2, 3, 4);
        Assert.Equal(0x32, Read(0x3D));
        Assert.Equal(0x40, Read(0x38));
        Write(0x20, 0x77);
        Assert.Equal(0x77, Read(0x20));
        _rtc.SetMemorySize(8ul << 20, 0);
        Assert.Equal(7 * 1024, Read(0x30) | (Read(0x31) << 8));
        Assert.Equal(0, Read(0x34));
    }

    [Fact]
    public void The_index_port_carries_the_NMI_mask()
    {
        _rtc.Write(0, 1, 0x8D);
        Assert.True(_rtc.NmiMasked);
        Assert.Equal(0x80ul, _rtc.Read(1, 1));
    }

    [Fact]
    public void Saved_state_goes_on()
    {
        Write(0x40, 0x12);
        Write(11, 0x12);
        var writer = new DeviceStateWriter();
        _rtc.Save(writer);
        var (clock, irq) = (new FakeClock(), new FakeLine());
        var restored = new Mc146818(new Lock(), clock, clock.Utc(Start), irq);
        restored.Load(new DeviceStateReader(writer.Written, "test"));
        Assert.Equal(0x12, restored.GetCmos(0x40));
        clock.Advance(2 * Second);
        Assert.True(irq.Asserted);
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.Int[0, 15], Gen.Byte, Gen.Int[0, 9], Gen.Long[0, 5_000_000_000], Gen.Int[0, 3]).Array.Sample(operations =>
        {
            var (clock, irq) = (new FakeClock(), new FakeLine());
            var rtc = new Mc146818(new Lock(), clock, clock.Utc(Start), irq);
            foreach (var (index, value, size, time, kind) in operations)
            {
                rtc.Write(0, 1, (ulong)(index == 14 ? 0x32 : index));
                if (kind == 0) rtc.Read((ulong)(index & 3), size);
                else if (kind == 1) rtc.Write((ulong)(index & 3), size, value);
                else rtc.Write(1, 1, value);
                clock.Advance(time % (kind == 3 ? 5_000_000_000 : 5_000_000));
                rtc.Read(1, 1);
            }

            rtc.Write(0, 1, 11);
            rtc.Write(1, 1, 0x12);
            rtc.Write(0, 1, 12);
            rtc.Read(1, 1);
            clock.Advance(2 * Second);
            Assert.True(irq.Asserted);
        });
}
