using System.Diagnostics;
using System.Runtime.InteropServices;
using Holon.Storage;

namespace Holon.StorageBench;

/// <summary>
/// Keeps a number of requests in flight on a disk until so many have completed, as <c>qemu-img bench</c> does: request n is at
/// n × step, wrapped at the end of the disk, and each completion submits the next.
/// </summary>
internal sealed unsafe class Load : IDisposable
{
    private readonly IBlockBackend _disk;
    private readonly BlockOperation _operation;
    private readonly int _size;
    private readonly long _step, _count, _flushEvery;
    private readonly ManualResetEventSlim _finished = new();
    private readonly List<Request> _requests = [];
    private long _submitted, _completed;
    private BlockStatus _worst;

    /// <summary>A load that has not begun.</summary>
    public Load(IBlockBackend disk, BlockOperation operation, int size, long step, long count, int depth, long flushEvery = 0)
    {
        (_disk, _operation, _size, _step, _count, _flushEvery) = (disk, operation, size, step, count, flushEvery);
        for (var i = 0; i < depth; i++) _requests.Add(new Request(this, size));
    }

    /// <summary>Runs it.</summary>
    /// <returns>Seconds.</returns>
    public double Run()
    {
        var clock = Stopwatch.StartNew();
        foreach (var request in _requests) Next(request);
        _finished.Wait();
        return _worst == BlockStatus.Success ? clock.Elapsed.TotalSeconds : throw new InvalidOperationException($"a request ended with {_worst}");
    }

    /// <summary>Gives the buffers back.</summary>
    public void Dispose()
    {
        foreach (var request in _requests) request.Free();
        _finished.Dispose();
    }

    /// <summary>Submits again and again; what completes within Submit is taken up here, so that the stack stays flat.</summary>
    private void Next(Request request)
    {
        do
        {
            var number = Interlocked.Increment(ref _submitted) - 1;
            if (number >= _count) return;
            if (_flushEvery > 0 && number % _flushEvery == _flushEvery - 1)
            {
                (request.Operation, request.Length, request.BufferCount) = (BlockOperation.Flush, 0, 0);
            }
            else
            {
                (request.Operation, request.Length, request.BufferCount) = (_operation, _size, 1);
                request.Offset = number * _step % (_disk.Length - _size + 1) & -512;
            }

            request.State = 0;
            _disk.Submit(request);
        }
        while (Interlocked.CompareExchange(ref request.State, 1, 0) != 0);
    }

    private void Completed(Request request, BlockStatus status)
    {
        if (status > _worst) _worst = status;
        var last = Interlocked.Increment(ref _completed) == _count;
        if (Interlocked.CompareExchange(ref request.State, 2, 0) != 0) Next(request); // Submit has returned already
        if (last) _finished.Set();
    }

    private sealed class Request : BlockRequest
    {
        public int State; // 0 in Submit, 1 Submit returned first, 2 completed first
        private readonly Load _load;
        private readonly void* _memory; // safe: freed when the load has ended

        public Request(Load load, int size)
        {
            _load = load;
            _memory = NativeMemory.AlignedAlloc((nuint)size, 4096);
            new Span<byte>(_memory, size).Fill(0xA5);
            Buffers = [new BlockBuffer((nint)_memory, size)];
        }

        public override void Complete(BlockStatus status) => _load.Completed(this, status);

        public void Free() => NativeMemory.AlignedFree(_memory);
    }
}
