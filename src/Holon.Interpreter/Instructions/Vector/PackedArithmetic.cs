using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Addition, subtraction, multiplication, comparison, minimum and maximum of packed integers.</summary>
internal static class PackedArithmetic
{
    public static void Declare(InstructionTable table)
    {
        table.Packed<PackedAdd<byte>, MmxLow>(Mnemonic.Paddb, Mnemonic.Vpaddb);
        table.Packed<PackedAdd<ushort>, MmxLow>(Mnemonic.Paddw, Mnemonic.Vpaddw);
        table.Packed<PackedAdd<uint>, MmxLow>(Mnemonic.Paddd, Mnemonic.Vpaddd);
        table.Packed<PackedAdd<ulong>, MmxLow>(Mnemonic.Paddq, Mnemonic.Vpaddq);
        table.Packed<PackedSubtract<byte>, MmxLow>(Mnemonic.Psubb, Mnemonic.Vpsubb);
        table.Packed<PackedSubtract<ushort>, MmxLow>(Mnemonic.Psubw, Mnemonic.Vpsubw);
        table.Packed<PackedSubtract<uint>, MmxLow>(Mnemonic.Psubd, Mnemonic.Vpsubd);
        table.Packed<PackedSubtract<ulong>, MmxLow>(Mnemonic.Psubq, Mnemonic.Vpsubq);
        table.Packed<PackedAddSaturate<sbyte>, MmxLow>(Mnemonic.Paddsb, Mnemonic.Vpaddsb);
        table.Packed<PackedAddSaturate<short>, MmxLow>(Mnemonic.Paddsw, Mnemonic.Vpaddsw);
        table.Packed<PackedAddSaturate<byte>, MmxLow>(Mnemonic.Paddusb, Mnemonic.Vpaddusb);
        table.Packed<PackedAddSaturate<ushort>, MmxLow>(Mnemonic.Paddusw, Mnemonic.Vpaddusw);
        table.Packed<PackedSubtractSaturate<sbyte>, MmxLow>(Mnemonic.Psubsb, Mnemonic.Vpsubsb);
        table.Packed<PackedSubtractSaturate<short>, MmxLow>(Mnemonic.Psubsw, Mnemonic.Vpsubsw);
        table.Packed<PackedSubtractSaturate<byte>, MmxLow>(Mnemonic.Psubusb, Mnemonic.Vpsubusb);
        table.Packed<PackedSubtractSaturate<ushort>, MmxLow>(Mnemonic.Psubusw, Mnemonic.Vpsubusw);

        table.Packed<PackedEqual<byte>, MmxLow>(Mnemonic.Pcmpeqb, Mnemonic.Vpcmpeqb);
        table.Packed<PackedEqual<ushort>, MmxLow>(Mnemonic.Pcmpeqw, Mnemonic.Vpcmpeqw);
        table.Packed<PackedEqual<uint>, MmxLow>(Mnemonic.Pcmpeqd, Mnemonic.Vpcmpeqd);
        table.Packed<PackedEqual<ulong>>(Mnemonic.Pcmpeqq, Mnemonic.Vpcmpeqq);
        table.Packed<PackedGreater<sbyte>, MmxLow>(Mnemonic.Pcmpgtb, Mnemonic.Vpcmpgtb);
        table.Packed<PackedGreater<short>, MmxLow>(Mnemonic.Pcmpgtw, Mnemonic.Vpcmpgtw);
        table.Packed<PackedGreater<int>, MmxLow>(Mnemonic.Pcmpgtd, Mnemonic.Vpcmpgtd);
        table.Packed<PackedGreater<long>>(Mnemonic.Pcmpgtq, Mnemonic.Vpcmpgtq);

        table.Packed<PackedMin<byte>, MmxLow>(Mnemonic.Pminub, Mnemonic.Vpminub);
        table.Packed<PackedMin<short>, MmxLow>(Mnemonic.Pminsw, Mnemonic.Vpminsw);
        table.Packed<PackedMin<sbyte>>(Mnemonic.Pminsb, Mnemonic.Vpminsb);
        table.Packed<PackedMin<ushort>>(Mnemonic.Pminuw, Mnemonic.Vpminuw);
        table.Packed<PackedMin<uint>>(Mnemonic.Pminud, Mnemonic.Vpminud);
        table.Packed<PackedMin<int>>(Mnemonic.Pminsd, Mnemonic.Vpminsd);
        table.Packed<PackedMax<byte>, MmxLow>(Mnemonic.Pmaxub, Mnemonic.Vpmaxub);
        table.Packed<PackedMax<short>, MmxLow>(Mnemonic.Pmaxsw, Mnemonic.Vpmaxsw);
        table.Packed<PackedMax<sbyte>>(Mnemonic.Pmaxsb, Mnemonic.Vpmaxsb);
        table.Packed<PackedMax<ushort>>(Mnemonic.Pmaxuw, Mnemonic.Vpmaxuw);
        table.Packed<PackedMax<uint>>(Mnemonic.Pmaxud, Mnemonic.Vpmaxud);
        table.Packed<PackedMax<int>>(Mnemonic.Pmaxsd, Mnemonic.Vpmaxsd);

        table.Packed<PackedMultiplyLow<short>, MmxLow>(Mnemonic.Pmullw, Mnemonic.Vpmullw);
        table.Packed<PackedMultiplyLow<int>>(Mnemonic.Pmulld, Mnemonic.Vpmulld);
        table.Packed<Pmulhw, MmxLow>(Mnemonic.Pmulhw, Mnemonic.Vpmulhw);
        table.Packed<Pmulhuw, MmxLow>(Mnemonic.Pmulhuw, Mnemonic.Vpmulhuw);
        table.Packed<Pmulhrsw, MmxLow>(Mnemonic.Pmulhrsw, Mnemonic.Vpmulhrsw);
        table.Packed<Pmuludq, MmxLow>(Mnemonic.Pmuludq, Mnemonic.Vpmuludq);
        table.Packed<Pmuldq>(Mnemonic.Pmuldq, Mnemonic.Vpmuldq);
        table.Packed<Pmaddwd, MmxLow>(Mnemonic.Pmaddwd, Mnemonic.Vpmaddwd);
        table.Packed<Pmaddubsw, MmxLow>(Mnemonic.Pmaddubsw, Mnemonic.Vpmaddubsw);

        table.Packed<PackedAverageByte, MmxLow>(Mnemonic.Pavgb, Mnemonic.Vpavgb);
        table.Packed<PackedAverageWord, MmxLow>(Mnemonic.Pavgw, Mnemonic.Vpavgw);
        table.Packed<Psadbw, MmxLow>(Mnemonic.Psadbw, Mnemonic.Vpsadbw);
        table.Packed<Mpsadbw>(Mnemonic.Mpsadbw, Mnemonic.Vmpsadbw);
        table.Packed<Phminposuw>(Mnemonic.Phminposuw, Mnemonic.Vphminposuw);

        table.Packed<PackedAbs<sbyte>, MmxLow>(Mnemonic.Pabsb, Mnemonic.Vpabsb);
        table.Packed<PackedAbs<short>, MmxLow>(Mnemonic.Pabsw, Mnemonic.Vpabsw);
        table.Packed<PackedAbs<int>, MmxLow>(Mnemonic.Pabsd, Mnemonic.Vpabsd);
        table.Packed<PackedSign<sbyte>, MmxLow>(Mnemonic.Psignb, Mnemonic.Vpsignb);
        table.Packed<PackedSign<short>, MmxLow>(Mnemonic.Psignw, Mnemonic.Vpsignw);
        table.Packed<PackedSign<int>, MmxLow>(Mnemonic.Psignd, Mnemonic.Vpsignd);

        table.Packed<PackedHorizontal<short, PackedAdd<short>>, MmxJoined>(Mnemonic.Phaddw, Mnemonic.Vphaddw);
        table.Packed<PackedHorizontal<int, PackedAdd<int>>, MmxJoined>(Mnemonic.Phaddd, Mnemonic.Vphaddd);
        table.Packed<PackedHorizontal<short, PackedAddSaturate<short>>, MmxJoined>(Mnemonic.Phaddsw, Mnemonic.Vphaddsw);
        table.Packed<PackedHorizontal<short, PackedSubtract<short>>, MmxJoined>(Mnemonic.Phsubw, Mnemonic.Vphsubw);
        table.Packed<PackedHorizontal<int, PackedSubtract<int>>, MmxJoined>(Mnemonic.Phsubd, Mnemonic.Vphsubd);
        table.Packed<PackedHorizontal<short, PackedSubtractSaturate<short>>, MmxJoined>(Mnemonic.Phsubsw, Mnemonic.Vphsubsw);
    }
}

