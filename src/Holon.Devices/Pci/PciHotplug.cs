using Holon.Devices.State;

namespace Holon.Devices.Pci;

/// <summary>
/// Tells the guest's ACPI driver of devices that come and are to go: a few ports that the DSDT's methods read and write after general-purpose
/// event 1. One bit a device of bus 0.
/// </summary>
/// <remarks>Not thread-safe: every call is made under the device's lock.</remarks>
public sealed class PciHotplug : IBusDevice, IStatefulDevice
{
    /// <summary>Where the ports are.</summary>
    public const ushort DefaultPort = 0xAE00;

    /// <summary>How many.</summary>
    public const int Length = 12;

    /// <summary>Offsets of the registers.</summary>
    public const int Inserted = 0, RemovalRequested = 4, Eject = 8;

    /// <summary>The general-purpose event by which the guest is told.</summary>
    public const int GeneralEvent = 1;

    private readonly Action _signal;
    private uint _inserted, _removal;

    /// <summary>Makes the ports.</summary>
    /// <param name="signal">Raises <see cref="GeneralEvent"/>.</param>
    /// <param name="ejected">The guest has let go of a device: it can be taken away. Called under the device's lock.</param>
    public PciHotplug(Action signal, Action<int> ejected)
    {
        _signal = signal;
        Registers = new RegisterMap(
            new Register(Inserted, 4, "PCIU", () => _inserted, value => _inserted &= ~(uint)value, PartialWrite.Zero),
            new Register(RemovalRequested, 4, "PCID", () => _removal, value => _removal &= ~(uint)value, PartialWrite.Zero),
            new Register(Eject, 4, "PCEJ", () => 0, EjectAll, PartialWrite.Zero));

        void EjectAll(ulong devices)
        {
            for (var device = 0; device < PciBus.DeviceCount; device++)
            {
                if ((devices & (1ul << device)) != 0) ejected(device);
            }
        }
    }

    /// <summary>The registers.</summary>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);

    /// <summary>A device was put into the bus.</summary>
    public void Insert(int device)
    {
        _inserted |= 1u << device;
        _signal();
    }

    /// <summary>Asks the guest to let go of a device.</summary>
    public void RequestRemoval(int device)
    {
        _removal |= 1u << device;
        _signal();
    }

    /// <inheritdoc/>
    public void Reset() => _inserted = _removal = 0;

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("pci-hotplug", 1);
        writer.Write(_inserted);
        writer.Write(_removal);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("pci-hotplug", 1);
        _inserted = reader.ReadUInt32();
        _removal = reader.ReadUInt32();
        reader.EndSection();
    }
}
