using Holon.Networking.Host;
using Holon.Networking.Packets;
using Holon.Networking.Rules;
using Holon.Networking.Services;

namespace Holon.Networking.Nat;

/// <summary>Where a gateway puts frames for its guests; <see cref="Gateway.OnRoom"/> is called when there is room again.</summary>
internal interface IGuestSide : IFrameSink
{
    /// <summary>Counts a frame that was thrown away.</summary>
    void CountDropped();

    /// <summary>Counts a flow that a rule refused.</summary>
    void CountDenied();
}

/// <summary>
/// The guests' router: answers ARP and neighbour discovery, hands out addresses and names, and turns flows into sockets of the host.
/// Everything runs on the loop's thread.
/// </summary>
internal sealed unsafe class Gateway : IDisposable
{
    /// <summary>The gateway's card.</summary>
    public static readonly MacAddress Mac = new(0x0268_6F6C_6F01);

    /// <summary>The gateway's link-local address, fe80::1.</summary>
    public static readonly IpAddress LinkLocal = new(0xFE80_0000_0000_0000, 1);

    /// <summary>Headers are copied away from the guest before they are looked at: Ethernet, the longest IPv4 header or some IPv6 extensions, TCP.</summary>
    private const int HeadSize = 384;

    private readonly IGuestSide _guests;
    private readonly Reassembly _fragments;
    private readonly byte[] _packet = GC.AllocateUninitializedArray<byte>(Frame.MaxLength, pinned: true);
    private readonly byte[] _out = GC.AllocateUninitializedArray<byte>(Frame.MaxLength, pinned: true);
    private ushort _identification;

    public Gateway(NatOptions options, EventLoop loop, IGuestSide guests)
    {
        Options = options;
        Loop = loop;
        _guests = guests;
        _fragments = new Reassembly(options.Limits.FragmentedPackets);
        Neighbors = new NeighborTable(options.Limits.Neighbors);
        Firewall = new Firewall(options.Rules, options.Limits.DnsNames);
        Names = new NameTable(options);
        Tcp = new TcpFlows(this);
        Udp = new UdpFlows(this);
        Echo = new EchoFlows(this);
        Dhcp = new DhcpServer(this);
        Router = new RouterAdvertiser(this);
        Dns = new DnsForwarder(this);
        Forwards = new PortForwarder(this);
    }

    public NatOptions Options { get; }

    public EventLoop Loop { get; }

    public NeighborTable Neighbors { get; }

    public Firewall Firewall { get; }

    public NameTable Names { get; }

    public TcpFlows Tcp { get; }

    public UdpFlows Udp { get; }

    public EchoFlows Echo { get; }

    public DhcpServer Dhcp { get; }

    public RouterAdvertiser Router { get; }

    public DnsForwarder Dns { get; }

    public PortForwarder Forwards { get; }

    public IGuestSide Guests => _guests;

    public IpAddress Gateway4 => Options.Gateway4;

    public IpAddress Gateway6 => Options.Gateway6;

    /// <summary>The gateway's address of a family.</summary>
    public IpAddress AddressFor(IpAddress guest) => guest.IsV4 ? Gateway4 : guest.IsLinkLocal ? LinkLocal : Gateway6;

    public bool IsOwn(IpAddress address) => address == Gateway4 || address == Gateway6 || address == LinkLocal;

    /// <summary>Takes a frame that a guest has sent.</summary>
    public void Receive(Frame frame)
    {
        if (!TryReceive(frame)) _guests.CountDropped();
    }

    /// <summary>A batch of frames has been taken.</summary>
    public void EndBatch()
    {
        Udp.Flush();
        Tcp.FlushAcknowledgments();
    }

    /// <summary>The guests take frames again.</summary>
    public void OnRoom()
    {
        Tcp.ResumeBlocked();
        Udp.ResumeBlocked();
    }

    public void Dispose()
    {
        Forwards.Dispose();
        Tcp.Dispose();
        Udp.Dispose();
        Echo.Dispose();
        Dns.Dispose();
    }

