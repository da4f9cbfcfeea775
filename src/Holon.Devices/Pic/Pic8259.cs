using Holon.Devices.State;

namespace Holon.Devices.Pic;

/// <summary>
/// One Intel 8259A (data sheet 231468-003). Priorities are numbered 0, the highest, to 7, counted from the level behind the one
/// that currently has the lowest priority. Not thread-safe: <see cref="PicPair"/> guards it.
/// </summary>
/// <param name="isMaster">The master gets the slave's output on level 2.</param>
/// <param name="edgeOnly">Levels that ELCR cannot make level-triggered.</param>
internal sealed class Pic8259(bool isMaster, byte edgeOnly)
{
    private const int Cascade = 2;

    private byte _requests, _inService, _mask, _lines, _levelTriggered, _vectorBase, _cascadeSetting, _lowestPriority = 7;
    private byte _initialization; // the initialization command word expected next, 0 for none
    private bool _allLevelTriggered, _single, _needsWord4;
    private bool _automaticEoi, _rotateOnAutomaticEoi, _specialFullyNested, _specialMask, _poll, _readInService;

    /// <summary>The INT pin.</summary>
    public bool Output => PendingLevel() >= 0;

    /// <summary>The edge/level control register (82371SB §2.5.5).</summary>
    public byte LevelTriggered
    {
        get => _levelTriggered;
        set
        {
            _levelTriggered = (byte)(value & ~edgeOnly);
            _requests = (byte)((_requests & ~_levelTriggered) | (_lines & _levelTriggered));
        }
    }

    private byte LevelMask => _allLevelTriggered ? (byte)0xFF : _levelTriggered;

    public void Reset()
    {
        _requests = _inService = _mask = _levelTriggered = _vectorBase = _cascadeSetting = _initialization = 0;
        _lowestPriority = 7;
        _allLevelTriggered = _single = _needsWord4 = _automaticEoi = _rotateOnAutomaticEoi = false;
        _specialFullyNested = _specialMask = _poll = _readInService = false;
    }

    /// <summary>Drives an input. A request whose input goes low before it is acknowledged is forgotten ("Edge and level triggered modes").</summary>
    public void SetLine(int level, bool high)
    {
        var bit = (byte)(1 << level);
        var rising = high && (_lines & bit) == 0;
        _lines = high ? (byte)(_lines | bit) : (byte)(_lines & ~bit);
        if (!high) _requests &= (byte)~bit;
        else if (rising || (LevelMask & bit) != 0) _requests |= bit;
    }

    /// <summary>The interrupt acknowledge sequence.</summary>
    /// <returns>The level; 7 without setting it in service when the request went away ("default IR7").</returns>
    public int Acknowledge()
    {
        var level = PendingLevel();
        if (level < 0) return 7;
        var bit = (byte)(1 << level);
        if ((LevelMask & bit) == 0) _requests &= (byte)~bit;
        if (!_automaticEoi) _inService |= bit;
        else if (_rotateOnAutomaticEoi) _lowestPriority = (byte)level;
        return level;
    }

    /// <summary>The vector of a level.</summary>
    public int Vector(int level) => _vectorBase | level;

    public byte ReadCommand() => _poll ? Poll() : _readInService ? _inService : _requests;

    public byte ReadData() => _poll ? Poll() : _mask;

    public void WriteCommand(byte value)
    {
        if ((value & 0x10) != 0) WriteInitialization1(value);
        else if ((value & 0x08) != 0) WriteOperation3(value);
        else WriteOperation2(value);
    }

    public void WriteData(byte value)
    {
        switch (_initialization)
        {
            case 2:
                _vectorBase = (byte)(value & 0xF8);
                _initialization = _single ? _needsWord4 ? (byte)4 : (byte)0 : (byte)3;
                break;
            case 3:
                _cascadeSetting = value; // the wiring is fixed on a PC; kept because it is state
                _initialization = _needsWord4 ? (byte)4 : (byte)0;
                break;
            case 4:
                _automaticEoi = (value & 0x02) != 0;
                _specialFullyNested = (value & 0x10) != 0;
                _initialization = 0;
                break;
            default:
                _mask = value; // OCW1
                break;
        }
    }

