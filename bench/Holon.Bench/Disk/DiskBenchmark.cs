using System.Globalization;
using Spectre.Console;

namespace Holon.Bench.Disk;

/// <summary>What a guest gets from its disks: fio's loads and verified files, in Holon and in QEMU's TCG in turn, with the same kernel, files and cache mode.</summary>
internal static class DiskBenchmark
{
    private const double Target = 2;
    private const long RawBytes = 512 << 20, FileSystemBytes = 256 << 20;
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(15);

    /// <summary>Runs it.</summary>
    /// <returns>1 when a load did not run.</returns>
    /// <remarks><c>--only</c> takes a part of a load's name. <c>--host</c> runs fio on the disk's file, too.</remarks>
    public static async Task<int> RunAsync(BenchPaths paths, Options options)
    {
        var quick = options.Flag("--quick");
        var seconds = quick ? 3 : 4;
        var rounds = options.Number("--rounds", quick ? 1 : 3); // in turn, since hosts are faster at one time than at another
        var only = options.Value("--only") ?? "";
        var onHost = options.Flag("--host");
        var us = Emulator.Holon(paths.Holon, options.Value("--engine"));
        var peer = Emulator.Qemu;
        options.End("disk [--quick] [--rounds N] [--only LOAD] [--host] [--engine NAME]");

        var folder = Directory.CreateTempSubdirectory("holon-bench").FullName;
        try
        {
            var script = Path.Combine(paths.GuestSources, "disk/disk.sh");
            List<GuestFile> files = [new("disk/disk.sh", File.ReadAllBytes(script), Executable: true), .. HostPrograms.Collect("disk", "fio", "stress-ng")];
            var modules = Holon.SystemMachine.Images.ImageStore.ForUser().List().FirstOrDefault(image => image.Manifest.Name == "busybox")?.Modules;
            var guest = await GuestInitrd.MakeAsync(Path.Combine(folder, "initrd"), ["/disk/disk.sh", $"{seconds}", only], files, modules).ConfigureAwait(false);
            var raw = MakeRaw(folder);
            guest = guest with { MemoryMegabytes = 1024, Disks = [raw, MakeFileSystem(folder)] };

            List<Dictionary<string, double>> ours = [], theirs = [], hosts = [];
            for (var round = 1; round <= rounds; round++)
            {
                foreach (var (emulator, results) in new[] { (us, ours), (peer, theirs) })
                {
                    Console.Error.WriteLine($"holon: round {round} of {rounds}: {emulator.Name}");
                    results.Add(Parse(GuestInitrd.CommandOutput(emulator.Run(guest, _limit, GuestInitrd.Ready))));
                }

                if (onHost) hosts.Add(OnHost(script, seconds, only, raw));
            }

            return Report(ours, theirs, hosts, us, peer);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The same loads on the disk's file, without a guest: what no guest can exceed.</summary>
    private static Dictionary<string, double> OnHost(string script, int seconds, string only, string raw)
    {
        var (exitCode, output, errors) = CProgram.Run("sh", [script, $"{seconds}", only, raw], _limit);
        return exitCode == 0 ? Parse(output) : throw new BenchException($"fio did not run on the host: {errors.Trim()}");
    }

    /// <summary>A raw disk that is full of data, so that nobody reads holes.</summary>
    private static string MakeRaw(string folder)
    {
        var path = Path.Combine(folder, "raw");
        var random = new Random(1);
        var piece = new byte[1 << 20];
        using var file = File.Create(path);
        for (var at = 0L; at < RawBytes; at += piece.Length)
        {
            random.NextBytes(piece);
            file.Write(piece);
        }

        file.Flush(flushToDisk: true);
        return path;
    }

    private static string MakeFileSystem(string folder)
    {
        var path = Path.Combine(folder, "ext4");
        using (var file = File.Create(path)) file.SetLength(FileSystemBytes);
        var (exitCode, _, errors) = CProgram.Run("mke2fs", ["-q", "-t", "ext4", "-E", "lazy_itable_init=0,lazy_journal_init=0", path], TimeSpan.FromMinutes(1));
        return exitCode == 0 ? path : throw new BenchException($"mke2fs could not make a file system: {errors.Trim()}");
    }

    /// <summary>Lines of "name rate operations"; everything else is a complaint of a load that failed.</summary>
    private static Dictionary<string, double> Parse(string output)
    {
        var rates = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in output.Split('\n', StringSplitOptions.TrimEntries))
        {
            if (line.Split(' ') is [var name, var rate, "operations"] && double.TryParse(rate, CultureInfo.InvariantCulture, out var number) && number > 0) rates[name] = number;
            else if (line.Length > 0) Console.Error.WriteLine($"  {line}");
        }

        return rates.Count > 0 ? rates : throw new BenchException($"the guest measured nothing; it printed: {output}");
    }

    private static int Report(List<Dictionary<string, double>> ours, List<Dictionary<string, double>> theirs, List<Dictionary<string, double>> hosts, Emulator us, Emulator peer)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("load", $"{us.Name}, operations a second", $"{peer.Name}", $"times as fast as {peer.Name}", hosts.Count > 0 ? $"the host, times {peer.Name}" : "", "");
        var missing = false;
        foreach (var name in theirs.Concat(ours).SelectMany(round => round.Keys).Distinct())
        {
            List<(double Ours, double Theirs)> pairs = [.. ours.Zip(theirs).Where(pair => pair.First.ContainsKey(name) && pair.Second.ContainsKey(name)).Select(pair => (pair.First[name], pair.Second[name]))];
            missing |= pairs.Count < ours.Count;
            if (pairs.Count == 0)
            {
                table.AddRow(name, "–", "–", "–", "", "did not run");
                continue;
            }

            var ratio = pairs.Select(pair => pair.Ours / pair.Theirs).Median();
            List<double> host = [.. hosts.Zip(theirs).Where(pair => pair.First.ContainsKey(name) && pair.Second.ContainsKey(name)).Select(pair => pair.First[name] / pair.Second[name])];
            table.AddRow(name, $"{pairs.Select(pair => pair.Ours).Median():N0}", $"{pairs.Select(pair => pair.Theirs).Median():N0}", $"{ratio:F2}", host.Count > 0 ? $"{host.Median():F2}" : "",
                ratio >= Target ? "" : host.Count > 0 && host.Median() < Target ? $"below {Target}, as the host itself" : $"below {Target}");
        }

        AnsiConsole.Write(table);
        return missing ? 1 : 0;
    }
}
