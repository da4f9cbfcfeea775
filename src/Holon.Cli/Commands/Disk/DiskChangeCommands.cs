using System.CommandLine;
using Holon.Cli.Terminal;
using Holon.Machines;
using Holon.Storage.Tools;
using Spectre.Console;

namespace Holon.Cli.Commands.Disk;

/// <summary><c>holon disk convert</c>.</summary>
internal sealed class DiskConvertCommand : Command
{
    private readonly Argument<string> _source = DiskCommand.FileArgument("SOURCE", "The image to copy, with the images below it.");
    private readonly Argument<string> _target = DiskCommand.FileArgument("TARGET", "The new image.");
    private readonly Option<string> _sourceFormat = DiskCommand.FormatOption("--source-format", "What the source holds. It is looked at when not given.");
    private readonly Option<string> _format = DiskCommand.NewFormatOption();
    private readonly Option<bool> _compress = new("--compress") { Description = "Compress the clusters of the new image." };
    private readonly Option<string> _snapshot = new("--snapshot") { Description = "Copy this snapshot of the source rather than the disk as it is.", HelpName = "NAME" };
    private readonly NewDiskOptions _options = new();

    /// <summary>The verb.</summary>
    public DiskConvertCommand()
        : base("convert", "Copy a disk into a new image: another format, compressed, compacted, without a chain.")
    {
        Add(_source);
        Add(_target);
        Add(_sourceFormat);
        Add(_format);
        Add(_compress);
        Add(_snapshot);
        _options.AddTo(this);
        SetAction((parsed, cancellationToken) => Task.Run(() => Convert(parsed, cancellationToken), cancellationToken));
    }

    private void Convert(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var progress = new DiskProgress("copying");
        DiskConversion.Convert(
            parsed.GetRequiredValue(_source), DiskCommand.ParseFormat(parsed.GetValue(_sourceFormat)), parsed.GetRequiredValue(_target),
            _options.Read(parsed, parsed.GetValue(_format), parsed.GetRequiredValue(_target)), parsed.GetValue(_compress), parsed.GetValue(_snapshot), progress, cancellationToken);
    }
}

/// <summary><c>holon disk resize</c>.</summary>
internal sealed class DiskResizeCommand : Command
{
    private readonly Argument<string> _file = DiskCommand.FileArgument();
    private readonly Argument<string> _size = new("SIZE") { Description = "The new size, such as 20G, or by how much it changes, such as +5G." };
    private readonly Option<string> _format = DiskCommand.FormatOption();
    private readonly Option<bool> _shrink = new("--shrink") { Description = "The disk may become smaller: what is behind its new end is lost." };

    /// <summary>The verb.</summary>
    public DiskResizeCommand()
        : base("resize", "Change the size of a disk. A new end reads as zeroes.")
    {
        Add(_file);
        Add(_size);
        Add(_format);
        Add(_shrink);
        SetAction(parsed =>
        {
            var text = parsed.GetRequiredValue(_size);
            Func<long, long> size = text switch
            {
                ['+', .. var more] => old => checked(old + DiskCommand.ParseSize(more)),
                ['-', .. var less] => old => old - DiskCommand.ParseSize(less),
                _ => _ => DiskCommand.ParseSize(text),
            };
            var path = parsed.GetRequiredValue(_file);
            var result = DiskMaintenance.Resize(path, DiskCommand.ParseFormat(parsed.GetValue(_format)), size, parsed.GetValue(_shrink));
            Console.WriteLine($"{path} is now {DiskCommand.Show(result)} ({result} bytes).");
        });
    }
}

