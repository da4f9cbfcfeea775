using System.Buffers.Binary;
using Holon.Devices.State;
using Holon.Devices.Virtio.Queues;
using Holon.Memory;

namespace Holon.Devices.Virtio;

/// <summary>What a kind of virtio device is.</summary>
/// <param name="Type">Its number (virtio 1.2, chapter 5).</param>
/// <param name="Name">The specification's word for it.</param>
/// <param name="PciClass">Class, subclass and programming interface on PCI.</param>
/// <param name="Features">What it offers besides what the transport does.</param>
/// <param name="QueueSizes">The most entries of each queue.</param>
/// <param name="ConfigurationLength">Bytes of its configuration.</param>
public sealed record VirtioDescription(ushort Type, string Name, uint PciClass, ulong Features, IReadOnlyList<ushort> QueueSizes, int ConfigurationLength);

/// <summary>
/// A virtio device, whatever bus it is on. A transport negotiates, and then calls: <see cref="Activated"/>, <see cref="Notified"/> for
/// queues, <see cref="Stop"/> when the device must leave guest memory alone.
/// </summary>
/// <remarks>
/// <see cref="Notified"/> comes on a vCPU's thread with no lock held, from several at a time; everything else comes one at a time.
/// Lock order: transport, then a queue, then whatever the device keeps for itself.
/// </remarks>
public abstract class VirtioDevice : IDisposable
{
    private readonly Lock _configurationLock = new();
    private readonly byte[] _configuration;
    private IVirtioTransport? _transport;
    private VirtioQueue[] _queues = [];

    /// <summary>A device that is not on a bus yet.</summary>
    protected VirtioDevice(VirtioDescription description)
    {
        Description = description;
        _configuration = new byte[description.ConfigurationLength];
    }

    /// <summary>What it is.</summary>
    public VirtioDescription Description { get; }

    /// <summary>What driver and device agreed on; 0 before.</summary>
    public ulong Features { get; private set; }

    /// <summary>True from the driver's being ready to the reset.</summary>
    public bool IsActive { get; private set; }

    /// <summary>Changes whenever the configuration does, so that a driver can read it consistently (virtio 1.2, §2.5).</summary>
    internal byte ConfigurationGeneration { get; private set; }

    internal IReadOnlyList<VirtioQueue> Queues => _queues;

    /// <summary>Its bus.</summary>
    protected IVirtioTransport Transport => _transport ?? throw new InvalidOperationException("The device is on no bus.");

    /// <summary>The guest's memory.</summary>
    protected GuestMemory Memory { get; private set; } = null!;

    /// <summary>A queue.</summary>
    protected VirtioQueue Queue(int index) => _queues[index];

    /// <summary>Whether a feature was negotiated.</summary>
    protected bool Has(ulong feature) => (Features & feature) != 0;

    /// <summary>Connects it: done by the transport.</summary>
    internal void Attach(IVirtioTransport transport, GuestMemory memory)
    {
        if (_transport is not null) throw new InvalidOperationException("The device is on a bus already.");
        _transport = transport;
        Memory = memory;
        _queues = [.. Description.QueueSizes.Select((size, index) => new VirtioQueue(memory, transport, index, size))];
        Attached();
    }

    internal void Activate(ulong features)
    {
        Features = features;
        IsActive = true;
        Activated();
    }

    /// <summary>Stops for good: the driver resets the device, or the machine is reset.</summary>
    internal void Reset()
    {
        IsActive = false;
        foreach (var queue in _queues) queue.Disable();
        Stop();
        foreach (var queue in _queues) queue.Clear();
        Features = 0;
        WasReset();
    }

    /// <summary>Stops one queue and forgets what was set for it (virtio 1.2, §2.6.1).</summary>
    internal void ResetQueue(int index)
    {
        _queues[index].Disable();
        Stop();
        _queues[index].Clear();
        Continue();
    }

    /// <summary>Takes no more chains: the driver broke a rule.</summary>
    internal void Halt() => IsActive = false;

    internal void Notify(int queue)
    {
        if (!IsActive || !_queues[queue].IsEnabled) return;
        Notified(queue);
    }

    /// <summary>Reads the configuration. Bytes outside of it read as 0.</summary>
    internal ulong ReadConfiguration(ulong offset, int size)
    {
        ReadingConfiguration();
        lock (_configurationLock)
        {
            var value = 0ul;
            for (var i = 0; i < size; i++)
            {
                var at = offset + (ulong)i;
                if (at < (ulong)_configuration.Length) value |= (ulong)_configuration[at] << (i * 8);
            }

            return value;
        }
    }

