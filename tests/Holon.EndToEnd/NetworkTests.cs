using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;

namespace Holon.EndToEnd;

/// <summary>Network cards, as guests with Debian's own drivers use them.</summary>
public sealed class NetworkTests(Busybox busybox) : IClassFixture<Busybox>
{
    private const string Limit = "180s";
    private const string WaitForV6 = "for i in $(seq 50); do ip -6 addr show dev eth0 scope global | grep -v tentative | grep -q inet6 && break; sleep 0.2; done";
    private const string Complaints = "dmesg | grep -iE 'virtio|eth0' | grep -iE 'error|fail|warn|bug|invalid|unable|timeout'";

    private static readonly int _megabytes = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1" ? 1024 : 64;

    [Fact]
    public async Task A_guest_gets_addresses_names_and_files_over_both_families()
    {
        busybox.Require();
        using var server = new LoopbackServer(_megabytes);
        Assert.SkipUnless(server.HasV6, "The host has no IPv6.");
        var script = $"""
            {WaitForV6}
            ip -o -4 addr show dev eth0 | awk '{'{'}print $4{'}'}'
            hostname
            wget -qO- http://10.0.2.1:{server.Port}/ | sha256sum | cut -d' ' -f1
            wget -qO- 'http://[fd68:6f6c:6f6e::1]:{server.Port}/' | sha256sum | cut -d' ' -f1
            nslookup host.holon | grep -c '^Address: 10.0.2.1$'
            ping -qc 2 10.0.2.1 | grep -o '2 packets received'
            ping -qc 2 fd68:6f6c:6f6e::1 | grep -o '2 packets received'
            nc -w 5 10.0.2.1 {server.Port + 1} </dev/null 2>&1 | grep -o 'refused'
            {Complaints}
            """;
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--name", "net-1", "--timeout", Limit, "--network", "nat", "--host-access", $"{server.Port}", "--", "sh", "-c", script);
        Assert.Equal($"10.0.2.2/24\nnet-1\n{server.Digest}\n{server.Digest}\n1\n2 packets received\n2 packets received\nrefused\n", outcome.Output);
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(9000)]
    public async Task A_network_has_the_MTU_that_was_asked_for(int mtu)
    {
        busybox.Require();
        using var server = new LoopbackServer(8);
        var script = $"cat /sys/class/net/eth0/mtu; ping -qc 1 -s {mtu - 28} 10.0.2.1 | grep -o '1 packets received'; wget -qO- http://10.0.2.1:{server.Port}/ | sha256sum | cut -d' ' -f1";
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--network", $"nat,mtu={mtu}", "--host-access", $"{server.Port}", "--", "sh", "-c", script);
        Assert.Equal($"{mtu}\n1 packets received\n{server.Digest}\n", outcome.Output);
    }

    [Fact]
    public async Task Published_ports_lead_to_the_guest_and_a_port_in_use_is_refused()
    {
        busybox.Require();
        var tcp = LoopbackServer.FreePort();
        var capture = Path.Combine(Path.GetTempPath(), $"holon-{Guid.NewGuid():N}.pcap");
        string[] arguments =
        [
            "run", "busybox", "--timeout", Limit, "-p", $"127.0.0.1:{tcp}:8080", "--capture", capture, "--mac", "52:54:00:01:02:03", "--",
            "sh", "-c", "cat /sys/class/net/eth0/address; mkdir /www; echo hello from the guest >/www/index.html; httpd -p 8080 -h /www; echo ready; read line",
        ];
        try
        {
            var outcome = await HolonProgram.RunAsync(arguments, null, meanwhile: async running =>
            {
                await running.WaitForAsync("ready");
                using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(20) };
                Assert.Equal("hello from the guest\n", await client.GetStringAsync(new Uri($"http://127.0.0.1:{tcp}/index.html"), TestContext.Current.CancellationToken));
                var second = await HolonProgram.RunAsync("run", "busybox", "-p", $"127.0.0.1:{tcp}:80", "--", "true");
                Assert.Equal(125, second.ExitCode);
                Assert.Contains($"{tcp}", second.Error, StringComparison.Ordinal);
                await running.TypeAsync("\n");
            });
            Assert.StartsWith("52:54:00:01:02:03\nready\n", outcome.Output, StringComparison.Ordinal);
            var recorded = await File.ReadAllBytesAsync(capture, TestContext.Current.CancellationToken);
            Assert.Contains("hello from the guest", Encoding.Latin1.GetString(recorded), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(capture);
        }
    }

