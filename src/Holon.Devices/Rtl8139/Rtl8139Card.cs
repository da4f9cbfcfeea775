using System.Buffers.Binary;
using Holon.Devices.Pci;
using Holon.Devices.State;
using Holon.Memory;
using Holon.Networking;

namespace Holon.Devices.Rtl8139;

/// <summary>
/// A Realtek RTL8139C network card, for guests without virtio drivers. Source: Realtek RTL8139C(L) data sheet, revision 1.4; section
/// numbers are its own.
/// </summary>
/// <remarks>
/// Thread-safe: registers, on vCPUs' threads, and frames, on the network's, meet under one lock. Frames are copied when they are taken, so that
/// nothing holds guest memory. The timer (TCTR), wake-up and the transmit FIFO's thresholds have no effect. This part is what the driver sees;
/// <c>Rtl8139Card.Frames.cs</c> moves frames.
/// </remarks>
public sealed partial class Rtl8139Card : PciFunction, IBusDevice, INetworkCard
{
    private const ushort EepromId = 0x8129;
    private const uint VersionC = 0x7400_0000; // TCR's hardware version: an RTL8139C (§6.5)
    private const byte CommandBufferEmpty = 1, CommandTransmit = 4, CommandReceive = 8, CommandReset = 0x10;
    private const ushort ReceiveOk = 1, TransmitOk = 4, ReceiveOverflow = 0x10, LinkChanged = 0x20, InterruptBits = 0xE07F;
    private const byte Unlocked = 0xC0, EepromProgramming = 0x80;
    private const ushort BasicMode = 0x3100, BasicStatus = 0x7829, StatusLink = 4, StatusNegotiated = 0x20, Abilities = 0x01E1, PartnerAbilities = 0x45E1;

    private readonly Lock _lock = new();
    private readonly GuestMemory _memory;
    private readonly Eeprom93C46 _eeprom = new();
    private readonly byte[] _mac = new byte[8], _multicast = new byte[8];
    private readonly uint[] _sendStatus = new uint[SendSlots], _sendAddress = new uint[SendSlots];
    private volatile INetworkLink? _link;
    private uint _receiveStart, _transmitConfiguration, _receiveConfiguration;
    private ushort _readAt, _writeAt, _interruptMask, _interrupts, _basicMode;
    private byte _command, _eepromCommand, _configuration1, _configuration3, _configuration4;
    private bool _paused, _linkUp = true;

