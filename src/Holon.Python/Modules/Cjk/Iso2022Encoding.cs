namespace Holon.Python.Modules.Cjk;

/// <summary>The two planes of JIS X 0213 by row and cell (21 to 7E), made from its Shift_JIS form.</summary>
internal sealed class JisX0213(string name)
{
    private readonly CjkTable table = CjkTable.Of(name);

    /// <summary>The rows of the second plane that Shift_JIS has, two for each first byte from F0.</summary>
    private static ReadOnlySpan<byte> SecondRows => [1, 8, 3, 4, 5, 12, 13, 14, 15, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94];

    public string? Text(int plane, int row, int cell)
    {
        switch (plane, row, cell)
        {
            case (1, 0x21, 0x40):
                return "\uff3c";
            case (1, 0x22, 0x32):
                return "\uff5e";
        }
        var place = plane == 1 ? row - 0x21 : SecondRows.IndexOf((byte)(row - 0x20));
        if (place < 0 || cell is < 0x21 or > 0x7e || row is < 0x21 or > 0x7e)
            return null;
        var first = plane == 2 ? 0xf0 + place / 2 : (place < 62 ? 0x81 : 0xc1) + place / 2;
        var second = place % 2 == 1 ? cell + 0x7e : cell + (cell < 0x60 ? 0x1f : 0x20);
        return table.Text(first << 8 | second);
    }

    /// <summary>The plane and code of the first character, or of two; as <see cref="CjkEncoding.Encode"/>.</summary>
    public int Encode(ReadOnlySpan<int> text, bool final, out int plane, out int code)
    {
        (plane, code) = (1, 0);
        if (table.StartsPair(text[0]) && text.Length == 1 && !final)
            return 0;
        var count = 2;
        var shifted = text.Length > 1 ? table.PairCode(text[0], text[1]) : -1;
        if (shifted < 0)
            (count, shifted) = (1, table.Code(text[0]));
        if (shifted < 0x100 || text[0] < 128)
            return -1;
        var (first, second) = (shifted >> 8, shifted & 0xff);
        plane = first < 0xf0 ? 1 : 2;
        var place = (first - (plane == 2 ? 0xf0 : first < 0xa0 ? 0x81 : 0xc1)) * 2 + (second > 0x9e ? 1 : 0);
        var cell = second > 0x9e ? second - 0x7e : second - (second < 0x7f ? 0x1f : 0x20);
        code = (plane == 1 ? place + 0x21 : SecondRows[place] + 0x20) << 8 | cell;
        return count;
    }
}

/// <summary>A set that escape sequences choose.</summary>
/// <param name="Mark">The last byte of its escape sequence; with 80 when its codes have two bytes.</param>
/// <param name="Group">The register that it is written by: G0, G1 or, only to be read, G2.</param>
/// <param name="Encode">As <see cref="CjkEncoding.Encode"/>, and the code.</param>
/// <param name="Decode">The characters of a code; null when there are none.</param>
internal sealed record CodedSet(int Mark, int Group, CodedSet.EncodeFn Encode, Func<int, int, string?> Decode)
{
    public delegate int EncodeFn(ReadOnlySpan<int> text, bool final, out int code);

    public int Width => Mark >= 0x80 ? 2 : 1;

    private static CodedSet Of(int mark, string table, int part, int group = 0)
    {
        return new CodedSet(mark | 0x80, group, Write, (row, cell) => row < 0x80 && cell < 0x80
            ? row == 0x21 && cell == 0x40 && mark is '@' or 'B' && part == 0 && table == "euc_jp" ? "\uff3c" : CjkTable.Of(table).Text(part | row << 8 | cell | 0x8080) : null);

        int Write(ReadOnlySpan<int> text, bool final, out int code)
        {
            code = CjkTable.Of(table).Code(text[0]);
            if (code < 0x8080 || code >> 16 != part >> 16 || code >> 8 == 0x8e)
                return -1;
            code &= 0x7f7f;
            return 1;
        }
    }

    private static CodedSet OfPlane(int mark, string table, int plane, bool onlyPairs = false)
    {
        return new CodedSet(mark | 0x80, 0, Write, (row, cell) => new JisX0213(table).Text(plane, row, cell));

        int Write(ReadOnlySpan<int> text, bool final, out int code)
        {
            var count = new JisX0213(table).Encode(text, final, out var found, out code);
            return found == plane && (!onlyPairs || count is 0 or 2) ? count : -1;
        }
    }

