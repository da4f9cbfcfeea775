using System.CommandLine;
using System.Text.Json;
using Holon.Cli.Terminal;
using Holon.Machines;
using Holon.Machines.Control;

namespace Holon.Cli.Commands.Machines;

/// <summary><c>holon stats</c>: what a machine does.</summary>
internal sealed class StatsCommand : Command
{
    private const string ClearScreen = "\x1b[H\x1b[2J";

    /// <summary>The command.</summary>
    public StatsCommand()
        : base("stats", "Show what a machine has done since its start: time, memory, translated code, disks and networks.")
    {
        var name = MachineArguments.Name();
        var follow = MachineArguments.Follow("Show it again and again, with what was done in between, until the machine ends or Ctrl-C.");
        var interval = new Option<string>("--interval") { Description = "How long is in between.", HelpName = "DURATION", DefaultValueFactory = _ => "1s" };
        var json = MachineArguments.Json();
        var map = new Option<string?>("--system-map") { Description = "Names for the guest kernel's addresses: its System.map, or a copy of its /proc/kallsyms.", HelpName = "FILE" };
        foreach (var symbol in (ReadOnlySpan<Symbol>)[name, follow, interval, json, map])
        {
            if (symbol is Option option) Add(option);
            else Add((Argument)symbol);
        }

        SetAction(async (parsed, cancellationToken) =>
        {
            var symbols = parsed.GetValue(map) is { } path ? SymbolTable.Read(path) : SymbolTable.Empty;
            var client = MachineArguments.Client(parsed.GetRequiredValue(name));
            var asJson = parsed.GetValue(json);
            var current = client.Get("/v1/machine/statistics", MachineJson.Default.MachineStatistics);
            Show(current, null, symbols, asJson, parsed.GetValue(follow));
            if (!parsed.GetValue(follow)) return;
            var pause = TimeLimit.Parse(parsed.GetRequiredValue(interval));
            while (true)
            {
                await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
                var before = current;
                try
                {
                    current = client.Get("/v1/machine/statistics", MachineJson.Default.MachineStatistics);
                }
                catch (HolonException) when (MachineRegistry.ForUser().Connect(parsed.GetRequiredValue(name), out _) is null)
                {
                    return; // it has ended
                }

                Show(current, before, symbols, asJson, follow: true);
            }
        });
    }

    private static void Show(MachineStatistics current, MachineStatistics? before, SymbolTable symbols, bool json, bool follow)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(current, MachineJson.Default.MachineStatistics));
            return;
        }

        if (follow && HostTerminal.IsTerminal(HostTerminal.StandardOutput)) Console.Write(ClearScreen);
        Console.Write(StatisticsText.Of(current, before, symbols));
    }
}
