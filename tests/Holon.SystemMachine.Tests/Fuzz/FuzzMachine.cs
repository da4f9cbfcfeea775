using Holon.Memory;
using Holon.SystemMachine.Firmware;
using Holon.X86;

namespace Holon.SystemMachine.Tests.Fuzz;

/// <summary>A small machine without its lifecycle: memory, board and processor, for guests that do their worst.</summary>
internal sealed class FuzzMachine : IBoardEvents, IDisposable
{
    /// <summary>RAM: enough for every structure of a generated guest.</summary>
    public const int MemoryLength = 0x100000;

    /// <summary>How long the processor may take to notice a request to stop. Far above what it needs: hosts can be busy.</summary>
    public static readonly TimeSpan StopBound = TimeSpan.FromSeconds(10);

    private static readonly MemoryRange _rom = new(MemoryLength, 0x10000);

    private readonly Board _board;
    private readonly IVcpu _vcpu;
    private readonly ManualResetEventSlim _begin = new(), _ended = new();
    private readonly Thread _thread;
    private volatile bool _disposing;
    private Exception? _failure;
    private VcpuExit _exit;

    /// <param name="translated">On the translator instead of the interpreter.</param>
    public FuzzMachine(bool translated)
    {
        Memory = new GuestMemory(new MemoryRange(0, MemoryLength), _rom);
        Memory.SetReadOnly(_rom, true);
        var plan = new BoardPlan(Memory, [new MemoryRange(0, MemoryLength)], 1, new PlatformDescription(), TestDevice: true);
        _board = new Board(plan, this, static _ => { }, null);
        (var apic, Bus) = _board.AddProcessor(0, () => _vcpu?.Kick());
        if (translated)
        {
            var translator = new Translator.Translator(Memory, Bus, apic, _board.Clock, CpuModel.X8664V3, Translator.Translator.LeastCodeBytes);
            (_vcpu, Cpu) = (translator, translator.Interpreter);
        }
        else
        {
            _vcpu = Cpu = new Interpreter.Interpreter(Memory, Bus, apic, _board.Clock, CpuModel.X8664V3);
        }

        _board.Clock.Resume();
        _thread = new Thread(Execute, 1 << 20) { IsBackground = true, Name = "fuzzed vcpu" }; // the stack that the machine's own vCPU thread has
        _thread.Start();
    }

    public GuestMemory Memory { get; }

    /// <summary>The processor's interpreter, or the one that its translator is built on.</summary>
    public Interpreter.Interpreter Cpu { get; }

    public IVcpuBus Bus { get; }

    /// <summary>How often the guest switched itself off, reset itself or exited.</summary>
    public int Ends { get; private set; }

    /// <summary>Resets the devices. The processor must stand still.</summary>
    public void ResetDevices() => _board.Reset();

    /// <summary>Lets the guest run for a while and then stops it.</summary>
    /// <returns>Why it came back; null when it did not, in which case the machine is lost.</returns>
    /// <exception cref="InvalidOperationException">The engine or a device threw.</exception>
    public VcpuExit? Run(TimeSpan time)
    {
        _ended.Reset();
        _begin.Set();
        if (!_ended.Wait(time))
        {
            Cpu.RequestStop();
            if (!_ended.Wait(StopBound)) return null;
        }

        return _failure is null ? _exit : throw new InvalidOperationException("The guest made the engine or a device throw.", _failure);
    }

    public void Dispose()
    {
        _disposing = true;
        _begin.Set();
        _thread.Join();
        _board.Dispose();
        _vcpu.Dispose();
        Memory.Dispose();
        _begin.Dispose();
        _ended.Dispose();
    }

    void IBoardEvents.PoweredOff() => End();

    void IBoardEvents.ResetRequested() => End();

    void IBoardEvents.DebugExit(int code) => End();

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

    private void End()
    {
        Ends++;
        Cpu.RequestStop();
    }

    private void Execute()
    {
        while (true)
        {
            _begin.Wait();
            _begin.Reset();
            if (_disposing) return;
            try
            {
                _exit = _vcpu.Run();
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                _failure = exception;
            }

            _ended.Set();
        }
    }
}
