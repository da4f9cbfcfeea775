using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Operations between neighbours, alternating addition and subtraction, and dot products.</summary>
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
        table.Float<Dpps>(Mnemonic.Dpps, Mnemonic.Vdpps);
        table.Float<Dppd>(Mnemonic.Dppd, Mnemonic.Vdppd);
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

/// <summary>The sum of the products that bits 4–7 choose, in the elements that bits 0–3 choose.</summary>
internal readonly struct Dpps : IFloatOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var (x, y, products) = (a.AsUInt32(), b.AsUInt32(), Vector128<uint>.Zero);
        for (var i = 0; i < 4; i++)
        {
            if ((immediate >> (4 + i) & 1) != 0) products = products.WithElement(i, Float32.Multiply(x[i], y[i], ref context));
        }

        if (context.Unmasked != FloatExceptions.None) return default; // the sums are not even begun
        var sum = Float32.Add(Float32.Add(products[0], products[1], ref context), Float32.Add(products[2], products[3], ref context), ref context);
        var bits = Vector128.Create(1u, 2, 4, 8);
        return (Vector128.Create(sum) & Vector128.Equals(Vector128.Create((uint)immediate) & bits, bits)).AsByte();
    }
}

internal readonly struct Dppd : IFloatOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var (x, y) = (a.AsUInt64(), b.AsUInt64());
        var low = (immediate & 0x10) != 0 ? Float64.Multiply(x[0], y[0], ref context) : 0;
        var high = (immediate & 0x20) != 0 ? Float64.Multiply(x[1], y[1], ref context) : 0;
        if (context.Unmasked != FloatExceptions.None) return default;
        var sum = Float64.Add(low, high, ref context);
        return Vector128.Create((immediate & 1) != 0 ? sum : 0, (immediate & 2) != 0 ? sum : 0).AsByte();
    }
}
