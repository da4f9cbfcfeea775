using System.Net;
using System.Net.Sockets;
using Holon.Networking.Packets;
using static Holon.Networking.Tests.Nat.GatewayFixture;

namespace Holon.Networking.Tests.Nat;

/// <summary>Datagrams that travel together, between a guest's frames and a socket on the host's loopback.</summary>
public sealed class UdpFlowsTests : IDisposable
{
    private const int LevelUdp = 17, Segment = 103; // udp(7)

    private readonly GatewayFixture _fixture = new(new NatOptions { HostAccess = [HostGrant.Parse("all")] });
    private readonly UdpClient _host = new(new IPEndPoint(IPAddress.Loopback, 0));

    private ushort Port => (ushort)((IPEndPoint)_host.Client.LocalEndPoint!).Port;

    public void Dispose()
    {
        _host.Dispose();
        _fixture.Dispose();
    }

    [Fact]
    public void Datagrams_of_a_batch_arrive_as_they_were_sent()
    {
        _host.Client.ReceiveBufferSize = 1 << 20;
        int[] sizes = [1400, 1400, 1400, 700, 1400, 1, 0, 1472, 1472, 3, .. Enumerable.Repeat(100, 130), 99, 101];
        var payloads = sizes.Select((size, index) => Enumerable.Repeat((byte)index, size).ToArray()).ToArray();
        // Two of the guest's sockets in turn, then one alone.
        _fixture.SendTogether(payloads.Select((payload, index) => Udp(Guest4, (ushort)(index < 6 ? 1000 + (index % 2) : 1000), _fixture.Gateway.Gateway4, Port, payload)));
        var received = new List<byte[]>();
        IPEndPoint? from = null;
        _host.Client.ReceiveTimeout = 5000;
        while (received.Count < payloads.Length) received.Add(_host.Receive(ref from));
        Assert.Equal(payloads, received);
    }

    [Fact]
    public void What_a_guest_hands_over_as_one_frame_arrives_as_datagrams()
    {
        var payload = new byte[5500];
        new Random(1).NextBytes(payload);
        var offload = new FrameOffload { Flags = FrameOffload.NeedsChecksum, GsoCode = (byte)GsoType.Udp, SegmentSize = 1000, ChecksumStart = 34, ChecksumOffset = 6 };
        _fixture.Send(Udp(Guest4, 1000, _fixture.Gateway.Gateway4, Port, payload), offload);
        IPEndPoint? from = null;
        _host.Client.ReceiveTimeout = 5000;
        foreach (var expected in payload.Chunk(1000)) Assert.Equal(expected, _host.Receive(ref from));
    }

    [Theory]
    [InlineData(PortFeatures.None, 5)]
    [InlineData(PortFeatures.PartialChecksum, 5)]
    [InlineData(PortFeatures.PartialChecksum | PortFeatures.Uso4, 1)]
    public async Task What_the_host_sends_together_reaches_the_guest_in_the_form_that_it_can_take(PortFeatures features, int frames)
    {
        var cancellation = TestContext.Current.CancellationToken;
        _fixture.Features = features;
        _fixture.Loop.Start();
        // The guest asks for its neighbour first, and is known by that.
        _fixture.Loop.Call(() =>
        {
            _fixture.Send(Udp(Guest4, 1000, _fixture.Gateway.Gateway4, Port, [1]));
            return true;
        });
        var question = await _host.ReceiveAsync(cancellation);
        var payload = new byte[4500];
        new Random(1).NextBytes(payload);
        _host.Client.SetRawSocketOption(LevelUdp, Segment, BitConverter.GetBytes(1000));
        await _host.SendAsync(payload, question.RemoteEndPoint, cancellation);
        var answers = new List<byte[]>();
        while (answers.Count < frames)
        {
            answers = _fixture.Loop.Call(() => _fixture.Answers.ToList());
            await Task.Delay(1, cancellation);
        }

        const int Headers = EthernetHeader.Size + IpHeader.V4Size + UdpHeader.Size;
        Assert.Equal(payload, answers.SelectMany(answer => answer[Headers..]));
        foreach (var (answer, offload) in answers.Zip(_fixture.Offloads))
        {
            Assert.True(IpHeader.TryReadV4(answer.AsSpan(EthernetHeader.Size), answer.Length - EthernetHeader.Size, out var ip));
            var partial = (features & PortFeatures.PartialChecksum) != 0;
            Assert.True(UdpHeader.TryRead(ip, answer.AsSpan(EthernetHeader.Size + IpHeader.V4Size), trusted: partial, out var udp));
            Assert.Equal((Port, (ushort)1000, answer.Length - Headers + UdpHeader.Size), (udp.SourcePort, udp.DestinationPort, udp.Length));
            Assert.Equal(partial ? FrameOffload.NeedsChecksum : 0, offload.Flags);
            Assert.Equal((frames == 1 ? GsoType.Udp : GsoType.None, frames == 1 ? 1000 : 0), (offload.Gso, (int)offload.SegmentSize));
        }
    }
}
