using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Conversions between floating-point elements and general or MMX registers.</summary>
internal static unsafe class ScalarConversions
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Cvtsi2ss, &BindFromInteger<float>);
        table.Add(Mnemonic.Vcvtsi2ss, &BindFromInteger<float>);
        table.Add(Mnemonic.Cvtsi2sd, &BindFromInteger<double>);
        table.Add(Mnemonic.Vcvtsi2sd, &BindFromInteger<double>);
        ToInteger<float, AsMxcsr>(table, Mnemonic.Cvtss2si, Mnemonic.Vcvtss2si);
        ToInteger<double, AsMxcsr>(table, Mnemonic.Cvtsd2si, Mnemonic.Vcvtsd2si);
        ToInteger<float, Truncating>(table, Mnemonic.Cvttss2si, Mnemonic.Vcvttss2si);
        ToInteger<double, Truncating>(table, Mnemonic.Cvttsd2si, Mnemonic.Vcvttsd2si);
        table.Add(Mnemonic.Cvtpi2ps, &BindFromMmx);
        table.Add(Mnemonic.Cvtpi2pd, &BindFromMmx);
        table.Add(Mnemonic.Cvtps2pi, &BindToMmx<float, AsMxcsr>);
        table.Add(Mnemonic.Cvtpd2pi, &BindToMmx<double, AsMxcsr>);
        table.Add(Mnemonic.Cvttps2pi, &BindToMmx<float, Truncating>);
        table.Add(Mnemonic.Cvttpd2pi, &BindToMmx<double, Truncating>);
    }

    /// <summary>How a result is rounded.</summary>
    private interface IRounding
    {
        static abstract RoundingMode Mode(in FloatContext context);
    }

    private readonly struct AsMxcsr : IRounding
    {
        public static RoundingMode Mode(in FloatContext context) => context.Rounding;
    }

    private readonly struct Truncating : IRounding
    {
        public static RoundingMode Mode(in FloatContext context) => RoundingMode.Zero;
    }

    private static void ToInteger<T, TRounding>(InstructionTable table, Mnemonic sse, Mnemonic vex)
        where T : unmanaged
        where TRounding : struct, IRounding
    {
        table.Add(sse, &BindToInteger<T, TRounding>);
        table.Add(vex, &BindToInteger<T, TRounding>);
    }

    private static Handler BindFromInteger<T>(in Instruction instruction, Op* op)
        where T : unmanaged
    {
        VectorOperands.Arrange(instruction, op);
        var memory = VectorOperands.HasMemory(instruction);
        var last = instruction.GetOpRegister(instruction.OpCount - 1);
        var wide = (memory ? instruction.MemorySize.GetSize() : last.GetSize()) == 8;
        if (VectorOperands.IsVex(instruction))
        {
            if (wide) return memory ? &FromInteger<T, long, Vex, MemorySource<ulong>> : &FromInteger<T, long, Vex, GeneralSource<ulong>>;
            return memory ? &FromInteger<T, int, Vex, MemorySource<uint>> : &FromInteger<T, int, Vex, GeneralSource<uint>>;
        }

        if (wide) return memory ? &FromInteger<T, long, Legacy, MemorySource<ulong>> : &FromInteger<T, long, Legacy, GeneralSource<ulong>>;
        return memory ? &FromInteger<T, int, Legacy, MemorySource<uint>> : &FromInteger<T, int, Legacy, GeneralSource<uint>>;
    }

    private static Handler BindToInteger<T, TRounding>(in Instruction instruction, Op* op)
        where T : unmanaged
        where TRounding : struct, IRounding
    {
        VectorOperands.Arrange(instruction, op);
        var memory = VectorOperands.HasMemory(instruction);
        var wide = instruction.Op0Register.GetSize() == 8;
        if (VectorOperands.IsVex(instruction))
        {
            if (wide) return memory ? &ToInteger<T, TRounding, long, Vex, MemorySource<T>> : &ToInteger<T, TRounding, long, Vex, RegisterSource>;
            return memory ? &ToInteger<T, TRounding, int, Vex, MemorySource<T>> : &ToInteger<T, TRounding, int, Vex, RegisterSource>;
        }

        if (wide) return memory ? &ToInteger<T, TRounding, long, Legacy, MemorySource<T>> : &ToInteger<T, TRounding, long, Legacy, RegisterSource>;
        return memory ? &ToInteger<T, TRounding, int, Legacy, MemorySource<T>> : &ToInteger<T, TRounding, int, Legacy, RegisterSource>;
    }

    private static Handler BindFromMmx(in Instruction instruction, Op* op) => instruction.Code switch
    {
        Code.Cvtpi2ps_xmm_mmm64 => instruction.Op1Kind == OpKind.Memory ? &Cvtpi2psMemory : &Cvtpi2ps,
        _ => instruction.Op1Kind == OpKind.Memory ? &Cvtpi2pdMemory : &Cvtpi2pd,
    };

    private static Handler BindToMmx<T, TRounding>(in Instruction instruction, Op* op)
        where T : unmanaged
        where TRounding : struct, IRounding
    {
        VectorOperands.Arrange(instruction, op);
        if (!VectorOperands.HasMemory(instruction)) return &ToMmx<T, TRounding, RegisterSource>;
        return typeof(T) == typeof(float) ? &ToMmx<T, TRounding, MemorySource<ulong>> : &ToMmx<T, TRounding, AlignedSource>;
    }

    /// <summary>A general register, in the place of the second source.</summary>
    private readonly struct GeneralSource<T> : IVectorSource
        where T : unmanaged
    {
        public static Vector128<byte> Load(Interpreter cpu, Op* op) => Vector128.CreateScalar(cpu.Reg<ulong>(op->Reg2)).AsByte();
    }

    private static Op* FromInteger<T, TInteger, TEncoding, TSource>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        TEncoding.Require(cpu);
        var source = TSource.Load(cpu, op);
        var value = typeof(TInteger) == typeof(long) ? source.AsInt64().ToScalar() : source.AsInt32().ToScalar();
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var first = cpu.Xmm(op->Reg1);
        var result = typeof(T) == typeof(float)
            ? first.AsUInt32().WithElement(0, Float32.FromInt64(value, ref context)).AsByte()
            : first.AsUInt64().WithElement(0, Float64.FromInt64(value, ref context)).AsByte();
        cpu.Report(context);
        TEncoding.Store(cpu, op->Reg0, result);
        return op + 1;
    }

    private static Op* ToInteger<T, TRounding, TInteger, TEncoding, TSource>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TRounding : struct, IRounding
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        TEncoding.Require(cpu);
        var source = TSource.Load(cpu, op);
        if (typeof(TRounding) == typeof(AsMxcsr) && FloatFastPath.Applies(cpu.State.Mxcsr) && TryNearest<T>(source, out var nearest))
        {
            cpu.SetReg(op->Reg0, typeof(TInteger) == typeof(long) ? (ulong)nearest : (uint)nearest);
            return op + 1;
        }

        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var mode = TRounding.Mode(context);
        ulong result;
        if (typeof(TInteger) == typeof(long))
        {
            result = (ulong)(typeof(T) == typeof(float)
                ? Float32.ToInt64(source.AsUInt32().ToScalar(), mode, ref context)
                : Float64.ToInt64(source.AsUInt64().ToScalar(), mode, ref context));
        }
        else
        {
            result = (uint)(typeof(T) == typeof(float)
                ? Float32.ToInt32(source.AsUInt32().ToScalar(), mode, ref context)
                : Float64.ToInt32(source.AsUInt64().ToScalar(), mode, ref context));
        }

        cpu.Report(context);
        cpu.SetReg(op->Reg0, result);
        return op + 1;
    }

    /// <summary>The nearest integer of an ordinary number that is not too large.</summary>
    private static bool TryNearest<T>(Vector128<byte> source, out long result)
    {
        const double limit = 1u << 31;
        var value = typeof(T) == typeof(float) ? source.AsSingle().ToScalar() : source.AsDouble().ToScalar();
        var rounded = Math.Round(value);
        result = (long)rounded;
        return Math.Abs(rounded) < limit && (value == 0 || Math.Abs(value) > 1 / limit); // far from denormal
    }

    private static Op* Cvtpi2ps(Interpreter cpu, Op* op)
    {
        cpu.RequireSse();
        cpu.RequireMmx();
        cpu.EnterMmx();
        ToSingles(cpu, op, cpu.Slot<ulong>(op->Reg1));
        return op + 1;
    }

    /// <summary>With a memory operand the MMX state is not touched.</summary>
    private static Op* Cvtpi2psMemory(Interpreter cpu, Op* op)
    {
        cpu.RequireSse();
        ToSingles(cpu, op, cpu.Read<ulong>(cpu.Address(op, 8)));
        return op + 1;
    }

    private static void ToSingles(Interpreter cpu, Op* op, ulong source)
    {
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var low = Float32.FromInt32((int)source, ref context);
        var high = Float32.FromInt32((int)(source >> 32), ref context);
        cpu.Report(context);
        cpu.Slot<ulong>(op->Reg0) = low | ((ulong)high << 32);
    }

    private static Op* Cvtpi2pd(Interpreter cpu, Op* op)
    {
        cpu.RequireSse();
        cpu.RequireMmx();
        ToDoubles(cpu, op, cpu.Slot<ulong>(op->Reg1));
        cpu.EnterMmx();
        return op + 1;
    }

    /// <summary>With a memory operand the MMX state is not touched.</summary>
    private static Op* Cvtpi2pdMemory(Interpreter cpu, Op* op)
    {
        cpu.RequireSse();
        ToDoubles(cpu, op, cpu.Read<ulong>(cpu.Address(op, 8)));
        return op + 1;
    }

    private static void ToDoubles(Interpreter cpu, Op* op, ulong source) =>
        cpu.Xmm(op->Reg0) = Vector128.Create(Float64.FromInt32((int)source), Float64.FromInt32((int)(source >> 32))).AsByte();

    private static Op* ToMmx<T, TRounding, TSource>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TRounding : struct, IRounding
        where TSource : struct, IVectorSource
    {
        cpu.RequireSse();
        cpu.RequireMmx();
        var source = TSource.Load(cpu, op);
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var mode = TRounding.Mode(context);
        uint low, high;
        if (typeof(T) == typeof(float))
        {
            low = (uint)Float32.ToInt32(source.AsUInt32()[0], mode, ref context);
            high = (uint)Float32.ToInt32(source.AsUInt32()[1], mode, ref context);
        }
        else
        {
            low = (uint)Float64.ToInt32(source.AsUInt64()[0], mode, ref context);
            high = (uint)Float64.ToInt32(source.AsUInt64()[1], mode, ref context);
        }

        cpu.EnterMmx();
        cpu.Report(context);
        cpu.SetMm(op->Reg0, low | ((ulong)high << 32));
        return op + 1;
    }
}
