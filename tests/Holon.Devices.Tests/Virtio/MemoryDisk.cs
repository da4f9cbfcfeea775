using Holon.Storage;

namespace Holon.Devices.Tests.Virtio;

/// <summary>A disk in memory. Requests end at once, or on other threads in any order.</summary>
internal sealed unsafe class MemoryDisk(int length, bool threads = false) : IBlockBackend
{
    private readonly Lock _lock = new();

    public byte[] Content { get; private set; } = new byte[length];

    public long Length => Content.Length;

    public bool IsReadOnly { get; init; }

    public int DiscardGranularity => 4096;

    /// <summary>How requests end that would write; success when null.</summary>
    public BlockStatus? WriteStatus { get; set; }

    public List<BlockOperation> Operations { get; } = [];

    public bool IsDisposed { get; private set; }

    public void Grow(int newLength) => Content = [.. Content, .. new byte[newLength - Content.Length]];

    public void Submit(BlockRequest request)
    {
        if (threads) ThreadPool.UnsafeQueueUserWorkItem(static work => work.Disk.Execute(work.Request), (Disk: this, Request: request), preferLocal: false);
        else Execute(request);
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }

    private void Execute(BlockRequest request)
    {
        var status = BlockStatus.Success;
        lock (_lock)
        {
            Operations.Add(request.Operation);
            if (request.Operation is BlockOperation.Write or BlockOperation.WriteZeroes && WriteStatus is { } wanted) status = wanted;
            else Do(request);
        }

        request.Complete(status);
    }

    private void Do(BlockRequest request)
    {
        Assert.InRange(request.Offset, 0, Length - request.Length);
        var at = Content.AsSpan((int)request.Offset, (int)request.Length);
        switch (request.Operation)
        {
            case BlockOperation.Discard or BlockOperation.WriteZeroes:
                at.Clear();
                break;
            case BlockOperation.Read or BlockOperation.Write:
                foreach (ref readonly var buffer in request.Buffers.AsSpan(0, request.BufferCount))
                {
                    var memory = new Span<byte>((void*)buffer.Address, buffer.Length);
                    if (request.Operation == BlockOperation.Read) at[..buffer.Length].CopyTo(memory);
                    else memory.CopyTo(at);
                    at = at[buffer.Length..];
                }

                Assert.True(at.IsEmpty);
                break;
        }
    }
}
