using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

// Control and debug registers, translation control, FS and GS bases.
internal static unsafe partial class SystemInstructions
{
    /// <summary>True for MOV to or from a control, debug or test register.</summary>
    public static bool IsSystemMove(in Instruction instruction) => SystemRegister(instruction) != Register.None;

    public static Handler BindSystemMove(in Instruction instruction)
    {
        var register = SystemRegister(instruction);
        var write = instruction.Op0Register == register;
        if (register.IsTR()) return &TestRegister;
        if (register.IsDR()) return write ? &MovToDr : &MovFromDr;
        return write ? &MovToCr : &MovFromCr;
    }

    private static Register SystemRegister(in Instruction instruction)
    {
        if (instruction.Op0Kind != OpKind.Register || instruction.Op1Kind != OpKind.Register) return Register.None;
        if (IsSystem(instruction.Op0Register)) return instruction.Op0Register;
        return IsSystem(instruction.Op1Register) ? instruction.Op1Register : Register.None;

        static bool IsSystem(Register register) => register.IsCR() || register.IsDR() || register.IsTR();
    }

    private static Handler BindLmsw(in Instruction instruction, Op* op) => &Lmsw;

    private static Handler BindClts(in Instruction instruction, Op* op) => &Clts;

    private static Handler BindInvlpg(in Instruction instruction, Op* op) => &Invlpg;

    private static Handler BindInvpcid(in Instruction instruction, Op* op) => &Invpcid;

    private static Handler BindPrivilegedNop(in Instruction instruction, Op* op) => &PrivilegedNop;

    private static Handler BindSwapgs(in Instruction instruction, Op* op) => &Swapgs;

    private static Handler BindBase(in Instruction instruction, Op* op)
    {
        op->Reg3 = instruction.Mnemonic is Mnemonic.Rdfsbase or Mnemonic.Wrfsbase ? (ushort)SegmentRegisters.Fs : (ushort)SegmentRegisters.Gs;
        var wide = instruction.Op0Register.GetSize() == 8;
        if (instruction.Mnemonic is Mnemonic.Rdfsbase or Mnemonic.Rdgsbase) return wide ? &ReadBase64 : &ReadBase32;
        return wide ? &WriteBase64 : &WriteBase32;
    }

    private static Op* TestRegister(Interpreter cpu, Op* op)
    {
        cpu.RaiseUd();
        return null;
    }

    private static Op* MovFromCr(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        var value = op->Reg1 switch
        {
            0 => cpu.State.Cr0,
            2 => cpu.State.Cr2,
            3 => cpu.State.Cr3,
            4 => cpu.State.Cr4,
            8 => cpu.Interrupts.TaskPriority,
            _ => Undefined(cpu),
        };
        SetSystemOperand(cpu, op->Reg0, value);
        return op + 1;
    }

    private static Op* MovToCr(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        var value = cpu.Code64 ? cpu.Reg<ulong>(op->Reg1) : cpu.Reg<uint>(op->Reg1);
        switch (op->Reg0)
        {
            case 0: cpu.SetCr0(value); break;
            case 2: cpu.State.Cr2 = value; break;
            case 3: cpu.SetCr3(value); break;
            case 4: cpu.SetCr4(value); break;
            case 8:
                if (value > 15) cpu.RaiseGp();
                cpu.Interrupts.TaskPriority = (byte)value;
                cpu.RecheckInterrupts();
                break;
            default: Undefined(cpu); break;
        }

        return cpu.EndBlockAfter(op);
    }

    private static Op* MovFromDr(Interpreter cpu, Op* op)
    {
        SetSystemOperand(cpu, op->Reg0, cpu.State.Dr[DebugRegister(cpu, op->Reg1)]);
        return op + 1;
    }

    private static Op* MovToDr(Interpreter cpu, Op* op)
    {
        var number = DebugRegister(cpu, op->Reg0);
        var value = cpu.Code64 ? cpu.Reg<ulong>(op->Reg1) : cpu.Reg<uint>(op->Reg1);
        if (number >= 6 && value >> 32 != 0) cpu.RaiseGp();
        cpu.State.Dr[number] = number switch
        {
            6 => (value & 0xE00F) | 0xFFFF0FF0,
            7 => (value & 0xFFFF2BFF) | 0x400,
            _ => value,
        };
        cpu.UpdateDebug();
        return cpu.EndBlockAfter(op);
    }

