using System.Runtime.CompilerServices;

namespace Holon.SystemMachine.Boot.Xz;

/// <summary>
/// The LZMA algorithm as its specification gives it (Igor Pavlov, "LZMA specification", public domain): a range coder over
/// adaptive bit probabilities, driving literals and matches. The output is its own dictionary, so nothing else is allocated
/// whatever the file claims.
/// </summary>
internal sealed class LzmaDecoder
{
    private const int States = 12, MaxPositionStates = 16, MinimumMatch = 2, LengthStates = 4;
    private const int FirstPositionModel = 4, EndPositionModel = 14, AlignBits = 4;
    private const ushort InitialProbability = 1024;

    // Probabilities lie in one array, each kind at its own base.
    private const int IsMatch = 0,
        IsRep = IsMatch + (States * MaxPositionStates),
        IsRepG0 = IsRep + States,
        IsRepG1 = IsRepG0 + States,
        IsRepG2 = IsRepG1 + States,
        IsRep0Long = IsRepG2 + States,
        PositionSlot = IsRep0Long + (States * MaxPositionStates),
        PositionSpecial = PositionSlot + (LengthStates * 64),
        PositionAlign = PositionSpecial + 128,
        MatchLength = PositionAlign + 16,
        RepLength = MatchLength + LengthModel,
        Literal = RepLength + LengthModel;

    // A length model: two choices, then 16 low and 16 middle trees of 3 bits, and a high tree of 8 bits.
    private const int LengthLow = 2, LengthMid = LengthLow + (MaxPositionStates * 8), LengthHigh = LengthMid + (MaxPositionStates * 8), LengthModel = LengthHigh + 256;

    private ushort[] _probabilities = [];
    private int _literalContextBits, _literalPositionMask, _positionMask;
    private int _state;
    private uint _rep0, _rep1, _rep2, _rep3;

    /// <summary>Where the output's dictionary begins: matches reach back no further.</summary>
    public int DictionaryStart { get; set; }

    /// <summary>Sets lc, lp and pb from their byte.</summary>
    /// <exception cref="InvalidDataException">The byte is out of range.</exception>
    public void SetProperties(byte properties)
    {
        if (properties >= 9 * 5 * 5) throw new InvalidDataException("LZMA properties are out of range.");
        var literalPositionBits = properties / 9 % 5;
        _literalContextBits = properties % 9;
        _literalPositionMask = (1 << literalPositionBits) - 1;
        _positionMask = (1 << (properties / 45)) - 1;
        var length = Literal + (0x300 << (_literalContextBits + literalPositionBits)); // at most 3 million entries
        if (_probabilities.Length != length) _probabilities = new ushort[length];
        ResetState();
    }

    /// <summary>Forgets all probabilities and recent distances.</summary>
    public void ResetState()
    {
        Array.Fill(_probabilities, InitialProbability);
        _state = 0;
        _rep0 = _rep1 = _rep2 = _rep3 = 0;
    }

