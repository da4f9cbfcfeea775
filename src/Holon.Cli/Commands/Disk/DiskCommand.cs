using System.CommandLine;
using Holon.Cli.Commands.Machines;
using Holon.Machines;
using Holon.Storage;

namespace Holon.Cli.Commands.Disk;

/// <summary><c>holon disk</c>: disk images, made and looked after.</summary>
internal sealed class DiskCommand : Command
{
    /// <summary>The command with its verbs.</summary>
    public DiskCommand()
        : base("disk", "Make, inspect, check, convert and change disk images (raw and qcow2).")
    {
        Add(new DiskCreateCommand());
        Add(new DiskInfoCommand());
        Add(new DiskMapCommand());
        Add(new DiskCheckCommand());
        Add(new DiskConvertCommand());
        Add(new DiskResizeCommand());
        Add(new DiskSnapshotCommand());
        Add(new DiskCommitCommand());
        Add(new DiskRebaseCommand());
        foreach (var command in DeviceCommands.ForDisks()) Add(command);
    }

    /// <summary>The image that a verb works on.</summary>
    public static Argument<string> FileArgument(string name = "FILE", string description = "The disk image.") => new(name) { Description = description };

    /// <summary>What the image holds.</summary>
    public static Option<string> FormatOption(string name = "--format", string description = "What the image holds: raw or qcow2. It is looked at when not given.") =>
        new(name) { Description = description, HelpName = "raw|qcow2" };

    /// <summary>What a new image is to be.</summary>
    public static Option<string> NewFormatOption() => FormatOption(description: "What the new image is to be. [default: raw for names that end in .raw, else qcow2]");

    /// <summary>Whether the answer is for programs.</summary>
    public static Option<bool> JsonOption() => new("--json") { Description = "Answer in JSON, with the names that qemu-img uses." };

    /// <summary>A format by its name.</summary>
    public static DiskFormat ParseFormat(string? name) => name switch
    {
        null => DiskFormat.Guess,
        "raw" => DiskFormat.Raw,
        "qcow2" => DiskFormat.Qcow2,
        _ => throw new HolonException($"There is no disk format '{name}'; use raw or qcow2."),
    };

    /// <summary>A size in bytes, as people write it.</summary>
    public static long ParseSize(string text) => MemorySize.TryParse(text, out var size) && size.Bytes <= long.MaxValue
        ? (long)size.Bytes
        : throw new HolonException($"'{text}' is not a size; write a whole number with K, M, G or T, such as 10G.");

    /// <summary>A size as people read it.</summary>
    public static string Show(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        double value = bytes;
        var unit = 0;
        for (; value >= 1024 && unit < units.Length - 1; unit++) value /= 1024;
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value:0.##} {units[unit]}");
    }
}
