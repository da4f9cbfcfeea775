using Holon.Networking.Packets;
using Holon.Networking.Services;
using static Holon.Networking.Tests.Nat.GatewayFixture;

namespace Holon.Networking.Tests.Nat;

/// <summary>The gateway as guests see it, and what they can make it cost. Runs alone: a test measures the whole process.</summary>
[Collection(nameof(GatewayTests))]
[CollectionDefinition(nameof(GatewayTests), DisableParallelization = true)]
public sealed class GatewayTests
{
    private static readonly IpAddress s_outside = IpAddress.V4(0xC0000201);

    [Fact]
    public void Arp_is_answered_for_the_gateway_only()
    {
        using var fixture = new GatewayFixture();
        foreach (var target in new[] { fixture.Gateway.Gateway4, Guest4, IpAddress.V4(0x0A000209) })
        {
            var frame = new byte[EthernetHeader.Size + ArpPacket.Size];
            new EthernetHeader(MacAddress.Broadcast, GuestMac, EtherType.Arp).Write(frame);
            new ArpPacket(ArpPacket.Request, GuestMac, Guest4, default, target).Write(frame.AsSpan(EthernetHeader.Size));
            fixture.Send(frame);
        }

        Assert.True(ArpPacket.TryRead(Assert.Single(fixture.Answers).AsSpan(EthernetHeader.Size), out var answer));
        Assert.Equal((ArpPacket.Reply, fixture.Gateway.Gateway4, GuestMac), (answer.Operation, answer.SenderIp, answer.TargetMac));
    }

