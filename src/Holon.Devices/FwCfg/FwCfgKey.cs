namespace Holon.Devices.FwCfg;

/// <summary>Keys with a fixed meaning (QEMU's docs/specs/fw_cfg.rst and include/standard-headers/linux/qemu_fw_cfg.h).</summary>
public static class FwCfgKey
{
    /// <summary>What the device itself says.</summary>
    public const ushort Signature = 0x00, Identification = 0x01, FileDirectory = 0x19;

    /// <summary>The machine.</summary>
    public const ushort Uuid = 0x02, RamSize = 0x03, NoGraphic = 0x04, ProcessorCount = 0x05, MachineId = 0x06, BootDevice = 0x0C, Numa = 0x0D, BootMenu = 0x0E, MaximumProcessors = 0x0F;

    /// <summary>A kernel to boot without a disk.</summary>
    public const ushort KernelAddress = 0x07, KernelSize = 0x08, KernelCommandLine = 0x09, InitrdAddress = 0x0A, InitrdSize = 0x0B, KernelEntry = 0x10, KernelData = 0x11,
        InitrdData = 0x12, CommandLineAddress = 0x13, CommandLineSize = 0x14, CommandLineData = 0x15, SetupAddress = 0x16, SetupSize = 0x17, SetupData = 0x18;

    /// <summary>Tables for x86 firmware.</summary>
    public const ushort AcpiTables = 0x8000, SmbiosEntries = 0x8001, Irq0Override = 0x8002, E820Table = 0x8003, HpetConfiguration = 0x8004;

    /// <summary>The first key given to a file.</summary>
    internal const ushort FirstFile = 0x20;
}
