using System.Diagnostics;
using Holon.Machines;
using Holon.Networking.Switching;
using Holon.Networking.Tests.Real;

namespace Holon.Networking.Tests.Switching;

public sealed class SwitchTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("holon-net");
    private readonly NetworkStore _store;

    public SwitchTests() => _store = new NetworkStore(Path.Combine(_folder.FullName, "defined"), Path.Combine(_folder.FullName, "run"));

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Networks_are_made_listed_and_removed()
    {
        var lab = _store.Create("lab", "10.7.0.0/24", null, false);
        var other = _store.Create("other", null, null, true);
        Assert.Equal(["lab", "other"], _store.List().Select(network => network.Name));
        Assert.Equal(lab, _store.Get("lab"));
        Assert.NotEqual(lab.Subnet4, other.Subnet4);
        Assert.Contains("already", Assert.Throws<HolonException>(() => _store.Create("lab", null, null, false)).Message);
        Assert.Contains("overlaps", Assert.Throws<HolonException>(() => _store.Create("third", "10.0.0.0/8", null, false)).Message);
        Assert.Contains("cannot be read", Assert.Throws<HolonException>(() => _store.Create("third", "10.7", null, false)).Message);
        Assert.Contains("cannot be the name", Assert.Throws<HolonException>(() => _store.Create("../x", null, null, false)).Message);
        _store.Remove("lab");
        Assert.Contains("no network", Assert.Throws<HolonException>(() => _store.Get("lab")).Message);
    }

    [Fact]
    public async Task Two_machines_reach_each_other_by_name_and_the_switch_ends_with_them()
    {
        RealNetwork.Require("ping", "dig", "busybox", "iperf3");
        _store.Create("lab", "10.7.0.0/24", null, false);
        Task? serving = null;
        var client = new SwitchClient(_store, "lab", name => serving = SwitchServer.RunAsync(_store, name, TestContext.Current.CancellationToken));
        using var a = new NetworkNamespace("ha");
        using var b = new NetworkNamespace("hb");
        using var tapA = a.Run(() => TapPort.Open("tap0"));
        using var tapB = b.Run(() => TapPort.Open("tap0"));
        var script = Path.Combine(_folder.FullName, "lease");
        File.WriteAllText(script, "#!/bin/sh\n[ $1 = bound ] && ip addr add $ip/$mask dev $interface && ip route add default via $router\nexit 0\n");
        a.Execute("chmod", "+x", script);
        a.Execute("ip", "link", "set", "tap0", "address", "52:54:00:00:00:0a");
        b.Execute("ip", "link", "set", "tap0", "address", "52:54:00:00:00:0b");
        using (var linkA = client.Connect(tapA, "a", new MacAddress(0x5254_0000_000A)))
        using (client.Connect(tapB, "b", new MacAddress(0x5254_0000_000B)))
        {
            foreach (var machine in new[] { a, b })
            {
                machine.Execute("ip", "link", "set", "tap0", "up");
                machine.Execute("busybox", "udhcpc", "-f", "-q", "-n", "-i", "tap0", "-s", script);
            }

            Assert.Equal("10.7.0.3", a.Execute("dig", "@10.7.0.1", "+short", "b.holon").Trim());
            Assert.Contains(" 0% packet loss", a.Execute("ping", "-c", "2", "-i", "0.2", "10.7.0.3"));
            using var server = b.Start("iperf3", "-s", "-1");
            await Task.Delay(300, TestContext.Current.CancellationToken);
            Assert.Contains("receiver", a.Execute("iperf3", "-c", "10.7.0.3", "-n", "200M"));
            await server.WaitForExitAsync(TestContext.Current.CancellationToken);
            var report = SwitchClient.TryInspect(_store, "lab")!;
            Assert.Equal(["a", "b"], report.Machines.Select(machine => machine.Name));
            Assert.True(report.Machines[0].Counters.SentBytes > 200_000_000);
            Assert.Contains("same name", Assert.Throws<HolonException>(() => client.Connect(tapB, "a", new MacAddress(0x5254_0000_000C))).Message);
            Assert.Contains("stop them first", Assert.Throws<HolonException>(() => _store.Remove("lab")).Message);
        }

        var waited = Stopwatch.StartNew();
        await serving!.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.True(waited.Elapsed < TimeSpan.FromSeconds(15));
        Assert.False(File.Exists(_store.SocketOf("lab")));
        _store.Remove("lab");
    }
}
