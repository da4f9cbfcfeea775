using System.CommandLine;
using Holon.Machines;
using Holon.SystemMachine.Shares;

namespace Holon.Cli.Commands;

/// <summary>The option of <c>holon run</c> that shares folders of the host.</summary>
internal sealed class ShareOptions
{
    private readonly Option<string[]> _share = new("--share") { Description = "Share a folder of the host with the guest, mounted at an absolute path: FOLDER:PATH[:ro][:map][:cache=auto|none|always]; map keeps owners beside the files even for root; the guest keeps what it reads for as long as it is unchanged (auto), not at all (none), or without asking again (always). Repeatable.", HelpName = "FOLDER:PATH", Arity = ArgumentArity.OneOrMore };

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_share];

    /// <summary>The folders that were named, which must be there: before minutes are spent on an image.</summary>
    /// <exception cref="HolonException">One cannot be shared.</exception>
    public IReadOnlyList<ShareSpec> Parse(ParseResult parsed)
    {
        ShareSpec[] shares = [.. (parsed.GetValue(_share) ?? []).Select(ShareSpec.Parse)];
        foreach (var share in shares)
        {
            if (File.Exists(share.Source)) throw new HolonException($"{share.Source} is not a folder and cannot be shared; name the folder that it is in.");
            if (!Directory.Exists(share.Source)) throw new HolonException($"There is no folder {share.Source} to share; create it or name another one.");
        }

        return shares;
    }
}
