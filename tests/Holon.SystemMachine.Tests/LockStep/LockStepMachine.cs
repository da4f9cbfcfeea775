using System.Runtime.InteropServices;
using System.Text;
using Holon.Devices.Apic;
using Holon.Memory;
using Holon.SystemMachine.Boot;
using Holon.SystemMachine.Firmware;
using Holon.SystemMachine.Firmware.Acpi;
using Holon.X86;
using Holon.X86.Paging;
using Iced.Intel;

namespace Holon.SystemMachine.Tests.LockStep;

/// <summary>
/// A machine whose vCPU is a translator that executes one block at a time, followed by an interpreter with memory of its own. After each block both must have
/// the same state; now and then, the same memory. Devices exist once: the interpreter is told what they told the translator.
/// </summary>
internal sealed unsafe class LockStepMachine : IBoardEvents, IDisposable
{
    private const ulong MemoryBytes = 256 << 20;

    /// <summary>Blocks between two comparisons of all memory.</summary>
    private const long BlocksPerMemoryComparison = 4 << 20;

    /// <summary>Instructions of a block at most, and some more; and how often translated code may come back from one string instruction.</summary>
    private const int MostSteps = 100, MostPages = 1 << 20;

    private readonly GuestMemory _memory = new(new MemoryRange(0, MemoryBytes)), _copy = new(new MemoryRange(0, MemoryBytes));
    private readonly Board _board;
    private readonly LocalApic _apic;
    private readonly Recorder _recorder;
    private readonly Player _player;
    private readonly Translator.Translator _leader;
    private readonly Interpreter.Interpreter _follower;
    private readonly StringBuilder _serial = new();
    private readonly List<ulong> _steps = [];
    private volatile bool _ended;

    /// <param name="hot">Every block is translated as hot ones are.</param>
    public LockStepMachine(bool hot)
    {
        MemoryRange[] ram = [new(0, MemoryBytes)];
        _board = new Board(new BoardPlan(_memory, ram, 1, null, TestDevice: false), this, value => _serial.Append((char)value), null);
        (_apic, var bus) = _board.AddProcessor(0, () => _leader?.Kick());
        _recorder = new Recorder(bus, _apic, _board.Clock);
        _player = new Player(_recorder.Exchanges, _board.Clock);
        _leader = new Translator.Translator(_memory, _recorder, _recorder, _recorder, CpuModel.X8664V3, 4 << 20) { PreciseFlags = true, HotByDefault = hot };
        _follower = new Interpreter.Interpreter(_copy, _player, _player, _player, CpuModel.X8664V3);
    }

    /// <summary>What the guest has printed.</summary>
    public string Serial => _serial.ToString();

    /// <summary>Blocks executed; and instructions of them that the interpreter executed.</summary>
    public long Blocks { get; private set; }

    /// <inheritdoc cref="Blocks"/>
    public long Instructions { get; private set; }

    /// <summary>Loads a Linux kernel as <c>holon run</c> does.</summary>
    public void Load(string kernel, IEnumerable<string> initrds, ReadOnlyMemory<byte> extraInitrd, string commandLine)
    {
        _board.SetUpAsFirmwareDoes();
        var platform = new PlatformDescription { Processors = 1, Memory = [new MemoryRange(0, MemoryBytes)] };
        var guest = KernelLoader.Load(_memory, new BootRequest
        {
            KernelPath = kernel,
            Modules = [.. initrds.Select(path => new BootModule(path))],
            ExtraModule = extraInitrd,
            CommandLine = commandLine,
            AcpiRsdpAddress = AcpiTables.Place(_memory, platform),
            RandomSeed = new byte[64],
        });
        _leader.State.ApicBase = _apic.ApicBase;
        guest.Entry.ApplyTo(ref _leader.State);
        _leader.Invalidate();
        _follower.State = _leader.State;
        _memory.Span(0, (int)MemoryBytes).CopyTo(_copy.Span(0, (int)MemoryBytes));
        _follower.Invalidate();
        _board.Clock.Resume();
    }

    /// <summary>Executes until the guest switches itself off, or so many blocks.</summary>
    /// <exception cref="DifferenceException">The engines differ.</exception>
    public void Run(long blocks, CancellationToken cancellation)
    {
        for (; Blocks < blocks && !_ended; Blocks++)
        {
            if (Blocks % BlocksPerMemoryComparison == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                CompareMemory();
            }

            if (MustAttend()) Attend();
            else Step();
            if (_recorder.Exchanges.Count != 0) throw Difference($"only the translator asked: {_recorder.Exchanges.Peek()}");
        }

        CompareMemory();
    }

    public void Dispose()
    {
        _board.Dispose();
        _leader.Dispose();
        _follower.Dispose();
        _memory.Dispose();
        _copy.Dispose();
    }

    void IBoardEvents.PoweredOff() => _ended = true;

    void IBoardEvents.ResetRequested() => _ended = true;

    void IBoardEvents.DebugExit(int code) => _ended = true;

