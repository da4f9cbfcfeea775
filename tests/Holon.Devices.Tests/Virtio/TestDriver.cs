using Holon.Devices.Pci;
using Holon.Devices.Virtio;
using Holon.Devices.Virtio.Pci;
using Holon.Memory;

namespace Holon.Devices.Tests.Virtio;

/// <summary>A buffer that the driver gives.</summary>
internal readonly record struct DriverBuffer(ulong Address, uint Length, bool Writable);

/// <summary>A driver as a guest's would be: finds the structures through the capabilities, negotiates, and fills the queues.</summary>
internal sealed class TestDriver : IDisposable
{
    public const ulong RegionAddress = 0xC000_0000;
    public const ulong Everything = ulong.MaxValue;

    private readonly FakeAddressSpace _space = new();
    private readonly PciBus _bus;

    public TestDriver(VirtioDevice device, Action<string>? broken = null)
    {
        Function = new VirtioPciFunction(device, Memory, Messages, reason =>
        {
            Broken = reason;
            broken?.Invoke(reason);
        });
        _bus = new PciBus(_space, (_, _) => Line);
        _bus.Attach(Function, 3);
        Config(0x10, 4, (uint)RegionAddress);
        Config(4, 2, 6);
    }

    public GuestMemory Memory { get; } = new(new MemoryRange(0, 8 << 20));

    public FakeMessages Messages { get; } = new();

    public FakeLine Line { get; } = new();

    public VirtioPciFunction Function { get; }

    public string? Broken { get; private set; }

    public ulong Features { get; private set; }

    public VirtioStatus Status => (VirtioStatus)Common(0x14, 1);

    public uint Config(int offset, int size) => _bus.ReadConfiguration(3 << 3, offset, size);

    public void Config(int offset, int size, uint value) => _bus.WriteConfiguration(3 << 3, offset, size, value);

    public ulong Common(ulong offset, int size) => Function.Read(offset, size);

    public void Common(ulong offset, int size, ulong value) => Function.Write(offset, size, value);

    public ulong Device(ulong offset, int size) => Function.Read(0x2000 + offset, size);

    public ulong Offered()
    {
        Common(0, 4, 0);
        var low = Common(4, 4);
        Common(0, 4, 1);
        return low | (Common(4, 4) << 32);
    }

    /// <summary>Negotiates what is offered and wanted; leaves the device just before DRIVER_OK.</summary>
    public void Negotiate(ulong wanted = Everything)
    {
        Common(0x14, 1, 0);
        Common(0x14, 1, 1);
        Common(0x14, 1, 3);
        Features = Offered() & wanted;
        Common(8, 4, 0);
        Common(0xC, 4, (uint)Features);
        Common(8, 4, 1);
        Common(0xC, 4, Features >> 32);
        Common(0x14, 1, 11);
        Assert.True(Status.HasFlag(VirtioStatus.FeaturesOk));
    }

    public void Ready() => Common(0x14, 1, 15);

    /// <summary>Switches MSI-X on, with the vector's number as its message.</summary>
    public void UseMessages()
    {
        var capability = FindCapability(0x11);
        for (var vector = 0u; vector <= (Config(capability + 2, 2) & 0x7FF); vector++)
        {
            Function.Write(0x3000 + (vector * 16), 4, 0xFEE0_0000);
            Function.Write(0x3008 + (vector * 16), 4, vector);
            Function.Write(0x300C + (vector * 16), 4, 0);
        }

        Config(capability + 2, 2, 0x8000);
        Common(0x10, 2, 0);
    }

    public int FindCapability(byte id, byte? type = null)
    {
        for (var at = (int)Config(0x34, 1); at != 0; at = (int)Config(at + 1, 1))
        {
            if (Config(at, 1) == id && (type is null || Config(at + 3, 1) == type)) return at;
        }

        throw new InvalidOperationException($"There is no capability {id}.");
    }

    /// <summary>Sets a queue up with memory of its own.</summary>
    public TestQueue SetUp(int index, ushort size = 16, ulong? memory = null) => TestQueue.Create(this, index, size, memory ?? (0x10_0000 + ((ulong)index * 0x2_0000)));

    public void Notify(int queue) => Function.Write(0x4000 + ((ulong)queue * 4), 2, (ulong)queue);

    public void Dispose()
    {
        _bus.Detach(3);
        Memory.Dispose();
    }
}
