using System.Buffers.Binary;
using Holon.Devices.State;
using Holon.Devices.Virtio.Queues;
using Holon.Memory;

namespace Holon.Devices.Virtio.Balloon;

/// <summary>What a guest says about its memory; values that it did not give are 0 (virtio 1.2, §5.5.6.3).</summary>
/// <param name="Free">Bytes that are not used at all.</param>
/// <param name="Total">Bytes that the guest has.</param>
/// <param name="Available">Bytes that programs could have without swapping.</param>
/// <param name="Caches">Bytes of disk caches.</param>
/// <param name="SwappedIn">Bytes ever read from swap.</param>
/// <param name="SwappedOut">Bytes ever written to swap.</param>
/// <param name="MajorFaults">Page faults that needed a disk.</param>
/// <param name="MinorFaults">Page faults that did not.</param>
public readonly record struct BalloonStatistics(ulong Free, ulong Total, ulong Available, ulong Caches, ulong SwappedIn, ulong SwappedOut, ulong MajorFaults, ulong MinorFaults);

/// <summary>
/// Memory that the guest gives back (virtio 1.2, §5.5): pages that the host asks for by inflating a balloon, and pages that the guest
/// reports free by itself. Their host pages are released; the guest finds zeroes when it uses them again.
/// </summary>
public sealed class VirtioBalloon : VirtioDevice
{
    /// <summary>The device's number.</summary>
    public const ushort DeviceType = 5;

    private const ulong StatisticsFeature = 1 << 1, DeflateOnOutOfMemory = 1 << 2, ReportingFeature = 1 << 5;
    private const int WantedField = 0, ActualField = 4, ConfigurationLength = 16;
    private const ushort QueueSize = 128;
    private const int Inflate = 0, Deflate = 1, Statistics = 2;
    private const int StatisticLength = 10, MostStatistics = 32;

    private readonly Func<DescriptorChain, uint> _inflate, _report;
    private readonly Lock _statisticsLock = new();
    private DescriptorChain[] _chains = [];
    private bool _statisticsHeld; // the driver's buffer waits here until somebody asks; guarded by the queue's lock
    private BalloonStatistics _statistics;
    private uint _actual;
    private ulong _reported;

    /// <summary>Makes an empty balloon.</summary>
    /// <remarks>
    /// Queues are numbered by what is negotiated: free page reporting has the third or fourth (§5.5.2). There is no hinting queue, so it
    /// is the one behind statistics.
    /// </remarks>
    public VirtioBalloon()
        : base(new VirtioDescription(DeviceType, "balloon", 0x00FF00, StatisticsFeature | DeflateOnOutOfMemory | ReportingFeature, [QueueSize, QueueSize, QueueSize, QueueSize], ConfigurationLength))
    {
        _inflate = InflatePages;
        _report = ReportPages;
    }

    /// <summary>Bytes that are in the balloon now, as the guest says.</summary>
    public ulong Actual => (ulong)Volatile.Read(ref _actual) * GuestMemory.PageSize;

    /// <summary>Bytes ever released because the guest reported them free.</summary>
    public ulong Reported => Volatile.Read(ref _reported);

    /// <summary>What the guest said last about its memory.</summary>
    public BalloonStatistics LastStatistics
    {
        get
        {
            lock (_statisticsLock) return _statistics;
        }
    }

    /// <summary>Called on a vCPU's thread when new statistics have come.</summary>
    public Action<BalloonStatistics>? StatisticsArrived { get; set; }

    /// <summary>Asks the guest to make the balloon this large.</summary>
    public void SetWanted(ulong bytes) => ChangeConfiguration(WantedField, 4, Math.Min(bytes / GuestMemory.PageSize, uint.MaxValue));

    /// <summary>Asks the guest for new statistics.</summary>
    public void RequestStatistics()
    {
        var queue = Queue(Statistics);
        lock (queue.Lock)
        {
            if (!_statisticsHeld) return;
            _statisticsHeld = false;
            queue.Return(_chains[Statistics], 0); // its return is the question (§5.5.6.3)
            queue.Interrupt();
        }
    }

    /// <inheritdoc/>
    protected override void Attached() => _chains = [.. Queues.Select(queue => queue.CreateChain())];

    /// <inheritdoc/>
    protected override void Notified(int queue)
    {
        if (queue == ReportingQueue) ServeAll(Queue(queue), _chains[queue], _report);
        else if (queue == Inflate) ServeAll(Queue(queue), _chains[queue], _inflate);
        else if (queue == Deflate) ServeAll(Queue(queue), _chains[queue], static _ => 0); // pages come back by being touched
        else if (queue == Statistics) TakeStatistics();
    }