    internal void WriteConfiguration(ulong offset, int size, ulong value)
    {
        if (offset < (ulong)_configuration.Length) ConfigurationWritten((int)offset, size, value);
    }

    internal void Save(DeviceStateWriter writer)
    {
        writer.Write(Features);
        writer.Write(IsActive);
        writer.Write(ConfigurationGeneration);
        foreach (var queue in _queues) queue.Save(writer);
        SaveState(writer);
    }

    internal void Load(DeviceStateReader reader)
    {
        Features = reader.ReadUInt64();
        if ((Features & ~(Description.Features | VirtioFeatures.OfTransport)) != 0) throw reader.Damaged("it has features that the device does not offer");
        IsActive = reader.ReadBoolean();
        ConfigurationGeneration = reader.ReadByte();
        foreach (var queue in _queues) queue.Load(reader, Features);
        LoadState(reader);
    }

    /// <summary>Goes on after <see cref="Stop"/>; looks at every queue.</summary>
    internal void Continue()
    {
        if (!IsActive) return;
        Continued();
        for (var i = 0; i < _queues.Length; i++) Notify(i);
    }

    /// <summary>Returns when nothing of the device touches guest memory any more; what arrives later waits for notifications.</summary>
    public virtual void Stop()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends threads and gives back what the host lent.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>The device is on its bus; queues exist.</summary>
    protected virtual void Attached()
    {
    }

    /// <summary>The driver is ready.</summary>
    protected virtual void Activated()
    {
    }

    /// <summary>The driver has put chains into a queue.</summary>
    protected abstract void Notified(int queue);

    /// <summary>The machine goes on after a pause.</summary>
    protected virtual void Continued()
    {
    }

    /// <summary>The driver is gone.</summary>
    protected virtual void WasReset()
    {
    }

    /// <summary>The driver is about to read the configuration.</summary>
    protected virtual void ReadingConfiguration()
    {
    }

    /// <summary>The driver wrote the configuration; by default that does nothing.</summary>
    protected virtual void ConfigurationWritten(int offset, int size, ulong value)
    {
    }

    /// <summary>Appends state that is the device's own.</summary>
    protected virtual void SaveState(DeviceStateWriter writer)
    {
    }

    /// <summary>Takes what <see cref="SaveState"/> wrote.</summary>
    protected virtual void LoadState(DeviceStateReader reader)
    {
    }

    /// <summary>Sets bytes of the configuration before the driver looks.</summary>
    protected void SetConfiguration(int offset, ReadOnlySpan<byte> bytes)
    {
        lock (_configurationLock) bytes.CopyTo(_configuration.AsSpan(offset));
    }

    /// <summary>Sets a field of the configuration.</summary>
    /// <param name="offset">Where.</param>
    /// <param name="size">Its width in bytes.</param>
    /// <param name="value">Its value.</param>
    protected void SetConfiguration(int offset, int size, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        SetConfiguration(offset, bytes[..size]);
    }

    /// <summary>Sets a field of the configuration and tells the driver.</summary>
    protected void ChangeConfiguration(int offset, int size, ulong value)
    {
        SetConfiguration(offset, size, value);
        lock (_configurationLock) ConfigurationGeneration++;
        if (IsActive) Transport.ConfigurationChanged();
    }

    /// <summary>The device takes no requests now: see <see cref="Stop"/>.</summary>
    protected virtual bool IsStopped => false;

    /// <summary>Takes every request of a queue that is there now, until the device is stopped.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="take">Called under the queue's lock: takes one request; false when there is none.</param>
    protected void ServeAll(VirtioQueue queue, Func<VirtioQueue, bool> take)
    {
        lock (queue.Lock)
        {
            try
            {
                do
                {
                    queue.DisableNotifications();
                    while (!IsStopped && take(queue))
                    {
                    }
                }
                while (queue.EnableNotifications() && !IsStopped);
            }
            catch (VirtioDriverException exception)
            {
                Transport.Break(exception.Message);
            }

            queue.Interrupt();
        }
    }

    /// <summary>Handles every chain of a queue that is there now, with the notifications that the driver then knows to give.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="chain">A chain to fill.</param>
    /// <param name="handle">Called under the queue's lock with each chain; returns the bytes written.</param>
    protected void ServeAll(VirtioQueue queue, DescriptorChain chain, Func<DescriptorChain, uint> handle)
    {
        lock (queue.Lock)
        {
            try
            {
                do
                {
                    queue.DisableNotifications();
                    while (queue.TryTake(chain)) queue.Return(chain, handle(chain));
                }
                while (queue.EnableNotifications());
            }
            catch (VirtioDriverException exception)
            {
                Transport.Break(exception.Message);
            }

            queue.Interrupt();
        }
    }
}
