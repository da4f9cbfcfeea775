using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>
/// What a floating-point instruction computes from two vectors and an immediate: <see cref="IVectorOperation"/> under a rounding
/// mode, with exceptions.
/// </summary>
internal interface IFloatOperation
{
    static virtual int MemoryBytes => 16;

    static virtual int UpperImmediateShift => 0;

    /// <summary>Computes with the host's arithmetic, if that certainly gives the same result and changes no flag of MXCSR.</summary>
    static virtual bool TryFast(uint mxcsr, Vector128<byte> a, Vector128<byte> b, int immediate, out Vector128<byte> result)
    {
        result = default;
        return false;
    }

    static abstract Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate, ref FloatContext context);
}

/// <summary>A floating-point operation whose 256-bit form takes its source from a register of half the size.</summary>
internal interface IFloatWidening : IFloatOperation
{
}

/// <summary>A floating-point operation whose result fills the low half of a vector.</summary>
internal interface IFloatNarrowing : IFloatOperation
{
}

/// <summary>Handlers for floating-point instructions that map two vectors to one.</summary>
internal static unsafe class FloatForms
{
    public static void Float<TOp>(this InstructionTable table, Mnemonic sse, Mnemonic vex)
        where TOp : struct, IFloatOperation
    {
        table.Add(sse, &Bind<TOp>);
        table.Add(vex, &Bind<TOp>);
    }

    public static void FloatWidening<TOp>(this InstructionTable table, Mnemonic sse, Mnemonic vex)
        where TOp : struct, IFloatWidening
    {
        table.Add(sse, &BindWidening<TOp>);
        table.Add(vex, &BindWidening<TOp>);
    }

    public static void FloatNarrowing<TOp>(this InstructionTable table, Mnemonic sse, Mnemonic vex)
        where TOp : struct, IFloatNarrowing
    {
        table.Add(sse, &BindNarrowing<TOp>);
        table.Add(vex, &BindNarrowing<TOp>);
    }

    public static Handler Bind<TOp>(in Instruction instruction, Op* op)
        where TOp : struct, IFloatOperation
    {
        VectorOperands.Arrange(instruction, op);
        var memory = VectorOperands.HasMemory(instruction);
        if (VectorOperands.IsWide(instruction)) return memory ? &Execute256<TOp, WideMemorySource> : &Execute256<TOp, WideRegisterSource>;
        if (VectorOperands.IsVex(instruction)) return memory ? BindMemory<TOp, Vex, MemorySource<Vector128<byte>>>() : &Execute128<TOp, Vex, RegisterSource>;
        return memory ? BindMemory<TOp, Legacy, AlignedSource>() : &Execute128<TOp, Legacy, RegisterSource>;
    }

    public static Handler BindWidening<TOp>(in Instruction instruction, Op* op)
        where TOp : struct, IFloatWidening
    {
        if (!instruction.Op0Register.IsYMM()) return Bind<TOp>(instruction, op);
        VectorOperands.Arrange(instruction, op);
        return VectorOperands.HasMemory(instruction) ? &Widen256<TOp, MemorySource<Vector128<byte>>> : &Widen256<TOp, RegisterSource>;
    }

    public static Handler BindNarrowing<TOp>(in Instruction instruction, Op* op)
        where TOp : struct, IFloatNarrowing
    {
        var wide = VectorOperands.IsWide(instruction) || (VectorOperands.HasMemory(instruction) && instruction.MemorySize.GetSize() == 32);
        if (!wide) return Bind<TOp>(instruction, op);
        VectorOperands.Arrange(instruction, op);
        return VectorOperands.HasMemory(instruction) ? &Narrow256<TOp, WideMemorySource> : &Narrow256<TOp, WideRegisterSource>;
    }

    private static Handler BindMemory<TOp, TEncoding, TWhole>()
        where TOp : struct, IFloatOperation
        where TEncoding : struct, IVectorEncoding
        where TWhole : struct, IVectorSource => TOp.MemoryBytes switch
        {
            4 => &Execute128<TOp, TEncoding, MemorySource<uint>>,
            8 => &Execute128<TOp, TEncoding, MemorySource<ulong>>,
            _ => &Execute128<TOp, TEncoding, TWhole>,
        };

    private static Op* Execute128<TOp, TEncoding, TSource>(Interpreter cpu, Op* op)
        where TOp : struct, IFloatOperation
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        TEncoding.Require(cpu);
        var source = TSource.Load(cpu, op);
        var first = cpu.Xmm(op->Reg1);
        var immediate = (int)op->Immediate;
        if (!TOp.TryFast(cpu.State.Mxcsr, first, source, immediate, out var result))
        {
            var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
            result = TOp.Apply(first, source, immediate, ref context);
            cpu.Report(context);
        }

        TEncoding.Store(cpu, op->Reg0, result);
        return op + 1;
    }

    private static Op* Execute256<TOp, TSource>(Interpreter cpu, Op* op)
        where TOp : struct, IFloatOperation
        where TSource : struct, IWideSource
    {
        cpu.RequireAvx();
        var source = TSource.Load(cpu, op);
        var first = cpu.Ymm(op->Reg1);
        var (immediate, upperImmediate) = ((int)op->Immediate, (int)op->Immediate >> TOp.UpperImmediateShift);
        var mxcsr = cpu.State.Mxcsr;
        if (TOp.TryFast(mxcsr, first.GetLower(), source.GetLower(), immediate, out var low)
            && TOp.TryFast(mxcsr, first.GetUpper(), source.GetUpper(), upperImmediate, out var high))
        {
            cpu.Ymm(op->Reg0) = Vector256.Create(low, high);
            return op + 1;
        }

        var context = FloatContext.FromMxcsr(mxcsr);
        low = TOp.Apply(first.GetLower(), source.GetLower(), immediate, ref context);
        high = TOp.Apply(first.GetUpper(), source.GetUpper(), upperImmediate, ref context);
        cpu.Report(context);
        cpu.Ymm(op->Reg0) = Vector256.Create(low, high);
        return op + 1;
    }

    private static Op* Widen256<TOp, TSource>(Interpreter cpu, Op* op)
        where TOp : struct, IFloatWidening
        where TSource : struct, IVectorSource
    {
        cpu.RequireAvx();
        var source = TSource.Load(cpu, op);
        var rest = source.AsUInt64();
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var low = TOp.Apply(default, source, 0, ref context);
        var high = TOp.Apply(default, Vector128.CreateScalar(rest[1]).AsByte(), 0, ref context);
        cpu.Report(context);
        cpu.Ymm(op->Reg0) = Vector256.Create(low, high);
        return op + 1;
    }

    private static Op* Narrow256<TOp, TSource>(Interpreter cpu, Op* op)
        where TOp : struct, IFloatNarrowing
        where TSource : struct, IWideSource
    {
        cpu.RequireAvx();
        var source = TSource.Load(cpu, op);
        var context = FloatContext.FromMxcsr(cpu.State.Mxcsr);
        var low = TOp.Apply(default, source.GetLower(), 0, ref context);
        var high = TOp.Apply(default, source.GetUpper(), 0, ref context);
        cpu.Report(context);
        cpu.SetXmmZeroUpper(op->Reg0, Vector128.Create(low.GetLower(), high.GetLower()));
        return op + 1;
    }
}
