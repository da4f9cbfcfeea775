using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>
/// DPPS and DPPD: the sum of the products that bits 4–7 of the immediate choose, in the elements that bits 0–3 choose.
/// A multiplication and two additions, each of which reports its exceptions before the next begins.
/// </summary>
internal static unsafe class DotProducts
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Dpps, &BindDpps);
        table.Add(Mnemonic.Vdpps, &BindDpps);
        table.Float<Dppd>(Mnemonic.Dppd, Mnemonic.Vdppd);
    }

    private static Handler BindDpps(in Instruction instruction, Op* op)
    {
        VectorOperands.Arrange(instruction, op);
        var memory = VectorOperands.HasMemory(instruction);
        if (VectorOperands.IsWide(instruction)) return memory ? &Dpps256<WideMemorySource> : &Dpps256<WideRegisterSource>;
        if (VectorOperands.IsVex(instruction)) return memory ? &Dpps128<Vex, MemorySource<Vector128<byte>>> : &Dpps128<Vex, RegisterSource>;
        return memory ? &Dpps128<Legacy, AlignedSource> : &Dpps128<Legacy, RegisterSource>;
    }

    private static Op* Dpps128<TEncoding, TSource>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        TEncoding.Require(cpu);
        var source = TSource.Load(cpu, op);
        var result = Dpps(cpu, cpu.Xmm(op->Reg1).ToVector256(), source.ToVector256(), (int)op->Immediate);
        TEncoding.Store(cpu, op->Reg0, result.GetLower());
        return op + 1;
    }

    private static Op* Dpps256<TSource>(Interpreter cpu, Op* op)
        where TSource : struct, IWideSource
    {
        cpu.RequireAvx();
        var source = TSource.Load(cpu, op);
        cpu.Ymm(op->Reg0) = Dpps(cpu, cpu.Ymm(op->Reg1), source, (int)op->Immediate);
        return op + 1;
    }

    private static Vector256<byte> Dpps(Interpreter cpu, Vector256<byte> a, Vector256<byte> b, int immediate)
    {
        // Elements that are left out become products of zeros; those are +0, as they must be.
        var factors = Chosen(immediate >> 4);
        var products = Both<FloatMultiply>(cpu, a & factors, b & factors);
        // The orders of the operands show in the NaN that is the result.
        var pairs = Both<FloatAdd>(cpu, Swapped(products), products);
        return Both<FloatAdd>(cpu, pairs, Exchanged(pairs)) & Chosen(immediate);
    }

    /// <summary>One step, on both lanes.</summary>
    private static Vector256<byte> Both<TFunction>(Interpreter cpu, Vector256<byte> a, Vector256<byte> b)
        where TFunction : struct, IFloatFunction
    {
        var mxcsr = cpu.State.Mxcsr;
        if (PackedFloat<TFunction, float>.TryFast(mxcsr, a.GetLower(), b.GetLower(), 0, out var low)
            && PackedFloat<TFunction, float>.TryFast(mxcsr, a.GetUpper(), b.GetUpper(), 0, out var high))
            return Vector256.Create(low, high);
        var context = FloatContext.FromMxcsr(mxcsr);
        low = PackedFloat<TFunction, float>.Apply(a.GetLower(), b.GetLower(), 0, ref context);
        high = PackedFloat<TFunction, float>.Apply(a.GetUpper(), b.GetUpper(), 0, ref context);
        cpu.Report(context);
        return Vector256.Create(low, high);
    }

    private static Vector256<byte> Chosen(int bits)
    {
        var places = Vector256.Create(1u, 2, 4, 8, 1, 2, 4, 8);
        return Vector256.Equals(Vector256.Create((uint)bits) & places, places).AsByte();
    }

    private static Vector256<byte> Swapped(Vector256<byte> value) =>
        Vector256.Shuffle(value.AsUInt32(), Vector256.Create(1u, 0, 3, 2, 5, 4, 7, 6)).AsByte();

    private static Vector256<byte> Exchanged(Vector256<byte> value) =>
        Vector256.Shuffle(value.AsUInt64(), Vector256.Create(1ul, 0, 3, 2)).AsByte();
}

internal readonly struct Dppd : IFloatOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var (x, y) = (a.AsUInt64(), b.AsUInt64());
        var low = (immediate & 0x10) != 0 ? Float64.Multiply(x[0], y[0], ref context) : 0;
        var high = (immediate & 0x20) != 0 ? Float64.Multiply(x[1], y[1], ref context) : 0;
        if (context.Unmasked != FloatExceptions.None) return default;
        context = FloatContext.FromMxcsr(context.Mxcsr); // what the products raised stays raised
        var sum = Vector128.Create(Float64.Add(low, high, ref context), Float64.Add(high, low, ref context));
        return Vector128.Create((immediate & 1) != 0 ? sum[0] : 0, (immediate & 2) != 0 ? sum[1] : 0).AsByte();
    }
}
