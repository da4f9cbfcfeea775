using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>
/// When changed page tables must take effect (SDM vol. 3 §4.10.4): after INVLPG, INVPCID and the control-register writes that
/// invalidate. Before that the processor may use either translation, so nothing is said about it here.
/// </summary>
public sealed class TranslationCacheTests
{
    private const ulong Page = GuestProgram.FreePages, Old = 0x80000, New = 0x90000;

    public static TheoryData<GuestMode> ModesWithPaging => [GuestMode.Paging32, GuestMode.Pae, GuestMode.Long];

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Invlpg_makes_a_new_mapping_visible(GuestMode mode) // §4.10.4.1
    {
        using var guest = WithTwoPages(mode);
        var entry = guest.Pages.EntryAddress(Page);
        guest.Code(c =>
        {
            c.mov(eax, __dword_ptr[Page]);
            c.mov(__dword_ptr[entry], (uint)(New | (ulong)PageBits.Kernel));
            c.invlpg(__byte_ptr[Page + 0xFFF]);
            c.mov(ecx, __dword_ptr[Page]);
        });
        guest.Run();
        Assert.Equal((1ul, 2ul), (guest.Rax, guest.Rcx));
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Invlpg_makes_code_at_a_new_mapping_run(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        guest.Pages[Page] = (PageBits)Old | PageBits.Kernel;
        guest.Assemble(Old, c => { c.mov(ebx, 1); c.ret(); });
        guest.Assemble(New, c => { c.mov(ebx, 2); c.ret(); });
        var entry = guest.Pages.EntryAddress(Page);
        guest.Code(c =>
        {
            c.call(Page);
            c.mov(eax, ebx);
            c.mov(__dword_ptr[entry], (uint)(New | (ulong)PageBits.Kernel));
            c.invlpg(__byte_ptr[Page]);
            c.call(Page);
        });
        guest.Run();
        Assert.Equal((1ul, 2ul), (guest.Rax, guest.Rbx));
    }

    [Fact]
    public void Invlpg_of_any_address_in_a_large_page_drops_all_of_it() // §4.10.4.1: whatever its size
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages.Map(0x80000000, 0x400000, PageBits.Kernel, 2);
        guest.Memory.Write(0x405000, 1);
        guest.Memory.Write(0x605000, 2);
        var entry = guest.Pages.EntryAddress(0x80000000, 2);
        guest.Code(c =>
        {
            c.mov(edi, 0x80005000);
            c.mov(esi, 0x801FF000);
            c.mov(eax, __dword_ptr[rdi]);
            c.mov(__dword_ptr[entry], (uint)(0x600000 | (ulong)(PageBits.Kernel | PageBits.Large)));
            c.invlpg(__byte_ptr[rsi]);
            c.mov(ecx, __dword_ptr[rdi]);
        });
        guest.Run();
        Assert.Equal((1ul, 2ul), (guest.Rax, guest.Rcx));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Invlpg_of_any_address_in_a_large_page_drops_its_code_too(int level)
    {
        const ulong linear = 0x80000000;
        using var guest = new GuestProgram(GuestMode.Long);
        // The large page's old frame begins at 0; its code is where no data access of this test enters it.
        guest.Pages.Map(linear, 0, PageBits.Kernel, level);
        guest.Assemble(Old, c => { c.mov(ebx, 1); c.ret(); });
        guest.Assemble(0x200000 + Old, c => { c.mov(ebx, 2); c.ret(); });
        var entry = guest.Pages.EntryAddress(linear, level);
        if (level == 3) guest.Pages.Map(0xC0000000, 0x200000, PageBits.Kernel, 2); // tables that the entry will point to
        var (address, value) = level == 2
            ? (entry, 0x200000 | (ulong)(PageBits.Kernel | PageBits.Large))
            : (entry, (ulong)guest.Pages[0xC0000000, 3]);
        guest.Code(c =>
        {
            c.mov(edi, (uint)(linear + Old));
            c.call(rdi);
            c.mov(eax, ebx);
            c.mov(rdx, value);
            c.mov(__qword_ptr[address], rdx);
            c.mov(esi, (uint)linear + 0x5000);
            c.invlpg(__byte_ptr[rsi]);
            c.call(rdi);
        });
        guest.Run();
        Assert.Equal((1ul, 2ul), (guest.Rax, guest.Rbx));
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Writing_cr3_forgets_all_but_global_pages(GuestMode mode) // §4.10.4.1
    {
        using var guest = WithTwoPages(mode);
        var entry = guest.Pages.EntryAddress(Page);
        guest[7] = guest.State.Cr3;
        guest.Code(c =>
        {
            c.mov(eax, __dword_ptr[Page]);
            c.mov(__dword_ptr[entry], (uint)(New | (ulong)PageBits.Kernel));
            if (mode == GuestMode.Long) c.mov(cr3, rdi);
            else c.mov(cr3, edi);
            c.mov(ecx, __dword_ptr[Page]);
        });
        guest.Run();
        Assert.Equal((1ul, 2ul), (guest.Rax, guest.Rcx));
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Toggling_global_pages_forgets_global_ones_too(GuestMode mode) // §4.10.4.1: MOV to CR4 that changes PGE
    {
        using var guest = WithTwoPages(mode);
        guest.State.Cr4 |= Cr4.Pge;
        guest.Pages[Page] |= PageBits.Global;
        var entry = guest.Pages.EntryAddress(Page);
        guest[7] = guest.State.Cr4;
        guest.Code(c =>
        {
            c.mov(eax, __dword_ptr[Page]);
            c.mov(__dword_ptr[entry], (uint)(New | (ulong)(PageBits.Kernel | PageBits.Global)));
            c.xor(edi, (int)Cr4.Pge);
            if (mode == GuestMode.Long) c.mov(cr4, rdi);
            else c.mov(cr4, edi);
            c.mov(ecx, __dword_ptr[Page]);
        });
        guest.Run();
        Assert.Equal((1ul, 2ul), (guest.Rax, guest.Rcx));
    }

    [Fact]
    public void A_global_page_is_the_same_in_the_next_address_space_after_invlpg() // §4.10.2.4
    {
        using var guest = WithTwoPages(GuestMode.Long);
        guest.State.Cr4 |= Cr4.Pge;
        guest.Pages[Page] |= PageBits.Global;
        var entry = guest.Pages.EntryAddress(Page);
        guest[7] = guest.State.Cr3;
        guest.Code(c =>
        {
            c.mov(eax, __dword_ptr[Page]);
            c.mov(cr3, rdi);
            c.mov(__dword_ptr[entry], (uint)(New | (ulong)PageBits.Kernel));
            c.invlpg(__byte_ptr[Page]);
            c.mov(ecx, __dword_ptr[Page]);
        });
        guest.Run();
        Assert.Equal((1ul, 2ul), (guest.Rax, guest.Rcx));
    }

    [Theory]
    [InlineData(0, Page)]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 0)]
    public void Every_type_of_invpcid_makes_a_new_mapping_visible(int type, ulong linear) // vol. 2, INVPCID
    {
        using var guest = WithTwoPages(GuestMode.Long);
        guest.State.Cr4 |= Cr4.Pcide;
        var entry = guest.Pages.EntryAddress(Page);
        guest.Memory.Write(GuestProgram.Data, 0ul);
        guest.Memory.Write(GuestProgram.Data + 8, linear);
        guest.Code(c =>
        {
            c.mov(eax, __dword_ptr[Page]);
            c.mov(__dword_ptr[entry], (uint)(New | (ulong)PageBits.Kernel));
            c.mov(edi, type);
            c.invpcid(rdi, __xmmword_ptr[GuestProgram.Data]);
            c.mov(ecx, __dword_ptr[Page]);
        });
        guest.Run();
        Assert.Equal((1ul, 2ul), (guest.Rax, guest.Rcx));
    }

    [Theory]
    [InlineData(4ul, 0ul, 0ul)] // no such type
    [InlineData(1ul, 0x1000ul, 0ul)] // reserved bits of the descriptor
    [InlineData(0ul, 0ul, 0x8000_0000_0000_0000ul)] // not canonical
    public void Invpcid_rejects_what_the_manual_reserves(ulong type, ulong pcid, ulong linear)
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Cr4 |= Cr4.Pcide;
        guest.Memory.Write(GuestProgram.Data, pcid);
        guest.Memory.Write(GuestProgram.Data + 8, linear);
        guest.Code(c => { c.mov(edi, (uint)type); c.invpcid(rdi, __xmmword_ptr[GuestProgram.Data]); });
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Fact]
    public void Switching_address_spaces_by_pcid_reaches_the_right_pages() // §4.10.1
    {
        using var guest = WithTwoPages(GuestMode.Long);
        guest.State.Cr4 |= Cr4.Pcide;
        var (first, second) = (guest.Pages.Root, SecondSpace(guest, (PageBits)New | PageBits.Kernel));
        guest[6] = second | 1 | (1ul << 63);
        guest[7] = first | (1ul << 63);
        guest.Code(c =>
        {
            c.mov(eax, __dword_ptr[Page]);
            c.mov(cr3, rsi);
            c.mov(ecx, __dword_ptr[Page]);
            c.mov(cr3, rdi);
            c.mov(edx, __dword_ptr[Page]);
            c.mov(rbx, cr3);
        });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((1ul, 2ul, 1ul), (guest.Rax, guest.Rcx, guest.Rdx));
        Assert.Equal(first, guest.Rbx); // bit 63 is not kept (§2.5)
    }

