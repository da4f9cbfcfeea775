using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Where the second source of a vector instruction comes from.</summary>
internal unsafe interface IVectorSource
{
    static abstract Vector128<byte> Load(Interpreter cpu, Op* op);
}

internal readonly unsafe struct RegisterSource : IVectorSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(Interpreter cpu, Op* op) => cpu.Xmm(op->Reg2);
}

/// <summary>Sixteen bytes that must be aligned: memory operands of legacy SSE instructions.</summary>
internal readonly unsafe struct AlignedSource : IVectorSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(Interpreter cpu, Op* op) => cpu.ReadAligned(op);
}

/// <summary>A value of some width in memory, zero-extended.</summary>
internal readonly unsafe struct MemorySource<T> : IVectorSource
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(Interpreter cpu, Op* op)
    {
        var value = cpu.Read<T>(cpu.Address(op, sizeof(T)));
        return sizeof(T) switch
        {
            1 => Vector128.CreateScalar(Unsafe.BitCast<T, byte>(value)),
            2 => Vector128.CreateScalar(Unsafe.BitCast<T, ushort>(value)).AsByte(),
            4 => Vector128.CreateScalar(Unsafe.BitCast<T, uint>(value)).AsByte(),
            8 => Vector128.CreateScalar(Unsafe.BitCast<T, ulong>(value)).AsByte(),
            _ => Unsafe.BitCast<T, Vector128<byte>>(value),
        };
    }
}

/// <summary>The 256-bit second source.</summary>
internal unsafe interface IWideSource
{
    static abstract Vector256<byte> Load(Interpreter cpu, Op* op);
}

internal readonly unsafe struct WideRegisterSource : IWideSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(Interpreter cpu, Op* op) => cpu.Ymm(op->Reg2);
}

internal readonly unsafe struct WideMemorySource : IWideSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(Interpreter cpu, Op* op) => cpu.Read<Vector256<byte>>(cpu.Address(op, 32));
}

/// <summary>What legacy and VEX encodings of a 128-bit instruction differ in.</summary>
internal interface IVectorEncoding
{
    static abstract void Require(Interpreter cpu);

    static abstract void Store(Interpreter cpu, ushort register, Vector128<byte> value);
}

/// <summary>Legacy SSE: the upper half of the YMM register stays.</summary>
internal readonly struct Legacy : IVectorEncoding
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Require(Interpreter cpu) => cpu.RequireSse();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Interpreter cpu, ushort register, Vector128<byte> value) => cpu.Xmm(register) = value;
}

/// <summary>VEX: the upper half of the YMM register becomes zero.</summary>
internal readonly struct Vex : IVectorEncoding
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Require(Interpreter cpu) => cpu.RequireAvx();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Interpreter cpu, ushort register, Vector128<byte> value) => cpu.SetXmmZeroUpper(register, value);
}

/// <summary>What binders ask about operands.</summary>
internal static unsafe class VectorOperands
{
    /// <summary>
    /// Puts the sources at <see cref="Op.Reg1"/> and <see cref="Op.Reg2"/> whatever the encoding:
    /// where an instruction names one source only, the destination is the first.
    /// </summary>
    public static void Arrange(in Instruction instruction, Op* op)
    {
        if (instruction.OpCount >= 3 && instruction.Op2Kind is OpKind.Register or OpKind.Memory) return;
        op->Reg2 = op->Reg1;
        op->Reg1 = op->Reg0;
    }

    public static bool HasMemory(in Instruction instruction) =>
        instruction.Op0Kind == OpKind.Memory || instruction.Op1Kind == OpKind.Memory || (instruction.OpCount > 2 && instruction.Op2Kind == OpKind.Memory);

    public static bool IsVex(in Instruction instruction) => instruction.Encoding == EncodingKind.VEX;

    /// <summary>True when any operand is a YMM register: which one varies with instructions that widen or narrow.</summary>
    public static bool IsWide(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i).IsYMM()) return true;
        }

        return false;
    }
}
