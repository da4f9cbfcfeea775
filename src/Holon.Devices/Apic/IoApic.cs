using Holon.Devices.State;

namespace Holon.Devices.Apic;

/// <summary>
/// An I/O APIC: 24 inputs turned into messages (Intel 82093AA data sheet 290566), with the EOI register of version 0x20
/// (ICH9 data sheet §13.5). Its page is mapped at 0xFEC00000.
/// </summary>
/// <remarks>Thread-safe with a lock of its own, never held while calling out; the board needs none around it.</remarks>
public sealed class IoApic : IBusDevice, IStatefulDevice, IWiredOr
{
    /// <summary>Inputs.</summary>
    public const int PinCount = 24;

    /// <summary>Where the first I/O APIC of a PC is.</summary>
    public const ulong DefaultAddress = 0xFEC0_0000;

    /// <summary>Bytes that its page takes.</summary>
    public const int MmioLength = 4096;

    // Fields of a redirection table entry (§3.2.4).
    private const ulong EntryRemoteIrr = 1 << 14, EntryLevel = 1 << 15, EntryMasked = 1 << 16, EntryReadOnly = EntryRemoteIrr | (1 << 12),
        EntryWritable = 0xFF00_0000_0001_AFFF;

    private const byte RegId = 0, RegVersion = 1, RegArbitration = 2, RegTable = 0x10;
    private const uint Version = 0x20 | ((PinCount - 1) << 16);

    private readonly Lock _lock = new();
    private readonly ApicBus _bus;
    private readonly ulong[] _table = new ulong[PinCount];
    private readonly int[] _drivers = new int[PinCount];
    private uint _id, _levels;
    private byte _select;

    /// <summary>Makes an I/O APIC and joins the bus with it.</summary>
    public IoApic(ApicBus bus)
    {
        _bus = bus;
        Registers = new RegisterMap(
            new Register(0x00, 4, "IOREGSEL", () => _select, value => _select = (byte)value),
            new Register(0x10, 4, "IOWIN", () => ReadSelected(), value => WriteSelected((uint)value)),
            new Register(0x40, 4, "EOI", null, value => EndOfInterrupt((byte)value)));
        Reset();
        bus.Join(this);
    }

    /// <summary>The registers that are mapped directly; the others are reached through IOREGSEL.</summary>
    public RegisterMap Registers { get; }

    /// <summary>Connects one more device to an input. Several on one input are OR-ed.</summary>
    public IInterruptLine CreateLine(int pin)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)pin, (uint)PinCount, nameof(pin));
        return new WiredOrInput(this, pin);
    }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _id = 0;
            _select = 0;
            _table.AsSpan().Fill(EntryMasked);
        }
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        lock (_lock)
        {
            writer.BeginSection("io-apic", 1);
            writer.Write(_id);
            writer.Write(_levels);
            writer.Write(_select);
            foreach (var entry in _table) writer.Write(entry);
            writer.EndSection();
        }
    }

    /// <summary>Takes saved state into a freshly made I/O APIC; devices loaded later drive their lines again, which makes no new edges.</summary>
    public void Load(DeviceStateReader reader)
    {
        lock (_lock)
        {
            reader.BeginSection("io-apic", 1);
            _id = reader.ReadUInt32() & 0x0F00_0000;
            _levels = reader.ReadUInt32() & ((1u << PinCount) - 1);
            _select = reader.ReadByte();
            for (var pin = 0; pin < PinCount; pin++) _table[pin] = reader.ReadUInt64() & (EntryWritable | EntryReadOnly);
            reader.EndSection();
        }
    }

    /// <summary>Ends level-triggered interrupts of a vector: written to the EOI register or broadcast by a local APIC.</summary>
    internal void EndOfInterrupt(byte vector)
    {
        for (var pin = 0; pin < PinCount; pin++)
        {
            lock (_lock)
            {
                if ((byte)_table[pin] != vector || (_table[pin] & EntryRemoteIrr) == 0) continue;
                _table[pin] &= ~EntryRemoteIrr;
            }

            ServeLevel(pin); // still asserted: ask again
        }
    }

    void IWiredOr.Drive(WiredOrInput input, bool asserted)
    {
        var pin = input.Pin;
        ApicMessage? edge = null;
        lock (_lock)
        {
            if (input.Asserted == asserted) return;
            input.Asserted = asserted;
            _drivers[pin] += asserted ? 1 : -1;
            var bit = 1u << pin;
            var rises = _drivers[pin] > 0 && (_levels & bit) == 0;
            _levels = _drivers[pin] > 0 ? _levels | bit : _levels & ~bit;
            if (!rises) return;

            // An edge on a masked pin is lost (§3.2.4, interrupt mask).
            if (!IsLevel(_table[pin]) && (_table[pin] & EntryMasked) == 0) edge = Message(_table[pin]);
        }

        if (edge is { } message) _bus.Deliver(message);
        else ServeLevel(pin);
    }

    /// <summary>Level triggering exists for interrupts with a vector of their own; the other modes are always edges (§3.2.4).</summary>
    private static bool IsLevel(ulong entry) => (entry & EntryLevel) != 0 && ((entry >> 8) & 7) <= (ulong)DeliveryMode.LowestPriority;

    private static ApicMessage Message(ulong entry)
    {
        var logical = (entry & 0x800) != 0;
        return new ApicMessage(ApicMessage.Widen((byte)(entry >> 56), logical), logical, (DeliveryMode)((entry >> 8) & 7), (byte)entry, IsLevel(entry));
    }

    /// <summary>Sends a level-triggered pin's message when it is asserted, open, and not already being served.</summary>
    private void ServeLevel(int pin)
    {
        ApicMessage message;
        lock (_lock)
        {
            var entry = _table[pin];
            if (!IsLevel(entry) || (entry & (EntryMasked | EntryRemoteIrr)) != 0 || (_levels & (1u << pin)) == 0) return;
            _table[pin] = entry | EntryRemoteIrr; // before it is sent: its end may come at once
            message = Message(entry);
        }

        if (_bus.Deliver(message)) return;
        lock (_lock) _table[pin] &= ~EntryRemoteIrr; // nobody took it, so nobody will end it
    }

    private uint ReadSelected()
    {
        lock (_lock)
        {
            return _select switch
            {
                RegId or RegArbitration => _id,
                RegVersion => Version,
                >= RegTable and < RegTable + (PinCount * 2) => (uint)(_table[(_select - RegTable) / 2] >> ((_select & 1) * 32)),
                _ => uint.MaxValue,
            };
        }
    }

    private void WriteSelected(uint value)
    {
        int pin;
        lock (_lock)
        {
            if (_select == RegId) _id = value & 0x0F00_0000;
            if (_select is < RegTable or >= RegTable + (PinCount * 2)) return;
            pin = (_select - RegTable) / 2;
            var entry = _table[pin];
            var written = (_select & 1) == 0 ? (entry & 0xFFFF_FFFF_0000_0000) | value : (entry & 0xFFFF_FFFF) | ((ulong)value << 32);
            _table[pin] = (written & EntryWritable) | (entry & EntryReadOnly);

            // Operating systems switch a pin to edge and back to forget an unfinished interrupt.
            if (!IsLevel(_table[pin])) _table[pin] &= ~EntryRemoteIrr;
        }

        ServeLevel(pin);
    }
}
