using System.Buffers.Binary;
using System.Text;
using Holon.Devices.State;
using Holon.Devices.Virtio.Queues;

namespace Holon.Devices.Virtio.Consoles;

/// <summary>Takes what a guest writes to a port. Called on a vCPU's thread, under a queue's lock: it must not wait.</summary>
public delegate void ConsoleOutput(ReadOnlySpan<byte> data);

/// <summary>A port of a console device.</summary>
/// <param name="Output">Where the guest's output goes.</param>
/// <param name="Name">The name under which the guest finds it in /dev/virtio-ports; null for a terminal.</param>
public sealed record ConsolePort(ConsoleOutput Output, string? Name = null);

/// <summary>Terminals and named byte channels (virtio 1.2, §5.3).</summary>
/// <remarks>
/// Port 0 has queues 0 and 1; queues 2 and 3 carry control messages; the other ports follow. Input waits in the sender's hands while the
/// guest has given no buffers: <see cref="Send"/> says how much it took.
/// </remarks>
public sealed class VirtioConsole : VirtioDevice
{
    /// <summary>The device's number.</summary>
    public const ushort DeviceType = 3;

    /// <summary>The most ports.</summary>
    public const int MostPorts = 16;

    private const ulong SizeFeature = 1 << 0, MultiportFeature = 1 << 1, EmergencyFeature = 1 << 2;
    private const int ColumnsField = 0, RowsField = 2, MaxPortsField = 4, EmergencyField = 8, ConfigurationLength = 12;
    private const ushort QueueSize = 64;
    private const int ControlReceive = 2, ControlTransmit = 3, ControlLength = 8, MostOutput = 4096;
    private const ushort DeviceReady = 0, DeviceAdd = 1, PortReady = 3, ConsolePortMessage = 4, Resize = 5, PortOpen = 6, PortName = 7; // §5.3.6.2

    private readonly ConsolePort[] _ports;
    private readonly PortState[] _states;
    private readonly Queue<byte[]> _control = new(); // guarded by the control queue's lock; bounded by what the driver asks
    private readonly Func<DescriptorChain, uint>[] _transmit;
    private DescriptorChain[] _chains = [];
    private ushort _columns, _rows;

