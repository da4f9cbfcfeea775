using System.Buffers.Binary;
using Holon.Machines;
using Holon.Storage.Host;

namespace Holon.Storage.Qcow2;

/// <summary>
/// Which clusters of the file are in use, and how often: the refcount table and its blocks. Everything here is called with the image's
/// lock held.
/// </summary>
/// <remarks>
/// Clusters are taken at once, in memory. They are given back late (<see cref="Release"/>): the count in the file may fall only after no
/// table in the file points to the cluster any more, and the cluster may be taken again only after that.
/// </remarks>
internal sealed unsafe class Refcounts : IDisposable
{
    private const int Slices = 512;
    private const long LeastGrowth = 64 << 10, MostGrowth = 4 << 20;

    private readonly ImageFile _file;
    private readonly Qcow2Header _header;
    private readonly MetadataCache _cache;
    private readonly List<(long Cluster, long Count, bool Discard)> _released = [];
    private readonly long _clusterSize;
    private readonly int _order;
    private readonly int _blockBits; // clusters that a block describes, as a power of two
    private long[] _table;
    private int _dirtyFrom = int.MaxValue, _dirtyTo = -1; // entries of the table that have yet to be written
    private long _hint; // no cluster below is free
    private long _fresh; // nothing was ever written to the file from this byte on, so it reads as zeroes
    private long _fileLength;

    /// <summary>Reads and checks the refcount table.</summary>
    public Refcounts(ImageFile file, Qcow2Header header)
    {
        _file = file;
        _header = header;
        _clusterSize = header.ClusterSize;
        _order = header.RefcountOrder;
        _blockBits = header.ClusterBits + 3 - _order;
        _cache = new MetadataCache(Math.Min(header.ClusterSize, MetadataCache.LargestSlice), Slices);
        _fileLength = file.Length;
        _fresh = file.IsZeroBeyondEnd ? (_fileLength + _clusterSize - 1) & -_clusterSize : long.MaxValue;
        _table = ReadTable();
    }

    /// <summary>Bytes of a block.</summary>
    private int EntriesPerBlock => 1 << _blockBits;

    /// <summary>Clusters that wait for <see cref="ApplyReleased"/>.</summary>
    public int ReleasedCount => _released.Count;

    /// <summary>Changes whenever clusters became free that were in use.</summary>
    public long Generation { get; private set; }

    /// <summary>Whether the table has yet to be written.</summary>
    public bool HasDirtyTable => _dirtyTo >= 0;

    /// <summary>The largest count that an entry can hold.</summary>
    public ulong Largest => RefcountBlock.Largest(_order);

    /// <summary>Where the blocks are; 0 for those that are not there.</summary>
    public ReadOnlySpan<long> Table => _table;

    /// <summary>How often a cluster is in use.</summary>
    public ulong Get(long cluster)
    {
        var block = cluster >> _blockBits;
        if (block >= _table.Length || _table[block] == 0) return 0;
        lock (_cache.Gate)
        {
            var slice = Load(_table[block], cluster, out _, out var index);
            return RefcountBlock.Get(new ReadOnlySpan<byte>(slice, _cache.SliceBytes), index, _order); // safe: a slice's length, its gate is held
        }
    }

    /// <summary>Takes free clusters, next to each other: as many as there are in the first place that has any.</summary>
    /// <param name="wanted">The most.</param>
    /// <param name="count">How many were taken, at least one.</param>
    /// <param name="isFresh">Whether they read as zeroes.</param>
    /// <returns>Where the first is in the file.</returns>
    public long Allocate(int wanted, out int count, out bool isFresh)
    {
        var first = _hint = NextCoveredFree();
        count = 1;
        while (count < wanted && IsCovered(first + count) && Get(first + count) == 0) count++;
        return Take(first, count, out isFresh);
    }

    /// <summary>Takes a number of clusters that are next to each other.</summary>
    public long AllocateRun(long count, out bool isFresh)
    {
        var first = NextCoveredFree();
        for (long found = 1; found < count; found++)
        {
            if (!IsCovered(first + found)) return Take(AppendArea(count), count, out isFresh);
            if (Get(first + found) == 0) continue;
            first = NextFree(first + found);
            if (!IsCovered(first)) return Take(AppendArea(count), count, out isFresh);
            found = 0;
        }

        return Take(first, count, out isFresh);
    }

