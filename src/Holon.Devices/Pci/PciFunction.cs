using System.Buffers.Binary;
using System.Numerics;
using Holon.Devices.State;

namespace Holon.Devices.Pci;

/// <summary>
/// One PCI function: its configuration space with a mask that says which bits a guest may write, base address registers and
/// capabilities (PCI Local Bus Specification 3.0, chapter 6).
/// </summary>
/// <remarks>
/// Configuration accesses are made under the lock of the bus's ports. <see cref="SetInterrupt"/> comes from the device, under the
/// device's lock: the two meet in a lock of their own, held while the line is driven, which only leads towards the processor.
/// </remarks>
public abstract class PciFunction : IStatefulDevice
{
    /// <summary>Bytes of conventional configuration space; PCI Express has 4096.</summary>
    public const int ConventionalLength = 256;

    private const int FirstCapability = 0x40;
    private const ushort CommandWritable = 0x0547, StatusClearable = 0xF900;

    private readonly Lock _interruptLock = new();
    private readonly byte[] _config, _writable, _clearable, _initial;
    private readonly PciRegion?[] _regions = new PciRegion?[6];
    private int _nextCapability = FirstCapability, _lastCapability;
    private bool _interrupt;
    private IInterruptLine? _line;
    private IPciAddressSpace? _space;

    /// <summary>Makes the function.</summary>
    /// <param name="identity">Who it says it is.</param>
    /// <param name="interruptPin">1 to 4 for INTA# to INTD#, 0 for none.</param>
    /// <param name="configurationLength">256, or 4096 for PCI Express.</param>
    protected PciFunction(PciIdentity identity, byte interruptPin = 0, int configurationLength = ConventionalLength)
    {
        if (configurationLength is not (ConventionalLength or 4096)) throw new ArgumentOutOfRangeException(nameof(configurationLength));
        _config = new byte[configurationLength];
        _writable = new byte[configurationLength];
        _clearable = new byte[configurationLength];
        _initial = new byte[configurationLength];
        Set16(PciConfig.VendorId, identity.VendorId);
        Set16(PciConfig.DeviceId, identity.DeviceId);
        Set32(PciConfig.Revision, (identity.ClassCode << 8) | identity.Revision);
        Set16(PciConfig.SubsystemVendorId, identity.SubsystemVendorId);
        Set16(PciConfig.SubsystemId, identity.SubsystemId);
        _config[PciConfig.InterruptPin] = interruptPin;
        Writable(PciConfig.Command, 2, CommandWritable);
        Writable(PciConfig.CacheLineSize, 2, 0xFFFF);
        Writable(PciConfig.InterruptLine, 1, 0xFF);
        BinaryPrimitives.WriteUInt16LittleEndian(_clearable.AsSpan(PciConfig.Status), StatusClearable);
    }

    /// <summary>Bytes of configuration space.</summary>
    public int ConfigurationLength => _config.Length;

    /// <summary>Device number on its bus, once attached.</summary>
    public int DeviceNumber { get; private set; } = -1;

    /// <summary>Function number in its device, once attached.</summary>
    public int FunctionNumber { get; private set; } = -1;

    /// <summary>INTA# is 1, INTD# is 4, none is 0.</summary>
    public int InterruptPin => _config[PciConfig.InterruptPin];

    /// <summary>True when the guest lets the function read and write memory.</summary>
    public bool BusMaster => (Get16(PciConfig.Command) & PciConfig.CommandBusMaster) != 0;

    /// <summary>Its regions.</summary>
    public IEnumerable<PciRegion> Regions => _regions.OfType<PciRegion>();

    /// <summary>Reads configuration space. Bytes outside it read as ones.</summary>
    /// <param name="offset">Any offset.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    public uint ReadConfiguration(int offset, int size)
    {
        OnReading(offset, size);
        var value = 0u;
        for (var i = 0; i < size; i++)
        {
            var at = offset + i;
            uint part = at == PciConfig.Status ? StatusLow() : (uint)at < (uint)_config.Length ? _config[at] : (byte)0xFF;
            value |= part << (i * 8);
        }

        return value;
    }

