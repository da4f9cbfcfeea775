using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Holon.Machines.Control;

/// <summary>One request of a client and its answer: a connection carries one, and is closed behind it.</summary>
internal sealed class HttpExchange
{
    /// <summary>Bytes of a request's body at most.</summary>
    public const int MostBodyBytes = 64 * 1024;

    /// <summary>How long a client may take to send its request, and to take a short answer.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly string[] _methods = ["GET", "POST", "PUT", "DELETE"];

    private readonly Socket _socket;
    private readonly HttpHead _head;
    private readonly byte[] _body;

    private HttpExchange(Socket socket, HttpHead head, string method, string target, byte[] body)
    {
        (_socket, _head, _body, Method) = (socket, head, body, method);
        var question = target.IndexOf('?', StringComparison.Ordinal);
        Path = question < 0 ? target : target[..question];
        Query = question < 0 ? "" : target[(question + 1)..];
    }

    /// <summary>The method.</summary>
    public string Method { get; }

    /// <summary>The path, from the first slash on.</summary>
    public string Path { get; }

    /// <summary>What follows the question mark.</summary>
    public string Query { get; }

    /// <summary>The protocol that the client wants to go on with, or null.</summary>
    public string? Upgrade => _head["Upgrade"];

    /// <summary>True once an answer has begun: it is too late to report a problem.</summary>
    public bool HasAnswered { get; private set; }

    /// <summary>True when the client has gone.</summary>
    public bool IsAbandoned
    {
        get
        {
            try
            {
                return _socket.Poll(0, SelectMode.SelectRead) && _socket.Available == 0;
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return true;
            }
        }
    }

    /// <summary>Receives a request.</summary>
    /// <returns>Null when the client goes without one.</returns>
    /// <exception cref="HttpProblem">It is none, or beyond the bounds.</exception>
    public static HttpExchange? Receive(Socket socket, TimeSpan patience)
    {
        if (HttpHead.Receive(socket, patience) is not { } head) return null;
        if (head.StartLine.Split(' ') is not [var method, ['/', ..] target, "HTTP/1.1" or "HTTP/1.0"]) throw new HttpProblem(400, "The request line is not one of HTTP/1.1.");
        if (!_methods.Contains(method)) throw new HttpProblem(501, "Only GET, POST, PUT and DELETE are understood.");
        var body = new byte[head.BodyLength(MostBodyBytes)];
        if (head.Rest.Length > body.Length) throw new HttpProblem(400, "There is more after the request than it announces; a connection carries one request.");
        head.Rest.CopyTo(body, 0);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        for (var count = head.Rest.Length; count < body.Length;)
        {
            var received = HttpHead.Receive(socket, body.AsSpan(count), patience - clock.Elapsed);
            if (received == 0) throw new HttpProblem(400, "The message ends before its body does.");
            count += received;
        }

        return new HttpExchange(socket, head, method, target, body);
    }

    /// <summary>What the request's body says; a request without one says nothing.</summary>
    /// <exception cref="HttpProblem">It is not JSON of that form.</exception>
    public ControlRequest ReadBody()
    {
        if (_body.Length == 0) return new ControlRequest();
        try
        {
            return JsonSerializer.Deserialize(_body, MachineJson.Default.ControlRequest) ?? new ControlRequest();
        }
        catch (JsonException)
        {
            throw new HttpProblem(400, "The request's body is not JSON of the form that is expected.");
        }
    }

    /// <summary>Answers with a value.</summary>
    public void Answer<T>(T value, JsonTypeInfo<T> type)
    {
        HasAnswered = true;
        Answer(_socket, 200, JsonSerializer.SerializeToUtf8Bytes(value, type));
    }

    /// <summary>Begins an answer that goes on until one side closes.</summary>
    public void BeginStream(string contentType)
    {
        HasAnswered = true;
        Send(_socket, Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: {contentType}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"));
    }

    /// <summary>Goes over to raw bytes in both directions.</summary>
    public void BeginUpgrade(string protocol)
    {
        HasAnswered = true;
        Send(_socket, Encoding.ASCII.GetBytes($"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {protocol}\r\nConnection: Upgrade\r\n\r\n"));
    }

    /// <summary>Sends a part of a stream; waits for as long as the client takes.</summary>
    public void SendPart(ReadOnlySpan<byte> data)
    {
        _socket.SendTimeout = 0;
        Send(_socket, data);
    }

    /// <summary>Receives bytes after <see cref="BeginUpgrade"/>.</summary>
    /// <returns>How many; 0 at the end.</returns>
    public int ReceivePart(Span<byte> buffer) => _socket.Receive(buffer);

    /// <summary>Tells why a request is not carried out.</summary>
    public static void AnswerProblem(Socket socket, int status, string message) =>
        Answer(socket, status, JsonSerializer.SerializeToUtf8Bytes(new ControlError(message), MachineJson.Default.ControlError));

    private static void Answer(Socket socket, int status, byte[] body)
    {
        Send(socket, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} {ReasonOf(status)}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n")));
        Send(socket, body);
    }

    private static void Send(Socket socket, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty) data = data[socket.Send(data)..];
    }

    private static string ReasonOf(int status) => status switch
    {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Error",
    };
}
