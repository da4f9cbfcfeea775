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
            "holon run --kernel vmlinuz --initrd root.cpio --append console=ttyS0",
            "holon run --bios --serial file:boot.log --timeout 30s",
        ],
        ["image"] = ["holon image ls", "holon image build busybox"],
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
        if (Examples.TryGetValue(command is RootCommand ? "holon" : command.Name, out var examples))
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
}
