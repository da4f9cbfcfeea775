using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Handlers for instructions that map two vectors to one, in their MMX, SSE, VEX.128 and VEX.256 forms.</summary>
internal static unsafe class PackedForms
{
    /// <summary>Rows of an instruction with SSE and VEX forms.</summary>
    public static void Packed<TOp>(this InstructionTable table, Mnemonic sse, Mnemonic vex)
        where TOp : struct, IVectorOperation
    {
        table.Add(sse, &Bind<TOp>);
        table.Add(vex, &Bind<TOp>);
    }

    /// <summary>Rows of an instruction with MMX, SSE and VEX forms.</summary>
    public static void Packed<TOp, TMmx>(this InstructionTable table, Mnemonic sse, Mnemonic vex)
        where TOp : struct, IVectorOperation
        where TMmx : struct, IMmxForm
    {
        table.Add(sse, &BindWithMmx<TOp, TMmx>);
        table.Add(vex, &Bind<TOp>);
    }

    public static Handler Bind<TOp>(in Instruction instruction, Op* op)
        where TOp : struct, IVectorOperation
    {
        VectorOperands.Arrange(instruction, op);
        var memory = VectorOperands.HasMemory(instruction);
        if (VectorOperands.IsWide(instruction)) return memory ? &Execute256<TOp, WideMemorySource> : &Execute256<TOp, WideRegisterSource>;
        if (VectorOperands.IsVex(instruction)) return memory ? BindMemory<TOp, Vex, MemorySource<Vector128<byte>>>() : &Execute128<TOp, Vex, RegisterSource>;
        return memory ? BindMemory<TOp, Legacy, AlignedSource>() : &Execute128<TOp, Legacy, RegisterSource>;
    }

    public static Handler BindWithMmx<TOp, TMmx>(in Instruction instruction, Op* op)
        where TOp : struct, IVectorOperation
        where TMmx : struct, IMmxForm
    {
        if (!instruction.Op0Register.IsMM()) return Bind<TOp>(instruction, op);
        VectorOperands.Arrange(instruction, op);
        if (!VectorOperands.HasMemory(instruction)) return &ExecuteMmx<TOp, TMmx>;
        return instruction.MemorySize.GetSize() == 4 ? &ExecuteMmxMemory<TOp, TMmx, uint> : &ExecuteMmxMemory<TOp, TMmx, ulong>;
    }

    private static Handler BindMemory<TOp, TEncoding, TWhole>()
        where TOp : struct, IVectorOperation
        where TEncoding : struct, IVectorEncoding
        where TWhole : struct, IVectorSource => TOp.MemoryBytes switch
        {
            1 => &Execute128<TOp, TEncoding, MemorySource<byte>>,
            2 => &Execute128<TOp, TEncoding, MemorySource<ushort>>,
            4 => &Execute128<TOp, TEncoding, MemorySource<uint>>,
            8 => &Execute128<TOp, TEncoding, MemorySource<ulong>>,
            _ => &Execute128<TOp, TEncoding, TWhole>,
        };

    private static Op* Execute128<TOp, TEncoding, TSource>(Interpreter cpu, Op* op)
        where TOp : struct, IVectorOperation
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        TEncoding.Require(cpu);
        var source = TSource.Load(cpu, op);
        TEncoding.Store(cpu, op->Reg0, TOp.Apply(cpu.Xmm(op->Reg1), source, (int)op->Immediate));
        return op + 1;
    }

    private static Op* Execute256<TOp, TSource>(Interpreter cpu, Op* op)
        where TOp : struct, IVectorOperation
        where TSource : struct, IWideSource
    {
        cpu.RequireAvx();
        var source = TSource.Load(cpu, op);
        var first = cpu.Ymm(op->Reg1);
        var immediate = (int)op->Immediate;
        cpu.Ymm(op->Reg0) = Vector256.Create(
            TOp.Apply(first.GetLower(), source.GetLower(), immediate),
            TOp.Apply(first.GetUpper(), source.GetUpper(), immediate >> TOp.UpperImmediateShift));
        return op + 1;
    }

    private static Op* ExecuteMmx<TOp, TMmx>(Interpreter cpu, Op* op)
        where TOp : struct, IVectorOperation
        where TMmx : struct, IMmxForm
    {
        cpu.RequireMmx();
        cpu.SetMm(op->Reg0, TMmx.Apply<TOp>(cpu.Slot<ulong>(op->Reg1), cpu.Slot<ulong>(op->Reg2), (int)op->Immediate));
        return op + 1;
    }

    private static Op* ExecuteMmxMemory<TOp, TMmx, T>(Interpreter cpu, Op* op)
        where TOp : struct, IVectorOperation
        where TMmx : struct, IMmxForm
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        cpu.RequireMmx();
        var source = ulong.CreateTruncating(cpu.Read<T>(cpu.Address(op, sizeof(T))));
        cpu.SetMm(op->Reg0, TMmx.Apply<TOp>(cpu.Slot<ulong>(op->Reg1), source, (int)op->Immediate));
        return op + 1;
    }
}
