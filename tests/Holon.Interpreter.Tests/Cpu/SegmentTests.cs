using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Segment registers, limits, types and descriptor tables (SDM vol. 3 ch. 3, §5.3 to §5.6).</summary>
public sealed class SegmentTests
{
    private const ushort Slot = Selectors.Free;

    [Theory]
    [InlineData(0x0FFCu, true)]
    [InlineData(0x0FFDu, false)]
    [InlineData(0xFFFFFFFFu, false)]
    public void A_limit_is_the_last_byte_that_may_be_touched(uint offset, bool allowed) // §5.3
    {
        using var guest = Using(Descriptors.Segment(Descriptors.Data, start: (uint)GuestProgram.Data, limit: 0xFFF));
        guest.Memory.Write(GuestProgram.Data + 0xFFC, 0x55);
        guest.Code(c => { c.mov(ebx, offset); c.mov(ecx, 0x10); c.mov(eax, Slot); c.mov(es, eax); c.mov(eax, __dword_ptr.es[ebx]); });
        guest.Run();
        if (allowed) Assert.Equal(0x55u, guest.Rax);
        else Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Theory]
    [InlineData(0x0FFFu, false)]
    [InlineData(0x1000u, true)]
    [InlineData(0xFFFCu, true)]
    [InlineData(0xFFFDu, false)]
    public void An_expand_down_segment_begins_above_its_limit(uint offset, bool allowed) // §5.3
    {
        using var guest = Using(Descriptors.Segment(Descriptors.DataExpandDown, limit: 0xFFF, attributes: SegmentAttributes.None)); // B clear: up to 64 KiB
        guest.Code(c => { c.mov(ebx, offset); c.mov(eax, Slot); c.mov(es, eax); c.mov(eax, __dword_ptr.es[ebx]); });
        guest.Run();
        Assert.Equal(allowed, guest.Events.Count == 0);
    }

    [Fact]
    public void A_big_expand_down_segment_ends_at_4_gibibytes()
    {
        using var guest = Using(Descriptors.Segment(Descriptors.DataExpandDown, limit: 0xFFF));
        guest.Code(c => { c.mov(eax, Slot); c.mov(es, eax); c.mov(ebx, 0x20000); c.mov(__dword_ptr.es[ebx], ebx); c.mov(ebx, -4); c.mov(eax, __dword_ptr.es[ebx]); });
        guest.Run();
        Assert.Empty(guest.Events);
    }

    [Fact]
    public void Beyond_the_limit_of_ss_is_a_stack_fault() // §6.15, #SS
    {
        using var guest = Using(Descriptors.Segment(Descriptors.Data, limit: 0xFFF));
        // The handler gets a good stack by a conforming detour: a task is not needed, the event is seen before delivery.
        guest.Code(c => { c.mov(eax, Slot); c.mov(ss, eax); c.mov(esp, 0x1002); c.push(eax); });
        guest.Run();
        Assert.Equal((ExceptionVector.StackFault, 0u), (guest.Events[0].Vector, guest.Events[0].ErrorCode));
    }

