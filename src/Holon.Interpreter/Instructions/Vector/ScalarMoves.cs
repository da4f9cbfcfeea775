using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Moves of one element, or of half a vector, between vector registers, general registers, MMX registers and memory.</summary>
internal static unsafe class ScalarMoves
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Movd, &BindMovd);
        table.Add(Mnemonic.Vmovd, &BindMovd);
        table.Add(Mnemonic.Movq, &BindMovq);
        table.Add(Mnemonic.Vmovq, &BindMovq);
        table.Add(Mnemonic.Movss, &BindScalar<Movss, uint>);
        table.Add(Mnemonic.Vmovss, &BindScalar<Movss, uint>);
        table.Add(Mnemonic.Vmovsd, &BindMovsd);
        Half<MergeLow>(table, Mnemonic.Movlps, Mnemonic.Vmovlps);
        Half<MergeLow>(table, Mnemonic.Movlpd, Mnemonic.Vmovlpd);
        Half<MergeHigh>(table, Mnemonic.Movhps, Mnemonic.Vmovhps);
        Half<MergeHigh>(table, Mnemonic.Movhpd, Mnemonic.Vmovhpd);
        table.Packed<MergeHigh>(Mnemonic.Movlhps, Mnemonic.Vmovlhps);
        table.Packed<Movhlps>(Mnemonic.Movhlps, Mnemonic.Vmovhlps);
        table.Add(Mnemonic.Movq2dq, &BindMovq2dq);
        table.Add(Mnemonic.Movdq2q, &BindMovdq2q);
        table.Add(Mnemonic.Movntq, &BindMovntq);
    }

    /// <summary>MOVSD of SSE2, and VMOVSD.</summary>
    public static Handler BindMovsd(in Instruction instruction, Op* op) => BindScalar<MergeLow, ulong>(instruction, op);

    private static void Half<TMerge>(InstructionTable table, Mnemonic sse, Mnemonic vex)
        where TMerge : struct, IVectorOperation
    {
        table.Add(sse, &BindHalf<TMerge>);
        table.Add(vex, &BindHalf<TMerge>);
    }

    /// <summary>MOVLPS and its kin: a load replaces one half, a store writes it.</summary>
    private static Handler BindHalf<TMerge>(in Instruction instruction, Op* op)
        where TMerge : struct, IVectorOperation
    {
        if (instruction.Op0Kind != OpKind.Memory) return PackedForms.Bind<TMerge>(instruction, op);
        if (typeof(TMerge) == typeof(MergeHigh)) op->Reg1 += 8; // the store takes its bytes from there
        return VectorOperands.IsVex(instruction) ? &Store<ulong, Vex> : &Store<ulong, Legacy>;
    }

    /// <summary>MOVSS, MOVSD: a load clears the rest of the register, a copy between registers keeps it.</summary>
    private static Handler BindScalar<TMerge, T>(in Instruction instruction, Op* op)
        where TMerge : struct, IVectorOperation
        where T : unmanaged
    {
        var vex = VectorOperands.IsVex(instruction);
        if (instruction.Op0Kind == OpKind.Memory) return vex ? &Store<T, Vex> : &Store<T, Legacy>;
        if (instruction.Op1Kind == OpKind.Memory) return vex ? &Load<MemorySource<T>, Vex> : &Load<MemorySource<T>, Legacy>;
        return PackedForms.Bind<TMerge>(instruction, op);
    }

    private static Handler BindMovd(in Instruction instruction, Op* op) => BindGeneral<uint>(instruction, op);

    private static Handler BindMovq(in Instruction instruction, Op* op) => BindGeneral<ulong>(instruction, op);

    /// <summary>MOVD and MOVQ: between a vector or MMX register and anything else.</summary>
    private static Handler BindGeneral<T>(in Instruction instruction, Op* op)
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        var vex = VectorOperands.IsVex(instruction);
        if (instruction.Op0Kind == OpKind.Memory)
        {
            if (instruction.Op1Register.IsMM()) return &StoreMm<T>;
            return vex ? &Store<T, Vex> : &Store<T, Legacy>;
        }

        if (instruction.Op1Kind == OpKind.Memory)
        {
            if (instruction.Op0Register.IsMM()) return &LoadMm<T>;
            return vex ? &Load<MemorySource<T>, Vex> : &Load<MemorySource<T>, Legacy>;
        }

        if (instruction.Op0Register.IsMM()) return &MoveToMm<T>;
        if (instruction.Op0Register.IsXMM()) return vex ? &MoveToXmm<T, Vex> : &MoveToXmm<T, Legacy>;
        if (instruction.Op1Register.IsMM()) return &MoveFromMm<T>;
        return vex ? &MoveFromXmm<T, Vex> : &MoveFromXmm<T, Legacy>;
    }

    private static Handler BindMovq2dq(in Instruction instruction, Op* op) => &Movq2dq;

    private static Handler BindMovdq2q(in Instruction instruction, Op* op) => &Movdq2q;

    private static Handler BindMovntq(in Instruction instruction, Op* op) => &StoreMm<ulong>;

    private static Op* Load<TSource, TEncoding>(Interpreter cpu, Op* op)
        where TSource : struct, IVectorSource
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        TEncoding.Store(cpu, op->Reg0, TSource.Load(cpu, op));
        return op + 1;
    }

    private static Op* Store<T, TEncoding>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        cpu.Write(cpu.Address(op, sizeof(T), true), cpu.Slot<T>(op->Reg1));
        return op + 1;
    }

    private static Op* MoveToXmm<T, TEncoding>(Interpreter cpu, Op* op)
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        TEncoding.Store(cpu, op->Reg0, Vector128.CreateScalar(ulong.CreateTruncating(cpu.Reg<T>(op->Reg1))).AsByte());
        return op + 1;
    }

    private static Op* MoveFromXmm<T, TEncoding>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        cpu.SetReg(op->Reg0, cpu.Slot<T>(op->Reg1));
        return op + 1;
    }

    private static Op* LoadMm<T>(Interpreter cpu, Op* op)
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        cpu.RequireMmx();
        cpu.SetMm(op->Reg0, ulong.CreateTruncating(cpu.Read<T>(cpu.Address(op, sizeof(T)))));
        return op + 1;
    }

    private static Op* StoreMm<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireMmx();
        cpu.ClearFpuTop(); // even when the store faults, as processors do; the tags wait for its success
        cpu.Write(cpu.Address(op, sizeof(T), true), cpu.Slot<T>(op->Reg1));
        cpu.EnterMmx();
        return op + 1;
    }

    private static Op* MoveToMm<T>(Interpreter cpu, Op* op)
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        cpu.RequireMmx();
        cpu.SetMm(op->Reg0, ulong.CreateTruncating(cpu.Reg<T>(op->Reg1)));
        return op + 1;
    }

    private static Op* MoveFromMm<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireMmx();
        cpu.SetReg(op->Reg0, cpu.Slot<T>(op->Reg1));
        cpu.EnterMmx();
        return op + 1;
    }

    private static Op* Movq2dq(Interpreter cpu, Op* op)
    {
        cpu.RequireSse();
        cpu.RequireMmx();
        cpu.Xmm(op->Reg0) = Vector128.CreateScalar(cpu.Slot<ulong>(op->Reg1)).AsByte();
        cpu.EnterMmx();
        return op + 1;
    }

    private static Op* Movdq2q(Interpreter cpu, Op* op)
    {
        cpu.RequireSse();
        cpu.RequireMmx();
        cpu.SetMm(op->Reg0, cpu.Slot<ulong>(op->Reg1));
        return op + 1;
    }
}

/// <summary>The low 32 bits of the second operand, the rest of the first.</summary>
internal readonly struct Movss : IVectorOperation
{
    public static int MemoryBytes => 4;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => a.AsUInt32().WithElement(0, b.AsUInt32().ToScalar()).AsByte();
}

/// <summary>The low half of the second operand, the high half of the first.</summary>
internal readonly struct MergeLow : IVectorOperation
{
    public static int MemoryBytes => 8;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Create(b.GetLower(), a.GetUpper());
}

/// <summary>The low half of the first operand below the low half of the second.</summary>
internal readonly struct MergeHigh : IVectorOperation
{
    public static int MemoryBytes => 8;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Create(a.GetLower(), b.GetLower());
}

internal readonly struct Movhlps : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Create(b.GetUpper(), a.GetUpper());
}
