namespace Holon.Devices.Pci;

/// <summary>Offsets in configuration space (PCI Local Bus Specification 3.0, figure 6-1).</summary>
public static class PciConfig
{
    /// <summary>Registers of every function.</summary>
    public const int VendorId = 0x00, DeviceId = 0x02, Command = 0x04, Status = 0x06, Revision = 0x08, ClassCode = 0x09, CacheLineSize = 0x0C, HeaderType = 0x0E,
        BaseAddress0 = 0x10, SubsystemVendorId = 0x2C, SubsystemId = 0x2E, CapabilityPointer = 0x34, InterruptLine = 0x3C, InterruptPin = 0x3D;

    /// <summary>Bits of the command register.</summary>
    public const ushort CommandIo = 1, CommandMemory = 2, CommandBusMaster = 4, CommandInterruptDisable = 1 << 10;

    /// <summary>Bits of the status register.</summary>
    public const ushort StatusInterrupt = 1 << 3, StatusCapabilities = 1 << 4;

    /// <summary>Bit 7 of the header type: the device has more functions than this one.</summary>
    public const byte HeaderMultiFunction = 0x80;
}

/// <summary>Who a function says it is.</summary>
/// <param name="VendorId">The maker.</param>
/// <param name="DeviceId">The maker's product.</param>
/// <param name="ClassCode">Class, subclass and programming interface, 24 bits.</param>
/// <param name="Revision">Revision.</param>
/// <param name="SubsystemVendorId">The board's maker.</param>
/// <param name="SubsystemId">The board.</param>
public readonly record struct PciIdentity(ushort VendorId, ushort DeviceId, uint ClassCode, byte Revision = 0, ushort SubsystemVendorId = PciIdentity.QemuSubsystemVendor, ushort SubsystemId = PciIdentity.QemuSubsystem)
{
    /// <summary>The subsystem by which firmware (SeaBIOS, OVMF) knows that it runs on a virtual PC with QEMU's interfaces.</summary>
    public const ushort QemuSubsystemVendor = 0x1AF4, QemuSubsystem = 0x1100;
}
