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

    /// <summary>Prints a defect of Holon in one line, and writes what its authors need to a file that only the user can read.</summary>
    public static void PrintDefect(Exception exception, IEnumerable<string> arguments)
    {
        var what = $"This is a defect of Holon: {exception.GetType().Name}: {exception.Message.Split('\n')[0].Trim()}";
        var path = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"holon-report-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}.txt"));
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            using (var report = new StreamWriter(path, options))
                report.Write($"holon {HolonVersion.Text}\n{Environment.OSVersion}, .NET {Environment.Version}\narguments: {string.Join(' ', arguments)}\n\n{exception}\n");
            Print($"{what} The full report is in {path}.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Print($"{what} No report could be written to {path}.");
        }
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ").Trim();
}
