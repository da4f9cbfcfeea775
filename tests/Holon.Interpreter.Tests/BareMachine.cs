using Holon.Interpreter.Tests.Cpu;
using Holon.Memory;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Tests;

/// <summary>A bare processor with a little memory that executes a few instructions at a time, for what the host cannot be asked about.</summary>
internal abstract class BareMachine : IDisposable
{
    private const ulong Code = 0x1000;

    private readonly int _bitness;

    protected BareMachine(int bitness, ulong memory)
    {
        _bitness = bitness;
        Ram = new GuestMemory(new MemoryRange(0, memory));
        var devices = new GuestDevices();
        Cpu = new Interpreter(Ram, devices, devices, devices, CpuModel.X8664V3);
    }

    public Interpreter Cpu { get; }

    protected GuestMemory Ram { get; }

    /// <summary>Executes instructions one by one; returns the vector of the first exception, or -1.</summary>
    public int Execute(Action<Assembler> write)
    {
        var assembler = new Assembler(_bitness);
        write(assembler);
        var bytes = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(bytes), Code);
        bytes.ToArray().CopyTo(Ram.Span(Code, (int)bytes.Length));
        Cpu.Invalidate();
        Cpu.State.Rip = Code;
        for (var i = 0; i < assembler.Instructions.Count; i++)
        {
            var vector = Cpu.StepOne();
            if (vector >= 0) return vector;
        }

        return -1;
    }

    public Span<byte> Memory(int address, int length) => Ram.Span((ulong)address, length);

    public void Dispose()
    {
        Cpu.Dispose();
        Ram.Dispose();
    }
}
