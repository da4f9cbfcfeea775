using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Holon.Interpreter.Decoding;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Which operands of an FMA instruction are multiplied: the digits of its name.</summary>
internal interface IFusedOrder
{
    /// <summary>Multiplicand, multiplier and addend from operands 1 (the destination), 2 and 3.</summary>
    static abstract (T A, T B, T C) Arrange<T>(T first, T second, T third);
}

internal readonly struct Order132 : IFusedOrder
{
    public static (T A, T B, T C) Arrange<T>(T first, T second, T third) => (first, third, second);
}

internal readonly struct Order213 : IFusedOrder
{
    public static (T A, T B, T C) Arrange<T>(T first, T second, T third) => (second, first, third);
}

internal readonly struct Order231 : IFusedOrder
{
    public static (T A, T B, T C) Arrange<T>(T first, T second, T third) => (second, third, first);
}

/// <summary>The signs of product and addend.</summary>
internal interface IFusedSigns
{
    static abstract bool NegatesProduct { get; }

    /// <summary>Whether the addend of an element is subtracted: all, none, or every other.</summary>
    static abstract bool NegatesAddend(int element);
}

internal readonly struct MultiplyAdd : IFusedSigns
{
    public static bool NegatesProduct => false;

    public static bool NegatesAddend(int element) => false;
}

internal readonly struct MultiplySubtract : IFusedSigns
{
    public static bool NegatesProduct => false;

    public static bool NegatesAddend(int element) => true;
}

internal readonly struct NegativeMultiplyAdd : IFusedSigns
{
    public static bool NegatesProduct => true;

    public static bool NegatesAddend(int element) => false;
}

internal readonly struct NegativeMultiplySubtract : IFusedSigns
{
    public static bool NegatesProduct => true;

    public static bool NegatesAddend(int element) => true;
}

/// <summary>VFMADDSUB: even elements are subtracted.</summary>
internal readonly struct MultiplyAddSubtract : IFusedSigns
{
    public static bool NegatesProduct => false;

    public static bool NegatesAddend(int element) => (element & 1) == 0;
}

/// <summary>VFMSUBADD: odd elements are subtracted.</summary>
internal readonly struct MultiplySubtractAdd : IFusedSigns
{
    public static bool NegatesProduct => false;

    public static bool NegatesAddend(int element) => (element & 1) != 0;
}

/// <summary>FMA: products and sums with one rounding.</summary>
internal static unsafe class FusedMultiplyAdd
{
    public static void Declare(InstructionTable table)
    {
        Packed<Order132, MultiplyAdd>(table, Mnemonic.Vfmadd132ps, Mnemonic.Vfmadd132pd);
        Scalar<Order132, MultiplyAdd>(table, Mnemonic.Vfmadd132ss, Mnemonic.Vfmadd132sd);
        Packed<Order213, MultiplyAdd>(table, Mnemonic.Vfmadd213ps, Mnemonic.Vfmadd213pd);
        Scalar<Order213, MultiplyAdd>(table, Mnemonic.Vfmadd213ss, Mnemonic.Vfmadd213sd);
        Packed<Order231, MultiplyAdd>(table, Mnemonic.Vfmadd231ps, Mnemonic.Vfmadd231pd);
        Scalar<Order231, MultiplyAdd>(table, Mnemonic.Vfmadd231ss, Mnemonic.Vfmadd231sd);
        Packed<Order132, MultiplySubtract>(table, Mnemonic.Vfmsub132ps, Mnemonic.Vfmsub132pd);
        Scalar<Order132, MultiplySubtract>(table, Mnemonic.Vfmsub132ss, Mnemonic.Vfmsub132sd);
        Packed<Order213, MultiplySubtract>(table, Mnemonic.Vfmsub213ps, Mnemonic.Vfmsub213pd);
        Scalar<Order213, MultiplySubtract>(table, Mnemonic.Vfmsub213ss, Mnemonic.Vfmsub213sd);
        Packed<Order231, MultiplySubtract>(table, Mnemonic.Vfmsub231ps, Mnemonic.Vfmsub231pd);
        Scalar<Order231, MultiplySubtract>(table, Mnemonic.Vfmsub231ss, Mnemonic.Vfmsub231sd);
        Packed<Order132, NegativeMultiplyAdd>(table, Mnemonic.Vfnmadd132ps, Mnemonic.Vfnmadd132pd);
        Scalar<Order132, NegativeMultiplyAdd>(table, Mnemonic.Vfnmadd132ss, Mnemonic.Vfnmadd132sd);
        Packed<Order213, NegativeMultiplyAdd>(table, Mnemonic.Vfnmadd213ps, Mnemonic.Vfnmadd213pd);
        Scalar<Order213, NegativeMultiplyAdd>(table, Mnemonic.Vfnmadd213ss, Mnemonic.Vfnmadd213sd);
        Packed<Order231, NegativeMultiplyAdd>(table, Mnemonic.Vfnmadd231ps, Mnemonic.Vfnmadd231pd);
        Scalar<Order231, NegativeMultiplyAdd>(table, Mnemonic.Vfnmadd231ss, Mnemonic.Vfnmadd231sd);
        Packed<Order132, NegativeMultiplySubtract>(table, Mnemonic.Vfnmsub132ps, Mnemonic.Vfnmsub132pd);
        Scalar<Order132, NegativeMultiplySubtract>(table, Mnemonic.Vfnmsub132ss, Mnemonic.Vfnmsub132sd);
        Packed<Order213, NegativeMultiplySubtract>(table, Mnemonic.Vfnmsub213ps, Mnemonic.Vfnmsub213pd);
        Scalar<Order213, NegativeMultiplySubtract>(table, Mnemonic.Vfnmsub213ss, Mnemonic.Vfnmsub213sd);
        Packed<Order231, NegativeMultiplySubtract>(table, Mnemonic.Vfnmsub231ps, Mnemonic.Vfnmsub231pd);
        Scalar<Order231, NegativeMultiplySubtract>(table, Mnemonic.Vfnmsub231ss, Mnemonic.Vfnmsub231sd);
        Packed<Order132, MultiplyAddSubtract>(table, Mnemonic.Vfmaddsub132ps, Mnemonic.Vfmaddsub132pd);
        Packed<Order213, MultiplyAddSubtract>(table, Mnemonic.Vfmaddsub213ps, Mnemonic.Vfmaddsub213pd);
        Packed<Order231, MultiplyAddSubtract>(table, Mnemonic.Vfmaddsub231ps, Mnemonic.Vfmaddsub231pd);
        Packed<Order132, MultiplySubtractAdd>(table, Mnemonic.Vfmsubadd132ps, Mnemonic.Vfmsubadd132pd);
        Packed<Order213, MultiplySubtractAdd>(table, Mnemonic.Vfmsubadd213ps, Mnemonic.Vfmsubadd213pd);
        Packed<Order231, MultiplySubtractAdd>(table, Mnemonic.Vfmsubadd231ps, Mnemonic.Vfmsubadd231pd);
    }

