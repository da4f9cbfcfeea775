using Holon.X86;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <content>FCOM and its kin, FTST, FXAM, FCMOVcc.</content>
internal static unsafe partial class X87Instructions
{
    private static Handler BindCompare<TSignal>(in Instruction instruction, Op* op)
        where TSignal : struct, IFlag
    {
        if (instruction.Mnemonic is Mnemonic.Fcompp or Mnemonic.Fucompp)
        {
            op->Reg1 = 1;
            return &CompareRegisters<TSignal, Pops, Pops>;
        }

        var pops = instruction.Mnemonic is Mnemonic.Fcomp or Mnemonic.Ficomp or Mnemonic.Fucomp;
        if (instruction.Op0Kind == OpKind.Register) return pops ? &CompareRegisters<TSignal, Pops, Keeps> : &CompareRegisters<TSignal, Keeps, Keeps>;
        return instruction.MemorySize switch
        {
            MemorySize.Float32 => pops ? &CompareMemory<float, FromFloat32, Pops> : &CompareMemory<float, FromFloat32, Keeps>,
            MemorySize.Float64 => pops ? &CompareMemory<double, FromFloat64, Pops> : &CompareMemory<double, FromFloat64, Keeps>,
            MemorySize.Int16 => pops ? &CompareMemory<short, FromInt16, Pops> : &CompareMemory<short, FromInt16, Keeps>,
            _ => pops ? &CompareMemory<int, FromInt32, Pops> : &CompareMemory<int, FromInt32, Keeps>,
        };
    }

    private static Handler BindCompareToFlags<TSignal>(in Instruction instruction, Op* op)
        where TSignal : struct, IFlag =>
        instruction.Mnemonic is Mnemonic.Fcomip or Mnemonic.Fucomip ? &CompareToFlags<TSignal, Pops> : &CompareToFlags<TSignal, Keeps>;

    private static Handler BindTest(in Instruction instruction, Op* op) => instruction.Mnemonic == Mnemonic.Ftst ? &Test : &Examine;

    private static Handler BindConditionalMove<TCondition>(in Instruction instruction, Op* op)
        where TCondition : struct, ICondition => &ConditionalMove<TCondition>;

