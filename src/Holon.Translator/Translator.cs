using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Interpreter;
using Holon.Memory;
using Holon.Translator.Blocks;
using Holon.Translator.Host;
using Holon.X86;

namespace Holon.Translator;

/// <summary>
/// The fast engine for hosts without hardware virtualization: turns 64-bit guest code into x86-64 code of the host and runs that. What is
/// rare, and code of other modes, its interpreter executes, with which it shares state, TLB and everything that must be exact.
/// </summary>
/// <remarks>
/// One object is one vCPU. See docs/translator.md. A guest cannot reach generated code: its accesses go to host addresses
/// that only page walks within guest memory produce, its registers never hold an address of the host, and the only host instructions made
/// of its bytes are those of a list that neither branch nor touch memory except through such addresses.
/// </remarks>
public sealed unsafe partial class Translator : IVcpu
{
    /// <summary>Bytes of host code that it needs at least.</summary>
    public const int LeastCodeBytes = 1 << 20;

    /// <summary>Bytes of host code kept, unless said otherwise.</summary>
    public const int DefaultCodeBytes = 128 << 20;

    private readonly Interpreter.Interpreter _cpu;
    private readonly GuestMemory _memory;
    private readonly VcpuContext* _context;
    private readonly TranslatorContext* _own;
    private readonly BlockCache _blocks;
    private readonly delegate* unmanaged<byte*, void> _enter;
    private GCHandle _handle;
    private Exception? _failure;
    private int _link = -1; // the exit by which translated code came back, while nothing else has happened since

    /// <summary>A vCPU in the state that RESET leaves.</summary>
    /// <param name="memory">The guest's RAM.</param>
    /// <param name="bus">Ports and device memory.</param>
    /// <param name="interrupts">Its local APIC.</param>
    /// <param name="clock">The machine's time.</param>
    /// <param name="model">The processor it presents.</param>
    /// <param name="codeBytes">Bytes of host code to keep at most; at least 1 MiB.</param>
    /// <exception cref="Machines.HolonException">The host refuses executable memory.</exception>
    public Translator(GuestMemory memory, IVcpuBus bus, IVcpuInterrupts interrupts, IVcpuClock clock, CpuModel model, int codeBytes = DefaultCodeBytes)
    {
        _cpu = new Interpreter.Interpreter(memory, bus, interrupts, clock, model, Offsets.EngineBytes);
        _memory = memory;
        _context = _cpu.Context;
        _own = (TranslatorContext*)((byte*)_context + Offsets.Engine);
        _blocks = new BlockCache(_cpu, memory, model, codeBytes);
        _cpu.CodeListener = _blocks;
        _handle = GCHandle.Alloc(this);
        _own->Self = _context;
        _own->ClockEpoch = clock.ProcessorEpoch;
        _blocks.ReadsHostCounter = clock.ProcessorEpoch != 0;
        (_own->Mask63, _own->Mask31) = (63, 31);
        _own->Owner = GCHandle.ToIntPtr(_handle);
        _own->MissHandler = (nint)(delegate* unmanaged<VcpuContext*, ulong, uint, ulong>)&OnMiss;
        _own->WindowHandler = (nint)(delegate* unmanaged<VcpuContext*, ulong, uint, ulong>)&OnWindow;
        _own->X87Handler = (nint)(delegate* unmanaged<VcpuContext*, ulong, uint, ulong>)&OnX87;
        _enter = (delegate* unmanaged<byte*, void>)(_blocks.Stubs.Enter + _blocks.Distance);
    }

    /// <summary>Whether this engine can work on this host: an x86-64 processor with what x86-64-v3 asks for.</summary>
    public static bool IsSupported => Guest.HostInstructions.IsSuitable;

    /// <inheritdoc/>
    public string Engine => "translator";

    /// <inheritdoc/>
    public ref CpuState State => ref _cpu.State;

    /// <inheritdoc/>
    /// <remarks>Translated code does not count; these are the instructions that were interpreted.</remarks>
    public ulong InstructionCount => _cpu.InstructionCount;

    /// <inheritdoc/>
    public VcpuWork Work => _cpu.Work == VcpuWork.Asleep ? VcpuWork.Asleep : _blocks.Statistics.Work;

    /// <summary>Bytes of host code kept now, those of dropped blocks included.</summary>
    public long CodeBytes => _blocks.CodeBytes;

    /// <summary>The interpreter that it is built on, for what both have in common: identity, tracing, reset.</summary>
    public Interpreter.Interpreter Interpreter => _cpu;

    /// <summary>What it did so far.</summary>
    public TranslatorStatistics Statistics
    {
        get
        {
            _blocks.Statistics.Refills = (long)_own->Refills;
            _blocks.Statistics.Finds = (long)_own->Finds;
            _blocks.Statistics.BlocksExecuted = (long)_own->BlocksExecuted;
            _blocks.Statistics.MemoryAccesses = (long)_own->MemoryAccesses;
            return _blocks.Statistics;
        }
    }

