using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Holon.EndToEnd;

/// <summary>
/// A DNS server on the host's loopback, over UDP and TCP on one port. Every name has the address 192.0.2.53; a question for texts is answered
/// with three thousand bytes, which go over TCP only.
/// </summary>
internal sealed class NameServer : IDisposable
{
    private const int HeaderSize = 12;
    private const ushort TypeA = 1, TypeText = 16, AnswerFlags = 0x8580, Truncated = 0x0200;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly UdpClient _udp;

    public NameServer()
    {
        _listener.Start();
        _udp = new UdpClient(new IPEndPoint(IPAddress.Loopback, Port));
        _ = Accepting.LoopAsync(_listener, AnswerAsync);
        _ = AnswerDatagramsAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose()
    {
        _listener.Dispose();
        _udp.Dispose();
    }

    private static async Task AnswerAsync(NetworkStream stream)
    {
        var length = new byte[2];
        while (await stream.ReadAtLeastAsync(length, 2, throwOnEndOfStream: false) == 2)
        {
            var question = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
            await stream.ReadExactlyAsync(question);
            var answer = Answer(question, overTcp: true);
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)answer.Length);
            await stream.WriteAsync((byte[])[.. length, .. answer]);
        }
    }

    private async Task AnswerDatagramsAsync()
    {
        try
        {
            while (true)
            {
                var question = await _udp.ReceiveAsync();
                await _udp.SendAsync(Answer(question.Buffer, overTcp: false), question.RemoteEndPoint);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // the test has ended
        }
    }

    private static byte[] Answer(ReadOnlySpan<byte> question, bool overTcp)
    {
        var end = HeaderSize;
        while (question[end] != 0) end += 1 + question[end];
        end += 5; // the root, type and class
        var type = BinaryPrimitives.ReadUInt16BigEndian(question[(end - 4)..]);
        var truncated = type == TypeText && !overTcp;
        List<byte> data = type == TypeA ? [192, 0, 2, 53] : [];
        for (var i = 0; type == TypeText && overTcp && i < 12; i++) data.AddRange([250, .. Enumerable.Repeat((byte)('a' + i), 250)]);
        var answer = new List<byte>(question[..end].ToArray());
        var header = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(answer);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(AnswerFlags | (truncated ? Truncated : 0)));
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)(data.Count > 0 ? 1 : 0));
        header[8..HeaderSize].Clear();
        // the question's name, its type, IN, a minute, the data
        if (data.Count > 0) answer.AddRange([0xC0, HeaderSize, (byte)(type >> 8), (byte)type, 0, 1, 0, 0, 0, 60, (byte)(data.Count >> 8), (byte)data.Count, .. data]);
        return [.. answer];
    }
}