    [Fact]
    public void A_16_bit_stack_wraps_at_64_kibibytes_and_keeps_the_upper_half_of_esp() // vol. 1 §6.2.3
    {
        using var guest = Using(Descriptors.Segment(Descriptors.Data, start: (uint)GuestProgram.FreePages, limit: 0xFFFF, attributes: SegmentAttributes.None));
        guest.Code(c => { c.mov(eax, Slot); c.mov(ss, eax); c.mov(esp, 0xABCD0000); c.push(0x11223344); c.pop(ebx); c.push(5); });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0x11223344ul, 0xABCDFFFCul), (guest.Rbx, guest.Rsp));
        Assert.Equal(5, guest.Memory.Read<int>(GuestProgram.FreePages + 0xFFFC));
    }

    [Theory]
    [InlineData(Descriptors.ReadOnlyData, true, false)]
    [InlineData(Descriptors.Data, true, true)]
    [InlineData(Descriptors.Code, true, false)]
    public void The_type_says_what_may_be_done(int type, bool read, bool write) // §5.4.2
    {
        foreach (var writing in (bool[])[false, true])
        {
            using var guest = Using(Descriptors.Segment(type));
            guest.Code(c =>
            {
                c.mov(eax, Slot);
                c.mov(es, eax);
                if (writing) c.mov(__dword_ptr.es[(uint)GuestProgram.Data], eax);
                else c.mov(eax, __dword_ptr.es[(uint)GuestProgram.Data]);
            });
            guest.Run();
            Assert.Equal(writing ? write : read, guest.Events.Count == 0);
            if (guest.Events.Count > 0) Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
        }
    }

    [Fact]
    public void Code_segments_are_never_writable_and_execute_only_ones_never_readable() // §5.4.2
    {
        using var guest = GuestProgram.Run(GuestMode.Protected, c => c.mov(__dword_ptr.cs[(uint)GuestProgram.Data], eax));
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);

        using var reading = Using(Descriptors.Segment(Descriptors.ExecuteOnlyCode));
        reading.State.Segments[SegmentRegisters.Cs] = reading.SegmentOf(Slot);
        reading.Code(c => c.mov(eax, __dword_ptr.cs[(uint)GuestProgram.Data]));
        reading.Run();
        Assert.Equal(ExceptionVector.GeneralProtection, reading.Event.Vector);
    }

    [Fact]
    public void A_null_selector_loads_and_then_faults_when_used() // §3.4.2
    {
        using var guest = GuestProgram.Run(GuestMode.Protected, c => { c.mov(eax, 3); c.mov(es, eax); c.mov(ebx, es); c.mov(eax, __dword_ptr.es[0x10000]); });
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
        Assert.Equal(3u, guest.Rbx);
    }

    [Fact]
    public void A_null_stack_segment_faults_when_loaded() // §3.4.2
    {
        using var guest = GuestProgram.Run(GuestMode.Protected, c => { c.xor(eax, eax); c.mov(ss, eax); });
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
        Assert.Equal(Selectors.KernelData, guest.State.Segments[SegmentRegisters.Ss].Selector);
    }

    [Fact]
    public void In_64_bit_mode_null_segments_work_and_a_null_stack_is_for_the_kernel_only() // §5.4.1.1
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c =>
        {
            c.xor(eax, eax);
            c.mov(ds, eax);
            c.mov(es, eax);
            c.mov(ss, eax);
            c.mov(ecx, __dword_ptr[GuestProgram.Data]);
            c.push(rcx);
        });
        Assert.Empty(guest.Events);

        using var user = new GuestProgram(GuestMode.Long);
        user.StartInUserMode();
        user.Assemble(GuestProgram.UserCode, c => { c.mov(eax, 3); guest.Mark(c, "load"); c.mov(ss, eax); });
        user.Run();
        Assert.Equal(ExceptionVector.GeneralProtection, user.Event.Vector);
    }

    [Fact]
    public void Bases_are_read_and_written_with_all_their_bits() // vol. 2, RDFSBASE, WRFSBASE
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Cr4 |= Cr4.Fsgsbase;
        guest.Code(c =>
        {
            c.mov(r13, 0xFFFF_8123_4567_89ABul);
            c.mov(rax, GuestProgram.Data);
            c.stc();
            c.wrgsbase(r13);
            c.wrfsbase(rax);
            c.setc(bl); // flags are as before
            c.mov(__dword_ptr.fs[8], 77);
            c.rdgsbase(rsi);
            c.rdfsbase(r14);
            c.mov(edi, __dword_ptr[r14 + 8]);
        });
        guest.Run();
        Assert.Equal((0xFFFF_8123_4567_89ABul, GuestProgram.Data, 77ul, 1ul), (guest.Rsi, guest[14], guest.Rdi, guest.Rbx & 0xFF));
    }

    [Theory]
    [InlineData(true, 0x8000_0000_0000ul, ExceptionVector.GeneralProtection)]
    [InlineData(true, 0x8000_0000_0000_0000ul, ExceptionVector.GeneralProtection)]
    [InlineData(false, 0ul, ExceptionVector.InvalidOpcode)]
    public void Bases_that_cannot_be_are_refused(bool enabled, ulong value, ExceptionVector expected)
    {
        using var guest = new GuestProgram(GuestMode.Long);
        if (enabled) guest.State.Cr4 |= Cr4.Fsgsbase;
        guest.Code(c => { c.mov(r15, value); c.wrgsbase(r15); });
        guest.Run();
        Assert.Equal(expected, guest.Event.Vector);
        Assert.Equal(0ul, guest.State.Segments[SegmentRegisters.Gs].Base);
    }

    [Fact]
    public void A_selector_is_stored_in_two_bytes() // vol. 2, MOV
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c =>
        {
            c.mov(rcx, GuestProgram.Data);
            c.mov(__qword_ptr[rcx], -1);
            c.mov(__word_ptr[rcx + 2], ss);
            c.mov(rax, -1);
            c.mov(ax, cs);
            c.mov(r14, -1);
            c.mov(r14w, cs);
            c.mov(r10, -1);
            c.mov(r10w, cs);
        });
        Assert.Equal(0xFFFF_FFFF_0000_FFFFul | ((ulong)guest.State.Segments[SegmentRegisters.Ss].Selector << 16), guest.Memory.Read<ulong>(GuestProgram.Data));
        const ulong expected = 0xFFFF_FFFF_FFFF_0000ul | Selectors.KernelCode;
        Assert.Equal((expected, expected, expected), (guest.Rax, guest[10], guest[14]));
    }

    [Fact]
    public void Loading_a_null_selector_clears_the_base_of_fs() // vol. 3 §3.4.4.1, as Intel's processors do it
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Cr4 |= Cr4.Fsgsbase;
        guest.Code(c => { c.mov(rax, 0x1234); c.wrfsbase(rax); c.xor(ecx, ecx); c.mov(fs, ecx); c.rdfsbase(rax); });
        guest.Run();
        Assert.Equal(0u, guest.Rax);
    }

    [Theory]
    [InlineData(SegmentRegisters.Ds, Descriptors.Data, 0, false, ExceptionVector.SegmentNotPresent)]
    [InlineData(SegmentRegisters.Ss, Descriptors.Data, 0, false, ExceptionVector.StackFault)]
    [InlineData(SegmentRegisters.Ss, Descriptors.ReadOnlyData, 0, true, ExceptionVector.GeneralProtection)]
    [InlineData(SegmentRegisters.Ss, Descriptors.Data, 3, true, ExceptionVector.GeneralProtection)]
    [InlineData(SegmentRegisters.Ss, Descriptors.Code, 0, true, ExceptionVector.GeneralProtection)]
    [InlineData(SegmentRegisters.Ds, Descriptors.ExecuteOnlyCode, 0, true, ExceptionVector.GeneralProtection)]
    public void Loading_checks_the_descriptor(int register, int type, int level, bool present, ExceptionVector vector) // vol. 2, MOV
    {
        using var guest = Using(Descriptors.Segment(type, level, present: present));
        guest.Code(c => { c.mov(eax, Slot); guest.Mark(c, "load"); c.mov(register == SegmentRegisters.Ss ? ss : ds, eax); });
        guest.Run();
        Assert.Equal(new GuestEvent(vector, Slot, guest.AddressOf("load")), guest.Event);
        Assert.Equal(Selectors.KernelData, guest.State.Segments[register].Selector);
    }

    [Fact]
    public void User_code_loads_no_kernel_data() // §5.5
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.StartInUserMode();
        guest.Assemble(GuestProgram.UserCode, c => { c.mov(eax, Selectors.KernelData | 3); c.mov(ds, eax); });
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, (uint)Selectors.KernelData), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Fact]
    public void Loading_sets_the_accessed_bit_once() // §3.4.5.1
    {
        using var guest = Using(Descriptors.Segment(2));
        guest.Code(c => { c.mov(eax, Slot); c.mov(es, eax); });
        guest.Run();
        Assert.Equal(0x93, guest.Memory.Read<byte>(GuestProgram.Gdt + Slot + 5));
    }

    [Fact]
    public void The_local_table_is_used_for_selectors_with_ti() // §3.5.1
    {
        using var guest = Using(Descriptors.System(Descriptors.Ldt, (uint)GuestProgram.Data, 0xF));
        guest.Memory.Write(GuestProgram.Data + 8, Descriptors.Segment(Descriptors.Data, start: 0x1000));
        guest.Memory.Write(GuestProgram.Data + 0x1000, 0x77);
        guest.Code(c =>
        {
            c.mov(eax, Slot);
            c.lldt(ax);
            c.mov(eax, 0xC);
            c.mov(fs, eax);
            c.mov(ebx, __dword_ptr.fs[(uint)GuestProgram.Data]);
            c.mov(eax, 0x14); // beyond the limit
            c.mov(gs, eax);
        });
        guest.Run();
        Assert.Equal(0x77u, guest.Rbx);
        Assert.Equal((ExceptionVector.GeneralProtection, 0x14u), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Fact]
    public void Ltr_marks_the_task_busy_and_refuses_a_busy_one() // vol. 2, LTR
    {
        using var guest = Using(Descriptors.System(Descriptors.Tss32, (uint)GuestProgram.Tss, 0x67));
        guest.Code(c => { c.mov(eax, Slot); c.ltr(ax); guest.Mark(c, "again"); c.ltr(ax); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, Slot, guest.AddressOf("again")), guest.Event);
        Assert.Equal(0x8B, guest.Memory.Read<byte>(GuestProgram.Gdt + Slot + 5));
    }

    [Fact]
    public void Execution_past_the_limit_of_the_code_segment_faults() // §5.3
    {
        using var guest = Using(Descriptors.Segment(Descriptors.Code, limit: 0x8004));
        guest.State.Segments[SegmentRegisters.Cs] = guest.SegmentOf(Slot);
        guest.Code(c => { c.nop(); c.nop(); guest.Mark(c, "past"); c.mov(eax, 5); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, guest.AddressOf("past")), guest.Event);
        Assert.Equal(0u, guest.Rax);
    }

    [Fact]
    public void Code_within_its_limit_runs_and_loops_normally()
    {
        using var guest = Using(Descriptors.Segment(Descriptors.Code, limit: 0x8020));
        guest.State.Segments[SegmentRegisters.Cs] = guest.SegmentOf(Slot);
        guest.Code(c =>
        {
            c.mov(ecx, 100);
            var again = c.CreateLabel();
            c.Label(ref again);
            c.add(eax, 2);
            c.loop(again);
        });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(200u, guest.Rax);
    }

    [Fact]
    public void Real_mode_offsets_end_at_64_kibibytes() // vol. 3 §20.1.1
    {
        using var guest = new GuestProgram(GuestMode.Real);
        guest.Code(c => { c.mov(bx, 0xFFFF); c.mov(al, __byte_ptr[bx]); guest.Mark(c, "word"); c.mov(ax, __word_ptr[bx]); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, guest.AddressOf("word")), guest.Event);
    }

    [Fact]
    public void Sixteen_bit_addresses_wrap_within_the_segment() // vol. 1 §3.7.5
    {
        using var guest = new GuestProgram(GuestMode.Real);
        guest.State.Segments[SegmentRegisters.Ds] = Segment.RealMode(0x6000);
        guest.Memory.Write(0x60010, (byte)0x33);
        guest.Code(c => { c.mov(bx, 0xFFF0); c.mov(si, 0x1E); c.mov(al, __byte_ptr[bx + si + 2]); });
        guest.Run();
        Assert.Equal(0x33u, guest.Rax & 0xFF);
    }

    [Fact]
    public void Unreal_mode_keeps_the_limit_that_protected_mode_loaded() // vol. 3 §9.9.2: only selector and base change
    {
        using var guest = new GuestProgram(GuestMode.Real);
        guest.State.Segments[SegmentRegisters.Es] = guest.State.Segments[SegmentRegisters.Es] with { Limit = 0xFFFFFFFF };
        guest.Memory.Write(0x200010, 0x44);
        guest.Code(c => { c.mov(ax, 1); c.mov(es, ax); c.mov(ebx, 0x200000); c.mov(eax, __dword_ptr.es[ebx]); });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(0x44u, guest.Rax);
    }

    [Fact]
    public void Lar_and_lsl_answer_without_faulting() // vol. 2, LAR, LSL
    {
        using var guest = Using(Descriptors.Segment(Descriptors.Data, limit: 0xFFFFF));
        guest.Code(c =>
        {
            c.mov(ecx, Slot);
            c.lsl(eax, ecx);
            c.setz(dl);
            c.mov(ecx, 0x2000);
            c.lsl(ebx, ecx);
            c.setz(dh);
            c.verr(cx);
            c.setz(cl);
        });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0xFFFFFul, 1ul, 0ul), (guest.Rax, guest.Rdx, guest.Rcx & 0xFF));
    }

    private static GuestProgram Using(ulong descriptor)
    {
        var guest = new GuestProgram(GuestMode.Protected);
        guest.SetDescriptor(Slot, descriptor);
        return guest;
    }
}
