using System.Net.Sockets;
using Holon.Cli.Terminal;
using Holon.Machines;
using Holon.Machines.Control;

namespace Holon.Cli.Running;

/// <summary>What makes a running machine visible to other terminals: its name, its control socket, what it prints, and what is remembered of it.</summary>
internal sealed class MachineControl : IDisposable
{
    private readonly MachineRegistry _registry;
    private readonly RunRequest _request;
    private readonly Socket _listener;
    private readonly ConsoleLog _console = new();
    private readonly ConsoleFile? _file;
    private readonly DateTimeOffset _started = DateTimeOffset.UtcNow;
    private ControlServer? _server;
    private ControlApi? _api;

    private MachineControl(MachineRegistry registry, RunRequest request, string name, Socket listener)
    {
        (_registry, _request, Name, _listener) = (registry, request, name, listener);
        if (!request.Detached) return;
        registry.Forget(name); // an ended machine of that name
        _file = new ConsoleFile(registry.PrepareLog(name));
    }

    /// <summary>The name by which it is found.</summary>
    public string Name { get; }

    /// <summary>Takes a name for a machine that is about to be built; null where the host has no place for a control socket: the machine can do without.</summary>
    /// <exception cref="HolonException">A machine of that name runs already, or one without a terminal could not be found again.</exception>
    public static MachineControl? Open(MachineRegistry? registry, RunRequest request)
    {
        if (registry is null) return null;
        try
        {
            var (name, listener) = registry.Claim(request.Spec.Name, exactly: request.Named);
            return new MachineControl(registry, request, name, listener);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return request.Detached ? throw new HolonException($"The machine cannot run without a terminal, since nobody would find it. {exception.Message}") : null;
        }
    }

    /// <summary>Answers from now on.</summary>
    public void Serve(IManagedMachine machine, SendSerial input)
    {
        var hasTerminal = !_request.Detached && _request.Serial.Kind == SerialTargetKind.StandardStreams;
        _api = new ControlApi(machine, new MachineIdentity(Name, _request.Image, _request.Detached, _started), _console, hasTerminal ? null : keys => input(keys));
        _server = new ControlServer(_listener, _api);
    }

    /// <summary>The machine runs: who started one without a terminal hears its name, and is left.</summary>
    public void Announce()
    {
        if (!_request.Detached) return;
        _registry.Remember(_api!.Describe());
        Console.Out.WriteLine(Name);
        Console.Out.Flush();
        Daemon.LetGoOfStandardStreams();
    }

    /// <summary>Takes what the machine prints.</summary>
    public void Print(ReadOnlySpan<byte> data)
    {
        _console.Write(data);
        _file?.Write(data);
    }

    /// <summary>The machine has ended.</summary>
    public void Ended(MachineExit exit)
    {
        _console.End();
        if (!_request.Detached) return;
        _registry.Remember(_api!.Describe() with { Ended = DateTimeOffset.UtcNow, Outcome = MachineOutcome.Of(exit) });
        if (_request.Temporary) _registry.Forget(Name);
    }

    /// <summary>Gives the name back, once those who wait for the machine's end have heard of it.</summary>
    public void Dispose()
    {
        _console.End();
        _server?.Dispose();
        _registry.Release(Name, _listener);
        _file?.Dispose();
    }
}
