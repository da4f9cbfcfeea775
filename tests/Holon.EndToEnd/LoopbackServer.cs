using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Holon.EndToEnd;

/// <summary>A web server on both loopback addresses of the host that answers every request with the same bytes.</summary>
internal sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener _v4 = new(IPAddress.Loopback, 0);
    private readonly TcpListener? _v6;
    private readonly byte[] _block = RandomNumberGenerator.GetBytes(1 << 20);
    private readonly int _megabytes;

    public LoopbackServer(int megabytes)
    {
        _megabytes = megabytes;
        _v4.Start();
        Port = ((IPEndPoint)_v4.LocalEndpoint).Port;
        if (Socket.OSSupportsIPv6)
        {
            _v6 = new TcpListener(IPAddress.IPv6Loopback, Port);
            _v6.Start();
            _ = AcceptAsync(_v6);
        }

        _ = AcceptAsync(_v4);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < megabytes; i++) hash.AppendData(_block);
#pragma warning disable CA1308 // sha256sum prints lower case
        Digest = Convert.ToHexString(hash.GetHashAndReset()).ToLowerInvariant();
#pragma warning restore CA1308
    }

    public int Port { get; }

    public bool HasV6 => _v6 is not null;

    /// <summary>What sha256sum says of the bytes.</summary>
    public string Digest { get; }

    public void Dispose()
    {
        _v4.Dispose();
        _v6?.Dispose();
    }

    /// <summary>A port that nobody listens on.</summary>
    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true) _ = AnswerAsync(await listener.AcceptSocketAsync());
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // the test has ended
        }
    }

    private async Task AnswerAsync(Socket client)
    {
        using (client)
        {
            try
            {
                await client.ReceiveAsync(new byte[4096]);
                var header = string.Create(CultureInfo.InvariantCulture, $"HTTP/1.0 200 OK\r\nContent-Length: {(long)_megabytes << 20}\r\n\r\n");
                await SendAsync(client, Encoding.ASCII.GetBytes(header));
                for (var i = 0; i < _megabytes; i++) await SendAsync(client, _block);
                client.Shutdown(SocketShutdown.Send);
                await client.ReceiveAsync(new byte[16]);
            }
            catch (SocketException)
            {
                // the guest has gone
            }
        }
    }

    private static async Task SendAsync(Socket client, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[await client.SendAsync(bytes)..];
    }
}
