using System.Net.Sockets;
using System.Text;

namespace Holon.Devices.Virtio.Vsock;

/// <summary>
/// One connection between a socket of the host and a port of the guest. Two loops carry bytes: one reads the host's socket and sends
/// packets as far as the guest has room, the other writes what the guest has sent. Memory is bounded by the credit that each side gives.
/// </summary>
internal sealed class VsockConnection : IDisposable
{
    /// <summary>Bytes that the guest may send before the host's side has read them.</summary>
    public const int BufferSize = 64 * 1024;

    private const int MostPayload = 4096 * 4;

    private readonly VirtioVsock _device;
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _canSend = new(0, int.MaxValue), _hasOutput = new(0, int.MaxValue);
    private readonly byte[] _output = new byte[BufferSize], _input = new byte[MostPayload];
    private readonly CancellationTokenSource _closing = new();
    private int _outputStart, _outputCount, _closed;
    private uint _forwarded, _reported, _sent, _peerBuffer, _peerForwarded;
    private bool _guestSentAll, _guestReceivesNone;

    public VsockConnection(VirtioVsock device, Socket socket, uint hostPort, uint guestPort)
    {
        (_device, Socket, HostPort, GuestPort) = (device, socket, hostPort, guestPort);
    }

    public Socket Socket { get; }

    public uint HostPort { get; }

    public uint GuestPort { get; }

    /// <summary>Gives the guest a packet of this connection with the credit as it is now.</summary>
    /// <returns>False when the guest has no buffer for it; then it has not learnt of the credit either.</returns>
    public bool TrySend(VsockOperation operation, ReadOnlySpan<byte> data = default, uint flags = 0)
    {
        uint forwarded;
        lock (_lock) forwarded = _forwarded;
        var packet = new VsockPacket(VirtioVsock.HostCid, _device.GuestCid, HostPort, GuestPort, (uint)data.Length, VsockPacket.Stream, operation, flags, BufferSize, forwarded);
        if (!_device.TrySend(packet, data)) return false;
        lock (_lock)
        {
            if ((int)(forwarded - _reported) > 0) _reported = forwarded;
        }

        return true;
    }

    /// <summary>Takes the credit that every packet carries.</summary>
    public void TakeCredit(in VsockPacket packet)
    {
        lock (_lock) (_peerBuffer, _peerForwarded) = (packet.BufferSize, packet.Forwarded);
        _canSend.Release();
    }

    /// <summary>The guest has given buffers: what waits for them goes on.</summary>
    public void Retry() => _canSend.Release();

    /// <summary>Carries bytes both ways until one side ends.</summary>
    /// <param name="greeting">What the host's side is told first.</param>
    public void Start(string? greeting)
    {
        if (greeting is not null) TryAdd(Encoding.ASCII.GetBytes(greeting), counts: false);
        _ = Task.Run(ReceiveAsync);
        _ = Task.Run(SendAsync);
    }

    /// <summary>Takes bytes that the guest has sent.</summary>
    /// <returns>False when it sent more than it had credit for.</returns>
    public bool TryAdd(ReadOnlySpan<byte> data, bool counts = true)
    {
        lock (_lock)
        {
            if (data.Length > BufferSize - _outputCount) return false;
            var at = (_outputStart + _outputCount) % BufferSize;
            var first = Math.Min(data.Length, BufferSize - at);
            data[..first].CopyTo(_output.AsSpan(at));
            data[first..].CopyTo(_output);
            _outputCount += data.Length;
            if (!counts) _forwarded -= (uint)data.Length; // will be added when it is written
        }

        _hasOutput.Release();
        return true;
    }

    /// <summary>The guest ends one or both directions.</summary>
    /// <returns>True when nothing is left.</returns>
    public bool Shutdown(uint flags)
    {
        lock (_lock)
        {
            _guestReceivesNone |= (flags & VsockPacket.NoReceive) != 0;
            _guestSentAll |= (flags & VsockPacket.NoSend) != 0;
        }

        _hasOutput.Release();
        return _guestReceivesNone && _guestSentAll;
    }

    /// <summary>Ends it without a word to the guest.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        _closing.Cancel();
        Socket.Dispose();
    }

    /// <summary>From the host's socket to the guest.</summary>
    private async Task ReceiveAsync()
    {
        try
        {
            while (await Socket.ReceiveAsync(_input, _closing.Token).ConfigureAwait(false) is var count and > 0)
            {
                for (var done = 0; done < count;)
                {
                    var credit = Math.Min(Credit(), count - done);
                    if (credit > 0 && TrySend(VsockOperation.Data, _input.AsSpan(done, credit)))
                    {
                        lock (_lock) _sent += (uint)credit;
                        done += credit;
                    }
                    else
                    {
                        await _canSend.WaitAsync(_closing.Token).ConfigureAwait(false);
                    }
                }
            }

            await SendControlAsync(VsockOperation.Shutdown, VsockPacket.NoSend).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            if (exception is SocketException) _device.Close(this, tellGuest: true);
        }
    }

    /// <summary>From the guest to the host's socket.</summary>
    private async Task SendAsync()
    {
        try
        {
            while (true)
            {
                int start, count;
                bool ended;
                lock (_lock)
                {
                    (start, count) = (_outputStart, Math.Min(_outputCount, BufferSize - _outputStart));
                    ended = _guestSentAll;
                }

                if (count == 0)
                {
                    if (ended) break;
                    await _hasOutput.WaitAsync(_closing.Token).ConfigureAwait(false);
                    continue;
                }

                var written = await Socket.SendAsync(_output.AsMemory(start, count), _closing.Token).ConfigureAwait(false);
                bool tell;
                lock (_lock)
                {
                    _outputStart = (_outputStart + written) % BufferSize;
                    _outputCount -= written;
                    _forwarded += (uint)written;
                    tell = _forwarded - _reported >= BufferSize / 2;
                }

                if (tell) await SendControlAsync(VsockOperation.CreditUpdate, 0).ConfigureAwait(false);
            }

            if (_guestReceivesNone) _device.Close(this, tellGuest: true); // answers a whole shutdown (§5.10.6.5)
            else Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            if (exception is SocketException) _device.Close(this, tellGuest: true);
        }
    }

    private async Task SendControlAsync(VsockOperation operation, uint flags)
    {
        while (!TrySend(operation, flags: flags)) await _canSend.WaitAsync(_closing.Token).ConfigureAwait(false);
    }

    /// <summary>Bytes that the guest has room for; it may say anything, so never more than a packet.</summary>
    private int Credit()
    {
        lock (_lock)
        {
            var under = _sent - _peerForwarded;
            return under < _peerBuffer ? (int)Math.Min(_peerBuffer - under, MostPayload) : 0;
        }
    }
}
