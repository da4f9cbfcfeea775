using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Holon.Cli.Running;
using Holon.Cli.Terminal;
using Holon.Machines;
using Holon.Machines.Control;
using Spectre.Console;

namespace Holon.Cli.Commands.Machines;

/// <summary><c>holon ps</c>: the user's machines.</summary>
internal sealed class PsCommand : Command
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);

    /// <summary>The command.</summary>
    public PsCommand()
        : base("ps", "List the machines that run.")
    {
        var all = new Option<bool>("--all", "-a") { Description = "Also those that have ended and had no terminal, until holon rm forgets them." };
        var json = MachineArguments.Json();
        Add(all);
        Add(json);
        SetAction(parsed => List(MachineRegistry.ForUser(), parsed.GetValue(all), parsed.GetValue(json)));
    }

    private static void List(MachineRegistry registry, bool all, bool json)
    {
        var machines = new List<MachineDescription>();
        var silent = new List<string>();
        foreach (var name in registry.List())
        {
            try
            {
                if (new ControlClient(registry, name).TryDescribe(_patience) is { } machine) machines.Add(machine);
            }
            catch (HolonException)
            {
                silent.Add(name);
            }
        }

        if (all)
        {
            foreach (var name in registry.ListRemembered())
            {
                if (machines.Any(machine => machine.Name == name) || silent.Contains(name) || registry.Recall(name) is not { } ended) continue;
                machines.Add(ended.Outcome is null ? ended with { Status = MachineStatus.Failed, Outcome = new MachineOutcome(MachineExitReason.Failed, 0, "its process was killed") } : ended);
            }
        }

        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(machines, MachineJson.Default.IReadOnlyListMachineDescription));
            return;
        }

        var table = new Table().Border(TableBorder.None).AddColumns("NAME", "KIND", "STATUS", "ENGINE", "CPUS", "MEMORY", "UPTIME", "IMAGE");
        foreach (var machine in machines)
        {
            table.AddRow(
                machine.Name,
                machine.Kind,
                Markup.Escape(StatusOf(machine)),
                machine.Engine,
                machine.Processors.ToString(CultureInfo.InvariantCulture),
                new MemorySize(machine.MemoryBytes).ToString(),
                machine.Outcome is null ? MachineArguments.Show(DateTimeOffset.UtcNow - machine.Started) : "-",
                machine.Image ?? "-");
        }

        foreach (var name in silent) table.AddRow(name, "-", "not answering", "-", "-", "-", "-", "-");
        Tables.Write(table);
    }

    private static string StatusOf(MachineDescription machine)
    {
#pragma warning disable CA1308 // statuses are told in lower case
        if (machine.Outcome is not { } outcome) return machine.Status.ToString().ToLowerInvariant();
#pragma warning restore CA1308
        var ago = machine.Ended is { } ended ? $" {MachineArguments.Show(DateTimeOffset.UtcNow - ended)} ago" : "";
        return outcome.Reason == MachineExitReason.Failed
            ? $"failed{ago}{(outcome.Message is { } message ? $": {message.Split('\n')[0]}" : "")}"
            : string.Create(CultureInfo.InvariantCulture, $"ended ({ExitCodes.Of(outcome.Reason, outcome.Code)}){ago}");
    }
}
