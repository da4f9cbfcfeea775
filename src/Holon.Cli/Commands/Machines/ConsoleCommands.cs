using System.CommandLine;
using System.Text;
using System.Text.Json;
using Holon.Cli.Running;
using Holon.Cli.Terminal;
using Holon.Machines.Control;

namespace Holon.Cli.Commands.Machines;

/// <summary>The commands that show what a machine prints and what happens to it, and take its keyboard.</summary>
internal static class ConsoleCommands
{
    /// <summary>All of them.</summary>
    public static IEnumerable<Command> All() => [Attach(), Logs(), Events()];

    private static Command Attach()
    {
        var name = MachineArguments.Name();
        var command = new Command("attach", "Connect this terminal with the console of a machine that has none. Ctrl-A D leaves it, and the machine goes on.") { name };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Attach(MachineRegistry.ForUser(), parsed.GetRequiredValue(name), cancellationToken), CancellationToken.None));
        return command;
    }

    private static int Attach(MachineRegistry registry, string name, CancellationToken cancellationToken)
    {
        var client = new ControlClient(registry, name);
        using var console = client.Open("/v1/machine/console", ControlApi.ConsoleProtocol);
        using var cancelled = cancellationToken.Register(console.Dispose);
        var end = Task.Run(() => client.Wait(cancellationToken), cancellationToken);
        var terminal = HostTerminal.IsTerminal(HostTerminal.StandardInput) && HostTerminal.IsTerminal(HostTerminal.StandardOutput);
        if (terminal) Descriptor.TryWrite(HostTerminal.StandardError, Encoding.ASCII.GetBytes($"holon: connected to {name}; Ctrl-A D leaves it\n"));
        if (terminal) HostTerminal.TryMakeRaw();
        var left = false;
        var input = new SerialInput(
            terminal ? SerialInputMode.Keys : SerialInputMode.Plain,
            keys =>
            {
                console.Write(keys);
                return keys.Length;
            },
            () =>
            {
                left = true;
                console.Dispose();
            },
            EscapeAction.Detach);
        input.Start();
        try
        {
            Show(console);
        }
        finally
        {
            input.Stop();
            HostTerminal.Restore();
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (terminal) Descriptor.TryWrite(HostTerminal.StandardError, Encoding.ASCII.GetBytes(left ? $"\nholon: left {name}, which goes on\n" : $"\nholon: {name} has ended\n"));
        return left ? 0 : LifecycleCommands.ExitCode(name, end.GetAwaiter().GetResult());
    }

    private static Command Logs()
    {
        var name = MachineArguments.Name();
        var follow = MachineArguments.Follow("Go on with what it prints from now on, until it ends.");
        var command = new Command("logs", "Show what a machine has printed.") { name, follow };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Logs(MachineRegistry.ForUser(), parsed.GetRequiredValue(name), parsed.GetValue(follow), cancellationToken), CancellationToken.None));
        return command;
    }

    private static void Logs(MachineRegistry registry, string name, bool follow, CancellationToken cancellationToken)
    {
        var path = registry.LogOf(name);
        var runs = registry.List().Contains(name);
        if (registry.Recall(name) is not null && File.Exists(path) && !(follow && runs))
        {
            if (File.Exists(ConsoleFile.Before(path))) Show(ConsoleFile.Before(path));
            Show(path);
            return;
        }

        Stream(registry, name, follow ? "/v1/machine/console/log?follow=true" : "/v1/machine/console/log", cancellationToken);
    }

    private static void Show(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Show(file);
    }

    private static Command Events()
    {
        var name = MachineArguments.Name();
        var json = MachineArguments.Json();
        var command = new Command("events", "Show what has happened to a machine, and what happens, until it ends or Ctrl-C.") { name, json };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                var asJson = parsed.GetValue(json);
                using var events = MachineArguments.Client(parsed.GetRequiredValue(name)).Open("/v1/machine/events");
                using var cancelled = cancellationToken.Register(events.Dispose);
                using var lines = new StreamReader(events, Encoding.UTF8);
                while (lines.ReadLine() is { } line)
                {
                    if (asJson) Console.WriteLine(line);
                    else if (JsonSerializer.Deserialize(line, MachineJson.Default.MachineEvent) is { } happened) Console.WriteLine($"{happened.Time.ToLocalTime():yyyy-MM-dd HH:mm:ss.fff}  {happened.Kind,-20}  {happened.Message.ReplaceLineEndings(" ")}");
                }
            },
            CancellationToken.None));
        return command;
    }

    private static void Stream(MachineRegistry registry, string name, string path, CancellationToken cancellationToken)
    {
        using var output = new ControlClient(registry, name).Open(path);
        using var cancelled = cancellationToken.Register(output.Dispose);
        Show(output);
    }

    /// <summary>Copies to standard output, as it comes, while somebody reads that.</summary>
    private static void Show(Stream from)
    {
        var buffer = new byte[64 * 1024];
        while (from.Read(buffer) is var count and > 0 && Descriptor.TryWrite(HostTerminal.StandardOutput, buffer.AsSpan(0, count)))
        {
        }
    }
}