internal readonly struct PackedAdd<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => (a.As<byte, T>() + b.As<byte, T>()).AsByte();
}

internal readonly struct PackedSubtract<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => (a.As<byte, T>() - b.As<byte, T>()).AsByte();
}

internal readonly struct PackedAddSaturate<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.AddSaturate(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

internal readonly struct PackedSubtractSaturate<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.SubtractSaturate(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

internal readonly struct PackedEqual<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Equals(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

internal readonly struct PackedGreater<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.GreaterThan(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

internal readonly struct PackedMin<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Min(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

internal readonly struct PackedMax<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Max(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

internal readonly struct PackedMultiplyLow<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => (a.As<byte, T>() * b.As<byte, T>()).AsByte();
}

internal readonly struct PackedAbs<T> : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => Vector128.Abs(b.As<byte, T>()).AsByte();
}

/// <summary>Elements of the first operand negated, zeroed or kept, as the sign of the second says.</summary>
internal readonly struct PackedSign<T> : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        var (value, sign) = (a.As<byte, T>(), b.As<byte, T>());
        var negative = Vector128.LessThan(sign, Vector128<T>.Zero);
        return Vector128.AndNot(Vector128.ConditionalSelect(negative, -value, value), Vector128.Equals(sign, Vector128<T>.Zero)).AsByte();
    }
}

/// <summary>The high halves of the products.</summary>
internal readonly struct Pmulhw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse2.IsSupported) return Sse2.MultiplyHigh(a.AsInt16(), b.AsInt16()).AsByte();
        var (low, high) = Products.Of(a.AsInt16(), b.AsInt16());
        return Vector128.Narrow(low >> 16, high >> 16).AsByte();
    }
}

