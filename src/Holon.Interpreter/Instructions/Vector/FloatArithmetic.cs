using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>An operation on two floating-point numbers, given as bits.</summary>
internal interface IFloatFunction
{
    static abstract uint Apply(uint a, uint b, ref FloatContext context);

    static abstract ulong Apply(ulong a, ulong b, ref FloatContext context);

    /// <summary>The same by the host on ordinary numbers, and the elements whose result is certain.</summary>
    static virtual Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b, out Vector128<T> certain)
    {
        certain = default;
        return default;
    }
}

/// <summary>Addition, subtraction, multiplication, division, square root, minimum and maximum, packed and scalar.</summary>
internal static class FloatArithmeticInstructions
{
    public static void Declare(InstructionTable table)
    {
        table.Float<PackedFloat<FloatAdd, float>>(Mnemonic.Addps, Mnemonic.Vaddps);
        table.Float<PackedFloat<FloatAdd, double>>(Mnemonic.Addpd, Mnemonic.Vaddpd);
        table.Float<ScalarFloat<FloatAdd, float>>(Mnemonic.Addss, Mnemonic.Vaddss);
        table.Float<ScalarFloat<FloatAdd, double>>(Mnemonic.Addsd, Mnemonic.Vaddsd);
        table.Float<PackedFloat<FloatSubtract, float>>(Mnemonic.Subps, Mnemonic.Vsubps);
        table.Float<PackedFloat<FloatSubtract, double>>(Mnemonic.Subpd, Mnemonic.Vsubpd);
        table.Float<ScalarFloat<FloatSubtract, float>>(Mnemonic.Subss, Mnemonic.Vsubss);
        table.Float<ScalarFloat<FloatSubtract, double>>(Mnemonic.Subsd, Mnemonic.Vsubsd);
        table.Float<PackedFloat<FloatMultiply, float>>(Mnemonic.Mulps, Mnemonic.Vmulps);
        table.Float<PackedFloat<FloatMultiply, double>>(Mnemonic.Mulpd, Mnemonic.Vmulpd);
        table.Float<ScalarFloat<FloatMultiply, float>>(Mnemonic.Mulss, Mnemonic.Vmulss);
        table.Float<ScalarFloat<FloatMultiply, double>>(Mnemonic.Mulsd, Mnemonic.Vmulsd);
        table.Float<PackedFloat<FloatDivide, float>>(Mnemonic.Divps, Mnemonic.Vdivps);
        table.Float<PackedFloat<FloatDivide, double>>(Mnemonic.Divpd, Mnemonic.Vdivpd);
        table.Float<ScalarFloat<FloatDivide, float>>(Mnemonic.Divss, Mnemonic.Vdivss);
        table.Float<ScalarFloat<FloatDivide, double>>(Mnemonic.Divsd, Mnemonic.Vdivsd);
        table.Float<PackedFloat<FloatSquareRoot, float>>(Mnemonic.Sqrtps, Mnemonic.Vsqrtps);
        table.Float<PackedFloat<FloatSquareRoot, double>>(Mnemonic.Sqrtpd, Mnemonic.Vsqrtpd);
        table.Float<ScalarFloat<FloatSquareRoot, float>>(Mnemonic.Sqrtss, Mnemonic.Vsqrtss);
        table.Float<ScalarFloat<FloatSquareRoot, double>>(Mnemonic.Sqrtsd, Mnemonic.Vsqrtsd);
        table.Float<PackedFloat<FloatMin, float>>(Mnemonic.Minps, Mnemonic.Vminps);
        table.Float<PackedFloat<FloatMin, double>>(Mnemonic.Minpd, Mnemonic.Vminpd);
        table.Float<ScalarFloat<FloatMin, float>>(Mnemonic.Minss, Mnemonic.Vminss);
        table.Float<ScalarFloat<FloatMin, double>>(Mnemonic.Minsd, Mnemonic.Vminsd);
        table.Float<PackedFloat<FloatMax, float>>(Mnemonic.Maxps, Mnemonic.Vmaxps);
        table.Float<PackedFloat<FloatMax, double>>(Mnemonic.Maxpd, Mnemonic.Vmaxpd);
        table.Float<ScalarFloat<FloatMax, float>>(Mnemonic.Maxss, Mnemonic.Vmaxss);
        table.Float<ScalarFloat<FloatMax, double>>(Mnemonic.Maxsd, Mnemonic.Vmaxsd);
    }
}

