using Holon.X86;

namespace Holon.Interpreter;

// Interrupts and exceptions through the interrupt descriptor table (SDM vol. 3 ch. 6).
public sealed unsafe partial class Interpreter
{
    private const int TaskGate = 5, InterruptGate16 = 6, TrapGate16 = 7, InterruptGate32 = 14, TrapGate32 = 15;

    /// <summary>Enters the handler of a vector. RIP must be what the handler returns to. Raises what goes wrong on the way, and then has changed nothing.</summary>
    private void Deliver(byte vector, EventType type, uint? errorCode)
    {
        ExceptionTrace?.Invoke(vector, errorCode ?? 0, type is EventType.Interrupt);
        if (State.Activity == VcpuActivity.Halted) State.Activity = VcpuActivity.Active;
        try
        {
            if ((State.Cr0 & Cr0.PE) == 0) DeliverReal(vector);
            else if (LongModeActive) DeliverLong(vector, type, errorCode);
            else DeliverProtected(vector, type, errorCode);
        }
        catch (GuestFault) when (type != EventType.Software && _fault.HasSelector)
        {
            _fault.ErrorCode |= 1; // EXT: not an INT n of the program's own (SDM vol. 3 §6.13)
            throw;
        }

        if (vector == 1 && type == EventType.Exception) State.Dr[7] &= ~(1ul << 13); // GD (SDM vol. 3 §17.2.4)
    }

    private void DeliverReal(byte vector)
    {
        if ((vector * 4) + 3 > State.Idtr.Limit) RaiseGp();
        var entry = ReadSystem<uint>((uint)State.Idtr.Base + (vector * 4u));
        var old = Gpr(4);
        try
        {
            Push((ushort)GetRflags());
            Push(State.Segments[SegmentRegisters.Cs].Selector);
            Push((ushort)State.Rip);
        }
        catch (GuestFault)
        {
            Gpr(4) = old;
            throw;
        }

        State.Rflags &= ~(Rflags.IF | Rflags.TF | Rflags.AC | Rflags.RF);
        State.Segments[SegmentRegisters.Cs] = State.Segments[SegmentRegisters.Cs] with { Selector = (ushort)(entry >> 16), Base = (entry >> 16) << 4 };
        State.Rip = (ushort)entry;
        UpdateMode();
        UpdateDebug();
    }

    /// <summary>The error code of a fault about an IDT entry: index and IDT bit (SDM vol. 3 §6.13).</summary>
    private static uint GateError(byte vector) => ((uint)vector << 3) | 2;

    private void DeliverLong(byte vector, EventType type, uint? errorCode)
    {
        var error = GateError(vector);
        if ((vector * 16) + 15 > State.Idtr.Limit) RaiseGp(error);
        var gateAddress = State.Idtr.Base + (vector * 16u);
        ulong low = ReadSystem<ulong>(gateAddress), high = ReadSystem<ulong>(gateAddress + 8);
        var gateType = (int)(low >> 40) & 0x1F;
        if (gateType is not (InterruptGate32 or TrapGate32)) RaiseGp(error);
        if (type == EventType.Software && (((int)(low >> 45)) & 3) < Cpl) RaiseGp(error);
        if ((low & (1ul << 47)) == 0) Raise(ExceptionVector.SegmentNotPresent, error);

        var selector = (ushort)(low >> 16);
        var code = HandlerCode(selector);
        if (!code.IsLong || code.IsBig) RaiseGp((uint)(selector & ~3));
        var target = (low & 0xFFFF) | ((low >> 32) & 0xFFFF0000) | (high << 32);
        var level = code.IsConforming ? Cpl : code.Dpl;
        var ist = (int)(low >> 32) & 7;

        ulong rsp;
        var newSs = State.Segments[SegmentRegisters.Ss];
        if (level < Cpl || ist != 0)
        {
            rsp = TssStack(level, ist, out _);
            if (level < Cpl) newSs = new Segment(0, (ushort)level, 0, (SegmentAttributes)(level << 5));
        }
        else
        {
            rsp = Gpr(4);
        }

        rsp &= ~15ul;
        if (!IsCanonical(target)) RaiseGp();
        Span<ulong> frame = stackalloc ulong[6];
        var count = 0;
        frame[count++] = State.Segments[SegmentRegisters.Ss].Selector;
        frame[count++] = Gpr(4);
        frame[count++] = GetRflags() | (type == EventType.Exception && vector != 1 ? Rflags.RF : 0); // faults resume with breakpoints off
        frame[count++] = State.Segments[SegmentRegisters.Cs].Selector;
        frame[count++] = State.Rip;
        if (errorCode is { } pushed) frame[count++] = pushed;
        WriteFrame(rsp, frame[..count], level);

        Gpr(4) = rsp - (8ul * (uint)count);
        if (level < Cpl || Virtual8086) State.Segments[SegmentRegisters.Ss] = newSs;
        FinishDelivery(code with { Selector = (ushort)((selector & ~3) | level) }, target, gateType == InterruptGate32);
    }

