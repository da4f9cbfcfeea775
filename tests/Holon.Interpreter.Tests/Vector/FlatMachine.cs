using Holon.Memory;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Tests.Vector;

/// <summary>
/// A bare processor at privilege level 0 with 1 MiB of memory, all vector units switched on: in 32-bit mode with flat segments and
/// no paging, or in 64-bit mode with everything mapped to itself. For what the host cannot be asked about.
/// </summary>
internal sealed class FlatMachine : IVcpuBus, IVcpuInterrupts, IVcpuClock, IDisposable
{
    /// <summary>Where tests keep data.</summary>
    public const int Data = 0x2000;

    private const ulong Code = 0x1000, Pml4 = 0x4000, Pdpt = 0x5000, Directory = 0x6000;

    private readonly GuestMemory _memory = new(new MemoryRange(0, 0x100000));
    private readonly int _bitness;

    public FlatMachine(int bitness = 64)
    {
        _bitness = bitness;
        Cpu = new Interpreter(_memory, this, this, this, CpuModel.X8664V3);
        ref var state = ref Cpu.State;
        state.Cr0 = Cr0.PE | Cr0.ET | Cr0.NE;
        state.Cr4 = Cr4.Osfxsr | Cr4.Osxmmexcpt | Cr4.Osxsave;
        state.Xcr0 = 7;
        for (var i = 0; i < 6; i++) state.Segments[i] = Segment.FromDescriptor(0x10, 0x00CF93000000FFFF);
        state.Segments[SegmentRegisters.Cs] = Segment.FromDescriptor(8, bitness == 64 ? 0x00AF9B000000FFFFul : 0x00CF9B000000FFFFul);
        if (bitness != 64) return;
        const ulong rights = 0x63, large = 0x80;
        _memory.Write(Pml4, Pdpt | rights);
        _memory.Write(Pdpt, Directory | rights);
        _memory.Write(Directory, rights | large);
        state.Cr3 = Pml4;
        state.Cr4 |= Cr4.Pae;
        state.Cr0 |= Cr0.PG;
        state.Efer = Efer.Lme | Efer.Lma;
    }

    public Interpreter Cpu { get; }

    public ref CpuState State => ref Cpu.State;

    public bool HasInterrupt => false;

    public bool HasNmi => false;

    public bool HasStartup => false;

    public byte TaskPriority { get; set; }

    public ulong TscOffset { get; set; }

    public long Nanoseconds => 0;

    public ulong TscFrequency => 1_000_000_000;

    public ulong Tsc => 0;

    /// <summary>Executes instructions one by one; returns the vector of the first exception, or -1.</summary>
    public int Execute(Action<Assembler> write)
    {
        var assembler = new Assembler(_bitness);
        write(assembler);
        var bytes = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(bytes), Code);
        bytes.ToArray().CopyTo(_memory.Span(Code, (int)bytes.Length));
        Cpu.Invalidate();
        State.Rip = Code;
        for (var i = 0; i < assembler.Instructions.Count; i++)
        {
            var vector = Cpu.StepOne();
            if (vector >= 0) return vector;
        }

        return -1;
    }

    /// <summary>The 32 bytes of a YMM register.</summary>
    public unsafe Span<byte> Ymm(int number)
    {
        // Safe: the state lives in the interpreter's native memory as long as this machine does.
        fixed (byte* registers = State.Ymm) return new Span<byte>(registers + (32 * number), 32);
    }

    /// <summary>A general register by encoding number.</summary>
    public unsafe ulong Gpr(int number) => State.Gpr[number]; // safe: as above

    public Span<byte> Memory(int address, int length) => _memory.Span((ulong)address, length);

    public void Dispose()
    {
        Cpu.Dispose();
        _memory.Dispose();
    }

    public uint ReadPort(ushort port, int size) => uint.MaxValue;

    public void WritePort(ushort port, int size, uint value)
    {
    }

    public ulong ReadMmio(ulong address, int size) => ulong.MaxValue;

    public void WriteMmio(ulong address, int size, ulong value)
    {
    }

    public int Acknowledge() => -1;

    public void AcknowledgeNmi()
    {
    }

    public int AcknowledgeStartup() => -1;

    public bool TryReadMsr(uint msr, out ulong value)
    {
        value = 0;
        return false;
    }

    public bool TryWriteMsr(uint msr, ulong value) => false;
}
