using Holon.Devices;
using Holon.Devices.Pci;
using Holon.Memory;
using Holon.SystemMachine.Bus;
using Holon.SystemMachine.Firmware;

namespace Holon.SystemMachine;

/// <summary>
/// The board's PCI side: an Intel 440FX host bridge, and PIIX bridges that route interrupts and place the power management ports. These
/// are what every PC firmware and operating system knows.
/// </summary>
internal sealed class Chipset
{
    private const int BridgeDevice = 1, PowerFunction = 3;
    private const int PamRegisters = 0x59, RouteRegisters = 0x60, PowerBase = 0x40, PowerMisc = 0x80;

    /// <summary>The interrupts of PIRQA–PIRQD, as SeaBIOS routes them too: what <see cref="BoardResources.PciLegacyInterrupt"/> tells.</summary>
    private static readonly byte[] _routes = [10, 10, 11, 11];

    private readonly Piix3 _isaBridge;

    /// <summary>Makes the bridges and maps the configuration ports.</summary>
    /// <param name="ports">Where to map.</param>
    /// <param name="memory">Where PCI devices will appear.</param>
    /// <param name="createIsaLine">Makes a line to an 8259A input.</param>
    /// <param name="createPciLine">Makes a line to an I/O APIC input.</param>
    /// <param name="resetControl">Answers at 0xCF9.</param>
    /// <param name="shadowChanged">Called when the guest changes what is ROM below 1 MiB.</param>
    /// <param name="powerPortsChanged">Called when the guest moves the power management ports.</param>
    public Chipset(
        PortSpace ports,
        DeviceMemory memory,
        Func<int, IInterruptLine> createIsaLine,
        Func<int, IInterruptLine> createPciLine,
        IBusDevice resetControl,
        MemoryAttributesChanged shadowChanged,
        PowerManagementBaseChanged powerPortsChanged)
    {
        IInterruptLine unused = new InterruptFanOut();
        _isaBridge = new Piix3([.. Enumerable.Range(0, 16).Select(irq => irq is 0 or 1 or 2 or 8 or 13 ? unused : createIsaLine(irq))]);
        Bus = new PciBus(new PciAddressSpace(ports, memory), (device, pin) =>
            new InterruptFanOut(createPciLine(BoardResources.PciInput(device, pin)), _isaBridge.CreateLine(device, pin)));
        ConfigurationPorts = new PciConfigurationPorts(Bus, resetControl);
        Bus.Attach(new I440fx(shadowChanged), 0);
        Bus.Attach(_isaBridge, BridgeDevice);
        Bus.Attach(new Piix4PowerManagement(powerPortsChanged), BridgeDevice, PowerFunction);
        ports.Map(BoardResources.PciConfigurationPort, PciConfigurationPorts.Length, ConfigurationPorts, Lock);
        memory.Map(new MemoryRange(BoardResources.EcamAddress, PciExpressConfiguration.Length), new PciExpressConfiguration(Bus), Lock);
    }

    /// <summary>The bus.</summary>
    public PciBus Bus { get; }

    /// <summary>The ports at 0xCF8.</summary>
    public PciConfigurationPorts ConfigurationPorts { get; }

    /// <summary>Held while configuration space is accessed.</summary>
    public Lock Lock { get; } = new();

    /// <summary>Does what firmware does before it boots: RAM below 1 MiB, interrupt routes, power management ports.</summary>
    public void SetUpAsFirmwareDoes()
    {
        const byte HostBridge = 0, IsaBridge = BridgeDevice << 3, Power = (BridgeDevice << 3) | PowerFunction;
        lock (Lock)
        {
            Bus.WriteConfiguration(HostBridge, PamRegisters, 1, 0x30);
            for (var i = 1; i < 7; i++) Bus.WriteConfiguration(HostBridge, PamRegisters + i, 1, 0x33);
            for (var i = 0; i < _routes.Length; i++) Bus.WriteConfiguration(IsaBridge, RouteRegisters + i, 1, _routes[i]);
            Bus.WriteConfiguration(Power, PowerBase, 4, BoardResources.PowerEventPort);
            Bus.WriteConfiguration(Power, PowerMisc, 1, 1);
            PlaceRegions();
        }
    }

    /// <summary>Gives every region an address, the largest first, and switches decoding on; tells each function its legacy interrupt.</summary>
    private void PlaceRegions()
    {
        var memory = BoardResources.PciWindow.Start;
        uint ports = BoardResources.FirstPciPort;
        foreach (var region in Bus.Functions.SelectMany(function => function.Regions).OrderByDescending(region => region.Length))
        {
            var address = region.Kind == PciRegionKind.Io ? ports : memory;
            address = (address + region.Length - 1) & ~(region.Length - 1);
            if (region.Kind == PciRegionKind.Io) ports = (uint)(address + region.Length);
            else memory = address + region.Length;
            var register = PciConfig.BaseAddress0 + (region.Index * 4);
            region.Function.WriteConfiguration(register, 4, (uint)address);
            if (region.Kind == PciRegionKind.Memory64) region.Function.WriteConfiguration(register + 4, 4, (uint)(address >> 32));
        }

        foreach (var function in Bus.Functions)
        {
            if (function.Regions.Any()) function.WriteConfiguration(PciConfig.Command, 2, PciConfig.CommandIo | PciConfig.CommandMemory);
            if (function is Piix4PowerManagement) continue; // its interrupt is ACPI's, whatever its pin (82371AB §7.1.13)
            if (function.InterruptPin > 0) function.WriteConfiguration(PciConfig.InterruptLine, 1, BoardResources.PciLegacyInterrupt(function.DeviceNumber, function.InterruptPin - 1));
        }
    }
}
