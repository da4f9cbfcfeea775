using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Bitwise operations; the names for floats differ in the type they suggest only.</summary>
internal static class PackedLogic
{
    public static void Declare(InstructionTable table)
    {
        table.Packed<Pand, MmxLow>(Mnemonic.Pand, Mnemonic.Vpand);
        table.Packed<Pandn, MmxLow>(Mnemonic.Pandn, Mnemonic.Vpandn);
        table.Packed<Por, MmxLow>(Mnemonic.Por, Mnemonic.Vpor);
        table.Packed<Pxor, MmxLow>(Mnemonic.Pxor, Mnemonic.Vpxor);
        table.Packed<Pand>(Mnemonic.Andps, Mnemonic.Vandps);
        table.Packed<Pand>(Mnemonic.Andpd, Mnemonic.Vandpd);
        table.Packed<Pandn>(Mnemonic.Andnps, Mnemonic.Vandnps);
        table.Packed<Pandn>(Mnemonic.Andnpd, Mnemonic.Vandnpd);
        table.Packed<Por>(Mnemonic.Orps, Mnemonic.Vorps);
        table.Packed<Por>(Mnemonic.Orpd, Mnemonic.Vorpd);
        table.Packed<Pxor>(Mnemonic.Xorps, Mnemonic.Vxorps);
        table.Packed<Pxor>(Mnemonic.Xorpd, Mnemonic.Vxorpd);
    }
}

internal readonly struct Pand : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => a & b;
}

internal readonly struct Pandn : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => ~a & b;
}

internal readonly struct Por : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => a | b;
}

internal readonly struct Pxor : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => a ^ b;
}
