namespace Holon.Networking.Host;

/// <summary>An ICMP error that the host received about something a socket had sent.</summary>
/// <param name="Offender">Who complained.</param>
/// <param name="Type">ICMP type, in the socket's family.</param>
/// <param name="Code">ICMP code.</param>
/// <param name="Info">The MTU of "too big".</param>
internal readonly record struct SocketErrorReport(IpAddress Offender, byte Type, byte Code, uint Info);

/// <summary>The error queue of datagram sockets (ip(7), <c>IP_RECVERR</c>).</summary>
internal static unsafe class SocketErrors
{
    private const byte OriginIcmp = 2, OriginIcmp6 = 3;

    /// <summary>Takes the next ICMP error from a socket; errors of the host itself are skipped.</summary>
    public static bool TryTake(int socket, out SocketErrorReport report)
    {
        // Safe: the kernel writes at most the lengths given to these locals, and what it says is checked against them.
        var control = stackalloc byte[512];
        var name = stackalloc byte[SocketAddress.MaxSize];
        var data = stackalloc byte[64];
        var segment = new MemorySegment((nint)data, 64);
        report = default;
        while (true)
        {
            var message = new Linux.MessageHeader
            {
                Name = (nint)name,
                NameLength = SocketAddress.MaxSize,
                Segments = (nint)(&segment),
                SegmentCount = 1,
                Control = (nint)control,
                ControlLength = 512,
            };
            if (Linux.ReceiveMessage(socket, &message, Linux.MessageErrorQueue | Linux.MessageDontWait) < 0)
            {
                _ = Linux.TakeError(socket); // or it would be reported for ever
                return false;
            }

            var rest = new ReadOnlySpan<byte>(control, (int)message.ControlLength);
            while (rest.Length >= 16)
            {
                var length = (int)Math.Min(BitConverter.ToUInt64(rest), (ulong)rest.Length); // cmsg_len, cmsg_level, cmsg_type
                var (level, type) = (BitConverter.ToInt32(rest[8..]), BitConverter.ToInt32(rest[12..]));
                var body = length > 16 ? rest[16..length] : default;
                // struct sock_extended_err: errno, origin, type, code, pad, info, data; then the offender's address
                if (body.Length >= 16 && (level, type) is (Linux.LevelIp, Linux.ReceiveErrors) or (Linux.LevelIp6, Linux.ReceiveErrors6)
                    && body[4] is OriginIcmp or OriginIcmp6)
                {
                    report = new(SocketAddress.Read(body[16..]).Address, body[5], body[6], BitConverter.ToUInt32(body[8..]));
                    return true;
                }

                if (length < 16) break;
                rest = rest[Math.Min((length + 7) & ~7, rest.Length)..];
            }
        }
    }
}
