using System.Globalization;

namespace Holon.Python.Cli;

/// <summary>What the variables PYTHON… add to the options.</summary>
internal static class FromEnvironment
{
    private static string? Get(string name) => Environment.GetEnvironmentVariable("PYTHON" + name) is { Length: > 0 } value ? value : null;

    private static bool IsSet(string name) => Get(name) is not null;

    /// <summary>A number, or 1 for any other text.</summary>
    private static int Level(string name) => Get(name) is { } text ? int.TryParse(text, CultureInfo.InvariantCulture, out var n) && n >= 0 ? n : 1 : 0;

    public static PythonMachineOptions Apply(PythonMachineOptions options, List<string> warnings)
    {
        warnings.InsertRange(0, Get("WARNINGS")?.Split(',') ?? []);
        return options with
        {
            Optimize = Math.Min(2, Math.Max(options.Optimize, Level("OPTIMIZE"))),
            Verbose = Math.Max(options.Verbose, Level("VERBOSE")),
            DontWriteBytecode = options.DontWriteBytecode || IsSet("DONTWRITEBYTECODE"),
            Unbuffered = options.Unbuffered || IsSet("UNBUFFERED"),
            Inspect = options.Inspect || IsSet("INSPECT"),
            NoUserSite = options.NoUserSite || IsSet("NOUSERSITE"),
            SafePath = options.SafePath || IsSet("SAFEPATH"),
            DevMode = options.DevMode || Get("DEVMODE") == "1",
            StandardEncoding = Get("IOENCODING"),
            BytecodeFolder = Get("PYCACHEPREFIX"),
            Startup = Get("STARTUP"),
            SearchPath = Get("PATH")?.Split(':') ?? [],
        };
    }
}
