using System.Runtime.InteropServices;

namespace Holon.Interpreter.Decoding;

/// <summary>Native memory for decoded blocks: handed out upwards, given back all at once.</summary>
internal sealed unsafe class OpArena : IDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly List<nint> _chunks = [];
    private byte* _next, _end;

    /// <summary>Bytes taken from the host.</summary>
    public long Bytes => (long)_chunks.Count * ChunkBytes;

    /// <summary>Room for a number of bytes, aligned to a cache line. Much smaller than a chunk.</summary>
    public byte* Reserve(int bytes)
    {
        if (_end - _next < bytes)
        {
            _next = (byte*)NativeMemory.AlignedAlloc(ChunkBytes, 64);
            _end = _next + ChunkBytes;
            _chunks.Add((nint)_next);
        }

        return _next;
    }

    /// <summary>Keeps the first bytes of what <see cref="Reserve"/> gave.</summary>
    public void Commit(int bytes) => _next += (bytes + 63) & ~63;

    /// <summary>Frees everything; no block may be in use.</summary>
    public void Clear()
    {
        foreach (var chunk in _chunks) NativeMemory.AlignedFree((void*)chunk);
        _chunks.Clear();
        _next = _end = null;
    }

    public void Dispose() => Clear();
}
