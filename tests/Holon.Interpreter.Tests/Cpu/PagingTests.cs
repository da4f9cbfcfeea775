using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Translation, access rights, error codes, accessed and dirty bits (SDM vol. 3 ch. 4), seen by a guest that runs.</summary>
public sealed class PagingTests
{
    private const ulong Page = GuestProgram.FreePages, Elsewhere = 0x80_0000_0000;
    private const uint Present = 1, Write = 2, User = 4, Reserved = 8, Fetch = 16;

    public static TheoryData<GuestMode> ModesWithPaging => [GuestMode.Paging32, GuestMode.Pae, GuestMode.Long];

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void A_read_sets_accessed_and_a_write_sets_dirty(GuestMode mode) // §4.8
    {
        using var guest = new GuestProgram(mode);
        Assert.Equal(PageBits.None, guest.Pages[Page] & (PageBits.Accessed | PageBits.Dirty));
        guest.Code(c => { c.mov(eax, __dword_ptr[Page]); c.mov(__dword_ptr[Page + 0x1000], eax); });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(PageBits.Accessed, guest.Pages[Page] & (PageBits.Accessed | PageBits.Dirty));
        Assert.Equal(PageBits.Accessed | PageBits.Dirty, guest.Pages[Page + 0x1000] & (PageBits.Accessed | PageBits.Dirty));
        Assert.Equal(PageBits.Accessed, guest.Pages[Page, 2] & (PageBits.Accessed | PageBits.Dirty)); // a table has no dirty bit
        Assert.Equal(PageBits.None, guest.Pages[Page + 0x2000] & PageBits.Accessed);
        Assert.Equal(PageBits.Accessed, guest.Pages[GuestProgram.Start] & (PageBits.Accessed | PageBits.Dirty)); // an instruction fetch reads
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void A_write_after_a_read_still_sets_dirty(GuestMode mode) // §4.8: the translation kept from the read is not good for a write
    {
        using var guest = new GuestProgram(mode);
        guest.Code(c => { c.mov(eax, __dword_ptr[Page]); c.mov(eax, __dword_ptr[Page + 8]); c.mov(__dword_ptr[Page], eax); });
        guest.Run();
        Assert.Equal(PageBits.Accessed | PageBits.Dirty, guest.Pages[Page] & (PageBits.Accessed | PageBits.Dirty));
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void A_faulting_write_sets_no_dirty_bit(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        guest.Pages[Page] &= ~PageBits.Writable;
        guest.Code(c => { c.mov(eax, __dword_ptr[Page]); c.mov(__dword_ptr[Page], eax); });
        guest.Run();
        Assert.Equal(ExceptionVector.PageFault, guest.Event.Vector);
        Assert.Equal(PageBits.None, guest.Pages[Page] & PageBits.Dirty);
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Reading_a_page_that_is_not_there_faults(GuestMode mode) // §4.7
    {
        using var guest = new GuestProgram(mode);
        guest.Pages[Page] = PageBits.None;
        guest.Code(c => { guest.Mark(c, "read"); c.mov(eax, __dword_ptr[Page + 0x123]); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, 0, guest.AddressOf("read")), guest.Event);
        Assert.Equal(Page + 0x123, guest.State.Cr2);
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Writing_a_page_that_is_not_there_says_write(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        guest.Pages[Page] = PageBits.None;
        guest.Code(c => c.mov(__dword_ptr[Page], eax));
        guest.Run();
        Assert.Equal(Write, guest.Event.ErrorCode);
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Supervisor_writes_to_read_only_pages_fault_only_with_write_protect(GuestMode mode) // §4.6.1
    {
        using var guest = new GuestProgram(mode);
        guest.Pages[Page] &= ~PageBits.Writable;
        guest.Code(c => c.mov(__dword_ptr[Page], eax));
        guest.Run();
        Assert.Equal(Present | Write, guest.Event.ErrorCode);

        using var free = new GuestProgram(mode);
        free.Pages[Page] &= ~PageBits.Writable;
        free.State.Cr0 &= ~Cr0.WP;
        free.Code(c => c.mov(__dword_ptr[Page], eax));
        free.Run();
        Assert.Empty(free.Events);
        Assert.Equal(PageBits.Dirty, free.Pages[Page] & PageBits.Dirty);
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Setting_write_protect_takes_effect_at_once(GuestMode mode) // §4.10.4.1
    {
        using var guest = new GuestProgram(mode);
        guest.Pages[Page] &= ~PageBits.Writable;
        guest.State.Cr0 &= ~Cr0.WP;
        guest[3] = guest.State.Cr0 | Cr0.WP;
        guest.Code(c =>
        {
            c.mov(__dword_ptr[Page], eax);
            if (mode == GuestMode.Long) c.mov(cr0, rbx);
            else c.mov(cr0, ebx);
            guest.Mark(c, "second");
            c.mov(__dword_ptr[Page], eax);
        });
        guest.Run();
        Assert.Equal(guest.AddressOf("second"), guest.Event.Rip);
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void User_code_reaches_user_pages_only(GuestMode mode) // §4.6.1
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        guest.Assemble(GuestProgram.UserCode, c =>
        {
            c.mov(__dword_ptr[GuestProgram.UserData], eax);
            guest.Mark(c, "read");
            c.mov(eax, __dword_ptr[Page]);
        });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, Present | User, guest.AddressOf("read")), guest.Event);
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Rights_are_those_of_all_levels_together(GuestMode mode) // §4.6.1
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        guest.Pages.Map(0x80000000, GuestProgram.UserData, PageBits.UserPage);
        guest.Pages[0x80000000, 2] &= ~PageBits.User;
        guest.Assemble(GuestProgram.UserCode, c => { c.mov(ebx, 0x80000000); c.mov(eax, mode == GuestMode.Long ? __dword_ptr[rbx] : __dword_ptr[ebx]); });
        guest.Run();
        Assert.Equal(Present | User, guest.Event.ErrorCode);
    }

    [Theory]
    [InlineData(GuestMode.Pae)]
    [InlineData(GuestMode.Long)]
    public void No_execute_stops_fetches_and_nothing_else(GuestMode mode) // §4.6.1
    {
        using var guest = new GuestProgram(mode);
        guest.Pages[Page] |= PageBits.NoExecute;
        guest.Code(c => { c.mov(eax, __dword_ptr[Page]); c.mov(__dword_ptr[Page], eax); c.jmp(Page + 5); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, Present | Fetch, Page + 5), guest.Event);
        Assert.Equal(Page + 5, guest.State.Cr2);
    }

    [Theory]
    [InlineData(GuestMode.Pae)]
    [InlineData(GuestMode.Long)]
    public void Without_nxe_the_bit_is_reserved_and_no_error_says_fetch(GuestMode mode) // §4.7: I/D needs NXE or SMEP
    {
        using var guest = new GuestProgram(mode);
        guest.State.Efer &= ~Efer.Nxe;
        guest.Pages[Page] |= PageBits.NoExecute;
        guest.Code(c => c.jmp(Page));
        guest.Run();
        Assert.Equal(Present | Reserved, guest.Event.ErrorCode);
    }

    [Fact]
    public void Address_bits_beyond_the_processors_are_reserved() // §4.7, CPUID 0x80000008
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[Page] |= (PageBits)(1ul << 46);
        guest.Code(c => c.mov(eax, __dword_ptr[Page]));
        guest.Run();
        Assert.Equal(Present | Reserved, guest.Event.ErrorCode);
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Smep_forbids_the_supervisor_to_execute_user_pages(GuestMode mode) // §4.6.1
    {
        using var guest = new GuestProgram(mode);
        guest.State.Cr4 |= Cr4.Smep;
        guest.Memory.Write(GuestProgram.UserCode, (byte)0xF4);
        guest.Code(c => { c.mov(eax, __dword_ptr[GuestProgram.UserCode]); c.jmp(GuestProgram.UserCode); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, Present | Fetch, GuestProgram.UserCode), guest.Event);
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void Smap_forbids_the_supervisor_user_pages_until_stac(GuestMode mode) // §4.6.1
    {
        using var guest = new GuestProgram(mode);
        guest.State.Cr4 |= Cr4.Smap;
        guest.Code(c =>
        {
            c.stac();
            c.mov(eax, __dword_ptr[GuestProgram.UserData]);
            c.mov(__dword_ptr[GuestProgram.UserData], eax);
            c.clac();
            guest.Mark(c, "read");
            c.mov(eax, __dword_ptr[GuestProgram.UserData]);
        });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, Present, guest.AddressOf("read")), guest.Event);
    }

    [Fact]
    public void Smap_holds_for_system_structures_even_with_ac() // §4.6: implicit supervisor accesses
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Cr4 |= Cr4.Smap;
        guest.Pages[GuestProgram.Gdt] |= PageBits.User;
        guest.Code(c => { c.stac(); c.mov(eax, Selectors.KernelData); guest.Mark(c, "load"); c.mov(ds, eax); });
        guest.Run();
        Assert.Equal(guest.AddressOf("load"), guest.Events[0].Rip);
        Assert.Equal(Present, guest.Events[0].ErrorCode);
    }

    [Fact]
    public void Two_mebibyte_and_gibibyte_pages_translate() // §4.5, figures 4-9 and 4-10
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages.Map(Elsewhere, 0, PageBits.Kernel, 3);
        guest.Pages.Map(0x80000000, 0x200000, PageBits.Kernel, 2);
        guest.Memory.Write(GuestProgram.Data, 0x1111);
        guest.Memory.Write(0x345678, 0x2222);
        guest.Code(c =>
        {
            c.mov(rbx, Elsewhere + GuestProgram.Data);
            c.mov(eax, __dword_ptr[rbx]);
            c.mov(edx, 0x80145678);
            c.mov(ecx, __dword_ptr[rdx]);
            c.mov(__dword_ptr[rdx + 4], ecx);
        });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0x1111ul, 0x2222ul), (guest.Rax, guest.Rcx));
        Assert.Equal(0x2222, guest.Memory.Read<int>(0x34567C));
        Assert.Equal(PageBits.Accessed, guest.Pages[Elsewhere, 3] & (PageBits.Accessed | PageBits.Dirty));
        Assert.Equal(PageBits.Accessed | PageBits.Dirty, guest.Pages[0x80000000, 2] & (PageBits.Accessed | PageBits.Dirty));
    }

    [Theory]
    [InlineData(0x80000000ul, 2, 1ul << 13)]
    [InlineData(0x80000000ul, 2, 1ul << 20)]
    [InlineData(0x80000000ul, 3, 1ul << 29)]
    public void Low_address_bits_of_large_pages_are_reserved(ulong linear, int level, ulong bit) // tables 4-16, 4-18
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages.Map(linear, bit, PageBits.Kernel, level);
        guest.Code(c => { c.mov(ebx, (uint)linear); c.mov(eax, __dword_ptr[rbx]); });
        guest.Run();
        Assert.Equal(Present | Reserved, guest.Event.ErrorCode);
    }

    [Fact]
    public void Page_size_in_the_root_is_reserved() // table 4-15
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages.Map(Elsewhere, 0, PageBits.Kernel);
        guest.Pages[Elsewhere, 4] |= PageBits.Large;
        guest.Code(c => { c.mov(rbx, Elsewhere); c.mov(eax, __dword_ptr[rbx]); });
        guest.Run();
        Assert.Equal(Present | Reserved, guest.Event.ErrorCode);
    }

    [Fact]
    public void Four_mebibyte_pages_translate_and_carry_high_address_bits() // §4.3, table 4-4: PSE-36
    {
        using var guest = new GuestProgram(GuestMode.Paging32);
        guest.Pages.Map(0x80000000, 0x400000, PageBits.Kernel, 2);
        guest.Pages.Map(0x80400000, 1 << 13, PageBits.Kernel, 2); // physical bit 32: no RAM there
        guest.Memory.Write(0x412344, 0x3333);
        guest.Devices.MmioReads = (address, _) => address == 0x1_0000_0010 ? 0x4444ul : 0;
        guest.Code(c => { c.mov(eax, __dword_ptr[0x80012344]); c.mov(ecx, __dword_ptr[0x80400010]); });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0x3333ul, 0x4444ul), (guest.Rax, guest.Rcx));
    }

    [Fact]
    public void Bit_21_of_a_4_mebibyte_page_is_reserved() // table 4-4
    {
        using var guest = new GuestProgram(GuestMode.Paging32);
        guest.Pages.Map(0x80000000, 1 << 21, PageBits.Kernel, 2);
        guest.Code(c => c.mov(eax, __dword_ptr[0x80000000]));
        guest.Run();
        Assert.Equal(Present | Reserved, guest.Event.ErrorCode);
    }

    [Fact]
    public void A_pae_guest_reaches_memory_through_2_mebibyte_pages() // §4.4
    {
        using var guest = new GuestProgram(GuestMode.Pae);
        guest.Pages.Map(0xC0000000, 0x200000, PageBits.Kernel, 2);
        guest.Memory.Write(0x2ABCD0, 0x5555);
        guest[3] = guest.State.Cr3;
        guest.Code(c => { c.mov(cr3, ebx); c.mov(eax, __dword_ptr[0xC00ABCD0]); }); // PDPTEs are loaded with CR3 (§4.4.1)
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(0x5555u, guest.Rax);
    }

    [Fact]
    public void Loading_cr3_with_reserved_bits_in_a_pdpte_faults() // §4.4.1
    {
        using var guest = new GuestProgram(GuestMode.Pae);
        var root = guest.Pages.NewTable();
        guest.Memory.Write(root, guest.Memory.Read<ulong>(guest.Pages.Root) | 2);
        guest[3] = root;
        guest.Code(c => { guest.Mark(c, "load"); c.mov(cr3, ebx); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, guest.AddressOf("load")), guest.Event);
        Assert.Equal(guest.Pages.Root, guest.State.Cr3);
    }

    [Theory]
    [InlineData(0x0000_8000_0000_0000)]
    [InlineData(0xFFFF_7FFF_FFFF_FFF8)]
    public void Addresses_that_are_not_canonical_raise_general_protection(ulong address) // vol. 1 §3.3.7.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.mov(rbx, address); c.mov(eax, __dword_ptr[rbx]); });
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Fact]
    public void Stack_addresses_that_are_not_canonical_raise_stack_fault() // vol. 3 §6.15, #SS
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.SetGate((int)ExceptionVector.StackFault, Descriptors.InterruptGate32, GuestProgram.Handlers, stack: 1);
        guest.Code(c => { c.mov(rsp, 0x8000_0000_0000_0000); c.push(rax); });
        guest.Run();
        Assert.Equal((ExceptionVector.StackFault, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Theory]
    [InlineData(0x0000_8000_0000_0000)]
    [InlineData(0x5555_0000_0000_0000)] // what lies on the host's stack below translated code
    public void Returns_to_addresses_that_are_not_canonical_raise_general_protection(ulong address) // vol. 2, RET
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.mov(rax, address); c.push(rax); c.ret(); });
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Fact]
    public void Compatibility_mode_uses_the_long_mode_tables() // §4.1.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[Page] |= PageBits.NoExecute;
        guest.Memory.Write(Page, 0x77);
        guest.State.Segments[SegmentRegisters.Cs] = guest.SegmentOf(Selectors.KernelCode32);
        guest.Assemble(GuestProgram.Start, c => { c.mov(eax, __dword_ptr[Page]); c.jmp(Page); }, 32);
        guest.Run();
        Assert.Equal(0x77u, guest.Rax);
        Assert.Equal(Present | Fetch, guest.Event.ErrorCode);
    }
}
