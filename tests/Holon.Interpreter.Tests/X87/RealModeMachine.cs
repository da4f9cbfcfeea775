using Holon.Memory;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Tests.X87;

/// <summary>A bare real-mode processor at CS:IP 0:1000 with 64 KiB of memory, for instructions that the host cannot be asked about.</summary>
internal sealed class RealModeMachine : IVcpuBus, IVcpuInterrupts, IVcpuClock, IDisposable
{
    private const ushort CodeAddress = 0x1000;

    private readonly GuestMemory _memory = new(new MemoryRange(0, 0x10000));

    public RealModeMachine()
    {
        Cpu = new Interpreter(_memory, this, this, this, CpuModel.X8664V3);
        for (var i = 0; i < 6; i++) Cpu.State.Segments[i] = Segment.RealMode(0);
        Cpu.State.Segments[SegmentRegisters.Cs] = Segment.RealMode(0) with { Attributes = SegmentAttributes.RealModeCode };
        Cpu.State.Cr0 = Cr0.ET | Cr0.NE;
    }

    public Interpreter Cpu { get; }

    // Safe: the state lives in the interpreter's native memory.
    public unsafe ushort Ax => (ushort)Cpu.State.Gpr[0];

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
        var assembler = new Assembler(16);
        write(assembler);
        var bytes = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(bytes), CodeAddress);
        bytes.ToArray().CopyTo(_memory.Span(CodeAddress, (int)bytes.Length));
        Cpu.Invalidate();
        Cpu.State.Rip = CodeAddress;
        for (var i = 0; i < assembler.Instructions.Count; i++)
        {
            var vector = Cpu.StepOne();
            if (vector >= 0) return vector;
        }

        return -1;
    }

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
