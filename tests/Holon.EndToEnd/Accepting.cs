using System.Net.Sockets;

namespace Holon.EndToEnd;

/// <summary>The life of a small server: takes connections until its listener is disposed.</summary>
internal static class Accepting
{
    /// <summary>Serves each connection until it is done or the other side has gone.</summary>
    public static async Task LoopAsync(TcpListener listener, Func<NetworkStream, Task> serve)
    {
        try
        {
            while (true) _ = ServeAsync(await listener.AcceptTcpClientAsync(), serve);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // the test has ended
        }
    }

    private static async Task ServeAsync(TcpClient client, Func<NetworkStream, Task> serve)
    {
        using (client)
        {
            try
            {
                await serve(client.GetStream());
            }
            catch (IOException)
            {
                // the guest has gone
            }
        }
    }
}
