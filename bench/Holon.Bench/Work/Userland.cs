using Holon.SystemMachine.Boot.Cpio;

namespace Holon.Bench.Work;

/// <summary>
/// Debian's own programs as an archive for initrds: packages with all that they depend on, unpacked as they are. Made once and kept in
/// <c>artifacts/bench</c>.
/// </summary>
internal static class Userland
{
    // What none of the work needs, a third of all: documentation, translations, sanitizers, link-time optimization, other linkers.
    private static readonly string[] _unneeded =
    [
        "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/x86_64-linux-gnu/gprofng",
        "usr/lib/x86_64-linux-gnu/libasan", "usr/lib/x86_64-linux-gnu/libtsan", "usr/lib/x86_64-linux-gnu/liblsan", "usr/lib/x86_64-linux-gnu/libubsan",
        "usr/lib/gcc/x86_64-linux-gnu/12/lto1", "usr/lib/gcc/x86_64-linux-gnu/12/libasan", "usr/lib/gcc/x86_64-linux-gnu/12/libtsan", "usr/bin/x86_64-linux-gnu-lto-dump",
        "usr/bin/x86_64-linux-gnu-ld.gold", "usr/bin/x86_64-linux-gnu-dwp",
    ];

    /// <summary>The archive's path; it is made when it is not there.</summary>
    /// <param name="paths">Where things are.</param>
    /// <param name="name">What it is for.</param>
    /// <param name="packages">Debian's packages.</param>
    /// <param name="dependencies">False when what they depend on is named too, as far as it is needed.</param>
    public static string Get(BenchPaths paths, string name, IReadOnlyList<string> packages, bool dependencies = true)
    {
        var archive = Path.Combine(paths.Results, $"userland-{name}.cpio");
        if (File.Exists(archive)) return archive;
        Console.Error.WriteLine($"holon: making a guest userland of Debian's packages: {string.Join(' ', packages)}");
        var folder = Directory.CreateDirectory(Path.Combine(paths.Results, $"userland-{name}")).FullName;
        var root = Directory.CreateDirectory(Path.Combine(folder, "root")).FullName;
        foreach (var package in Download(folder, packages))
        {
            if (dependencies || packages.Contains(Path.GetFileName(package).Split('_')[0])) Require("dpkg-deb", ["-x", package, root]);
        }

        using (var file = File.Create(archive + ".new"))
        {
            using var writer = new CpioWriter(file);
            AddFolder(writer, root, "");
        }

        File.Move(archive + ".new", archive);
        Directory.Delete(folder, recursive: true);
        return archive;
    }

    /// <summary>Fetches packages and all that they depend on: to apt, nothing is installed.</summary>
    private static IEnumerable<string> Download(string folder, IReadOnlyList<string> packages)
    {
        var archives = Directory.CreateDirectory(Path.Combine(folder, "archives", "partial")).Parent!.FullName;
        var status = Path.Combine(folder, "status");
        File.WriteAllText(status, "");
        string[] arguments =
        [
            "-qq", "-y", "--no-install-recommends", "--download-only", "-o", $"Dir::State::status={status}", "-o", $"Dir::Cache::archives={archives}",
            "-o", "Debug::NoLocking=1", "install", .. packages,
        ];
        if (CProgram.Run("apt-get", arguments, TimeSpan.FromMinutes(10)).ExitCode != 0)
        {
            Require("apt-get", ["-qq", "update"]); // a host that has just been set up knows no package
            Require("apt-get", arguments);
        }

        return Directory.EnumerateFiles(archives, "*.deb").Order(StringComparer.Ordinal);
    }

    private static void AddFolder(CpioWriter writer, string folder, string path)
    {
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            var name = path.Length == 0 ? entry.Name : $"{path}/{entry.Name}";
            if (_unneeded.Any(unneeded => name.StartsWith(unneeded, StringComparison.Ordinal))) continue;
            if (entry.LinkTarget is { } target)
            {
                writer.AddSymbolicLink(name, target);
            }
            else if (entry is FileInfo file)
            {
                using var content = file.OpenRead();
                writer.AddFile(name, content, file.Length, (int)file.UnixFileMode & CpioWriter.ExecutableMode);
            }
            else
            {
                writer.AddDirectory(name);
                AddFolder(writer, entry.FullName, name);
            }
        }
    }

    private static void Require(string program, IReadOnlyList<string> arguments)
    {
        var (exitCode, _, errors) = CProgram.Run(program, arguments, TimeSpan.FromMinutes(10));
        if (exitCode != 0) throw new BenchException($"{program} could not make the guest's userland: {errors.Trim()}");
    }
}