    /// <summary>Adds one to the count of a cluster that is in use.</summary>
    public void Share(long cluster)
    {
        var count = Get(cluster);
        if (count == Largest)
            throw new HolonException($"{_file.Name} counts uses of a cluster in {1 << _order} bits, too few for another snapshot; convert it with a larger refcount_bits.");
        Set(cluster, count + 1);
    }

    /// <summary>Gives clusters back that no table ever pointed to.</summary>
    public void Undo(long offset, long count)
    {
        for (var cluster = offset / _clusterSize; count > 0; cluster++, count--) Set(cluster, Get(cluster) - 1);
        _hint = Math.Min(_hint, offset / _clusterSize);
    }

    /// <summary>Takes one from the counts of clusters, once the file does not point to them any more.</summary>
    /// <param name="offset">The first cluster's place in the file.</param>
    /// <param name="count">Clusters.</param>
    /// <param name="discard">Whether their space is given back to the host when nothing uses them any more.</param>
    public void Release(long offset, long count, bool discard)
    {
        var cluster = offset / _clusterSize;
        if (_released.Count > 0 && _released[^1] is var last && last.Cluster + last.Count == cluster && last.Discard == discard)
            _released[^1] = last with { Count = last.Count + count };
        else
            _released.Add((cluster, count, discard));
    }

    /// <summary>Takes one from the counts of everything released. The file does not point there, and nobody transfers there any more.</summary>
    public void ApplyReleased(MetadataCache tables)
    {
        foreach (var (first, count, discard) in _released)
        {
            tables.Drop(first * _clusterSize, count * _clusterSize);
            long run = 0; // clusters before this one that became free
            for (long i = 0; i <= count; i++)
            {
                if (i < count && Lower(first + i))
                {
                    run++;
                    continue;
                }

                if (run > 0 && discard) _file.Discard((first + i - run) * _clusterSize, run * _clusterSize);
                if (run > 0) _hint = Math.Min(_hint, first + i - run);
                run = 0;
            }
        }

        Generation++;
        _released.Clear();
    }

    /// <summary>Writes changed blocks.</summary>
    public void WriteBlocks() => _cache.WriteDirty(_file);

    /// <summary>Writes changed entries of the table; the blocks that they point to are durable.</summary>
    public void WriteTable()
    {
        if (!HasDirtyTable) return;
        WriteTable(_header.RefcountTableOffset, _dirtyFrom, _dirtyTo);
        (_dirtyFrom, _dirtyTo) = (int.MaxValue, -1);
    }

