namespace Holon.EndToEnd;

/// <summary>
/// Cards on a TAP device and on a bridge of the host, which are root's: in a network namespace that the test makes, with a DHCP server and a web
/// server of busybox's.
/// </summary>
public sealed class HostBridgeTests(Busybox busybox) : IClassFixture<Busybox>
{
    private const string Script = """
        set -e
        name=$1 network=$2 holon=$3 folder=$4
        cd "$folder"
        ip netns add "$name"
        trap 'kill $servers 2>/dev/null; ip netns del "$name"' EXIT
        inside() { ip netns exec "$name" "$@"; }
        case $network in
            tap:*) inside ip tuntap add "${network#*:}" mode tap vnet_hdr ;;
            bridge:*) inside ip link add "${network#*:}" type bridge ;;
        esac
        inside ip link set lo up
        inside ip addr add 10.77.0.1/24 dev "${network#*:}"
        inside ip addr add fd77::1/64 dev "${network#*:}" nodad
        inside ip link set "${network#*:}" up
        printf 'start 10.77.0.10\nend 10.77.0.10\ninterface %s\nlease_file leases\npidfile pid\nopt subnet 255.255.255.0\nopt router 10.77.0.1\n' "${network#*:}" >dhcp
        : >leases
        mkdir www
        head -c 30000000 /dev/urandom >www/file
        sha256sum www/file | cut -d' ' -f1
        inside busybox udhcpd -f dhcp >/dev/null 2>&1 & servers=$!
        inside busybox httpd -f -p 80 -h www & servers="$servers $!"
        inside "$holon" run busybox --timeout 180s --network "$network" -- sh -c '
            ip -o -4 addr show dev eth0 | awk "{ print \$4 }"
            ping -qc 2 10.77.0.1 | grep -o "2 packets received"
            wget -qO- http://10.77.0.1/file | sha256sum | cut -d" " -f1
            ip -6 addr add fd77::2/64 dev eth0; sleep 2
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
        var probe = await DebianMachine.HostRunAsync("sh", ["-c", "ip netns add holon-probe && ip netns del holon-probe"]);
        Assert.SkipUnless(probe.ExitCode == 0, $"The host does not make network namespaces: {probe.Error}");
        using var folder = new TemporaryFolder();
        var outcome = await DebianMachine.HostRunAsync("sh", ["-c", Script, "sh", $"holon-{Environment.ProcessId}", network, HolonProgram.Path, folder.Path]);
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var lines = outcome.Output.Split('\n');
        Assert.Equal(["10.77.0.10/24", "2 packets received", lines[0], lines[0]], lines[1..5]);
    }
}
