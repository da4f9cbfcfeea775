using CsCheck;
using Holon.Devices.Pci;
using Holon.Devices.State;

namespace Holon.Devices.Tests.Pci;

/// <summary>PCI Local Bus Specification 3.0.</summary>
public sealed class PciTests
{
    private readonly FakeSpace _space = new();
    private readonly PciBus _bus;
    private readonly PciConfigurationPorts _ports;
    private readonly FakeLine[] _irqs = [.. Enumerable.Range(0, 16).Select(_ => new FakeLine())];
    private readonly Piix3 _piix3;
    private readonly TestFunction _function = new();
    private readonly List<(ulong Start, ulong Length, bool Read, bool Write)> _memoryChanges = [];
    private readonly FakeReset _reset = new();

    public PciTests()
    {
        _piix3 = new Piix3(_irqs);
        _bus = new PciBus(_space, _piix3.CreateLine);
        _bus.Attach(new I440fx((start, length, read, write) => _memoryChanges.Add((start, length, read, write))), 0);
        _bus.Attach(_piix3, 1);
        _bus.Attach(new Piix4PowerManagement((port, enabled) => _powerManagement = (port, enabled)), 1, 3);
        _bus.Attach(_function, 4);
        _ports = new PciConfigurationPorts(_bus, _reset);
    }

    private (ushort Port, bool Enabled) _powerManagement;

    private uint Read(int device, int function, int offset, int size = 4)
    {
        Select(device, function, offset);
        return (uint)_ports.Read(4 + (ulong)(offset & 3), size);
    }

    private void Write(int device, int function, int offset, int size, uint value)
    {
        Select(device, function, offset);
        _ports.Write(4 + (ulong)(offset & 3), size, value);
    }

    private void Select(int device, int function, int offset) =>
        _ports.Write(0, 4, 0x8000_0000u | (uint)(device << 11) | (uint)(function << 8) | (uint)(offset & 0xFC));

    [Fact]
    public void Firmware_recognizes_the_virtual_440FX()
    {
        Assert.Equal(0x1237_8086u, Read(0, 0, 0));
        Assert.Equal(0x1100_1AF4u, Read(0, 0, 0x2C));
        Assert.Equal(0x7000_8086u, Read(1, 0, 0));
        Assert.Equal(0x80u, Read(1, 0, 0x0E, 1)); // several functions
        Assert.Equal(0x0601u, Read(1, 0, 0x0A, 2));
        Assert.Equal(0x7113_8086u, Read(1, 3, 0));
        Assert.NotEqual(0u, Read(1, 3, 0x58) & (1 << 25)); // no system management mode to set up
    }

    [Fact]
    public void Nobody_answers_with_ones()
    {
        Assert.Equal(uint.MaxValue, Read(9, 0, 0));
        Assert.Equal(uint.MaxValue, Read(1, 1, 0));
        _ports.Write(0, 4, 0x8001_0000); // another bus
        Assert.Equal(0xFFFFul, _ports.Read(4, 2));
        _ports.Write(0, 4, 0); // not enabled
        Assert.Equal(0xFFul, _ports.Read(4, 1));
    }

    [Fact]
    public void Identification_cannot_be_written_and_status_bits_are_cleared_by_ones()
    {
        Write(4, 0, 0, 4, 0);
        Assert.Equal(0x5678_1234u, Read(4, 0, 0));
        _function.SetStatus(0xF900);
        Write(4, 0, 6, 2, 0x8000);
        Assert.Equal(0x7900u, Read(4, 0, 6, 2) & 0xFF00);
    }

