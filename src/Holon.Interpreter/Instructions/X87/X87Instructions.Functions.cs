using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <content>Functions of ST0, or of ST0 and ST1.</content>
internal static unsafe partial class X87Instructions
{
    private static Handler BindFunction(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Fsqrt => &Unary<SquareRoot>,
        Mnemonic.Frndint => &Unary<RoundToInteger>,
        Mnemonic.F2xm1 => &Unary<Exponential>,
        Mnemonic.Fsin => &SineOrCosine<Sine>,
        Mnemonic.Fcos => &SineOrCosine<Cosine>,
        Mnemonic.Fscale => &Scale,
        Mnemonic.Fprem => &Remainder<Truncating>,
        Mnemonic.Fprem1 => &Remainder<Nearest>,
        Mnemonic.Fyl2x => &BinaryAndPop<Logarithm>,
        Mnemonic.Fyl2xp1 => &BinaryAndPop<LogarithmPlusOne>,
        Mnemonic.Fpatan => &BinaryAndPop<ArcTangent>,
        Mnemonic.Fptan => &PartialTangent,
        Mnemonic.Fsincos => &SineAndCosine,
        _ => &Extract,
    };

    private interface IUnary
    {
        static abstract Float80 Compute(Float80 operand, ref FloatContext context);
    }

    /// <summary>A function of ST0 and ST1 whose result replaces ST1; ST0 is popped.</summary>
    private interface IBinary
    {
        static abstract Float80 Compute(Float80 st0, Float80 st1, ref FloatContext context);
    }

    private static Op* Unary<TFunction>(Interpreter cpu, Op* op)
        where TFunction : struct, IUnary
    {
        X87.Begin(cpu);
        if (UnderflowsAtTop(cpu, op)) return op + 1;
        var context = X87.Context(cpu);
        var result = TFunction.Compute(X87.Get(cpu, 0), ref context);
        if (X87.Finish(cpu, op, context)) X87.Set(cpu, 0, result);
        return op + 1;
    }

    private static Op* SineOrCosine<TFunction>(Interpreter cpu, Op* op)
        where TFunction : struct, ISineCosine
    {
        X87.Begin(cpu);
        X87.SetCodes(cpu, X87.C2, 0);
        if (UnderflowsAtTop(cpu, op)) return op + 1;
        var context = X87.Context(cpu);
        var inRange = X87.Get(cpu, 0).TrySineCosine(ref context, TFunction.Wanted, out var sine, out var cosine);
        if (X87.Finish(cpu, op, context) && inRange) X87.Set(cpu, 0, TFunction.Wanted == SineCosine.Sine ? sine : cosine);
        if (!inRange) X87.SetCodes(cpu, X87.C2, X87.C2);
        return op + 1;
    }

    private static Op* SineAndCosine(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        X87.SetCodes(cpu, X87.C2, 0);
        if (CannotGrow(cpu, op)) return op + 1;
        var context = X87.Context(cpu);
        var inRange = X87.Get(cpu, 0).TrySineCosine(ref context, SineCosine.Both, out var sine, out var cosine);
        if (X87.Finish(cpu, op, context) && inRange)
        {
            X87.Set(cpu, 0, sine);
            X87.Push(cpu, cosine);
        }

        if (!inRange) X87.SetCodes(cpu, X87.C2, X87.C2);
        return op + 1;
    }

    private static Op* PartialTangent(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        X87.SetCodes(cpu, X87.C2, 0);
        if (CannotGrow(cpu, op)) return op + 1;
        var context = X87.Context(cpu);
        var inRange = X87.Get(cpu, 0).TryTangent(ref context, out var tangent);
        if (X87.Finish(cpu, op, context) && inRange)
        {
            X87.Set(cpu, 0, tangent);
            X87.Push(cpu, tangent.Unpack().IsNaN ? tangent : Float80.One);
        }

        if (!inRange) X87.SetCodes(cpu, X87.C2, X87.C2);
        return op + 1;
    }

    private static Op* Extract(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        if (CannotGrow(cpu, op)) return op + 1;
        var context = X87.Context(cpu);
        var (exponent, significand) = X87.Get(cpu, 0).Extract(ref context);
        if (!X87.Finish(cpu, op, context)) return op + 1;
        X87.Set(cpu, 0, exponent);
        X87.Push(cpu, significand);
        return op + 1;
    }

    private static Op* Scale(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        if (UnderflowsAtTopTwo(cpu, op)) return op + 1;
        var context = X87.Context(cpu);
        var result = Float80.Scale(X87.Get(cpu, 0), X87.Get(cpu, 1), ref context);
        if (X87.Finish(cpu, op, context)) X87.Set(cpu, 0, result);
        return op + 1;
    }

