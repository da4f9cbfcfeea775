using System.Globalization;
using System.Security.Cryptography;

namespace Holon.EndToEnd;

/// <summary>What people do with the network of a Debian machine, against services of the tests' own on the host's loopback.</summary>
public sealed class DebianNetworkTests(DebianMachine debian) : IClassFixture<DebianMachine>
{
    private const string Gateway4 = "10.0.2.1", Gateway6 = "fd68:6f6c:6f6e::1";

    [Fact]
    public async Task Apt_updates_and_installs_from_a_repository_on_the_hosts_loopback()
    {
        await debian.RequireAsync();
        Assert.Contains($"http://{Gateway4}:{debian.Repository.Port}", debian.Installation, StringComparison.Ordinal);
        foreach (var package in DebianMachine.Packages) Assert.Contains($"Setting up {package}", debian.Installation, StringComparison.Ordinal);
        Assert.Equal("0\n", await debian.SshAsync("systemctl --failed --quiet | wc -l; [ ! -e /usr/sbin/policy-rc.d ]"));
    }

    [Theory]
    [InlineData(Gateway4)]
    [InlineData("[" + Gateway6 + "]")]
    public async Task Curl_fetches_a_gigabyte_with_the_right_checksum(string host)
    {
        await debian.RequireAsync();
        Assert.SkipUnless(debian.Gigabyte.HasV6 || host == Gateway4, "The host has no IPv6.");
        Assert.Equal($"{debian.Gigabyte.Digest}  -\n", await debian.SshAsync($"curl -sS -g http://{host}:{debian.Gigabyte.Port}/ | sha256sum"));
    }

    [Fact]
    public async Task Ssh_and_rsync_pass_through_a_published_port()
    {
        await debian.RequireAsync();
        var content = RandomNumberGenerator.GetBytes(20 << 20);
#pragma warning disable CA1308 // sha256sum prints lower case
        Assert.StartsWith(Convert.ToHexString(SHA256.HashData(content)).ToLowerInvariant(), await debian.SshAsync("sha256sum", content), StringComparison.Ordinal);
#pragma warning restore CA1308

        using var folder = new TemporaryFolder();
        var tree = Directory.CreateDirectory(Path.Combine(folder.Path, "tree")).FullName;
        for (var i = 0; i < 500; i++)
        {
            var below = Directory.CreateDirectory(Path.Combine(tree, $"{i % 20}", $"{i % 7}")).FullName;
            await File.WriteAllBytesAsync(Path.Combine(below, $"{i}"), RandomNumberGenerator.GetBytes(1 + (i * 300)), TestContext.Current.CancellationToken);
        }

        string[] Rsync(params string[] options) => ["-a", "-e", $"ssh {string.Join(' ', debian.SshOptions)}", .. options, tree + "/", "root@127.0.0.1:/root/tree/"];
        var copied = await DebianMachine.HostRunAsync("rsync", Rsync());
        Assert.True(copied.ExitCode == 0, copied.Error);
        Assert.Equal("500\n", await debian.SshAsync("find /root/tree -type f | wc -l"));
        var compared = await DebianMachine.HostRunAsync("rsync", Rsync("--checksum", "--dry-run", "--itemize-changes"));
        Assert.Equal((0, ""), (compared.ExitCode, compared.Output));
    }

    [Fact]
    public async Task Names_are_resolved_over_udp_and_tcp()
    {
        await debian.RequireAsync();
        foreach (var transport in new[] { "+notcp", "+tcp" })
        {
            Assert.Equal($"{Gateway4}\n", await debian.SshAsync($"dig {transport} +short @{Gateway4} gateway.holon"));
            Assert.Equal("10.0.2.2\n", await debian.SshAsync($"dig {transport} +short @{Gateway6} debian-test.holon"));
            Assert.Equal("192.0.2.53\n", await debian.SshAsync($"dig {transport} +short @{Gateway4} -p {debian.Names.Port} anything.example"));
        }

        // An answer too long for a datagram comes over TCP after all.
        Assert.Equal("12\n", await debian.SshAsync($"dig +short @{Gateway4} -p {debian.Names.Port} anything.example TXT | tr ' ' '\\n' | grep -c '^\"[a-l]*\"$'"));
    }