    [Fact]
    public void A_base_address_register_tells_its_length_and_maps() // §6.2.5.1
    {
        Write(4, 0, 0x10, 4, uint.MaxValue);
        Assert.Equal(0xFFFF_FFE1u, Read(4, 0, 0x10));
        Write(4, 0, 0x10, 4, 0xC000);
        Assert.Empty(_space.Mapped);
        Write(4, 0, 4, 2, 1);
        Assert.Equal([(0, 0xC000ul)], _space.Mapped);
        Write(4, 0, 0x10, 4, 0xC020);
        Assert.Equal([(0, 0xC020ul)], _space.Mapped);
        Write(4, 0, 4, 2, 0);
        Assert.Empty(_space.Mapped);
    }

    [Fact]
    public void Memory_regions_of_64_bits_take_two_registers()
    {
        Write(4, 0, 0x18, 4, uint.MaxValue);
        Write(4, 0, 0x1C, 4, uint.MaxValue);
        Assert.Equal(0xFFFF_C004u, Read(4, 0, 0x18));
        Assert.Equal(uint.MaxValue, Read(4, 0, 0x1C));
        Write(4, 0, 0x18, 4, 0x8000_0000);
        Write(4, 0, 0x1C, 4, 0x1);
        Write(4, 0, 4, 1, 2);
        Assert.Contains((2, 0x1_8000_0000ul), _space.Mapped);
    }

    [Fact]
    public void Capabilities_are_linked()
    {
        Assert.Equal(0x10u, Read(4, 0, 6, 2) & 0x10);
        var first = Read(4, 0, 0x34, 1);
        Assert.Equal(0x09u, Read(4, 0, (int)first, 1));
        Assert.Equal(0x11u, Read(4, 0, (int)Read(4, 0, (int)first + 1, 1), 1));
    }

    [Fact]
    public void Interrupts_follow_their_route_and_the_disable_bit()
    {
        Write(1, 0, 0x63, 1, 11); // device 4, pin A: PIRQD
        _function.Interrupt(true);
        Assert.True(_irqs[11].Asserted);
        Assert.Equal(8u, Read(4, 0, 6, 1) & 8);
        Write(1, 0, 0x63, 1, 10);
        Assert.False(_irqs[11].Asserted);
        Assert.True(_irqs[10].Asserted);
        Write(4, 0, 4, 2, 0x400);
        Assert.False(_irqs[10].Asserted);
        Write(4, 0, 4, 2, 0);
        Assert.True(_irqs[10].Asserted);
        Write(1, 0, 0x63, 1, 0x80);
        Assert.False(_irqs[10].Asserted);
        Write(1, 0, 0x63, 1, 0); // IRQ 0 is not for PCI
        Assert.False(_irqs[0].Asserted);
    }

    [Fact]
    public void Attribute_registers_switch_between_ROM_and_memory()
    {
        Write(0, 0, 0x59, 1, 0x30);
        Assert.Equal([(0xF0000ul, 0x10000ul, true, true)], _memoryChanges);
        _memoryChanges.Clear();
        Write(0, 0, 0x5C, 4, 0x1033_3313);
        Assert.Contains((0xD0000ul, 0x4000ul, true, true), _memoryChanges);
        Assert.Contains((0xD4000ul, 0x4000ul, true, false), _memoryChanges);
        Assert.Contains((0xEC000ul, 0x4000ul, true, false), _memoryChanges);
        Assert.DoesNotContain(_memoryChanges, change => change.Start == 0xE8000);
        _memoryChanges.Clear();
        _bus.Reset();
        Assert.Contains((0xF0000ul, 0x10000ul, false, false), _memoryChanges);
    }

    [Fact]
    public void Firmware_places_the_power_management_ports()
    {
        Write(1, 3, 0x40, 4, 0x601);
        Assert.False(_powerManagement.Enabled);
        Write(1, 3, 0x80, 1, 1);
        Assert.Equal((0x600, true), _powerManagement);
        Assert.Equal(0x601u, Read(1, 3, 0x40));
    }

    [Fact]
    public void The_reset_control_register_lies_inside_the_address_register()
    {
        Select(0, 0, 0);
        _ports.Write(1, 1, 6);
        Assert.Equal(6ul, _reset.Written);
        Assert.Equal(0x8000_0000ul, _ports.Read(0, 4));
        Assert.Equal(0x42ul, _ports.Read(1, 1));
    }

