using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Blends by the sign bits of a mask: XMM0 in the legacy encoding, a fourth operand in VEX.</summary>
internal static unsafe class VariableBlends
{
    public static void Declare(InstructionTable table)
    {
        Row<sbyte>(table, Mnemonic.Pblendvb, Mnemonic.Vpblendvb);
        Row<int>(table, Mnemonic.Blendvps, Mnemonic.Vblendvps);
        Row<long>(table, Mnemonic.Blendvpd, Mnemonic.Vblendvpd);
    }

    private static void Row<T>(InstructionTable table, Mnemonic sse, Mnemonic vex)
    {
        table.Add(sse, &Bind<T>);
        table.Add(vex, &Bind<T>);
    }

    private static Handler Bind<T>(in Instruction instruction, Op* op)
    {
        VectorOperands.Arrange(instruction, op);
        var memory = VectorOperands.HasMemory(instruction);
        if (VectorOperands.IsWide(instruction)) return memory ? &Execute256<T, WideMemorySource> : &Execute256<T, WideRegisterSource>;
        if (VectorOperands.IsVex(instruction)) return memory ? &Execute128<T, Vex, MemorySource<Vector128<byte>>> : &Execute128<T, Vex, RegisterSource>;
        op->Reg3 = StateOffsets.Ymm; // XMM0
        return memory ? &Execute128<T, Legacy, AlignedSource> : &Execute128<T, Legacy, RegisterSource>;
    }

    private static Op* Execute128<T, TEncoding, TSource>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        TEncoding.Require(cpu);
        var source = TSource.Load(cpu, op);
        var chosen = Vector128.LessThan(cpu.Xmm(op->Reg3).As<byte, T>(), Vector128<T>.Zero).AsByte();
        TEncoding.Store(cpu, op->Reg0, Vector128.ConditionalSelect(chosen, source, cpu.Xmm(op->Reg1)));
        return op + 1;
    }

    private static Op* Execute256<T, TSource>(Interpreter cpu, Op* op)
        where TSource : struct, IWideSource
    {
        cpu.RequireAvx();
        var source = TSource.Load(cpu, op);
        var chosen = Vector256.LessThan(cpu.Ymm(op->Reg3).As<byte, T>(), Vector256<T>.Zero).AsByte();
        cpu.Ymm(op->Reg0) = Vector256.ConditionalSelect(chosen, source, cpu.Ymm(op->Reg1));
        return op + 1;
    }
}
