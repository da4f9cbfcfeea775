using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <content>Addition, subtraction, multiplication and division, between registers or with memory.</content>
internal static unsafe partial class X87Instructions
{
    private interface IArithmetic
    {
        static abstract Float80 Compute(in Unpacked destination, in Unpacked source, ref FloatContext context);
    }

    private static Handler BindArithmetic<TOperation>(in Instruction instruction, Op* op)
        where TOperation : struct, IArithmetic
    {
        if (instruction.Op0Kind == OpKind.Memory) return MemoryForm<TOperation>(instruction.MemorySize);
        return instruction.Mnemonic is Mnemonic.Faddp or Mnemonic.Fsubp or Mnemonic.Fsubrp or Mnemonic.Fmulp or Mnemonic.Fdivp or Mnemonic.Fdivrp
            ? &BetweenRegisters<TOperation, Pops>
            : &BetweenRegisters<TOperation, Keeps>;
    }

    private static Handler MemoryForm<TOperation>(MemorySize size)
        where TOperation : struct, IArithmetic => size switch
        {
            MemorySize.Float32 => &WithMemory<TOperation, float, FromFloat32>,
            MemorySize.Float64 => &WithMemory<TOperation, double, FromFloat64>,
            MemorySize.Int16 => &WithMemory<TOperation, short, FromInt16>,
            _ => &WithMemory<TOperation, int, FromInt32>,
        };

    private static Op* BetweenRegisters<TOperation, TPop>(Interpreter cpu, Op* op)
        where TOperation : struct, IArithmetic
        where TPop : struct, IFlag
    {
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, op->Reg0) || X87.IsEmpty(cpu, op->Reg1))
        {
            if (!X87.FinishStackFault(cpu, op, overflow: false)) return op + 1;
            X87.Set(cpu, op->Reg0, Float80.Indefinite);
        }
        else
        {
            var context = X87.Context(cpu);
            var result = TOperation.Compute(X87.Get(cpu, op->Reg0).Unpack(), X87.Get(cpu, op->Reg1).Unpack(), ref context);
            if (!X87.Finish(cpu, op, context)) return op + 1;
            X87.Set(cpu, op->Reg0, result);
        }

        if (TPop.Value) X87.Pop(cpu);
        return op + 1;
    }

    private static Op* WithMemory<TOperation, T, TSource>(Interpreter cpu, Op* op)
        where TOperation : struct, IArithmetic
        where T : unmanaged
        where TSource : struct, ISource<T>
    {
        X87.Begin(cpu);
        var source = TSource.Unpack(cpu.Read<T>(cpu.Address(op, sizeof(T))));
        if (X87.IsEmpty(cpu, 0))
        {
            if (X87.FinishStackFault(cpu, op, overflow: false)) X87.Set(cpu, 0, Float80.Indefinite);
            return op + 1;
        }

        var context = X87.Context(cpu);
        var result = TOperation.Compute(X87.Get(cpu, 0).Unpack(), source, ref context);
        if (X87.Finish(cpu, op, context)) X87.Set(cpu, 0, result);
        return op + 1;
    }

    private readonly struct Add : IArithmetic
    {
        public static Float80 Compute(in Unpacked destination, in Unpacked source, ref FloatContext context) => Float80.Add(destination, source, ref context);
    }

    private readonly struct Subtract : IArithmetic
    {
        public static Float80 Compute(in Unpacked destination, in Unpacked source, ref FloatContext context) => Float80.Subtract(destination, source, ref context);
    }

    private readonly struct SubtractReversed : IArithmetic
    {
        public static Float80 Compute(in Unpacked destination, in Unpacked source, ref FloatContext context) => Float80.Subtract(source, destination, ref context);
    }

    private readonly struct Multiply : IArithmetic
    {
        public static Float80 Compute(in Unpacked destination, in Unpacked source, ref FloatContext context) => Float80.Multiply(destination, source, ref context);
    }

    private readonly struct Divide : IArithmetic
    {
        public static Float80 Compute(in Unpacked destination, in Unpacked source, ref FloatContext context) => Float80.Divide(destination, source, ref context);
    }

    private readonly struct DivideReversed : IArithmetic
    {
        public static Float80 Compute(in Unpacked destination, in Unpacked source, ref FloatContext context) => Float80.Divide(source, destination, ref context);
    }
}
