using CsCheck;
using Holon.Devices.Pic;
using Holon.Devices.State;

namespace Holon.Devices.Tests.Pic;

public sealed class PicPairTests
{
    private static PicPair CreateAsPc(byte word4 = 0x01)
    {
        var pic = new PicPair();
        Initialize(pic, word4);
        return pic;
    }

    private static void Initialize(PicPair pic, byte word4 = 0x01)
    {
        foreach (var (ports, vector, cascade) in new[] { (pic.Master, 0x20, 4), (pic.Slave, 0x28, 2) })
        {
            ports.Write(0, 1, 0x11);
            ports.Write(1, 1, (ulong)vector);
            ports.Write(1, 1, (ulong)cascade);
            ports.Write(1, 1, word4);
            ports.Write(1, 1, 0);
        }
    }

    [Fact]
    public void A_request_is_delivered_once_and_blocked_until_end_of_interrupt()
    {
        var pic = CreateAsPc();
        var line = pic.CreateLine(4);
        line.Set(true);
        Assert.True(pic.Output);
        Assert.Equal(0x24, pic.Acknowledge());
        Assert.False(pic.Output);
        line.Set(false);
        line.Set(true);
        Assert.False(pic.Output); // fully nested mode: its own level is in service
        pic.Master.Write(0, 1, 0x20);
        Assert.True(pic.Output);
    }

    [Fact]
    public void Slave_requests_go_through_the_cascade()
    {
        var pic = CreateAsPc();
        pic.CreateLine(12).Set(true);
        Assert.Equal(0x2C, pic.Acknowledge());
        pic.Master.Write(0, 1, 0x0B);
        pic.Slave.Write(0, 1, 0x0B);
        Assert.Equal(0x04ul, pic.Master.Read(0, 1)); // both in service: the guest must end both
        Assert.Equal(0x10ul, pic.Slave.Read(0, 1));
    }

    [Fact]
    public void Higher_levels_interrupt_lower_ones_only()
    {
        var pic = CreateAsPc();
        pic.CreateLine(4).Set(true);
        pic.Acknowledge();
        pic.CreateLine(5).Set(true);
        Assert.False(pic.Output);
        pic.CreateLine(1).Set(true);
        Assert.True(pic.Output);
        Assert.Equal(0x21, pic.Acknowledge());
    }

    [Fact]
    public void A_request_that_went_away_is_spurious_seven()
    {
        var pic = CreateAsPc();
        var line = pic.CreateLine(3);
        line.Set(true);
        line.Set(false);
        Assert.False(pic.Output);
        Assert.Equal(0x27, pic.Acknowledge());
        pic.Master.Write(0, 1, 0x0B);
        Assert.Equal(0ul, pic.Master.Read(0, 1));
    }

    [Fact]
    public void A_slave_request_masked_late_is_spurious_fifteen()
    {
        var pic = CreateAsPc();
        pic.Master.Write(1, 1, 0xFF);
        var line = pic.CreateLine(9);
        line.Set(true);
        pic.Master.Write(1, 1, 0);
        Assert.True(pic.Output);
        Assert.Equal(0x29, pic.Acknowledge());
    }

    [Fact]
    public void Level_triggered_inputs_ask_again_after_end_of_interrupt()
    {
        var pic = CreateAsPc();
        pic.TriggerControl.Write(1, 1, 0x0C); // IRQ 10 and 11
        var line = pic.CreateLine(11);
        line.Set(true);
        Assert.Equal(0x2B, pic.Acknowledge());
        pic.Slave.Write(0, 1, 0x20);
        pic.Master.Write(0, 1, 0x20);
        Assert.True(pic.Output);
        line.Set(false);
        Assert.False(pic.Output);
    }

    [Fact]
    public void Shared_inputs_stay_high_until_the_last_device_lets_go()
    {
        var pic = CreateAsPc();
        pic.TriggerControl.Write(1, 1, 0x0C);
        var (first, second) = (pic.CreateLine(11), pic.CreateLine(11));
        first.Set(true);
        second.Set(true);
        first.Set(false);
        first.Set(false);
        Assert.True(pic.Output);
        second.Set(false);
        Assert.False(pic.Output);
    }

