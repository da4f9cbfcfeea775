using Holon.Devices.Apic;
using Holon.Memory;
using Holon.SystemMachine.Firmware;
using Holon.X86;
using Iced.Intel;

namespace Holon.SystemMachine.Tests.Smp;

/// <summary>What executes an <see cref="SmpGuest"/>.</summary>
public enum SmpEngine
{
    Interpreter,
    Translator,

    /// <summary>The translator, with all code translated as hot code is.</summary>
    HotTranslator,
}

/// <summary>
/// A small guest with several processors in 64-bit mode, each with a program assembled by the test, on a real board. All begin at the same moment; the run ends when
/// every program has.
/// </summary>
/// <remarks>
/// The first 2 MiB are mapped to themselves by a large page, the next 2 MiB by small ones whose entries are at <see cref="PageTable"/>, and so are the local APICs.
/// Vectors 32 and up have the handler that <see cref="Handler"/> assembles; exceptions end the run as failed.
/// </remarks>
internal sealed class SmpGuest : IBoardEvents, IDisposable
{
    /// <summary>Zeroed pages for data, up to 0x7FFFF.</summary>
    public const long Data = 0x40000;

    /// <summary>The 2 MiB that are mapped by small pages; free memory.</summary>
    public const long SmallPages = 0x200000;

    /// <summary>Their page table.</summary>
    public const long PageTable = 0x104000;

    /// <summary>The registers of the local APIC.</summary>
    public const long Apic = 0xFEE00000;

    /// <summary>Offsets in them.</summary>
    public const int EndOfInterrupt = 0xB0, Spurious = 0xF0, CommandLow = 0x300, CommandHigh = 0x310;

    private const long Gdt = 0x1000, Idt = 0x2000, Tables = 0x100000, Programs = 0x10000, ProgramBytes = 0x2000, Handlers = 0x8000, Stacks = 0x90000, StackBytes = 0x1000;
    private const long Ended = 0x7000, Failed = 0x7040, Ready = 0x7080;
    private const ulong Present = 3, Large = 0x80, Accessed = 0x60;

    /// <summary>Far above what any test needs: hosts can be busy.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly Board _board;
    private readonly Action<Assembler>[] _programs;
    private readonly List<(IVcpu Vcpu, Interpreter.Interpreter Core, LocalApic Apic)> _vcpus = [];

    /// <param name="engine">What executes it.</param>
    /// <param name="programs">What each processor executes.</param>
    public SmpGuest(SmpEngine engine, params Action<Assembler>[] programs)
    {
        _programs = programs;
        Memory = new GuestMemory(new MemoryRange(0, 4 << 20));
        _board = new Board(new BoardPlan(Memory, [new MemoryRange(0, 4 << 20)], programs.Length, new PlatformDescription(), TestDevice: false), this, static _ => { }, null);
        WriteTables();
        for (var number = 0; number < programs.Length; number++)
        {
            var holder = new IVcpu?[1];
            var (apic, bus) = _board.AddProcessor((uint)number, () => holder[0]?.Kick());
            Interpreter.Interpreter core;
            if (engine != SmpEngine.Interpreter)
            {
                var translator = new Translator.Translator(Memory, bus, apic, _board.Clock, CpuModel.X8664V3, Translator.Translator.LeastCodeBytes) { HotByDefault = engine == SmpEngine.HotTranslator };
                (holder[0], core) = (translator, translator.Interpreter);
            }
            else
            {
                holder[0] = core = new Interpreter.Interpreter(Memory, bus, apic, _board.Clock, CpuModel.X8664V3);
            }

            (core.ApicId, core.CpuCount) = ((uint)number, programs.Length);
            _vcpus.Add((holder[0]!, core, apic));
        }
    }

    public GuestMemory Memory { get; }

    /// <summary>A value in memory.</summary>
    public ulong this[long address] => Memory.Read<ulong>((ulong)address);

