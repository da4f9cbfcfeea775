namespace Holon.Networking;

/// <summary>What a port can receive, as the guest's driver negotiated it.</summary>
[Flags]
public enum PortFeatures
{
    /// <summary>Complete frames of at most the MTU only.</summary>
    None = 0,

    /// <summary>Frames whose transport checksum is incomplete (virtio's <c>GUEST_CSUM</c>).</summary>
    PartialChecksum = 1,

    /// <summary>TCP over IPv4 in frames of up to 64 KiB (<c>GUEST_TSO4</c>).</summary>
    Tso4 = 2,

    /// <summary>TCP over IPv6 in frames of up to 64 KiB (<c>GUEST_TSO6</c>).</summary>
    Tso6 = 4,

    /// <summary>UDP over IPv4 in frames of up to 64 KiB (<c>GUEST_USO4</c>).</summary>
    Uso4 = 8,

    /// <summary>UDP over IPv6 in frames of up to 64 KiB (<c>GUEST_USO6</c>).</summary>
    Uso6 = 16,
}

/// <summary>What frames can be put into.</summary>
public interface IFrameSink
{
    /// <summary>What it can receive now.</summary>
    PortFeatures Features { get; }

    /// <summary>Copies a frame into the receiver's memory.</summary>
    /// <param name="head">The frame's first bytes.</param>
    /// <param name="body">The rest.</param>
    /// <param name="offload">What was left undone; nothing that <see cref="Features"/> lacks.</param>
    /// <returns>False when the receiver has no room; it signals when that has changed.</returns>
    bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload);
}

/// <summary>
/// The plug of a network card: where a network takes the frames that the guest has sent and puts those that it is to receive.
/// A virtio-net device, a TAP device and a cable to another process are ports; a network (<see cref="IVirtualNetwork"/>) is what they plug into.
/// </summary>
/// <remarks>
/// <para>The network calls a port from one thread only, its loop's; the port locks against its own other users (registers, reset).
/// Whoever has something new for the network calls <see cref="INetworkLink.Signal"/> from any thread.</para>
/// <para>Back-pressure: a network that is busy does not take, so the guest's queue fills; a guest that gives no buffers
/// makes <see cref="IFrameSink.TryPut"/> fail, and the network holds back what it can (TCP) and drops what it cannot.</para>
/// </remarks>
public interface INetworkPort : IFrameSink
{
    /// <summary>A descriptor that turns readable when frames wait, or -1 when the port calls <see cref="INetworkLink.Signal"/>.</summary>
    int PollDescriptor => -1;

    /// <summary>
    /// Whether the port signals the next frame after <see cref="TryTake"/> has found none. A network that gets very many frames switches that off
    /// and looks by itself: one wake-up for many frames. Switched on again, it takes effect with the next <see cref="TryTake"/>.
    /// </summary>
    bool Signals
    {
        get => true;
        set
        {
            // a port with a descriptor always does
        }
    }

    /// <summary>Takes the next frame that the guest has sent. The memory stays in place until <see cref="Release"/>.</summary>
    /// <returns>False when there is none; the port signals the next one.</returns>
    bool TryTake(Frame frame);

    /// <summary>Gives the frame taken last back to the guest.</summary>
    void Release(Frame frame);

    /// <summary>Called after a batch of takes and puts: the moment to tell the guest with at most one interrupt.</summary>
    void Flush();
}

/// <summary>The socket that a port is plugged into.</summary>
public interface INetworkLink : IDisposable
{
    /// <summary>Tells the network that frames wait or that there is room again. Any thread, never blocks.</summary>
    void Signal();

    /// <summary>What has passed so far, as the guest sees it.</summary>
    NetworkCounters Counters { get; }
}

/// <summary>Something that ports are plugged into: a user-mode NAT, a switch, a TAP device.</summary>
public interface IVirtualNetwork : IDisposable
{
    /// <summary>Plugs a port in. Disposing the link pulls it out.</summary>
    /// <param name="port">The port; it must not be plugged in anywhere else.</param>
    /// <param name="name">The machine's name, under which others find it by DNS.</param>
    INetworkLink Connect(INetworkPort port, string name);
}

/// <summary>Frames and bytes of one machine, and what was dropped.</summary>
/// <param name="SentFrames">Frames that the guest has sent.</param>
/// <param name="SentBytes">Their bytes.</param>
/// <param name="ReceivedFrames">Frames that the guest has received.</param>
/// <param name="ReceivedBytes">Their bytes.</param>
/// <param name="Dropped">Frames dropped: malformed, spoofed, over a limit, or without room in the guest.</param>
/// <param name="Denied">New connections and datagrams that a rule refused.</param>
public readonly record struct NetworkCounters(long SentFrames, long SentBytes, long ReceivedFrames, long ReceivedBytes, long Dropped, long Denied);