    /// <summary>Writes a stack frame downwards at a privilege level, all or nothing.</summary>
    private void WriteFrame(ulong rsp, ReadOnlySpan<ulong> frame, int level)
    {
        var bytes = 8 * frame.Length;
        var set = _tlbSet;
        var access = _dataAccess;
        if (level != 3) UseSystemAccess();
        try
        {
            if (!IsCanonical(rsp - (ulong)bytes) || !IsCanonical(rsp - 1)) Raise(ExceptionVector.StackFault, 0);
            ProbeWrite(rsp - (ulong)bytes, bytes);
            for (var i = 0; i < frame.Length; i++) Write(rsp - (8ul * (uint)(i + 1)), frame[i]);
        }
        finally
        {
            _tlbSet = set;
            _dataAccess = access;
        }
    }

    private Segment HandlerCode(ushort selector)
    {
        if ((selector & ~3) == 0) RaiseGp();
        if (!TryDescriptorAddress(selector, 8, out var address)) RaiseGp((uint)(selector & ~3));
        var code = Segment.FromDescriptor(selector, ReadSystem<ulong>(address));
        if (!code.IsCode || code.Dpl > Cpl) RaiseGp((uint)(selector & ~3));
        if (!code.IsUsable) Raise(ExceptionVector.SegmentNotPresent, (uint)(selector & ~3));
        MarkAccessed(ref code, address);
        return code;
    }

    private void FinishDelivery(in Segment code, ulong target, bool clearInterruptFlag)
    {
        State.Rflags &= ~(Rflags.TF | Rflags.NT | Rflags.RF | Rflags.VM | (clearInterruptFlag ? Rflags.IF : 0));
        State.Segments[SegmentRegisters.Cs] = code;
        State.Rip = target;
        UpdateMode();
        UpdateDebug();
    }

    private void DeliverProtected(byte vector, EventType type, uint? errorCode)
    {
        var error = GateError(vector);
        if ((vector * 8) + 7 > State.Idtr.Limit) RaiseGp(error);
        var gate = ReadSystem<ulong>((uint)(State.Idtr.Base + (vector * 8u)));
        var gateType = (int)(gate >> 40) & 0x1F;
        if (gateType is not (TaskGate or InterruptGate16 or TrapGate16 or InterruptGate32 or TrapGate32)) RaiseGp(error);
        if (type == EventType.Software && (((int)(gate >> 45)) & 3) < Cpl) RaiseGp(error);
        if ((gate & (1ul << 47)) == 0) Raise(ExceptionVector.SegmentNotPresent, error);
        var selector = (ushort)(gate >> 16);
        if (gateType == TaskGate)
        {
            SwitchTask(selector, TaskSwitchSource.Gate, errorCode);
            return;
        }

        var code = HandlerCode(selector);
        var wide = (gateType & 8) != 0;
        var target = wide ? (uint)((gate & 0xFFFF) | ((gate >> 32) & 0xFFFF0000)) : (ushort)gate;
        var level = code.IsConforming ? Cpl : code.Dpl;
        if (Virtual8086 && level != 0) RaiseGp((uint)(selector & ~3));
        CheckCodePointer(code, target);

        var saved = (Gpr(4), State.Segments[SegmentRegisters.Ss]);
        var flags = GetRflags() | (type == EventType.Exception && vector != 1 ? Rflags.RF : 0);
        var (oldCs, oldRip, wasVirtual) = (State.Segments[SegmentRegisters.Cs].Selector, State.Rip, Virtual8086);
        Segment? newSs = null;
        if (level < Cpl)
        {
            var pointer = TssStack(level, 0, out var stackSelector);
            newSs = CheckInnerStack(stackSelector, level);
            Gpr(4) = pointer;
        }

        try
        {
            if (newSs is { } inner)
            {
                State.Segments[SegmentRegisters.Ss] = inner;
                State.Rflags &= ~Rflags.VM; // pushes below go to the inner stack, at its level
                UpdateMode();
                if (wasVirtual)
                {
                    PushGate(wide, State.Segments[SegmentRegisters.Gs].Selector);
                    PushGate(wide, State.Segments[SegmentRegisters.Fs].Selector);
                    PushGate(wide, State.Segments[SegmentRegisters.Ds].Selector);
                    PushGate(wide, State.Segments[SegmentRegisters.Es].Selector);
                }

                PushGate(wide, saved.Item2.Selector);
                PushGate(wide, (uint)saved.Item1);
            }

            PushGate(wide, (uint)flags);
            PushGate(wide, oldCs);
            PushGate(wide, (uint)oldRip);
            if (errorCode is { } pushed) PushGate(wide, pushed);
        }
        catch (GuestFault)
        {
            (Gpr(4), State.Segments[SegmentRegisters.Ss]) = saved;
            if (wasVirtual) State.Rflags |= Rflags.VM;
            UpdateMode();
            throw;
        }

        if (wasVirtual)
        {
            foreach (var number in (ReadOnlySpan<int>)[SegmentRegisters.Es, SegmentRegisters.Ds, SegmentRegisters.Fs, SegmentRegisters.Gs])
                State.Segments[number] = default;
        }

        FinishDelivery(code with { Selector = (ushort)((selector & ~3) | level) }, target, gateType is InterruptGate16 or InterruptGate32);
    }

