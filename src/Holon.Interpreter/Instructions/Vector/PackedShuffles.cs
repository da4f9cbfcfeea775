using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Instructions that move elements within lanes: shuffles, unpacks, packs, blends, alignment.</summary>
internal static unsafe class PackedShuffles
{
    public static void Declare(InstructionTable table)
    {
        table.Packed<UnpackLow<byte>, MmxLow>(Mnemonic.Punpcklbw, Mnemonic.Vpunpcklbw);
        table.Packed<UnpackLow<ushort>, MmxLow>(Mnemonic.Punpcklwd, Mnemonic.Vpunpcklwd);
        table.Packed<UnpackLow<uint>, MmxLow>(Mnemonic.Punpckldq, Mnemonic.Vpunpckldq);
        table.Packed<UnpackLow<ulong>>(Mnemonic.Punpcklqdq, Mnemonic.Vpunpcklqdq);
        table.Packed<UnpackHigh<byte>, MmxHigh>(Mnemonic.Punpckhbw, Mnemonic.Vpunpckhbw);
        table.Packed<UnpackHigh<ushort>, MmxHigh>(Mnemonic.Punpckhwd, Mnemonic.Vpunpckhwd);
        table.Packed<UnpackHigh<uint>, MmxHigh>(Mnemonic.Punpckhdq, Mnemonic.Vpunpckhdq);
        table.Packed<UnpackHigh<ulong>>(Mnemonic.Punpckhqdq, Mnemonic.Vpunpckhqdq);
        table.Packed<UnpackLow<uint>>(Mnemonic.Unpcklps, Mnemonic.Vunpcklps);
        table.Packed<UnpackLow<ulong>>(Mnemonic.Unpcklpd, Mnemonic.Vunpcklpd);
        table.Packed<UnpackHigh<uint>>(Mnemonic.Unpckhps, Mnemonic.Vunpckhps);
        table.Packed<UnpackHigh<ulong>>(Mnemonic.Unpckhpd, Mnemonic.Vunpckhpd);

        table.Packed<Packsswb, MmxJoined>(Mnemonic.Packsswb, Mnemonic.Vpacksswb);
        table.Packed<Packuswb, MmxJoined>(Mnemonic.Packuswb, Mnemonic.Vpackuswb);
        table.Packed<Packssdw, MmxJoined>(Mnemonic.Packssdw, Mnemonic.Vpackssdw);
        table.Packed<Packusdw>(Mnemonic.Packusdw, Mnemonic.Vpackusdw);

        table.Packed<Pshufb, MmxByteIndex>(Mnemonic.Pshufb, Mnemonic.Vpshufb);
        table.Packed<Pshufd>(Mnemonic.Pshufd, Mnemonic.Vpshufd);
        table.Packed<Pshuflw>(Mnemonic.Pshuflw, Mnemonic.Vpshuflw);
        table.Packed<Pshufhw>(Mnemonic.Pshufhw, Mnemonic.Vpshufhw);
        table.Add(Mnemonic.Pshufw, &PackedForms.BindWithMmx<Pshuflw, MmxLow>);
        table.Packed<Shufps>(Mnemonic.Shufps, Mnemonic.Vshufps);
        table.Packed<Shufpd>(Mnemonic.Shufpd, Mnemonic.Vshufpd);
        table.Packed<Palignr, MmxConcatenated>(Mnemonic.Palignr, Mnemonic.Vpalignr);

        table.Packed<Pblendw>(Mnemonic.Pblendw, Mnemonic.Vpblendw);
        table.Packed<Blendps>(Mnemonic.Blendps, Mnemonic.Vblendps);
        table.Packed<Blendpd>(Mnemonic.Blendpd, Mnemonic.Vblendpd);
        table.Add(Mnemonic.Vpblendd, &PackedForms.Bind<Blendps>);

        table.Packed<Movsldup>(Mnemonic.Movsldup, Mnemonic.Vmovsldup);
        table.Packed<Movshdup>(Mnemonic.Movshdup, Mnemonic.Vmovshdup);
        table.Packed<Movddup>(Mnemonic.Movddup, Mnemonic.Vmovddup);
        table.Add(Mnemonic.Insertps, &BindInsertps);
        table.Add(Mnemonic.Vinsertps, &BindInsertps);
    }