    /// <summary>How the guest says that a page of a space that is not loaded now lies elsewhere.</summary>
    public enum Told
    {
        /// <summary>Not at all: nothing has changed.</summary>
        Nothing,

        /// <summary>The space is loaded without the bit that keeps translations.</summary>
        ByLoading,

        /// <summary>INVLPG when it is loaded again.</summary>
        ByInvlpg,

        /// <summary>INVPCID of the page, of the PCID, of everything with and without global pages.</summary>
        ByPage, ByPcid, ByAll, ByAllButGlobal,
    }

    [Theory]
    [InlineData(Told.Nothing, 121212)]
    [InlineData(Told.ByLoading, 123232)]
    [InlineData(Told.ByInvlpg, 123232)]
    [InlineData(Told.ByPage, 123232)]
    [InlineData(Told.ByPcid, 123232)]
    [InlineData(Told.ByAll, 123232)]
    [InlineData(Told.ByAllButGlobal, 123232)]
    public void User_code_of_address_spaces_that_take_turns_is_each_ones_own(Told told, uint expected) // §4.10.1, §4.10.4.1
    {
        const int switching = 0x80;
        const ulong third = 0x98000, user = (ulong)PageBits.UserPage;
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Cr4 |= Cr4.Pcide | Cr4.Pge;
        guest.Pages[Page] = (PageBits)(Old | user);
        var entry = guest.Pages.EntryAddress(Page);
        var second = SecondSpace(guest, (PageBits)(New | user));
        guest.Assemble(Old, c => { c.mov(ebx, 1); c.ret(); });
        guest.Assemble(New, c => { c.mov(ebx, 2); c.ret(); });
        guest.Assemble(third, c => { c.mov(ebx, 3); c.ret(); });
        guest.Memory.Write(GuestProgram.Data, 0ul);
        guest.Memory.Write(GuestProgram.Data + 8, Page);
        guest.Assemble(GuestProgram.UserCode, c =>
        {
            var again = guest.Mark(c, "again");
            c.call(Page);
            c.imul(eax, eax, 10);
            c.add(eax, ebx);
            c.@int(switching);
            c.dec(ecx);
            c.jne(again);
        });
        guest.Handler(switching, c =>
        {
            var unchanged = c.CreateLabel("unchanged");
            c.inc(r8d);
            if (told != Told.Nothing)
            {
                c.cmp(r8d, 2);
                c.jne(unchanged);
                c.mov(edx, (uint)(third | user));
                c.mov(__dword_ptr[entry], edx);
                c.mov(edx, told - Told.ByPage);
                if (told == Told.ByLoading) c.btr(rsi, 63);
                if (told >= Told.ByPage) c.invpcid(rdx, __xmmword_ptr[GuestProgram.Data]);
                c.mov(cr3, rsi);
                if (told == Told.ByInvlpg) c.invlpg(__byte_ptr[Page]);
                c.bts(rsi, 63);
                c.Label(ref unchanged);
            }

            c.mov(cr3, rsi);
            c.xchg(rsi, rdi);
            c.iretq();
        });
        guest.SetGate(switching, Descriptors.InterruptGate32, 0x70000 + (switching * 0x100), level: 3);
        guest[1] = 6;
        guest[6] = second | 1 | (1ul << 63);
        guest[7] = guest.Pages.Root | (1ul << 63);
        guest.StartInUserMode();
        guest.Run();
        Assert.Equal(expected, guest.Rax);
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void A_page_made_present_needs_no_invalidation(GuestMode mode) // §4.10.2.3: faults cache nothing
    {
        using var guest = WithTwoPages(mode);
        guest.Pages[Page] = PageBits.None;
        var entry = guest.Pages.EntryAddress(Page);
        guest.Handler(ExceptionVector.PageFault, c =>
        {
            c.mov(__dword_ptr[entry], (uint)(New | (ulong)PageBits.Kernel));
            if (mode == GuestMode.Long) { c.add(rsp, 8); c.iretq(); }
            else { c.add(esp, 4); c.iretd(); }
        });
        guest.Code(c => c.mov(eax, __dword_ptr[Page]));
        guest.Run();
        Assert.Equal(2u, guest.Rax);
        Assert.Single(guest.Events);
    }

    [Fact]
    public void Rights_change_with_the_privilege_level_and_not_with_what_was_used_before() // §4.6.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        // The kernel reads its page, then user code at the same address is refused.
        guest.Assemble(GuestProgram.UserCode, c => { guest.Mark(c, "read"); c.mov(eax, __dword_ptr[Page]); });
        guest.Code(c =>
        {
            c.mov(eax, __dword_ptr[Page]);
            c.push(Selectors.UserData);
            c.push((int)GuestProgram.UserStackTop);
            c.push(2);
            c.push(Selectors.UserCode64);
            c.push((int)GuestProgram.UserCode);
            c.iretq();
        });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, 5, GuestProgram.UserCode), guest.Event);
    }

    /// <summary>Page tables like the guest's, but for <see cref="Page"/>.</summary>
    private static ulong SecondSpace(GuestProgram guest, PageBits page)
    {
        var (root, pdpt, directory, table) = (guest.Pages.NewTable(), guest.Pages.NewTable(), guest.Pages.NewTable(), guest.Pages.NewTable());
        guest.Memory.Span(guest.Pages.Root, 4096).CopyTo(guest.Memory.Span(root, 4096));
        Copy(guest, guest.Pages[Page, 4], pdpt);
        Copy(guest, guest.Pages[Page, 3], directory);
        Copy(guest, guest.Pages[Page, 2], table);
        guest.Memory.Write(root, pdpt | (ulong)PageBits.UserPage);
        guest.Memory.Write(pdpt, directory | (ulong)PageBits.UserPage);
        guest.Memory.Write(directory, table | (ulong)PageBits.UserPage);
        guest.Memory.Write(table + (Page >> 9), (ulong)page);
        return root;
    }

    private static void Copy(GuestProgram guest, PageBits entry, ulong table) =>
        guest.Memory.Span((ulong)entry & 0x000FFFFFFFFFF000, 4096).CopyTo(guest.Memory.Span(table, 4096));

    /// <summary>The page at <see cref="Page"/> maps to <see cref="Old"/>, which holds 1; <see cref="New"/> holds 2.</summary>
    private static GuestProgram WithTwoPages(GuestMode mode)
    {
        var guest = new GuestProgram(mode);
        guest.Pages[Page] = (PageBits)Old | PageBits.Kernel;
        guest.Memory.Write(Old, 1);
        guest.Memory.Write(New, 2);
        return guest;
    }
}
