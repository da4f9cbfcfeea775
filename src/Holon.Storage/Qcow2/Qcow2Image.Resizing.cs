using Holon.Machines;

namespace Holon.Storage.Qcow2;

/// <summary>Changing the size of the disk.</summary>
internal sealed partial class Qcow2Image
{
    /// <inheritdoc/>
    public override void Resize(long length)
    {
        if (length < 0 || (length & 511) != 0) throw new HolonException($"A disk cannot have {length} bytes; give a multiple of 512.");
        var entries = Header.L1EntriesFor(length);
        if (length > LargestLength || entries > Qcow2Header.LargestL1Bytes / 8)
            throw new HolonException($"{Name} cannot be {length} bytes long: with clusters of {_metadata.ClusterSize} bytes the most is {Qcow2Header.LargestL1Bytes / 8 * Header.BytesPerL2Table}; convert it with larger clusters.");
        if (Header.SnapshotCount > 0 && Header.Version < 3) throw new HolonException($"{Name} is of qcow2 version 2, whose snapshots do not know their size; delete them first.");
        if (length < _length) Shrink(length);
        else if (length > _length) Grow(length, (int)entries);
    }

    private void Shrink(long length) => Rearrange(() =>
    {
        _bitmaps.Resize(length);
        var firstGone = (length + _metadata.ClusterSize - 1) >> _metadata.ClusterBits;
        var perTable = Header.EntriesPerL2Table;
        for (var i = (int)(firstGone / perTable); i < Header.L1EntriesFor(_length); i++)
        {
            if (_metadata.L1[i] is var top && L2Entry.Offset(top) == 0) continue;
            for (var cluster = Math.Max(firstGone, (long)i * perTable); cluster < (i + 1L) * perTable; cluster++) ChangeEntry(cluster, EntryChange.Forget);
            if (firstGone > (long)i * perTable) continue;
            top = _metadata.L1[i];
            _metadata.SetL1(i, 0);
            _metadata.Refcounts.Release(L2Entry.Offset(top), 1, discard: true);
        }

        _metadata.CommitAll();
        WriteSizeAndL1(length, Header.L1Offset, Header.L1Size);
        _length = length;
        _metadata.DataFile?.SetLength(length);
    });

    private void Grow(long length, int entries)
    {
        var old = _length;
        Rearrange(() =>
        {
            _bitmaps.Resize(length);
            if (entries > Header.L1Size)
            {
                _metadata.CommitAll();
                var (oldOffset, oldClusters) = (Header.L1Offset, ClustersOf(8L * Header.L1Size));
                var l1 = _metadata.L1.ToArray();
                Array.Resize(ref l1, entries);
                var place = WriteL1(l1);
                _metadata.CommitAll();
                WriteSizeAndL1(Header.Size, place, entries);
                _metadata.ReplaceL1(l1, place);
                if (oldClusters > 0) _metadata.Refcounts.Release(oldOffset, oldClusters, discard: false);
            }

            _metadata.DataFile?.SetLength(length);
            _length = length;
        });

        // What comes to light must be zero: the end of the last cluster, and what the backing file has there. The file says the new
        // size only after that.
        var clusterEnd = (old + _metadata.ClusterSize - 1) & -(long)_metadata.ClusterSize;
        var dirtyEnd = Math.Min(length, Math.Max(clusterEnd, _backing?.Length ?? 0));
        if (dirtyEnd > old)
        {
            var tail = Math.Min(clusterEnd, length);
            if (tail > old && HasData(old, tail - old)) WriteZeroData(old, tail - old, mayUnmap: false);
            if (dirtyEnd > tail) WriteZeroes(tail, dirtyEnd - tail, mayUnmap: true);
        }

        lock (_metadata.Gate)
        {
            _metadata.CommitAll();
            WriteSizeAndL1(length, Header.L1Offset, Header.L1Size);
        }
    }

    private bool HasData(long offset, long length) => !ReadsAsZero(offset, length);
}
