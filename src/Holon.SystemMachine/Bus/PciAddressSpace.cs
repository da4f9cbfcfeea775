using Holon.Devices.Pci;
using Holon.Memory;

namespace Holon.SystemMachine.Bus;

/// <summary>Where the guest puts the regions of PCI functions: behind whatever the board itself has at those addresses.</summary>
internal sealed class PciAddressSpace(PortSpace ports, DeviceMemory memory) : IPciAddressSpace
{
    /// <inheritdoc/>
    public void Map(PciRegion region, ulong address)
    {
        // Regions of ports end below 0x10000, which PciFunction has checked.
        if (region.Kind == PciRegionKind.Io) ports.Map((ushort)address, (int)region.Length, region.Device, null);
        else memory.Map(new MemoryRange(address, region.Length), region.Device, null);
    }

    /// <inheritdoc/>
    public void Unmap(PciRegion region, ulong address)
    {
        if (region.Kind == PciRegionKind.Io) ports.Unmap((ushort)address, region.Device);
        else memory.Unmap(new MemoryRange(address, region.Length), region.Device);
    }
}