/// <summary>A function on all elements; T is float or double.</summary>
internal readonly struct PackedFloat<TFunction, T> : IFloatOperation
    where TFunction : struct, IFloatFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFast(uint mxcsr, Vector128<byte> a, Vector128<byte> b, int immediate, out Vector128<byte> result)
    {
        if (!FloatFastPath.Applies(mxcsr))
        {
            result = default;
            return false;
        }

        var value = TFunction.Host(a.As<byte, T>(), b.As<byte, T>(), out var certain);
        result = value.AsByte();
        return FloatFastPath.All(certain);
    }

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        if (typeof(T) == typeof(float))
        {
            var (x, y, result) = (a.AsUInt32(), b.AsUInt32(), Vector128<uint>.Zero);
            for (var i = 0; i < 4; i++) result = result.WithElement(i, TFunction.Apply(x[i], y[i], ref context));
            return result.AsByte();
        }

        var (u, v) = (a.AsUInt64(), b.AsUInt64());
        return Vector128.Create(TFunction.Apply(u[0], v[0], ref context), TFunction.Apply(u[1], v[1], ref context)).AsByte();
    }
}

/// <summary>A function on the low elements; the others come from the first operand.</summary>
internal readonly struct ScalarFloat<TFunction, T> : IFloatOperation
    where TFunction : struct, IFloatFunction
{
    public static int MemoryBytes => typeof(T) == typeof(float) ? 4 : 8;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        if (typeof(T) == typeof(float))
        {
            var single = a.AsUInt32();
            return single.WithElement(0, TFunction.Apply(single.ToScalar(), b.AsUInt32().ToScalar(), ref context)).AsByte();
        }

        var doubles = a.AsUInt64();
        return doubles.WithElement(0, TFunction.Apply(doubles.ToScalar(), b.AsUInt64().ToScalar(), ref context)).AsByte();
    }
}

internal readonly struct FloatAdd : IFloatFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply(uint a, uint b, ref FloatContext context) => Float32.Add(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply(ulong a, ulong b, ref FloatContext context) => Float64.Add(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b, out Vector128<T> certain)
    {
        var result = a + b;
        certain = FloatFastPath.Ordinary(a) & FloatFastPath.Ordinary(b) & FloatFastPath.Ordinary(result); // a sum is zero only if it is exact
        return result;
    }
}

internal readonly struct FloatSubtract : IFloatFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply(uint a, uint b, ref FloatContext context) => Float32.Subtract(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply(ulong a, ulong b, ref FloatContext context) => Float64.Subtract(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b, out Vector128<T> certain)
    {
        var result = a - b;
        certain = FloatFastPath.Ordinary(a) & FloatFastPath.Ordinary(b) & FloatFastPath.Ordinary(result);
        return result;
    }
}

internal readonly struct FloatMultiply : IFloatFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply(uint a, uint b, ref FloatContext context) => Float32.Multiply(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply(ulong a, ulong b, ref FloatContext context) => Float64.Multiply(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b, out Vector128<T> certain)
    {
        var result = a * b;
        // A zero product of numbers other than zero has underflowed.
        certain = FloatFastPath.Ordinary(a) & FloatFastPath.Ordinary(b) & (FloatFastPath.Normal(result) | FloatFastPath.Zero(a) | FloatFastPath.Zero(b));
        return result;
    }
}

internal readonly struct FloatDivide : IFloatFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply(uint a, uint b, ref FloatContext context) => Float32.Divide(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply(ulong a, ulong b, ref FloatContext context) => Float64.Divide(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b, out Vector128<T> certain)
    {
        var result = a / b;
        certain = FloatFastPath.Ordinary(a) & FloatFastPath.Normal(b) & (FloatFastPath.Normal(result) | FloatFastPath.Zero(a));
        return result;
    }
}

/// <summary>√ of the second operand.</summary>
internal readonly struct FloatSquareRoot : IFloatFunction
{
    public static uint Apply(uint a, uint b, ref FloatContext context) => Float32.SquareRoot(b, ref context);

    public static ulong Apply(ulong a, ulong b, ref FloatContext context) => Float64.SquareRoot(b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b, out Vector128<T> certain)
    {
        var result = Vector128.Sqrt(b);
        certain = FloatFastPath.Ordinary(b) & FloatFastPath.Ordinary(result); // a NaN for negative ones
        return result;
    }
}

internal readonly struct FloatMin : IFloatFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply(uint a, uint b, ref FloatContext context) => Float32.Min(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply(ulong a, ulong b, ref FloatContext context) => Float64.Min(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b, out Vector128<T> certain)
    {
        certain = FloatFastPath.Ordinary(a) & FloatFastPath.Ordinary(b);
        return Vector128.ConditionalSelect(Vector128.LessThan(a, b), a, b); // the second of equal ones
    }
}

internal readonly struct FloatMax : IFloatFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Apply(uint a, uint b, ref FloatContext context) => Float32.Max(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply(ulong a, ulong b, ref FloatContext context) => Float64.Max(a, b, ref context);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b, out Vector128<T> certain)
    {
        certain = FloatFastPath.Ordinary(a) & FloatFastPath.Ordinary(b);
        return Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b);
    }
}
