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
        cpu.State.Rflags &= HasInterruptFlag(cpu) ? ~Rflags.IF : ~Rflags.Vif;
        return op + 1;
    }

    private static Op* Sti(Interpreter cpu, Op* op)
    {
        if (!HasInterruptFlag(cpu))
        {
            if ((cpu.State.Rflags & Rflags.Vip) != 0) cpu.RaiseGp(); // the monitor delivers what it holds back
            cpu.State.Rflags |= Rflags.Vif;
            return cpu.EndBlockAfter(op);
        }

        if ((cpu.State.Rflags & Rflags.IF) == 0)
        {
            cpu.State.Rflags |= Rflags.IF;
            cpu.BeginShadow(InterruptShadow.Sti);
        }

        return cpu.EndBlockAfter(op);
    }

    /// <summary>
    /// True when CLI and STI may change IF; false when they change VIF instead: level 3 with a virtual interrupt flag (SDM vol. 3 §20.3, §20.4).
    /// #GP(0) otherwise.
    /// </summary>
    private static bool HasInterruptFlag(Interpreter cpu)
    {
        if ((cpu.State.Cr0 & Cr0.PE) == 0 || cpu.Cpl <= Iopl(cpu)) return true;
        var extension = cpu.Virtual8086 ? Cr4.Vme : Cr4.Pvi;
        if (cpu.Cpl != 3 || (cpu.State.Cr4 & extension) == 0) cpu.RaiseGp();
        return false;
    }

    /// <summary>
    /// True when virtual-8086 code must use VIF for IF: below IOPL 3, with 16-bit operands and CR4.VME (SDM vol. 2, PUSHF, POPF, IRET). #GP(0) when
    /// it would have to and cannot.
    /// </summary>
    private static bool UsesVirtualInterruptFlag(Interpreter cpu, int size)
    {
        if (!cpu.Virtual8086 || Iopl(cpu) == 3) return false;
        if (size != 2 || (cpu.State.Cr4 & Cr4.Vme) == 0) cpu.RaiseGp();
        return true;
    }

    /// <summary>FLAGS as virtual-8086 code that has VIF loads it: IF of the image goes to VIF; what the monitor must see faults.</summary>
    private static void SetVirtualFlags(Interpreter cpu, ulong image)
    {
        const ulong mask = Rflags.Status | Rflags.DF | Rflags.NT;
        if ((image & Rflags.TF) != 0 || ((image & Rflags.IF) != 0 && (cpu.State.Rflags & Rflags.Vip) != 0)) cpu.RaiseGp();
        cpu.SetRflags((cpu.GetRflags() & ~(mask | Rflags.Vif | Rflags.RF)) | (image & mask) | ((image & Rflags.IF) != 0 ? Rflags.Vif : 0));
    }

    private static Op* Hlt(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        cpu.State.Activity = VcpuActivity.Halted;
        cpu.RecheckInterrupts();
        return cpu.EndBlockAfter(op);
    }

    /// <summary>
    /// A guest that spins waits for another of its processors, which the host may have taken its core from: so the host's scheduler is asked now and then. It
    /// comes back at once when nobody else has anything to do.
    /// </summary>
    private static Op* Pause(Interpreter cpu, Op* op)
    {
        const int most = 64; // a microsecond or two, about what the call takes
        if (--cpu.Context->Pauses < 0)
        {
            cpu.Context->Pauses = most;
            Thread.Yield();
        }

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
        var flags = UsesVirtualInterruptFlag(cpu, sizeof(T)) ? cpu.VirtualFlags() : cpu.GetRflags();
        cpu.Push(T.CreateTruncating(flags & ~(Rflags.VM | Rflags.RF)));
        return op + 1;
    }

    private static Op* Popf<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var isVirtual = UsesVirtualInterruptFlag(cpu, sizeof(T));
        var image = ulong.CreateTruncating(cpu.Peek<T>(0));
        if (isVirtual) SetVirtualFlags(cpu, image);
        else cpu.SetFlagsFromImage(image, sizeof(T), false);
        cpu.AddToStackPointer((ulong)sizeof(T));
        return cpu.EndBlockAfter(op);
    }

    private static Op* Int(Interpreter cpu, Op* op) => cpu.SoftwareInterrupt(op, (byte)op->Immediate, EventType.Software);

    private static Op* Int1(Interpreter cpu, Op* op) => cpu.SoftwareInterrupt(op, 1, EventType.PrivilegedSoftware);

    private static Op* Into(Interpreter cpu, Op* op) => cpu.OverflowFlag ? cpu.SoftwareInterrupt(op, 4, EventType.Software) : op + 1;
}