    /// <summary>
    /// Keeps the status flags exact wherever a fault could show them. Otherwise flags that the program overwrites before it reads them may
    /// differ in the frame of a page fault. Costs speed; meant for comparing engines. To be set before the first run.
    /// </summary>
    public bool PreciseFlags
    {
        get => _blocks.PreciseFlags;
        set => _blocks.PreciseFlags = value;
    }

    /// <summary>Instructions in a block at most, 1 to 64: for comparing engines. To be set before the first run.</summary>
    public int MaxBlockInstructions
    {
        get => _blocks.MaxBlockInstructions;
        set => _blocks.MaxBlockInstructions = value;
    }

    /// <summary>Translates every block as if it were hot: for comparing engines. To be set before the first run.</summary>
    public bool HotByDefault
    {
        get => _blocks.HotByDefault;
        set => _blocks.HotByDefault = value;
    }

    /// <summary>Translated code counts the blocks and memory accesses that it executes. To be set before the first run.</summary>
    public bool CountsExecution
    {
        get => _blocks.CountsExecution;
        set => _blocks.CountsExecution = value;
    }

    /// <inheritdoc/>
    public void RequestStop() => _cpu.RequestStop();

    /// <inheritdoc/>
    public void Kick() => _cpu.Kick();

    /// <inheritdoc/>
    public void Invalidate() => _cpu.Invalidate();

    /// <inheritdoc/>
    public VcpuExit Run()
    {
        UseContext();
        _readOnlyVersion = -1; // other vCPUs may have been added
        _blocks.RemembersJumps = true;
        _cpu.TakeOverFirst();
        _blocks.UseOthers(_memory.CodePages.IsShared);
        try
        {
            return Execute();
        }
        finally
        {
            _cpu.HandOverLast();
        }
    }

    /// <summary>Does what waits to be done between two instructions, for who executes by <see cref="StepBlock"/>: delivers interrupts, and executes an instruction that holds them back.</summary>
    public void AttendOnce()
    {
        _cpu.ForgetShadows();
        _cpu.TakeOverFirst();
        _ = _cpu.AttendEvents();
        _cpu.HandOverLast();
    }

    /// <summary>Executes one block, or delivers the exception that it raises: for comparing engines. Interrupts are not looked at, and nothing is linked.</summary>
    public void StepBlock()
    {
        UseContext();
        _cpu.TakeOverFirst();
        if (!_cpu.Code64 || _cpu.NeedsInterpreter)
        {
            _cpu.HandOverLast();
            _cpu.StepOne();
            return;
        }

        Volatile.Write(ref _context->Events, 0); // blocks that look at events would leave at once
        if (_blocks.RemembersJumps) _blocks.ForgetJumps();
        _blocks.RemembersJumps = false;
        _ = Turn(link: -1);
        _cpu.HandOverLast();
    }

    /// <summary>The heart. Between turns the interpreter has taken over; it hands over while translated code runs.</summary>
    private VcpuExit Execute()
    {
        while (true)
        {
            if (Volatile.Read(ref _context->Events) != 0)
            {
                _link = -1;
                _blocks.Statistics.Events++;
                if (_cpu.AttendEvents() is { } exit) return exit;
            }

            if (Turn(_link) is { } end) return end;
        }
    }

    /// <summary>Finds the code at RIP and runs it until it comes back; or interprets.</summary>
    /// <param name="link">The exit that led here, which is to jump here directly from now on; or -1.</param>
    private VcpuExit? Turn(int link)
    {
        _link = -1;
        var statistics = _blocks.Statistics;
        if (!_cpu.Code64 || _cpu.NeedsInterpreter)
        {
            statistics.Work = VcpuWork.Interpreter;
            return _cpu.Interpret();
        }

        var mode = Mode;
        _blocks.UseSmap((State.Cr4 & Cr4.Smap) != 0);
        var entry = link < 0 ? _blocks.FindEntry(State.Rip, mode) : null;
        if (entry == null)
        {
            statistics.Lookups++;
            var block = _blocks.Find(State.Rip, mode, out var outcome);
            if (block == null)
            {
                if (outcome == MissOutcome.Fault) return null;
                if (outcome == MissOutcome.Shutdown) return Shutdown();
                return Interpret();
            }

            if (link >= 0) _blocks.Link(link, block);
            entry = block.EnterMemory + _blocks.Distance;
        }

        _cpu.HandOver();
        PrepareSystem(mode);
        SaveStatusFlags();
        statistics.Entries++;
        statistics.Work = VcpuWork.Guest;
        _enter(entry);
        statistics.Work = VcpuWork.Engine;
        LoadStatusFlags();
        if (_own->ExitValue >= (uint)ExitKind.FirstLink) State.Rip = _blocks.Exits[(int)(_own->ExitValue - (uint)ExitKind.FirstLink)].Linear;
        if (_own->X87Live != 0) TakeX87();
        _cpu.TakeOver();
        switch ((ExitKind)_own->ExitValue)
        {
            case ExitKind.Lookup:
                return null;
            case ExitKind.Events:
                _blocks.Sample(State.Rip, Mode);
                return null;
            case ExitKind.Interpret:
                return Interpret();
            case ExitKind.Shutdown:
                return Shutdown();
            case ExitKind.Failure:
                throw new InvalidOperationException("The translator failed.", _failure);
            default:
                _link = (int)(_own->ExitValue - (uint)ExitKind.FirstLink);
                return null;
        }
    }

