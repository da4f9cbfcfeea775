using System.Formats.Tar;
using System.Globalization;
using Holon.Machines;

namespace Holon.SystemMachine.Images;

/// <summary>
/// Packages from the host's own Debian mirror, fetched and checked by apt, opened by dpkg-deb, never installed. Works as an ordinary
/// user and leaves the host's package state as it is.
/// </summary>
internal sealed class DebianArchive
{
    /// <summary>What Debian's package lists take while apt unpacks and indexes them.</summary>
    private const long SpaceForLists = 200_000_000;

    private readonly string _folder;
    private List<string> _options = ["-q", "-o", "APT::Sandbox::User=root"]; // the download folder belongs to whoever runs this
    private bool _refreshed;

    /// <summary>An archive whose downloads go to a folder of ours.</summary>
    public DebianArchive(string folder) => _folder = folder;

    /// <summary>Looks a package up; fetches fresh package lists of our own when the host's do not know it.</summary>
    /// <exception cref="HolonException">The mirror does not have it or cannot be reached.</exception>
    public async Task<DebianPackage> FindAsync(string name, IProgress<ImageProgress> progress, CancellationToken cancellationToken)
    {
        if (await ShowAsync(name, cancellationToken).ConfigureAwait(false) is { } package) return package;
        await RefreshAsync(progress, cancellationToken).ConfigureAwait(false);
        return await ShowAsync(name, cancellationToken).ConfigureAwait(false)
            ?? throw new HolonException($"apt knows no package {name} on this host; check that /etc/apt has Debian's sources for amd64.");
    }

