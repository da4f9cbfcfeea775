using Holon.Memory;

namespace Holon.SystemMachine.Firmware;

/// <summary>
/// The board's fixed ports, interrupts and addresses, as the tables give them to the guest. Whoever builds the board places its
/// devices by these same constants. Conventions are the PC's; the power-management block is laid out like Intel's ICH.
/// </summary>
public static class BoardResources
{
    /// <summary>Where the search for the RSDP begins (ACPI §5.2.5.1): the ACPI tables lie from here.</summary>
    public const ulong AcpiTablesAddress = 0xE0000;

    /// <summary>Bytes for the ACPI tables.</summary>
    public const int AcpiTablesLength = 0x10000;

    /// <summary>Where the search for SMBIOS begins (SMBIOS §5.2): its tables lie from here.</summary>
    public const ulong SmbiosAddress = 0xF0000;

    /// <summary>Bytes for SMBIOS.</summary>
    public const int SmbiosLength = 0x10000;

    /// <summary>Local APICs.</summary>
    public const uint LocalApicAddress = 0xFEE00000;

    /// <summary>The I/O APIC, its identifier and its inputs.</summary>
    public const uint IoApicAddress = 0xFEC00000;

    /// <summary>The I/O APIC's identifier.</summary>
    public const byte IoApicId = 0;

    /// <summary>The I/O APIC's inputs, of which the upper eight are for PCI.</summary>
    public const int IoApicInputs = 24;

    /// <summary>The first I/O APIC input for PCI.</summary>
    public const int FirstPciInput = 16;

    /// <summary>The I/O APIC input that the timer (ISA interrupt 0) comes in at.</summary>
    public const uint TimerInput = 2;

    /// <summary>ACPI's own interrupt, level-triggered and active high.</summary>
    public const byte SciInterrupt = 9;

    /// <summary>Power management: status and enable registers (PM1a_EVT), 4 bytes.</summary>
    public const ushort PowerEventPort = 0x600;

    /// <summary>Where UEFI firmware puts the power-management block.</summary>
    public const ushort UefiPowerEventPort = 0xB000;

    /// <summary>Bits of a physical address in a machine with UEFI firmware.</summary>
    public const int UefiPhysicalAddressBits = 40;

    /// <summary>Power management: control register (PM1a_CNT), 2 bytes.</summary>
    public const ushort PowerControlPort = 0x604;

    /// <summary>Power management timer, 4 bytes of which 24 bits count.</summary>
    public const ushort PowerTimerPort = 0x608;

    /// <summary>General-purpose events (GPE0), 4 bytes: two of status, two of enable.</summary>
    public const ushort GeneralEventPort = 0x620;

    /// <summary>Bytes of <see cref="GeneralEventPort"/>.</summary>
    public const byte GeneralEventLength = 4;

    /// <summary>All power-management ports, from <see cref="PowerEventPort"/>.</summary>
    public const byte PowerPortsLength = 0x40;

    /// <summary>Where <see cref="AcpiEnable"/> and <see cref="AcpiDisable"/> are written.</summary>
    public const ushort SmiCommandPort = 0xB2;

    /// <summary>Makes the power-management block set SCI_EN.</summary>
    public const byte AcpiEnable = 0xF1;

    /// <summary>Makes the power-management block clear SCI_EN.</summary>
    public const byte AcpiDisable = 0xF0;

    /// <summary>The reset control register; writing <see cref="ResetValue"/> resets the machine.</summary>
    public const ushort ResetPort = 0xCF9;

    /// <summary>A full reset.</summary>
    public const byte ResetValue = 6;

    /// <summary>SLP_TYP of soft-off (_S5): written to bits 10–12 of <see cref="PowerControlPort"/> with SLP_EN, bit 13.</summary>
    public const byte SoftOffSleepType = 0;

    /// <summary>PCI configuration address and data, 8 bytes.</summary>
    public const ushort PciConfigurationPort = 0xCF8;

    /// <summary>PCI configuration space of bus 0 (ECAM), 1 MiB: between the local APICs and the firmware, where no firmware puts devices.</summary>
    public const ulong EcamAddress = 0xFEF00000;

    /// <summary>Addresses below 4 GiB for PCI devices: from the end of memory to the I/O APIC.</summary>
    public static readonly MemoryRange PciWindow = new(0xC0000000, 0x3EC00000);

    /// <summary>Where ports for PCI devices begin, behind all that the board has.</summary>
    public const ushort FirstPciPort = 0xC000;

    /// <summary>The first PCI device number that devices can be plugged into while the machine runs.</summary>
    public const int FirstHotplugDevice = 16;

    /// <summary>PCI hot-plug ports.</summary>
    public const ushort HotplugPort = 0xAE00;

    /// <summary>COM1 and COM2, 8 bytes each.</summary>
    public static IReadOnlyList<(ushort Port, byte Interrupt)> SerialPorts { get; } = [(0x3F8, 4), (0x2F8, 3)];

    /// <summary>Addresses above 4 GiB for PCI devices: behind the guest's memory, as far as its processors reach.</summary>
    /// <param name="endOfMemory">Where memory ends.</param>
    /// <param name="addressBits">How many bits a physical address has.</param>
    public static MemoryRange PciWindow64(ulong endOfMemory, int addressBits)
    {
        const ulong GiB = 1ul << 30;
        var end = 1ul << (addressBits - 1);
        var start = (Math.Max(endOfMemory, 4 * GiB) + GiB - 1) & ~(GiB - 1);
        return new MemoryRange(start, end - start);
    }

    /// <summary>The I/O APIC input of a PCI interrupt pin on the root bus, spread over the eight inputs for PCI.</summary>
    /// <param name="device">Device number, 0–31.</param>
    /// <param name="pin">0–3 for INTA–INTD.</param>
    public static int PciInput(int device, int pin) => FirstPciInput + ((device + pin) & 7);

    /// <summary>The legacy interrupt of a PCI pin, for guests that do not use the I/O APIC; also what its interrupt line register holds.</summary>
    /// <param name="device">Device number, 0–31.</param>
    /// <param name="pin">0–3 for INTA–INTD.</param>
    public static byte PciLegacyInterrupt(int device, int pin) => ((device + pin - 1) & 3) < 2 ? (byte)10 : (byte)11;
}
