namespace Holon.Devices.Virtio;

/// <summary>What a virtio device needs of the bus that it is on.</summary>
/// <remarks>Thread-safe; may be called under a queue's lock and under the device's own.</remarks>
public interface IVirtioTransport
{
    /// <summary>Tells the driver that a queue has used buffers.</summary>
    void InterruptQueue(int queue);

    /// <summary>Tells the driver that the device's configuration has changed.</summary>
    void ConfigurationChanged();

    /// <summary>The driver broke a rule: stops the device until it is reset (virtio 1.2, §2.1.2).</summary>
    /// <param name="reason">Half a sentence: what it did.</param>
    void Break(string reason);
}
