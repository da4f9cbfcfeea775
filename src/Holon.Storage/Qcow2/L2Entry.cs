namespace Holon.Storage.Qcow2;

/// <summary>The entries of L1 and L2 tables. See QEMU's docs/interop/qcow2, "Cluster mapping".</summary>
internal static class L2Entry
{
    /// <summary>The refcount is exactly one, so that writing in place is allowed.</summary>
    public const ulong Copied = 1ul << 63;

    /// <summary>A compressed cluster.</summary>
    public const ulong Compressed = 1ul << 62;

    /// <summary>Reads as zeroes.</summary>
    public const ulong Zero = 1;

    /// <summary>Where the cluster, or the L2 table, is.</summary>
    public const long OffsetMask = 0x00FF_FFFF_FFFF_FE00;

    /// <summary>Where the cluster is.</summary>
    public static long Offset(ulong entry) => (long)entry & OffsetMask;

    /// <summary>Where a compressed cluster's data is, in bytes, and how long it may be.</summary>
    public static (long Offset, int Length) CompressedRange(ulong entry, int clusterBits)
    {
        var shift = 62 - (clusterBits - 8);
        var offset = (long)(entry & ((1ul << shift) - 1)) & 0x00FF_FFFF_FFFF_FFFF;
        var sectors = (int)((entry & (Compressed - 1)) >> shift);
        return (offset, ((sectors + 1) * 512) - (int)(offset & 511));
    }

    /// <summary>The entry of a cluster of our own.</summary>
    public static ulong ForData(long offset) => (ulong)offset | Copied;

    /// <summary>The entry of a compressed cluster.</summary>
    public static ulong ForCompressed(long offset, int length, int clusterBits)
    {
        var sectors = ((offset + length - 1) >> 9) - (offset >> 9);
        return Compressed | (ulong)offset | ((ulong)sectors << (62 - (clusterBits - 8)));
    }
}
