using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <content>Control and status words, WAIT, and the choice among the environment instructions.</content>
internal static unsafe partial class X87Instructions
{
    private static Handler BindControl(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Fninit => &Initialize,
        Mnemonic.Fnclex => &ClearExceptions,
        Mnemonic.Fldcw => &LoadControl,
        Mnemonic.Fnstcw => &StoreControl,
        Mnemonic.Fnstsw => instruction.Op0Kind == OpKind.Register ? &StoreStatusInRegister : &StoreStatus,
        Mnemonic.Fnstenv => instruction.Code == Code.Fnstenv_m28byte ? &StoreEnvironment32 : &StoreEnvironment16,
        Mnemonic.Fldenv => instruction.Code == Code.Fldenv_m28byte ? &LoadEnvironment32 : &LoadEnvironment16,
        Mnemonic.Fnsave => instruction.Code == Code.Fnsave_m108byte ? &Save32 : &Save16,
        Mnemonic.Frstor => instruction.Code == Code.Frstor_m108byte ? &Restore32 : &Restore16,
        Mnemonic.Wait => &Wait,
        _ => &IgnoredBy387, // FNENI, FNDISI, FNSETPM
    };

    private static Op* Initialize(Interpreter cpu, Op* op)
    {
        X87.BeginWithoutWait(cpu);
        X87.Initialize(ref cpu.State);
        return op + 1;
    }

    private static Op* ClearExceptions(Interpreter cpu, Op* op)
    {
        X87.BeginWithoutWait(cpu);
        cpu.State.FpuStatus &= X87.ConditionCodes | X87.TopMask;
        return op + 1;
    }

    private static Op* LoadControl(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        X87.SetControl(ref cpu.State, cpu.Read<ushort>(cpu.Address(op, 2)));
        return op + 1;
    }

    private static Op* StoreControl(Interpreter cpu, Op* op)
    {
        X87.BeginWithoutWait(cpu);
        cpu.Write(cpu.Address(op, 2, write: true), cpu.State.FpuControl);
        return op + 1;
    }

    private static Op* StoreStatus(Interpreter cpu, Op* op)
    {
        X87.BeginWithoutWait(cpu);
        cpu.Write(cpu.Address(op, 2, write: true), cpu.State.FpuStatus);
        return op + 1;
    }

    private static Op* StoreStatusInRegister(Interpreter cpu, Op* op)
    {
        X87.BeginWithoutWait(cpu);
        cpu.SetReg(op->Reg0, cpu.State.FpuStatus);
        return op + 1;
    }

    /// <summary>WAIT heeds TS only when MP is set, and not EM (SDM vol. 3, table 2-2).</summary>
    private static Op* Wait(Interpreter cpu, Op* op)
    {
        const ulong monitored = Cr0.MP | Cr0.TS;
        ref var state = ref cpu.State;
        if ((state.Cr0 & monitored) == monitored) cpu.Raise(ExceptionVector.DeviceNotAvailable, 0);
        if ((state.FpuStatus & X87.ErrorSummary) != 0 && (state.Cr0 & Cr0.NE) != 0) cpu.Raise(ExceptionVector.FloatingPoint, 0);
        return op + 1;
    }

    private static Op* IgnoredBy387(Interpreter cpu, Op* op)
    {
        X87.BeginWithoutWait(cpu);
        return op + 1;
    }
}
