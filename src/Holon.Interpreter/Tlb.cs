using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Holon.Interpreter;

/// <summary>One translation that the interpreter may use without asking the page tables.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct TlbEntry
{
    /// <summary>Linear page that may be read through this entry, or <see cref="Tlb.NoPage(int)"/>.</summary>
    public ulong ReadTag;

    /// <summary>Linear page that may be written through this entry, or <see cref="Tlb.NoPage(int)"/>.</summary>
    public ulong WriteTag;

    /// <summary>Host address minus linear address.</summary>
    public nint Addend;

    /// <summary>Host address of the page.</summary>
    public byte* Host;
}

/// <summary>
/// The interpreter's software TLB: one direct-mapped set for each combination of rights, so that a change of
/// privilege or of EFLAGS.AC switches sets and costs no flush. Only RAM is ever entered; devices always go the slow way.
/// </summary>
/// <remarks>
/// Behind the sets there is one more entry for each of them: the page that the stack was in last, for engines that look there
/// first. Its read tag is its write tag. Behind these come <see cref="AccessSite"/>s, each for one instruction of an engine's hot code.
/// Stacks and sites know nothing that the sets did not know when they were filled, and are forgotten with any of it. So are windows, which are for more
/// than a page; what they know an engine finds out by itself.
/// </remarks>
internal sealed unsafe class Tlb
{
    /// <summary>Entries in a set.</summary>
    public const int Entries = 16384;

    /// <summary>
    /// A tag that no page of an entry has: its low bits are not zero, and it differs in bit 12, which is part of the entry's number. So it is refused
    /// by those who compare pages, and by those who look whether address and tag differ in the low 12 bits only, whatever the address.
    /// </summary>
    public static ulong NoPage(int entry) => (entry & 1) == 0 ? 0x1FFFul : 0xFFF;

    /// <summary>The tag of a stack or site without a page: not canonical. Whoever looks there with that very address finds the spare page.</summary>
    public const ulong NoKnownPage = 0x8000_0000_0000_0000;

    /// <summary>What is noted of an entry that was filled since its set was empty, by whether the translation is global.</summary>
    public const byte Filled = 1, FilledGlobally = 3;

    /// <summary>Sets, by what may be accessed.</summary>
    public const int User = 0, SupervisorWithSmap = 1, Supervisor = 2, NeverFilled = 3, Sets = 4;

    /// <summary>Bytes of an entry.</summary>
    public const int EntryBytes = 32;

    /// <summary>Where the entries for stacks begin, in bytes from the first set.</summary>
    public const int StackOffset = Sets * Entries * EntryBytes;

    /// <summary>Sites of one kind: reading or writing, of one set.</summary>
    public const int Sites = 4096;

    /// <summary>Kinds of sites: two for each set that engines use.</summary>
    public const int SiteKinds = 2 * NeverFilled;

    /// <summary>Bytes of a site.</summary>
    public const int SiteBytes = 16;

    /// <summary>Where the spare page is, in bytes from the first set.</summary>
    private const int SpareOffset = StackOffset + 4096;

    /// <summary>Where sites begin, in bytes from the first set: the sites, how often each met another page, the number of those in use, and a list of them.</summary>
    public const int SitesOffset = SpareOffset + 4096, SiteChangesOffset = SitesOffset + (SiteKinds * Sites * SiteBytes), UsedSitesOffset = SiteChangesOffset + (SiteKinds * Sites * 4),
        UsedSiteListOffset = UsedSitesOffset + 64;

    /// <summary>
    /// Where the rest of what is known of entries begins, for generated code that fills them: the physical page of each, which it may leave out with one vCPU; a byte
    /// for each, <see cref="Filled"/> or <see cref="FilledGlobally"/>; the numbers of those that were filled since their set was empty, two bytes each, by set; and how many these are, by set.
    /// </summary>
    public const int PhysicalOffset = ((UsedSiteListOffset + (SiteKinds * Sites * 4)) | 4095) + 1, UsesOffset = PhysicalOffset + (Sets * Entries * 8),
        FilledOffset = UsesOffset + (Sets * Entries), FilledCountOffset = FilledOffset + (Sets * Entries * 2);

    /// <summary>Where the Bloom filter of the 2 MiB regions begins that large pages were entered from: 64 words, see <see cref="NoteLarge"/>; and one word for those of 1 GiB.</summary>
    public const int LargeRegionsOffset = FilledCountOffset + 64;

    /// <summary>How many <see cref="AccessWindow"/>s there are, bytes of one, and where they begin.</summary>
    public const int Windows = 16, WindowBytes = 32, WindowsOffset = (LargeRegionsOffset + (65 * 8) + 63) & ~63;

    /// <summary>Native memory needed: the sets, a page with the entries for stacks, a spare page, what belongs to sites, what else is known of entries, and windows.</summary>
    public const int Bytes = ((WindowsOffset + (Windows * WindowBytes)) | 4095) + 1;