    private static Op* Remainder<TNearest>(Interpreter cpu, Op* op)
        where TNearest : struct, IFlag
    {
        X87.Begin(cpu);
        X87.SetCodes(cpu, X87.C2, 0);
        if (UnderflowsAtTopTwo(cpu, op)) return op + 1;
        var context = X87.Context(cpu);
        var (dividend, divisor) = (X87.Get(cpu, 0), X87.Get(cpu, 1));
        var result = TNearest.Value
            ? Float80.NearestRemainder(dividend, divisor, ref context)
            : Float80.Remainder(dividend, divisor, ref context);
        if (!X87.Finish(cpu, op, context)) return op + 1;
        X87.Set(cpu, 0, result.Value);
        if (result.Value.Unpack().IsNaN) return op + 1; // no quotient: C0 and C3 stay
        var quotient = ((result.Quotient & 4) != 0 ? X87.C0 : 0) | ((result.Quotient & 2) != 0 ? X87.C3 : 0) | ((result.Quotient & 1) != 0 ? X87.C1 : 0);
        X87.SetCodes(cpu, X87.ConditionCodes, quotient | (result.IsIncomplete ? X87.C2 : 0));
        return op + 1;
    }

    private static Op* BinaryAndPop<TFunction>(Interpreter cpu, Op* op)
        where TFunction : struct, IBinary
    {
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, 0) || X87.IsEmpty(cpu, 1))
        {
            if (!X87.FinishStackFault(cpu, op, overflow: false)) return op + 1;
            X87.Set(cpu, 1, Float80.Indefinite);
        }
        else
        {
            var context = X87.Context(cpu);
            var result = TFunction.Compute(X87.Get(cpu, 0), X87.Get(cpu, 1), ref context);
            if (!X87.Finish(cpu, op, context)) return op + 1;
            X87.Set(cpu, 1, result);
        }

        X87.Pop(cpu);
        return op + 1;
    }

    /// <summary>Deals with an empty ST0 or ST1 when ST0 is the destination: true when the instruction is over.</summary>
    private static bool UnderflowsAtTopTwo(Interpreter cpu, Op* op)
    {
        if (!X87.IsEmpty(cpu, 0) && !X87.IsEmpty(cpu, 1)) return false;
        if (X87.FinishStackFault(cpu, op, overflow: false)) X87.Set(cpu, 0, Float80.Indefinite);
        return true;
    }

    /// <summary>Deals with an empty ST0, or a full stack, when the instruction replaces ST0 and pushes: true when it is over.</summary>
    private static bool CannotGrow(Interpreter cpu, Op* op)
    {
        var underflow = X87.IsEmpty(cpu, 0);
        if (!underflow && X87.IsEmpty(cpu, -1)) return false;
        if (!X87.FinishStackFault(cpu, op, overflow: !underflow)) return true;
        X87.Set(cpu, 0, Float80.Indefinite);
        X87.Push(cpu, Float80.Indefinite);
        return true;
    }

    private interface ISineCosine
    {
        static abstract SineCosine Wanted { get; }
    }

    private readonly struct Sine : ISineCosine
    {
        public static SineCosine Wanted => SineCosine.Sine;
    }

    private readonly struct Cosine : ISineCosine
    {
        public static SineCosine Wanted => SineCosine.Cosine;
    }

    private readonly struct SquareRoot : IUnary
    {
        public static Float80 Compute(Float80 operand, ref FloatContext context) => Float80.SquareRoot(operand.Unpack(), ref context);
    }

    private readonly struct RoundToInteger : IUnary
    {
        public static Float80 Compute(Float80 operand, ref FloatContext context) => operand.RoundToIntegral(ref context);
    }

    private readonly struct Exponential : IUnary
    {
        public static Float80 Compute(Float80 operand, ref FloatContext context) => operand.ExponentialMinusOne(ref context);
    }

    private readonly struct Logarithm : IBinary
    {
        public static Float80 Compute(Float80 st0, Float80 st1, ref FloatContext context) => Float80.Logarithm(st1, st0, ref context);
    }

    private readonly struct LogarithmPlusOne : IBinary
    {
        public static Float80 Compute(Float80 st0, Float80 st1, ref FloatContext context) => Float80.LogarithmPlusOne(st1, st0, ref context);
    }

    private readonly struct ArcTangent : IBinary
    {
        public static Float80 Compute(Float80 st0, Float80 st1, ref FloatContext context) => Float80.ArcTangent(st1, st0, ref context);
    }

    private readonly struct Nearest : IFlag
    {
        public static bool Value => true;
    }

    private readonly struct Truncating : IFlag
    {
        public static bool Value => false;
    }
}
