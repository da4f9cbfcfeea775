using Holon.Memory;

namespace Holon.SystemMachine.Boot;

/// <summary>What a guest may do with a range of its physical addresses; the numbers are those of BIOS call E820 (ACPI §15).</summary>
public enum MemoryKind : uint
{
    /// <summary>Free memory.</summary>
    Usable = 1,

    /// <summary>Not to be used: devices or firmware.</summary>
    Reserved = 2,
}

/// <summary>One row of the memory map that a guest is given.</summary>
/// <param name="Range">The addresses.</param>
/// <param name="Kind">What they are.</param>
public readonly record struct MemoryMapEntry(MemoryRange Range, MemoryKind Kind);

/// <summary>The memory map that Linux (e820), PVH and Multiboot guests are given, ascending by address.</summary>
public static class BootMemoryMap
{
    /// <summary>The machine's memory without the PC's own areas below 1 MiB, and ranges that belong to devices.</summary>
    /// <param name="memory">The machine's memory.</param>
    /// <param name="reserved">Ranges outside the memory that a guest must leave alone, such as PCI's ECAM window.</param>
    public static IReadOnlyList<MemoryMapEntry> Build(GuestMemory memory, IReadOnlyList<MemoryRange> reserved)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(reserved);
        var entries = new List<MemoryMapEntry> { new(Between(GuestLayout.LowEnd, GuestLayout.HighStart), MemoryKind.Reserved) };
        foreach (var range in reserved) entries.Add(new MemoryMapEntry(range, MemoryKind.Reserved));
        foreach (var region in memory.Regions)
        {
            if (region.Start < GuestLayout.LowEnd) entries.Add(new MemoryMapEntry(Between(region.Start, Math.Min(region.End, GuestLayout.LowEnd)), MemoryKind.Usable));
            var start = Math.Max(region.Start, GuestLayout.HighStart);
            if (start < region.End) AddUsable(entries, Between(start, region.End), reserved);
        }

        entries.Sort((left, right) => left.Range.Start.CompareTo(right.Range.Start));
        return entries;
    }

    /// <summary>A reserved range may also lie in memory, as a firmware's ROM does: then what surrounds it is usable.</summary>
    private static void AddUsable(List<MemoryMapEntry> entries, MemoryRange usable, IReadOnlyList<MemoryRange> reserved)
    {
        foreach (var hole in reserved)
        {
            if (hole.Start >= usable.End || usable.Start >= hole.End) continue;
            if (usable.Start < hole.Start) AddUsable(entries, Between(usable.Start, hole.Start), reserved);
            if (hole.End < usable.End) AddUsable(entries, Between(hole.End, usable.End), reserved);
            return;
        }

        entries.Add(new MemoryMapEntry(usable, MemoryKind.Usable));
    }

    private static MemoryRange Between(ulong start, ulong end) => new(start, end - start);
}
