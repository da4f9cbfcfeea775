using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>A shift of all elements by the same count.</summary>
internal interface IVectorShift
{
    static abstract Vector128<byte> Apply(Vector128<byte> a, ulong count);
}

/// <summary>Shifts of packed elements and of whole vectors. The count is an immediate, or the low 64 bits of a vector.</summary>
internal static unsafe class PackedShifts
{
    public static void Declare(InstructionTable table)
    {
        Shift<ShiftLeft<ushort>>(table, Mnemonic.Psllw, Mnemonic.Vpsllw);
        Shift<ShiftLeft<uint>>(table, Mnemonic.Pslld, Mnemonic.Vpslld);
        Shift<ShiftLeft<ulong>>(table, Mnemonic.Psllq, Mnemonic.Vpsllq);
        Shift<ShiftRight<ushort>>(table, Mnemonic.Psrlw, Mnemonic.Vpsrlw);
        Shift<ShiftRight<uint>>(table, Mnemonic.Psrld, Mnemonic.Vpsrld);
        Shift<ShiftRight<ulong>>(table, Mnemonic.Psrlq, Mnemonic.Vpsrlq);
        Shift<ShiftRightArithmetic<short>>(table, Mnemonic.Psraw, Mnemonic.Vpsraw);
        Shift<ShiftRightArithmetic<int>>(table, Mnemonic.Psrad, Mnemonic.Vpsrad);
        Shift<ShiftBytesLeft>(table, Mnemonic.Pslldq, Mnemonic.Vpslldq);
        Shift<ShiftBytesRight>(table, Mnemonic.Psrldq, Mnemonic.Vpsrldq);

        table.Add(Mnemonic.Vpsllvd, &PackedForms.Bind<ShiftLeftEach32>);
        table.Add(Mnemonic.Vpsllvq, &PackedForms.Bind<ShiftLeftEach64>);
        table.Add(Mnemonic.Vpsrlvd, &PackedForms.Bind<ShiftRightEach32>);
        table.Add(Mnemonic.Vpsrlvq, &PackedForms.Bind<ShiftRightEach64>);
        table.Add(Mnemonic.Vpsravd, &PackedForms.Bind<ShiftRightArithmeticEach32>);
    }

    private static void Shift<TShift>(InstructionTable table, Mnemonic sse, Mnemonic vex)
        where TShift : struct, IVectorShift
    {
        table.Add(sse, &Bind<TShift>);
        table.Add(vex, &Bind<TShift>);
    }

    private static Handler Bind<TShift>(in Instruction instruction, Op* op)
        where TShift : struct, IVectorShift
    {
        var last = instruction.GetOpKind(instruction.OpCount - 1);
        if (!VectorOperands.IsVex(instruction))
        {
            op->Reg2 = op->Reg1;
            op->Reg1 = op->Reg0;
        }

        if (instruction.Op0Register.IsMM())
        {
            return last switch
            {
                OpKind.Register => &Mmx<TShift, RegisterCount>,
                OpKind.Memory => &Mmx<TShift, MmxMemoryCount>,
                _ => &Mmx<TShift, ImmediateCount>,
            };
        }

        if (!VectorOperands.IsVex(instruction))
        {
            return last switch
            {
                OpKind.Register => &Execute128<TShift, Legacy, RegisterCount>,
                OpKind.Memory => &Execute128<TShift, Legacy, AlignedMemoryCount>,
                _ => &Execute128<TShift, Legacy, ImmediateCount>,
            };
        }

        if (instruction.Op0Register.IsYMM())
        {
            return last switch
            {
                OpKind.Register => &Execute256<TShift, RegisterCount>,
                OpKind.Memory => &Execute256<TShift, MemoryCount>,
                _ => &Execute256<TShift, ImmediateCount>,
            };
        }

        return last switch
        {
            OpKind.Register => &Execute128<TShift, Vex, RegisterCount>,
            OpKind.Memory => &Execute128<TShift, Vex, MemoryCount>,
            _ => &Execute128<TShift, Vex, ImmediateCount>,
        };
    }

    /// <summary>Where the count comes from.</summary>
    private interface ICount
    {
        static abstract ulong Get(Interpreter cpu, Op* op);
    }

    private readonly struct RegisterCount : ICount
    {
        public static ulong Get(Interpreter cpu, Op* op) => cpu.Slot<ulong>(op->Reg2);
    }

    private readonly struct ImmediateCount : ICount
    {
        public static ulong Get(Interpreter cpu, Op* op) => op->Immediate;
    }

    private readonly struct AlignedMemoryCount : ICount
    {
        public static ulong Get(Interpreter cpu, Op* op) => cpu.ReadAligned(op).AsUInt64().ToScalar();
    }

    private readonly struct MemoryCount : ICount
    {
        public static ulong Get(Interpreter cpu, Op* op) => cpu.Read<Vector128<ulong>>(cpu.Address(op, 16)).ToScalar();
    }

    private readonly struct MmxMemoryCount : ICount
    {
        public static ulong Get(Interpreter cpu, Op* op) => cpu.Read<ulong>(cpu.Address(op, 8));
    }

    private static Op* Execute128<TShift, TEncoding, TCount>(Interpreter cpu, Op* op)
        where TShift : struct, IVectorShift
        where TEncoding : struct, IVectorEncoding
        where TCount : struct, ICount
    {
        TEncoding.Require(cpu);
        TEncoding.Store(cpu, op->Reg0, TShift.Apply(cpu.Xmm(op->Reg1), TCount.Get(cpu, op)));
        return op + 1;
    }

