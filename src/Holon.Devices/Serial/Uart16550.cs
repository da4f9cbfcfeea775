using Holon.Devices.State;

namespace Holon.Devices.Serial;

/// <summary>
/// A serial port with a PC16550D (National Semiconductor data sheet, 1995), wired as on a PC: OUT2 opens the interrupt.
/// Bytes the guest sends leave at once, whatever the baud rate; bytes for it enter through <see cref="Receive"/>.
/// </summary>
/// <remarks>Not thread-safe: every call is made under the device's lock.</remarks>
public sealed partial class Uart16550 : IBusDevice, IStatefulDevice
{
    /// <summary>Receive FIFO depth in bytes, as on the chip. A guest that never reads cannot make us hold more.</summary>
    public const int FifoDepth = 16;

    private const byte InterruptData = 1, InterruptTransmitterEmpty = 2, InterruptLine = 4, InterruptModem = 8; // IER
    private const byte IdNone = 1, IdModem = 0, IdTransmitterEmpty = 2, IdData = 4, IdLine = 6, IdTimeout = 0x0C; // IIR
    private const byte LineDataReady = 1, LineOverrun = 2, LineBreak = 0x10, LineTransmitterEmpty = 0x60, LineErrors = LineOverrun | LineBreak; // LSR
    private const byte ModemDataTerminalReady = 1, ModemRequestToSend = 2, ModemOut2 = 8, ModemLoop = 0x10; // MCR
    private const byte Connected = 0xB0; // MSR: data carrier detect, data set ready, clear to send

    private readonly IInterruptLine _irq;
    private readonly Action<byte> _transmit;
    private readonly byte[] _fifo = new byte[FifoDepth];
    private byte _fifoHead, _fifoCount;
    private byte _interruptEnable, _lineControl, _modemControl, _scratch, _lineErrors, _modemStatus = Connected;
    private byte _trigger = 1;
    private ushort _divisor = 12; // 9600 baud; the rate itself is not modelled, guests only read it back
    private bool _fifoEnabled, _transmitterEmptyPending, _refused;

    /// <summary>Makes the port.</summary>
    /// <param name="irq">IRQ 4 for COM1, 3 for COM2.</param>
    /// <param name="transmit">Takes each byte that the guest sends, under the device's lock. Must not block.</param>
    public Uart16550(IInterruptLine irq, Action<byte> transmit)
    {
        _irq = irq;
        _transmit = transmit;
        Registers = new RegisterMap(
            new Register(0, 1, "RBR/THR/DLL", () => ReadData(), value => WriteData((byte)value)),
            new Register(1, 1, "IER/DLM", () => DivisorLatch ? (byte)(_divisor >> 8) : _interruptEnable, value => WriteInterruptEnable((byte)value)),
            new Register(2, 1, "IIR/FCR", () => ReadInterruptId(), value => WriteFifoControl((byte)value)),
            new Register(3, 1, "LCR", () => _lineControl, value => WriteLineControl((byte)value)),
            new Register(4, 1, "MCR", () => _modemControl, value => WriteModemControl((byte)value)),
            new Register(5, 1, "LSR", () => ReadLineStatus()),
            new Register(6, 1, "MSR", () => ReadModemStatus()),
            new Register(7, 1, "SCR", () => _scratch, value => _scratch = (byte)value));
    }

    /// <summary>The eight ports.</summary>
    public RegisterMap Registers { get; }

    /// <summary>Called, under the device's lock, when the guest made room after <see cref="Receive"/> took less than it was given. Must not block.</summary>
    public Action? RoomAvailable { get; set; }

    private bool DivisorLatch => (_lineControl & 0x80) != 0;

    private bool Loopback => (_modemControl & ModemLoop) != 0;

    /// <summary>
    /// The guest is ready but withdraws its request to send: hardware flow control, which the other side obeys. Linux does so when its
    /// buffers are full, and loses what comes all the same. Guests that never set either signal want their input nevertheless.
    /// </summary>
    private bool IsHeld => (_modemControl & (ModemDataTerminalReady | ModemRequestToSend)) == ModemDataTerminalReady;

