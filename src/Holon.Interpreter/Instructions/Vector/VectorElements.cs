using System.Numerics;
using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Single elements put in and taken out, and masks of sign bits.</summary>
internal static unsafe class VectorElements
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Pinsrb, &BindInsert<byte>);
        table.Add(Mnemonic.Pinsrw, &BindInsert<ushort>);
        table.Add(Mnemonic.Pinsrd, &BindInsert<uint>);
        table.Add(Mnemonic.Pinsrq, &BindInsert<ulong>);
        table.Add(Mnemonic.Vpinsrb, &BindInsert<byte>);
        table.Add(Mnemonic.Vpinsrw, &BindInsert<ushort>);
        table.Add(Mnemonic.Vpinsrd, &BindInsert<uint>);
        table.Add(Mnemonic.Vpinsrq, &BindInsert<ulong>);
        table.Add(Mnemonic.Pextrb, &BindExtract<byte>);
        table.Add(Mnemonic.Pextrw, &BindExtract<ushort>);
        table.Add(Mnemonic.Pextrd, &BindExtract<uint>);
        table.Add(Mnemonic.Pextrq, &BindExtract<ulong>);
        table.Add(Mnemonic.Vpextrb, &BindExtract<byte>);
        table.Add(Mnemonic.Vpextrw, &BindExtract<ushort>);
        table.Add(Mnemonic.Vpextrd, &BindExtract<uint>);
        table.Add(Mnemonic.Vpextrq, &BindExtract<ulong>);
        table.Add(Mnemonic.Extractps, &BindExtract<uint>);
        table.Add(Mnemonic.Vextractps, &BindExtract<uint>);
        table.Add(Mnemonic.Pmovmskb, &BindMask<byte>);
        table.Add(Mnemonic.Movmskps, &BindMask<uint>);
        table.Add(Mnemonic.Movmskpd, &BindMask<ulong>);
        table.Add(Mnemonic.Vpmovmskb, &BindMask<byte>);
        table.Add(Mnemonic.Vmovmskps, &BindMask<uint>);
        table.Add(Mnemonic.Vmovmskpd, &BindMask<ulong>);
    }

    private static Handler BindInsert<T>(in Instruction instruction, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        VectorOperands.Arrange(instruction, op);
        var memory = VectorOperands.HasMemory(instruction);
        if (instruction.Op0Register.IsMM())
        {
            op->Immediate = (op->Immediate & 3) * 2;
            return memory ? &InsertMmMemory : &InsertMm;
        }

        op->Immediate &= (ulong)(Vector128<T>.Count - 1);
        if (VectorOperands.IsVex(instruction)) return memory ? &InsertMemory<T, Vex> : &Insert<T, Vex>;
        return memory ? &InsertMemory<T, Legacy> : &Insert<T, Legacy>;
    }

    private static Handler BindExtract<T>(in Instruction instruction, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        // The element is a part of the register: its offset is all that the handler needs.
        var mm = instruction.Op1Register.IsMM();
        op->Reg1 += (ushort)((int)(op->Immediate & (ulong)((mm ? 4 : Vector128<T>.Count) - 1)) * sizeof(T));
        if (mm) return &ExtractMm;
        if (VectorOperands.IsVex(instruction)) return instruction.Op0Kind == OpKind.Memory ? &ExtractMemory<T, Vex> : &Extract<T, Vex>;
        return instruction.Op0Kind == OpKind.Memory ? &ExtractMemory<T, Legacy> : &Extract<T, Legacy>;
    }

    private static Handler BindMask<T>(in Instruction instruction, Op* op)
        where T : unmanaged
    {
        if (instruction.Op1Register.IsMM()) return &MaskMm;
        if (instruction.Op1Register.IsYMM()) return &MaskWide<T>;
        return VectorOperands.IsVex(instruction) ? &Mask<T, Vex> : &Mask<T, Legacy>;
    }

    private static Op* Insert<T, TEncoding>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        var value = T.CreateTruncating(cpu.Reg<ulong>(op->Reg2));
        TEncoding.Store(cpu, op->Reg0, cpu.Xmm(op->Reg1).As<byte, T>().WithElement((int)op->Immediate, value).AsByte());
        return op + 1;
    }

    private static Op* InsertMemory<T, TEncoding>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        var value = cpu.Read<T>(cpu.Address(op, sizeof(T)));
        TEncoding.Store(cpu, op->Reg0, cpu.Xmm(op->Reg1).As<byte, T>().WithElement((int)op->Immediate, value).AsByte());
        return op + 1;
    }

    private static Op* InsertMm(Interpreter cpu, Op* op)
    {
        cpu.RequireMmx();
        return InsertMm(cpu, op, cpu.Reg<ushort>(op->Reg2));
    }

    private static Op* InsertMmMemory(Interpreter cpu, Op* op)
    {
        cpu.RequireMmx();
        return InsertMm(cpu, op, cpu.Read<ushort>(cpu.Address(op, 2)));
    }

    private static Op* InsertMm(Interpreter cpu, Op* op, ushort value)
    {
        var shift = (int)op->Immediate * 8;
        cpu.SetMm(op->Reg0, (cpu.Slot<ulong>(op->Reg0) & ~(0xFFFFul << shift)) | ((ulong)value << shift));
        return op + 1;
    }

    private static Op* Extract<T, TEncoding>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        cpu.SetReg(op->Reg0, ulong.CreateTruncating(cpu.Slot<T>(op->Reg1)));
        return op + 1;
    }

    private static Op* ExtractMemory<T, TEncoding>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        cpu.Write(cpu.Address(op, sizeof(T), true), cpu.Slot<T>(op->Reg1));
        return op + 1;
    }

    private static Op* ExtractMm(Interpreter cpu, Op* op)
    {
        cpu.RequireMmx();
        cpu.SetReg<ulong>(op->Reg0, cpu.Slot<ushort>(op->Reg1));
        cpu.EnterMmx();
        return op + 1;
    }

    private static Op* Mask<T, TEncoding>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        cpu.SetReg<ulong>(op->Reg0, cpu.Xmm(op->Reg1).As<byte, T>().ExtractMostSignificantBits());
        return op + 1;
    }

    private static Op* MaskWide<T>(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        cpu.SetReg<ulong>(op->Reg0, cpu.Ymm(op->Reg1).As<byte, T>().ExtractMostSignificantBits());
        return op + 1;
    }

    private static Op* MaskMm(Interpreter cpu, Op* op)
    {
        cpu.RequireMmx();
        cpu.SetReg<ulong>(op->Reg0, Vector128.CreateScalar(cpu.Slot<ulong>(op->Reg1)).AsByte().ExtractMostSignificantBits());
        cpu.EnterMmx();
        return op + 1;
    }
}
