namespace Holon.Devices.Pci;

/// <summary>What a base address register asks for.</summary>
public enum PciRegionKind
{
    /// <summary>I/O ports.</summary>
    Io,

    /// <summary>Memory below 4 GiB.</summary>
    Memory32,

    /// <summary>Memory anywhere; takes two base address registers.</summary>
    Memory64,
}

/// <summary>A range of addresses that a function answers, wherever the guest puts it.</summary>
/// <param name="Function">Whose it is.</param>
/// <param name="Index">Number of its (first) base address register, 0 to 5.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Length">Bytes, a power of two.</param>
/// <param name="Device">Who answers.</param>
public sealed record PciRegion(PciFunction Function, int Index, PciRegionKind Kind, ulong Length, IBusDevice Device)
{
    /// <summary>Where the guest has put it, or null while it is not decoded.</summary>
    public ulong? Address { get; internal set; }
}

/// <summary>The board's address spaces, in which the guest places regions. Called under the lock of configuration accesses.</summary>
public interface IPciAddressSpace
{
    /// <summary>From now on a region answers at an address. The guest chose it: it may overlap anything.</summary>
    void Map(PciRegion region, ulong address);

    /// <summary>The region no longer answers there.</summary>
    void Unmap(PciRegion region, ulong address);
}