    /// <summary>A memory operand is one element, so nothing is chosen among four.</summary>
    private static Handler BindInsertps(in Instruction instruction, Op* op)
    {
        if (VectorOperands.HasMemory(instruction)) op->Immediate &= 0x3F;
        return PackedForms.Bind<Insertps>(instruction, op);
    }
}

/// <summary>Interleaves the lower elements.</summary>
internal readonly struct UnpackLow<T> : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse2.IsSupported)
        {
            if (typeof(T) == typeof(byte)) return Sse2.UnpackLow(a, b);
            if (typeof(T) == typeof(ushort)) return Sse2.UnpackLow(a.AsUInt16(), b.AsUInt16()).AsByte();
            if (typeof(T) == typeof(uint)) return Sse2.UnpackLow(a.AsUInt32(), b.AsUInt32()).AsByte();
            if (typeof(T) == typeof(ulong)) return Sse2.UnpackLow(a.AsUInt64(), b.AsUInt64()).AsByte();
        }

        return Interleave.Elements<T>(a, b, 0);
    }
}

/// <summary>Interleaves the upper elements.</summary>
internal readonly struct UnpackHigh<T> : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse2.IsSupported)
        {
            if (typeof(T) == typeof(byte)) return Sse2.UnpackHigh(a, b);
            if (typeof(T) == typeof(ushort)) return Sse2.UnpackHigh(a.AsUInt16(), b.AsUInt16()).AsByte();
            if (typeof(T) == typeof(uint)) return Sse2.UnpackHigh(a.AsUInt32(), b.AsUInt32()).AsByte();
            if (typeof(T) == typeof(ulong)) return Sse2.UnpackHigh(a.AsUInt64(), b.AsUInt64()).AsByte();
        }

        return Interleave.Elements<T>(a, b, Vector128<T>.Count / 2);
    }
}

internal static class Interleave
{
    public static Vector128<byte> Elements<T>(Vector128<byte> a, Vector128<byte> b, int first)
    {
        var (x, y, result) = (a.As<byte, T>(), b.As<byte, T>(), Vector128<T>.Zero);
        for (var i = 0; i < Vector128<T>.Count / 2; i++) result = result.WithElement(2 * i, x[first + i]).WithElement((2 * i) + 1, y[first + i]);
        return result.AsByte();
    }
}

internal readonly struct Packsswb : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Sse2.IsSupported ? Sse2.PackSignedSaturate(a.AsInt16(), b.AsInt16()).AsByte() : Vector128.NarrowWithSaturation(a.AsInt16(), b.AsInt16()).AsByte();
}

internal readonly struct Packssdw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Sse2.IsSupported ? Sse2.PackSignedSaturate(a.AsInt32(), b.AsInt32()).AsByte() : Vector128.NarrowWithSaturation(a.AsInt32(), b.AsInt32()).AsByte();
}

internal readonly struct Packuswb : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse2.IsSupported) return Sse2.PackUnsignedSaturate(a.AsInt16(), b.AsInt16());
        var zero = Vector128<short>.Zero;
        return Vector128.NarrowWithSaturation(Vector128.Max(a.AsInt16(), zero).AsUInt16(), Vector128.Max(b.AsInt16(), zero).AsUInt16());
    }
}

internal readonly struct Packusdw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse41.IsSupported) return Sse41.PackUnsignedSaturate(a.AsInt32(), b.AsInt32()).AsByte();
        var zero = Vector128<int>.Zero;
        return Vector128.NarrowWithSaturation(Vector128.Max(a.AsInt32(), zero).AsUInt32(), Vector128.Max(b.AsInt32(), zero).AsUInt32()).AsByte();
    }
}

internal readonly struct Pshufb : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Ssse3.IsSupported
        ? Ssse3.Shuffle(a, b)
        : Vector128.Shuffle(a, b & Vector128.Create((byte)0x8F)); // an index beyond 15 gives zero in both
}

