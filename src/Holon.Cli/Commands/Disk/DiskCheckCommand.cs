using System.CommandLine;
using System.Globalization;
using Holon.Machines;
using Holon.Storage.Qcow2;
using Holon.Storage.Tools;

namespace Holon.Cli.Commands.Disk;

/// <summary><c>holon disk check</c>. Its exit codes are those of qemu-img check.</summary>
internal sealed class DiskCheckCommand : Command
{
    private const int Corrupt = 2, Leaking = 3, NothingToCheck = 63;

    private readonly Argument<string> _file = DiskCommand.FileArgument();
    private readonly Option<string> _format = DiskCommand.FormatOption();
    private readonly Option<string?> _repair = new("--repair") { Description = "Mend what is wrong: leaks, or all of it.", HelpName = "leaks|all", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<bool> _json = DiskCommand.JsonOption();

    /// <summary>The verb.</summary>
    public DiskCheckCommand()
        : base("check", "Check the tables of an image. Exit code 0: sound, 2: corrupt, 3: leaks only, 63: the format has nothing to check.")
    {
        Add(_file);
        Add(_format);
        Add(_repair);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.Run(() => Check(parsed, cancellationToken), cancellationToken));
    }

    private int Check(ParseResult parsed, CancellationToken cancellationToken)
    {
        var repair = parsed.GetResult(_repair) is null ? RepairKind.None : parsed.GetValue(_repair) switch
        {
            null or "all" => RepairKind.All,
            "leaks" => RepairKind.Leaks,
            var other => throw new HolonException($"There is no repair '{other}'; use leaks or all."),
        };
        var file = parsed.GetRequiredValue(_file);
        CheckResult? result;
        using (var progress = new DiskProgress("checking")) result = DiskMaintenance.Check(file, DiskCommand.ParseFormat(parsed.GetValue(_format)), repair, progress, cancellationToken);
        if (result is null)
        {
            ErrorReport.Print($"{file} is raw, and raw images have nothing to check.");
            return NothingToCheck;
        }

        if (parsed.GetValue(_json)) WriteJson(file, result);
        else Show(file, result);
        return result.Corruptions > 0 ? Corrupt : result.Leaks > 0 ? Leaking : 0;
    }

    private static void Show(string file, CheckResult result)
    {
        foreach (var message in result.Messages) Console.WriteLine(message);
        if (result.CorruptionsFixed + result.LeaksFixed > 0) Console.WriteLine($"Mended: {result.CorruptionsFixed} corruptions, {result.LeaksFixed} leaks.");
        Console.WriteLine(result.Corruptions + result.Leaks == 0 ? $"{file} is sound." : $"{file} has {result.Corruptions} corruptions and {result.Leaks} leaks.");
        var percent = result.TotalClusters == 0 ? 0 : 100.0 * result.AllocatedClusters / result.TotalClusters;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.AllocatedClusters} of {result.TotalClusters} clusters allocated ({percent:0.##} %), {result.FragmentedClusters} out of order, {result.CompressedClusters} compressed; the image ends at byte {result.ImageEndOffset}."));
    }

    private static void WriteJson(string file, CheckResult result) => JsonText.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("filename", file);
        writer.WriteString("format", "qcow2");
        writer.WriteNumber("check-errors", 0);
        writer.WriteNumber("corruptions", result.Corruptions);
        writer.WriteNumber("leaks", result.Leaks);
        writer.WriteNumber("corruptions-fixed", result.CorruptionsFixed);
        writer.WriteNumber("leaks-fixed", result.LeaksFixed);
        writer.WriteNumber("image-end-offset", result.ImageEndOffset);
        writer.WriteNumber("total-clusters", result.TotalClusters);
        writer.WriteNumber("allocated-clusters", result.AllocatedClusters);
        writer.WriteNumber("fragmented-clusters", result.FragmentedClusters);
        writer.WriteNumber("compressed-clusters", result.CompressedClusters);
        writer.WriteStartArray("messages");
        foreach (var message in result.Messages) writer.WriteStringValue(message);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });
}