    private static int None(ReadOnlySpan<int> text, bool final, out int code)
    {
        code = 0;
        return -1;
    }

    private static int Roman(ReadOnlySpan<int> text, bool final, out int code)
    {
        code = text[0] switch { 0xa5 => 0x5c, 0x203e => 0x7e, _ => -1 };
        return code < 0 ? -1 : 1;
    }

    private static int Katakana(ReadOnlySpan<int> text, bool final, out int code)
    {
        code = text[0] - 0xff40;
        return text[0] is >= 0xff61 and <= 0xff9f ? 1 : -1;
    }

    /// <summary>ISO 8859-7's upper half from A0, as CPython has it; a space is no character.</summary>
    private const string Greek = "\u00a0\u2018\u2019\u00a3\u20ac\u20af\u00a6\u00a7\u00a8\u00a9\u037a\u00ab\u00ac\u00ad \u2015\u00b0\u00b1\u00b2\u00b3\u0384\u0385\u0386\u00b7\u0388\u0389\u038a\u00bb\u038c\u00bd\u038e\u038f";

    private static string? GreekCharacter(int code) => code switch
    {
        < 0xa0 => ((char)code).ToString(),
        0xae or 0xd2 or 0xff => null,
        < 0xc0 => Greek[code - 0xa0].ToString(),
        _ => ((char)(code - 0xa0 + 0x370)).ToString(),
    };

    public static readonly CodedSet JisX0208 = Of('B', "euc_jp", 0), JisX0208Old = Of('@', "euc_jp", 0), JisX0212 = Of('D', "euc_jp", 0x8f0000);
    public static readonly CodedSet KsX1001 = Of('C', "euc_kr", 0), KsX1001InG1 = Of('C', "euc_kr", 0, 1), Gb2312 = Of('A', "gb2312", 0);
    public static readonly CodedSet JisRoman = new('J', 0, Roman, (c, _) => c switch { 0x5c => "\u00a5", 0x7e => "\u203e", _ => ((char)c).ToString() });
    public static readonly CodedSet JisKatakana = new('I', 0, Katakana, (c, _) => c is >= 0x21 and <= 0x5f ? ((char)(c + 0xff40)).ToString() : null);
    public static readonly CodedSet JisX0213Of2000 = OfPlane('O', "jisx0213_2000", 1), JisX0213Pairs2000 = OfPlane('O', "jisx0213_2000", 1, true), JisX0213Second2000 = OfPlane('P', "jisx0213_2000", 2);
    public static readonly CodedSet JisX0213Of2004 = OfPlane('Q', "jisx0213_2004", 1), JisX0213Pairs2004 = OfPlane('Q', "jisx0213_2004", 1, true), JisX0213Second2004 = OfPlane('P', "jisx0213_2004", 2);
    public static readonly CodedSet Latin1 = new('A', 2, None, (c, _) => c < 128 ? ((char)(c + 128)).ToString() : null), Iso8859Greek = new('F', 2, None, (c, _) => GreekCharacter(c ^ 128));
}

/// <summary>ISO 2022 in seven bits: escape sequences choose sets of characters (RFC 1468, 1554, 1557, 2237).</summary>
internal sealed class Iso2022Encoding(string name, bool shifts, bool singleShift, bool longEscape, params CodedSet[] sets) : CjkEncoding(name)
{
    private const int Escape = 0x1b, ShiftOut = 0x0e, ShiftIn = 0x0f, AsciiMark = 'B', Flags = 4, Shifted = 1, Through = 2, LongestEscape = 16;

    public override void StartEncoding(CjkState state) => state.Bits = AsciiMark | AsciiMark << 8;

    public override void StartDecoding(CjkState state) => state.Bits = AsciiMark | AsciiMark << 8 | AsciiMark << 16;

    public override void ResetDecoding(CjkState state)
    {
        state[0] = AsciiMark;
        state[Flags] &= ~Shifted;
    }

    public override void EndEncoding(CjkState state, List<byte> result)
    {
        ShiftBack(state, result);
        ToAscii(state, result);
    }

    private static void ShiftBack(CjkState state, List<byte> result)
    {
        if ((state[Flags] & Shifted) == 0)
            return;
        result.Add(ShiftIn);
        state[Flags] &= ~Shifted;
    }

    private static void ToAscii(CjkState state, List<byte> result)
    {
        if (state[0] == AsciiMark)
            return;
        result.AddRange([Escape, (byte)'(', AsciiMark]);
        state[0] = AsciiMark;
    }

