namespace Holon.Storage;

/// <summary>What a disk device talks to: a run of bytes that can be read, written, flushed, discarded and zeroed, many requests at a time.</summary>
/// <remarks>
/// Requests complete in any order and on any thread, possibly inside <see cref="Submit"/>. A write is durable when a flush that was
/// submitted after its completion has completed successfully, and not before.
/// </remarks>
public interface IBlockBackend : IAsyncDisposable
{
    /// <summary>Size in bytes, a multiple of 512.</summary>
    long Length { get; }

    /// <summary>Whether writes, discards and zeroing are refused with <see cref="BlockStatus.ReadOnly"/>.</summary>
    bool IsReadOnly { get; }

    /// <summary>The size in bytes of the pieces that discards work on; smaller or unaligned ones may be ignored.</summary>
    int DiscardGranularity { get; }

    /// <summary>Starts a request. It belongs to the backend until <see cref="BlockRequest.Complete"/> is called, exactly once.</summary>
    void Submit(BlockRequest request);
}
