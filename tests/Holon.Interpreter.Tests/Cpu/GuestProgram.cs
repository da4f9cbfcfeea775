using Holon.Memory;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>An exception or interrupt on its way to the guest's handler.</summary>
/// <param name="Vector">Its vector.</param>
/// <param name="ErrorCode">Its error code, 0 for those that have none.</param>
/// <param name="Rip">Where the handler will return to.</param>
/// <param name="IsInterrupt">From the interrupt controller, not from an instruction.</param>
public readonly record struct GuestEvent(ExceptionVector Vector, uint ErrorCode, ulong Rip, bool IsInterrupt = false);

/// <summary>
/// A small guest for tests: memory, descriptor tables and page tables of one operating mode, and code assembled by the test. It runs
/// on an <see cref="Interpreter"/> until it halts; then registers, memory and the exceptions seen are there to be looked at.
/// </summary>
/// <remarks>
/// The first 4 MiB are mapped to themselves with 4 KiB pages, user-accessible from <see cref="UserCode"/> to <see cref="FreePages"/>.
/// Every vector has a handler that halts; <see cref="Handler(int, Action{Assembler})"/> replaces it. HLT ends the run unless an interrupt waits.
/// </remarks>
public sealed class GuestProgram : IDisposable
{
    /// <summary>Descriptor tables and the task-state segment.</summary>
    public const ulong Gdt = 0x1000, Idt = 0x2000, Tss = 0x3000;

    /// <summary>Handler of vector n at n times 16 from here.</summary>
    public const ulong Handlers = 0x6000;

    /// <summary>Where <see cref="Code"/> is assembled, 8 pages; and 16 pages for data.</summary>
    public const ulong Start = 0x8000, Data = 0x10000;

    /// <summary>Tops of the stack the program starts with, of the TSS's stack for level 0, and of its interrupt stack 1.</summary>
    public const ulong StackTop = 0x28000, InnerStackTop = 0x30000, InterruptStackTop = 0x38000;

    /// <summary>Pages that level 3 may use: code, data, and the top of its stack.</summary>
    public const ulong UserCode = 0x40000, UserData = 0x50000, UserStackTop = 0x60000;

    /// <summary>Pages for whatever a test needs, up to 0x9FFFF.</summary>
    public const ulong FreePages = 0x60000;

    /// <summary>Bytes of RAM.</summary>
    public const ulong MemoryBytes = 16 << 20;

    private const ulong Tables = 0x100000, Mapped = 4 << 20;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, ulong> _marks = [];
    private readonly List<(string Name, Label Label)> _newMarks = [];
    private bool _timedOut;

    /// <summary>A guest that has no code yet.</summary>
    public GuestProgram(GuestMode mode, CpuModel? model = null)
    {
        Mode = mode;
        Memory = new GuestMemory(new MemoryRange(0, MemoryBytes));
#if TRANSLATOR
        // The translator's tests compile these files, too: what the interpreter does, translated code must do.
        if (!Interpreted)
        {
            var translator = new Holon.Translator.Translator(Memory, Devices, Devices, Devices, model ?? CpuModel.X8664V3, Holon.Translator.Translator.LeastCodeBytes) { PreciseFlags = PreciseFlags, HotByDefault = Hot };
            (Vcpu, Cpu) = (translator, translator.Interpreter);
        }
        else
        {
            Vcpu = Cpu = new Interpreter(Memory, Devices, Devices, Devices, model ?? CpuModel.X8664V3);
        }
#else
        Vcpu = Cpu = new Interpreter(Memory, Devices, Devices, Devices, model ?? CpuModel.X8664V3);
#endif
        Cpu.ExceptionTrace = (vector, error, interrupt) => Events.Add(new GuestEvent((ExceptionVector)vector, error, Cpu.State.Rip, interrupt));
        Devices.Raised = Cpu.Kick;
        Devices.Looked = StopWhenHalted;
        for (var vector = 0; vector < 256; vector++) Memory.Write(Handlers + ((ulong)vector * 16), (byte)0xF4);
        if (mode == GuestMode.Real) EnterReal();
        else EnterProtected();
        State.Rip = Start;
        this[2] = 0; // RESET leaves the signature there
        this[4] = mode == GuestMode.Real ? 0x8000 : StackTop;
    }

    /// <summary>The mode it started in.</summary>
    public GuestMode Mode { get; }

