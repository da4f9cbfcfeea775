namespace Holon.Storage;

/// <summary>What a request does.</summary>
public enum BlockOperation : byte
{
    /// <summary>Fills the buffers from the disk.</summary>
    Read,

    /// <summary>Writes the buffers to the disk.</summary>
    Write,

    /// <summary>Makes every write that has completed before durable.</summary>
    Flush,

    /// <summary>Says that the range is no longer needed; it reads as zeroes or as before.</summary>
    Discard,

    /// <summary>Makes the range read as zeroes; space may be given back when <see cref="BlockRequest.MayUnmap"/>.</summary>
    WriteZeroes,
}

/// <summary>How a request ended.</summary>
public enum BlockStatus : byte
{
    /// <summary>Done.</summary>
    Success,

    /// <summary>The medium failed, or the image is corrupt there.</summary>
    IoError,

    /// <summary>The range is outside of the disk.</summary>
    OutOfRange,

    /// <summary>The disk is read-only.</summary>
    ReadOnly,

    /// <summary>The host has no space left; the machine should pause and the request be submitted again.</summary>
    NoSpace,
}

/// <summary>A piece of memory that stays in place while a request is under way: guest memory or pinned memory of the host.</summary>
/// <param name="Address">First byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct BlockBuffer(nint Address, int Length);

/// <summary>
/// A request to a block backend. Devices derive from it and keep a pool of them, so that nothing is allocated while requests flow.
/// </summary>
public abstract class BlockRequest
{
    /// <summary>What to do.</summary>
    public BlockOperation Operation { get; set; }

    /// <summary>First byte on the disk, a multiple of 512.</summary>
    public long Offset { get; set; }

    /// <summary>Bytes, a multiple of 512: the sum of the buffers for reads and writes; 0 for flushes.</summary>
    public long Length { get; set; }

    /// <summary>Whether <see cref="BlockOperation.WriteZeroes"/> may give the space back.</summary>
    public bool MayUnmap { get; set; }

    /// <summary>The memory of reads and writes, in order; the first <see cref="BufferCount"/> elements count.</summary>
    public BlockBuffer[] Buffers { get; set; } = [];

    /// <summary>How many elements of <see cref="Buffers"/> count.</summary>
    public int BufferCount { get; set; }

    /// <summary>The next request of the queue that this one waits in; the backend that it belongs to uses it.</summary>
    internal BlockRequest? Next { get; set; }

    /// <summary>Called once by the backend, on any thread, when the request has ended. It must not throw and must return quickly.</summary>
    public abstract void Complete(BlockStatus status);
}
