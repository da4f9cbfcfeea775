using System.Globalization;
using Holon.Bench.Disk;
using Holon.SystemMachine.Images;
using Spectre.Console;

namespace Holon.Bench.Share;

/// <summary>
/// A folder of the host in a guest: by virtio-fs in Holon and by 9p in QEMU's TCG in turn, with the same kernel (Debian's full one: the cloud kernel
/// has no 9p), files and folder. Each of Holon's cache modes beside what 9p has like it: nothing cached by both; everything believed for ever by both (9p's cache=loose).
/// 9p has nothing like <c>cache=auto</c>, which believes for a second: it is shown beside both.
/// </summary>
internal static class ShareBenchmark
{
    private const double Target = 2;
    private const string Image = "busybox-full";
    private static readonly string[] _modes = ["none", "auto", "always"]; // and then 9p's two, in the order of the columns
    private static readonly string[] _plan9 = ["netfs", "fscache", "9pnet", "9pnet_virtio", "9p"];
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(15);

    /// <summary>Runs it.</summary>
    /// <returns>1 when a load did not run.</returns>
    public static async Task<int> RunAsync(BenchPaths paths, Options options)
    {
        var quick = options.Flag("--quick");
        var rounds = options.Number("--rounds", 1);
        var us = Emulator.Holon(paths.Holon, options.Value("--engine"));
        options.End("share [--quick] [--rounds N] [--engine NAME]");
        var (files, megabytes) = quick ? (500, 128) : (5000, 512);

        var folder = Directory.CreateTempSubdirectory("holon-bench").FullName;
        try
        {
            var image = await ImageStore.ForUser().GetAsync(Image, new Progress<ImageProgress>(), CancellationToken.None).ConfigureAwait(false);
            var program = Path.Combine(folder, "program");
            CProgram.Compile(Path.Combine(paths.GuestSources, "share/share.c"), program);
            List<GuestFile> contents =
            [
                new("share/share.sh", File.ReadAllBytes(Path.Combine(paths.GuestSources, "share/share.sh")), Executable: true),
                new("share/share", File.ReadAllBytes(program), Executable: true),
                .. HostPrograms.Collect("share", "git"), .. Plan9Modules(image, folder),
            ];
            var shared = Directory.CreateDirectory(Path.Combine(folder, "shared")).FullName;
            var tree = MakeTree(paths.Root, shared, quick ? "docs src/Holon.Devices" : "");
            string[] command = ["/share/share.sh", $"{files}", $"{megabytes}", $"{tree}"];
            var guest = await GuestInitrd.MakeAsync(Path.Combine(folder, "initrd"), command, contents, image.Modules, image: Image).ConfigureAwait(false);
            var loose = await GuestInitrd.MakeAsync(Path.Combine(folder, "initrd-loose"), ["/bin/env", "options=cache=loose", .. command], contents, image.Modules, image: Image).ConfigureAwait(false);
            var runs = _modes.Select(mode => new ShareRun($"{us.Name}, cache={mode}", us, guest with { ShareCache = mode }))
                .Concat([new ShareRun("QEMU TCG, 9p without a cache", Emulator.Qemu, guest), new ShareRun("QEMU TCG, 9p with cache=loose", Emulator.Qemu, loose)]).ToArray();
            for (var round = 1; round <= rounds; round++)
            {
                foreach (var run in runs)
                {
                    Console.Error.WriteLine($"holon: round {round} of {rounds}: {run.Name}");
                    run.Rounds.Add(Parse(GuestInitrd.CommandOutput(run.Emulator.Run(run.Guest with { MemoryMegabytes = 1024, Share = shared }, _limit, GuestInitrd.Ready))));
                }
            }

            return Report(paths, runs);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>9p's modules, of which an image of Holon's has no need, from the package that its kernel came from.</summary>
    private static IEnumerable<GuestFile> Plan9Modules(StoredImage image, string folder)
    {
        var package = image.Manifest.Packages.First(package => package.Name.StartsWith("linux-image-", StringComparison.Ordinal));
        var unpacked = Path.Combine(folder, "package");
        var (exitCode, _, errors) = CProgram.Run("sh", ["-c", $"mkdir '{unpacked}' && cd '{unpacked}' && chmod 777 . && {{ apt-get download -qq {package.Name}={package.Version} || {{ apt-get update -qq && apt-get download -qq {package.Name}={package.Version}; }}; }} >/dev/null && dpkg-deb --fsys-tarfile *.deb | tar -x --wildcards '*/fs/*' '*/net/9p/*'"], TimeSpan.FromMinutes(5));
        if (exitCode != 0) throw new BenchException($"apt-get could not fetch {package.Name} {package.Version}, which has 9p's modules; run apt-get update, remove the image {Image} and try again. {errors.Trim()}");
        return [.. _plan9.Select(module => new GuestFile($"share/{module}.ko", File.ReadAllBytes(Directory.GetFiles(unpacked, $"{module}.ko", SearchOption.AllDirectories).Single())))];
    }

    /// <summary>A source tree, this repository's or some of its folders, as an archive, and as a repository of git.</summary>
    /// <returns>How many files it has.</returns>
    private static int MakeTree(string root, string shared, string folders)
    {
        var script = $"git -C '{root}' archive --prefix=tree/ -o '{shared}/tree.tar' HEAD {folders} && mkdir '{shared}/repository' && cd '{shared}/repository' && tar -x --strip-components=1 -f ../tree.tar && git init -q && git add -A && git -c user.name=bench -c user.email=bench@localhost commit -q -m tree && git ls-files | wc -l";
        var (exitCode, output, errors) = CProgram.Run("sh", ["-c", script], TimeSpan.FromMinutes(2));
        if (exitCode != 0) throw new BenchException($"git could not copy this repository: {errors.Trim()}");
        return int.Parse(output, CultureInfo.InvariantCulture);
    }

    /// <summary>Lines of "name rate unit"; everything else is a complaint of a load that failed.</summary>
    private static Dictionary<string, (double Rate, string Unit)> Parse(string output)
    {
        var rates = new Dictionary<string, (double, string)>(StringComparer.Ordinal);
        foreach (var line in output.Split('\n', StringSplitOptions.TrimEntries))
        {
            if (line.Split(' ') is [var name, var rate, var unit and ("MB" or "files" or "reads")] && double.TryParse(rate, CultureInfo.InvariantCulture, out var number)) rates[name] = (number, unit);
            else if (line.Length > 0) Console.Error.WriteLine($"  {line}");
        }

        return rates.Count > 0 ? rates : throw new BenchException($"the guest measured nothing; it printed: {output}");
    }

    private static int Report(BenchPaths paths, ShareRun[] runs)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("load, a second", "Holon none", "9p none", "times", "Holon auto", "to none", "to loose", "Holon always", "9p loose", "times", "");
        var lines = new List<ShareLine>();
        var missing = false;
        foreach (var name in runs.SelectMany(run => run.Rounds).SelectMany(round => round.Keys).Distinct())
        {
            var medians = runs.Select(run => run.Rounds.Where(round => round.ContainsKey(name)).Select(round => round[name].Rate).Median()).ToArray();
            missing |= medians.Any(double.IsNaN);
            var unit = runs.SelectMany(run => run.Rounds).First(round => round.ContainsKey(name))[name].Unit;
            var (none, auto, always, plan9, loose) = (medians[0], medians[1], medians[2], medians[3], medians[4]);
            var (uncached, cached) = (none / plan9, always / loose);
            table.AddRow($"{name} ({unit})", $"{none:N0}", $"{plan9:N0}", $"{uncached:F1}", $"{auto:N0}", $"{auto / plan9:F1}", $"{auto / loose:F1}", $"{always:N0}", $"{loose:N0}", $"{cached:F1}", uncached >= Target && cached >= Target ? "" : $"below {Target}");
            lines.Add(new ShareLine(name, unit, none, auto, always, plan9, loose));
        }

        AnsiConsole.Write(table);
        Console.WriteLine("Like beside like: nothing cached (none) in both; everything believed for ever (always, loose) in both. 9p has nothing like auto.");
        File.WriteAllText(Path.Combine(paths.Results, "share.json"), BenchJson.Write(lines));
        return missing ? 1 : 0;
    }

    /// <summary>A load's rates: Holon's cache modes, then 9p without a cache and with cache=loose.</summary>
    private sealed record ShareLine(string Load, string Unit, double None, double Auto, double Always, double Plan9None, double Plan9Loose);

    /// <summary>An emulator with a way of caching, and what it measured.</summary>
    private sealed record ShareRun(string Name, Emulator Emulator, Guest Guest)
    {
        public List<Dictionary<string, (double Rate, string Unit)>> Rounds { get; } = [];
    }
}