    private void PushGate(bool wide, uint value)
    {
        if (wide) Push(value);
        else Push((ushort)value);
    }

    /// <summary>
    /// INT n of virtual-8086 code: with CR4.VME the TSS's redirection bitmap, below the I/O permission bitmap, sends it to the 8086 program's own handler
    /// (SDM vol. 3 §20.3.3, table 20-2). Otherwise it needs IOPL 3.
    /// </summary>
    private bool TryRedirect(Op* op, byte vector)
    {
        var privileged = (State.Rflags & Rflags.Iopl) == Rflags.Iopl;
        var redirected = false;
        if ((State.Cr4 & Cr4.Vme) != 0)
        {
            var offset = ReadSystem<ushort>(State.Tr.Base + 102) - 32u + (uint)(vector >> 3);
            if (State.Tr.Limit < 103 || offset > State.Tr.Limit) RaiseGp();
            redirected = (ReadSystem<byte>(State.Tr.Base + offset) & (1 << (vector & 7))) == 0;
        }

        if (!redirected && !privileged) RaiseGp();
        if (!redirected) return false;

        var entry = ReadSystem<uint>(vector * 4u);
        var old = Gpr(4);
        try
        {
            Push((ushort)(privileged ? GetRflags() : VirtualFlags()));
            Push(State.Segments[SegmentRegisters.Cs].Selector);
            Push((ushort)NextRip(op));
        }
        catch (GuestFault)
        {
            Gpr(4) = old;
            throw;
        }

        State.Rflags &= ~(Rflags.TF | Rflags.RF | (privileged ? Rflags.IF : Rflags.Vif));
        State.Segments[SegmentRegisters.Cs] = State.Segments[SegmentRegisters.Cs] with { Selector = (ushort)(entry >> 16), Base = (entry >> 16) << 4 };
        State.Rip = (ushort)entry;
        _singleStep = false;
        UpdateMode();
        UpdateDebug();
        return true;
    }

    /// <summary>RFLAGS as virtual-8086 code with a virtual interrupt flag sees it: IF is VIF, and IOPL is 3.</summary>
    internal ulong VirtualFlags() => (GetRflags() & ~Rflags.IF) | Rflags.Iopl | ((State.Rflags & Rflags.Vif) != 0 ? Rflags.IF : 0);

    /// <summary>INT n, INT3, INTO and INT1. The return address is the next instruction.</summary>
    internal Op* SoftwareInterrupt(Op* op, byte vector, EventType type)
    {
        if (Virtual8086 && (Iced.Intel.Code)op->Code == Iced.Intel.Code.Int_imm8 && TryRedirect(op, vector)) return null; // INT3, INTO and INT1 are not sensitive
        // Until the handler is entered a fault must find the state unchanged; RIP alone is put right by TakeFault.
        State.Rip = NextRip(op);
        Deliver(vector, type, null);
        _instructions -= op->Remaining; // INTO does not end its block otherwise
        _singleStep = false; // delivery clears TF, and there is no trap (SDM vol. 3 §17.3.1.4)
        if (type != EventType.PrivilegedSoftware) return null;
        State.Dr[6] |= _pendingDebug; // INT1 is a debug exception itself: what MOV SS held back comes with it
        _pendingDebug = 0;
        return null;
    }
}

/// <summary>What asks for a task switch.</summary>
internal enum TaskSwitchSource
{
    /// <summary>Far JMP.</summary>
    Jump,

    /// <summary>Far CALL.</summary>
    Call,

    /// <summary>An interrupt or exception through a task gate.</summary>
    Gate,

    /// <summary>IRET with NT set.</summary>
    Return,
}
