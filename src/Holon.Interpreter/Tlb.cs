using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Holon.Interpreter;

/// <summary>One translation that the interpreter may use without asking the page tables.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct TlbEntry
{
    /// <summary>Linear page that may be read through this entry, or <see cref="Tlb.NoPage"/>.</summary>
    public ulong ReadTag;

    /// <summary>Linear page that may be written through this entry, or <see cref="Tlb.NoPage"/>.</summary>
    public ulong WriteTag;

    /// <summary>Host address minus linear address.</summary>
    public nint Addend;

    /// <summary>Physical page address, with the global bit as bit 0.</summary>
    public ulong Physical;
}

/// <summary>
/// The interpreter's software TLB: one direct-mapped set for each combination of rights, so that a change of
/// privilege or of EFLAGS.AC switches sets and costs no flush. Only RAM is ever entered; devices always go the slow way.
/// </summary>
internal sealed unsafe class Tlb : IDisposable
{
    /// <summary>Entries in a set.</summary>
    public const int Entries = 1024;

    /// <summary>A tag that no page has: its low bits are not zero.</summary>
    public const ulong NoPage = ulong.MaxValue;

    /// <summary>Sets, by what may be accessed.</summary>
    public const int User = 0, SupervisorWithSmap = 1, Supervisor = 2, NeverFilled = 3, Sets = 4;

    private readonly TlbEntry* _entries = (TlbEntry*)NativeMemory.AlignedAlloc((nuint)(Sets * Entries * sizeof(TlbEntry)), 64);
    private readonly bool[] _used = new bool[Sets];
    private readonly ulong[] _largeRegions = new ulong[64]; // a Bloom filter of the 2 MiB regions that large pages were entered from
    private ulong _gigabyteRegions; // the same for 1 GiB pages

    public Tlb()
    {
        _used.AsSpan().Fill(true);
        Flush();
    }

    /// <summary>The first entry of a set.</summary>
    public TlbEntry* Set(int set) => _entries + (set * Entries);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TlbEntry* Entry(TlbEntry* set, ulong linear) => set + ((linear >> 12) & (Entries - 1));

    public void Fill(int set, ulong linear, byte* host, ulong physicalPage, bool writable, bool global)
    {
        var entry = Entry(Set(set), linear);
        var page = linear & ~0xFFFul;
        entry->ReadTag = page;
        entry->WriteTag = writable ? page : NoPage;
        entry->Addend = (nint)host - (nint)page;
        entry->Physical = physicalPage | (global ? 1u : 0u);
        _used[set] = true;
    }

    /// <summary>Notes that a piece of a large page is used, by data or by code.</summary>
    public void NoteLarge(ulong linear, uint pageBytes)
    {
        var region = linear >> 21;
        _largeRegions[region & 63] |= 1ul << (int)((region >> 6) & 63);
        if (pageBytes == 1 << 30) _gigabyteRegions |= 1ul << (int)((linear >> 30) & 63);
    }

    /// <summary>True when the page may be a piece of a large page of which other pieces are entered too.</summary>
    public bool IsLarge(ulong linear)
    {
        var region = linear >> 21;
        return (_largeRegions[region & 63] & (1ul << (int)((region >> 6) & 63))) != 0 || (_gigabyteRegions & (1ul << (int)((linear >> 30) & 63))) != 0;
    }

    /// <summary>Forgets everything.</summary>
    public void Flush()
    {
        _largeRegions.AsSpan().Clear();
        _gigabyteRegions = 0;
        for (var set = 0; set < Sets; set++)
        {
            if (!_used[set]) continue;
            NativeMemory.Fill(Set(set), (nuint)(Entries * sizeof(TlbEntry)), 0xFF);
            _used[set] = false;
        }
    }

    /// <summary>Forgets everything that is not global.</summary>
    public void FlushNonGlobal()
    {
        for (var set = 0; set < Sets; set++)
        {
            if (!_used[set]) continue;
            for (var entry = Set(set); entry < Set(set) + Entries; entry++)
            {
                if ((entry->Physical & 1) == 0) entry->ReadTag = entry->WriteTag = NoPage;
            }
        }
    }

    /// <summary>Forgets one linear page. A page inside a large page is entered like any other, so this drops only what INVLPG names;
    /// the caller flushes everything when the page may have been large.</summary>
    public void FlushPage(ulong linear)
    {
        for (var set = 0; set < Sets; set++)
        {
            var entry = Entry(Set(set), linear);
            entry->ReadTag = entry->WriteTag = NoPage;
        }
    }

    /// <summary>Takes the right to write directly from every entry of a physical page: it holds code now.</summary>
    public void ProtectPhysicalPage(ulong physicalPage)
    {
        for (var entry = _entries; entry < _entries + (Sets * Entries); entry++)
        {
            if ((entry->Physical & ~1ul) == physicalPage) entry->WriteTag = NoPage;
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(_entries);
}
