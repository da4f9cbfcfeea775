using Spectre.Console;

namespace Holon.Bench.Engine;

/// <summary>The results for people.</summary>
internal static class EngineTable
{
    /// <summary>Prints them.</summary>
    public static void Write(EngineResults results)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("kernel").NoWrap());
        foreach (var title in (ReadOnlySpan<string>)["native", $"{results.Holon}/native", "TCG/native", $"TCG/{results.Holon}"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
        table.AddColumn(new TableColumn("target").NoWrap());
        foreach (var group in results.Groups)
        {
            table.AddEmptyRow();
            foreach (var kernel in results.Kernels.Where(each => each.Group == group.Name))
                table.AddRow(kernel.Name, Duration(kernel.NativeNanoseconds), Ratio(kernel.HolonOverNative), Ratio(kernel.PeerOverNative), Ratio(kernel.PeerOverHolon), kernel.Problem is null ? "" : "[red]wrong[/]");
            table.AddRow(
                $"[bold]{group.Title}[/]", "", $"[bold]{Ratio(group.HolonOverNative)}[/]", $"[bold]{Ratio(group.PeerOverNative)}[/]", $"[bold]{Ratio(group.PeerOverHolon)}[/]",
                $"{group.Target}: {(group.Met ? "[green]met[/]" : "[yellow]not met[/]")}");
        }

        AnsiConsole.Write(table);
        foreach (var kernel in results.Kernels.Where(each => each.Problem is not null)) AnsiConsole.MarkupLineInterpolated($"[red]{kernel.Name}[/]: {kernel.Problem}");
    }

    private static string Ratio(double value) => double.IsNaN(value) ? "–" : value >= 100 ? $"{value:F0}" : value >= 10 ? $"{value:F1}" : $"{value:F2}";

    private static string Duration(double nanoseconds) => nanoseconds switch
    {
        < 1e3 => $"{nanoseconds:F1} ns",
        < 1e6 => $"{nanoseconds / 1e3:F1} µs",
        _ => $"{nanoseconds / 1e6:F1} ms",
    };
}
