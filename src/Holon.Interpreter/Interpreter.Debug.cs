using Holon.X86;

namespace Holon.Interpreter;

// Single-step, breakpoints and watchpoints (SDM vol. 3 ch. 17). While any is armed, execution goes step by step.
public sealed unsafe partial class Interpreter
{
    private ulong _pendingDebug; // DR6 bits of traps that the instruction being executed has hit

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
        if (step) Interlocked.Or(ref _events, EventStep);
        else Interlocked.And(ref _events, ~EventStep);
    }

    /// <summary>One instruction with everything that can happen around it.</summary>
    private void Step()
    {
        InstructionTrace?.Invoke();
        if ((State.Rflags & Rflags.RF) == 0 && HitsInstructionBreakpoint())
        {
            _current = null;
            Raise(ExceptionVector.Debug, 0);
        }

        var trap = (State.Rflags & Rflags.TF) != 0;
        _pendingDebug = 0;
        var resume = State.Rflags & Rflags.RF;
        ExecuteOne();
        if (resume != 0 && (State.Rflags & Rflags.RF) != 0 && !_keepResumeFlag) State.Rflags &= ~Rflags.RF;
        _keepResumeFlag = false;
        if (trap) _pendingDebug |= 1ul << 14;
        if (_pendingDebug == 0 || (State.Shadow & InterruptShadow.MovSs) != 0) return;
        State.Dr[6] = (State.Dr[6] & ~0xFul) | _pendingDebug;
        _pendingDebug = 0;
        Raise(ExceptionVector.Debug, 0);
    }

    private bool _keepResumeFlag; // IRET has just loaded RF for the instruction after it

    /// <summary>RF as loaded by IRET holds for the next instruction.</summary>
    internal void KeepResumeFlag() => _keepResumeFlag = true;

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
