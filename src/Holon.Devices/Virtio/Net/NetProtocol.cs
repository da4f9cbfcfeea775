using System.Runtime.InteropServices;
using Holon.Networking;

namespace Holon.Devices.Virtio.Net;

/// <summary>Feature bits (virtio 1.2, §5.1.3).</summary>
internal static class NetFeature
{
    public const ulong
        Checksum = 1ul << 0, GuestChecksum = 1ul << 1, ControlGuestOffloads = 1ul << 2, Mtu = 1ul << 3, Mac = 1ul << 5,
        GuestTso4 = 1ul << 7, GuestTso6 = 1ul << 8, GuestEcn = 1ul << 9,
        HostTso4 = 1ul << 11, HostTso6 = 1ul << 12, HostEcn = 1ul << 13,
        MergeableBuffers = 1ul << 15, Status = 1ul << 16, ControlQueue = 1ul << 17, ControlReceive = 1ul << 18, ControlVlan = 1ul << 19,
        ControlReceiveExtra = 1ul << 20, GuestAnnounce = 1ul << 21, MultiQueue = 1ul << 22, ControlMac = 1ul << 23,
        GuestUso4 = 1ul << 54, GuestUso6 = 1ul << 55, HostUso = 1ul << 56, // virtio 1.3; Linux has them since 6.2
        SpeedDuplex = 1ul << 63;

    /// <summary>What the driver may switch while the device runs (§5.1.6.5.6).</summary>
    public const ulong SwitchableOffloads = GuestChecksum | GuestTso4 | GuestTso6 | GuestEcn | GuestUso4 | GuestUso6;
}

/// <summary>Offsets of the configuration (virtio 1.2, §5.1.4).</summary>
internal static class NetConfiguration
{
    public const int Mac = 0, Status = 6, MaximumPairs = 8, Mtu = 10, Speed = 12, Duplex = 16, Length = 17;

    public const ushort LinkUp = 1, Announce = 2;
}

/// <summary>Classes and commands of the control queue (virtio 1.2, §5.1.6.5).</summary>
internal static class NetControl
{
    public const byte
        Receive = 0, Promiscuous = 0, AllMulticast = 1, AllUnicast = 2, NoMulticast = 3, NoUnicast = 4, NoBroadcast = 5,
        Mac = 1, MacTable = 0, MacAddress = 1,
        Vlan = 2, VlanAdd = 0, VlanRemove = 1,
        Announce = 3, AnnounceAcknowledge = 0,
        MultiQueue = 4, SetPairs = 0,
        GuestOffloads = 5, SetOffloads = 0,
        Ok = 0, Error = 1;

    public static ushort Command(byte group, byte command) => (ushort)((group << 8) | command);
}

/// <summary>What is before each frame (virtio 1.2, §5.1.6).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 2)]
internal struct NetHeader
{
    public const int Size = FrameOffload.Size + sizeof(ushort);

    public FrameOffload Offload;
    public ushort BufferCount;
}
