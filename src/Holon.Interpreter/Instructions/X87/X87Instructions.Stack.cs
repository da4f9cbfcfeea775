using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <content>Signs, exchange, and the stack itself.</content>
internal static unsafe partial class X87Instructions
{
    private static Handler BindStack(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Fabs => &Absolute,
        Mnemonic.Fchs => &ChangeSign,
        Mnemonic.Fxch => &Exchange,
        Mnemonic.Ffree => &FreeRegister<Keeps>,
        Mnemonic.Ffreep => &FreeRegister<Pops>,
        Mnemonic.Fincstp => &Increment,
        Mnemonic.Fdecstp => &Decrement,
        _ => &Nothing,
    };

    private static Op* Absolute(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        if (UnderflowsAtTop(cpu, op)) return op + 1;
        X87.Finish(cpu, op);
        X87.Set(cpu, 0, X87.Get(cpu, 0).Absolute);
        return op + 1;
    }

    private static Op* ChangeSign(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        if (UnderflowsAtTop(cpu, op)) return op + 1;
        X87.Finish(cpu, op);
        X87.Set(cpu, 0, X87.Get(cpu, 0).Negated);
        return op + 1;
    }

    private static Op* Exchange(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        var (first, second) = (X87.Get(cpu, 0), X87.Get(cpu, op->Reg1));
        if (X87.IsEmpty(cpu, 0) || X87.IsEmpty(cpu, op->Reg1))
        {
            var (firstEmpty, secondEmpty) = (X87.IsEmpty(cpu, 0), X87.IsEmpty(cpu, op->Reg1));
            if (!X87.FinishStackFault(cpu, op, overflow: false)) return op + 1;
            if (firstEmpty) first = Float80.Indefinite;
            if (secondEmpty) second = Float80.Indefinite;
        }
        else
        {
            X87.Finish(cpu, op);
        }

        X87.Set(cpu, 0, second);
        X87.Set(cpu, op->Reg1, first);
        return op + 1;
    }

    private static Op* FreeRegister<TPop>(Interpreter cpu, Op* op)
        where TPop : struct, IFlag
    {
        X87.Begin(cpu);
        X87.Finish(cpu, op);
        X87.Free(cpu, op->Reg0);
        if (TPop.Value) X87.Pop(cpu);
        return op + 1;
    }

    private static Op* Increment(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        X87.Finish(cpu, op);
        X87.Rotate(cpu, 1);
        return op + 1;
    }

    private static Op* Decrement(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        X87.Finish(cpu, op);
        X87.Rotate(cpu, -1);
        return op + 1;
    }

    private static Op* Nothing(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        X87.FinishKeepingC1(cpu, op);
        return op + 1;
    }

    /// <summary>Deals with an empty ST0 that is operand and destination: true when the instruction is over.</summary>
    private static bool UnderflowsAtTop(Interpreter cpu, Op* op)
    {
        if (!X87.IsEmpty(cpu, 0)) return false;
        if (X87.FinishStackFault(cpu, op, overflow: false)) X87.Set(cpu, 0, Float80.Indefinite);
        return true;
    }
}
