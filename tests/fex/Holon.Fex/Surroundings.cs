using System.Diagnostics;
using Holon.X86;

namespace Holon.Fex;

/// <summary>What a test's vCPU has around it: a clock, and the one port by which the kernel's handlers tell that an exception arrived.</summary>
internal sealed class Surroundings : IVcpuBus, IVcpuInterrupts, IVcpuClock
{
    /// <summary>Called when a handler was reached.</summary>
    public Action? Reached { get; set; }

    public bool HasInterrupt => false;

    public bool HasNmi => false;

    public bool HasStartup => false;

    public byte TaskPriority { get; set; }

    public ulong TscOffset { get; set; }

    public long Nanoseconds => (long)Tsc;

    public ulong TscFrequency => 1_000_000_000;

    public ulong Tsc => (ulong)Stopwatch.GetTimestamp();

    public uint ReadPort(ushort port, int size) => uint.MaxValue;

    public void WritePort(ushort port, int size, uint value)
    {
        if (port == FexGuest.Port) Reached?.Invoke();
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
