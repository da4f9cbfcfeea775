using System.Runtime.InteropServices;

namespace Holon.Storage.Tests;

/// <summary>A request with memory of its own, and a way to wait for it.</summary>
internal sealed class TestRequest : BlockRequest, IDisposable
{
    private readonly nint _memory; // safe: freed once, after completion
    private readonly int _size;
    private TaskCompletionSource<BlockStatus> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _completions;

    public TestRequest(BlockOperation operation, long offset, int length, int pieces = 1)
    {
        Operation = operation;
        Offset = offset;
        Length = length;
        _size = Math.Max(length, 1);
        unsafe
        {
            _memory = (nint)NativeMemory.AlignedAlloc((nuint)_size, 4096);
        }

        Buffers = new BlockBuffer[pieces];
        for (var i = 0; i < pieces; i++)
        {
            var start = (int)((long)length * i / pieces);
            Buffers[i] = new BlockBuffer(_memory + start, (int)((long)length * (i + 1) / pieces) - start);
        }

        BufferCount = pieces;
    }

    public unsafe Span<byte> Memory => new((void*)_memory, (int)Length);

    public int Completions => Volatile.Read(ref _completions);

    public Action? OnComplete { get; set; }

    public Task<BlockStatus> Done => _completion.Task;

    public override void Complete(BlockStatus status)
    {
        Interlocked.Increment(ref _completions);
        _completion.TrySetResult(status);
        OnComplete?.Invoke();
    }

    public async Task<BlockStatus> RunAsync(IBlockBackend backend)
    {
        _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        backend.Submit(this);
        return await Done.WaitAsync(TimeSpan.FromMinutes(1));
    }

    public unsafe void Dispose() => NativeMemory.AlignedFree((void*)_memory);
}
