using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Holon.Machines;
using Holon.Storage.Host;

namespace Holon.Storage.Qcow2;

/// <summary>
/// Checks a qcow2 file: follows every pointer from the header on, counts how often each cluster is reached, and compares that with the
/// refcounts in the file. It trusts nothing but the header, which is checked where it is read.
/// </summary>
internal sealed class Qcow2Check
{
    private const int MostClusters = 1 << 29;

    private readonly ImageFile _file;
    private readonly Qcow2Header _header;
    private readonly Action<double>? _progress;
    private readonly int _bits;
    private readonly long _size;
    private readonly long _fileLength;
    private readonly Dictionary<long, TableUse> _tables = []; // L2 tables
    private readonly List<(long Position, ulong Value)> _fixes = []; // entries that would be corrected, and how
    private readonly bool _dataIsElsewhere;
    private CheckResult _result = new();
    private ClusterUses _uses;
    private long[] _blocks = []; // where the refcount blocks are
    private bool _countsUnusable; // the refcount table or a block is in a place where it cannot be

    /// <summary>A check of an open file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="header">Its header.</param>
    /// <param name="progress">Is told how much is done, from 0 to 1.</param>
    public Qcow2Check(ImageFile file, Qcow2Header header, Action<double>? progress = null)
        : this(file, header, file.Length) => _progress = progress;

    /// <summary>A check of the first part of a file.</summary>
    public Qcow2Check(ImageFile file, Qcow2Header header, long length)
    {
        _file = file;
        _header = header;
        _bits = header.ClusterBits;
        _size = header.ClusterSize;
        _fileLength = length;
        _dataIsElsewhere = header.Incompatible.HasFlag(IncompatibleFeatures.DataFile);
        var clusters = (_fileLength + _size - 1) >> _bits;
        if (clusters > MostClusters) throw new HolonException($"{file.Name} has {clusters} clusters, more than can be checked; convert it with larger clusters.");
        _uses = new ClusterUses((int)clusters);
    }

    /// <summary>One L2 table.</summary>
    private record struct TableUse(ulong Times, int ActiveIndex, bool IsActive);

    /// <summary>Looks at everything.</summary>
    public CheckResult Run(CancellationToken cancellationToken)
    {
        _result = new CheckResult { TotalClusters = (_header.Size + _size - 1) >> _bits };
        _uses = new ClusterUses(_uses.Length);
        _tables.Clear();
        _fixes.Clear();
        _countsUnusable = false;
        FollowMetadata();
        FollowCounts();
        FollowTables(cancellationToken);
        CompareCounts(null, cancellationToken);
        _progress?.Invoke(1);
        return _result;
    }

    /// <summary>Looks at everything and mends what it may.</summary>
    /// <returns>What is left, with how much was mended.</returns>
    public CheckResult Repair(RepairKind kind, CancellationToken cancellationToken)
    {
        var before = Run(cancellationToken);
        if (kind == RepairKind.None || (kind == RepairKind.Leaks && before.Leaks == 0)) return before;
        if (kind == RepairKind.All && _fixes.Count > 0)
        {
            // The counts follow from what the pointers are after this.
            WriteFixes();
            Run(cancellationToken);
        }

        if (_countsUnusable || BlocksAreMissing())
        {
            if (kind == RepairKind.All) RebuildCounts();
        }
        else
        {
            CompareCounts(kind, cancellationToken);
        }

        _file.Flush();
        var after = Run(cancellationToken);
        if (kind == RepairKind.All && _fixes.Count > 0)
        {
            WriteFixes(); // flags, which follow from the counts
            after = Run(cancellationToken);
        }

        if (kind == RepairKind.All && after.Corruptions == 0) ClearBadBits();
        after.CorruptionsFixed = Math.Max(0, before.Corruptions - after.Corruptions);
        after.LeaksFixed = Math.Max(0, before.Leaks - after.Leaks);
        return after;
    }

