using Holon.Devices.State;

namespace Holon.Devices.Keyboard;

/// <summary>A PS/2 keyboard with 101 keys.</summary>
internal sealed class Ps2Keyboard : Ps2Device
{
    private const byte SetLeds = 0xED, Echo = 0xEE, ScanCodeSet = 0xF0, Identify = 0xF2, SetRate = 0xF3, Enable = 0xF4, Disable = 0xF5, SetDefaults = 0xF6, ResetCommand = 0xFF;

    private byte _leds, _scanCodeSet = 2;

    /// <summary>Bit 0 scroll lock, 1 number lock, 2 capitals lock.</summary>
    public byte Leds => _leds;

    public override void Reset()
    {
        base.Reset();
        Reporting = true;
        _leds = 0;
        _scanCodeSet = 2;
    }

    public override void Save(DeviceStateWriter writer)
    {
        base.Save(writer);
        writer.Write(_leds);
        writer.Write(_scanCodeSet);
    }

    public override void Load(DeviceStateReader reader)
    {
        base.Load(reader);
        _leds = reader.ReadByte(7);
        _scanCodeSet = reader.ReadByte(3);
    }

    protected override void WriteCommand(byte command)
    {
        switch (command)
        {
            case ResetCommand:
                Reset();
                Queue(Acknowledge);
                Queue(SelfTestPassed);
                break;
            case Echo:
                Queue(Echo);
                break;
            case Identify:
                Queue(Acknowledge);
                Queue(0xAB);
                Queue(0x83);
                break;
            case SetLeds or ScanCodeSet or SetRate:
                PendingCommand = command;
                Queue(Acknowledge);
                break;
            case Enable:
                Reporting = true;
                Queue(Acknowledge);
                break;
            case Disable or SetDefaults:
                Reporting = command == SetDefaults;
                _scanCodeSet = 2;
                Queue(Acknowledge);
                break;
            default:
                Queue(Resend);
                break;
        }
    }

    protected override void WriteParameter(byte command, byte value)
    {
        Queue(Acknowledge);
        if (command == SetLeds) _leds = (byte)(value & 7);
        if (command != ScanCodeSet) return;
        if (value == 0) Queue(_scanCodeSet);
        else if (value <= 3) _scanCodeSet = value;
    }
}