    private static void Packed<TOrder, TSigns>(InstructionTable table, Mnemonic single, Mnemonic doubles)
        where TOrder : struct, IFusedOrder
        where TSigns : struct, IFusedSigns
    {
        table.Add(single, &BindPacked<TOrder, TSigns, float>);
        table.Add(doubles, &BindPacked<TOrder, TSigns, double>);
    }

    private static void Scalar<TOrder, TSigns>(InstructionTable table, Mnemonic single, Mnemonic doubles)
        where TOrder : struct, IFusedOrder
        where TSigns : struct, IFusedSigns
    {
        table.Add(single, &BindScalar<TOrder, TSigns, float>);
        table.Add(doubles, &BindScalar<TOrder, TSigns, double>);
    }

    private static Handler BindPacked<TOrder, TSigns, T>(in Instruction instruction, Op* op)
        where TOrder : struct, IFusedOrder
        where TSigns : struct, IFusedSigns
        where T : unmanaged
    {
        var memory = VectorOperands.HasMemory(instruction);
        if (VectorOperands.IsWide(instruction)) return memory ? &Execute256<TOrder, TSigns, T, WideMemorySource> : &Execute256<TOrder, TSigns, T, WideRegisterSource>;
        return memory ? &Execute128<TOrder, TSigns, T, MemorySource<Vector128<byte>>> : &Execute128<TOrder, TSigns, T, RegisterSource>;
    }

    private static Handler BindScalar<TOrder, TSigns, T>(in Instruction instruction, Op* op)
        where TOrder : struct, IFusedOrder
        where TSigns : struct, IFusedSigns
        where T : unmanaged =>
        VectorOperands.HasMemory(instruction) ? &ExecuteScalar<TOrder, TSigns, T, MemorySource<T>> : &ExecuteScalar<TOrder, TSigns, T, RegisterSource>;

    private static Op* Execute128<TOrder, TSigns, T, TSource>(Interpreter cpu, Op* op)
        where TOrder : struct, IFusedOrder
        where TSigns : struct, IFusedSigns
        where T : unmanaged
        where TSource : struct, IVectorSource
    {
        cpu.RequireAvx();
        var (a, b, c) = TOrder.Arrange(cpu.Xmm(op->Reg0), cpu.Xmm(op->Reg1), TSource.Load(cpu, op));
        if (!TryFast<TSigns, T>(cpu.State.Mxcsr, a, b, c, out var result))
        {
            var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
            result = Apply<TSigns, T>(a, b, c, ref context);
            cpu.Report(context);
        }

        cpu.SetXmmZeroUpper(op->Reg0, result);
        return op + 1;
    }

