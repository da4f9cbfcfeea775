namespace Holon.Devices;

/// <summary>One wire to several inputs: on a PC, an ISA interrupt reaches the 8259A and the I/O APIC.</summary>
public sealed class InterruptFanOut(params IInterruptLine[] lines) : IInterruptLine
{
    /// <inheritdoc/>
    public void Set(bool asserted)
    {
        foreach (var line in lines) line.Set(asserted);
    }
}