    public void Save(DeviceStateWriter writer)
    {
        writer.WriteBytes([_requests, _inService, _mask, _lines, _levelTriggered, _vectorBase, _cascadeSetting, _lowestPriority, _initialization]);
        foreach (var flag in (ReadOnlySpan<bool>)[_allLevelTriggered, _single, _needsWord4, _automaticEoi, _rotateOnAutomaticEoi, _specialFullyNested, _specialMask, _poll, _readInService])
            writer.Write(flag);
    }

    public void Load(DeviceStateReader reader)
    {
        _requests = reader.ReadByte();
        _inService = reader.ReadByte();
        _mask = reader.ReadByte();
        _lines = reader.ReadByte();
        _levelTriggered = (byte)(reader.ReadByte() & ~edgeOnly);
        _vectorBase = (byte)(reader.ReadByte() & 0xF8);
        _cascadeSetting = reader.ReadByte();
        _lowestPriority = reader.ReadByte(7);
        _initialization = reader.ReadByte(4);
        _allLevelTriggered = reader.ReadBoolean();
        _single = reader.ReadBoolean();
        _needsWord4 = reader.ReadBoolean();
        _automaticEoi = reader.ReadBoolean();
        _rotateOnAutomaticEoi = reader.ReadBoolean();
        _specialFullyNested = reader.ReadBoolean();
        _specialMask = reader.ReadBoolean();
        _poll = reader.ReadBoolean();
        _readInService = reader.ReadBoolean();
    }

    private void WriteInitialization1(byte value)
    {
        _needsWord4 = (value & 0x01) != 0;
        _single = (value & 0x02) != 0;
        _allLevelTriggered = (value & 0x08) != 0;
        _initialization = 2;
        _mask = _inService = 0;
        _requests = (byte)(_lines & LevelMask); // the edge sense circuits are reset: an input must rise again
        _lowestPriority = 7;
        _specialMask = _readInService = _poll = false;
        if (!_needsWord4) _automaticEoi = _specialFullyNested = false;
        _rotateOnAutomaticEoi = false;
    }

    private void WriteOperation2(byte value)
    {
        var level = (byte)(value & 7);
        switch (value >> 5)
        {
            case 0b000 or 0b100: // rotate in automatic EOI mode: clear, set
                _rotateOnAutomaticEoi = (value & 0x80) != 0;
                break;
            case 0b001 or 0b101: // non-specific EOI, and with rotation
                var highest = HighestPriority(_specialMask ? (byte)(_inService & ~_mask) : _inService);
                if (highest < 0) break;
                _inService &= (byte)~(1 << highest);
                if ((value & 0x80) != 0) _lowestPriority = (byte)highest;
                break;
            case 0b011 or 0b111: // specific EOI, and with rotation
                _inService &= (byte)~(1 << level);
                if ((value & 0x80) != 0) _lowestPriority = level;
                break;
            case 0b110: // set priority
                _lowestPriority = level;
                break;
        }
    }

    private void WriteOperation3(byte value)
    {
        if ((value & 0x40) != 0) _specialMask = (value & 0x20) != 0;
        _poll = (value & 0x04) != 0;
        if ((value & 0x02) != 0) _readInService = (value & 0x01) != 0;
    }

    /// <summary>A poll is an acknowledge cycle without a vector; its word carries the level ("Poll command").</summary>
    private byte Poll()
    {
        _poll = false;
        return Output ? (byte)(0x80 | Acknowledge()) : (byte)0;
    }

    private int PendingLevel()
    {
        var requests = (byte)(_requests & ~_mask);
        if (requests == 0) return -1;

        var inService = _inService;
        if (_specialMask) inService &= (byte)~_mask; // a masked level in service no longer inhibits lower ones
        if (_specialFullyNested && isMaster) inService &= unchecked((byte)~(1 << Cascade)); // the slave may interrupt its own service
        var level = HighestPriority(requests);
        var serviced = HighestPriority(inService);
        return serviced < 0 || Priority(level) < Priority(serviced) ? level : -1;
    }

    private int Priority(int level) => (level - _lowestPriority - 1) & 7;

    private int HighestPriority(byte levels)
    {
        for (var priority = 0; priority < 8; priority++)
        {
            var level = (_lowestPriority + 1 + priority) & 7;
            if ((levels & (1 << level)) != 0) return level;
        }

        return -1;
    }
}