    [Fact]
    public void Automatic_end_of_interrupt_keeps_nothing_in_service()
    {
        var pic = CreateAsPc(0x03);
        pic.CreateLine(8).Set(true);
        pic.CreateLine(14).Set(true);
        Assert.Equal(0x28, pic.Acknowledge());
        Assert.True(pic.Output); // the slave's second request is a new edge at the master
        Assert.Equal(0x2E, pic.Acknowledge());
        Assert.False(pic.Output);
    }

    [Fact]
    public void Poll_acknowledges_and_reports_the_level()
    {
        var pic = CreateAsPc();
        pic.CreateLine(6).Set(true);
        pic.Master.Write(0, 1, 0x0C);
        Assert.Equal(0x86ul, pic.Master.Read(0, 1));
        Assert.False(pic.Output);
    }

    [Fact]
    public void Special_mask_mode_lets_lower_levels_through_a_masked_service()
    {
        var pic = CreateAsPc();
        pic.CreateLine(3).Set(true);
        pic.Acknowledge();
        pic.CreateLine(6).Set(true);
        Assert.False(pic.Output);
        pic.Master.Write(0, 1, 0x68);
        pic.Master.Write(1, 1, 0x08);
        Assert.Equal(0x26, pic.Acknowledge());
    }

    [Fact]
    public void Rotation_makes_the_ended_level_the_lowest()
    {
        var pic = CreateAsPc();
        var (three, four) = (pic.CreateLine(3), pic.CreateLine(4));
        three.Set(true);
        pic.Acknowledge();
        pic.Master.Write(0, 1, 0xA0); // rotate on non-specific EOI: 3 is now lowest
        three.Set(false);
        three.Set(true);
        four.Set(true);
        Assert.Equal(0x24, pic.Acknowledge());
    }

    [Fact]
    public void Masks_and_requests_read_back()
    {
        var pic = CreateAsPc();
        pic.Master.Write(1, 1, 0xFB);
        Assert.Equal(0xFBul, pic.Master.Read(1, 1));
        pic.CreateLine(1).Set(true);
        pic.Master.Write(0, 1, 0x0A);
        Assert.Equal(0x02ul, pic.Master.Read(0, 1));
        Assert.False(pic.Output);
    }

    [Fact]
    public void The_system_timer_cannot_be_made_level_triggered()
    {
        var pic = CreateAsPc();
        pic.TriggerControl.Write(0, 2, 0xFFFF);
        Assert.Equal(0xDEF8ul, pic.TriggerControl.Read(0, 2));
    }

    [Fact]
    public void Saved_state_delivers_what_was_pending()
    {
        var pic = CreateAsPc();
        pic.CreateLine(4).Set(true);
        var writer = new DeviceStateWriter();
        pic.Save(writer);
        var restored = new PicPair();
        restored.Load(new DeviceStateReader(writer.Written, "test"));
        restored.CreateLine(4).Set(true); // as the device does when loaded
        Assert.Equal(0x24, restored.Acknowledge());
        restored.Master.Write(0, 1, 0x20);
        Assert.False(restored.Output);
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.Int[0, 7], Gen.ULong[0, 3], Gen.Int[0, 9], Gen.ULong[0, 0x1FF], Gen.Bool).Array.Sample(operations =>
        {
            var pic = new PicPair();
            var lines = new[] { pic.CreateLine(0), pic.CreateLine(7), pic.CreateLine(8), pic.CreateLine(15) };
            foreach (var (target, offset, size, value, write) in operations)
            {
                var ports = target switch { < 3 => pic.Master, < 5 => pic.Slave, _ => pic.TriggerControl };
                if (target == 7) lines[offset].Set(write);
                else if (target == 6) Assert.InRange(pic.Acknowledge(), 0, 255);
                else if (write) ports.Write(offset, size, value);
                else ports.Read(offset, size);
            }

            foreach (var line in lines) line.Set(false);
            Initialize(pic);
            lines[1].Set(true);
            Assert.True(pic.Output);
            Assert.Equal(0x27, pic.Acknowledge());
        });
}
