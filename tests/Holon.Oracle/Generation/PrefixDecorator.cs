using Iced.Intel;

namespace Holon.Oracle.Generation;

/// <summary>Adds prefixes that assemblers do not write but processors accept: ignored segments, repeated and redundant prefixes; and LOCK where it raises #UD.</summary>
internal static class PrefixDecorator
{
    private const byte Lock = 0xF0;
    private static readonly byte[] _redundant = [0x26, 0x2E, 0x36, 0x3E, 0x66, 0xF2, 0xF3];

    /// <summary>Copies an instruction, sometimes with one more prefix.</summary>
    /// <returns>The length, or 0 when the bytes are not the form that was asked for.</returns>
    public static int Decorate(CaseRandom random, ReadOnlySpan<byte> instruction, Span<byte> code, Code form, ulong address, out Instruction decoded)
    {
        var kind = random.Below(100);
        if (kind < 7 && instruction.Length < code.Length)
        {
            var prefix = kind == 0 ? Lock : random.Pick<byte>(_redundant);
            code[0] = prefix;
            instruction.CopyTo(code[1..]);
            decoded = Decode(code[..(instruction.Length + 1)], address);
            var refused = prefix == Lock && decoded.Code == Code.INVALID;
            if (refused || (decoded.Code == form && IsSameOperation(in decoded))) return instruction.Length + 1;
        }

        instruction.CopyTo(code);
        decoded = Decode(code[..instruction.Length], address);
        return decoded.Code == form ? instruction.Length : 0;
    }

    // F2 and F3 mean transactional hints on locked instructions, and an address-relative operand moves with the length.
    private static bool IsSameOperation(in Instruction decoded) => !decoded.IsIPRelativeMemoryOperand && !decoded.HasXacquirePrefix && !decoded.HasXreleasePrefix;

    private static Instruction Decode(ReadOnlySpan<byte> code, ulong address)
    {
        var decoder = Decoder.Create(64, code.ToArray(), address);
        return decoder.Decode();
    }
}
