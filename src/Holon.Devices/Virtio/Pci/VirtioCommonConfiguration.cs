using Holon.Devices.State;
using Holon.Devices.Virtio.Queues;

namespace Holon.Devices.Virtio.Pci;

/// <summary>The common configuration structure: negotiation, and where the queues are (virtio 1.2, §4.1.4.3).</summary>
/// <remarks>Not thread-safe but for <see cref="TryBreak"/>: every call is made under the function's lock.</remarks>
internal sealed class VirtioCommonConfiguration
{
    private const VirtioStatus Settable = VirtioStatus.Acknowledge | VirtioStatus.Driver | VirtioStatus.DriverOk | VirtioStatus.FeaturesOk | VirtioStatus.Failed;

    private readonly VirtioDevice _device;
    private readonly int _vectors;
    private readonly Action<string> _break;
    private readonly ulong _offered;
    private uint _deviceFeatureSelect, _driverFeatureSelect;
    private ulong _driverFeatures;
    private int _status;
    private ushort _queueSelect;

    /// <summary>Makes the registers.</summary>
    /// <param name="device">Whose.</param>
    /// <param name="vectors">MSI-X vectors that there are.</param>
    /// <param name="broken">Called when the driver sets something that cannot be.</param>
    public VirtioCommonConfiguration(VirtioDevice device, int vectors, Action<string> broken)
    {
        _device = device;
        _vectors = vectors;
        _break = broken;
        _offered = device.Description.Features | VirtioFeatures.OfTransport;
        Registers = new RegisterMap(
            new Register(0x00, 4, "device_feature_select", () => _deviceFeatureSelect, value => _deviceFeatureSelect = (uint)value),
            new Register(0x04, 4, "device_feature", () => Half(_offered, _deviceFeatureSelect)),
            new Register(0x08, 4, "driver_feature_select", () => _driverFeatureSelect, value => _driverFeatureSelect = (uint)value),
            new Register(0x0C, 4, "driver_feature", () => Half(_driverFeatures, _driverFeatureSelect), value => SetDriverFeatures((uint)value)),
            new Register(0x10, 2, "config_msix_vector", () => ConfigurationVector, value => ConfigurationVector = Vector((ushort)value)),
            new Register(0x12, 2, "num_queues", () => (ulong)device.Queues.Count),
            new Register(0x14, 1, "device_status", () => (ulong)Volatile.Read(ref _status), value => SetStatus((VirtioStatus)value)),
            new Register(0x15, 1, "config_generation", () => device.ConfigurationGeneration),
            new Register(0x16, 2, "queue_select", () => _queueSelect, value => _queueSelect = (ushort)value),
            new Register(0x18, 2, "queue_size", () => Selected?.Size ?? 0u, value => Set(queue => queue.Size = Math.Min((ushort)value, queue.MaximumSize))),
            new Register(0x1A, 2, "queue_msix_vector", () => Selected?.Vector ?? VirtioQueue.NoVector, value => SetVector((ushort)value)),
            new Register(0x1C, 2, "queue_enable", () => Selected is { IsEnabled: true } ? 1u : 0, value => Enable((ushort)value)),
            new Register(0x1E, 2, "queue_notify_off", () => _queueSelect),
            new Register(0x20, 8, "queue_desc", () => Selected?.DescriptorArea ?? 0, value => Set(queue => queue.DescriptorArea = value)),
            new Register(0x28, 8, "queue_driver", () => Selected?.DriverArea ?? 0, value => Set(queue => queue.DriverArea = value)),
            new Register(0x30, 8, "queue_device", () => Selected?.DeviceArea ?? 0, value => Set(queue => queue.DeviceArea = value)),
            new Register(0x38, 2, "queue_notify_data", () => _queueSelect),
            new Register(0x3A, 2, "queue_reset", () => 0, value => ResetQueue((ushort)value)));
    }

    /// <summary>The registers.</summary>
    public RegisterMap Registers { get; }

    /// <summary>The vector of configuration changes.</summary>
    public ushort ConfigurationVector { get; private set; } = VirtioQueue.NoVector;

    private VirtioStatus Status => (VirtioStatus)Volatile.Read(ref _status);

