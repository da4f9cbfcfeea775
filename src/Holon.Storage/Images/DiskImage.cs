using Holon.Storage.Host;

namespace Holon.Storage.Images;

/// <summary>What a range of a disk is, as one image of a chain sees it.</summary>
internal enum ExtentKind : byte
{
    /// <summary>The image says nothing: its backing file has the content, or it is zero.</summary>
    Unallocated,

    /// <summary>Reads as zeroes, whatever the backing file has.</summary>
    Zero,

    /// <summary>Has data.</summary>
    Data,

    /// <summary>Has compressed data.</summary>
    Compressed,
}

/// <summary>A range of a disk that is one thing.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Length">Bytes from where was asked.</param>
/// <param name="HostOffset">Where its data is in <paramref name="File"/>; -1 when it has no single place.</param>
/// <param name="File">The file with its data.</param>
internal readonly record struct ImageExtent(ExtentKind Kind, long Length, long HostOffset = -1, ImageFile? File = null);

/// <summary>
/// An image of a disk: its content as a guest sees it. Calls wait until they are done and may come from several threads at once.
/// Failures of the host are <see cref="BlockFailure"/>; a corrupt image is a <see cref="Holon.Machines.HolonException"/>.
/// </summary>
internal abstract class DiskImage : IDisposable
{
    /// <summary>The longest disk that anything here makes or opens: offsets have room for arithmetic.</summary>
    public const long LargestLength = 1L << 62;

    /// <summary>How messages call it: its path.</summary>
    public abstract string Name { get; }

    /// <summary>The name of its format, as tools write it.</summary>
    public abstract string Format { get; }

    /// <summary>Size in bytes, a multiple of 512.</summary>
    public abstract long Length { get; }

    /// <summary>Whether it refuses changes.</summary>
    public abstract bool IsReadOnly { get; }

    /// <summary>The size of the pieces that can be given back.</summary>
    public abstract int DiscardGranularity { get; }

    /// <summary>Whether writes wait for each other anyway, in the host's kernel: threads that write at once then gain nothing and cost processor time.</summary>
    public virtual bool WritesTakeTurns => false;

    /// <summary>The image below; null when there is none.</summary>
    public virtual DiskImage? Backing => null;

    /// <summary>Reads when that needs no waiting.</summary>
    /// <returns>False when it would; the buffers may have been changed.</returns>
    public abstract bool TryReadNow(long offset, in BufferList buffers);

    /// <summary>Writes when that is expected not to wait: to what is there and ours alone.</summary>
    /// <returns>False when it would, or did not write everything: then it is to be written again.</returns>
    public virtual bool TryWriteNow(long offset, in BufferList buffers) => false;

    /// <summary>Reads a range within the disk.</summary>
    public abstract void Read(long offset, in BufferList buffers);

    /// <summary>Writes a range within the disk.</summary>
    public abstract void Write(long offset, in BufferList buffers);

    /// <summary>Makes a range within the disk read as zeroes.</summary>
    public abstract void WriteZeroes(long offset, long length, bool mayUnmap);

    /// <summary>Gives the space of a range within the disk back.</summary>
    public abstract void Discard(long offset, long length);

    /// <summary>Makes every write that has completed durable.</summary>
    public abstract void Flush();

    /// <summary>What this image, without those below, has at an offset.</summary>
    /// <param name="offset">Where.</param>
    /// <param name="length">How far the caller wants to know; at least 1, within the disk.</param>
    public abstract ImageExtent FindExtent(long offset, long length);

    /// <summary>Changes the size. The new end reads as zeroes.</summary>
    public abstract void Resize(long length);

    /// <summary>Reads into memory.</summary>
    public unsafe void Read(long offset, Span<byte> data)
    {
        fixed (byte* pointer = data) // safe: stays in place until the call returns
        {
            var buffer = new BlockBuffer((nint)pointer, data.Length);
            Read(offset, new BufferList(new ReadOnlySpan<BlockBuffer>(in buffer), data.Length));
        }
    }

    /// <summary>Writes from memory.</summary>
    public unsafe void Write(long offset, ReadOnlySpan<byte> data)
    {
        fixed (byte* pointer = data) // safe: as above
        {
            var buffer = new BlockBuffer((nint)pointer, data.Length);
            Write(offset, new BufferList(new ReadOnlySpan<BlockBuffer>(in buffer), data.Length));
        }
    }

    /// <summary>Writes down what is still in memory and closes everything.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Writes down what is still in memory and closes everything.</summary>
    protected abstract void Dispose(bool disposing);
}
