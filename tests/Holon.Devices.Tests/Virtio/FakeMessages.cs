using System.Collections.Concurrent;
using Holon.Devices.Pci;

namespace Holon.Devices.Tests.Virtio;

/// <summary>Keeps the messages that a function sends.</summary>
internal sealed class FakeMessages : IMessageBus
{
    private readonly ConcurrentQueue<(ulong Address, uint Data)> _sent = new();

    public IReadOnlyList<(ulong Address, uint Data)> Sent => [.. _sent];

    public void Clear() => _sent.Clear();

    public void Send(ulong address, uint data) => _sent.Enqueue((address, data));
}

/// <summary>Notes where regions are.</summary>
internal sealed class FakeAddressSpace : IPciAddressSpace
{
    public Dictionary<PciRegion, ulong> Mapped { get; } = [];

    public void Map(PciRegion region, ulong address) => Mapped.Add(region, address);

    public void Unmap(PciRegion region, ulong address) => Mapped.Remove(region);
}
