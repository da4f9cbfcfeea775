using System.Net.Sockets;

namespace Holon.Machines.Control;

/// <summary>
/// Answers on a machine's control socket: HTTP/1.1 with JSON, one request a connection. See docs/control.md.
/// </summary>
/// <remarks>
/// A thread accepts, and each connection has one of its own while it lasts: there are few of them, and a machine that nobody looks at has no more
/// than the first. No thread of the machine ever waits for a client.
/// </remarks>
public sealed class ControlServer : IDisposable
{
    /// <summary>Connections at a time.</summary>
    public const int MostConnections = 64;

    private const int StackBytes = 256 * 1024;

    /// <summary>How long clients have to hear of the machine's end.</summary>
    private static readonly TimeSpan _farewell = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<Socket> _connections = [];
    private readonly ManualResetEventSlim _idle = new(true);
    private readonly Socket _listener;
    private readonly ControlApi _api;
    private readonly TimeSpan _patience;
    private volatile bool _ended;

    /// <summary>Begins to answer.</summary>
    /// <param name="listener">Where clients connect; not disposed.</param>
    /// <param name="api">What answers them.</param>
    /// <param name="patience">How long a client may take to send its request; null for the usual.</param>
    public ControlServer(Socket listener, ControlApi api, TimeSpan? patience = null)
    {
        (_listener, _api, _patience) = (listener, api, patience ?? HttpExchange.Patience);
        new Thread(Accept, StackBytes) { IsBackground = true, Name = "control" }.Start();
    }

    /// <summary>Lets those who wait for the machine's end hear of it, then closes all connections.</summary>
    public void Dispose()
    {
        _ended = true;
        _idle.Wait(_farewell);
        Socket[] left;
        lock (_lock) left = [.. _connections];
        foreach (var socket in left) Shut(socket);
        _idle.Wait(_farewell);
    }

    private void Accept()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = _listener.Accept();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                if (_ended || exception is ObjectDisposedException || !_listener.IsBound) return;
                Thread.Sleep(100); // out of descriptors, most likely: that passes
                continue;
            }

            lock (_lock)
            {
                if (!_ended && _connections.Count < MostConnections)
                {
                    _connections.Add(socket);
                    _idle.Reset();
                    new Thread(() => Serve(socket), StackBytes) { IsBackground = true, Name = "control client" }.Start();
                    continue;
                }
            }

            Refuse(socket);
        }
    }

    private static void Refuse(Socket socket)
    {
        try
        {
            socket.SendTimeout = 100;
            HttpExchange.AnswerProblem(socket, 503, "The machine has too many clients; try again when others have gone.");
        }
        catch (SocketException)
        {
            // It would not even listen.
        }

        socket.Dispose();
    }

    private void Serve(Socket socket)
    {
        try
        {
            socket.SendTimeout = (int)_patience.TotalMilliseconds;
            Answer(socket);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The client has gone.
        }
        finally
        {
            lock (_lock)
            {
                _connections.Remove(socket);
                if (_connections.Count == 0) _idle.Set();
            }

            socket.Dispose();
        }
    }

    private void Answer(Socket socket)
    {
        HttpExchange? exchange = null;
        try
        {
            if (!MachineRegistry.IsOwn(socket, out _)) throw new HttpProblem(403, "The machine belongs to another user.");
            exchange = HttpExchange.Receive(socket, _patience);
            if (exchange is not null) _api.Answer(exchange);
        }
        catch (HttpProblem problem) when (exchange?.HasAnswered != true)
        {
            HttpExchange.AnswerProblem(socket, problem.Status, problem.Message);
            Linger(socket);
        }
        catch (HolonException exception) when (exchange?.HasAnswered != true)
        {
            HttpExchange.AnswerProblem(socket, 409, exception.InnerException is { } cause ? $"{exception.Message} Because: {cause.Message}" : exception.Message);
        }
        catch (Exception exception) when (exception is not (SocketException or ObjectDisposedException))
        {
            // A defect of ours must not end the machine.
            if (exchange?.HasAnswered != true) HttpExchange.AnswerProblem(socket, 500, $"Holon itself failed: {exception.Message}");
        }
    }

    /// <summary>Takes what is still on the way, within bounds: a socket that is closed with input unread loses its answer, too.</summary>
    private static void Linger(Socket socket)
    {
        const int mostBytes = 1 << 20;
        var buffer = new byte[8192];
        socket.Shutdown(SocketShutdown.Send);
        socket.ReceiveTimeout = 200;
        for (var total = 0; total < mostBytes;)
        {
            var count = socket.Receive(buffer);
            if (count == 0) return;
            total += count;
        }
    }

    private static void Shut(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }
    }
}
