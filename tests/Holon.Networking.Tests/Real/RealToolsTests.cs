using System.Diagnostics;
using System.Security.Cryptography;

namespace Holon.Networking.Tests.Real;

/// <summary>What people use, through the NAT, with Linux's own TCP/IP as the guest: the main oracle.</summary>
public sealed class RealToolsTests(RealNetwork network) : IClassFixture<RealNetwork>
{
    private const string Gateway4 = "10.0.2.1", Gateway6 = "fd68:6f6c:6f6e::1";

    [Theory]
    [InlineData("http://203.0.113.2/")]
    [InlineData("http://[2001:db8:2::2]/")]
    public void Curl_downloads_and_uploads_the_right_bytes(string url)
    {
        RealNetwork.Require("curl");
        var file = Path.GetTempFileName();
        network.Guest.Execute("curl", "-sS", "--max-time", "50", "-o", file, url);
        Assert.Equal(SHA256.HashData(network.Body), SHA256.HashData(File.ReadAllBytes(file)));
        File.Delete(file);
        Assert.Empty(network.Faults);
    }

    [Theory]
    [InlineData("203.0.113.2")]
    [InlineData("2001:db8:2::2")]
    public async Task What_is_echoed_comes_back_whole_after_a_half_close(string address)
    {
        RealNetwork.Require("nc");
        var size = 8 << 20;
        using var process = network.Guest.Start("nc", "-N", address, "7");
        var received = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(received, TestContext.Current.CancellationToken);
        await process.StandardInput.BaseStream.WriteAsync(network.Body.AsMemory(0, size), TestContext.Current.CancellationToken);
        process.StandardInput.Close(); // nc -N: shuts its side down, and the echo still comes
        await reading.WaitAsync(TimeSpan.FromSeconds(50), TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(network.Body.AsSpan(0, size).SequenceEqual(received.GetBuffer().AsSpan(0, (int)received.Length)));
    }

    [Theory]
    [InlineData("example.org A", "203.0.113.2")]
    [InlineData("example.org AAAA", "2001:db8:2::2")]
    [InlineData("+tcp example.org A", "203.0.113.2")]
    [InlineData("+tcp +keepopen example.org AAAA", "2001:db8:2::2")]
    [InlineData("debian A", "10.0.2.2")]
    [InlineData("debian.holon A", "10.0.2.2")]
    [InlineData("debian.holon AAAA", "fd68:6f6c:6f6e::2")]
    [InlineData("gateway.holon A", Gateway4)]
    [InlineData("host.holon AAAA", Gateway6)]
    [InlineData("+tcp gateway.holon A", Gateway4)]
    [InlineData("nobody.holon A", "")]
    public void Dig_finds_names(string question, string expected)
    {
        RealNetwork.Require("dig");
        foreach (var server in new[] { Gateway4, Gateway6 })
            Assert.Equal(expected, network.Guest.Execute(["dig", $"@{server}", "+short", "+time=5", "+tries=1", .. question.Split(' ')]).Trim());
    }

    [Theory]
    [InlineData(Gateway4)]
    [InlineData(Gateway6)]
    [InlineData("203.0.113.2")]
    [InlineData("2001:db8:2::2")]
    public void Ping_gets_answers(string address)
    {
        RealNetwork.Require("ping");
        Assert.Contains(" 0% packet loss", network.Guest.Execute("ping", "-c", "3", "-i", "0.2", "-W", "2", "-s", "1000", address));
    }

    [Theory]
    [InlineData("-4", "203.0.113.2", Gateway4, "198.51.100.1")]
    [InlineData("-6", "2001:db8:2::2", Gateway6, "2001:db8:1::1")]
    public void Traceroute_sees_the_gateway_the_router_and_the_destination(string family, string address, string first, string second)
    {
        RealNetwork.Require("traceroute");
        network.Guest.TryExecute("ping", "-c", "1", "-W", "2", address); // the routers between have found their neighbours
        var output = network.Guest.Execute("traceroute", family, "-n", "-q", "1", "-w", "2", "-m", "5", address);
        var hops = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
        Assert.Equal([first, second, address], hops);
    }

    [Theory]
    [InlineData("203.0.113.2", "Connection refused")] // nobody listens on port 81
    [InlineData("10.0.2.1", "Connection refused")] // the host's loopback is not granted
    [InlineData("2001:db8:2::2", "Connection refused")]
    [InlineData("203.0.113.77", "No route to host")]
    public void Failing_connections_fail_as_they_do_without_us(string address, string message)
    {
        RealNetwork.Require("nc");
        var (code, output) = network.Guest.TryExecute("nc", "-v", "-z", "-w", "10", address, "81");
        Assert.Equal(1, code);
        Assert.Contains(message, output);
    }

    [Fact]
    public void A_udp_datagram_to_a_closed_port_is_refused_and_a_long_one_is_echoed_in_fragments()
    {
        RealNetwork.Require("nc");
        using var socket = network.Guest.Run(() => new System.Net.Sockets.UdpClient("203.0.113.2", 81));
        socket.Client.ReceiveTimeout = 5000;
        socket.Send([1]);
        Assert.Equal(System.Net.Sockets.SocketError.ConnectionRefused, Assert.Throws<System.Net.Sockets.SocketException>(() => socket.Client.Receive(new byte[10])).SocketErrorCode);
        foreach (var address in new[] { "203.0.113.2", "2001:db8:2::2" })
        {
            using var echo = network.Guest.Run(() => new System.Net.Sockets.UdpClient(address, 7));
            echo.Client.ReceiveTimeout = 5000;
            foreach (var size in new[] { 1, 1472, 1473, 9000, 60000 })
            {
                echo.Send(network.Body, size);
                var answer = new byte[65536];
                Assert.Equal(size, echo.Client.Receive(answer));
                Assert.True(answer.AsSpan(0, size).SequenceEqual(network.Body.AsSpan(0, size)));
            }
        }
    }

    [Fact]
    public async Task A_thousand_connections_at_once_all_work()
    {
        RealNetwork.Require();
        var clients = network.Guest.Run(() => Enumerable.Range(0, 1000).Select(_ => new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp)).ToArray());
        await Parallel.ForEachAsync(clients, new ParallelOptions { MaxDegreeOfParallelism = 200 }, async (client, token) => await client.ConnectAsync("203.0.113.2", 7, token));
        await Task.WhenAll(clients.Select(async (client, number) =>
        {
            var sent = BitConverter.GetBytes(number);
            await client.SendAsync(sent);
            var received = new byte[4];
            Assert.Equal(4, await client.ReceiveAsync(received));
            Assert.Equal(sent, received);
        }));
        Assert.True(network.Nat.Status.Connections >= 1000);
        foreach (var client in clients) client.Dispose();
        var waiting = Stopwatch.StartNew();
        while (network.Nat.Status.Connections > 100 && waiting.Elapsed < TimeSpan.FromSeconds(20)) await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.True(network.Nat.Status.Connections <= 100);
        Assert.Empty(network.Faults);
    }

    [Fact]
    public void Udhcpc_gets_the_machines_address()
    {
        RealNetwork.Require("busybox");
        var script = Path.GetTempFileName();
        File.WriteAllText(script, "#!/bin/sh\n[ $1 = bound ] && echo \"got $ip/$mask router $router dns $dns domain $domain mtu $mtu host $hostname\"\nexit 0\n");
        network.Guest.Execute("chmod", "+x", script);
        var output = network.Guest.Execute("busybox", "udhcpc", "-f", "-q", "-n", "-i", "tap0", "-O", "mtu", "-O", "hostname", "-s", script);
        File.Delete(script);
        Assert.Contains("got 10.0.2.2/24 router 10.0.2.1 dns 10.0.2.1 domain holon mtu 1500 host debian", output);
    }
}