    void IBoardEvents.DiskFull(string disk, string path)
    {
    }

    void IBoardEvents.DriverBroke(string device, string reason)
    {
    }

    void IBoardEvents.NetworkFailed(string device, Exception exception)
    {
    }

    void IBoardEvents.DeviceRemoved(string device)
    {
    }

    /// <summary>Whether something other than executing a block comes next; waits while the guest sleeps.</summary>
    private bool MustAttend()
    {
        ref var state = ref _leader.State;
        if (state.Activity == VcpuActivity.Shutdown) throw Difference("the guest shut down");
        if ((state.Shadow & (InterruptShadow.Sti | InterruptShadow.MovSs)) != 0) return true;
        if (state.Activity == VcpuActivity.Halted)
        {
            while (!_apic.HasInterrupt && !_apic.HasNmi) Thread.Yield();
            return true;
        }

        return (_apic.HasInterrupt && (state.Rflags & Rflags.IF) != 0) || _apic.HasNmi || _apic.HasStartup;
    }

    private void Attend()
    {
        _recorder.NotesLooks = _player.AnswersLooks = true;
        _steps.Clear();
        _steps.Add(_follower.State.Rip);
        _leader.AttendOnce();
        do _follower.AttendOnce();
        while (_recorder.Exchanges.Count != 0); // the leader may have been told of another interrupt meanwhile, and have looked again
        _recorder.NotesLooks = _player.AnswersLooks = false;
        if (!IsSame()) throw Difference("after events");
    }

    private void Step()
    {
        _steps.Clear();
        _leader.StepBlock();
        // Translated code may come back before it has done anything, to be entered again.
        if (IsSame() && _recorder.Exchanges.Count == 0) return;
        while (true)
        {
            _steps.Add(_follower.State.Rip);
            var stack = _follower.State.Gpr[4];
            var held = _follower.State.Shadow & (InterruptShadow.Sti | InterruptShadow.MovSs);
            try
            {
                var vector = _follower.StepOne();
                if (vector >= 0) TakeOverFlagsOfFrame(vector);
                else if (stack - _follower.State.Gpr[4] == 8 && IsPushf(_steps[^1])) TakeOverFlagsAt(_follower.State.Gpr[4]);
            }
            catch (DifferenceException difference)
            {
                throw Difference(difference.Message);
            }

            Instructions++;
            _follower.State.Shadow &= ~held; // interrupts were held back for one instruction, and that was it
            if (IsSame()) return;
            if (_steps.Count > MostSteps) throw Difference("after a block");
            // The interpreter does a whole string instruction at once, translated code a page of it.
            for (var i = 0; i < MostPages && _leader.State.Rip == _steps[^1] && Decode(_steps[^1]) is { HasRepPrefix: true } or { HasRepnePrefix: true }; i++) _leader.StepBlock();
            if (IsSame()) return;
        }
    }

    /// <summary>In the frame of an exception just delivered the flags may have bits that instructions before it left undefined: the interpreter takes these over.</summary>
    private void TakeOverFlagsOfFrame(int vector)
    {
        _steps.RemoveAt(_steps.Count - 1); // it did not execute
        var hasErrorCode = vector is 8 or 10 or 11 or 12 or 13 or 14 or 17 or 21;
        TakeOverFlagsAt(_follower.State.Gpr[4] + (hasErrorCode ? 24u : 16));
    }

    private bool IsPushf(ulong rip)
    {
        var place = PageWalk.Walk(ref _follower.State, _copy, rip, PageAccess.Read | PageAccess.Peek);
        return !place.Faulted && _copy.Contains(place.PhysicalAddress, 1) && _copy.Span(place.PhysicalAddress, 1)[0] == 0x9C;
    }

    private void TakeOverFlagsAt(ulong linear)
    {
        var undefined = Undefined();
        if (undefined == 0) return;
        var place = PageWalk.Walk(ref _follower.State, _copy, linear, PageAccess.Read | PageAccess.Peek);
        if (place.Faulted) return;
        var (leader, follower) = (_memory.Read<ulong>(place.PhysicalAddress), _copy.Read<ulong>(place.PhysicalAddress));
        // The leader is at the end of the block, and may have put something else there.
        if (((leader ^ follower) & ~undefined) == 0) _copy.Write(place.PhysicalAddress, leader);
    }

