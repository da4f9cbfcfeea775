using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>An operation on whole 256-bit vectors.</summary>
internal interface IWidePermute
{
    static abstract Vector256<byte> Apply(Vector256<byte> a, Vector256<byte> b, int immediate);
}

/// <summary>AVX's moves between lanes, its permutations within lanes, and broadcasts.</summary>
internal static unsafe class Permutes
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Vperm2f128, &Bind<PermuteLanes>);
        table.Add(Mnemonic.Vperm2i128, &Bind<PermuteLanes>);
        table.Add(Mnemonic.Vpermq, &Bind<PermuteQuads>);
        table.Add(Mnemonic.Vpermpd, &Bind<PermuteQuads>);
        table.Add(Mnemonic.Vpermd, &Bind<PermuteDwords>);
        table.Add(Mnemonic.Vpermps, &Bind<PermuteDwords>);
        table.Add(Mnemonic.Vpermilps, &BindPermilps);
        table.Add(Mnemonic.Vpermilpd, &BindPermilpd);
        table.Add(Mnemonic.Vinsertf128, &BindInsert);
        table.Add(Mnemonic.Vinserti128, &BindInsert);
        table.Add(Mnemonic.Vextractf128, &BindExtract);
        table.Add(Mnemonic.Vextracti128, &BindExtract);
        table.Add(Mnemonic.Vpbroadcastb, &BindBroadcast<byte>);
        table.Add(Mnemonic.Vpbroadcastw, &BindBroadcast<ushort>);
        table.Add(Mnemonic.Vpbroadcastd, &BindBroadcast<uint>);
        table.Add(Mnemonic.Vpbroadcastq, &BindBroadcast<ulong>);
        table.Add(Mnemonic.Vbroadcastss, &BindBroadcast<uint>);
        table.Add(Mnemonic.Vbroadcastsd, &BindBroadcast<ulong>);
        table.Add(Mnemonic.Vbroadcastf128, &BindBroadcastLane);
        table.Add(Mnemonic.Vbroadcasti128, &BindBroadcastLane);
    }

    private static Handler Bind<TPermute>(in Instruction instruction, Op* op)
        where TPermute : struct, IWidePermute
    {
        VectorOperands.Arrange(instruction, op);
        return VectorOperands.HasMemory(instruction) ? &Execute<TPermute, WideMemorySource> : &Execute<TPermute, WideRegisterSource>;
    }

    private static Handler BindPermilps(in Instruction instruction, Op* op) =>
        instruction.Op2Kind == OpKind.Immediate8 ? PackedForms.Bind<Pshufd>(instruction, op) : PackedForms.Bind<Vpermilps>(instruction, op);

    private static Handler BindPermilpd(in Instruction instruction, Op* op) =>
        instruction.Op2Kind == OpKind.Immediate8 ? PackedForms.Bind<VpermilpdImmediate>(instruction, op) : PackedForms.Bind<Vpermilpd>(instruction, op);

    private static Handler BindInsert(in Instruction instruction, Op* op) =>
        VectorOperands.HasMemory(instruction) ? &Insert<MemorySource<Vector128<byte>>> : &Insert<RegisterSource>;

    private static Handler BindExtract(in Instruction instruction, Op* op)
    {
        op->Reg1 += (ushort)((op->Immediate & 1) * 16);
        return VectorOperands.HasMemory(instruction) ? &ExtractMemory : &Extract;
    }

    private static Handler BindBroadcast<T>(in Instruction instruction, Op* op)
        where T : unmanaged
    {
        var memory = VectorOperands.HasMemory(instruction);
        if (instruction.Op0Register.IsYMM()) return memory ? &Broadcast256Memory<T> : &Broadcast256<T>;
        return memory ? &Broadcast128Memory<T> : &Broadcast128<T>;
    }

    private static Handler BindBroadcastLane(in Instruction instruction, Op* op) => &BroadcastLane;

    private static Op* Execute<TPermute, TSource>(Interpreter cpu, Op* op)
        where TPermute : struct, IWidePermute
        where TSource : struct, IWideSource
    {
        cpu.RequireAvx();
        var source = TSource.Load(cpu, op);
        cpu.Ymm(op->Reg0) = TPermute.Apply(cpu.Ymm(op->Reg1), source, (int)op->Immediate);
        return op + 1;
    }

    private static Op* Insert<TSource>(Interpreter cpu, Op* op)
        where TSource : struct, IVectorSource
    {
        cpu.RequireAvx();
        var source = TSource.Load(cpu, op);
        var value = cpu.Ymm(op->Reg1);
        cpu.Ymm(op->Reg0) = (op->Immediate & 1) == 0 ? value.WithLower(source) : value.WithUpper(source);
        return op + 1;
    }

    private static Op* Extract(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        cpu.SetXmmZeroUpper(op->Reg0, cpu.Xmm(op->Reg1));
        return op + 1;
    }

    private static Op* ExtractMemory(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        cpu.Write(cpu.Address(op, 16, true), cpu.Xmm(op->Reg1));
        return op + 1;
    }

    private static Op* Broadcast128<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireAvx();
        cpu.SetXmmZeroUpper(op->Reg0, Vector128.Create(cpu.Slot<T>(op->Reg1)).AsByte());
        return op + 1;
    }

    private static Op* Broadcast128Memory<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireAvx();
        cpu.SetXmmZeroUpper(op->Reg0, Vector128.Create(cpu.Read<T>(cpu.Address(op, sizeof(T)))).AsByte());
        return op + 1;
    }

    private static Op* Broadcast256<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireAvx();
        cpu.Ymm(op->Reg0) = Vector256.Create(cpu.Slot<T>(op->Reg1)).AsByte();
        return op + 1;
    }

    private static Op* Broadcast256Memory<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireAvx();
        cpu.Ymm(op->Reg0) = Vector256.Create(cpu.Read<T>(cpu.Address(op, sizeof(T)))).AsByte();
        return op + 1;
    }

    private static Op* BroadcastLane(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        var lane = cpu.Read<Vector128<byte>>(cpu.Address(op, 16));
        cpu.Ymm(op->Reg0) = Vector256.Create(lane, lane);
        return op + 1;
    }
}

