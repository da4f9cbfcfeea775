using Holon.Machines;
using Holon.Memory;

namespace Holon.SystemMachine.Boot;

/// <summary>
/// What lies where in a guest's memory while it is being loaded. Every part claims its range here first, so that nothing can
/// overlap and everything that does not fit is refused with the amount of memory that would do.
/// </summary>
public sealed class GuestLayout
{
    /// <summary>Where free conventional memory begins: below are the real-mode interrupt vectors and the BIOS data area.</summary>
    public const ulong LowStart = 0x1000;

    /// <summary>Where free conventional memory ends: the extended BIOS data area, as PCs have it.</summary>
    public const ulong LowEnd = 0x9FC00;

    /// <summary>One MiB: where memory begins again after video memory and firmware.</summary>
    public const ulong HighStart = 0x100000;

    /// <summary>What 32-bit entry protocols can address.</summary>
    public const ulong FourGiB = 1ul << 32;

    private readonly List<(MemoryRange Range, string What)> _claims = [];

    /// <summary>A layout in which only the PC's own areas are taken.</summary>
    public GuestLayout(GuestMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        Memory = memory;
        foreach (var region in memory.Regions)
        {
            if (region.Start <= HighStart && region.End > HighStart) LowRamEnd = Math.Min(region.End, FourGiB);
        }

        _claims.Add((new MemoryRange(0, LowStart), "the interrupt vectors and BIOS data"));
        _claims.Add((new MemoryRange(LowEnd, HighStart - LowEnd), "video memory and firmware"));
    }

    /// <summary>The memory that is laid out.</summary>
    public GuestMemory Memory { get; }

    /// <summary>The end of the memory that begins at 1 MiB, at most 4 GiB; 0 when there is none.</summary>
    public ulong LowRamEnd { get; }

    /// <summary>Takes a range at an address that the guest's file dictates.</summary>
    /// <param name="start">Physical address.</param>
    /// <param name="length">Bytes; nothing is taken for 0.</param>
    /// <param name="what">What will lie there, for errors.</param>
    /// <exception cref="HolonException">It is not memory, or something lies there.</exception>
    public void Claim(ulong start, ulong length, string what)
    {
        if (length == 0) return;
        if (!Memory.Contains(start, length)) throw OutsideMemory(start, length, what);
        foreach (var (taken, by) in _claims)
        {
            if (start < taken.End && taken.Start < start + length)
                throw new HolonException($"The guest cannot be loaded because {what} at 0x{start:x}-0x{start + length:x} would overlap {by} at {taken}; link it at another address.");
        }

        _claims.Add((new MemoryRange(start, length), what));
    }

    /// <summary>Takes the lowest free range below 640 KiB, for what a loader hands to its guest.</summary>
    /// <exception cref="HolonException">Nothing there is large enough.</exception>
    public ulong AllocateLow(int length, uint alignment, string what)
    {
        var size = (ulong)Math.Max(length, 1);
        var start = AlignUp(LowStart, alignment);
        while (start + size <= LowEnd)
        {
            if (Blocking(start, size) is { } blocking)
            {
                start = AlignUp(blocking.End, alignment);
                continue;
            }

            Claim(start, size, what);
            return start;
        }

        throw new HolonException($"There is no room below 640 KiB for {what} ({length} bytes); make it shorter, or link the kernel above 1 MiB.");
    }

    /// <summary>Takes the highest free range of the memory above 1 MiB that ends at or below a limit.</summary>
    /// <exception cref="HolonException">Nothing there is large enough; the sentence says how much memory would do.</exception>
    public ulong AllocateHigh(ulong length, uint alignment, ulong limit, string what)
    {
        var end = Math.Min(limit, LowRamEnd);
        var highestClaim = HighStart;
        foreach (var (taken, _) in _claims) highestClaim = Math.Max(highestClaim, taken.End);
        while (end >= length && ((end - length) & ~((ulong)alignment - 1)) is var start && start >= HighStart)
        {
            if (Blocking(start, length) is { } blocking)
            {
                end = blocking.Start;
                continue;
            }

            Claim(start, length, what);
            return start;
        }

        if (limit <= LowRamEnd) throw new HolonException($"There is no room below {limit >> 20} MiB, where this kernel wants it, for {what} ({ToMiB(length)} MiB); make it smaller.");
        throw TooLittleMemory(what, AlignUp(highestClaim, alignment) + length);
    }

    /// <summary>Zeroes a claimed range, of any length.</summary>
    internal void Clear(ulong start, ulong length)
    {
        const int Chunk = 1 << 30;
        for (var offset = 0ul; offset < length; offset += Chunk) Memory.Span(start + offset, (int)Math.Min(length - offset, Chunk)).Clear();
        Memory.CodePages.NotifyWrite(start, length);
    }

    private MemoryRange? Blocking(ulong start, ulong length)
    {
        foreach (var (taken, _) in _claims)
        {
            if (start < taken.End && taken.Start < start + length) return taken;
        }

        return null;
    }

    private HolonException OutsideMemory(ulong start, ulong length, string what)
    {
        var end = start + length;
        return end > start && end <= FourGiB && start < end && end > LowRamEnd && start >= HighStart
            ? TooLittleMemory(what, end)
            : new HolonException($"The guest cannot be loaded because {what} at 0x{start:x} with 0x{length:x} bytes lies outside the machine's memory; link it below {LowRamEnd >> 20} MiB.");
    }

    private HolonException TooLittleMemory(string what, ulong needed) =>
        new($"The machine has {ToMiB(LowRamEnd)} MiB of memory below 4 GiB, too little for {what}; give it at least {ToMiB(needed)} MiB with --memory.");

    private static ulong AlignUp(ulong value, uint alignment) => (value + alignment - 1) & ~((ulong)alignment - 1);

    private static ulong ToMiB(ulong bytes) => (bytes + 0xFFFFF) >> 20;
}
