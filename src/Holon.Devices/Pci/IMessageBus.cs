namespace Holon.Devices.Pci;

/// <summary>Carries message-signalled interrupts: a function's write to 0xFEExxxxx.</summary>
public interface IMessageBus
{
    /// <summary>Delivers a message. Thread-safe; leads only towards the processors.</summary>
    void Send(ulong address, uint data);
}
