using System.Diagnostics;
using Holon.Interpreter;
using Holon.Memory;
using Holon.X86.Paging;

namespace Holon.Translator.Blocks;

/// <summary>
/// Windows: runs of linear pages that the host maps a second time, in the order of their linear addresses, so that one comparison serves an access that
/// wanders between them. Only for machines with one vCPU: the others would have to ask which pages a window may write to.
/// </summary>
/// <remarks>
/// What closes a window is whatever the TLB forgets (<see cref="Tlb"/>). It opens again when the page tables say of each of its pages what they said when it was
/// made. Accesses that a closed window does not let through go through the TLB meanwhile, and count.
/// </remarks>
internal sealed unsafe class AccessWindows : IDisposable
{
    private const int PageShift = 12, PageBytes = 1 << PageShift;

    /// <summary>Pages of a window: fewer are not worth it; as many at first; and at most, when accesses go beyond them.</summary>
    private const int LeastPages = 4, FirstPages = 128, MostPages = 8192;

    /// <summary>A window grows so many times before it is given up.</summary>
    private const int MostGrowth = 3;

    /// <summary>Mappings of one window; the host allows a process 65,530 in all.</summary>
    private const int MostMappings = 2048;

    /// <summary>Bytes of an access, or of a group of them, at most: at the end of a window none may begin, since it might go on behind it.</summary>
    public const int LongestAccess = 256;

    /// <summary>Failed accesses until the owner is asked again: outside an open window; and at most, when it cannot be opened.</summary>
    private const uint MissesOutside = 64, MostPatience = 1 << 20;

    /// <summary>Making windows may take this part of the time.</summary>
    private const int LeastRestPerWork = 64;

    private readonly Interpreter.Interpreter _cpu;
    private readonly GuestMemory _memory;
    private readonly TranslatorContext* _context;
    private readonly TranslatorStatistics _statistics;
    private readonly Window[] _windows = new Window[Tlb.Windows];
    private readonly int[] _frames = new int[MostPages];
    private byte* _reserved;
    private long _notBefore;

    // The piece of a page table that was looked at last.
    private ulong _region;
    private ulong* _table;
    private ulong _largeEntry, _rights;

    public AccessWindows(Interpreter.Interpreter cpu, GuestMemory memory, TranslatorContext* context, TranslatorStatistics statistics)
    {
        (_cpu, _memory, _statistics) = (cpu, memory, statistics);
        _context = context;
        for (var i = 0; i < _windows.Length; i++) _windows[i] = new Window();
    }

    /// <summary>It is long enough ago that the last window was made.</summary>
    public bool IsDue => Stopwatch.GetTimestamp() >= _notBefore;

    /// <summary>A window for accesses of a kind of which one met a page; -1 when there is none.</summary>
    /// <param name="kind">As kinds of sites are numbered: two for each set of TLB entries.</param>
    /// <param name="linear">An address in the page.</param>
    public int Find(int kind, ulong linear)
    {
        for (var i = 0; i < _windows.Length; i++)
        {
            if (_windows[i].Has(kind, linear)) return i;
        }

        var free = Array.FindIndex(_windows, window => window.Count == 0);
        return free >= 0 && Make(free, kind, linear, FirstPages) ? free : -1;
    }

    /// <summary>Gives a window up. Its users must be translated again.</summary>
    public void Drop(int number)
    {
        var window = _windows[number];
        _cpu.Tlb.AllWindows[number].Close();
        if (window.Count != 0) HostMemory.ReserveAgain(PlaceOf(number), (ulong)window.Count << PageShift);
        window.Forget();
    }

    /// <summary>Gives all windows up.</summary>
    public void DropAll()
    {
        for (var i = 0; i < _windows.Length; i++) Drop(i);
    }

    /// <summary>Looks at what windows failed at since the last time: those that are too small grow, those that are of no use are to be dropped.</summary>
    /// <param name="most">Failed accesses that are not too many.</param>
    /// <param name="useless">Takes the numbers of the latter.</param>
    public void Review(uint most, List<int> useless)
    {
        for (var i = 0; i < _windows.Length; i++)
        {
            var window = _windows[i];
            if (window.Count == 0) continue;
            var (outside, refused) = (window.Outside, window.Refused);
            window.Outside = window.Refused = 0;
            if (outside + refused <= most || !IsDue) continue;
            var grows = outside > refused && window.Growth < MostGrowth;
            if (!grows || !Make(i, window.Kind, window.LastOutside, Math.Min(FirstPages << (2 * (window.Growth + 1)), MostPages))) useless.Add(i);
            else window.Growth++;
        }
    }

