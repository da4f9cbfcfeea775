namespace Holon.Networking.Nat;

/// <summary>What tells one of a guest's flows from another, as the guest sees it.</summary>
internal readonly record struct FlowKey(IpAddress Guest, IpAddress Remote, ushort GuestPort, ushort RemotePort)
{
    /// <inheritdoc/>
    public override int GetHashCode()
    {
        // Multiplicative mixing: cheap per packet. A guest that makes its own flows collide slows itself.
        var mixed = (Guest.Low ^ (Remote.Low * 0x9E37_79B9_7F4A_7C15) ^ Remote.High) + ((ulong)GuestPort << 16 | RemotePort);
        mixed *= 0xD6E8_FEB8_6659_FD93;
        return (int)(mixed >> 32);
    }
}
