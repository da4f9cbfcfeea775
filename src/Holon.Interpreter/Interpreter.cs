using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Memory;
using Holon.X86;

namespace Holon.Interpreter;

/// <summary>
/// The precise and plain engine: decodes guest code into ops once, keeps them by physical page, and executes them one by one.
/// It is the reference that other engines are checked against, and what they fall back to for rare instructions.
/// </summary>
/// <remarks>
/// One object is one vCPU. <see cref="Run"/> and <see cref="StepOne"/> are for one thread at a time; <see cref="Kick"/> and
/// <see cref="RequestStop"/> are for all. The state lives in native memory that this object owns; ops address it by offsets
/// that only the decoder makes, from register numbers that Iced has checked, so no guest can make an offset.
/// </remarks>
public sealed unsafe partial class Interpreter : IVcpu
{
    private readonly VcpuContext* _context;
    private readonly GuestMemory _memory;
    private readonly IVcpuBus _bus;
    private readonly IVcpuInterrupts _interrupts;
    private readonly IVcpuClock _clock;
    private readonly void* _allocated;
    private readonly Tlb _tlb;
    private readonly CodeCache _code;
    private readonly GuestFault _fault = new();
    private readonly HaltWait _halt = new();
    private int _isResting; // 1 while it is among those that rest

    private TlbEntry* _tlbSet;
    private X86.Paging.PageAccess _dataAccess;
    private bool _alignmentChecks, _watchpoints;
    private Op* _current;
    private volatile bool _stopRequested, _readOnlyChanged;
    private ulong _instructions;

    /// <summary>A vCPU in the state that RESET leaves.</summary>
    /// <param name="memory">The guest's RAM.</param>
    /// <param name="bus">Ports and device memory.</param>
    /// <param name="interrupts">Its local APIC.</param>
    /// <param name="clock">The machine's time.</param>
    /// <param name="model">The processor it presents.</param>
    public Interpreter(GuestMemory memory, IVcpuBus bus, IVcpuInterrupts interrupts, IVcpuClock clock, CpuModel model)
        : this(memory, bus, interrupts, clock, model, 0)
    {
    }

    /// <summary>The same, with room in the context for an engine built on top.</summary>
    internal Interpreter(GuestMemory memory, IVcpuBus bus, IVcpuInterrupts interrupts, IVcpuClock clock, CpuModel model, int engineBytes)
    {
        _memory = memory;
        _bus = bus;
        _interrupts = interrupts;
        _clock = clock;
        Model = model;
        var bytes = (nuint)(VcpuContext.EngineOffset + engineBytes);
        _allocated = NativeMemory.AllocZeroed(bytes + 4096); // the host's pages are taken when they are touched: not all of it is used
        _context = (VcpuContext*)(((nint)_allocated + 4095) & ~4095);
        _tlb = new Tlb((byte*)_context + VcpuContext.TlbOffset);
        _context->State.Reset(model.Signature);
        _code = new CodeCache(this, memory);
        _holder = memory.CodePages.Register(this);
        memory.ReadOnlyChanged += OnReadOnlyChanged;
        UpdateMode();
    }

    /// <inheritdoc/>
    public string Engine => "interpreter";

    /// <summary>The processor it presents.</summary>
    public CpuModel Model { get; }

    /// <inheritdoc/>
    public ref CpuState State => ref _context->State;

    /// <inheritdoc/>
    public VcpuWork Work => State.Activity == VcpuActivity.Active ? VcpuWork.Interpreter : VcpuWork.Asleep;

    /// <inheritdoc/>
    public ulong InstructionCount => Volatile.Read(ref _instructions);

    /// <summary>Called with each exception and interrupt before it is delivered, when tracing: vector, error code, whether it is an interrupt.</summary>
    public Action<byte, uint, bool>? ExceptionTrace { get; set; }

    /// <summary>Called with each instruction before it executes, when tracing. Makes execution step by step.</summary>
    public Action? InstructionTrace { get; set; }

    internal VcpuContext* Context => _context;

    internal GuestMemory Memory => _memory;

    internal IVcpuBus Bus => _bus;

    internal IVcpuInterrupts Interrupts => _interrupts;

