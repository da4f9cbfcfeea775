using System.Numerics;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

// Far transfers: JMP, CALL, RET, IRET, through call gates and task gates (SDM vol. 3 §5.8, vol. 2).
internal static unsafe partial class SystemInstructions
{
    private const int CallGate16 = 4, CallGate32 = 12, TaskGateType = 5;

    public static Handler BindFarJmp(in Instruction instruction)
    {
        if (instruction.Op0Kind == OpKind.Memory)
            return instruction.Code switch { Code.Jmp_m1616 => &FarJmpMemory<ushort>, Code.Jmp_m1632 => &FarJmpMemory<uint>, _ => &FarJmpMemory<ulong> };
        return &FarJmpDirect;
    }

    public static Handler BindFarCall(in Instruction instruction)
    {
        if (instruction.Op0Kind == OpKind.Memory)
            return instruction.Code switch { Code.Call_m1616 => &FarCallMemory<ushort>, Code.Call_m1632 => &FarCallMemory<uint>, _ => &FarCallMemory<ulong> };
        return instruction.Op0Kind == OpKind.FarBranch16 ? &FarCallDirect<ushort> : &FarCallDirect<uint>;
    }

    private static Handler BindRetf(in Instruction instruction, Op* op)
    {
        return instruction.Code switch
        {
            Code.Retfw or Code.Retfw_imm16 => &Retf<ushort>,
            Code.Retfd or Code.Retfd_imm16 => &Retf<uint>,
            _ => &Retf<ulong>,
        };
    }

    private static Handler BindIret(in Instruction instruction, Op* op)
    {
        return instruction.Mnemonic switch { Mnemonic.Iret => &Iret<ushort>, Mnemonic.Iretd => &Iret<uint>, _ => &Iret<ulong> };
    }

    private static Op* FarJmpDirect(Interpreter cpu, Op* op) => FarJmp(cpu, op, op->Reg3, op->Immediate);