    /// <summary>Cuts what was reserved behind the last cluster ever taken.</summary>
    public void TrimFile()
    {
        if (_fresh < _fileLength) _file.SetLength(_fileLength = _fresh);
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _cache.Dispose();

    /// <summary>The first cluster from one on that nobody uses.</summary>
    private long NextFree(long cluster)
    {
        var sliceEntries = (_cache.SliceBytes << 3) >> _order;
        while (true)
        {
            var block = cluster >> _blockBits;
            if (block >= _table.Length || _table[block] == 0) return cluster;
            lock (_cache.Gate)
            {
                var slice = new ReadOnlySpan<byte>(Load(_table[block], cluster, out _, out var index), _cache.SliceBytes); // safe: as in Get
                for (; index < Math.Min(sliceEntries, EntriesPerBlock); index++, cluster++)
                {
                    if (RefcountBlock.Get(slice, index, _order) == 0) return cluster;
                }
            }
        }
    }

    private long Take(long first, long count, out bool isFresh)
    {
        var offset = first * _clusterSize;
        if (offset + (count * _clusterSize) > L2Entry.OffsetMask) throw new BlockFailure(BlockStatus.NoSpace, $"{_file.Name} is as large as the format allows.");
        EnsureLength(offset + (count * _clusterSize));
        for (long i = 0; i < count; i++) Set(first + i, 1);
        isFresh = offset >= _fresh;
        if (_fresh != long.MaxValue) _fresh = Math.Max(_fresh, offset + (count * _clusterSize));
        if (first == _hint) _hint = first + count;
        return offset;
    }

    private bool IsCovered(long cluster) => cluster >> _blockBits is var block && block < _table.Length && _table[block] != 0;

    /// <summary>The first free cluster that a block describes; a block is made when there is none.</summary>
    private long NextCoveredFree()
    {
        while (true)
        {
            var cluster = NextFree(_hint);
            if (IsCovered(cluster)) return cluster;
            var block = cluster >> _blockBits;
            if (block >= _table.Length) GrowTable(block, block + 1);
            else AddBlocks(block, 1);
        }
    }

    /// <summary>Makes blocks for clusters behind everything, so that so many lie next to each other.</summary>
    /// <returns>The first of them.</returns>
    private long AppendArea(long count)
    {
        while (true)
        {
            long block = _table.AsSpan().LastIndexOfAnyExcept(0) + 1, blocks = 1;
            while (blocks << _blockBits < blocks + count) blocks++;
            if (block + blocks > _table.Length)
            {
                GrowTable(block, block + blocks);
                continue;
            }

            AddBlocks(block, blocks);
            return (block << _blockBits) + blocks;
        }
    }

    /// <summary>Makes blocks. No cluster that they will describe is in use, so they take the first ones for themselves.</summary>
    private void AddBlocks(long block, long count)
    {
        var place = block << _blockBits;
        if (place == 0) throw Corruption.At(_file.Name, _header.RefcountTableOffset, "first refcount table entry", "is 0, while the header itself is in use");
        ClearForTable(place * _clusterSize, count);
        for (long i = 0; i < count; i++) SetTableEntry(block + i, (place + i) * _clusterSize);
        for (long i = 0; i < count; i++) Set(place + i, 1);
    }

    /// <summary>Makes the table longer: a new one is written behind everything, with the blocks that describe it, before the header points to it.</summary>
    /// <param name="block">The first of the new blocks; nothing from there on is in use.</param>
    /// <param name="needed">The entries that are needed, beside those for the new table itself.</param>
    private void GrowTable(long block, long needed)
    {
        var place = block << _blockBits;
        var entriesPerCluster = _clusterSize / 8;
        long clusters = Math.Max(_header.RefcountTableClusters + 1, needed / entriesPerCluster * 3 / 2), blocks;
        while (true)
        {
            blocks = 1;
            while (blocks << _blockBits < blocks + clusters) blocks++;
            if (clusters * entriesPerCluster >= needed + blocks) break;
            clusters++;
        }

        if (clusters * _clusterSize > Math.Max(Qcow2Header.LargestRefcountTableBytes, _clusterSize))
            throw new BlockFailure(BlockStatus.NoSpace, $"{_file.Name} has as many clusters as it can count; convert it with larger clusters.");

        ClearForTable(place * _clusterSize, blocks + clusters);
        var old = _table;
        try
        {
            Array.Resize(ref _table, checked((int)(clusters * entriesPerCluster)));
            for (long i = 0; i < blocks; i++) _table[block + i] = (place + i) * _clusterSize;
            for (long i = 0; i < blocks + clusters; i++) Set(place + i, 1);
            _cache.WriteDirty(_file);
            WriteTable((place + blocks) * _clusterSize, 0, _table.Length - 1);
            _file.Flush();
            Span<byte> fields = stackalloc byte[12];
            BinaryPrimitives.WriteInt64BigEndian(fields, (place + blocks) * _clusterSize);
            BinaryPrimitives.WriteInt32BigEndian(fields[8..], (int)clusters);
            _file.Write(Qcow2Header.RefcountTableField, fields);
        }
        catch (BlockFailure)
        {
            _table = old; // what was written stays behind as a leak
            _cache.Drop(place * _clusterSize, blocks * _clusterSize);
            throw;
        }

        Release(_header.RefcountTableOffset, _header.RefcountTableClusters, discard: false);
        _header.RefcountTableOffset = (place + blocks) * _clusterSize;
        _header.RefcountTableClusters = (int)clusters;
        (_dirtyFrom, _dirtyTo) = (int.MaxValue, -1);
        _file.Flush();
    }

    /// <summary>Zeroes clusters that become tables.</summary>
    private void ClearForTable(long offset, long count)
    {
        EnsureLength(offset + (count * _clusterSize));
        if (offset < _fresh) _file.WriteZeroes(offset, count * _clusterSize, mayUnmap: false);
        if (_fresh != long.MaxValue) _fresh = Math.Max(_fresh, offset + (count * _clusterSize));
    }

    /// <summary>Extends the file ahead of what is taken, in steps: not every cluster should cost a call.</summary>
    private void EnsureLength(long end)
    {
        if (end <= _fileLength) return;
        if (!_file.CanGrow) throw new BlockFailure(BlockStatus.NoSpace, $"{_file.Name} cannot grow: it fills its device.");
        var step = Math.Clamp((long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)end / 8), LeastGrowth, MostGrowth);
        var length = (end + step - 1) & -step;
        _file.SetLength(length);
        _fileLength = length;
    }

