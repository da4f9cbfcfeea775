using System.Buffers.Binary;

namespace Holon.Devices.Pci;

/// <summary>A function's only message-signalled interrupt, with a 64-bit address (PCI Local Bus Specification 3.0, §6.8.1).</summary>
/// <param name="bus">Where messages go.</param>
/// <param name="offset">Where the capability is in configuration space.</param>
public sealed class MsiCapability(IMessageBus bus, int offset)
{
    /// <summary>The capability's id.</summary>
    public const byte CapabilityId = 0x05;

    /// <summary>Bytes of the capability.</summary>
    public const int Length = 14;

    private const ushort Enable = 1, Address64 = 1 << 7;

    private readonly Lock _lock = new();
    private ulong _address;
    private uint _data;
    private bool _enabled;

    /// <summary>True while the guest wants messages instead of the interrupt pin.</summary>
    public bool IsEnabled => Volatile.Read(ref _enabled);

    /// <summary>The body: control, address, data.</summary>
    public static byte[] Body()
    {
        var body = new byte[Length - 2];
        BinaryPrimitives.WriteUInt16LittleEndian(body, Address64);
        return body;
    }

    /// <summary>Bits that a guest may write, by offset in the capability.</summary>
    public static IEnumerable<(int Offset, int Size, uint Mask)> WritableBits => [(2, 2, Enable), (4, 4, 0xFFFF_FFFC), (8, 4, 0xFFFF_FFFF), (12, 2, 0xFFFF)];

    /// <summary>Takes what the guest has written.</summary>
    /// <param name="configuration">All of configuration space.</param>
    public void Update(ReadOnlySpan<byte> configuration)
    {
        lock (_lock)
        {
            _address = BinaryPrimitives.ReadUInt64LittleEndian(configuration[(offset + 4)..]);
            _data = BinaryPrimitives.ReadUInt16LittleEndian(configuration[(offset + 12)..]);
            _enabled = (BinaryPrimitives.ReadUInt16LittleEndian(configuration[(offset + 2)..]) & Enable) != 0;
        }
    }

    /// <summary>Sends the message.</summary>
    public void Signal()
    {
        lock (_lock)
        {
            if (_enabled) bus.Send(_address, _data);
        }
    }
}
