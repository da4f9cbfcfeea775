using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Holon.Networking.Tests.Real;

/// <summary>Forwarded ports, grants, rules, rates and captures, with Linux's own stack as guest and host.</summary>
public sealed class RealPolicyTests
{
    [Fact]
    public void Forwarded_ports_reach_the_guest_by_tcp_and_udp_over_ipv4_and_ipv6()
    {
        RealNetwork.Require();
        using var network = new RealNetwork(new Networking.NatOptions
        {
            Forwards = [PortForward.Parse("2007:7"), PortForward.Parse("127.0.0.1:2008:7"), PortForward.Parse("2007:7/udp"), PortForward.Parse("[::1]:2009:7")],
        });
        network.Serve(network.Guest, IPAddress.Any);
        network.Serve(network.Guest, IPAddress.IPv6Any);
        foreach (var (address, port) in new[] { ("127.0.0.1", 2007), ("127.0.0.1", 2008), ("198.51.100.2", 2007), ("::1", 2007), ("::1", 2009), ("2001:db8:1::2", 2007) })
        {
            using var client = network.Host.Run(() => new TcpClient(address, port));
            client.ReceiveTimeout = 5000;
            client.GetStream().Write([1, 2, 3]);
            var answer = new byte[3];
            client.GetStream().ReadExactly(answer);
            Assert.Equal([1, 2, 3], answer);
        }

        foreach (var address in new[] { "127.0.0.1", "::1" })
        {
            using var client = network.Host.Run(() => new UdpClient(address, 2007));
            client.Client.ReceiveTimeout = 5000;
            client.Send([4, 5]);
            IPEndPoint? from = null;
            Assert.Equal([4, 5], client.Receive(ref from));
        }

        using var tap = network.Host.Run(() => TapPort.Open("tap9"));
        using var again = network.Host.Run(() => new Networking.Nat.NatNetwork(new Networking.NatOptions { Forwards = [PortForward.Parse("2007:7")] }));
        Assert.Contains("in use", Assert.Throws<Machines.HolonException>(() => again.Connect(tap, "other")).Message);
    }

    [Fact]
    public void Only_what_is_granted_and_allowed_is_reached()
    {
        RealNetwork.Require("curl", "dig");
        var capture = Path.Combine(Path.GetTempPath(), $"holon-{Guid.NewGuid():n}.pcap");
        using (var network = new RealNetwork(new Networking.NatOptions
        {
            HostAccess = [HostGrant.Parse("7")],
            Rules = [FirewallRule.Parse("example.org:7", true), FirewallRule.Parse("all", false)],
            Capture = new CaptureOptions(capture),
        }))
        {
            Assert.True(Reaches(network, "10.0.2.1", 7)); // the host's loopback, as granted
            Assert.False(Reaches(network, "10.0.2.1", 80));
            Assert.False(Reaches(network, RealNetwork.Far4, 7)); // the name has not been asked for
            Assert.Equal(RealNetwork.Far4, network.Guest.Execute("dig", "@10.0.2.1", "+short", "example.org").Trim());
            Assert.True(Reaches(network, RealNetwork.Far4, 7));
            Assert.False(Reaches(network, RealNetwork.Far4, 80)); // another port
            Assert.Contains("REFUSED", network.Guest.TryExecute("dig", "@10.0.2.1", "data.attacker.org").Output);
            Assert.True(network.Link.Counters.Denied >= 3);
        }

        var bytes = File.ReadAllBytes(capture);
        Assert.Equal(0xA1B23C4D, BitConverter.ToUInt32(bytes));
        Assert.True(bytes.Length > 1000);
        File.Delete(capture);
    }

    [Fact]
    public void A_rate_limit_holds_in_both_directions()
    {
        RealNetwork.Require("curl");
        using var network = new RealNetwork(new Networking.NatOptions { Rate = ByteRate.Parse("80M") });
        var output = network.Guest.Execute("curl", "-sS", "-o", "/dev/null", "-w", "%{speed_download}", "-r", "0-", "--max-time", "30", $"http://{RealNetwork.Far4}/");
        Assert.InRange(double.Parse(output, System.Globalization.CultureInfo.InvariantCulture), 4e6, 11e6); // 10 million bytes a second at most
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.05)]
    public async Task Linux_gets_and_sends_every_byte_over_a_bad_cable(double loss)
    {
        RealNetwork.Require("curl", "nc");
        using var network = new RealNetwork(new Networking.NatOptions(), tap => new LossyPort(tap, loss, 7));
        var size = 2 << 20;
        var token = TestContext.Current.CancellationToken;
        using var process = network.Guest.Start("nc", "-N", RealNetwork.Far4, "7"); // up, and back as an echo
        var received = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(received, token);
        await process.StandardInput.BaseStream.WriteAsync(network.Body.AsMemory(0, size), token);
        process.StandardInput.Close();
        await reading.WaitAsync(TimeSpan.FromSeconds(60), token);
        Assert.Equal(SHA256.HashData(network.Body.AsSpan(0, size)), SHA256.HashData(received.ToArray()));
        Assert.Empty(network.Faults);
    }

    private static bool Reaches(RealNetwork network, string address, int port)
    {
        try
        {
            using var client = network.Guest.Run(() => new TcpClient(address, port));
            return client.Connected;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
