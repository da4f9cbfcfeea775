using System.Buffers.Binary;
using Holon.Devices.State;
using Holon.Networking;

namespace Holon.Devices.Virtio.Net;

/// <summary>Which frames the driver wants (virtio 1.2, §5.1.6.5.1 to §5.1.6.5.3).</summary>
/// <remarks>Not thread-safe. Until the driver says otherwise everything passes: one that does not know filters expects that.</remarks>
internal sealed class ReceiveFilter
{
    /// <summary>Addresses of each kind that are remembered; a driver that gives more gets everything of that kind, as §5.1.6.5.2 allows.</summary>
    public const int MostAddresses = 64;

    private const int VlanCount = 4096;
    private const ushort VlanTag = 0x8100;

    private readonly MacAddress _burnedIn;
    private readonly ulong[] _vlans = new ulong[VlanCount / 64];
    private readonly MacAddress[] _unicast = new MacAddress[MostAddresses], _multicast = new MacAddress[MostAddresses];
    private readonly bool[] _modes = [true, false, false, false, false, false]; // by the number of their command
    private int _unicastCount, _multicastCount;
    private bool _unicastOverflow, _multicastOverflow;

    /// <summary>The filter of a card.</summary>
    public ReceiveFilter(MacAddress own) => Own = _burnedIn = own;

    /// <summary>The card's own address now.</summary>
    public MacAddress Own { get; set; }

    /// <summary>Frames of VLANs that were not asked for are dropped.</summary>
    public bool FiltersVlans { get; set; }

    /// <summary>Everything passes again.</summary>
    public void Reset()
    {
        Own = _burnedIn;
        FiltersVlans = false;
        _vlans.AsSpan().Clear();
        _modes.AsSpan().Clear();
        _modes[NetControl.Promiscuous] = true;
        _unicastCount = _multicastCount = 0;
        _unicastOverflow = _multicastOverflow = false;
    }

    /// <summary>Sets one of the modes.</summary>
    public void SetMode(byte command, bool on) => _modes[command] = on;

    /// <summary>Adds or removes a VLAN; false when it is none.</summary>
    public bool SetVlan(ushort vlan, bool wanted)
    {
        if (vlan >= VlanCount) return false;
        if (wanted) _vlans[vlan / 64] |= 1ul << (vlan % 64);
        else _vlans[vlan / 64] &= ~(1ul << (vlan % 64));
        return true;
    }

    /// <summary>Replaces the table of one kind of address.</summary>
    /// <param name="multicast">Which kind.</param>
    /// <param name="count">How many the driver gave.</param>
    /// <param name="addresses">As many as there are, at most <see cref="MostAddresses"/>, six bytes each.</param>
    public void SetTable(bool multicast, uint count, ReadOnlySpan<byte> addresses)
    {
        var table = multicast ? _multicast : _unicast;
        var kept = Math.Min((int)Math.Min(count, MostAddresses), addresses.Length / MacAddress.Size);
        for (var i = 0; i < kept; i++) table[i] = MacAddress.Read(addresses[(i * MacAddress.Size)..]);
        if (multicast) (_multicastCount, _multicastOverflow) = (kept, count > MostAddresses);
        else (_unicastCount, _unicastOverflow) = (kept, count > MostAddresses);
    }

    /// <summary>Whether a frame that begins so is wanted.</summary>
    public bool Passes(ReadOnlySpan<byte> head)
    {
        if (_modes[NetControl.Promiscuous] && !FiltersVlans) return true;
        if (head.Length < 14) return false;
        if (FiltersVlans && head.Length >= 18 && BinaryPrimitives.ReadUInt16BigEndian(head[12..]) == VlanTag)
        {
            var vlan = BinaryPrimitives.ReadUInt16BigEndian(head[14..]) & (VlanCount - 1);
            if ((_vlans[vlan / 64] & (1ul << (vlan % 64))) == 0) return false;
        }

        if (_modes[NetControl.Promiscuous]) return true;
        var destination = MacAddress.Read(head);
        if (destination == MacAddress.Broadcast) return !_modes[NetControl.NoBroadcast];
        return destination.IsGroup
            ? !_modes[NetControl.NoMulticast] && (_modes[NetControl.AllMulticast] || _multicastOverflow || _multicast.AsSpan(0, _multicastCount).Contains(destination))
            : !_modes[NetControl.NoUnicast] && (destination == Own || _modes[NetControl.AllUnicast] || _unicastOverflow || _unicast.AsSpan(0, _unicastCount).Contains(destination));
    }

    public void Save(DeviceStateWriter writer)
    {
        writer.Write(Own.Value);
        writer.Write(FiltersVlans);
        foreach (var word in _vlans) writer.Write(word);
        foreach (var mode in _modes) writer.Write(mode);
        Save(writer, _unicast.AsSpan(0, _unicastCount), _unicastOverflow);
        Save(writer, _multicast.AsSpan(0, _multicastCount), _multicastOverflow);
    }

    public void Load(DeviceStateReader reader)
    {
        Own = new MacAddress(reader.ReadUInt64());
        FiltersVlans = reader.ReadBoolean();
        foreach (ref var word in _vlans.AsSpan()) word = reader.ReadUInt64();
        foreach (ref var mode in _modes.AsSpan()) mode = reader.ReadBoolean();
        (_unicastCount, _unicastOverflow) = Load(reader, _unicast);
        (_multicastCount, _multicastOverflow) = Load(reader, _multicast);
    }

    private static void Save(DeviceStateWriter writer, ReadOnlySpan<MacAddress> table, bool overflow)
    {
        writer.Write(overflow);
        writer.Write(table.Length);
        foreach (var address in table) writer.Write(address.Value);
    }

    private static (int Count, bool Overflow) Load(DeviceStateReader reader, MacAddress[] table)
    {
        var overflow = reader.ReadBoolean();
        var count = reader.ReadInt32(0, MostAddresses);
        for (var i = 0; i < count; i++) table[i] = new MacAddress(reader.ReadUInt64());
        return (count, overflow);
    }
}
