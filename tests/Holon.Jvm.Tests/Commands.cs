using System.Diagnostics;

namespace Holon.Jvm.Tests;

/// <summary>Runs commands and keeps what they print.</summary>
internal static class Commands
{
    public static string HolonJava { get; } = Path.Combine(AppContext.BaseDirectory, "holon-java");

    public static bool Have(params string[] programs) =>
        Array.TrueForAll(programs, program => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(p => File.Exists(Path.Combine(p, program))));

    public static (int Code, string Output, string Error) Run(string program, params string[] arguments) => RunWith(null, program, arguments);

    /// <summary>The same, with something typed.</summary>
    public static (int Code, string Output, string Error) RunWith(string? typed, string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = typed != null, RedirectStandardOutput = true, RedirectStandardError = true })!;
        if (typed != null)
        {
            process.StandardInput.Write(typed);
            process.StandardInput.Close();
        }
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    public static void MustRun(string program, params string[] arguments)
    {
        var (code, _, error) = Run(program, arguments);
        Assert.True(code == 0, error);
    }
}
