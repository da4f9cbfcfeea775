namespace Holon.Devices;

/// <summary>An interrupt controller's inputs, each of which several devices may drive: a pin is high while any of them asserts it.</summary>
internal interface IWiredOr
{
    /// <summary>One device's output changed, or did not.</summary>
    void Drive(WiredOrInput input, bool asserted);
}

/// <summary>One device's connection to a pin. Its state is guarded by the owner's lock.</summary>
internal sealed class WiredOrInput(IWiredOr owner, int pin) : IInterruptLine
{
    public int Pin => pin;

    public bool Asserted { get; set; }

    public void Set(bool asserted) => owner.Drive(this, asserted);
}