    /// <summary>Makes a card that is not plugged in.</summary>
    public Rtl8139Card(GuestMemory memory, MacAddress mac)
        : base(new PciIdentity(0x10EC, 0x8139, 0x020000, Revision: 0x10), interruptPin: 1)
    {
        _memory = memory;
        mac.Write(_mac);
        _eeprom[0] = EepromId;
        for (var i = 0; i < 3; i++) _eeprom[7 + i] = BinaryPrimitives.ReadUInt16LittleEndian(_mac.AsSpan(i * 2));
        Registers = new RegisterMap(
        [
            .. Bytes(0x00, "IDR", _mac.AsMemory(0, MacAddress.Size), () => _eepromCommand >= Unlocked),
            .. Bytes(0x08, "MAR", _multicast, () => true),
            .. Enumerable.Range(0, SendSlots).Select(slot => new Register((ushort)(0x10 + (slot * 4)), 4, $"TSD{slot}", () => _sendStatus[slot], value => StartSending(slot, (uint)value))),
            .. Enumerable.Range(0, SendSlots).Select(slot => new Register((ushort)(0x20 + (slot * 4)), 4, $"TSAD{slot}", () => _sendAddress[slot], value => _sendAddress[slot] = (uint)value)),
            new Register(0x30, 4, "RBSTART", () => _receiveStart, value => _receiveStart = (uint)value),
            new Register(0x34, 2, "ERBCR", () => 0),
            new Register(0x36, 1, "ERSR", () => 0),
            new Register(0x37, 1, "CR", () => (byte)(_command | (IsReceiveEmpty ? CommandBufferEmpty : 0)), value => SetCommand((byte)value)),
            new Register(0x38, 2, "CAPR", () => (ushort)(_readAt - ReadOffset), value => SetReadPointer((ushort)value)),
            new Register(0x3A, 2, "CBR", () => _writeAt),
            new Register(0x3C, 2, "IMR", () => _interruptMask, value => SetInterrupts(_interrupts, (ushort)value)),
            new Register(0x3E, 2, "ISR", () => _interrupts, value => SetInterrupts((ushort)(_interrupts & ~value), _interruptMask), PartialWrite.Zero),
            new Register(0x40, 4, "TCR", () => _transmitConfiguration | VersionC, value => _transmitConfiguration = (uint)value & 0x0307_07F0),
            new Register(0x44, 4, "RCR", () => _receiveConfiguration, value => _receiveConfiguration = (uint)value & 0x0F03_FFFF),
            new Register(0x48, 4, "TCTR", () => 0, _ => { }),
            new Register(0x4C, 4, "MPC", () => _missed, _ => _missed = 0),
            new Register(0x50, 1, "9346CR", ReadEepromPins, value => SetEepromCommand((byte)value)),
            new Register(0x51, 1, "CONFIG0", () => 0),
            new Register(0x52, 1, "CONFIG1", () => _configuration1, value => SetConfiguration(ref _configuration1, value)),
            new Register(0x54, 4, "TimerInt", () => 0, _ => { }),
            new Register(0x58, 1, "MSR", () => _linkUp ? 0u : 4),
            new Register(0x59, 1, "CONFIG3", () => _configuration3, value => SetConfiguration(ref _configuration3, value)),
            new Register(0x5A, 1, "CONFIG4", () => _configuration4, value => SetConfiguration(ref _configuration4, value)),
            new Register(0x5C, 2, "MULINT", () => 0, _ => { }),
            new Register(0x5E, 1, "RERID", () => 0x10),
            new Register(0x60, 2, "TSAD", SendSummary),
            new Register(0x62, 2, "BMCR", () => _basicMode, value => _basicMode = (ushort)(value & 0x3300)), // resets and restarts end at once
            new Register(0x64, 2, "BMSR", () => (ulong)(BasicStatus | (_linkUp ? StatusLink | StatusNegotiated : 0))),
            new Register(0x66, 2, "ANAR", () => Abilities, _ => { }),
            new Register(0x68, 2, "ANLPAR", () => _linkUp ? PartnerAbilities : 0u),
            new Register(0x6A, 2, "ANER", () => 1),
            new Register(0x74, 2, "CSCR", () => _linkUp ? 0x0008u : 0, _ => { }),
        ]);
        AddRegion(0, PciRegionKind.Io, 256, this);
        AddRegion(1, PciRegionKind.Memory32, 256, this);
        ResetRegisters();
    }

    /// <summary>The registers.</summary>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public void Plug(INetworkLink link) => _link = link;

