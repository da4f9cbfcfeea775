using Holon.Devices.State;

namespace Holon.Devices.Serial;

/// <summary>What a snapshot keeps of a serial port.</summary>
public sealed partial class Uart16550
{
    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("uart16550", 1);
        writer.WriteBytes(_fifo);
        writer.WriteBytes([_fifoHead, _fifoCount, _interruptEnable, _lineControl, _modemControl, _scratch, _lineErrors, _modemStatus, _trigger]);
        writer.Write(_divisor);
        writer.Write(_fifoEnabled);
        writer.Write(_transmitterEmptyPending);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("uart16550", 1);
        reader.ReadBytes(_fifo);
        _fifoHead = reader.ReadByte(FifoDepth - 1);
        _fifoCount = reader.ReadByte(FifoDepth);
        _interruptEnable = reader.ReadByte(0x0F);
        _lineControl = reader.ReadByte();
        _modemControl = reader.ReadByte(0x1F);
        _scratch = reader.ReadByte();
        _lineErrors = (byte)(reader.ReadByte() & LineErrors);
        _modemStatus = reader.ReadByte();
        _trigger = reader.ReadByte(14);
        _divisor = reader.ReadUInt16();
        _fifoEnabled = reader.ReadBoolean();
        _transmitterEmptyPending = reader.ReadBoolean();
        reader.EndSection();
        _refused = true; // whoever sends may have bytes waiting
        UpdateInterrupt();
        OfferRoom();
    }
}
