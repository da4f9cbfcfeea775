using System.Text.Json;

namespace Holon.Machines.Control;

/// <summary>Gives keys to a machine's console.</summary>
/// <returns>How many it took; offer the rest a little later.</returns>
public delegate int ConsoleInput(ReadOnlySpan<byte> keys);

/// <summary>What a machine's process knows about it beside the machine itself.</summary>
/// <param name="Name">The name it has taken.</param>
/// <param name="Image">What it was started from; null when that has no name.</param>
/// <param name="Detached">True when no terminal belongs to it.</param>
/// <param name="Started">When.</param>
public sealed record MachineIdentity(string Name, string? Image, bool Detached, DateTimeOffset Started);

/// <summary>What can be asked of a machine, and of it to do: the paths below <c>/v1/machine</c>.</summary>
/// <param name="machine">The machine.</param>
/// <param name="identity">What its process knows of it.</param>
/// <param name="console">What it prints.</param>
/// <param name="input">Takes keys; null when the console belongs to a terminal.</param>
public sealed class ControlApi(IManagedMachine machine, MachineIdentity identity, ConsoleLog console, ConsoleInput? input)
{
    /// <summary>The protocol that a connection to the console goes on with: raw bytes in both directions.</summary>
    public const string ConsoleProtocol = "holon-console";

    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(500);

    /// <summary>What the machine is.</summary>
    public MachineDescription Describe() => new()
    {
        Name = identity.Name,
        Kind = machine.Kind,
        Status = machine.Status,
        Engine = machine.Engine,
        Processors = machine.Processors,
        MemoryBytes = machine.Memory.Bytes,
        Image = identity.Image,
        Started = identity.Started,
        ProcessId = Environment.ProcessId,
        Detached = identity.Detached,
    };

    internal void Answer(HttpExchange exchange)
    {
        switch (exchange.Method, exchange.Path)
        {
            case ("GET", "/v1/machine"):
                exchange.Answer(Describe(), MachineJson.Default.MachineDescription);
                break;
            case ("GET", "/v1/machine/statistics"):
                exchange.Answer(machine.Measure(), MachineJson.Default.MachineStatistics);
                break;
            case ("GET", "/v1/machine/events"):
                SendEvents(exchange);
                break;
            case ("GET", "/v1/machine/console/log"):
                SendLog(exchange, follow: exchange.Query == "follow=true");
                break;
            case ("GET", "/v1/machine/console"):
                ConnectConsole(exchange);
                break;
            case ("GET", "/v1/machine/wait"):
                AwaitEnd(exchange);
                break;
            case ("POST", "/v1/machine/pause"):
                Change(exchange, () => machine.PauseAsync());
                break;
            case ("POST", "/v1/machine/resume"):
                Change(exchange, () => machine.ResumeAsync());
                break;
            case ("POST", "/v1/machine/stop"):
                Stop(exchange);
                break;
            case ("POST", "/v1/machine/devices"):
                Attach(exchange);
                break;
            case (_, var path) when path.StartsWith("/v1/machine/devices/", StringComparison.Ordinal):
                ChangeDevice(exchange, Uri.UnescapeDataString(path["/v1/machine/devices/".Length..]));
                break;
            case (_, "/v1/machine" or "/v1/machine/statistics" or "/v1/machine/events" or "/v1/machine/console/log" or "/v1/machine/console" or "/v1/machine/wait"
                or "/v1/machine/pause" or "/v1/machine/resume" or "/v1/machine/stop" or "/v1/machine/devices"):
                throw new HttpProblem(405, $"{exchange.Method} means nothing for {exchange.Path}.");
            case (_, var path) when !path.StartsWith("/v1/", StringComparison.Ordinal):
                throw new HttpProblem(404, "This machine speaks version 1 of the API: paths begin with /v1/.");
            default:
                throw new HttpProblem(404, $"There is no {exchange.Path}.");
        }
    }

    private void Change(HttpExchange exchange, Func<Task> change)
    {
        try
        {
            change().GetAwaiter().GetResult();
        }
        catch (InvalidOperationException exception)
        {
            throw new HolonException(exception.Message);
        }

        exchange.Answer(Describe(), MachineJson.Default.MachineDescription);
    }

    private void Stop(HttpExchange exchange)
    {
        var force = exchange.ReadBody().Force;
        if (!force && machine.Status == MachineStatus.Paused) throw new HolonException($"The machine '{identity.Name}' is paused, so nothing in it can switch it off; resume it first, or stop it with --force.");
        if (force) machine.StopAsync().GetAwaiter().GetResult();
        else machine.RequestShutdown();
        exchange.Answer(Describe(), MachineJson.Default.MachineDescription);
    }

