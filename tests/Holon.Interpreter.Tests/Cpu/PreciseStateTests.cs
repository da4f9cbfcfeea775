using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>A fault in the middle of a block: everything before it has happened, nothing of it has, and instructions are counted (SDM vol. 3 §6.5).</summary>
public sealed class PreciseStateTests
{
    private const ulong Missing = GuestProgram.FreePages;

    public static TheoryData<string, Action<Assembler>> FaultingInstructions => new()
    {
        { "pop", c => c.pop(__qword_ptr[rbx]) },
        { "push", c => c.push(__qword_ptr[rbx]) },
        { "call", c => c.call(__qword_ptr[rbx]) },
        { "ret", c => { c.mov(r15, rsp); c.mov(rsp, rbx); c.ret(); } },
        { "xchg", c => c.xchg(__qword_ptr[rbx], rax) },
        { "cmpxchg", c => c.cmpxchg(__qword_ptr[rbx], rcx) },
        { "cmpxchg16b", c => c.cmpxchg16b(__xmmword_ptr[rbx]) },
        { "xadd", c => c.xadd(__qword_ptr[rbx], rax) },
        { "inc", c => c.inc(__qword_ptr[rbx]) },
        { "sbb", c => c.sbb(__qword_ptr[rbx], rax) },
        { "shl", c => c.shl(__qword_ptr[rbx], 3) },
        { "shld", c => c.shld(__qword_ptr[rbx], rax, 3) },
        { "bts", c => c.bts(__qword_ptr[rbx], rax) },
        { "mul", c => c.mul(__qword_ptr[rbx]) },
        { "div", c => c.div(__qword_ptr[rbx]) },
        { "movs", c => { c.mov(rsi, rbx); c.movsb(); } },
        { "stos", c => { c.mov(rdi, rbx); c.stosq(); } },
        { "lods", c => { c.mov(rsi, rbx); c.lodsb(); } },
        { "cmps", c => { c.mov(rdi, rbx); c.cmpsb(); } },
        { "leave", c => { c.mov(r15, rbp); c.mov(rbp, rbx); c.leave(); } },
        { "enter", c => { c.mov(rsp, rbx); c.enter(16, 0); } },
        { "enter, nested", c => { c.mov(rbp, rbx); c.enter(16, 3); } },
        { "lgdt", c => c.lgdt(__fword_ptr[rbx]) },
        { "sgdt", c => c.sgdt(__fword_ptr[rbx]) },
        { "lss", c => c.lss(eax, __fword_ptr[rbx]) },
        { "movups", c => c.movups(xmm1, __xmmword_ptr[rbx]) },
        { "paddb", c => c.paddb(xmm1, __xmmword_ptr[rbx]) },
        { "fld", c => c.fld(__qword_ptr[rbx]) },
        { "fstp", c => { c.fninit(); c.fld1(); c.fstp(__qword_ptr[rbx]); } },
        { "fxsave", c => c.fxsave(__[rbx]) },
        { "iret", c => { c.mov(rsp, rbx); c.iretq(); } },
        { "retf", c => { c.mov(rsp, rbx); c.db(0x48, 0xCB); } },
        { "outs", c => { c.mov(rsi, rbx); c.outsb(); } },
        { "in string", c => { c.mov(rdi, rbx); c.insb(); } },
        { "cmov", c => c.cmove(rax, __qword_ptr[rbx]) },
        { "setcc", c => c.sete(__byte_ptr[rbx]) },
        { "xlat", c => { c.xor(eax, eax); c.xlatb(); } },
        { "movbe", c => c.movbe(rax, __qword_ptr[rbx]) },
        { "vmovdqu", c => c.vmovdqu(ymm1, __ymmword_ptr[rbx]) },
    };

