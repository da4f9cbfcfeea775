using Holon.Devices.State;

namespace Holon.Devices.Pit;

/// <summary>
/// One counter of an Intel 8254 (data sheet 231164-005). Nothing ticks: count and output are computed from the time since the
/// counter was loaded, in periods of its input clock ("ticks").
/// </summary>
internal sealed class PitChannel
{
    private const byte LowByte = 1, HighByte = 2, BothBytes = 3;

    private byte _mode, _access = BothBytes, _writtenLow, _latchedStatus;
    private bool _decimal, _gate = true, _loaded, _triggered, _readHigh, _writeHigh, _statusLatched, _countLatched;
    private int _count = 0x10000, _reload = 0x10000; // what is being counted down from, and what comes next
    private ushort _latchedCount;
    private long _start; // tick at which the counter was loaded
    private long _held = -1; // ticks counted before the gate went low; negative while counting
    private long _reloadAt = -1; // tick at which a new count replaces the one of a periodic mode; negative for none

    public byte Mode => _mode;

    public bool Periodic => _mode is 2 or 3;

    /// <summary>The tick at which OUT next rises by itself, or -1.</summary>
    public long NextRise(long now)
    {
        Synchronize(now);
        if (!_loaded || _held >= 0) return -1;
        switch (_mode)
        {
            case 0 or 1 or 4 or 5:
                if (_mode is 1 or 5 && !_triggered) return -1;
                var rise = _start + _count + (_mode >= 4 ? 1 : 0);
                return now < rise ? rise : -1;
            default:
                return _reloadAt >= 0 ? _reloadAt : Time.Periodic.NextDeadline(now, _start, _count, Pit8254.MinimumTicks);
        }
    }

    /// <summary>The OUT pin.</summary>
    public bool Output(long now)
    {
        Synchronize(now);
        var elapsed = Elapsed(now);
        return _mode switch
        {
            0 => _loaded && elapsed >= _count,
            1 => !_triggered || elapsed >= _count,
            2 => !_loaded || _held >= 0 || elapsed % _count != _count - 1,
            3 => !_loaded || _held >= 0 || elapsed % _count < (_count + 1) / 2,
            4 => !_loaded || elapsed != _count,
            _ => !_triggered || elapsed != _count,
        };
    }

    public void Reset()
    {
        _mode = 0;
        _access = BothBytes;
        _decimal = _loaded = _triggered = _readHigh = _writeHigh = _statusLatched = _countLatched = false;
        _count = _reload = 0x10000;
        _held = _reloadAt = -1;
    }

    public void SetGate(bool gate, long now)
    {
        if (gate == _gate) return;
        Synchronize(now);
        var elapsed = Elapsed(now);
        _gate = gate;
        switch (_mode)
        {
            case 1 or 5:
                if (!gate || !_loaded) break;
                _triggered = true;
                _count = _reload;
                _start = now;
                break;
            case 2 or 3:
                if (gate && _reloadAt >= 0) _count = _reload;
                _reloadAt = -1;
                _start = now;
                _held = gate ? -1 : 0;
                break;
            default:
                _held = gate ? -1 : elapsed;
                if (gate) _start = now - elapsed;
                break;
        }
    }

    /// <summary>A control word for this counter that is not a latch command.</summary>
    public void WriteControl(byte value)
    {
        _access = (byte)((value >> 4) & 3);
        _mode = (byte)((value >> 1) & 7);
        if (_mode > 5) _mode -= 4; // the highest bit is ignored for modes 2 and 3
        _decimal = (value & 1) != 0;
        _loaded = _triggered = _readHigh = _writeHigh = _statusLatched = _countLatched = false;
        _held = _reloadAt = -1;
    }

    public void WriteCount(byte value, long now)
    {
        switch (_access)
        {
            case LowByte:
                Load(value, now);
                break;
            case HighByte:
                Load((ushort)(value << 8), now);
                break;
            default:
                if (_writeHigh)
                {
                    Load((ushort)((value << 8) | _writtenLow), now);
                }
                else
                {
                    _writtenLow = value;
                    if (_mode == 0) _loaded = false; // the first byte stops the counter and lowers OUT
                }

                _writeHigh = !_writeHigh;
                break;
        }
    }

    public byte Read(long now)
    {
        if (_statusLatched)
        {
            _statusLatched = false;
            return _latchedStatus;
        }

        var count = _countLatched ? _latchedCount : Current(now);
        var high = _access == HighByte || (_access == BothBytes && _readHigh);
        if (_access == BothBytes) _readHigh = !_readHigh;
        if (_access != BothBytes || high) _countLatched = false;
        return (byte)(high ? count >> 8 : count);
    }

