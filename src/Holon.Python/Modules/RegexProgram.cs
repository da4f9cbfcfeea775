namespace Holon.Python.Modules;

/// <summary>
/// An expression's code as the engine executes it. A set that is met for the first time becomes a bit map of the characters below 256, at the end
/// of the code; a copy of the set follows the map and tells of the other characters.
/// </summary>
internal sealed class RegexProgram(int[] code, int groups)
{
    private const int MapWords = 8;
    private static readonly uint[]?[] Categories = new uint[18][];
    private readonly int[] original = code;
    private RegexStart? begins;

    /// <summary>The code with the maps made so far. Arrays given out earlier stay valid: they lack the newer maps.</summary>
    public int[] Code { get; private set; } = code;

    public int Groups => groups;

    /// <summary>Worked out by the first search.</summary>
    public RegexStart Begins => begins ??= new RegexStart(original);

    /// <summary>The code in which the set at a place has its map.</summary>
    public int[] WithMap(int pc)
    {
        var old = Code;
        var op = (RegexOp)old[pc] switch
        {
            RegexOp.In => RegexOp.InMap,
            RegexOp.InIgnore => RegexOp.InIgnoreMap,
            RegexOp.InUniIgnore => RegexOp.InUniIgnoreMap,
            _ => RegexOp.Failure,
        };
        if (op == RegexOp.Failure)
            return old;
        var length = old[pc + 1] - 1;
        if (length <= 0 || length > old.Length - pc - 2)
            throw Err.Runtime("invalid SRE code");
        var made = new int[old.Length + MapWords + length];
        old.CopyTo(made, 0);
        Span<uint> map = stackalloc uint[MapWords];
        Map(old, pc + 2, map);
        System.Runtime.InteropServices.MemoryMarshal.Cast<uint, int>(map).CopyTo(made.AsSpan(old.Length));
        old.AsSpan(pc + 2, length).CopyTo(made.AsSpan(old.Length + MapWords));
        made[pc] = (int)op;
        made[pc + 2] = old.Length;
        return Code = made;
    }

    /// <summary>Whether the set whose map is at a place of the code has the character.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool InMap(int[] code, int map, int c) =>
        c < 256 ? (code[map + (c >> 5)] >> c & 1) != 0 : InSet(code, map + MapWords, c);

    /// <summary>The set's characters below 256 as bits. True: it may have others.</summary>
    public static bool Map(int[] code, int at, Span<uint> map)
    {
        Span<uint> decided = stackalloc uint[MapWords];
        Span<uint> item = stackalloc uint[MapWords];
        map.Clear();
        decided.Clear();
        var (result, others) = (true, false);
        while (true)
        {
            item.Clear();
            switch ((RegexOp)code[at])
            {
                case RegexOp.Failure:
                    for (var i = 0; i < MapWords && !result; i++)
                        map[i] |= ~decided[i];
                    return others || !result;
                case RegexOp.Negate:
                    result = !result;
                    at++;
                    continue;
                case RegexOp.Literal:
                    others |= !Add(item, code[at + 1], code[at + 1]);
                    at += 2;
                    break;
                case RegexOp.Range:
                    others |= !Add(item, code[at + 1], code[at + 2]);
                    at += 3;
                    break;
                case RegexOp.Category:
                    OfCategory(code[at + 1]).CopyTo(item);
                    others = true;
                    at += 2;
                    break;
                case RegexOp.Charset:
                    System.Runtime.InteropServices.MemoryMarshal.Cast<int, uint>(code.AsSpan(at + 1, MapWords)).CopyTo(item);
                    at += 1 + MapWords;
                    break;
                case RegexOp.BigCharset:
                    System.Runtime.InteropServices.MemoryMarshal.Cast<int, uint>(code.AsSpan(at + 2 + 64 + (code[at + 2] & 0xff) * MapWords, MapWords)).CopyTo(item);
                    others = true;
                    at += 2 + 64 + code[at + 1] * MapWords;
                    break;
                case RegexOp.RangeUniIgnore:
                    for (var c = 0; c < 256; c++)
                    {
                        if (InRangeUniIgnore(code, at, c))
                            item[c >> 5] |= 1u << c;
                    }
                    others = true;
                    at += 3;
                    break;
                default:
                    throw Err.Runtime("invalid SRE code");
            }
            for (var i = 0; i < MapWords; i++)
            {
                if (result)
                    map[i] |= item[i] & ~decided[i];
                decided[i] |= item[i];
            }
        }
    }

    // False: some characters are outside of the map.
    private static bool Add(Span<uint> map, int first, int last)
    {
        if ((uint)first > (uint)last)
            return true;
        for (var c = (uint)first; c <= (uint)last && c < 256; c++)
            map[(int)(c >> 5)] |= 1u << (int)c;
        return (uint)last < 256;
    }

