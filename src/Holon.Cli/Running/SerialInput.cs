using Holon.Cli.Terminal;

namespace Holon.Cli.Running;

/// <summary>How bytes from standard input become bytes on the guest's serial line.</summary>
internal enum SerialInputMode
{
    /// <summary>Keys from a terminal: escapes are Holon's, everything else goes through as it is.</summary>
    Keys,

    /// <summary>A file or pipe for a guest made by Holon: quoted, so that its terminal gives back the same bytes and the end.</summary>
    Quoted,

    /// <summary>A file or pipe for any other guest: bytes as they are; the end is not told.</summary>
    Plain,
}

/// <summary>Carries standard input to the guest's serial line, on a thread of its own, no faster than the guest takes it.</summary>
internal sealed class SerialInput
{
    private const int PollMilliseconds = 50;
    private const int ReadSize = 4096;

    /// <summary>Keys typed ahead while the guest does not read; beyond that they are lost, as on a real line.</summary>
    private const int MaxTypedAhead = 4096;

    private readonly SerialInputMode _mode;
    private readonly SendSerial _send;
    private readonly Action _leave;
    private readonly EscapeKeys _escapes;
    private readonly PipeEncoder _encoder = new();
    private readonly byte[] _pending = new byte[PipeEncoder.MaxEncodedLength(ReadSize) + MaxTypedAhead];
    private int _pendingCount;
    private volatile bool _stopped;

    /// <summary>Prepares to carry.</summary>
    /// <param name="mode">What to make of the bytes.</param>
    /// <param name="send">Gives bytes to the guest and says how many it took.</param>
    /// <param name="leave">Called when the user wants out.</param>
    /// <param name="way">What that is: the machine's end, or only this terminal's.</param>
    public SerialInput(SerialInputMode mode, SendSerial send, Action leave, EscapeAction way = EscapeAction.End)
    {
        _mode = mode;
        _send = send;
        _leave = leave;
        _escapes = new EscapeKeys(way);
    }

    /// <summary>Starts carrying.</summary>
    public void Start() => new Thread(Carry) { IsBackground = true, Name = "serial input" }.Start();

    /// <summary>Stops soon.</summary>
    public void Stop() => _stopped = true;

    private void Carry()
    {
        var buffer = new byte[ReadSize];
        while (!_stopped)
        {
            // A file or pipe is read only when the guest has taken what came before; a terminal always, for the escapes in it.
            if (_pendingCount > 0) Send();
            if (_pendingCount > 0 && _mode != SerialInputMode.Keys) continue;
            if (!Descriptor.WaitReadable(HostTerminal.StandardInput, _pendingCount > 0 ? 1 : PollMilliseconds)) continue;
            var count = Descriptor.Read(HostTerminal.StandardInput, buffer);
            if (count == 0)
            {
                SendEnd();
                return;
            }

            Take(buffer.AsSpan(0, count));
        }
    }

    private void Take(ReadOnlySpan<byte> data)
    {
        switch (_mode)
        {
            case SerialInputMode.Quoted:
                _pendingCount += _encoder.Encode(data, _pending.AsSpan(_pendingCount));
                break;
            case SerialInputMode.Plain:
                data.CopyTo(_pending.AsSpan(_pendingCount));
                _pendingCount += data.Length;
                break;
            default:
                foreach (var key in data) TakeKey(key);
                break;
        }
    }

    private void TakeKey(byte key)
    {
        switch (_escapes.Next(key, out var forwarded))
        {
            case EscapeAction.End or EscapeAction.Detach:
                _leave();
                break;
            case EscapeAction.Help:
                Descriptor.TryWrite(HostTerminal.StandardError, System.Text.Encoding.ASCII.GetBytes("\r\n" + _escapes.Help));
                break;
            case EscapeAction.None when _pendingCount < MaxTypedAhead:
                _pending[_pendingCount++] = forwarded;
                break;
        }
    }

    private void Send()
    {
        var taken = _send(_pending.AsSpan(0, _pendingCount));
        if (taken == 0) Thread.Sleep(1);
        _pending.AsSpan(taken, _pendingCount - taken).CopyTo(_pending);
        _pendingCount -= taken;
    }

    private void SendEnd()
    {
        if (_mode != SerialInputMode.Quoted) return;
        PipeEncoder.End.CopyTo(_pending);
        _pendingCount = PipeEncoder.End.Length;
        while (_pendingCount > 0 && !_stopped) Send();
    }
}

/// <summary>Gives bytes to a guest's serial line; returns how many it took.</summary>
internal delegate int SendSerial(ReadOnlySpan<byte> data);
