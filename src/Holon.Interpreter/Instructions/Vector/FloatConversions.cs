using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Conversions between the elements of vectors, and rounding to integral values.</summary>
internal static unsafe class FloatConversions
{
    public static void Declare(InstructionTable table)
    {
        table.Float<Cvtdq2ps>(Mnemonic.Cvtdq2ps, Mnemonic.Vcvtdq2ps);
        table.Float<Cvtps2dq>(Mnemonic.Cvtps2dq, Mnemonic.Vcvtps2dq);
        table.Float<Cvttps2dq>(Mnemonic.Cvttps2dq, Mnemonic.Vcvttps2dq);
        table.FloatWidening<Cvtps2pd>(Mnemonic.Cvtps2pd, Mnemonic.Vcvtps2pd);
        table.FloatNarrowing<Cvtpd2ps>(Mnemonic.Cvtpd2ps, Mnemonic.Vcvtpd2ps);
        table.FloatNarrowing<Cvtpd2dq>(Mnemonic.Cvtpd2dq, Mnemonic.Vcvtpd2dq);
        table.FloatNarrowing<Cvttpd2dq>(Mnemonic.Cvttpd2dq, Mnemonic.Vcvttpd2dq);
        table.Float<Cvtss2sd>(Mnemonic.Cvtss2sd, Mnemonic.Vcvtss2sd);
        table.Float<Cvtsd2ss>(Mnemonic.Cvtsd2ss, Mnemonic.Vcvtsd2ss);
        table.Float<PackedRound<float>>(Mnemonic.Roundps, Mnemonic.Vroundps);
        table.Float<PackedRound<double>>(Mnemonic.Roundpd, Mnemonic.Vroundpd);
        table.Float<ScalarRound<float>>(Mnemonic.Roundss, Mnemonic.Vroundss);
        table.Float<ScalarRound<double>>(Mnemonic.Roundsd, Mnemonic.Vroundsd);
        table.Add(Mnemonic.Vcvtph2ps, &BindVcvtph2ps);
        table.Add(Mnemonic.Vcvtps2ph, &BindVcvtps2ph);
    }

    private static Handler BindVcvtph2ps(in Instruction instruction, Op* op) =>
        !instruction.Op0Register.IsYMM() && VectorOperands.HasMemory(instruction) ? &Vcvtph2psMemory : FloatForms.BindWidening<Vcvtph2ps>(instruction, op);

    private static Handler BindVcvtps2ph(in Instruction instruction, Op* op)
    {
        if (instruction.Op1Register.IsYMM()) return VectorOperands.HasMemory(instruction) ? &Vcvtps2ph256Memory : &Vcvtps2ph256;
        return VectorOperands.HasMemory(instruction) ? &Vcvtps2phMemory : &Vcvtps2ph;
    }

    /// <summary>Its eight bytes of memory need not be aligned even when alignment is checked.</summary>
    private static Op* Vcvtph2psMemory(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        var source = Vector128.CreateScalar(cpu.ReadElement<ulong>(cpu.Address(op, 8))).AsByte();
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var result = Vcvtph2ps.Apply(default, source, 0, ref context);
        cpu.Report(context);
        cpu.SetXmmZeroUpper(op->Reg0, result);
        return op + 1;
    }

    private static Op* Vcvtps2ph(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var result = ToHalf(cpu.Xmm(op->Reg1), op->Immediate, ref context);
        cpu.Report(context);
        cpu.SetXmmZeroUpper(op->Reg0, Vector128.CreateScalar(result).AsByte());
        return op + 1;
    }

    private static Op* Vcvtps2phMemory(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        var address = cpu.Address(op, 8, true);
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var result = ToHalf(cpu.Xmm(op->Reg1), op->Immediate, ref context);
        cpu.Report(context); // flags are set even when the store faults, as processors do
        cpu.WriteElement(address, result);
        return op + 1;
    }

    private static Op* Vcvtps2ph256(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var result = ToHalf(cpu.Ymm(op->Reg1), op->Immediate, ref context);
        cpu.Report(context);
        cpu.SetXmmZeroUpper(op->Reg0, result);
        return op + 1;
    }

    private static Op* Vcvtps2ph256Memory(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        var address = cpu.Address(op, 16, true);
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var result = ToHalf(cpu.Ymm(op->Reg1), op->Immediate, ref context);
        cpu.Report(context);
        cpu.WriteElement(address, result);
        return op + 1;
    }

