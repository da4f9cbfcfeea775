using Holon.Devices.State;
using Holon.Networking;

namespace Holon.Devices.Virtio.Net;

/// <summary>What a card is.</summary>
/// <param name="Mac">Its address.</param>
/// <param name="Mtu">The longest IP packet that its network takes.</param>
/// <param name="QueuePairs">Receive and transmit queues of each kind: one a vCPU is best.</param>
public sealed record VirtioNetOptions(MacAddress Mac, int Mtu = 1500, int QueuePairs = 1);

/// <summary>
/// A network card (virtio 1.2, §5.1). It is a port: the network that it is plugged into takes frames out of its transmit queues and puts
/// frames into its receive queues, on the network's own thread; the vCPU only says that there is something to do.
/// </summary>
/// <remarks>
/// This part is what the driver sees; <c>VirtioNet.Frames.cs</c> moves frames, <c>VirtioNet.Control.cs</c> obeys the control queue.
/// Lock order: a queue, then the filter. A frame that the network has taken is guest memory in use: <see cref="Stop"/> waits for it.
/// </remarks>
public sealed partial class VirtioNet : VirtioDevice, INetworkCard
{
    /// <summary>The device's number.</summary>
    public const ushort DeviceType = 1;

    /// <summary>The most pairs of queues.</summary>
    public const int MostPairs = 8;

    private const ushort QueueSize = 256, ControlQueueSize = 64;
    private const uint Speed = 10_000; // Mbit/s; tools show it, nothing depends on it

    private const ulong Always =
        NetFeature.Checksum | NetFeature.GuestChecksum | NetFeature.ControlGuestOffloads | NetFeature.Mtu | NetFeature.Mac
        | NetFeature.GuestTso4 | NetFeature.GuestTso6 | NetFeature.GuestEcn | NetFeature.HostTso4 | NetFeature.HostTso6 | NetFeature.HostEcn
        | NetFeature.MergeableBuffers | NetFeature.Status | NetFeature.ControlQueue | NetFeature.ControlReceive | NetFeature.ControlVlan
        | NetFeature.ControlReceiveExtra | NetFeature.GuestAnnounce | NetFeature.ControlMac | NetFeature.SpeedDuplex
        | NetFeature.GuestUso4 | NetFeature.GuestUso6 | NetFeature.HostUso;

    private readonly VirtioNetOptions _options;
    private readonly ReceiveFilter _filter;
    private readonly Lock _filterLock = new();
    private readonly FlowSteering _steering = new();
    private volatile INetworkLink? _link;
    private volatile bool _stopped = true, _linkUp = true;
    private volatile int _pairs = 1;
    private ulong _offloads; // of NetFeature.SwitchableOffloads, what is on
    private bool _announces;

    /// <summary>Makes a card that is not plugged in.</summary>
    public VirtioNet(VirtioNetOptions options)
        : base(new VirtioDescription(DeviceType, "net", 0x020000, Always | (options.QueuePairs > 1 ? NetFeature.MultiQueue : 0), QueueSizes(options.QueuePairs), NetConfiguration.Length))
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)(options.QueuePairs - 1), (uint)MostPairs - 1, nameof(options));
        _options = options;
        _filter = new ReceiveFilter(options.Mac);
        SetMacAddress(options.Mac);
        SetConfiguration(NetConfiguration.Status, 2, NetConfiguration.LinkUp);
        SetConfiguration(NetConfiguration.MaximumPairs, 2, (ulong)options.QueuePairs);
        SetConfiguration(NetConfiguration.Mtu, 2, (ulong)options.Mtu);
        SetConfiguration(NetConfiguration.Speed, 4, Speed);
        SetConfiguration(NetConfiguration.Duplex, 1, 1);
    }

    /// <summary>The card's address; a driver may change it.</summary>
    public MacAddress Mac
    {
        get
        {
            lock (_filterLock) return _filter.Own;
        }
    }

    /// <summary>True while the cable is in.</summary>
    public bool IsLinkUp => _linkUp;

    /// <inheritdoc/>
    public void Plug(INetworkLink link) => _link = link;

    /// <inheritdoc/>
    public void SetLink(bool up)
    {
        _linkUp = up;
        ChangeConfiguration(NetConfiguration.Status, 2, up ? NetConfiguration.LinkUp : 0u);
        _link?.Signal();
    }

    /// <summary>Asks the guest to tell its network where it is, after it has moved (§5.1.6.5.4).</summary>
    public void Announce()
    {
        if (!Has(NetFeature.GuestAnnounce) || !_linkUp) return;
        ChangeConfiguration(NetConfiguration.Status, 2, NetConfiguration.LinkUp | NetConfiguration.Announce);
    }

    /// <inheritdoc/>
    public override void Stop()
    {
        _stopped = true;
        foreach (var queue in Queues)
        {
            lock (queue.Lock)
            {
                // Taking it is enough: whoever takes it next sees that the device is stopped.
            }
        }

        var wait = default(SpinWait);
        while (_taken) wait.SpinOnce();
    }

    /// <inheritdoc/>
    protected override void Attached() => CreateChains();

    /// <inheritdoc/>
    protected override void Activated()
    {
        _offloads = Features & NetFeature.SwitchableOffloads;
        lock (_filterLock) _filter.FiltersVlans = Has(NetFeature.ControlVlan);
        Continued();
    }

    /// <inheritdoc/>
    protected override void Continued()
    {
        _stopped = false;
        foreach (var queue in Queues) Interrupt(queue); // for what was not told when the device stopped
        if (_announces)
        {
            _announces = false;
            Announce();
        }

        _link?.Signal();
    }

    /// <inheritdoc/>
    protected override void Notified(int queue)
    {
        if (queue == ControlIndex) ServeControl();
        else if (IsTransmit(queue) || _starved) _link?.Signal();
    }

    /// <inheritdoc/>
    protected override void WasReset()
    {
        lock (_filterLock) _filter.Reset();
        _pairs = 1;
        _offloads = 0;
        _steering.Reset();
        SetMacAddress(_options.Mac);
        SetConfiguration(NetConfiguration.Status, 2, _linkUp ? NetConfiguration.LinkUp : 0u);
    }

    /// <inheritdoc/>
    protected override void SaveState(DeviceStateWriter writer)
    {
        lock (_filterLock) _filter.Save(writer);
        writer.Write(_pairs);
        writer.Write(_offloads);
    }

    /// <inheritdoc/>
    protected override void LoadState(DeviceStateReader reader)
    {
        lock (_filterLock) _filter.Load(reader);
        SetMacAddress(Mac);
        _pairs = reader.ReadInt32(1, _options.QueuePairs);
        _offloads = reader.ReadUInt64() & Features & NetFeature.SwitchableOffloads;
        _announces = true; // whoever switches frames may know the guest at another place
    }

    private static ushort[] QueueSizes(int pairs) => [.. Enumerable.Repeat(QueueSize, pairs * 2), ControlQueueSize];

    /// <summary>The control queue is behind the pairs that the driver knows of (§5.1.2).</summary>
    private int ControlIndex => Has(NetFeature.MultiQueue) ? _options.QueuePairs * 2 : 2;

    private static bool IsTransmit(int queue) => (queue & 1) != 0;

    private void SetMacAddress(MacAddress mac)
    {
        Span<byte> bytes = stackalloc byte[MacAddress.Size];
        mac.Write(bytes);
        SetConfiguration(NetConfiguration.Mac, bytes);
    }
}
