using System.Text;
using System.Text.Json;
using Holon.Machines;
using Holon.Networking.Host;
using Holon.Networking.Nat;

namespace Holon.Networking.Switching;

/// <summary>
/// The process behind a named network: a switch with a gateway, on a Unix socket that machines' processes connect to. It is started by the first
/// machine and ends some time after the last one has left.
/// </summary>
/// <remarks>
/// A client's first packet says what it wants: <c>holon-switch 2 join NAME MAC</c>, <c>… inspect</c> or <c>… capture</c>. The answer is <c>ok</c> or
/// <c>error SENTENCE</c>; after that each packet is a frame with its offload header (see <see cref="PacketSocketPort"/>).
/// </remarks>
public sealed class SwitchServer : IDisposable
{
    internal const string Greeting = "holon-switch 2 ";

    /// <summary>How long it waits for machines: at the start, and after the last one has left.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Clients at a time; each costs two descriptors and a queue in the kernel.</summary>
    public const int MaxClients = 256;

    private readonly List<Client> _clients = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EventLoop _loop;
    private readonly EthernetSwitch _switch;
    private readonly IdleTimer _idle;

    private SwitchServer(NetworkDefinition definition)
    {
        _loop = new EventLoop($"holon-switch-{definition.Name}");
        _switch = new EthernetSwitch(_loop, definition.ToOptions());
        _idle = new IdleTimer(this);
    }

    /// <summary>Serves a network until its last machine has left. Returns at once when another process serves it.</summary>
    /// <exception cref="HolonException">There is no such network, or its socket cannot be made.</exception>
    public static async Task RunAsync(NetworkStore store, string name, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        var definition = store.Get(name);
        var path = store.SocketOf(name);
        if (Encoding.UTF8.GetByteCount(path) > UnixSocket.MaxPath) throw new HolonException($"The socket's path {path} is too long; set XDG_RUNTIME_DIR to a shorter folder.");
        store.PrepareRuntimeFolder();
        FileStream hold;
        try
        {
            hold = new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return; // another process was quicker
        }

        using (hold)
        {
            using var server = new SwitchServer(definition);
            await server.ServeAsync(path, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ServeAsync(string path, CancellationToken cancellationToken)
    {
        File.Delete(path); // of a process that was killed; the lock says that nobody serves it
        var socket = UnixSocket.Listen(path);
        if (socket < 0) throw new HolonException($"The socket {path} cannot be made ({Linux.Describe(Linux.Error)}).");
        DescriptorLimit.Raise();
        _loop.Start();
        _loop.Call(() =>
        {
            _loop.Add(socket, Linux.EpollIn, new Acceptor(this, socket));
            Settle();
            return true;
        });
        using (cancellationToken.Register(() => _ended.TrySetResult())) await _ended.Task.ConfigureAwait(false);
        try
        {
            File.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody has taken the whole folder away.
        }

        _loop.Call(() =>
        {
            foreach (var client in _clients.ToArray()) client.Dispose();
            _switch.Dispose();
            return true;
        });
        _loop.Dispose();
        _ = Linux.Close(socket);
    }

    /// <summary>Lets go of everything.</summary>
    public void Dispose()
    {
        _switch.Dispose();
        _loop.Dispose();
    }

    private void Settle() => _loop.Timers.Set(_idle, _clients.Count == 0 ? _loop.Now + (long)Patience.TotalNanoseconds : long.MaxValue);

    private NetworkReport Report() => new(
        [.. _switch.Ports.Select(port => new NetworkReport.Machine(port.Name, port.Mac is { } mac ? _switch.Gateway.Dhcp.AddressOf(mac)?.ToString() : null, port.Link.Counters))],
        _switch.Cards,
        _switch.Gateway.Tcp.Count,
        _switch.Gateway.Udp.Count);

    private sealed class IdleTimer(SwitchServer server) : LoopTimer
    {
        public override void Fire(long now)
        {
            if (server._clients.Count == 0) server._ended.TrySetResult();
        }
    }

    private sealed class Acceptor(SwitchServer server, int socket) : IPollHandler
    {
        public void OnEvents(uint events)
        {
            var accepted = UnixSocket.Accept(socket);
            if (accepted < 0) return;
            if (server._clients.Count >= MaxClients) _ = Linux.Close(accepted); else server._clients.Add(new Client(server, accepted));
            server.Settle();
        }
    }

    /// <summary>A process on the other side of the socket.</summary>
    private sealed class Client : IPollHandler, IDisposable
    {
        private readonly SwitchServer _server;
        private readonly PacketSocketPort _cable;
        private readonly int _socket;
        private EthernetSwitch.Port? _port;
        private int _slot;
        private bool _capturing, _ended;

        public Client(SwitchServer server, int socket)
        {
            (_server, _socket) = (server, socket);
            _cable = new PacketSocketPort(socket) { Closed = Dispose };
            _slot = server._loop.Add(socket, Linux.EpollIn, this);
        }

        public void OnEvents(uint events)
        {
            Span<byte> packet = stackalloc byte[256];
            var count = HostSocket.Receive(_socket, packet);
            if (count == Nat.Tcp.ITcpStream.WouldBlock) return;
            var text = count > 0 ? Encoding.UTF8.GetString(packet[..count]) : "";
            if (_capturing || !text.StartsWith(Greeting, StringComparison.Ordinal))
            {
                Dispose();
                return;
            }

            switch (text[Greeting.Length..].Split(' '))
            {
                case ["join", var name, var card] when NetworkDefinition.IsName(name) && MacAddress.TryParse(card, out var mac) && !mac.IsInvalidSource:
                    Join(name, mac);
                    break;
                case ["inspect"]:
                    _ = HostSocket.Send(_socket, JsonSerializer.SerializeToUtf8Bytes(_server.Report(), NetworkJson.Default.NetworkReport));
                    Dispose();
                    break;
                case ["capture"]:
                    _capturing = true;
                    _ = HostSocket.Send(_socket, "ok"u8);
                    _server._switch.Watchers.Add(_cable);
                    break;
                default:
                    _ = HostSocket.Send(_socket, "error the switch is of another version; restart the machines on the network"u8);
                    Dispose();
                    break;
            }
        }

        public void Dispose()
        {
            if (_ended) return;
            _ended = true;
            _server._switch.Watchers.Remove(_cable);
            if (_port is not null) _server._switch.Remove(_port);
            _server._loop.Remove(_slot);
            _server._clients.Remove(this);
            _server._loop.Post(_cable.Dispose); // a frame of it may be in use now
            _server.Settle();
        }

        private void Join(string name, MacAddress mac)
        {
            if (_server._switch.Ports.FirstOrDefault(port => port.Name == name || port.Mac == mac) is { } other)
            {
                _ = HostSocket.Send(_socket, Encoding.UTF8.GetBytes($"error the network has a machine '{other.Name}' with the same name or card; name this one differently"));
                Dispose();
                return;
            }

            _server._loop.Remove(_slot); // the port watches it from now on
            _slot = 0;
            _ = HostSocket.Send(_socket, "ok"u8);
            _port = _server._switch.Add(_cable, name, mac, _ => Dispose());
        }
    }
}