    /// <summary>Decides where a guest's flow may go on the host; false when nowhere, and then whether to say so.</summary>
    public bool TryMap(Transport transport, IpAddress destination, ushort port, out IpAddress host, out bool denied)
    {
        host = destination;
        denied = false;
        if (IsOwn(destination))
        {
            host = destination.IsV4 ? IpAddress.V4(0x7F00_0001) : new IpAddress(0, 1);
            foreach (var grant in Options.HostAccess)
            {
                if (grant.Covers(transport, port)) return true;
            }

            return false;
        }

        if (destination.IsNeverForwarded || Options.Subnet4.Contains(destination) || Options.Subnet6.Contains(destination)) return false;
        denied = !Firewall.Allows(transport, destination, port, Loop.Now);
        if (denied) _guests.CountDenied();
        return !denied;
    }

    /// <summary>Sends an IP packet with a payload that is complete, its checksum included; fragments it when it is longer than the link takes.</summary>
    public void SendPacket(IpAddress source, IpAddress destination, byte protocol, ReadOnlySpan<byte> payload, MacAddress? mac = null, byte hopLimit = 64)
    {
        if (!TryResolve(source, destination, mac, out var card)) return;
        var header = destination.IsV4 ? IpHeader.V4Size : IpHeader.V6Size;
        if (header + payload.Length > Options.Mtu)
        {
            SendFragments(source, destination, protocol, payload, card, hopLimit);
            return;
        }

        new EthernetHeader(card, Mac, destination.IsV4 ? EtherType.Ipv4 : EtherType.Ipv6).Write(_out);
        var at = EthernetHeader.Size + IpHeader.Write(_out.AsSpan(EthernetHeader.Size), source, destination, protocol, payload.Length, hopLimit);
        payload.CopyTo(_out.AsSpan(at));
        PutOrDrop(at + payload.Length);
    }

    /// <summary>Sends a UDP datagram.</summary>
    public void SendUdp(IpAddress source, IpAddress destination, ushort sourcePort, ushort destinationPort, ReadOnlySpan<byte> payload, MacAddress? mac = null)
    {
        if (payload.Length > 65535 - IpHeader.V4Size - UdpHeader.Size) return;
        var datagram = _packet.AsSpan(0, UdpHeader.Size + payload.Length);
        payload.CopyTo(datagram[UdpHeader.Size..]); // may overlap: CopyTo handles that
        UdpHeader.Write(datagram, source, destination, sourcePort, destinationPort, datagram[UdpHeader.Size..]);
        SendPacket(source, destination, IpProtocol.Udp, datagram, mac);
    }

    /// <summary>Sends a datagram that the host's socket has received, or several that it has gathered; false when the guest has no room.</summary>
    public bool SendUdp(IpAddress source, IpAddress destination, ushort sourcePort, ushort destinationPort, MemorySegment payload, int segmentSize)
    {
        var most = Options.Mtu - UdpHeader.Size - (destination.IsV4 ? IpHeader.V4Size : IpHeader.V6Size);
        if ((segmentSize == 0 ? payload.Length : segmentSize) > most)
        {
            if (segmentSize == 0) segmentSize = (int)payload.Length;
            for (var rest = payload.Span; rest.Length > 0; rest = rest[Math.Min(segmentSize, rest.Length)..])
                SendUdp(source, destination, sourcePort, destinationPort, rest[..Math.Min(segmentSize, rest.Length)]);
            return true;
        }

        if (!TryResolve(source, destination, null, out var mac)) return true;
        var features = _guests.Features;
        var step = segmentSize == 0 || (features & (destination.IsV4 ? PortFeatures.Uso4 : PortFeatures.Uso6)) != 0 ? (int)payload.Length : segmentSize;
        Span<byte> head = stackalloc byte[EthernetHeader.Size + IpHeader.V6Size + UdpHeader.Size];
        new EthernetHeader(mac, Mac, destination.IsV4 ? EtherType.Ipv4 : EtherType.Ipv6).Write(head);
        var offset = 0;
        do
        {
            var piece = new MemorySegment(payload.Address + offset, Math.Min(step, payload.Length - offset));
            var length = UdpHeader.Size + (int)piece.Length;
            var start = EthernetHeader.Size + IpHeader.Write(head[EthernetHeader.Size..], source, destination, IpProtocol.Udp, length);
            var offload = default(FrameOffload);
            if ((features & PortFeatures.PartialChecksum) != 0)
            {
                UdpHeader.WritePartial(head[start..], source, destination, sourcePort, destinationPort, length);
                offload = new FrameOffload { Flags = FrameOffload.NeedsChecksum, ChecksumStart = (ushort)start, ChecksumOffset = UdpHeader.ChecksumOffset };
                if (segmentSize > 0 && piece.Length > segmentSize)
                    (offload.GsoCode, offload.SegmentSize, offload.HeaderLength) = ((byte)GsoType.Udp, (ushort)segmentSize, (ushort)(start + UdpHeader.Size));
            }
            else
            {
                UdpHeader.Write(head[start..], source, destination, sourcePort, destinationPort, piece.Span);
            }

            if (!_guests.TryPut(head[..(start + UdpHeader.Size)], new ReadOnlySpan<MemorySegment>(in piece), offload)) return false;
            offset += step;
        }
        while (offset < payload.Length);

        return true;
    }