    /// <summary>Fetches a package's file.</summary>
    /// <exception cref="HolonException">It cannot be fetched.</exception>
    public async Task<string> DownloadAsync(DebianPackage package, IProgress<ImageProgress> progress, CancellationToken cancellationToken)
    {
        var step = string.Create(CultureInfo.InvariantCulture, $"Fetching {package.Name} ({package.Size / 1e6:0.0} MB)");
        while (true)
        {
            progress.Report(new ImageProgress(step, 0));
            var (exitCode, complaint) = await HostProgram.RunAsync("apt-get", [.. _options, "-o", "APT::Status-Fd=1", "download", $"{package.Name}={package.Version}"], _folder, line =>
            {
                // dlstatus:NUMBER:PERCENT:WORDS (apt's README.progress-reporting)
                if (line.Split(':') is ["dlstatus", _, var percent, ..] && double.TryParse(percent, CultureInfo.InvariantCulture, out var value))
                    progress.Report(new ImageProgress(step, value / 100));
            }, cancellationToken).ConfigureAwait(false);
            if (exitCode == 0 && Directory.EnumerateFiles(_folder, $"{package.Name}_*.deb").FirstOrDefault() is { } file) return file;
            ThrowIfDiskFull(complaint);
            if (_refreshed) throw new HolonException($"apt could not fetch {package.Name}: {HostProgram.FirstLine(complaint)}");

            // The usual cause: the host's lists are older than the mirror, which has replaced the file.
            await RefreshAsync(progress, cancellationToken).ConfigureAwait(false);
            package = await FindAsync(package.Name, progress, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes one file out of a package.</summary>
    /// <param name="packageFile">The package.</param>
    /// <param name="wanted">Says by its path in the package, such as <c>boot/vmlinuz-6.1</c>, whether it is the one.</param>
    /// <param name="destination">Where to write it.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="HolonException">The package does not have it.</exception>
    public async Task ExtractAsync(string packageFile, Func<string, bool> wanted, string destination, CancellationToken cancellationToken)
    {
        await HostProgram.ReadOutputAsync("dpkg-deb", ["--fsys-tarfile", packageFile], _folder, async stream =>
        {
            await using var archive = new TarReader(stream);
            while (await archive.GetNextEntryAsync(copyData: false, cancellationToken).ConfigureAwait(false) is { } entry)
            {
                if (entry.DataStream is not { } data || !wanted(entry.Name.TrimStart('.').TrimStart('/'))) continue;
                await using var file = new FileStream(destination, FileMode.CreateNew, FileAccess.Write);
                await data.CopyToAsync(file, cancellationToken).ConfigureAwait(false);
                file.Flush(flushToDisk: true);
                return true;
            }

            return false;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes files out of a package.</summary>
    /// <param name="packageFile">The package.</param>
    /// <param name="wanted">Says by its path in the package whether a file is wanted.</param>
    /// <param name="take">Takes path and content of those that are.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async Task ReadFilesAsync(string packageFile, Func<string, bool> wanted, Action<string, byte[]> take, CancellationToken cancellationToken)
    {
        await HostProgram.ReadOutputAsync("dpkg-deb", ["--fsys-tarfile", packageFile], _folder, async stream =>
        {
            await using var archive = new TarReader(stream);
            while (await archive.GetNextEntryAsync(copyData: false, cancellationToken).ConfigureAwait(false) is { } entry)
            {
                var path = entry.Name.TrimStart('.').TrimStart('/');
                if (entry.DataStream is not { } data || !wanted(path)) continue;
                var content = new byte[data.Length];
                await data.ReadExactlyAsync(content, cancellationToken).ConfigureAwait(false);
                take(path, content);
            }

            return true;
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task<DebianPackage?> ShowAsync(string name, CancellationToken cancellationToken)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        var (exitCode, _) = await HostProgram.RunAsync("apt-cache", [.. _options, "show", "--no-all-versions", name], _folder, line =>
        {
            // deb822: "Field: value", continued lines are indented. Only single-line fields are of interest.
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && !char.IsWhiteSpace(line[0])) fields.TryAdd(line[..colon], line[(colon + 1)..].Trim());
        }, cancellationToken).ConfigureAwait(false);
        if (exitCode != 0 || !fields.TryGetValue("Version", out var version)) return null;
        _ = long.TryParse(fields.GetValueOrDefault("Size"), NumberStyles.None, CultureInfo.InvariantCulture, out var size);
        return new DebianPackage(name, version, size, fields.GetValueOrDefault("Depends", ""));
    }

    private static void ThrowIfDiskFull(string complaint)
    {
        if (complaint.Contains("No space left", StringComparison.Ordinal) || complaint.Contains("enough free space", StringComparison.Ordinal))
            throw new DiskFullException(0);
    }

    /// <summary>Fetches package lists into our own folder: needs no root and leaves the host's lists alone.</summary>
    private async Task RefreshAsync(IProgress<ImageProgress> progress, CancellationToken cancellationToken)
    {
        if (_refreshed) return;
        progress.Report(new ImageProgress("Fetching Debian's package lists", null));
        DiskSpace.Require(_folder, SpaceForLists); // apt hangs when the disk fills up meanwhile
        foreach (var folder in (ReadOnlySpan<string>)["lists/partial", "cache/archives/partial"]) Directory.CreateDirectory(Path.Combine(_folder, folder));
        _options =
        [
            .. _options,
            "-o", $"Dir::State::lists={Path.Combine(_folder, "lists")}",
            "-o", $"Dir::Cache={Path.Combine(_folder, "cache")}",
        ];
        var (exitCode, complaint) = await HostProgram.RunAsync("apt-get", [.. _options, "update"], _folder, _ => { }, cancellationToken).ConfigureAwait(false);
        ThrowIfDiskFull(complaint);
        if (exitCode != 0) throw new HolonException($"apt could not fetch Debian's package lists: {HostProgram.FirstLine(complaint)}");
        _refreshed = true;
    }
}

/// <summary>A package that the mirror has.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Size">Bytes of its file; 0 when apt does not say.</param>
/// <param name="Depends">The packages it needs, as in its control file.</param>
internal sealed record DebianPackage(string Name, string Version, long Size, string Depends);