    private static Vector128<byte> ToHalf(Vector256<byte> source, ulong immediate, ref FloatContext context) => Vector128.Create(
        ToHalf(source.GetLower(), immediate, ref context),
        ToHalf(source.GetUpper(), immediate, ref context)).AsByte();

    private static ulong ToHalf(Vector128<byte> source, ulong immediate, ref FloatContext context)
    {
        var mode = Mode((int)immediate, context);
        var singles = source.AsUInt32();
        ulong result = 0;
        for (var i = 0; i < 4; i++)
        {
            result |= (ulong)Float16.FromFloat32(singles[i], mode, ref context) << (16 * i);
            // A denormal counts as inexact even when underflow is unmasked.
            if (singles[i] << 1 is > 0 and < 1 << 24 && !context.DenormalsAreZero) context.Raise(FloatExceptions.Precision);
        }

        return result;
    }

    /// <summary>The rounding mode that an immediate asks for: its own, or MXCSR's when bit 2 is set.</summary>
    public static RoundingMode Mode(int immediate, in FloatContext context) =>
        (immediate & 4) != 0 ? context.Rounding : (RoundingMode)(immediate & 3);
}

internal readonly struct Cvtdq2ps : IFloatOperation
{
    public static bool TryFast(uint mxcsr, Vector128<byte> a, Vector128<byte> b, int immediate, out Vector128<byte> result)
    {
        result = Vector128.ConvertToSingle(b.AsInt32()).AsByte();
        return FloatFastPath.Applies(mxcsr);
    }

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var (source, result) = (b.AsInt32(), Vector128<uint>.Zero);
        for (var i = 0; i < 4; i++) result = result.WithElement(i, Float32.FromInt32(source[i], ref context));
        return result.AsByte();
    }
}

internal readonly struct Cvtps2dq : IFloatOperation
{
    public static bool TryFast(uint mxcsr, Vector128<byte> a, Vector128<byte> b, int immediate, out Vector128<byte> result) =>
        Cvttps2dq.TryFast(mxcsr, a, Vector128.Round(b.AsSingle()).AsByte(), immediate, out result) && FloatFastPath.All(FloatFastPath.Ordinary(b.AsSingle()));

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var (source, result) = (b.AsUInt32(), Vector128<int>.Zero);
        for (var i = 0; i < 4; i++) result = result.WithElement(i, Float32.ToInt32(source[i], context.Rounding, ref context));
        return result.AsByte();
    }
}

internal readonly struct Cvttps2dq : IFloatOperation
{
    public static bool TryFast(uint mxcsr, Vector128<byte> a, Vector128<byte> b, int immediate, out Vector128<byte> result)
    {
        const float limit = 1u << 31;
        var source = b.AsSingle();
        result = Vector128.ConvertToInt32(source).AsByte();
        return FloatFastPath.Applies(mxcsr)
            && FloatFastPath.All(FloatFastPath.Ordinary(source) & Vector128.LessThan(Vector128.Abs(source), Vector128.Create(limit)));
    }

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var (source, result) = (b.AsUInt32(), Vector128<int>.Zero);
        for (var i = 0; i < 4; i++) result = result.WithElement(i, Float32.ToInt32(source[i], RoundingMode.Zero, ref context));
        return result.AsByte();
    }
}

internal readonly struct Cvtps2pd : IFloatWidening
{
    public static int MemoryBytes => 8;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var source = b.AsUInt32();
        return Vector128.Create(Float32.ToFloat64(source[0], ref context), Float32.ToFloat64(source[1], ref context)).AsByte();
    }
}

internal readonly struct Cvtpd2ps : IFloatNarrowing
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var source = b.AsUInt64();
        return Vector128.Create(Float64.ToFloat32(source[0], ref context), Float64.ToFloat32(source[1], ref context), 0, 0).AsByte();
    }
}

internal readonly struct Cvtpd2dq : IFloatNarrowing
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var source = b.AsUInt64();
        return Vector128.Create(Float64.ToInt32(source[0], context.Rounding, ref context), Float64.ToInt32(source[1], context.Rounding, ref context), 0, 0).AsByte();
    }
}

internal readonly struct Cvttpd2dq : IFloatNarrowing
{
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var source = b.AsUInt64();
        return Vector128.Create(Float64.ToInt32(source[0], RoundingMode.Zero, ref context), Float64.ToInt32(source[1], RoundingMode.Zero, ref context), 0, 0).AsByte();
    }
}