/// <summary><c>holon disk snapshot</c>.</summary>
internal sealed class DiskSnapshotCommand : Command
{
    /// <summary>The verb with its own verbs.</summary>
    public DiskSnapshotCommand()
        : base("snapshot", "Keep, restore, list and delete states of a disk inside its qcow2 image.")
    {
        Add(Verb("create", "Keep the disk as it is now.", DiskMaintenance.CreateSnapshot));
        Add(Verb("apply", "Make the disk what it was.", DiskMaintenance.ApplySnapshot));
        Add(Verb("delete", "Forget a snapshot.", DiskMaintenance.DeleteSnapshot));
        var file = DiskCommand.FileArgument();
        var list = new Command("list", "List the snapshots.") { file };
        list.Aliases.Add("ls");
        list.SetAction(parsed => Tables.Write(Table(DiskInformation.Read(parsed.GetRequiredValue(file))[0].Snapshots)));
        Add(list);
    }

    /// <summary>Snapshots as a table.</summary>
    public static Table Table(IReadOnlyList<DiskSnapshot> snapshots)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("ID", "SNAPSHOT", "TAKEN", "DISK SIZE", "MACHINE STATE");
        foreach (var snapshot in snapshots)
        {
            table.AddRow(
                new Text(snapshot.Id),
                new Text(snapshot.Name),
                new Text(snapshot.Taken.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture)),
                new Text(DiskCommand.Show(snapshot.DiskSize)),
                new Text(snapshot.MachineStateSize == 0 ? "-" : DiskCommand.Show(snapshot.MachineStateSize)));
        }

        return table;
    }

    private static Command Verb(string name, string description, Action<string, string> action)
    {
        var file = DiskCommand.FileArgument();
        var snapshot = new Argument<string>("NAME") { Description = "The snapshot's name." };
        var verb = new Command(name, description) { file, snapshot };
        verb.SetAction(parsed => action(parsed.GetRequiredValue(file), parsed.GetRequiredValue(snapshot)));
        return verb;
    }
}

/// <summary><c>holon disk commit</c>.</summary>
internal sealed class DiskCommitCommand : Command
{
    /// <summary>The verb.</summary>
    public DiskCommitCommand()
        : base("commit", "Write what an overlay has into the image below it, and empty the overlay.")
    {
        var file = DiskCommand.FileArgument(description: "The overlay.");
        var keep = new Option<bool>("--keep") { Description = "Leave the overlay as it is: faster when it is removed anyway." };
        Add(file);
        Add(keep);
        SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                using var progress = new DiskProgress("committing");
                DiskMaintenance.Commit(parsed.GetRequiredValue(file), !parsed.GetValue(keep), progress, cancellationToken);
            },
            cancellationToken));
    }
}

/// <summary><c>holon disk rebase</c>.</summary>
internal sealed class DiskRebaseCommand : Command
{
    private readonly Argument<string> _file = DiskCommand.FileArgument(description: "The overlay.");
    private readonly Option<string> _backing = new("--backing") { Description = "The new image below.", HelpName = "FILE" };
    private readonly Option<string> _backingFormat = DiskCommand.FormatOption("--backing-format", "What the new image below holds. It is looked at when not given.");
    private readonly Option<bool> _none = new("--no-backing") { Description = "Copy everything into the image, so that it stands alone." };
    private readonly Option<bool> _unsafe = new("--unsafe") { Description = "Change the name only, for files that were moved; you vouch for the content." };

    /// <summary>The verb.</summary>
    public DiskRebaseCommand()
        : base("rebase", "Put an overlay on another image. The disk reads as before.")
    {
        Add(_file);
        Add(_backing);
        Add(_backingFormat);
        Add(_none);
        Add(_unsafe);
        SetAction((parsed, cancellationToken) => Task.Run(() => Rebase(parsed, cancellationToken), cancellationToken));
    }

    private void Rebase(ParseResult parsed, CancellationToken cancellationToken)
    {
        var backing = parsed.GetValue(_backing);
        if ((backing is null) != parsed.GetValue(_none)) throw new HolonException("Say what the overlay is to be on: --backing FILE, or --no-backing.");
        using var progress = new DiskProgress("comparing");
        DiskMaintenance.Rebase(parsed.GetRequiredValue(_file), backing, DiskCommand.ParseFormat(parsed.GetValue(_backingFormat)), parsed.GetValue(_unsafe), progress, cancellationToken);
    }
}
