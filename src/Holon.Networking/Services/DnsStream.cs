using System.Buffers.Binary;
using Holon.Networking.Nat.Tcp;

namespace Holon.Networking.Services;

/// <summary>DNS over a guest's TCP connection: messages with their length before them (RFC 1035 §4.2.2, RFC 7766).</summary>
internal sealed class DnsStream(DnsForwarder forwarder, TcpConnection connection) : ITcpStream
{
    /// <summary>Questions that may wait for their answers on one connection.</summary>
    private const int MaxPending = 32;

    private readonly byte[] _question = new byte[2 + 4096]; // questions are short; a longer one ends the connection
    private byte[] _answers = [];
    private int _questionCount, _sent, _pending;
    private bool _finished, _closed;

    /// <inheritdoc/>
    public int Read(ReadOnlySpan<MemorySegment> room)
    {
        var waiting = _answers.AsSpan(_sent);
        if (waiting.Length == 0) return _finished && _pending == 0 ? 0 : ITcpStream.WouldBlock;
        var copied = 0;
        foreach (ref readonly var segment in room)
        {
            var part = waiting[copied..Math.Min(waiting.Length, copied + (int)segment.Length)];
            part.CopyTo(segment.Span);
            copied += part.Length;
        }

        _sent += copied;
        if (_sent == _answers.Length) (_answers, _sent) = ([], 0);
        return copied;
    }

    /// <inheritdoc/>
    public int Write(ReadOnlySpan<MemorySegment> data)
    {
        var taken = 0;
        foreach (ref readonly var segment in data)
        {
            foreach (var value in segment.Span)
            {
                _question[_questionCount++] = value;
                taken++;
                if (_questionCount < 2) continue;
                var length = BinaryPrimitives.ReadUInt16BigEndian(_question);
                if (length > _question.Length - 2 || _pending > MaxPending) return ITcpStream.Failed;
                if (_questionCount < length + 2) continue;
                _questionCount = 0;
                _pending++;
                if (!DnsMessage.IsQuery(_question.AsSpan(2, length))) return ITcpStream.Failed;
                forwarder.Ask(_question.AsSpan(2, length), stream: true, Answer);
            }
        }

        return taken;
    }

    /// <inheritdoc/>
    public void ShutdownWrite()
    {
        _finished = true;
        forwarder.Post(connection.OnReadable);
    }

    /// <inheritdoc/>
    public void Close(bool abort) => _closed = true;

    private void Answer(ReadOnlyMemory<byte> answer)
    {
        if (_closed) return;
        _pending--;
        var at = _answers.Length;
        Array.Resize(ref _answers, at + 2 + answer.Length);
        BinaryPrimitives.WriteUInt16BigEndian(_answers.AsSpan(at), (ushort)answer.Length);
        answer.Span.CopyTo(_answers.AsSpan(at + 2));
        forwarder.Post(connection.OnReadable); // not from inside of the connection's own call
    }
}
