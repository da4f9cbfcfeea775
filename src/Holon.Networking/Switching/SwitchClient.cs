using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Holon.Machines;
using Holon.Networking.Capture;
using Holon.Networking.Host;
using Holon.Networking.Nat;

namespace Holon.Networking.Switching;

/// <summary>The machine's end of a named network: a cable to the switch's process, which is started when there is none.</summary>
/// <param name="store">Where networks are defined.</param>
/// <param name="name">The network.</param>
/// <param name="startSwitch">Starts the switch's process and returns at once; null for this program's <c>network serve</c>.</param>
public sealed class SwitchClient(NetworkStore store, string name, Action<string>? startSwitch = null)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Connects a machine's card.</summary>
    /// <param name="port">The card.</param>
    /// <param name="machine">The machine's name, its DNS name on the network.</param>
    /// <param name="mac">The card's address.</param>
    /// <param name="options">Rate limit and capture of this machine; null for none.</param>
    /// <exception cref="HolonException">The network does not exist, its switch does not start, or it refuses the machine.</exception>
    public INetworkLink Connect(INetworkPort port, string machine, MacAddress mac, NatOptions? options = null)
    {
        _ = store.Get(name);
        var socket = Open(store, name, $"join {machine} {mac}", startSwitch ?? StartOwn);
        var wire = new PacketSocketPort(socket);
        var cable = new Cable(port, wire, options?.Rate, options?.Capture);
        wire.Closed = cable.Pull; // the switch is gone
        return cable;
    }

    /// <summary>What a running network says of itself; null when it does not run.</summary>
    public static NetworkReport? TryInspect(NetworkStore store, string name)
    {
        ArgumentNullException.ThrowIfNull(store);
        var socket = UnixSocket.Connect(store.SocketOf(name));
        if (socket < 0) return null;
        try
        {
            _ = HostSocket.Send(socket, Encoding.UTF8.GetBytes(SwitchServer.Greeting + "inspect"));
            var answer = new byte[1 << 18];
            var count = ReceiveWithin(socket, answer);
            return count <= 0 ? null : JsonSerializer.Deserialize(answer.AsSpan(0, count), NetworkJson.Default.NetworkReport);
        }
        finally
        {
            _ = Linux.Close(socket);
        }
    }

    /// <summary>Records a running network's frames until told to stop.</summary>
    /// <exception cref="HolonException">The network does not run.</exception>
    public static async Task CaptureAsync(NetworkStore store, string name, CaptureOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        _ = store.Get(name);
        var socket = Open(store, name, "capture", null);
        using var writer = new PcapWriter(options);
        using var loop = new EventLoop("holon-capture-client");
        using var port = new PacketSocketPort(socket);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        port.Closed = () => ended.TrySetResult();
        var link = new PortLink(loop, port, null, writer);
        loop.Start();
        loop.Call(() =>
        {
            link.Attach(static _ => { }, static () => { }, static () => { }, static () => { });
            return true;
        });
        using (cancellationToken.Register(() => ended.TrySetResult())) await ended.Task.ConfigureAwait(false);
        loop.Call(() =>
        {
            link.Detach();
            return true;
        });
    }

    private static int Open(NetworkStore store, string name, string request, Action<string>? start)
    {
        var waited = Stopwatch.StartNew();
        var started = false;
        while (true)
        {
            var socket = UnixSocket.Connect(store.SocketOf(name));
            if (socket >= 0)
            {
                _ = HostSocket.Send(socket, Encoding.UTF8.GetBytes(SwitchServer.Greeting + request));
                var answer = new byte[512];
                var count = ReceiveWithin(socket, answer);
                var text = count > 0 ? Encoding.UTF8.GetString(answer, 0, count) : "";
                if (text == "ok") return socket;
                _ = Linux.Close(socket);
                if (text.StartsWith("error ", StringComparison.Ordinal)) throw new HolonException($"The network '{name}' cannot be joined: {text[6..]}.");
            }

            if (start is null) throw new HolonException($"The network '{name}' does not run; start a machine on it first.");
            if (!started)
            {
                started = true;
                start(name);
            }

            if (waited.Elapsed > s_patience) throw new HolonException($"The switch of the network '{name}' does not start; see what this says: holon network serve {name}");
            Thread.Sleep(5);
        }
    }

    private static int ReceiveWithin(int socket, byte[] answer)
    {
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var count = HostSocket.Receive(socket, answer);
            if (count != Nat.Tcp.ITcpStream.WouldBlock || waited.Elapsed > s_patience) return count;
            Thread.Sleep(1);
        }
    }

    private static void StartOwn(string network)
    {
        var program = Environment.ProcessPath ?? throw new HolonException("This program does not know its own file, so it cannot start a switch.");
        // Its streams are closed pipes of ours: nothing that it says mixes with a guest's console.
        using var process = Process.Start(new ProcessStartInfo(program, ["network", "serve", network]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true });
    }
}
