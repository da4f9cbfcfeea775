using System.Globalization;
using System.Text.Json;
using Holon.Bench.Work;
using Spectre.Console;

namespace Holon.Bench.Net;

/// <summary>A guest's network: Holon's NAT beside QEMU's TCG with its user-mode network (slirp), the same kernel, driver and programs in both.</summary>
internal static class NetBenchmark
{
    private const double Target = 3;

    private static readonly string[] _packages = ["iperf3", "libiperf0", "libc6", "libsctp1", "libssl3", "libgcc-s1"];

    // name, what it is, unit
    private static readonly (string Name, string Meaning, bool Throughput)[] _lines =
    [
        ("send-1", "TCP, guest to host, 1 stream, Mbit/s", true),
        ("send-8", "TCP, guest to host, 8 streams, Mbit/s", true),
        ("receive-1", "TCP, host to guest, 1 stream, Mbit/s", true),
        ("receive-8", "TCP, host to guest, 8 streams, Mbit/s", true),
        ("udp-send", "UDP, guest to host, 1400 bytes, Mbit/s received", true),
        ("udp-receive", "UDP, host to guest, 1400 bytes, Mbit/s received", true),
        ("smp-send-8", "TCP, guest with 2 vCPUs to host, 8 streams, Mbit/s", true),
        ("smp-receive-8", "TCP, host to guest with 2 vCPUs, 8 streams, Mbit/s", true),
        ("requests", "bytes there and back a second", false),
        ("connections", "connections a second", false),
        ("pair-1", "TCP, guest to guest, 1 stream, Mbit/s", true),
        ("pair-8", "TCP, guest to guest, 8 streams, Mbit/s", true),
        ("pair-requests", "bytes there and back between guests a second", false),
    ];

