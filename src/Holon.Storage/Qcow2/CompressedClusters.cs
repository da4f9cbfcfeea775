using System.IO.Compression;
using Holon.Storage.Host;
using ZstdSharp;

namespace Holon.Storage.Qcow2;

/// <summary>Reads and makes compressed clusters. The last few stay unpacked, because guests read less than a cluster at a time.</summary>
internal sealed unsafe class CompressedClusters
{
    private const int KeptBytes = 4 << 20;
    private const int MostKept = 16;

    private readonly Lock _gate = new();
    private readonly Qcow2Metadata _metadata;
    private readonly (ulong Entry, long Cluster, byte[]? Content)[] _kept;
    private int _next;

    /// <summary>Nothing is unpacked yet.</summary>
    public CompressedClusters(Qcow2Metadata metadata)
    {
        _metadata = metadata;
        _kept = new (ulong, long, byte[]?)[Math.Clamp(KeptBytes >> metadata.ClusterBits, 2, MostKept)];
    }

    /// <summary>Reads a part of a cluster.</summary>
    public void Read(ulong entry, long offset, in BufferList buffers)
    {
        var content = Unpack(entry, offset);
        fixed (byte* pointer = content) buffers.CopyFrom(pointer + (offset & (_metadata.ClusterSize - 1))); // safe: the range is within the cluster
    }

    /// <summary>Packs a cluster.</summary>
    /// <returns>The packed bytes; empty when packing gains nothing.</returns>
    public static byte[] Pack(ReadOnlySpan<byte> cluster, CompressionType type)
    {
        var packed = new byte[cluster.Length];
        if (type == CompressionType.Zstd)
        {
            using var compressor = new Compressor();
            return compressor.TryWrap(cluster, packed, out var written) && written < cluster.Length ? packed[..written] : [];
        }

        using var target = new MemoryStream(packed, writable: true);
        try
        {
            using (var deflate = new DeflateStream(target, CompressionLevel.Optimal, leaveOpen: true)) deflate.Write(cluster);
        }
        catch (NotSupportedException)
        {
            return []; // longer than the cluster itself
        }

        return target.Position < cluster.Length ? packed[..(int)target.Position] : [];
    }

    /// <summary>Forgets what is unpacked.</summary>
    public void Forget()
    {
        lock (_gate) Array.Clear(_kept);
    }

    private byte[] Unpack(ulong entry, long offset)
    {
        var cluster = offset >> _metadata.ClusterBits;
        lock (_gate)
        {
            foreach (var kept in _kept)
            {
                if (kept.Content is not null && kept.Entry == entry && kept.Cluster == cluster) return kept.Content;
            }
        }

        var (place, length) = L2Entry.CompressedRange(entry, _metadata.ClusterBits);
        if (place + 1 > _metadata.File.Length) throw Damaged(offset, place, "points behind the end of the file");
        var packed = new byte[length];
        _metadata.File.Read(place, packed);
        var content = new byte[_metadata.ClusterSize];
        try
        {
            // What follows the packed data up to the end of its last sector is not ours; the stream stops when the cluster is complete.
            using var source = new MemoryStream(packed);
            using Stream stream = _metadata.Header.Compression == CompressionType.Zstd
                ? new DecompressionStream(source)
                : new DeflateStream(source, CompressionMode.Decompress);
            stream.ReadExactly(content);
        }
        catch (Exception failure) when (failure is InvalidDataException or EndOfStreamException or ZstdException)
        {
            throw Damaged(offset, place, "cannot be unpacked");
        }

        lock (_gate)
        {
            _kept[_next] = (entry, cluster, content);
            _next = (_next + 1) % _kept.Length;
        }

        return content;
    }

    private Machines.HolonException Damaged(long offset, long place, string problem) => Corruption.At(
        _metadata.File.Name, place, $"compressed cluster of the disk's byte {offset & -(long)_metadata.ClusterSize}", problem);
}
