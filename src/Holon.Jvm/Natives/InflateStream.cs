namespace Holon.Jvm.Natives;

/// <summary>
/// Decompresses deflate data (RFC 1951), with zlib's frame (RFC 1950) unless raw, from as much input to as much output as there is.
/// It takes an input byte only when the next symbol needs it, so what follows the stream is never touched.
/// </summary>
internal sealed class InflateStream(bool raw)
{
    private enum State
    {
        Header, Dictionary, Block, StoredLength, Stored, TableSizes, CodeLengths, Lengths, LengthsRepeat, Symbol, LengthExtra, Distance, DistanceExtra, Copy, Check, Done,
    }

    private static readonly int[] LengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
    private static readonly int[] LengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    private static readonly int[] DistanceBase = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
    private static readonly byte[] CodeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    private static readonly HuffmanTable FixedLiterals = HuffmanTable.Build([.. Enumerable.Repeat((byte)8, 144), .. Enumerable.Repeat((byte)9, 112), .. Enumerable.Repeat((byte)7, 24), .. Enumerable.Repeat((byte)8, 8)])!;
    private static readonly HuffmanTable FixedDistances = HuffmanTable.Build([.. Enumerable.Repeat((byte)5, 30)])!;

    private readonly byte[] _window = new byte[32768];
    private readonly byte[] _lengths = new byte[320];
    private HuffmanTable _literals = FixedLiterals, _distances = FixedDistances, _codes = FixedDistances;
    private State _state = raw ? State.Block : State.Header;
    private ulong _bits;
    private int _count, _at, _history, _symbol, _length, _distance, _literalCount, _distanceCount, _codeCount, _index;
    private bool _last;

    public bool IsRaw => raw;

    public bool Finished => _state == State.Done;

    public bool NeedsDictionary => _state == State.Dictionary;

    /// <summary>Adler-32 of the output so far, or the wanted dictionary's.</summary>
    public int Adler { get; private set; } = 1;

    public void SetDictionary(ReadOnlySpan<byte> dictionary)
    {
        foreach (var b in dictionary) Put(b);
        if (_state == State.Dictionary) _state = State.Block;
        Adler = 1;
    }

    private void Put(byte b)
    {
        _window[_at] = b;
        _at = (_at + 1) & 32767;
        if (_history < 32768) _history++;
    }

    private bool Need(int bits, ReadOnlySpan<byte> input, ref int position)
    {
        while (_count < bits)
        {
            if (position == input.Length) return false;
            _bits |= (ulong)input[position++] << _count;
            _count += 8;
        }
        return true;
    }

    private int Take(int bits)
    {
        var value = (int)(_bits & ((1ul << bits) - 1));
        _bits >>= bits;
        _count -= bits;
        return value;
    }

    private int Decode(HuffmanTable table, ReadOnlySpan<byte> input, ref int position)
    {
        for (; ; )
        {
            var entry = table.Lookup(_bits);
            var size = entry & 15;
            if (size != 0 && size <= _count)
            {
                Take(size);
                return entry >> 4;
            }
            if (_count >= 15) throw new InvalidDataException("invalid code");
            if (position == input.Length) return -1;
            _bits |= (ulong)input[position++] << _count;
            _count += 8;
        }
    }

    /// <summary>Runs until the input is used up, the output full, or the stream at its end.</summary>
    /// <exception cref="InvalidDataException">The data is not deflate data; the message is zlib's.</exception>
    public void Run(ReadOnlySpan<byte> input, Span<byte> output, out int consumed, out int produced)
    {
        var position = 0;
        var written = 0;
        try
        {
            while (Step(input, ref position, output, ref written))
            {
            }
        }
        finally
        {
            if (!raw) Adler = _state == State.Dictionary ? Adler : Checksums.Adler32(Adler, output[..written]);
            consumed = position;
            produced = written;
        }
        if (_state == State.Done && !raw && _check != (uint)Adler && _checked)
        {
            throw new InvalidDataException("incorrect data check");
        }
    }

    private uint _check;
    private bool _checked;

