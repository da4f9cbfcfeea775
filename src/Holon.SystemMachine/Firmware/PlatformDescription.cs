using Holon.Memory;

namespace Holon.SystemMachine.Firmware;

/// <summary>What the firmware's tables tell a guest about its machine.</summary>
public sealed record PlatformDescription
{
    /// <summary>The most processors the tables can name.</summary>
    public const int MaxProcessors = 1024;

    /// <summary>Processors; their APIC identifiers count from 0.</summary>
    public int Processors { get; init; } = 1;

    /// <summary>How many of COM1 and COM2 exist.</summary>
    public int SerialPorts { get; init; } = 1;

    /// <summary>Whether a keyboard controller exists.</summary>
    public bool HasKeyboardController { get; init; } = true;

    /// <summary>Whether a VGA adapter exists.</summary>
    public bool HasVga { get; init; }

    /// <summary>Where the power management ports begin: firmware puts them where it likes.</summary>
    public ushort PowerPort { get; init; } = BoardResources.PowerEventPort;

    /// <summary>Where PCI configuration space is mapped (ECAM, 1 MiB a bus from bus 0), or null.</summary>
    public MemoryRange? Ecam { get; init; }

    /// <summary>Addresses for PCI devices below 4 GiB.</summary>
    public MemoryRange PciWindow { get; init; } = BoardResources.PciWindow;

    /// <summary>The first device number that devices may be plugged into while the machine runs; null when none can be.</summary>
    public int? FirstHotplugDevice { get; init; }

    /// <summary>Addresses for PCI devices above 4 GiB, or null.</summary>
    public MemoryRange? PciWindow64 { get; init; }

    /// <summary>The machine's memory, for SMBIOS.</summary>
    public IReadOnlyList<MemoryRange> Memory { get; init; } = [];

    /// <summary>The machine's name.</summary>
    public string Name { get; init; } = "Holon machine";

    /// <summary>The machine's serial number; empty for none.</summary>
    public string SerialNumber { get; init; } = "";

    /// <summary>The machine's identity.</summary>
    public Guid Uuid { get; init; }

    /// <summary>Holon's version.</summary>
    public string Version { get; init; } = "";
}
