using System.Runtime.CompilerServices;

namespace Holon.Jvm.Heap;

/// <summary>
/// Cells that never move: pinned arrays, handed out one by one. Each array is twice as long as the one before, up to a bound.
/// <paramref name="claim"/> is told of each new array, with its addresses; one that it refuses is not used.
/// </summary>
internal sealed unsafe class PinnedCells<T>(int first, int longest, Func<Array, nint, nint, bool> claim)
{
    private readonly List<T[]> _chunks = [];
    private int _next = first;
    private int _left;

    public void* New()
    {
        lock (_chunks)
        {
            if (_left == 0)
            {
                _chunks.Add(NewChunk(_next));
                _left = _next;
                _next = Math.Min(_next * 2, longest);
            }
            // SAFETY: the array is pinned for as long as this object keeps it.
            return Unsafe.AsPointer(ref _chunks[^1][--_left]);
        }
    }

    private T[] NewChunk(int length)
    {
        for (; ; )
        {
            var chunk = GC.AllocateArray<T>(length, pinned: true);
            var start = (nint)Unsafe.AsPointer(ref chunk[0]);
            if (claim(chunk, start, start + length * Unsafe.SizeOf<T>())) return chunk;
        }
    }
}
