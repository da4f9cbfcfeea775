using System.Diagnostics;
using Holon.Networking.Packets;
using Holon.Networking.Services;
using Holon.Networking.Tests.Nat;
using static Holon.Networking.Tests.Nat.GatewayFixture;

namespace Holon.Networking.Tests.Fuzz;

/// <summary>Frames of every protocol that we speak, broken in every way: no exception, no growth beyond the limits, no malformed answer.</summary>
public sealed class FuzzedFrameTests
{
    private static readonly TimeSpan s_time = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is null ? TimeSpan.FromSeconds(2) : TimeSpan.FromMinutes(10);
    private static readonly IpAddress s_gateway4 = IpAddress.V4(0x0A000201);
    private static readonly IpAddress s_guest6 = new(0xFD68_6F6C_6F6E_0000, 2);
    private static readonly IpAddress s_gateway6 = new(0xFD68_6F6C_6F6E_0000, 1);

    public static TheoryData<string> Protocols => [.. s_corpus.Keys];

    private static readonly Dictionary<string, byte[][]> s_corpus = new()
    {
        ["ethernet"] = [Arp(), Ip(Guest4, s_gateway4, 99, [1, 2, 3]), Ip(s_guest6, s_gateway6, IpProtocol.HopByHop, [59, 0, 1, 4, 0, 0, 0, 0])],
        ["icmp"] = [Echo(Guest4, s_gateway4), Echo(s_guest6, s_gateway6), Discovery(Icmp.RouterSolicitation), Discovery(Icmp.NeighborSolicitation)],
        ["udp"] = [Udp(Guest4, 9, s_gateway4, 9, new byte[100]), Udp(s_guest6, 9, s_gateway6, 9, new byte[100])],
        ["tcp"] = [Syn(Guest4, 1000, s_gateway4, 53), GatewayFixture.Tcp(Guest4, s_gateway4, new TcpHeader { SourcePort = 1000, DestinationPort = 53, Flags = TcpFlags.Ack, Sequence = 2, Window = 9000, WindowScale = -1 }, [0, 2, 1, 2]), Syn(s_guest6, 1000, s_gateway6, 53)],
        ["dhcp"] = [Dhcp(1, GuestMac, 50, 4, 10, 0, 2, 2), Dhcp(3, GuestMac, 12, 3, 1, 2, 3), Dhcp(8, GuestMac), Udp(new IpAddress(0xFE80_0000_0000_0000, 2), 546, new IpAddress(0xFF02_0000_0000_0000, 0x1_0002), 547, [11, 1, 2, 3, 0, 1, 0, 4, 1, 2, 3, 4, 0, 6, 0, 2, 0, 23])],
        ["dns"] = [Udp(Guest4, 4000, s_gateway4, 53, DnsQuery("gateway.holon", 1)), Udp(s_guest6, 4000, s_gateway6, 53, DnsQuery("a.b.c.example", 28))],
    };

    [Theory]
    [MemberData(nameof(Protocols))]
    public void Broken_frames_harm_nobody(string protocol)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var corpus = s_corpus[protocol];
        using var fixture = new GatewayFixture();
        var time = Stopwatch.StartNew();
        var tries = 0;
        for (; time.Elapsed < s_time; tries++)
        {
            var frame = Break((byte[])corpus[random.Next(corpus.Length)].Clone(), random, tries);
            var offload = new FrameOffload { Flags = (byte)random.Next(4), GsoCode = (byte)random.Next(6), SegmentSize = (ushort)random.Next(65536), ChecksumStart = (ushort)random.Next(100), ChecksumOffset = (ushort)random.Next(100) };
            try
            {
                fixture.Send(frame, random.Next(2) == 0 ? default : offload); // flags of 1 and 2 make it trust checksums, so that it looks deeper
            }
            catch (Exception exception)
            {
                Assert.Fail($"seed {seed}, frame {Convert.ToHexString(frame)}: {exception}");
            }

            foreach (var answer in fixture.Answers) Check(answer);
            fixture.Answers.Clear();
            fixture.Offloads.Clear();
        }