    /// <summary>Sends an ICMP error about a packet of the guest (RFC 792, RFC 4443 §2.4 (c)).</summary>
    /// <param name="from">Who complains.</param>
    /// <param name="to">The guest.</param>
    /// <param name="type">Type, for the guest's family.</param>
    /// <param name="code">Code.</param>
    /// <param name="word">The header's second word: the MTU of "too big".</param>
    /// <param name="original">The packet's first bytes, from its IP header on.</param>
    public void SendError(IpAddress from, IpAddress to, byte type, byte code, uint word, ReadOnlySpan<byte> original)
    {
        Span<byte> message = stackalloc byte[Icmp.HeaderSize + 512];
        original = original[..Math.Min(original.Length, to.IsV4 ? IpHeader.V4Size + 40 + 8 : 512)];
        original.CopyTo(message[Icmp.HeaderSize..]);
        message = message[..(Icmp.HeaderSize + original.Length)];
        Icmp.Complete(message, from, to, type, code, word);
        SendPacket(from, to, to.IsV4 ? IpProtocol.Icmp : IpProtocol.Icmp6, message);
    }

    /// <summary>Passes on what the host was told about a packet of the guest; who said so is kept, unless it was the host itself.</summary>
    public void RelayError(in SocketErrorReport error, IpAddress guest, IpAddress remote, ReadOnlySpan<byte> original)
    {
        var from = error.Offender.IsV4 != guest.IsV4 || error.Offender.IsNeverForwarded ? (IsOwn(remote) ? remote : AddressFor(guest)) : error.Offender;
        if (error.Offender.IsUnspecified) from = remote;
        SendError(from, guest, error.Type, error.Code, error.Info, original);
    }

    /// <summary>Says to a guest that a flow leads nowhere, as a router that refuses it does.</summary>
    public void SendUnreachable(in IpHeader ip, ReadOnlySpan<byte> original, byte code4, byte code6)
    {
        if (ip.Destination.IsMulticast || ip.Destination == IpAddress.Broadcast4 || ip.Source.IsUnspecified) return;
        SendError(AddressFor(ip.Source), ip.Source, ip.Source.IsV4 ? Icmp.Unreachable : Icmp.Unreachable6, ip.Source.IsV4 ? code4 : code6, 0, original);
    }

    /// <summary>The card of an address; asks for it when it is unknown, and then the packet is lost, as on any router that is just starting.</summary>
    public bool TryResolve(IpAddress source, IpAddress destination, MacAddress? known, out MacAddress mac)
    {
        if (known is { } given)
        {
            mac = given;
            return true;
        }

        if (Neighbors.TryGet(destination, out mac)) return true;
        if (destination.IsV4) SendArp(ArpPacket.Request, MacAddress.Broadcast, default, destination); else Router.Solicit(destination);
        return false;
    }

