using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Operations between neighbours, and alternating addition and subtraction.</summary>
internal static class FloatHorizontal
{
    public static void Declare(InstructionTable table)
    {
        table.Float<HorizontalFloat<FloatAdd, float>>(Mnemonic.Haddps, Mnemonic.Vhaddps);
        table.Float<HorizontalFloat<FloatAdd, double>>(Mnemonic.Haddpd, Mnemonic.Vhaddpd);
        table.Float<HorizontalFloat<FloatSubtract, float>>(Mnemonic.Hsubps, Mnemonic.Vhsubps);
        table.Float<HorizontalFloat<FloatSubtract, double>>(Mnemonic.Hsubpd, Mnemonic.Vhsubpd);
        table.Float<Addsubps>(Mnemonic.Addsubps, Mnemonic.Vaddsubps);
        table.Float<Addsubpd>(Mnemonic.Addsubpd, Mnemonic.Vaddsubpd);
    }
}

/// <summary>A function of each even element and the next: the results of the first operand below those of the second.</summary>
internal readonly struct HorizontalFloat<TFunction, T> : IFloatOperation
    where TFunction : struct, IFloatFunction
{
    public static bool TryFast(uint mxcsr, Vector128<byte> a, Vector128<byte> b, int immediate, out Vector128<byte> result)
    {
        Split(a, b, out var even, out var odd);
        return PackedFloat<TFunction, T>.TryFast(mxcsr, even, odd, 0, out result);
    }

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        Split(a, b, out var even, out var odd);
        return PackedFloat<TFunction, T>.Apply(even, odd, 0, ref context);
    }

    private static void Split(Vector128<byte> a, Vector128<byte> b, out Vector128<byte> even, out Vector128<byte> odd)
    {
        if (typeof(T) == typeof(float))
        {
            even = Shufps.Apply(a, b, 0b10_00_10_00);
            odd = Shufps.Apply(a, b, 0b11_01_11_01);
        }
        else
        {
            even = Vector128.Create(a.GetLower(), b.GetLower());
            odd = Vector128.Create(a.GetUpper(), b.GetUpper());
        }
    }
}

/// <summary>Even elements are subtracted, odd ones added.</summary>
internal readonly struct Addsubps : IFloatOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var (x, y) = (a.AsUInt32(), b.AsUInt32());
        return Vector128.Create(
            Float32.Subtract(x[0], y[0], ref context),
            Float32.Add(x[1], y[1], ref context),
            Float32.Subtract(x[2], y[2], ref context),
            Float32.Add(x[3], y[3], ref context)).AsByte();
    }
}

internal readonly struct Addsubpd : IFloatOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var (x, y) = (a.AsUInt64(), b.AsUInt64());
        return Vector128.Create(Float64.Subtract(x[0], y[0], ref context), Float64.Add(x[1], y[1], ref context)).AsByte();
    }
}
