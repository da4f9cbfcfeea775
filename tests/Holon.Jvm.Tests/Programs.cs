using System.Diagnostics;

namespace Holon.Jvm.Tests;

/// <summary>Running programs beside each other.</summary>
internal static class Programs
{
    /// <summary>Our java.</summary>
    public static readonly string Holon = Path.Combine(AppContext.BaseDirectory, "holon-java");

    public static (int Code, string Output, string Error) Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    public static bool Has(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(p => File.Exists(Path.Combine(p, program)));
}
