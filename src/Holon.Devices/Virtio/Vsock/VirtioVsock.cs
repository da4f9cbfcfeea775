using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Holon.Devices.State;
using Holon.Devices.Virtio.Queues;

namespace Holon.Devices.Virtio.Vsock;

/// <summary>
/// Sockets between host and guest (virtio 1.2, §5.10), which on the host are Unix sockets: whoever connects to the device's socket and
/// writes <c>CONNECT port</c> reaches that port of the guest; a guest's connection to port N of the host goes to the socket with
/// <c>_N</c> behind its name.
/// </summary>
/// <remarks>Lock order: transmit queue, connections, receive queue. Nobody waits for a socket under a lock.</remarks>
public sealed class VirtioVsock : VirtioDevice
{
    /// <summary>The device's number.</summary>
    public const ushort DeviceType = 19;

    /// <summary>The host's context identifier.</summary>
    public const ulong HostCid = 2;

    /// <summary>The most connections at a time.</summary>
    public const int MostConnections = 512;

    private const int Receive = 0, Transmit = 1, Events = 2, ConfigurationLength = 8, MostPacket = 64 * 1024, LongestRequest = 32;
    private const ushort QueueSize = 128;
    private const uint FirstHostPort = 1u << 30;

    private readonly string _path;
    private readonly Socket _listener;
    private readonly Lock _lock = new();
    private readonly Dictionary<(uint Host, uint Guest), VsockConnection> _connections = [];
    private readonly HashSet<VsockConnection> _unanswered = []; // asked of the guest by somebody on the host
    private readonly CancellationTokenSource _closing = new();
    private readonly byte[] _packet = new byte[MostPacket]; // guarded by the transmit queue's lock
    private readonly Func<DescriptorChain, uint> _transmit;
    private DescriptorChain[] _chains = [];
    private uint _nextPort = FirstHostPort;
    private bool _stopped, _resetEvent; // guarded by the queues' locks

    /// <summary>Makes the device, listening on its socket.</summary>
    /// <param name="guestCid">The guest's context identifier.</param>
    /// <param name="path">The socket's path, which must not exist.</param>
    /// <exception cref="SocketException">The socket cannot be made.</exception>
    public VirtioVsock(ulong guestCid, string path)
        : base(new VirtioDescription(DeviceType, "vsock", 0x028000, 0, [QueueSize, QueueSize, QueueSize], ConfigurationLength))
    {
        GuestCid = guestCid;
        _path = path;
        _transmit = TakePacket;
        SetConfiguration(0, 8, guestCid);
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            _listener.Listen(16);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

        _ = Task.Run(ListenAsync);
    }

    /// <summary>The guest's context identifier.</summary>
    public ulong GuestCid { get; }

    /// <inheritdoc/>
    public override void Stop()
    {
        foreach (var queue in Queues)
        {
            lock (queue.Lock) _stopped = true;
        }
    }

    /// <summary>Gives the guest a packet.</summary>
    /// <returns>False when it has no buffer for it; it is to be tried again when it has.</returns>
    internal bool TrySend(in VsockPacket packet, ReadOnlySpan<byte> data)
    {
        var queue = Queue(Receive);
        Span<byte> header = stackalloc byte[VsockPacket.HeaderLength];
        packet.Write(header);
        lock (queue.Lock)
        {
            var sent = false;
            try
            {
                while (!_stopped && !sent)
                {
                    var chain = _chains[Receive];
                    if (!queue.TryTake(chain))
                    {
                        if (!queue.EnableNotifications()) break;
                        continue;
                    }

                    if (chain.WritableLength < header.Length + data.Length) throw new VirtioDriverException($"gave a buffer of {chain.WritableLength} bytes for packets");
                    var written = chain.Write(0, header);
                    written += chain.Write(written, data);
                    queue.Return(chain, (uint)written);
                    sent = true;
                }
            }
            catch (VirtioDriverException exception)
            {
                Transport.Break(exception.Message);
            }

            queue.Interrupt();
            return sent;
        }
    }

    /// <summary>Ends a connection.</summary>
    internal void Close(VsockConnection connection, bool tellGuest)
    {
        lock (_lock)
        {
            _unanswered.Remove(connection);
            var ports = (connection.HostPort, connection.GuestPort);
            if (_connections.GetValueOrDefault(ports) != connection) return; // closed already, and perhaps others use these ports now
            _connections.Remove(ports);
        }

        if (tellGuest) _ = connection.TrySend(VsockOperation.Reset); // a guest that gives no buffers learns of it by its next packet
        connection.Dispose();
    }

    /// <inheritdoc/>
    protected override void Attached() => _chains = [.. Queues.Select(queue => queue.CreateChain())];

    /// <inheritdoc/>
    protected override void Activated() => Continued();

    /// <inheritdoc/>
    protected override void Notified(int queue)
    {
        switch (queue)
        {
            case Receive:
                foreach (var connection in Connections()) connection.Retry();
                break;
            case Transmit:
                ServeAll(Queue(Transmit), _chains[Transmit], _transmit);
                break;
            case Events:
                SendResetEvent();
                break;
        }
    }

    /// <inheritdoc/>
    protected override void Continued()
    {
        foreach (var queue in Queues)
        {
            lock (queue.Lock) _stopped = false;
        }
    }

    /// <inheritdoc/>
    protected override void WasReset() => CloseAll();

