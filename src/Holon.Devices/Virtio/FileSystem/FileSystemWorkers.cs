using Holon.Devices.Fuse;
using Holon.Machines;

namespace Holon.Devices.Virtio.FileSystem;

/// <summary>The threads that execute requests which may wait for the host's disk.</summary>
internal sealed class FileSystemWorkers : IDisposable
{
    /// <summary>How many requests wait for a disk at once. More gain little: the host's own readahead and writeback keep the disk busy.</summary>
    private const int Threads = 4;

    private readonly Lock _lock = new();
    private readonly Queue<FileSystemRequest> _requests = [];
    private readonly SemaphoreSlim _available = new(0);
    private readonly string _name;
    private readonly FuseServer _server;
    private readonly Action<FileSystemRequest, FuseOutcome> _done;
    private readonly List<Thread> _threads = [];
    private int _idle;
    private volatile bool _ended;

    /// <summary>No threads yet: they begin when there is more to do than they can.</summary>
    public FileSystemWorkers(string name, FuseServer server, Action<FileSystemRequest, FuseOutcome> done)
    {
        _name = name;
        _server = server;
        _done = done;
    }

    /// <summary>Has a request executed.</summary>
    public void Add(FileSystemRequest request)
    {
        lock (_lock)
        {
            _requests.Enqueue(request);
            if (_idle < _requests.Count && _threads.Count < Threads) Begin();
        }

        _available.Release();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Thread[] threads;
        lock (_lock)
        {
            _ended = true;
            threads = [.. _threads];
        }

        if (threads.Length > 0) _available.Release(threads.Length);
        foreach (var thread in threads) thread.Join();
        _available.Dispose();
    }

    /// <summary>A guest that writes or looks up one thing after another asks again at once: sleeping in between would take longer than most answers.</summary>
    private void WaitForRequest(Patience patience)
    {
        var taken = false;
        if (patience.Begin())
        {
            while (!(taken = _available.Wait(0)) && patience.Lasts()) Thread.SpinWait(8);
        }

        if (!taken) _available.Wait();
        patience.End();
    }

    private void Begin()
    {
        var thread = new Thread(Run, 256 << 10) { IsBackground = true, Name = _name };
        _threads.Add(thread);
        _idle++;
        thread.Start();
    }

    private void Run()
    {
        _server.PrepareThread();
        var scratch = new FuseScratch();
        var patience = new Patience();
        while (true)
        {
            WaitForRequest(patience);
            if (_ended) return;
            FileSystemRequest? request;
            lock (_lock)
            {
                if (!_requests.TryDequeue(out request)) continue;
                _idle--;
            }

            var outcome = _server.Execute(request.Fuse, scratch, mayWait: true);
            _done(request, outcome);
            lock (_lock) _idle++;
        }
    }
}
