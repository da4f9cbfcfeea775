using System.Buffers.Binary;
using System.Text;
using Holon.Machines;

namespace Holon.Storage.Qcow2;

/// <summary>
/// Snapshots inside the image. A snapshot is a copy of the L1 table; what it points to is counted once more, so that writing makes new
/// clusters. While counts and tables change as a whole, the header says so (the dirty bit): after a crash they are counted anew.
/// </summary>
internal sealed partial class Qcow2Image
{
    private const int LongestSnapshotName = 1023;

    /// <summary>The snapshots, oldest first.</summary>
    public List<SnapshotEntry> ListSnapshots() => SnapshotEntry.ReadTable(_metadata.File, Header, out _);

    /// <summary>Keeps the disk as it is now under a name.</summary>
    public void CreateSnapshot(string name) => Rearrange(() =>
    {
        var snapshots = ListSnapshots();
        if (_metadata.DataFile is not null) throw new HolonException($"{Name} keeps its data in an external file, which excludes snapshots; use an overlay.");
        if (Encoding.UTF8.GetByteCount(name) is 0 or > LongestSnapshotName) throw new HolonException("A snapshot's name has 1 to 1023 bytes; choose another.");
        if (snapshots.Any(snapshot => snapshot.Name == name)) throw new HolonException($"{Name} has a snapshot '{name}' already; choose another name.");
        if (snapshots.Count >= Qcow2Header.MostSnapshots) throw new HolonException($"{Name} has as many snapshots as there can be; delete some.");
        RefuseUnknownSnapshotPart();
        BeginRearranging();
        var l1 = _metadata.L1.ToArray();
        Share(l1);
        UpdateCopied();
        var place = WriteL1(Array.ConvertAll(l1, entry => entry & ~L2Entry.Copied));
        snapshots.Add(new SnapshotEntry
        {
            Id = SnapshotEntry.NextId(snapshots),
            Name = name,
            L1Offset = place,
            L1Size = l1.Length,
            DiskSize = Header.Size,
            Taken = DateTimeOffset.UtcNow,
        });
        WriteSnapshotTable(snapshots);
        EndRearranging();
    });

    /// <summary>Makes the disk what it was when a snapshot was taken.</summary>
    public void ApplySnapshot(string name) => Rearrange(() =>
    {
        var snapshot = RequireSnapshot(name);
        if (snapshot.DiskSize != Header.Size) _bitmaps.Resize(snapshot.DiskSize);
        BeginRearranging();
        var (old, oldOffset) = (_metadata.L1.ToArray(), Header.L1Offset);
        var l1 = Array.ConvertAll(Qcow2Metadata.ReadL1(_metadata.File, snapshot.L1Offset, snapshot.L1Size, Header), entry => entry & ~L2Entry.Copied);
        Share(l1);
        var place = WriteL1(l1);
        _metadata.CommitAll();
        WriteSizeAndL1(snapshot.DiskSize, place, l1.Length);
        _metadata.ReplaceL1(l1, place);
        _compressed.Forget();
        ReleaseTree(old, oldOffset);
        _metadata.CommitAll();
        UpdateCopied();
        EndRearranging();
        _length = snapshot.DiskSize & -512;
        _bitmaps.Mark(0, _length);
    });

    /// <summary>Forgets a snapshot.</summary>
    public void DeleteSnapshot(string name) => Rearrange(() =>
    {
        var snapshot = RequireSnapshot(name);
        var l1 = Qcow2Metadata.ReadL1(_metadata.File, snapshot.L1Offset, snapshot.L1Size, Header);
        BeginRearranging();
        WriteSnapshotTable([.. ListSnapshots().Where(other => other.Id != snapshot.Id)]);
        ReleaseTree(l1, snapshot.L1Offset);
        _metadata.CommitAll();
        UpdateCopied();
        EndRearranging();
    });

    /// <summary>Shows a snapshot rather than the disk as it is, in an image that is open read-only.</summary>
    public void ShowSnapshot(string name)
    {
        var snapshot = RequireSnapshot(name);
        var l1 = Qcow2Metadata.ReadL1(_metadata.File, snapshot.L1Offset, snapshot.L1Size, Header);
        _metadata.ReplaceL1(l1, snapshot.L1Offset);
        _length = snapshot.DiskSize & -512;
    }

    private SnapshotEntry RequireSnapshot(string name)
    {
        var snapshots = ListSnapshots();
        return snapshots.FirstOrDefault(snapshot => snapshot.Id == name) ?? snapshots.FirstOrDefault(snapshot => snapshot.Name == name)
            ?? throw new HolonException($"{Name} has no snapshot '{name}'; holon disk snapshot list {Name} shows what it has.");
    }

    /// <summary>Counts of one bit cannot say that a cluster has two users.</summary>
    private void RefuseUnknownSnapshotPart()
    {
        if (_metadata.Refcounts.Largest < 2) throw new HolonException($"{Name} counts uses of a cluster in one bit, too few for snapshots; convert it with a larger refcount_bits.");
    }

    private void BeginRearranging()
    {
        _metadata.CommitAll();
        if (Header.Version < 3) return;
        Header.Incompatible |= IncompatibleFeatures.Dirty;
        _metadata.WriteFeatures();
    }

    private void EndRearranging()
    {
        _metadata.CommitAll();
        if (Header.Version < 3 || _metadata.CountsAreLate) return;
        Header.Incompatible &= ~IncompatibleFeatures.Dirty;
        _metadata.WriteFeatures();
    }