    /// <summary>Runs it.</summary>
    public static async Task<int> RunAsync(BenchPaths paths, Options options)
    {
        var seconds = options.Number("--seconds", 3);
        var rounds = options.Number("--rounds", 1);
        var only = options.Values("--only");
        foreach (var name in only)
            if (!_lines.Any(line => line.Name == name)) throw new BenchException($"there is no line '{name}'; there are: {string.Join(' ', _lines.Select(line => line.Name))}");
        var lines = only.Count == 0 ? _lines.Select(line => line.Name).ToArray() : [.. only];
        var ours = Emulator.Holon(paths.Holon, options.Value("--engine"));
        options.End("net [--seconds N] [--rounds N] [--only LINE…] [--engine NAME]");

        var folder = Directory.CreateTempSubdirectory("holon-bench");
        try
        {
            var load = Path.Combine(folder.FullName, "load");
            CProgram.Compile(Path.Combine(paths.GuestSources, "net/load.c"), load);
            using var servers = new LoadServers(load);
            GuestFile[] files =
            [
                new("work/net.sh", File.ReadAllBytes(Path.Combine(paths.GuestSources, "net/net.sh")), Executable: true),
                new("work/pair.sh", File.ReadAllBytes(Path.Combine(paths.GuestSources, "net/pair.sh")), Executable: true),
                new("work/load", File.ReadAllBytes(load), Executable: true),
            ];
            var pair = lines.Any(line => line.StartsWith("pair", StringComparison.Ordinal));
            var userland = Userland.Get(paths, "net", _packages, dependencies: false);
            // A guest for each number of processors, with the lines that it measures. Linux takes a pair of queues for each processor where the card has them: ours has, QEMU's behind slirp and passt has one.
            var guests = new List<Guest>();
            var smp = lines.Where(line => line.StartsWith("smp", StringComparison.Ordinal)).ToArray();
            foreach (var (cpus, measured) in new[] { (1, lines.Except(smp).Where(line => !line.StartsWith("pair", StringComparison.Ordinal)).ToArray()), (2, smp) })
            {
                if (measured.Length == 0) continue;
                string[] command = ["/work/net.sh", $"{seconds}", $"{servers.IperfPort}", $"{servers.EchoPort}", .. measured];
                var made = await GuestInitrd.MakeAsync(Path.Combine(folder.FullName, $"initrd-{cpus}"), command, files, userland, network: true).ConfigureAwait(false);
                guests.Add(made with { Cpus = cpus });
            }

            var us = ours with { Arguments = each => [.. ours.Arguments(each), "--network", "nat", "--host-access", "all"] };
            var passt = PasstServer.IsInstalled && guests.Count > 0 ? new PasstServer(Path.Combine(folder.FullName, "passt.sock")) : null;
            var peer = Emulator.Qemu with { Arguments = each => [.. Emulator.Qemu.Arguments(each), "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net"] };
            List<Round> all = [];
            for (var round = 1; round <= rounds; round++)
            {
                all.Add(new Round(
                    await InAsync(us, ours).ConfigureAwait(false),
                    await InAsync(peer, Emulator.Qemu).ConfigureAwait(false),
                    passt is null ? [] : await InPasstAsync(passt).ConfigureAwait(false)));

                // It only has columns beside the others: without it they are shown all the same.
                async Task<Dictionary<string, double>> InPasstAsync(PasstServer server)
                {
                    try
                    {
                        return await server.RunAsync(emulator => InAsync(emulator, null)).ConfigureAwait(false);
                    }
                    catch (BenchException exception)
                    {
                        Console.Error.WriteLine($"holon: without passt: {exception.Message}");
                        return [];
                    }
                }

                // The bare emulator is for two guests, which have no way to the outside.
                async Task<Dictionary<string, double>> InAsync(Emulator emulator, Emulator? bare)
                {
                    Console.Error.WriteLine($"holon: round {round} of {rounds}: {emulator.Name}");
                    var output = string.Concat(guests.Select(guest => GuestInitrd.CommandOutput(emulator.Run(guest, TimeSpan.FromSeconds(60 + ((lines.Length + 6) * (seconds + 10))), GuestInitrd.Ready))));
                    if (pair && bare is not null) output += await GuestPair.RunAsync(bare, bare == ours, folder.FullName, files, userland, seconds).ConfigureAwait(false);
                    return Read(output);
                }
            }

            return Show(paths, all, lines);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Prints the table and writes it down.</summary>
    /// <returns>1 when an emulator that the others are compared with has no figure for a line.</returns>
    private static int Show(BenchPaths paths, List<Round> all, string[] lines)
    {
        var results = new List<NetLine>();
        var withPasst = all.Any(round => round.Passt.Count > 0);
        var table = new Table().AddColumns(["guest's network", "Holon", "QEMU TCG, slirp", "Holon / slirp", "target", .. withPasst ? ["QEMU TCG, passt", "Holon / passt"] : Array.Empty<string>()]).Border(TableBorder.Simple);
        foreach (var (name, meaning, throughput) in _lines.Where(line => lines.Contains(line.Name)))
        {
            double Of(Dictionary<string, double> results) => results.GetValueOrDefault(name, double.NaN);
            var ratio = all.Select(round => Of(round.Ours) / Of(round.Slirp)).Median();
            var target = throughput ? Target : 1;
            var (ours, slirp, withIt) = (all.Select(round => Of(round.Ours)).Median(), all.Select(round => Of(round.Slirp)).Median(), all.Select(round => Of(round.Passt)).Median());
            results.Add(new NetLine(name, meaning, ours, slirp, withIt, ratio, target, ratio >= target));
            string[] passt = [$"{withIt:F0}", $"{all.Select(round => Of(round.Ours) / Of(round.Passt)).Median():F2}"];
            table.AddRow([
                meaning, $"{ours:F0}", $"{slirp:F0}", $"{ratio:F2}", $"{target:F0}: {(ratio >= target ? "met" : "not met")}",
                .. !withPasst ? [] : passt[0] == "NaN" ? ["-", "-"] : passt,
            ]);
        }

        AnsiConsole.Write(table);
        var file = Path.Combine(paths.Results, "net.json");
        File.WriteAllText(file, BenchJson.Write(results));
        Console.WriteLine($"{results.Count(line => line.Met)} of {results.Count} targets are met. Written to {file}");
        return results.Any(line => double.IsNaN(line.Ratio)) ? 1 : 0;
    }

    /// <summary>One line of the table; NaN is what was not measured.</summary>
    private sealed record NetLine(string Name, string Meaning, double Holon, double Slirp, double Passt, double Ratio, double Target, bool Met);

    private sealed record Round(Dictionary<string, double> Ours, Dictionary<string, double> Slirp, Dictionary<string, double> Passt);

    /// <summary>Takes apart what the guest's script printed: a line with a name, then a number or iperf3's report.</summary>
    private static Dictionary<string, double> Read(string output)
    {
        var results = new Dictionary<string, double>();
        foreach (var part in output.Split("== ").Skip(1))
        {
            var end = part.IndexOf('\n', StringComparison.Ordinal);
            if (end < 0) continue;
            var (name, text) = (part[..end].Trim(), part[end..].Trim());
            if (double.TryParse(text, CultureInfo.InvariantCulture, out var number)) results[name] = number;
            else if (text.StartsWith('{')) results[name] = double.MaxNumber(Megabits(text, name), results.GetValueOrDefault(name, double.NaN)); // the best of several loads
            else Console.Error.WriteLine($"holon: {name}: {text}");
        }

        return results;
    }

    private static double Megabits(string report, string name)
    {
        var root = JsonDocument.Parse(report[..(report.LastIndexOf('}') + 1)]).RootElement;
        if (root.TryGetProperty("error", out var error))
        {
            Console.Error.WriteLine($"holon: {name}: {error.GetString()}");
            return double.NaN;
        }

        // What the receiver counted, whoever that was: of UDP that is less than what was sent.
        return root.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e6;
    }
}
