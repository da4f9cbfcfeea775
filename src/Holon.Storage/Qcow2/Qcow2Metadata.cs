using System.Buffers.Binary;
using Holon.Storage.Host;
using Holon.Storage.Images;

namespace Holon.Storage.Qcow2;

/// <summary>What a run of guest clusters is, and where.</summary>
/// <param name="Kind">What they are.</param>
/// <param name="Length">Bytes, from the offset that was asked for.</param>
/// <param name="HostOffset">Where the data of that offset is.</param>
/// <param name="InPlace">Whether nobody else uses them, so that they may be written.</param>
/// <param name="Entry">The first L2 entry.</param>
internal readonly record struct GuestExtent(ExtentKind Kind, long Length, long HostOffset = 0, bool InPlace = false, ulong Entry = 0);

/// <summary>
/// The tables of a qcow2 file, in memory as far as they are needed, and the order in which they reach the file.
/// </summary>
/// <remarks>
/// The order keeps the file sound at any moment, whatever part of the writes between two flushes is lost: counts before the tables that
/// need them, L2 tables before the L1 entries that point to them, and counts fall only after no table points to their cluster. What a
/// crash can leave behind are clusters that nobody uses: leaks.
/// </remarks>
internal sealed unsafe class Qcow2Metadata : IDisposable
{
    private const int LeastSlices = 64;
    private const long MostCacheBytes = 32 << 20;
    private const int MostReleased = 4096;

    private ulong[] _l1;
    private readonly HashSet<int> _dirtyL1 = []; // sectors of the table that have yet to be written
    private readonly int _entriesPerTable;
    private bool _dataUnflushed; // tables point to data that no flush has followed yet

    /// <summary>Reads and checks the tables that stay in memory.</summary>
    public Qcow2Metadata(ImageFile file, ImageFile? dataFile, Qcow2Header header, long cacheBytes)
    {
        File = file;
        DataFile = dataFile;
        Header = header;
        ClusterBits = header.ClusterBits;
        ClusterSize = header.ClusterSize;
        _entriesPerTable = header.EntriesPerL2Table;
        _l1 = ReadL1(file, header.L1Offset, header.L1Size, header);
        Refcounts = new Refcounts(file, header);
        var slice = Math.Min(ClusterSize, MetadataCache.LargestSlice);
        var covers = ((long)_l1.Length << ClusterBits) + slice;
        var bytes = Math.Min(covers, cacheBytes > 0 ? cacheBytes : MostCacheBytes);
        Tables = new MetadataCache(slice, (int)Math.Max(LeastSlices, bytes / slice));
    }

    /// <summary>Held while anything in the tables changes.</summary>
    public object Gate { get; } = new();

    /// <summary>Counts transfers to clusters.</summary>
    public RequestGate Transfers { get; } = new();

    /// <summary>The file with the tables.</summary>
    public ImageFile File { get; }

    /// <summary>The file with the data, when it is another one.</summary>
    public ImageFile? DataFile { get; }

    /// <summary>Where guest data is.</summary>
    public ImageFile Data => DataFile ?? File;

    /// <summary>The header as it is in the file.</summary>
    public Qcow2Header Header { get; }

    /// <summary>Size of a cluster, as a power of two.</summary>
    public int ClusterBits { get; }

    /// <summary>Size of a cluster.</summary>
    public int ClusterSize { get; }

    /// <summary>The counts.</summary>
    public Refcounts Refcounts { get; }

    /// <summary>Pieces of L2 tables.</summary>
    public MetadataCache Tables { get; }

    /// <summary>The active L1 table, as in the file.</summary>
    public ReadOnlySpan<ulong> L1 => _l1;

    /// <summary>Whether counts are written late because the file says that they may be wrong.</summary>
    public bool CountsAreLate { get; set; }

    /// <summary>Reads an L1 table and checks it.</summary>
    public static ulong[] ReadL1(ImageFile file, long offset, int entries, Qcow2Header header)
    {
        var length = file.Length;
        if (entries > 0 && offset > length - (8L * entries)) throw Corruption.At(file.Name, offset, "L1 table", "reaches behind the end of the file");
        var bytes = new byte[8L * entries];
        file.Read(offset, bytes);
        var table = new ulong[entries];
        for (var i = 0; i < entries; i++)
        {
            var entry = BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(8 * i));
            var place = L2Entry.Offset(entry);
            if ((place & (header.ClusterSize - 1)) != 0) throw Corruption.At(file.Name, offset + (8L * i), "L1 entry", $"points to {place}, not the start of a cluster");
            if (place >= length) throw Corruption.At(file.Name, offset + (8L * i), "L1 entry", $"points to {place}, behind the end of the file");
            table[i] = entry;
        }