    private VirtioQueue? Selected => _queueSelect < _device.Queues.Count ? _device.Queues[_queueSelect] : null;

    /// <summary>Says that only a reset helps now. From any thread.</summary>
    /// <returns>False when it was said before, or nobody is there to hear it.</returns>
    public bool TryBreak()
    {
        var before = (VirtioStatus)Interlocked.Or(ref _status, (int)VirtioStatus.NeedsReset);
        return (before & VirtioStatus.NeedsReset) == 0;
    }

    /// <summary>Resets the device.</summary>
    public void Reset()
    {
        _device.Reset();
        Volatile.Write(ref _status, 0);
        _deviceFeatureSelect = _driverFeatureSelect = 0;
        _driverFeatures = 0;
        _queueSelect = 0;
        ConfigurationVector = VirtioQueue.NoVector;
    }

    public void Save(DeviceStateWriter writer)
    {
        writer.Write(_deviceFeatureSelect);
        writer.Write(_driverFeatureSelect);
        writer.Write(_driverFeatures);
        writer.Write(_status);
        writer.Write(_queueSelect);
        writer.Write(ConfigurationVector);
    }

    public void Load(DeviceStateReader reader)
    {
        _deviceFeatureSelect = reader.ReadUInt32();
        _driverFeatureSelect = reader.ReadUInt32();
        _driverFeatures = reader.ReadUInt64();
        _status = reader.ReadInt32(0, 0xFF);
        _queueSelect = reader.ReadUInt16();
        ConfigurationVector = Vector(reader.ReadUInt16());
    }

    private static uint Half(ulong features, uint select) => select switch { 0 => (uint)features, 1 => (uint)(features >> 32), _ => 0 };

    private void SetDriverFeatures(uint value)
    {
        if ((Status & VirtioStatus.FeaturesOk) != 0) return; // agreed upon already
        if (_driverFeatureSelect == 0) _driverFeatures = (_driverFeatures & 0xFFFF_FFFF_0000_0000) | value;
        else if (_driverFeatureSelect == 1) _driverFeatures = (_driverFeatures & 0xFFFF_FFFF) | ((ulong)value << 32);
    }

    /// <summary>Status bits only come, until all go at once (§2.1).</summary>
    private void SetStatus(VirtioStatus status)
    {
        if (status == VirtioStatus.None)
        {
            Reset();
            return;
        }

        var before = Status;
        var added = status & Settable & ~before;
        if ((added & VirtioStatus.FeaturesOk) != 0 && !FeaturesAreGood()) added &= ~VirtioStatus.FeaturesOk;
        if (((before | added) & VirtioStatus.FeaturesOk) == 0) added &= ~VirtioStatus.DriverOk;
        Interlocked.Or(ref _status, (int)added);
        if ((added & VirtioStatus.DriverOk) != 0 && (before & VirtioStatus.NeedsReset) == 0) _device.Activate(_driverFeatures);
    }

    private bool FeaturesAreGood() => (_driverFeatures & ~_offered) == 0 && (_driverFeatures & VirtioFeatures.Version1) != 0;

    private ushort Vector(ushort vector) => vector < _vectors ? vector : VirtioQueue.NoVector;

    /// <summary>Changes the selected queue, which must not be in use.</summary>
    private void Set(Action<VirtioQueue> change)
    {
        if (Selected is { IsEnabled: false } queue) change(queue);
    }

    private void SetVector(ushort vector)
    {
        if (Selected is { } queue) queue.Vector = Vector(vector);
    }

    private void Enable(ushort value)
    {
        if (value != 1 || Selected is not { IsEnabled: false } queue) return;
        if ((Status & (VirtioStatus.FeaturesOk | VirtioStatus.NeedsReset)) != VirtioStatus.FeaturesOk) return;
        try
        {
            queue.Enable(_driverFeatures);
        }
        catch (VirtioDriverException exception)
        {
            _break(exception.Message);
        }
    }

    private void ResetQueue(ushort value)
    {
        if (value == 1 && (_driverFeatures & VirtioFeatures.RingReset) != 0 && Selected is { IsEnabled: true }) _device.ResetQueue(_queueSelect);
    }
}