    /// <summary>Assembles code to an address.</summary>
    public void Place(long address, Action<Assembler> code)
    {
        var assembler = new Assembler(64);
        code(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), (ulong)address);
        Memory.Write((ulong)address, stream.ToArray());
    }

    /// <summary>Makes code the handler of an interrupt; IRETQ is put behind it.</summary>
    public void Handler(int vector, Action<Assembler> code)
    {
        var address = Handlers + (vector * 0x40);
        Place(address, assembler =>
        {
            code(assembler);
            assembler.iretq();
        });
        SetGate(vector, address);
    }

    /// <summary>Runs until every program has come to its end.</summary>
    public void Run()
    {
        for (var number = 0; number < _programs.Length; number++)
        {
            var program = _programs[number];
            Place(Programs + (number * ProgramBytes), assembler => Frame(assembler, program));
            Start(number);
        }

        _board.Clock.Resume();
        var threads = _vcpus.Select(one => new Thread(() => one.Vcpu.Run(), 1 << 20) { IsBackground = true }).ToList();
        threads.ForEach(thread => thread.Start());
        var giveUp = DateTime.UtcNow + _patience;
        while (this[Ended] < (ulong)_programs.Length && this[Failed] == 0 && DateTime.UtcNow < giveUp) Thread.Sleep(1);
        _vcpus.ForEach(one => one.Vcpu.RequestStop());
        threads.ForEach(thread => Assert.True(thread.Join(_patience), "a processor does not stop"));
        Assert.True(this[Failed] == 0, $"a processor had an exception or found something wrong: {this[Failed]:x} at {this[Failed + 8]:x}; {string.Join(", ", _vcpus.Select(one => $"{one.Vcpu.State.Rip:x}"))}");
        Assert.True(this[Ended] == (ulong)_programs.Length, $"{this[Ended]} of {_programs.Length} programs ended; {string.Join(", ", _vcpus.Select(one => $"{one.Vcpu.State.Rip:x}"))}");
    }

    /// <summary>In a program: ends the run as failed, with RAX as what is told.</summary>
    public static void Fail(Assembler a)
    {
        a.or(AssemblerRegisters.rax, 1);
        a.mov(AssemblerRegisters.__qword_ptr[Failed], AssemblerRegisters.rax);
        a.cli();
        a.hlt();
    }

    public void Dispose()
    {
        foreach (var (vcpu, _, _) in _vcpus) vcpu.Dispose();
        _board.Dispose();
        Memory.Dispose();
    }

    void IBoardEvents.PoweredOff()
    {
    }

    void IBoardEvents.ResetRequested()
    {
    }

    void IBoardEvents.DebugExit(int code)
    {
    }

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

    /// <summary>Around each program: all enable their local APIC, wait for each other, and tell when they have ended.</summary>
    private void Frame(Assembler a, Action<Assembler> program)
    {
        var wait = a.CreateLabel();
        a.mov(AssemblerRegisters.rax, Apic);
        a.mov(AssemblerRegisters.__dword_ptr[AssemblerRegisters.rax + Spurious], 0x1FF);
        a.@lock.inc(AssemblerRegisters.__dword_ptr[Ready]);
        a.Label(ref wait);
        a.pause();
        a.cmp(AssemblerRegisters.__dword_ptr[Ready], _programs.Length);
        a.jne(wait);
        program(a);
        a.@lock.inc(AssemblerRegisters.__dword_ptr[Ended]);
        var end = a.CreateLabel();
        a.Label(ref end);
        a.hlt();
        a.jmp(end);
    }

    private unsafe void Start(int number)
    {
        var (vcpu, core, apic) = _vcpus[number];
        ref var state = ref vcpu.State;
        state.ApicBase = apic.ApicBase;
        state.Activity = VcpuActivity.Active;
        state.Gdtr = new DescriptorTable((ulong)Gdt, 0xFFF);
        state.Idtr = new DescriptorTable((ulong)Idt, 0xFFF);
        state.Segments[SegmentRegisters.Cs] = Segment.FromDescriptor(8, Memory.Read<ulong>((ulong)Gdt + 8));
        foreach (var data in (ReadOnlySpan<int>)[SegmentRegisters.Ss, SegmentRegisters.Ds, SegmentRegisters.Es]) state.Segments[data] = Segment.FromDescriptor(16, Memory.Read<ulong>((ulong)Gdt + 16));
        state.Cr0 = Cr0.PE | Cr0.ET | Cr0.NE | Cr0.MP | Cr0.WP | Cr0.PG;
        state.Cr4 = Cr4.Pae | Cr4.Osfxsr;
        state.Cr3 = (ulong)Tables;
        state.Efer = Efer.Lme | Efer.Lma | Efer.Nxe;
        state.Rip = (ulong)(Programs + (number * ProgramBytes));
        state.Gpr[4] = (ulong)(Stacks + ((number + 1) * StackBytes)); // RSP, in a buffer of 16
        vcpu.Invalidate();
        _ = core;
    }

    private void WriteTables()
    {
        Memory.Write((ulong)Gdt + 8, 0x00AF9B000000FFFFul);
        Memory.Write((ulong)Gdt + 16, 0x00CF93000000FFFFul);
        Memory.Write((ulong)Tables, ((ulong)Tables + 0x1000) | Present);
        Memory.Write((ulong)Tables + 0x1000, ((ulong)Tables + 0x2000) | Present);
        Memory.Write((ulong)Tables + 0x1018, ((ulong)Tables + 0x3000) | Present);
        Memory.Write((ulong)Tables + 0x2000, Present | Large | Accessed);
        Memory.Write((ulong)Tables + 0x2008, (ulong)PageTable | Present);
        Memory.Write((ulong)Tables + 0x3000 + (((ulong)Apic >> 21 & 511) * 8), (ulong)Apic | Present | Large);
        for (var page = 0ul; page < 512; page++) Memory.Write((ulong)PageTable + (page * 8), ((ulong)SmallPages + (page << 12)) | Present);
        Place(Handlers, assembler =>
        {
            assembler.pop(AssemblerRegisters.rax);
            assembler.pop(AssemblerRegisters.rcx); // with an error code, the address; the test's message shows both
            assembler.mov(AssemblerRegisters.__qword_ptr[Failed + 8], AssemblerRegisters.rcx);
            Fail(assembler);
        });
        for (var vector = 0; vector < 32; vector++) SetGate(vector, Handlers);
    }

    private void SetGate(int vector, long handler)
    {
        const ulong interruptGate = 0x8E00_0008_0000;
        Memory.Write((ulong)Idt + ((ulong)vector * 16), interruptGate | ((ulong)handler & 0xFFFF) | ((ulong)handler >> 16 << 48));
        Memory.Write((ulong)Idt + ((ulong)vector * 16) + 8, 0ul);
    }
}
