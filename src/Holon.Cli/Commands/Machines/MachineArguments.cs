using System.CommandLine;
using System.Globalization;
using Holon.Machines.Control;

namespace Holon.Cli.Commands.Machines;

/// <summary>What the commands for running machines have in common.</summary>
internal static class MachineArguments
{
    /// <summary>One machine.</summary>
    public static Argument<string> Name() => new("NAME") { Description = "The machine, as holon ps lists it." };

    /// <summary>One machine or more.</summary>
    public static Argument<string[]> Names() => new("NAME") { Description = "The machines, as holon ps lists them.", Arity = ArgumentArity.OneOrMore };

    /// <summary>Whether the answer is for programs.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Answer in JSON." };

    /// <summary>Whether to go on as things happen.</summary>
    public static Option<bool> Follow(string description) => new("--follow", "-f") { Description = description };

    /// <summary>Talks to a machine.</summary>
    public static ControlClient Client(string name) => new(MachineRegistry.ForUser(), name);

    /// <summary>A span of time as people read it: its two largest units.</summary>
    public static string Show(TimeSpan span) => span switch
    {
        { TotalDays: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalDays}d {span.Hours}h"),
        { TotalHours: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.Hours}h {span.Minutes}m"),
        { TotalMinutes: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.Minutes}m {span.Seconds}s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, span.Seconds)}s"),
    };
}
