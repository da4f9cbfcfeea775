namespace Holon.Devices.Tests;

/// <summary>An interrupt line that remembers.</summary>
internal sealed class FakeLine : IInterruptLine
{
    public bool Asserted { get; private set; }

    /// <summary>Rising edges so far.</summary>
    public int Edges { get; private set; }

    public void Set(bool asserted)
    {
        if (asserted && !Asserted) Edges++;
        Asserted = asserted;
    }
}
