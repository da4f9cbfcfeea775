using System.Buffers;

namespace Holon.Python.Modules;

/// <summary>
/// What every match of an expression begins with, so that a search need not try where none can begin: a literal prefix, or a set of first characters.
/// Worked out from the code once for a pattern.
/// </summary>
internal sealed class RegexStart
{
    private const int MaxNesting = 20;
    private readonly int[] code;
    private readonly bool[] first = new bool[256];

    public RegexStart(int[] code)
    {
        this.code = code;
        var at = code is [(int)RegexOp.Info, _, ..] ? 1 + code[1] : 0;
        var prefix = new List<int>();
        // Groups that only mark may stand between the characters.
        for (var pc = at; pc < code.Length; pc += 2)
        {
            if (code[pc] == (int)RegexOp.Literal)
                prefix.Add(code[pc + 1]);
            else if (code[pc] != (int)RegexOp.Mark)
                break;
        }
        if (prefix.Count > 0)
        {
            Prefix = [.. prefix];
            if (prefix.TrueForAll(c => c <= char.MaxValue))
                Characters = [.. prefix.Select(c => (char)c)];
            if (prefix.TrueForAll(c => c <= byte.MaxValue))
                Bytes = [.. prefix.Select(c => (byte)c)];
            return;
        }
        HasFirst = Collect(at, 0);
        if (!HasFirst)
            return;
        var members = Enumerable.Range(0, 256).Where(c => first[c]).ToArray();
        if (members.Length <= 16)
        {
            ByteValues = SearchValues.Create([.. members.Select(c => (byte)c)]);
            if (!OthersToo)
                CharacterValues = SearchValues.Create([.. members.Select(c => (char)c)]);
        }
    }

    /// <summary>The characters that a match begins with.</summary>
    public int[]? Prefix { get; }

    /// <summary>The same as UTF-16, or as bytes, where they can be that.</summary>
    public char[]? Characters { get; }

    public byte[]? Bytes { get; }

    /// <summary>A match begins with a character that <see cref="Admits"/>.</summary>
    public bool HasFirst { get; }

    /// <summary>The first characters, where they are few.</summary>
    public SearchValues<char>? CharacterValues { get; }

    public SearchValues<byte>? ByteValues { get; }

    /// <summary>Any character from 256 on may be the first.</summary>
    private bool OthersToo { get; set; }

    public bool Admits(int c) => (uint)c < 256 ? first[c] : OthersToo;

    /// <summary>The first place in a text where a match may begin, or -1; prefix and values are this object's, in the text's form.</summary>
    public int Next<TCharacter>(ReadOnlySpan<TCharacter> text, TCharacter[]? prefix, SearchValues<TCharacter>? values) where TCharacter : struct, IBinaryInteger<TCharacter>
    {
        if (Prefix is not null)
            return prefix is null ? -1 : text.IndexOf(prefix);
        if (values is not null)
            return text.IndexOfAny(values);
        for (var i = 0; i < text.Length; i++)
        {
            if (Admits(int.CreateTruncating(text[i])))
                return i;
        }
        return -1;
    }

    // False: a match may be empty, or begin with too much to tell.
    private bool Collect(int pc, int nesting)
    {
        if (nesting > MaxNesting)
            return false;
        while (pc >= 0 && pc < code.Length)
        {
            switch ((RegexOp)code[pc])
            {
                case RegexOp.Mark:
                    pc += 2;
                    continue;
                case RegexOp.Branch:
                    for (pc++; code[pc] != 0; pc += code[pc])
                    {
                        if (!Collect(pc + 1, nesting + 1))
                            return false;
                    }
                    return true;
                case RegexOp.RepeatOne or RegexOp.MinRepeatOne or RegexOp.PossessiveRepeatOne when code[pc + 2] > 0:
                case RegexOp.Repeat or RegexOp.PossessiveRepeat when code[pc + 2] > 0:
                    return Collect(pc + 4, nesting + 1);
                case RegexOp.AtomicGroup:
                    return Collect(pc + 2, nesting + 1);
                case RegexOp.Literal:
                    if (code[pc + 1] < 256)
                        first[code[pc + 1]] = true;
                    else
                        OthersToo = true;
                    return true;
                case RegexOp.In or RegexOp.InIgnore or RegexOp.InUniIgnore or RegexOp.LiteralIgnore or RegexOp.LiteralUniIgnore or RegexOp.NotLiteral or RegexOp.Category:
                    OthersToo = true;
                    var one = new RegexEngine<NarrowText>(new NarrowText(""), code, this, 0, 0, 0);
                    for (var c = 0; c < 256; c++)
                        first[c] |= one.One(pc, c);
                    return true;
                default:
                    return false;
            }
        }
        return false;
    }
}
