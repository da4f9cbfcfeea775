using System.Globalization;
using System.Text;
using Holon.SystemMachine.Boot.Cpio;

namespace Holon.SystemMachine.Shares;

/// <summary>How guests get to know where their shared folders belong: each kind in its own language.</summary>
public static class ShareMounts
{
    /// <summary>How far a guest reads ahead, in KiB: as much as one request carries. Linux's own 128 KiB make eight requests of it.</summary>
    private const int ReadAhead = 1024;

    /// <summary>What a shell in the guest does by hand.</summary>
    public static string Command(ShareSpec share)
    {
        ArgumentNullException.ThrowIfNull(share);
        return $"mkdir -p {Quote(share.Target)} && mount -t virtiofs{(share.ReadOnly ? " -o ro" : "")} {Quote(share.Tag)} {Quote(share.Target)}";
    }

    /// <summary>Lines of a shell's function that mounts them all; folders in others come behind those.</summary>
    internal static string Script(IEnumerable<ShareSpec> shares)
    {
        var script = new StringBuilder();
        foreach (var share in shares.OrderBy(share => share.Target, StringComparer.Ordinal))
        {
            script.Append(CultureInfo.InvariantCulture, $"    {Command(share)} || complaint=\"$complaint\"{Quote($"holon: {share.Target} could not be mounted")}\"$newline\"\n");
            script.Append(CultureInfo.InvariantCulture, $"    {SetReadAhead(share)}\n");
        }

        return script.ToString();
    }

    /// <summary>What cloud-init does on every start, before anything else of it.</summary>
    internal static IReadOnlyList<string> BootCommands(IEnumerable<ShareSpec> shares) => [.. shares.OrderBy(share => share.Target, StringComparer.Ordinal).Select(share => $"{Command(share)} && {SetReadAhead(share)}")];

    /// <summary>
    /// Units that systemd finds in /run, put where an archive has the root of /run. A share that cannot be mounted is a failed unit and keeps nothing
    /// else from starting.
    /// </summary>
    internal static void AddUnits(CpioWriter archive, string run, IReadOnlyList<ShareSpec> shares)
    {
        if (shares.Count == 0) return;
        foreach (var folder in (ReadOnlySpan<string>)["systemd", "systemd/system", "systemd/system/local-fs.target.wants"]) archive.AddDirectory($"{run}/{folder}");
        foreach (var share in shares)
        {
            var unit = $"{Escape(share.Target)}.mount";
            archive.AddFile($"{run}/systemd/system/{unit}", Unit(share));
            archive.AddSymbolicLink($"{run}/systemd/system/local-fs.target.wants/{unit}", $"../{unit}");
        }

        const string Service = "holon-read-ahead.service";
        archive.AddFile($"{run}/systemd/system/{Service}", ReadAheadService(shares));
        archive.AddSymbolicLink($"{run}/systemd/system/local-fs.target.wants/{Service}", $"../{Service}");
    }

    /// <summary>A mount unit has no place for this. It comes as a script on standard input, so that no path need be quoted for systemd, too.</summary>
    private static string ReadAheadService(IReadOnlyList<ShareSpec> shares)
    {
        var text = new StringBuilder("[Unit]\nDescription=Reading ahead in folders of the host\nDefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target\n");
        foreach (var share in shares) text.Append(CultureInfo.InvariantCulture, $"After={Escape(share.Target)}.mount\n");
        text.Append("[Service]\nType=oneshot\nStandardInputText=");
        text.AppendJoin("\nStandardInputText=", shares.Select(share => SetReadAhead(share).Replace("\\", @"\\", StringComparison.Ordinal).Replace("%", "%%", StringComparison.Ordinal)));
        return text.Append("\nExecStart=/bin/sh\n").ToString();
    }

    private static string SetReadAhead(ShareSpec share) => $"echo {ReadAhead} >/sys/class/bdi/0:$(stat -c %d {Quote(share.Target)})/read_ahead_kb";

    private static string Unit(ShareSpec share) => $"""
        [Unit]
        Description=Folder of the host
        Before=local-fs.target
        [Mount]
        What={share.Tag}
        Where={share.Target.Replace("%", "%%", StringComparison.Ordinal)}
        Type=virtiofs
        Options={(share.ReadOnly ? "ro" : "rw")}

        """;

    /// <summary>A path as the name of a unit (systemd.unit(5), "String Escaping for Inclusion in Unit Names").</summary>
    private static string Escape(string path)
    {
        var name = new StringBuilder();
        foreach (var value in Encoding.UTF8.GetBytes(path.TrimStart('/')))
        {
            var character = (char)value;
            if (character == '/') name.Append('-');
            else if (char.IsAsciiLetterOrDigit(character) || character is ':' or '_' || (character == '.' && name.Length > 0)) name.Append(character);
            else name.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
        }

        return name.ToString();
    }

    private static string Quote(string word) => $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
