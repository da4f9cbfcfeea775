using System.Globalization;
using Holon.Devices.Pci;

namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>The machine's devices that cannot be discovered, described in AML (the DSDT, ACPI §5.2.11.1).</summary>
internal static partial class Dsdt
{
    private const int PciDevices = 32, PciPins = 4;
    private const string ApicMode = "\\PICM"; // 1 once the guest said with _PIC that it uses the I/O APIC

    /// <summary>Builds the table.</summary>
    public static byte[] Build(PlatformDescription platform)
    {
        var aml = new AmlWriter();
        aml.Name("\\_S5", () => aml.Package(BoardResources.SoftOffSleepType, BoardResources.SoftOffSleepType, 0, 0));
        aml.Name(ApicMode, 0);
        aml.Method("\\_PIC", 1, () => aml.StoreArgument0(ApicMode));
        aml.Scope("\\_SB", () =>
        {
            for (var i = 0; i < platform.Processors; i++) AddProcessor(aml, (uint)i);
            AddMotherboard(aml, platform);
            aml.Device("PCI0", () => AddPci(aml, platform));
        });
        if (platform.FirstHotplugDevice is { } firstDevice) AddHotplugEvent(aml, firstDevice);
        return new AcpiTable("DSDT", 2).Add(aml.ToArray()).ToArray();
    }

    private static void AddProcessor(AmlWriter aml, uint number) => aml.Device(string.Create(CultureInfo.InvariantCulture, $"C{number:X3}"), () =>
    {
        aml.Name("_HID", "ACPI0007");
        aml.Name("_UID", number);
    });

    /// <summary>Ports and addresses that no device driver claims but nobody else may be given.</summary>
    private static void AddMotherboard(AmlWriter aml, PlatformDescription platform) => aml.Device("MBRD", () =>
    {
        var resources = new AmlResources()
            .Io(platform.PowerPort, BoardResources.PowerPortsLength)
            .Io(BoardResources.SmiCommandPort, 2);
        if (platform.FirstHotplugDevice is not null) resources.Io(BoardResources.HotplugPort, PciHotplug.Length);
        if (platform.Ecam is { } ecam)
        {
            if (ecam.End <= uint.MaxValue) resources.Memory32Fixed(ecam);
            else resources.MemoryWindow64(ecam, consumed: true);
        }

        aml.NameEisaId("_HID", "PNP0C02");
        aml.Name("_UID", 0);
        aml.Name("_CRS", resources);
    });

    private static void AddPci(AmlWriter aml, PlatformDescription platform)
    {
        const ushort Configuration = BoardResources.PciConfigurationPort;
        var lastBus = (ushort)(platform.Ecam is { } ecam ? Math.Clamp((ecam.Length >> 20) - 1, 0, 255) : 255);
        var resources = new AmlResources()
            .BusNumbers(0, lastBus)
            .Io(Configuration, 8)
            .IoWindow(0, Configuration - 1)
            .IoWindow(Configuration + 8, 0xFFFF);
        if (platform.HasVga) resources.MemoryWindow32(new(0xA0000, 0x20000));
        resources.MemoryWindow32(platform.PciWindow);
        if (platform.PciWindow64 is { } above) resources.MemoryWindow64(above);

        if (platform.Ecam is null)
        {
            aml.NameEisaId("_HID", "PNP0A03");
        }
        else
        {
            aml.NameEisaId("_HID", "PNP0A08"); // PCI Express, which has ECAM, and compatible with plain PCI
            aml.NameEisaId("_CID", "PNP0A03");
            AddOperatingSystemCapabilities(aml);
        }

        aml.Name("_UID", 0);
        aml.Name("_BBN", 0);
        aml.Name("_CRS", resources);
        AddPciRoutes(aml, "APRT", BoardResources.PciInput);
        AddPciRoutes(aml, "PPRT", (device, pin) => BoardResources.PciLegacyInterrupt(device, pin));
        aml.Method("_PRT", 0, () =>
        {
            aml.If(ApicMode, () => aml.ReturnName("APRT"));
            aml.ReturnName("PPRT");
        });
        AddLegacyDevices(aml, platform);
        if (platform.FirstHotplugDevice is { } firstDevice) AddHotplugDevices(aml, firstDevice);
    }

    /// <summary>For every device and pin: the interrupt it is wired to, with no link device between (ACPI §6.2.13).</summary>
    private static void AddPciRoutes(AmlWriter aml, string name, Func<int, int, int> interruptOf) => aml.Name(name, () => aml.Package(PciDevices * PciPins, () =>
    {
        const uint AllFunctions = 0xFFFF;
        for (var device = 0; device < PciDevices; device++)
        {
            for (var pin = 0; pin < PciPins; pin++) aml.Package(((ulong)device << 16) | AllFunctions, (ulong)pin, 0, (ulong)interruptOf(device, pin));
        }
    }));

    private static void AddLegacyDevices(AmlWriter aml, PlatformDescription platform)
    {
        for (var i = 0; i < platform.SerialPorts; i++)
        {
            var (port, interrupt) = BoardResources.SerialPorts[i];
            AddDevice(aml, $"COM{i + 1}", "PNP0501", i + 1, new AmlResources().Io(port, 8).Irq(interrupt));
        }

        AddDevice(aml, "RTC", "PNP0B00", 0, new AmlResources().Io(0x70, 2).Irq(8));
        if (!platform.HasKeyboardController) return;
        AddDevice(aml, "KBD", "PNP0303", 0, new AmlResources().Io(0x60, 1).Io(0x64, 1).Irq(1));
        AddDevice(aml, "MOU", "PNP0F13", 0, new AmlResources().Irq(12));
    }

    private static void AddDevice(AmlWriter aml, string name, string id, int number, AmlResources resources) => aml.Device(name, () =>
    {
        aml.NameEisaId("_HID", id);
        aml.Name("_UID", (ulong)number);
        aml.Name("_CRS", resources);
    });
}
