using Holon.Devices.State;

namespace Holon.Devices.Keyboard;

/// <summary>What a keyboard and a mouse have in common: they take commands byte by byte and queue answers (IBM PS/2 Hardware Interface Technical Reference).</summary>
internal abstract class Ps2Device
{
    /// <summary>Bytes queued for the controller, as in the devices: a guest or user that sends more loses it.</summary>
    public const int QueueLength = 16;

    protected const byte Acknowledge = 0xFA, SelfTestPassed = 0xAA, Resend = 0xFE;

    private readonly byte[] _queue = new byte[QueueLength];
    private byte _head, _count, _lastSent;

    /// <summary>True when the device reports keys or movement.</summary>
    public bool Reporting { get; protected set; }

    /// <summary>Free places in the queue.</summary>
    public int Room => QueueLength - _count;

    /// <summary>The command whose parameter byte is awaited, 0 for none.</summary>
    protected byte PendingCommand { get; set; }

    /// <summary>Takes the next byte that the device has for the controller.</summary>
    public bool TryTake(out byte value)
    {
        value = _queue[_head];
        if (_count == 0) return false;
        _head = (byte)((_head + 1) % QueueLength);
        _count--;
        _lastSent = value;
        return true;
    }

    public void Queue(byte value)
    {
        if (_count < QueueLength) _queue[(_head + _count++) % QueueLength] = value;
    }

    /// <summary>A byte from the controller.</summary>
    public void Write(byte value)
    {
        if (PendingCommand != 0)
        {
            var command = PendingCommand;
            PendingCommand = 0;
            WriteParameter(command, value);
            return;
        }

        _head = _count = 0; // a command discards what was not yet sent
        if (value == Resend) Queue(_lastSent);
        else WriteCommand(value);
    }

    public virtual void Reset()
    {
        _head = _count = _lastSent = 0;
        PendingCommand = 0;
        Reporting = false;
    }

    public virtual void Save(DeviceStateWriter writer)
    {
        writer.WriteBytes(_queue);
        writer.WriteBytes([_head, _count, _lastSent, PendingCommand]);
        writer.Write(Reporting);
    }

    public virtual void Load(DeviceStateReader reader)
    {
        reader.ReadBytes(_queue);
        _head = reader.ReadByte(QueueLength - 1);
        _count = reader.ReadByte(QueueLength);
        _lastSent = reader.ReadByte();
        PendingCommand = reader.ReadByte();
        Reporting = reader.ReadBoolean();
    }

    protected abstract void WriteCommand(byte command);

    protected abstract void WriteParameter(byte command, byte value);
}