    [Theory]
    [InlineData("192.0.2.9")] // not of the subnet
    [InlineData("10.0.2.1")] // the gateway's own
    [InlineData("127.0.0.1")]
    [InlineData("2001:db8::1")]
    [InlineData("fe80::1")]
    public void A_spoofed_source_is_dropped_and_counted(string source)
    {
        using var fixture = new GatewayFixture();
        Assert.True(IpAddress.TryParse(source, out var address));
        Assert.True(IpAddress.TryParse(address.IsV4 ? "192.0.2.1" : "2001:db8::2", out var destination));
        fixture.Send(Syn(address, 1000, destination, 80));
        Assert.Equal(1, fixture.Dropped);
        Assert.Empty(fixture.Answers);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")] // clouds' metadata
    [InlineData("0.0.0.0")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("10.0.2.1")] // the host's loopback, without a grant
    public void What_is_never_forwarded_opens_no_socket(string destination)
    {
        using var fixture = new GatewayFixture(new NatOptions { Resolvers = [] });
        Assert.True(IpAddress.TryParse(destination, out var address));
        fixture.Send(Syn(Guest4, 1000, address, 80));
        fixture.Send(Udp(Guest4, 1000, address, 80, [1]));
        Assert.Equal((0, 0), (fixture.Gateway.Tcp.Count, fixture.Gateway.Udp.Count));
    }

    [Fact]
    public void A_syn_flood_is_bounded_and_its_end_frees_everything()
    {
        using var fixture = new GatewayFixture(new NatOptions { HostAccess = [HostGrant.Parse("all")], Limits = new NatLimits(HalfOpen: 50) });
        for (ushort port = 1; port <= 2000; port++) fixture.Send(Syn(Guest4, port, fixture.Gateway.Gateway4, 53)); // our own DNS service: no sockets
        Assert.Equal(50, fixture.Gateway.Tcp.Count);
        Assert.Equal(1950, fixture.Dropped);
        fixture.Gateway.Tcp.Reset();
        Assert.Equal((0, 0, 0L), (fixture.Gateway.Tcp.Count, fixture.Gateway.Tcp.HalfOpen, fixture.Gateway.Tcp.Buffers.Used));
    }

    [Fact]
    public void A_hundred_thousand_half_open_connections_and_spoofed_sources_cost_little_memory()
    {
        using var fixture = new GatewayFixture();
        var limits = fixture.Gateway.Options.Limits;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0u; i < 100_000; i++)
        {
            fixture.Send(Syn(IpAddress.V4(0x0A000202 + (i % 200)), (ushort)(1000 + (i / 200)), fixture.Gateway.Gateway4, 53)); // our own DNS service: no sockets
            fixture.Send(Relabel(Syn(IpAddress.V4(0xC6120000 + i), 1000, fixture.Gateway.Gateway4, 53), new MacAddress(0x5254_0001_0000ul + i)));
            fixture.Send(Relabel(Syn(IpAddress.V4(0x0A000202 + (i % 250)), 1000, s_outside, 80), new MacAddress(0x5254_0002_0000ul + i)));
            fixture.Answers.Clear();
        }

        Assert.Equal((limits.HalfOpen, limits.HalfOpen), (fixture.Gateway.Tcp.Count, fixture.Gateway.Tcp.HalfOpen));
        Assert.True(fixture.Gateway.Neighbors.Count <= limits.Neighbors);
        Assert.True(fixture.Dropped >= 2 * (100_000 - limits.HalfOpen));
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 16 << 20);
        Assert.InRange(fixture.Gateway.Tcp.Buffers.Used, 0, limits.BufferBytes);
    }

    [Fact]
    public void Fragments_invented_cards_and_neighbours_are_bounded()
    {
        using var fixture = new GatewayFixture();
        for (var i = 0u; i < 5000; i++)
        {
            var fragment = Udp(IpAddress.V4(0x0A000202 + (i % 200)), 1, s_outside, 1, new byte[64]);
            fragment[14 + 6] = 0x20; // more fragments
            fragment[14 + 4] = (byte)(i >> 8);
            fragment[14 + 5] = (byte)i;
            Checksum.Store(fragment.AsSpan(24), 0);
            Checksum.Store(fragment.AsSpan(24), Checksum.Finish(Checksum.Add(fragment.AsSpan(14, 20), 0)));
            fixture.Send(fragment);
            var invented = new MacAddress(0x5254_0000_0000ul + i);
            fixture.Send(Relabel(Dhcp(1, invented), invented));
            fixture.Send(Ip(new IpAddress(0xFD68_6F6C_6F6E_0000, i + 100), new IpAddress(0x2001_0DB8_0000_0000, 1), IpProtocol.NoNext, []));
        }

        Assert.True(fixture.Gateway.Neighbors.Count <= 1024);
        Assert.True(fixture.Gateway.Dhcp.Leases.Count <= DhcpServer.MaxLeases);
    }

    [Fact]
    public void A_machine_s_name_leads_to_the_address_that_it_gave_itself_before_it_has_sent_anything_else()
    {
        using var fixture = new GatewayFixture();
        fixture.Gateway.Names.Set("web", GuestMac);
        var address = new IpAddress(0xFD68_6F6C_6F6E_0000, 0x5054_00FF_FE12_3456);
        Assert.Equal(0, Ask().AnswerCount);
        fixture.Send(Probe(address, new MacAddress(0x5254_0000_0099))); // somebody else was first
        fixture.Send(Probe(new IpAddress(0x2001_0DB8_0000_0000, 1), GuestMac)); // not of this network
        fixture.Send(Probe(address, GuestMac));
        Assert.Equal(0, Ask().AnswerCount);
        fixture.Send(Probe(address with { Low = address.Low + 1 }, GuestMac));
        var (count, answer) = Ask();
        Assert.Equal(1, count);
        Assert.Equal(address with { Low = address.Low + 1 }, IpAddress.Read(answer.AsSpan(^16..)));

        (int AnswerCount, byte[] Frame) Ask()
        {
            fixture.Answers.Clear();
            fixture.Send(Udp(Guest4, 4000, fixture.Gateway.Gateway4, 53, DnsQuery("web", DnsMessage.TypeAaaa)));
            var frame = Assert.Single(fixture.Answers);
            return (frame[EthernetHeader.Size + IpHeader.V4Size + UdpHeader.Size + 7], frame);
        }

        // RFC 4862 §5.4.2: from the unspecified address to the group of those that could have it.
        static byte[] Probe(IpAddress target, MacAddress card)
        {
            var message = new byte[24];
            target.Write(message.AsSpan(8));
            var group = new IpAddress(0xFF02_0000_0000_0000, 0x0000_0001_FF00_0000 | (target.Low & 0xFF_FFFF));
            Icmp.Complete(message, default, group, Icmp.NeighborSolicitation, 0, 0);
            return Relabel(Ip(default, group, IpProtocol.Icmp6, message, hopLimit: 255), card);
        }
    }

    [Fact]
    public void Fragments_in_any_order_make_one_datagram()
    {
        using var fixture = new GatewayFixture();
        var question = DnsQuery("gateway.holon", DnsMessage.TypeA);
        var whole = Udp(Guest4, 4000, fixture.Gateway.Gateway4, 53, question);
        var payload = whole.AsSpan(34).ToArray();
        foreach (var (start, end) in new[] { (24, payload.Length), (0, 16), (16, 24) })
        {
            var frame = Ip(Guest4, fixture.Gateway.Gateway4, IpProtocol.Udp, payload.AsSpan(start, end - start));
            frame[14 + 5] = 7;
            frame[14 + 6] = (byte)(end < payload.Length ? 0x20 : 0);
            frame[14 + 7] = (byte)(start / 8);
            Checksum.Store(frame.AsSpan(24), 0);
            Checksum.Store(frame.AsSpan(24), Checksum.Finish(Checksum.Add(frame.AsSpan(14, 20), 0)));
            fixture.Send(frame);
        }

        Assert.Equal([10, 0, 2, 1], Assert.Single(fixture.Answers)[^4..]);
    }

    [Fact]
    public void Dhcp_offers_and_acknowledges_the_same_address_and_refuses_another()
    {
        using var fixture = new GatewayFixture();
        fixture.Gateway.Names.Set("web", GuestMac);
        foreach (var (type, options) in new (byte, byte[])[] { (1, []), (3, [50, 4, 10, 0, 2, 2]), (3, [50, 4, 10, 0, 2, 99]), (3, [54, 4, 10, 0, 2, 250]) })
            fixture.Send(Dhcp(type, GuestMac, options));
        var types = fixture.Answers.Select(answer => answer[14 + 20 + 8 + 242]);
        Assert.Equal([2, 5, 6], types); // offer, acknowledge, refuse; the last one chose another server
        Assert.Equal([10, 0, 2, 2], fixture.Answers[0][(42 + 16)..(42 + 20)]);
        Assert.Contains("web", System.Text.Encoding.ASCII.GetString(fixture.Answers[1]));
    }

    [Fact]
    public void A_router_solicitation_is_answered_with_prefix_and_dns_server()
    {
        using var fixture = new GatewayFixture();
        var source = new IpAddress(0xFE80_0000_0000_0000, 2);
        var group = new IpAddress(0xFF02_0000_0000_0000, 2);
        var message = new byte[8];
        Icmp.Complete(message, source, group, Icmp.RouterSolicitation, 0, 0);
        fixture.Send(Ip(source, group, IpProtocol.Icmp6, message, hopLimit: 254));
        Assert.Empty(fixture.Answers); // RFC 4861 §6.1.1: it came through a router
        fixture.Send(Ip(source, group, IpProtocol.Icmp6, message, hopLimit: 255));
        var answer = Assert.Single(fixture.Answers).AsSpan(54);
        Assert.Equal(Icmp.RouterAdvertisement, answer[0]);
        Assert.True(answer.IndexOf((ReadOnlySpan<byte>)[3, 4, 64, 0xC0]) > 0);
        Assert.True(answer.IndexOf((ReadOnlySpan<byte>)[25, 3]) > 0);
    }

    [Fact]
    public void A_rule_that_denies_says_so()
    {
        using var fixture = new GatewayFixture();
        fixture.Send(Syn(Guest4, 1000, s_outside, 80));
        fixture.Send(Udp(Guest4, 1000, s_outside, 80, [1]));
        Assert.Equal(2, fixture.Denied);
        Assert.All(fixture.Answers, answer => Assert.Equal((Icmp.Unreachable, Icmp.ProhibitedCode), (answer[34], answer[35])));
    }

    [Fact]
    public void A_hop_limit_of_one_makes_the_gateway_show_itself()
    {
        using var fixture = new GatewayFixture();
        fixture.Send(Udp(Guest4, 1000, s_outside, 33434, [1], hopLimit: 1));
        Assert.Equal(Icmp.TimeExceeded, Assert.Single(fixture.Answers)[34]);
    }

    private static byte[] Relabel(byte[] frame, MacAddress mac)
    {
        mac.Write(frame.AsSpan(6));
        return frame;
    }
}
