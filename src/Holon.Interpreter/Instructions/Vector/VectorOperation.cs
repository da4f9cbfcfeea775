using System.Runtime.Intrinsics;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>
/// What an instruction computes from two vectors and an immediate. 256-bit forms apply it to each 128-bit lane.
/// Instructions with one source get it as the second argument; the first is then the old destination.
/// </summary>
internal interface IVectorOperation
{
    /// <summary>Bytes of a memory operand in the 128-bit form. Only a whole vector must be aligned.</summary>
    static virtual int MemoryBytes => 16;

    /// <summary>How far the immediate is shifted right for the upper lane.</summary>
    static virtual int UpperImmediateShift => 0;

    static abstract Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate);
}

/// <summary>How an operation on 128 bits becomes one on MMX registers.</summary>
internal interface IMmxForm
{
    static abstract ulong Apply<TOp>(ulong a, ulong b, int immediate)
        where TOp : struct, IVectorOperation;
}

/// <summary>Each element depends on the elements at its own place: the low half of the result is the result.</summary>
internal readonly struct MmxLow : IMmxForm
{
    public static ulong Apply<TOp>(ulong a, ulong b, int immediate)
        where TOp : struct, IVectorOperation =>
        TOp.Apply(Vector128.CreateScalar(a).AsByte(), Vector128.CreateScalar(b).AsByte(), immediate).AsUInt64().ToScalar();
}

/// <summary>The low half of the 128-bit result comes from the first operand, the high half from the second (packs, horizontal sums).</summary>
internal readonly struct MmxJoined : IMmxForm
{
    public static ulong Apply<TOp>(ulong a, ulong b, int immediate)
        where TOp : struct, IVectorOperation
    {
        var both = Vector128.Create(a, b).AsByte();
        return TOp.Apply(both, both, immediate).AsUInt64().ToScalar();
    }
}

/// <summary>The result comes from the upper parts of the operands (PUNPCKH).</summary>
internal readonly struct MmxHigh : IMmxForm
{
    public static ulong Apply<TOp>(ulong a, ulong b, int immediate)
        where TOp : struct, IVectorOperation =>
        TOp.Apply(Vector128.Create(0, a).AsByte(), Vector128.Create(0, b).AsByte(), immediate).AsUInt64().GetElement(1);
}

/// <summary>The operands are one number, the second below the first (PALIGNR).</summary>
internal readonly struct MmxConcatenated : IMmxForm
{
    public static ulong Apply<TOp>(ulong a, ulong b, int immediate)
        where TOp : struct, IVectorOperation => TOp.Apply(default, Vector128.Create(b, a).AsByte(), immediate).AsUInt64().ToScalar();
}

/// <summary>The second operand selects among eight bytes instead of sixteen (PSHUFB).</summary>
internal readonly struct MmxByteIndex : IMmxForm
{
    public static ulong Apply<TOp>(ulong a, ulong b, int immediate)
        where TOp : struct, IVectorOperation => MmxLow.Apply<TOp>(a, b & 0x8787878787878787, immediate);
}
