using System.Buffers.Binary;
using Holon.Machines;

namespace Holon.Storage.Qcow2;

/// <summary>
/// The dirty bitmaps of an image: which parts of the disk were written since somebody, a backup mostly, began to count. While the image
/// is open for writing they are in memory and marked as in use in the file; closing writes them back.
/// </summary>
internal sealed class DirtyBitmaps
{
    private const long MostBytes = 256 << 20;

    private readonly Qcow2Metadata _metadata;
    private readonly List<BitmapEntry> _entries;
    private readonly Dictionary<BitmapEntry, ulong[]> _loaded = [];
    private readonly List<(long Offset, long Count)> _obsolete = []; // clusters that the file's header still points to
    private (int Shift, ulong[] Bits)[] _marked = []; // of the enabled ones
    private long _length;

    /// <summary>Reads the directory; bitmaps are loaded by <see cref="Begin"/>.</summary>
    public DirtyBitmaps(Qcow2Metadata metadata)
    {
        _metadata = metadata;
        _entries = BitmapEntry.ReadDirectory(metadata.File, metadata.Header);
    }

    /// <summary>What is there.</summary>
    public IReadOnlyList<BitmapEntry> Entries => _entries;

    /// <summary>Loads every usable bitmap before the first write, and says in the file that they are in use. The image's lock is held.</summary>
    public void Begin(long length)
    {
        _length = length;
        var header = _metadata.Header;
        if (header.Bitmaps is not null && !header.Autoclear.HasFlag(AutoclearFeatures.Bitmaps))
        {
            // A program that does not know bitmaps has written: they are worthless, and their clusters may be somebody else's by now.
            header.Bitmaps = null;
            _metadata.WriteHeader();
        }

        if (_entries.Where(entry => entry.IsUsable).Sum(entry => 8L * Words(entry)) > MostBytes)
            throw new HolonException($"The dirty bitmaps of {_metadata.File.Name} need more than {MostBytes >> 20} MiB of memory; remove some with qemu-img bitmap --remove.");
        var flags = new byte[4];
        foreach (var entry in _entries)
        {
            if (!entry.IsUsable) continue;
            _loaded.Add(entry, Load(entry));
            BinaryPrimitives.WriteUInt32BigEndian(flags, entry.Flags | 1);
            _metadata.File.Write(entry.FlagsPosition, flags);
        }

        if (_loaded.Count > 0) _metadata.File.Flush();
        FindMarked();
    }

    /// <summary>Notes that a range was written.</summary>
    public void Mark(long offset, long length)
    {
        foreach (var (shift, bits) in _marked)
        {
            if (length == 0) return;
            for (var (bit, last) = (offset >> shift, (offset + length - 1) >> shift); bit <= last;)
            {
                var end = Math.Min(last, bit | 63);
                var mask = (ulong.MaxValue << (int)(bit & 63)) & (ulong.MaxValue >> (int)(63 - (end & 63)));
                if ((Volatile.Read(ref bits[bit >> 6]) & mask) != mask) Interlocked.Or(ref bits[bit >> 6], mask);
                bit = end + 1;
            }
        }
    }

    /// <summary>Whether a bitmap says that a byte of the disk was written.</summary>
    public bool IsMarked(string name, long offset)
    {
        var entry = Require(name);
        var bit = offset >> entry.GranularityBits;
        var bits = _loaded.TryGetValue(entry, out var loaded) ? loaded : Load(entry);
        return (bits[bit >> 6] >> (int)(bit & 63) & 1) != 0;
    }

    /// <summary>Begins a new bitmap, with nothing marked. The image's lock is held and no request is under way.</summary>
    public void Add(string name, int granularityBits, bool enabled)
    {
        if (_metadata.Header.Version < 3) throw new HolonException($"{_metadata.File.Name} is of qcow2 version 2, which has no dirty bitmaps; convert it.");
        if (_entries.Any(entry => entry.Name == name)) throw new HolonException($"{_metadata.File.Name} has a bitmap '{name}' already; choose another name.");
        if (System.Text.Encoding.UTF8.GetByteCount(name) is 0 or > BitmapEntry.LongestName) throw new HolonException("A bitmap's name has 1 to 1023 bytes; choose another.");
        if (granularityBits is < BitmapEntry.LeastGranularityBits or > BitmapEntry.MostGranularityBits) throw new HolonException("A bitmap's granularity is a power of two from 512 to 2G; choose another.");
        var entry = new BitmapEntry { Name = name, GranularityBits = granularityBits, Enabled = enabled };
        if (_loaded.Values.Sum(bits => 8L * bits.Length) + (8L * Words(entry)) > MostBytes) throw new HolonException("There is not enough memory set aside for another bitmap; choose a coarser granularity.");
        _entries.Add(entry);
        _loaded.Add(entry, new ulong[Words(entry)]);
        FindMarked();
    }

    /// <summary>Removes a bitmap. The image's lock is held and no request is under way.</summary>
    public void Remove(string name)
    {
        var entry = Require(name);
        Retire(entry);
        _entries.Remove(entry);
        _loaded.Remove(entry);
        FindMarked();
    }

    /// <summary>Marks nothing any more. The image's lock is held and no request is under way.</summary>
    public void Clear(string name) => Array.Clear(_loaded[Require(name)]);

