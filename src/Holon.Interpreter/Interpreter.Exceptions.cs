using System.Diagnostics.CodeAnalysis;
using Holon.X86;

namespace Holon.Interpreter;

// Faults on their way to the guest, and events between blocks.
public sealed unsafe partial class Interpreter
{
    /// <summary>Something outside the instruction stream wants attention.</summary>
    private const int EventInterrupt = 1;

    /// <summary>Set while TF, breakpoints or tracing make execution go step by step.</summary>
    private const int EventStep = 2;

    /// <summary>The next instruction runs before interrupts are looked at again (STI, MOV SS).</summary>
    private const int EventShadow = 4;

    /// <summary>RF is set for the next instruction: that one is executed alone, so that RF can be cleared behind it.</summary>
    private const int EventResume = 8;

    /// <summary>Raises an exception of the guest at the instruction being executed.</summary>
    [DoesNotReturn]
    internal void Raise(ExceptionVector vector, uint errorCode)
    {
        _fault.Vector = vector;
        _fault.ErrorCode = errorCode;
        throw _fault;
    }

    /// <summary>#GP(0).</summary>
    [DoesNotReturn]
    internal void RaiseGp(uint errorCode = 0) => Raise(ExceptionVector.GeneralProtection, errorCode);

    /// <summary>#UD.</summary>
    [DoesNotReturn]
    internal void RaiseUd() => Raise(ExceptionVector.InvalidOpcode, 0);

    /// <summary>#PF with its address.</summary>
    [DoesNotReturn]
    internal void RaisePageFault(ulong linear, uint errorCode)
    {
        State.Cr2 = linear;
        Raise(ExceptionVector.PageFault, errorCode);
    }

    /// <summary>Leaves the block before an op, whose instruction will be found anew.</summary>
    internal Op* LeaveBefore(Op* op)
    {
        State.Rip = RipOf(op);
        _instructions -= (ushort)(op->Remaining + 1);
        return null;
    }

    /// <summary>Looks again, before the next block, at interrupts that may have been held back.</summary>
    internal void RecheckInterrupts() => Interlocked.Or(ref Events, EventInterrupt);

    /// <summary>Holds interrupts back for one instruction.</summary>
    internal void BeginShadow(InterruptShadow shadow)
    {
        State.Shadow |= shadow;
        Interlocked.Or(ref Events, EventShadow | EventInterrupt);
    }

    /// <summary>Delivers the fault that was just caught, or the double fault that it became. Null unless the processor shut down.</summary>
    private VcpuExit? TakeFault()
    {
        if (_current != null)
        {
            State.Rip = RipOf(_current);
            _instructions -= (ushort)(_current->Remaining + 1);
            _current = null;
        }

        return DeliverFault(_fault.Vector, _fault.ErrorCode);
    }

    /// <summary>Delivers a fault of the instruction at RIP, or the double fault that it becomes. Null unless the processor shut down.</summary>
    private VcpuExit? DeliverFault(ExceptionVector vector, uint code)
    {
        State.Shadow &= ~(InterruptShadow.Sti | InterruptShadow.MovSs);
        for (var nested = 0; ; nested++)
        {
            try
            {
                Deliver((byte)vector, EventType.Exception, GuestFault.HasErrorCode(vector) ? code : null);
                return null;
            }
            catch (GuestFault)
            {
                // SDM vol. 3 §6.15, table 6-5.
                if (vector == ExceptionVector.DoubleFault) return Shutdown();
                var (first, second) = (Class(vector), Class(_fault.Vector));
                if ((first == 1 && second == 1) || (first == 2 && second != 0)) (vector, code) = (ExceptionVector.DoubleFault, 0);
                else (vector, code) = (_fault.Vector, _fault.ErrorCode);
                if (nested > 8) return Shutdown(); // benign exceptions that raise each other for ever
            }
        }
    }

    /// <summary>0 benign, 1 contributory, 2 page fault.</summary>
    private static int Class(ExceptionVector vector) => vector switch
    {
        ExceptionVector.PageFault => 2,
        ExceptionVector.DivideError or ExceptionVector.InvalidTss or ExceptionVector.SegmentNotPresent or ExceptionVector.StackFault
            or ExceptionVector.GeneralProtection => 1,
        _ => 0,
    };

    private VcpuExit Shutdown()
    {
        State.Activity = VcpuActivity.Shutdown;
        return new VcpuExit(VcpuExitReason.TripleFault, $"triple fault at CS:RIP {State.Segments[SegmentRegisters.Cs].Selector:x4}:{State.Rip:x}, CR2 {State.Cr2:x}, CR3 {State.Cr3:x}");
    }

