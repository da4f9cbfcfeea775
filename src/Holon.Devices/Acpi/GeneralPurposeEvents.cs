using Holon.Devices.State;

namespace Holon.Devices.Acpi;

/// <summary>
/// ACPI's general-purpose event block 0 (ACPI specification 6.5, §4.8.4.1): 16 events, status in bytes 0–1, enables in bytes 2–3.
/// </summary>
/// <remarks>Not thread-safe: every call is made under the device's lock.</remarks>
public sealed class GeneralPurposeEvents : IBusDevice, IStatefulDevice
{
    /// <summary>Bytes of the block: FADT's GPE0_BLK_LEN.</summary>
    public const int Length = 4;

    private readonly IInterruptLine _sci;
    private ushort _status, _enable;

    /// <summary>Makes the block.</summary>
    /// <param name="sci">The system control interrupt, shared with the fixed events.</param>
    public GeneralPurposeEvents(IInterruptLine sci)
    {
        _sci = sci;
        Registers = new RegisterMap(
            new Register(0, 2, "GPE0_STS", () => _status, value => Change((ushort)(_status & ~value), _enable), PartialWrite.Zero),
            new Register(2, 2, "GPE0_EN", () => _enable, value => Change(_status, (ushort)value)));
    }

    /// <summary>The two registers.</summary>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);

    /// <summary>Signals an event, which the DSDT's method \_GPE._Exx or _Lxx handles.</summary>
    public void Signal(int number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)number, 15u, nameof(number));
        Change((ushort)(_status | (1 << number)), _enable);
    }

    /// <inheritdoc/>
    public void Reset() => Change(0, 0);

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("gpe0", 1);
        writer.Write(_status);
        writer.Write(_enable);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("gpe0", 1);
        Change(reader.ReadUInt16(), reader.ReadUInt16());
        reader.EndSection();
    }

    private void Change(ushort status, ushort enable)
    {
        (_status, _enable) = (status, enable);
        _sci.Set((status & enable) != 0);
    }
}
