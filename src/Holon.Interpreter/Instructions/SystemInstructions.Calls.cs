using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

// SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM vol. 2).
internal static unsafe partial class SystemInstructions
{
    private const SegmentAttributes FlatData = SegmentAttributes.Present | SegmentAttributes.CodeOrData | SegmentAttributes.Granular | SegmentAttributes.Big | (SegmentAttributes)3;
    private const SegmentAttributes FlatCode = SegmentAttributes.Present | SegmentAttributes.CodeOrData | SegmentAttributes.Granular | (SegmentAttributes)0xB;

    private static Handler BindSyscall(in Instruction instruction, Op* op) => &Syscall;

    private static Handler BindSysret(in Instruction instruction, Op* op) => instruction.Mnemonic == Mnemonic.Sysretq ? &Sysretq : &Sysretd;

    private static Handler BindSysenter(in Instruction instruction, Op* op) => &Sysenter;

    private static Handler BindSysexit(in Instruction instruction, Op* op) => instruction.Mnemonic == Mnemonic.Sysexitq ? &Sysexitq : &Sysexitd;

    private static Segment Flat(ulong selector, int level, SegmentAttributes attributes) =>
        new(0, (ushort)selector, 0xFFFFFFFF, attributes | (SegmentAttributes)(level << 5));

    private static Op* Syscall(Interpreter cpu, Op* op)
    {
        ref var state = ref cpu.State;
        // As on the maker's processors that we present: only from 64-bit code.
        if (!cpu.Code64 || (state.Efer & Efer.Sce) == 0) cpu.RaiseUd();
        cpu.Gpr(1) = cpu.NextRip(op);
        var flags = cpu.GetRflags();
        cpu.Gpr(11) = flags & ~Rflags.RF;
        var selector = (state.Star >> 32) & 0xFFFC;
        state.Segments[SegmentRegisters.Cs] = Flat(selector, 0, FlatCode | SegmentAttributes.Long);
        state.Segments[SegmentRegisters.Ss] = Flat(selector + 8, 0, FlatData);
        state.Rip = state.Lstar;
        cpu.UpdateMode();
        cpu.SetRflags((flags & ~(state.FmaskMsr | Rflags.RF)) | Rflags.Fixed);
        cpu.StepByNewFlags();
        return null;
    }

    private static Op* Sysretq(Interpreter cpu, Op* op)
    {
        RequireSysret(cpu);
        if (!Interpreter.IsCanonical(cpu.Gpr(1))) cpu.RaiseGp();
        return Sysret(cpu, cpu.Gpr(1), (cpu.State.Star >> 48) + 16, FlatCode | SegmentAttributes.Long);
    }

    private static Op* Sysretd(Interpreter cpu, Op* op)
    {
        RequireSysret(cpu);
        return Sysret(cpu, (uint)cpu.Gpr(1), cpu.State.Star >> 48, FlatCode | SegmentAttributes.Big);
    }

    private static void RequireSysret(Interpreter cpu)
    {
        if (!cpu.Code64 || (cpu.State.Efer & Efer.Sce) == 0) cpu.RaiseUd();
        RequireSupervisor(cpu);
    }

    private static Op* Sysret(Interpreter cpu, ulong rip, ulong codeSelector, SegmentAttributes code)
    {
        ref var state = ref cpu.State;
        state.Segments[SegmentRegisters.Cs] = Flat(codeSelector | 3, 3, code);
        state.Segments[SegmentRegisters.Ss] = Flat(((state.Star >> 48) + 8) | 3, 3, FlatData);
        state.Rip = rip;
        cpu.UpdateMode();
        cpu.SetRflags((cpu.Gpr(11) & 0x3C7FD7) | Rflags.Fixed);
        cpu.StepByNewFlags();
        return null;
    }

    private static Op* Sysenter(Interpreter cpu, Op* op)
    {
        ref var state = ref cpu.State;
        if ((state.Cr0 & Cr0.PE) == 0 || (state.SysenterCs & 0xFFFC) == 0) cpu.RaiseGp();
        var flags = cpu.GetRflags() & ~(Rflags.VM | Rflags.IF | Rflags.RF);
        var longMode = cpu.LongModeActive;
        var selector = state.SysenterCs & 0xFFFC;
        state.Segments[SegmentRegisters.Cs] = Flat(selector, 0, FlatCode | (longMode ? SegmentAttributes.Long : SegmentAttributes.Big));
        state.Segments[SegmentRegisters.Ss] = Flat(selector + 8, 0, FlatData);
        cpu.Gpr(4) = longMode ? state.SysenterEsp : (uint)state.SysenterEsp;
        state.Rip = longMode ? state.SysenterEip : (uint)state.SysenterEip;
        state.Rflags = flags;
        cpu.UpdateMode();
        cpu.SetRflags(flags);
        return null;
    }

    private static Op* Sysexitd(Interpreter cpu, Op* op) => Sysexit(cpu, false);

    private static Op* Sysexitq(Interpreter cpu, Op* op) => Sysexit(cpu, true);

    private static Op* Sysexit(Interpreter cpu, bool to64)
    {
        ref var state = ref cpu.State;
        if ((state.Cr0 & Cr0.PE) == 0 || (state.SysenterCs & 0xFFFC) == 0 || cpu.Cpl != 0) cpu.RaiseGp();
        var (rip, rsp) = to64 ? (cpu.Gpr(2), cpu.Gpr(1)) : ((uint)cpu.Gpr(2), (uint)cpu.Gpr(1));
        if (to64 && (!Interpreter.IsCanonical(rip) || !Interpreter.IsCanonical(rsp))) cpu.RaiseGp();
        var selector = (state.SysenterCs & 0xFFFC) + (to64 ? 32u : 16u);
        state.Segments[SegmentRegisters.Cs] = Flat(selector | 3, 3, FlatCode | (to64 ? SegmentAttributes.Long : SegmentAttributes.Big));
        state.Segments[SegmentRegisters.Ss] = Flat((selector + 8) | 3, 3, FlatData);
        cpu.Gpr(4) = rsp;
        state.Rip = rip;
        cpu.UpdateMode();
        return null;
    }
}