    private static Op* FarJmpMemory<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var address = cpu.Address(op, sizeof(T) + 2);
        var offset = ulong.CreateTruncating(cpu.Read<T>(address));
        return FarJmp(cpu, op, cpu.Read<ushort>(address + (ulong)sizeof(T)), offset);
    }

    private static Op* FarCallDirect<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => FarCall<T>(cpu, op, op->Reg3, op->Immediate);

    private static Op* FarCallMemory<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var address = cpu.Address(op, sizeof(T) + 2);
        var offset = ulong.CreateTruncating(cpu.Read<T>(address));
        return FarCall<T>(cpu, op, cpu.Read<ushort>(address + (ulong)sizeof(T)), offset);
    }

    private static Op* FarJmp(Interpreter cpu, Op* op, ushort selector, ulong offset)
    {
        if (!cpu.ProtectedMode)
        {
            EnterRealCode(cpu, selector, offset);
            return null;
        }

        if ((selector & ~3) == 0) cpu.RaiseGp();
        var descriptor = cpu.ReadDescriptor(selector, ExceptionVector.GeneralProtection, out var address);
        var target = Segment.FromDescriptor(selector, descriptor);
        if (target.IsCodeOrData)
        {
            cpu.EnterCode(cpu.CheckCodeSegment(selector, false), offset);
            return null;
        }

        CheckGate(cpu, target, selector);
        switch (target.Type)
        {
            case CallGate32 or CallGate16 when !(target.Type == CallGate16 && cpu.LongModeActive):
                var (gateSelector, gateOffset) = ReadCallGate(cpu, descriptor, address, target.Type, (uint)(selector & ~3));
                var code = cpu.CheckCodeSegment(gateSelector, true);
                if (cpu.LongModeActive && (!code.IsLong || code.IsBig)) cpu.RaiseGp((uint)(gateSelector & ~3));
                cpu.EnterCode(code, gateOffset);
                return null;
            case TaskGateType or 1 or 9 when !cpu.LongModeActive:
                cpu.State.Rip = cpu.NextRip(op);
                cpu.SwitchTask(target.Type == TaskGateType ? (ushort)(descriptor >> 16) : selector, TaskSwitchSource.Jump, null);
                return null;
            default:
                cpu.RaiseGp((uint)(selector & ~3));
                return null;
        }
    }

    private static Op* FarCall<T>(Interpreter cpu, Op* op, ushort selector, ulong offset)
        where T : unmanaged, IBinaryInteger<T>
    {
        var old = cpu.Gpr(4);
        var returnCs = T.CreateTruncating(cpu.State.Segments[SegmentRegisters.Cs].Selector);
        var returnRip = T.CreateTruncating(cpu.NextRip(op));
        if (!cpu.ProtectedMode)
        {
            try
            {
                cpu.Push(returnCs);
                cpu.Push(returnRip);
            }
            catch (GuestFault)
            {
                cpu.Gpr(4) = old;
                throw;
            }

            EnterRealCode(cpu, selector, offset);
            return null;
        }

        if ((selector & ~3) == 0) cpu.RaiseGp();
        var descriptor = cpu.ReadDescriptor(selector, ExceptionVector.GeneralProtection, out var address);
        var target = Segment.FromDescriptor(selector, descriptor);
        if (target.IsCodeOrData)
        {
            var code = cpu.CheckCodeSegment(selector, false);
            cpu.CheckCodePointer(code, offset);
            try
            {
                cpu.Push(returnCs);
                cpu.Push(returnRip);
            }
            catch (GuestFault)
            {
                cpu.Gpr(4) = old;
                throw;
            }

            cpu.EnterCode(code, offset);
            return null;
        }

        CheckGate(cpu, target, selector);
        switch (target.Type)
        {
            case CallGate32 or CallGate16 when !(target.Type == CallGate16 && cpu.LongModeActive):
                CallThroughGate(cpu, op, descriptor, address, target.Type, (uint)(selector & ~3));
                return null;
            case TaskGateType or 1 or 9 when !cpu.LongModeActive:
                cpu.State.Rip = cpu.NextRip(op);
                cpu.SwitchTask(target.Type == TaskGateType ? (ushort)(descriptor >> 16) : selector, TaskSwitchSource.Call, null);
                return null;
            default:
                cpu.RaiseGp((uint)(selector & ~3));
                return null;
        }
    }

    private static void EnterRealCode(Interpreter cpu, ushort selector, ulong offset)
    {
        ref var cs = ref cpu.State.Segments[SegmentRegisters.Cs];
        if (offset > cs.Limit) cpu.RaiseGp();
        cs = cs with { Selector = selector, Base = (ulong)selector << 4 };
        cpu.State.Rip = offset;
        cpu.UpdateMode();
    }

    private static void CheckGate(Interpreter cpu, in Segment gate, ushort selector)
    {
        if (gate.Dpl < cpu.Cpl || gate.Dpl < (selector & 3)) cpu.RaiseGp((uint)(selector & ~3));
        if (!gate.IsUsable) cpu.Raise(ExceptionVector.SegmentNotPresent, (uint)(selector & ~3));
    }

    private static (ushort Selector, ulong Offset) ReadCallGate(Interpreter cpu, ulong descriptor, ulong address, int type, uint error)
    {
        var selector = (ushort)(descriptor >> 16);
        if (type == CallGate16) return (selector, (ushort)descriptor);
        var offset = (descriptor & 0xFFFF) | ((descriptor >> 32) & 0xFFFF0000);
        if (!cpu.LongModeActive) return (selector, offset);
        var high = cpu.ReadSystem<ulong>(address + 8);
        if (((high >> 40) & 0x1F) != 0) cpu.RaiseGp(error);
        return (selector, offset | (high << 32));
    }

    private static void CallThroughGate(Interpreter cpu, Op* op, ulong descriptor, ulong address, int type, uint error)
    {
        var (selector, offset) = ReadCallGate(cpu, descriptor, address, type, error);
        if ((selector & ~3) == 0) cpu.RaiseGp();
        var code = Segment.FromDescriptor(selector, cpu.ReadDescriptor(selector, ExceptionVector.GeneralProtection, out var codeAddress));
        if (!code.IsCode || code.Dpl > cpu.Cpl || (cpu.LongModeActive && (!code.IsLong || code.IsBig))) cpu.RaiseGp((uint)(selector & ~3));
        if (!code.IsUsable) cpu.Raise(ExceptionVector.SegmentNotPresent, (uint)(selector & ~3));
        var size = cpu.LongModeActive ? 8 : type == CallGate32 ? 4 : 2;
        var inner = !code.IsConforming && code.Dpl < cpu.Cpl;
        cpu.CheckCodePointer(code, offset);

        var (oldSp, oldSs, returnRip) = (cpu.Gpr(4), cpu.State.Segments[SegmentRegisters.Ss], cpu.NextRip(op));
        var parameters = cpu.LongModeActive ? 0 : (int)(descriptor >> 32) & 31;
        Span<uint> copied = stackalloc uint[31];
        try
        {
            if (inner)
            {
                var pointer = cpu.TssStack(code.Dpl, 0, out var stackSelector);
                var stack = cpu.LongModeActive ? new Segment(0, (ushort)code.Dpl, 0, (SegmentAttributes)(code.Dpl << 5)) : cpu.CheckInnerStack(stackSelector, code.Dpl);
                for (var i = 0; i < parameters; i++) copied[i] = size == 4 ? cpu.Peek<uint>((ulong)(4 * i)) : cpu.Peek<ushort>((ulong)(2 * i));
                cpu.Gpr(4) = pointer;
                cpu.State.Segments[SegmentRegisters.Ss] = stack;
                cpu.UpdateMode();
                PushSized(cpu, size, oldSs.Selector);
                PushSized(cpu, size, oldSp);
                for (var i = parameters - 1; i >= 0; i--) PushSized(cpu, size, copied[i]);
            }

            PushSized(cpu, size, cpu.State.Segments[SegmentRegisters.Cs].Selector);
            PushSized(cpu, size, returnRip);
        }
        catch (GuestFault)
        {
            cpu.Gpr(4) = oldSp;
            cpu.State.Segments[SegmentRegisters.Ss] = oldSs;
            cpu.UpdateMode();
            throw;
        }

        cpu.MarkAccessed(ref code, codeAddress);
        cpu.EnterCode(code with { Selector = (ushort)((selector & ~3) | cpu.Cpl) }, offset);
    }

    private static void PushSized(Interpreter cpu, int size, ulong value)
    {
        if (size == 8) cpu.Push(value);
        else if (size == 4) cpu.Push((uint)value);
        else cpu.Push((ushort)value);
    }

    private static Op* Retf<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var size = (ulong)sizeof(T);
        // The order matters when both fault; it is that of Intel's processors, here and in IRET.
        var selector = cpu.Peek<ushort>(size);
        var rip = ulong.CreateTruncating(cpu.Peek<T>(0));
        if (!cpu.ProtectedMode)
        {
            EnterRealCode(cpu, selector, rip);
            cpu.AddToStackPointer((2 * size) + op->Immediate);
            return null;
        }

        ReturnFar(cpu, selector, rip, size, 2 * size, op->Immediate);
        return null;
    }

    /// <summary>The end of RET far and of IRET in protected mode: same or outer privilege.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="selector">CS popped.</param>
    /// <param name="rip">RIP popped.</param>
    /// <param name="size">Operand size.</param>
    /// <param name="popped">Bytes from the stack pointer to where SS:RSP of an outer stack would be, without parameters.</param>
    /// <param name="parameters">Parameter bytes that RET releases on both stacks.</param>
    /// <param name="alwaysStack">IRET in 64-bit mode pops SS:RSP whether the level changes or not.</param>
    /// <param name="flags">RFLAGS popped, for IRET.</param>
    private static void ReturnFar(Interpreter cpu, ushort selector, ulong rip, ulong size, ulong popped, ulong parameters, bool alwaysStack = false, ulong? flags = null)
    {
        var error = (uint)(selector & ~3);
        if ((selector & ~3) == 0) cpu.RaiseGp();
        var code = Segment.FromDescriptor(selector, cpu.ReadDescriptor(selector, ExceptionVector.GeneralProtection, out var address));
        var level = selector & 3;
        if (!code.IsCode || level < cpu.Cpl || (code.IsConforming ? code.Dpl > level : code.Dpl != level)) cpu.RaiseGp(error);
        if (cpu.LongModeActive && code.IsLong && code.IsBig) cpu.RaiseGp(error);
        if (!code.IsUsable) cpu.Raise(ExceptionVector.SegmentNotPresent, error);
        cpu.CheckCodePointer(code, rip);

        var outer = level > cpu.Cpl;
        if (!outer && !alwaysStack)
        {
            cpu.MarkAccessed(ref code, address);
            if (flags is { } same) cpu.SetFlagsFromImage(same, (int)size, true);
            cpu.AddToStackPointer(popped + parameters);
            cpu.State.Segments[SegmentRegisters.Cs] = code;
            cpu.State.Rip = rip;
            cpu.UpdateMode();
            return;
        }

        var newSsSelector = cpu.Peek<ushort>(popped + parameters + size);
        var newSp = size switch
        {
            8 => cpu.Peek<ulong>(popped + parameters),
            4 => cpu.Peek<uint>(popped + parameters),
            _ => cpu.Peek<ushort>(popped + parameters),
        };
        Segment stack;
        if ((newSsSelector & ~3) == 0)
        {
            if (!cpu.LongModeActive || !code.IsLong || level == 3 || (newSsSelector & 3) != level) cpu.RaiseGp();
            stack = new Segment(0, newSsSelector, 0, (SegmentAttributes)(level << 5));
        }
        else
        {
            stack = cpu.CheckInnerStack(newSsSelector, level, ExceptionVector.GeneralProtection);
        }

        cpu.MarkAccessed(ref code, address);
        if (flags is { } image) cpu.SetFlagsFromImage(image, (int)size, true);
        cpu.State.Segments[SegmentRegisters.Cs] = code;
        cpu.State.Segments[SegmentRegisters.Ss] = stack;
        cpu.State.Rip = rip;
        cpu.UpdateMode();
        if (cpu.Code64) cpu.Gpr(4) = newSp + parameters;
        else cpu.StackPointer = newSp + parameters;
        if (outer) cpu.DropInnerSegments();
    }

    private static Op* Iret<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var size = (ulong)sizeof(T);
        var isVirtual = UsesVirtualInterruptFlag(cpu, sizeof(T));
        if (cpu.ProtectedMode && (cpu.State.Rflags & Rflags.NT) != 0)
        {
            if (cpu.LongModeActive) cpu.RaiseGp();
            cpu.State.Rip = cpu.NextRip(op);
            cpu.SwitchTask(cpu.ReadSystem<ushort>((uint)cpu.State.Tr.Base), TaskSwitchSource.Return, null);
            return null;
        }

        var flags = ulong.CreateTruncating(cpu.Peek<T>(2 * size));
        var selector = cpu.Peek<ushort>(size);
        var rip = ulong.CreateTruncating(cpu.Peek<T>(0));
        cpu.State.Shadow &= ~InterruptShadow.Nmi;
        cpu.RecheckInterrupts();
        if (!cpu.ProtectedMode)
        {
            if (isVirtual) SetVirtualFlags(cpu, flags);
            EnterRealCode(cpu, selector, rip);
            cpu.AddToStackPointer(3 * size);
            if (!isVirtual) cpu.SetFlagsFromImage(flags, (int)size, true);
        }
        else if ((flags & Rflags.VM) != 0 && cpu.Cpl == 0 && size == 4 && !cpu.LongModeActive)
        {
            ReturnToVirtual8086(cpu, rip, selector, flags);
        }
        else
        {
            ReturnFar(cpu, selector, rip, size, 3 * size, 0, cpu.Code64, flags);
        }

        if ((cpu.State.Rflags & Rflags.RF) != 0) cpu.KeepResumeFlag();
        return null;
    }

    private static void ReturnToVirtual8086(Interpreter cpu, ulong rip, ushort cs, ulong flags)
    {
        Span<uint> rest = stackalloc uint[6]; // ESP SS ES DS FS GS
        for (var i = 0; i < 6; i++) rest[i] = cpu.Peek<uint>(12 + (4ul * (uint)i));
        cpu.SetRflags((flags & 0x3F7FD7) | Rflags.Fixed | Rflags.VM);
        cpu.State.Segments[SegmentRegisters.Cs] = Virtual(cs);
        cpu.State.Segments[SegmentRegisters.Ss] = Virtual((ushort)rest[1]);
        cpu.State.Segments[SegmentRegisters.Es] = Virtual((ushort)rest[2]);
        cpu.State.Segments[SegmentRegisters.Ds] = Virtual((ushort)rest[3]);
        cpu.State.Segments[SegmentRegisters.Fs] = Virtual((ushort)rest[4]);
        cpu.State.Segments[SegmentRegisters.Gs] = Virtual((ushort)rest[5]);
        cpu.State.Rip = (ushort)rip;
        cpu.Gpr(4) = rest[0];
        cpu.UpdateMode();

        static Segment Virtual(ushort selector) => Segment.RealMode(selector) with { Attributes = SegmentAttributes.RealModeData | (SegmentAttributes)0x60 };
    }
}