    internal IVcpuClock Clock => _clock;

    /// <summary>See <see cref="VcpuContext.Events"/>.</summary>
    private ref int Events => ref _context->Events;

    /// <summary>Current privilege level: the DPL of SS (SDM vol. 3 §5.5).</summary>
    internal int Cpl { get; private set; }

    /// <summary>IA-32e mode is active: 64-bit or compatibility.</summary>
    internal bool LongModeActive { get; private set; }

    /// <summary>CR0.PE without VM: selectors are looked up in descriptor tables.</summary>
    internal bool ProtectedMode { get; private set; }

    /// <summary>Executing 64-bit code.</summary>
    internal bool Code64 { get; private set; }

    /// <summary>Misaligned data raises #AC (SDM vol. 3 §6.15).</summary>
    internal bool ChecksAlignment => _alignmentChecks;

    /// <summary>Virtual-8086 mode.</summary>
    internal bool Virtual8086 { get; private set; }

    /// <summary>Bits that an instruction pointer has in the current code segment.</summary>
    internal ulong RipMask { get; private set; }

    /// <summary>Told when the guest halts the processor, and when that is over; null for nobody. To be set before the first run.</summary>
    public Holon.Machines.ProcessorRest? Rest { get; set; }

    /// <inheritdoc/>
    public void RequestStop()
    {
        _stopRequested = true;
        Kick();
    }

    /// <inheritdoc/>
    public void Kick()
    {
        Interlocked.Or(ref Events, EventInterrupt);
        EndRest();
        _halt.Wake();
    }

    /// <summary>Puts the processor into the state that RESET leaves; to be called while <see cref="Run"/> is not executing.</summary>
    public void Reset()
    {
        State.Reset(Model.Signature);
        ResetRegisters();
        Invalidate();
        UpdateMode();
    }

    /// <inheritdoc/>
    public void Invalidate()
    {
        _tlb.Flush();
        _code.FlushAll();
        CodeListener?.Invalidated();
    }

    /// <inheritdoc/>
    public VcpuExit Run()
    {
        GoOn();
        Begin();
        try
        {
            while (true)
            {
                try
                {
                    return Execute();
                }
                catch (GuestFault)
                {
                    if (TakeFault() is { } exit) return exit;
                }
                catch (UnimplementedException exception)
                {
                    if (_current != null) State.Rip = RipOf(_current);
                    return new VcpuExit(VcpuExitReason.Unimplemented, exception.Message);
                }
            }
        }
        finally
        {
            End();
            StandStill();
        }
    }

    /// <summary>Executes exactly one instruction, or delivers the exception that it raises. Interrupts are not looked at.</summary>
    /// <returns>The vector of the exception that it raised, or -1.</returns>
    public int StepOne()
    {
        Begin();
        try
        {
            ExecuteOne();
            End();
            return -1;
        }
        catch (GuestFault fault)
        {
            var vector = (int)fault.Vector;
            _ = TakeFault();
            End();
            return vector;
        }
    }

    /// <summary>Does what waits to be done between two instructions, for who executes by <see cref="StepOne"/>: delivers interrupts, and executes an instruction that holds them back.</summary>
    public void AttendOnce()
    {
        ForgetShadows();
        Begin();
        _ = AttendEvents();
        End();
    }

    /// <summary>What holds for one instruction is what the state says: others have been executed meanwhile.</summary>
    internal void ForgetShadows() => Interlocked.And(ref Events, ~(EventResume | EventShadow));

    /// <summary>Brings everything derived from <see cref="State"/> up to date.</summary>
    private void Begin()
    {
        _context->Zero = 0;
        LoadStatusFlags(State.Rflags);
        UpdateMode();
        UpdateDebug();
        var shadow = (State.Shadow & (InterruptShadow.Sti | InterruptShadow.MovSs)) != 0 ? EventShadow : 0;
        Interlocked.Or(ref Events, EventInterrupt | shadow);
    }

    private void End()
    {
        State.Rflags = GetRflags();
        _current = null;
    }