    private void FollowMetadata()
    {
        AddMetadata(0, 1, "header");
        AddMetadata(_header.L1Offset, 8L * _header.L1Size, "L1 table");
        FollowL1(Qcow2L1(_header.L1Offset, _header.L1Size), _header.L1Offset, isActive: true);
        var snapshots = SnapshotEntry.ReadTable(_file, _header, out var snapshotBytes);
        foreach (var snapshot in snapshots)
        {
            AddMetadata(snapshot.L1Offset, 8L * snapshot.L1Size, $"L1 table of the snapshot '{snapshot.Name}'");
            FollowL1(Qcow2L1(snapshot.L1Offset, snapshot.L1Size), snapshot.L1Offset, isActive: false);
        }

        AddMetadata(_header.SnapshotsOffset, snapshotBytes, "snapshot table");
        if (_header.Bitmaps is not { } bitmaps || !_header.Autoclear.HasFlag(AutoclearFeatures.Bitmaps)) return;
        AddMetadata(bitmaps.Offset, bitmaps.Bytes, "bitmap directory");
        foreach (var bitmap in BitmapEntry.ReadDirectory(_file, _header))
        {
            AddMetadata(bitmap.TableOffset, 8L * bitmap.TableSize, $"table of the bitmap '{bitmap.Name}'");
            foreach (var piece in bitmap.ReadTable(_file, (int)_size))
            {
                if (L2Entry.Offset(piece) is not 0 and var place) AddMetadata(place, 1, $"content of the bitmap '{bitmap.Name}'");
            }
        }
    }

    private ulong[] Qcow2L1(long offset, int entries)
    {
        if (entries > 0 && offset > _fileLength - (8L * entries)) throw Corruption.At(_file.Name, offset, "L1 table", "reaches behind the end of the file");
        return ReadEntries(offset, entries);
    }

    private void FollowL1(ulong[] table, long position, bool isActive)
    {
        for (var i = 0; i < table.Length; i++)
        {
            var place = L2Entry.Offset(table[i]);
            if (place == 0) continue;
            if ((place & (_size - 1)) != 0 || place >= _fileLength)
            {
                Corrupt(position + (8L * i), "L1 entry", $"points to {place}, {Why(place)}", 0);
                continue;
            }

            ref var use = ref CollectionsMarshal.GetValueRefOrAddDefault(_tables, place, out var known);
            use.Times++;
            if (!isActive) continue;
            if (known && use.IsActive) Corrupt(position + (8L * i), "L1 entry", $"points to {place}, to which another entry points too", 0);
            (use.IsActive, use.ActiveIndex) = (true, i);
        }
    }

    /// <summary>Follows the refcount table to its blocks.</summary>
    private void FollowCounts()
    {
        var bytes = (long)_header.RefcountTableClusters << _bits;
        if (_header.RefcountTableOffset > _fileLength - bytes)
        {
            _countsUnusable = true;
            _result.AddCorruption($"The refcount table at byte {_header.RefcountTableOffset} reaches behind the end of the file.");
            return;
        }

        _countsUnusable |= !AddMetadata(_header.RefcountTableOffset, bytes, "refcount table");
        var entries = ReadEntries(_header.RefcountTableOffset, (int)(bytes / 8));
        _blocks = new long[entries.Length];
        for (var i = 0; i < entries.Length; i++)
        {
            var place = (long)(entries[i] & ~0x1FFul);
            if (place == 0) continue;
            if ((place & (_size - 1)) != 0 || (ulong)place >= (ulong)_fileLength)
            {
                _countsUnusable = true;
                _result.AddCorruption($"The refcount table entry at byte {_header.RefcountTableOffset + (8L * i)} points to {(ulong)place}, {Why(place)}.");
                continue;
            }

            if (AddMetadata(place, 1, "refcount block")) _blocks[i] = place;
            else _countsUnusable = true;
        }
    }

