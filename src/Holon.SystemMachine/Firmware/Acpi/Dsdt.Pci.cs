using System.Globalization;
using Holon.Devices.Pci;

namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>What the PCI bus can do besides being there: capabilities of the operating system, hot-plug.</summary>
internal static partial class Dsdt
{
    private const byte DeviceCheck = 1, EjectRequest = 3; // ACPI §5.6.6
    private const string Inserted = "PCIU", Removal = "PCID", Eject = "PCEJ";

    /// <summary>The UUID of a PCI host bridge's _OSC, as AML stores it (PCI Firmware Specification 3.3, §4.5.1): 33DB4D5B-1FF7-401C-9657-7441C03DD766.</summary>
    private static readonly byte[] _hostBridge = new Guid("33DB4D5B-1FF7-401C-9657-7441C03DD766").ToByteArray();

    /// <summary>Lets the operating system have power management events, error reporting and capability structures, but not hot-plug, which ACPI does.</summary>
    private static void AddOperatingSystemCapabilities(AmlWriter aml) => aml.Method("_OSC", 4, () =>
    {
        const uint NotHotplug = 0x1C, UnrecognizedUuid = 4;
        aml.DWordOfArgument3(0, "CDW1");
        aml.IfArgument0Is(_hostBridge, () =>
        {
            aml.DWordOfArgument3(8, "CDW3");
            aml.AndInto("CDW3", NotHotplug);
        });
        aml.Else(() => aml.OrInto("CDW1", UnrecognizedUuid));
        aml.ReturnArgument3();
    });

    /// <summary>The places that devices may be plugged into, each with the method that lets go of its device.</summary>
    private static void AddHotplugDevices(AmlWriter aml, int first)
    {
        aml.PortRegion("PHPR", BoardResources.HotplugPort, PciHotplug.Length);
        aml.DWordFields("PHPR", Inserted, Removal, Eject);
        for (var device = first; device < PciDevices; device++)
        {
            var number = device;
            aml.Device(SlotName(number), () =>
            {
                aml.Name("_ADR", (ulong)number << 16);
                aml.Name("_SUN", (ulong)number);
                aml.Method("_EJ0", 1, () => aml.Store(1ul << number, Eject));
            });
        }
    }

    /// <summary>The general-purpose event: tells the operating system which devices came or are to go.</summary>
    private static void AddHotplugEvent(AmlWriter aml, int first) => aml.Scope("\\_GPE", () =>
        aml.Method(string.Create(CultureInfo.InvariantCulture, $"_E{PciHotplug.GeneralEvent:X2}"), 0, () =>
        {
            NotifySlots(aml, first, Inserted, DeviceCheck);
            NotifySlots(aml, first, Removal, EjectRequest);
        }));

    private static void NotifySlots(AmlWriter aml, int first, string register, byte what)
    {
        aml.LoadLocal0($"\\_SB.PCI0.{register}");
        aml.StoreLocal0($"\\_SB.PCI0.{register}"); // ones clear what was read
        for (var device = first; device < PciDevices; device++)
        {
            var number = device;
            aml.IfLocal0Has(1u << number, () => aml.Notify($"\\_SB.PCI0.{SlotName(number)}", what));
        }
    }

    private static string SlotName(int device) => string.Create(CultureInfo.InvariantCulture, $"S{device:X3}");
}