    /// <summary>Whether both states are equal, but for what the last instructions left undefined; that the interpreter then takes over.</summary>
    private bool IsSame()
    {
        ref var leader = ref _leader.State;
        ref var follower = ref _follower.State;
        if (leader.Rip != follower.Rip) return false;
        // Translated code does not tell where the last x87 instruction was (decision 14).
        (follower.FpuInstructionPointer, follower.FpuDataPointer, follower.FpuOpcode) = (leader.FpuInstructionPointer, leader.FpuDataPointer, leader.FpuOpcode);
        // RF ends with the next instruction, which nobody looks at when there are no breakpoints; single steps leave it.
        leader.Rflags &= ~Rflags.RF;
        follower.Rflags &= ~Rflags.RF;
        var differs = leader.Rflags ^ follower.Rflags;
        if (differs != 0)
        {
            if ((differs & ~Rflags.Status) != 0 || (differs & ~Undefined()) != 0) return false;
            follower.Rflags = leader.Rflags;
        }

        if (AreEqual(ref leader, ref follower)) return true;
        if (_steps.Count == 0 || Decode(_steps[^1]) is not { } last) return false;
        switch (last.Mnemonic)
        {
            case Mnemonic.Rdrand or Mnemonic.Rdseed:
                var random = last.Op0Register.GetFullRegister() - Register.RAX;
                follower.Gpr[random] = leader.Gpr[random];
                break;
            case Mnemonic.Syscall:
                var undefined = Undefined(besides: 1); // it keeps the flags that it found
                follower.Gpr[11] = (follower.Gpr[11] & ~undefined) | (leader.Gpr[11] & undefined);
                break;
            default:
                return false;
        }

        return AreEqual(ref leader, ref follower);
    }

    private static bool AreEqual(ref CpuState one, ref CpuState other) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<CpuState>(ref one)).SequenceEqual(MemoryMarshal.AsBytes(new ReadOnlySpan<CpuState>(ref other)));

    /// <summary>Which status flags the instructions just executed leave undefined.</summary>
    /// <param name="besides">How many of the last instructions do not count.</param>
    private ulong Undefined(int besides = 0)
    {
        var undefined = RflagsBits.None;
        foreach (var rip in _steps.SkipLast(besides))
        {
            if (Decode(rip) is not { } instruction) continue;
            undefined = (undefined & ~instruction.RflagsModified) | instruction.RflagsUndefined;
        }

        return ((undefined & RflagsBits.CF) != 0 ? Rflags.CF : 0) | ((undefined & RflagsBits.PF) != 0 ? Rflags.PF : 0) | ((undefined & RflagsBits.AF) != 0 ? Rflags.AF : 0)
            | ((undefined & RflagsBits.ZF) != 0 ? Rflags.ZF : 0) | ((undefined & RflagsBits.SF) != 0 ? Rflags.SF : 0) | ((undefined & RflagsBits.OF) != 0 ? Rflags.OF : 0);
    }

    private Instruction? Decode(ulong rip)
    {
        Span<byte> bytes = stackalloc byte[15];
        ref var state = ref _follower.State;
        var isLong = (state.Efer & Efer.Lma) != 0 && state.Segments[SegmentRegisters.Cs].IsLong;
        var start = isLong ? rip : state.Segments[SegmentRegisters.Cs].Base + rip;
        for (var i = 0; i < bytes.Length; i++)
        {
            // Rights do not matter: it was executed.
            var walked = PageWalk.Walk(ref state, _copy, start + (ulong)i, PageAccess.Read | PageAccess.Peek);
            if (walked.Faulted || !_copy.Contains(walked.PhysicalAddress, 1)) return null;
            bytes[i] = _copy.Span(walked.PhysicalAddress, 1)[0];
        }

        return Iced.Intel.Decoder.Create(isLong ? 64 : 32, bytes.ToArray(), rip).Decode();
    }

    private void CompareMemory()
    {
        var one = _memory.Span(0, (int)MemoryBytes);
        var other = _copy.Span(0, (int)MemoryBytes);
        var at = one.CommonPrefixLength(other);
        if (at == one.Length) return;
        at &= ~7;
        throw Difference($"memory at 0x{at:x} is 0x{MemoryMarshal.Read<ulong>(one[at..]):x} instead of 0x{MemoryMarshal.Read<ulong>(other[at..]):x}");
    }

    private DifferenceException Difference(string when)
    {
        ref var leader = ref _leader.State;
        ref var follower = ref _follower.State;
        var text = new StringBuilder($"Block {Blocks}: {when}.");
        string[] names = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
        for (var i = 0; i < 16; i++) Tell(names[i], leader.Gpr[i], follower.Gpr[i]);
        Tell("rip", leader.Rip, follower.Rip);
        Tell("rflags", leader.Rflags, follower.Rflags);
        Tell("mxcsr", leader.Mxcsr, follower.Mxcsr);
        Tell("cr2", leader.Cr2, follower.Cr2);
        var one = MemoryMarshal.AsBytes(new ReadOnlySpan<CpuState>(ref leader));
        var other = MemoryMarshal.AsBytes(new ReadOnlySpan<CpuState>(ref follower));
        text.Append($" The state differs first at byte {one.CommonPrefixLength(other)}.");
        foreach (var rip in _steps.Take(12)) text.Append($"\n  0x{rip:x} {Decode(rip)}");
        return new DifferenceException(text.ToString());

        void Tell(string name, ulong found, ulong expected)
        {
            if (found != expected) text.Append($" {name} is 0x{found:x} instead of 0x{expected:x}.");
        }
    }
}