    /// <inheritdoc/>
    protected override void ConfigurationWritten(int offset, int size, ulong value)
    {
        if (offset != ActualField || size != 4) return;
        Volatile.Write(ref _actual, (uint)value);
        SetConfiguration(ActualField, 4, value);
    }

    /// <inheritdoc/>
    protected override void WasReset()
    {
        _statisticsHeld = false;
        Volatile.Write(ref _actual, 0);
        SetConfiguration(ActualField, 4, 0);
    }

    /// <inheritdoc/>
    protected override void SaveState(DeviceStateWriter writer)
    {
        writer.Write((uint)ReadConfiguration(WantedField, 4));
        writer.Write(_actual);
        writer.Write(_statisticsHeld);
        writer.Write(_chains[Statistics].Position);
    }

    /// <inheritdoc/>
    protected override void LoadState(DeviceStateReader reader)
    {
        SetConfiguration(WantedField, 4, reader.ReadUInt32());
        _actual = reader.ReadUInt32();
        SetConfiguration(ActualField, 4, _actual);
        _statisticsHeld = reader.ReadBoolean();
        var position = reader.ReadUInt16();
        if (!_statisticsHeld) return;
        try
        {
            if (!Queue(Statistics).TryRetake(_chains[Statistics], position)) throw reader.Damaged("the statistics buffer is of a queue that is not there");
        }
        catch (VirtioDriverException exception)
        {
            throw reader.Damaged($"the statistics buffer cannot be read again: the driver {exception.Message}");
        }
    }

    private int ReportingQueue => !Has(ReportingFeature) ? -1 : Has(StatisticsFeature) ? 3 : 2;

    /// <summary>Page frame numbers, 4 bytes each (§5.5.6).</summary>
    private uint InflatePages(DescriptorChain chain)
    {
        const int Batch = 256;
        Span<byte> numbers = stackalloc byte[Batch * sizeof(uint)];
        for (var done = 0L; done < chain.ReadableLength; done += numbers.Length)
        {
            var count = chain.Read(done, numbers) / sizeof(uint);
            ulong start = 0, length = 0;
            for (var i = 0; i < count; i++)
            {
                // Neighbours are released together. Linux hands pages out from above and from below.
                var page = (ulong)BinaryPrimitives.ReadUInt32LittleEndian(numbers[(i * sizeof(uint))..]) << GuestMemory.PageShift;
                if (length > 0 && page == start + length)
                {
                    length += GuestMemory.PageSize;
                }
                else if (length > 0 && page + GuestMemory.PageSize == start)
                {
                    (start, length) = (page, length + GuestMemory.PageSize);
                }
                else
                {
                    Memory.Release(start, length);
                    (start, length) = (page, GuestMemory.PageSize);
                }
            }

            Memory.Release(start, length);
        }

        return 0;
    }

    /// <summary>Free pages are the chain's own buffers (§5.5.6.7).</summary>
    private uint ReportPages(DescriptorChain chain)
    {
        foreach (ref readonly var buffer in chain.Writable)
        {
            Memory.Release(buffer.Address, (ulong)buffer.Length);
            Interlocked.Add(ref _reported, (ulong)buffer.Length);
        }

        return 0;
    }

    private void TakeStatistics()
    {
        var queue = Queue(Statistics);
        lock (queue.Lock)
        {
            try
            {
                if (_statisticsHeld || !queue.TryTake(_chains[Statistics])) return;
                _statisticsHeld = true;
                ReadStatistics(_chains[Statistics]);
                queue.EnableNotifications();
            }
            catch (VirtioDriverException exception)
            {
                Transport.Break(exception.Message);
                return;
            }
        }

        StatisticsArrived?.Invoke(LastStatistics);
    }

    private void ReadStatistics(DescriptorChain chain)
    {
        const ulong NotKnown = ulong.MaxValue;
        Span<byte> bytes = stackalloc byte[MostStatistics * StatisticLength];
        bytes = bytes[..chain.Read(0, bytes)];
        var statistics = default(BalloonStatistics);
        for (; bytes.Length >= StatisticLength; bytes = bytes[StatisticLength..])
        {
            var value = BinaryPrimitives.ReadUInt64LittleEndian(bytes[2..]);
            if (value == NotKnown) continue;
            statistics = BinaryPrimitives.ReadUInt16LittleEndian(bytes) switch
            {
                0 => statistics with { SwappedIn = value },
                1 => statistics with { SwappedOut = value },
                2 => statistics with { MajorFaults = value },
                3 => statistics with { MinorFaults = value },
                4 => statistics with { Free = value },
                5 => statistics with { Total = value },
                6 => statistics with { Available = value },
                7 => statistics with { Caches = value },
                _ => statistics,
            };
        }

        lock (_statisticsLock) _statistics = statistics;
    }
}
