using Holon.X86;

namespace Holon.Interpreter.Tests.X87;

/// <summary>A processor in real mode, with code, data and stack at selector 0 and 64 KiB of memory.</summary>
internal sealed class RealModeMachine : BareMachine
{
    public RealModeMachine()
        : base(16, 0x10000)
    {
        for (var i = 0; i < 6; i++) Cpu.State.Segments[i] = Segment.RealMode(0);
        Cpu.State.Segments[SegmentRegisters.Cs] = Segment.RealMode(0) with { Attributes = SegmentAttributes.RealModeCode };
        Cpu.State.Cr0 = Cr0.ET | Cr0.NE;
    }

    // Safe: the state lives in the interpreter's native memory.
    public unsafe ushort Ax => (ushort)Cpu.State.Gpr[0];
}
