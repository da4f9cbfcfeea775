using Holon.X86;

namespace Holon.Oracle.Guest;

/// <summary>No devices, no interrupts, no time: user-mode instructions reach none of them.</summary>
public sealed class NothingOutside : IVcpuBus, IVcpuInterrupts, IVcpuClock
{
    /// <inheritdoc/>
    public bool HasInterrupt => false;

    /// <inheritdoc/>
    public bool HasNmi => false;

    /// <inheritdoc/>
    public bool HasStartup => false;

    /// <inheritdoc/>
    public byte TaskPriority { get; set; }

    /// <inheritdoc/>
    public ulong TscOffset { get; set; }

    /// <inheritdoc/>
    public long Nanoseconds => 0;

    /// <inheritdoc/>
    public ulong TscFrequency => 1_000_000_000;

    /// <inheritdoc/>
    public ulong Tsc => 0;

    /// <inheritdoc/>
    public uint ReadPort(ushort port, int size) => throw Unreachable();

    /// <inheritdoc/>
    public void WritePort(ushort port, int size, uint value) => throw Unreachable();

    /// <inheritdoc/>
    public ulong ReadMmio(ulong address, int size) => throw Unreachable();

    /// <inheritdoc/>
    public void WriteMmio(ulong address, int size, ulong value) => throw Unreachable();

    /// <inheritdoc/>
    public int Acknowledge() => -1;

    /// <inheritdoc/>
    public void AcknowledgeNmi()
    {
    }

    /// <inheritdoc/>
    public int AcknowledgeStartup() => throw Unreachable();

    /// <inheritdoc/>
    public bool TryReadMsr(uint msr, out ulong value) => throw Unreachable();

    /// <inheritdoc/>
    public bool TryWriteMsr(uint msr, ulong value) => throw Unreachable();

    private static InvalidOperationException Unreachable() => new("A user-mode instruction reached a device.");
}
