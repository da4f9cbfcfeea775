namespace Holon.Storage;

/// <summary>What was asked of a disk so far.</summary>
/// <param name="Reads">Read requests.</param>
/// <param name="ReadBytes">Their bytes.</param>
/// <param name="Writes">Write requests.</param>
/// <param name="WrittenBytes">Their bytes.</param>
/// <param name="Flushes">Requests to make everything durable.</param>
/// <param name="Discards">Requests to discard or zero a range.</param>
public readonly record struct DiskCounters(long Reads, long ReadBytes, long Writes, long WrittenBytes, long Flushes, long Discards);

/// <summary>A block backend whose requests are counted as they are submitted; one that is submitted again counts again.</summary>
/// <param name="inner">What carries them out; owned from now on.</param>
public sealed class CountedBackend(IBlockBackend inner) : IBlockBackend
{
    private long _reads, _readBytes, _writes, _writtenBytes, _flushes, _discards;

    /// <summary>What was asked so far.</summary>
    public DiskCounters Counters => new(
        Volatile.Read(ref _reads), Volatile.Read(ref _readBytes), Volatile.Read(ref _writes), Volatile.Read(ref _writtenBytes), Volatile.Read(ref _flushes), Volatile.Read(ref _discards));

    /// <inheritdoc/>
    public long Length => inner.Length;

    /// <inheritdoc/>
    public bool IsReadOnly => inner.IsReadOnly;

    /// <inheritdoc/>
    public int DiscardGranularity => inner.DiscardGranularity;

    /// <inheritdoc/>
    public void Submit(BlockRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        switch (request.Operation)
        {
            case BlockOperation.Read:
                Interlocked.Increment(ref _reads);
                Interlocked.Add(ref _readBytes, request.Length);
                break;
            case BlockOperation.Write:
                Interlocked.Increment(ref _writes);
                Interlocked.Add(ref _writtenBytes, request.Length);
                break;
            case BlockOperation.Flush:
                Interlocked.Increment(ref _flushes);
                break;
            default:
                Interlocked.Increment(ref _discards);
                break;
        }

        inner.Submit(request);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
