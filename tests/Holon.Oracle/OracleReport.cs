using System.Globalization;
using System.Text;
using Iced.Intel;

namespace Holon.Oracle;

/// <summary>What a whole comparison showed: a summary for the console, the list of all forms for a file.</summary>
/// <param name="outcomes">The forms compared.</param>
/// <param name="excluded">The forms left out, with the reason.</param>
/// <param name="seed">The seed.</param>
/// <param name="duration">How long it took.</param>
public sealed class OracleReport(IReadOnlyList<FormOutcome> outcomes, IReadOnlyList<(Code Form, string Reason)> excluded, ulong seed, TimeSpan duration)
{
    /// <summary>A few lines: numbers, and the forms that failed.</summary>
    public string Summary
    {
        get
        {
            var cases = outcomes.Sum(outcome => (long)outcome.Cases);
            var failing = outcomes.Where(outcome => outcome.Failures > 0).ToArray();
            var text = new StringBuilder();
            text.AppendLine(CultureInfo.InvariantCulture, $"host oracle: {outcomes.Count} forms, {cases} cases in {duration.TotalSeconds:f1} s, {failing.Length} forms failed, {excluded.Count} left out; seed {seed}");
            foreach (var outcome in failing) text.AppendLine(Line(outcome));
            return text.ToString();
        }
    }

    /// <summary>The failing forms with their first cases.</summary>
    public IEnumerable<string> Failures => outcomes.Where(outcome => outcome.Failures > 0).Select(outcome => $"{Line(outcome)}\n{string.Join('\n', outcome.Reports)}");

    /// <summary>Writes the list of all forms.</summary>
    /// <param name="folder">Where to.</param>
    /// <returns>The file's path.</returns>
    public string Save(string folder)
    {
        var path = Path.Combine(folder, "host-oracle.txt");
        var text = new StringBuilder(Summary).AppendLine();
        foreach (var line in MakerLines) text.AppendLine(line);
        text.AppendLine();
        foreach (var outcome in outcomes) text.AppendLine(Line(outcome));
        text.AppendLine().AppendLine("Left out:");
        foreach (var (form, reason) in excluded) text.AppendLine(CultureInfo.InvariantCulture, $"{form,-48} {reason}");
        text.AppendLine();
        foreach (var failure in Failures) text.AppendLine(failure);
        File.WriteAllText(path, text.ToString());
        return path;
    }

    /// <summary>Differences between makers: the cases and forms in which each was set aside.</summary>
    private IEnumerable<string> MakerLines =>
        outcomes.SelectMany(outcome => outcome.SetAside)
            .GroupBy(entry => entry.Key, entry => entry.Value)
            .OrderByDescending(group => group.Sum())
            .Select(group => string.Create(CultureInfo.InvariantCulture, $"set aside ({group.Key.Maker}): {group.Sum(),6} cases of {group.Count(),4} forms: {group.Key.Name} ({group.Key.Source})"));

    private static string Line(FormOutcome outcome) =>
        string.Create(CultureInfo.InvariantCulture, $"{outcome.Code,-48} {outcome.Cases,6} cases, {outcome.Completed,6} without exception, {outcome.Failures,6} failed");
}
