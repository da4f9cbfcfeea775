using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Decoding;

/// <summary>Turns an instruction that Iced has decoded into an op: operands first, then the handler that the table names.</summary>
internal static unsafe class OpBuilder
{
    /// <summary>Fills an op.</summary>
    /// <param name="instruction">The instruction, decoded with its page offset as IP.</param>
    /// <param name="op">Where to put it.</param>
    /// <param name="form">What the table says of it.</param>
    /// <param name="bitness">16, 32 or 64.</param>
    public static void Build(in Instruction instruction, Op* op, InstructionForm form, int bitness)
    {
        *op = default;
        op->Code = (ushort)instruction.Code;
        op->Length = (byte)instruction.Length;
        op->PageOffset = (ushort)instruction.IP;
        op->Base = op->Index = StateOffsets.Zero;
        op->Segment = SegmentRegisters.Ds;
        op->Prefixes = (instruction.HasLockPrefix ? OpPrefixes.Lock : 0)
            | (instruction.HasRepPrefix ? OpPrefixes.Rep : 0)
            | (instruction.HasRepnePrefix ? OpPrefixes.Repne : 0)
            | (bitness == 64 ? OpPrefixes.LongMode : 0);

        for (var i = 0; i < instruction.OpCount; i++) Operand(instruction, op, i, bitness);
        op->Execute = form.Bind(in instruction, op);
    }

    private static void Operand(in Instruction instruction, Op* op, int index, int bitness)
    {
        switch (instruction.GetOpKind(index))
        {
            case OpKind.Register:
                var offset = StateOffsets.Of(instruction.GetOpRegister(index));
                if (index == 0) op->Reg0 = offset;
                else if (index == 1) op->Reg1 = offset;
                else if (index == 2) op->Reg2 = offset;
                else op->Reg3 = offset;
                break;
            case OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64:
                op->Immediate = instruction.NearBranchTarget;
                break;
            case OpKind.FarBranch16 or OpKind.FarBranch32:
                op->Immediate = instruction.GetOpKind(index) == OpKind.FarBranch16 ? instruction.FarBranch16 : instruction.FarBranch32;
                op->Reg3 = instruction.FarBranchSelector;
                break;
            case OpKind.Immediate8_2nd:
                op->Reg3 = instruction.Immediate8_2nd;
                break;
            case OpKind.Memory:
                Memory(instruction, op, bitness);
                break;
            case OpKind.MemorySegSI or OpKind.MemorySegESI or OpKind.MemorySegRSI or OpKind.MemorySegDI or OpKind.MemorySegEDI or OpKind.MemorySegRDI
                or OpKind.MemoryESDI or OpKind.MemoryESEDI or OpKind.MemoryESRDI:
                StringOperand(instruction, op, instruction.GetOpKind(index), bitness);
                break;
            default:
                op->Immediate = instruction.GetImmediate(index); // sign-extended where the instruction does
                break;
        }
    }

    private static void Memory(in Instruction instruction, Op* op, int bitness)
    {
        op->Segment = Segment(instruction, bitness);
        op->Displacement = (long)instruction.MemoryDisplacement64;
        var (baseRegister, indexRegister) = (instruction.MemoryBase, instruction.MemoryIndex);
        var addressSize = AddressSize(instruction, bitness);
        op->AddressSize = (byte)addressSize;
        if (baseRegister is Register.RIP or Register.EIP) op->Base = StateOffsets.RipPage; // the displacement is relative to the page, as IP is
        else if (baseRegister != Register.None) op->Base = StateOffsets.Of(baseRegister);
        if (indexRegister != Register.None) op->Index = StateOffsets.Of(indexRegister);
        op->Scale = instruction.MemoryIndexScale switch { 2 => 1, 4 => 2, 8 => 3, _ => 0 };
        op->AddressForm = bitness switch
        {
            64 when addressSize == 4 => AddressForm.Truncated64,
            64 => op->Segment >= SegmentRegisters.Fs ? AddressForm.Based64 : AddressForm.Flat64,
            _ => addressSize == 2 ? AddressForm.Segmented16 : AddressForm.Segmented32,
        };
    }

    private static void StringOperand(in Instruction instruction, Op* op, OpKind kind, int bitness)
    {
        op->AddressSize = kind switch
        {
            OpKind.MemorySegSI or OpKind.MemorySegDI or OpKind.MemoryESDI => 2,
            OpKind.MemorySegESI or OpKind.MemorySegEDI or OpKind.MemoryESEDI => 4,
            _ => 8,
        };
        if (kind is not (OpKind.MemoryESDI or OpKind.MemoryESEDI or OpKind.MemoryESRDI)) op->Segment = Segment(instruction, bitness);
    }

    /// <summary>The operand's segment. 64-bit mode ignores the prefixes of ES, CS, SS and DS altogether (SDM vol. 2 §2.1.1).</summary>
    private static byte Segment(in Instruction instruction, int bitness)
    {
        var segment = instruction.MemorySegment;
        if (bitness == 64 && segment is not (Register.FS or Register.GS))
            segment = instruction.MemoryBase is Register.RSP or Register.RBP or Register.ESP or Register.EBP ? Register.SS : Register.DS;
        return (byte)StateOffsets.Of(segment);
    }

    /// <summary>Address size of an explicit memory operand, in bytes: its registers tell, or its displacement when it has none.</summary>
    private static int AddressSize(in Instruction instruction, int bitness)
    {
        var register = instruction.MemoryBase != Register.None ? instruction.MemoryBase : instruction.MemoryIndex;
        if (register is Register.RIP) return 8;
        if (register is Register.EIP) return 4;
        if (register != Register.None && !register.IsVectorRegister()) return register.GetSize();
        return instruction.MemoryDisplSize switch { 2 => 2, 4 => 4, 8 => 8, _ => bitness / 8 };
    }
}
