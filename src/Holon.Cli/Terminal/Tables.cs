using Spectre.Console;

namespace Holon.Cli.Terminal;

/// <summary>Prints tables.</summary>
internal static class Tables
{
    /// <summary>Wider than any line: programs that read a table want each row on one.</summary>
    private const int Unlimited = 10_000;

    /// <summary>Prints a table to standard output, folded to the width of a terminal, or unfolded where there is none.</summary>
    public static void Write(Table table)
    {
        if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = Unlimited;
        AnsiConsole.Write(table);
    }
}
