namespace Holon.Machines;

/// <summary>What a program on a language machine may do outside itself. A machine without a grant sees what a program without the permission would see.</summary>
public record MachineGrants
{
    /// <summary>Nothing but the language's own library and the program.</summary>
    public static MachineGrants None { get; } = new();

    /// <summary>What the user may do.</summary>
    public static MachineGrants All { get; } = new() { Read = ["/"], Write = ["/"], Net = ["*"], Environment = ["*"], Run = true, Exit = true };

    /// <summary>Files and folders that may be read; symbolic links count as what they lead to.</summary>
    public IReadOnlyList<string> Read { get; init; } = [];

    /// <summary>Files and folders that may be written (and read).</summary>
    public IReadOnlyList<string> Write { get; init; } = [];

    /// <summary>Hosts, or host:port, to connect to and to listen on; <c>*</c> is all.</summary>
    public IReadOnlyList<string> Net { get; init; } = [];

    /// <summary>Environment variables that are seen; <c>*</c> is all.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>Whether processes may be started.</summary>
    public bool Run { get; init; }

    /// <summary>Whether the program may end the process.</summary>
    public bool Exit { get; init; }

    /// <summary>Whether nothing is left to ask for.</summary>
    public bool IsEverything => Read.Contains("/") && Write.Contains("/") && Net.Contains("*") && Environment.Contains("*") && Run && Exit;

    /// <summary>Whether a variable of the environment is seen.</summary>
    public bool SeesVariable(string name) => Environment.Contains("*") || Environment.Contains(name);

    /// <summary>Whether a word of a command line is one of the options that <see cref="With"/> knows.</summary>
    public static bool IsOption(string option) => option is "--allow-read" or "--allow-write" or "--allow-net" or "--allow-env" or "--allow-run" or "--allow-exit";

    /// <summary>These grants and what an option of the command line adds.</summary>
    /// <param name="option">One of those that <see cref="IsOption"/> knows.</param>
    /// <param name="value">Gives the option's value: names with commas between them, or <c>none</c>. Asked only where there is one.</param>
    public MachineGrants With(string option, Func<string> value)
    {
        ArgumentNullException.ThrowIfNull(value);
        string[] List() => value() is var text && text == "none" ? [] : text.Split(',', StringSplitOptions.RemoveEmptyEntries);
        return option switch
        {
            "--allow-read" => this with { Read = [.. Read, .. List()] },
            "--allow-write" => this with { Write = [.. Write, .. List()] },
            "--allow-net" => this with { Net = [.. Net, .. List()] },
            "--allow-env" => this with { Environment = [.. Environment, .. List()] },
            "--allow-run" => this with { Run = true },
            "--allow-exit" => this with { Exit = true },
            _ => throw new HolonException($"{option} is no grant."),
        };
    }

    /// <summary>Whether a path without links is one of these, or below one of them.</summary>
    public static bool IsUnder(IEnumerable<string> granted, string path)
    {
        ArgumentNullException.ThrowIfNull(granted);
        ArgumentNullException.ThrowIfNull(path);
        foreach (var folder in granted)
        {
            if (path == folder || folder == "/" || path.StartsWith(folder, StringComparison.Ordinal) && path[folder.Length] == '/') return true;
        }
        return false;
    }
}