    private void FollowTables(CancellationToken cancellationToken)
    {
        var done = 0;
        foreach (var (place, use) in _tables)
        {
            if (!_uses.TryAdd(place >> _bits, ClusterUse.Table, use.Times))
                _result.AddCorruption($"The L2 table at byte {place} is in a place that is used for something else.");
        }

        var buffer = new byte[_size];
        var flagsMatter = false;
        foreach (var (place, use) in _tables.OrderBy(pair => pair.Key))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (done++ % 64 == 0) _progress?.Invoke(0.8 * done / _tables.Count);
            if (_uses.UseOf(place >> _bits) != ClusterUse.Table) continue;
            _file.Read(place, buffer);
            flagsMatter |= FollowL2(buffer, place, use);
        }

        if (flagsMatter || _uses.AnyShared) CheckFlags(buffer, cancellationToken);
    }

    /// <summary>Follows a table's entries.</summary>
    /// <returns>Whether some entry says that its cluster is not used by it alone.</returns>
    private bool FollowL2(byte[] table, long place, TableUse use)
    {
        var stride = _header.L2EntryBytes;
        var notAlone = false;
        long expected = -1;
        for (var at = 0; at < table.Length; at += stride)
        {
            var entry = BinaryPrimitives.ReadUInt64BigEndian(table.AsSpan(at));
            if (entry == 0) continue;
            if ((entry & L2Entry.Compressed) != 0)
            {
                FollowCompressed(entry, place + at, use);
                continue;
            }

            if ((entry & L2Entry.Zero) != 0 && (_header.Version < 3 || stride == 16)) Corrupt(place + at, "L2 entry", "says zero in a way that this kind of image does not have", entry & ~L2Entry.Zero);
            var data = L2Entry.Offset(entry);
            if (_dataIsElsewhere)
            {
                CheckElsewhere(entry, place, at, stride, use);
                continue;
            }

            if (data == 0)
            {
                if ((entry & L2Entry.Copied) != 0) Corrupt(place + at, "L2 entry", "says that it is alone in using a cluster, and uses none", entry & ~L2Entry.Copied);
                continue;
            }

            var cluster = data >> _bits;
            if ((data & (_size - 1)) != 0 || cluster >= _uses.Length)
                Corrupt(place + at, "L2 entry", $"points to {data}, {Why(data)}", Lost(entry));
            else if (!_uses.TryAdd(cluster, ClusterUse.Data, use.Times))
                Corrupt(place + at, "L2 entry", $"points to {data}, which is used for something else", Lost(entry));
            else if (use.IsActive && (entry & L2Entry.Copied) == 0)
                notAlone = true;
            if (!use.IsActive) continue;
            _result.AllocatedClusters++;
            if (data != expected && expected >= 0) _result.FragmentedClusters++;
            expected = data + _size;
        }

        return notAlone;
    }

    private void FollowCompressed(ulong entry, long position, TableUse use)
    {
        if (_dataIsElsewhere)
        {
            Corrupt(position, "L2 entry", "is of a compressed cluster, which an external data file cannot have", Lost(entry));
            return;
        }

        var (offset, length) = L2Entry.CompressedRange(entry, _bits);
        if ((entry & L2Entry.Copied) != 0) Corrupt(position, "L2 entry", "says of a compressed cluster that it may be written in place", entry & ~L2Entry.Copied);
        if (offset == 0 || offset >= _fileLength || (offset + length - 1) >> _bits >= _uses.Length)
        {
            Corrupt(position, "L2 entry", $"has compressed data at {offset}, {Why(0)}", Lost(entry));
            return;
        }

        for (var cluster = offset >> _bits; cluster <= (offset + length - 1) >> _bits; cluster++)
        {
            if (!_uses.TryAdd(cluster, ClusterUse.CompressedData, use.Times))
                Corrupt(position, "L2 entry", $"has compressed data at {offset}, which is used for something else", Lost(entry));
        }

        if (!use.IsActive) return;
        _result.AllocatedClusters++;
        _result.CompressedClusters++;
    }

    private void CheckElsewhere(ulong entry, long place, int at, int stride, TableUse use)
    {
        if (!use.IsActive || (L2Entry.Offset(entry) == 0 && (entry & L2Entry.Copied) == 0)) return;
        var expected = (((long)use.ActiveIndex * _header.EntriesPerL2Table) + (at / stride)) << _bits;
        if (L2Entry.Offset(entry) != expected) Corrupt(place + at, "L2 entry", $"points to {L2Entry.Offset(entry)} in the external data file, not to the guest's own offset {expected}", Lost(entry));
        else _result.AllocatedClusters++;
    }

    /// <summary>Compares what active entries say about being alone with what was counted.</summary>
    private void CheckFlags(byte[] buffer, CancellationToken cancellationToken)
    {
        foreach (var (place, use) in _tables)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!use.IsActive || _uses.UseOf(place >> _bits) != ClusterUse.Table) continue;
            var l1Position = _header.L1Offset + (8L * use.ActiveIndex);
            CheckFlag(l1Position, "L1 entry", ReadEntries(l1Position, 1)[0], place);
            if (_dataIsElsewhere) continue;
            _file.Read(place, buffer);
            for (var at = 0; at < buffer.Length; at += _header.L2EntryBytes)
            {
                var entry = BinaryPrimitives.ReadUInt64BigEndian(buffer.AsSpan(at));
                var data = L2Entry.Offset(entry);
                if ((entry & L2Entry.Compressed) == 0 && data != 0 && (data & (_size - 1)) == 0 && data >> _bits < _uses.Length) CheckFlag(place + at, "L2 entry", entry, data);
            }
        }
    }

    private void CheckFlag(long position, string what, ulong entry, long cluster)
    {
        var uses = _uses[cluster >> _bits];
        if (((entry & L2Entry.Copied) != 0) == (uses == 1)) return;
        _fixes.Add((position, entry ^ L2Entry.Copied));
        if (uses == 1) _result.AddLeak($"The {what} at byte {position} does not know that it is alone in using its cluster.");
        else _result.AddCorruption($"The {what} at byte {position} says that it is alone in using its cluster, which has {uses} users.", isCount: true);
    }

    /// <summary>Compares the counts in the file with what was counted, and puts them right where that is allowed.</summary>
    private void CompareCounts(RepairKind? repair, CancellationToken cancellationToken)
    {
        if (repair is null && _countsUnusable) return;
        var perBlock = (_size * 8) >> _header.RefcountOrder;
        var block = new byte[_size];
        for (long first = 0, index = 0; first < Math.Max(_uses.Length, _blocks.Length * perBlock); first += perBlock, index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var place = index < _blocks.Length ? _blocks[index] : 0;
            if (place == 0 && first >= _uses.Length)
            {
                continue;
            }

            if (place == 0) block.AsSpan().Clear();
            else _file.Read(place, block);
            var changed = false;
            for (var i = 0; i < perBlock; i++)
            {
                var (counted, written) = (_uses[first + i], RefcountBlock.Get(block, i, _header.RefcountOrder));
                if (counted != 0) _result.ImageEndOffset = Math.Max(_result.ImageEndOffset, (first + i + 1) << _bits);
                if (counted == written) continue;
                if (repair is null)
                {
                    if (written > counted) _result.AddLeak($"The cluster at byte {(first + i) << _bits} is counted as used {written} times and is used {counted} times.");
                    else _result.AddCorruption($"The cluster at byte {(first + i) << _bits} is counted as used {written} times and is used {counted} times.", isCount: true);
                }
                else if (place != 0 && (written > counted || repair == RepairKind.All))
                {
                    RefcountBlock.Set(block, i, _header.RefcountOrder, Math.Min(counted, RefcountBlock.Largest(_header.RefcountOrder)));
                    changed = true;
                }
            }

            if (changed) _file.Write(place, block);
        }
    }

    private bool BlocksAreMissing()
    {
        var perBlock = (_size * 8) >> _header.RefcountOrder;
        for (long cluster = 0; cluster < _uses.Length; cluster++)
        {
            if (_uses[cluster] != 0 && (cluster / perBlock >= _blocks.Length || _blocks[cluster / perBlock] == 0)) return true;
        }

        return false;
    }

    /// <summary>Writes all counts anew, behind everything that is in use; the old table and blocks become free.</summary>
    public void RebuildCounts()
    {
        // Followed once more without the table and the blocks, which are about to go.
        _uses = new ClusterUses(_uses.Length);
        _tables.Clear();
        _result = new CheckResult();
        FollowMetadata();
        FollowTables(CancellationToken.None);

        var perBlock = (_size * 8) >> _header.RefcountOrder;
        long start = _uses.Length, blocks = 1, table = 1;
        while (blocks * perBlock < start + blocks + table || table * _size / 8 < blocks)
        {
            if (table * _size / 8 < blocks) table++;
            else blocks++;
        }

        if (table * _size > Math.Max(Qcow2Header.LargestRefcountTableBytes, _size)) throw new HolonException($"{_file.Name} has more clusters than can be counted; convert it with larger clusters.");
        var end = start + blocks + table;
        var block = new byte[_size];
        var entries = new byte[table * _size];
        for (long i = 0; i < blocks; i++)
        {
            block.AsSpan().Clear();
            for (var j = 0; j < perBlock; j++)
            {
                var cluster = (i * perBlock) + j;
                var uses = cluster >= start && cluster < end ? 1 : _uses[cluster];
                RefcountBlock.Set(block, j, _header.RefcountOrder, Math.Min(uses, RefcountBlock.Largest(_header.RefcountOrder)));
            }

            _file.Write((start + i) << _bits, block);
            BinaryPrimitives.WriteInt64BigEndian(entries.AsSpan((int)(8 * i)), (start + i) << _bits);
        }

        _file.Write((start + blocks) << _bits, entries);
        _file.Flush();
        _header.RefcountTableOffset = (start + blocks) << _bits;
        _header.RefcountTableClusters = (int)table;
        Span<byte> fields = stackalloc byte[12];
        BinaryPrimitives.WriteInt64BigEndian(fields, _header.RefcountTableOffset);
        BinaryPrimitives.WriteInt32BigEndian(fields[8..], _header.RefcountTableClusters);
        _file.Write(Qcow2Header.RefcountTableField, fields);
        _file.Flush();
        _uses = new ClusterUses((int)end);
    }

    private void WriteFixes()
    {
        Span<byte> bytes = stackalloc byte[8];
        foreach (var (position, value) in _fixes)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
            _file.Write(position, bytes);
        }

        _file.Flush();
    }

    private void ClearBadBits()
    {
        const IncompatibleFeatures Bad = IncompatibleFeatures.Dirty | IncompatibleFeatures.Corrupt;
        if ((_header.Incompatible & Bad) == 0) return;
        _header.Incompatible &= ~Bad;
        Span<byte> field = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(field, (ulong)_header.Incompatible);
        _file.Write(Qcow2Header.IncompatibleField, field);
        _file.Flush();
    }

    private bool AddMetadata(long offset, long length, string what)
    {
        if (length == 0) return true;
        var good = true;
        for (var cluster = offset >> _bits; cluster <= (offset + length - 1) >> _bits; cluster++)
        {
            if (cluster < _uses.Length && _uses.TryAdd(cluster, ClusterUse.Metadata)) continue;
            _result.AddCorruption($"The {what} at byte {cluster << _bits} is {(cluster < _uses.Length ? "in a place that is used for something else" : "behind the end of the file")}.");
            good = false;
        }

        return good;
    }

    private void Corrupt(long position, string field, string problem, ulong right)
    {
        _fixes.Add((position, right));
        _result.AddCorruption($"The {field} at byte {position} {problem}.");
    }

    /// <summary>What becomes of an entry whose data cannot be found: zeroes, where the format can say so.</summary>
    private ulong Lost(ulong entry) => _header.Version >= 3 && _header.L2EntryBytes == 8 && entry != 0 ? L2Entry.Zero : 0;

    private string Why(long place) => (place & (_size - 1)) != 0 ? "not the start of a cluster" : "outside of the file";

    private ulong[] ReadEntries(long offset, int count)
    {
        var bytes = new byte[8L * count];
        _file.Read(offset, bytes);
        var entries = new ulong[count];
        for (var i = 0; i < count; i++) entries[i] = BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(8 * i));
        return entries;
    }
}
