using System.Text;
using Holon.Devices.Fuse;
using Holon.Devices.State;
using Holon.Devices.Virtio.Queues;

namespace Holon.Devices.Virtio.FileSystem;

/// <summary>A folder of the host as a file system of the guest's (virtio 1.2, §5.11): FUSE's messages in virtqueues.</summary>
/// <remarks>
/// What the host has in memory is answered on the vCPU's thread; what may wait for its disk goes to threads of the device's own, several at a
/// time. When all of the requests that a queue may have under way are, the guest waits.
/// </remarks>
public sealed class VirtioFileSystem : VirtioDevice
{
    /// <summary>The device's number.</summary>
    public const ushort DeviceType = 26;

    /// <summary>The longest tag in bytes, by which the guest mounts it (§5.11.4).</summary>
    public const int TagLength = 36;

    private const int UrgentQueue = 0, RequestQueue = 1;
    private const int CountOffset = 36, ConfigurationLength = 40;
    private const ushort UrgentQueueSize = 64, RequestQueueSize = 512; // a request of 256 pages, headers, and room for others

    private readonly FuseServer _server;
    private readonly FileSystemWorkers _workers;
    private readonly Stack<FileSystemRequest>[] _idle = [new(), new()]; // one a queue, guarded by its lock
    private readonly FuseScratch[] _scratch = [new(), new()]; // likewise
    private int _underWay;
    private readonly Func<VirtioQueue, bool> _take;
    private volatile bool _stopped;

    /// <summary>Makes the device.</summary>
    /// <param name="server">Serves the folder; the device owns it from now on.</param>
    /// <param name="tag">By what the guest mounts it: 1 to <see cref="TagLength"/> bytes.</param>
    /// <param name="name">Names its threads.</param>
    public VirtioFileSystem(FuseServer server, string tag, string name = "share")
        : base(new VirtioDescription(DeviceType, "fs", 0x018000, 0, [UrgentQueueSize, RequestQueueSize], ConfigurationLength))
    {
        var bytes = Encoding.UTF8.GetBytes(tag);
        if (bytes.Length is 0 or > TagLength) throw new ArgumentException($"A tag has 1 to {TagLength} bytes.", nameof(tag));
        _server = server;
        _take = TryTake;
        _workers = new FileSystemWorkers(name, server, Answer);
        SetConfiguration(0, bytes);
        SetConfiguration(CountOffset, 4, 1);
    }

    /// <summary>Files that the guest knows, descriptors kept for them, and files that it has open.</summary>
    public (int Known, int Descriptors, int Open) Counts => _server.Counts;

    /// <inheritdoc/>
    public override void Stop()
    {
        _stopped = true;
        foreach (var queue in Queues)
        {
            lock (queue.Lock)
            {
                // Taking it is enough: whoever takes it next sees that the device is stopped.
            }
        }

        var wait = default(SpinWait);
        while (Volatile.Read(ref _underWay) > 0) wait.SpinOnce();
    }

    /// <inheritdoc/>
    protected override void Activated() => _stopped = false;

    /// <inheritdoc/>
    protected override void Continued() => _stopped = false;

    /// <inheritdoc/>
    protected override void WasReset() => _server.Reset();

    /// <inheritdoc/>
    protected override void Notified(int queue) => ServeAll(Queue(queue), _take);

    /// <inheritdoc/>
    protected override bool IsStopped => _stopped;

    /// <inheritdoc/>
    protected override void SaveState(DeviceStateWriter writer) => _server.Save(writer);

    /// <inheritdoc/>
    protected override void LoadState(DeviceStateReader reader) => _server.Load(reader);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _workers.Dispose();
            _server.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Takes the next request of a queue and answers it, or has it answered. Under the queue's lock.</summary>
    private bool TryTake(VirtioQueue source)
    {
        var idle = _idle[source.Index];
        if (!idle.TryPop(out var request)) request = new FileSystemRequest(source);
        var kept = false;
        try
        {
            if (!source.TryTake(request.Chain)) return false;
            request.Begin();
            // Other requests wait behind one that is executed here; so only those are that wait for nothing.
            var outcome = _server.Execute(request.Fuse, _scratch[source.Index], mayWait: false);
            if (outcome != FuseOutcome.MustWait)
            {
                source.Return(request.Chain, outcome == FuseOutcome.Answered ? request.WriteAnswer() : 0);
                return true;
            }

            kept = true;
        }
        finally
        {
            if (!kept) idle.Push(request);
        }

        Interlocked.Increment(ref _underWay);
        _workers.Add(request);
        return true;
    }

    /// <summary>A request is done, on one of the device's own threads.</summary>
    private void Answer(FileSystemRequest request, FuseOutcome outcome)
    {
        var queue = request.Queue;
        lock (queue.Lock)
        {
            if (queue.IsEnabled)
            {
                queue.Return(request.Chain, outcome == FuseOutcome.Answered ? request.WriteAnswer() : 0);
                queue.Interrupt();
            }

            _idle[queue.Index].Push(request);
        }

        Interlocked.Decrement(ref _underWay); // last: the queue may be gone afterwards
    }
}
