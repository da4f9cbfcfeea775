using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Holon.Machines.Control;

/// <summary>The first line and the header fields of an HTTP/1.1 message (RFC 9112 §2), read from a socket within bounds of length and time.</summary>
internal sealed class HttpHead
{
    /// <summary>Bytes of a head at most.</summary>
    public const int MostBytes = 8192;

    private static readonly TimeSpan _longestPoll = TimeSpan.FromMinutes(30); // what poll can count; who gives more means for ever

    private readonly Dictionary<string, string> _fields = new(StringComparer.OrdinalIgnoreCase);

    private HttpHead(string startLine, byte[] rest) => (StartLine, Rest) = (startLine, rest);

    /// <summary>The request line or status line.</summary>
    public string StartLine { get; }

    /// <summary>What was received behind the head.</summary>
    public byte[] Rest { get; }

    /// <summary>A header field, or null.</summary>
    public string? this[string name] => _fields.GetValueOrDefault(name);

    /// <summary>The length of the body that the head announces; 0 when it announces none.</summary>
    /// <exception cref="HttpProblem">It is none, too long, or of a form that is not spoken here.</exception>
    public int BodyLength(int most)
    {
        if (this["Transfer-Encoding"] is not null) throw new HttpProblem(501, "Only messages with a Content-Length are understood.");
        if (this["Content-Length"] is not { } text) return 0;
        if (!text.All(char.IsAsciiDigit) || text.Length is 0 or > 18) throw new HttpProblem(400, "The Content-Length is not a number.");
        var length = long.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
        return length <= most ? (int)length : throw new HttpProblem(413, $"The message has more than {most} bytes.");
    }

    /// <summary>Receives a head.</summary>
    /// <returns>Null when the other side closes without a word.</returns>
    /// <exception cref="HttpProblem">It is no head, too long or too slow.</exception>
    public static HttpHead? Receive(Socket socket, TimeSpan limit)
    {
        var buffer = new byte[MostBytes];
        var count = 0;
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var received = Receive(socket, buffer.AsSpan(count), limit - clock.Elapsed);
            if (received == 0) return count == 0 ? null : throw new HttpProblem(400, "The message ends before its head does.");
            var searched = Math.Max(0, count - 3);
            count += received;
            var end = buffer.AsSpan(searched, count - searched).IndexOf("\r\n\r\n"u8);
            if (end >= 0) return Parse(buffer.AsSpan(0, searched + end), buffer.AsSpan(searched + end + 4, count - searched - end - 4));
            if (count == buffer.Length) throw new HttpProblem(431, $"The message's head has more than {MostBytes} bytes.");
        }
    }

    /// <summary>Receives what is there, or waits for it.</summary>
    /// <exception cref="HttpProblem">Nothing came in time.</exception>
    public static int Receive(Socket socket, Span<byte> buffer, TimeSpan limit)
    {
        if (limit <= TimeSpan.Zero || !socket.Poll(limit > _longestPoll ? Timeout.InfiniteTimeSpan : limit, SelectMode.SelectRead)) throw new HttpProblem(408, "The message did not arrive in time.");
        return socket.Receive(buffer);
    }

    private static HttpHead Parse(ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest)
    {
        if (head.ContainsAnyExceptInRange((byte)' ', (byte)'~') && head.IndexOfAnyExcept(_allowed) >= 0) throw new HttpProblem(400, "The message's head is not text.");
        var lines = Encoding.ASCII.GetString(head).Split("\r\n");
        var message = new HttpHead(lines[0], rest.ToArray());
        foreach (var line in lines.AsSpan(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || line.AsSpan(0, colon).ContainsAny(' ', '\t')) throw new HttpProblem(400, "A line of the message's head is no header field.");
            if (!message._fields.TryAdd(line[..colon], line[(colon + 1)..].Trim()) && line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
                throw new HttpProblem(400, "The message has two lengths.");
        }

        return message;
    }

    private static readonly System.Buffers.SearchValues<byte> _allowed = System.Buffers.SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(value => (byte)value), (byte)'\t', (byte)'\r', (byte)'\n']);
}

/// <summary>Why a message is not answered as it would like: an HTTP status and one sentence.</summary>
internal sealed class HttpProblem(int status, string message) : Exception(message)
{
    /// <summary>The status code.</summary>
    public int Status { get; } = status;
}
