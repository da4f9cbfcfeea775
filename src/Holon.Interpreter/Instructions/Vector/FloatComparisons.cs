using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>CMPPS and its kin, which give masks, and COMISS and UCOMISS, which set flags.</summary>
internal static unsafe class FloatComparisons
{
    private const ulong Unordered = Rflags.ZF | Rflags.PF | Rflags.CF;

    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Cmpps, &BindMask<PackedCompare<float>>);
        table.Add(Mnemonic.Vcmpps, &BindMask<PackedCompare<float>>);
        table.Add(Mnemonic.Cmppd, &BindMask<PackedCompare<double>>);
        table.Add(Mnemonic.Vcmppd, &BindMask<PackedCompare<double>>);
        table.Add(Mnemonic.Cmpss, &BindMask<ScalarCompare<float>>);
        table.Add(Mnemonic.Vcmpss, &BindMask<ScalarCompare<float>>);
        table.Add(Mnemonic.Vcmpsd, &BindMask<ScalarCompare<double>>);
        Flags<float, Quiet>(table, Mnemonic.Ucomiss, Mnemonic.Vucomiss);
        Flags<double, Quiet>(table, Mnemonic.Ucomisd, Mnemonic.Vucomisd);
        Flags<float, Signaling>(table, Mnemonic.Comiss, Mnemonic.Vcomiss);
        Flags<double, Signaling>(table, Mnemonic.Comisd, Mnemonic.Vcomisd);
    }

    /// <summary>CMPSD of SSE2.</summary>
    public static Handler BindCmpsd(in Instruction instruction, Op* op) => BindMask<ScalarCompare<double>>(instruction, op);

    /// <summary>Legacy encodings have eight predicates, VEX thirty-two.</summary>
    private static Handler BindMask<TOp>(in Instruction instruction, Op* op)
        where TOp : struct, IFloatOperation
    {
        op->Immediate &= VectorOperands.IsVex(instruction) ? 31u : 7u;
        return FloatForms.Bind<TOp>(instruction, op);
    }

    /// <summary>Whether a quiet NaN is invalid.</summary>
    private interface ISignaling
    {
        static abstract bool SignalsQuiet { get; }
    }

    private readonly struct Quiet : ISignaling
    {
        public static bool SignalsQuiet => false;
    }

    private readonly struct Signaling : ISignaling
    {
        public static bool SignalsQuiet => true;
    }

    private static void Flags<T, TSignaling>(InstructionTable table, Mnemonic sse, Mnemonic vex)
        where T : unmanaged
        where TSignaling : struct, ISignaling
    {
        table.Add(sse, &BindFlags<T, TSignaling>);
        table.Add(vex, &BindFlags<T, TSignaling>);
    }

    private static Handler BindFlags<T, TSignaling>(in Instruction instruction, Op* op)
        where T : unmanaged
        where TSignaling : struct, ISignaling
    {
        VectorOperands.Arrange(instruction, op);
        var memory = VectorOperands.HasMemory(instruction);
        if (VectorOperands.IsVex(instruction)) return memory ? &SetFlags<T, TSignaling, Vex, MemorySource<T>> : &SetFlags<T, TSignaling, Vex, RegisterSource>;
        return memory ? &SetFlags<T, TSignaling, Legacy, MemorySource<T>> : &SetFlags<T, TSignaling, Legacy, RegisterSource>;
    }

    private static Op* SetFlags<T, TSignaling, TEncoding, TSource>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TSignaling : struct, ISignaling
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        TEncoding.Require(cpu);
        var (a, b) = (cpu.Xmm(op->Reg1), TSource.Load(cpu, op));
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var relation = typeof(T) == typeof(float)
            ? Float32.Compare(a.AsUInt32().ToScalar(), b.AsUInt32().ToScalar(), TSignaling.SignalsQuiet, ref context)
            : Float64.Compare(a.AsUInt64().ToScalar(), b.AsUInt64().ToScalar(), TSignaling.SignalsQuiet, ref context);
        cpu.Report(context);
        cpu.LoadStatusFlags(relation switch
        {
            FloatRelation.Less => Rflags.CF,
            FloatRelation.Equal => Rflags.ZF,
            FloatRelation.Greater => 0,
            _ => Unordered,
        });
        return op + 1;
    }
}

/// <summary>Elements that satisfy the immediate's predicate become all ones.</summary>
internal readonly struct PackedCompare<T> : IFloatOperation
{
    public static bool TryFast(uint mxcsr, Vector128<byte> a, Vector128<byte> b, int immediate, out Vector128<byte> result)
    {
        var (x, y) = (a.As<byte, T>(), b.As<byte, T>());
        // Ordinary numbers are never unordered: the sixteen predicates come down to these.
        var value = (immediate & 15) switch
        {
            0 or 8 => Vector128.Equals(x, y),
            1 or 9 => Vector128.LessThan(x, y),
            2 or 10 => Vector128.LessThanOrEqual(x, y),
            3 or 11 => Vector128<T>.Zero,
            4 or 12 => ~Vector128.Equals(x, y),
            5 or 13 => Vector128.GreaterThanOrEqual(x, y),
            6 or 14 => Vector128.GreaterThan(x, y),
            _ => Vector128<T>.AllBitsSet,
        };
        result = value.AsByte();
        return FloatFastPath.All(FloatFastPath.Ordinary(x) & FloatFastPath.Ordinary(y));
    }

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        if (typeof(T) == typeof(float))
        {
            var (x, y, result) = (a.AsUInt32(), b.AsUInt32(), Vector128<uint>.Zero);
            for (var i = 0; i < 4; i++) result = result.WithElement(i, ScalarCompare<T>.Mask(x[i], y[i], immediate, ref context));
            return result.AsByte();
        }

        var (u, v) = (a.AsUInt64(), b.AsUInt64());
        return Vector128.Create(ScalarCompare<T>.Mask(u[0], v[0], immediate, ref context), ScalarCompare<T>.Mask(u[1], v[1], immediate, ref context)).AsByte();
    }
}

/// <summary>The low element becomes all ones if it satisfies the predicate, else zero.</summary>
internal readonly struct ScalarCompare<T> : IFloatOperation
{
    public static int MemoryBytes => typeof(T) == typeof(float) ? 4 : 8;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        if (typeof(T) == typeof(float))
        {
            var x = a.AsUInt32();
            return x.WithElement(0, Mask(x.ToScalar(), b.AsUInt32().ToScalar(), immediate, ref context)).AsByte();
        }

        var u = a.AsUInt64();
        return u.WithElement(0, Mask(u.ToScalar(), b.AsUInt64().ToScalar(), immediate, ref context)).AsByte();
    }

    public static uint Mask(uint a, uint b, int predicate, ref FloatContext context) => Float32.Satisfies(a, b, predicate, ref context) ? uint.MaxValue : 0;

    public static ulong Mask(ulong a, ulong b, int predicate, ref FloatContext context) => Float64.Satisfies(a, b, predicate, ref context) ? ulong.MaxValue : 0;
}
