using CsCheck;
using Holon.Devices.State;
using static Holon.Devices.Tests.Apic.ApicFixture;

namespace Holon.Devices.Tests.Apic;

/// <summary>82093AA data sheet.</summary>
public sealed class IoApicTests
{
    private const ulong Level = 0x8000, Masked = 0x10000, RemoteIrr = 0x4000;

    private readonly ApicFixture _machine = new();

    [Fact]
    public void Identification_registers()
    {
        _machine.IoApic.Write(0, 4, 1);
        Assert.Equal(0x0017_0020ul, _machine.IoApic.Read(0x10, 4));
        _machine.IoApic.Write(0x10, 4, 0xFFFF_FFFF);
        Assert.Equal(0x0017_0020ul, _machine.IoApic.Read(0x10, 4));
        _machine.IoApic.Write(0, 4, 0);
        _machine.IoApic.Write(0x10, 4, 0xFFFF_FFFF);
        Assert.Equal(0x0F00_0000ul, _machine.IoApic.Read(0x10, 4));
        Assert.Equal(Masked, _machine.ReadEntry(23));
    }

    [Fact]
    public void An_edge_is_one_message()
    {
        _machine.WriteEntry(4, 0x61);
        var line = _machine.IoApic.CreateLine(4);
        line.Set(true);
        Assert.Equal(0x61, _machine.Apic.Acknowledge());
        _machine.Apic.Write(Eoi, 4, 0);
        Assert.False(_machine.Apic.HasInterrupt);
        line.Set(false);
        Assert.False(_machine.Apic.HasInterrupt);
        line.Set(true);
        Assert.True(_machine.Apic.HasInterrupt);
    }

    [Fact]
    public void An_edge_on_a_masked_pin_is_lost()
    {
        _machine.WriteEntry(4, Masked | 0x61);
        _machine.IoApic.CreateLine(4).Set(true);
        _machine.WriteEntry(4, 0x61);
        Assert.False(_machine.Apic.HasInterrupt);
    }

    [Fact]
    public void A_level_is_asked_again_until_it_falls()
    {
        _machine.WriteEntry(9, Level | 0x62);
        var line = _machine.IoApic.CreateLine(9);
        line.Set(true);
        Assert.Equal(0x62, _machine.Apic.Acknowledge());
        Assert.Equal(4ul, _machine.Apic.Read(Tmr + 0x30, 4));
        Assert.NotEqual(0ul, _machine.ReadEntry(9) & RemoteIrr);
        Assert.False(_machine.Apic.HasInterrupt);
        _machine.Apic.Write(Eoi, 4, 0);
        Assert.Equal(0x62, _machine.Apic.Acknowledge());
        line.Set(false);
        _machine.Apic.Write(Eoi, 4, 0);
        Assert.Equal(0ul, _machine.ReadEntry(9) & RemoteIrr);
        Assert.False(_machine.Apic.HasInterrupt);
    }

    [Fact]
    public void A_masked_level_is_delivered_when_unmasked()
    {
        _machine.WriteEntry(9, Level | Masked | 0x62);
        _machine.IoApic.CreateLine(9).Set(true);
        Assert.False(_machine.Apic.HasInterrupt);
        _machine.WriteEntry(9, Level | 0x62);
        Assert.True(_machine.Apic.HasInterrupt);
    }

    [Fact]
    public void The_EOI_register_and_a_switch_to_edge_clear_remote_IRR()
    {
        _machine.WriteEntry(9, Level | 0x62);
        var line = _machine.IoApic.CreateLine(9);
        line.Set(true);
        line.Set(false);
        _machine.IoApic.Write(0x40, 4, 0x62);
        Assert.Equal(0ul, _machine.ReadEntry(9) & RemoteIrr);
        line.Set(true);
        line.Set(false);
        _machine.WriteEntry(9, Masked | 0x62);
        Assert.Equal(0ul, _machine.ReadEntry(9) & RemoteIrr);
    }

    [Fact]
    public void Rewriting_an_entry_in_service_asks_no_second_time()
    {
        _machine.WriteEntry(9, Level | 0x62);
        _machine.IoApic.CreateLine(9).Set(true);
        _machine.Apic.Acknowledge();
        _machine.WriteEntry(9, Level | 0x62);
        Assert.False(_machine.Apic.HasInterrupt);
        Assert.NotEqual(0ul, _machine.ReadEntry(9) & RemoteIrr);
    }

    [Fact]
    public void A_level_nobody_takes_is_not_stuck()
    {
        var machine = new ApicFixture(enabled: false);
        machine.WriteEntry(9, Level | 0x62);
        machine.IoApic.CreateLine(9).Set(true);
        Assert.Equal(0ul, machine.ReadEntry(9) & RemoteIrr);
    }

    [Fact]
    public void ExtINT_takes_its_vector_from_the_8259A()
    {
        _machine.InitializePic();
        _machine.Apic.Write(Lint0, 4, 0x10000);
        _machine.WriteEntry(0, 0x700);
        _machine.Pic.CreateLine(3).Set(true);
        Assert.False(_machine.Apic.HasInterrupt);
        _machine.IoApic.CreateLine(0).Set(true);
        Assert.Equal(0x23, _machine.Apic.Acknowledge());
        Assert.False(_machine.Apic.HasInterrupt);
    }

    [Fact]
    public void Saved_state_goes_on()
    {
        _machine.WriteEntry(9, Level | 0x62);
        _machine.IoApic.CreateLine(9).Set(true);
        var writer = new DeviceStateWriter();
        _machine.IoApic.Save(writer);
        _machine.Apic.Save(writer);
        var restored = new ApicFixture();
        var reader = new DeviceStateReader(writer.Written, "test");
        restored.IoApic.Load(reader);
        restored.Apic.Load(reader);
        restored.IoApic.CreateLine(9).Set(true);
        Assert.Equal(0x62, restored.Apic.Acknowledge());
        restored.Apic.Write(Eoi, 4, 0);
        Assert.True(restored.Apic.HasInterrupt);
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.Int[0, 3], Gen.ULong[0, 0x60], Gen.Int[0, 9], Gen.OneOf(Gen.ULong, Gen.ULong[0, 0x40]), Gen.Bool).Array.Sample(operations =>
        {
            var machine = new ApicFixture(2);
            var lines = Enumerable.Range(0, 24).Select(machine.IoApic.CreateLine).ToArray();
            foreach (var (kind, offset, size, value, write) in operations)
            {
                if (kind == 0) lines[value % 24].Set(write);
                else if (kind == 1) machine.IoApic.Write(0x10, 4, value);
                else if (write) machine.IoApic.Write(offset, size, value);
                else machine.IoApic.Read(offset, size);
            }

            foreach (var line in lines) line.Set(false);
            machine.IoApic.Reset();
            machine.Apic.Reset();
            machine.Apic.Write(Svr, 4, 0x1FF);
            machine.WriteEntry(7, 0x77);
            lines[7].Set(true);
            Assert.Equal(0x77, machine.Apic.Acknowledge());
        });
}
