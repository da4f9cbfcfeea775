using Holon.Devices.State;

namespace Holon.Devices.Keyboard;

/// <summary>
/// A PC's keyboard controller, an Intel 8042 with IBM's PS/2 program (IBM PS/2 Hardware Interface Technical Reference, "Keyboard and
/// auxiliary device controller"): ports 0x60 and 0x64, a keyboard and a mouse, and with them the A20 gate and the reset line, which
/// port 0x92 (82371SB §2.5.4) drives too.
/// </summary>
/// <remarks>Not thread-safe: every call, callbacks included, is made under the device's lock.</remarks>
public sealed partial class I8042 : IStatefulDevice
{
    private const byte StatusOutputFull = 0x01, StatusSystem = 0x04, StatusCommand = 0x08, StatusUnlocked = 0x10, StatusAuxiliary = 0x20;
    private const byte ModeKeyboardInterrupt = 0x01, ModeAuxiliaryInterrupt = 0x02, ModeSystem = 0x04, ModeKeyboardOff = 0x10, ModeAuxiliaryOff = 0x20, ModeTranslate = 0x40;
    private const byte OutputNotReset = 0x01, OutputA20 = 0x02, OutputIdle = 0xCC;
    private const byte FastReset = 0x01, FastA20 = 0x02;

    private readonly IInterruptLine _keyboardIrq, _auxiliaryIrq;
    private readonly Action<bool> _a20;
    private readonly Action _reset;
    private readonly Ps2Keyboard _keyboard = new();
    private readonly Ps2Mouse _mouse = new();
    private ScanCodeTranslator _translator;
    private byte _mode, _output, _outputPort, _pendingCommand, _fastControl;
    private bool _outputFull, _outputFromAuxiliary, _lastWasCommand, _a20Open = true;

    /// <summary>Makes the controller with both devices.</summary>
    /// <param name="keyboardIrq">IRQ 1.</param>
    /// <param name="auxiliaryIrq">IRQ 12.</param>
    /// <param name="a20">Called when address line 20 is opened (true) or forced low.</param>
    /// <param name="reset">Called when the guest pulses the processor's reset line. Must not block: it may only note it.</param>
    public I8042(IInterruptLine keyboardIrq, IInterruptLine auxiliaryIrq, Action<bool> a20, Action reset)
    {
        _keyboardIrq = keyboardIrq;
        _auxiliaryIrq = auxiliaryIrq;
        _a20 = a20;
        _reset = reset;
        Data = new RegisterMap(new Register(0, 1, "Data", () => ReadData(), value => WriteData((byte)value)));
        Command = new RegisterMap(new Register(0, 1, "Status, command", () => Status, value => WriteCommand((byte)value)));
        SystemControl = new RegisterMap(new Register(0, 1, "Port 92", () => _fastControl, value => WriteSystemControl((byte)value)));
        Reset();
    }

    /// <summary>Port 0x60.</summary>
    public RegisterMap Data { get; }

    /// <summary>Port 0x64.</summary>
    public RegisterMap Command { get; }

    /// <summary>Port 0x92.</summary>
    public RegisterMap SystemControl { get; }

    /// <summary>The keyboard's lights: bit 0 scroll lock, 1 number lock, 2 capitals lock.</summary>
    public byte Leds => _keyboard.Leds;

    private byte Status => (byte)(StatusUnlocked | (_mode & ModeSystem) | (_lastWasCommand ? StatusCommand : 0)
        | (_outputFull ? StatusOutputFull : 0) | (_outputFull && _outputFromAuxiliary ? StatusAuxiliary : 0));

    /// <summary>Types: hands the keyboard's scan codes (set 2, prefixes included) to the guest.</summary>
    /// <returns>False when the keyboard's queue has no room for all of them, or the guest does not listen: then none were taken.</returns>
    public bool Type(ReadOnlySpan<byte> scanCodes)
    {
        if (!_keyboard.Reporting || scanCodes.Length > _keyboard.Room) return false;
        foreach (var code in scanCodes) _keyboard.Queue(code);
        Fill();
        return true;
    }

