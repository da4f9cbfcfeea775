using System.Runtime.InteropServices;

namespace Holon.Networking.Nat;

/// <summary>
/// Native memory for the bytes of connections that one side does not take yet. All connections of a network share one bound: when it
/// nears, new rings are small; when it is reached there are none, and connections fall back to refusing data until the other side takes it.
/// </summary>
internal sealed unsafe class BufferPool(long limit) : IDisposable
{
    /// <summary>Bytes of a ring: eight frames of 64 KiB under way, and still inside a second-level cache.</summary>
    public const int LargeSize = 512 * 1024;

    /// <summary>Bytes of a ring when half of the limit is used.</summary>
    public const int SmallSize = 64 * 1024;

    private const int KeptFree = 16;

    private readonly Stack<nint> _largeFree = new(KeptFree), _smallFree = new(KeptFree);

    /// <summary>Bytes rented.</summary>
    public long Used { get; private set; }

    /// <summary>The size that the next ring will have; 0 when there is none.</summary>
    public int NextSize => Used + LargeSize <= limit / 2 ? LargeSize : Used + SmallSize <= limit ? SmallSize : 0;

    public bool TryRent(out nint address, out int size)
    {
        size = NextSize;
        address = 0;
        if (size == 0) return false;
        var free = size == LargeSize ? _largeFree : _smallFree;
        // Not cleared: only bytes that were written before are ever read.
        if (!free.TryPop(out address)) address = (nint)NativeMemory.AlignedAlloc((nuint)size, 4096);
        Used += size;
        return true;
    }

    public void Return(nint address, int size)
    {
        Used -= size;
        var free = size == LargeSize ? _largeFree : _smallFree;
        if (free.Count < KeptFree) free.Push(address); else NativeMemory.AlignedFree((void*)address);
    }

    public void Dispose()
    {
        while (_largeFree.TryPop(out var address) || _smallFree.TryPop(out address)) NativeMemory.AlignedFree((void*)address);
    }
}

/// <summary>A ring of bytes in pooled memory; takes memory when the first byte comes and gives it back when told to.</summary>
internal sealed unsafe class ByteRing(BufferPool pool)
{
    private nint _address;
    private int _size, _head;

    /// <summary>Bytes in the ring.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes that fit; 0 before <see cref="TryOpen"/>.</summary>
    public int Capacity => _size;

    public int Free => _size - Count;

    public bool IsOpen => _size != 0;

    /// <summary>Makes sure there is memory; false when the pool has none.</summary>
    public bool TryOpen()
    {
        if (_size != 0) return true;
        _head = Count = 0;
        return pool.TryRent(out _address, out _size);
    }

    /// <summary>Gives the memory back, and with it whatever is in it.</summary>
    public void Close()
    {
        if (_size == 0) return;
        pool.Return(_address, _size);
        _size = _head = Count = 0;
    }

    /// <summary>The memory of a range; up to two pieces.</summary>
    public int Range(int offset, int length, Span<MemorySegment> pieces)
    {
        var start = (_head + offset) & (_size - 1);
        var first = Math.Min(length, _size - start);
        pieces[0] = new MemorySegment(_address + start, first);
        if (first == length) return length == 0 ? 0 : 1;
        pieces[1] = new MemorySegment(_address, length - first);
        return 2;
    }

    /// <summary>Copies pieces to an offset, which may lie behind <see cref="Count"/>; the caller has checked that they fit.</summary>
    public void Store(int offset, ReadOnlySpan<MemorySegment> data)
    {
        Span<MemorySegment> room = stackalloc MemorySegment[2];
        foreach (ref readonly var piece in data)
        {
            var length = (int)piece.Length;
            var count = Range(offset, length, room);
            var from = piece.Span;
            for (var i = 0; i < count; i++)
            {
                from[..(int)room[i].Length].CopyTo(room[i].Span);
                from = from[(int)room[i].Length..];
            }

            offset += length;
        }
    }

    /// <summary>Counts bytes that are in place behind the last one.</summary>
    public void Append(int count) => Count += count;

    /// <summary>Forgets the first bytes.</summary>
    public void Remove(int count)
    {
        Count -= count;
        _head = (_head + count) & (_size - 1);
    }

    /// <summary>An empty ring starts over where its memory is warm in the cache. Nothing may lie behind <see cref="Count"/>.</summary>
    public void Rewind()
    {
        if (Count == 0) _head = 0;
    }
}
