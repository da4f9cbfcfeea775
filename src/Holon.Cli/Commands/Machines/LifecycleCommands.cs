using System.CommandLine;
using Holon.Cli.Running;
using Holon.Machines;
using Holon.Machines.Control;

namespace Holon.Cli.Commands.Machines;

/// <summary>The commands by which running machines are paused, resumed and ended.</summary>
internal static class LifecycleCommands
{
    /// <summary>All of them.</summary>
    public static IEnumerable<Command> All() => [Pause(), Resume(), Stop(), Kill(), Wait(), Remove()];

    private static Command Pause() => ForEach("pause", "Hold machines between two instructions; their clocks stand still.", client => client.Change("POST", "/v1/machine/pause"));

    private static Command Resume() => ForEach("resume", "Let paused machines go on.", client => client.Change("POST", "/v1/machine/resume"));

    private static Command Kill() => ForEach("kill", "End machines' processes at once, even if they hang. What a guest had not written to its disks is lost.", client => client.Kill());

    private static Command ForEach(string name, string description, Action<ControlClient> act)
    {
        var names = MachineArguments.Names();
        var command = new Command(name, description) { names };
        command.SetAction(parsed =>
        {
            foreach (var machine in parsed.GetRequiredValue(names)) act(MachineArguments.Client(machine));
        });
        return command;
    }

    private static Command Stop()
    {
        var names = MachineArguments.Names();
        var force = new Option<bool>("--force") { Description = "Do not ask the guest: end the machine now, as pulling the plug does. Its disks are closed properly." };
        var limit = new Option<string>("--timeout") { Description = "How long to wait for a guest that was asked.", HelpName = "DURATION", DefaultValueFactory = _ => "60s" };
        var command = new Command("stop", "Press machines' power buttons and wait until their guests have switched them off.") { names, force, limit };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                var patience = TimeLimit.Parse(parsed.GetRequiredValue(limit));
                foreach (var name in parsed.GetRequiredValue(names))
                {
                    if (parsed.GetValue(force)) MachineArguments.Client(name).End();
                    else StopGently(name, patience, cancellationToken);
                }
            },
            CancellationToken.None));
        return command;
    }

    private static void StopGently(string name, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(patience);
        var client = MachineArguments.Client(name);
        if (!client.TryChange("POST", "/v1/machine/stop")) return;
        try
        {
            client.Wait(late.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HolonException($"The guest of '{name}' has not switched itself off within {TimeLimit.Format(patience)}; wait on with holon wait {name}, or end the machine with: holon stop --force {name}");
        }
    }

    private static Command Wait()
    {
        var name = MachineArguments.Name();
        var command = new Command("wait", "Wait until a machine has ended, and exit with what its run returned.") { name };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Wait(MachineRegistry.ForUser(), parsed.GetRequiredValue(name), cancellationToken), CancellationToken.None));
        return command;
    }

    private static int Wait(MachineRegistry registry, string name, CancellationToken cancellationToken)
    {
        var ended = registry.List().Contains(name) ? null : registry.Recall(name);
        return ExitCode(name, ended is null ? new ControlClient(registry, name).Wait(cancellationToken) : ended.Outcome);
    }

    /// <summary>What a machine's run returned.</summary>
    /// <exception cref="HolonException">Its process was killed.</exception>
    public static int ExitCode(string name, MachineOutcome? outcome) => outcome is not null
        ? ExitCodes.Of(outcome.Reason, outcome.Code)
        : throw new HolonException($"The process of the machine '{name}' was killed, so nobody knows how it ended.");

    private static Command Remove()
    {
        var names = MachineArguments.Names();
        var command = new Command("rm", "Forget ended machines and what they printed. Their disks stay.") { names };
        command.SetAction(parsed =>
        {
            var registry = MachineRegistry.ForUser();
            foreach (var name in parsed.GetRequiredValue(names))
            {
                if (registry.Connect(name, out _) is { } running)
                {
                    running.Dispose();
                    throw new HolonException($"The machine '{name}' runs; end it first with: holon stop {name}");
                }

                if (!registry.Forget(name)) throw new HolonException($"There is no ended machine '{name}'; holon ps --all lists those that there are.");
            }
        });
        return command;
    }
}
