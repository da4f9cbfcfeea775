using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Single-stepping, breakpoints, watchpoints (SDM vol. 3 ch. 17).</summary>
public sealed class DebugTests
{
    private const ulong SingleStep = 1 << 14, DebugRegister = 1 << 13;

    [Fact]
    public void The_trap_flag_traps_after_the_instruction_after_popf() // §17.3.1.4
    {
        using var guest = Tracing((c, g) =>
        {
            c.push(0x102);
            c.popfq();
            c.nop();
            g.Mark(c, "1");
            c.mov(eax, 5);
            g.Mark(c, "2");
            c.push(2);
            g.Mark(c, "3");
            c.popfq(); // TF was set before it: it still traps
            g.Mark(c, "4");
            c.nop();
        });
        guest.Run();
        Assert.Equal([guest.AddressOf("1"), guest.AddressOf("2"), guest.AddressOf("3"), guest.AddressOf("4")], guest.Events.Select(e => e.Rip));
        Assert.All(guest.Events, e => Assert.Equal(ExceptionVector.Debug, e.Vector));
        Assert.Equal(SingleStep, Dr(guest, 6) & SingleStep);
    }

    [Fact]
    public void Every_iteration_of_a_repeated_instruction_traps() // vol. 2, REP; vol. 3 §17.3.1.4
    {
        using var guest = Tracing((c, g) =>
        {
            c.mov(edi, (uint)GuestProgram.Data);
            c.mov(ecx, 3);
            c.push(0x102);
            c.popfq();
            g.Mark(c, "rep");
            c.rep.stosb();
            g.Mark(c, "after");
            c.nop();
            c.push(2);
            c.popfq();
            c.nop();
        });
        guest.Run();
        var (rep, after) = (guest.AddressOf("rep"), guest.AddressOf("after"));
        Assert.Equal([rep, rep, after], guest.Events.Take(3).Select(e => e.Rip));
    }

    [Fact]
    public void Sti_does_not_hold_the_trap_back() // §6.8.3 speaks of MOV SS and POP SS only
    {
        using var guest = Tracing((c, g) => { c.push(0x102); c.popfq(); c.sti(); g.Mark(c, "1"); c.nop(); g.Mark(c, "2"); c.push(2); c.popfq(); c.nop(); });
        guest.Run();
        Assert.Equal([guest.AddressOf("1"), guest.AddressOf("2")], guest.Events.Take(2).Select(e => e.Rip));
    }

    [Fact]
    public void Mov_ss_holds_the_trap_back_for_one_instruction() // §6.8.3
    {
        using var guest = Tracing((c, g) =>
        {
            c.mov(ebx, Selectors.KernelData);
            c.push(0x102);
            c.popfq();
            c.mov(ss, ebx);
            c.nop();
            g.Mark(c, "1");
            c.push(2);
            c.popfq();
            c.nop();
        });
        guest.Run();
        Assert.Equal(guest.AddressOf("1"), guest.Events[0].Rip);
    }

