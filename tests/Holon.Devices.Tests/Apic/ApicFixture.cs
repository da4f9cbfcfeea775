using Holon.Devices.Apic;
using Holon.Devices.Pic;

namespace Holon.Devices.Tests.Apic;

/// <summary>Processors on one bus with an I/O APIC and a PIC, and a count of kicks.</summary>
internal sealed class ApicFixture
{
    public const ulong Id = 0x20, Version = 0x30, Tpr = 0x80, Ppr = 0xA0, Eoi = 0xB0, Ldr = 0xD0, Dfr = 0xE0, Svr = 0xF0, Isr = 0x100, Tmr = 0x180, Irr = 0x200,
        Esr = 0x280, IcrLow = 0x300, IcrHigh = 0x310, LvtTimer = 0x320, Lint0 = 0x350, Lint1 = 0x360, LvtError = 0x370, InitialCount = 0x380, CurrentCount = 0x390, Divide = 0x3E0;

    public ApicFixture(int processors = 1, bool enabled = true)
    {
        Kicks = new int[processors];
        Processors = [.. Enumerable.Range(0, processors).Select(id => new LocalApic((uint)id, id == 0, Bus, Clock, id == 0 ? Pic : null, () => Interlocked.Increment(ref Kicks[id])))];
        Pic.OutputChanged = Processors[0].ExternalInterruptChanged;
        IoApic = new IoApic(Bus);
        if (!enabled) return;
        foreach (var processor in Processors) processor.Write(Svr, 4, 0x1FF);
    }

    public FakeClock Clock { get; } = new();

    public ApicBus Bus { get; } = new();

    public PicPair Pic { get; } = new();

    public IoApic IoApic { get; }

    public LocalApic[] Processors { get; }

    public int[] Kicks { get; }

    public LocalApic Apic => Processors[0];

    public void WriteEntry(int pin, ulong entry)
    {
        IoApic.Write(0, 4, (ulong)(0x11 + (pin * 2)));
        IoApic.Write(0x10, 4, entry >> 32);
        IoApic.Write(0, 4, (ulong)(0x10 + (pin * 2)));
        IoApic.Write(0x10, 4, entry & 0xFFFF_FFFF);
    }

    public ulong ReadEntry(int pin)
    {
        IoApic.Write(0, 4, (ulong)(0x10 + (pin * 2)));
        return IoApic.Read(0x10, 4);
    }

    public void Send(LocalApic from, uint low, uint destination)
    {
        from.Write(IcrHigh, 4, destination << 24);
        from.Write(IcrLow, 4, low);
    }

    public void EnterX2Apic(LocalApic processor)
    {
        Assert.True(processor.TryReadMsr(0x1B, out var apicBase));
        Assert.True(processor.TryWriteMsr(0x1B, apicBase | 0xC00));
    }

    public void InitializePic()
    {
        foreach (var value in new ulong[] { 0x20, 4, 1, 0 })
        {
            if (value == 0x20) Pic.Master.Write(0, 1, 0x11);
            Pic.Master.Write(1, 1, value);
        }
    }
}
