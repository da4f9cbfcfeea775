namespace Holon.Devices.Keyboard;

/// <summary>The controller's own commands, written to port 0x64.</summary>
public sealed partial class I8042
{
    private const byte ReadMode = 0x20, WriteMode = 0x60, DisableAuxiliary = 0xA7, EnableAuxiliary = 0xA8, TestAuxiliary = 0xA9, SelfTest = 0xAA, TestKeyboard = 0xAB,
        DisableKeyboard = 0xAD, EnableKeyboard = 0xAE, ReadInputPort = 0xC0, ReadOutputPort = 0xD0, WriteOutputPort = 0xD1, WriteKeyboardOutput = 0xD2,
        WriteAuxiliaryOutput = 0xD3, WriteAuxiliary = 0xD4, ReadTestInputs = 0xE0, PulseOutputPort = 0xF0;

    private void WriteCommand(byte command)
    {
        _lastWasCommand = true;
        _pendingCommand = 0;
        switch (command)
        {
            case ReadMode:
                Output(_mode, auxiliary: false);
                break;
            case WriteMode or WriteOutputPort or WriteKeyboardOutput or WriteAuxiliaryOutput or WriteAuxiliary:
                _pendingCommand = command;
                break;
            case SelfTest:
                _mode |= ModeSystem;
                Output(0x55, auxiliary: false);
                break;
            case TestAuxiliary or TestKeyboard or ReadTestInputs:
                Output(0, auxiliary: false);
                break;
            case DisableAuxiliary:
                SetMode((byte)(_mode | ModeAuxiliaryOff));
                break;
            case EnableAuxiliary:
                SetMode((byte)(_mode & ~ModeAuxiliaryOff));
                break;
            case DisableKeyboard:
                SetMode((byte)(_mode | ModeKeyboardOff));
                break;
            case EnableKeyboard:
                SetMode((byte)(_mode & ~ModeKeyboardOff));
                break;
            case ReadInputPort:
                Output(0x80, auxiliary: false); // keyboard not locked
                break;
            case ReadOutputPort:
                Output(_outputPort, auxiliary: false);
                break;
            case >= PulseOutputPort when (command & OutputNotReset) == 0: // the low bits name lines to be pulled low for 6 µs
                _reset();
                break;
        }
    }

    /// <summary>A byte to port 0x60: a command's parameter, or for the keyboard.</summary>
    private void WriteData(byte value)
    {
        _lastWasCommand = false;
        var command = _pendingCommand;
        _pendingCommand = 0;
        switch (command)
        {
            case WriteMode:
                SetMode(value);
                break;
            case WriteOutputPort:
                _outputPort = (byte)(value | OutputNotReset);
                UpdateA20();
                if ((value & OutputNotReset) == 0) _reset();
                break;
            case WriteKeyboardOutput:
                Output(value, auxiliary: false);
                break;
            case WriteAuxiliaryOutput:
                Output(value, auxiliary: true);
                break;
            case WriteAuxiliary:
                _mode &= unchecked((byte)~ModeAuxiliaryOff); // talking to a device opens its clock line
                _mouse.Write(value);
                Fill();
                break;
            default:
                _mode &= unchecked((byte)~ModeKeyboardOff);
                _keyboard.Write(value);
                Fill();
                break;
        }
    }

    private void SetMode(byte mode)
    {
        _mode = mode;
        UpdateInterrupts();
        Fill();
    }
}
