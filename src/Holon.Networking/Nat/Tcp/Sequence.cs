namespace Holon.Networking.Nat.Tcp;

/// <summary>Comparison of sequence numbers, which wrap (RFC 9293 §3.4).</summary>
internal static class Sequence
{
    public static bool Before(uint a, uint b) => (int)(a - b) < 0;

    public static bool After(uint a, uint b) => (int)(a - b) > 0;

    public static uint Max(uint a, uint b) => After(a, b) ? a : b;

    public static uint Min(uint a, uint b) => Before(a, b) ? a : b;
}
