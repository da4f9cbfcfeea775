using Holon.Devices.State;

namespace Holon.Devices.Acpi;

/// <summary>The reset control register, port 0xCF9 (82371SB §2.5.6): a rising bit 2 resets, bit 1 says how thoroughly.</summary>
/// <remarks>Not thread-safe: every call, the callback included, is made under the device's lock.</remarks>
public sealed class ResetControl : IBusDevice, IStatefulDevice
{
    private const byte ResetCpu = 4, Writable = 0x0E;

    private byte _value;

    /// <summary>Makes the register.</summary>
    /// <param name="reset">Called when the guest asks for a reset. Must not block: it may only note it.</param>
    public ResetControl(Action reset) => Registers = new RegisterMap(new Register(0, 1, "RC", () => _value, value =>
    {
        var rising = (value & ResetCpu) != 0 && (_value & ResetCpu) == 0;
        _value = (byte)(value & Writable);
        if (rising) reset();
    }));

    /// <summary>The register.</summary>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);

    /// <inheritdoc/>
    public void Reset() => _value = 0;

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("reset-control", 1);
        writer.Write(_value);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("reset-control", 1);
        _value = (byte)(reader.ReadByte() & Writable);
        reader.EndSection();
    }
}
