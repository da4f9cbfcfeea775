using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Holon.Machines.Control;

/// <summary>Talks to a machine through its control socket, as <c>holon ps</c> and its like do.</summary>
/// <param name="registry">Where machines are found.</param>
/// <param name="name">The machine.</param>
public sealed class ControlClient(MachineRegistry registry, string name)
{
    /// <summary>How long a machine may take to answer a plain question.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private const int MostAnswerBytes = 16 * 1024 * 1024;

    /// <summary>What the machine is; null when none of that name runs.</summary>
    /// <param name="patience">How long it may take to answer.</param>
    /// <exception cref="HolonException">Its process does not answer.</exception>
    public MachineDescription? TryDescribe(TimeSpan patience)
    {
        using var socket = registry.Connect(name, out _);
        return socket is null ? null : Exchange(socket, "GET", "/v1/machine", null, MachineJson.Default.MachineDescription, patience);
    }

    /// <summary>Asks for something.</summary>
    /// <param name="path">What.</param>
    /// <param name="type">The answer's form.</param>
    /// <exception cref="HolonException">No such machine runs, or it refuses.</exception>
    public T Get<T>(string path, JsonTypeInfo<T> type)
        where T : class
    {
        using var socket = Connect();
        return Exchange(socket, "GET", path, null, type, Patience) ?? throw Gone();
    }

    /// <summary>Asks for a change.</summary>
    /// <returns>False when the machine ended instead of answering.</returns>
    /// <exception cref="HolonException">No such machine runs, or it refuses.</exception>
    public bool TryChange(string method, string path, ControlRequest? request = null)
    {
        using var socket = Connect();
        return Exchange(socket, method, path, request, MachineJson.Default.MachineDescription, TimeSpan.MaxValue) is not null;
    }

    /// <summary>Asks for a change of a machine that goes on.</summary>
    /// <exception cref="HolonException">No such machine runs, it refuses, or it ended.</exception>
    public void Change(string method, string path, ControlRequest? request = null)
    {
        if (!TryChange(method, path, request)) throw Gone();
    }

