using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Stores into code take effect before the next instruction, whatever address they come by (SDM vol. 3 §8.1.3, §11.6).</summary>
public sealed class SelfModifyingCodeTests
{
    private const ulong Page = GuestProgram.FreePages;

    public static TheoryData<GuestMode> AllModes => [GuestMode.Real, GuestMode.Protected, GuestMode.Paging32, GuestMode.Pae, GuestMode.Long];

    [Theory]
    [MemberData(nameof(AllModes))]
    public void A_store_into_the_next_instruction_of_the_block(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        guest.Code(c =>
        {
            c.mov(al, 1);
            c.mov(mode == GuestMode.Real ? __byte_ptr[bx] : mode == GuestMode.Long ? __byte_ptr[rbx] : __byte_ptr[ebx], 0x12);
            guest.Mark(c, "next");
            c.mov(al, 1);
        });
        guest[3] = guest.AddressOf("next") + 1;
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(0x12u, guest.Rax & 0xFF);
    }

    [Fact]
    public void A_store_by_another_linear_address_of_the_page()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages.Map(0x80000000, GuestProgram.Start, PageBits.Kernel);
        guest.Code(c =>
        {
            c.mov(edi, 0x80000000u);
            c.mov(ecx, 2);
            var again = guest.Mark(c, "patched");
            c.mov(eax, 1);
            c.add(ebx, eax);
            c.mov(__byte_ptr[rdi + rsi + 1], 0x10);
            c.dec(ecx);
            c.jnz(again);
        });
        guest[6] = guest.AddressOf("patched") - GuestProgram.Start;
        guest.Run();
        Assert.Equal(0x11u, guest.Rbx);
    }

    [Fact]
    public void A_store_into_a_page_that_ran_before()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Page, c => { c.mov(eax, 1); c.ret(); });
        guest.Code(c =>
        {
            c.call(Page);
            c.mov(ebx, eax);
            c.mov(__dword_ptr[Page + 1], 7);
            c.call(Page);
            c.add(ebx, eax);
            c.mov(__dword_ptr[Page + 1], 9); // once more: the page was decoded again
            c.call(Page);
            c.add(ebx, eax);
        });
        guest.Run();
        Assert.Equal(17u, guest.Rbx);
    }

    [Fact]
    public void A_store_beside_code_in_the_same_page_leaves_it_working()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Page, c => { c.mov(__dword_ptr[Page + 0x800], ecx); c.mov(eax, __dword_ptr[Page + 0x800]); c.ret(); });
        guest.Code(c => { c.mov(ecx, 5); c.call(Page); c.mov(ecx, 6); c.call(Page); });
        guest.Run();
        Assert.Equal(6u, guest.Rax);
        Assert.Equal(6, guest.Memory.Read<int>(Page + 0x800));
    }

    [Fact]
    public void A_repeated_store_that_overwrites_itself_stops_being_one() // vol. 2, REP: the next iteration fetches anew
    {
        using var guest = new GuestProgram(GuestMode.Long);
        // REP STOSB fills the rest of the page from itself on with HLT: it must end there, at the latest after the last store.
        guest.Code(c =>
        {
            guest.Mark(c, "store");
            c.rep.stosb();
            c.mov(ebx, 1);
        });
        guest[7] = guest.AddressOf("store");
        guest[0] = 0xF4;
        guest[1] = 64;
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(0u, guest.Rbx);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_repeated_store_that_begins_beside_code_and_ends_in_it(bool copies)
    {
        using var guest = new GuestProgram(GuestMode.Long);
        const ulong code = Page + 0x400;
        guest.Assemble(code, c => { c.mov(eax, 1); c.ret(); });
        guest.Memory.Write(GuestProgram.Data + 0x401, (byte)7); // the rest is zeros: what MOV's other bytes are, and they are not all copied
        guest.Code(c =>
        {
            c.call(code);
            c.mov(ebx, eax);
            c.mov(edi, (int)Page);
            c.mov(ecx, 0x402);
            if (copies)
            {
                c.mov(esi, (int)GuestProgram.Data);
                c.mov(__byte_ptr[GuestProgram.Data + 0x400], 0xB8); // MOV EAX again
                c.rep.movsb();
            }
            else
            {
                c.mov(al, 0xC3); // RET
                c.rep.stosb();
            }

            c.mov(eax, 9);
            c.call(code);
        });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(1u, guest.Rbx);
        Assert.Equal(copies ? 7u : 9u, guest.Rax);
    }

    [Fact]
    public void A_write_from_outside_while_the_guest_runs() // as a disk's DMA does
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Page, c => { c.mov(eax, 1); c.ret(); });
        guest.Devices.PortReads = (_, _) =>
        {
            guest.Memory.Write(Page + 1, (byte)3);
            return 0;
        };
        guest.Code(c =>
        {
            c.call(Page);
            c.mov(ebx, eax);
            c.@in(al, 0x10);
            c.call(Page);
            c.add(ebx, eax);
        });
        guest.Run();
        Assert.Equal(4u, guest.Rbx);
    }

    [Fact]
    public void An_atomic_store_into_code()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Page, c => { c.mov(eax, 1); c.ret(); });
        guest.Code(c =>
        {
            c.call(Page);
            c.mov(eax, 4);
            c.@lock.xadd(__dword_ptr[Page + 1], eax);
            c.call(Page);
        });
        guest.Run();
        Assert.Equal(5u, guest.Rax);
    }

    [Fact]
    public void A_store_across_pages_into_the_start_of_code()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Page, c => { c.mov(eax, 1); c.ret(); });
        guest.Code(c =>
        {
            c.call(Page);
            c.mov(rcx, 0x0000_0009_B800_0000);
            c.mov(__qword_ptr[Page - 3], rcx); // B8 09 00 00 00 from Page on
            c.call(Page);
        });
        guest.Run();
        Assert.Equal(9u, guest.Rax);
    }

    [Fact]
    public void A_chained_loop_that_patches_itself()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c =>
        {
            c.mov(ecx, 10);
            var loop = guest.Mark(c, "patched");
            c.mov(eax, 0);
            c.add(ebx, eax);
            c.inc(__byte_ptr[rsi + 1]);
            c.dec(ecx);
            c.jnz(loop);
        });
        guest[6] = guest.AddressOf("patched");
        guest.Run();
        Assert.Equal(45u, guest.Rbx); // 0 + 1 + … + 9
    }

    [Fact]
    public void One_page_runs_at_two_addresses_and_in_two_modes()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages.Map(0x80000000, Page, PageBits.Kernel);
        // 48 FF C0: INC RAX in 64-bit code; DEC EAX, INC EAX in 32-bit code. CALL of the next instruction tells where it runs.
        guest.Memory.Write(Page, [0x48, 0xFF, 0xC0, 0xE8, 0, 0, 0, 0, 0x5B, 0xC3]);
        guest.SetGate(0x30, Descriptors.InterruptGate32, 0x71000);
        guest.Assemble(0x71000, c => c.hlt());
        guest.Assemble(GuestProgram.Start + 0x800, c => { c.mov(ecx, eax); c.call(Page); c.mov(esi, ebx); }, 32);
        guest.Code(c =>
        {
            c.mov(eax, 10);
            c.call(Page);
            c.mov(edx, ebx);
            c.mov(edi, 0x80000000u);
            c.call(rdi);
            c.mov(rdi, rbx);
            c.push(Selectors.KernelCode32);
            c.push((int)GuestProgram.Start + 0x800);
            c.db(0x48, 0xCB); // RETFQ
        });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((Page + 8, 0x80000008ul, Page + 8), (guest.Rdx, guest.Rdi, guest.Rsi));
        Assert.Equal((12ul, 12ul), (guest.Rcx, guest.Rax));
    }
}
