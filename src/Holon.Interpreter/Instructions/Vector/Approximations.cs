using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>
/// RCPPS and RSQRTPS: reciprocals with a relative error below 1.5·2⁻¹², without exceptions and whatever MXCSR says. Their exact
/// values differ between processors; a host that has the instructions gives its own.
/// </summary>
internal static class Approximations
{
    public static void Declare(InstructionTable table)
    {
        table.Packed<Rcpps>(Mnemonic.Rcpps, Mnemonic.Vrcpps);
        table.Packed<Rsqrtps>(Mnemonic.Rsqrtps, Mnemonic.Vrsqrtps);
        table.Packed<ScalarApproximation<Rcpps>>(Mnemonic.Rcpss, Mnemonic.Vrcpss);
        table.Packed<ScalarApproximation<Rsqrtps>>(Mnemonic.Rsqrtss, Mnemonic.Vrsqrtss);
    }

    /// <summary>Cuts results to twelve bits, takes denormal operands and results as zeros, and quiets NaNs.</summary>
    public static Vector128<byte> Truncate(Vector128<byte> source, Func<float, float> function)
    {
        const uint exponent = 0x7F800000, sign = 0x80000000, quiet = 0x00400000, kept = 0xFFFFF000;
        var (values, result) = (source.AsUInt32(), Vector128<uint>.Zero);
        for (var i = 0; i < 4; i++)
        {
            var bits = (values[i] & exponent) == 0 ? values[i] & sign : values[i];
            var value = BitConverter.UInt32BitsToSingle(bits);
            var approximation = BitConverter.SingleToUInt32Bits(function(value)) & kept;
            if (float.IsNaN(value)) approximation = bits | quiet;
            else if ((approximation & exponent) == 0) approximation &= sign;
            result = result.WithElement(i, approximation);
        }

        return result.AsByte();
    }
}

internal readonly struct Rcpps : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Sse.IsSupported ? Sse.Reciprocal(b.AsSingle()).AsByte() : Approximations.Truncate(b, static value => 1 / value);
}

internal readonly struct Rsqrtps : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Sse.IsSupported ? Sse.ReciprocalSqrt(b.AsSingle()).AsByte() : Approximations.Truncate(b, static value => 1 / MathF.Sqrt(value));
}

/// <summary>The low element only.</summary>
internal readonly struct ScalarApproximation<TOp> : IVectorOperation
    where TOp : struct, IVectorOperation
{
    public static int MemoryBytes => 4;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Movss.Apply(a, TOp.Apply(default, b, 0), 0);
}
