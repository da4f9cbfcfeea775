using System.CommandLine;
using System.Globalization;
using Holon.Cli.Terminal;
using Holon.Storage.Tools;
using Spectre.Console;

namespace Holon.Cli.Commands.Disk;

/// <summary><c>holon disk map</c>.</summary>
internal sealed class DiskMapCommand : Command
{
    private readonly Argument<string> _file = DiskCommand.FileArgument();
    private readonly Option<string> _format = DiskCommand.FormatOption();
    private readonly Option<bool> _json = DiskCommand.JsonOption();

    /// <summary>The verb.</summary>
    public DiskMapCommand()
        : base("map", "Show which parts of a disk have data, and in which file of the chain.")
    {
        Add(_file);
        Add(_format);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.Run(() => Show(parsed, cancellationToken), cancellationToken));
    }

    private void Show(ParseResult parsed, CancellationToken cancellationToken)
    {
        var ranges = DiskMap.Read(parsed.GetRequiredValue(_file), DiskCommand.ParseFormat(parsed.GetValue(_format)), cancellationToken);
        if (parsed.GetValue(_json))
        {
            JsonText.Write(writer =>
            {
                writer.WriteStartArray();
                foreach (var range in ranges)
                {
                    writer.WriteStartObject();
                    writer.WriteNumber("start", range.Start);
                    writer.WriteNumber("length", range.Length);
                    writer.WriteNumber("depth", range.Depth);
                    writer.WriteBoolean("present", range.Present);
                    writer.WriteBoolean("zero", range.Zero);
                    writer.WriteBoolean("data", range.Data);
                    writer.WriteBoolean("compressed", range.Compressed);
                    if (range.Offset is { } offset) writer.WriteNumber("offset", offset);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        var table = new Table().Border(TableBorder.None).AddColumns("START", "LENGTH", "WHAT", "AT", "FILE");
        foreach (var range in ranges.Where(range => range.Data))
        {
            table.AddRow(
                new Text(range.Start.ToString(CultureInfo.InvariantCulture)),
                new Text(range.Length.ToString(CultureInfo.InvariantCulture)),
                new Text(range.Compressed ? "compressed" : "data"),
                new Text(range.Offset?.ToString(CultureInfo.InvariantCulture) ?? "-"),
                new Text(range.File ?? "-"));
        }

        Tables.Write(table);
    }
}
