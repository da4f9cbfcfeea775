using System.Buffers.Binary;
using System.Numerics;
using Holon.Storage.Images;

namespace Holon.Storage.Qcow2;

/// <summary>Extended L2 entries: 32 subclusters a cluster, each with data, zero or neither. See "Extended L2 Entries" of the format.</summary>
internal static class Subclusters
{
    private const int PerClusterBits = 5;

    /// <summary>What is at an offset, up to the end of its cluster.</summary>
    public static GuestExtent Describe(ReadOnlySpan<byte> entries, long offset, long length, Qcow2Metadata metadata)
    {
        var entry = BinaryPrimitives.ReadUInt64BigEndian(entries);
        var inCluster = offset & (metadata.ClusterSize - 1);
        if ((entry & L2Entry.Compressed) != 0) return new GuestExtent(ExtentKind.Compressed, Math.Min(length, metadata.ClusterSize - inCluster), 0, false, entry);

        var bitmap = BinaryPrimitives.ReadUInt64BigEndian(entries[8..]);
        var (allocated, zero) = ((uint)bitmap, (uint)(bitmap >> 32));
        if ((allocated & zero) != 0) throw Corruption.At(metadata.File.Name, metadata.TablePosition(offset) + 8, "subcluster bitmap", "says of a subcluster that it is allocated and zero");
        var index = (int)(inCluster >> (metadata.ClusterBits - PerClusterBits));
        var kind = (allocated >> index & 1) != 0 ? ExtentKind.Data : (zero >> index & 1) != 0 ? ExtentKind.Zero : ExtentKind.Unallocated;
        var same = kind switch { ExtentKind.Data => allocated, ExtentKind.Zero => zero, _ => ~(allocated | zero) };
        var run = Math.Min(BitOperations.TrailingZeroCount(~(ulong)(same >> index)), 32 - index);
        var host = L2Entry.Offset(entry);
        if (kind == ExtentKind.Data)
        {
            if (host == 0 && metadata.DataFile is null) throw Corruption.At(metadata.File.Name, metadata.TablePosition(offset), "L2 entry", "points nowhere, and its subclusters have data");
            metadata.CheckData(host, offset);
        }

        var end = (long)(index + run) << (metadata.ClusterBits - PerClusterBits);
        return new GuestExtent(kind, Math.Min(length, end - inCluster), host + inCluster, false, entry);
    }
}
