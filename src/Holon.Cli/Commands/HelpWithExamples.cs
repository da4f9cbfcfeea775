using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Holon.Cli.Commands;

/// <summary>The parser's own help, followed by what people look for first: examples, and the exit codes.</summary>
internal sealed class HelpWithExamples : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, string[]> Examples = new(StringComparer.Ordinal)
    {
        ["holon"] = ["holon run busybox -- uname -a", "holon run busybox", "holon doctor"],
        ["run"] =
        [
            "holon run busybox -- uname -a                   one command; its exit code is holon's",
            "holon run busybox                               a shell; Ctrl-A X ends the machine, Ctrl-A H lists keys",
            "echo hello | holon run busybox -- tr a-z A-Z    input and output are pipes in the guest too",
            "holon run debian --cpus 4 --memory 2G           four processors, each on a thread of its own",
            "holon run --detach --name web debian            goes on without this terminal; holon attach web, holon stop web",
            "holon run --kernel vmlinuz --initrd root.cpio --append console=ttyS0",
            "holon run busybox --disk data.qcow2,serial=web-1 --disk scratch.raw,ro,format=raw -- ls -l /dev/vda /dev/vdb",
            "holon run debian --share ~/src:/src --share /data:/data:ro   folders of the host, mounted at boot",
            "holon run debian --uefi                         UEFI firmware and GRUB from the same disk; --bios for SeaBIOS",
            "holon run --disk cloud.qcow2 --user-data seed.yaml --ssh-key ~/.ssh/id.pub --hostname web",
            "holon run --bios --serial file:boot.log --timeout 30s",
        ],
        ["ps"] = ["holon ps", "holon ps --all --json"],
        ["stats"] = ["holon stats web", "holon stats web --follow --system-map System.map"],
        ["attach"] = ["holon run --detach --name web debian && holon attach web"],
        ["stop"] = ["holon stop web", "holon stop --timeout 5m web db", "holon stop --force web"],
        ["disk attach"] = ["holon disk attach web data.qcow2", "holon disk attach web scratch.raw,ro,format=raw,name=scratch"],
        ["disk detach"] = ["holon disk detach web data.qcow2"],
        ["network attach"] = ["holon network attach web", "holon network attach web backend"],
        ["image"] = ["holon image ls", "holon image build busybox"],
        ["disk"] =
        [
            "holon disk create data.qcow2 20G                a thin disk: it takes space as it is written",
            "holon disk create --backing debian.qcow2 my.qcow2   a disk that begins as a copy, and takes what it changes",
            "holon disk convert --compress my.qcow2 small.qcow2",
            "holon disk check --repair all broken.qcow2",
        ],
        ["disk create"] =
        [
            "holon disk create data.qcow2 20G",
            "holon disk create --format raw --preallocation falloc scratch.raw 4G",
            "holon disk create --backing debian.qcow2 --backing-format qcow2 my.qcow2",
        ],
        ["disk info"] = ["holon disk info --chain my.qcow2", "holon disk info --json my.qcow2"],
        ["disk map"] = ["holon disk map my.qcow2", "holon disk map --json my.qcow2"],
        ["disk check"] = ["holon disk check my.qcow2", "holon disk check --repair leaks my.qcow2", "holon disk check --repair all broken.qcow2"],
        ["disk convert"] =
        [
            "holon disk convert disk.raw disk.qcow2",
            "holon disk convert --compress --compression zstd disk.qcow2 small.qcow2",
            "holon disk convert --snapshot before-upgrade --format raw disk.qcow2 old.raw",
        ],
        ["disk resize"] = ["holon disk resize disk.qcow2 +10G", "holon disk resize --shrink disk.qcow2 5G"],
        ["disk snapshot"] = ["holon disk snapshot create disk.qcow2 before-upgrade", "holon disk snapshot apply disk.qcow2 before-upgrade", "holon disk snapshot list disk.qcow2"],
        ["disk commit"] = ["holon disk commit overlay.qcow2"],
        ["disk rebase"] = ["holon disk rebase --backing newer.qcow2 overlay.qcow2", "holon disk rebase --no-backing overlay.qcow2", "holon disk rebase --unsafe --backing /new/place/base.qcow2 overlay.qcow2"],
    };

    private readonly HelpAction _inner;

    /// <summary>Adds to the help that an option shows.</summary>
    public HelpWithExamples(HelpAction inner) => _inner = inner;

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var output = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command;
        using (var page = new StringWriter())
        {
            parseResult.InvocationConfiguration.Output = page;
            _inner.Invoke(parseResult);
            parseResult.InvocationConfiguration.Output = output;

            // The parser does not know what comes after "--": it is the guest's.
            output.Write(page.ToString().TrimEnd().Replace("holon run [<IMAGE>] [options]", "holon run [options] [IMAGE] [-- COMMAND...]", StringComparison.Ordinal));
        }

        output.WriteLine();
        if (Examples.TryGetValue(PathOf(command), out var examples))
        {
            output.WriteLine("\nExamples:");
            foreach (var example in examples) output.WriteLine($"  {example}");
        }

        if (command is RunCommand)
        {
            output.WriteLine(
                """

                Exit codes:
                  0-255  the guest command's own; 0 when the guest powers itself off
                  124    the time limit of --timeout ran out
                  125    Holon failed, or the guest crashed before its command ended
                  130    ended by the user, with Ctrl-C or Ctrl-A X (128 + N: by signal N)
                """);
        }

        return 0;
    }

    /// <summary>A command's name with those above it, such as <c>disk create</c>.</summary>
    private static string PathOf(Command command) => command is RootCommand
        ? "holon"
        : command.Parents.OfType<Command>().FirstOrDefault() is { } parent and not RootCommand ? $"{PathOf(parent)} {command.Name}" : command.Name;
}
