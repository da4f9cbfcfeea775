using System.Buffers.Binary;
using Holon.Networking.Host;
using Holon.Networking.Nat;
using Holon.Networking.Packets;

namespace Holon.Networking.Tests.Nat;

/// <summary>A gateway without a thread: frames go in by <see cref="Send"/>, and what it answers is kept.</summary>
internal sealed unsafe class GatewayFixture : IGuestSide, IDisposable
{
    public static readonly MacAddress GuestMac = new(0x5254_0000_0001);
    public static readonly IpAddress Guest4 = IpAddress.V4(0x0A00_0202);

    private readonly Frame _frame = new();

    public GatewayFixture(NatOptions? options = null)
    {
        Loop = new EventLoop("test");
        // Nothing reaches the host unless a test says so.
        Gateway = new Gateway(options ?? new NatOptions { Resolvers = [], Rules = [FirewallRule.Parse("all", allow: false)] }, Loop, this);
    }

    public EventLoop Loop { get; }

    public Gateway Gateway { get; }

    public List<byte[]> Answers { get; } = [];

    /// <summary>What was left undone in each answer.</summary>
    public List<FrameOffload> Offloads { get; } = [];

    public PortFeatures Features { get; set; }

    public int Dropped { get; private set; }

    public int Denied { get; private set; }

    public void Send(byte[] bytes, FrameOffload offload = default)
    {
        Take(bytes, offload);
        Gateway.EndBatch();
    }

    /// <summary>Sends frames that the network finds in the guest's queue at one time.</summary>
    public void SendTogether(IEnumerable<byte[]> frames)
    {
        foreach (var frame in frames) Take(frame, default);
        Gateway.EndBatch();
    }

    private void Take(byte[] bytes, FrameOffload offload)
    {
        fixed (byte* start = bytes)
        {
            _frame.Clear();
            // In pieces, as guests' descriptors come.
            var first = Math.Min(bytes.Length, 60);
            _frame.Add((nint)start, first);
            if (!_frame.Add((nint)start + first, bytes.Length - first)) return;
            _frame.Offload = offload;
            Gateway.Receive(_frame);
        }
    }

    public bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload)
    {
        var bytes = new List<byte>(head.ToArray());
        foreach (var piece in body) bytes.AddRange(piece.Span);
        Answers.Add([.. bytes]);
        Offloads.Add(offload);
        return true;
    }

    public void CountDropped() => Dropped++;

    public void CountDenied() => Denied++;

    public void Dispose()
    {
        Gateway.Dispose();
        Loop.Dispose();
    }

    /// <summary>An Ethernet frame with an IP packet in it.</summary>
    public static byte[] Ip(IpAddress source, IpAddress destination, byte protocol, ReadOnlySpan<byte> payload, byte hopLimit = 64, MacAddress? mac = null)
    {
        var frame = new byte[EthernetHeader.Size + (destination.IsV4 ? IpHeader.V4Size : IpHeader.V6Size) + payload.Length];
        new EthernetHeader(Gateway.Mac, mac ?? GuestMac, destination.IsV4 ? EtherType.Ipv4 : EtherType.Ipv6).Write(frame);
        var length = IpHeader.Write(frame.AsSpan(EthernetHeader.Size), source, destination, protocol, payload.Length, hopLimit);
        payload.CopyTo(frame.AsSpan(EthernetHeader.Size + length));
        return frame;
    }

    public static byte[] Udp(IpAddress source, ushort sourcePort, IpAddress destination, ushort destinationPort, ReadOnlySpan<byte> payload, byte hopLimit = 64)
    {
        var datagram = new byte[UdpHeader.Size + payload.Length];
        payload.CopyTo(datagram.AsSpan(UdpHeader.Size));
        UdpHeader.Write(datagram, source, destination, sourcePort, destinationPort, payload);
        return Ip(source, destination, IpProtocol.Udp, datagram, hopLimit);
    }

    public static byte[] Tcp(IpAddress source, IpAddress destination, TcpHeader header, ReadOnlySpan<byte> payload = default, byte hopLimit = 64)
    {
        Span<byte> head = stackalloc byte[TcpHeader.MaxSize];
        var length = header.Write(head);
        var segment = new byte[length + payload.Length];
        head[..length].CopyTo(segment);
        payload.CopyTo(segment.AsSpan(length));
        Checksum.Store(segment.AsSpan(16), Checksum.Finish(Checksum.Add(segment, Checksum.PseudoHeader(source, destination, IpProtocol.Tcp, segment.Length))));
        return Ip(source, destination, IpProtocol.Tcp, segment, hopLimit);
    }

    public static byte[] Syn(IpAddress source, ushort port, IpAddress destination, ushort destinationPort) =>
        Tcp(source, destination, new TcpHeader { SourcePort = port, DestinationPort = destinationPort, Flags = TcpFlags.Syn, Sequence = 1, Window = 65535, MaxSegment = 1460, WindowScale = 7, SackPermitted = true });

    public static byte[] Dhcp(byte type, MacAddress mac, params byte[] options)
    {
        var message = new byte[240 + 4 + options.Length];
        message[0] = 1;
        message[1] = 1;
        message[2] = 6;
        mac.Write(message.AsSpan(28));
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(236), 0x6382_5363);
        message[240] = 53;
        message[241] = 1;
        message[242] = type;
        options.CopyTo(message, 243);
        message[^1] = 255;
        return Udp(default(IpAddress) with { Low = 0xFFFF_0000_0000 }, 68, IpAddress.Broadcast4, 67, message);
    }

    public static byte[] DnsQuery(string name, ushort type)
    {
        List<byte> message = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        foreach (var label in name.Split('.'))
        {
            message.Add((byte)label.Length);
            message.AddRange(System.Text.Encoding.ASCII.GetBytes(label));
        }

        message.AddRange([0, (byte)(type >> 8), (byte)type, 0, 1]);
        return [.. message];
    }
}
