using System.Buffers.Binary;
using System.Numerics;
using Holon.Devices.Pci;
using Holon.Devices.State;
using Holon.Memory;

namespace Holon.Devices.Virtio.Pci;

/// <summary>
/// A virtio device as a PCI function, modern interface only (virtio 1.2, §4.1): one 64-bit region with a page each for the common
/// configuration, interrupt status, the device's configuration and the MSI-X vectors, and pages with one doorbell a queue.
/// </summary>
/// <remarks>
/// Thread-safe. Its registers have one lock; doorbells have none, and go straight to the queue. Lock order: configuration space,
/// these registers, a queue, MSI-X.
/// </remarks>
public sealed class VirtioPciFunction : PciFunction, IBusDevice, IVirtioTransport
{
    /// <summary>The vendor of all virtio devices, and what is added to a device's type (§4.1.2).</summary>
    public const ushort VendorId = 0x1AF4, FirstDeviceId = 0x1040;

    private const int CommonPage = 0, StatusPage = 1, DevicePage = 2, MsixPage = 3, DoorbellPage = 4;
    private const int PageShift = 12, PageLength = 1 << PageShift, PendingOffset = 0x800, DoorbellStride = 4;
    private const byte VendorCapability = 0x09, CommonType = 1, NotifyType = 2, IsrType = 3, DeviceType = 4, PciType = 5;
    private const byte IsrQueue = 1, IsrConfiguration = 2;

    private readonly Lock _lock = new();
    private readonly Lock _isrLock = new();
    private readonly VirtioDevice _device;
    private readonly VirtioCommonConfiguration _common;
    private readonly MsixTable _msix;
    private readonly Action<string>? _broken;
    private readonly int _msixCapability, _windowCapability;
    private readonly ulong _length;
    private byte _isr;

    /// <summary>Puts a device behind a PCI function.</summary>
    /// <param name="device">The device.</param>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="messages">Where MSI-X messages go.</param>
    /// <param name="broken">Told when the guest's driver broke a rule, with half a sentence; on any thread, under locks.</param>
    public VirtioPciFunction(VirtioDevice device, GuestMemory memory, IMessageBus messages, Action<string>? broken = null)
        : base(new PciIdentity(VendorId, (ushort)(FirstDeviceId + device.Description.Type), device.Description.PciClass, Revision: 1), interruptPin: 1)
    {
        _device = device;
        _broken = broken;
        device.Attach(this, memory);
        var queues = device.Queues.Count;
        _msix = new MsixTable(messages, Math.Min(queues + 1, 128)); // one a queue and one for configuration changes
        _common = new VirtioCommonConfiguration(device, _msix.Count, Break);
        _length = BitOperations.RoundUpToPowerOf2((ulong)((DoorbellPage << PageShift) + (queues * DoorbellStride)));
        AddRegion(0, PciRegionKind.Memory64, _length, this);
        _msixCapability = AddCapability(MsixTable.CapabilityId, _msix.CapabilityBody(0, MsixPage << PageShift, (MsixPage << PageShift) + PendingOffset));
        Writable(_msixCapability + 2, 2, MsixTable.ControlEnable | MsixTable.ControlMaskAll);
        AddStructure(CommonType, CommonPage, (uint)_common.Registers.Length);
        AddStructure(NotifyType, DoorbellPage, (uint)(queues * DoorbellStride), DoorbellStride);
        AddStructure(IsrType, StatusPage, 1);
        if (device.Description.ConfigurationLength > 0) AddStructure(DeviceType, DevicePage, (uint)device.Description.ConfigurationLength);
        _windowCapability = AddStructure(PciType, 0, 0, 0);
        Writable(_windowCapability + 4, 1, 0xFF);
        Writable(_windowCapability + 8, 4, 0xFFFF_FFFF);
        Writable(_windowCapability + 12, 4, 0xFFFF_FFFF);
        Writable(_windowCapability + 16, 4, 0xFFFF_FFFF);
    }

    /// <summary>The device.</summary>
    public VirtioDevice Device => _device;