    private VcpuExit? Interpret()
    {
        _blocks.Statistics.Work = VcpuWork.Interpreter;
        var exit = _cpu.Interpret();
        _blocks.Statistics.Work = VcpuWork.Engine;
        _blocks.Statistics.CountInterpreted(_cpu.LastExecuted);
        return exit;
    }

    /// <summary>See <see cref="TranslationMode"/>.</summary>
    private int Mode
    {
        get
        {
            const uint mxcsrMasks = 0x1F80;
            const ushort x87Masks = 0x3F, x87Summary = 0x80;
            var native = _cpu.HasAllVectorUnits && (State.Mxcsr & mxcsrMasks) == mxcsrMasks && (State.FpuControl & x87Masks) == x87Masks && (State.FpuStatus & x87Summary) == 0;
            return _cpu.TlbSetNumber | (native ? TranslationMode.NativeVectors : 0);
        }
    }

    private VcpuExit Shutdown() => _cpu.AttendEvents() ?? new VcpuExit(VcpuExitReason.TripleFault);

    // The status flags are kept apart in the form that SETO AL and LAHF give; see BlockEmitter.SaveFlags.
    private void SaveStatusFlags()
    {
        var flags = State.Rflags;
        _own->SavedFlags = (uint)(((flags & 0xD7) << 8) | ((flags >> 11) & 1));
    }

    private void LoadStatusFlags()
    {
        var saved = _own->SavedFlags;
        State.Rflags = (State.Rflags & ~Rflags.Status) | ((saved >> 8) & 0xD5) | ((ulong)(saved & 1) << 11);
    }

    /// <summary>Lets this thread's GS base point to the context; it stays so, and nothing else uses it.</summary>
    private void UseContext()
    {
        const long archPrctl = 158, setGs = 0x1001;
        if (SystemCall(archPrctl, setGs, (nint)_context) != 0) throw new InvalidOperationException("The host does not let the thread have a GS base.");
    }

    private static Translator Of(VcpuContext* context) =>
        Unsafe.As<Translator>(GCHandle.FromIntPtr(((TranslatorContext*)((byte*)context + Offsets.Engine))->Owner).Target!);

    /// <summary>From translated code: the TLB does not know an address. Returns the host's address, or an <see cref="ExitKind"/>.</summary>
    [UnmanagedCallersOnly]
    private static ulong OnMiss(VcpuContext* context, ulong linear, uint info)
    {
        var self = Of(context);
        var statistics = self._blocks.Statistics;
        try
        {
            statistics.Work = VcpuWork.Engine;
            var found = self.Miss(linear, info);
            statistics.Work = VcpuWork.Guest;
            return found;
        }
        catch (Exception exception) // must not unwind through generated code
        {
            self._failure = exception;
            return (ulong)ExitKind.Failure;
        }
    }

    private ulong Miss(ulong linear, uint info)
    {
        _blocks.Statistics.Misses++;
        var size = (int)(info & 0xFF);
        if ((info & Stubs.MissAligned) != 0 && (linear & (ulong)(size - 1)) != 0) return (ulong)ExitKind.Interpret;
        LoadStatusFlags();
        _cpu.TakeOver();
        var touched = (info & Stubs.MissRepeats) != 0 ? size * (int)_own->Temporary2 : size;
        var outcome = _cpu.Miss(linear, size, touched, (info & Stubs.MissWrites) != 0, out var host);
        _cpu.HandOver();
        switch (outcome)
        {
            case MissOutcome.Host:
                return (ulong)host;
            case MissOutcome.Fault:
                SaveStatusFlags(); // they are taken from there when translated code is left
                return (ulong)ExitKind.Lookup;
            case MissOutcome.Shutdown:
                return (ulong)ExitKind.Shutdown;
            default:
                return (ulong)ExitKind.Interpret;
        }
    }

    /// <summary>From translated code: a window has failed at accesses. Returns the address.</summary>
    [UnmanagedCallersOnly]
    private static ulong OnWindow(VcpuContext* context, ulong linear, uint info)
    {
        Of(context)._blocks.Windows.Missed((int)(info >> Stubs.MissSiteShift), linear);
        return linear;
    }

    /// <summary>From translated code: makes an image of the x87 state for FRSTOR.</summary>
    [UnmanagedCallersOnly]
    private static ulong OnX87(VcpuContext* context, ulong unused, uint unused2)
    {
        Of(context).GiveX87();
        return 0;
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long SystemCall(long number, long first, nint second);

    /// <summary>Releases the native state.</summary>
    public void Dispose()
    {
        _cpu.CodeListener = null;
        _blocks.Dispose();
        _cpu.Dispose();
        if (_handle.IsAllocated) _handle.Free();
    }
}
