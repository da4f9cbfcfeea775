using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>Branches and pops that AMD's processors do differently: see <see cref="MakerDifferences"/>.</summary>
internal static class AmdBranches
{
    private const int Rsp = 4;
    private const byte OperandSizePrefix = 0x66;

    /// <summary>Targets are cut to 16 bits, displacements of 32 bits are two bytes shorter, and stack slots have two bytes.</summary>
    public static bool NearBranchOfWord(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!test.HasPrefix(OperandSizePrefix) || !IsNearBranch(in instruction)) return false;
        if (!host.IsCompletion() || !engine.IsCompletion())
        {
            // Instruction, operand or stack slot ends in another page, or the full target is not canonical.
            if (!host.IsMemoryFault() && !engine.IsMemoryFault()) return false;
            engine = host;
            return true;
        }

        var next = test.Before.Rip + (ulong)test.CodeLength;
        var shorter = instruction.Op0Kind == OpKind.NearBranch64 && instruction.Code.ToOpCode().GetOpKind(0) == OpCodeOperandKind.br64_4 ? 2ul : 0;
        var taken = (engine.After.Rip - shorter) & 0xFFFF;
        var isExpected = host.After.Rip == taken || (engine.After.Rip == next && host.After.Rip == next - shorter);
        if (!isExpected) return false;
        engine.After.Rip = host.After.Rip;
        if (instruction.Mnemonic == Mnemonic.Ret) engine.After.Gpr[Rsp] -= 6;
        if (instruction.Mnemonic != Mnemonic.Call) return true;
        engine.After.Gpr[Rsp] += 6;
        engine.WrittenStart = host.WrittenStart;
        engine.WrittenLength = host.WrittenLength;
        engine.Written = host.Written;
        return true;
    }

    /// <summary>The unused bytes of a selector's slot, or the stack pointer after those of CS, can fault before CS is looked at.</summary>
    public static bool WholeStackSlots(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        const int notPresent = 11;
        var isReturn = instruction.Mnemonic is Mnemonic.Retf or Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq;
        var isPop = instruction.Mnemonic == Mnemonic.Pop && instruction.Op0Register.IsSegmentRegister();
        if (!isReturn && !isPop) return false;
        if (!host.IsPageFault() && !(host.IsAlignmentCheck() && test.ChecksAlignment())) return false;
        if (!engine.IsCompletion() && !engine.IsProtection() && engine.Vector != notPresent && !(engine.IsPageFault() && host.IsAlignmentCheck())) return false;
        const int largestFrame = 5 * 8;
        var parameters = instruction.Op0Kind == OpKind.Immediate16 ? instruction.Immediate16 : 0;
        if (host.IsPageFault() && !CaseOperand.IsInside(host.FaultAddress, test.Before.Gpr[Rsp], largestFrame + parameters)) return false;
        engine = host;
        return true;
    }

    /// <summary>F3 turns LOOPNE into LOOPE and F2 the reverse: one goes on where the other ends, unless the count has ended both.</summary>
    public static bool RepeatedLoop(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        const byte repne = 0xF2, repe = 0xF3;
        var reversed = instruction.Mnemonic switch { Mnemonic.Loopne => test.HasPrefix(repe), Mnemonic.Loope => test.HasPrefix(repne), _ => false };
        if (!reversed || !host.IsCompletion() || !engine.IsCompletion()) return false;
        var next = test.Before.Rip + (ulong)test.CodeLength;
        var other = engine.After.Rip == next ? instruction.NearBranchTarget : next;
        if (host.After.Rip != other) return false;
        engine.After.Rip = other;
        return true;
    }

    private static bool IsNearBranch(in Instruction instruction) =>
        instruction.IsJccShortOrNear || instruction.IsJmpShortOrNear || instruction.IsJmpNearIndirect || instruction.IsCallNear || instruction.IsCallNearIndirect
        || instruction.Mnemonic is Mnemonic.Ret or Mnemonic.Loop or Mnemonic.Loope or Mnemonic.Loopne or Mnemonic.Jecxz or Mnemonic.Jrcxz;
}