    /// <summary>Its RAM.</summary>
    public GuestMemory Memory { get; }

    /// <summary>Whether the engine under test is the interpreter, which alone counts instructions.</summary>
#if TRANSLATOR
    public static bool IsInterpreter => false;
#else
    public static bool IsInterpreter => true;
#endif

#if TRANSLATOR
    /// <summary>Guests made from now on by this thread run on the interpreter all the same.</summary>
    [field: ThreadStatic]
    public static bool Interpreted { get; set; }

    /// <summary>Guests made from now on by this thread have <see cref="Holon.Translator.Translator.PreciseFlags"/>.</summary>
    public static bool PreciseFlags
    {
        get => !_impreciseFlags;
        set => _impreciseFlags = !value;
    }

    [ThreadStatic]
    private static bool _impreciseFlags;

    /// <summary>Guests made from now on by this thread have <see cref="Holon.Translator.Translator.HotByDefault"/>. HOLON_HOT says so for all.</summary>
    public static bool Hot
    {
        get => _hot || Environment.GetEnvironmentVariable("HOLON_HOT") is not null;
        set => _hot = value;
    }

    [ThreadStatic]
    private static bool _hot;
#endif

    /// <summary>Its vCPU.</summary>
    public IVcpu Vcpu { get; }

    /// <summary>The interpreter that its vCPU is, or is built on.</summary>
    public Interpreter Cpu { get; }

    /// <summary>What is around the vCPU.</summary>
    public GuestDevices Devices { get; } = new();

    /// <summary>Its page tables, in modes with paging.</summary>
    public GuestPageTables Pages { get => field ?? throw new InvalidOperationException($"{Mode} has no page tables."); private set; }

    /// <summary>The vCPU's state.</summary>
    public ref CpuState State => ref Cpu.State;

    /// <summary>Exceptions and interrupts in the order of their delivery.</summary>
    public List<GuestEvent> Events { get; } = [];

    /// <summary>Set to false when HLT must sleep instead of ending the run.</summary>
    public bool StopsAtHalt { get; set; } = true;

    /// <summary>16, 32 or 64.</summary>
    public int Bitness => Mode switch { GuestMode.Real => 16, GuestMode.Long => 64, _ => 32 };

    /// <summary>Assembles, runs, and returns the guest as it is when it has halted.</summary>
    public static GuestProgram Run(GuestMode mode, Action<Assembler> code)
    {
        var guest = new GuestProgram(mode);
        guest.Code(code);
        guest.Run();
        return guest;
    }

    /// <summary>Assembles the program; a HLT is put behind it.</summary>
    public GuestProgram Code(Action<Assembler> code)
    {
        Assemble(Start, code);
        return this;
    }

    /// <summary>Assembles a handler for a vector, or any code elsewhere; a HLT is put behind it.</summary>
    public GuestProgram Handler(ExceptionVector vector, Action<Assembler> code) => Handler((int)vector, code);

    /// <inheritdoc cref="Handler(ExceptionVector, Action{Assembler})"/>
    public GuestProgram Handler(int vector, Action<Assembler> code)
    {
        // Longer than the 16 bytes of a slot: all handlers' code goes behind the slots' area that exceptions use.
        var address = 0x70000 + ((ulong)vector * 0x100);
        Assemble(address, code);
        SetGate(vector, Mode == GuestMode.Real ? 0 : Descriptors.InterruptGate32, address);
        return this;
    }

    /// <summary>Assembles code at a linear (and physical) address; a HLT is put behind it.</summary>
    /// <returns>The bytes, without the HLT.</returns>
    public byte[] Assemble(ulong address, Action<Assembler> code, int bitness = 0)
    {
        var assembler = new Assembler(bitness == 0 ? Bitness : bitness);
        code(assembler);
        var end = assembler.CreateLabel("end");
        assembler.Label(ref end);
        assembler.hlt();
        using var stream = new MemoryStream();
        var result = assembler.Assemble(new StreamCodeWriter(stream), address, BlockEncoderOptions.ReturnNewInstructionOffsets);
        foreach (var (name, label) in _newMarks) _marks[name] = result.GetLabelRIP(label);
        _newMarks.Clear();
        var bytes = stream.ToArray();
        Memory.Write(address, bytes);
        return bytes[..^1];
    }

