using System.Globalization;
using Holon.NetBench;
using Holon.Networking;
using Holon.Networking.Nat;
using Holon.Networking.Tests.Real;

// bench nat: a guest that is a network namespace with a TAP device reaches the host's loopback through our NAT, slirp4netns and passt, in turn, in one run.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["serve", var served])
{
    using var tap = NetworkNamespace.RunIn(served, () => TapPort.Open("tap0"));
    using var nat = new NatNetwork(new NatOptions { HostAccess = [HostGrant.Parse("all")] });
    nat.Faulted += Console.Error.WriteLine;
    using var link = nat.Connect(tap, "guest");
    Console.WriteLine("ready");
    Console.In.ReadLine();
    return 0;
}

if (NetworkNamespace.Unavailable is { } reason)
{
    Console.Error.WriteLine($"holon: this benchmark cannot run here: {reason}.");
    return 125;
}

var seconds = args is [var time, ..] ? int.Parse(time) : 3;
var peers = Peer.All.Where(peer => peer.IsInstalled).ToArray();
using var server = new LoadServer();
var rows = new Dictionary<string, Dictionary<string, double>>();
foreach (var peer in peers)
{
    using var guest = new NetworkNamespace("holon-bench");
    using var process = peer.Start(guest);
    var load = new Load(guest, peer.HostAddress, seconds);
    foreach (var (name, measure) in load.Measures)
    {
        if (!rows.TryGetValue(name, out var row)) rows[name] = row = [];
        try
        {
            row[peer.Name] = measure();
        }
        catch (InvalidOperationException exception)
        {
            Console.Error.WriteLine($"holon: {peer.Name}, {name}: {exception.Message}");
        }
    }

    process.Kill(entireProcessTree: true);
    process.WaitForExit();
}

Console.WriteLine($"{"",-34}{string.Concat(peers.Select(peer => $"{peer.Name,14}"))}{"ours/slirp",12}{"ours/passt",12}");
foreach (var (name, row) in rows)
{
    string Ratio(string peer) => row.TryGetValue(peer, out var theirs) && row.TryGetValue("holon", out var ours) && theirs > 0 ? $"{ours / theirs,12:F2}" : $"{"-",12}";
    Console.WriteLine($"{name,-34}{string.Concat(peers.Select(peer => row.TryGetValue(peer.Name, out var value) ? $"{value,14:F2}" : $"{"-",14}"))}{Ratio("slirp4netns")}{Ratio("passt")}");
}

return 0;
