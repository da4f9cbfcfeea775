namespace Holon.Devices.Virtio;

/// <summary>Feature bits of queues and transport (virtio 1.2, chapter 6). Those of a device are in its own folder.</summary>
public static class VirtioFeatures
{
    /// <summary>Chains may lie in tables of their own (§2.7.5.3).</summary>
    public const ulong IndirectDescriptors = 1ul << 28;

    /// <summary>Both sides say at which entry they want to be told next (§2.7.7).</summary>
    public const ulong EventIndex = 1ul << 29;

    /// <summary>Virtio 1.0 or later. Always offered, and a driver without it is refused: there is no legacy interface.</summary>
    public const ulong Version1 = 1ul << 32;

    /// <summary>The packed layout of queues (§2.8).</summary>
    public const ulong PackedRing = 1ul << 34;

    /// <summary>One queue can be reset while the others go on (§2.6.1).</summary>
    public const ulong RingReset = 1ul << 40;

    /// <summary>What the transport offers for every device.</summary>
    public const ulong OfTransport = IndirectDescriptors | EventIndex | Version1 | PackedRing | RingReset;
}

/// <summary>Bits of the device status (virtio 1.2, §2.1).</summary>
[Flags]
public enum VirtioStatus
{
    /// <summary>Reset.</summary>
    None = 0,

    /// <summary>The guest has seen the device.</summary>
    Acknowledge = 1,

    /// <summary>The guest has a driver for it.</summary>
    Driver = 2,

    /// <summary>The driver runs.</summary>
    DriverOk = 4,

    /// <summary>Features are agreed upon.</summary>
    FeaturesOk = 8,

    /// <summary>The driver did something that cannot be; only a reset helps.</summary>
    NeedsReset = 64,

    /// <summary>The driver gave up.</summary>
    Failed = 128,
}
