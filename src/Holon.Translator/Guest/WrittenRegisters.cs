using Iced.Intel;

namespace Holon.Translator.Guest;

/// <summary>Which general registers an instruction may write.</summary>
internal static class WrittenRegisters
{
    private const uint All = 0xFFFF, Rax = 1, Rcx = 2, Rdx = 4, Rbx = 8, Rsp = 16, Rbp = 32;

    /// <summary>A bit for each, by number; too many rather than too few.</summary>
    public static uint Of(in GuestInstruction instruction)
    {
        ref readonly var iced = ref instruction.Iced;
        switch (instruction.Class.Kind)
        {
            case InstructionKind.Nop or InstructionKind.ClearDirection or InstructionKind.Jump or InstructionKind.JumpIf or InstructionKind.JumpIndirect:
                return 0;
            case InstructionKind.Push or InstructionKind.Call or InstructionKind.CallIndirect or InstructionKind.Return:
                return Rsp;
            case InstructionKind.Lea or InstructionKind.ReadSelector or InstructionKind.SegmentBase or InstructionKind.ReadControl:
                return Bit(iced, 0);
            case InstructionKind.Pop:
                return Rsp | Bit(iced, 0);
            case InstructionKind.Leave:
                return Rsp | Rbp;
            case InstructionKind.Divide:
                return Rax | Rdx;
            case InstructionKind.ReadTimeStamp:
                return Rax | Rcx | Rdx;
            case InstructionKind.Copy:
                var written = MayWriteUnnamed(iced) ? Rax | Rcx | Rdx | Rbx : 0;
                if ((instruction.Class.Traits & Traits.ReadsFirst) == 0) written |= Bit(iced, 0);
                if ((instruction.Class.Traits & Traits.WritesSecond) != 0) written |= Bit(iced, 1);
                return written;
            default:
                return All;
        }
    }

    /// <summary>Whether it may write a register: see <see cref="Of"/>.</summary>
    public static bool Contain(in GuestInstruction instruction, Register register) => (Of(instruction) & (1u << register.GetNumber())) != 0;

    private static uint Bit(in Instruction iced, int operand) =>
        iced.OpCount > operand && iced.GetOpKind(operand) == OpKind.Register && iced.GetOpRegister(operand).IsGPR() ? 1u << iced.GetOpRegister(operand).GetFullRegister().GetNumber() : 0;

    /// <summary>MUL, CBW, CWD, CMPXCHG, LAHF, FNSTSW AX and their like: everything with fewer operands than it uses.</summary>
    private static bool MayWriteUnnamed(in Instruction iced) => iced.OpCount == 0 || iced.Mnemonic is Mnemonic.Mul or Mnemonic.Cmpxchg or Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b
        or Mnemonic.Fnstsw or Mnemonic.Fstsw or Mnemonic.Xchg or Mnemonic.Pcmpestri or Mnemonic.Pcmpistri or Mnemonic.Vpcmpestri or Mnemonic.Vpcmpistri
        || (iced.Mnemonic == Mnemonic.Imul && iced.OpCount == 1);
}
