namespace Holon.Devices.Pci;

/// <summary>
/// The enhanced configuration access mechanism: 4 KiB of memory a function, 1 MiB a bus (PCI Express Base Specification 5.0, §7.2.2).
/// </summary>
/// <remarks>Not thread-safe: every call is made under the lock of configuration accesses.</remarks>
/// <param name="bus">Bus 0; there are no others.</param>
public sealed class PciExpressConfiguration(PciBus bus) : IBusDevice
{
    /// <summary>Bytes of the window: bus 0.</summary>
    public const ulong Length = 1 << 20;

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) =>
        IsWhole(offset, size) ? bus.ReadConfiguration((byte)(offset >> 12), (int)(offset & 0xFFF), size) : RegisterMap.Ones(size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value)
    {
        if (IsWhole(offset, size)) bus.WriteConfiguration((byte)(offset >> 12), (int)(offset & 0xFFF), size, (uint)value);
    }

    private static bool IsWhole(ulong offset, int size) => offset < Length && (size is 1 or 2 or 4) && (offset & 3) + (ulong)size <= 4;
}
