namespace Holon.Translator.Blocks;

/// <summary>
/// Generations of the user's half of the address space: what was derived from where code lies (links between pages, the jump cache) carries one, and
/// holds while that is the current one. Address spaces that the guest leaves and loads again without a flush, told apart by PCIDs, keep theirs.
/// </summary>
internal sealed unsafe class UserGenerations
{
    /// <summary>Bits of a generation that tags of the jump cache have room for.</summary>
    public const int TagBits = 12;

    /// <summary>Linux uses six PCIDs on a processor. More would help only guests that nobody has met.</summary>
    private const int MostKept = 16;

    private const uint TagMask = (1u << TagBits) - 1, PcidMask = 0xFFF;

    private readonly PageFilter _pages; // of the current one
    private readonly List<Space> _left = []; // what may come back; each with another PCID
    private Space _current = new();
    private uint _latest = 1;
    private bool _turned;

    /// <param name="pages">Zeroes, for the <see cref="PageFilter"/> of the pages that code was found in.</param>
    public UserGenerations(ulong* pages) => _pages = new PageFilter(pages);

    /// <summary>The generation of the address space that is loaded.</summary>
    public uint Current => _current.Generation;

    /// <summary>Tags have come round since this was asked last: what they marked before must be forgotten.</summary>
    public bool TakeTurn()
    {
        var turned = _turned;
        _turned = false;
        return turned;
    }

    /// <summary>Notes in which page code was found.</summary>
    /// <param name="linear">An address in it.</param>
    /// <param name="global">Its translation holds in all address spaces.</param>
    public void Note(ulong linear, bool global)
    {
        _pages.Add(linear);
        _current.HasGlobal |= global;
    }

    /// <summary>Everything derived from this address space's mappings is void.</summary>
    public void Renew()
    {
        _pages.All.Clear();
        _current.HasGlobal = false;
        _current.Generation = Next();
    }

    /// <summary>Everything derived from any address space's mappings is void.</summary>
    public void RenewAll()
    {
        _left.Clear();
        Renew();
    }

    /// <summary>A page's translation was dropped in this address space, and in all if it was global.</summary>
    /// <returns>Whether the current generation has changed.</returns>
    public bool Forget(ulong linear)
    {
        _left.RemoveAll(space => space.HasGlobal);
        if (!_pages.MayHave(linear)) return false;
        Renew();
        return true;
    }

    /// <summary>CR3 was loaded.</summary>
    /// <param name="cr3">The new one, with its PCID.</param>
    /// <param name="kept">The translations that this PCID had still hold.</param>
    public void Load(ulong cr3, bool kept)
    {
        var pcid = (uint)cr3 & PcidMask;
        if (kept && ((uint)_current.Cr3 & PcidMask) == pcid && _current.Cr3 == cr3) return;
        var found = _left.FindIndex(space => ((uint)space.Cr3 & PcidMask) == pcid);
        var next = found < 0 ? null : _left[found];
        if (found >= 0) _left.RemoveAt(found);
        if (((uint)_current.Cr3 & PcidMask) != pcid)
        {
            if (_left.Count == MostKept) _left.RemoveAt(0);
            _pages.All.CopyTo(_current.Pages);
            _left.Add(_current);
            _current = next ?? new Space();
            _current.Pages.CopyTo(_pages.All);
        }

        if (kept && _current.Cr3 == cr3 && next != null) return;
        _current.Cr3 = cr3;
        Renew();
    }

    private uint Next()
    {
        if ((++_latest & TagMask) != 0) return _latest;
        _left.Clear();
        _turned = true;
        return ++_latest; // 0 marks unused entries
    }

    private sealed class Space
    {
        public ulong Cr3;
        public uint Generation = 1;
        public bool HasGlobal;
        public readonly ulong[] Pages = new ulong[PageFilter.Words]; // while it is not the current one
    }
}

/// <summary>A Bloom filter of pages: of thousands of data pages that are dropped few look like one of a hundred with code. Generated code adds to it, too.</summary>
internal readonly unsafe struct PageFilter(ulong* words)
{
    /// <summary>Bits that an address is hashed to, words that this takes, and the constant: 2⁶⁴ divided by the golden ratio.</summary>
    public const int Bits = 12, Words = 1 << (Bits - 6);

    /// <inheritdoc cref="Bits"/>
    public const ulong Golden = 0x9E3779B97F4A7C15;

    public Span<ulong> All => new(words, Words);

    public void Add(ulong linear) => Word(linear, out var bit) |= bit;

    public bool MayHave(ulong linear) => (Word(linear, out var bit) & bit) != 0;

    private ref ulong Word(ulong linear, out ulong bit)
    {
        var hash = (int)(((linear >> 12) * Golden) >> (64 - Bits));
        bit = 1ul << (hash & 63);
        return ref words[hash >> 6];
    }
}
