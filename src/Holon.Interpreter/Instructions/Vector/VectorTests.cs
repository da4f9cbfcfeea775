using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>PTEST and VTESTPS: ZF when no bit is in both operands, CF when the first has every bit of the second.</summary>
internal static unsafe class VectorTests
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Ptest, &Bind<AllBits>);
        table.Add(Mnemonic.Vptest, &Bind<AllBits>);
        table.Add(Mnemonic.Vtestps, &Bind<Signs32>);
        table.Add(Mnemonic.Vtestpd, &Bind<Signs64>);
    }

    /// <summary>The bits that count.</summary>
    private interface IBits
    {
        static abstract Vector128<byte> Mask { get; }
    }

    private readonly struct AllBits : IBits
    {
        public static Vector128<byte> Mask => Vector128<byte>.AllBitsSet;
    }

    private readonly struct Signs32 : IBits
    {
        public static Vector128<byte> Mask => Vector128.Create(0x80000000).AsByte();
    }

    private readonly struct Signs64 : IBits
    {
        public static Vector128<byte> Mask => Vector128.Create(1ul << 63).AsByte();
    }

    private static Handler Bind<TBits>(in Instruction instruction, Op* op)
        where TBits : struct, IBits
    {
        VectorOperands.Arrange(instruction, op);
        var memory = VectorOperands.HasMemory(instruction);
        if (VectorOperands.IsWide(instruction)) return memory ? &Execute256<TBits, WideMemorySource> : &Execute256<TBits, WideRegisterSource>;
        if (VectorOperands.IsVex(instruction)) return memory ? &Execute128<TBits, Vex, MemorySource<Vector128<byte>>> : &Execute128<TBits, Vex, RegisterSource>;
        return memory ? &Execute128<TBits, Legacy, AlignedSource> : &Execute128<TBits, Legacy, RegisterSource>;
    }

    private static Op* Execute128<TBits, TEncoding, TSource>(Interpreter cpu, Op* op)
        where TBits : struct, IBits
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        TEncoding.Require(cpu);
        var b = TSource.Load(cpu, op) & TBits.Mask;
        var a = cpu.Xmm(op->Reg1);
        SetFlags(cpu, a & b, b & ~a);
        return op + 1;
    }

    private static Op* Execute256<TBits, TSource>(Interpreter cpu, Op* op)
        where TBits : struct, IBits
        where TSource : struct, IWideSource
    {
        cpu.RequireAvx();
        var b = TSource.Load(cpu, op) & Vector256.Create(TBits.Mask, TBits.Mask);
        var a = cpu.Ymm(op->Reg1);
        var (both, missing) = (a & b, b & ~a);
        SetFlags(cpu, both.GetLower() | both.GetUpper(), missing.GetLower() | missing.GetUpper());
        return op + 1;
    }

    private static void SetFlags(Interpreter cpu, Vector128<byte> both, Vector128<byte> missing) => cpu.LoadStatusFlags(
        (both == Vector128<byte>.Zero ? Rflags.ZF : 0) | (missing == Vector128<byte>.Zero ? Rflags.CF : 0));
}