    /// <summary>From translated code, now and then: an access failed at a window. If it should not have, the window is opened.</summary>
    public void Missed(int number, ulong linear)
    {
        var window = _windows[number];
        ref var native = ref _cpu.Tlb.AllWindows[number];
        if (window.Count == 0)
        {
            native.Left = MostPatience;
            return;
        }

        if (native.Limit != 0 || linear - window.Start >= (ulong)window.Count << PageShift)
        {
            window.Outside += MissesOutside;
            window.LastOutside = linear;
            native.Left = MissesOutside;
            if (native.Limit != 0) return;
        }

        if (Holds(window))
        {
            _statistics.WindowsOpened++;
            window.Patience = PatienceOf(window);
            Open(ref native, window);
        }
        else
        {
            window.Refused += window.Patience;
            window.Patience = Math.Min(window.Patience * 2, MostPatience);
            native.Left = window.Patience;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_reserved == null) return;
        HostMemory.Unmap(_reserved, (ulong)Tlb.Windows * MostPages * PageBytes);
        _reserved = null;
    }

    private byte* PlaceOf(int number) => _reserved + ((long)number * MostPages * PageBytes);

    /// <summary>Looking at the page tables costs about as much as missing the window once for every eight pages.</summary>
    private static uint PatienceOf(Window window) => (uint)Math.Max(16, window.Count / 8);

    private static void Open(ref AccessWindow native, Window window)
    {
        native.Patience = window.Patience;
        native.Left = MissesOutside;
        native.Limit = ((ulong)window.Count << PageShift) - LongestAccess + 1;
    }

    /// <summary>Makes a window of the pages around an address, if there are enough of them and it is time for it.</summary>
    private bool Make(int number, int kind, ulong linear, int most)
    {
        var started = Stopwatch.GetTimestamp();
        if (_memory.CodePages.IsShared || !IsDue || _context->FastWalk == 0) return false;
        if (_reserved == null) _reserved = HostMemory.TryReserve((ulong)Tlb.Windows * MostPages * PageBytes);
        if (_reserved == null) return false;
        var window = _windows[number];
        var made = Collect(kind, linear >> PageShift, most, out var first, out var count) && Map(number, ref count) && count >= LeastPages;
        if (made)
        {
            _statistics.Windows++;
            (window.Kind, window.Start, window.Count, window.ReadOnlyVersion) = (kind, first << PageShift, count, _memory.ReadOnlyVersion);
            window.Frames = _frames.AsSpan(0, count).ToArray();
            window.Patience = PatienceOf(window);
            ref var native = ref _cpu.Tlb.AllWindows[number];
            native.Limit = 0;
            (native.Start, native.Addend) = (window.Start, (nint)PlaceOf(number) - (nint)window.Start);
            (native.Left, native.Patience) = (1, window.Patience);
        }
        else
        {
            Drop(number);
        }

        var ended = Stopwatch.GetTimestamp();
        _notBefore = ended + ((ended - started) * LeastRestPerWork);
        return made;
    }

    /// <summary>The frames of the pages around one, as many as may be accessed, up to a number: half of it before, or more where there are fewer behind.</summary>
    private bool Collect(int kind, ulong page, int most, out ulong first, out int count)
    {
        _region = ulong.MaxValue;
        first = page;
        var end = page;
        count = 0;
        while (page - first < (ulong)most / 2 && FrameOf(kind, first - 1) >= 0) first--;
        while (end - first < (ulong)most && FrameOf(kind, end) >= 0) end++;
        if (end == page) return false;
        while (end - first < (ulong)most && FrameOf(kind, first - 1) >= 0) first--;
        count = (int)(end - first);
        for (var i = 0; i < count; i++) _frames[i] = FrameOf(kind, first + (ulong)i);
        return true;
    }

    /// <summary>Maps the frames; fewer when they are in too many pieces.</summary>
    private bool Map(int number, ref int count)
    {
        var place = PlaceOf(number);
        var (at, mappings) = (0, 0);
        if (_windows[number].Count != 0) HostMemory.ReserveAgain(place, (ulong)_windows[number].Count << PageShift);
        while (at < count && mappings < MostMappings)
        {
            var end = at + 1;
            while (end < count && _frames[end] == _frames[end - 1] + 1) end++;
            if (!_memory.TryMapAt(place + ((long)at << PageShift), (ulong)_frames[at] << PageShift, (ulong)(end - at) << PageShift))
            {
                HostMemory.ReserveAgain(place, (ulong)count << PageShift);
                return false;
            }

            mappings++;
            at = end;
        }

        count = at;
        return true;
    }

