using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Holon.SystemMachine.Boot.Xz;

/// <summary>LZMA's range decoder: turns bytes into bits, each decoded with its own adaptive probability.</summary>
internal ref struct RangeDecoder
{
    private const int ProbabilityBits = 11, AdaptationShift = 5, InitialLength = 5;
    private const uint Top = 1 << 24;

    private readonly ReadOnlySpan<byte> _input;
    private int _position;
    private uint _range, _code;

    /// <summary>Begins with five bytes, of which the first is zero.</summary>
    public RangeDecoder(ReadOnlySpan<byte> input)
    {
        if (input.Length < InitialLength || input[0] != 0) throw new InvalidDataException("LZMA data begins wrongly.");
        _input = input;
        _position = InitialLength;
        _range = uint.MaxValue;
        _code = BinaryPrimitives.ReadUInt32BigEndian(input[1..]);
    }

    /// <summary>Decodes a bit and adapts its probability.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Bit(ref ushort probability)
    {
        uint p = probability;
        var bound = (_range >> ProbabilityBits) * p;
        int bit;
        if (_code < bound)
        {
            _range = bound;
            probability = (ushort)(p + (((1 << ProbabilityBits) - p) >> AdaptationShift));
            bit = 0;
        }
        else
        {
            _range -= bound;
            _code -= bound;
            probability = (ushort)(p - (p >> AdaptationShift));
            bit = 1;
        }

        if (_range < Top) Normalize();
        return bit;
    }

    /// <summary>Decodes a number with a tree of probabilities, highest bit first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Tree(ref ushort model, int bits)
    {
        var symbol = 1;
        for (var i = 0; i < bits; i++) symbol = (symbol << 1) | Bit(ref Unsafe.Add(ref model, symbol));
        return symbol - (1 << bits);
    }

    /// <summary>Decodes a number with a tree of probabilities, lowest bit first. The model's first entry has number 1.</summary>
    public uint ReverseTree(ref ushort model, int bits)
    {
        int symbol = 1;
        uint result = 0;
        for (var i = 0; i < bits; i++)
        {
            var bit = Bit(ref Unsafe.Add(ref model, symbol));
            symbol = (symbol << 1) | bit;
            result |= (uint)bit << i;
        }

        return result;
    }

    /// <summary>Decodes bits that are zero or one with equal probability.</summary>
    public uint DirectBits(int count)
    {
        var result = 0u;
        for (; count > 0; count--)
        {
            _range >>= 1;
            var bit = _code >= _range ? 1u : 0;
            if (bit != 0) _code -= _range;
            result = (result << 1) | bit;
            if (_range < Top) Normalize();
        }

        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Normalize()
    {
        if ((uint)_position >= (uint)_input.Length) EndsEarly();
        _range <<= 8;
        _code = (_code << 8) | _input[_position++];
    }

    private static void EndsEarly() => throw new InvalidDataException("LZMA data ends early.");
}