    /// <summary>Gives the next instruction that is assembled a name.</summary>
    /// <returns>A label to branch to.</returns>
    public Label Mark(Assembler assembler, string name)
    {
        var label = assembler.CreateLabel(name);
        assembler.Label(ref label);
        _newMarks.Add((name, label));
        return label;
    }

    /// <summary>The address of a marked instruction.</summary>
    public ulong AddressOf(string mark) => _marks[mark];

    /// <summary>Sets an entry of the interrupt table.</summary>
    /// <param name="vector">Vector.</param>
    /// <param name="type">Gate type; ignored in real mode.</param>
    /// <param name="handler">Address of the handler.</param>
    /// <param name="selector">Code segment of the handler.</param>
    /// <param name="level">The gate's DPL.</param>
    /// <param name="stack">Interrupt stack, in long mode.</param>
    public void SetGate(int vector, int type, ulong handler, ushort selector = Selectors.KernelCode, int level = 0, int stack = 0)
    {
        if (Mode == GuestMode.Real)
        {
            Memory.Write((ulong)vector * 4, ((uint)(handler >> 4) << 16) | (uint)(handler & 0xF));
            return;
        }

        var gate = Descriptors.Gate(type, selector, handler, level, stack);
        Memory.Write(Idt + ((ulong)vector * (Mode == GuestMode.Long ? 16u : 8u)), gate);
        if (Mode == GuestMode.Long) Memory.Write(Idt + ((ulong)vector * 16) + 8, handler >> 32);
    }

    /// <summary>Sets an entry of the global descriptor table.</summary>
    public void SetDescriptor(ushort selector, ulong descriptor) => Memory.Write(Gdt + (ulong)(selector & ~7), descriptor);

    /// <summary>A segment register loaded with a selector of the global descriptor table.</summary>
    public Segment SegmentOf(ushort selector) => Segment.FromDescriptor(selector, Memory.Read<ulong>(Gdt + (ulong)(selector & ~7)));

    /// <summary>Makes the program start at level 3, at <see cref="UserCode"/>.</summary>
    public void StartInUserMode()
    {
        State.Segments[SegmentRegisters.Cs] = SegmentOf(Mode == GuestMode.Long ? Selectors.UserCode64 : Selectors.UserCode32);
        foreach (var segment in (ReadOnlySpan<int>)[SegmentRegisters.Ss, SegmentRegisters.Ds, SegmentRegisters.Es]) State.Segments[segment] = SegmentOf(Selectors.UserData);
        State.Rip = UserCode;
        this[4] = UserStackTop;
    }

    /// <summary>A general register by encoding number: RAX RCX RDX RBX RSP RBP RSI RDI R8–R15.</summary>
    public unsafe ulong this[int register]
    {
        get => State.Gpr[register];
        set => State.Gpr[register] = value;
    }

    /// <summary>RAX, RCX, RDX, RBX, RSP and so on.</summary>
    public ulong Rax => this[0];

    /// <inheritdoc cref="Rax"/>
    public ulong Rcx => this[1];

    /// <inheritdoc cref="Rax"/>
    public ulong Rdx => this[2];

    /// <inheritdoc cref="Rax"/>
    public ulong Rbx => this[3];

    /// <inheritdoc cref="Rax"/>
    public ulong Rsp => this[4];

    /// <inheritdoc cref="Rax"/>
    public ulong Rsi => this[6];

    /// <inheritdoc cref="Rax"/>
    public ulong Rdi => this[7];

    /// <summary>Runs until HLT, a triple fault, or RequestStop by the test.</summary>
    public VcpuExit Run()
    {
        _timedOut = false;
        if (State.Activity == VcpuActivity.Halted) State.Activity = VcpuActivity.Active;
        Cpu.Invalidate();
        using var watchdog = new Timer(_ => { _timedOut = true; Cpu.RequestStop(); }, null, _patience, Timeout.InfiniteTimeSpan);
        var exit = Vcpu.Run();
        if (_timedOut) throw new TimeoutException($"The guest did not halt within {_patience}: it is at 0x{State.Rip:x}.");
        if (exit.Reason == VcpuExitReason.Unimplemented) throw new NotSupportedException(exit.Detail);
        return exit;
    }

    /// <summary>The only event of the run.</summary>
    public GuestEvent Event => Events.Count == 1 ? Events[0] : throw new InvalidOperationException($"Not one event but {Events.Count}: {string.Join(", ", Events)}.");

