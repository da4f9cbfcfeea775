using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Virtual-8086 mode (SDM vol. 3 §20.2, §20.3).</summary>
public sealed class Virtual8086Tests
{
    private const ulong Code = GuestProgram.UserCode; // 4000:0000
    private const ushort CodeSegment = 0x4000, DataSegment = 0x5000;

    [Fact]
    public void Iret_enters_it_and_an_interrupt_leaves_it() // §20.2.5, §20.2.6
    {
        using var guest = Entering(0, c => { c.mov(ax, cs); c.mov(bx, ds); c.mov(__word_ptr[0x10], ax); c.ud2(); });
        guest.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        Assert.Equal((CodeSegment, (ulong)DataSegment), (guest.Rax & 0xFFFF, guest.Rbx & 0xFFFF));
        Assert.Equal(CodeSegment, guest.Memory.Read<ushort>(((ulong)DataSegment << 4) + 0x10));
        // The frame on the inner stack: EIP CS EFLAGS ESP SS ES DS FS GS (figure 20-4).
        Assert.Equal(GuestProgram.InnerStackTop - 36, guest.Rsp);
        Assert.Equal(CodeSegment, guest.Memory.Read<uint>(guest.Rsp + 4));
        Assert.Equal(Rflags.VM, guest.Memory.Read<uint>(guest.Rsp + 8) & Rflags.VM);
        Assert.Equal(0xFF00u, guest.Memory.Read<uint>(guest.Rsp + 12));
        Assert.Equal(DataSegment, guest.Memory.Read<uint>(guest.Rsp + 24));
        Assert.Equal(0ul, guest.State.Rflags & Rflags.VM);
        foreach (var segment in (ReadOnlySpan<int>)[SegmentRegisters.Ds, SegmentRegisters.Es, SegmentRegisters.Fs, SegmentRegisters.Gs])
            Assert.Equal((0, false), (guest.State.Segments[segment].Selector, guest.State.Segments[segment].IsUsable));
    }