    /// <summary>The disk has another size. The image's lock is held and no request is under way.</summary>
    public void Resize(long length)
    {
        if (_entries.Any(entry => !_loaded.ContainsKey(entry)))
            throw new HolonException($"{_metadata.File.Name} has a bitmap that is inconsistent or unknown, so its size cannot change; remove it with qemu-img bitmap --remove.");
        _length = length;
        foreach (var entry in _entries)
        {
            var bits = _loaded[entry];
            Array.Resize(ref bits, Words(entry));
            var used = ((length - 1) >> entry.GranularityBits) + 1;
            if (length > 0 && (used & 63) != 0) bits[used >> 6] &= (1ul << (int)(used & 63)) - 1;
            _loaded[entry] = bits;
        }

        FindMarked();
    }

    /// <summary>Writes the bitmaps to the file, with the header that points to them. The image's lock is held.</summary>
    public void Store()
    {
        var header = _metadata.Header;
        if (_loaded.Count == 0 && header.Bitmaps?.Count is null or 0 && _entries.Count == 0) return;
        if (_loaded.Count == 0 && _entries.Count == header.Bitmaps?.Count) return;
        foreach (var (entry, bits) in _loaded)
        {
            Retire(entry);
            StoreContent(entry, bits);
        }

        var old = header.Bitmaps;
        var directory = BitmapEntry.ToBytes(_entries);
        if (directory.Length == 0)
        {
            header.Bitmaps = null;
            header.Autoclear &= ~AutoclearFeatures.Bitmaps;
        }
        else
        {
            var place = _metadata.Refcounts.AllocateRun(Clusters(directory.Length), out _);
            _metadata.File.Write(place, directory);
            header.Bitmaps = new BitmapDirectory(_entries.Count, place, directory.Length);
            header.Autoclear |= AutoclearFeatures.Bitmaps;
        }

        // Everything is in the file before the header points to it, and the old is given back only after.
        _metadata.CommitAll();
        _metadata.WriteHeader();
        if (old is { } before) _metadata.Refcounts.Release(before.Offset, Clusters(before.Bytes), discard: false);
        foreach (var (offset, count) in _obsolete) _metadata.Refcounts.Release(offset, count, discard: false);
        _obsolete.Clear();
    }

    private BitmapEntry Require(string name) => _entries.FirstOrDefault(entry => entry.Name == name)
        ?? throw new HolonException($"{_metadata.File.Name} has no bitmap '{name}'; holon disk info lists them.");

    private int Words(BitmapEntry entry) => checked((int)(((((_length - 1) >> entry.GranularityBits) + 1) / 64) + 1));

    private long Clusters(long bytes) => (bytes + _metadata.ClusterSize - 1) >> _metadata.ClusterBits;

    private void FindMarked() => _marked = [.. _loaded.Where(pair => pair.Key.Enabled).Select(pair => (pair.Key.GranularityBits, pair.Value))];

    private ulong[] Load(BitmapEntry entry)
    {
        var bits = new ulong[Words(entry)];
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(bits.AsSpan()); // bit 0 is the lowest of byte 0: little endian
        var needed = Clusters((((_length - 1) >> entry.GranularityBits) >> 3) + 1);
        var table = entry.ReadTable(_metadata.File, _metadata.ClusterSize);
        if (table.Length < needed && _length > 0)
            throw Corruption.At(_metadata.File.Name, entry.FlagsPosition - 4, $"size of the table of the bitmap '{entry.Name}'", $"is {table.Length}, too few for the disk");
        for (var i = 0; i < Math.Min(needed, table.Length); i++)
        {
            var part = bytes[(i << _metadata.ClusterBits)..];
            if (part.Length > _metadata.ClusterSize) part = part[.._metadata.ClusterSize];
            if (L2Entry.Offset(table[i]) is not 0 and var place) _metadata.File.Read(place, part);
            else part.Fill(table[i] == 1 ? (byte)0xFF : (byte)0);
        }

        var used = ((_length - 1) >> entry.GranularityBits) + 1; // what is behind the end of the disk is not marked
        for (var word = (int)(used >> 6); word < bits.Length; word++) bits[word] &= word == used >> 6 ? (1ul << (int)(used & 63)) - 1 : 0;
        return bits;
    }

    private void StoreContent(BitmapEntry entry, ulong[] bits)
    {
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(bits.AsSpan());
        var length = (int)Math.Min(bytes.Length, (((_length - 1) >> entry.GranularityBits) >> 3) + 1);
        var table = new byte[8 * Clusters(length)];
        for (var i = 0; i < table.Length / 8; i++)
        {
            var start = i << _metadata.ClusterBits;
            var part = bytes[start..Math.Min(length, start + _metadata.ClusterSize)];
            if (!part.ContainsAnyExcept((byte)0)) continue;
            var place = _metadata.Refcounts.AllocateRun(1, out _);
            var cluster = new byte[_metadata.ClusterSize];
            part.CopyTo(cluster);
            _metadata.File.Write(place, cluster);
            BinaryPrimitives.WriteInt64BigEndian(table.AsSpan(8 * i), place);
        }

        entry.TableSize = table.Length / 8;
        entry.TableOffset = _metadata.Refcounts.AllocateRun(Clusters(table.Length), out _);
        entry.InUse = false;
        _metadata.File.Write(entry.TableOffset, table);
    }

    private void Retire(BitmapEntry entry)
    {
        if (entry.TableSize == 0) return;
        foreach (var piece in entry.ReadTable(_metadata.File, _metadata.ClusterSize))
        {
            if (L2Entry.Offset(piece) is not 0 and var place) _obsolete.Add((place, 1));
        }

        _obsolete.Add((entry.TableOffset, Clusters(8L * entry.TableSize)));
        entry.TableSize = 0;
    }
}
