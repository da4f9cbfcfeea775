using System.Net.Sockets;
using System.Threading.Channels;
using Holon.Devices.Virtio.Consoles;

namespace Holon.SystemMachine;

/// <summary>Connects a console port with a Unix socket on the host: whoever connects last is heard, and hears.</summary>
internal sealed class ConsoleSocket : IDisposable
{
    /// <summary>Bytes of output that may wait for a slow listener; what comes then is lost, as on a terminal that nobody reads.</summary>
    private const int MostWaiting = 1 << 20;

    private readonly string _path;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _closing = new();
    private readonly Channel<byte[]> _output = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true });
    private readonly SemaphoreSlim _inputWanted = new(0, int.MaxValue);
    private int _waiting;
    private volatile Socket? _peer;

    /// <summary>Makes the socket.</summary>
    /// <exception cref="SocketException">It cannot be made.</exception>
    public ConsoleSocket(string path)
    {
        _path = path;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
        Device = new VirtioConsole(new ConsolePort(Take)) { InputWanted = _ => _inputWanted.Release() };
        _ = Task.Run(ListenAsync);
        _ = Task.Run(SendAsync);
    }

    /// <summary>The device.</summary>
    public VirtioConsole Device { get; }

    public void Dispose()
    {
        _closing.Cancel();
        _listener.Dispose();
        _peer?.Dispose();
        File.Delete(_path);
    }

    private void Take(ReadOnlySpan<byte> data)
    {
        if (_peer is null || Volatile.Read(ref _waiting) > MostWaiting) return;
        Interlocked.Add(ref _waiting, data.Length);
        _output.Writer.TryWrite(data.ToArray());
    }

    private async Task ListenAsync()
    {
        try
        {
            while (true)
            {
                var peer = await _listener.AcceptAsync(_closing.Token).ConfigureAwait(false);
                _peer?.Dispose();
                _peer = peer;
                Device.SetOpen(0, open: true);
                _ = Task.Run(() => ReceiveAsync(peer));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The machine has ended.
        }
    }

    private async Task ReceiveAsync(Socket peer)
    {
        var buffer = new byte[4096];
        try
        {
            while (await peer.ReceiveAsync(buffer, _closing.Token).ConfigureAwait(false) is var count and > 0)
            {
                for (var done = 0; done < count;)
                {
                    var taken = Device.Send(0, buffer.AsSpan(done, count - done));
                    done += taken;
                    if (taken == 0) await _inputWanted.WaitAsync(_closing.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Whoever listened has gone.
        }
    }

    private async Task SendAsync()
    {
        try
        {
            await foreach (var data in _output.Reader.ReadAllAsync(_closing.Token).ConfigureAwait(false))
            {
                Interlocked.Add(ref _waiting, -data.Length);
                try
                {
                    if (_peer is { } peer) await peer.SendAsync(data, _closing.Token).ConfigureAwait(false);
                }
                catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
                {
                    _peer = null;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The machine has ended.
        }
    }
}
