using System.Numerics;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

// Interrupt flag, PUSHF/POPF, HLT, software interrupts.
internal static unsafe partial class SystemInstructions
{
    private static Handler BindCli(in Instruction instruction, Op* op) => &Cli;

    private static Handler BindSti(in Instruction instruction, Op* op) => &Sti;

    private static Handler BindHlt(in Instruction instruction, Op* op) => &Hlt;

    private static Handler BindPause(in Instruction instruction, Op* op) => &Pause;

    private static Handler BindAlignmentFlag(in Instruction instruction, Op* op) => instruction.Mnemonic == Mnemonic.Clac ? &Clac : &Stac;

    private static Handler BindPushf(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Pushf => &Pushf<ushort>,
        Mnemonic.Pushfd => &Pushf<uint>,
        _ => &Pushf<ulong>,
    };

    private static Handler BindPopf(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Popf => &Popf<ushort>,
        Mnemonic.Popfd => &Popf<uint>,
        _ => &Popf<ulong>,
    };

    private static Handler BindInt(in Instruction instruction, Op* op)
    {
        op->Immediate = instruction.Mnemonic switch { Mnemonic.Int3 => 3, Mnemonic.Int1 => 1, _ => instruction.Immediate8 };
        return instruction.Mnemonic == Mnemonic.Int1 ? &Int1 : &Int;
    }

    private static Handler BindInto(in Instruction instruction, Op* op) => &Into;

    private static int Iopl(Interpreter cpu) => (int)(cpu.State.Rflags >> 12) & 3;

    private static Op* Cli(Interpreter cpu, Op* op)
    {
        RequireIoPrivilege(cpu);
        cpu.State.Rflags &= ~Rflags.IF;
        return op + 1;
    }

    private static Op* Sti(Interpreter cpu, Op* op)
    {
        RequireIoPrivilege(cpu);
        if ((cpu.State.Rflags & Rflags.IF) == 0)
        {
            cpu.State.Rflags |= Rflags.IF;
            cpu.BeginShadow(InterruptShadow.Sti);
        }

        return cpu.EndBlockAfter(op);
    }

    private static void RequireIoPrivilege(Interpreter cpu)
    {
        if ((cpu.State.Cr0 & Cr0.PE) != 0 && cpu.Cpl > Iopl(cpu)) cpu.RaiseGp();
    }

    private static Op* Hlt(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        cpu.State.Activity = VcpuActivity.Halted;
        cpu.RecheckInterrupts();
        return cpu.EndBlockAfter(op);
    }

    /// <summary>A guest that spins waits for somebody else: let the host's scheduler look.</summary>
    private static Op* Pause(Interpreter cpu, Op* op)
    {
        Thread.SpinWait(1);
        return op + 1;
    }

    private static Op* Clac(Interpreter cpu, Op* op) => SetAc(cpu, op, 0);

    private static Op* Stac(Interpreter cpu, Op* op) => SetAc(cpu, op, Rflags.AC);

    private static Op* SetAc(Interpreter cpu, Op* op, ulong ac)
    {
        if (cpu.Cpl != 0 || !cpu.ProtectedMode) cpu.RaiseUd();
        cpu.State.Rflags = (cpu.State.Rflags & ~Rflags.AC) | ac;
        cpu.UpdateDataAccess();
        return op + 1;
    }

    private static Op* Pushf<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (cpu.Virtual8086 && Iopl(cpu) < 3) cpu.RaiseGp();
        cpu.Push(T.CreateTruncating(cpu.GetRflags() & ~(Rflags.VM | Rflags.RF)));
        return op + 1;
    }

    private static Op* Popf<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (cpu.Virtual8086 && Iopl(cpu) < 3) cpu.RaiseGp();
        cpu.SetFlagsFromImage(ulong.CreateTruncating(cpu.Pop<T>()), sizeof(T), false);
        return cpu.EndBlockAfter(op);
    }

    private static Op* Int(Interpreter cpu, Op* op) => cpu.SoftwareInterrupt(op, (byte)op->Immediate, EventType.Software);

    private static Op* Int1(Interpreter cpu, Op* op) => cpu.SoftwareInterrupt(op, 1, EventType.PrivilegedSoftware);

    private static Op* Into(Interpreter cpu, Op* op) => cpu.OverflowFlag ? cpu.SoftwareInterrupt(op, 4, EventType.Software) : op + 1;
}