    /// <summary>Makes the device.</summary>
    /// <param name="ports">Its ports; the first is what a driver without multiport support gets.</param>
    public VirtioConsole(params IReadOnlyList<ConsolePort> ports)
        : base(new VirtioDescription(DeviceType, "console", 0x078000, SizeFeature | MultiportFeature | EmergencyFeature, [.. Enumerable.Repeat(QueueSize, (ports.Count + 1) * 2)], ConfigurationLength))
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)(ports.Count - 1), (uint)MostPorts - 1, nameof(ports));
        _ports = [.. ports];
        _states = [.. ports.Select(_ => new PortState())];
        _transmit = [.. ports.Select(port => new Func<DescriptorChain, uint>(chain => Transmit(port, chain)))];
        SetConfiguration(MaxPortsField, 4, (ulong)ports.Count);
    }

    /// <summary>Called, under a queue's lock, when a port may take input that it did not take before.</summary>
    public Action<int>? InputWanted { get; set; }

    /// <summary>Tells the guest the size of the first port's terminal.</summary>
    public void SetSize(ushort columns, ushort rows)
    {
        (_columns, _rows) = (columns, rows);
        SetConfiguration(ColumnsField, 2, columns);
        ChangeConfiguration(RowsField, 2, rows);
        if (IsActive && Has(MultiportFeature)) SendSize();
    }

    /// <summary>Gives bytes to a port.</summary>
    /// <returns>How many it took; the rest is to be offered again when <see cref="InputWanted"/> says so.</returns>
    public int Send(int port, ReadOnlySpan<byte> data)
    {
        var queue = Queue(ReceiveQueue(port));
        var sent = 0;
        lock (queue.Lock)
        {
            if (!IsActive || (Has(MultiportFeature) && !_states[port].GuestOpen)) return 0;
            var chain = _chains[queue.Index];
            try
            {
                while (sent < data.Length && queue.TryTake(chain))
                {
                    var count = chain.Write(0, data[sent..]);
                    queue.Return(chain, (uint)count);
                    sent += count;
                }

                if (sent < data.Length) queue.EnableNotifications();
            }
            catch (VirtioDriverException exception)
            {
                Transport.Break(exception.Message);
            }

            queue.Interrupt();
        }

        return sent;
    }

    /// <summary>Says whether somebody is at the host's end of a port.</summary>
    public void SetOpen(int port, bool open)
    {
        _states[port].HostOpen = open;
        if (IsActive && Has(MultiportFeature)) SendControl((uint)port, PortOpen, open ? (ushort)1 : (ushort)0);
    }

    /// <inheritdoc/>
    protected override void Attached() => _chains = [.. Queues.Select(queue => queue.CreateChain())];

    /// <inheritdoc/>
    protected override void Notified(int queue)
    {
        switch (queue)
        {
            case ControlReceive:
                SendWaitingControl();
                break;
            case ControlTransmit:
                ServeAll(Queue(queue), _chains[queue], TakeControl);
                break;
            default:
                var port = PortOf(queue);
                if (queue == ReceiveQueue(port)) InputWanted?.Invoke(port);
                else ServeAll(Queue(queue), _chains[queue], _transmit[port]);
                break;
        }
    }

    /// <inheritdoc/>
    protected override void ConfigurationWritten(int offset, int size, ulong value)
    {
        // Emergency write: output before anything is set up (§5.3.4).
        if (offset == EmergencyField) _ports[0].Output([(byte)value]);
    }

    /// <inheritdoc/>
    protected override void WasReset()
    {
        _control.Clear();
        foreach (var state in _states) state.GuestOpen = false;
    }

    /// <inheritdoc/>
    protected override void SaveState(DeviceStateWriter writer)
    {
        writer.Write(_columns);
        writer.Write(_rows);
        foreach (var state in _states) writer.Write(state.GuestOpen);
    }

    /// <inheritdoc/>
    protected override void LoadState(DeviceStateReader reader)
    {
        (_columns, _rows) = (reader.ReadUInt16(), reader.ReadUInt16());
        SetConfiguration(ColumnsField, 2, _columns);
        SetConfiguration(RowsField, 2, _rows);
        foreach (var state in _states) state.GuestOpen = reader.ReadBoolean();
    }

    private static int ReceiveQueue(int port) => port == 0 ? 0 : (port + 1) * 2;

    private static int PortOf(int queue) => queue < 2 ? 0 : (queue / 2) - 1;

    private uint Transmit(ConsolePort port, DescriptorChain chain)
    {
        Span<byte> buffer = stackalloc byte[MostOutput];
        for (var done = 0L; done < chain.ReadableLength;)
        {
            var count = chain.Read(done, buffer);
            port.Output(buffer[..count]);
            done += count;
        }

        return 0;
    }

    /// <summary>A control message from the driver.</summary>
    private uint TakeControl(DescriptorChain chain)
    {
        Span<byte> message = stackalloc byte[ControlLength];
        if (chain.Read(0, message) < ControlLength) return 0;
        var port = BinaryPrimitives.ReadUInt32LittleEndian(message);
        var value = BinaryPrimitives.ReadUInt16LittleEndian(message[6..]);
        switch (BinaryPrimitives.ReadUInt16LittleEndian(message[4..]))
        {
            case DeviceReady when value == 1:
                for (var i = 0u; i < _ports.Length; i++) SendControl(i, DeviceAdd, 0);
                break;
            case PortReady when value == 1 && port < _ports.Length:
                Announce(port);
                break;
            case PortOpen when port < _ports.Length:
                _states[port].GuestOpen = value != 0;
                if (value != 0) InputWanted?.Invoke((int)port);
                break;
        }

        return 0;
    }

    private void Announce(uint port)
    {
        if (_ports[port].Name is { } name)
        {
            SendControl(port, PortName, 1, Encoding.UTF8.GetBytes(name));
        }
        else
        {
            SendControl(port, ConsolePortMessage, 1);
            if (port == 0 && _rows > 0) SendSize();
        }

        if (_states[port].HostOpen || _ports[port].Name is null) SendControl(port, PortOpen, 1);
    }

    private void SendSize()
    {
        var size = new byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(size, _rows); // in this order, which differs from the configuration's
        BinaryPrimitives.WriteUInt16LittleEndian(size.AsSpan(2), _columns);
        SendControl(0, Resize, 0, size);
    }

    private void SendControl(uint port, ushort what, ushort value, ReadOnlySpan<byte> more = default)
    {
        var message = new byte[ControlLength + more.Length]; // rare: when ports come, open and change
        BinaryPrimitives.WriteUInt32LittleEndian(message, port);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(4), what);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(6), value);
        more.CopyTo(message.AsSpan(ControlLength));
        lock (Queue(ControlReceive).Lock)
        {
            if (_control.Count < MostPorts * 8) _control.Enqueue(message); // a driver that asks and never listens loses answers
        }

        SendWaitingControl();
    }

    private void SendWaitingControl()
    {
        var queue = Queue(ControlReceive);
        lock (queue.Lock)
        {
            try
            {
                while (_control.Count > 0)
                {
                    if (!queue.TryTake(_chains[ControlReceive]))
                    {
                        if (!queue.EnableNotifications()) break;
                        continue;
                    }

                    queue.Return(_chains[ControlReceive], (uint)_chains[ControlReceive].Write(0, _control.Dequeue()));
                }
            }
            catch (VirtioDriverException exception)
            {
                Transport.Break(exception.Message);
            }

            queue.Interrupt();
        }
    }

    private sealed class PortState
    {
        public volatile bool GuestOpen, HostOpen;
    }
}