    /// <summary>The register meant, after the checks of SDM vol. 3 §17.2.2: DR4 and DR5 are DR6 and DR7 unless CR4.DE; GD faults.</summary>
    private static int DebugRegister(Interpreter cpu, int number)
    {
        RequireSupervisor(cpu);
        if (number is 4 or 5)
        {
            if ((cpu.State.Cr4 & Cr4.De) != 0) cpu.RaiseUd();
            number += 2;
        }

        if (number > 7) cpu.RaiseUd();
        if ((cpu.State.Dr[7] & (1 << 13)) != 0)
        {
            cpu.State.Dr[6] |= 1 << 13;
            cpu.Raise(ExceptionVector.Debug, 0);
        }

        return number;
    }

    private static void SetSystemOperand(Interpreter cpu, ushort register, ulong value)
    {
        if (cpu.Code64) cpu.SetReg(register, value);
        else cpu.SetReg(register, (uint)value);
    }

    private static ulong Undefined(Interpreter cpu)
    {
        cpu.RaiseUd();
        return 0;
    }

    /// <summary>LMSW sets PE but never clears it.</summary>
    private static Op* Lmsw(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        var value = Selector(cpu, op, op->Reg0);
        cpu.SetCr0((cpu.State.Cr0 & ~0xEul) | (value & 0xFul) | (cpu.State.Cr0 & 1));
        return cpu.EndBlockAfter(op);
    }

    private static Op* Clts(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        cpu.State.Cr0 &= ~Cr0.TS;
        cpu.UpdateMode();
        return cpu.EndBlockAfter(op);
    }

    private static Op* Invlpg(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        var address = cpu.EffectiveAddress(op) + (op->Segment >= SegmentRegisters.Fs || !cpu.Code64 ? cpu.State.Segments[op->Segment].Base : 0);
        cpu.FlushPage(address);
        return cpu.EndBlockAfter(op);
    }

    /// <summary>INVPCID (SDM vol. 2): everything that it may leave is also allowed to go.</summary>
    private static Op* Invpcid(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        var type = cpu.Code64 ? cpu.Reg<ulong>(op->Reg0) : cpu.Reg<uint>(op->Reg0);
        var address = cpu.Address(op, 16);
        var pcid = cpu.Read<ulong>(address);
        var linear = cpu.Read<ulong>(address + 8);
        if (type > 3 || pcid >> 12 != 0) cpu.RaiseGp();
        if (type is 0 or 1 && (cpu.State.Cr4 & Cr4.Pcide) == 0 && pcid != 0) cpu.RaiseGp();
        if (type == 0 && !Interpreter.IsCanonical(linear)) cpu.RaiseGp();
        if (type == 0 && pcid == (cpu.State.Cr3 & 0xFFF)) cpu.FlushPage(linear);
        else cpu.FlushTranslations(type == 2);
        return cpu.EndBlockAfter(op);
    }

    /// <summary>INVD and WBINVD: caches are the host's and coherent.</summary>
    private static Op* PrivilegedNop(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        return op + 1;
    }

    private static Op* Swapgs(Interpreter cpu, Op* op)
    {
        RequireSupervisor(cpu);
        ref var gs = ref cpu.State.Segments[SegmentRegisters.Gs];
        var old = gs.Base;
        gs = gs with { Base = cpu.State.KernelGsBase };
        cpu.State.KernelGsBase = old;
        return op + 1;
    }

    private static void RequireFsgsbase(Interpreter cpu)
    {
        if (!cpu.Code64 || (cpu.State.Cr4 & Cr4.Fsgsbase) == 0) cpu.RaiseUd();
    }

    private static Op* ReadBase64(Interpreter cpu, Op* op)
    {
        RequireFsgsbase(cpu);
        cpu.SetReg(op->Reg0, cpu.State.Segments[op->Reg3].Base);
        return op + 1;
    }

    private static Op* ReadBase32(Interpreter cpu, Op* op)
    {
        RequireFsgsbase(cpu);
        cpu.SetReg(op->Reg0, (uint)cpu.State.Segments[op->Reg3].Base);
        return op + 1;
    }

    private static Op* WriteBase64(Interpreter cpu, Op* op) => WriteBase(cpu, op, cpu.Reg<ulong>(op->Reg0));

    private static Op* WriteBase32(Interpreter cpu, Op* op) => WriteBase(cpu, op, cpu.Reg<uint>(op->Reg0));

    private static Op* WriteBase(Interpreter cpu, Op* op, ulong value)
    {
        RequireFsgsbase(cpu);
        if (!Interpreter.IsCanonical(value)) cpu.RaiseGp();
        ref var segment = ref cpu.State.Segments[op->Reg3];
        segment = segment with { Base = value };
        return op + 1;
    }
}