    private readonly TlbEntry* _entries;
    private readonly AccessSite* _sites;
    private readonly AccessWindow* _windows;
    private readonly ulong* _physical, _largeRegions;
    private readonly byte* _uses;
    private readonly ushort* _filled;
    private readonly int* _filledCount;

    public Tlb(byte* memory)
    {
        _entries = (TlbEntry*)memory;
        _sites = (AccessSite*)(memory + SitesOffset);
        _physical = (ulong*)(memory + PhysicalOffset);
        _largeRegions = (ulong*)(memory + LargeRegionsOffset);
        _uses = memory + UsesOffset;
        _filled = (ushort*)(memory + FilledOffset);
        _filledCount = (int*)(memory + FilledCountOffset);
        _windows = (AccessWindow*)(memory + WindowsOffset);
        for (var i = 0; i < SiteKinds * Sites; i++) Forget(ref _sites[i]);
        for (var i = 0; i < Sets * Entries; i++) _entries[i].ReadTag = _entries[i].WriteTag = NoPage(i);
        Flush();
    }

    /// <summary>The windows.</summary>
    public Span<AccessWindow> AllWindows => new(_windows, Windows);

    /// <summary>The first entry of a set.</summary>
    public TlbEntry* Set(int set) => _entries + (set * Entries);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TlbEntry* Entry(TlbEntry* set, ulong linear) => set + ((linear >> 12) & (Entries - 1));

    public void Fill(int set, ulong linear, byte* host, ulong physicalPage, bool writable, bool global)
    {
        var entry = Entry(Set(set), linear);
        var page = linear & ~0xFFFul;
        // In this order, for those who look whether a page may be written: first which page, then whether.
        Volatile.Write(ref _physical[entry - _entries], physicalPage);
        Volatile.Write(ref entry->WriteTag, writable ? page : NoPage((int)(linear >> 12)));
        entry->ReadTag = page;
        entry->Addend = (nint)host - (nint)page;
        entry->Host = host;
        ref var use = ref _uses[entry - _entries];
        var known = use != 0;
        use = global ? FilledGlobally : Filled;
        if (known) return;
        _filled[(set * Entries) + _filledCount[set]++] = (ushort)(entry - Set(set));
    }

    /// <summary>Notes that a piece of a large page is used, by data or by code.</summary>
    public void NoteLarge(ulong linear, uint pageBytes)
    {
        var region = linear >> 21;
        _largeRegions[region & 63] |= 1ul << (int)((region >> 6) & 63);
        if (pageBytes == 1 << 30) _largeRegions[64] |= 1ul << (int)((linear >> 30) & 63);
    }

    /// <summary>True when the page may be a piece of a large page of which other pieces are entered too.</summary>
    public bool IsLarge(ulong linear)
    {
        var region = linear >> 21;
        return (_largeRegions[region & 63] & (1ul << (int)((region >> 6) & 63))) != 0 || (_largeRegions[64] & (1ul << (int)((linear >> 30) & 63))) != 0;
    }

    /// <summary>Forgets everything.</summary>
    public void Flush()
    {
        new Span<ulong>(_largeRegions, 65).Clear();
        ForgetStacks();
        for (var set = 0; set < Sets; set++) Forget(set, local: false);
    }

    /// <summary>Forgets everything that is not global.</summary>
    public void FlushNonGlobal()
    {
        ForgetStacks();
        for (var set = 0; set < Sets; set++) Forget(set, local: true);
    }

    /// <summary>Forgets the entries of a set, or only those that are not global.</summary>
    private void Forget(int set, bool local)
    {
        var first = set * Entries;
        var kept = 0;
        for (var i = 0; i < _filledCount[set]; i++)
        {
            var number = first + _filled[first + i];
            if (local && _uses[number] == FilledGlobally)
            {
                _filled[first + kept++] = _filled[first + i];
                continue;
            }

            _entries[number].ReadTag = _entries[number].WriteTag = NoPage(number);
            _uses[number] = 0;
        }

        _filledCount[set] = kept;
    }

    /// <summary>Forgets one linear page. A page inside a large page is entered like any other, so this drops only what INVLPG names;
    /// the caller flushes everything when the page may have been large.</summary>
    public void FlushPage(ulong linear)
    {
        ForgetStacks();
        for (var set = 0; set < Sets; set++)
        {
            var entry = Entry(Set(set), linear);
            entry->ReadTag = entry->WriteTag = NoPage((int)(linear >> 12));
        }
    }

    /// <summary>Takes the right to write directly from every entry of a page, given by its place in the host: it holds code now.</summary>
    public void ProtectPage(byte* host)
    {
        ForgetStacks();
        for (var set = 0; set < Sets; set++)
        {
            var first = set * Entries;
            for (var i = 0; i < _filledCount[set]; i++)
            {
                var number = first + _filled[first + i];
                if (_entries[number].Host == host) _entries[number].WriteTag = NoPage(number);
            }
        }
    }