internal readonly struct Cvtss2sd : IFloatOperation
{
    public static int MemoryBytes => 4;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context) =>
        a.AsUInt64().WithElement(0, Float32.ToFloat64(b.AsUInt32().ToScalar(), ref context)).AsByte();
}

internal readonly struct Cvtsd2ss : IFloatOperation
{
    public static int MemoryBytes => 8;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context) =>
        a.AsUInt32().WithElement(0, Float64.ToFloat32(b.AsUInt64().ToScalar(), ref context)).AsByte();
}

internal readonly struct Vcvtph2ps : IFloatWidening
{
    public static int MemoryBytes => 8;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        var (source, result) = (b.AsUInt16(), Vector128<uint>.Zero);
        for (var i = 0; i < 4; i++) result = result.WithElement(i, Float16.ToFloat32(source[i], ref context));
        return result.AsByte();
    }
}

/// <summary>All elements to integral values.</summary>
internal readonly struct PackedRound<T> : IFloatOperation
{
    public static bool TryFast(uint mxcsr, Vector128<byte> a, Vector128<byte> b, int immediate, out Vector128<byte> result)
    {
        result = default;
        if ((immediate & 8) == 0 && !FloatFastPath.Applies(mxcsr)) return false;
        var mode = (immediate & 4) != 0 ? FloatContext.FromMxcsr(mxcsr).Rounding : (RoundingMode)(immediate & 3);
        result = typeof(T) == typeof(float) ? Round(b.AsSingle(), mode).AsByte() : Round(b.AsDouble(), mode).AsByte();
        return FloatFastPath.All(FloatFastPath.Ordinary(b.As<byte, T>()));
    }

    private static Vector128<float> Round(Vector128<float> value, RoundingMode mode) => mode switch
    {
        RoundingMode.NearestEven => Vector128.Round(value),
        RoundingMode.Down => Vector128.Floor(value),
        RoundingMode.Up => Vector128.Ceiling(value),
        _ => Vector128.Truncate(value),
    };

    private static Vector128<double> Round(Vector128<double> value, RoundingMode mode) => mode switch
    {
        RoundingMode.NearestEven => Vector128.Round(value),
        RoundingMode.Down => Vector128.Floor(value),
        RoundingMode.Up => Vector128.Ceiling(value),
        _ => Vector128.Truncate(value),
    };

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context)
    {
        if (typeof(T) == typeof(float))
        {
            var (x, result) = (b.AsUInt32(), Vector128<uint>.Zero);
            for (var i = 0; i < 4; i++) result = result.WithElement(i, ScalarRound<T>.Round(x[i], immediate, ref context));
            return result.AsByte();
        }

        var u = b.AsUInt64();
        return Vector128.Create(ScalarRound<T>.Round(u[0], immediate, ref context), ScalarRound<T>.Round(u[1], immediate, ref context)).AsByte();
    }
}

/// <summary>The low element to an integral value. Bit 3 of the immediate keeps PE as it is.</summary>
internal readonly struct ScalarRound<T> : IFloatOperation
{
    public static int MemoryBytes => typeof(T) == typeof(float) ? 4 : 8;

    public static bool TryFast(uint mxcsr, Vector128<byte> a, Vector128<byte> b, int immediate, out Vector128<byte> result)
    {
        var only = Vector128.CreateScalar(b.As<byte, T>().ToScalar()).AsByte();
        var certain = PackedRound<T>.TryFast(mxcsr, default, only, immediate, out result);
        result = a.As<byte, T>().WithElement(0, result.As<byte, T>().ToScalar()).AsByte();
        return certain;
    }

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context) => typeof(T) == typeof(float)
        ? a.AsUInt32().WithElement(0, Round(b.AsUInt32().ToScalar(), immediate, ref context)).AsByte()
        : a.AsUInt64().WithElement(0, Round(b.AsUInt64().ToScalar(), immediate, ref context)).AsByte();

    public static uint Round(uint value, int immediate, ref FloatContext context) =>
        Float32.RoundToIntegral(value, FloatConversions.Mode(immediate, context), (immediate & 8) != 0, ref context);

    public static ulong Round(ulong value, int immediate, ref FloatContext context) =>
        Float64.RoundToIntegral(value, FloatConversions.Mode(immediate, context), (immediate & 8) != 0, ref context);
}
