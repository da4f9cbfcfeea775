using Holon.X86;
using Holon.X86.Paging;

namespace Holon.Interpreter;

/// <summary>How the memory access of translated code goes on after its own lookup failed.</summary>
internal enum MissOutcome
{
    /// <summary>At the host address found; the TLB knows the page now, if it may.</summary>
    Host,

    /// <summary>Not at all: the guest's fault was delivered, and RIP is its handler.</summary>
    Fault,

    /// <summary>By interpreting the instruction: a device, two pages, code being overwritten, or an exception that is not #PF.</summary>
    Interpret,

    /// <summary>Not at all: the processor shut down.</summary>
    Shutdown,
}

// What an engine that is built on the interpreter uses of it: everything that is rare or must be exact in one place only.
// Between these calls such an engine changes registers, RFLAGS, CS, SS and RIP by itself; hence TakeOver and HandOver.
public sealed unsafe partial class Interpreter
{
    /// <summary>Who keeps code beside the interpreter's own.</summary>
    internal ICodeListener? CodeListener { get; set; }

    /// <summary>The local APIC has an interrupt to deliver, as soon as IF lets it.</summary>
    internal bool HasInterrupt => _interrupts.HasInterrupt || _interrupts.HasNmi;

    /// <summary>The instruction that was executed alone most recently.</summary>
    internal Iced.Intel.Code LastExecuted { get; private set; }

    /// <summary>Execution must go step by step, or each access needs a look: nothing that translated code does.</summary>
    internal bool NeedsInterpreter => (Events & EventStep) != 0 || _watchpoints || _alignmentChecks;

    /// <summary>The software TLB.</summary>
    internal Tlb Tlb => _tlb;

    /// <summary>Which set of TLB entries data accesses use now: see <see cref="Tlb"/>.</summary>
    internal int TlbSetNumber => (int)((_tlbSet - _tlb.Set(0)) / Tlb.Entries);

    /// <summary>SSE, AVX and MMX instructions are all switched on.</summary>
    internal bool HasAllVectorUnits => _vectorUnits == (VectorUnits.Mmx | VectorUnits.Sse | VectorUnits.Avx);

    /// <summary>Takes over: <see cref="State"/> was changed by somebody else.</summary>
    internal void TakeOver()
    {
        LoadStatusFlags(State.Rflags);
        UpdateMode();
    }

    /// <summary>Hands over: <see cref="State"/> is complete.</summary>
    internal void HandOver()
    {
        State.Rflags = GetRflags();
        _current = null;
    }

    /// <summary>Once before a run: like <see cref="TakeOver"/>, with debug registers and what the last run left.</summary>
    internal void TakeOverFirst()
    {
        GoOn();
        Begin();
    }

    /// <summary>Once after a run.</summary>
    internal void HandOverLast()
    {
        HandOver();
        StandStill();
    }

    /// <summary>Whether the interpreter itself has decoded code of a page.</summary>
    internal bool HasDecoded(ulong page) => _code.HasCode(page);

    /// <summary>Between <see cref="TakeOver"/> and <see cref="HandOver"/>: everything that can happen between two instructions.</summary>
    internal VcpuExit? AttendEvents()
    {
        while (true)
        {
            try
            {
                return HandleEvents();
            }
            catch (GuestFault)
            {
                if (TakeFault() is { } exit) return exit;
            }
            catch (UnimplementedException exception)
            {
                return new VcpuExit(VcpuExitReason.Unimplemented, exception.Message);
            }
        }
    }

    /// <summary>Between <see cref="TakeOver"/> and <see cref="HandOver"/>: executes one instruction, or as long as the code is not 64-bit code, blocks.</summary>
    internal VcpuExit? Interpret()
    {
        try
        {
            if (Code64 && !NeedsInterpreter)
            {
                ExecuteOne();
                return null;
            }

            while (Events == 0 && !(Code64 && !NeedsInterpreter))
            {
                var block = _code.Lookup();
                _instructions += (uint)block->Count;
                var op = Block.FirstOp(block);
                do
                {
                    _current = op;
                    op = op->Execute(this, op);
                }
                while (op != null);
                _current = null;
            }

            return null;
        }
        catch (GuestFault)
        {
            return TakeFault();
        }
        catch (UnimplementedException exception)
        {
            if (_current != null) State.Rip = RipOf(_current);
            return new VcpuExit(VcpuExitReason.Unimplemented, exception.Message);
        }
    }

