using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holon.EndToEnd;

/// <summary>A web server on the host's loopback for the files of one folder.</summary>
internal sealed class LoopbackFiles : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _folder;

    public LoopbackFiles(string folder)
    {
        _folder = folder;
        _listener.Start();
        _ = Accepting.LoopAsync(_listener, AnswerAsync);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose() => _listener.Dispose();

    private async Task AnswerAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        while (await reader.ReadLineAsync() is { Length: > 0 } request)
        {
            while (await reader.ReadLineAsync() is { Length: > 0 })
            {
                // headers, of which none matters here
            }

            var path = Path.Combine(_folder, Path.GetFileName(Uri.UnescapeDataString(request.Split(' ')[1])));
            var content = File.Exists(path) ? await File.ReadAllBytesAsync(path) : null;
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {(content is null ? "404 Not Found" : "200 OK")}\r\nContent-Length: {content?.Length ?? 0}\r\n\r\n"));
            if (content is not null) await stream.WriteAsync(content);
        }
    }
}