    private static Op* Execute256<TOrder, TSigns, T, TSource>(Interpreter cpu, Op* op)
        where TOrder : struct, IFusedOrder
        where TSigns : struct, IFusedSigns
        where T : unmanaged
        where TSource : struct, IWideSource
    {
        cpu.RequireAvx();
        var (a, b, c) = TOrder.Arrange(cpu.Ymm(op->Reg0), cpu.Ymm(op->Reg1), TSource.Load(cpu, op));
        var mxcsr = cpu.State.Mxcsr;
        if (!TryFast<TSigns, T>(mxcsr, a.GetLower(), b.GetLower(), c.GetLower(), out var low)
            || !TryFast<TSigns, T>(mxcsr, a.GetUpper(), b.GetUpper(), c.GetUpper(), out var high))
        {
            var context = FloatContext.FromMxcsr(mxcsr);
            low = Apply<TSigns, T>(a.GetLower(), b.GetLower(), c.GetLower(), ref context);
            high = Apply<TSigns, T>(a.GetUpper(), b.GetUpper(), c.GetUpper(), ref context);
            cpu.Report(context);
        }

        cpu.Ymm(op->Reg0) = Vector256.Create(low, high);
        return op + 1;
    }

    private static Op* ExecuteScalar<TOrder, TSigns, T, TSource>(Interpreter cpu, Op* op)
        where TOrder : struct, IFusedOrder
        where TSigns : struct, IFusedSigns
        where T : unmanaged
        where TSource : struct, IVectorSource
    {
        cpu.RequireAvx();
        var destination = cpu.Xmm(op->Reg0);
        var (a, b, c) = TOrder.Arrange(destination, cpu.Xmm(op->Reg1), TSource.Load(cpu, op));
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var result = typeof(T) == typeof(float)
            ? destination.AsUInt32().WithElement(0, Element<TSigns>(a.AsUInt32(), b.AsUInt32(), c.AsUInt32(), 0, ref context)).AsByte()
            : destination.AsUInt64().WithElement(0, Element<TSigns>(a.AsUInt64(), b.AsUInt64(), c.AsUInt64(), 0, ref context)).AsByte();
        cpu.Report(context);
        cpu.SetXmmZeroUpper(op->Reg0, result);
        return op + 1;
    }

    private static Vector128<byte> Apply<TSigns, T>(Vector128<byte> a, Vector128<byte> b, Vector128<byte> c, ref FloatContext context)
        where TSigns : struct, IFusedSigns
    {
        if (typeof(T) == typeof(float))
        {
            var (x, y, z, result) = (a.AsUInt32(), b.AsUInt32(), c.AsUInt32(), Vector128<uint>.Zero);
            for (var i = 0; i < 4; i++) result = result.WithElement(i, Element<TSigns>(x, y, z, i, ref context));
            return result.AsByte();
        }

        var (u, v, w) = (a.AsUInt64(), b.AsUInt64(), c.AsUInt64());
        return Vector128.Create(Element<TSigns>(u, v, w, 0, ref context), Element<TSigns>(u, v, w, 1, ref context)).AsByte();
    }

    private static uint Element<TSigns>(Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, int number, ref FloatContext context)
        where TSigns : struct, IFusedSigns =>
        Float32.FusedMultiplyAdd(a[number], b[number], c[number], TSigns.NegatesProduct, TSigns.NegatesAddend(number), ref context);

    private static ulong Element<TSigns>(Vector128<ulong> a, Vector128<ulong> b, Vector128<ulong> c, int number, ref FloatContext context)
        where TSigns : struct, IFusedSigns =>
        Float64.FusedMultiplyAdd(a[number], b[number], c[number], TSigns.NegatesProduct, TSigns.NegatesAddend(number), ref context);

    /// <summary>Computes with the host's FMA when the result is normal, and so certain.</summary>
    private static bool TryFast<TSigns, T>(uint mxcsr, Vector128<byte> a, Vector128<byte> b, Vector128<byte> c, out Vector128<byte> result)
        where TSigns : struct, IFusedSigns
        where T : unmanaged
    {
        result = default;
        if (!Fma.IsSupported || !FloatFastPath.Applies(mxcsr)) return false;
        var sign = typeof(T) == typeof(float) ? Vector128.Create(0x80000000).AsByte() : Vector128.Create(1ul << 63).AsByte();
        var odd = typeof(T) == typeof(float) ? Vector128.Create(0xFFFFFFFF00000000).AsByte() : Vector128.Create(0, ulong.MaxValue).AsByte();
        var product = TSigns.NegatesProduct ? a ^ sign : a;
        var addend = c ^ ((TSigns.NegatesAddend(0) ? sign & ~odd : default) | (TSigns.NegatesAddend(1) ? sign & odd : default));
        var certain = FloatFastPath.Ordinary(a.As<byte, T>()) & FloatFastPath.Ordinary(b.As<byte, T>()) & FloatFastPath.Ordinary(c.As<byte, T>());
        result = typeof(T) == typeof(float)
            ? Fma.MultiplyAdd(product.AsSingle(), b.AsSingle(), addend.AsSingle()).AsByte()
            : Fma.MultiplyAdd(product.AsDouble(), b.AsDouble(), addend.AsDouble()).AsByte();
        return FloatFastPath.All(certain & FloatFastPath.Normal(result.As<byte, T>()));
    }
}