    private static Op* Execute256<TShift, TCount>(Interpreter cpu, Op* op)
        where TShift : struct, IVectorShift
        where TCount : struct, ICount
    {
        cpu.RequireAvx();
        var count = TCount.Get(cpu, op);
        var value = cpu.Ymm(op->Reg1);
        cpu.Ymm(op->Reg0) = Vector256.Create(TShift.Apply(value.GetLower(), count), TShift.Apply(value.GetUpper(), count));
        return op + 1;
    }

    private static Op* Mmx<TShift, TCount>(Interpreter cpu, Op* op)
        where TShift : struct, IVectorShift
        where TCount : struct, ICount
    {
        cpu.RequireMmx();
        var value = Vector128.CreateScalar(cpu.Slot<ulong>(op->Reg1)).AsByte();
        cpu.SetMm(op->Reg0, TShift.Apply(value, TCount.Get(cpu, op)).AsUInt64().ToScalar());
        return op + 1;
    }
}

/// <summary>A count beyond the element gives zero.</summary>
internal readonly unsafe struct ShiftLeft<T> : IVectorShift
    where T : unmanaged
{
    public static Vector128<byte> Apply(Vector128<byte> a, ulong count) =>
        count >= (ulong)(8 * sizeof(T)) ? default : (a.As<byte, T>() << (int)count).AsByte();
}

/// <summary>A count beyond the element gives zero.</summary>
internal readonly unsafe struct ShiftRight<T> : IVectorShift
    where T : unmanaged
{
    public static Vector128<byte> Apply(Vector128<byte> a, ulong count) =>
        count >= (ulong)(8 * sizeof(T)) ? default : (a.As<byte, T>() >>> (int)count).AsByte();
}

/// <summary>A count beyond the element leaves the sign only.</summary>
internal readonly unsafe struct ShiftRightArithmetic<T> : IVectorShift
    where T : unmanaged
{
    public static Vector128<byte> Apply(Vector128<byte> a, ulong count)
    {
        var places = (int)Math.Min(count, (ulong)((8 * sizeof(T)) - 1));
        return sizeof(T) == 2 ? Vector128.ShiftRightArithmetic(a.AsInt16(), places).AsByte() : Vector128.ShiftRightArithmetic(a.AsInt32(), places).AsByte();
    }
}

internal readonly struct ShiftBytesLeft : IVectorShift
{
    public static Vector128<byte> Apply(Vector128<byte> a, ulong count) =>
        Vector128.Shuffle(a, ShuffleControls.Identity - Vector128.Create((byte)Math.Min(count, 16)));
}

internal readonly struct ShiftBytesRight : IVectorShift
{
    public static Vector128<byte> Apply(Vector128<byte> a, ulong count) =>
        Vector128.Shuffle(a, ShuffleControls.Identity + Vector128.Create((byte)Math.Min(count, 16)));
}

/// <summary>Each element shifted by the count at its place in the second operand.</summary>
internal readonly struct ShiftLeftEach32 : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Avx2.IsSupported) return Avx2.ShiftLeftLogicalVariable(a.AsUInt32(), b.AsUInt32()).AsByte();
        var (value, counts, result) = (a.AsUInt32(), b.AsUInt32(), Vector128<uint>.Zero);
        for (var i = 0; i < 4; i++) result = result.WithElement(i, counts[i] > 31 ? 0 : value[i] << (int)counts[i]);
        return result.AsByte();
    }
}

internal readonly struct ShiftLeftEach64 : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Avx2.IsSupported) return Avx2.ShiftLeftLogicalVariable(a.AsUInt64(), b.AsUInt64()).AsByte();
        var (value, counts, result) = (a.AsUInt64(), b.AsUInt64(), Vector128<ulong>.Zero);
        for (var i = 0; i < 2; i++) result = result.WithElement(i, counts[i] > 63 ? 0 : value[i] << (int)counts[i]);
        return result.AsByte();
    }
}

internal readonly struct ShiftRightEach32 : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Avx2.IsSupported) return Avx2.ShiftRightLogicalVariable(a.AsUInt32(), b.AsUInt32()).AsByte();
        var (value, counts, result) = (a.AsUInt32(), b.AsUInt32(), Vector128<uint>.Zero);
        for (var i = 0; i < 4; i++) result = result.WithElement(i, counts[i] > 31 ? 0 : value[i] >> (int)counts[i]);
        return result.AsByte();
    }
}

internal readonly struct ShiftRightEach64 : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Avx2.IsSupported) return Avx2.ShiftRightLogicalVariable(a.AsUInt64(), b.AsUInt64()).AsByte();
        var (value, counts, result) = (a.AsUInt64(), b.AsUInt64(), Vector128<ulong>.Zero);
        for (var i = 0; i < 2; i++) result = result.WithElement(i, counts[i] > 63 ? 0 : value[i] >> (int)counts[i]);
        return result.AsByte();
    }
}

internal readonly struct ShiftRightArithmeticEach32 : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Avx2.IsSupported) return Avx2.ShiftRightArithmeticVariable(a.AsInt32(), b.AsUInt32()).AsByte();
        var (value, counts, result) = (a.AsInt32(), b.AsUInt32(), Vector128<int>.Zero);
        for (var i = 0; i < 4; i++) result = result.WithElement(i, value[i] >> (int)Math.Min(counts[i], 31));
        return result.AsByte();
    }
}
