using Holon.Devices.State;

namespace Holon.Devices.Keyboard;

/// <summary>A standard PS/2 mouse, which answers commands and reports movements in three bytes.</summary>
internal sealed class Ps2Mouse : Ps2Device
{
    private const byte Scale1 = 0xE6, Scale2 = 0xE7, SetResolution = 0xE8, StatusRequest = 0xE9, StreamMode = 0xEA, ReadPacket = 0xEB, RemoteMode = 0xF0,
        Identify = 0xF2, SetRate = 0xF3, Enable = 0xF4, Disable = 0xF5, SetDefaults = 0xF6, ResetCommand = 0xFF;

    private byte _resolution = 2, _rate = 100, _buttons;
    private bool _remote, _scaled;

    public override void Reset()
    {
        base.Reset();
        SetToDefaults();
        _buttons = 0;
    }

    /// <summary>Queues a movement when the guest listens and there is room.</summary>
    /// <param name="right">To the right, clipped to what a packet holds.</param>
    /// <param name="up">Upwards, likewise.</param>
    /// <param name="buttons">Bit 0 left, 1 right, 2 middle.</param>
    public void Move(int right, int up, byte buttons)
    {
        _buttons = (byte)(buttons & 7);
        if (Reporting && !_remote && Room >= 3) QueuePacket(right, up);
    }

    public override void Save(DeviceStateWriter writer)
    {
        base.Save(writer);
        writer.WriteBytes([_resolution, _rate, _buttons]);
        writer.Write(_remote);
        writer.Write(_scaled);
    }

    public override void Load(DeviceStateReader reader)
    {
        base.Load(reader);
        _resolution = reader.ReadByte(3);
        _rate = reader.ReadByte();
        _buttons = reader.ReadByte(7);
        _remote = reader.ReadBoolean();
        _scaled = reader.ReadBoolean();
    }

    protected override void WriteCommand(byte command)
    {
        Queue(command is (>= Scale1 and <= ReadPacket) or RemoteMode or (>= Identify and <= SetDefaults) or ResetCommand ? Acknowledge : Resend);
        switch (command)
        {
            case ResetCommand:
                Reset();
                Queue(Acknowledge);
                Queue(SelfTestPassed);
                Queue(0);
                break;
            case Identify:
                Queue(0);
                break;
            case SetResolution or SetRate:
                PendingCommand = command;
                break;
            case Scale1 or Scale2:
                _scaled = command == Scale2;
                break;
            case StreamMode or RemoteMode:
                _remote = command == RemoteMode;
                break;
            case StatusRequest:
                Queue((byte)((_remote ? 0x40 : 0) | (Reporting ? 0x20 : 0) | (_scaled ? 0x10 : 0) | ((_buttons & 1) << 2) | ((_buttons & 2) >> 1) | ((_buttons & 4) >> 1)));
                Queue(_resolution);
                Queue(_rate);
                break;
            case ReadPacket:
                QueuePacket(0, 0);
                break;
            case Enable or Disable:
                Reporting = command == Enable;
                break;
            case SetDefaults:
                SetToDefaults();
                break;
        }
    }

    protected override void WriteParameter(byte command, byte value)
    {
        Queue(Acknowledge);
        if (command == SetRate) _rate = value;
        else _resolution = (byte)(value & 3);
    }

    private void SetToDefaults()
    {
        Reporting = _remote = _scaled = false;
        _resolution = 2;
        _rate = 100;
    }

    private void QueuePacket(int right, int up)
    {
        right = Math.Clamp(right, -255, 255);
        up = Math.Clamp(up, -255, 255);
        Queue((byte)(0x08 | _buttons | (right < 0 ? 0x10 : 0) | (up < 0 ? 0x20 : 0)));
        Queue((byte)right);
        Queue((byte)up);
    }
}
