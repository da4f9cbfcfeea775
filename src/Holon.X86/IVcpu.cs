namespace Holon.X86;

/// <summary>One virtual processor, whatever executes it. Engines are interchangeable between any two instructions through <see cref="State"/>.</summary>
public interface IVcpu : IDisposable
{
    /// <summary>The engine's name: <c>interpreter</c>, <c>translator</c> or <c>kvm</c>.</summary>
    string Engine { get; }

    /// <summary>The whole architectural state. Only valid, and only to be changed, while <see cref="Run"/> is not executing.</summary>
    ref CpuState State { get; }

    /// <summary>Guest instructions executed so far, for statistics. May be read at any time; may lag by a block.</summary>
    ulong InstructionCount { get; }

    /// <summary>What it is doing, for statistics. May be read at any time; nothing is promised about the moment.</summary>
    VcpuWork Work { get; }

    /// <summary>
    /// Executes the guest on the calling thread until <see cref="RequestStop"/>, or until the guest cannot go on.
    /// HLT sleeps inside. Errors of the guest come back as a value; an exception means a defect of Holon.
    /// </summary>
    VcpuExit Run();

    /// <summary>Makes <see cref="Run"/> return soon, between two instructions. Callable from any thread.</summary>
    void RequestStop();

    /// <summary>Tells the vCPU that its interrupt source may have something for it, and wakes it from HLT. Callable from any thread.</summary>
    void Kick();

    /// <summary>To be called after <see cref="State"/> or guest memory was changed from outside: drops everything derived from them.</summary>
    void Invalidate();
}

/// <summary>What a vCPU's thread is found doing.</summary>
public enum VcpuWork
{
    /// <summary>It waits: the guest has halted it, or has yet to start it.</summary>
    Asleep,

    /// <summary>Host code made of the guest's.</summary>
    Guest,

    /// <summary>What is between: finding code, walking page tables, delivering interrupts and faults.</summary>
    Engine,

    /// <summary>Interpreting.</summary>
    Interpreter,

    /// <summary>Translating.</summary>
    Translation,
}

/// <summary>Why <see cref="IVcpu.Run"/> returned.</summary>
public enum VcpuExitReason
{
    /// <summary>Somebody called <see cref="IVcpu.RequestStop"/>.</summary>
    StopRequested,

    /// <summary>An exception while delivering a double fault: the processor shut down.</summary>
    TripleFault,

    /// <summary>The guest used something that the engine does not implement.</summary>
    Unimplemented,
}

/// <summary>Why a vCPU came back.</summary>
/// <param name="Reason">The cause.</param>
/// <param name="Detail">For people: address, instruction bytes and mode where they matter.</param>
public readonly record struct VcpuExit(VcpuExitReason Reason, string? Detail = null);

/// <summary>What a vCPU reaches outside itself: I/O ports and the physical addresses that are not RAM. Called on the vCPU's thread.</summary>
public interface IVcpuBus
{
    /// <summary>Reads a port.</summary>
    /// <param name="port">Port number.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    uint ReadPort(ushort port, int size);

    /// <summary>Writes a port.</summary>
    void WritePort(ushort port, int size, uint value);

    /// <summary>Reads a device's memory. An address nobody answers reads as all ones.</summary>
    /// <param name="address">Physical address.</param>
    /// <param name="size">1, 2, 4 or 8 bytes.</param>
    ulong ReadMmio(ulong address, int size);

    /// <summary>Writes a device's memory.</summary>
    void WriteMmio(ulong address, int size, ulong value);
}

/// <summary>Where a vCPU's interrupts come from: its local APIC. All members are callable from the vCPU's thread without blocking.</summary>
public interface IVcpuInterrupts
{
    /// <summary>True when <see cref="Acknowledge"/> would deliver. Read between blocks: must be a plain field read.</summary>
    bool HasInterrupt { get; }

    /// <summary>True when an NMI waits.</summary>
    bool HasNmi { get; }

    /// <summary>True when an INIT or start-up message waits.</summary>
    bool HasStartup { get; }

    /// <summary>Takes the interrupt with the highest priority, as the processor's acknowledge cycle does; -1 when it went away.</summary>
    int Acknowledge();

    /// <summary>Takes the waiting NMI.</summary>
    void AcknowledgeNmi();

    /// <summary>Takes the waiting INIT or start-up message.</summary>
    /// <returns>-1 for INIT, 0–255 for a start-up message with that vector.</returns>
    int AcknowledgeStartup();

    /// <summary>Of NMIs that wait, only one is kept: for a vCPU in an NMI handler (SDM vol. 3 §6.7.1).</summary>
    void KeepOneNmi()
    {
    }

    /// <summary>Sends what the low word of an ICR says to up to 128 processors at once: KVM's hypercall.</summary>
    /// <param name="destinations">A bit for each.</param>
    /// <param name="first">The APIC id of bit 0.</param>
    /// <param name="command">Vector and delivery mode.</param>
    /// <returns>How many took it.</returns>
    int SendToMany(UInt128 destinations, uint first, uint command) => 0;

    /// <summary>Wakes a processor from HLT, or from its next one, whatever its interrupt flag says: KVM's hypercall.</summary>
    void WakeProcessor(uint apicId)
    {
    }

    /// <summary>Whether somebody has called <see cref="WakeProcessor"/> for this one; takes it.</summary>
    bool TakeWakeUp() => false;

    /// <summary>CR8: bits 4–7 of the task priority register.</summary>
    byte TaskPriority { get; set; }

    /// <summary>What the vCPU adds to the clock's TSC: TSC-deadline timers count in the guest's.</summary>
    ulong TscOffset { get; set; }

    /// <summary>Reads an APIC register through an MSR: IA32_APIC_BASE, IA32_TSC_DEADLINE or 0x800–0x8FF. False raises #GP.</summary>
    bool TryReadMsr(uint msr, out ulong value);

    /// <summary>Writes an APIC register through an MSR. False raises #GP.</summary>
    bool TryWriteMsr(uint msr, ulong value);
}

/// <summary>The machine's time as a vCPU sees it.</summary>
public interface IVcpuClock
{
    /// <summary>Guest nanoseconds since the machine was created; stands still while it is paused.</summary>
    long Nanoseconds { get; }

    /// <summary>Time-stamp counter ticks a second.</summary>
    ulong TscFrequency { get; }

    /// <summary>The time-stamp counter without the vCPU's own offset.</summary>
    ulong Tsc { get; }

    /// <summary>
    /// Where the address of the current <see cref="ClockEpoch"/> stands, by which <see cref="Tsc"/> follows from the host processor's own counter, so that generated
    /// code can do without asking; 0 when it must ask.
    /// </summary>
    nint ProcessorEpoch => 0;

    /// <summary>The time of day, for guests that ask for it.</summary>
    DateTime UtcNow => DateTime.UtcNow;
}
