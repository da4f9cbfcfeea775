namespace Holon.Devices.Pci;

/// <summary>Called when the guest moves or switches the power management ports.</summary>
/// <param name="port">The first port.</param>
/// <param name="enabled">True when they are decoded.</param>
public delegate void PowerManagementBaseChanged(ushort port, bool enabled);

/// <summary>
/// The power management function of an Intel 82371AB (PIIX4, data sheet 290562), function 3 of device 1: says where the ports of
/// <see cref="Acpi.AcpiPowerManagement"/> are. They are there only when firmware has put them somewhere.
/// </summary>
/// <remarks>Called under the lock of configuration accesses, and so is its callback.</remarks>
public sealed class Piix4PowerManagement : PciFunction
{
    private const int PmBase = 0x40, DeviceActivityB = 0x58, PmMisc = 0x80, SmBusBase = 0x90, SmBusConfiguration = 0xD2;
    private const uint ApmcEnable = 1 << 25;

    private readonly PowerManagementBaseChanged _changed;
    private ushort _port;
    private bool _enabled;

    /// <summary>Makes the function.</summary>
    /// <param name="changed">Called when the ports move.</param>
    public Piix4PowerManagement(PowerManagementBaseChanged changed)
        : base(new PciIdentity(0x8086, 0x7113, 0x068000, Revision: 3), interruptPin: 1)
    {
        _changed = changed;
        Set16(PciConfig.Status, 0x0280);
        Set8(PciConfig.InterruptLine, 9);
        Set32(PmBase, 1);
        Writable(PmBase, 4, 0xFFC0);
        Set32(SmBusBase, 1);
        Writable(SmBusBase, 4, 0xFFF0);
        Writable(SmBusConfiguration, 1, 0x0F);
        Writable(PmMisc, 1, 0x01);

        // Says that system management mode is set up already: there is none, and firmware must not wait for it.
        Set32(DeviceActivityB, ApmcEnable);
        Writable(DeviceActivityB, 4, 0xFFFF_FFFF);
    }

    /// <inheritdoc/>
    protected override void OnWritten(int offset, int size)
    {
        var port = (ushort)(Get32(PmBase) & 0xFFC0);
        var enabled = (Get8(PmMisc) & 1) != 0 && port != 0;
        if (port == _port && enabled == _enabled) return;
        (_port, _enabled) = (port, enabled);
        _changed(port, enabled);
    }
}