    [Fact]
    public void A_round_trip_through_a_monitor_goes_on_where_it_was()
    {
        using var guest = Entering(0, c => { c.mov(cx, 1); c.ud2(); c.inc(cx); c.ud2(); c.inc(cx); c.hlt(); });
        guest.Handler(ExceptionVector.InvalidOpcode, c => { c.add(__dword_ptr[esp], 2); c.inc(edx); c.iretd(); });
        guest.Run();
        Assert.Equal((3ul, 2ul), (guest.Rcx & 0xFFFF, guest.Rdx));
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Events[2].Vector, guest.Events[2].ErrorCode)); // HLT belongs to level 0
    }

    [Theory]
    [InlineData("cli", 0xFA)]
    [InlineData("sti", 0xFB)]
    [InlineData("pushf", 0x9C)]
    [InlineData("popf", 0x9D)]
    [InlineData("iret", 0xCF)]
    public void Sensitive_instructions_need_iopl_3(string name, byte opcode) // §20.2.8.1
    {
        Assert.NotEmpty(name);
        using var guest = Entering(0, c => c.db(opcode));
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, 0u, 0ul), (guest.Event.Vector, guest.Event.ErrorCode, guest.Event.Rip));

        using var free = Entering(3, c => { c.push(0); c.push(CodeSegment); c.push(9); c.pushf(); c.pop(ax); c.push(ax); c.db(opcode); c.ud2(); });
        free.Memory.Write(Code + 9, [0x0F, 0x0B]);
        free.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, free.Event.Vector);
    }

    [Theory]
    [InlineData(new byte[] { 0xCD, 0x21 }, 0, ExceptionVector.GeneralProtection)] // INT n
    [InlineData(new byte[] { 0xCD, 0x03 }, 0, ExceptionVector.GeneralProtection)] // also when n is 3
    [InlineData(new byte[] { 0xCC }, 0, ExceptionVector.Breakpoint)] // INT3 is not sensitive
    [InlineData(new byte[] { 0xCD, 0x21 }, 3, (ExceptionVector)0x21)]
    public void Int_n_is_sensitive_and_int3_is_not(byte[] code, int privilege, ExceptionVector vector) // §20.2.8.1, §20.3.3
    {
        using var guest = Entering(privilege, c => c.db(code));
        guest.SetGate(3, Descriptors.InterruptGate32, GuestProgram.Handlers, level: 3);
        guest.SetGate(0x21, Descriptors.InterruptGate32, GuestProgram.Handlers, level: 3);
        guest.Run();
        Assert.Equal(vector, guest.Event.Vector);
    }

    [Fact]
    public void A_handler_must_run_at_level_0() // §20.2.6
    {
        using var guest = Entering(3, c => c.@int(0x21));
        guest.SetGate(0x21, Descriptors.InterruptGate32, GuestProgram.UserCode, Selectors.UserCode32, 3);
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, (uint)Selectors.UserCode32 & ~3u), (guest.Events[1].Vector, guest.Events[1].ErrorCode));
    }

    [Fact]
    public void Ports_go_by_the_permission_bitmap_whatever_iopl_says() // vol. 1 §19.5.2
    {
        using var guest = Entering(3, c => { c.@in(al, 0x61); c.@in(al, 0x60); });
        guest.State.Tr = guest.State.Tr with { Limit = 0x68 + 0x20 };
        guest.Memory.Span(GuestProgram.Tss + 0x68, 0x21).Fill(0xFF);
        guest.Memory.Write(GuestProgram.Tss + 0x68 + 0xC, (byte)0xFD); // 61 open
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, 2), guest.Event);
    }

    [Fact]
    public void Instructions_of_protected_mode_are_undefined() // §20.2.1; vol. 2
    {
        foreach (var code in (byte[][])[[0x0F, 0x00, 0xC0], [0x0F, 0x00, 0xD0], [0x0F, 0x02, 0xC0], [0x63, 0xC0]]) // SLDT LLDT LAR ARPL
        {
            using var guest = Entering(3, c => c.db(code));
            guest.Run();
            Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        }
    }

    [Fact]
    public void Vex_encoded_instructions_are_undefined() // vol. 2 §2.8: outside protected mode
    {
        byte[] andn = [0xC4, 0xE2, 0x70, 0xF2, 0xC1];
        using var guest = Entering(3, c => c.db(andn));
        guest.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        using var real = GuestProgram.Run(GuestMode.Real, c => c.db(andn));
        Assert.Equal(ExceptionVector.InvalidOpcode, real.Event.Vector);
    }

    [Fact]
    public void With_vme_cli_sti_pushf_and_popf_use_the_virtual_interrupt_flag() // §20.3.2, table 20-2
    {
        using var guest = Entering(0, c =>
        {
            c.sti();
            c.pushf();
            c.pop(ax);
            c.cli();
            c.pushf();
            c.pop(bx);
            c.push(0x202);
            c.popf();
            c.pushf();
            c.pop(cx);
            c.ud2();
        });
        guest.State.Cr4 |= Cr4.Vme;
        guest.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        const ulong mask = Rflags.IF | Rflags.Iopl;
        Assert.Equal((mask, Rflags.Iopl, mask), (guest.Rax & mask, guest.Rbx & mask, guest.Rcx & mask));
        var flags = guest.Memory.Read<uint>(guest.Rsp + 8); // as the monitor sees them
        Assert.Equal(Rflags.Vif, flags & (Rflags.Vif | mask));
    }

    [Theory]
    [InlineData(new byte[] { 0xFB }, true)] // STI while an interrupt is pending
    [InlineData(new byte[] { 0x68, 0x02, 0x02, 0x9D }, true)] // POPF with IF, the same
    [InlineData(new byte[] { 0x68, 0x02, 0x01, 0x9D }, false)] // POPF with TF
    [InlineData(new byte[] { 0x66, 0x9C }, false)] // PUSHFD
    public void With_vme_what_the_monitor_must_see_still_faults(byte[] code, bool pending) // §20.3.2; vol. 2, POPF, PUSHF
    {
        using var guest = Entering(0, c => c.db(code), pending ? Rflags.Vip : 0);
        guest.State.Cr4 |= Cr4.Vme;
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void With_vme_the_redirection_bitmap_keeps_interrupts_in_the_8086_program(int privilege) // §20.3.3
    {
        const ulong bitmap = GuestProgram.Tss + 0x68;
        using var guest = Entering(privilege, c => { c.sti(); c.stc(); c.@int(0x21); c.pushf(); c.pop(bx); c.@int(0x22); });
        guest.State.Cr4 |= Cr4.Vme;
        guest.State.Tr = guest.State.Tr with { Limit = 0x68 + 32 };
        guest.Memory.Write(GuestProgram.Tss + 102, (ushort)(0x68 + 32));
        guest.Memory.Write(bitmap + (0x22 / 8), (byte)(1 << (0x22 % 8)));
        guest.Memory.Write(0x21 * 4, 0x4000_0100u);
        guest.Assemble(Code + 0x100, c => { c.mov(bp, sp); c.mov(ax, __word_ptr[bp + 4]); c.pushf(); c.pop(cx); c.iret(); }, 16);
        guest.Run();
        const ulong mask = Rflags.IF | Rflags.Iopl | Rflags.CF;
        Assert.Equal((mask, Rflags.Iopl, mask), (guest.Rax & mask, guest.Rcx & (Rflags.IF | Rflags.Iopl), guest.Rbx & mask));
        // The other vector is the monitor's: by the IDT with IOPL 3 (whose gate is for level 0 here), by #GP without.
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Events[^1].Vector);
        Assert.Equal(privilege == 3 ? (0x22u << 3) | 2 : 0, guest.Events[^1].ErrorCode);
    }

    [Fact]
    public void With_pvi_user_code_of_protected_mode_has_a_virtual_interrupt_flag() // §20.4
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.StartInUserMode();
        guest.State.Cr4 |= Cr4.Pvi;
        guest.State.Rflags |= Rflags.IF;
        guest.Assemble(GuestProgram.UserCode, c => { c.sti(); c.pushfd(); c.pop(eax); c.cli(); c.pushfd(); c.pop(ebx); c.ud2(); });
        guest.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        const ulong mask = Rflags.IF | Rflags.Vif;
        Assert.Equal((mask, Rflags.IF), (guest.Rax & mask, guest.Rbx & mask));
    }

    /// <summary>A program that enters virtual-8086 mode with an I/O privilege level; everything of it is user memory.</summary>
    private static GuestProgram Entering(int privilege, Action<Assembler> code, ulong flags = 0)
    {
        var guest = new GuestProgram(GuestMode.Paging32);
        guest.Assemble(Code, code, 16);
        guest.Code(c =>
        {
            c.push(0);
            c.push(0);
            c.push(DataSegment); // DS
            c.push(DataSegment); // ES
            c.push(DataSegment); // SS
            c.push(0xFF00);
            c.push((int)(Rflags.VM | Rflags.Fixed | ((ulong)privilege << 12) | flags));
            c.push(CodeSegment);
            c.push(0);
            c.iretd();
        });
        return guest;
    }
}
