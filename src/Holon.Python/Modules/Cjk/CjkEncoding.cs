namespace Holon.Python.Modules.Cjk;

/// <summary>What an encoder or decoder remembers between characters: eight bytes, as CPython shows them.</summary>
internal sealed class CjkState
{
    public ulong Bits { get; set; }

    public int this[int index]
    {
        get => (byte)(Bits >> (8 * index));
        set => Bits = Bits & ~(0xfful << (8 * index)) | (ulong)(byte)value << (8 * index);
    }
}

/// <summary>An encoding of several bytes a character: one character at a time, as CPython's <c>multibytecodec.h</c> has it.</summary>
internal abstract class CjkEncoding(string name)
{
    public string Name => name;

    public virtual void StartEncoding(CjkState state) => state.Bits = 0;

    public virtual void StartDecoding(CjkState state) => state.Bits = 0;

    /// <summary>Back to the first state, and the bytes that it takes.</summary>
    public virtual void EndEncoding(CjkState state, List<byte> result)
    {
    }

    public virtual void ResetDecoding(CjkState state)
    {
    }

    /// <summary>Writes the first character, or two that have one code. Gives how many; 0 when more must be seen, -1 when there is no code.</summary>
    public abstract int Encode(ReadOnlySpan<int> text, bool final, CjkState state, List<byte> result);

    /// <summary>Reads the first character. Gives how many bytes it took; 0 when more must be seen, -n when n bytes are none.</summary>
    public abstract int Decode(ReadOnlySpan<byte> data, CjkState state, PyStrBuilder result);

    protected static void Write(List<byte> result, int code)
    {
        if (code > 0xffff)
            result.Add((byte)(code >> 16));
        if (code > 0xff)
            result.Add((byte)(code >> 8));
        result.Add((byte)code);
    }

    protected static int Append(PyStrBuilder result, string? text, int size, int wrong = 1)
    {
        if (text is null)
            return -wrong;
        result.Append(PyStr.FromUtf16(text));
        return size;
    }

    /// <summary>The code of the first character, or of two of which <paramref name="code"/> knows one; 0 characters when the next has to be seen.</summary>
    protected static int Pair(CjkTable table, ReadOnlySpan<int> text, bool final, out int code)
    {
        code = -1;
        if (table.StartsPair(text[0]))
        {
            if (text.Length == 1 && !final)
                return 0;
            if (text.Length > 1 && (code = table.PairCode(text[0], text[1])) >= 0)
                return 2;
        }
        code = table.Code(text[0]);
        return code < 0 ? -1 : 1;
    }
}

/// <summary>Encodings whose codes stand in one table: a byte, or a first and a second one.</summary>
internal class TableEncoding(string name, string table) : CjkEncoding(name)
{
    protected CjkTable Table => field ??= CjkTable.Of(table);

    public override int Encode(ReadOnlySpan<int> text, bool final, CjkState state, List<byte> result)
    {
        var count = Pair(Table, text, final, out var code);
        if (count <= 0 && text[0] < 128)
            (count, code) = (1, text[0]);
        if (count > 0)
            Write(result, code);
        return count;
    }

    /// <summary>Whether a byte that is no character can be the first of two.</summary>
    protected virtual bool IsLead(int first) => true;

    public override int Decode(ReadOnlySpan<byte> data, CjkState state, PyStrBuilder result)
    {
        if (Table.Text(data[0]) is { } single)
            return Append(result, single, 1);
        if (data[0] < 128)
        {
            result.Append(data[0]);
            return 1;
        }
        if (!IsLead(data[0]))
            return -1;
        return data.Length < 2 ? 0 : Append(result, Table.Text(data[0] << 8 | data[1]), 2);
    }
}

/// <summary>Shift_JIS: the bytes of narrow katakana and some others are no first ones of two; <c>last</c> is the last that is.</summary>
internal sealed class ShiftJisEncoding(string name, string table, int last) : TableEncoding(name, table)
{
    protected override bool IsLead(int first) => (first is >= 0x81 and <= 0x9f or >= 0xe0) && first <= last;
}