    private void SendFragments(IpAddress source, IpAddress destination, byte protocol, ReadOnlySpan<byte> payload, MacAddress mac, byte hopLimit)
    {
        var v4 = destination.IsV4;
        var header = v4 ? IpHeader.V4Size : IpHeader.V6Size + 8;
        var step = (Options.Mtu - header) & ~7;
        _identification++;
        new EthernetHeader(mac, Mac, v4 ? EtherType.Ipv4 : EtherType.Ipv6).Write(_out);
        for (var offset = 0; offset < payload.Length; offset += step)
        {
            var piece = payload[offset..Math.Min(offset + step, payload.Length)];
            var more = offset + step < payload.Length;
            var ip = _out.AsSpan(EthernetHeader.Size);
            if (v4)
            {
                IpHeader.Write(ip, source, destination, protocol, piece.Length, hopLimit);
                System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(ip[4..], _identification);
                System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(ip[6..], (ushort)((offset / 8) | (more ? 0x2000 : 0)));
                Checksum.Store(ip[10..], 0);
                Checksum.Store(ip[10..], Checksum.Finish(Checksum.Add(ip[..IpHeader.V4Size], 0)));
            }
            else
            {
                IpHeader.Write(ip, source, destination, IpProtocol.Fragment, 8 + piece.Length, hopLimit);
                var extension = ip[IpHeader.V6Size..];
                extension[0] = protocol;
                extension[1] = 0;
                System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(extension[2..], (ushort)(offset | (more ? 1 : 0)));
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(extension[4..], _identification);
            }

            piece.CopyTo(ip[header..]);
            PutOrDrop(EthernetHeader.Size + header + piece.Length);
        }
    }

    private void PutOrDrop(int length)
    {
        if (!_guests.TryPut(_out.AsSpan(0, length), [], default)) _guests.CountDropped();
    }

    private void SendArp(ushort operation, MacAddress to, MacAddress targetMac, IpAddress targetIp)
    {
        new EthernetHeader(to, Mac, EtherType.Arp).Write(_out);
        new ArpPacket(operation, Mac, Gateway4, targetMac, targetIp).Write(_out.AsSpan(EthernetHeader.Size));
        PutOrDrop(EthernetHeader.Size + ArpPacket.Size);
    }

    private bool TryReceive(Frame frame)
    {
        Span<byte> head = stackalloc byte[HeadSize];
        head = head[..frame.CopyTo(0, head)];
        if (!EthernetHeader.TryRead(head, out var ethernet) || ethernet.Source.IsInvalidSource) return false;
        if (ethernet.Destination != Mac && !ethernet.Destination.IsGroup) return true; // not for us: another guest's, or flooded
        var packet = head[EthernetHeader.Size..];
        var available = frame.Length - EthernetHeader.Size;
        IpHeader ip;
        switch (ethernet.Type)
        {
            case EtherType.Arp:
                return ReceiveArp(ethernet, packet);
            case EtherType.Ipv4:
                if (!IpHeader.TryReadV4(packet, available, out ip)) return false;
                if (!Options.Subnet4.Contains(ip.Source) || ip.Source == Gateway4)
                {
                    // 0.0.0.0 is a guest that has no address yet: DHCP only.
                    if (!ip.Source.IsUnspecified || ip.Protocol != IpProtocol.Udp || ip.Destination != IpAddress.Broadcast4) return false;
                }
                else
                {
                    Neighbors.Learn(ip.Source, ethernet.Source);
                }

                break;
            case EtherType.Ipv6:
                if (!IpHeader.TryReadV6(packet, available, out ip)) return false;
                if ((Options.Subnet6.Contains(ip.Source) && ip.Source != Gateway6) || (ip.Source.IsLinkLocal && ip.Source != LinkLocal))
                    Neighbors.Learn(ip.Source, ethernet.Source);
                else if (!ip.Source.IsUnspecified || ip.Protocol != IpProtocol.Icmp6) return false; // ::, duplicate address detection
                break;
            default:
                return true; // LLDP, spanning tree and the like: nobody's
        }

        return ReceiveIp(frame, ethernet.Source, ip, packet);
    }

    private bool ReceiveArp(in EthernetHeader ethernet, ReadOnlySpan<byte> bytes)
    {
        if (!ArpPacket.TryRead(bytes, out var arp) || arp.SenderMac != ethernet.Source) return false;
        if (Options.Subnet4.Contains(arp.SenderIp) && arp.SenderIp != Gateway4) Neighbors.Learn(arp.SenderIp, arp.SenderMac);
        if (arp.Operation == ArpPacket.Request && arp.TargetIp == Gateway4) SendArp(ArpPacket.Reply, arp.SenderMac, arp.SenderMac, arp.SenderIp);
        return true;
    }

