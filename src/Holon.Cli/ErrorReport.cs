using System.Globalization;
using Holon.Machines;

namespace Holon.Cli;

/// <summary>How errors reach the user: one line each on standard error, never a stack trace.</summary>
internal static class ErrorReport
{
    /// <summary>Prints an error that a user can act on, with its causes.</summary>
    public static void Print(HolonException exception)
    {
        Print(exception.Message);
        for (var cause = exception.InnerException; cause is not null; cause = cause.InnerException)
            Console.Error.WriteLine($"  because: {OneLine(cause.Message)}");
    }

    /// <summary>Prints one sentence.</summary>
    public static void Print(string message) => Console.Error.WriteLine($"holon: {OneLine(message)}");

    /// <summary>Prints a defect of Holon in one line, and writes what its authors need to a file.</summary>
    public static void PrintDefect(Exception exception, IEnumerable<string> arguments)
    {
        var path = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"holon-report-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}.txt"));
        try
        {
            File.WriteAllText(path, $"holon {HolonVersion.Text}\n{Environment.OSVersion}, .NET {Environment.Version}\narguments: {string.Join(' ', arguments)}\n\n{exception}\n");
            Print($"This is a defect of Holon: {exception.GetType().Name}: {exception.Message} The full report is in {path}.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Print($"This is a defect of Holon: {exception.GetType().Name}: {exception.Message} No report could be written to {path}.");
        }
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ").Trim();
}
