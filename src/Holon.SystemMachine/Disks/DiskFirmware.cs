using System.Buffers.Binary;
using Holon.Machines;
using Holon.Storage.Tools;
using Holon.SystemMachine.Images;

namespace Holon.SystemMachine.Disks;

/// <summary>Finds which firmware a disk is made for, from the partition table (UEFI §5.2, §5.3) and the boot sector.</summary>
public static class DiskFirmware
{
    private const int Sector = GuidPartitionTable.Sector, BytesRead = 64 << 10;
    private const int BootCodeLength = 440, MbrTable = 446, MbrEntries = 4, MbrEntryLength = 16, MbrSignature = 510;
    private const int LeastEntryLength = 128;
    private const byte MbrEfiSystem = 0xEF;

    /// <summary>Completes a specification that names disks and nothing to boot: the first disk's system is started.</summary>
    /// <exception cref="HolonException">There is none on it, or it cannot be read.</exception>
    public static SystemMachineSpec Complete(SystemMachineSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.Kernel is not null || spec.Bios is not null || spec.Disks is not [var disk, ..]) return spec;
        var buffer = new byte[BytesRead];
        var start = buffer.AsSpan(0, DiskContent.ReadStart(disk.Path, disk.Format, buffer));
        var (efi, boots) = (HasEfiSystem(start), HasBootCode(start));
        if (!efi && !boots) throw new HolonException($"There is no system to start on {disk.Path}: it has neither a boot sector nor an EFI system partition; give an image, --kernel FILE, or another disk first.");

        // Where a disk boots both ways, UEFI firmware is the faster one: it loads in large pieces.
        return efi && (!boots || File.Exists(SystemMachineSpec.UefiFirmware))
            ? spec with { Bios = SystemMachineSpec.UefiFirmware, Uefi = true }
            : spec with { Bios = SystemMachineSpec.DefaultFirmware };
    }

    /// <summary>Whether there is an EFI system partition in either kind of table.</summary>
    internal static bool HasEfiSystem(ReadOnlySpan<byte> start)
    {
        if (!HasMbr(start)) return false;
        for (var i = 0; i < MbrEntries; i++)
            if (start[MbrTable + (i * MbrEntryLength) + 4] == MbrEfiSystem) return true;
        if (start.Length < 2 * Sector || !start[Sector..].StartsWith("EFI PART"u8)) return false;
        var header = start[Sector..];
        var at = BinaryPrimitives.ReadUInt64LittleEndian(header[72..]);
        var (count, length) = (BinaryPrimitives.ReadUInt32LittleEndian(header[80..]), BinaryPrimitives.ReadUInt32LittleEndian(header[84..]));
        if (at > BytesRead / Sector || length is < LeastEntryLength or > BytesRead) return false;
        for (var offset = at * Sector; count > 0 && offset + length <= (ulong)start.Length; offset += length, count--)
            if (new Guid(start.Slice((int)offset, 16)) == Partition.EfiSystem) return true;
        return false;
    }

    /// <summary>Whether a BIOS finds something to execute.</summary>
    internal static bool HasBootCode(ReadOnlySpan<byte> start) => HasMbr(start) && start[..BootCodeLength].ContainsAnyExcept((byte)0);

    private static bool HasMbr(ReadOnlySpan<byte> start) => start.Length >= Sector && BinaryPrimitives.ReadUInt16LittleEndian(start[MbrSignature..]) == 0xAA55;
}
