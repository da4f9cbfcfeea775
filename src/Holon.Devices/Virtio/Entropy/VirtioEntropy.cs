using System.Security.Cryptography;
using Holon.Devices.Virtio.Queues;

namespace Holon.Devices.Virtio.Entropy;

/// <summary>The host's random numbers (virtio 1.2, §5.4).</summary>
public sealed class VirtioEntropy : VirtioDevice
{
    /// <summary>The device's number.</summary>
    public const ushort DeviceType = 4;

    /// <summary>The most bytes a request gets, so that it ends soon: a driver must be content with fewer than it asked for.</summary>
    public const int MostBytes = 4096;

    private const ushort QueueSize = 8;

    private readonly byte[] _bytes = new byte[MostBytes];
    private readonly Func<DescriptorChain, uint> _fill;
    private DescriptorChain _chain = null!;

    /// <summary>Makes the device.</summary>
    public VirtioEntropy()
        : base(new VirtioDescription(DeviceType, "rng", 0x00FF00, 0, [QueueSize], 0)) => _fill = Fill;

    /// <inheritdoc/>
    protected override void Attached() => _chain = Queue(0).CreateChain();

    /// <inheritdoc/>
    protected override void Notified(int queue) => ServeAll(Queue(0), _chain, _fill);

    private uint Fill(DescriptorChain chain)
    {
        var bytes = _bytes.AsSpan(0, (int)Math.Min(chain.WritableLength, MostBytes));
        RandomNumberGenerator.Fill(bytes);
        return (uint)chain.Write(0, bytes);
    }
}