    /// <summary>Writes configuration space: only bits that are writable change.</summary>
    public void WriteConfiguration(int offset, int size, uint value)
    {
        for (var i = 0; i < size; i++)
        {
            var at = offset + i;
            if ((uint)at >= (uint)_config.Length) break;
            var part = (byte)(value >> (i * 8));
            _config[at] = (byte)((((_config[at] & ~_writable[at]) | (part & _writable[at])) & ~(part & _clearable[at])) & 0xFF);
        }

        if (Overlaps(offset, size, PciConfig.Command, 2)) DriveInterrupt();
        if (Overlaps(offset, size, PciConfig.Command, 2) || Overlaps(offset, size, PciConfig.BaseAddress0, 24)) UpdateRegions();
        OnWritten(offset, size);
    }

    /// <summary>Returns when the device touches guest memory no more; the vCPUs stand still.</summary>
    public virtual void Pause()
    {
    }

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public virtual void Continue()
    {
    }

    /// <summary>Gives back what the device holds of the host: files, threads. It is never used again.</summary>
    public virtual void Close()
    {
    }

    /// <inheritdoc/>
    public virtual void Reset()
    {
        lock (_interruptLock) _interrupt = false;
        _initial.CopyTo(_config, 0);
        DriveInterrupt();
        UpdateRegions();
        OnWritten(0, _config.Length);
    }

    /// <inheritdoc/>
    public virtual void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("pci-function", 1);
        writer.Write((ushort)_config.Length);
        writer.WriteBytes(_config);
        writer.Write(_interrupt);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public virtual void Load(DeviceStateReader reader)
    {
        reader.BeginSection("pci-function", 1);
        if (reader.ReadUInt16() != _config.Length) throw reader.Damaged("its configuration space has another length");
        Span<byte> saved = stackalloc byte[_config.Length];
        reader.ReadBytes(saved);

        // What the guest cannot write is what this build of the device says, whatever the file says.
        for (var i = 0; i < _config.Length; i++) _config[i] = (byte)((_config[i] & ~(_writable[i] | _clearable[i])) | (saved[i] & (_writable[i] | _clearable[i])));
        lock (_interruptLock) _interrupt = reader.ReadBoolean();
        reader.EndSection();
        DriveInterrupt();
        UpdateRegions();
        OnWritten(0, _config.Length);
    }

    /// <summary>Connects the function: done by the bus. What was set until now is its state after reset.</summary>
    internal void Attach(int device, int function, IInterruptLine? line, IPciAddressSpace space)
    {
        if (DeviceNumber >= 0) throw new InvalidOperationException("The function is on a bus already.");
        DeviceNumber = device;
        FunctionNumber = function;
        _line = line;
        _space = space;
        _config.CopyTo(_initial, 0);
    }

    /// <summary>Takes the function off its bus: its regions answer no more, its interrupt pin is released.</summary>
    internal void Detach()
    {
        Set16(PciConfig.Command, 0);
        UpdateRegions();
        SetInterrupt(false);
        _line = null;
        _space = null;
        Close();
    }

    /// <summary>Marks the device as having several functions.</summary>
    internal void MarkMultiFunction()
    {
        _config[PciConfig.HeaderType] |= PciConfig.HeaderMultiFunction;
        _initial[PciConfig.HeaderType] |= PciConfig.HeaderMultiFunction;
    }

    /// <summary>Asserts or releases the function's interrupt pin.</summary>
    protected void SetInterrupt(bool asserted)
    {
        lock (_interruptLock)
        {
            _interrupt = asserted;
            DriveInterruptLocked();
        }
    }

    /// <summary>Adds a region behind a base address register. Before the function is attached.</summary>
    /// <param name="index">The (first) register, 0 to 5.</param>
    /// <param name="kind">Ports or memory.</param>
    /// <param name="length">Bytes: a power of two, at least 4 for ports and 16 for memory.</param>
    /// <param name="device">Who answers.</param>
    protected PciRegion AddRegion(int index, PciRegionKind kind, ulong length, IBusDevice device)
    {
        if (!BitOperations.IsPow2(length) || length < (kind == PciRegionKind.Io ? 4u : 16u) || (kind != PciRegionKind.Memory64 && length > 1ul << 31))
            throw new ArgumentOutOfRangeException(nameof(length));
        if (_regions[index] is not null || (index > 0 && _regions[index - 1]?.Kind == PciRegionKind.Memory64) || (kind == PciRegionKind.Memory64 && index == 5))
            throw new ArgumentOutOfRangeException(nameof(index));
        var register = PciConfig.BaseAddress0 + (index * 4);
        var mask = ~(length - 1);
        Writable(register, 4, (uint)mask);
        if (kind == PciRegionKind.Memory64) Writable(register + 4, 4, (uint)(mask >> 32));
        _config[register] = kind switch { PciRegionKind.Io => 1, PciRegionKind.Memory64 => 4, _ => 0 };
        return _regions[index] = new PciRegion(this, index, kind, length, device);
    }