/// <summary>VPERM2F128: each lane chosen from four, or zero.</summary>
internal readonly struct PermuteLanes : IWidePermute
{
    public static Vector256<byte> Apply(Vector256<byte> a, Vector256<byte> b, int immediate) =>
        Vector256.Create(Choose(a, b, immediate), Choose(a, b, immediate >> 4));

    private static Vector128<byte> Choose(Vector256<byte> a, Vector256<byte> b, int control)
    {
        if ((control & 8) != 0) return default;
        var source = (control & 2) == 0 ? a : b;
        return (control & 1) == 0 ? source.GetLower() : source.GetUpper();
    }
}

internal readonly struct PermuteQuads : IWidePermute
{
    public static Vector256<byte> Apply(Vector256<byte> a, Vector256<byte> b, int immediate)
    {
        var source = b.AsUInt64();
        return Vector256.Create(source[immediate & 3], source[immediate >> 2 & 3], source[immediate >> 4 & 3], source[immediate >> 6 & 3]).AsByte();
    }
}

/// <summary>The first operand chooses elements of the second.</summary>
internal readonly struct PermuteDwords : IWidePermute
{
    public static Vector256<byte> Apply(Vector256<byte> a, Vector256<byte> b, int immediate) =>
        Vector256.Shuffle(b.AsUInt32(), a.AsUInt32() & Vector256.Create(7u)).AsByte();
}

/// <summary>The second operand chooses elements of the first within the lane.</summary>
internal readonly struct Vpermilps : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.Shuffle(a.AsUInt32(), b.AsUInt32() & Vector128.Create(3u)).AsByte();
}

/// <summary>Bit 1 of each element of the second operand chooses an element of the first within the lane.</summary>
internal readonly struct Vpermilpd : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.Shuffle(a.AsUInt64(), (b.AsUInt64() >> 1) & Vector128.Create(1ul)).AsByte();
}

internal readonly struct VpermilpdImmediate : IVectorOperation
{
    public static int UpperImmediateShift => Shufpd.UpperImmediateShift;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Shufpd.Apply(b, b, immediate);
}
