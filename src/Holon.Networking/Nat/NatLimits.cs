namespace Holon.Networking;

/// <summary>What one network spends on its guests at most. A guest that asks for more is refused, and harms itself only.</summary>
/// <param name="Connections">TCP connections at a time.</param>
/// <param name="HalfOpen">Of them, those that are not established yet.</param>
/// <param name="UdpFlows">Pairs of UDP endpoints at a time; the one idle longest goes.</param>
/// <param name="EchoFlows">Running pings at a time.</param>
/// <param name="Neighbors">Addresses of guests that are remembered.</param>
/// <param name="FragmentedPackets">Packets being put together from fragments; the oldest goes.</param>
/// <param name="BufferBytes">Bytes of connections under way.</param>
/// <param name="DnsQueries">Questions under way to the host's resolvers.</param>
/// <param name="DnsNames">Answers remembered for rules.</param>
public sealed record NatLimits(
    int Connections = 8192,
    int HalfOpen = 512,
    int UdpFlows = 1024,
    int EchoFlows = 64,
    int Neighbors = 1024,
    int FragmentedPackets = 16,
    long BufferBytes = 64L << 20,
    int DnsQueries = 128,
    int DnsNames = 4096);
