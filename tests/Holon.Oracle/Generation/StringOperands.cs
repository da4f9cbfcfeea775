using System.Runtime.InteropServices;
using Iced.Intel;

namespace Holon.Oracle.Generation;

/// <summary>Pointers, count and direction for MOVS, CMPS, SCAS, LODS, STOS, INS and OUTS.</summary>
internal static class StringOperands
{
    private const int Rax = 0, Rcx = 1, Rsi = 6, Rdi = 7;
    private const int LargestCount = 6; // an address range stays small, and no case runs long

    public static void Apply(CaseRandom random, in Instruction instruction, ref TestCase test)
    {
        ref var state = ref test.Before;
        var narrow = HasOperand(in instruction, OpKind.MemorySegESI) || HasOperand(in instruction, OpKind.MemoryESEDI);
        var size = Math.Max(instruction.MemorySize.GetSize(), 1);
        var count = 1;
        if (instruction.HasRepPrefix || instruction.HasRepnePrefix)
        {
            test.Flags |= CaseFlags.Repeats;
            count = random.Below(LargestCount + 1);
            SetRegister(random, ref state.Gpr[Rcx], (ulong)count, narrow);
        }

        if (random.Percent(25)) state.Rflags ^= X86.Rflags.DF;
        var backward = (state.Rflags & X86.Rflags.DF) != 0 ? (ulong)(Math.Max(count - 1, 0) * size) : 0;
        var length = Math.Max(count, 1) * size;
        var source = TargetAddress.Pick(random, length) + backward;
        var destination = random.Percent(20) ? source + (ulong)random.Between(-16, 16) : TargetAddress.Pick(random, length) + backward;
        var isComparison = instruction.Mnemonic is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq or Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq;
        if (isComparison && random.Percent(50)) (source, destination) = PlaceEqualElements(random, ref test);

        var segmentBase = instruction.SegmentPrefix switch { Register.FS => state.FsBase, Register.GS => state.GsBase, _ => 0ul };
        SetRegister(random, ref state.Gpr[Rsi], source - segmentBase, narrow);
        SetRegister(random, ref state.Gpr[Rdi], destination, narrow);
    }

    /// <summary>A run of equal bytes, in RAX too, so that repeated comparisons go on for a while.</summary>
    private static (ulong Source, ulong Destination) PlaceEqualElements(CaseRandom random, ref TestCase test)
    {
        const int run = 128;
        var value = (byte)random.Next();
        var patch = MemoryMarshal.CreateSpan(ref test.Patch[0], run);
        patch.Fill(value);
        if (random.Percent(50)) patch[random.Below(run)] ^= 1;
        var address = TargetAddress.Inside(random, run);
        MemoryPatch.Place(ref test, address, run);
        test.Before.Gpr[Rax] = value * 0x0101010101010101ul;
        return (address + (ulong)random.Below(run), address + (ulong)random.Below(run));
    }

    private static bool HasOperand(in Instruction instruction, OpKind kind)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == kind) return true;
        }

        return false;
    }

    private static void SetRegister(CaseRandom random, ref ulong register, ulong value, bool narrow) =>
        register = narrow ? (random.Next() & 0xFFFF_FFFF_0000_0000) | (uint)value : value;
}
