using System.Globalization;
using Holon.Networking.Nat;
using Holon.Networking.Nat.Tcp;
using Holon.Networking.Packets;

namespace Holon.Networking.Tests.Tcp;

/// <summary>
/// Scripts in the manner of packetdrill, one step a line. Numbers are relative to each side's first:
/// <code>
/// &lt; S 0 win 65535 mss 1000 sackok ws 7   the guest sends
/// &gt; S. 0 ack 1                          we must send (fields left out are not compared)
/// &lt; P. 1 len 100 ack 1 win 500 sack 5:9
/// give 3000 | end                        the far side has bytes | has ended
/// taken 100                              the far side has been given so many in all
/// block | unblock                        the far side takes nothing | everything again
/// wait 200                               milliseconds pass
/// silence                                we must have sent nothing more
/// state Established
/// </code>
/// </summary>
internal sealed unsafe class TcpScript : ITcpNetwork, ITcpStream, IDisposable
{
    private const uint GuestInitial = 0xFFFF_FF00; // wraps soon
    private const uint OurInitial = 0x7FFF_FF00;

    private readonly Queue<Segment> _sent = new();
    private readonly TcpConnection _connection;
    private readonly string _text;
    private bool _acknowledge, _blocked, _ended;
    private int _given, _taken;

    private TcpScript(string text)
    {
        _text = text;
        Buffers = new BufferPool(64 << 20);
        _connection = new TcpConnection(this, IpAddress.V4(0x0A000202), 1000, IpAddress.V4(0xC0000201), 80, 1460, OurInitial);
    }

    public long Now { get; private set; } = 1_000_000_000;

    public TimerQueue Timers { get; } = new();

    public BufferPool Buffers { get; }

