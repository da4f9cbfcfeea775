using System.CommandLine;
using Holon.SystemMachine.Images;

namespace Holon.Cli.Commands;

/// <summary>The options of <c>holon run</c> that tell a cloud image what it is to be.</summary>
internal sealed class SeedOptions
{
    private readonly Option<string?> _userData = new("--user-data") { Description = "Give a cloud image this file on its first boot, for cloud-init (NoCloud).", HelpName = "FILE" };
    private readonly Option<string?> _metaData = new("--meta-data") { Description = "The file that says who it is. [default: made of --hostname and --ssh-key]", HelpName = "FILE" };
    private readonly Option<string[]> _sshKey = new("--ssh-key") { Description = "A public key whose owner may log in by SSH: to a cloud image, or as root to the image debian with --publish 2222:22. Repeatable.", HelpName = "FILE", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _hostName = new("--hostname") { Description = "The guest's host name: of a cloud image, or of the image debian. [debian's default: --name]", HelpName = "NAME" };

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [_userData, _metaData, _sshKey, _hostName];

    /// <summary>What was asked for; null when nothing was.</summary>
    public CloudSeed? Get(ParseResult parsed)
    {
        var seed = new CloudSeed { UserData = parsed.GetValue(_userData), MetaData = parsed.GetValue(_metaData), SshKeys = parsed.GetValue(_sshKey) ?? [], HostName = parsed.GetValue(_hostName) };
        return seed is { UserData: null, MetaData: null, SshKeys.Count: 0, HostName: null } ? null : seed;
    }
}
