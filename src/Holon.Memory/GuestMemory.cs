using System.Runtime.InteropServices;
using Holon.Machines;

namespace Holon.Memory;

/// <summary>
/// A guest's physical memory: RAM in up to a few regions, each one span of host memory backed by one memfd, so that it can be
/// shared with another process, copied on write and restored lazily. Pages are made by the host's kernel when first touched.
/// </summary>
/// <remarks>
/// Physical addresses outside every region are not memory; they belong to devices. All accesses here are bounds-checked;
/// engines that keep raw pointers get them page by page from <see cref="PagePointer"/> and may use them until <see cref="Dispose"/>.
/// </remarks>
public sealed unsafe class GuestMemory : IDisposable
{
    /// <summary>Bytes in a page.</summary>
    public const int PageSize = 4096;

    /// <summary>log2 of <see cref="PageSize"/>.</summary>
    public const int PageShift = 12;

    private readonly MemoryRegion[] _regions;
    private readonly byte* _host;
    private readonly int _descriptor;
    private volatile MemoryRange[] _readOnly = [];
    private bool _disposed;

    /// <summary>Reserves the memory. The host's pages are taken only when touched.</summary>
    /// <param name="regions">Physical ranges, page-aligned, ascending, not overlapping.</param>
    /// <exception cref="ArgumentException">A region is misaligned, empty or overlaps the one before.</exception>
    /// <exception cref="HolonException">The host refuses that much memory.</exception>
    public GuestMemory(params ReadOnlySpan<MemoryRange> regions)
    {
        ulong size = 0, end = 0;
        _regions = new MemoryRegion[regions.Length];
        foreach (var range in regions)
        {
            if (range.Length == 0 || ((range.Start | range.Length) & (PageSize - 1)) != 0 || range.Start < end)
                throw new ArgumentException($"Memory region {range} is empty, misaligned or overlaps the one before.", nameof(regions));
            end = checked(range.Start + range.Length);
            size = checked(size + range.Length);
        }

        Size = size;
        _descriptor = HostMemory.CreateAnonymousFile("holon-guest-memory", size);
        _host = HostMemory.MapShared(_descriptor, size);
        var offset = 0ul;
        for (var i = 0; i < regions.Length; i++)
        {
            _regions[i] = new MemoryRegion(regions[i].Start, regions[i].Length, _host + offset);
            offset += regions[i].Length;
        }

        PageCount = (end + PageSize - 1) >> PageShift;
        CodePages = new CodePageMap(PageCount);
    }

    /// <summary>Bytes of RAM in all regions.</summary>
    public ulong Size { get; }

    /// <summary>Page frames from address 0 to the end of the last region, holes included.</summary>
    public ulong PageCount { get; }

    /// <summary>Which pages hold instructions that an engine has decoded.</summary>
    public CodePageMap CodePages { get; }

    /// <summary>Raised after ranges became read-only or writable. Handlers must not block: they let their vCPU forget what it derived.</summary>
    public event Action? ReadOnlyChanged;

    /// <summary>The regions, ascending.</summary>
    public IEnumerable<MemoryRange> Regions => _regions.Select(region => new MemoryRange(region.Start, region.Length));

    /// <summary>The memfd behind the memory, for sharing it with another process.</summary>
    public int FileDescriptor => _descriptor;

    /// <summary>Bytes of the host's memory that it takes: pages that were touched and not given back.</summary>
    public ulong ResidentBytes => HostMemory.AllocatedBytes(_descriptor);

    /// <summary>True when the guest's stores to this page are lost, as to a ROM. Loaders and devices write all the same.</summary>
    public bool IsReadOnly(ulong physicalAddress)
    {
        foreach (ref readonly var range in _readOnly.AsSpan())
        {
            if (physicalAddress - range.Start < range.Length) return true;
        }

        return false;
    }

