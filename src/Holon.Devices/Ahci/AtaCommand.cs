namespace Holon.Devices.Ahci;

/// <summary>ATA commands that the disk knows (ATA/ATAPI Command Set 3, chapter 7).</summary>
internal enum AtaCommand : byte
{
    DataSetManagement = 0x06,
    ReadSectors = 0x20,
    ReadSectorsExt = 0x24,
    ReadDmaExt = 0x25,
    WriteSectors = 0x30,
    WriteSectorsExt = 0x34,
    WriteDmaExt = 0x35,
    WriteDmaFuaExt = 0x3D,
    ReadVerify = 0x40,
    ReadVerifyExt = 0x42,
    ReadQueued = 0x60,
    WriteQueued = 0x61,
    ReadDma = 0xC8,
    WriteDma = 0xCA,
    StandbyImmediate = 0xE0,
    IdleImmediate = 0xE1,
    Standby = 0xE2,
    Idle = 0xE3,
    CheckPowerMode = 0xE5,
    FlushCache = 0xE7,
    FlushCacheExt = 0xEA,
    Identify = 0xEC,
    SetFeatures = 0xEF,
    SecurityFreezeLock = 0xF5,
}

/// <summary>Status and error bits of the task file.</summary>
internal static class AtaStatus
{
    public const byte Error = 1, Ready = 0x50, Busy = 0x80;

    /// <summary>Error register: the command is not known, or the medium failed.</summary>
    public const byte Abort = 4, Uncorrectable = 0x40, IdNotFound = 0x10;
}
