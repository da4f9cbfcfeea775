using System.Net;
using System.Net.Sockets;

namespace Holon.EndToEnd;

/// <summary>Sends back what comes, on the host's loopback.</summary>
internal sealed class EchoServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public EchoServer()
    {
        _listener.Start(1024);
        _ = Accepting.LoopAsync(_listener, stream => stream.CopyToAsync(stream));
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose() => _listener.Dispose();
}
