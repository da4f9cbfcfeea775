using Holon.Networking.Capture;
using Holon.Networking.Host;
using Holon.Networking.Nat;
using Holon.Networking.Switching;

namespace Holon.Networking;

/// <summary>Carries frames between a machine's card and another port, a TAP device or a socket of a switch, on a thread of its own.</summary>
public sealed class Cable : INetworkLink
{
    private readonly EventLoop _loop = new("holon-cable");
    private readonly INetworkPort _wire;
    private readonly PcapWriter? _capture;
    private readonly Direction _out, _in;
    private bool _disposed;

    /// <summary>Plugs a cable in at both ends.</summary>
    /// <param name="card">The machine's card.</param>
    /// <param name="wire">The other end, which is disposed with the cable when it can be.</param>
    /// <param name="rate">The most bytes a second; null for no limit.</param>
    /// <param name="capture">Where frames are recorded; null for nowhere.</param>
    public Cable(INetworkPort card, INetworkPort wire, ByteRate? rate = null, CaptureOptions? capture = null)
    {
        _wire = wire;
        _capture = capture is null ? null : new PcapWriter(capture);
        var (cardLink, wireLink) = (new PortLink(_loop, card, rate, _capture), new PortLink(_loop, wire, null, null));
        (_out, _in) = (new Direction(cardLink, wireLink), new Direction(wireLink, cardLink));
        _loop.Start();
        _loop.Call(() =>
        {
            cardLink.Attach(_out.Carry, static () => { }, _in.Resume, static () => { });
            wireLink.Attach(_in.Carry, static () => { }, _out.Resume, static () => { });
            return true;
        });
    }

    /// <inheritdoc/>
    public NetworkCounters Counters => _out.From.Counters;

    /// <inheritdoc/>
    public void Signal() => _loop.Signal();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _loop.Call(() =>
        {
            _out.From.Detach();
            Pull();
            return true;
        });
        _loop.Dispose();
        (_wire as IDisposable)?.Dispose();
        _capture?.Dispose();
    }

    /// <summary>The other end is gone: nothing comes from there any more, and what the card sends is lost. On the loop's thread.</summary>
    internal void Pull() => _in.From.Detach();

    /// <summary>
    /// One way of the cable. A frame that the far end has no room for is kept, as a copy, and until it is gone nothing more is taken: the
    /// sender's own queue fills, and it knows what to do.
    /// </summary>
    private sealed class Direction(PortLink from, PortLink to)
    {
        private readonly SoftwareOffload _offload = new();
        private readonly Frame _kept = new();
        private byte[]? _bytes;

        public PortLink From => from;

        public void Carry(Frame frame)
        {
            if (_offload.Put(to, frame)) return;
            _bytes ??= GC.AllocateUninitializedArray<byte>(Frame.MaxLength, pinned: true);
            var length = frame.CopyTo(0, _bytes);
            _kept.Clear();
            _kept.Offload = frame.Offload;
            _kept.Add(System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, 0), length);
            from.IsHeld = true;
        }

        public void Resume()
        {
            if (!from.IsHeld || !_offload.Put(to, _kept)) return;
            from.IsHeld = false;
            from.Pump();
        }
    }
}
