using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Holon.Cli.Terminal;
using Holon.Storage.Tools;
using Spectre.Console;

namespace Holon.Cli.Commands.Disk;

/// <summary><c>holon disk info</c>.</summary>
internal sealed class DiskInfoCommand : Command
{
    private readonly Argument<string> _file = DiskCommand.FileArgument();
    private readonly Option<string> _format = DiskCommand.FormatOption();
    private readonly Option<bool> _chain = new("--chain") { Description = "Show the images below it too." };
    private readonly Option<bool> _json = DiskCommand.JsonOption();

    /// <summary>The verb.</summary>
    public DiskInfoCommand()
        : base("info", "Show what an image is: size, format, chain, snapshots. It may be in use.")
    {
        Add(_file);
        Add(_format);
        Add(_chain);
        Add(_json);
        SetAction(Show);
    }

    private void Show(ParseResult parsed)
    {
        var found = DiskInformation.Read(parsed.GetRequiredValue(_file), DiskCommand.ParseFormat(parsed.GetValue(_format)), parsed.GetValue(_chain));
        if (parsed.GetValue(_json))
        {
            JsonText.Write(writer =>
            {
                if (!parsed.GetValue(_chain))
                {
                    Write(writer, found[0]);
                    return;
                }

                writer.WriteStartArray();
                foreach (var information in found) Write(writer, information);
                writer.WriteEndArray();
            });
            return;
        }

        foreach (var information in found)
        {
            if (information != found[0]) Console.WriteLine();
            Show(information);
        }
    }

    private static void Show(DiskInformation information)
    {
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        void Row(string name, string? value)
        {
            if (value is not null) table.AddRow(new Text(name), new Text(value));
        }

        Row("image", information.Path);
        Row("format", information.Compatibility is null ? information.Format : $"{information.Format}, compat {information.Compatibility}");
        Row("virtual size", string.Create(CultureInfo.InvariantCulture, $"{DiskCommand.Show(information.VirtualSize)} ({information.VirtualSize} bytes)"));
        Row("size on the host", DiskCommand.Show(information.ActualSize));
        Row("cluster size", information.ClusterSize?.ToString(CultureInfo.InvariantCulture));
        Row("backing file", information.BackingFile is null ? null : $"{information.BackingFile} ({information.BackingFormat ?? "format not said"})");
        Row("data file", information.DataFile is null ? null : information.DataFileRaw ? $"{information.DataFile} (raw by itself)" : information.DataFile);
        if (information.ClusterSize is not null)
        {
            Row("refcounts", $"{information.RefcountBits} bits{(information.LazyRefcounts ? ", lazy" : "")}");
            Row("compression", information.Compression);
            Row("subclusters", information.ExtendedL2 ? "yes" : null);
            Row("state", information.Corrupt ? "marked as corrupt" : information.Dirty ? "counts are to be counted anew" : "clean");
        }

        Tables.Write(table);
        if (information.Snapshots.Count > 0) Tables.Write(DiskSnapshotCommand.Table(information.Snapshots));
        if (information.Bitmaps.Count == 0) return;
        var bitmaps = new Table().Border(TableBorder.None).AddColumns("BITMAP", "GRANULARITY", "STATE");
        foreach (var bitmap in information.Bitmaps)
            bitmaps.AddRow(new Text(bitmap.Name), new Text(DiskCommand.Show(bitmap.Granularity)), new Text(bitmap.Inconsistent ? "in use or lost" : bitmap.Enabled ? "enabled" : "disabled"));
        Tables.Write(bitmaps);
    }

    private static void Write(Utf8JsonWriter writer, DiskInformation information)
    {
        writer.WriteStartObject();
        writer.WriteNumber("virtual-size", information.VirtualSize);
        writer.WriteString("filename", information.Path);
        writer.WriteString("format", information.Format);
        writer.WriteNumber("actual-size", information.ActualSize);
        if (information.ClusterSize is { } clusterSize)
        {
            writer.WriteNumber("cluster-size", clusterSize);
            writer.WriteBoolean("dirty-flag", information.Dirty);
        }

        if (information.BackingFile is not null)
        {
            writer.WriteString("backing-filename", information.BackingFile);
            writer.WriteString("full-backing-filename", information.FullBackingFile);
            if (information.BackingFormat is not null) writer.WriteString("backing-filename-format", information.BackingFormat);
        }

        WriteSnapshots(writer, information);
        if (information.Compatibility is not null) WriteSpecific(writer, information);
        writer.WriteEndObject();
    }

    private static void WriteSnapshots(Utf8JsonWriter writer, DiskInformation information)
    {
        if (information.Snapshots.Count == 0) return;
        writer.WriteStartArray("snapshots");
        foreach (var snapshot in information.Snapshots)
        {
            writer.WriteStartObject();
            writer.WriteString("id", snapshot.Id);
            writer.WriteString("name", snapshot.Name);
            writer.WriteNumber("vm-state-size", snapshot.MachineStateSize);
            writer.WriteNumber("date-sec", snapshot.Taken.ToUnixTimeSeconds());
            writer.WriteNumber("date-nsec", snapshot.Taken.Ticks % TimeSpan.TicksPerSecond * 100);
            writer.WriteNumber("vm-clock-sec", (long)snapshot.GuestTime.TotalSeconds);
            writer.WriteNumber("vm-clock-nsec", snapshot.GuestTime.Ticks % TimeSpan.TicksPerSecond * 100);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteSpecific(Utf8JsonWriter writer, DiskInformation information)
    {
        writer.WriteStartObject("format-specific");
        writer.WriteString("type", information.Format);
        writer.WriteStartObject("data");
        writer.WriteString("compat", information.Compatibility);
        writer.WriteString("compression-type", information.Compression);
        writer.WriteNumber("refcount-bits", information.RefcountBits);
        if (information.Compatibility != "0.10")
        {
            writer.WriteBoolean("lazy-refcounts", information.LazyRefcounts);
            writer.WriteBoolean("corrupt", information.Corrupt);
            writer.WriteBoolean("extended-l2", information.ExtendedL2);
        }

        if (information.DataFile is not null)
        {
            writer.WriteString("data-file", information.DataFile);
            writer.WriteBoolean("data-file-raw", information.DataFileRaw);
        }

        if (information.Bitmaps.Count > 0)
        {
            writer.WriteStartArray("bitmaps");
            foreach (var bitmap in information.Bitmaps)
            {
                writer.WriteStartObject();
                writer.WriteString("name", bitmap.Name);
                writer.WriteNumber("granularity", bitmap.Granularity);
                writer.WriteStartArray("flags");
                if (bitmap.Inconsistent) writer.WriteStringValue("in-use");
                if (bitmap.Enabled) writer.WriteStringValue("auto");
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
