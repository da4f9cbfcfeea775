namespace Holon.Devices.Rtl8139;

/// <summary>The serial EEPROM that a card keeps its address in, as far as drivers read it (Atmel AT93C46 data sheet, 16-bit organization).</summary>
/// <remarks>Not thread-safe. Writing is not possible: no driver does, and the address is the specification's.</remarks>
internal sealed class Eeprom93C46
{
    private const int ReadOpcode = 0b110, CommandBits = 9, AddressBits = 6;

    private readonly ushort[] _words = new ushort[1 << AddressBits];
    private int _command, _bits;
    private uint _output; // what comes out next is bit 16
    private bool _clock;

    /// <summary>A word of the contents.</summary>
    public ushort this[int index]
    {
        get => _words[index];
        set => _words[index] = value;
    }

    /// <summary>The chip's output pin.</summary>
    public bool Output => (_output & 0x1_0000) != 0;

    /// <summary>Sets the three input pins.</summary>
    public void Drive(bool select, bool clock, bool data)
    {
        var rises = clock && !_clock;
        _clock = clock;
        if (!select)
        {
            (_command, _bits, _output) = (0, 0, 0);
            return;
        }

        if (!rises) return;
        if (_bits == CommandBits)
        {
            _output <<= 1;
            return;
        }

        if (_bits == 0 && !data) return; // a start bit begins a command
        _command = (_command << 1) | (data ? 1 : 0);
        if (++_bits == CommandBits && _command >> AddressBits == ReadOpcode) _output = _words[_command & ((1 << AddressBits) - 1)]; // bit 16 is the dummy zero
    }
}