    [Fact]
    public void The_memory_window_reaches_the_same_registers()
    {
        var window = new PciExpressConfiguration(_bus);
        Assert.Equal(0x1237_8086ul, window.Read(0, 4));
        Assert.Equal(0x7113ul, window.Read((1 << 15) | (3 << 12) | 2, 2));
        Assert.Equal(0xFFFF_FFFFul, window.Read(0x100, 4));
        Assert.Equal(ulong.MaxValue, window.Read(0, 8));
        window.Write((4 << 15) | 0x3C, 1, 7);
        Assert.Equal(7u, Read(4, 0, 0x3C, 1));
    }

    [Fact]
    public void Saved_state_maps_again()
    {
        Write(4, 0, 0x10, 4, 0xC000);
        Write(4, 0, 4, 2, 1);
        Write(1, 0, 0x63, 1, 11);
        _function.Interrupt(true);
        var writer = new DeviceStateWriter();
        _bus.Save(writer);
        var restored = new PciTests();
        restored._bus.Load(new DeviceStateReader(writer.Written, "test"));
        Assert.Equal([(0, 0xC000ul)], restored._space.Mapped);
        Assert.True(restored._irqs[11].Asserted);
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.Select(Gen.Int[0, 5], Gen.Int[0, 7]), Gen.Int[0, 0xFF], Gen.Int[0, 9], Gen.OneOf(Gen.UInt, Gen.Const(uint.MaxValue)), Gen.Int[0, 4]).Array.Sample(operations =>
        {
            var machine = new PciTests();
            var window = new PciExpressConfiguration(machine._bus);
            foreach (var ((device, function), offset, size, value, kind) in operations)
            {
                switch (kind)
                {
                    case 0: machine.Read(device, function, offset, size); break;
                    case 1: machine._ports.Write((ulong)(offset & 15), size, value); break;
                    case 2: window.Write(((ulong)device << 15) | ((ulong)offset * 16), size, value); break;
                    case 3: machine._function.Interrupt((value & 1) != 0); break;
                    default: machine.Write(device, function, offset, size, value); break;
                }

                Assert.All(machine._space.Mapped, entry => Assert.NotEqual(0ul, entry.Address));
            }

            machine._bus.Reset();
            Assert.Empty(machine._space.Mapped);
            Assert.DoesNotContain(machine._irqs, line => line.Asserted);
            machine.A_base_address_register_tells_its_length_and_maps();
        }, iter: 60);

    private sealed class FakeSpace : IPciAddressSpace
    {
        private readonly List<(int Index, ulong Address)> _mapped = [];

        public IReadOnlyList<(int Index, ulong Address)> Mapped => _mapped;

        public void Map(PciRegion region, ulong address) => _mapped.Add((region.Index, address));

        public void Unmap(PciRegion region, ulong address) => Assert.True(_mapped.Remove((region.Index, address)));
    }

    private sealed class FakeReset : IBusDevice
    {
        public ulong Written { get; private set; }

        public ulong Read(ulong offset, int size) => 0x42;

        public void Write(ulong offset, int size, ulong value) => Written = value;
    }

    private sealed class TestFunction : PciFunction
    {
        public TestFunction()
            : base(new PciIdentity(0x1234, 0x5678, 0xFF0000), interruptPin: 1)
        {
            AddRegion(0, PciRegionKind.Io, 32, new RegisterMap());
            AddRegion(2, PciRegionKind.Memory64, 0x4000, new RegisterMap());
            AddCapability(0x09, [1, 2, 3]);
            AddCapability(0x11, new byte[10]);
        }

        public void Interrupt(bool asserted) => SetInterrupt(asserted);

        public void SetStatus(ushort bits) => Set16(PciConfig.Status, (ushort)(Get16(PciConfig.Status) | bits));
    }
}