    /// <summary>Waits for the machine's end, and until its name is free.</summary>
    /// <returns>How it ended; null when its process ended without a word.</returns>
    /// <exception cref="HolonException">No such machine runs.</exception>
    public MachineOutcome? Wait(CancellationToken cancellationToken)
    {
        using var socket = Connect(out var process);
        using var cancelled = cancellationToken.Register(socket.Dispose);
        try
        {
            var outcome = Exchange(socket, "GET", "/v1/machine/wait", null, MachineJson.Default.MachineOutcome, TimeSpan.MaxValue);
            AwaitRelease(process);
            return outcome;
        }
        catch (Exception exception) when (exception is ObjectDisposedException or SocketException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
    }

    /// <summary>Ends the machine now, and waits until its name is free.</summary>
    /// <exception cref="HolonException">No such machine runs.</exception>
    public void End()
    {
        using var socket = Connect(out var process);
        Exchange(socket, "POST", "/v1/machine/stop", new ControlRequest { Force = true }, MachineJson.Default.MachineDescription, TimeSpan.MaxValue);
        AwaitRelease(process);
    }

    /// <summary>Opens a stream, or goes over to raw bytes.</summary>
    /// <param name="path">What.</param>
    /// <param name="upgrade">The protocol to go on with; null for a stream.</param>
    /// <returns>The stream, which the caller disposes of.</returns>
    /// <exception cref="HolonException">No such machine runs, or it refuses.</exception>
    public ControlStream Open(string path, string? upgrade = null)
    {
        var socket = Connect();
        try
        {
            Send(socket, "GET", path, null, upgrade);
            var head = ReceiveHead(socket, Patience, out var status) ?? throw Gone();
            if (status is not (101 or 200)) throw Refusal(ReceiveBody(socket, head) ?? throw Gone());
            return new ControlStream(socket, head.Rest);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Ends the machine's process at once, whether or not it answers.</summary>
    /// <exception cref="HolonException">No such machine runs.</exception>
    public void Kill()
    {
        using var socket = Connect(out var process);
        using var found = System.Diagnostics.Process.GetProcessById(process);
        found.Kill();
        found.WaitForExit(Patience);
    }

    /// <summary>An ended machine has to close its disks and the like before its process ends.</summary>
    private void AwaitRelease(int process)
    {
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.Elapsed < Patience; Thread.Sleep(10))
        {
            using var left = registry.Connect(name, out var holder);
            if (left is null || holder != process) return;
        }
    }

    private Socket Connect() => Connect(out _);

    private Socket Connect(out int process) => registry.Connect(name, out process) ?? throw new HolonException(
        registry.Recall(name) is { } ended
            ? $"The machine '{name}' does not run any more{(ended.Ended is { } when ? string.Create(CultureInfo.InvariantCulture, $"; it ended on {when.ToLocalTime():yyyy-MM-dd HH:mm}") : "")}; holon ps --all shows how it ended."
            : $"There is no machine '{name}'; holon ps lists those that run.");

    /// <summary>Sends a request and receives the answer; null when the process ended instead.</summary>
    private T? Exchange<T>(Socket socket, string method, string path, ControlRequest? request, JsonTypeInfo<T> type, TimeSpan patience)
        where T : class
    {
        Send(socket, method, path, request, null);
        if (ReceiveHead(socket, patience, out var status) is not { } head || ReceiveBody(socket, head) is not { } body) return null;
        if (status >= 300) throw Refusal(body);
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw NotUnderstood();
        }
        catch (JsonException)
        {
            throw NotUnderstood();
        }
    }

    private static void Send(Socket socket, string method, string path, ControlRequest? request, string? upgrade)
    {
        var body = request is null ? [] : JsonSerializer.SerializeToUtf8Bytes(request, MachineJson.Default.ControlRequest);
        var head = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{method} {path} HTTP/1.1\r\nHost: machine\r\n");
        if (request is not null) head.Append(CultureInfo.InvariantCulture, $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n");
        if (upgrade is not null) head.Append(CultureInfo.InvariantCulture, $"Connection: Upgrade\r\nUpgrade: {upgrade}\r\n");
        byte[] message = [.. Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), .. body];
        try
        {
            for (var sent = 0; sent < message.Length;) sent += socket.Send(message.AsSpan(sent));
        }
        catch (SocketException)
        {
            // It has answered already, or gone; what is received tells.
        }
    }

    private HttpHead? ReceiveHead(Socket socket, TimeSpan patience, out int status)
    {
        status = 0;
        try
        {
            if (HttpHead.Receive(socket, patience) is not { } head) return null;
            if (head.StartLine.Split(' ') is not ["HTTP/1.1", { Length: 3 } code, ..] || !int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out status)) throw NotUnderstood();
            return head;
        }
        catch (HttpProblem problem) when (problem.Status == 408)
        {
            throw new HolonException($"The machine '{name}' does not answer; if it hangs, end it with: holon kill {name}");
        }
        catch (HttpProblem)
        {
            throw NotUnderstood();
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            return null;
        }
    }

    private byte[]? ReceiveBody(Socket socket, HttpHead head)
    {
        try
        {
            var body = new byte[head.BodyLength(MostAnswerBytes)];
            var count = Math.Min(head.Rest.Length, body.Length);
            head.Rest.AsSpan(0, count).CopyTo(body);
            while (count < body.Length)
            {
                var received = HttpHead.Receive(socket, body.AsSpan(count), Patience);
                if (received == 0) return null;
                count += received;
            }

            return body;
        }
        catch (HttpProblem)
        {
            throw NotUnderstood();
        }
    }

    private HolonException Refusal(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, MachineJson.Default.ControlError) is { Error: { Length: > 0 } sentence } ? new HolonException(sentence) : NotUnderstood();
        }
        catch (JsonException)
        {
            return NotUnderstood();
        }
    }

    private HolonException Gone() => new($"The machine '{name}' ended before it answered.");

    private HolonException NotUnderstood() => new($"The machine '{name}' answers in a way that this version of Holon does not understand; it was started by another version.");
}
