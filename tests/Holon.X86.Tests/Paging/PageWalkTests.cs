using CsCheck;
using Holon.Memory;
using Holon.X86.Paging;

namespace Holon.X86.Tests.Paging;

/// <summary>The page walk by itself (SDM vol. 3 ch. 4): every combination of rights, and tables full of noise.</summary>
public sealed class PageWalkTests : IDisposable
{
    private const ulong Present = 1, Writable = 2, User = 4, Accessed = 0x20, Dirty = 0x40, Large = 0x80, Global = 0x100, NoExecute = 1ul << 63;
    private const ulong Linear = 0x0000_7F12_3456_7ABC, LinearLow = Linear & 0xFFFFFFFF, Frame = 0x9000;

    private readonly GuestMemory _memory = new(new MemoryRange(0, 0x100000));
    private CpuState _state;

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Without_paging_addresses_are_physical_and_32_bits_wide()
    {
        var translation = PageWalk.Walk(ref _state, _memory, 0x1_2345_6789, PageAccess.Write | PageAccess.User);
        Assert.Equal((0x23456789ul, true, true, false), (translation.PhysicalAddress, translation.Writable, translation.Executable, translation.Faulted));
    }

    [Fact]
    public void Rights_are_those_of_section_4_6_1()
    {
        // All combinations of what the entries allow, of the access, and of CR0.WP, SMEP and SMAP, against the section's sentences.
        for (var bits = 0; bits < 1 << 10; bits++)
        {
            bool Bit(int number) => (bits & (1 << number)) != 0;
            var (userPage, writable, noExecute) = (Bit(0), Bit(1), Bit(2));
            var (wp, smep, smap) = (Bit(3), Bit(4), Bit(5));
            var (userAccess, write, fetch, ac) = (Bit(6), Bit(7), Bit(8), Bit(9));
            if (write && fetch) continue;

            Long(Present | (userPage ? User : 0) | (writable ? Writable : 0) | (noExecute ? NoExecute : 0));
            if (!wp) _state.Cr0 &= ~Cr0.WP;
            if (smep) _state.Cr4 |= Cr4.Smep;
            if (smap) _state.Cr4 |= Cr4.Smap;
            var access = (userAccess ? PageAccess.User : smap && !ac ? PageAccess.SmapEnforced : 0)
                | (write ? PageAccess.Write : 0) | (fetch ? PageAccess.Execute : 0);

            bool allowed;
            if (userAccess) allowed = userPage && (!write || writable) && !(fetch && noExecute);
            else if (fetch) allowed = !noExecute && !(userPage && smep);
            else allowed = !(userPage && smap && !ac) && (!write || writable || !wp);

            var translation = PageWalk.Walk(ref _state, _memory, Linear, access);
            Assert.Equal(!allowed, translation.Faulted);
            if (allowed) Assert.Equal(Frame + 0xABC, translation.PhysicalAddress);
            else Assert.Equal(1u | (write ? 2u : 0) | (userAccess ? 4u : 0) | (fetch ? 16u : 0), translation.ErrorCode);
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(1)]
    public void A_missing_entry_at_any_level_faults_and_marks_only_those_before_it(int level) // §4.8
    {
        Long(Present | Writable | User);
        SetEntry(level, Entry(level) & ~Present);
        var translation = PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Write | PageAccess.User);
        Assert.Equal((true, 6u), (translation.Faulted, translation.ErrorCode));
        for (var at = 4; at >= 1; at--) Assert.Equal(at > level ? Accessed : 0, Entry(at) & (Accessed | Dirty));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(1)]
    public void A_level_that_takes_a_right_takes_it_from_all(int level) // §4.6
    {
        foreach (var right in (ulong[])[Writable, User])
        {
            Long(Present | Writable | User);
            SetEntry(level, Entry(level) & ~right);
            Assert.True(PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Write | PageAccess.User).Faulted);
        }

