using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>The instruction count is the same whether blocks run whole or step by step.</summary>
public sealed class InstructionCountTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_way_out_of_a_block_counts_once(bool stepping)
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        var steps = 0ul;
        if (stepping) guest.Cpu.InstructionTrace = () => steps++;
        guest.Handler(4, c => c.iretd()); // 1
        guest.Handler(6, c => { c.add(__dword_ptr[esp], 2); c.iretd(); }); // 2
        guest.Code(Everything);
        guest.Run();
        // XOR NOP; INC CMP JE three times and JMP twice; UD2's handler; STI NOP; PUSH POP; MOV INC INTO and its handler;
        // MOV MOV and REP STOSB as one; CALL RET JMP NOP; HLT.
        Assert.Equal(2ul + (3 * 3) + 2 + 2 + 2 + 2 + 4 + 3 + 4 + 1, guest.Cpu.InstructionCount);
        if (stepping) Assert.Equal(guest.Cpu.InstructionCount, steps - 1); // the trace also saw UD2, which did not complete
    }

    private static void Everything(Assembler c)
    {
        c.xor(eax, eax);
        c.nop();
        var again = c.CreateLabel();
        var faults = c.CreateLabel();
        var on = c.CreateLabel();
        var routine = c.CreateLabel();
        c.Label(ref again);
        c.inc(eax);
        c.cmp(eax, 3);
        c.je(faults);
        c.jmp(again);
        c.Label(ref faults);
        c.ud2();
        c.sti();
        c.nop();
        c.push(eax);
        c.pop(ebx);
        c.mov(eax, 0x7FFFFFFF);
        c.inc(eax);
        c.into();
        c.mov(edi, (uint)GuestProgram.Data);
        c.mov(ecx, 50);
        c.rep.stosb();
        c.call(routine);
        c.jmp(on);
        c.Label(ref routine);
        c.ret();
        c.Label(ref on);
        c.nop();
    }
}