    /// <summary>How often something was forgotten.</summary>
    public long Flushes { get; private set; }

    /// <summary>How often each site met another page than before, since somebody cleared it.</summary>
    public Span<uint> SiteChanges => new((byte*)_entries + SiteChangesOffset, SiteKinds * Sites);

    /// <summary>Takes the right to write directly from the entry of a linear page.</summary>
    public void ProtectEntry(int set, ulong linear) => Entry(Set(set), linear)->WriteTag = NoPage((int)(linear >> 12));

    /// <summary>Whether a physical page, whose memory is given, can be written through an entry. For any thread: an entry made or used meanwhile may be missed.</summary>
    public bool MayWrite(ulong physicalPage, byte* host)
    {
        // Not by the lists of those that are filled: their owner moves what is in them.
        var physical = new ReadOnlySpan<ulong>(_physical, Sets * Entries);
        for (var i = 0; ; i++)
        {
            var found = physical[i..].IndexOf(physicalPage);
            if (found < 0) break;
            i += found;
            if ((Volatile.Read(ref _entries[i].WriteTag) & 0xFFF) == 0) return true;
        }

        // Stacks and sites behind the entries: they are filled from there, and keep what an entry has lost since.
        Interlocked.MemoryBarrier();
        var stacks = _entries + (Sets * Entries);
        for (var set = 0; set < Sets; set++)
        {
            if (Leads(ref stacks[set].WriteTag, ref stacks[set].Addend, host)) return true;
        }

        const int most = SiteKinds * Sites;
        var used = Math.Min(Volatile.Read(ref *(int*)((byte*)_entries + UsedSitesOffset)), most);
        var list = (uint*)((byte*)_entries + UsedSiteListOffset);
        for (var i = 0; i < used; i++)
        {
            var number = Volatile.Read(ref list[i]) / SiteBytes;
            if (number < most && WritesAt((int)number) && Leads(ref _sites[number].Tag, ref _sites[number].Addend, host)) return true;
        }

        return false;
    }

    /// <summary>The linear page of a site, or <see cref="NoKnownPage"/>.</summary>
    public ulong PageOfSite(int site) => _sites[site].Tag;

    /// <summary>Whether the site of a number is one of accesses that write.</summary>
    public static bool WritesAt(int site) => (site / Sites & 1) != 0;

    /// <summary>Whether a page that is known to somebody is that of a host address. Both parts are read while they may be written: then the page came from an entry
    /// just now, which was seen before.</summary>
    private static bool Leads(ref ulong tag, ref nint addend, byte* host) => (nint)Volatile.Read(ref tag) + Volatile.Read(ref addend) == (nint)host;

    private void ForgetStacks()
    {
        Flushes++;
        var stacks = _entries + (Sets * Entries);
        for (var set = 0; set < Sets; set++)
        {
            stacks[set].WriteTag = NoKnownPage;
            stacks[set].Addend = Spare - unchecked((nint)NoKnownPage);
        }

        // Offsets in bytes; generated code wrote the list, and never an offset twice.
        var used = (uint*)((byte*)_entries + UsedSitesOffset);
        var list = (uint*)((byte*)_entries + UsedSiteListOffset);
        for (var i = 0; i < *used; i++) Forget(ref *(AccessSite*)((byte*)_sites + list[i]));
        *used = 0;
        for (var i = 0; i < Windows; i++) _windows[i].Close();
    }

    private nint Spare => (nint)_entries + SpareOffset;

    private void Forget(ref AccessSite site) => site = new AccessSite { Tag = NoKnownPage, Addend = Spare - unchecked((nint)NoKnownPage) };
}

/// <summary>The page that one instruction met last: for generated code, which then needs not look for the entry.</summary>
[StructLayout(LayoutKind.Sequential, Size = Tlb.SiteBytes)]
internal struct AccessSite
{
    /// <summary>Linear page, or <see cref="Tlb.NoKnownPage"/>.</summary>
    public ulong Tag;

    /// <summary>Host address minus linear address.</summary>
    public nint Addend;
}

/// <summary>Neighbouring linear pages that are neighbours in the host, too: what several instructions of hot code may access without looking further.</summary>
[StructLayout(LayoutKind.Sequential, Size = Tlb.WindowBytes)]
internal struct AccessWindow
{
    /// <summary>The first linear address.</summary>
    public ulong Start;

    /// <summary>How far behind the first an access may begin, exclusively: 0 while the window is closed.</summary>
    public ulong Limit;

    /// <summary>Host address minus linear address. Stays while the window is closed.</summary>
    public nint Addend;

    /// <summary>How many accesses it may fail at before its owner is asked.</summary>
    public uint Left;

    /// <summary>What <see cref="Left"/> is after the window was closed.</summary>
    public uint Patience;

    /// <summary>Lets no access through any more.</summary>
    public void Close()
    {
        if (Limit == 0) return;
        Limit = 0;
        Left = Patience;
    }
}
