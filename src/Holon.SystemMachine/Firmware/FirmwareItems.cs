using System.Buffers.Binary;
using Holon.Devices.FwCfg;
using Holon.Memory;
using Holon.SystemMachine.Firmware.Acpi;
using Holon.SystemMachine.Firmware.Smbios;

namespace Holon.SystemMachine.Firmware;

/// <summary>What the board tells firmware, and test programs, through the firmware configuration device.</summary>
internal static class FirmwareItems
{
    private const int E820EntryLength = 20;
    private const uint E820Ram = 1;

    /// <summary>Adds everything.</summary>
    public static void Add(FwCfgDevice device, BoardPlan plan)
    {
        var processors = (ushort)plan.Processors;
        device.Add(FwCfgKey.RamSize, plan.Ram.Aggregate(0ul, (sum, range) => sum + range.Length));
        device.Add(FwCfgKey.ProcessorCount, processors);
        device.Add(FwCfgKey.MaximumProcessors, processors);
        device.Add(FwCfgKey.NoGraphic, (ushort)1);
        if (plan.Platform is not { } platform) return;
        device.AddFile("etc/e820", MemoryMap(plan.Ram));
        device.AddFile("etc/sercon-port", Number16(BoardResources.SerialPorts[0].Port)); // text goes to the serial line
        var acpi = AcpiTableLoader.Build(platform);
        device.AddFile(AcpiTableLoader.TablesName, acpi.Tables);
        device.AddFile(AcpiTableLoader.RsdpName, acpi.Rsdp);
        device.AddFile(AcpiTableLoader.ScriptName, acpi.Script);
        var (anchor, structures) = SmbiosTables.BuildForFirmware(platform);
        device.AddFile("etc/smbios/smbios-anchor", anchor);
        device.AddFile("etc/smbios/smbios-tables", structures);
    }

    /// <summary>RAM as rows of address, length and type (QEMU's docs/specs/fw_cfg.rst).</summary>
    private static byte[] MemoryMap(IReadOnlyList<MemoryRange> ram)
    {
        var map = new byte[E820EntryLength * ram.Count];
        var row = map.AsSpan();
        foreach (var range in ram)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(row, range.Start);
            BinaryPrimitives.WriteUInt64LittleEndian(row[8..], range.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(row[16..], E820Ram);
            row = row[E820EntryLength..];
        }

        return map;
    }

    private static byte[] Number16(ushort value)
    {
        var bytes = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        return bytes;
    }
}
