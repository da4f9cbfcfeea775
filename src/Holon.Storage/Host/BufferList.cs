namespace Holon.Storage.Host;

/// <summary>A range of the memory of a request: some buffers in order, without the first bytes, up to a length.</summary>
internal readonly unsafe ref struct BufferList
{
    private readonly ReadOnlySpan<BlockBuffer> _buffers;
    private readonly int _skip; // bytes of the first buffer that are not ours

    /// <summary>All of the buffers.</summary>
    public BufferList(ReadOnlySpan<BlockBuffer> buffers, long length)
        : this(buffers, 0, length)
    {
    }

    private BufferList(ReadOnlySpan<BlockBuffer> buffers, int skip, long length)
    {
        _buffers = buffers;
        _skip = skip;
        Length = length;
    }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>Whether every piece begins and ends at a multiple of a power of two, as direct transfers need.</summary>
    public bool IsAligned(int alignment)
    {
        long rest = Length, bits = 0;
        var skip = _skip;
        foreach (var buffer in _buffers)
        {
            if (rest == 0) break;
            var length = Math.Min(buffer.Length - skip, rest);
            bits |= (buffer.Address + skip) | length;
            rest -= length;
            skip = 0;
        }

        return (bits & (alignment - 1)) == 0;
    }

    /// <summary>A part.</summary>
    public BufferList Slice(long offset, long length)
    {
        var skip = _skip + offset;
        var first = 0;
        while (first < _buffers.Length && skip >= _buffers[first].Length) skip -= _buffers[first++].Length;
        return new BufferList(_buffers[first..], (int)skip, length);
    }

    /// <summary>The first pieces, as many as there is room for.</summary>
    public int Fill(Span<IoVector> vectors, out long bytes)
    {
        bytes = 0;
        var count = 0;
        var skip = _skip;
        foreach (var buffer in _buffers)
        {
            if (bytes == Length || count == vectors.Length) break;
            var length = Math.Min(buffer.Length - skip, Length - bytes);
            vectors[count++] = new IoVector { Address = buffer.Address + skip, Length = (nint)length };
            bytes += length;
            skip = 0;
        }

        return count;
    }

    /// <summary>Fills with zeroes.</summary>
    public void Clear() => Walk(null, false);

    /// <summary>Fills from memory, which holds <see cref="Length"/> bytes.</summary>
    public void CopyFrom(byte* source) => Walk(source, false);

    /// <summary>Copies to memory that has room for <see cref="Length"/> bytes.</summary>
    public void CopyTo(byte* destination) => Walk(destination, true);

    /// <summary>Whether every byte is zero.</summary>
    public bool IsZero()
    {
        var rest = Length;
        var skip = _skip;
        foreach (var buffer in _buffers)
        {
            if (rest == 0) break;
            var length = (int)Math.Min(buffer.Length - skip, rest);
            if (new ReadOnlySpan<byte>((byte*)buffer.Address + skip, length).ContainsAnyExcept((byte)0)) return false; // safe: as in Walk
            rest -= length;
            skip = 0;
        }

        return true;
    }

    private void Walk(byte* other, bool outwards)
    {
        var rest = Length;
        var skip = _skip;
        foreach (var buffer in _buffers)
        {
            if (rest == 0) break;
            var length = (int)Math.Min(buffer.Length - skip, rest);

            // Safe: whoever submits a request vouches for its buffers until it completes, and we stay within them.
            var piece = new Span<byte>((byte*)buffer.Address + skip, length);
            if (other is null)
            {
                piece.Clear();
            }
            else
            {
                var memory = new Span<byte>(other, length);
                if (outwards) piece.CopyTo(memory);
                else memory.CopyTo(piece);
                other += length;
            }

            rest -= length;
            skip = 0;
        }
    }
}