    /// <inheritdoc/>
    protected override void LoadState(DeviceStateReader reader) => _resetEvent = true; // connections end with a snapshot; the guest is told (§5.10.6.6)

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _closing.Cancel();
        _listener.Dispose();
        CloseAll();
        File.Delete(_path);
        base.Dispose(disposing);
    }

    private VsockConnection[] Connections()
    {
        lock (_lock) return _connections.Count == 0 ? [] : [.. _connections.Values];
    }

    private void CloseAll()
    {
        foreach (var connection in Connections()) connection.Dispose();
        lock (_lock)
        {
            _connections.Clear();
            _unanswered.Clear();
        }
    }

    private void SendResetEvent()
    {
        var queue = Queue(Events);
        lock (queue.Lock)
        {
            try
            {
                if (!_resetEvent || !queue.TryTake(_chains[Events])) return;
                _resetEvent = false;
                queue.Return(_chains[Events], (uint)_chains[Events].Write(0, [0, 0, 0, 0])); // VIRTIO_VSOCK_EVENT_TRANSPORT_RESET
                queue.Interrupt();
            }
            catch (VirtioDriverException exception)
            {
                Transport.Break(exception.Message);
            }
        }
    }

    /// <summary>Takes a packet from the guest.</summary>
    private uint TakePacket(DescriptorChain chain)
    {
        Span<byte> header = stackalloc byte[VsockPacket.HeaderLength];
        if (chain.Read(0, header) < header.Length) throw new VirtioDriverException("gave a packet without its header");
        var packet = VsockPacket.Parse(header);
        if (packet.Length > MostPacket || packet.Length > chain.ReadableLength - header.Length) throw new VirtioDriverException($"gave a packet that says it has {packet.Length} bytes");
        if (packet.SourceCid != GuestCid || packet.DestinationCid != HostCid) return 0; // §5.10.6.4: not for us
        var data = _packet.AsSpan(0, (int)packet.Length);
        chain.Read(header.Length, data);

        VsockConnection? connection;
        bool unanswered;
        lock (_lock)
        {
            connection = _connections.GetValueOrDefault((packet.DestinationPort, packet.SourcePort));
            unanswered = connection is not null && _unanswered.Contains(connection);
        }

        if (connection is null)
        {
            if (packet is { Operation: VsockOperation.Request, Type: VsockPacket.Stream }) _ = Task.Run(() => ConnectAsync(packet));
            else if (packet.Operation != VsockOperation.Reset) _ = TrySend(packet.ToReset(), []);
            return 0;
        }

        connection.TakeCredit(packet);
        switch (packet.Operation)
        {
            case VsockOperation.Response when unanswered:
                lock (_lock) _unanswered.Remove(connection);
                connection.Start(string.Create(CultureInfo.InvariantCulture, $"OK {connection.HostPort}\n"));
                break;
            case VsockOperation.Data when !unanswered && connection.TryAdd(data):
            case VsockOperation.CreditUpdate:
                break;
            case VsockOperation.CreditRequest:
                _ = connection.TrySend(VsockOperation.CreditUpdate);
                break;
            case VsockOperation.Shutdown:
                connection.Shutdown(packet.Flags);
                break;
            case VsockOperation.Reset:
                Close(connection, tellGuest: false);
                break;
            default:
                Close(connection, tellGuest: true); // more than there was credit for, or nothing that we know
                break;
        }

        return 0;
    }

    /// <summary>The guest connects to a port of the host.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "The connection owns the socket, the table the connection.")]
    private async Task ConnectAsync(VsockPacket request)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(string.Create(CultureInfo.InvariantCulture, $"{_path}_{request.DestinationPort}")), _closing.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ArgumentException)
        {
            socket.Dispose();
            _ = TrySend(request.ToReset(), []);
            return;
        }

        var connection = new VsockConnection(this, socket, request.DestinationPort, request.SourcePort);
        if (!TryRegister(connection))
        {
            connection.Dispose();
            _ = TrySend(request.ToReset(), []);
            return;
        }

        connection.TakeCredit(request);
        if (connection.TrySend(VsockOperation.Response)) connection.Start(null);
        else Close(connection, tellGuest: false);
    }

    private bool TryRegister(VsockConnection connection)
    {
        lock (_lock) return IsActive && _connections.Count < MostConnections && _connections.TryAdd((connection.HostPort, connection.GuestPort), connection);
    }

    /// <summary>Takes connections of programs on the host.</summary>
    private async Task ListenAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync(_closing.Token).ConfigureAwait(false);
                _ = Task.Run(() => GreetAsync(socket));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The device is gone.
        }
    }

    /// <summary>Reads which port of the guest is wanted and asks the guest.</summary>
    private async Task GreetAsync(Socket socket)
    {
        try
        {
            var line = new byte[LongestRequest];
            var length = 0;
            while (length == 0 || line[length - 1] != '\n')
            {
                // Byte by byte: what follows the line is for the guest.
                if (length == line.Length || await socket.ReceiveAsync(line.AsMemory(length, 1), _closing.Token).ConfigureAwait(false) == 0)
                {
                    socket.Dispose();
                    return;
                }

                length++;
            }

            var words = Encoding.ASCII.GetString(line, 0, length - 1).Split(' ');
            if (words is ["CONNECT", var number] && uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && IsActive)
            {
                var connection = new VsockConnection(this, socket, Interlocked.Increment(ref _nextPort) | FirstHostPort, port);
                lock (_lock) _unanswered.Add(connection);
                if (TryRegister(connection) && connection.TrySend(VsockOperation.Request)) return;
                Close(connection, tellGuest: false);
            }

            socket.Dispose();
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            socket.Dispose();
        }
    }
}