    /// <summary>Whether every page of a window is still where it was, and may be accessed.</summary>
    private bool Holds(Window window)
    {
        if (_context->FastWalk == 0 || window.ReadOnlyVersion != _memory.ReadOnlyVersion || _memory.CodePages.IsShared) return false;
        _region = ulong.MaxValue;
        var page = window.Start >> PageShift;
        foreach (var frame in window.Frames)
        {
            if (FrameOf(window.Kind, page++) != frame) return false;
        }

        return true;
    }

    /// <summary>The frame of a page that accesses of a kind may use without setting a bit in the tables; -1 for others.</summary>
    private int FrameOf(int kind, ulong page)
    {
        const ulong present = 1, writable = 2, user = 4, accessed = 0x20, dirty = 0x40;
        var write = (kind & 1) != 0;
        var linear = page << PageShift;
        if (!Interpreter.Interpreter.IsCanonical(linear)) return -1;
        if (_region != page >> 9) LoadRegion(page);
        var large = _table == null;
        var entry = large ? _largeEntry : Volatile.Read(ref _table[page & 511]);
        var rights = _rights & entry;
        var needed = present | accessed | (write ? dirty : 0);
        if ((entry & needed) != needed || (entry & _context->ReservedBits) != 0 || (write && (rights & writable) == 0)) return -1;
        switch (kind >> 1)
        {
            case Tlb.User when (rights & user) == 0:
            case Tlb.SupervisorWithSmap when (rights & user) != 0:
                return -1;
        }

        var frame = ((entry & PageWalk.AddressMask) >> PageShift) + (large ? page & 511 : 0);
        return write ? IsWritable(frame) ? (int)frame : -1 : _memory.PagePointer(frame << PageShift) != null ? (int)frame : -1;
    }

    /// <summary>RAM without code that is not read-only.</summary>
    private bool IsWritable(ulong frame)
    {
        var physical = frame << PageShift;
        var ram = physical - _context->LowStart < _context->LowLength || physical - _context->HighStart < _context->HighLength;
        return ram && !_memory.CodePages.HasCode(frame);
    }

    /// <summary>Walks down to the table, or to the large page, of 512 pages.</summary>
    private void LoadRegion(ulong page)
    {
        const ulong present = 1, writable = 2, user = 4, accessed = 0x20, largeBit = 0x80, lowLargeBits = 0x1FE000, lowHugeBits = 0x3FFFE000;
        (_region, _largeEntry, _rights) = (page >> 9, 0, writable | user);
        _table = null;
        var table = _context->WalkRoot;
        for (var level = 4; level > 1; level--)
        {
            var address = table + (((page >> (9 * (level - 1))) & 511) * 8);
            var host = _memory.PagePointer(address);
            if (host == null) return;
            var entry = Volatile.Read(ref *(ulong*)(host + (address & 0xFFF)));
            if ((entry & (present | accessed)) != (present | accessed) || (entry & _context->ReservedBits) != 0) return;
            if ((entry & largeBit) != 0)
            {
                if (level == 4 || (entry & (level == 3 ? lowHugeBits : lowLargeBits)) != 0) return;
                // Without PAT, which lies among the address bits; and of a page of 1 GiB the piece that the region is.
                _largeEntry = (entry & ~0x1000ul) + (level == 3 ? (_region & 511) << 21 : 0);
                return;
            }

            _rights &= entry;
            table = entry & PageWalk.AddressMask;
        }

        _table = (ulong*)_memory.PagePointer(table);
    }

    /// <summary>What is known of a window beside what generated code needs.</summary>
    private sealed class Window
    {
        public int Kind, Count, Growth, ReadOnlyVersion;
        public ulong Start, LastOutside;
        public uint Outside, Refused, Patience = 1;
        public int[] Frames = [];

        public bool Has(int kind, ulong linear) => Count != 0 && Kind == kind && linear - Start < (ulong)Count << PageShift;

        public void Forget()
        {
            (Count, Growth, Outside, Refused, Frames) = (0, 0, 0, 0, []);
        }
    }
}
