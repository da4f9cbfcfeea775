using System.Text;
using Holon.Devices.State;
using Holon.Devices.Virtio.Queues;
using Holon.Storage;

namespace Holon.Devices.Virtio.Block;

/// <summary>What a disk is besides its contents.</summary>
/// <param name="Serial">Up to 20 characters by which the guest knows it.</param>
/// <param name="ReadOnly">True when the guest may not write, even where the backend could.</param>
/// <param name="Queues">Request queues: one a vCPU is best.</param>
public sealed record VirtioBlockOptions(string Serial = "", bool ReadOnly = false, int Queues = 1);

/// <summary>A disk (virtio 1.2, §5.2).</summary>
/// <remarks>
/// Requests are parsed on the vCPU's thread and handed to the backend; they end on whatever thread the backend ends them on. When the
/// host's disk is full they wait, and the machine with them, until <see cref="VirtioDevice.Continue"/>.
/// </remarks>
public sealed class VirtioBlock : VirtioDevice
{
    /// <summary>The device's number.</summary>
    public const ushort DeviceType = 2;

    /// <summary>Bytes of a sector: the unit of everything in the protocol.</summary>
    public const int SectorLength = 512;

    /// <summary>The longest serial number.</summary>
    public const int SerialLength = 20;

    private const ushort QueueSize = 512, HeaderAndStatus = 2;
    private const uint MostRangeSectors = 1 << 22; // 2 GiB: what one discard or zeroing may take the host at a time
    private const byte PhysicalBlockExponent = 3; // 4 KiB, as host file systems have it

    private readonly IBlockBackend _backend;
    private readonly Action? _outOfSpace;
    private readonly Stack<BlockIo>[] _idle; // one a queue, guarded by the queue's lock
    private readonly List<BlockIo> _parked = []; // guarded by itself
    private int _underWay;
    private readonly Func<VirtioQueue, bool> _start;
    private volatile bool _stopped;

