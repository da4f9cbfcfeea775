namespace Holon.Storage.Host;

/// <summary>
/// The bytes that a disk image lives in. Calls wait until they are done and may come from several threads at once; failures are
/// <see cref="BlockFailure"/>.
/// </summary>
internal abstract unsafe class ImageFile : IDisposable
{
    /// <summary>How messages call it: its path.</summary>
    public abstract string Name { get; }

    /// <summary>Whether it refuses changes.</summary>
    public abstract bool IsReadOnly { get; }

    /// <summary>Size in bytes.</summary>
    public abstract long Length { get; }

    /// <summary>Whether it can become longer: devices cannot.</summary>
    public virtual bool CanGrow => true;

    /// <summary>Whether it reads as zeroes where it was extended.</summary>
    public bool IsZeroBeyondEnd => CanGrow;

    /// <summary>Whether the host's kernel lets one write at a time into the file.</summary>
    public virtual bool WritesTakeTurns => false;

    /// <summary>Reads when that needs no waiting for the medium.</summary>
    /// <returns>False when it would; the buffers may have been changed.</returns>
    public virtual bool TryReadNow(long offset, in BufferList buffers) => false;

    /// <summary>Writes when that is expected not to wait for the medium.</summary>
    /// <returns>False when it would, or did not write everything: then it is to be written again.</returns>
    public virtual bool TryWriteNow(long offset, in BufferList buffers) => false;

    /// <summary>Reads; what lies behind the end is zero.</summary>
    public abstract void Read(long offset, in BufferList buffers);

    /// <summary>Writes, extending the file where needed.</summary>
    public abstract void Write(long offset, in BufferList buffers);

    /// <summary>Makes a range within the file read as zeroes.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="mayUnmap">Whether its space may be given back.</param>
    public abstract void WriteZeroes(long offset, long length, bool mayUnmap);

    /// <summary>Gives the space of a range back where the host can; what it reads as is undefined, but never another file's content.</summary>
    public abstract void Discard(long offset, long length);

    /// <summary>Reserves space for a range, which reads as before, and extends the file to cover it.</summary>
    public abstract void Preallocate(long offset, long length);

    /// <summary>Makes every write that has completed durable.</summary>
    public abstract void Flush();

    /// <summary>Cuts or extends with zeroes.</summary>
    public abstract void SetLength(long length);

    /// <summary>Whether the byte has data, and up to where that answer holds.</summary>
    public virtual (bool IsData, long End) FindExtent(long offset) => (true, Math.Max(Length, offset + 1));

    /// <summary>Reads into one piece of memory.</summary>
    public void Read(long offset, Span<byte> data)
    {
        fixed (byte* pointer = data) // safe: stays in place until the call returns
        {
            var buffer = new BlockBuffer((nint)pointer, data.Length);
            Read(offset, new BufferList(new ReadOnlySpan<BlockBuffer>(in buffer), data.Length));
        }
    }

    /// <summary>Writes one piece of memory.</summary>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        fixed (byte* pointer = data) // safe: as above
        {
            var buffer = new BlockBuffer((nint)pointer, data.Length);
            Write(offset, new BufferList(new ReadOnlySpan<BlockBuffer>(in buffer), data.Length));
        }
    }

    /// <summary>Closes it.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes it.</summary>
    protected abstract void Dispose(bool disposing);
}