        return table;
    }

    /// <summary>What is at a guest offset, as far as the tables in memory say.</summary>
    /// <param name="offset">Where.</param>
    /// <param name="length">How far to look; at least 1.</param>
    /// <param name="extent">What is there.</param>
    /// <param name="missing">The slice to load first, when it is not in memory.</param>
    public bool TryFind(long offset, long length, out GuestExtent extent, out long missing)
    {
        missing = 0;
        var inCluster = offset & (ClusterSize - 1);
        var cluster = offset >> ClusterBits;
        var (tableIndex, index) = ((int)(cluster / _entriesPerTable), (int)(cluster % _entriesPerTable));
        var table = L2Entry.Offset(Volatile.Read(ref _l1[tableIndex]));
        if (table == 0)
        {
            extent = new GuestExtent(ExtentKind.Unallocated, Math.Min(length, ((long)(_entriesPerTable - index) << ClusterBits) - inCluster));
            return true;
        }

        var entryBytes = Header.L2EntryBytes;
        var inSlice = (index * entryBytes) & (Tables.SliceBytes - 1);
        var sliceOffset = table + (index * entryBytes) - inSlice;
        lock (Tables.Gate)
        {
            var slice = Tables.Find(sliceOffset);
            if (slice == null)
            {
                (extent, missing) = (default, sliceOffset);
                return false;
            }

            // Safe: a slice has that length, and its gate is held.
            var entries = new ReadOnlySpan<byte>(slice + inSlice, Tables.SliceBytes - inSlice);
            extent = entryBytes == 8 ? Describe(entries, offset, length) : Subclusters.Describe(entries, offset, length, this);
            return true;
        }
    }

    /// <summary>Brings a slice into memory, from any thread and without <see cref="Gate"/>.</summary>
    /// <returns>False when that needs the gate: <see cref="Load"/>.</returns>
    public bool TryLoad(long sliceOffset)
    {
        var buffer = stackalloc byte[Tables.SliceBytes];
        for (var tries = 0; tries < 3; tries++)
        {
            long generation;
            lock (Tables.Gate) generation = Tables.Generation;
            File.Read(sliceOffset, new Span<byte>(buffer, Tables.SliceBytes)); // safe: our stack has that length
            if (Tables.TryInsert(sliceOffset, buffer, generation)) return true;
        }

        return false;
    }

    /// <summary>Brings a slice into memory. <see cref="Gate"/> is held.</summary>
    public void Load(long sliceOffset)
    {
        while (!TryLoad(sliceOffset)) Commit();
    }

    /// <summary>An L2 entry of the active tables. <see cref="Gate"/> is held.</summary>
    public ulong GetEntry(long cluster)
    {
        var table = L2Entry.Offset(_l1[cluster / _entriesPerTable]);
        if (table == 0) return 0;
        var position = table + (cluster % _entriesPerTable * 8);
        var sliceOffset = position & -(long)Tables.SliceBytes;
        while (true)
        {
            lock (Tables.Gate)
            {
                var slice = Tables.Find(sliceOffset);
                if (slice != null) return BinaryPrimitives.ReverseEndianness(*(ulong*)(slice + (position - sliceOffset))); // safe: within the slice
            }

            Load(sliceOffset);
        }
    }

    /// <summary>Changes an L2 entry; <see cref="PrepareTable"/> was called. <see cref="Gate"/> is held.</summary>
    public void SetEntry(long cluster, ulong entry)
    {
        var position = L2Entry.Offset(_l1[cluster / _entriesPerTable]) + (cluster % _entriesPerTable * 8);
        var sliceOffset = position & -(long)Tables.SliceBytes;
        while (true)
        {
            lock (Tables.Gate)
            {
                var slice = Tables.Find(sliceOffset);
                if (slice != null)
                {
                    *(ulong*)(slice + (position - sliceOffset)) = BinaryPrimitives.ReverseEndianness(entry); // safe: within the slice
                    Tables.MarkDirty(sliceOffset);
                    _dataUnflushed = true;
                    return;
                }
            }

            Load(sliceOffset);
        }
    }

    /// <summary>Makes sure that the L2 table of a cluster is there and nobody else's. <see cref="Gate"/> is held.</summary>
    public void PrepareTable(long cluster)
    {
        var index = (int)(cluster / _entriesPerTable);
        var entry = _l1[index];
        if ((entry & L2Entry.Copied) != 0) return;
        var old = L2Entry.Offset(entry);
        var place = Refcounts.AllocateRun(1, out var fresh);
        try
        {
            if (old != 0) CopyTable(old, place);
            else if (!fresh) File.WriteZeroes(place, ClusterSize, mayUnmap: false);
        }
        catch (BlockFailure)
        {
            Refcounts.Undo(place, 1);
            throw;
        }

        SetL1(index, (ulong)place | L2Entry.Copied);
        if (old != 0) Refcounts.Release(old, 1, discard: false);
    }

    /// <summary>Uses another L1 table, which is in the file already, and to which the header points. <see cref="Gate"/> is held.</summary>
    public void ReplaceL1(ulong[] table, long offset)
    {
        _l1 = table;
        _dirtyL1.Clear();
        Header.L1Offset = offset;
        Header.L1Size = table.Length;
    }

    /// <summary>Changes an entry of the L1 table. <see cref="Gate"/> is held.</summary>
    public void SetL1(int index, ulong entry)
    {
        Volatile.Write(ref _l1[index], entry);
        _dirtyL1.Add(index / 64);
    }

    /// <summary>Takes one from the counts of what an L2 entry points to. <see cref="Gate"/> is held.</summary>
    public void ReleaseEntry(ulong entry, bool discard)
    {
        if ((entry & L2Entry.Compressed) != 0)
        {
            var (offset, length) = L2Entry.CompressedRange(entry, ClusterBits);
            for (var at = offset & -(long)ClusterSize; at < offset + length; at += ClusterSize) Refcounts.Release(at, 1, discard: false);
        }
        else if (L2Entry.Offset(entry) is not 0 and var offset && DataFile is null)
        {
            Refcounts.Release(offset, 1, discard);
        }
    }

    /// <summary>Writes what has piled up when it is much. <see cref="Gate"/> is held.</summary>
    public void CommitIfMuch()
    {
        if (Refcounts.ReleasedCount > MostReleased) Commit();
    }

    /// <summary>
    /// Writes every change to the file, in the order that keeps it sound. Whoever needs the last part to be durable flushes after this.
    /// <see cref="Gate"/> is held.
    /// </summary>
    public void Commit()
    {
        var tables = Tables.DirtyCount > 0 || _dirtyL1.Count > 0;
        if (!CountsAreLate || Refcounts.HasDirtyTable) Refcounts.WriteBlocks();
        if (tables || Refcounts.HasDirtyTable)
        {
            if (_dataUnflushed) DataFile?.Flush();
            File.Flush();
        }

        if (Refcounts.HasDirtyTable)
        {
            Refcounts.WriteTable();
            if (tables) File.Flush();
        }

        if (tables)
        {
            Tables.WriteDirty(File);
            _dataUnflushed = false;
        }

        if (_dirtyL1.Count > 0)
        {
            File.Flush();
            WriteL1();
        }

        if (Refcounts.ReleasedCount == 0) return;
        File.Flush();
        Transfers.WaitForEarlier();
        Refcounts.ApplyReleased(Tables);
    }

    /// <summary>Writes every change, counts included, and makes it durable. <see cref="Gate"/> is held.</summary>
    public void CommitAll()
    {
        Commit(); // may give clusters back, whose counts the next line writes
        Refcounts.WriteBlocks();
        DataFile?.Flush();
        File.Flush();
        if (!Refcounts.HasDirtyTable) return;
        Refcounts.WriteTable();
        File.Flush();
    }

    /// <summary>Writes the feature bits of the header, and makes that durable. <see cref="Gate"/> is held.</summary>
    public void WriteFeatures()
    {
        if (Header.Version < 3) return;
        Span<byte> fields = stackalloc byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(fields, (ulong)Header.Incompatible);
        BinaryPrimitives.WriteUInt64BigEndian(fields[8..], Header.Compatible);
        BinaryPrimitives.WriteUInt64BigEndian(fields[16..], (ulong)Header.Autoclear);
        File.Write(Qcow2Header.IncompatibleField, fields);
        File.Flush();
    }

    /// <summary>Writes the whole header, and makes that durable. <see cref="Gate"/> is held.</summary>
    public void WriteHeader()
    {
        File.Write(0, Header.ToBytes(File.Name));
        File.Flush();
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        Tables.Dispose();
        Refcounts.Dispose();
    }

    /// <summary>Copies an L2 table that a snapshot keeps. Such a table has no changes in memory.</summary>
    private void CopyTable(long from, long to)
    {
        var scratch = NativeBuffer.Scratch(ClusterSize);
        var buffer = scratch.First(ClusterSize);
        var list = new BufferList(new ReadOnlySpan<BlockBuffer>(in buffer), ClusterSize);
        File.Read(from, list);
        File.Write(to, list);
    }

    private void WriteL1()
    {
        Span<byte> sector = stackalloc byte[512];
        foreach (var number in _dirtyL1)
        {
            var count = Math.Min(64, _l1.Length - (number * 64));
            for (var i = 0; i < count; i++) BinaryPrimitives.WriteUInt64BigEndian(sector[(8 * i)..], _l1[(number * 64) + i]);
            File.Write(Header.L1Offset + (number * 512L), sector[..(8 * count)]);
        }

        _dirtyL1.Clear();
    }

    /// <summary>Reads entries as far as they go on as the first began.</summary>
    private GuestExtent Describe(ReadOnlySpan<byte> entries, long offset, long length)
    {
        var first = BinaryPrimitives.ReadUInt64BigEndian(entries);
        var inCluster = offset & (ClusterSize - 1);
        var most = Math.Min(entries.Length / 8, (length + inCluster + ClusterSize - 1) >> ClusterBits);
        var kind = KindOf(first);
        if (kind == ExtentKind.Compressed) return new GuestExtent(kind, Math.Min(length, ClusterSize - inCluster), 0, false, first);
        var step = kind == ExtentKind.Data ? (ulong)ClusterSize : 0;
        var mask = kind switch
        {
            ExtentKind.Data => ~0ul,
            ExtentKind.Zero => L2Entry.Zero | L2Entry.Compressed,
            _ => ~L2Entry.Copied,
        };
        long count = 1;
        while (count < most && ((BinaryPrimitives.ReadUInt64BigEndian(entries[(int)(8 * count)..]) ^ (first + ((ulong)count * step))) & mask) == 0) count++;
        var host = L2Entry.Offset(first);
        if (kind == ExtentKind.Data) CheckData(host, offset);
        return new GuestExtent(kind, Math.Min(length, (count << ClusterBits) - inCluster), host + inCluster, (first & L2Entry.Copied) != 0, first);
    }

    /// <summary>What an L2 entry says.</summary>
    public ExtentKind KindOf(ulong entry)
    {
        if ((entry & L2Entry.Compressed) != 0) return ExtentKind.Compressed;
        if ((entry & L2Entry.Zero) != 0 && Header.Version >= 3) return ExtentKind.Zero;
        return L2Entry.Offset(entry) != 0 || (DataFile is not null && (entry & L2Entry.Copied) != 0) ? ExtentKind.Data : ExtentKind.Unallocated;
    }

    /// <summary>Refuses what an L2 entry of data cannot say.</summary>
    public void CheckData(long host, long offset)
    {
        if ((host & (ClusterSize - 1)) != 0)
            throw Corruption.At(File.Name, TablePosition(offset), "L2 entry", $"points to {host}, not the start of a cluster");
        if (DataFile is not null && host != (offset & -(long)ClusterSize))
            throw Corruption.At(File.Name, TablePosition(offset), "L2 entry", $"points to {host} in the external data file, not to the guest's own offset {offset & -(long)ClusterSize}");
    }

    /// <summary>Where in the file the L2 entry of a guest offset is.</summary>
    public long TablePosition(long offset)
    {
        var cluster = offset >> ClusterBits;
        return L2Entry.Offset(_l1[cluster / _entriesPerTable]) + (cluster % _entriesPerTable * Header.L2EntryBytes);
    }
}
