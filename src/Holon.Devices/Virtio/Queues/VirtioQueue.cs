using Holon.Devices.State;
using Holon.Memory;

namespace Holon.Devices.Virtio.Queues;

/// <summary>One virtqueue of a device: what the driver has set, and the ring while it is enabled.</summary>
/// <remarks>
/// Thread-safe under <see cref="Lock"/>, which a device holds while it works on the queue. A queue that was disabled meanwhile has
/// nothing to take and forgets what is given back.
/// </remarks>
public sealed class VirtioQueue
{
    /// <summary>No MSI-X vector (virtio 1.2, §4.1.5.1.2).</summary>
    public const ushort NoVector = 0xFFFF;

    private readonly GuestMemory _memory;
    private readonly IVirtioTransport _transport;
    private Ring? _ring;

    internal VirtioQueue(GuestMemory memory, IVirtioTransport transport, int index, ushort maximumSize)
    {
        _memory = memory;
        _transport = transport;
        Index = index;
        MaximumSize = maximumSize;
        Clear();
    }

    /// <summary>Held while the queue is worked on.</summary>
    public Lock Lock { get; } = new();

    /// <summary>Its number.</summary>
    public int Index { get; }

    /// <summary>The most entries, and the most descriptors of a chain.</summary>
    public ushort MaximumSize { get; }

    /// <summary>True from its being enabled to its reset.</summary>
    public bool IsEnabled => Volatile.Read(ref _ring) is not null;

    // What the driver sets through the transport, under the transport's lock.
    internal ushort Size { get; set; }

    internal ushort Vector { get; set; }

    internal ulong DescriptorArea { get; set; }

    internal ulong DriverArea { get; set; }

    internal ulong DeviceArea { get; set; }

    /// <summary>Makes a chain that fits this queue.</summary>
    public DescriptorChain CreateChain() => new(_memory, MaximumSize);

    /// <summary>Takes the next chain. Under the lock.</summary>
    /// <returns>False when there is none.</returns>
    /// <exception cref="VirtioDriverException">The driver broke a rule.</exception>
    public bool TryTake(DescriptorChain chain) => _ring is { } ring && ring.TryTake(chain);

    /// <summary>Reads a chain again that was taken before a snapshot. Under the lock.</summary>
    /// <exception cref="VirtioDriverException">It is not there.</exception>
    public bool TryRetake(DescriptorChain chain, ushort position)
    {
        if (_ring is not { } ring) return false;
        ring.Retake(chain, position);
        return true;
    }

    /// <summary>Gives a chain back. Under the lock; call <see cref="Interrupt"/> after one or many.</summary>
    public void Return(DescriptorChain chain, uint written)
    {
        Fill(chain, written);
        Publish();
    }

    /// <summary>Remembers what was taken so far, for <see cref="Rewind"/>. Under the lock.</summary>
    public void Mark() => _ring?.Mark();

    /// <summary>Puts back what was taken since <see cref="Mark"/>, as if nobody had looked. Under the lock.</summary>
    public void Rewind() => _ring?.Rewind();

    /// <summary>Prepares to give a chain back: the driver sees several at once after <see cref="Publish"/>. Under the lock.</summary>
    public void Fill(DescriptorChain chain, uint written) => _ring?.Fill(chain, written);

    /// <summary>Gives all back that was prepared. Under the lock; call <see cref="Interrupt"/> after one or many.</summary>
    public void Publish() => _ring?.Publish();

    /// <summary>Interrupts the driver when it wants that for what was given back. Under the lock.</summary>
    public void Interrupt()
    {
        if (_ring is { } ring && ring.TakeInterruptWish()) _transport.InterruptQueue(Index);
    }

    /// <summary>Asks for notifications. Under the lock.</summary>
    /// <returns>True when there is more to take already.</returns>
    public bool EnableNotifications() => _ring is { } ring && ring.EnableNotifications();

    /// <summary>Says that no notifications are needed for now. Under the lock.</summary>
    public void DisableNotifications() => _ring?.DisableNotifications();

    /// <summary>Begins to work with what the driver has set.</summary>
    /// <exception cref="VirtioDriverException">It cannot be.</exception>
    internal void Enable(ulong features)
    {
        var layout = new RingLayout(Size, DescriptorArea, DriverArea, DeviceArea);
        Ring ring = (features & VirtioFeatures.PackedRing) != 0 ? new PackedRing(_memory, layout, features, MaximumSize) : new SplitRing(_memory, layout, features, MaximumSize);
        lock (Lock) Volatile.Write(ref _ring, ring);
    }

    /// <summary>Stops working on it. Requests that are under way are still the device's.</summary>
    internal void Disable()
    {
        lock (Lock) Volatile.Write(ref _ring, null);
    }

    /// <summary>Forgets what the driver has set.</summary>
    internal void Clear()
    {
        Size = MaximumSize;
        Vector = NoVector;
        DescriptorArea = DriverArea = DeviceArea = 0;
    }

    internal void Save(DeviceStateWriter writer)
    {
        writer.Write(Size);
        writer.Write(Vector);
        writer.Write(DescriptorArea);
        writer.Write(DriverArea);
        writer.Write(DeviceArea);
        writer.Write(_ring is not null);
        _ring?.Save(writer);
    }

    internal void Load(DeviceStateReader reader, ulong features)
    {
        Size = reader.ReadUInt16();
        Vector = reader.ReadUInt16();
        DescriptorArea = reader.ReadUInt64();
        DriverArea = reader.ReadUInt64();
        DeviceArea = reader.ReadUInt64();
        if (Size > MaximumSize) throw reader.Damaged("a queue is longer than it can be");
        Disable();
        if (!reader.ReadBoolean()) return;
        try
        {
            Enable(features);
        }
        catch (VirtioDriverException exception)
        {
            throw reader.Damaged($"a queue cannot be: the driver {exception.Message}");
        }

        _ring!.Load(reader);
    }
}