    /// <summary>One step; false when it needs more input or output, or the stream is done.</summary>
    private bool Step(ReadOnlySpan<byte> input, ref int position, Span<byte> output, ref int written)
    {
        switch (_state)
        {
            case State.Header:
                if (!Need(16, input, ref position)) return false;
                int first = Take(8), second = Take(8);
                if ((first << 8 | second) % 31 != 0) throw new InvalidDataException("incorrect header check");
                if ((first & 15) != 8) throw new InvalidDataException("unknown compression method");
                _state = State.Block;
                if ((second & 0x20) == 0) return true;
                _index = 0;
                _state = State.Dictionary;
                if (!Need(32, input, ref position)) throw new InvalidDataException("incomplete dictionary check");
                Adler = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Take(32));
                return false;
            case State.Block:
                return StartBlock(input, ref position);
            case State.StoredLength:
                if (!Need(32, input, ref position)) return false;
                _length = Take(16);
                if (_length != (~Take(16) & 0xFFFF)) throw new InvalidDataException("invalid stored block lengths");
                _state = State.Stored;
                return true;
            case State.Stored:
                if (_length == 0)
                {
                    EndBlock();
                    return true;
                }
                if (written == output.Length || !Need(8, input, ref position)) return false;
                var stored = (byte)Take(8);
                output[written++] = stored;
                Put(stored);
                _length--;
                return true;
            case State.TableSizes:
                if (!Need(14, input, ref position)) return false;
                _literalCount = Take(5) + 257;
                _distanceCount = Take(5) + 1;
                _codeCount = Take(4) + 4;
                if (_literalCount > 286 || _distanceCount > 30) throw new InvalidDataException("too many length or distance symbols");
                Array.Clear(_lengths);
                _index = 0;
                _state = State.CodeLengths;
                return true;
            case State.CodeLengths:
                for (; _index < _codeCount; _index++)
                {
                    if (!Need(3, input, ref position)) return false;
                    _lengths[CodeOrder[_index]] = (byte)Take(3);
                }
                _codes = HuffmanTable.Build(_lengths.AsSpan(0, 19)) ?? throw new InvalidDataException("invalid code lengths set");
                Array.Clear(_lengths);
                _index = 0;
                _state = State.Lengths;
                return true;
            case State.Lengths or State.LengthsRepeat:
                return ReadLengths(input, ref position);
            case State.Check:
                if (!Need(32, input, ref position)) return false;
                _check = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((uint)(_bits & 0xFFFFFFFF));
                Take(32);
                _checked = true;
                _state = State.Done;
                return false;
            case State.Dictionary or State.Done:
                return false;
            default:
                return Symbols(input, ref position, output, ref written);
        }
    }

    private bool StartBlock(ReadOnlySpan<byte> input, ref int position)
    {
        if (_last)
        {
            Take(_count & 7); // the rest of the last byte
            _state = raw ? State.Done : State.Check;
            return !raw;
        }
        if (!Need(3, input, ref position)) return false;
        _last = Take(1) != 0;
        switch (Take(2))
        {
            case 0:
                Take(_count & 7);
                _state = State.StoredLength;
                return true;
            case 1:
                _literals = FixedLiterals;
                _distances = FixedDistances;
                _state = State.Symbol;
                return true;
            case 2:
                _state = State.TableSizes;
                return true;
            default:
                throw new InvalidDataException("invalid block type");
        }
    }

    private void EndBlock() => _state = State.Block;

    private bool ReadLengths(ReadOnlySpan<byte> input, ref int position)
    {
        var total = _literalCount + _distanceCount;
        while (_index < total)
        {
            if (_state == State.Lengths)
            {
                _symbol = Decode(_codes, input, ref position);
                if (_symbol < 0) return false;
                if (_symbol < 16)
                {
                    _lengths[_index++] = (byte)_symbol;
                    continue;
                }
                _state = State.LengthsRepeat;
            }
            var (bits, least) = _symbol switch
            {
                16 => (2, 3),
                17 => (3, 3),
                _ => (7, 11),
            };
            if (!Need(bits, input, ref position)) return false;
            var repeat = Take(bits) + least;
            if (_symbol == 16 && _index == 0 || _index + repeat > total) throw new InvalidDataException("invalid bit length repeat");
            var value = _symbol == 16 ? _lengths[_index - 1] : (byte)0;
            for (; repeat > 0; repeat--) _lengths[_index++] = value;
            _state = State.Lengths;
        }
        if (_lengths[256] == 0) throw new InvalidDataException("invalid code -- missing end-of-block");
        _literals = HuffmanTable.Build(_lengths.AsSpan(0, _literalCount)) ?? throw new InvalidDataException("invalid literal/lengths set");
        _distances = HuffmanTable.Build(_lengths.AsSpan(_literalCount, _distanceCount)) ?? throw new InvalidDataException("invalid distances set");
        _state = State.Symbol;
        return true;
    }

    private bool Symbols(ReadOnlySpan<byte> input, ref int position, Span<byte> output, ref int written)
    {
        for (; ; )
        {
            switch (_state)
            {
                case State.Symbol:
                    if (written == output.Length) return false;
                    _symbol = Decode(_literals, input, ref position);
                    if (_symbol < 0) return false;
                    if (_symbol < 256)
                    {
                        output[written++] = (byte)_symbol;
                        Put((byte)_symbol);
                        continue;
                    }
                    if (_symbol == 256)
                    {
                        EndBlock();
                        return true;
                    }
                    _symbol -= 257;
                    if (_symbol >= LengthBase.Length) throw new InvalidDataException("invalid literal/length code");
                    _state = State.LengthExtra;
                    continue;
                case State.LengthExtra:
                    if (!Need(LengthBits[_symbol], input, ref position)) return false;
                    _length = LengthBase[_symbol] + Take(LengthBits[_symbol]);
                    _state = State.Distance;
                    continue;
                case State.Distance:
                    _symbol = Decode(_distances, input, ref position);
                    if (_symbol < 0) return false;
                    if (_symbol >= 30) throw new InvalidDataException("invalid distance code");
                    _state = State.DistanceExtra;
                    continue;
                case State.DistanceExtra:
                    var extra = _symbol < 4 ? 0 : (_symbol >> 1) - 1;
                    if (!Need(extra, input, ref position)) return false;
                    _distance = DistanceBase[_symbol] + Take(extra);
                    if (_distance > _history) throw new InvalidDataException("invalid distance too far back");
                    _state = State.Copy;
                    continue;
                default:
                    for (; _length > 0; _length--)
                    {
                        if (written == output.Length) return false;
                        var b = _window[(_at - _distance) & 32767];
                        output[written++] = b;
                        Put(b);
                    }
                    _state = State.Symbol;
                    continue;
            }
        }
    }

    /// <summary>Canonical Huffman code as one table that the next bits index; an entry is symbol × 16 + length.</summary>
    private sealed class HuffmanTable(ushort[] entries)
    {
        private readonly ulong _mask = (ulong)entries.Length - 1;

        public int Lookup(ulong bits) => entries[bits & _mask];

        /// <summary>Null when more codes are asked for than there are.</summary>
        public static HuffmanTable? Build(ReadOnlySpan<byte> lengths)
        {
            Span<int> counts = stackalloc int[16];
            counts.Clear();
            var longest = 1;
            foreach (var length in lengths)
            {
                counts[length]++;
                longest = Math.Max(longest, length);
            }
            counts[0] = 0;
            Span<int> next = stackalloc int[17];
            var code = 0;
            for (var i = 1; i <= 15; i++)
            {
                code = (code + counts[i - 1]) << 1;
                next[i] = code;
                if (code + counts[i] > 1 << i) return null;
            }
            var entries = new ushort[1 << longest];
            for (var symbol = 0; symbol < lengths.Length; symbol++)
            {
                int length = lengths[symbol];
                if (length == 0) continue;
                var reversed = 0;
                for (int k = 0, c = next[length]++; k < length; k++, c >>= 1) reversed = reversed << 1 | c & 1;
                for (var i = reversed; i < entries.Length; i += 1 << length) entries[i] = (ushort)(symbol << 4 | length);
            }
            return new HuffmanTable(entries);
        }
    }
}
