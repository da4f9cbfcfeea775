using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>PUSHA, POPA, ENTER, LEAVE, PUSH and POP of awkward operands, 16-bit code (SDM vol. 2; vol. 1 §6.5).</summary>
public sealed class FrameTests
{
    [Theory]
    [InlineData(GuestMode.Real)]
    [InlineData(GuestMode.Protected)]
    public void Pusha_and_popa_keep_all_but_the_stack_pointer(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        var word = mode == GuestMode.Real ? 2ul : 4ul;
        var (stack, top) = mode == GuestMode.Real ? (0x20000ul, 0x8000ul) : (0, GuestProgram.StackTop);
        guest.Code(c =>
        {
            if (mode == GuestMode.Real) { c.pusha(); c.xor(ax, ax); c.xor(bp, bp); c.xor(di, di); c.popa(); }
            else { c.pushad(); c.xor(eax, eax); c.xor(ebp, ebp); c.xor(edi, edi); c.popad(); }
        });
        for (var i = 0; i < 8; i++)
        {
            if (i != 4) guest[i] = 0x1000ul + (ulong)i;
        }

        guest.Run();
        for (var i = 0; i < 8; i++) Assert.Equal(i == 4 ? top : 0x1000ul + (ulong)i, guest[i]);
        Assert.Equal((ushort)top, guest.Memory.Read<ushort>(stack + top - (5 * word))); // SP as it was before
        Assert.Equal(0x1000, guest.Memory.Read<ushort>(stack + top - word));
        Assert.Equal(0x1007, guest.Memory.Read<ushort>(stack + top - (8 * word)));
    }

    [Fact]
    public void Enter_copies_the_display_and_leave_undoes_it() // vol. 1 §6.5.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest[5] = GuestProgram.Data + 0x100;
        guest.Memory.Write(GuestProgram.Data + 0xF8, 0x1111ul);
        guest.Memory.Write(GuestProgram.Data + 0xF0, 0x2222ul);
        guest.Code(c => { c.enter(0x20, 3); c.mov(rax, rsp); c.mov(rbx, rbp); c.leave(); });
        guest.Run();
        const ulong frame = GuestProgram.StackTop - 8;
        Assert.Equal((frame, frame - 24 - 0x20), (guest.Rbx, guest.Rax));
        Assert.Equal(GuestProgram.Data + 0x100, guest.Memory.Read<ulong>(frame));
        Assert.Equal((0x1111ul, 0x2222ul, frame), (guest.Memory.Read<ulong>(frame - 8), guest.Memory.Read<ulong>(frame - 16), guest.Memory.Read<ulong>(frame - 24)));
        Assert.Equal((GuestProgram.StackTop, GuestProgram.Data + 0x100), (guest.Rsp, guest[5]));
    }

    [Fact]
    public void Enter_in_16_bit_code_keeps_the_upper_half_of_ebp()
    {
        using var guest = new GuestProgram(GuestMode.Real);
        guest[5] = 0xABCD1234;
        guest.Code(c => { c.enter(4, 0); c.mov(eax, ebp); c.leave(); });
        guest.Run();
        Assert.Equal((0xABCD7FFEul, 0xABCD1234ul, 0x8000ul), (guest.Rax, guest[5], guest.Rsp));
    }

    [Fact]
    public void Push_rsp_pushes_the_old_value_and_pop_rsp_takes_the_new_one() // vol. 2, PUSH, POP
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.push(rsp); c.pop(rax); c.push(0x12340); c.pop(rsp); c.mov(rbx, rsp); });
        Assert.Equal((GuestProgram.StackTop, 0x12340ul), (guest.Rax, guest.Rbx));
    }

    [Fact]
    public void Pop_addresses_its_operand_after_the_stack_pointer_has_moved() // vol. 2, POP
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.push(5); c.push(7); c.pop(__qword_ptr[rsp + 8]); });
        Assert.Equal(7, guest.Memory.Read<long>(GuestProgram.StackTop));
        Assert.Equal(5, guest.Memory.Read<long>(GuestProgram.StackTop - 8));
    }

    [Fact]
    public void Pushing_a_segment_selector_extends_it_with_zeros() // vol. 2, PUSH
    {
        using var guest = GuestProgram.Run(GuestMode.Protected, c => { c.mov(__dword_ptr[esp - 4], -1); c.push(ds); c.pop(eax); });
        Assert.Equal((ulong)Selectors.KernelData, guest.Rax);
    }

    [Fact]
    public void Sixteen_bit_operands_in_64_bit_code()
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.mov(rax, -1L); c.push(ax); c.mov(rbx, rsp); c.xor(ecx, ecx); c.pop(cx); });
        Assert.Equal((GuestProgram.StackTop - 2, 0xFFFFul, GuestProgram.StackTop), (guest.Rbx, guest.Rcx, guest.Rsp));
    }

    [Fact]
    public void Real_mode_stacks_wrap_at_the_segments_end() // vol. 3 §20.1.1
    {
        using var guest = new GuestProgram(GuestMode.Real);
        guest.State.Segments[SegmentRegisters.Ss] = Segment.RealMode(0x6000);
        guest[4] = 0;
        guest.Code(c => { c.push(0x1234); c.pop(bx); });
        guest.Run();
        Assert.Equal((0x1234ul, 0ul), (guest.Rbx & 0xFFFF, guest.Rsp & 0xFFFF));
        Assert.Equal(0x1234, guest.Memory.Read<ushort>(0x6FFFE));
    }

    [Fact]
    public void A_near_branch_with_a_16_bit_operand_truncates_its_target() // vol. 2, JMP
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.Memory.Write(0x1_8000, [0x66, 0xE9, 0x00, 0x00]); // JMP rel16 at 18000 goes to 8004
        guest.Assemble(0x8004, c => c.mov(eax, 1));
        guest.State.Rip = 0x18000;
        guest.Run();
        Assert.Equal(1u, guest.Rax);
    }

    [Fact]
    public void Sixteen_bit_addressing_in_32_bit_code() // vol. 2, table 2-1
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.Memory.Write(0x0123, 0x77);
        guest.Code(c => { c.mov(ebx, 0xFFFF0100); c.mov(esi, 0x23); c.mov(eax, __dword_ptr[bx + si]); });
        guest.Run();
        Assert.Equal(0x77u, guest.Rax);
    }

    [Fact]
    public void Far_pointers_in_real_mode_move_the_base() // vol. 3 §20.1.2
    {
        using var guest = new GuestProgram(GuestMode.Real);
        guest.Assemble(0x71000, c => { c.mov(bx, cs); c.retf(); });
        guest.Code(c => { c.db(0x9A, 0x00, 0x00, 0x00, 0x71); c.mov(cx, cs); });
        guest.Run();
        Assert.Equal((0x7100ul, 0ul), (guest.Rbx & 0xFFFF, guest.Rcx & 0xFFFF));
    }
}