    /// <summary>The heart: finds blocks and runs them until something outside the instruction stream wants attention.</summary>
    private VcpuExit Execute()
    {
        while (true)
        {
            if (Volatile.Read(ref Events) != 0 && HandleEvents() is { } exit) return exit;
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
    }

    /// <summary>Executes one instruction, for single-stepping and for the instruction after STI.</summary>
    private void ExecuteOne()
    {
        var block = _code.Lookup();
        var op = Block.FirstOp(block);
        _instructions += (uint)block->Count; // as in Execute: handlers and faults subtract what they leave out
        _current = op;
        LastExecuted = (Iced.Intel.Code)op->Code;
        var next = op->Execute(this, op);
        _current = null;
        if (next == null) return;
        // A handler that has not set RIP returns the op to go on with, in the same page.
        State.Rip = (_context->RipPage + next->PageOffset) & RipMask;
        _instructions -= next == op + 1 ? op->Remaining : (uint)((Block*)next - 1)->Count;
    }

    /// <summary>Links a direct branch to a block of the same page, so that a loop does not come back to <see cref="Execute"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Op* Follow(Op* op)
    {
        var target = op->Target;
        if (target == null || Volatile.Read(ref Events) != 0) return Leave(op);
        _instructions += (uint)target->Count;
        return Block.FirstOp(target);
    }

    /// <summary>The same for a conditional branch that is taken: what follows it in the block is not executed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Op* FollowTaken(Op* op)
    {
        var next = Follow(op); // first: a branch out of the segment faults, and then the rest is subtracted with it
        _instructions -= op->Remaining;
        return next;
    }

    /// <summary>Ends the block at a direct branch that is taken.</summary>
    private Op* Leave(Op* op)
    {
        State.Rip = CheckBranch(op);
        if (Volatile.Read(ref Events) == 0 && op->Target == null) op->Target = _code.LookupInSamePage(op->Immediate);
        return null;
    }

    /// <summary>The target of a direct branch; #GP(0) when it is outside the code segment.</summary>
    internal ulong CheckBranch(Op* op)
    {
        var target = (_context->RipPage + op->Immediate) & RipMask;
        if (Code64 ? !IsCanonical(target) : target > State.Segments[SegmentRegisters.Cs].Limit) RaiseGp();
        return target;
    }

    /// <summary>The instruction pointer of an op.</summary>
    internal ulong RipOf(Op* op) => (_context->RipPage + op->PageOffset) & RipMask;

    /// <summary>The instruction pointer after an op.</summary>
    internal ulong NextRip(Op* op) => (_context->RipPage + (ulong)op->NextOffset) & RipMask;

    /// <summary>Ends the block after an op that may have changed what the next one means (mode, translation, pending events).</summary>
    internal Op* EndBlockAfter(Op* op)
    {
        State.Rip = NextRip(op);
        _instructions -= op->Remaining;
        return null;
    }

    /// <summary>Brings what is derived from segments and control registers up to date.</summary>
    internal void UpdateMode()
    {
        ref var cs = ref State.Segments[SegmentRegisters.Cs];
        var protectedMode = (State.Cr0 & Cr0.PE) != 0;
        Virtual8086 = protectedMode && (State.Rflags & Rflags.VM) != 0;
        ProtectedMode = protectedMode && !Virtual8086;
        LongModeActive = (State.Efer & Efer.Lma) != 0;
        Code64 = LongModeActive && cs.IsLong;
        Cpl = Virtual8086 ? 3 : ProtectedMode ? State.Segments[SegmentRegisters.Ss].Dpl : 0;
        RipMask = Code64 ? ulong.MaxValue : cs.IsBig ? 0xFFFFFFFF : 0xFFFF;
        _code.SetMode(Code64 ? 64 : cs.IsBig ? 32 : 16, ProtectedMode, !Code64 && cs.Limit < RipMask, Cpl == 3);
        UpdateDataAccess();
        UpdateVectorUnits();
    }

    private void OnReadOnlyChanged()
    {
        _readOnlyChanged = true;
        Kick();
    }

    /// <summary>Releases the native state.</summary>
    public void Dispose()
    {
        _memory.ReadOnlyChanged -= OnReadOnlyChanged;
        _memory.CodePages.Unregister(_holder);
        _code.Dispose();
        NativeMemory.Free(_allocated);
        _halt.Dispose();
    }
}
