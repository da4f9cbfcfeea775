using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Far transfers and call gates (SDM vol. 3 §5.8; vol. 2, JMP, CALL, RET).</summary>
public sealed class GateTests
{
    private const ushort Gate = Selectors.Free, Segment = Selectors.Free + 0x10;

    public static TheoryData<GuestMode> Modes => [GuestMode.Protected, GuestMode.Long];

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_call_gate_leads_inwards_with_a_new_stack_and_back(GuestMode mode) // §5.8.5
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        SetGate(guest, Descriptors.CallGate32, Selectors.KernelCode, 0x70000, 3);
        var wide = mode == GuestMode.Long;
        guest.Assemble(0x70000, c => { c.mov(eax, cs); c.mov(ebx, ss); c.mov(ebp, esp); if (wide) c.db(0x48); c.db(0xCB); });
        guest.Assemble(GuestProgram.UserCode, c => { FarCall(c, wide, Gate | 3); guest.Mark(c, "after"); c.mov(ecx, cs); c.mov(edx, ss); c.mov(esi, esp); c.ud2(); });
        guest.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        var word = wide ? 8u : 4;
        Assert.Equal((ulong)Selectors.KernelCode, guest.Rax);
        Assert.Equal(wide ? 0ul : Selectors.KernelData, guest.Rbx);
        Assert.Equal(GuestProgram.InnerStackTop - (4 * word), guest[5]);
        Assert.Equal(wide ? Selectors.UserCode64 : (ulong)Selectors.UserCode32, guest.Rcx);
        Assert.Equal(((ulong)Selectors.UserData, GuestProgram.UserStackTop), (guest.Rdx, guest.Rsi));
    }

    [Fact]
    public void A_32_bit_call_gate_copies_parameters_and_ret_releases_them_on_both_stacks() // §5.8.5; vol. 2, RET imm16
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.StartInUserMode();
        SetGate(guest, Descriptors.CallGate32, Selectors.KernelCode, 0x70000, 3, 2);
        guest.Assemble(0x70000, c => { c.mov(eax, __dword_ptr[esp + 8]); c.mov(ebx, __dword_ptr[esp + 12]); c.db(0xCA, 8, 0); });
        guest.Assemble(GuestProgram.UserCode, c => { c.push(0x22); c.push(0x11); FarCall(c, false, Gate | 3); c.mov(esi, esp); c.ud2(); });
        guest.Run();
        Assert.Equal((0x11ul, 0x22ul, GuestProgram.UserStackTop), (guest.Rax, guest.Rbx, guest.Rsi));
    }

    [Fact]
    public void A_16_bit_call_gate_pushes_words() // §5.8.3
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        SetGate(guest, Descriptors.CallGate16, Selectors.KernelCode, 0x9000, 0);
        guest.Assemble(0x9000, c => { c.mov(ebp, esp); c.mov(eax, __dword_ptr[esp]); });
        guest.Code(c => { FarCall(c, false, Gate); guest.Mark(c, "after"); c.nop(); });
        guest.Run();
        Assert.Equal(GuestProgram.StackTop - 4, guest[5]);
        Assert.Equal(guest.AddressOf("after") | ((ulong)Selectors.KernelCode << 16), guest.Rax);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_gate_is_refused_beyond_its_privilege(GuestMode mode) // §5.8.4
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        SetGate(guest, Descriptors.CallGate32, Selectors.KernelCode, 0x70000, 2);
        guest.Assemble(GuestProgram.UserCode, c => FarCall(c, mode == GuestMode.Long, Gate | 3));
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, (uint)Gate), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_gate_that_is_not_present(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        SetGate(guest, Descriptors.CallGate32, Selectors.KernelCode, 0x70000, 0, present: false);
        guest.Code(c => FarCall(c, mode == GuestMode.Long, Gate));
        guest.Run();
        Assert.Equal((ExceptionVector.SegmentNotPresent, (uint)Gate), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Fact]
    public void A_gate_with_a_null_selector() // vol. 2, CALL
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        SetGate(guest, Descriptors.CallGate32, 0, 0x70000, 0);
        guest.Code(c => FarCall(c, false, Gate));
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Fact]
    public void A_fault_on_the_inner_stack_leaves_the_caller_as_it_was()
    {
        using var guest = new GuestProgram(GuestMode.Pae);
        guest.StartInUserMode();
        SetGate(guest, Descriptors.CallGate32, Selectors.KernelCode, 0x70000, 3);
        guest.Pages[GuestProgram.InnerStackTop - 0x2000] = PageBits.None;
        guest.Memory.Write(GuestProgram.Tss + 4, (uint)GuestProgram.InnerStackTop - 0x1000); // its pushes fault, the fault's own frame too
        guest.SetGate((int)ExceptionVector.DoubleFault, Descriptors.TaskGate, 0, Segment);
        guest.Assemble(GuestProgram.UserCode, c => FarCall(c, false, Gate | 3));
        CpuState? seen = null;
        guest.Cpu.ExceptionTrace = (vector, _, _) => { if (vector == 14) seen ??= guest.State; };
        guest.Run();
        Assert.NotNull(seen);
        var state = seen.Value;
        Assert.Equal(GuestProgram.UserCode, state.Rip);
        Assert.Equal(Selectors.UserData, state.Segments[SegmentRegisters.Ss].Selector);
        unsafe
        {
            Assert.Equal(GuestProgram.UserStackTop, state.Gpr[4]);
        }
    }

    [Fact]
    public void Jmp_through_a_call_gate_keeps_the_level() // §5.8.4, table 5-2
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        SetGate(guest, Descriptors.CallGate32, Selectors.KernelCode32, 0x70000, 0);
        guest.Assemble(0x70000, c => { c.mov(eax, cs); c.mov(ebx, esp); });
        guest.Code(c => { c.db(0xEA); c.dd(0); c.dw(Gate); });
        guest.Run();
        Assert.Equal((Selectors.KernelCode32, GuestProgram.StackTop), (guest.Rax, guest.Rbx));

        using var inward = new GuestProgram(GuestMode.Protected);
        inward.StartInUserMode();
        SetGate(inward, Descriptors.CallGate32, Selectors.KernelCode, 0x70000, 3);
        inward.Assemble(GuestProgram.UserCode, c => { c.db(0xEA); c.dd(0); c.dw(Gate | 3); });
        inward.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, (uint)Selectors.KernelCode), (inward.Event.Vector, inward.Event.ErrorCode));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Conforming_code_runs_at_the_level_of_its_caller(GuestMode mode) // §5.8.2
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        guest.Assemble(GuestProgram.UserCode + 0x100, c => { c.mov(eax, cs); c.mov(ebx, ss); c.ud2(); });
        guest.Assemble(GuestProgram.UserCode, c => FarJump(guest, c, Selectors.ConformingCode, GuestProgram.UserCode + 0x100));
        guest.Run();
        Assert.Equal((Selectors.ConformingCode | 3ul, (ulong)Selectors.UserData), (guest.Rax, guest.Rbx));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_far_jump_changes_no_level(GuestMode mode) // §5.8.1
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        guest.Assemble(GuestProgram.UserCode, c => FarJump(guest, c, Selectors.KernelCode, 0x70000));
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, (uint)Selectors.KernelCode), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Theory]
    [InlineData(0, ExceptionVector.GeneralProtection, 0)] // null
    [InlineData(Selectors.KernelData, ExceptionVector.GeneralProtection, Selectors.KernelData)] // not code
    [InlineData(0x2000, ExceptionVector.GeneralProtection, 0x2000)] // beyond the table
    [InlineData(Gate, ExceptionVector.SegmentNotPresent, Gate)]
    [InlineData(Segment, ExceptionVector.GeneralProtection, 0)] // the target is beyond its limit
    public void Far_jumps_check_their_target(ushort selector, ExceptionVector vector, ushort error) // vol. 2, JMP
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.SetDescriptor(Gate, Descriptors.Segment(Descriptors.Code, present: false));
        guest.SetDescriptor(Segment, Descriptors.Segment(Descriptors.Code, limit: 0xFFF));
        guest.Code(c => FarJump(guest, c, selector, 0x8000));
        guest.Run();
        Assert.Equal((vector, (uint)error), (guest.Event.Vector, guest.Event.ErrorCode));
        Assert.Equal(GuestProgram.Start, guest.Event.Rip);
    }

    [Fact]
    public void Code_that_is_both_long_and_big_is_refused_in_long_mode() // vol. 3 §5.2.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.SetDescriptor(Segment, Descriptors.Segment(Descriptors.Code, attributes: SegmentAttributes.Long | SegmentAttributes.Big));
        guest.Code(c => FarJump(guest, c, Segment, 0x8000));
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, (uint)Segment), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    private static void SetGate(GuestProgram guest, int type, ushort selector, ulong offset, int level, int parameters = 0, bool present = true)
    {
        guest.SetDescriptor(Gate, Descriptors.Gate(type, selector, offset, level, parameters, present));
        if (guest.Mode == GuestMode.Long) guest.SetDescriptor(Gate + 8, offset >> 32);
    }

    /// <summary>CALL far, direct or (in 64-bit code, which has no direct one) through memory at RIP.</summary>
    private static void FarCall(Assembler assembler, bool wide, ushort selector)
    {
        if (!wide)
        {
            assembler.db(0x9A);
            assembler.dd(0);
            assembler.dw(selector);
            return;
        }

        assembler.push(selector);
        assembler.push(0);
        assembler.db(0xFF, 0x5C, 0x24, 4); // CALL m16:32 at [RSP+4]: offset 0, then the selector
        assembler.lea(rsp, __[rsp + 16]);
    }

    private static void FarJump(GuestProgram guest, Assembler assembler, ushort selector, ulong offset)
    {
        if (guest.Mode != GuestMode.Long)
        {
            assembler.db(0xEA);
            assembler.dd((uint)offset);
            assembler.dw(selector);
            return;
        }

        guest.Memory.Write(GuestProgram.UserData, (uint)offset);
        guest.Memory.Write(GuestProgram.UserData + 4, selector);
        assembler.jmp(__fword_ptr[GuestProgram.UserData]);
    }
}