    /// <inheritdoc/>
    public void SetLink(bool up)
    {
        lock (_lock)
        {
            _linkUp = up;
            SetInterrupts((ushort)(_interrupts | LinkChanged), _interruptMask);
        }

        _link?.Signal();
    }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size)
    {
        lock (_lock) return Registers.Read(offset, size);
    }

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value)
    {
        lock (_lock) Registers.Write(offset, size, value);
    }

    /// <inheritdoc/>
    public override void Pause()
    {
        lock (_lock) _paused = true; // whoever moves a frame holds the lock
    }

    /// <inheritdoc/>
    public override void Continue()
    {
        lock (_lock) _paused = false;
        _link?.Signal();
    }

    /// <inheritdoc/>
    public override void Close() => Pause();

    /// <inheritdoc/>
    public override void Reset()
    {
        lock (_lock) ResetRegisters();
        base.Reset();
    }

    /// <inheritdoc/>
    public override void Save(DeviceStateWriter writer)
    {
        base.Save(writer);
        lock (_lock)
        {
            writer.BeginSection("rtl8139", 1);
            writer.WriteBytes(_mac);
            writer.WriteBytes(_multicast);
            foreach (var value in _sendStatus) writer.Write(value);
            foreach (var value in _sendAddress) writer.Write(value);
            writer.Write(_receiveStart);
            writer.Write(_transmitConfiguration);
            writer.Write(_receiveConfiguration);
            foreach (var value in (ReadOnlySpan<ushort>)[_readAt, _writeAt, _interruptMask, _interrupts, _basicMode]) writer.Write(value);
            foreach (var value in (ReadOnlySpan<byte>)[_command, _eepromCommand, _configuration1, _configuration3, _configuration4]) writer.Write(value);
            writer.Write(_nextSlot);
            writer.EndSection();
        }
    }

    /// <inheritdoc/>
    public override void Load(DeviceStateReader reader)
    {
        base.Load(reader);
        lock (_lock)
        {
            reader.BeginSection("rtl8139", 1);
            reader.ReadBytes(_mac);
            reader.ReadBytes(_multicast);
            foreach (ref var value in _sendStatus.AsSpan()) value = reader.ReadUInt32();
            foreach (ref var value in _sendAddress.AsSpan()) value = reader.ReadUInt32();
            _receiveStart = reader.ReadUInt32();
            _transmitConfiguration = reader.ReadUInt32();
            _receiveConfiguration = reader.ReadUInt32();
            (_readAt, _writeAt, _interruptMask) = (reader.ReadUInt16(), reader.ReadUInt16(), reader.ReadUInt16());
            (_interrupts, _basicMode) = (reader.ReadUInt16(), reader.ReadUInt16());
            (_command, _eepromCommand) = (reader.ReadByte(), reader.ReadByte());
            (_configuration1, _configuration3, _configuration4) = (reader.ReadByte(), reader.ReadByte(), reader.ReadByte());
            _nextSlot = reader.ReadInt32(0, SendSlots - 1);
            reader.EndSection();
            _paused = true; // until Continue
            SetInterrupts(_interrupts, _interruptMask);
        }
    }

    private static IEnumerable<Register> Bytes(int offset, string name, Memory<byte> bytes, Func<bool> writable) =>
        Enumerable.Range(0, bytes.Length).Select(i => new Register((ushort)(offset + i), 1, $"{name}{i}", () => bytes.Span[i], value =>
        {
            if (writable()) bytes.Span[i] = (byte)value;
        }));

    private void SetCommand(byte value)
    {
        if ((value & CommandReset) != 0)
        {
            var (address, multicast) = ((byte[])_mac.Clone(), (byte[])_multicast.Clone()); // a reset by software keeps them (§6.6)
            ResetRegisters();
            address.CopyTo(_mac, 0);
            multicast.CopyTo(_multicast, 0);
            return;
        }

        _command = (byte)(value & (CommandTransmit | CommandReceive));
        _link?.Signal();
    }

    private void SetInterrupts(ushort pending, ushort mask)
    {
        (_interrupts, _interruptMask) = ((ushort)(pending & InterruptBits), (ushort)(mask & InterruptBits));
        SetInterrupt((_interrupts & _interruptMask) != 0);
    }

    private void SetConfiguration(ref byte register, ulong value)
    {
        if (_eepromCommand >= Unlocked) register = (byte)value;
    }

    private ulong ReadEepromPins() => (ulong)(_eepromCommand | (_eepromCommand >> 6 == EepromProgramming >> 6 && _eeprom.Output ? 1 : 0));

    private void SetEepromCommand(byte value)
    {
        const byte Select = 8, Clock = 4, Data = 2;
        _eepromCommand = (byte)(value & 0xCE);
        var programs = _eepromCommand >> 6 == EepromProgramming >> 6;
        _eeprom.Drive(programs && (value & Select) != 0, (value & Clock) != 0, (value & Data) != 0);
    }

    private void ResetRegisters()
    {
        for (var i = 0; i < 3; i++) BinaryPrimitives.WriteUInt16LittleEndian(_mac.AsSpan(i * 2), _eeprom[7 + i]);
        _multicast.AsSpan().Clear();
        _sendStatus.AsSpan().Fill(SendOwn); // all are the driver's
        _sendAddress.AsSpan().Clear();
        (_receiveStart, _transmitConfiguration, _receiveConfiguration, _missed) = (0, 0, 0, 0);
        (_readAt, _writeAt, _basicMode) = (0, 0, BasicMode);
        (_command, _eepromCommand, _configuration1, _configuration3, _configuration4) = (0, 0, 0, 0, 0);
        _nextSlot = 0;
        SetInterrupts(0, 0);
    }
}