    private bool ReceiveIp(Frame frame, MacAddress mac, in IpHeader ip, ReadOnlySpan<byte> head)
    {
        if (ip.IsFragment)
        {
            var fragment = Linear(frame, EthernetHeader.Size + ip.HeaderLength, ip.PayloadLength);
            if (!_fragments.Add(ip, fragment, Loop.Now, out var whole)) return true;
            whole.CopyTo(_packet);
            var complete = ip with { TotalLength = ip.HeaderLength + whole.Length, FragmentOffset = 0, MoreFragments = false };
            return ReceiveWhole(mac, complete, head, _packet.AsSpan(0, whole.Length), trusted: false, 0);
        }

        if (ip.Protocol == IpProtocol.Tcp && !IsExpired(ip, head, out _))
        {
            if (ip.HeaderLength + TcpHeader.MaxSize > head.Length && ip.TotalLength > head.Length) return false;
            Span<MemorySegment> pieces = stackalloc MemorySegment[Frame.MaxSegments];
            pieces = pieces[..frame.Slice(EthernetHeader.Size + ip.HeaderLength, ip.PayloadLength, pieces)];
            var end = Math.Min(head.Length, ip.TotalLength);
            return end >= ip.HeaderLength && Tcp.Receive(mac, ip, head, head[ip.HeaderLength..end], pieces, frame.Offload.IsChecksumTrusted);
        }

        return ReceiveWhole(mac, ip, head, Linear(frame, EthernetHeader.Size + ip.HeaderLength, ip.PayloadLength), frame.Offload.IsChecksumTrusted,
            frame.Offload.Gso == GsoType.Udp ? frame.Offload.SegmentSize : 0);
    }

    /// <summary>A copy of a piece of the frame, which the guest cannot change any more.</summary>
    private Span<byte> Linear(Frame frame, int offset, int length) => _packet.AsSpan(0, frame.CopyTo(offset, _packet.AsSpan(0, length)));

    private bool ReceiveWhole(MacAddress mac, in IpHeader ip, ReadOnlySpan<byte> head, Span<byte> payload, bool trusted, int segmentSize)
    {
        if (IsExpired(ip, head, out var original))
        {
            SendError(AddressFor(ip.Source), ip.Source, ip.Source.IsV4 ? Icmp.TimeExceeded : Icmp.TimeExceeded6, 0, 0, original);
            return true;
        }

        switch (ip.Protocol)
        {
            case IpProtocol.Udp:
                return Udp.Receive(mac, ip, head, payload, trusted, segmentSize);
            case IpProtocol.Icmp when ip.Source.IsV4:
                return Icmp.IsValid(ip, payload) && Echo.Receive(ip, head, payload);
            case IpProtocol.Icmp6 when !ip.Source.IsV4:
                return Icmp.IsValid(ip, payload) && (payload[0] is >= Icmp.RouterSolicitation and <= Icmp.NeighborAdvertisement
                    ? Router.Receive(mac, ip, payload)
                    : Echo.Receive(ip, head, payload));
            case IpProtocol.Tcp:
                fixed (byte* bytes = payload)
                {
                    MemorySegment piece = new((nint)bytes, payload.Length);
                    return Tcp.Receive(mac, ip, head, payload[..Math.Min(payload.Length, TcpHeader.MaxSize)], new ReadOnlySpan<MemorySegment>(in piece), trusted);
                }

            default:
                SendUnreachable(ip, head, 2, Icmp.ProhibitedCode6); // protocol unreachable
                return true;
        }
    }

    /// <summary>True when a router would not pass the packet on: how traceroute finds this one.</summary>
    private bool IsExpired(in IpHeader ip, ReadOnlySpan<byte> head, out ReadOnlySpan<byte> original)
    {
        original = head[..Math.Min(head.Length, ip.TotalLength)];
        return ip.HopLimit <= 1 && !IsOwn(ip.Destination) && !ip.Destination.IsMulticast && ip.Destination != IpAddress.Broadcast4 && !ip.Source.IsUnspecified;
    }
}
