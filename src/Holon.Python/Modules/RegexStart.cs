using System.Buffers;

namespace Holon.Python.Modules;

/// <summary>
/// What every match of an expression begins with, so that a search need not try where none can begin: a literal prefix, or a set of characters
/// for each of its first places. Worked out from the code once for a pattern.
/// </summary>
internal sealed class RegexStart
{
    private const int MaxPlaces = 8;
    private const int MaxInstructions = 500;
    private const int Block = 32;
    private readonly int[] code;

    // A bit for each of the first places where the character may stand; the last is for all characters from 256 on.
    private readonly byte[] places = [];
    private readonly int known;
    private int instructions;

    public RegexStart(int[] code)
    {
        this.code = code;
        var at = code is [(int)RegexOp.Info, _, ..] ? 1 + code[1] : 0;
        IsAnchored = BeginsWithAnchor(at);
        var prefix = Literals(at);
        if (prefix.Count > 0)
        {
            Prefix = [.. prefix];
            if (prefix.TrueForAll(c => c is >= 0 and <= char.MaxValue))
                Characters = [.. prefix.Select(c => (char)c)];
            if (prefix.TrueForAll(c => c is >= 0 and <= byte.MaxValue))
                Bytes = [.. prefix.Select(c => (byte)c)];
            return;
        }
        places = new byte[257];
        known = Collect(at, 0);
        if (known == 0)
            return;
        var members = new List<byte>();
        for (var c = 0; c < 256; c++)
        {
            if ((places[c] & 1) != 0)
                members.Add((byte)c);
        }
        // Other sets are no faster to look for than the loop over all characters.
        if (members.Count > 5 && members.Exists(c => c > 127))
            return;
        ByteValues = SearchValues.Create([.. members]);
        if ((places[256] & 1) == 0)
            CharacterValues = SearchValues.Create([.. members.Select(c => (char)c)]);
    }

    /// <summary>A match begins at the start of the text.</summary>
    public bool IsAnchored { get; }

    /// <summary>Something is known of how a match begins.</summary>
    public bool IsKnown => Prefix is not null || known > 0;

    /// <summary>The characters that a match begins with.</summary>
    public int[]? Prefix { get; }

    /// <summary>The same as UTF-16, or as bytes, where they can be that.</summary>
    public char[]? Characters { get; }

    public byte[]? Bytes { get; }

    /// <summary>The first characters, where they can be looked for quickly.</summary>
    public SearchValues<char>? CharacterValues { get; }

    public SearchValues<byte>? ByteValues { get; }

    /// <summary>The first place in a text where a match may begin, or -1; prefix and values are this object's, in the text's form.</summary>
    public int Next<TCharacter>(ReadOnlySpan<TCharacter> text, TCharacter[]? prefix, SearchValues<TCharacter>? values) where TCharacter : struct, IBinaryInteger<TCharacter>
    {
        if (Prefix is not null)
            return prefix is null ? -1 : text.IndexOf(prefix);
        var table = places;
        var goal = 1 << (known - 1);
        var (state, i) = (0, 0);
        while (i < text.Length)
        {
            // A bit of the state for each number of places that have fitted up to here.
            var (stop, begun) = (Math.Min(text.Length, i + Block), 0);
            for (; i < stop; i++)
            {
                state = (state << 1 | 1) & table[Math.Min(uint.CreateTruncating(text[i]), 256)];
                if ((state & goal) != 0)
                    return i - known + 1;
                begun |= state;
            }
            if ((begun & 1) != 0 || values is null)
                continue;
            var skip = text[i..].IndexOfAny(values);
            if (skip < 0)
                return -1;
            i += skip;
        }
        return -1;
    }

    // What stands before the first character without taking one: its length, or 0.
    private int SizeOfNothing(int pc) => (RegexOp)code[pc] switch
    {
        RegexOp.Mark or RegexOp.At => 2,
        RegexOp.Assert or RegexOp.AssertNot when code[pc + 1] > 0 => 1 + code[pc + 1],
        _ => 0,
    };

    private bool BeginsWithAnchor(int pc)
    {
        while (Inside(pc))
        {
            if (code[pc] == (int)RegexOp.At && code[pc + 1] is 0 or 2)
                return true;
            if (SizeOfNothing(pc) is var size && size == 0)
                return false;
            pc += size;
        }
        return false;
    }

    private List<int> Literals(int pc)
    {
        var prefix = new List<int>();
        while (Inside(pc))
        {
            if (code[pc] == (int)RegexOp.Literal)
            {
                prefix.Add(code[pc + 1]);
                pc += 2;
                continue;
            }
            if (SizeOfNothing(pc) is var size && size == 0)
                break;
            pc += size;
        }
        return prefix;
    }

    private bool Inside(int pc) => (uint)pc < (uint)code.Length - 1;

    /// <summary>Notes what may stand at the places from one on; gives the first place of which nothing is known.</summary>
    private int Collect(int pc, int place)
    {
        while (place < MaxPlaces && Inside(pc) && ++instructions < MaxInstructions)
        {
            if (SizeOfNothing(pc) is > 0 and var size)
            {
                pc += size;
                continue;
            }
            switch ((RegexOp)code[pc])
            {
                case RegexOp.Jump:
                    pc += 1 + code[pc + 1];
                    continue;
                case RegexOp.Branch:
                    {
                        var least = MaxPlaces;
                        for (pc++; Inside(pc) && code[pc] > 0; pc += code[pc])
                            least = Math.Min(least, Collect(pc + 1, place));
                        return least;
                    }
                case RegexOp.RepeatOne or RegexOp.MinRepeatOne or RegexOp.PossessiveRepeatOne when code[pc + 1] > 0 && Inside(pc + 4):
                    for (var i = 0; i < code[pc + 2] && place < MaxPlaces; i++)
                    {
                        if (!Note(pc + 4, place))
                            return place;
                        place++;
                    }
                    if (code[pc + 2] != code[pc + 3])
                        return place;
                    pc += 1 + code[pc + 1];
                    continue;
                case RegexOp.Repeat or RegexOp.PossessiveRepeat when code[pc + 2] > 0:
                    return Collect(pc + 4, place);
                case RegexOp.AtomicGroup:
                    return Collect(pc + 2, place);
                default:
                    if (!Note(pc, place))
                        return place;
                    place++;
                    pc += RegexProgram.Size(code, pc);
                    continue;
            }
        }
        return place;
    }

    // False: no instruction for one character.
    private bool Note(int pc, int place)
    {
        var bit = (byte)(1 << place);
        switch ((RegexOp)code[pc])
        {
            case RegexOp.Literal:
                places[Math.Min((uint)code[pc + 1], 256)] |= bit;
                return true;
            case RegexOp.In:
                Span<uint> map = stackalloc uint[8];
                if (RegexProgram.Map(code, pc + 2, map))
                    places[256] |= bit;
                for (var c = 0; c < 256; c++)
                {
                    if ((map[c >> 5] >> c & 1) != 0)
                        places[c] |= bit;
                }
                return true;
            case RegexOp.Any or RegexOp.AnyAll or RegexOp.NotLiteral or RegexOp.InIgnore or RegexOp.InUniIgnore or RegexOp.LiteralIgnore or RegexOp.LiteralUniIgnore
                or RegexOp.NotLiteralIgnore or RegexOp.NotLiteralUniIgnore or RegexOp.Category:
                places[256] |= bit;
                for (var c = 0; c < 256; c++)
                {
                    if (RegexProgram.One(code, pc, c))
                        places[c] |= bit;
                }
                return true;
            default:
                return false;
        }
    }
}