/// <summary>The high halves of the unsigned products.</summary>
internal readonly struct Pmulhuw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse2.IsSupported) return Sse2.MultiplyHigh(a.AsUInt16(), b.AsUInt16()).AsByte();
        var (a0, a1) = Vector128.Widen(a.AsUInt16());
        var (b0, b1) = Vector128.Widen(b.AsUInt16());
        return Vector128.Narrow((a0 * b0) >> 16, (a1 * b1) >> 16).AsByte();
    }
}

/// <summary>The products of fixed-point fractions, rounded.</summary>
internal readonly struct Pmulhrsw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        var (low, high) = Products.Of(a.AsInt16(), b.AsInt16());
        var half = Vector128.Create(0x4000);
        return Vector128.Narrow((low + half) >> 15, (high + half) >> 15).AsByte();
    }
}

/// <summary>Full products of the even 32-bit elements.</summary>
internal readonly struct Pmuludq : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse2.IsSupported) return Sse2.Multiply(a.AsUInt32(), b.AsUInt32()).AsByte();
        var low = Vector128.Create(0xFFFFFFFFul);
        return ((a.AsUInt64() & low) * (b.AsUInt64() & low)).AsByte();
    }
}

/// <summary>Full signed products of the even 32-bit elements.</summary>
internal readonly struct Pmuldq : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse41.IsSupported) return Sse41.Multiply(a.AsInt32(), b.AsInt32()).AsByte();
        return (((a.AsInt64() << 32) >> 32) * ((b.AsInt64() << 32) >> 32)).AsByte();
    }
}

