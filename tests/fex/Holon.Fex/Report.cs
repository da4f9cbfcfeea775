using Spectre.Console;

namespace Holon.Fex;

/// <summary>The outcomes for people.</summary>
internal static class Report
{
    /// <summary>Prints failures, what was skipped, and a summary by folder.</summary>
    /// <returns>0 when every failure is explained.</returns>
    public static int Write(IReadOnlyList<FexOutcome> outcomes, IReadOnlyDictionary<string, string> explained, string engine)
    {
        foreach (var outcome in outcomes.Where(each => each.Verdict == FexVerdict.Failed && !explained.ContainsKey(each.Test.Name)))
            Console.WriteLine($"FAILED    {outcome.Test.Name}: {outcome.Detail}");
        foreach (var outcome in outcomes.Where(each => each.Verdict == FexVerdict.Failed && explained.ContainsKey(each.Test.Name)))
            Console.WriteLine($"explained {outcome.Test.Name}: {explained[outcome.Test.Name]}");
        foreach (var outcome in outcomes.Where(each => each.Verdict == FexVerdict.Passed && explained.ContainsKey(each.Test.Name)))
            Console.WriteLine($"passes    {outcome.Test.Name}, although it is listed: {explained[outcome.Test.Name]}");
        foreach (var reason in outcomes.Where(each => each.Verdict == FexVerdict.Skipped).GroupBy(each => each.Detail).OrderByDescending(each => each.Count()))
            Console.WriteLine($"skipped   {reason.Count()}: {reason.Key}{(reason.Count() <= 3 ? $" ({string.Join(", ", reason.Select(each => each.Test.Name))})" : "")}");

        var table = new Table().Border(TableBorder.Simple).AddColumn("folder");
        foreach (var title in (ReadOnlySpan<string>)["passed", "failed", "explained", "skipped"]) table.AddColumn(new TableColumn(title).RightAligned());
        foreach (var folder in outcomes.GroupBy(outcome => outcome.Test.Folder)) AddRow(table, folder.Key, [.. folder], explained);
        AddRow(table, $"all, on {engine}", outcomes, explained);
        AnsiConsole.Write(table);
        return outcomes.Any(each => each.Verdict == FexVerdict.Failed && !explained.ContainsKey(each.Test.Name)) ? 1 : 0;
    }

    private static void AddRow(Table table, string name, IReadOnlyList<FexOutcome> outcomes, IReadOnlyDictionary<string, string> explained)
    {
        var failed = outcomes.Where(each => each.Verdict == FexVerdict.Failed).ToList();
        var known = failed.Count(each => explained.ContainsKey(each.Test.Name));
        table.AddRow(name, $"{outcomes.Count(each => each.Verdict == FexVerdict.Passed)}", $"{failed.Count - known}", $"{known}", $"{outcomes.Count(each => each.Verdict == FexVerdict.Skipped)}");
    }
}
