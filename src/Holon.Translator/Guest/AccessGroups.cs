using Iced.Intel;

namespace Holon.Translator.Guest;

/// <summary>Neighbouring memory accesses of a block that one look into the TLB serves: all lie at constant distances from one register.</summary>
/// <param name="Last">Index of the last instruction that belongs to the group.</param>
/// <param name="Lowest">Distance of the lowest byte from the register as it is before the first instruction.</param>
/// <param name="Bytes">From there to behind the highest byte.</param>
/// <param name="Writes">One of them writes.</param>
/// <param name="Register">The register.</param>
/// <param name="Alignment">What the address of the lowest byte must be a multiple of; 1 when nothing.</param>
internal readonly record struct AccessGroup(int Last, int Lowest, int Bytes, bool Writes, Register Register, int Alignment = 1);

/// <summary>Finds groups of accesses. Knows nothing of the host but that it keeps one address at a time.</summary>
internal static class AccessGroups
{
    /// <summary>A wider group would cross pages too often, and is then done one by one.</summary>
    private const int MostBytes = 248;

    /// <summary>The group that begins with an instruction; null when it would be the only member.</summary>
    /// <param name="block">The block.</param>
    /// <param name="first">Index of the instruction.</param>
    /// <param name="keepsAddress">Whether the back end can do an instruction without an access, by index, and keep the address.</param>
    public static AccessGroup? Find(GuestBlock block, int first, Func<int, bool> keepsAddress)
    {
        if (RegisterOf(block.Instructions[first]) is not { } register) return null;
        var delta = 0; // how far the register has moved
        var (lowest, end, last, members) = (int.MaxValue, int.MinValue, first, 0);
        var writes = false;
        for (var i = first; i < block.Count; i++)
        {
            ref var instruction = ref block.Instructions[i];
            ref var iced = ref instruction.Iced;
            if (Access(instruction, register) is { } access)
            {
                var start = delta + access.Offset;
                var (newLowest, newEnd) = (Math.Min(lowest, start), Math.Max(end, start + access.Size));
                if (newEnd - newLowest > MostBytes) break;
                (lowest, end, last) = (newLowest, newEnd, i);
                members++;
                writes |= access.Writes;
            }
            else if (!KeepsAddress(instruction) || !keepsAddress(i))
            {
                break;
            }

            if (Movement(instruction, register) is not { } moved) break;
            delta += moved;
            if (Math.Abs(delta) > MostBytes) break;
        }

        return members < 2 ? null : new AccessGroup(last, lowest, end - lowest, writes, register);
    }

    /// <summary>
    /// The same where other accesses may lie between: for code that remembers the page. Aligned operands may be members. Null when there would be one member.
    /// </summary>
    public static AccessGroup? FindScattered(GuestBlock block, int first)
    {
        if (RegisterOf(block.Instructions[first], aligned: true) is not { } register) return null;
        var delta = 0;
        var (lowest, end, last, members) = (int.MaxValue, int.MinValue, first, 0);
        var writes = false;
        var (alignment, alignedAt) = (1, 0);
        for (var i = first; i < block.Count; i++)
        {
            ref var instruction = ref block.Instructions[i];
            if (Access(instruction, register, aligned: true) is { } access)
            {
                var start = delta + access.Offset;
                var isAligned = (instruction.Class.Traits & Traits.Aligned) != 0;
                // Several alignments in one group would have to be looked at one by one.
                var (newAlignment, newAlignedAt) = !isAligned || access.Size <= alignment ? (alignment, alignedAt) : (access.Size, start);
                if (isAligned && (start - newAlignedAt) % access.Size != 0) break;
                if (newAlignment != alignment && alignment > 1 && (alignedAt - newAlignedAt) % alignment != 0) break;
                var (newLowest, newEnd) = (Math.Min(lowest, start), Math.Max(end, start + access.Size));
                if (newEnd - newLowest + newAlignment > MostBytes) break;
                (lowest, end, last, alignment, alignedAt) = (newLowest, newEnd, i, newAlignment, newAlignedAt);
                members++;
                writes |= access.Writes;
            }
            else if (!MayLieBetween(instruction, register))
            {
                break;
            }

            if (Movement(instruction, register) is not { } moved) break;
            delta += moved;
            if (Math.Abs(delta) > MostBytes) break;
        }

        if (members < 2) return null;
        lowest -= (((lowest - alignedAt) % alignment) + alignment) % alignment;
        return new AccessGroup(last, lowest, end - lowest, writes, register, alignment);
    }