    /// <summary>Counts everything once more that an L1 table reaches; all or nothing.</summary>
    private void Share(ulong[] l1)
    {
        long done = 0;
        try
        {
            foreach (var cluster in Reach(l1))
            {
                _metadata.Refcounts.Share(cluster);
                done++;
            }
        }
        catch (HolonException)
        {
            foreach (var cluster in Reach(l1).TakeWhile(_ => done-- > 0)) _metadata.Refcounts.Undo(cluster << _metadata.ClusterBits, 1);
            EndRearranging();
            throw;
        }
    }

    /// <summary>Gives back an L1 table and what it reaches.</summary>
    private void ReleaseTree(ulong[] l1, long offset)
    {
        foreach (var cluster in Reach(l1)) _metadata.Refcounts.Release(cluster << _metadata.ClusterBits, 1, discard: true);
        _metadata.Refcounts.Release(offset, ClustersOf(8L * l1.Length), discard: false);
    }

    /// <summary>The clusters that an L1 table reaches, as often as it does. Nothing is changed in memory that is not in the file.</summary>
    private IEnumerable<long> Reach(ulong[] l1)
    {
        var bits = _metadata.ClusterBits;
        var table = new byte[_metadata.ClusterSize];
        foreach (var top in l1)
        {
            if (L2Entry.Offset(top) is var place && place == 0) continue;
            yield return place >> bits;
            _metadata.File.Read(place, table);
            for (var i = 0; i < table.Length; i += Header.L2EntryBytes)
            {
                var entry = BinaryPrimitives.ReadUInt64BigEndian(table.AsSpan(i));
                if ((entry & L2Entry.Compressed) != 0)
                {
                    var (offset, length) = L2Entry.CompressedRange(entry, bits);
                    for (var cluster = offset >> bits; cluster <= (offset + length - 1) >> bits; cluster++) yield return cluster;
                }
                else if (L2Entry.Offset(entry) is var data && data != 0)
                {
                    yield return data >> bits;
                }
            }
        }
    }

    /// <summary>Says in the active tables which clusters are used once, and so may be written in place.</summary>
    private void UpdateCopied()
    {
        var perTable = Header.EntriesPerL2Table;
        for (var i = 0; i < _metadata.L1.Length; i++)
        {
            var top = _metadata.L1[i];
            if (L2Entry.Offset(top) is var place && place == 0) continue;
            for (long cluster = (long)i * perTable; cluster < (i + 1L) * perTable; cluster++)
            {
                var entry = _metadata.GetEntry(cluster);
                if ((entry & L2Entry.Compressed) != 0 || L2Entry.Offset(entry) == 0) continue;
                var right = With(entry, _metadata.Refcounts.Get(L2Entry.Offset(entry) >> _metadata.ClusterBits) == 1);
                if (right != entry) _metadata.SetEntry(cluster, right);
            }

            var rightTop = With(top, _metadata.Refcounts.Get(place >> _metadata.ClusterBits) == 1);
            if (rightTop != top) _metadata.SetL1(i, rightTop);
        }

        _metadata.CommitAll();

        static ulong With(ulong entry, bool once) => once ? entry | L2Entry.Copied : entry & ~L2Entry.Copied;
    }

    /// <summary>Writes an L1 table to a new place.</summary>
    private long WriteL1(ulong[] table)
    {
        var bytes = new byte[ClustersOf(8L * table.Length) << _metadata.ClusterBits];
        for (var i = 0; i < table.Length; i++) BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8 * i), table[i]);
        if (bytes.Length == 0) return 0;
        var place = _metadata.Refcounts.AllocateRun(ClustersOf(bytes.Length), out _);
        _metadata.File.Write(place, bytes);
        return place;
    }

    /// <summary>Makes the header point to another L1 table, in one sector. The table is durable.</summary>
    private void WriteSizeAndL1(long size, long place, int entries)
    {
        Span<byte> fields = stackalloc byte[24];
        BinaryPrimitives.WriteInt64BigEndian(fields, size);
        BinaryPrimitives.WriteInt32BigEndian(fields[12..], entries); // between them: the encryption method, 0
        BinaryPrimitives.WriteInt64BigEndian(fields[16..], place);
        _metadata.File.Write(Qcow2Header.SizeField, fields);
        _metadata.File.Flush();
        Header.Size = size;
    }

    private void WriteSnapshotTable(List<SnapshotEntry> snapshots)
    {
        ListOldTable(out var oldBytes);
        var oldOffset = Header.SnapshotsOffset;
        var bytes = SnapshotEntry.ToBytes(snapshots);
        long place = 0;
        if (bytes.Length > 0)
        {
            place = _metadata.Refcounts.AllocateRun(ClustersOf(bytes.Length), out _);
            _metadata.File.Write(place, bytes);
        }

        _metadata.CommitAll();
        Span<byte> fields = stackalloc byte[12];
        BinaryPrimitives.WriteInt32BigEndian(fields, snapshots.Count);
        BinaryPrimitives.WriteInt64BigEndian(fields[4..], place);
        _metadata.File.Write(Qcow2Header.SnapshotsField, fields);
        _metadata.File.Flush();
        (Header.SnapshotCount, Header.SnapshotsOffset) = (snapshots.Count, place);
        if (oldBytes > 0) _metadata.Refcounts.Release(oldOffset, ClustersOf(oldBytes), discard: false);
    }

    private void ListOldTable(out long bytes) => SnapshotEntry.ReadTable(_metadata.File, Header, out bytes);

    private long ClustersOf(long bytes) => (bytes + _metadata.ClusterSize - 1) >> _metadata.ClusterBits;
}