/// <summary>Sums of two neighbouring products.</summary>
internal readonly struct Pmaddwd : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse2.IsSupported) return Sse2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16()).AsByte();
        var (x, y) = (a.AsInt32(), b.AsInt32());
        return ((((x << 16) >> 16) * ((y << 16) >> 16)) + ((x >> 16) * (y >> 16))).AsByte();
    }
}

/// <summary>Saturated sums of two neighbouring products of unsigned and signed bytes.</summary>
internal readonly struct Pmaddubsw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Ssse3.IsSupported) return Ssse3.MultiplyAddAdjacent(a, b.AsSByte()).AsByte();
        var low = Vector128.Create((ushort)0xFF);
        var even = (a.AsUInt16() & low).AsInt16() * ((b.AsInt16() << 8) >> 8);
        var odd = (a.AsUInt16() >> 8).AsInt16() * (b.AsInt16() >> 8);
        return Vector128.AddSaturate(even, odd).AsByte(); // no single product exceeds 16 bits
    }
}

internal readonly struct PackedAverageByte : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        (a | b) - ((a ^ b) >> 1); // the average, rounded up, without a ninth bit
}

internal readonly struct PackedAverageWord : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        ((a | b).AsUInt16() - ((a ^ b).AsUInt16() >> 1)).AsByte();
}

/// <summary>The sum of absolute differences of each eight bytes.</summary>
internal readonly struct Psadbw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (Sse2.IsSupported) return Sse2.SumAbsoluteDifferences(a, b).AsByte();
        var difference = Vector128.Max(a, b) - Vector128.Min(a, b);
        var (low, high) = Vector128.Widen(difference);
        return Vector128.Create((ulong)Vector128.Sum(low), Vector128.Sum(high)).AsByte();
    }
}

/// <summary>Eight sums of absolute differences between four bytes of the second operand and a sliding window of the first.</summary>
internal readonly struct Mpsadbw : IVectorOperation
{
    public static int UpperImmediateShift => 3;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        var window = (immediate >> 2 & 1) * 4;
        var block = (immediate & 3) * 4;
        var result = Vector128<ushort>.Zero;
        for (var i = 0; i < 8; i++)
        {
            var sum = 0;
            for (var j = 0; j < 4; j++) sum += Math.Abs(a[window + i + j] - b[block + j]);
            result = result.WithElement(i, (ushort)sum);
        }

        return result.AsByte();
    }
}

/// <summary>The smallest unsigned word and its place.</summary>
internal readonly struct Phminposuw : IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        var words = b.AsUInt16();
        var place = 0;
        for (var i = 1; i < 8; i++)
        {
            if (words[i] < words[place]) place = i;
        }

        return Vector128.CreateScalar(words[place] | ((uint)place << 16)).AsByte();
    }
}

/// <summary>An operation between neighbours: the results of the first operand below those of the second.</summary>
internal readonly struct PackedHorizontal<T, TOp> : IVectorOperation
    where TOp : struct, IVectorOperation
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        Vector128<byte> even, odd;
        if (Vector128<T>.Count == 4)
        {
            var (low, high) = (Vector128.Shuffle(a.AsUInt32(), Vector128.Create(0u, 2, 1, 3)), Vector128.Shuffle(b.AsUInt32(), Vector128.Create(0u, 2, 1, 3)));
            even = Vector128.Create(low.GetLower(), high.GetLower()).AsByte();
            odd = Vector128.Create(low.GetUpper(), high.GetUpper()).AsByte();
        }
        else
        {
            var order = Vector128.Create((byte)0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
            var (low, high) = (Vector128.Shuffle(a, order), Vector128.Shuffle(b, order));
            even = Vector128.Create(low.GetLower(), high.GetLower());
            odd = Vector128.Create(low.GetUpper(), high.GetUpper());
        }

        return TOp.Apply(even, odd, immediate);
    }
}

internal static class Products
{
    /// <summary>The eight full products.</summary>
    public static (Vector128<int> Low, Vector128<int> High) Of(Vector128<short> a, Vector128<short> b)
    {
        var (a0, a1) = Vector128.Widen(a);
        var (b0, b1) = Vector128.Widen(b);
        return (a0 * b0, a1 * b1);
    }
}