    /// <summary>Whether a scattered group may go on behind an instruction: it stays in the block, and changes neither the register unforeseeably nor the page that is remembered for the stack.</summary>
    private static bool MayLieBetween(in GuestInstruction instruction, Register register) => instruction.Class.Kind switch
    {
        InstructionKind.Nop or InstructionKind.JumpIf or InstructionKind.Lea => true,
        InstructionKind.Copy => register != Register.RSP || instruction.Iced.MemoryBase != Register.RSP || instruction.Iced.MemoryIndex != Register.None,
        InstructionKind.Push or InstructionKind.Pop => register != Register.RSP,
        _ => false,
    };

    /// <summary>The register that the accesses of a group beginning with this instruction are relative to.</summary>
    private static Register? RegisterOf(in GuestInstruction instruction, bool aligned = false) => instruction.Class.Kind switch
    {
        InstructionKind.Push or InstructionKind.Pop => Access(instruction, Register.RSP) is null ? null : Register.RSP,
        InstructionKind.Copy when instruction.Iced.MemoryBase != Register.None && Access(instruction, instruction.Iced.MemoryBase, aligned) is not null => instruction.Iced.MemoryBase,
        _ => null,
    };

    /// <summary>What an instruction accesses relative to a register; null when it is no access that a group can have.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="register">The register.</param>
    /// <param name="aligned">Operands that must be aligned count.</param>
    public static (int Offset, int Size, bool Writes)? Access(in GuestInstruction instruction, Register register, bool aligned = false)
    {
        const int word = 8, farthest = 1 << 20;
        ref readonly var iced = ref instruction.Iced;
        switch (instruction.Class.Kind)
        {
            case InstructionKind.Push when register == Register.RSP && iced.Op0Kind != OpKind.Memory:
                return (-word, word, true);
            case InstructionKind.Pop when register == Register.RSP && iced.Op0Register != Register.RSP:
                return (0, word, false);
            case InstructionKind.Return when register == Register.RSP:
                return (0, word, false);
            case InstructionKind.Call when register == Register.RSP && iced.NearBranchTarget != iced.NextIP:
                return (-word, word, true);
            case InstructionKind.CallIndirect when register == Register.RSP && iced.Op0Kind == OpKind.Register && iced.Op0Register != Register.RSP:
                return (-word, word, true);
            case InstructionKind.Copy when (instruction.Class.Traits & Traits.X87) == 0 && (aligned || (instruction.Class.Traits & Traits.Aligned) == 0):
                if (iced.MemoryBase != register || !register.IsGPR64() || iced.MemoryIndex != Register.None || iced.MemorySegment is Register.FS or Register.GS) return null;
                var offset = (long)iced.MemoryDisplacement64;
                var size = iced.MemorySize.GetSize();
                if (size is 0 or > 32 || Math.Abs(offset) > farthest) return null;
                return ((int)offset, size, (instruction.Class.Traits & Traits.WritesMemory) != 0);
            default:
                return null;
        }
    }

    /// <summary>How far an instruction moves a register; null when it changes it otherwise.</summary>
    public static int? Movement(in GuestInstruction instruction, Register register)
    {
        ref readonly var iced = ref instruction.Iced;
        switch (instruction.Class.Kind)
        {
            case InstructionKind.Push:
                return register == Register.RSP ? -8 : 0;
            case InstructionKind.Pop:
                return iced.Op0Register == register ? null : register == Register.RSP ? 8 : 0;
            case InstructionKind.Copy when iced.Code is Code.Add_rm64_imm8 or Code.Add_rm64_imm32 && iced.Op0Register == register:
                return Math.Abs((long)iced.GetImmediate(1)) <= MostBytes ? (int)iced.GetImmediate(1) : null;
            case InstructionKind.Copy when iced.Code is Code.Sub_rm64_imm8 or Code.Sub_rm64_imm32 && iced.Op0Register == register:
                return Math.Abs((long)iced.GetImmediate(1)) <= MostBytes ? -(int)iced.GetImmediate(1) : null;
            case InstructionKind.Nop or InstructionKind.JumpIf:
                return 0;
            case InstructionKind.Lea:
                return iced.Op0Register.GetFullRegister() == register ? null : 0;
            case InstructionKind.Copy:
                return WrittenRegisters.Contain(instruction, register) ? null : 0;
            default:
                return null;
        }
    }

    /// <summary>Whether an instruction between two accesses leaves the address where it is: it has no access of its own, and few enough registers without a home.</summary>
    private static bool KeepsAddress(in GuestInstruction instruction)
    {
        switch (instruction.Class.Kind)
        {
            case InstructionKind.Nop or InstructionKind.JumpIf:
                return true;
            case InstructionKind.Copy:
                for (var i = 0; i < instruction.Iced.OpCount; i++)
                {
                    if (instruction.Iced.GetOpKind(i) == OpKind.Memory) return false;
                }

                return (instruction.Class.Traits & Traits.X87) == 0;
            default:
                return false;
        }
    }
}
