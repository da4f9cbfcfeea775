using System.CommandLine;

namespace Holon.Cli.Commands;

/// <summary>Finds what somebody meant who wrote something else.</summary>
internal static class Suggestions
{
    /// <summary>The sentence for an option that a command does not have.</summary>
    public static string UnknownOption(string option, Command command)
    {
        var name = option.Split('=')[0];
        var known = command.Options.SelectMany(known => known.Aliases.Append(known.Name)).Where(known => known.StartsWith("--", StringComparison.Ordinal));
        return $"There is no option '{name}'; {Hint(name, known, $"holon {command.Name} --help lists them")}";
    }

    /// <summary>The end of a sentence: "did you mean …?", or something else to try when nothing is near.</summary>
    public static string Hint(string written, IEnumerable<string> known, string otherwise)
    {
        var nearest = known.Select(candidate => (candidate, Distance: Distance(written, candidate))).MinBy(pair => pair.Distance);
        return nearest.candidate is not null && nearest.Distance <= Math.Max(2, written.Length / 3) && nearest.Distance < written.Length
            ? $"did you mean '{nearest.candidate}'?"
            : $"{otherwise}.";
    }

    /// <summary>How many letters must be added, removed or changed (Levenshtein).</summary>
    public static int Distance(string from, string to)
    {
        var row = new int[to.Length + 1];
        for (var j = 0; j <= to.Length; j++) row[j] = j;
        for (var i = 1; i <= from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var change = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, 1 + Math.Min(row[j], row[j - 1]));
            }
        }

        return row[to.Length];
    }
}