    /// <summary>Takes one from a count.</summary>
    /// <returns>Whether nobody uses the cluster any more.</returns>
    private bool Lower(long cluster)
    {
        var count = Get(cluster);
        if (count == 0) throw Corruption.At(_file.Name, cluster * _clusterSize, "refcount of the cluster", "is 0 while the cluster is in use");
        Set(cluster, count - 1);
        return count == 1;
    }

    private void Set(long cluster, ulong value)
    {
        lock (_cache.Gate)
        {
            var slice = Load(_table[cluster >> _blockBits], cluster, out var offset, out var index);
            RefcountBlock.Set(new Span<byte>(slice, _cache.SliceBytes), index, _order, value); // safe: a slice's length, its gate is held
            _cache.MarkDirty(offset);
        }
    }

    private void WriteTable(long offset, int from, int to)
    {
        var bytes = new byte[8 * (to - from + 1)];
        for (var i = from; i <= to; i++) BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(8 * (i - from)), _table[i]);
        _file.Write(offset + (8L * from), bytes);
    }

    private void SetTableEntry(long block, long offset)
    {
        _table[block] = offset;
        _dirtyFrom = Math.Min(_dirtyFrom, (int)block);
        _dirtyTo = Math.Max(_dirtyTo, (int)block);
    }

    /// <summary>The slice with the count of a cluster. The cache's gate is held.</summary>
    private byte* Load(long blockOffset, long cluster, out long sliceOffset, out int index)
    {
        var sliceEntries = (_cache.SliceBytes << 3) >> _order;
        var inBlock = (int)(cluster & (EntriesPerBlock - 1));
        sliceOffset = blockOffset + (inBlock / sliceEntries * _cache.SliceBytes);
        index = inBlock % sliceEntries;
        if (_cache.Find(sliceOffset) is var found && found != null) return found;
        var buffer = stackalloc byte[_cache.SliceBytes];
        while (true)
        {
            _file.Read(sliceOffset, new Span<byte>(buffer, _cache.SliceBytes));
            if (_cache.TryInsert(sliceOffset, buffer, _cache.Generation)) return _cache.Find(sliceOffset);

            // Everything here has changed. Counts that are only too high are leaks at worst, so they may be written at any time;
            // and counts fall only after the tables were written.
            _cache.WriteDirty(_file);
        }
    }

    private long[] ReadTable()
    {
        var length = _header.RefcountTableClusters * _clusterSize;
        if (_header.RefcountTableOffset > _fileLength - length) throw Corruption.At(_file.Name, _header.RefcountTableOffset, "refcount table", "reaches behind the end of the file");
        var bytes = new byte[length];
        _file.Read(_header.RefcountTableOffset, bytes);
        var table = new long[bytes.Length / 8];
        for (var i = 0; i < table.Length; i++)
        {
            var entry = BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(8 * i)) & ~0x1FFL;
            if ((entry & (_clusterSize - 1)) != 0 || entry < 0 || entry >= _fileLength)
                throw Corruption.At(_file.Name, _header.RefcountTableOffset + (8L * i), "refcount table entry", $"points to {(ulong)entry}, {((entry & (_clusterSize - 1)) != 0 ? "not the start of a cluster" : "behind the end of the file")}");
            table[i] = entry;
        }

        return table;
    }
}
