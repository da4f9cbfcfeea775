using Holon.X86;

namespace Holon.Interpreter;

// Single-step, breakpoints and watchpoints (SDM vol. 3 ch. 17). While any is armed, execution goes step by step.
public sealed unsafe partial class Interpreter
{
    private const ulong SingleStep = 1ul << 14;

    private ulong _pendingDebug; // DR6 bits of traps that the instruction being executed has hit
    private ulong _heldDebug; // the same of a MOV SS or POP SS just before
    private bool _singleStep, _keepResumeFlag;

    /// <summary>Brings what is derived from DR7 and TF up to date. To be called when one of them changed.</summary>
    internal void UpdateDebug()
    {
        var watch = false;
        var execute = false;
        for (var i = 0; i < 4; i++)
        {
            if ((State.Dr[7] & (3ul << (2 * i))) == 0) continue;
            if (((State.Dr[7] >> (16 + (4 * i))) & 3) == 0) execute = true;
            else watch = true;
        }

        if (watch != _watchpoints)
        {
            _watchpoints = watch;
            UpdateDataAccess();
        }

        var step = watch || execute || (State.Rflags & Rflags.TF) != 0 || InstructionTrace != null;
        if (step) Interlocked.Or(ref Events, EventStep);
        else Interlocked.And(ref Events, ~EventStep);
    }

    /// <summary>One instruction with everything that can happen around it.</summary>
    /// <param name="breakpoints">False after MOV SS, which holds instruction breakpoints back too.</param>
    private void Step(bool breakpoints = true)
    {
        InstructionTrace?.Invoke();
        if (breakpoints && (State.Rflags & Rflags.RF) == 0 && HitsInstructionBreakpoint())
        {
            _current = null;
            Raise(ExceptionVector.Debug, 0);
        }

        _pendingDebug = _heldDebug;
        _heldDebug = 0;
        _singleStep = (State.Rflags & Rflags.TF) != 0; // as it was before the instruction: POPF and IRET that set TF are not trapped themselves
        _keepResumeFlag = false;
        ExecuteOne();
        if (!_keepResumeFlag) State.Rflags &= ~Rflags.RF;
        var stepped = _singleStep;
        _singleStep = false;
        if ((State.Shadow & InterruptShadow.MovSs) != 0)
        {
            _heldDebug = _pendingDebug; // SDM vol. 3 §6.8.3: reported after the next instruction; its single-step trap is lost
            _pendingDebug = 0;
            return;
        }

        if (stepped) _pendingDebug |= SingleStep;
        if (_pendingDebug != 0) RaiseDebugTrap(_pendingDebug);
    }

    /// <summary>#DB for traps: after an instruction, so that the handler returns to the next one.</summary>
    private void RaiseDebugTrap(ulong cause)
    {
        State.Dr[6] = (State.Dr[6] & ~0xFul) | cause;
        _pendingDebug = 0;
        _current = null;
        Raise(ExceptionVector.Debug, 0);
    }

    /// <summary>RF as loaded by IRET holds for the next instruction, and for that one only.</summary>
    internal void KeepResumeFlag()
    {
        _keepResumeFlag = true;
        Interlocked.Or(ref Events, EventResume);
    }

    /// <summary>A repeated string instruction stops after each element: single-stepping, or a watchpoint was hit (SDM vol. 3 §17.3.1.2).</summary>
    internal bool TrapsAfterElement => _singleStep || _pendingDebug != 0;

    /// <summary>Leaves a repeated instruction between two elements. What happens there is told RF, so that a breakpoint on it does not break again (SDM vol. 3 §17.3.1.1).</summary>
    internal Op* LeaveRepeated(Op* op)
    {
        State.Rflags |= Rflags.RF;
        KeepResumeFlag();
        return LeaveBefore(op);
    }

    /// <summary>After SYSCALL and SYSRET: they trap by the TF that they have loaded, not by the one before.</summary>
    internal void StepByNewFlags()
    {
        _singleStep = false;
        if ((State.Rflags & Rflags.TF) != 0) RaiseDebugTrap(SingleStep);
    }

    private bool HitsInstructionBreakpoint()
    {
        var linear = Code64 ? State.Rip : (uint)(State.Rip + State.Segments[SegmentRegisters.Cs].Base);
        ulong hit = 0;
        for (var i = 0; i < 4; i++)
        {
            var enabled = (State.Dr[7] & (3ul << (2 * i))) != 0 && ((State.Dr[7] >> (16 + (4 * i))) & 3) == 0;
            if (enabled && State.Dr[i] == linear) hit |= 1ul << i;
        }

        if (hit != 0) State.Dr[6] = (State.Dr[6] & ~0xFul) | hit;
        return hit != 0;
    }

    private void CheckWatchpoints(ulong linear, int size, bool write)
    {
        for (var i = 0; i < 4; i++)
        {
            if ((State.Dr[7] & (3ul << (2 * i))) == 0) continue;
            var kind = (State.Dr[7] >> (16 + (4 * i))) & 3; // 1 writes, 3 reads and writes, 2 I/O
            if (kind is not (1 or 3) || (kind == 1 && !write)) continue;
            var length = ((State.Dr[7] >> (18 + (4 * i))) & 3) switch { 0 => 1ul, 1 => 2ul, 2 => 8ul, _ => 4ul };
            var start = State.Dr[i] & ~(length - 1);
            if (linear < start + length && start < linear + (ulong)size) _pendingDebug |= 1ul << i;
        }
    }

    /// <summary>I/O breakpoints, with CR4.DE.</summary>
    internal void CheckPortBreakpoints(ushort port, int size)
    {
        if (!_watchpoints || (State.Cr4 & Cr4.De) == 0) return;
        for (var i = 0; i < 4; i++)
        {
            if ((State.Dr[7] & (3ul << (2 * i))) == 0 || ((State.Dr[7] >> (16 + (4 * i))) & 3) != 2) continue;
            var length = ((State.Dr[7] >> (18 + (4 * i))) & 3) switch { 0 => 1ul, 1 => 2ul, _ => 4ul };
            if (port < State.Dr[i] + length && State.Dr[i] < port + (ulong)size) _pendingDebug |= 1ul << i;
        }
    }
}