        Assert.True(fixture.Gateway.Tcp.Count <= fixture.Gateway.Options.Limits.Connections);
        Assert.True(fixture.Gateway.Tcp.HalfOpen <= fixture.Gateway.Options.Limits.HalfOpen);
        Assert.True(fixture.Gateway.Neighbors.Count <= fixture.Gateway.Options.Limits.Neighbors);
        Assert.Equal((0, 0), (fixture.Gateway.Udp.Count, fixture.Gateway.Echo.Count));
        fixture.Gateway.Tcp.Reset();
        Assert.Equal(0, fixture.Gateway.Tcp.Buffers.Used);
        TestContext.Current.TestOutputHelper?.WriteLine($"{tries} frames");
    }

    [Fact]
    public void Broken_dns_answers_harm_nobody()
    {
        var random = new Random();
        var query = DnsQuery("www.example.org", 1);
        var answer = DnsMessage.Answer(query, query.Length, 0, IpAddress.V4(1));
        var time = Stopwatch.StartNew();
        while (time.Elapsed < s_time)
        {
            var broken = Mutate((byte[])answer.Clone(), random);
            DnsMessage.IsAnswerTo(broken, query);
            DnsMessage.ReadAddresses(broken, 0, static (_, _, _) => { });
        }
    }

    /// <summary>What we send must itself be right.</summary>
    private static void Check(byte[] answer)
    {
        Assert.True(EthernetHeader.TryRead(answer, out var ethernet));
        Assert.Equal(Networking.Nat.Gateway.Mac, ethernet.Source);
        if (ethernet.Type == EtherType.Arp) return;
        var packet = answer.AsSpan(EthernetHeader.Size);
        IpHeader ip;
        Assert.True(ethernet.Type == EtherType.Ipv4 ? IpHeader.TryReadV4(packet, packet.Length, out ip) : IpHeader.TryReadV6(packet, packet.Length, out ip));
        if (ip.IsFragment || ip.Protocol is not (IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Icmp6)) return;
        var payload = packet.Slice(ip.HeaderLength, ip.PayloadLength);
        Assert.Equal(0xFFFF, Checksum.Fold(Checksum.Add(payload, Checksum.PseudoHeader(ip.Source, ip.Destination, ip.Protocol, payload.Length))));
    }

    private static byte[] Break(byte[] frame, Random random, int tries)
    {
        // A part comes whole, so that connections and leases come to be and broken frames meet them.
        if (tries % 4 == 0) return frame;
        frame = Mutate(frame, random);
        if (random.Next(3) != 0 && frame.Length >= 34 && frame[12] == 8 && frame[13] == 0) // with a right header checksum it gets further
        {
            var length = Math.Clamp((frame[14] & 15) * 4, 20, frame.Length - 14);
            Checksum.Store(frame.AsSpan(24), 0);
            Checksum.Store(frame.AsSpan(24), Checksum.Finish(Checksum.Add(frame.AsSpan(14, length), 0)));
        }

        return frame;
    }

    private static byte[] Mutate(byte[] bytes, Random random)
    {
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            switch (random.Next(5))
            {
                case 0 when bytes.Length > 0:
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                    break;
                case 1 when bytes.Length > 0:
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes = bytes[..random.Next(bytes.Length + 1)];
                    break;
                case 3:
                    Array.Resize(ref bytes, bytes.Length + random.Next(200));
                    break;
                case 4 when bytes.Length > 0:
                    bytes[random.Next(bytes.Length)] = random.Next(3) switch { 0 => 0, 1 => 255, _ => 128 };
                    break;
            }
        }

        return bytes;
    }

    private static byte[] Arp()
    {
        var frame = new byte[EthernetHeader.Size + ArpPacket.Size];
        new EthernetHeader(MacAddress.Broadcast, GuestMac, EtherType.Arp).Write(frame);
        new ArpPacket(ArpPacket.Request, GuestMac, Guest4, default, s_gateway4).Write(frame.AsSpan(EthernetHeader.Size));
        return frame;
    }

    private static byte[] Echo(IpAddress source, IpAddress destination)
    {
        var message = new byte[40];
        Icmp.Complete(message, source, destination, source.IsV4 ? Icmp.EchoRequest : Icmp.EchoRequest6, 0, 0x0001_0001);
        return Ip(source, destination, source.IsV4 ? IpProtocol.Icmp : IpProtocol.Icmp6, message);
    }

    private static byte[] Discovery(byte type)
    {
        var message = new byte[32];
        var source = new IpAddress(0xFE80_0000_0000_0000, 2);
        s_gateway6.Write(message.AsSpan(8));
        Icmp.Complete(message, source, s_gateway6, type, 0, 0);
        return Ip(source, s_gateway6, IpProtocol.Icmp6, message, hopLimit: 255);
    }
}
