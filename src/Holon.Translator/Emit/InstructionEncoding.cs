namespace Holon.Translator.Emit;

/// <summary>The parts of an encoded 64-bit instruction (SDM vol. 2 §2.1): enough to write it again with other registers and another memory operand.</summary>
/// <remarks>The bytes were decoded by Iced before, so they are a whole valid instruction.</remarks>
internal ref struct InstructionEncoding
{
    private readonly ReadOnlySpan<byte> _bytes;

    /// <summary>Takes an instruction apart.</summary>
    public InstructionEncoding(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        var at = 0;
        for (; ; at++)
        {
            var prefix = bytes[at];
            if (prefix == 0x66) HasOperandSize = true;
            else if (prefix is 0xF2 or 0xF3) Repeat = prefix;
            else if (prefix == 0xF0) HasLock = true;
            else if (!IsPlainPrefix(prefix) && !((prefix & 0xF0) == 0x40 && IsPrefix(bytes[at + 1]))) break; // REX before another prefix does nothing
        }

        Vvvv = -1;
        if (bytes[at] is 0xC4 or 0xC5)
        {
            IsVex = true;
            if (bytes[at] == 0xC5)
            {
                Rex = (bytes[at + 1] & 0x80) == 0 ? 4 : 0;
                Map = 1;
                VexLast = (byte)(bytes[at + 1] & 0x7F);
                at += 2;
            }
            else
            {
                Rex = (~bytes[at + 1] >> 5) & 7;
                Map = bytes[at + 1] & 0x1F;
                VexLast = bytes[at + 2];
                if ((VexLast & 0x80) != 0) Rex |= 8;
                VexLast &= 0x7F;
                at += 3;
            }

            Vvvv = (~VexLast >> 3) & 15;
        }
        else
        {
            if ((bytes[at] & 0xF0) == 0x40)
            {
                HasRex = true;
                Rex = bytes[at++] & 15;
            }

            if (bytes[at] == 0x0F)
            {
                Map = 1;
                at++;
                if (bytes[at] is 0x38 or 0x3A) Map = bytes[at++] == 0x38 ? 2 : 3;
            }
        }

        Opcode = bytes[at++];
        HasModRm = ModRmFollows(Map, Opcode, IsVex);
        if (!HasModRm)
        {
            _immediate = at;
            return;
        }

        ModRm = bytes[at++];
        if (ModRm < 0xC0)
        {
            var mod = ModRm >> 6;
            var displacement = mod == 1 ? 1 : mod == 2 || (ModRm & 7) == 5 ? 4 : 0;
            if ((ModRm & 7) == 4)
            {
                var sib = bytes[at++];
                if (mod == 0 && (sib & 7) == 5) displacement = 4;
            }

            at += displacement;
        }

        _immediate = at;
    }

    private readonly int _immediate;

    /// <summary>66.</summary>
    public bool HasOperandSize { get; }

    /// <summary>F2, F3 or 0.</summary>
    public byte Repeat { get; }

    /// <summary>F0.</summary>
    public bool HasLock { get; }

    /// <summary>A REX prefix is there, perhaps of no bits: SPL, BPL, SIL, DIL instead of AH, CH, DH, BH.</summary>
    public bool HasRex { get; }

    /// <summary>W (8), R (4), X (2) and B (1), from REX or VEX.</summary>
    public int Rex { get; }

    /// <summary>VEX-encoded.</summary>
    public bool IsVex { get; }

    /// <summary>The byte of VEX with vvvv, L and pp, without W or R.</summary>
    public byte VexLast { get; }

    /// <summary>VEX.vvvv as a register number.</summary>
    public int Vvvv { get; }

    /// <summary>0 one byte, 1 0F, 2 0F 38, 3 0F 3A.</summary>
    public int Map { get; }

    /// <summary>The opcode byte in its map.</summary>
    public byte Opcode { get; }

    /// <summary>A ModRM byte follows the opcode.</summary>
    public bool HasModRm { get; }

    /// <summary>The ModRM byte.</summary>
    public byte ModRm { get; }

    /// <summary>Its operand is memory.</summary>
    public readonly bool HasMemory => HasModRm && ModRm < 0xC0;

    /// <summary>ModRM.reg with its extension.</summary>
    public readonly int Reg => ((ModRm >> 3) & 7) | ((Rex & 4) << 1);

    /// <summary>ModRM.rm with its extension, for a register operand.</summary>
    public readonly int Rm => (ModRm & 7) | ((Rex & 1) << 3);

    /// <summary>The register in the opcode, with its extension.</summary>
    public readonly int OpcodeRegister => (Opcode & 7) | ((Rex & 1) << 3);

    /// <summary>What follows the operands: immediates, and is4.</summary>
    public readonly ReadOnlySpan<byte> Immediate => _bytes[_immediate..];

    private static bool IsPlainPrefix(byte value) => value is 0x67 or 0x2E or 0x36 or 0x3E or 0x26 or 0x64 or 0x65;

    private static bool IsPrefix(byte value) => IsPlainPrefix(value) || value is 0x66 or 0xF2 or 0xF3 or 0xF0 || (value & 0xF0) == 0x40;

    private static bool ModRmFollows(int map, byte opcode, bool vex)
    {
        if (vex) return !(map == 1 && opcode == 0x77);
        return map switch
        {
            0 => opcode < 0x40 ? (opcode & 7) < 4 : opcode is 0x63 or 0x69 or 0x6B or 0x80 or 0x81 or 0x83 or (>= 0x84 and <= 0x8F) or 0xC0 or 0xC1 or 0xC6 or 0xC7
                or (>= 0xD0 and <= 0xD3) or (>= 0xD8 and <= 0xDF) or 0xF6 or 0xF7 or 0xFE or 0xFF,
            1 => opcode is not (0x05 or 0x06 or 0x07 or 0x08 or 0x09 or 0x0B or 0x0E or (>= 0x30 and <= 0x37) or 0x77 or (>= 0x80 and <= 0x8F)
                or 0xA0 or 0xA1 or 0xA2 or 0xA8 or 0xA9 or 0xAA or (>= 0xC8 and <= 0xCF)),
            _ => true,
        };
    }
}