    /// <summary>Everything that can happen between two blocks. Not null when <see cref="Run"/> is to return.</summary>
    private VcpuExit? HandleEvents()
    {
        while (true)
        {
            var interrupt = (Events & EventInterrupt) != 0;
            if (interrupt) Interlocked.And(ref Events, ~EventInterrupt); // before looking, so that what comes later is seen later
            if (_stopRequested)
            {
                _stopRequested = false;
                RecheckInterrupts();
                return new VcpuExit(VcpuExitReason.StopRequested);
            }

            if (State.Activity == VcpuActivity.Shutdown) return Shutdown();
            if ((Events & EventRequests) != 0)
            {
                Interlocked.And(ref Events, ~EventRequests);
                AnswerRequests();
            }

            _code.Tidy();
            if (_readOnlyChanged)
            {
                _readOnlyChanged = false;
                _tlb.Flush();
            }

            if ((Events & EventShadow) != 0)
            {
                if (interrupt) RecheckInterrupts(); // not for this instruction
                Interlocked.And(ref Events, ~EventShadow);
                var afterMovSs = (State.Shadow & InterruptShadow.MovSs) != 0;
                State.Shadow &= ~(InterruptShadow.Sti | InterruptShadow.MovSs);
                Step(breakpoints: !afterMovSs);
                continue;
            }

            if (interrupt)
            {
                DeliverPending();
                if (State.Activity == VcpuActivity.Shutdown) return Shutdown();
            }

            if (State.Activity is VcpuActivity.Halted or VcpuActivity.WaitForStartup)
            {
                Sleep();
                continue;
            }

            if ((Events & (EventStep | EventResume)) != 0)
            {
                Interlocked.And(ref Events, ~EventResume);
                Step();
                continue;
            }

            if (Events == 0) return null;
        }
    }

    /// <summary>Waits to be kicked. Others need not wait for a sleeper.</summary>
    private void Sleep()
    {
        if ((Events & EventInterrupt) == 0)
        {
            StandStill();
            BeginRest();
            _halt.Wait();
            EndRest();
            GoOn();
        }

        _halt.Reset();
        RecheckInterrupts();
    }

    private void BeginRest()
    {
        if (Rest is null || State.Activity != VcpuActivity.Halted) return;
        Volatile.Write(ref _isResting, 1);
        Rest.Begin();
    }

    /// <summary>Called by whoever wakes the processor, too: it has something to do from then on, not only when its thread runs.</summary>
    private void EndRest()
    {
        if (Volatile.Read(ref _isResting) != 0 && Interlocked.Exchange(ref _isResting, 0) != 0) Rest!.End();
    }

    /// <summary>Delivers what the local APIC holds, if the guest accepts it now.</summary>
    private void DeliverPending()
    {
        if (_interrupts.HasStartup)
        {
            TakeStartup(_interrupts.AcknowledgeStartup());
            if (_interrupts.HasStartup) RecheckInterrupts(); // INIT and the start-up message came together
            return;
        }

        if (State.Activity == VcpuActivity.WaitForStartup) return;
        if (State.Activity == VcpuActivity.Halted && _interrupts.TakeWakeUp()) State.Activity = VcpuActivity.Active;
        if (_interrupts.HasNmi && (State.Shadow & InterruptShadow.Nmi) != 0)
        {
            _interrupts.KeepOneNmi();
        }
        else if (_interrupts.HasNmi)
        {
            _interrupts.AcknowledgeNmi();
            State.Activity = VcpuActivity.Active;
            State.Shadow |= InterruptShadow.Nmi;
            DeliverEvent(2, EventType.Nmi);
            return;
        }

        if (!_interrupts.HasInterrupt || (State.Rflags & Rflags.IF) == 0) return;
        var vector = _interrupts.Acknowledge();
        if (vector < 0) return;
        State.Activity = VcpuActivity.Active;
        DeliverEvent((byte)vector, EventType.Interrupt);
        if (_interrupts.HasInterrupt || _interrupts.HasNmi) RecheckInterrupts();
    }

    private void DeliverEvent(byte vector, EventType type)
    {
        try
        {
            Deliver(vector, type, null);
        }
        catch (GuestFault)
        {
            // A fault while delivering an interrupt is delivered like one of the interrupted instruction.
            if (TakeFault() is { }) State.Activity = VcpuActivity.Shutdown;
        }
    }

    /// <summary>INIT, or the start-up message of an application processor (SDM vol. 3 §8.4, table 9-1).</summary>
    private void TakeStartup(int message)
    {
        if (message < 0)
        {
            var kept = (State.Cr0 & (Cr0.CD | Cr0.NW), State.TscOffset, State.ApicBase, State.MiscEnable, State.Pat);
            State.Reset(Model.Signature);
            (State.Cr0, State.TscOffset, State.ApicBase, State.MiscEnable, State.Pat) =
                (kept.Item1 | Cr0.ET, kept.TscOffset, kept.ApicBase, kept.MiscEnable, kept.Pat);
            State.Activity = (State.ApicBase & 0x100) != 0 ? VcpuActivity.Active : VcpuActivity.WaitForStartup;
        }
        else if (State.Activity == VcpuActivity.WaitForStartup)
        {
            State.Segments[SegmentRegisters.Cs] = Segment.RealMode((ushort)(message << 8)) with { Attributes = SegmentAttributes.RealModeCode };
            State.Rip = 0;
            State.Activity = VcpuActivity.Active;
        }

        LoadStatusFlags(State.Rflags);
        Invalidate();
        UpdateMode();
    }
}

/// <summary>What is delivered through the IDT.</summary>
internal enum EventType
{
    /// <summary>An exception of an instruction.</summary>
    Exception,

    /// <summary>INT n, INT3, INTO.</summary>
    Software,

    /// <summary>INT1.</summary>
    PrivilegedSoftware,

    /// <summary>A maskable interrupt.</summary>
    Interrupt,

    /// <summary>A non-maskable interrupt.</summary>
    Nmi,
}