    [Theory]
    [MemberData(nameof(FaultingInstructions))]
    public void A_page_fault_changes_nothing_but_cr2(string name, Action<Assembler> code)
    {
        Assert.NotEmpty(name);
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Cr4 |= Cr4.Osfxsr | Cr4.Osxsave;
        guest.State.Xcr0 = 7;
        guest.Pages[Missing] = PageBits.None;
        guest.Pages[Missing - 0x1000] = PageBits.None; // what is pushed below it
        guest.SetGate((int)ExceptionVector.PageFault, Descriptors.InterruptGate32, GuestProgram.Handlers + 0xE0, stack: 1);
        CpuState? before = null;
        guest.Cpu.ExceptionTrace = (vector, _, _) =>
        {
            Assert.Equal((byte)ExceptionVector.PageFault, vector);
            before ??= guest.State;
        };
        for (var i = 0; i < 16; i++)
        {
            if (i != 4) guest[i] = 0x0101010101010101 * (ulong)i;
        }

        guest[3] = Missing;
        // Run to the instruction in question one by one, then the whole again as a block.
        var bytes = guest.Assemble(GuestProgram.Start, c => { c.nop(); c.stc(); code(c); c.nop(); });
        var count = Decode(bytes, guest).Count - 2; // without it and the last NOP
        for (var i = 0; i < count; i++) guest.Cpu.StepOne();
        var expected = guest.State;
        Assert.Null(before);

        ref var state = ref guest.State;
        for (var i = 0; i < 16; i++)
        {
            if (i != 4) guest[i] = 0x0101010101010101 * (ulong)i;
        }

        guest[3] = Missing;
        guest[4] = GuestProgram.StackTop;
        state.Rip = GuestProgram.Start;
        state.Rflags = Rflags.Fixed;
        state.FpuControl = 0x37F;
        state.FpuStatus = 0;
        state.FpuTag = 0xFFFF;
        var counted = guest.Cpu.InstructionCount;
        guest.Run();
        Assert.NotNull(before);
        var found = before.Value;
        unsafe
        {
            for (var i = 0; i < 16; i++) Assert.Equal(expected.Gpr[i], found.Gpr[i]);
            for (var i = 0; i < 512; i++) Assert.Equal(expected.Ymm[i], found.Ymm[i]);
        }

        Assert.Equal(expected.Rip, found.Rip);
        if (GuestProgram.IsInterpreter) Assert.Equal(expected.FpuTag, found.FpuTag); // the translator's is in the host's unit until code is left
        Assert.Equal(expected.Gdtr, found.Gdtr);
        for (var i = 0; i < 6; i++) Assert.Equal(expected.Segments[i], found.Segments[i]);
        if (GuestProgram.IsInterpreter) Assert.Equal((ulong)count + 1, guest.Cpu.InstructionCount - counted); // and the handler's HLT
        var flags = guest.Memory.Read<ulong>(GuestProgram.InterruptStackTop - 24);
        Assert.Equal(expected.Rflags, flags & ~Rflags.RF);
        Assert.Equal(Rflags.RF, flags & Rflags.RF); // vol. 3 §17.3.1.1: pushed as 1 by faults
    }

    [Fact]
    public void Instructions_are_counted_when_a_branch_leaves_a_block_early()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c =>
        {
            c.mov(ecx, 1000); // 1
            var again = c.CreateLabel();
            var skip = c.CreateLabel();
            c.Label(ref again);
            c.test(ecx, 1); // 1000 times
            c.jz(skip); // 1000 times, taken 500 times
            c.inc(eax); // 500 times
            c.nop(); // 500 times
            c.Label(ref skip);
            c.dec(ecx); // 1000 times
            c.jnz(again); // 1000 times
        });
        guest.Run();
        if (GuestProgram.IsInterpreter) Assert.Equal(1u + 4000 + 1000 + 1, guest.Cpu.InstructionCount);
        Assert.Equal(500u, guest.Rax);
    }

    [Fact]
    public void A_branch_beyond_the_segment_faults_at_the_branch_and_counts() // vol. 2, Jcc, LOOP
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.SetDescriptor(Selectors.Free, Descriptors.Segment(Descriptors.Code, limit: 0x8FFF));
        guest.State.Segments[SegmentRegisters.Cs] = guest.SegmentOf(Selectors.Free);
        guest.Assemble(0x8FF0, c => { c.mov(ecx, 5); guest.Mark(c, "branch"); c.loop(0x9010); c.nop(); c.nop(); });
        guest.State.Rip = 0x8FF0;
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, guest.AddressOf("branch")), guest.Event);
        Assert.Equal(5u, guest.Rcx);
        if (GuestProgram.IsInterpreter) Assert.Equal(2u, guest.Cpu.InstructionCount);
    }

    [Fact]
    public void Invalid_opcodes_fault_where_they_are()
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.mov(eax, 1); c.db(0x06); c.mov(eax, 2); }); // PUSH ES
        Assert.Equal(new GuestEvent(ExceptionVector.InvalidOpcode, 0, GuestProgram.Start + 5), guest.Event);
        Assert.Equal(1u, guest.Rax);
    }

    [Fact]
    public void An_instruction_longer_than_15_bytes_raises_general_protection() // vol. 3 §6.15, #GP
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => c.db([0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90]));
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, GuestProgram.Start), guest.Event);

        using var longest = new GuestProgram(GuestMode.Long);
        longest.Code(c => c.db([0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90]));
        longest.Run();
        Assert.Empty(longest.Events);
    }

    [Fact]
    public void Division_errors_are_faults() // vol. 3 §6.15, #DE
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.mov(eax, 7); c.cdq(); c.xor(ecx, ecx); guest.Mark(c, "divide"); c.idiv(ecx); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.DivideError, 0, guest.AddressOf("divide")), guest.Event);
        Assert.Equal((7ul, 0ul), (guest.Rax, guest.Rdx));
    }

    private static List<Instruction> Decode(byte[] code, GuestProgram guest)
    {
        var decoder = Decoder.Create(guest.Bitness, code, GuestProgram.Start);
        var instructions = new List<Instruction>();
        while (decoder.IP < GuestProgram.Start + (ulong)code.Length) instructions.Add(decoder.Decode());
        return instructions;
    }
}