    private int Capacity => _fifoEnabled ? FifoDepth : 1;

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);

    /// <summary>Hands bytes to the guest.</summary>
    /// <returns>How many fitted; for the rest wait for <see cref="RoomAvailable"/>.</returns>
    public int Receive(ReadOnlySpan<byte> bytes)
    {
        var taken = Loopback || IsHeld ? 0 : Math.Min(bytes.Length, Capacity - _fifoCount); // in loopback mode the input is disconnected
        foreach (var value in bytes[..taken]) Enqueue(value);
        _refused |= taken < bytes.Length;
        if (taken > 0) UpdateInterrupt();
        return taken;
    }

    /// <summary>Signals a break condition to the guest; with a terminal's SysRq convention the next byte is a command.</summary>
    public void ReceiveBreak()
    {
        if (Loopback) return;
        if (_fifoCount < Capacity) Enqueue(0);
        _lineErrors |= LineBreak;
        UpdateInterrupt();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _fifoHead = _fifoCount = 0;
        _interruptEnable = _lineControl = _modemControl = _scratch = _lineErrors = 0;
        _modemStatus = Connected;
        _trigger = 1;
        _divisor = 12;
        _fifoEnabled = _transmitterEmptyPending = false;
        UpdateInterrupt();
        OfferRoom();
    }

    private byte ReadData()
    {
        if (DivisorLatch) return (byte)_divisor;
        if (_fifoCount == 0) return 0;
        var value = _fifo[_fifoHead];
        _fifoHead = (byte)((_fifoHead + 1) % FifoDepth);
        _fifoCount--;
        UpdateInterrupt();
        OfferRoom();
        return value;
    }

    private void WriteData(byte value)
    {
        if (DivisorLatch)
        {
            _divisor = (ushort)((_divisor & 0xFF00) | value);
            return;
        }

        if (Loopback) LoopBack(value);
        else _transmit(value);
        _transmitterEmptyPending = true; // it has left already: the transmitter is empty anew
        UpdateInterrupt();
    }

    private void LoopBack(byte value)
    {
        if (_fifoCount < Capacity) Enqueue(value);
        else _lineErrors |= LineOverrun;
    }

    private void WriteInterruptEnable(byte value)
    {
        if (DivisorLatch)
        {
            _divisor = (ushort)((_divisor & 0x00FF) | (value << 8));
            return;
        }

        // Enabling it while the transmitter is empty raises it at once; Linux's probe relies on that.
        if ((value & InterruptTransmitterEmpty) != 0 && (_interruptEnable & InterruptTransmitterEmpty) == 0) _transmitterEmptyPending = true;
        _interruptEnable = (byte)(value & 0x0F);
        UpdateInterrupt();
    }

    private byte ReadInterruptId()
    {
        var id = PendingId();
        if (id == IdTransmitterEmpty)
        {
            _transmitterEmptyPending = false; // table V: reading IIR resets this source only
            UpdateInterrupt();
        }

        return (byte)((_fifoEnabled ? 0xC0 : 0) | id);
    }

    private void WriteFifoControl(byte value)
    {
        var enable = (value & 1) != 0;
        if (enable != _fifoEnabled || (enable && (value & 2) != 0)) _fifoCount = 0; // changing the mode empties the FIFO too
        _fifoEnabled = enable;
        _trigger = !enable ? (byte)1 : (value >> 6) switch { 0 => (byte)1, 1 => (byte)4, 2 => (byte)8, _ => (byte)14 };
        UpdateInterrupt();
        OfferRoom();
    }

    private void WriteLineControl(byte value)
    {
        var breakBegins = (value & ~_lineControl & 0x40) != 0;
        _lineControl = value;
        if (!breakBegins || !Loopback) return;
        LoopBack(0);
        _lineErrors |= LineBreak;
        UpdateInterrupt();
    }

    private void WriteModemControl(byte value)
    {
        _modemControl = (byte)(value & 0x1F);

        // In loopback mode the four outputs are the inputs: DTR→DSR, RTS→CTS, OUT1→RI, OUT2→DCD ("Modem control register", bit 4).
        var inputs = Loopback ? ((value & 1) << 5) | ((value & 2) << 3) | ((value & 4) << 4) | ((value & 8) << 4) : Connected;
        var changed = (_modemStatus ^ inputs) >> 4;
        var ringEnded = (_modemStatus & ~inputs & 0x40) != 0;
        _modemStatus = (byte)(inputs | (_modemStatus & 0x0F) | (changed & 0x0B) | (ringEnded ? 0x04 : 0));
        UpdateInterrupt();
        OfferRoom();
    }

    private byte ReadLineStatus()
    {
        var status = (byte)(LineTransmitterEmpty | (_fifoCount > 0 ? LineDataReady : 0) | _lineErrors);
        if (_fifoEnabled && (_lineErrors & LineBreak) != 0) status |= 0x80; // an error is somewhere in the FIFO
        _lineErrors = 0;
        UpdateInterrupt();
        return status;
    }

    private byte ReadModemStatus()
    {
        var status = _modemStatus;
        _modemStatus &= 0xF0; // reading resets the four deltas
        UpdateInterrupt();
        return status;
    }

    private void Enqueue(byte value) => _fifo[(_fifoHead + _fifoCount++) % FifoDepth] = value;

    private void OfferRoom()
    {
        if (!_refused || _fifoCount > 0 || Loopback || IsHeld) return;
        _refused = false;
        RoomAvailable?.Invoke();
    }

    /// <summary>The source with the highest priority (table V). Bytes below the trigger level time out at once: no more are on the wire.</summary>
    private byte PendingId()
    {
        if ((_interruptEnable & InterruptLine) != 0 && (_lineErrors & LineErrors) != 0) return IdLine;
        if ((_interruptEnable & InterruptData) != 0 && _fifoCount > 0) return _fifoCount >= _trigger ? IdData : IdTimeout;
        if ((_interruptEnable & InterruptTransmitterEmpty) != 0 && _transmitterEmptyPending) return IdTransmitterEmpty;
        return (_interruptEnable & InterruptModem) != 0 && (_modemStatus & 0x0F) != 0 ? IdModem : IdNone;
    }

    /// <summary>OUT2 opens the interrupt on a PC; in loopback mode that pin is inactive.</summary>
    private void UpdateInterrupt() => _irq.Set(PendingId() != IdNone && (_modemControl & (ModemOut2 | ModemLoop)) == ModemOut2);
}