    public override int Encode(ReadOnlySpan<int> text, bool final, CjkState state, List<byte> result)
    {
        if (text[0] < 128)
        {
            ToAscii(state, result);
            ShiftBack(state, result);
            result.Add((byte)text[0]);
            return 1;
        }
        foreach (var set in sets)
        {
            var count = set.Encode(text, final, out var code);
            if (count == 0)
                return 0;
            if (count < 0)
                continue;
            if (set.Group == 0)
                ShiftBack(state, result);
            if (state[set.Group] != set.Mark)
            {
                result.Add(Escape);
                if (set.Width == 2)
                    result.Add((byte)'$');
                if (set.Width == 1 || set.Group == 1 || set.Mark != ('B' | 0x80))
                    result.Add(set.Group == 0 ? (byte)'(' : (byte)')');
                result.Add((byte)(set.Mark & 0x7f));
                state[set.Group] = set.Mark;
            }
            if (set.Group == 1 && (state[Flags] & Shifted) == 0)
            {
                result.Add(ShiftOut);
                state[Flags] |= Shifted;
            }
            Write(result, code);
            return count;
        }
        return -1;
    }

    public override int Decode(ReadOnlySpan<byte> data, CjkState state, PyStrBuilder result)
    {
        var first = data[0];
        if ((state[Flags] & Through) != 0)
        {
            if (first is >= (byte)'@' and <= (byte)'Z')
                state[Flags] &= ~Through;
            return Plain(first, result);
        }
        switch (first)
        {
            case Escape:
                if (data.Length < 2)
                    return 0;
                if ("()$.&".Contains((char)data[1]))
                    return Designate(data, state);
                if (singleShift && data[1] == 'N')
                    return data.Length < 3 ? 0 : Single(data[2], state, result);
                state[Flags] |= Through;
                return Plain(first, result);
            case ShiftIn when shifts:
                state[Flags] &= ~Shifted;
                return 1;
            case ShiftOut when shifts:
                state[Flags] |= Shifted;
                return 1;
            case (byte)'\n':
                state[Flags] &= ~Shifted;
                return Plain(first, result);
            case < 0x20:
                return Plain(first, result);
            case >= 0x80:
                return -1;
        }
        var mark = state[(state[Flags] & Shifted) != 0 ? 1 : 0];
        if (mark == AsciiMark)
            return Plain(first, result);
        if (Find(mark) is not { } set)
            return -1;
        return data.Length < set.Width ? 0 : Append(result, set.Decode(first, set.Width == 2 ? data[1] : 0), set.Width, set.Width);
    }

    private static int Plain(byte character, PyStrBuilder result)
    {
        result.Append(character);
        return 1;
    }

    private CodedSet? Find(int mark) => System.Array.Find(sets, s => s.Mark == mark);

    private int Designate(ReadOnlySpan<byte> data, CjkState state)
    {
        var length = 0;
        for (var i = 1; i < LongestEscape && length == 0; i++)
        {
            if (i >= data.Length)
                return 0;
            if (data[i] is >= (byte)'@' and <= (byte)'Z')
                length = i + 1;
            else if (longEscape && data[i] == '&' && i + 1 < data.Length && data[i + 1] == '@')
                i += 2;
        }
        var (mark, group) = (-1, 0);
        switch (length)
        {
            case 0:
                return -1;
            case 3 when data[1] == '$':
                mark = data[2] | 0x80;
                break;
            case 3:
                (mark, group) = (data[2], data[1] switch { (byte)'(' => 0, (byte)')' => 1, (byte)'.' when singleShift => 2, _ => -1 });
                break;
            case 4 when data[1] == '$':
                (mark, group) = (data[3] | 0x80, data[2] switch { (byte)'(' => 0, (byte)')' => 1, _ => -1 });
                break;
            case 6 when longEscape && data[..6].SequenceEqual("\u001b&@\u001b$B"u8):
                mark = 'B' | 0x80;
                break;
        }
        if (mark < 0 || group < 0 || (mark != AsciiMark && Find(mark) is null))
            return -length;
        state[group] = mark;
        return length;
    }

    /// <summary>A character of the set in G2, after ESC N.</summary>
    private int Single(byte code, CjkState state, PyStrBuilder result)
    {
        if (state[2] == AsciiMark)
            return code < 0x80 ? Plain(code, result) + 2 : -3;
        return Append(result, Find(state[2])?.Decode(code, 0), 3, 3);
    }
}
