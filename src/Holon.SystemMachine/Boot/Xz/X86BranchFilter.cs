using System.Buffers.Binary;

namespace Holon.SystemMachine.Boot.Xz;

/// <summary>
/// Undoes the x86 branch filter (filter 0x04 of xz): targets of CALL and JMP were made absolute, which compresses better,
/// and become relative again. Which operands were converted depends on opcodes just before them, as the encoder saw them.
/// </summary>
internal static class X86BranchFilter
{
    private const int InstructionLength = 5;

    // By the three bits that tell which of the preceding bytes looked like opcodes: whether an operand may have been converted,
    // and how many bits its uncertain byte is from the bottom.
    private static ReadOnlySpan<bool> MayConvert => [true, true, true, false, true, false, false, false];

    private static ReadOnlySpan<byte> UncertainByte => [0, 1, 2, 2, 3, 3, 3, 3];

    /// <summary>Undoes the filter in place over a whole block.</summary>
    public static void Decode(Span<byte> data)
    {
        var previousOpcode = -1;
        var history = 0; // bit n: an opcode-like byte lay n+1 bytes before
        for (var i = 0; i + InstructionLength <= data.Length;)
        {
            var next = data[i..(data.Length - 4)].IndexOfAny((byte)0xE8, (byte)0xE9);
            if (next < 0) return;
            i += next;

            var distance = i - previousOpcode;
            history = previousOpcode < 0 || distance > 3 ? 0 : (history << (distance - 1)) & 7;
            if (history != 0 && (!MayConvert[history] || IsSignByte(data[i + 4 - UncertainByte[history]])))
            {
                previousOpcode = i;
                history = (history << 1) | 1;
                i++;
                continue;
            }

            previousOpcode = i;
            if (!IsSignByte(data[i + 4]))
            {
                history = (history << 1) | 1;
                i++;
                continue;
            }

            var operand = data.Slice(i + 1, 4);
            var source = BinaryPrimitives.ReadUInt32LittleEndian(operand);
            uint target;
            while (true)
            {
                target = source - (uint)(i + InstructionLength);
                if (history == 0) break;
                var shift = UncertainByte[history] * 8;
                if (!IsSignByte((byte)(target >> (24 - shift)))) break;
                source = target ^ ((1u << (32 - shift)) - 1);
            }

            target &= 0x1FFFFFF;
            target |= 0u - (target & 0x1000000);
            BinaryPrimitives.WriteUInt32LittleEndian(operand, target);
            i += InstructionLength;
        }
    }

    private static bool IsSignByte(byte value) => value is 0 or 0xFF;
}
