using System.Buffers.Binary;
using Holon.Memory;
using Holon.Storage;

namespace Holon.Devices.Ahci;

/// <summary>What a command does: answered at once, or made a request of the backend.</summary>
internal static class AtaExecution
{
    private const int SectorLength = 512, RangesInBlock = 64;

    /// <summary>Begins a command.</summary>
    /// <returns>The error (0 for none) and bytes transferred when it has ended already; null when it is to be submitted.</returns>
    public static (byte Error, uint Bytes)? Begin(AhciCommand command, AhciDisk disk, GuestMemory memory)
    {
        switch (command.Command)
        {
            case AtaCommand.Identify:
                command.Operation = BlockOperation.Flush;
                return (0, (uint)command.Copy(memory, AtaIdentity.Build(disk.Serial, disk.Backend.Length / SectorLength, AhciPort.Slots), toGuest: true));
            case AtaCommand.ReadDmaExt or AtaCommand.ReadSectorsExt:
                return Transfer(command, disk, BlockOperation.Read, command.Lba48, Count16(command.Count));
            case AtaCommand.WriteDmaExt or AtaCommand.WriteSectorsExt:
                return Transfer(command, disk, BlockOperation.Write, command.Lba48, Count16(command.Count));
            case AtaCommand.WriteDmaFuaExt:
                command.FlushFollows = true;
                return Transfer(command, disk, BlockOperation.Write, command.Lba48, Count16(command.Count));
            case AtaCommand.ReadDma or AtaCommand.ReadSectors:
                return Transfer(command, disk, BlockOperation.Read, command.Lba28, Count8(command.Count));
            case AtaCommand.WriteDma or AtaCommand.WriteSectors:
                return Transfer(command, disk, BlockOperation.Write, command.Lba28, Count8(command.Count));
            case AtaCommand.ReadQueued:
                return Transfer(command, disk, BlockOperation.Read, command.Lba48, Count16(command.Features));
            case AtaCommand.WriteQueued:
                return Transfer(command, disk, BlockOperation.Write, command.Lba48, Count16(command.Features));
            case AtaCommand.ReadVerify or AtaCommand.ReadVerifyExt:
                var verified = command.Command == AtaCommand.ReadVerify ? (command.Lba28, Count8(command.Count)) : (command.Lba48, Count16(command.Count));
                command.Operation = BlockOperation.Flush;
                return (IsInside(disk, verified.Item1, verified.Item2) ? (byte)0 : AtaStatus.IdNotFound, 0);
            case AtaCommand.FlushCache or AtaCommand.FlushCacheExt:
                command.Operation = BlockOperation.Flush;
                command.Length = command.BufferCount = 0;
                return null;
            case AtaCommand.DataSetManagement:
                return Trim(command, disk, memory);
            case AtaCommand.SetFeatures or AtaCommand.StandbyImmediate or AtaCommand.IdleImmediate or AtaCommand.Standby or AtaCommand.Idle
                or AtaCommand.CheckPowerMode or AtaCommand.SecurityFreezeLock:
                command.Operation = BlockOperation.Flush;
                return (0, 0);
            default:
                return (AtaStatus.Abort, 0);
        }
    }

    private static int Count16(int count) => count == 0 ? 65536 : count;

    private static int Count8(int count) => (byte)count == 0 ? 256 : (byte)count;

    private static bool IsInside(AhciDisk disk, long sector, long count) => sector <= (disk.Backend.Length / SectorLength) - count;

    private static (byte Error, uint Bytes)? Transfer(AhciCommand command, AhciDisk disk, BlockOperation operation, long sector, int count)
    {
        command.Operation = operation;
        if (operation == BlockOperation.Write && disk.IsReadOnly) return (AtaStatus.Abort, 0);
        if (!IsInside(disk, sector, count)) return (AtaStatus.IdNotFound, 0);
        var length = (long)count * SectorLength;
        if (command.RegionBytes < length) return (AtaStatus.Abort, 0);
        command.Offset = sector * SectorLength;
        command.UseRegions(length);
        return null;
    }

    /// <summary>Ranges of sectors that are no longer needed: 48 bits of address, 16 of count (ATA/ATAPI Command Set 3, §7.5.3).</summary>
    private static (byte Error, uint Bytes)? Trim(AhciCommand command, AhciDisk disk, GuestMemory memory)
    {
        const int TrimFeature = 1;
        command.Operation = BlockOperation.Discard;
        if (command.Features != TrimFeature || command.Count != 1 || disk.IsReadOnly) return (AtaStatus.Abort, 0);
        Span<byte> block = stackalloc byte[SectorLength];
        if (command.Copy(memory, block, toGuest: false) < SectorLength) return (AtaStatus.Abort, 0);
        for (var i = 0; i < RangesInBlock; i++)
        {
            var range = BinaryPrimitives.ReadUInt64LittleEndian(block[(i * 8)..]);
            var (sector, count) = ((long)(range & 0xFFFF_FFFF_FFFF), (long)(range >> 48));
            if (count == 0) continue;
            if (!IsInside(disk, sector, count)) return (AtaStatus.IdNotFound, 0);
            command.Ranges.Enqueue((sector * SectorLength, count * SectorLength));
        }

        if (!command.Ranges.TryDequeue(out var first)) return (0, 0);
        command.BufferCount = 0;
        (command.Offset, command.Length) = first;
        return null;
    }
}