    [Fact]
    public async Task Ping_and_traceroute_show_the_way()
    {
        await debian.RequireAsync();
        foreach (var gateway in new[] { Gateway4, Gateway6 })
        {
            Assert.Contains("3 received, 0% packet loss", await debian.SshAsync($"ping -c 3 -i 0.2 {gateway}"), StringComparison.Ordinal);
            Assert.Contains($"\n 1  {gateway} ", await debian.SshAsync($"traceroute -n -q 1 {gateway}"), StringComparison.Ordinal);
        }

        // Behind the gateway there may be nobody; it shows itself all the same (192.0.2.0/24 is for documentation).
        Assert.Contains($"\n 1  {Gateway4} ", await debian.SshAsync("traceroute -n -q 1 -w 0.2 -m 2 192.0.2.1"), StringComparison.Ordinal);
        Assert.Contains($"\n 1  {Gateway4} ", await debian.SshAsync("traceroute -n -I -q 1 -w 0.2 -m 2 192.0.2.1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_thousand_connections_are_open_at_a_time()
    {
        await debian.RequireAsync();
        Assert.Equal("1000\n", await debian.SshAsync($$"""
            bash -c 'ulimit -n 4096
            for i in $(seq 1000); do exec {fd}<>/dev/tcp/{{Gateway4}}/{{debian.Echo.Port}} || echo failed; fds+=($fd); done
            for fd in "${fds[@]}"; do echo $fd >&$fd; done
            for fd in "${fds[@]}"; do read -r line <&$fd; [ "$line" = $fd ] && echo same; done | wc -l'
            """));
    }

    [Fact]
    public async Task An_idle_connection_is_kept_by_probes_and_carries_data_afterwards()
    {
        // Debian's own probes, each after a second instead of two hours: as many as twelve hours would have, and then a byte there and back.
        // The NAT's side of twelve hours is in Holon.Networking.Tests (TcpScriptTests), where the clock is driven.
        await debian.RequireAsync();
        Assert.Equal("probed\nsame\n", await debian.SshAsync($$"""
            sysctl -qw net.ipv4.tcp_keepalive_time=1 net.ipv4.tcp_keepalive_intvl=1 net.ipv4.tcp_keepalive_probes=3
            bash -c 'probes() { nstat -asz TcpExtTCPKeepAlive | awk "/KeepAlive/ { print \$2 }"; }
            coproc curl -sS --no-buffer --keepalive-time 1 telnet://{{Gateway4}}:{{debian.Echo.Port}}
            before=$(probes); sleep 10; [ $(($(probes) - before)) -ge 6 ] && echo probed
            echo word >&${COPROC[1]}; read -r line <&${COPROC[0]}; [ "$line" = word ] && echo same; kill $COPROC_PID'
            """));
    }

    [Fact]
    public async Task Four_processors_have_a_pair_of_queues_each_and_use_them()
    {
        await debian.RequireAsync();
        var interfaceName = (await debian.SshAsync("ls /sys/class/net | grep -v lo")).Trim();
        Assert.Equal(2, (await debian.SshAsync($"ethtool -l {interfaceName}")).Split('\n').Count(line => line.Split('\t', ' ') is ["Combined:", .., "4"]));
        const string Count = "awk '/virtio[0-9]+-input\\.[0-9]/ { sum = 0; for (i = 2; i <= 5; i++) sum += $i; print sum }' /proc/interrupts";
        var before = await debian.SshAsync(Count);
        await debian.SshAsync($"for i in 1 2 3 4 5 6 7 8; do taskset -c $((i % 4)) curl -sS -r 0- --max-time 3 -o /dev/null http://{Gateway4}:{debian.Gigabyte.Port}/ & done; wait; true");
        var after = await debian.SshAsync(Count);
        long[] Numbers(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => long.Parse(line, CultureInfo.InvariantCulture))];
        Assert.Equal(4, Numbers(after).Length);
        Assert.All(Numbers(after).Zip(Numbers(before)), pair => Assert.True(pair.First > pair.Second, $"a queue has received nothing: before {before}, after {after}"));

        // Fewer, and all of them again, while frames pass.
        Assert.Equal("", await debian.SshAsync($"for pairs in 1 2 4 1 4; do ethtool -L {interfaceName} combined $pairs || echo $pairs; curl -sS -o /dev/null http://{Gateway4}:{debian.Repository.Port}/Packages; done"));
    }

    [Fact]
    public async Task Another_mtu_works_and_the_link_is_up()
    {
        await debian.RequireAsync();
        var output = await debian.SshAsync($"""
            interface=$(ls /sys/class/net | grep -v lo)
            ip link set $interface mtu 1280 && curl -sS http://{Gateway4}:{debian.Repository.Port}/Packages | sha256sum
            ip link set $interface mtu 1500 && curl -sS http://{Gateway4}:{debian.Repository.Port}/Packages | sha256sum
            cat /sys/class/net/$interface/carrier /sys/class/net/$interface/speed
            """);
        var lines = output.Split('\n');
        Assert.Equal(lines[0], lines[1]);
        Assert.Equal(["1", "10000"], lines[2..4]);
    }
}