    private static Op* CompareRegisters<TSignal, TPop, TPopTwice>(Interpreter cpu, Op* op)
        where TSignal : struct, IFlag
        where TPop : struct, IFlag
        where TPopTwice : struct, IFlag
    {
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, 0) || X87.IsEmpty(cpu, op->Reg1))
        {
            if (!CompareStackFault(cpu, op)) return op + 1;
        }
        else
        {
            var context = X87.Context(cpu);
            var relation = Float80.Compare(X87.Get(cpu, 0).Unpack(), X87.Get(cpu, op->Reg1).Unpack(), TSignal.Value, ref context);
            if (!FinishCompare(cpu, op, relation, context)) return op + 1;
        }

        if (TPop.Value) X87.Pop(cpu);
        if (TPopTwice.Value) X87.Pop(cpu);
        return op + 1;
    }

    private static Op* CompareMemory<T, TSource, TPop>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TSource : struct, ISource<T>
        where TPop : struct, IFlag
    {
        X87.Begin(cpu);
        var source = TSource.Unpack(cpu.Read<T>(cpu.Address(op, sizeof(T))));
        if (X87.IsEmpty(cpu, 0))
        {
            if (!CompareStackFault(cpu, op)) return op + 1;
        }
        else
        {
            var context = X87.Context(cpu);
            var relation = Float80.Compare(X87.Get(cpu, 0).Unpack(), source, signalQuiet: true, ref context);
            if (!FinishCompare(cpu, op, relation, context)) return op + 1;
        }

        if (TPop.Value) X87.Pop(cpu);
        return op + 1;
    }

    private static Op* Test(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, 0))
        {
            CompareStackFault(cpu, op);
            return op + 1;
        }

        var context = X87.Context(cpu);
        FinishCompare(cpu, op, Float80.Compare(X87.Get(cpu, 0).Unpack(), Float80.Zero.Unpack(), signalQuiet: true, ref context), context);
        return op + 1;
    }

    private static Op* CompareToFlags<TSignal, TPop>(Interpreter cpu, Op* op)
        where TSignal : struct, IFlag
        where TPop : struct, IFlag
    {
        X87.Begin(cpu);
        var relation = FloatRelation.Unordered;
        bool completed;
        if (X87.IsEmpty(cpu, 0) || X87.IsEmpty(cpu, op->Reg1))
        {
            completed = X87.FinishStackFault(cpu, op, overflow: false);
        }
        else
        {
            var context = X87.Context(cpu);
            relation = Float80.Compare(X87.Get(cpu, 0).Unpack(), X87.Get(cpu, op->Reg1).Unpack(), TSignal.Value, ref context);
            completed = X87.FinishKeepingC1(cpu, op, context);
        }

        // As with the condition codes, an unmasked exception only keeps the instruction from popping.
        cpu.LoadStatusFlags(relation switch
        {
            FloatRelation.Less => Rflags.CF,
            FloatRelation.Equal => Rflags.ZF,
            FloatRelation.Greater => 0,
            _ => Rflags.ZF | Rflags.PF | Rflags.CF,
        });
        if (TPop.Value && completed) X87.Pop(cpu);
        return op + 1;
    }

    /// <summary>FXAM (SDM vol. 2, table 3-43).</summary>
    private static Op* Examine(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        var value = X87.Get(cpu, 0);
        var operand = value.Unpack();
        var codes = X87.IsEmpty(cpu, 0) ? X87.C3 | X87.C0 : operand.Class switch
        {
            FloatClass.Unsupported => 0,
            FloatClass.QuietNaN or FloatClass.SignalingNaN => X87.C0,
            FloatClass.Infinity => X87.C2 | X87.C0,
            FloatClass.Zero => X87.C3,
            _ => operand.IsDenormal ? X87.C3 | X87.C2 : X87.C2,
        };
        X87.Finish(cpu, op);
        X87.SetCodes(cpu, X87.ConditionCodes, codes | (value.Sign ? X87.C1 : 0));
        return op + 1;
    }

    private static Op* ConditionalMove<TCondition>(Interpreter cpu, Op* op)
        where TCondition : struct, ICondition
    {
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, 0) || X87.IsEmpty(cpu, op->Reg1))
        {
            if (X87.FinishStackFault(cpu, op, overflow: false)) X87.Set(cpu, 0, Float80.Indefinite);
            return op + 1;
        }

        X87.FinishKeepingC1(cpu, op);
        if (TCondition.Test(cpu)) X87.Set(cpu, 0, X87.Get(cpu, op->Reg1));
        return op + 1;
    }

    private static bool FinishCompare(Interpreter cpu, Op* op, FloatRelation relation, in FloatContext context)
    {
        // The condition codes are set even when an unmasked exception keeps the instruction from popping.
        var completed = X87.Finish(cpu, op, context);
        X87.SetCodes(cpu, X87.C0 | X87.C2 | X87.C3, relation switch
        {
            FloatRelation.Less => X87.C0,
            FloatRelation.Equal => X87.C3,
            FloatRelation.Greater => 0,
            _ => X87.C0 | X87.C2 | X87.C3,
        });
        return completed;
    }

    private static bool CompareStackFault(Interpreter cpu, Op* op)
    {
        X87.SetCodes(cpu, X87.C0 | X87.C2 | X87.C3, X87.C0 | X87.C2 | X87.C3);
        return X87.FinishStackFault(cpu, op, overflow: false);
    }

    /// <summary>A comparison for which quiet NaNs are invalid.</summary>
    private readonly struct Ordered : IFlag
    {
        public static bool Value => true;
    }

    /// <summary>A comparison that takes quiet NaNs.</summary>
    private readonly struct Quiet : IFlag
    {
        public static bool Value => false;
    }
}