    /// <summary>The common configuration's registers.</summary>
    public RegisterMap Registers => _common.Registers;

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size)
    {
        var within = offset & (PageLength - 1);
        switch (offset >> PageShift)
        {
            case CommonPage:
                lock (_lock) return _common.Registers.Read(within, size);
            case StatusPage:
                return within == 0 ? TakeInterruptStatus() : 0ul;
            case DevicePage:
                lock (_lock) return _device.ReadConfiguration(within, size);
            case MsixPage:
                return within < PendingOffset ? _msix.ReadTable(within, size) : _msix.ReadPending(within - PendingOffset, size);
            default:
                return 0;
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value)
    {
        var within = offset & (PageLength - 1);
        switch (offset >> PageShift)
        {
            case CommonPage:
                lock (_lock) _common.Registers.Write(within, size, value);
                break;
            case StatusPage:
                break;
            case DevicePage:
                lock (_lock) _device.WriteConfiguration(within, size, value);
                break;
            case MsixPage:
                if (within < PendingOffset) _msix.WriteTable(within, size, value);
                break;
            default:
                var queue = (offset - (DoorbellPage << PageShift)) / DoorbellStride;
                if (queue < (ulong)_device.Queues.Count) _device.Notify((int)queue);
                break;
        }
    }

    /// <inheritdoc/>
    public void InterruptQueue(int queue) => Signal(_device.Queues[queue].Vector, IsrQueue);

    /// <inheritdoc/>
    public void ConfigurationChanged() => Signal(_common.ConfigurationVector, IsrConfiguration);

    /// <inheritdoc/>
    public void Break(string reason)
    {
        if (!_common.TryBreak()) return;
        _device.Halt();
        _broken?.Invoke(reason);
        ConfigurationChanged();
    }

    /// <inheritdoc/>
    public override void Pause() => _device.Stop();

    /// <inheritdoc/>
    public override void Continue() => _device.Continue();

    /// <inheritdoc/>
    public override void Close()
    {
        lock (_lock) _common.Reset();
        _device.Dispose();
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        lock (_lock) _common.Reset();
        _msix.Reset();
        TakeInterruptStatus();
        base.Reset();
    }

    /// <inheritdoc/>
    public override void Save(DeviceStateWriter writer)
    {
        base.Save(writer);
        writer.BeginSection($"virtio-{_device.Description.Name}", 1);
        lock (_lock)
        {
            _common.Save(writer);
            writer.Write(_isr);
            _msix.Save(writer);
            _device.Save(writer);
        }

        writer.EndSection();
    }

    /// <inheritdoc/>
    public override void Load(DeviceStateReader reader)
    {
        base.Load(reader);
        reader.BeginSection($"virtio-{_device.Description.Name}", 1);
        lock (_lock)
        {
            _common.Load(reader);
            _isr = reader.ReadByte(IsrQueue | IsrConfiguration);
            _msix.Load(reader);
            _device.Load(reader);
        }

        reader.EndSection();
        _msix.SetControl(Get16(_msixCapability + 2));
    }

    /// <inheritdoc/>
    protected override void OnReading(int offset, int size)
    {
        // The window: registers through configuration space, for those who cannot reach memory regions (§4.1.4.9).
        if (!Overlaps(offset, size, _windowCapability + 16, 4)) return;
        var (at, length) = Window();
        if (length > 0) Set32(_windowCapability + 16, (uint)Read(at, length));
    }

    /// <inheritdoc/>
    protected override void OnWritten(int offset, int size)
    {
        if (Overlaps(offset, size, _msixCapability + 2, 2)) _msix.SetControl(Get16(_msixCapability + 2));
        if (size > 4 || !Overlaps(offset, size, _windowCapability + 16, 4)) return; // reset and load write all at once
        var (at, length) = Window();
        if (length > 0) Write(at, length, Get32(_windowCapability + 16));
    }

    /// <summary>What the window shows: nothing unless register and length are ones that exist.</summary>
    private (ulong Offset, int Length) Window()
    {
        var length = Get32(_windowCapability + 12);
        var offset = Get32(_windowCapability + 8);
        var valid = Get8(_windowCapability + 4) == 0 && length is 1 or 2 or 4 && offset % length == 0 && offset < _length;
        return valid ? (offset, (int)length) : (0, 0);
    }

    private void Signal(ushort vector, byte status)
    {
        if (_msix.IsEnabled)
        {
            if (vector < _msix.Count) _msix.Signal(vector);
            return;
        }

        lock (_isrLock)
        {
            _isr |= status;
            SetInterrupt(true);
        }
    }

    /// <summary>Reading the status acknowledges the interrupt (§4.1.4.5).</summary>
    private byte TakeInterruptStatus()
    {
        lock (_isrLock)
        {
            var status = _isr;
            _isr = 0;
            SetInterrupt(false);
            return status;
        }
    }

    /// <summary>Says where a structure is (§4.1.4).</summary>
    private int AddStructure(byte type, int page, uint length, uint? extra = null)
    {
        var body = new byte[extra is null ? 14 : 18];
        body[0] = (byte)(body.Length + 2);
        body[1] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(6), (uint)page << PageShift);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(10), length);
        if (extra is { } value) BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(14), value);
        return AddCapability(VendorCapability, body);
    }
}