    /// <summary>Moves the mouse.</summary>
    /// <param name="right">Steps to the right.</param>
    /// <param name="up">Steps upwards.</param>
    /// <param name="buttons">Pressed buttons: bit 0 left, 1 right, 2 middle.</param>
    public void MoveMouse(int right, int up, byte buttons)
    {
        _mouse.Move(right, up, buttons);
        Fill();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _keyboard.Reset();
        _mouse.Reset();
        _translator = default;
        _mode = ModeKeyboardInterrupt | ModeAuxiliaryInterrupt | ModeTranslate;
        _outputPort = OutputIdle | OutputNotReset | OutputA20;
        _fastControl = 0;
        _pendingCommand = 0;
        _outputFull = _lastWasCommand = false;
        UpdateInterrupts();
        UpdateA20();
    }

    private byte ReadData()
    {
        var value = _output;
        if (_outputFull)
        {
            _outputFull = false;
            UpdateInterrupts(); // the lines fall between two bytes: each is an edge
            Fill();
        }

        return value;
    }

    private void WriteSystemControl(byte value)
    {
        var resets = (value & ~_fastControl & FastReset) != 0;
        _fastControl = (byte)(value & (FastReset | FastA20));
        UpdateA20();
        if (resets) _reset();
    }

    /// <summary>Moves a byte from a device to the output buffer when that is free. The keyboard goes first.</summary>
    private void Fill()
    {
        while (!_outputFull && (_mode & ModeKeyboardOff) == 0 && _keyboard.TryTake(out var code))
        {
            if ((_mode & ModeTranslate) != 0 && !_translator.TryTranslate(code, out code)) continue;
            Output(code, auxiliary: false);
        }

        if (!_outputFull && (_mode & ModeAuxiliaryOff) == 0 && _mouse.TryTake(out var value)) Output(value, auxiliary: true);
    }

    private void Output(byte value, bool auxiliary)
    {
        _output = value;
        _outputFromAuxiliary = auxiliary;
        _outputFull = false;
        UpdateInterrupts();
        _outputFull = true;
        UpdateInterrupts();
    }

    private void UpdateInterrupts()
    {
        _keyboardIrq.Set(_outputFull && !_outputFromAuxiliary && (_mode & ModeKeyboardInterrupt) != 0);
        _auxiliaryIrq.Set(_outputFull && _outputFromAuxiliary && (_mode & ModeAuxiliaryInterrupt) != 0);
    }

    /// <summary>The gate is open when either the controller or port 0x92 opens it.</summary>
    private void UpdateA20()
    {
        var open = (_outputPort & OutputA20) != 0 || (_fastControl & FastA20) != 0;
        if (open == _a20Open) return;
        _a20Open = open;
        _a20(open);
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("i8042", 1);
        _keyboard.Save(writer);
        _mouse.Save(writer);
        writer.WriteBytes([_mode, _output, _outputPort, _pendingCommand, _fastControl]);
        foreach (var flag in (ReadOnlySpan<bool>)[_translator.Released, _outputFull, _outputFromAuxiliary, _lastWasCommand]) writer.Write(flag);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("i8042", 1);
        _keyboard.Load(reader);
        _mouse.Load(reader);
        _mode = reader.ReadByte();
        _output = reader.ReadByte();
        _outputPort = (byte)(reader.ReadByte() | OutputNotReset);
        _pendingCommand = reader.ReadByte();
        _fastControl = (byte)(reader.ReadByte() & (FastReset | FastA20));
        _translator.Released = reader.ReadBoolean();
        _outputFull = reader.ReadBoolean();
        _outputFromAuxiliary = reader.ReadBoolean();
        _lastWasCommand = reader.ReadBoolean();
        reader.EndSection();
        UpdateInterrupts();
        UpdateA20();
    }
}
