using Holon.Devices.State;

namespace Holon.Devices.Pci;

/// <summary>Configuration mechanism #1: ports 0xCF8–0xCFF (PCI Local Bus Specification 3.0, §3.2.2.3.2).</summary>
/// <remarks>Not thread-safe: every call is made under the lock of configuration accesses.</remarks>
/// <param name="bus">Bus 0; there are no others.</param>
/// <param name="resetControl">Answers bytes at 0xCF9, which lies inside the address register; null for nobody.</param>
public sealed class PciConfigurationPorts(PciBus bus, IBusDevice? resetControl) : IBusDevice, IStatefulDevice
{
    /// <summary>Where the ports are.</summary>
    public const ushort DefaultPort = 0xCF8;

    /// <summary>How many.</summary>
    public const int Length = 8;

    private const uint Enable = 1u << 31, AddressWritable = 0x80FF_FFFC;

    private uint _address;

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size)
    {
        if (offset == 0 && size == 4) return _address; // only whole accesses are the address register's
        if (offset == 1 && size == 1 && resetControl is not null) return resetControl.Read(0, 1);
        return TryTarget(offset, size, out var function, out var register) ? bus.ReadConfiguration(function, register, size) : RegisterMap.Ones(size);
    }

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value)
    {
        if (offset == 0 && size == 4) _address = (uint)value & AddressWritable;
        else if (offset == 1 && size == 1) resetControl?.Write(0, 1, value);
        else if (TryTarget(offset, size, out var function, out var register)) bus.WriteConfiguration(function, register, size, (uint)value);
    }

    /// <inheritdoc/>
    public void Reset() => _address = 0;

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("pci-ports", 1);
        writer.Write(_address);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("pci-ports", 1);
        _address = reader.ReadUInt32() & AddressWritable;
        reader.EndSection();
    }

    private bool TryTarget(ulong offset, int size, out byte deviceFunction, out int register)
    {
        deviceFunction = (byte)(_address >> 8);
        register = (int)(_address & 0xFC) + (int)(offset & 3);
        var inside = offset is >= 4 and < Length && (size is 1 or 2 or 4) && (int)(offset & 3) + size <= 4;
        return inside && (_address & Enable) != 0 && (_address & 0x00FF_0000) == 0;
    }
}
