using System.Collections.Concurrent;
using System.Text;
using Holon.Machines;
using Holon.SystemMachine.Tests.Boot;
using Iced.Intel;
using MemorySize = Holon.Machines.MemorySize;

namespace Holon.SystemMachine.Tests.Machine;

/// <summary>A machine with a multiboot kernel of a few instructions: 32-bit protected mode, assembled by the test.</summary>
internal sealed class TestMachine : IAsyncDisposable
{
    /// <summary>Memory that a reset of the machine leaves alone.</summary>
    public const uint Scratch = 0x300000;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    private readonly TemporaryFile _kernel;
    private readonly ConcurrentQueue<byte> _output = new();

    public TestMachine(Action<Assembler> code, Func<SystemMachineSpec, SystemMachineSpec>? change = null, SerialOutputHandler? serial = null)
    {
        _kernel = new TemporaryFile(Kernel(code));
        var spec = new SystemMachineSpec { Name = "test", Kernel = _kernel.Path, Memory = new MemorySize(32 * MemorySize.MiB) };
        Machine = SystemMachine.Create(change?.Invoke(spec) ?? spec, serial ?? Keep);
    }

    public SystemMachine Machine { get; }

    /// <summary>What the guest has printed.</summary>
    public string Output => Encoding.ASCII.GetString([.. _output]);

    /// <summary>Starts it and waits for its end.</summary>
    public async Task<MachineExit> Run()
    {
        await Machine.StartAsync();
        return await End();
    }

    /// <summary>Waits for its end.</summary>
    public Task<MachineExit> End() => Machine.Completion.WaitAsync(_patience);

    /// <summary>Waits until the guest has printed something.</summary>
    public async Task Printed(string text)
    {
        var until = DateTime.UtcNow + _patience;
        while (!Output.Contains(text, StringComparison.Ordinal))
        {
            if (DateTime.UtcNow > until) throw new TimeoutException($"The guest printed '{Output}' and not '{text}'.");
            await Task.Delay(1);
        }
    }

    /// <summary>Waits until a status is reached.</summary>
    public async Task Reached(MachineStatus status)
    {
        var until = DateTime.UtcNow + _patience;
        while (Machine.Status != status)
        {
            if (DateTime.UtcNow > until) throw new TimeoutException($"The machine is {Machine.Status} and not {status}.");
            await Task.Delay(1);
        }
    }

    /// <summary>The kinds of all events, after the machine's end.</summary>
    public async Task<List<string>> EventKinds()
    {
        var kinds = new List<string>();
        await foreach (var happened in Machine.EventsAsync()) kinds.Add(happened.Kind);
        return kinds;
    }

    public async ValueTask DisposeAsync()
    {
        await Machine.DisposeAsync();
        _kernel.Dispose();
    }

    private static byte[] Kernel(Action<Assembler> code)
    {
        const int HeaderBytes = 16;
        var assembler = new Assembler(32);
        code(assembler);
        using var stream = new MemoryStream();
        stream.Write(new byte[HeaderBytes]);
        assembler.Assemble(new StreamCodeWriter(stream), TestKernels.Preferred + HeaderBytes);
        return TestKernels.WithMultibootHeader(TestKernels.Elf(is64: false, entryOffset: HeaderBytes, code: stream.ToArray()), 0x200, 0);
    }

    private void Keep(ReadOnlySpan<byte> data)
    {
        foreach (var value in data) _output.Enqueue(value);
    }
}

/// <summary>What test kernels are made of.</summary>
internal static class KernelCode
{
    public const ushort Serial = 0x3F8;

    /// <summary>Prints text on the first serial port.</summary>
    public static void Print(this Assembler assembler, string text)
    {
        assembler.mov(AssemblerRegisters.edx, Serial);
        foreach (var character in text)
        {
            assembler.mov(AssemblerRegisters.al, (byte)character);
            assembler.@out(AssemblerRegisters.dx, AssemblerRegisters.al);
        }
    }

    /// <summary>Ends the machine with an exit code.</summary>
    public static void Exit(this Assembler assembler, byte code)
    {
        assembler.mov(AssemblerRegisters.eax, code);
        assembler.@out((byte)0xF4, AssemblerRegisters.eax);
        assembler.Forever();
    }

    /// <summary>An endless loop.</summary>
    public static void Forever(this Assembler assembler)
    {
        var here = assembler.CreateLabel();
        assembler.Label(ref here);
        assembler.jmp(here);
    }

    /// <summary>Writes a byte to a port.</summary>
    public static void Out(this Assembler assembler, ushort port, uint value, int size = 1)
    {
        assembler.mov(AssemblerRegisters.edx, port);
        assembler.mov(AssemblerRegisters.eax, value);
        if (size == 1) assembler.@out(AssemblerRegisters.dx, AssemblerRegisters.al);
        else assembler.@out(AssemblerRegisters.dx, AssemblerRegisters.ax);
    }
}
