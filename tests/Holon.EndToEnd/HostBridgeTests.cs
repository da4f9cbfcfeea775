namespace Holon.EndToEnd;

/// <summary>
/// Cards on a TAP device and on a bridge of the host, which are root's: in a network namespace that the test makes, with a DHCP server and a web
/// server of busybox's.
/// </summary>
public sealed class HostBridgeTests(Busybox busybox) : IClassFixture<Busybox>
{
    // The script is the first process of a process namespace: whatever way it ends, its servers end with it, and with the last of them the network goes.
    private static readonly string[] _apart = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec"];

    private const string Script = """
        network=$1 holon=$2
        interface=${network#*:}
        cd "$3"
        case $network in
            tap:*) ip tuntap add "$interface" mode tap vnet_hdr ;;
            bridge:*) ip link add "$interface" type bridge ;;
        esac
        ip link set lo up
        ip addr add 10.77.0.1/24 dev "$interface"
        ip addr add fd77::1/64 dev "$interface" nodad
        ip link set "$interface" up
        printf 'start 10.77.0.10\nend 10.77.0.10\ninterface %s\nlease_file leases\npidfile pid\nopt subnet 255.255.255.0\nopt router 10.77.0.1\n' "$interface" >dhcp
        : >leases
        mkdir www
        head -c 30000000 /dev/urandom >www/file
        sha256sum www/file | cut -d' ' -f1
        busybox udhcpd -f dhcp >/dev/null 2>&1 &
        busybox httpd -f -p 80 -h www >/dev/null 2>&1 &
        "$holon" run busybox --timeout 180s --network "$network" -- sh -c '
            ip -o -4 addr show dev eth0 | awk "{ print \$4 }"
            ping -qc 2 10.77.0.1 | grep -o "2 packets received"
            wget -qO- http://10.77.0.1/file | sha256sum | cut -d" " -f1
            ip -6 addr add fd77::2/64 dev eth0
            while ip -6 addr show dev eth0 | grep -q tentative; do sleep 0.1; done
            wget -qO- "http://[fd77::1]/file" | sha256sum | cut -d" " -f1'
        """;

    [Theory]
    [InlineData("tap:tap7")]
    [InlineData("bridge:br7")]
    public async Task A_guest_is_on_a_network_of_the_host(string network)
    {
        busybox.Require();
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "It makes a network of the host; ./holon test --all runs it.");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "TAP devices, bridges and network namespaces are root's.");
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "The host has no /dev/net/tun.");
        Assert.SkipUnless(File.Exists("/usr/bin/busybox") || File.Exists("/bin/busybox"), "It needs busybox, which comes with: apt-get install busybox-static");
        var probe = await DebianMachine.HostRunAsync("unshare", [.. _apart, "ip link set lo up"]);
        Assert.SkipUnless(probe.ExitCode == 0, $"The host does not make network namespaces: {probe.Error}");
        using var folder = new TemporaryFolder();
        var outcome = await DebianMachine.HostRunAsync("unshare", [.. _apart, Script, "sh", network, HolonProgram.Path, folder.Path]);
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var lines = outcome.Output.Split('\n');
        Assert.Equal(["10.77.0.10/24", "2 packets received", lines[0], lines[0]], lines[1..5]);
    }
}
