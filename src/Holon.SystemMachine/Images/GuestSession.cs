using System.Globalization;
using System.Text;
using Holon.Machines;
using Holon.SystemMachine.Boot.Cpio;
using Holon.SystemMachine.Shares;

namespace Holon.SystemMachine.Images;

/// <summary>
/// What one run asks of a guest made by Holon: the command, and the terminal it talks to. It travels as a small cpio archive that
/// the kernel unpacks over the image's own, so that images stay the same for every run.
/// </summary>
public sealed record GuestSession
{
    /// <summary>The most bytes of command that fit: far more than a kernel passes to one program at once would not run anyway.</summary>
    public const int MaxCommandBytes = 128 * 1024;

    /// <summary>
    /// The bytes by which the guest tells that what follows on the serial port is the command's own output: an application program
    /// command (ECMA-48 §8.3.2), which terminals ignore.
    /// </summary>
    public static ReadOnlySpan<byte> ReadyMark => "\x1b_holon-ready\x1b\\"u8;

    /// <summary>The program and its arguments; empty for an interactive shell.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>True when people sit at a terminal on the host; false when bytes go through unchanged.</summary>
    public bool Terminal { get; init; }

    /// <summary>False when nothing will ever come in: the command finds its input at its end.</summary>
    public bool HasInput { get; init; } = true;

    /// <summary>Terminal size in characters.</summary>
    public (int Rows, int Columns) Size { get; init; } = (24, 80);

    /// <summary>The terminal's type, as in the host's TERM.</summary>
    public string TerminalType { get; init; } = "linux";

    /// <summary>The guest's host name.</summary>
    public string HostName { get; init; } = "holon";

    /// <summary>True when the kernel's messages are kept off the serial port while the command runs.</summary>
    public bool Quiet { get; init; } = true;

    /// <summary>True when the guest asks for an address on its network cards.</summary>
    public bool HasNetwork { get; init; }

    /// <summary>Kernel modules to load before the command begins.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];

    /// <summary>Folders of the host to mount before the command begins.</summary>
    public IReadOnlyList<ShareSpec> Shares { get; init; } = [];

    /// <summary>Makes the archive that carries this session.</summary>
    /// <exception cref="HolonException">The command cannot be passed.</exception>
    public byte[] ToInitrd()
    {
        if (Command.Any(word => word.Contains('\0', StringComparison.Ordinal))) throw new HolonException("The command contains a zero byte, which no program can be given; remove it.");
        var script = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"mode={(Terminal ? "terminal" : "pipes")}\n")
            .Append(CultureInfo.InvariantCulture, $"input={(HasInput ? "/run/input" : "/dev/null")}\n")
            .Append(CultureInfo.InvariantCulture, $"rows={Math.Clamp(Size.Rows, 1, 9999)}\n")
            .Append(CultureInfo.InvariantCulture, $"columns={Math.Clamp(Size.Columns, 1, 9999)}\n")
            .Append(CultureInfo.InvariantCulture, $"quiet={(Quiet ? 1 : 0)}\n")
            .Append(CultureInfo.InvariantCulture, $"name={Quote(HostName)}\n")
            .Append(CultureInfo.InvariantCulture, $"TERM={Quote(TerminalType)}\n")
            .Append(CultureInfo.InvariantCulture, $"modules={Quote(string.Join(' ', Modules))}\n")
            .Append(CultureInfo.InvariantCulture, $"network={(HasNetwork ? 1 : 0)}\n")
            .Append("set --");
        foreach (var word in Command) script.Append(' ').Append(Quote(word));
        script.Append('\n');
        if (Shares.Count > 0) script.Append("mount_shares() {\n").Append(ShareMounts.Script(Shares)).Append("}\n");
        var content = Encoding.UTF8.GetBytes(script.ToString());
        if (content.Length > MaxCommandBytes) throw new HolonException($"The command has more than {MaxCommandBytes / 1024} KiB; put it in a script.");

        using var archive = new MemoryStream();
        using (var writer = new CpioWriter(archive, leaveOpen: true))
        {
            writer.AddDirectory("holon");
            writer.AddFile("init", Resource("busybox-init.sh"), CpioWriter.ExecutableMode);
            writer.AddFile("holon/exit", GuestPrograms.Exit(), CpioWriter.ExecutableMode);
            writer.AddFile("holon/foreground", GuestPrograms.Foreground(), CpioWriter.ExecutableMode);
            writer.AddFile("holon/session", content);
            if (HasNetwork) writer.AddFile("holon/dhcp", Resource("busybox-dhcp.sh"), CpioWriter.ExecutableMode);
        }

        return archive.ToArray();
    }

    /// <summary>A script that is part of this program.</summary>
    internal static byte[] Resource(string name)
    {
        using var resource = typeof(GuestSession).Assembly.GetManifestResourceStream(name)!;
        var script = new byte[resource.Length];
        resource.ReadExactly(script);
        return script;
    }

    /// <summary>A shell reads anything between single quotes as it is; a single quote itself goes outside them.</summary>
    private static string Quote(string word) => $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