    [Fact]
    public void An_instruction_breakpoint_is_a_fault_that_rf_steps_over() // §17.3.1.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Handler(ExceptionVector.Debug, c => { c.inc(edx); c.or(__dword_ptr[rsp + 16], (int)Rflags.RF); c.iretq(); });
        guest.Code(c =>
        {
            c.mov(ecx, 3);
            var again = c.CreateLabel();
            c.Label(ref again);
            c.nop();
            guest.Mark(c, "break");
            c.inc(eax);
            c.loop(again);
        });
        Arm(guest, 0, guest.AddressOf("break"), 0);
        guest.Run();
        Assert.Equal((3ul, 3ul), (guest.Rax, guest.Rdx));
        Assert.All(guest.Events, e => Assert.Equal(guest.AddressOf("break"), e.Rip));
        Assert.Equal(1ul, Dr(guest, 6) & 0xF);
    }

    [Fact]
    public void A_breakpoint_without_rf_breaks_again() // §17.3.1.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Handler(ExceptionVector.Debug, c =>
        {
            c.inc(edx);
            c.cmp(edx, 2);
            var on = c.CreateLabel();
            c.jb(on);
            c.xor(ebx, ebx);
            c.mov(dr7, rbx);
            c.Label(ref on);
            c.iretq();
        });
        guest.Code(c => { c.nop(); guest.Mark(c, "break"); c.inc(eax); });
        Arm(guest, 0, guest.AddressOf("break"), 0);
        guest.Run();
        Assert.Equal((1ul, 2ul), (guest.Rax, guest.Rdx));
    }

    [Fact]
    public void A_breakpoint_on_an_instruction_that_faults_breaks_once() // §17.3.1.1: faults push RF as 1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[GuestProgram.FreePages] = PageBits.None;
        var entry = guest.Pages.EntryAddress(GuestProgram.FreePages);
        guest.Handler(ExceptionVector.Debug, c => { c.inc(edx); c.or(__dword_ptr[rsp + 16], (int)Rflags.RF); c.iretq(); });
        guest.Handler(ExceptionVector.PageFault, c => { c.mov(__dword_ptr[entry], (uint)GuestProgram.FreePages | 3); c.add(rsp, 8); c.iretq(); });
        guest.Code(c => { c.nop(); guest.Mark(c, "break"); c.mov(eax, __dword_ptr[GuestProgram.FreePages]); c.nop(); });
        Arm(guest, 3, guest.AddressOf("break"), 0);
        guest.Run();
        Assert.Equal([ExceptionVector.Debug, ExceptionVector.PageFault], guest.Events.Select(e => e.Vector));
    }

    [Theory]
    [InlineData(1, 4, false, 0x10000, 4)] // a write in it
    [InlineData(1, 4, true, 0x10000, 0)] // a read is not
    [InlineData(3, 4, true, 0x10000, 4)] // reads and writes
    [InlineData(1, 1, false, 0x10003, 4)] // the last byte of the access
    [InlineData(1, 2, false, 0x10004, 0)] // behind it
    [InlineData(1, 8, false, 0x10000, 4)]
    [InlineData(1, 8, false, 0x10007, 4)] // aligned down to its length
    public void A_watchpoint_traps_after_the_access(int kind, int length, bool read, ulong address, int expected) // §17.3.1.2
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c =>
        {
            c.nop();
            if (read) c.mov(eax, __dword_ptr[0x10000]);
            else c.mov(__dword_ptr[0x10000], eax);
            guest.Mark(c, "after");
            c.nop();
        });
        Arm(guest, 2, address, kind | (length switch { 1 => 0, 2 => 4, 8 => 8, _ => 12 }));
        guest.Run();
        Assert.Equal(expected, guest.Events.Count * 4);
        if (expected == 0) return;
        Assert.Equal(new GuestEvent(ExceptionVector.Debug, 0, guest.AddressOf("after")), guest.Event);
        Assert.Equal(4ul, Dr(guest, 6) & 0xF);
    }

    [Fact]
    public void A_watchpoint_stops_a_repeated_store_after_the_iteration_that_hits() // §17.3.1.2
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c =>
        {
            c.mov(edi, 0x10000);
            c.mov(ecx, 100);
            guest.Mark(c, "rep");
            c.rep.stosb();
        });
        Arm(guest, 0, 0x1000A, 1);
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.Debug, 0, guest.AddressOf("rep")), guest.Event);
        Assert.Equal((0x1000Bul, 89ul), (guest.Rdi, guest.Rcx));
    }

    [Fact]
    public void A_watchpoint_set_late_is_seen_although_the_page_was_used_before()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest[3] = 0x10000;
        guest[6] = 0x400 | 2 | (0xDul << 16);
        guest.Code(c =>
        {
            c.mov(__dword_ptr[0x10000], eax);
            c.mov(dr0, rbx);
            c.mov(dr7, rsi);
            c.mov(__dword_ptr[0x10000], eax);
            guest.Mark(c, "after");
            c.nop();
        });
        guest.Run();
        Assert.Equal(guest.AddressOf("after"), guest.Event.Rip);
    }

    [Fact]
    public void An_io_breakpoint_needs_de() // §17.2.4, §17.3.1.2
    {
        foreach (var enabled in (bool[])[false, true])
        {
            using var guest = new GuestProgram(GuestMode.Long);
            if (enabled) guest.State.Cr4 |= Cr4.De;
            guest.Code(c => { c.@out(0x77, al); guest.Mark(c, "after"); c.nop(); });
            Arm(guest, 0, 0x77, 2);
            guest.Run();
            Assert.Equal(enabled ? 1 : 0, guest.Events.Count);
            if (enabled) Assert.Equal(guest.AddressOf("after"), guest.Event.Rip);
        }
    }

    [Fact]
    public void General_detect_protects_the_debug_registers() // §17.2.4, GD
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.nop(); guest.Mark(c, "move"); c.mov(rax, dr3); });
        SetDr(guest, 7, 0x400 | (1 << 13));
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.Debug, 0, guest.AddressOf("move")), guest.Event);
        Assert.Equal(DebugRegister, Dr(guest, 6) & DebugRegister);
        Assert.Equal(0ul, Dr(guest, 7) & (1 << 13)); // so that the handler can use them
    }

    [Fact]
    public void Dr4_and_dr5_are_aliases_until_de() // §17.2.2
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.mov(eax, 1); c.mov(dr5, rax); c.mov(rbx, dr7); });
        Assert.Equal(0x401u, guest.Rbx);
        using var extended = new GuestProgram(GuestMode.Long);
        extended.State.Cr4 |= Cr4.De;
        extended.Code(c => c.mov(rbx, dr4));
        extended.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, extended.Event.Vector);
    }

    [Fact]
    public void Upper_halves_of_dr6_and_dr7_are_reserved() // §17.2.6
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.mov(rax, 1L << 32); c.mov(dr0, rax); c.mov(dr7, rax); });
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
        Assert.Equal(1ul << 32, Dr(guest, 0));
    }

    [Fact]
    public void A_trap_after_hlt_wakes_it() // vol. 2, HLT
    {
        using var guest = Tracing((c, g) => { c.push(0x102); c.popfq(); c.hlt(); g.Mark(c, "after"); c.mov(eax, 1); c.push(2); c.popfq(); c.nop(); });
        guest.Run();
        Assert.Equal(guest.AddressOf("after"), guest.Events[0].Rip);
        Assert.Equal(1u, guest.Rax);
    }

    /// <summary>A program whose debug handler just returns.</summary>
    private static GuestProgram Tracing(Action<Assembler, GuestProgram> code)
    {
        var guest = new GuestProgram(GuestMode.Long);
        guest.Handler(ExceptionVector.Debug, c => c.iretq());
        guest.Code(c => code(c, guest));
        return guest;
    }

    private static void Arm(GuestProgram guest, int number, ulong address, int kindAndLength)
    {
        SetDr(guest, number, address);
        SetDr(guest, 7, 0x400 | (2ul << (2 * number)) | ((ulong)kindAndLength << (16 + (4 * number))));
    }

    private static unsafe ulong Dr(GuestProgram guest, int number) => guest.State.Dr[number];

    private static unsafe void SetDr(GuestProgram guest, int number, ulong value) => guest.State.Dr[number] = value;
}