/// <summary>Byte orders for the shuffles that an immediate controls.</summary>
internal static class ShuffleControls
{
    /// <summary>Four 32-bit elements chosen by two bits each, for every immediate.</summary>
    public static readonly Vector128<byte>[] Dwords = Build(4, 0);

    /// <summary>The four lower words chosen by two bits each; the upper ones stay.</summary>
    public static readonly Vector128<byte>[] LowWords = Build(2, 0);

    /// <summary>The four upper words chosen by two bits each; the lower ones stay.</summary>
    public static readonly Vector128<byte>[] HighWords = Build(2, 8);

    /// <summary>0 to 15.</summary>
    public static Vector128<byte> Identity => Vector128.Create((byte)0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    private static Vector128<byte>[] Build(int size, int first)
    {
        var controls = new Vector128<byte>[256];
        for (var immediate = 0; immediate < 256; immediate++)
        {
            var control = Identity;
            for (var i = 0; i < 4 * size; i++)
            {
                var chosen = (immediate >> (2 * (i / size))) & 3;
                control = control.WithElement(first + i, (byte)(first + (chosen * size) + (i % size)));
            }

            controls[immediate] = control;
        }

        return controls;
    }
}

internal readonly struct Pshufd : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Pshufb.Apply(b, ShuffleControls.Dwords[(byte)immediate], 0);
}

internal readonly struct Pshuflw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Pshufb.Apply(b, ShuffleControls.LowWords[(byte)immediate], 0);
}

internal readonly struct Pshufhw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Pshufb.Apply(b, ShuffleControls.HighWords[(byte)immediate], 0);
}

internal readonly struct Shufps : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        var control = ShuffleControls.Dwords[(byte)immediate];
        return Vector128.Create(Pshufb.Apply(a, control, 0).GetLower(), Pshufb.Apply(b, control, 0).GetUpper());
    }
}

internal readonly struct Shufpd : IVectorOperation
{
    public static int UpperImmediateShift => 2;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Create(
        (immediate & 1) == 0 ? a.GetLower() : a.GetUpper(),
        (immediate & 2) == 0 ? b.GetLower() : b.GetUpper());
}

/// <summary>Sixteen bytes out of the thirty-two that both operands make, the second below.</summary>
internal readonly struct Palignr : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        // Places outside a vector, also those below it that wrap around, give zero.
        var places = ShuffleControls.Identity + Vector128.Create((byte)Math.Min(immediate, 32));
        return Vector128.Shuffle(b, places) | Vector128.Shuffle(a, places - Vector128.Create((byte)16));
    }
}

internal readonly struct Pblendw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        var bits = Vector128.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create((ushort)immediate) & bits, bits).AsByte(), b, a);
    }
}

/// <summary>BLENDPS and VPBLENDD.</summary>
internal readonly struct Blendps : IVectorOperation
{
    public static int UpperImmediateShift => 4;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        var bits = Vector128.Create(1u, 2, 4, 8);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create((uint)immediate) & bits, bits).AsByte(), b, a);
    }
}

internal readonly struct Blendpd : IVectorOperation
{
    public static int UpperImmediateShift => 2;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Create(
        ((immediate & 1) == 0 ? a : b).GetLower(),
        ((immediate & 2) == 0 ? a : b).GetUpper());
}

internal readonly struct Movsldup : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.Shuffle(b.AsUInt32(), Vector128.Create(0u, 0, 2, 2)).AsByte();
}

internal readonly struct Movshdup : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.Shuffle(b.AsUInt32(), Vector128.Create(1u, 1, 3, 3)).AsByte();
}

internal readonly struct Movddup : IVectorOperation
{
    public static int MemoryBytes => 8;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Create(b.GetLower(), b.GetLower());
}

/// <summary>Puts one element of the second operand into the first and clears others.</summary>
internal readonly struct Insertps : IVectorOperation
{
    public static int MemoryBytes => 4;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        var bits = Vector128.Create(1u, 2, 4, 8);
        var inserted = a.AsUInt32().WithElement(immediate >> 4 & 3, b.AsUInt32()[immediate >> 6]);
        return Vector128.AndNot(inserted, Vector128.Equals(Vector128.Create((uint)immediate) & bits, bits)).AsByte();
    }
}
