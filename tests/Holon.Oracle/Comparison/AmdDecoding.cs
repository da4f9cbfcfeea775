using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>Opcodes that AMD's processors take for something else: see <see cref="MakerDifferences"/>.</summary>
internal static class AmdDecoding
{
    private const byte LockPrefix = 0xF0;

    /// <summary>#GP in user mode, where Intel's refuse the prefix.</summary>
    public static bool AlternativeControlRegister(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!test.HasPrefix(LockPrefix) || !IsOpcode(in test, 0x20, 0x22) || !host.IsProtection() || !engine.IsUndefinedOpcode()) return false;
        engine = host;
        return true;
    }

    /// <summary>It checks the selector, where Intel's refuse the prefix.</summary>
    public static bool LockedVerw(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!test.HasPrefix(LockPrefix) || instruction.Code != Code.INVALID || !IsOpcode(in test, 0x00, 0x00) || !engine.IsUndefinedOpcode()) return false;
        engine = host;
        return true;
    }

    /// <summary>The engine's NOP is to change nothing but RIP.</summary>
    public static bool RegisterPrefetch(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (!IsOpcode(in test, 0x0D, 0x0D) || !host.IsUndefinedOpcode() || !engine.IsCompletion()) return false;
        host.Vector = CaseResult.Completed;
        host.After.Rip += (ulong)test.CodeLength;
        return true;
    }

    /// <summary>Without those bytes nothing can lie in the next page.</summary>
    public static bool UndefinedWithoutModRm(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        const uint instructionFetch = 0x10;
        if (!IsOpcode(in test, 0xB9, 0xFF) || !host.IsUndefinedOpcode() || !engine.IsPageFault() || (engine.ErrorCode & instructionFetch) == 0) return false;
        engine = host;
        return true;
    }

    /// <summary>The upper word can be misaligned or in another page.</summary>
    public static bool WordSignExtension(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine)
    {
        if (instruction.Code != Code.Movsxd_r16_rm16 || instruction.Op1Kind != OpKind.Memory || !host.IsMemoryFault()) return false;
        engine = host;
        return true;
    }

    /// <summary>True for one of two opcodes after 0F, legacy prefixes and REX.</summary>
    private static bool IsOpcode(in TestCase test, byte one, byte other)
    {
        var code = ((ReadOnlySpan<byte>)test.Code)[..test.CodeLength];
        var escape = code.IndexOf((byte)0x0F);
        return escape >= 0 && escape + 1 < code.Length && (code[escape + 1] == one || code[escape + 1] == other);
    }
}
