using Holon.Networking.Host;
using Holon.Networking.Nat;
using Holon.Networking.Packets;

namespace Holon.Networking.Switching;

/// <summary>
/// A layer-2 switch with a gateway in it: learns which card is on which port, floods what it does not know, and slows down ports that flood.
/// Everything runs on one loop's thread.
/// </summary>
internal sealed class EthernetSwitch : IGuestSide, IDisposable
{
    /// <summary>Frames to groups and to unknown cards that one port may send in a second; more are dropped (storm control).</summary>
    public const int MaxFloodedPerSecond = 2000;

    private readonly EventLoop _loop;
    private readonly AddressTable<Port> _addresses = new();
    private readonly List<Port> _ports = [];
    private readonly SoftwareOffload _offload = new();
    private readonly Frame _fromGateway = new();
    private Port? _holder;
    private bool _disposed;

    public EthernetSwitch(EventLoop loop, NatOptions options)
    {
        _loop = loop;
        Gateway = new Gateway(options, loop, this);
        loop.BatchEnded += Gateway.EndBatch;
    }

    public Gateway Gateway { get; }

    public IReadOnlyList<Port> Ports => _ports;

    /// <summary>Those that see every frame; what they have no room for they miss.</summary>
    public List<IFrameSink> Watchers { get; } = [];

    /// <summary>Cards known.</summary>
    public int Cards => _addresses.Count;

    /// <summary>Frames of the gateway that nobody had room for, and flows that rules refused.</summary>
    public long Dropped { get; private set; }

    public long Denied { get; private set; }

    /// <summary>The switch does what a port cannot.</summary>
    public PortFeatures Features => PortFeatures.PartialChecksum | PortFeatures.Tso4 | PortFeatures.Tso6 | PortFeatures.Uso4 | PortFeatures.Uso6;

    /// <summary>Plugs a port in.</summary>
    public Port Add(INetworkPort port, string name, MacAddress? mac, Action<Port> gone)
    {
        var added = new Port(this, port, name, mac);
        _ports.Add(added);
        if (mac is { } card)
        {
            Gateway.Names.Set(name, card);
            Gateway.Dhcp.AddressOf(card);
        }

        added.Link.Attach(added.Receive, static () => { }, Gateway.OnRoom, () => gone(added));
        return added;
    }

    /// <summary>Pulls a port out.</summary>
    public void Remove(Port port)
    {
        if (!_ports.Remove(port)) return;
        port.Link.Detach();
        _addresses.Forget(port);
        Gateway.Names.Remove(port.Name);
    }

    /// <inheritdoc/>
    public unsafe bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload)
    {
        // Safe: the head stays in place while it is fixed, and nothing keeps the frame after the call.
        fixed (byte* bytes = head)
        {
            _fromGateway.Clear();
            _fromGateway.Add((nint)bytes, head.Length);
            foreach (ref readonly var piece in body) _fromGateway.Add(piece.Address, (int)piece.Length);
            _fromGateway.Offload = offload;
            Show(_fromGateway);
            return Forward(null, _fromGateway, MacAddress.Read(head));
        }
    }

    /// <inheritdoc/>
    public void CountDropped()
    {
        if (_holder is { } port) port.Link.CountDropped(); else Dropped++;
    }

    /// <inheritdoc/>
    public void CountDenied()
    {
        if (_holder is { } port) port.Link.CountDenied(); else Denied++;
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (var port in _ports.ToArray()) Remove(port);
        _loop.BatchEnded -= Gateway.EndBatch;
        Gateway.Dispose();
    }

    /// <summary>Hands a frame on; false when the one port that it was for had no room.</summary>
    private bool Forward(Port? from, Frame frame, MacAddress destination)
    {
        if (!destination.IsGroup && _addresses.Find(destination, _loop.Now) is { } known) return known == from || _offload.Put(known.Link, frame);
        foreach (var port in _ports)
        {
            if (port != from && !_offload.Put(port.Link, frame)) port.Link.CountDropped();
        }

        return true;
    }

    private void Show(Frame frame)
    {
        foreach (var watcher in Watchers) _offload.Put(watcher, frame);
    }

    private void Receive(Port from, Frame frame)
    {
        Span<byte> head = stackalloc byte[EthernetHeader.Size];
        if (frame.CopyTo(0, head) < head.Length || !EthernetHeader.TryRead(head, out var ethernet) || ethernet.Source.IsInvalidSource || ethernet.Source == Gateway.Mac)
        {
            from.Link.CountDropped();
            return;
        }

        Show(frame);
        _addresses.Learn(ethernet.Source, from, _loop.Now);
        var flooded = ethernet.Destination.IsGroup || (ethernet.Destination != Gateway.Mac && _addresses.Find(ethernet.Destination, _loop.Now) is null);
        if (flooded && !from.MayFlood(_loop.Now))
        {
            from.Link.CountDropped();
            return;
        }

        if (ethernet.Destination == Gateway.Mac || ethernet.Destination.IsGroup)
        {
            _holder = from;
            Gateway.Receive(frame);
            _holder = null;
        }

        if (ethernet.Destination != Gateway.Mac && !Forward(from, frame, ethernet.Destination)) from.Link.CountDropped();
    }

    /// <summary>One port of the switch.</summary>
    internal sealed class Port(EthernetSwitch owner, INetworkPort port, string name, MacAddress? mac)
    {
        private readonly Rules.FloodGate _floods = new(MaxFloodedPerSecond);

        public PortLink Link { get; } = new(owner._loop, port, owner.Gateway.Options.Rate, null);

        public string Name => name;

        public MacAddress? Mac => mac;

        public bool MayFlood(long now)
        {
            return _floods.TryPass(now);
        }

        public void Receive(Frame frame) => owner.Receive(this, frame);
    }
}
