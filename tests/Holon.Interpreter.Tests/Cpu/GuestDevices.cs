using Holon.X86;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>
/// What a <see cref="GuestProgram"/> has around its vCPU: ports, an interrupt controller and a clock, all under the test's control.
/// A guest raises interrupts itself by port writes, so that they arrive between two instructions that the test knows.
/// </summary>
public sealed class GuestDevices : IVcpuBus, IVcpuInterrupts, IVcpuClock
{
    /// <summary>Writing a vector here raises that interrupt; any value to the other raises an NMI.</summary>
    public const ushort InterruptPort = 0x80, NmiPort = 0x81;

    private readonly Queue<int> _interrupts = new();
    private readonly Dictionary<uint, ulong> _msrs = [];
    private readonly Lock _lock = new();
    private ulong _tsc;
    private bool _nmi;

    /// <summary>Called when the vCPU looks for interrupts, on its thread.</summary>
    public Action? Looked { get; set; }

    /// <summary>Answers port reads.</summary>
    public Func<ushort, int, uint> PortReads { get; set; } = (_, size) => uint.MaxValue >> (32 - (8 * size));

    /// <summary>Port writes in order.</summary>
    public List<(ushort Port, int Size, uint Value)> PortWrites { get; } = [];

    /// <summary>Answers reads of device memory.</summary>
    public Func<ulong, int, ulong> MmioReads { get; set; } = (_, size) => ulong.MaxValue >> (64 - (8 * size));

    /// <summary>Writes to device memory in order.</summary>
    public List<(ulong Address, int Size, ulong Value)> MmioWrites { get; } = [];

    /// <inheritdoc/>
    public bool HasInterrupt
    {
        get
        {
            lock (_lock) return _interrupts.Count > 0;
        }
    }

    /// <inheritdoc/>
    public bool HasNmi => _nmi;

    /// <inheritdoc/>
    public bool HasStartup
    {
        get
        {
            Looked?.Invoke();
            return false;
        }
    }

    /// <inheritdoc/>
    public byte TaskPriority { get; set; }

    /// <inheritdoc/>
    public ulong TscOffset { get; set; }

    /// <inheritdoc/>
    public long Nanoseconds => (long)_tsc;

    /// <inheritdoc/>
    public ulong TscFrequency => 1_000_000_000;

    /// <inheritdoc/>
    public ulong Tsc => ++_tsc;

    /// <inheritdoc/>
    public nint ProcessorEpoch { get; } = Epoch;

    /// <summary>What devices made from now on by this thread have as <see cref="ProcessorEpoch"/>.</summary>
    [field: ThreadStatic]
    public static nint Epoch { get; set; }

    /// <summary>Makes an interrupt wait.</summary>
    public void Raise(int vector)
    {
        lock (_lock) _interrupts.Enqueue(vector);
    }

    /// <summary>Makes an NMI wait.</summary>
    public void RaiseNmi() => _nmi = true;

    /// <inheritdoc/>
    public int Acknowledge()
    {
        lock (_lock) return _interrupts.TryDequeue(out var vector) ? vector : -1;
    }

    /// <inheritdoc/>
    public void AcknowledgeNmi() => _nmi = false;

    /// <inheritdoc/>
    public int AcknowledgeStartup() => -1;

    /// <inheritdoc/>
    public uint ReadPort(ushort port, int size) => PortReads(port, size);

    /// <inheritdoc/>
    public void WritePort(ushort port, int size, uint value)
    {
        PortWrites.Add((port, size, value));
        if (port == InterruptPort) Raise((byte)value);
        else if (port == NmiPort) RaiseNmi();
        else return;
        Raised?.Invoke();
    }

    /// <summary>Called after the guest has raised an interrupt.</summary>
    public Action? Raised { get; set; }

    /// <inheritdoc/>
    public ulong ReadMmio(ulong address, int size) => MmioReads(address, size);

    /// <inheritdoc/>
    public void WriteMmio(ulong address, int size, ulong value) => MmioWrites.Add((address, size, value));

    /// <inheritdoc/>
    public bool TryReadMsr(uint msr, out ulong value)
    {
        value = _msrs.GetValueOrDefault(msr);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWriteMsr(uint msr, ulong value)
    {
        _msrs[msr] = value;
        return true;
    }
}