    [Fact]
    public async Task Rules_decide_in_their_order_what_a_guest_reaches()
    {
        busybox.Require();
        var address = Dns.GetHostAddresses("").Concat(NetworkInterface.GetAllNetworkInterfaces().SelectMany(each => each.GetIPProperties().UnicastAddresses).Select(each => each.Address))
            .FirstOrDefault(each => each.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(each) && !each.ToString().StartsWith("169.254.", StringComparison.Ordinal));
        Assert.SkipWhen(address is null, "The host has no address but its loopback's.");
        using TcpListener first = new(address, 0), second = new(address, 0);
        first.Start();
        second.Start();
        var accepted = first.AcceptSocketAsync(TestContext.Current.CancellationToken).AsTask().ContinueWith(client => client.Result.Dispose(), TaskScheduler.Default);
        var (allowed, denied) = (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
        // 192.0.2.0/24 is for documentation (RFC 5737): nobody answers there, but what a rule refuses is refused at once.
        var script = """
            try() { nc -w 5 "$1" "$2" </dev/null 2>&1 && echo open; }
            for target; do echo "$target $(try $target | sed 's/.*: //')"; done
            """;
        var outcome = await HolonProgram.RunAsync(
            "run", "busybox", "--timeout", Limit, "--deny", $"{address}:{denied}", "--allow", $"{address}", "--deny", "all", "--",
            "sh", "-c", script, "sh", $"{address} {allowed}", $"{address} {denied}", "192.0.2.1 443");
        Assert.Equal($"{address} {allowed} open\n{address} {denied} No route to host\n192.0.2.1 443 No route to host\n", outcome.Output);
        await accepted;
    }

    [Fact]
    public async Task Two_machines_know_each_other_by_name()
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        var environment = new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = folder.Path, ["XDG_RUNTIME_DIR"] = folder.Path };
        Assert.Equal(0, (await HolonProgram.RunAsync(["network", "create", "lab", "--subnet", "10.7.0.0/24"], [], environment: environment)).ExitCode);
        var digest = "";
        var first = await HolonProgram.RunAsync(
            ["run", "busybox", "--name", "a", "--timeout", Limit, "--network", "lab", "--", "sh", "-c", "mkdir /www; head -c 20000000 /dev/urandom >/www/file; sha256sum /www/file | cut -d' ' -f1; httpd -p 80 -h /www; echo ready; read line"],
            null,
            environment: environment,
            meanwhile: async running =>
            {
                await running.WaitForAsync("ready");
                var second = await HolonProgram.RunAsync(
                    ["run", "busybox", "--name", "b", "--timeout", Limit, "--network", "lab", "--", "sh", "-c", "ping -qc 1 a | grep -o '1 packets received'; until ping -6 -qc 1 a 2>/dev/null | grep -o '1 packets received'; do :; done; wget -qO- http://a/file | sha256sum | cut -d' ' -f1"], [], environment: environment);
                var inspected = await HolonProgram.RunAsync(["network", "inspect", "lab"], [], environment: environment);
                Assert.Contains("10.7.0.", inspected.Output, StringComparison.Ordinal);
                Assert.Equal("", second.Error);
                Assert.StartsWith("1 packets received\n1 packets received\n", second.Output, StringComparison.Ordinal); // over IPv4 and IPv6
                digest = second.Output.Split('\n')[2];
                await running.TypeAsync("\n");
            });
        Assert.StartsWith($"{digest}\n", first.Output, StringComparison.Ordinal);
        Assert.Equal(64, digest.Length);
    }

    [Theory]
    [InlineData("There is no network 'nowhere'", "--network", "nowhere")]
    [InlineData("none asks for none", "--network", "none", "-p", "1234:80")]
    [InlineData("cannot be read", "-p", "1234")]
    [InlineData("cannot be read", "--deny", "1.2.3.4:x")]
    [InlineData("cannot be read", "--net-rate", "fast")]
    [InlineData("network card's address", "--mac", "12")]
    [InlineData("no property 'speed=9'", "--network", "nat,speed=9")]
    [InlineData("MTU 100 cannot be used", "--network", "nat,mtu=100")]
    [InlineData("at most 1500", "--network", "nat,mtu=9000,model=rtl8139")]
    public async Task What_cannot_be_is_refused_with_a_sentence(string sentence, params string[] options)
    {
        busybox.Require();
        var outcome = await HolonProgram.RunAsync(["run", "busybox", .. options, "--", "true"]);
        Assert.Equal(125, outcome.ExitCode);
        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
    }
}
