using System.Runtime.InteropServices;
using Holon.Storage.Host;

namespace Holon.Storage.Qcow2;

/// <summary>
/// A bounded number of pieces of tables ("slices") in memory, written back late. A slice is at most 4 KiB, so that a flush writes little.
/// </summary>
/// <remarks>
/// Pointers hold only while <see cref="Gate"/> is held. Whoever changes a slice holds the image's own lock too, so that slices do not
/// change while they are written. Only clean slices make room for others.
/// </remarks>
internal sealed unsafe class MetadataCache : IDisposable
{
    /// <summary>The largest slice.</summary>
    public const int LargestSlice = 4096;
    private const int MostAtOnce = 64;

    private readonly byte* _memory;
    private readonly long[] _offsets; // of the slice in each place; 0 when the place is free: no table is in the header's cluster
    private readonly bool[] _dirty, _used;
    private readonly Dictionary<long, int> _places;
    private readonly List<int> _toWrite = [];
    private readonly BlockBuffer[] _buffers = new BlockBuffer[MostAtOnce];
    private int _hand, _filled;

    /// <summary>Room for some slices.</summary>
    public MetadataCache(int sliceBytes, int slices)
    {
        SliceBytes = sliceBytes;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)sliceBytes * (nuint)slices, LargestSlice); // safe: freed once; places lie within
        _offsets = new long[slices];
        _dirty = new bool[slices];
        _used = new bool[slices];
        _places = new Dictionary<long, int>(slices);
    }

    /// <summary>Gives the memory back.</summary>
    ~MetadataCache() => NativeMemory.AlignedFree(_memory);

    /// <summary>Held while pointers are used.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Size of a slice.</summary>
    public int SliceBytes { get; }

    /// <summary>Changes with everything that could make a slice read from the file out of date; read before reading.</summary>
    public long Generation { get; private set; }

    /// <summary>Slices that have yet to be written.</summary>
    public int DirtyCount { get; private set; }

    /// <summary>The slice of a file offset; null when it is not here. <see cref="Gate"/> is held.</summary>
    public byte* Find(long offset)
    {
        if (!_places.TryGetValue(offset, out var place)) return null;
        _used[place] = true;
        return _memory + ((long)place * SliceBytes);
    }

    /// <summary>Puts a slice in, as it is in the file.</summary>
    /// <param name="offset">Where in the file.</param>
    /// <param name="data">Its content.</param>
    /// <param name="generation">What <see cref="Generation"/> was before the file was read.</param>
    /// <returns>False when it may be out of date, or every place is dirty.</returns>
    public bool TryInsert(long offset, byte* data, long generation)
    {
        lock (Gate)
        {
            if (_places.ContainsKey(offset)) return true;
            if (generation != Generation || FindPlace() is not (>= 0 and var place)) return false;
            if (_offsets[place] != 0)
            {
                _places.Remove(_offsets[place]);
                Generation++;
            }

            _offsets[place] = offset;
            _used[place] = true;
            _places.Add(offset, place);
            Buffer.MemoryCopy(data, _memory + ((long)place * SliceBytes), SliceBytes, SliceBytes); // safe: both have a slice's length
            return true;
        }
    }

    /// <summary>Says that a slice was changed. <see cref="Gate"/> is held.</summary>
    public void MarkDirty(long offset)
    {
        var place = _places[offset];
        if (_dirty[place]) return;
        _dirty[place] = true;
        DirtyCount++;
    }

    /// <summary>Forgets a range of the file, changed or not: it holds no table any more.</summary>
    public void Drop(long offset, long length)
    {
        lock (Gate)
        {
            Generation++;
            for (var slice = offset; slice < offset + length; slice += SliceBytes)
            {
                if (!_places.Remove(slice, out var place)) continue;
                if (_dirty[place]) DirtyCount--;
                _offsets[place] = 0;
                _dirty[place] = _used[place] = false;
                _hand = place;
            }
        }
    }

    /// <summary>Writes what was changed to the file, neighbours together. The image's lock is held.</summary>
    public void WriteDirty(ImageFile file)
    {
        if (DirtyCount == 0) return;
        _toWrite.Clear();
        for (var place = 0; place < _filled; place++)
        {
            if (_dirty[place]) _toWrite.Add(place);
        }

        _toWrite.Sort((a, b) => _offsets[a].CompareTo(_offsets[b]));
        for (var first = 0; first < _toWrite.Count;)
        {
            var start = _offsets[_toWrite[first]];
            var count = 0;
            while (count < MostAtOnce && first + count < _toWrite.Count && _offsets[_toWrite[first + count]] == start + ((long)count * SliceBytes))
            {
                _buffers[count] = new BlockBuffer((nint)(_memory + ((long)_toWrite[first + count] * SliceBytes)), SliceBytes);
                count++;
            }

            file.Write(start, new BufferList(_buffers.AsSpan(0, count), (long)count * SliceBytes));
            lock (Gate)
            {
                for (var i = first; i < first + count; i++) _dirty[_toWrite[i]] = false;
                DirtyCount -= count;
            }

            first += count;
        }
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        GC.SuppressFinalize(this);
    }

    /// <summary>A place that may be filled, by second chance; -1 when all are dirty.</summary>
    private int FindPlace()
    {
        if (_filled < _offsets.Length) return _filled++;
        for (var tries = 0; tries < 2 * _offsets.Length; tries++)
        {
            var place = _hand;
            _hand = (_hand + 1) % _offsets.Length;
            if (_dirty[place]) continue;
            if (!_used[place]) return place;
            _used[place] = false;
        }

        return -1;
    }
}
