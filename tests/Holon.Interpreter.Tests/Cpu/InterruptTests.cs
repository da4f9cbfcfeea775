using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Delivery of interrupts and exceptions: gates, stacks, frames, masking (SDM vol. 3 ch. 6).</summary>
public sealed class InterruptTests
{
    private const int Vector = 0x40;

    [Fact]
    public void A_long_mode_handler_gets_an_aligned_frame_of_five_words() // §6.14.2
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.mov(rsp, (long)GuestProgram.StackTop - 5); c.stc(); c.@int(Vector); guest.Mark(c, "after"); c.nop(); });
        guest.SetGate(Vector, Descriptors.TrapGate32, GuestProgram.Handlers);
        guest.Run();
        const ulong frame = GuestProgram.StackTop - 16 - 40;
        Assert.Equal(frame, guest.Rsp);
        Assert.Equal(guest.AddressOf("after"), guest.Memory.Read<ulong>(frame));
        Assert.Equal(Selectors.KernelCode, guest.Memory.Read<ulong>(frame + 8));
        Assert.Equal(Rflags.CF | Rflags.Fixed, guest.Memory.Read<ulong>(frame + 16));
        Assert.Equal(GuestProgram.StackTop - 5, guest.Memory.Read<ulong>(frame + 24));
        Assert.Equal(Selectors.KernelData, guest.Memory.Read<ulong>(frame + 32));
    }

    [Fact]
    public void A_protected_mode_handler_of_the_same_level_gets_three_words() // §6.12.1
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.Code(c => { c.@int(Vector); guest.Mark(c, "after"); c.nop(); });
        guest.Run();
        Assert.Equal(GuestProgram.StackTop - 12, guest.Rsp);
        Assert.Equal((uint)guest.AddressOf("after"), guest.Memory.Read<uint>(guest.Rsp));
        Assert.Equal(Selectors.KernelCode, guest.Memory.Read<uint>(guest.Rsp + 4));
    }

    [Fact]
    public void A_16_bit_gate_pushes_words() // §6.12.1
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.SetGate(Vector, Descriptors.InterruptGate16, GuestProgram.Handlers);
        guest.Code(c => { c.@int(Vector); guest.Mark(c, "after"); c.nop(); });
        guest.Run();
        Assert.Equal(GuestProgram.StackTop - 6, guest.Rsp);
        Assert.Equal((ushort)guest.AddressOf("after"), guest.Memory.Read<ushort>(guest.Rsp));
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void An_interrupt_gate_clears_if_and_a_trap_gate_does_not(GuestMode mode) // §6.12.1.3
    {
        foreach (var (type, enabled) in ((int, bool)[])[(Descriptors.InterruptGate32, false), (Descriptors.TrapGate32, true)])
        {
            using var guest = new GuestProgram(mode);
            guest.State.Rflags |= Rflags.IF | Rflags.NT;
            guest.SetGate(Vector, type, GuestProgram.Handlers);
            guest.Code(c => c.@int(Vector));
            guest.Run();
            Assert.Equal(enabled, (guest.State.Rflags & Rflags.IF) != 0);
            Assert.Equal(0ul, guest.State.Rflags & Rflags.NT);
        }
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Pae)]
    [InlineData(GuestMode.Long)]
    public void From_user_code_the_stack_comes_from_the_tss(GuestMode mode) // §6.12.1, §6.14.4
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        guest.SetGate(Vector, Descriptors.InterruptGate32, GuestProgram.Handlers, level: 3);
        guest.Assemble(GuestProgram.UserCode, c => c.@int(Vector));
        guest.Run();
        var word = mode == GuestMode.Long ? 8u : 4u;
        Assert.Equal(GuestProgram.InnerStackTop - (5 * word), guest.Rsp);
        Assert.Equal(GuestProgram.UserStackTop, guest.Memory.Read<uint>(guest.Rsp + (3 * word)));
        Assert.Equal(Selectors.UserData, guest.Memory.Read<ushort>(guest.Rsp + (4 * word)));
        // In long mode SS becomes null; outside it is the TSS's.
        Assert.Equal(mode == GuestMode.Long ? 0 : Selectors.KernelData, guest.State.Segments[SegmentRegisters.Ss].Selector);
        Assert.Equal(Selectors.KernelCode, guest.State.Segments[SegmentRegisters.Cs].Selector);
    }

    [Fact]
    public void A_gate_with_an_interrupt_stack_always_switches() // §6.14.5
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.SetGate(Vector, Descriptors.InterruptGate32, GuestProgram.Handlers, stack: 1);
        guest.Code(c => c.@int(Vector));
        guest.Run();
        Assert.Equal(GuestProgram.InterruptStackTop - 40, guest.Rsp);
        Assert.Equal(Selectors.KernelData, guest.State.Segments[SegmentRegisters.Ss].Selector); // the level has not changed
    }

    [Fact]
    public void A_conforming_handler_keeps_the_level_and_the_stack() // §6.12.1.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.StartInUserMode();
        guest.SetGate(Vector, Descriptors.InterruptGate32, GuestProgram.UserCode + 0x100, Selectors.ConformingCode, 3);
        guest.Assemble(GuestProgram.UserCode + 0x100, c => { c.mov(eax, cs); c.ud2(); });
        guest.Assemble(GuestProgram.UserCode, c => c.@int(Vector));
        guest.Run();
        Assert.Equal(Selectors.ConformingCode | 3u, guest.Rax);
        Assert.Equal(GuestProgram.UserStackTop - 40, guest.Memory.Read<ulong>(GuestProgram.InnerStackTop - 16));
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void User_code_needs_a_gate_of_its_level_for_int_but_not_for_faults(GuestMode mode) // §6.12.1.1
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        guest.Assemble(GuestProgram.UserCode, c => c.@int(Vector));
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, (Vector << 3) | 2, GuestProgram.UserCode), guest.Events[1]);

        using var faulting = new GuestProgram(mode);
        faulting.StartInUserMode();
        faulting.Assemble(GuestProgram.UserCode, c => c.ud2());
        faulting.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.InvalidOpcode, 0, GuestProgram.UserCode), faulting.Event);
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void A_gate_that_is_not_present_or_not_a_gate(GuestMode mode) // §6.13: error codes with IDT bit
    {
        using var guest = new GuestProgram(mode);
        guest.Memory.Write(GuestProgram.Idt + (Vector * (mode == GuestMode.Long ? 16u : 8u)) + 5, (byte)0x0E);
        guest.Code(c => c.@int(Vector));
        guest.Run();
        Assert.Equal((ExceptionVector.SegmentNotPresent, (Vector << 3) | 2u), (guest.Events[1].Vector, guest.Events[1].ErrorCode));

        using var other = new GuestProgram(mode);
        other.Memory.Write(GuestProgram.Idt + (Vector * (mode == GuestMode.Long ? 16u : 8u)) + 5, (byte)0x92);
        other.Code(c => c.@int(Vector));
        other.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, (Vector << 3) | 2u), (other.Events[1].Vector, other.Events[1].ErrorCode));
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void A_vector_beyond_the_table(GuestMode mode) // §6.13
    {
        using var guest = new GuestProgram(mode);
        guest.State.Idtr = new DescriptorTable(GuestProgram.Idt, (ushort)((mode == GuestMode.Long ? 16 * 32 : 8 * 32) - 1));
        guest.Code(c => c.@int(Vector));
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, (Vector << 3) | 2u), (guest.Events[1].Vector, guest.Events[1].ErrorCode));
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void Errors_while_delivering_an_interrupt_say_that_it_came_from_outside(GuestMode mode) // §6.13: EXT
    {
        using var guest = new GuestProgram(mode);
        guest.State.Rflags |= Rflags.IF;
        guest.Memory.Write(GuestProgram.Idt + (Vector * (mode == GuestMode.Long ? 16u : 8u)) + 5, (byte)0x0E);
        guest.Code(c => { c.mov(eax, Vector); c.@out((byte)GuestDevices.InterruptPort, al); guest.Mark(c, "after"); c.nop(); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.SegmentNotPresent, (Vector << 3) | 3, guest.AddressOf("after")), guest.Events[1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_bad_inner_stack_raises_invalid_tss_with_ext_for_events_from_outside(bool fault) // §6.13; vol. 2, INT n: #TS(error_code(NewSS, 0, EXT))
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.StartInUserMode();
        guest.Memory.Write(GuestProgram.Tss + 8, Selectors.UserData);
        guest.SetDescriptor(Selectors.Free, Descriptors.Segment(Descriptors.Conforming));
        guest.SetGate(Vector, Descriptors.InterruptGate32, GuestProgram.Handlers, level: 3);
        // #TS itself needs no inner stack: its handler's code conforms.
        guest.SetGate((int)ExceptionVector.InvalidTss, Descriptors.InterruptGate32, GuestProgram.UserCode + 0x100, Selectors.Free);
        guest.SetGate((int)ExceptionVector.DoubleFault, Descriptors.InterruptGate32, GuestProgram.UserCode + 0x100, Selectors.Free);
        guest.Assemble(GuestProgram.UserCode + 0x100, c => c.@out((byte)0x99, al));
        guest.Assemble(GuestProgram.UserCode, c => { if (fault) c.ud2(); else c.@int(Vector); });
        guest.State.Rflags |= Rflags.Iopl;
        guest.Devices.Raised = null;
        guest.Cpu.ExceptionTrace += (vector, _, _) => { if (vector == (int)ExceptionVector.InvalidTss) guest.Cpu.RequestStop(); };
        guest.Run();
        var expected = (uint)(Selectors.UserData & ~3) | (fault ? 1u : 0);
        Assert.Equal((ExceptionVector.InvalidTss, expected), (guest.Events[1].Vector, guest.Events[1].ErrorCode));
    }

    [Theory]
    [InlineData(GuestMode.Real)]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void A_masked_interrupt_waits_for_the_instruction_after_sti(GuestMode mode) // §6.8.1; vol. 2, STI
    {
        using var guest = new GuestProgram(mode);
        Counting(guest);
        guest.Code(c =>
        {
            c.mov(eax, Vector);
            c.@out((byte)GuestDevices.InterruptPort, al);
            c.nop();
            c.sti();
            c.nop();
            guest.Mark(c, "after");
            c.nop();
        });
        guest.Run();
        Assert.True(guest.Event.IsInterrupt);
        Assert.Equal(guest.AddressOf("after"), guest.Event.Rip);
        Assert.Equal(1ul, guest.Rdx & 0xFFFF);
    }

    [Fact]
    public void Sti_then_cli_lets_nothing_in() // vol. 2, STI
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.mov(eax, Vector); c.@out((byte)GuestDevices.InterruptPort, al); c.sti(); c.cli(); c.nop(); });
        guest.Run();
        Assert.Empty(guest.Events);
    }

    [Fact]
    public void Sti_while_interrupts_are_on_holds_nothing_back() // vol. 2, STI: the shadow follows a change of IF
    {
        using var guest = new GuestProgram(GuestMode.Long);
        Counting(guest);
        guest.State.Rflags |= Rflags.IF;
        guest.Code(c => { c.mov(eax, Vector); c.sti(); c.@out((byte)GuestDevices.InterruptPort, al); guest.Mark(c, "after"); c.nop(); });
        guest.Run();
        Assert.Equal(guest.AddressOf("after"), guest.Event.Rip);
    }

    [Fact]
    public void Mov_ss_holds_interrupts_back_for_one_instruction() // §6.8.3
    {
        using var guest = new GuestProgram(GuestMode.Long);
        Counting(guest);
        guest.State.Rflags |= Rflags.IF;
        guest.Devices.PortReads = (_, _) =>
        {
            guest.Devices.Raise(Vector);
            return 0;
        };
        guest.Code(c =>
        {
            c.mov(ebx, Selectors.KernelData);
            // The interrupt is noticed while SS is being loaded: another thread raises it at that moment.
            c.mov(ss, ebx);
            c.mov(rsp, (long)GuestProgram.StackTop - 64);
            guest.Mark(c, "after");
            c.nop();
        });
        var steps = 0;
        guest.Cpu.InstructionTrace = () =>
        {
            if (++steps != 2) return;
            guest.Devices.Raise(Vector);
            guest.Cpu.Kick();
        };
        guest.Run();
        Assert.Equal(guest.AddressOf("after"), guest.Event.Rip);
    }

    [Fact]
    public void Popf_and_iret_that_set_if_let_a_waiting_interrupt_in_at_once() // §6.8.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        Counting(guest);
        guest.Code(c =>
        {
            c.mov(eax, Vector);
            c.@out((byte)GuestDevices.InterruptPort, al);
            c.push(0x202);
            c.popfq();
            guest.Mark(c, "after");
            c.nop();
        });
        guest.Run();
        Assert.Equal(guest.AddressOf("after"), guest.Event.Rip);
    }

    [Fact]
    public void An_nmi_is_not_masked_and_blocks_the_next_until_iret() // §6.7.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Handler(ExceptionVector.Nmi, c =>
        {
            c.inc(edx);
            c.cmp(edx, 1);
            var done = c.CreateLabel();
            c.jne(done);
            c.@out((byte)GuestDevices.NmiPort, al); // a second one while the first is handled
            c.nop();
            c.mov(ebx, edx);
            c.Label(ref done);
            c.iretq();
        });
        guest.Code(c => { c.@out((byte)GuestDevices.NmiPort, al); guest.Mark(c, "after"); c.nop(); });
        guest.Run();
        Assert.Equal((2ul, 1ul), (guest.Rdx, guest.Rbx));
        Assert.Equal([guest.AddressOf("after"), guest.AddressOf("after")], guest.Events.Select(e => e.Rip));
        Assert.Equal(InterruptShadow.None, guest.State.Shadow);
    }

    [Fact]
    public void Nested_interrupts_return_in_order()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Rflags |= Rflags.IF;
        guest.Handler(0x41, c => { c.shl(edx, 4); c.or(edx, 2); c.iretq(); });
        guest.Handler(0x40, c =>
        {
            c.shl(edx, 4);
            c.or(edx, 1);
            c.sti();
            c.mov(eax, 0x41);
            c.@out((byte)GuestDevices.InterruptPort, al);
            c.nop();
            c.shl(edx, 4);
            c.or(edx, 3);
            c.iretq();
        });
        guest.Code(c => { c.mov(eax, 0x40); c.@out((byte)GuestDevices.InterruptPort, al); c.nop(); c.shl(edx, 4); c.or(edx, 4); });
        guest.Run();
        Assert.Equal(0x1234u, guest.Rdx);
    }

    [Fact]
    public void Int3_and_into_return_behind_themselves() // §6.4.4, traps
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.Handler(ExceptionVector.Breakpoint, c => { c.inc(ebx); c.iretd(); });
        guest.Handler(ExceptionVector.Overflow, c => { c.inc(ecx); c.iretd(); });
        guest.Code(c =>
        {
            c.int3();
            guest.Mark(c, "after int3");
            c.into(); // no overflow: nothing
            c.mov(eax, 0x7FFFFFFF);
            c.inc(eax);
            c.into();
            guest.Mark(c, "after into");
            c.nop();
        });
        guest.Run();
        Assert.Equal([guest.AddressOf("after int3"), guest.AddressOf("after into")], guest.Events.Select(e => e.Rip));
        Assert.Equal((1ul, 1ul), (guest.Rbx, guest.Rcx));
    }

    [Fact]
    public void Real_mode_pushes_three_words_and_takes_the_vector_from_the_table() // vol. 3 §20.1.4
    {
        using var guest = new GuestProgram(GuestMode.Real);
        guest.State.Rflags |= Rflags.IF;
        guest.Memory.Write(0x21 * 4, 0x7100_0010u);
        guest.Assemble(0x71010, c => { c.mov(bp, sp); c.mov(ax, __word_ptr[bp + 2]); c.mov(cx, __word_ptr[bp]); c.pushf(); c.pop(dx); c.iret(); });
        guest.Code(c => { c.stc(); c.@int(0x21); guest.Mark(c, "after"); c.pushf(); c.pop(bx); });
        guest.Run();
        Assert.Equal((0ul, guest.AddressOf("after")), (guest.Rax, guest.Rcx));
        Assert.Equal(0ul, guest.Rdx & Rflags.IF);
        Assert.Equal(Rflags.IF | Rflags.CF, guest.Rbx & (Rflags.IF | Rflags.CF));
        Assert.Equal(0x8000u, guest.Rsp & 0xFFFF);
    }

    [Fact]
    public void A_fault_pushes_rf_and_a_software_interrupt_does_not() // §17.3.1.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => c.ud2());
        guest.Run();
        Assert.Equal(Rflags.RF, guest.Memory.Read<ulong>(guest.Rsp + 16) & Rflags.RF);

        using var software = new GuestProgram(GuestMode.Long);
        software.Code(c => c.@int(Vector));
        software.Run();
        Assert.Equal(0ul, software.Memory.Read<ulong>(software.Rsp + 16) & Rflags.RF);
    }

    /// <summary>A handler that counts in EDX and returns.</summary>
    private static void Counting(GuestProgram guest) => guest.Handler(Vector, c =>
    {
        c.inc(edx);
        if (guest.Mode == GuestMode.Real) c.iret();
        else if (guest.Mode == GuestMode.Long) c.iretq();
        else c.iretd();
    });
}
