namespace Holon.Devices.Virtio;

/// <summary>A driver in the guest broke a rule of the specification. Never leaves the device: its transport asks for a reset.</summary>
public sealed class VirtioDriverException : Exception
{
    /// <summary>An error with no message.</summary>
    public VirtioDriverException()
    {
    }

    /// <summary>An error with half a sentence that says what the driver did.</summary>
    public VirtioDriverException(string message)
        : base(message)
    {
    }

    /// <summary>An error with its cause.</summary>
    public VirtioDriverException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
