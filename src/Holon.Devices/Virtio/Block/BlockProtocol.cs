namespace Holon.Devices.Virtio.Block;

/// <summary>Feature bits of a block device (virtio 1.2, §5.2.3).</summary>
internal static class BlockFeature
{
    public const ulong SegmentMaximum = 1 << 2, ReadOnly = 1 << 5, BlockSize = 1 << 6, Flush = 1 << 9, Topology = 1 << 10, ConfigurableCache = 1 << 11,
        MultiQueue = 1 << 12, Discard = 1 << 13, WriteZeroes = 1 << 14;
}

/// <summary>Offsets in the configuration (§5.2.4).</summary>
internal static class BlockConfiguration
{
    public const int Capacity = 0, SegmentMaximum = 12, BlockSize = 20, PhysicalBlockExponent = 24, WriteBack = 32, QueueCount = 34,
        DiscardSectors = 36, DiscardSegments = 40, DiscardAlignment = 44, ZeroesSectors = 48, ZeroesSegments = 52, ZeroesMayUnmap = 56, Length = 60;
}

/// <summary>Request types (§5.2.6).</summary>
internal enum BlockRequestType : uint
{
    In = 0,
    Out = 1,
    Flush = 4,
    GetId = 8,
    Discard = 11,
    WriteZeroes = 13,
}

/// <summary>What a request's last byte tells (§5.2.6).</summary>
internal enum BlockResult : byte
{
    Ok = 0,
    IoError = 1,
    Unsupported = 2,
}
