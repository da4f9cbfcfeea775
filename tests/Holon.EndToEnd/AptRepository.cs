using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Holon.EndToEnd;

/// <summary>A folder with packages of the host's Debian that apt can install from (a flat repository).</summary>
internal static class AptRepository
{
    /// <summary>Downloads packages, and what they need besides what a machine has, and lists them.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="status">The machine's <c>/var/lib/dpkg/status</c>.</param>
    /// <param name="packages">What to download.</param>
    /// <returns>Why that cannot be done here, or null.</returns>
    public static async Task<string?> TryMakeAsync(string folder, string status, IReadOnlyList<string> packages)
    {
        var work = Directory.CreateDirectory(Path.Combine(folder, "partial")).FullName;
        var known = Path.Combine(work, "status");
        await File.WriteAllTextAsync(known, status);
        string[] arguments =
        [
            "-qq", "-y", "--no-install-recommends", "--download-only", "-o", $"Dir::State::status={known}", "-o", $"Dir::Cache::archives={folder}", "-o", "Debug::NoLocking=1",
            "install", .. packages,
        ];
        var download = await DebianMachine.HostRunAsync("apt-get", arguments);
        if (download.ExitCode != 0) return $"apt-get does not download {string.Join(' ', packages)} here: {download.Error}";
        var index = new StringBuilder();
        foreach (var package in Directory.EnumerateFiles(folder, "*.deb"))
        {
            var control = await DebianMachine.HostRunAsync("dpkg-deb", ["--field", package]);
            await using var content = File.OpenRead(package);
#pragma warning disable CA1308 // apt compares lower case
            var hash = Convert.ToHexString(await SHA256.HashDataAsync(content)).ToLowerInvariant();
#pragma warning restore CA1308
            index.Append(CultureInfo.InvariantCulture, $"{control.Output.TrimEnd()}\nFilename: ./{Path.GetFileName(package)}\nSize: {content.Length}\nSHA256: {hash}\n\n");
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "Packages"), index.ToString());
        return null;
    }
}