    /// <summary>Between <see cref="TakeOver"/> and <see cref="HandOver"/>: finds the memory for an access of 64-bit code at RIP, enters it into the TLB, or delivers the page fault.</summary>
    /// <param name="linear">Linear address.</param>
    /// <param name="size">Bytes, at most 64.</param>
    /// <param name="touched">Bytes that are accessed from there in the same page before the next lookup: the size, or more.</param>
    /// <param name="write">It writes, or reads and writes.</param>
    /// <param name="host">Where the bytes are.</param>
    internal MissOutcome Miss(ulong linear, int size, int touched, bool write, out byte* host)
    {
        host = null;
        var end = linear + (ulong)(size - 1);
        if (!IsCanonical(linear) || ((linear ^ end) & ~0xFFFul) != 0 || NeedsInterpreter) return MissOutcome.Interpret;
        var access = write ? PageAccess.Write : PageAccess.Read;
        var translation = PageWalk.Walk(ref State, _memory, linear, access | _dataAccess);
        if (translation.Faulted)
        {
            State.Cr2 = linear;
            return DeliverFault(ExceptionVector.PageFault, translation.ErrorCode) is null ? MissOutcome.Fault : MissOutcome.Shutdown;
        }

        var physical = translation.PhysicalAddress;
        if (translation.PageBytes > 4096) NoteLargePage(linear, translation.PageBytes);
        var page = _memory.PagePointer(physical);
        if (page == null) return MissOutcome.Interpret;
        var direct = Enter(TlbSetNumber, linear, page, physical, write || translation.Writable, translation.Global);
        if (write && !direct)
        {
            if (_memory.IsReadOnly(physical) || _code.Overlaps(physical, touched) || CodeListener!.Overlaps(physical, touched) || !AnnounceStore(physical)) return MissOutcome.Interpret;
        }

        host = page + (physical & 0xFFF);
        return MissOutcome.Host;
    }

    /// <summary>The physical address of 64-bit code, if it can be fetched; nothing changes.</summary>
    internal bool TryFetch(ulong linear, out ulong physical)
    {
        var translation = IsCanonical(linear) ? PageWalk.Walk(ref State, _memory, linear, PageAccess.Execute | PageAccess.Peek | (Cpl == 3 ? PageAccess.User : 0)) : default;
        physical = translation.PhysicalAddress;
        return IsCanonical(linear) && !translation.Faulted && _memory.PagePointer(physical) != null;
    }

    /// <summary>Between <see cref="TakeOver"/> and <see cref="HandOver"/>: the physical address of 64-bit code, or the fault of its fetch delivered.</summary>
    internal MissOutcome Fetch(ulong linear, out Translation translation)
    {
        translation = default;
        if (!IsCanonical(linear)) return MissOutcome.Interpret;
        translation = PageWalk.Walk(ref State, _memory, linear, PageAccess.Execute | (Cpl == 3 ? PageAccess.User : 0));
        if (translation.Faulted)
        {
            State.Cr2 = linear;
            return DeliverFault(ExceptionVector.PageFault, translation.ErrorCode) is null ? MissOutcome.Fault : MissOutcome.Shutdown;
        }

        if (translation.PageBytes > 4096) NoteLargePage(linear, translation.PageBytes);
        return _memory.PagePointer(translation.PhysicalAddress) == null ? MissOutcome.Interpret : MissOutcome.Host;
    }

    /// <summary>Looks again, before the next block, at interrupts: for an engine that has just let IF through.</summary>
    internal void RequestInterruptCheck() => RecheckInterrupts();
}