    private void Attach(HttpExchange exchange)
    {
        if (exchange.ReadBody() is not { Kind: { Length: > 0 } kind, Device: { Length: > 0 } device }) throw new HttpProblem(400, "The request's body must have 'kind' and 'device'.");
        machine.AttachDevice(kind, device);
        exchange.Answer(Describe(), MachineJson.Default.MachineDescription);
    }

    private void ChangeDevice(HttpExchange exchange, string name)
    {
        switch (exchange.Method)
        {
            case "DELETE":
                machine.DetachDevice(name);
                break;
            case "PUT" when exchange.ReadBody().Up is { } up:
                machine.SetLink(name, up);
                break;
            case "PUT":
                throw new HttpProblem(400, "The request's body must have 'up'.");
            default:
                throw new HttpProblem(405, $"{exchange.Method} means nothing for a device.");
        }

        exchange.Answer(Describe(), MachineJson.Default.MachineDescription);
    }

    private void AwaitEnd(HttpExchange exchange)
    {
        while (!machine.Completion.Wait(_look))
        {
            if (exchange.IsAbandoned) return;
        }

        exchange.Answer(MachineOutcome.Of(machine.Completion.Result), MachineJson.Default.MachineOutcome);
    }

    private void SendEvents(HttpExchange exchange)
    {
        exchange.BeginStream("application/x-ndjson");
        using var abandoned = new CancellationTokenSource();
        var events = machine.EventsAsync(abandoned.Token).GetAsyncEnumerator(abandoned.Token);
        try
        {
            while (true)
            {
                var next = events.MoveNextAsync().AsTask();
                while (!next.Wait(_look))
                {
                    if (!exchange.IsAbandoned) continue;
                    abandoned.Cancel();
                    return;
                }

                if (!next.Result) return;
                exchange.SendPart([.. JsonSerializer.SerializeToUtf8Bytes(events.Current, MachineJson.Default.MachineEvent), (byte)'\n']);
            }
        }
        finally
        {
            abandoned.Cancel();
        }
    }

    private void SendLog(HttpExchange exchange, bool follow)
    {
        exchange.BeginStream("application/octet-stream");
        Copy(exchange, position: 0, end: follow ? long.MaxValue : console.Position, () => exchange.IsAbandoned);
    }

    /// <summary>Sends what is printed, and gives what is typed to the machine.</summary>
    private void ConnectConsole(HttpExchange exchange)
    {
        if (input is null) throw new HolonException($"The console of '{identity.Name}' is at the terminal where the machine was started; holon logs --follow {identity.Name} shows what it prints.");
        if (exchange.Upgrade != ConsoleProtocol) throw new HttpProblem(400, $"The console needs 'Upgrade: {ConsoleProtocol}'.");
        exchange.BeginUpgrade(ConsoleProtocol);
        var gone = false;
        var keys = new Thread(() =>
        {
            try
            {
                Type(exchange, input);
            }
            catch (Exception exception) when (exception is System.Net.Sockets.SocketException or ObjectDisposedException)
            {
                // The client has gone.
            }

            Volatile.Write(ref gone, true);
        })
        { IsBackground = true, Name = "control keys" };
        keys.Start();
        const int shown = 4096; // what a new arrival sees of what was there before
        Copy(exchange, Math.Max(0, console.Position - shown), long.MaxValue, () => Volatile.Read(ref gone));
    }

    private void Type(HttpExchange exchange, ConsoleInput keyboard)
    {
        var buffer = new byte[1024];
        while (exchange.ReceivePart(buffer) is var count and > 0)
        {
            for (var done = 0; done < count && !machine.Completion.IsCompleted;)
            {
                var taken = keyboard(buffer.AsSpan(done, count - done));
                done += taken;
                if (taken == 0) Thread.Sleep(1); // the guest's port is full: no event tells when it is not
            }
        }
    }

    private void Copy(HttpExchange exchange, long position, long end, Func<bool> abandoned)
    {
        var buffer = new byte[16 * 1024];
        while (position < end)
        {
            var count = console.Read(ref position, buffer, _look);
            if (count < 0 || (count == 0 && abandoned())) return;
            if (count > 0) exchange.SendPart(buffer.AsSpan(0, count));
        }
    }
}
