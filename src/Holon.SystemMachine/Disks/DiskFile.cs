using Holon.Machines;
using Holon.Storage;

namespace Holon.SystemMachine.Disks;

/// <summary>Opens a machine's disk images.</summary>
internal static class DiskFile
{
    /// <summary>Opens what a specification names.</summary>
    /// <exception cref="HolonException">It cannot be opened.</exception>
    public static IBlockBackend Open(DiskSpec disk)
    {
        var opened = Disk.Open(disk.Path, new DiskOptions { ReadOnly = disk.ReadOnly, Format = disk.Format, Cache = disk.Temporary ? CacheMode.Unsafe : CacheMode.Writeback });
        return disk is { Iops: 0, BytesPerSecond: 0 } ? opened : new RateLimitedBackend(opened, new RateLimits { OperationsPerSecond = disk.Iops, BytesPerSecond = disk.BytesPerSecond });
    }
}