/// <summary>EUC of JIS: 8E begins a narrow katakana, 8F a code of three bytes.</summary>
internal class EucJpEncoding(string name) : TableEncoding(name, "euc_jp")
{
    public override int Decode(ReadOnlySpan<byte> data, CjkState state, PyStrBuilder result)
    {
        if (data[0] != 0x8f)
            return base.Decode(data, state, result);
        return data.Length < 3 ? 0 : Append(result, Three(data[1], data[2]), 3);
    }

    protected virtual string? Three(int second, int third) => Table.Text(0x8f0000 | second << 8 | third);
}

/// <summary>EUC of JIS X 0213, whose two planes come from its Shift_JIS form; what they lack is of JIS X 0212.</summary>
internal sealed class EucJis0213Encoding(string name, string table) : EucJpEncoding(name)
{
    private JisX0213 Planes => field ??= new JisX0213(table);

    public override int Encode(ReadOnlySpan<int> text, bool final, CjkState state, List<byte> result)
    {
        if (text[0] < 128)
        {
            result.Add((byte)text[0]);
            return 1;
        }
        if (text[0] is 0xff3c or 0xff5e)
        {
            Write(result, text[0] == 0xff3c ? 0xa1c0 : 0xa2b2);
            return 1;
        }
        var count = Planes.Encode(text, final, out var plane, out var code);
        if (count > 0)
            Write(result, code | (plane == 2 ? 0x8f8080 : 0x8080));
        else if (count < 0 && !(text[0] is 0x7626 or 0x7e6b or 0x9b1c) && Table.Code(text[0]) is >= 0 and var other && (other > 0xffff || other >> 8 == 0x8e))
        {
            Write(result, other);
            return 1;
        }
        return count;
    }

    public override int Decode(ReadOnlySpan<byte> data, CjkState state, PyStrBuilder result)
    {
        if (data[0] < 128 || data[0] is 0x8e or 0x8f)
            return base.Decode(data, state, result);
        return data.Length < 2 ? 0 : Append(result, data[0] > 0xa0 && data[1] > 0xa0 ? Planes.Text(1, data[0] & 0x7f, data[1] & 0x7f) : null, 2);
    }

    protected override string? Three(int second, int third) => second > 0xa0 && third > 0xa0 ? Planes.Text(2, second & 0x7f, third & 0x7f) ?? base.Three(second, third) : null;
}

/// <summary>GB18030 has all of Unicode: what is not in its table has four bytes, in Unicode's order.</summary>
internal sealed class Gb18030Encoding() : TableEncoding("gb18030", "gb18030")
{
    private const int Planes = 189000; // 90308130, U+10000

    /// <summary>The characters of four bytes below U+10000, in the order of their codes.</summary>
    private List<int> Rest => field ??= [.. Enumerable.Range(0x80, 0x10000 - 0x80).Where(c => c is < 0xd800 or > 0xdfff && Table.Code(c) < 0 && c is < 0xe000 or > 0xe765)];

    public override int Encode(ReadOnlySpan<int> text, bool final, CjkState state, List<byte> result)
    {
        if (base.Encode(text, final, state, result) is > 0 and var count)
            return count;
        var place = text[0] >= 0x10000 ? Planes + text[0] - 0x10000 : Rest.BinarySearch(text[0]);
        if (place < 0)
            return -1;
        result.AddRange([(byte)(0x81 + place / 12600), (byte)(0x30 + place / 1260 % 10), (byte)(0x81 + place / 10 % 126), (byte)(0x30 + place % 10)]);
        return 1;
    }

    public override int Decode(ReadOnlySpan<byte> data, CjkState state, PyStrBuilder result)
    {
        if (data[0] < 128 || data.Length < 2 || data[1] is < 0x30 or > 0x39)
            return base.Decode(data, state, result);
        if (data.Length < 4)
            return 0;
        if (data[0] is < 0x81 or > 0xfe || data[2] is < 0x81 or > 0xfe || data[3] is < 0x30 or > 0x39)
            return -1;
        var place = ((data[0] - 0x81) * 10 + data[1] - 0x30) * 1260 + (data[2] - 0x81) * 10 + data[3] - 0x30;
        var character = place < Rest.Count ? Rest[place] : place is >= Planes and < Planes + 0x100000 ? 0x10000 + place - Planes : -1;
        if (character < 0)
            return -1;
        result.Append(character);
        return 4;
    }
}