    public void LatchCount(long now)
    {
        if (_countLatched) return; // held until it was read
        _latchedCount = Current(now);
        _countLatched = true;
    }

    public void LatchStatus(long now)
    {
        if (_statusLatched) return;
        var nullCount = !_loaded || _reloadAt >= 0;
        _latchedStatus = (byte)((Output(now) ? 0x80 : 0) | (nullCount ? 0x40 : 0) | (_access << 4) | (_mode << 1) | (_decimal ? 1 : 0));
        _statusLatched = true;
    }

    public void Save(DeviceStateWriter writer)
    {
        writer.WriteBytes([_mode, _access, _writtenLow, _latchedStatus]);
        foreach (var flag in (ReadOnlySpan<bool>)[_decimal, _gate, _loaded, _triggered, _readHigh, _writeHigh, _statusLatched, _countLatched]) writer.Write(flag);
        writer.Write(_count);
        writer.Write(_reload);
        writer.Write(_latchedCount);
        writer.Write(_start);
        writer.Write(_held);
        writer.Write(_reloadAt);
    }

    public void Load(DeviceStateReader reader, long now)
    {
        _mode = reader.ReadByte(5);
        _access = reader.ReadByte(BothBytes);
        _writtenLow = reader.ReadByte();
        _latchedStatus = reader.ReadByte();
        _decimal = reader.ReadBoolean();
        _gate = reader.ReadBoolean();
        _loaded = reader.ReadBoolean();
        _triggered = reader.ReadBoolean();
        _readHigh = reader.ReadBoolean();
        _writeHigh = reader.ReadBoolean();
        _statusLatched = reader.ReadBoolean();
        _countLatched = reader.ReadBoolean();
        _count = reader.ReadInt32(1, 0x10000);
        _reload = reader.ReadInt32(1, 0x10000);
        _latchedCount = reader.ReadUInt16();
        _start = Math.Min(reader.ReadInt64(), now);
        _held = reader.ReadInt64();
        _reloadAt = reader.ReadInt64();
        if (_start < 0 || _held > now || _reloadAt > now + 0x10000) throw reader.Damaged("a counter's time is out of range");
    }

    private static int FromDecimal(ushort value) => (value & 15) + (((value >> 4) & 15) * 10) + (((value >> 8) & 15) * 100) + ((value >> 12) * 1000);

    private static ushort ToDecimal(int value) => (ushort)((value % 10) | (value / 10 % 10 << 4) | (value / 100 % 10 << 8) | (value / 1000 % 10 << 12));

    private long Elapsed(long now) => _held >= 0 ? _held : now - _start;

    private void Load(ushort value, long now)
    {
        Synchronize(now);
        var modulus = _decimal ? 10_000 : 0x10000;
        var count = _decimal ? FromDecimal(value) % modulus : value;
        _reload = count == 0 ? modulus : count;
        if (Periodic && _loaded)
        {
            // It replaces the old count when that has run out ("writing a new count while counting does not affect the current sequence").
            if (_held < 0) _reloadAt = _start + ((((now - _start) / _count) + 1) * _count);
            else _count = _reload;
            return;
        }

        _loaded = true;
        if (_mode is 1 or 5) return; // these wait for the gate
        _count = _reload;
        _start = now;
        _held = _gate ? -1 : 0;
    }

    private void Synchronize(long now)
    {
        if (_reloadAt < 0 || now < _reloadAt) return;
        _start = _reloadAt;
        _count = _reload;
        _reloadAt = -1;
    }

    private ushort Current(long now)
    {
        Synchronize(now);
        var elapsed = _loaded && (_mode is not (1 or 5) || _triggered) ? Elapsed(now) : 0;
        var modulus = _decimal ? 10_000 : 0x10000;
        long value;
        switch (_mode)
        {
            case 2:
                value = _count - (elapsed % _count);
                break;
            case 3: // counts down by two, twice a period
                var half = (_count + 1) / 2;
                var position = elapsed % _count;
                value = (_count - (2 * (position < half ? position : position - half))) & ~1;
                break;
            default: // goes on below zero
                value = (_count - elapsed) % modulus;
                if (value < 0) value += modulus;
                break;
        }

        value %= modulus;
        return _decimal ? ToDecimal((int)value) : (ushort)value;
    }
}
