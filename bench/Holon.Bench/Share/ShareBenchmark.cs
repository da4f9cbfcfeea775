using System.Globalization;
using Holon.Bench.Disk;
using Holon.SystemMachine.Images;
using Spectre.Console;

namespace Holon.Bench.Share;

/// <summary>
/// A folder of the host in a guest: by virtio-fs in Holon and by 9p in QEMU's TCG in turn, with the same kernel (Debian's full one: the cloud kernel
/// has no 9p), files and folder. QEMU runs twice: as coherent as ours (its default, cache=none), and with the guest believing its cache for ever (cache=loose).
/// </summary>
internal static class ShareBenchmark
{
    private const double Target = 2;
    private const string Image = "busybox-full";
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
            var results = new List<Dictionary<string, (double Rate, string Unit)>>[3];
            for (var i = 0; i < results.Length; i++) results[i] = [];
            for (var round = 1; round <= rounds; round++)
            {
                foreach (var (emulator, machine, into, name) in new[] { (us, guest, results[0], us.Name), (Emulator.Qemu, guest, results[1], "QEMU TCG, 9p"), (Emulator.Qemu, loose, results[2], "QEMU TCG, 9p with cache=loose") })
                {
                    Console.Error.WriteLine($"holon: round {round} of {rounds}: {name}");
                    into.Add(Parse(GuestInitrd.CommandOutput(emulator.Run(machine with { MemoryMegabytes = 1024, Share = shared }, _limit, GuestInitrd.Ready))));
                }
            }

            return Report(results);
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

    private static int Report(List<Dictionary<string, (double Rate, string Unit)>>[] results)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("load, a second", "Holon", "QEMU TCG, 9p", "times", "9p, cache=loose", "times", "");
        var missing = false;
        foreach (var name in results.SelectMany(each => each).SelectMany(round => round.Keys).Distinct())
        {
            var medians = results.Select(rounds => rounds.Where(round => round.ContainsKey(name)).Select(round => round[name].Rate).Median()).ToArray();
            missing |= medians.Any(double.IsNaN);
            var unit = results.SelectMany(each => each).First(round => round.ContainsKey(name))[name].Unit;
            var ratio = medians[0] / medians[1];
            table.AddRow($"{name} ({unit})", $"{medians[0]:N0}", $"{medians[1]:N0}", $"{ratio:F1}", $"{medians[2]:N0}", $"{medians[0] / medians[2]:F1}", ratio >= Target ? "" : $"below {Target}");
        }

        AnsiConsole.Write(table);
        return missing ? 1 : 0;
    }
}