    /// <summary>Makes a disk.</summary>
    /// <param name="backend">Where its contents are; the disk owns it from now on.</param>
    /// <param name="options">What else it is.</param>
    /// <param name="outOfSpace">Called, on any thread, when the host has no space for a write: pause the machine.</param>
    public VirtioBlock(IBlockBackend backend, VirtioBlockOptions options, Action? outOfSpace = null)
        : base(new VirtioDescription(DeviceType, "blk", 0x010000, FeaturesOf(backend, options), [.. Enumerable.Repeat(QueueSize, options.Queues)], BlockConfiguration.Length))
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)(options.Queues - 1), 63u, nameof(options));
        _backend = backend;
        _start = TryStart;
        _outOfSpace = outOfSpace;
        IsReadOnly = options.ReadOnly || backend.IsReadOnly;
        SerialBytes = new byte[SerialLength];
        Encoding.ASCII.GetBytes(options.Serial.AsSpan(0, Math.Min(options.Serial.Length, SerialLength)), SerialBytes);
        _idle = [.. Enumerable.Range(0, options.Queues).Select(_ => new Stack<BlockIo>(QueueSize))];
        Capacity = backend.Length;

        SetConfiguration(BlockConfiguration.Capacity, 8, (ulong)(Capacity / SectorLength));
        SetConfiguration(BlockConfiguration.SegmentMaximum, 4, QueueSize - HeaderAndStatus);
        SetConfiguration(BlockConfiguration.BlockSize, 4, SectorLength);
        SetConfiguration(BlockConfiguration.PhysicalBlockExponent, 1, PhysicalBlockExponent);
        SetConfiguration(BlockConfiguration.WriteBack, 1, 1);
        SetConfiguration(BlockConfiguration.QueueCount, 2, (ulong)options.Queues);
        SetConfiguration(BlockConfiguration.DiscardSectors, 4, MostRangeSectors);
        SetConfiguration(BlockConfiguration.DiscardSegments, 4, 1);
        SetConfiguration(BlockConfiguration.DiscardAlignment, 4, (ulong)Math.Max(1, backend.DiscardGranularity / SectorLength));
        SetConfiguration(BlockConfiguration.ZeroesSectors, 4, MostRangeSectors);
        SetConfiguration(BlockConfiguration.ZeroesSegments, 4, 1);
        SetConfiguration(BlockConfiguration.ZeroesMayUnmap, 1, 1);
    }

    /// <summary>True when writes are refused.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Bytes of the disk, as the guest was told.</summary>
    public long Capacity { get; private set; }

    /// <summary>True when some requests wait for space on the host's disk.</summary>
    public bool WaitsForSpace
    {
        get
        {
            lock (_parked) return _parked.Count > 0;
        }
    }

    internal byte[] SerialBytes { get; }

    /// <summary>False when each write must be durable before it is reported done (§5.2.6.2).</summary>
    internal bool WriteBack { get; private set; } = true;

    /// <summary>Tells the guest that the backend has another size now.</summary>
    public void Resized()
    {
        Capacity = _backend.Length;
        ChangeConfiguration(BlockConfiguration.Capacity, 8, (ulong)(Capacity / SectorLength));
    }

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

    internal void Completed(BlockIo io, BlockStatus status)
    {
        if (status == BlockStatus.NoSpace && Park(io)) return;
        if (status == BlockStatus.Success && io.FlushFollows)
        {
            io.FlushFollows = false;
            io.Operation = BlockOperation.Flush;
            io.Length = io.BufferCount = 0;
            _backend.Submit(io);
            return;
        }

        lock (io.Queue.Lock)
        {
            Finish(io, status == BlockStatus.Success ? BlockResult.Ok : BlockResult.IoError);
            io.Queue.Interrupt();
        }

        Interlocked.Decrement(ref _underWay); // last: the queue may be gone afterwards
    }

    /// <inheritdoc/>
    protected override void Activated()
    {
        // Without a flush command, writes can only be durable at once (§5.2.6.2).
        WriteBack = Has(BlockFeature.Flush) || Has(BlockFeature.ConfigurableCache);
        SetConfiguration(BlockConfiguration.WriteBack, 1, WriteBack ? 1u : 0);
        _stopped = false;
    }

    /// <inheritdoc/>
    protected override void Notified(int queue) => ServeAll(Queue(queue), _start);

    /// <inheritdoc/>
    protected override bool IsStopped => _stopped;

    /// <inheritdoc/>
    protected override void ConfigurationWritten(int offset, int size, ulong value)
    {
        if (offset != BlockConfiguration.WriteBack || !Has(BlockFeature.ConfigurableCache)) return;
        WriteBack = (value & 1) != 0;
        SetConfiguration(BlockConfiguration.WriteBack, 1, value & 1);
    }

    /// <inheritdoc/>
    protected override void Continued()
    {
        _stopped = false;
        BlockIo[] again;
        lock (_parked)
        {
            again = [.. _parked];
            _parked.Clear();
        }

        foreach (var io in again)
        {
            Interlocked.Increment(ref _underWay);
            _backend.Submit(io);
        }
    }

    /// <inheritdoc/>
    protected override void WasReset()
    {
        lock (_parked)
        {
            foreach (var io in _parked) GiveBack(io);
            _parked.Clear();
        }

        WriteBack = true;
        SetConfiguration(BlockConfiguration.WriteBack, 1, 1);
    }

    /// <inheritdoc/>
    protected override void SaveState(DeviceStateWriter writer)
    {
        writer.Write(WriteBack);
        lock (_parked)
        {
            writer.Write(_parked.Count);
            foreach (var io in _parked)
            {
                writer.Write((ushort)io.Queue.Index);
                writer.Write(io.Chain.Position);
            }
        }
    }

    /// <inheritdoc/>
    protected override void LoadState(DeviceStateReader reader)
    {
        WriteBack = reader.ReadBoolean();
        var count = reader.ReadInt32(0, QueueSize * Queues.Count);
        for (var i = 0; i < count; i++)
        {
            var (queue, position) = (reader.ReadUInt16(), reader.ReadUInt16());
            if (queue >= Queues.Count) throw reader.Damaged("a request is of a queue that does not exist");
            var io = new BlockIo(this, Queue(queue));
            try
            {
                if (!io.Queue.TryRetake(io.Chain, position) || io.Begin() is not null) throw reader.Damaged("a request cannot be read again");
            }
            catch (VirtioDriverException exception)
            {
                throw reader.Damaged($"a request cannot be read again: the driver {exception.Message}");
            }

            _parked.Add(io);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Stop();
        _backend.DisposeAsync().AsTask().GetAwaiter().GetResult();
        base.Dispose(disposing);
    }

    private static ulong FeaturesOf(IBlockBackend backend, VirtioBlockOptions options)
    {
        var features = BlockFeature.SegmentMaximum | BlockFeature.BlockSize | BlockFeature.Topology | BlockFeature.Flush | BlockFeature.ConfigurableCache;
        if (options.Queues > 1) features |= BlockFeature.MultiQueue;
        return features | (options.ReadOnly || backend.IsReadOnly ? BlockFeature.ReadOnly : BlockFeature.Discard | BlockFeature.WriteZeroes);
    }

    private bool TryStart(VirtioQueue queue)
    {
        var idle = _idle[queue.Index];
        if (!idle.TryPop(out var io)) io = new BlockIo(this, queue); // as many as were ever under way at once; then never again
        var kept = false;
        try
        {
            if (!queue.TryTake(io.Chain)) return false;
            var result = io.Begin();
            kept = true;
            if (result is { } known)
            {
                Finish(io, known);
                return true;
            }
        }
        finally
        {
            if (!kept) idle.Push(io);
        }

        Interlocked.Increment(ref _underWay);
        _backend.Submit(io);
        return true;
    }

    /// <summary>Keeps a request until there is space. Writes of a machine that is being stopped for good are not kept.</summary>
    private bool Park(BlockIo io)
    {
        if (!io.Queue.IsEnabled) return false;
        lock (_parked) _parked.Add(io);
        Interlocked.Decrement(ref _underWay);
        _outOfSpace?.Invoke();
        return true;
    }

    /// <summary>Tells the driver how a request ended. Under the queue's lock.</summary>
    private void Finish(BlockIo io, BlockResult result)
    {
        var chain = io.Chain;
        if (io.Queue.IsEnabled)
        {
            if (io.Operation == BlockOperation.Read) chain.NotifyWritten();
            chain.Write(chain.WritableLength - 1, [(byte)result]);
            io.Queue.Return(chain, result == BlockResult.Ok ? (uint)chain.WritableLength : 0);
        }

        GiveBack(io);
    }

    private void GiveBack(BlockIo io) => _idle[io.Queue.Index].Push(io);
}
