using Holon.Machines;

namespace Holon.Python.Cli;

/// <summary>What the command line chose to run.</summary>
internal sealed class Choice
{
    public string? Command { get; private set; }

    public string? Module { get; private set; }

    public List<string> Warnings { get; } = [];

    public List<string> XOptions { get; } = [];

    public bool SkipFirstLine { get; set; }

    /// <summary>dis-live: the function that is shown when the program has ended.</summary>
    public string? Live { get; init; }

    /// <summary>An option has done all there is to do.</summary>
    public int? ExitCode { get; set; }

    public void Set(char letter, string value)
    {
        switch (letter)
        {
            case 'c':
                Command = value;
                break;
            case 'm':
                Module = value;
                break;
            case 'W':
                Warnings.Add(value);
                break;
            default:
                XOptions.Add(value);
                break;
        }
    }
}

/// <summary>The words of the command line, one after the other.</summary>
internal sealed class Words(string[] args)
{
    private int at;

    public string? NextOption() => at < args.Length && args[at].Length > 1 && args[at][0] == '-' ? args[at++] : null;

    public string Value(string option) => at < args.Length ? args[at++] : throw new HolonException($"Argument expected for the {option} option.");

    public string[] Rest() => args[at..];
}
