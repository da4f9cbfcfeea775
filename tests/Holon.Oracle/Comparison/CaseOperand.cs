using Holon.X86;
using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>Where a case's memory operand lies, and how outcomes are told apart.</summary>
internal static class CaseOperand
{
    private const int InvalidOpcode = 6, StackFault = 12, GeneralProtection = 13, PageFault = 14, AlignmentCheck = 17;

    /// <summary>The linear address of the memory operand.</summary>
    /// <returns>False when there is none.</returns>
    public static bool TryGetAddress(in TestCase test, in Instruction instruction, out ulong address) => TryGet(in test, in instruction, true, out address);

    /// <summary>Its offset in the segment.</summary>
    /// <returns>False when there is none.</returns>
    public static bool TryGetOffset(in TestCase test, in Instruction instruction, out ulong offset) => TryGet(in test, in instruction, false, out offset);

    /// <summary>True when the memory operand is not at a multiple of its size, or of an alignment.</summary>
    public static bool IsMisaligned(in TestCase test, in Instruction instruction, int alignment) =>
        TryGetAddress(in test, in instruction, out var address) && (address & ((ulong)alignment - 1)) != 0;

    public static bool IsInside(ulong address, ulong start, int length) => address - start < (ulong)length;

    public static bool IsCompletion(this in CaseResult result) => result.Vector == CaseResult.Completed;

    public static bool IsUndefinedOpcode(this in CaseResult result) => result.Vector == InvalidOpcode;

    public static bool IsProtection(this in CaseResult result) => result.Vector == GeneralProtection;

    public static bool IsPageFault(this in CaseResult result) => result.Vector == PageFault;

    public static bool IsAlignmentCheck(this in CaseResult result) => result.Vector == AlignmentCheck;

    public static bool IsStackFault(this in CaseResult result) => result.Vector == StackFault;

    /// <summary>True for what an access to memory can raise.</summary>
    public static bool IsMemoryFault(this in CaseResult result) => result.Vector is PageFault or GeneralProtection or StackFault or AlignmentCheck;

    /// <summary>True when alignment is checked: RFLAGS.AC is set.</summary>
    public static bool ChecksAlignment(this in TestCase test) => (test.Before.Rflags & Rflags.AC) != 0;

    /// <summary>True when a legacy prefix is among those of the instruction.</summary>
    public static bool HasPrefix(this in TestCase test, byte prefix)
    {
        foreach (var value in ((ReadOnlySpan<byte>)test.Code)[..test.CodeLength])
        {
            if (value == prefix) return true;
            if (value is not (0x26 or 0x2E or 0x36 or 0x3E or 0x64 or 0x65 or 0x66 or 0x67 or 0xF0 or 0xF2 or 0xF3)) return false;
        }

        return false;
    }

    private static bool TryGet(in TestCase test, in Instruction instruction, bool withBase, out ulong address)
    {
        address = 0;
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) is < OpKind.MemorySegSI) continue; // registers, immediates, branch targets
            var before = test.Before;
            return instruction.TryGetVirtualAddress(i, 0, out address, (Register register, int _, int _, out ulong value) =>
            {
                value = !register.IsSegmentRegister() ? before.Gpr[register.GetFullRegister() - Register.RAX]
                    : !withBase ? 0
                    : register == Register.FS ? before.FsBase
                    : register == Register.GS ? before.GsBase
                    : 0;
                return true;
            });
        }

        return false;
    }
}
