using System.CommandLine;
using System.CommandLine.Help;
using Holon.Cli.Commands.Machines;
using Holon.Cli.Running;
using Holon.Machines;

namespace Holon.Cli.Commands;

/// <summary>The whole command line: parses, runs one command, and turns every failure into one clear line and exit code 125.</summary>
internal static class HolonCommand
{
    private const string Description = "Holon runs virtual machines: whole computers as programs of this one.";

    /// <summary>Runs the command line.</summary>
    /// <returns>The exit code of the process.</returns>
    public static async Task<int> RunAsync(string[] arguments, MachineFactory factory)
    {
        try
        {
            // Everything after the first "--" is the guest's, whatever it looks like.
            var separator = arguments is ["run", ..] ? Array.IndexOf(arguments, "--") : -1;
            var (own, guest) = separator < 0 ? (arguments, []) : (arguments[..separator], arguments[(separator + 1)..]);
            if (separator >= 0 && guest.Length == 0) throw new HolonException("There is no command after '--'; write one, or leave '--' out for a shell.");
            var root = Build(guest, factory);
            var parsed = root.Parse(own, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (parsed.CommandResult.Command is { Action: null } group && parsed.UnmatchedTokens.Count == 0) parsed = group.Parse("--help");
            if (parsed.Errors is [var error, ..] && !AsksForHelp(own))
            {
                ErrorReport.Print(Explain(error.Message, parsed));
                return ExitCodes.HolonError;
            }

            return await InvokeAsync(parsed).ConfigureAwait(false);
        }
        catch (HolonException exception)
        {
            ErrorReport.Print(exception);
            return ExitCodes.HolonError;
        }
    }

    private static async Task<int> InvokeAsync(ParseResult parsed)
    {
        using var signals = new EndSignals();
        var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
        try
        {
            var code = await parsed.InvokeAsync(configuration, signals.Token).ConfigureAwait(false);
            return signals.ExitCode ?? code;
        }
        catch (OperationCanceledException) when (signals.ExitCode is not null)
        {
            return signals.ExitCode.Value;
        }
    }

    private static RootCommand Build(IReadOnlyList<string> guest, MachineFactory factory)
    {
        var root = new RootCommand(Description) { new RunCommand(guest, factory), new PsCommand(), new StatsCommand() };
        foreach (var command in (IEnumerable<Command>)[.. LifecycleCommands.All(), .. ConsoleCommands.All(), new ImageCommand(), new NetworkCommand(), new Disk.DiskCommand(), new DoctorCommand(), new DisassembleCommand(), new VersionCommand()]) root.Add(command);
        foreach (var option in root.Options)
        {
            if (option is HelpOption { Action: HelpAction plain } help) help.Action = new HelpWithExamples(plain);
        }

        return root;
    }

    private static bool AsksForHelp(string[] arguments) => arguments.Any(argument => argument is "--help" or "-h" or "-?");

    /// <summary>The parser's own sentences, made to say what to do.</summary>
    private static string Explain(string message, ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.UnmatchedTokens is not [var token, ..]) return message;
        if (token.StartsWith('-')) return Suggestions.UnknownOption(token, command);
        if (command is RunCommand) return $"'{token}' is one word too many; write '--' before the guest's command: holon run IMAGE -- COMMAND.";
        return command.Subcommands.Count > 0
            ? $"There is no command '{token}'; {Suggestions.Hint(token, command.Subcommands.Select(known => known.Name), $"{PathOf(command)} --help lists them")}"
            : $"'{token}' is one word too many for {PathOf(command)}; leave it out.";
    }

    /// <summary>A command as it is written: holon disk snapshot.</summary>
    private static string PathOf(Command command) => command.Parents.OfType<Command>().FirstOrDefault() is { } above ? $"{PathOf(above)} {command.Name}" : "holon";
}
