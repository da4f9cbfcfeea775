namespace Holon.Oracle.Generation;

/// <summary>Chooses where a memory operand lies: mostly in the window, aligned or not; sometimes across or beyond its edges.</summary>
public static class TargetAddress
{
    private const int PageSize = AddressLayout.PageSize;

    /// <summary>A linear address for an operand of a size.</summary>
    public static ulong Pick(CaseRandom random, int size)
    {
        var length = Math.Max(size, 1);
        // Processors differ in the order in which they touch the parts of a large image: no part of it may fault alone.
        var kind = length < XsaveArea.Length ? random.Below(100) : random.Pick<int>([7, 14, 15, 16, 50, 50, 50, 50, 50, 50, 50, 50]);
        switch (kind)
        {
            case < 4: return Across(random, PageSize, length); // both pages writable
            case < 7: return Across(random, AddressLayout.WindowWritable, length); // the second page read-only
            case < 10: return AddressLayout.Window + AddressLayout.WindowWritable + (ulong)random.Below(PageSize - length);
            case < 12: return Across(random, AddressLayout.WindowSize, length); // out of the window
            case < 14: return Across(random, 0, length); // into the window
            case < 15: return AddressLayout.Window - (ulong)random.Between(length, PageSize);
            case < 16: return AddressLayout.Window + AddressLayout.WindowSize + (ulong)random.Below(PageSize);
            case < 17: return Unreachable(random);
            default: return Inside(random, length);
        }
    }

    /// <summary>An address in the writable pages such that the operand stays in them.</summary>
    public static ulong Inside(CaseRandom random, int size)
    {
        var offset = random.Below(AddressLayout.WindowWritable - size);
        var alignment = size >= 64 ? 64 : (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)size);
        if (random.Percent(60)) offset &= -alignment;
        return AddressLayout.Window + (ulong)offset;
    }

    private static ulong Across(CaseRandom random, int edge, int size)
    {
        var before = size == 1 ? random.Below(2) : (int)random.Between(1, size - 1);
        if (size > 64 && random.Percent(70)) before &= -64; // state images must be aligned
        return AddressLayout.Window + (ulong)(edge - before);
    }

    private static ulong Unreachable(CaseRandom random) => random.Below(3) switch
    {
        0 => 0xFFFF_8000_0000_0000 + (random.Next() >> 20), // the kernel's half
        1 => 0x4000_0000_0000_0000 + (random.Next() >> 8), // not canonical
        _ => 0x1_0000_0000 + (random.Next() >> 30), // nothing there
    };
}