    /// <summary>Unpacks until the output ends, or the end marker.</summary>
    /// <param name="input">The range coder's bytes.</param>
    /// <param name="output">The whole output; what lies before <paramref name="position"/> is the dictionary.</param>
    /// <param name="position">Where to go on.</param>
    /// <param name="end">Where to stop.</param>
    /// <returns>Where it stopped: <paramref name="end"/>, or earlier at an end marker.</returns>
    /// <exception cref="InvalidDataException">The data is damaged.</exception>
    public int Decode(ReadOnlySpan<byte> input, Span<byte> output, int position, int end)
    {
        output = output[..end];
        var coder = new RangeDecoder(input);
        ref var probabilities = ref _probabilities[0]; // indices below are bounded by the layout above
        var state = _state;
        uint rep0 = _rep0, rep1 = _rep1, rep2 = _rep2, rep3 = _rep3;
        while (position < end)
        {
            var positionState = position - DictionaryStart & _positionMask;
            if (coder.Bit(ref Unsafe.Add(ref probabilities, IsMatch + (state << 4) + positionState)) == 0)
            {
                output[position] = DecodeLiteral(ref coder, ref probabilities, output, position, state, rep0);
                position++;
                state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
                continue;
            }

            int length;
            if (coder.Bit(ref Unsafe.Add(ref probabilities, IsRep + state)) == 0)
            {
                (rep3, rep2, rep1) = (rep2, rep1, rep0);
                length = DecodeLength(ref coder, ref Unsafe.Add(ref probabilities, MatchLength), positionState);
                rep0 = DecodeDistance(ref coder, ref probabilities, length);
                state = state < 7 ? 7 : 10;
                if (rep0 == uint.MaxValue) break; // the end marker
            }
            else
            {
                if (coder.Bit(ref Unsafe.Add(ref probabilities, IsRepG0 + state)) == 0)
                {
                    if (coder.Bit(ref Unsafe.Add(ref probabilities, IsRep0Long + (state << 4) + positionState)) == 0)
                    {
                        state = state < 7 ? 9 : 11;
                        Copy(output, ref position, rep0, 1);
                        continue;
                    }
                }
                else if (coder.Bit(ref Unsafe.Add(ref probabilities, IsRepG1 + state)) == 0)
                {
                    (rep1, rep0) = (rep0, rep1);
                }
                else if (coder.Bit(ref Unsafe.Add(ref probabilities, IsRepG2 + state)) == 0)
                {
                    (rep2, rep1, rep0) = (rep1, rep0, rep2);
                }
                else
                {
                    (rep3, rep2, rep1, rep0) = (rep2, rep1, rep0, rep3);
                }

                length = DecodeLength(ref coder, ref Unsafe.Add(ref probabilities, RepLength), positionState);
                state = state < 7 ? 8 : 11;
            }

            Copy(output, ref position, rep0, length + MinimumMatch);
        }

        (_state, _rep0, _rep1, _rep2, _rep3) = (state, rep0, rep1, rep2, rep3);
        return position;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte DecodeLiteral(ref RangeDecoder coder, ref ushort probabilities, Span<byte> output, int position, int state, uint rep0)
    {
        var previous = position > DictionaryStart ? output[position - 1] : 0;
        var context = ((position - DictionaryStart & _literalPositionMask) << _literalContextBits) + (previous >> (8 - _literalContextBits));
        ref var model = ref Unsafe.Add(ref probabilities, Literal + (0x300 * context));
        var symbol = 1;
        if (state >= 7)
        {
            var offset = 0x100;
            int match = MatchByte(output, position, rep0);
            do
            {
                match <<= 1;
                var bit = coder.Bit(ref Unsafe.Add(ref model, offset + (match & offset) + symbol));
                symbol = (symbol << 1) | bit;
                offset &= bit != 0 ? match : ~match;
            }
            while (symbol < 0x100);
            return (byte)symbol;
        }

        do symbol = (symbol << 1) | coder.Bit(ref Unsafe.Add(ref model, symbol));
        while (symbol < 0x100);
        return (byte)symbol;
    }

    private byte MatchByte(Span<byte> output, int position, uint distance) =>
        distance < (uint)(position - DictionaryStart) ? output[position - (int)distance - 1] : throw BeforeDictionary();

    private void Copy(Span<byte> output, ref int position, uint distance, int length)
    {
        if (distance >= (uint)(position - DictionaryStart)) throw BeforeDictionary();
        if (length > output.Length - position) throw new InvalidDataException("An LZMA match goes beyond its chunk.");
        var from = position - (int)distance - 1;
        if (length <= distance + 1)
        {
            output.Slice(from, length).CopyTo(output[position..]);
        }
        else
        {
            var target = output.Slice(from, (int)distance + 1 + length); // the source overlaps what it makes: byte by byte
            for (var i = (int)distance + 1; i < target.Length; i++) target[i] = target[i - (int)distance - 1];
        }

        position += length;
    }

    private static int DecodeLength(ref RangeDecoder coder, ref ushort model, int positionState)
    {
        if (coder.Bit(ref model) == 0) return coder.Tree(ref Unsafe.Add(ref model, LengthLow + (positionState << 3)), 3);
        if (coder.Bit(ref Unsafe.Add(ref model, 1)) == 0) return 8 + coder.Tree(ref Unsafe.Add(ref model, LengthMid + (positionState << 3)), 3);
        return 16 + coder.Tree(ref Unsafe.Add(ref model, LengthHigh), 8);
    }

    private static uint DecodeDistance(ref RangeDecoder coder, ref ushort probabilities, int length)
    {
        var slot = (uint)coder.Tree(ref Unsafe.Add(ref probabilities, PositionSlot + (Math.Min(length, LengthStates - 1) << 6)), 6);
        if (slot < FirstPositionModel) return slot;
        var directBits = (int)(slot >> 1) - 1;
        var distance = (2 | (slot & 1)) << directBits;
        if (slot < EndPositionModel) return distance + coder.ReverseTree(ref Unsafe.Add(ref probabilities, PositionSpecial + (int)(distance - slot)), directBits);
        distance += coder.DirectBits(directBits - AlignBits) << AlignBits;
        return distance + coder.ReverseTree(ref Unsafe.Add(ref probabilities, PositionAlign), AlignBits);
    }

    private static InvalidDataException BeforeDictionary() => new("An LZMA match begins before its dictionary.");
}