    /// <inheritdoc/>
    public void Dispose()
    {
        Vcpu.Dispose();
        Memory.Dispose();
    }

    /// <summary>HLT with nothing to wake it ends the run. The vCPU looks for interrupts before it sleeps.</summary>
    private void StopWhenHalted()
    {
        if (!StopsAtHalt || State.Activity != VcpuActivity.Halted) return;
        if (Devices.HasNmi && (State.Shadow & InterruptShadow.Nmi) == 0) return;
        if (Devices.HasInterrupt && (State.Rflags & Rflags.IF) != 0) return;
        Cpu.RequestStop();
    }

    private void EnterReal()
    {
        State.Segments[SegmentRegisters.Cs] = Segment.RealMode(0) with { Attributes = SegmentAttributes.RealModeCode };
        State.Segments[SegmentRegisters.Ss] = Segment.RealMode(0x2000);
        State.Idtr = new DescriptorTable(0, 0x3FF);
        for (var vector = 0; vector < 256; vector++) SetGate(vector, 0, Handlers + ((ulong)vector * 16));
    }

    private void EnterProtected()
    {
        var wide = Mode == GuestMode.Long ? SegmentAttributes.Long : SegmentAttributes.Big;
        SetDescriptor(Selectors.KernelCode, Descriptors.Segment(Descriptors.Code, attributes: wide));
        SetDescriptor(Selectors.KernelData, Descriptors.Segment(Descriptors.Data));
        SetDescriptor(Selectors.KernelCode32, Descriptors.Segment(Descriptors.Code));
        SetDescriptor(Selectors.UserCode32, Descriptors.Segment(Descriptors.Code, 3));
        SetDescriptor(Selectors.UserData, Descriptors.Segment(Descriptors.Data, 3));
        SetDescriptor(Selectors.UserCode64, Descriptors.Segment(Descriptors.Code, 3, attributes: SegmentAttributes.Long));
        SetDescriptor(Selectors.ConformingCode, Descriptors.Segment(Descriptors.Conforming, attributes: wide));
        SetDescriptor(Selectors.Tss, Descriptors.System(Descriptors.TssBusy, (uint)Tss, 0x67));
        State.Gdtr = new DescriptorTable(Gdt, 0xFFF);
        State.Idtr = new DescriptorTable(Idt, 0xFFF);
        State.Tr = SegmentOf(Selectors.Tss);
        State.Ldtr = default;
        State.Segments[SegmentRegisters.Cs] = SegmentOf(Selectors.KernelCode);
        for (var segment = 0; segment < 6; segment++)
        {
            if (segment != SegmentRegisters.Cs) State.Segments[segment] = SegmentOf(Selectors.KernelData);
        }

        for (var vector = 0; vector < 256; vector++) SetGate(vector, Descriptors.InterruptGate32, Handlers + ((ulong)vector * 16));
        State.Cr0 = Cr0.PE | Cr0.ET | Cr0.NE | Cr0.MP;
        WriteTaskState();
        if (Mode != GuestMode.Protected) EnablePaging();
    }

    private void WriteTaskState()
    {
        Memory.Write(Tss + 102, (ushort)0x68); // no I/O permission bitmap
        if (Mode == GuestMode.Long)
        {
            Memory.Write(Tss + 4, InnerStackTop);
            Memory.Write(Tss + 36, InterruptStackTop);
            return;
        }

        Memory.Write(Tss + 4, (uint)InnerStackTop);
        Memory.Write(Tss + 8, (uint)Selectors.KernelData);
    }

    private void EnablePaging()
    {
        Pages = new GuestPageTables(Memory, Mode, Tables);
        for (var page = 0ul; page < Mapped; page += 4096) Pages.Map(page, page, page is >= UserCode and < FreePages ? PageBits.UserPage : PageBits.Kernel);
        State.Cr3 = Pages.Root;
        State.Cr0 |= Cr0.PG | Cr0.WP;
        State.Cr4 = Mode == GuestMode.Paging32 ? Cr4.Pse : Cr4.Pae;
        if (Mode == GuestMode.Pae) State.Efer = Efer.Nxe;
        if (Mode == GuestMode.Long) State.Efer = Efer.Lme | Efer.Lma | Efer.Nxe | Efer.Sce;
    }
}