    /// <summary>Runs a script; fails with the line that went wrong.</summary>
    public static void Run(string text)
    {
        using var script = new TcpScript(text);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!line.StartsWith('#')) script.Step(line);
        }
    }

    public bool CanSegment(IpAddress guest) => true;

    public bool Send(TcpConnection connection, in TcpHeader header, ReadOnlySpan<MemorySegment> payload, int payloadLength)
    {
        _sent.Enqueue(new Segment(header, new byte[payloadLength]));
        return true;
    }

    public void AcknowledgeLater(TcpConnection connection) => _acknowledge = true;

    public void Remove(TcpConnection connection)
    {
    }

    public int Read(ReadOnlySpan<MemorySegment> room)
    {
        if (_given == 0) return _ended ? 0 : ITcpStream.WouldBlock;
        nint all = 0;
        foreach (var piece in room) all += piece.Length;
        var count = (int)Math.Min(_given, all);
        _given -= count;
        return count;
    }

    public int Write(ReadOnlySpan<MemorySegment> data)
    {
        if (_blocked) return ITcpStream.WouldBlock;
        var count = 0;
        foreach (var piece in data) count += (int)piece.Length;
        _taken += count;
        return count;
    }

    public void ShutdownWrite()
    {
    }

    public void Close(bool abort)
    {
    }

    public void Dispose() => Buffers.Dispose();

    private void Step(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (words[0])
        {
            case "<":
                Receive(words);
                break;
            case ">":
                Assert.True(_sent.Count > 0, $"nothing was sent for '{line}' in:\n{_text}");
                Expect(words, line, _sent.Dequeue());
                return;
            case "silence":
                Assert.True(_sent.Count == 0, $"'{(_sent.Count > 0 ? Describe(_sent.Peek()) : "")}' was sent before '{line}' in:\n{_text}");
                return;
            case "give":
                _given += Number(words[1]);
                _connection.OnReadable();
                break;
            case "end":
                _ended = true;
                _connection.OnReadable();
                break;
            case "block":
                _blocked = true;
                break;
            case "unblock":
                _blocked = false;
                _connection.OnWritable();
                break;
            case "taken":
                Assert.True(Number(words[1]) == _taken, $"{_taken} were taken at '{line}' in:\n{_text}");
                return;
            case "state":
                Assert.True(words[1] == _connection.State.ToString(), $"{_connection.State} at '{line}' in:\n{_text}");
                return;
            case "wait":
                Now += Number(words[1]) * 1_000_000L;
                Timers.FireDue(Now);
                break;
            default:
                throw new ArgumentException($"'{line}' is no step.");
        }

        if (!_acknowledge) return;
        _acknowledge = false;
        _connection.FlushAcknowledgment();
    }

    private void Receive(string[] words)
    {
        var header = new TcpHeader { SourcePort = 1000, DestinationPort = 80, WindowScale = -1, Flags = Flags(words[1]), Sequence = GuestInitial + (uint)Number(words[2]), Window = 65535 };
        var length = 0;
        for (var i = 3; i < words.Length; i++)
        {
            switch (words[i])
            {
                case "len": length = Number(words[++i]); break;
                case "ack": header.Acknowledgment = OurInitial + (uint)Number(words[++i]); break;
                case "win": header.Window = (ushort)Number(words[++i]); break;
                case "mss": header.MaxSegment = (ushort)Number(words[++i]); break;
                case "ws": header.WindowScale = Number(words[++i]); break;
                case "sackok": header.SackPermitted = true; break;
                case "sack":
                    var block = words[++i].Split(':');
                    header.Sack[header.SackCount++] = new(OurInitial + (uint)Number(block[0]), OurInitial + (uint)Number(block[1]));
                    break;
                default: throw new ArgumentException($"'{words[i]}' is no field.");
            }
        }

        if (_connection.State == TcpState.Connecting && header.Flags == TcpFlags.Syn)
        {
            _connection.Listen(header, this);
            _connection.Accept();
            return;
        }

        var payload = new byte[Math.Max(length, 1)];
        fixed (byte* bytes = payload)
        {
            MemorySegment piece = new((nint)bytes, length);
            _connection.OnSegment(header, length == 0 ? [] : new ReadOnlySpan<MemorySegment>(in piece), length);
        }
    }

    private void Expect(string[] words, string line, Segment sent)
    {
        void Same(long expected, long actual) => Assert.True(expected == actual, $"'{Describe(sent)}' was sent for '{line}' in:\n{_text}");
        Same((long)Flags(words[1]), (long)(sent.Header.Flags & ~(words[1].Contains('P') ? 0 : TcpFlags.Psh)));
        Same(OurInitial + (uint)Number(words[2]), sent.Header.Sequence);
        var length = 0;
        for (var i = 3; i < words.Length; i++)
        {
            switch (words[i])
            {
                case "len": length = Number(words[++i]); break;
                case "ack": Same(GuestInitial + (uint)Number(words[++i]), sent.Header.Acknowledgment); break;
                case "win": Same(Number(words[++i]), sent.Header.Window); break;
                case "mss": Same(Number(words[++i]), sent.Header.MaxSegment); break;
                case "ws": Same(Number(words[++i]), sent.Header.WindowScale); break;
                case "sack":
                    var block = words[++i].Split(':');
                    Same(GuestInitial + (uint)Number(block[0]), sent.Header.Sack[0].Start);
                    Same(GuestInitial + (uint)Number(block[1]), sent.Header.Sack[0].End);
                    break;
                default: throw new ArgumentException($"'{words[i]}' is no field.");
            }
        }

        Same(length, sent.Payload.Length);
    }

    private static string Describe(Segment sent) =>
        $"{sent.Header.Flags} {sent.Header.Sequence - OurInitial} len {sent.Payload.Length} ack {sent.Header.Acknowledgment - GuestInitial} win {sent.Header.Window}";

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static TcpFlags Flags(string text) => text.Aggregate(TcpFlags.None, (flags, letter) => flags | letter switch
    {
        'S' => TcpFlags.Syn,
        'F' => TcpFlags.Fin,
        'R' => TcpFlags.Rst,
        'P' => TcpFlags.Psh,
        '.' => TcpFlags.Ack,
        _ => throw new ArgumentException($"'{letter}' is no flag."),
    });
}