    /// <summary>Adds a capability to the list. Before the function is attached.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="body">What follows id and link.</param>
    /// <returns>Offset of the capability; its body begins two bytes further.</returns>
    protected int AddCapability(byte id, ReadOnlySpan<byte> body)
    {
        var offset = _nextCapability;
        if (offset + 2 + body.Length > ConventionalLength) throw new InvalidOperationException("Configuration space is full.");
        _config[offset] = id;
        body.CopyTo(_config.AsSpan(offset + 2));
        _config[_lastCapability == 0 ? PciConfig.CapabilityPointer : _lastCapability + 1] = (byte)offset;
        _config[PciConfig.Status] |= (byte)PciConfig.StatusCapabilities;
        _lastCapability = offset;
        _nextCapability = (offset + 2 + body.Length + 3) & ~3;
        return offset;
    }

    /// <summary>Lets the guest write bits.</summary>
    protected void Writable(int offset, int size, uint mask)
    {
        for (var i = 0; i < size; i++) _writable[offset + i] = (byte)(mask >> (i * 8));
    }

    /// <summary>A byte of configuration space, past all masks.</summary>
    protected byte Get8(int offset) => _config[offset];

    /// <summary>16 bits of configuration space, past all masks.</summary>
    protected ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_config.AsSpan(offset));

    /// <summary>32 bits of configuration space, past all masks.</summary>
    protected uint Get32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_config.AsSpan(offset));

    /// <summary>Sets a byte of configuration space, past all masks.</summary>
    protected void Set8(int offset, byte value) => _config[offset] = value;

    /// <summary>Sets 16 bits of configuration space, past all masks.</summary>
    protected void Set16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_config.AsSpan(offset), value);

    /// <summary>Sets 32 bits of configuration space, past all masks.</summary>
    protected void Set32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_config.AsSpan(offset), value);

    /// <summary>Called before a guest's read, for registers that must be computed.</summary>
    protected virtual void OnReading(int offset, int size)
    {
    }

    /// <summary>Called after configuration space was written, reset or loaded.</summary>
    protected virtual void OnWritten(int offset, int size)
    {
    }

    /// <summary>All of configuration space.</summary>
    protected ReadOnlySpan<byte> Configuration => _config;

    /// <summary>True when two ranges have a byte in common.</summary>
    protected static bool Overlaps(int offset, int size, int register, int length) => offset < register + length && register < offset + size;

    private byte StatusLow() => (byte)(_config[PciConfig.Status] | (Volatile.Read(ref _interrupt) ? PciConfig.StatusInterrupt : 0));

    private void DriveInterrupt()
    {
        lock (_interruptLock) DriveInterruptLocked();
    }

    private void DriveInterruptLocked() => _line?.Set(_interrupt && (Get16(PciConfig.Command) & PciConfig.CommandInterruptDisable) == 0);

    /// <summary>Tells the board where regions have gone (§6.2.5).</summary>
    private void UpdateRegions()
    {
        if (_space is null) return;
        foreach (var region in _regions)
        {
            if (region is null) continue;
            var address = Decoded(region);
            if (address == region.Address) continue;
            if (region.Address is { } old) _space.Unmap(region, old);
            region.Address = address;
            if (address is { } now) _space.Map(region, now);
        }
    }

    /// <summary>A region's address when it is decoded. All ones, as while the guest asks for its length, is none; neither is 0.</summary>
    private ulong? Decoded(PciRegion region)
    {
        var enable = region.Kind == PciRegionKind.Io ? PciConfig.CommandIo : PciConfig.CommandMemory;
        if ((Get16(PciConfig.Command) & enable) == 0) return null;
        var register = PciConfig.BaseAddress0 + (region.Index * 4);
        var mask = ~(region.Length - 1);
        ulong limit = region.Kind switch { PciRegionKind.Io => 0xFFFF, PciRegionKind.Memory32 => 0xFFFF_FFFF, _ => ulong.MaxValue };
        var address = Get32(register) & (mask | 0xFFFF_FFFF_0000_0000);
        if (region.Kind == PciRegionKind.Memory64) address |= (ulong)Get32(register + 4) << 32;
        address &= mask;
        var last = address + (region.Length - 1);
        return address == 0 || last >= limit || last < address ? null : address;
    }
}
