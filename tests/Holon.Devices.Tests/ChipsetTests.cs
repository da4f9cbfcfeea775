using Holon.Devices.Apic;
using Holon.Devices.Pic;
using Holon.Devices.Pit;
using Holon.Devices.Rtc;
using Holon.Devices.Time;

namespace Holon.Devices.Tests;

/// <summary>Devices wired as on a board, on the real clock and several threads.</summary>
public sealed class ChipsetTests
{
    [Fact]
    public void Timers_interrupt_two_processors_through_all_controllers_at_once()
    {
        using var clock = new MachineClock();
        var bus = new ApicBus();
        var pic = new PicPair();
        using var woken = new AutoResetEvent(false);
        var apics = new[]
        {
            new LocalApic(0, true, bus, clock, pic, () => woken.Set()),
            new LocalApic(1, false, bus, clock, null, () => woken.Set()),
        };
        pic.OutputChanged = apics[0].ExternalInterruptChanged;
        var ioApic = new IoApic(bus);
        var (pitLock, rtcLock) = (new Lock(), new Lock());
        var pit = new Pit8254(pitLock, clock, new InterruptFanOut(pic.CreateLine(0), ioApic.CreateLine(2)));
        var rtc = new Mc146818(rtcLock, clock, TimeProvider.System, new InterruptFanOut(pic.CreateLine(8), ioApic.CreateLine(8)));

        foreach (var value in new ulong[] { 0x11, 0x20, 4, 3, 0 }) pic.Master.Write(value == 0x11 ? 0ul : 1, 1, value); // automatic end of interrupt
        foreach (var apic in apics) apic.Write(0xF0, 4, 0x1FF);
        foreach (var (pin, entry) in new (ulong, ulong)[] { (2, 0x0000_0000_0000_0042), (8, 0x0100_0000_0000_0048) })
        {
            ioApic.Write(0, 4, 0x11 + (pin * 2));
            ioApic.Write(0x10, 4, entry >> 32);
            ioApic.Write(0, 4, 0x10 + (pin * 2));
            ioApic.Write(0x10, 4, entry & 0xFFFF_FFFF);
        }

        apics[1].Write(0x320, 4, 0x20055);
        apics[1].Write(0x380, 4, 150_000);
        clock.Resume();
        lock (pitLock)
        {
            pit.Write(3, 1, 0x34);
            pit.Write(0, 1, 0xA9); // 1 kHz
            pit.Write(0, 1, 0x04);
        }

        var counts = new int[256];
        var processors = apics.Select(apic => new Thread(() =>
        {
            while (clock.Nanoseconds < 300_000_000)
            {
                var vector = apic.HasInterrupt ? apic.Acknowledge() : -1;
                if (vector < 0)
                {
                    woken.WaitOne(1);
                    continue;
                }

                Interlocked.Increment(ref counts[vector]);
                if (vector == 0x48)
                {
                    lock (rtcLock)
                    {
                        rtc.Write(0, 1, 12);
                        rtc.Read(1, 1);
                    }
                }

                if (vector != 0x20) apic.Write(0xB0, 4, 0);
            }
        })
        {
            IsBackground = true,
        }).ToArray();
        foreach (var processor in processors) processor.Start();
        lock (rtcLock)
        {
            rtc.Write(0, 1, 11);
            rtc.Write(1, 1, 0x42);
        }

        foreach (var processor in processors) Assert.True(processor.Join(20_000));
        Assert.True(counts[0x20] > 30, $"8259A: {counts[0x20]}");
        Assert.True(counts[0x42] > 30, $"I/O APIC: {counts[0x42]}");
        Assert.True(counts[0x48] > 30, $"clock: {counts[0x48]}");
        Assert.True(counts[0x55] > 100, $"local timer: {counts[0x55]}");
    }
}