/// <summary>EUC of KS X 1001. Syllables that it lacks are spelt: a filler and three letters, two bytes each.</summary>
internal sealed class EucKrEncoding() : TableEncoding("euc_kr", "euc_kr")
{
    private static ReadOnlySpan<byte> First => [0xa1, 0xa2, 0xa4, 0xa7, 0xa8, 0xa9, 0xb1, 0xb2, 0xb3, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe];

    private static ReadOnlySpan<byte> Last => [0xd4, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb1, 0xb2, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xba, 0xbb, 0xbc, 0xbd, 0xbe];

    public override int Encode(ReadOnlySpan<int> text, bool final, CjkState state, List<byte> result)
    {
        if (base.Encode(text, final, state, result) is not -1 and var count)
            return count;
        var syllable = text[0] - 0xac00;
        if (syllable is < 0 or >= 19 * 21 * 28)
            return -1;
        result.AddRange([0xa4, 0xd4, 0xa4, First[syllable / 588], 0xa4, (byte)(0xbf + syllable / 28 % 21), 0xa4, Last[syllable % 28]]);
        return 1;
    }

    public override int Decode(ReadOnlySpan<byte> data, CjkState state, PyStrBuilder result)
    {
        if (data.Length < 2 || data[0] != 0xa4 || data[1] != 0xd4)
            return base.Decode(data, state, result);
        if (data.Length < 8)
            return 0;
        var (first, vowel, last) = (First.IndexOf(data[3]), data[5] - 0xbf, Last.IndexOf(data[7]));
        if (data[2] != 0xa4 || data[4] != 0xa4 || data[6] != 0xa4 || first < 0 || vowel is < 0 or > 20 || last < 0)
            return -1;
        result.Append(0xac00 + (first * 21 + vowel) * 28 + last);
        return 8;
    }
}

/// <summary>HZ: GB 2312 in seven bits between <c>~{</c> and <c>~}</c>.</summary>
internal sealed class HzEncoding() : TableEncoding("hz", "gb2312")
{
    public override void EndEncoding(CjkState state, List<byte> result)
    {
        if (state[0] != 0)
            result.AddRange("~}"u8);
        state[0] = 0;
    }

    public override void ResetDecoding(CjkState state) => state[0] = 0;

    public override int Encode(ReadOnlySpan<int> text, bool final, CjkState state, List<byte> result)
    {
        if (text[0] < 128)
        {
            EndEncoding(state, result);
            result.Add((byte)text[0]);
            if (text[0] == '~')
                result.Add((byte)'~');
            return 1;
        }
        var code = Table.Code(text[0]);
        if (code < 0)
            return -1;
        if (state[0] == 0)
            result.AddRange("~{"u8);
        state[0] = 1;
        Write(result, code & 0x7f7f);
        return 1;
    }

    public override int Decode(ReadOnlySpan<byte> data, CjkState state, PyStrBuilder result)
    {
        if (data[0] == '~')
        {
            if (data.Length < 2)
                return 0;
            switch ((char)data[1], state[0])
            {
                case ('~', 0):
                    result.Append('~');
                    break;
                case ('\n', 0):
                    break;
                case ('{', 0):
                    state[0] = 1;
                    break;
                case ('}', 1):
                    state[0] = 0;
                    break;
                default:
                    return -1;
            }
            return 2;
        }
        if (data[0] >= 128)
            return -1;
        if (state[0] == 0)
        {
            result.Append(data[0]);
            return 1;
        }
        return data.Length < 2 ? 0 : Append(result, data[1] < 128 ? Table.Text(data[0] << 8 | data[1] | 0x8080) : null, 2);
    }
}
