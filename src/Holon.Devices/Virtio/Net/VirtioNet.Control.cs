using System.Buffers.Binary;
using Holon.Devices.Virtio.Queues;
using Holon.Networking;

namespace Holon.Devices.Virtio.Net;

public sealed partial class VirtioNet
{
    /// <summary>The longest command that is read: two full tables of addresses, each with its count.</summary>
    private const int MostCommandBytes = 2 + (2 * (4 + (ReceiveFilter.MostAddresses * MacAddress.Size)));

    private DescriptorChain _controlChain = null!; // made once the device is on its bus
    private Func<DescriptorChain, uint>? _obey;

    private void ServeControl()
    {
        ServeAll(Queue(ControlIndex), _controlChain, _obey ??= Obey);
    }

    /// <summary>Carries a command out and answers it (§5.1.6.5).</summary>
    private uint Obey(DescriptorChain chain)
    {
        Span<byte> command = stackalloc byte[MostCommandBytes];
        command = command[..chain.Read(0, command)];
        if (command.Length < 2 || chain.WritableLength == 0) throw new VirtioDriverException("gave a control command without class, command or room for the answer");
        bool done;
        lock (_filterLock) done = TryObey(NetControl.Command(command[0], command[1]), command[2..], chain);
        return (uint)chain.Write(0, [done ? NetControl.Ok : NetControl.Error]);
    }

    private bool TryObey(ushort command, ReadOnlySpan<byte> data, DescriptorChain chain)
    {
        switch (command)
        {
            case <= NetControl.NoBroadcast when Has(NetFeature.ControlReceive) && data.Length >= 1: // class 0: the modes
                _filter.SetMode((byte)command, data[0] != 0);
                return true;
            case (NetControl.Mac << 8) | NetControl.MacTable when Has(NetFeature.ControlReceive):
                return TrySetTables(chain);
            case (NetControl.Mac << 8) | NetControl.MacAddress when Has(NetFeature.ControlMac) && data.Length >= MacAddress.Size:
                _filter.Own = MacAddress.Read(data);
                SetConfiguration(NetConfiguration.Mac, data[..MacAddress.Size]);
                return true;
            case (NetControl.Vlan << 8) | NetControl.VlanAdd or (NetControl.Vlan << 8) | NetControl.VlanRemove when Has(NetFeature.ControlVlan) && data.Length >= 2:
                return _filter.SetVlan(BinaryPrimitives.ReadUInt16LittleEndian(data), (byte)command == NetControl.VlanAdd);
            case (NetControl.Announce << 8) | NetControl.AnnounceAcknowledge when Has(NetFeature.GuestAnnounce):
                SetConfiguration(NetConfiguration.Status, 2, _linkUp ? NetConfiguration.LinkUp : 0u);
                return true;
            case (NetControl.MultiQueue << 8) | NetControl.SetPairs when Has(NetFeature.MultiQueue) && data.Length >= 2:
                var pairs = BinaryPrimitives.ReadUInt16LittleEndian(data);
                if (pairs == 0 || pairs > _options.QueuePairs) return false;
                _pairs = pairs;
                return true;
            case (NetControl.GuestOffloads << 8) | NetControl.SetOffloads when Has(NetFeature.ControlGuestOffloads) && data.Length >= 8:
                var offloads = BinaryPrimitives.ReadUInt64LittleEndian(data);
                if ((offloads & ~(Features & NetFeature.SwitchableOffloads)) != 0) return false;
                Volatile.Write(ref _offloads, offloads);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Two tables, each after its count: unicast, then multicast. Counts may be greater than what is remembered.</summary>
    private bool TrySetTables(DescriptorChain chain)
    {
        Span<byte> count = stackalloc byte[4];
        Span<byte> table = stackalloc byte[ReceiveFilter.MostAddresses * MacAddress.Size];
        var at = 2L;
        foreach (var multicast in (ReadOnlySpan<bool>)[false, true])
        {
            if (chain.Read(at, count) < count.Length) return false;
            at += count.Length;
            var entries = BinaryPrimitives.ReadUInt32LittleEndian(count);
            if (entries * (long)MacAddress.Size > chain.ReadableLength - at) return false;
            _filter.SetTable(multicast, entries, table[..chain.Read(at, table)]);
            at += entries * (long)MacAddress.Size;
        }

        return true;
    }
}