        Long(Present | Writable | User);
        SetEntry(level, Entry(level) | NoExecute);
        Assert.True(PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Execute | PageAccess.User).Faulted);
    }

    [Fact]
    public void Peeking_marks_nothing()
    {
        Long(Present | Writable | User);
        Assert.False(PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Write | PageAccess.Peek).Faulted);
        for (var at = 4; at >= 1; at--) Assert.Equal(0ul, Entry(at) & (Accessed | Dirty));
    }

    [Fact]
    public void A_translation_says_writable_only_when_the_dirty_bit_is_set()
    {
        Long(Present | Writable | User);
        Assert.False(PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Read).Writable);
        Assert.True(PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Write).Writable);
        Assert.True(PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Read).Writable);
    }

    [Fact]
    public void Global_needs_pge() // §4.10.2.4
    {
        Long(Present | Global);
        Assert.False(PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Read).Global);
        _state.Cr4 |= Cr4.Pge;
        Assert.True(PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Read).Global);
    }

    [Theory]
    [InlineData(2, 1u << 21)]
    [InlineData(3, 1u << 30)]
    public void Large_pages_end_the_walk(int level, uint bytes)
    {
        Long(Present);
        SetEntry(level, (7ul << 30) | Present | Writable | Large | 0x1000); // bit 12 is PAT's there
        var translation = PageWalk.Walk(ref _state, _memory, Linear, PageAccess.Write);
        Assert.Equal((bytes, (7ul << 30) + (Linear & (bytes - 1))), (translation.PageBytes, translation.PhysicalAddress));
    }

    [Fact]
    public void Tables_outside_memory_read_as_not_present()
    {
        Long(Present | Writable);
        SetEntry(3, 0x4000_0000_0000 - 0x1000 + (Present | Writable));
        Assert.Equal((true, 0u), Fault(PageAccess.Read));
        _state.Cr3 = 0x3FFF_FFFF_F000;
        Assert.Equal((true, 0u), Fault(PageAccess.Read));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pae_reserves_bits_52_to_62(bool longMode) // tables 4-8 to 4-11; in 4-level paging they are free
    {
        Long(Present | (1ul << 55));
        if (!longMode)
        {
            _state.Efer &= ~(Efer.Lma | Efer.Lme);
            _state.Cr3 = 0x2000;
            for (var level = 3; level >= 2; level--) SetEntry(level, Entry(level) & ~(Writable | User));
            _memory.Write(0x2000 + (LinearLow >> 30 << 3), 0x3000ul | Present);
        }

        var translation = PageWalk.Walk(ref _state, _memory, longMode ? Linear : LinearLow, PageAccess.Read);
        Assert.Equal(longMode, !translation.Faulted);
        if (!longMode) Assert.Equal(9u, translation.ErrorCode);
    }

    [Fact]
    public void Tables_full_of_noise_give_a_translation_or_a_fault_and_nothing_else() =>
        Gen.Select(Gen.ULong, Gen.Byte.Array[8192], Gen.Int[0, 63], Gen.Int[0, 31]).Sample((linear, noise, access, mode) =>
        {
            using var memory = new GuestMemory(new MemoryRange(0, 0x4000));
            for (var at = 0u; at < 0x4000; at += 8192) memory.Write(at, noise);
            var state = default(CpuState);
            state.Cr0 = Cr0.PE | Cr0.PG | ((mode & 1) != 0 ? Cr0.WP : 0);
            state.Cr4 = ((mode & 2) != 0 ? Cr4.Pae : 0) | ((mode & 4) != 0 ? Cr4.Pse | Cr4.Smep | Cr4.Pge : 0);
            state.Efer = (mode & 24) == 24 && (mode & 2) != 0 ? Efer.Lma | Efer.Lme : (mode & 8) != 0 ? Efer.Nxe : 0;
            var translation = PageWalk.Walk(ref state, memory, linear, (PageAccess)access);
            Assert.Equal(translation.Faulted, translation.PageBytes == 0);
            if (translation.Faulted) Assert.Equal(0u, translation.ErrorCode & ~31u);
            else Assert.Equal(0ul, translation.PhysicalAddress >> PageWalk.PhysicalAddressBits);
        }, iter: 2000);

    private (bool Faulted, uint ErrorCode) Fault(PageAccess access)
    {
        var translation = PageWalk.Walk(ref _state, _memory, Linear, access);
        return (translation.Faulted, translation.ErrorCode);
    }

    /// <summary>4-level tables, at 1000 to 4000, that map <see cref="Linear"/> to <see cref="Frame"/> with the last entry's bits given.</summary>
    private void Long(ulong leaf)
    {
        _state = default;
        _state.Cr0 = Cr0.PE | Cr0.PG | Cr0.WP;
        _state.Cr4 = Cr4.Pae;
        _state.Efer = Efer.Lme | Efer.Lma | Efer.Nxe;
        _state.Cr3 = 0x1000;
        for (var level = 4; level >= 1; level--) SetEntry(level, level > 1 ? Table(level - 1) | Present | Writable | User : Frame | leaf);
    }

    private static ulong Table(int level) => (ulong)(5 - level) << 12;

    private static ulong EntryAddress(int level) => Table(level) + (((Linear >> (3 + (9 * level))) & 511) * 8);

    private ulong Entry(int level) => _memory.Read<ulong>(EntryAddress(level));

    private void SetEntry(int level, ulong value) => _memory.Write(EntryAddress(level), value);
}