    private static uint[] OfCategory(int category)
    {
        if ((uint)category >= (uint)Categories.Length)
            throw Err.Runtime("invalid SRE code");
        if (Categories[category] is { } known)
            return known;
        var map = new uint[MapWords];
        for (var c = 0; c < 256; c++)
        {
            if (SreModule.Category(category, c))
                map[c >> 5] |= 1u << c;
        }
        return Categories[category] = map;
    }

    /// <summary>Words of a one-character instruction.</summary>
    public static int Size(int[] code, int pc) => (RegexOp)code[pc] switch
    {
        RegexOp.Any or RegexOp.AnyAll => 1,
        RegexOp.In or RegexOp.InIgnore or RegexOp.InLocIgnore or RegexOp.InUniIgnore or RegexOp.InMap or RegexOp.InIgnoreMap or RegexOp.InUniIgnoreMap => 1 + code[pc + 1],
        _ => 2,
    };

    /// <summary>Whether a one-character instruction accepts the character.</summary>
    public static bool One(int[] code, int pc, int c)
    {
        switch ((RegexOp)code[pc])
        {
            case RegexOp.Literal:
                return c == code[pc + 1];
            case RegexOp.NotLiteral:
                return c != code[pc + 1];
            case RegexOp.Any:
                return c != '\n';
            case RegexOp.AnyAll:
                return true;
            case RegexOp.InMap:
                return InMap(code, code[pc + 2], c);
            case RegexOp.InIgnoreMap:
                return InMap(code, code[pc + 2], SreModule.AsciiLower(c));
            case RegexOp.InUniIgnoreMap:
                return InMap(code, code[pc + 2], UnicodeData.LowerChar(c));
            case RegexOp.In:
                return InSet(code, pc + 2, c);
            case RegexOp.InIgnore:
                return InSet(code, pc + 2, SreModule.AsciiLower(c));
            case RegexOp.InUniIgnore:
                return InSet(code, pc + 2, UnicodeData.LowerChar(c));
            case RegexOp.InLocIgnore:
                return InSet(code, pc + 2, c) || InSet(code, pc + 2, SreModule.AsciiLower(c)) || InSet(code, pc + 2, SreModule.AsciiUpper(c));
            case RegexOp.LiteralIgnore:
                return SreModule.AsciiLower(c) == code[pc + 1];
            case RegexOp.NotLiteralIgnore:
                return SreModule.AsciiLower(c) != code[pc + 1];
            case RegexOp.LiteralUniIgnore:
                return UnicodeData.LowerChar(c) == code[pc + 1];
            case RegexOp.NotLiteralUniIgnore:
                return UnicodeData.LowerChar(c) != code[pc + 1];
            case RegexOp.LiteralLocIgnore:
                return SreModule.AsciiLower(c) == SreModule.AsciiLower(code[pc + 1]);
            case RegexOp.NotLiteralLocIgnore:
                return SreModule.AsciiLower(c) != SreModule.AsciiLower(code[pc + 1]);
            case RegexOp.Category:
                return SreModule.Category(code[pc + 1], c);
            default:
                throw Err.Runtime("invalid SRE code");
        }
    }

    /// <summary>Whether the set that begins at a place has the character.</summary>
    public static bool InSet(int[] code, int at, int c)
    {
        var result = true;
        while (true)
        {
            switch ((RegexOp)code[at])
            {
                case RegexOp.Failure:
                    return !result;
                case RegexOp.Negate:
                    result = !result;
                    at++;
                    break;
                case RegexOp.Literal:
                    if (c == code[at + 1])
                        return result;
                    at += 2;
                    break;
                case RegexOp.Range:
                    if (c >= code[at + 1] && c <= code[at + 2])
                        return result;
                    at += 3;
                    break;
                case RegexOp.RangeUniIgnore:
                    if (InRangeUniIgnore(code, at, c))
                        return result;
                    at += 3;
                    break;
                case RegexOp.Category:
                    if (SreModule.Category(code[at + 1], c))
                        return result;
                    at += 2;
                    break;
                case RegexOp.Charset:
                    if (c < 256 && (code[at + 1 + (c >> 5)] >> (c & 31) & 1) != 0)
                        return result;
                    at += 9;
                    break;
                case RegexOp.BigCharset:
                    {
                        var blocks = code[at + 1];
                        if (c < 0x10000)
                        {
                            var block = code[at + 2 + (c >> 8 >> 2)] >> (8 * (c >> 8 & 3)) & 0xff;
                            if ((code[at + 2 + 64 + block * 8 + ((c & 255) >> 5)] >> (c & 31) & 1) != 0)
                                return result;
                        }
                        at += 2 + 64 + blocks * 8;
                        break;
                    }
                default:
                    throw Err.Runtime("invalid SRE code");
            }
        }
    }

    private static bool InRangeUniIgnore(int[] code, int at, int c) =>
        (c >= code[at + 1] && c <= code[at + 2]) || (UnicodeData.UpperChar(c) is var upper && upper >= code[at + 1] && upper <= code[at + 2]);
}
