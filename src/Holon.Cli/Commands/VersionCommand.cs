using System.CommandLine;

namespace Holon.Cli.Commands;

/// <summary><c>holon version</c>.</summary>
internal sealed class VersionCommand : Command
{
    /// <summary>The command.</summary>
    public VersionCommand()
        : base("version", "Show which Holon this is.")
    {
        SetAction(_ => Console.WriteLine($"holon {HolonVersion.Text} (.NET {Environment.Version})"));
    }
}
