using System.Buffers.Binary;

namespace Holon.Devices.Virtio.Net;

/// <summary>
/// Sends what is received of a flow to the queue that the flow was last sent on, so that the processor that runs the program gets it
/// (virtio 1.2, §5.1.6.5.5, automatic receive steering).
/// </summary>
/// <remarks>One writer and one reader, both the network's thread. A wrong answer costs the guest's caches, nothing else.</remarks>
internal sealed class FlowSteering
{
    /// <summary>What must be known of a frame: Ethernet, IPv6 and ports.</summary>
    public const int HeadLength = 14 + 40 + 4;

    private const int Flows = 1024;
    private const byte TcpProtocol = 6, UdpProtocol = 17;

    private readonly byte[] _pairs = new byte[Flows];

    /// <summary>Notes the pair that a frame was sent on.</summary>
    public void Learn(ReadOnlySpan<byte> head, int pair) => _pairs[Hash(head) % Flows] = (byte)pair;

    /// <summary>The pair for a received frame; 0 for what belongs to no flow.</summary>
    public int Find(ReadOnlySpan<byte> head) => _pairs[Hash(head) % Flows];

    public void Reset() => _pairs.AsSpan().Clear();

    /// <summary>The same for both directions of a flow.</summary>
    private static uint Hash(ReadOnlySpan<byte> head)
    {
        if (head.Length < HeadLength) return 0;
        var ip = head[14..];
        uint hash;
        int portsAt;
        switch (BinaryPrimitives.ReadUInt16BigEndian(head[12..]))
        {
            case 0x0800 when ip[9] is TcpProtocol or UdpProtocol:
                hash = Word(ip, 12) ^ Word(ip, 16);
                portsAt = (ip[0] & 15) * 4;
                break;
            case 0x86DD when ip[6] is TcpProtocol or UdpProtocol:
                hash = 0;
                for (var i = 8; i < 40; i += 4) hash ^= Word(ip, i);
                portsAt = 40;
                break;
            default:
                return 0;
        }

        if (portsAt + 4 > ip.Length) return 0;
        var ports = Word(ip, portsAt);
        hash ^= ports ^ (ports >> 16 | ports << 16);
        return hash * 2654435761 >> 8; // Knuth's multiplicative hash
    }

    private static uint Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