    /// <summary>Makes whole pages read-only for the guest, or writable again. One caller at a time.</summary>
    /// <param name="range">Page-aligned; either all of it was made read-only by one call before, or none of it.</param>
    /// <param name="readOnly">What it is to be.</param>
    public void SetReadOnly(MemoryRange range, bool readOnly)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual((range.Start | range.Length) & (PageSize - 1), 0ul, nameof(range));
        if (_readOnly.Contains(range) == readOnly) return;
        ReadOnlyVersion++;
        _readOnly = readOnly ? [.. _readOnly, range] : [.. _readOnly.Where(known => known != range)];
        ReadOnlyChanged?.Invoke();
    }

    /// <summary>Counts the changes of what is read-only.</summary>
    public int ReadOnlyVersion { get; private set; }

    /// <summary>The part of a region behind everything in it that is read-only, as physical addresses and where it is in the host's memory; empty for regions that do not exist.</summary>
    /// <param name="index">Which region, from 0.</param>
    public (MemoryRange Range, nint Host) WritablePart(int index)
    {
        if (index >= _regions.Length) return default;
        ref readonly var region = ref _regions[index];
        var start = region.Start;
        foreach (var range in _readOnly)
        {
            if (range.Start < region.Start + region.Length && range.Start + range.Length > start) start = range.Start + range.Length;
        }

        return start < region.Start + region.Length ? (new MemoryRange(start, region.Start + region.Length - start), (nint)region.Host + (nint)(start - region.Start)) : default;
    }

    /// <summary>Host address of a guest page, or null when that page frame is not RAM.</summary>
    /// <param name="physicalAddress">Any address in the page.</param>
    public byte* PagePointer(ulong physicalAddress)
    {
        var page = physicalAddress & ~(ulong)(PageSize - 1);
        foreach (ref readonly var region in _regions.AsSpan())
        {
            if (page - region.Start < region.Length) return region.Host + (page - region.Start);
        }

        return null;
    }

    /// <summary>The memory at an address, as a span that never leaves its region.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not all RAM of one region.</exception>
    public Span<byte> Span(ulong physicalAddress, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        foreach (ref readonly var region in _regions.AsSpan())
        {
            var offset = physicalAddress - region.Start;
            if (offset <= region.Length && (ulong)length <= region.Length - offset) return new Span<byte>(region.Host + offset, length);
        }

        throw new ArgumentOutOfRangeException(nameof(physicalAddress), $"{length} bytes at 0x{physicalAddress:x} are not guest memory.");
    }

    /// <summary>True when the whole range is RAM of one region.</summary>
    public bool Contains(ulong physicalAddress, ulong length)
    {
        foreach (ref readonly var region in _regions.AsSpan())
        {
            var offset = physicalAddress - region.Start;
            if (offset <= region.Length && length <= region.Length - offset) return true;
        }

        return false;
    }

    /// <summary>Copies bytes into guest memory, for loaders; tells engines when they overwrite code.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not RAM of one region.</exception>
    public void Write(ulong physicalAddress, ReadOnlySpan<byte> data)
    {
        data.CopyTo(Span(physicalAddress, data.Length));
        CodePages.NotifyWrite(physicalAddress, (ulong)data.Length);
    }

    /// <summary>Writes one value in the host's (little-endian) byte order.</summary>
    public void Write<T>(ulong physicalAddress, T value)
        where T : unmanaged
        => Write(physicalAddress, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    /// <summary>Reads one value in the host's (little-endian) byte order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not RAM of one region.</exception>
    public T Read<T>(ulong physicalAddress)
        where T : unmanaged
        => MemoryMarshal.Read<T>(Span(physicalAddress, sizeof(T)));

    /// <summary>
    /// Releases the host's pages behind whole pages of guest memory, which the guest does not need: they read as zeroes afterwards.
    /// Parts that are not memory, and pages that are only partly in the range, are left alone.
    /// </summary>
    public void Release(ulong physicalAddress, ulong length)
    {
        if (length == 0) return;
        var start = (physicalAddress + (PageSize - 1)) & ~(ulong)(PageSize - 1);
        var end = (physicalAddress + length) & ~(ulong)(PageSize - 1);
        if (start < physicalAddress || end < start || !Contains(start, end - start)) return;
        HostMemory.PunchHole(_descriptor, (ulong)(PagePointer(start) - _host), end - start);
        CodePages.NotifyWrite(start, end - start);
    }

    /// <summary>Maps pages a second time, writable, and has them there: for engines that want pages in another order than the guest's memory has them.</summary>
    /// <param name="address">Where: in a reservation of the caller's.</param>
    /// <param name="physicalAddress">The first page.</param>
    /// <param name="length">Bytes; whole pages of one region.</param>
    /// <returns>False when the host refuses.</returns>
    public bool TryMapAt(byte* address, ulong physicalAddress, ulong length) =>
        Contains(physicalAddress, length) && HostMemory.TryMapAt(address, _descriptor, (ulong)(PagePointer(physicalAddress) - _host), length);

    /// <summary>Gives the memory back. Every vCPU must have stopped.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        HostMemory.Unmap(_host, Size);
        HostMemory.Close(_descriptor);
    }

    // Not a record: its generated members would box the pointer, which the ahead-of-time compiler cannot translate.
    private readonly struct MemoryRegion(ulong start, ulong length, byte* host)
    {
        public ulong Start { get; } = start;

        public ulong Length { get; } = length;

        public byte* Host { get; } = host;
    }
}

/// <summary>A range of guest physical addresses.</summary>
/// <param name="Start">First byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct MemoryRange(ulong Start, ulong Length)
{
    /// <summary>The first address after the range.</summary>
    public ulong End => Start + Length;

    /// <inheritdoc/>
    public override string ToString() => $"0x{Start:x}-0x{End:x}";
}
