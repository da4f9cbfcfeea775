using Holon.Devices.Apic;
using Holon.X86;

namespace Holon.SystemMachine.Bus;

/// <summary>What one vCPU reaches: its own local APIC, then what all share.</summary>
internal sealed class VcpuBus(PortSpace ports, DeviceMemory memory, LocalApic apic, BusTrace? trace) : IVcpuBus
{
    /// <summary>True while a device is at work; for whoever looks from another thread.</summary>
    public bool IsInDevice { get; private set; }

    /// <inheritdoc/>
    public uint ReadPort(ushort port, int size)
    {
        IsInDevice = true;
        var value = ports.Read(port, size);
        IsInDevice = false;
        trace?.Port(port, size, value, write: false);
        return value;
    }

    /// <inheritdoc/>
    public void WritePort(ushort port, int size, uint value)
    {
        trace?.Port(port, size, value, write: true);
        IsInDevice = true;
        ports.Write(port, size, value);
        IsInDevice = false;
    }

    /// <inheritdoc/>
    public ulong ReadMmio(ulong address, int size)
    {
        IsInDevice = true;
        var offset = address - apic.MmioBase;
        var value = offset < LocalApic.MmioLength ? apic.Read(offset, size) : memory.Read(address, size);
        IsInDevice = false;
        trace?.Mmio(address, size, value, write: false);
        return value;
    }

    /// <inheritdoc/>
    public void WriteMmio(ulong address, int size, ulong value)
    {
        trace?.Mmio(address, size, value, write: true);
        IsInDevice = true;
        var offset = address - apic.MmioBase;
        if (offset < LocalApic.MmioLength) apic.Write(offset, size, value);
        else memory.Write(address, size, value);
        IsInDevice = false;
    }
}
